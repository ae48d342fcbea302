"""What the model knows: orders, positions, markets and members, as plain records."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from tests.model import curve
from tests.model.curve import Terms

Figures = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """An order as the model reads it."""

    request_id: int
    user_id: int
    market: str
    side: str
    shares: int | None = None
    portion_bps: int | None = None
    limit_paise: int | None = None
    confirmed: bool = False

    @property
    def opens(self) -> bool:
        return self.side in ("buy", "short")

    @property
    def sign(self) -> int:
        """1 for a side that takes shares from the pool and pays, -1 for one that gives shares back."""
        return 1 if self.side in ("buy", "cover") else -1


@dataclass
class Holding:
    """A position: signed shares, what they were opened for, and what closing has brought."""

    shares: int = 0
    basis_paise: int = 0
    realised_paise: int = 0
    taxes_paise: int = 0


@dataclass
class Waiting:
    """An order that waits for a price: it fires when sold, taken with its sign, has reached its trigger."""

    stop_id: int
    request_id: int
    user_id: int
    market: str
    kind: str
    shares: int
    sign: int
    trigger_sold: int
    status: str = "armed"
    code: str | None = None

    def is_crossed(self, sold: int) -> bool:
        return self.sign * sold >= self.sign * self.trigger_sold

    @property
    def turn(self) -> tuple[int, int]:
        """Nearest first, then oldest."""
        return self.sign * self.trigger_sold, self.stop_id


@dataclass(frozen=True)
class Entry:
    """A row of the ledger, as far as it tells why it is there and what it did to the position."""

    sequence: int
    user_id: int
    side: str
    shares: int
    position_shares: int
    gross_paise: int
    cause: str
    stop_id: int | None = None
    set_off_by: int | None = None


@dataclass(frozen=True)
class Origin:
    """The order that has set off the stops which have their turns."""

    sequence: int
    user_id: int
    sign: int


@dataclass
class Pool:
    """A market: its terms and its state. `price_before_window` is its price at the start of the band's window.

    `halted_by` is the order behind the last halt, until the next may come; stops of `waiting_signs` have
    met the band in this batch.
    """

    label: str
    terms: Terms
    status: str = "open"
    sold: int = 0
    open_short_shares: int = 0
    pool_paise: int = 0
    price_before_window: int | None = None
    halt_is_over: bool = False
    halted_by: Origin | None = None
    has_just_reopened: bool = False
    waiting_signs: set[int] = field(default_factory=set)

    @property
    def remaining(self) -> int:
        return self.terms.total_shares_cap - self.sold

    @property
    def price_paise(self) -> int:
        return curve.price(self.terms, self.sold)

    @property
    def reference_paise(self) -> int:
        """The price that the band is measured from."""
        unsold = curve.price(self.terms, 0)
        return unsold if self.price_before_window is None else self.price_before_window


@dataclass
class Member:
    """A user: cash and collateral; by market the positions, the sign that a cool-down bars, the order that
    led to it, and how many shares of others' stops were set off by orders of which sign.
    """

    cash_paise: int
    status: str = "active"
    registered: bool = True
    reserved_paise: int = 0
    holdings: dict[str, Holding] = field(default_factory=dict)
    barred_signs: dict[str, int] = field(default_factory=dict)
    barred_by: dict[str, int] = field(default_factory=dict)
    set_off: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def buying_power(self) -> int:
        return self.cash_paise - self.reserved_paise

    def balance(self, market: str) -> Figures:
        """The figures that every answer ends with."""
        return {
            "position_shares": self.holdings.get(market, Holding()).shares,
            "cash_paise": self.cash_paise,
            "reserved_paise": self.reserved_paise,
            "buying_power_paise": self.buying_power,
        }


def after_fill(holding: Holding, signed_shares: int, gross_paise: int, tax_paise: int) -> Holding:
    """The position after a fill: opening adds its gross to the basis, closing releases its part of it."""
    after = replace(holding)
    after.shares += signed_shares
    after.taxes_paise += tax_paise
    if holding.shares * signed_shares >= 0:
        after.basis_paise += gross_paise
        return after
    part = Fraction(holding.basis_paise * abs(signed_shares), abs(holding.shares))
    released = int(part + Fraction(1, 2))  # Never negative, so cutting off rounds halves away from zero.
    after.basis_paise -= released
    after.realised_paise += gross_paise - released if holding.shares > 0 else released - gross_paise
    return after
