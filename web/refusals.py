"""What the page says when it does not do what was asked: the one place that turns errors into sentences."""

import math
from typing import Final

from exchange.errors import ExchangeError, ExchangeUnavailable, OutcomeUnknown, RequestRejected
from runtime.limits import Reason, Ruling
from web.discord_login import DiscordUnavailable

_STATUS: Final = {
    "token_unknown": 404,
    "token_used": 410,
    "token_expired": 410,
    "not_the_owner": 403,
    "user_banned": 403,
    "network_banned": 403,
}


class Refused(Exception):
    """The page does not do that: the status, and a code and a sentence for whoever asked."""

    def __init__(self, status: int, code: str, detail: str, *, wait_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.wait_seconds = wait_seconds


def malformed() -> Refused:
    """What nobody's page would send."""
    return Refused(400, "malformed", "That was not understood. Open the link from the chat again.")


def not_now(ruling: Ruling) -> Refused:
    """More looks or attempts than a limiter lets through, or a limiter that cannot count at the moment."""
    seconds = max(1, math.ceil(ruling.wait_seconds))
    if ruling.reason is Reason.AWAY:
        sentence = f"Nobody can sign up at this moment. Try again in {seconds} seconds; your link stays good."
        return Refused(503, "sign_ups_wait", sentence, wait_seconds=seconds)
    sentence = f"Too many tries from your network. Try again in {seconds} seconds; your link stays good."
    return Refused(429, "too_many_attempts", sentence, wait_seconds=seconds)


def refusal_of(error: Refused | ExchangeError | DiscordUnavailable) -> Refused:
    """An expected error as the page tells it."""
    match error:
        case Refused():
            return error
        case RequestRejected():
            return Refused(_STATUS.get(error.code, 409), error.code, error.detail)
        case OutcomeUnknown():
            sentence = (
                "No answer came, so it is not known whether you were signed up. In the chat, /register tells."
            )
            return Refused(503, "outcome_unknown", sentence)
        case ExchangeUnavailable():
            sentence = "The exchange could not be reached. Nothing was kept; try again in a minute."
            return Refused(503, "unavailable", sentence)
        case DiscordUnavailable():
            sentence = "Discord could not be asked who you are. Open the link from the chat again."
            return Refused(503, "discord_away", sentence)
        case _:
            return Refused(503, "busy", "The exchange is busy. Nothing was kept; try again in a moment.")
