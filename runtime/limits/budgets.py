"""What is limited, for whom, and how much of it: the rules, whoever counts."""

import enum
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from exchange.limits import RateLimits

MINUTE_SECONDS: Final = 60

SHORTEST_WAIT_SECONDS: Final = 0.001
"""A refusal never says that it would be admitted now."""


class Budget(enum.StrEnum):
    """What a member's action is counted as."""

    TRADES = "trades"
    READS = "reads"
    QUOTES = "quotes"
    SIGN_UPS = "sign_ups"
    MODERATION = "moderation"

    @property
    def waits(self) -> bool:
        """Whether it waits while Redis is away: what must not be done too often, and is in no hurry."""
        return self in (Budget.SIGN_UPS, Budget.MODERATION)


class Reason(enum.StrEnum):
    """Why an action is admitted or not."""

    ADMITTED = "admitted"
    MEMBER = "member"
    """Its member has used up their own budget."""
    NETWORK = "network"
    """The members on its network have together used up the network's."""
    AWAY = "away"
    """It is one that waits while Redis is away."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether an action is admitted, and if not, why and in how many seconds it would be."""

    reason: Reason = Reason.ADMITTED
    wait_seconds: float = 0.0

    @property
    def is_admitted(self) -> bool:
        """Whether the action may be done."""
        return self.reason is Reason.ADMITTED


ADMITTED: Final = Ruling()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts: a member by their id at the chat provider, and their network where it is known.

    Without a network there are limits by member only.
    """

    user: str
    network_key: bytes | None = None
    network_is_suspect: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """At most so many actions within any so many seconds."""

    places: int
    seconds: int = MINUTE_SECONDS


@dataclass(frozen=True, slots=True)
class Terms:
    """The windows in which an action needs a place: in each of its owner's, and in the network's if it has one.

    The network's does not matter as long as the owner has used fewer than `kept` places. `figures` are the windows
    as the script that judges them reads them.
    """

    budget: Budget
    own: tuple[Window, ...]
    network: Window
    kept: Window
    figures: bytes


@dataclass(slots=True)  # One is made for every action, and frozen it would take twice as long.
class Demand:
    """An action that needs a place, by the names of its owner and of their network, if it is known and counts."""

    terms: Terms
    exchange_id: int
    owner: str
    network: str | None = None


def demand_of(budget: Budget, exchange_id: int, caller: Caller, limits: RateLimits) -> Demand:
    """What an action needs under the settings of its exchange."""
    network = None
    if caller.network_key is not None and budget in (Budget.TRADES, Budget.SIGN_UPS):
        network = f"network:{caller.network_key.hex()}"
    terms = terms_of(budget, limits, network_is_suspect=caller.network_is_suspect)
    if budget is Budget.SIGN_UPS and network is not None:
        return Demand(terms, exchange_id, network)
    return Demand(terms, exchange_id, f"member:{caller.user}", network)


@lru_cache(maxsize=1_000)
def terms_of(budget: Budget, limits: RateLimits, *, network_is_suspect: bool) -> Terms:
    """The windows of a budget. Remembered, since many actions come under few settings."""
    own: tuple[Window, ...]
    network = kept = Window(0)
    match budget:
        case Budget.TRADES:
            # A burst is part of the minute: at most ten within any minute, and of these five within any ten seconds.
            own = (
                Window(limits.user_trades_per_minute),
                Window(limits.user_trade_burst, limits.user_trade_burst_seconds),
            )
            network = Window(
                limits.suspect_network_trades_per_minute
                if network_is_suspect
                else limits.network_trades_per_minute
            )
            kept = Window(limits.user_kept_trades_per_minute)
        case Budget.READS:
            own = (Window(limits.user_reads_per_minute),)
        case Budget.QUOTES:
            own = (Window(limits.user_quotes_per_minute),)
        case Budget.SIGN_UPS:
            own = (Window(limits.network_sign_ups_per_minute),)
        case Budget.MODERATION:
            own = (Window(limits.moderator_commands_per_minute),)
    figures = " ".join(f"{window.places}/{window.seconds}" for window in (network, kept, *own)).encode()
    return Terms(budget, own, network, kept, figures)
