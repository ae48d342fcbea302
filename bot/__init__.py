"""The Discord front of the exchange: it checks shapes, asks the exchange, and words the answer."""
