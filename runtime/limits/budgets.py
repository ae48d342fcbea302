"""What is limited, for whom, and how much of it: the rules, whoever counts."""

import enum
from dataclasses import dataclass
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
class Demand:
    """The windows in which an action needs a place: in each of its owner's, and in the network's if it has one.

    The network's does not matter as long as the owner has used fewer than `kept` places.
    """

    budget: Budget
    exchange_id: int
    owner: str
    windows: tuple[Window, ...]
    network: str | None = None
    network_window: Window = Window(0)
    kept: Window = Window(0)


def demand_of(budget: Budget, exchange_id: int, caller: Caller, limits: RateLimits) -> Demand:
    """What an action needs under the settings of its exchange."""
    member = f"member:{caller.user}"
    network = None if caller.network_key is None else f"network:{caller.network_key.hex()}"
    match budget:
        case Budget.TRADES:
            return _trade(exchange_id, member, network, limits, suspect=caller.network_is_suspect)
        case Budget.READS:
            return Demand(budget, exchange_id, member, (Window(limits.user_reads_per_minute),))
        case Budget.QUOTES:
            return Demand(budget, exchange_id, member, (Window(limits.user_quotes_per_minute),))
        case Budget.SIGN_UPS:
            return Demand(
                budget, exchange_id, network or member, (Window(limits.network_sign_ups_per_minute),)
            )
        case Budget.MODERATION:
            return Demand(budget, exchange_id, member, (Window(limits.moderator_commands_per_minute),))


def _trade(
    exchange_id: int, member: str, network: str | None, limits: RateLimits, *, suspect: bool
) -> Demand:
    """A burst is part of the minute: at most ten within any minute, and of these five within any ten seconds."""
    together = limits.suspect_network_trades_per_minute if suspect else limits.network_trades_per_minute
    return Demand(
        Budget.TRADES,
        exchange_id,
        member,
        (
            Window(limits.user_trades_per_minute),
            Window(limits.user_trade_burst, limits.user_trade_burst_seconds),
        ),
        network,
        Window(together),
        Window(limits.user_kept_trades_per_minute),
    )
