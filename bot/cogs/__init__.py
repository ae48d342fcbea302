"""The commands, one file for each group. A command reads what was typed, asks the exchange once, and answers."""
