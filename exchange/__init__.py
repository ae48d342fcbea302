"""The chat-agnostic exchange: one class, one method for each operation, all rules in SQL."""
