"""What can go wrong with an embedded server."""


class ServerError(Exception):
    """An embedded server could not be prepared, started, reached or stopped.

    The message is written for the person at the keyboard: what is wrong, and what can be done.
    """
