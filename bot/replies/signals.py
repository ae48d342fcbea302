"""Why accounts were tied together, in words and figures."""

from collections.abc import Callable
from typing import Final

from bot.replies.text import grouped, money, safe
from exchange.models import Json
from exchange.suspects import SignalKind

_MARKET_CHARACTERS: Final = 20
_MINUTE: Final = 60

TITLES: Final = {
    SignalKind.BURST: "Many sign-ups at once",
    SignalKind.WIDE_BURST: "Many sign-ups from neighbouring networks",
    SignalKind.CROWD: "Many members of one network",
    SignalKind.CONCERT: "Accounts that trade as one",
    SignalKind.TRANSFER: "Bonus that moves to one account",
}


def title(kind: str, cluster_id: int) -> str:
    """The title of a cluster, without markdown; a kind that is not known here has a general one."""
    known = TITLES[SignalKind(kind)] if kind in SignalKind.__members__.values() else "A suspicion"
    return f"{known} · {cluster_id}"


def reason(kind: str, detail: Json, accounts: int) -> str:
    """Why accounts were tied together, in a sentence with its figures."""
    words = _REASONS.get(kind)
    return f"{grouped(accounts)} accounts." if words is None else words(detail, grouped(accounts))


def _burst(detail: Json, accounts: str) -> str:
    return (
        f"**{accounts} identities** came from one network, more than {grouped(detail['threshold'])} within "
        f"{grouped(detail['seconds'])} seconds. The bonus of those who are new here waits until you decide."
    )


def _wide_burst(detail: Json, accounts: str) -> str:
    return (
        f"**{accounts} identities** came within {_span(detail['seconds'])} from {grouped(detail['networks'])} networks "
        f"of one IPv6 /{int(detail['width'])}, which is often one customer."
    )


def _crowd(detail: Json, accounts: str) -> str:
    where = (
        "one network"
        if detail["networks"] == 1
        else f"{grouped(detail['networks'])} networks of one IPv6 /{int(detail['width'])}"
    )
    return f"**{accounts} members** signed up from {where} within a day. A hostel or a mobile operator looks like this too."


def _concert(detail: Json, accounts: str) -> str:
    return (
        f"**{accounts} accounts** of one network traded the same side of the same markets within the same "
        f"{grouped(detail['moment_seconds'])} seconds, up to {grouped(detail['moments'])} times within an hour and at least half "
        "of the times they traded."
    )


def _transfer(detail: Json, _: str) -> str:
    return (
        f"**{grouped(detail['givers'])} new accounts** lost {money(detail['lost_paise'])} in "
        f"**{safe(str(detail['market']), _MARKET_CHARACTERS)}**. Within a minute of each of their trades one account traded the "
        f"other way; it gained {money(detail['gained_paise'])} there, before tax."
    )


def _span(seconds: int) -> str:
    if seconds and seconds % _MINUTE == 0:
        minutes = seconds // _MINUTE
        return f"{grouped(minutes)} {'minute' if minutes == 1 else 'minutes'}"
    return f"{grouped(seconds)} seconds"


_REASONS: Final[dict[str, Callable[[Json, str], str]]] = {
    SignalKind.BURST: _burst,
    SignalKind.WIDE_BURST: _wide_burst,
    SignalKind.CROWD: _crowd,
    SignalKind.CONCERT: _concert,
    SignalKind.TRANSFER: _transfer,
}
