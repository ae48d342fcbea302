"""What goes into the exchange and what comes out of it.

Money is in paise (100 paise are one coin), shares are whole, times are aware datetimes. Every
figure here was computed in SQL; these classes only carry it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, NamedTuple, Self

Json = dict[str, Any]


class Side(enum.StrEnum):
    """What an order does to a position: `buy` and `short` open it, `sell` and `cover` close it."""

    BUY = "buy"
    SELL = "sell"
    SHORT = "short"
    COVER = "cover"

    @property
    def pays(self) -> bool:
        """Whether its owner pays (buy, cover) rather than receives (sell, short)."""
        return self in (Side.BUY, Side.COVER)


class Status(enum.StrEnum):
    """How an order ended. `UNCONFIRMED` and `QUOTED` have changed nothing and are not recorded."""

    FILLED = "filled"
    REFUSED = "refused"
    UNCONFIRMED = "unconfirmed"
    QUOTED = "quoted"


class Refusal(enum.StrEnum):
    """Why an order was refused; `sql/README.md` says what each means and carries."""

    UNKNOWN_USER = "unknown_user"
    NOT_REGISTERED = "not_registered"
    USER_FROZEN = "user_frozen"
    USER_BANNED = "user_banned"
    UNKNOWN_MARKET = "unknown_market"
    MARKET_NOT_OPEN = "market_not_open"
    INVALID_SHARES = "invalid_shares"
    ORDER_TOO_LARGE = "order_too_large"
    POSITION_IS_SHORT = "position_is_short"
    POSITION_IS_LONG = "position_is_long"
    EXCEEDS_POSITION = "exceeds_position"
    MARKET_DRY = "market_dry"
    PRICE_BAND = "price_band"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    LIMIT_NOT_MET = "limit_not_met"
    COOLING_DOWN = "cooling_down"
    REQUEST_REUSED = "request_reused"


class FromJson:
    """Dataclasses that are read from a JSON document of the database."""

    __slots__ = ()

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Build the model from the keys it knows; keys that a newer database adds are passed over."""
        known = {item.name for item in fields(cls)}  # type: ignore[arg-type]  # every subclass is a dataclass
        return cls(**{key: value for key, value in document.items() if key in known})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who someone is where they chat: the provider, their id there, and the name they show.

    `created_at` is since when they have that id, `joined_at` since when they are in the community, where known.
    """

    provider: str
    provider_user_id: str
    display_name: str
    created_at: datetime | None = None
    joined_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """How much: either whole `shares`, or a `portion_bps` (1 to 10,000) of what is possible.

    A portion of an opening order is that part of the buying power; of a closing order, that part
    of the position. It is resolved in SQL, under the lock; `max` is a portion of 10,000.
    """

    shares: int | None = None
    portion_bps: int | None = None

    @classmethod
    def maximum(cls) -> Self:
        """All that is possible."""
        return cls(portion_bps=10_000)


@dataclass(frozen=True, slots=True)
class Order:
    """An order as a member gives it.

    `request_id` is the caller's own number for it (0 < id < 2**63): the same id again gives the
    first outcome again. `limit_paise` is the most a buyer pays, tax included, or the least a
    seller gets, tax deducted. `confirmed` says that the member has seen what the order does to
    the price; without it, an order that moves the price by more than the exchange's setting comes
    back `UNCONFIRMED` and has changed nothing.
    """

    request_id: int
    user_id: int
    market: str
    side: Side
    size: Size
    limit_paise: int | None = None
    confirmed: bool = False


class Outcome(NamedTuple):
    """What became of an order, or what a quoted one would become.

    For a fill, a quote and an unconfirmed order, the figures say what it does: `shares` traded,
    `gross_paise` by the curve, `tax_paise`, `total_paise` (paid by buy and cover, received by
    sell and short), `average_price_paise` a share, prices before and after, `impact_bps` (how far
    the price moves, in hundredths of a percent), and position (negative: short), cash, reserved
    and buying power afterwards. `worst_loss_paise` is the most that this order can lose: all that
    is paid for a buy; for a short the collateral minus what it brought; nothing for an order that
    closes. `realised_paise` is the profit a closing order realises, before tax.
    `protected_limit_paise` is the limit with which an unconfirmed order should be confirmed, so
    that it cannot fill much worse than it was shown.

    For a refusal, `code` says why; position, cash, reserved and buying power are as they are, the
    price is `price_before_paise`, `possible_shares` is the largest size that would have been
    taken (0: none), and where they are known `total_paise` is what the order would have cost or
    brought, and `worst_loss_paise` what it would have taken of the buying power.
    `wait_seconds` is how long the market stays halted or the owner's cool-down lasts.

    It is a named tuple because thousands are made each second, and a frozen dataclass costs ten times as much.
    """

    request_id: int
    status: Status
    market: str
    side: Side
    code: Refusal | None = None
    label: str | None = None
    asked_shares: int | None = None
    asked_bps: int | None = None
    limit_paise: int | None = None
    shares: int | None = None
    gross_paise: int | None = None
    tax_paise: int | None = None
    total_paise: int | None = None
    average_price_paise: int | None = None
    price_before_paise: int | None = None
    price_after_paise: int | None = None
    impact_bps: int | None = None
    worst_loss_paise: int | None = None
    realised_paise: int | None = None
    protected_limit_paise: int | None = None
    possible_shares: int | None = None
    position_shares: int | None = None
    cash_paise: int | None = None
    reserved_paise: int | None = None
    buying_power_paise: int | None = None
    sequence: int | None = None
    wait_seconds: int | None = None

    @property
    def confirmed_limit_paise(self) -> int | None:
        """The limit of an order that confirms this quote.

        A quote that no longer moves the price far has no protected limit; then it is the very total it shows.
        """
        return self.total_paise if self.protected_limit_paise is None else self.protected_limit_paise

    @classmethod
    def from_values(cls, values: Iterable[Any]) -> Self:
        """Read the composite type `betjee.order_outcome`, whose columns are these fields in order."""
        request_id, status, market, side, code, *figures = values
        refusal = None if code is None else Refusal(code)
        return cls(request_id, Status(status), market, Side(side), refusal, *figures)


@dataclass(frozen=True, slots=True)
class User(FromJson):
    """A member of an exchange, as the public sees it, and what they may do.

    `status` is `active`, `frozen` or `banned`. `registered` is whether they have signed up and
    may trade (a guild's owner is known before they do). `rank` is `owner`, `moderator` or None.
    """

    user_id: int
    display_name: str
    status: str
    registered: bool
    rank: str | None = None


@dataclass(frozen=True, slots=True)
class Market(FromJson):
    """A market as everyone sees it. `status` is `open`, `halted` or `settled`.

    `available_shares` is what can still be bought; `sold_shares` is negative when shorts outnumber
    buyers; `change_bps` is how far the price has moved within the last 24 hours. `halted_until` is
    when a halt ends by itself, None where a moderator ends it.
    """

    market: str
    label: str
    status: str
    price_paise: int
    change_bps: int
    sold_shares: int
    available_shares: int
    open_short_shares: int
    version: int
    halted_until: datetime | None = None

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read one market, whose halt may have an end."""
        end = document.get("halted_until")
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        return cls(**{**known, "halted_until": end and datetime.fromisoformat(end)})


@dataclass(frozen=True, slots=True)
class Position(FromJson):
    """What a member holds in one market (`shares` negative: short).

    `average_cost_paise` is a share's, before tax; `liquidation_paise` is what closing it now would
    bring after tax (negative for a short, whose closing costs); profits are before tax;
    `taxes_paise` is all the tax paid in this market; `waiting_orders` is how many stop-losses and
    take-profits wait there.
    """

    market: str
    label: str
    shares: int
    average_cost_paise: int
    mark_price_paise: int
    liquidation_paise: int
    unrealised_paise: int
    realised_paise: int
    taxes_paise: int
    reserved_paise: int
    waiting_orders: int = 0


@dataclass(frozen=True, slots=True)
class Portfolio:
    """All that a member has. Net worth is at liquidation value: cash plus what closing every
    position now would really bring, not price × shares. `withheld_paise` is a bonus that waits for a
    moderator's look.
    """

    user_id: int
    display_name: str
    cash_paise: int
    reserved_paise: int
    buying_power_paise: int
    net_worth_paise: int
    unrealised_paise: int
    realised_paise: int
    taxes_paise: int
    granted_paise: int
    positions: tuple[Position, ...]
    withheld_paise: int = 0

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read the portfolio and its positions, closed ones (0 shares) included."""
        positions = tuple(Position.from_json(item) for item in document["positions"])
        return cls(**{**document, "positions": positions})


@dataclass(frozen=True, slots=True)
class Setting(FromJson):
    """Something that moderators can set: its value, default and bounds, in `unit`.

    `kind` is `integer`, `decimal`, `boolean`, `choice`, `time` (of day, or off) or `offset` (from UTC);
    `new_markets_only` is true of a market's terms, which are copied when the market is created and never
    change afterwards.
    """

    name: str
    kind: str
    unit: str
    description: str
    value: str
    default_value: str
    minimum: str | None = None
    maximum: str | None = None
    choices: list[str] = field(default_factory=list)
    new_markets_only: bool = False


@dataclass(frozen=True, slots=True)
class SettingChange(FromJson):
    """A recorded change of a setting, in its `unit`; `new_markets_only` as of `Setting`."""

    name: str
    old_value: str
    new_value: str
    unit: str = ""
    new_markets_only: bool = False


@dataclass(frozen=True, slots=True)
class Moderator(FromJson):
    """A moderator of an exchange; `rank` is `owner` or `moderator`."""

    user_id: int
    display_name: str
    provider: str
    provider_user_id: str
    rank: str


@dataclass(frozen=True, slots=True)
class Report:
    """A member's feedback to the moderators."""

    report_id: int
    display_name: str
    text: str
    reported_at: datetime

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read one report."""
        moment = datetime.fromisoformat(document["reported_at"])
        return cls(**{**document, "reported_at": moment})


@dataclass(frozen=True, slots=True)
class Preferences(FromJson):
    """Settings of an exchange that its front end needs before it shows a reply."""

    public_fills: bool
    confirm_impact_bps: int
