"""What can go wrong between a caller and the exchange.

A refused order is not an error: it is an outcome with figures. What stands here are the cases in
which there is no outcome, and each class's docstring is the message for people who operate the
exchange.
"""

from collections.abc import Mapping
from typing import Any


class ExchangeError(Exception):
    """Something went wrong between the caller and the exchange."""

    def __init__(self, detail: str = "") -> None:
        meaning = (type(self).__doc__ or "").strip()
        super().__init__(f"{meaning} {detail}".strip())


class ExchangeUnavailable(ExchangeError):
    """The database could not be reached, and nothing was sent to it, so nothing has changed."""


class OutcomeUnknown(ExchangeError):
    """The request was sent and no answer came: ask again with the same request id."""

    def __init__(self, request_id: int, detail: str = "") -> None:
        super().__init__(detail)
        self.request_id = request_id


class ExchangeBusy(ExchangeError):
    """More orders are waiting than the exchange takes; this one was not sent, so try again."""


class RequestRejected(ExchangeError):
    """The request was malformed or its sender has no right to it; nothing has changed."""

    def __init__(self, code: str, detail: str = "", figures: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        # What was asked and what is possible, where the exchange says so.
        self.figures = dict(figures or {})


class MigrationError(ExchangeError):
    """The database's shapes do not fit this version of the program."""


class OtherHashKey(ExchangeError):
    """The key of the hashes is not the one by which this database knows who is banned and who had the bonus."""


class QuestionRefused(ExchangeError):
    """That cannot be asked of this database."""
