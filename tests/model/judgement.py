"""How the model judges one order: the refusals in their order, the size, the figures."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.model import curve
from tests.model.state import Ask, Figures, Holding, Member, Pool, after_fill

LARGEST_SHARES = 10_000_000


@dataclass(frozen=True)
class Rules:
    """The settings of an exchange that orders are judged by."""

    max_order_shares: int = 1_000
    band_bps: int = 3_000
    confirm_impact_bps: int = 500
    confirm_slippage_bps: int = 100
    cooldown_share_bps: int = 100
    max_armed_stops: int = 20
    wipe_undo_seconds: int = 600


class Judgement:
    """One order of one member in one market, at this moment."""

    def __init__(
        self, rules: Rules, member: Member | None, pool: Pool | None, ask: Ask, *, cools: bool = True
    ) -> None:
        self.rules, self.member, self.pool, self.ask, self.cools = rules, member, pool, ask, cools
        self.holding = member.holdings.get(ask.market, Holding()) if member else Holding()

    def decide(self) -> Figures:
        """The figures of a fill, of an order that wants confirming, or of a refusal."""
        barred = self._barred()
        if barred:
            possible = self._largest(self._member.buying_power) if barred == "exceeds_position" else 0
            return self._market_figures() | self._refusal(barred, possible)
        shares, spendable = self._size()
        code = self._broken_rule(shares, spendable) or self._shortfall(shares)
        figures = self._market_figures() | self._price_figures(shares)
        if code:
            return figures | self._refusal(code, self._largest(self._member.buying_power))
        figures |= self._fill_figures(shares, figures)
        if figures["impact_bps"] <= self.rules.confirm_impact_bps or self.ask.confirmed:
            return figures | {"status": "filled"}
        return figures | {"status": "unconfirmed", "protected_limit_paise": self._protected_limit(figures)}

    @property
    def _member(self) -> Member:
        assert self.member is not None
        return self.member

    @property
    def _pool(self) -> Pool:
        assert self.pool is not None
        return self.pool

    def _barred(self) -> str | None:
        """Why the order is refused whatever its size."""
        return (
            self._barred_member() or self._barred_market() or self._barred_size() or self._barred_position()
        )

    def _barred_member(self) -> str | None:
        if self.member is None or self.member.status == "deleted":
            return "unknown_user"
        if not self.member.registered:
            return "not_registered"
        return None if self.member.status == "active" else f"user_{self.member.status}"

    def _barred_market(self) -> str | None:
        if self.pool is None:
            return "unknown_market"
        if self.pool.status != "open":
            return "market_not_open"
        cooling = self.cools and self._member.barred_signs.get(self.ask.market) == self.ask.sign
        return "cooling_down" if cooling else None

    def _barred_size(self) -> str | None:
        shares, portion = self.ask.shares, self.ask.portion_bps
        if portion is None and shares is not None and 1 <= shares <= LARGEST_SHARES:
            return None
        if shares is None and portion is not None and 1 <= portion <= 10_000:
            return None
        return "invalid_shares"

    def _barred_position(self) -> str | None:
        ask, held = self.ask, self.holding.shares
        if ask.side in ("buy", "sell") and held < 0:
            return "position_is_short"
        if ask.side in ("short", "cover") and held > 0:
            return "position_is_long"
        return "exceeds_position" if not ask.opens and (ask.shares or 1) > abs(held) else None

    def _size(self) -> tuple[int, int]:
        """The shares that the order means, and what it may spend of the buying power."""
        buying_power, portion = self._member.buying_power, self.ask.portion_bps
        if portion is None:
            assert self.ask.shares is not None
            return self.ask.shares, buying_power
        if self.ask.opens:
            spendable = buying_power * portion // 10_000
            return max(1, self._largest(spendable)), spendable
        return max(1, abs(self.holding.shares) * portion // 10_000), buying_power

    def _price_figures(self, shares: int) -> Figures:
        pool, sign = self._pool, self.ask.sign
        gross = curve.gross(pool.terms, pool.sold, sign * shares)
        tax = curve.tax(pool.terms, gross)
        before, after = pool.price_paise, curve.price(pool.terms, pool.sold + sign * shares)
        return {
            "gross_paise": gross,
            "tax_paise": tax,
            "total_paise": gross + sign * tax,
            "price_after_paise": after,
            "impact_bps": curve.ceil_div(abs(after - before) * 10_000, before),
            "worst_loss_paise": self._takes(shares, gross + sign * tax),
        }

    def _consumption(self, shares: int) -> int:
        """How much buying power the order takes; closing takes none."""
        return self._takes(shares, self._total(shares))

    def _takes(self, shares: int, total: int) -> int:
        if self.ask.side == "buy":
            return total
        return shares * self._pool.terms.collateral_paise - total if self.ask.side == "short" else 0

    def _total(self, shares: int) -> int:
        total: int = self._price_figures(shares)["total_paise"]
        return total

    def _broken_rule(self, shares: int, spendable: int) -> str | None:
        """The first rule that so many shares break, of those that a smaller order breaks less."""
        pool, ask, rules = self._pool, self.ask, self.rules
        left = pool.remaining - shares - pool.open_short_shares
        after = curve.price(pool.terms, pool.sold + ask.sign * shares) * 10_000
        one_closes = (
            shares == 1 and not ask.opens and ask.sign * (pool.price_paise - pool.reference_paise) <= 0
        )
        limit = ask.limit_paise
        broken = {
            "order_too_large": ask.opens and shares > rules.max_order_shares,
            "market_dry": ask.side == "buy" and left < pool.terms.min_market_shares,
            "insufficient_funds": self._consumption(shares) > spendable,
            "price_band": not one_closes
            and (
                after > pool.reference_paise * (10_000 + rules.band_bps)
                if ask.sign > 0
                else after < pool.reference_paise * (10_000 - rules.band_bps)
            ),
            "limit_not_met": ask.sign > 0 and limit is not None and self._total(shares) > limit,
        }
        return next((code for code, is_broken in broken.items() if is_broken), None)

    def _shortfall(self, shares: int) -> str | None:
        """Whether so many shares bring less than their owner wants at least."""
        least = self.ask.limit_paise
        return (
            "limit_not_met"
            if self.ask.sign < 0 and least is not None and self._total(shares) < least
            else None
        )

    def _largest(self, spendable: int) -> int:
        """The largest size, up to what was asked, that would be taken."""
        bound = self.rules.max_order_shares if self.ask.opens else abs(self.holding.shares)
        bound = min(bound, self.ask.shares or bound)
        largest = last_that_holds(lambda shares: self._broken_rule(shares, spendable) is None, bound)
        while largest and self._shortfall(largest):
            largest -= 1
        return largest

    def _market_figures(self) -> Figures:
        if self.pool is None:
            return {}
        return {"label": self.pool.label, "price_before_paise": self.pool.price_paise}

    def _refusal(self, code: str, possible: int) -> Figures:
        balance = self.member.balance(self.ask.market) if self.member else {"position_shares": 0}
        return balance | {"status": "refused", "code": code, "possible_shares": possible}

    def _fill_figures(self, shares: int, price: Figures) -> Figures:
        ask, held, member = self.ask, self.holding, self._member
        collateral = self._pool.terms.collateral_paise
        after = after_fill(held, ask.sign * shares, price["gross_paise"], price["tax_paise"])
        cash = member.cash_paise - ask.sign * price["total_paise"]
        reserved = member.reserved_paise + (max(0, -after.shares) - max(0, -held.shares)) * collateral
        return {
            "shares": shares,
            "average_price_paise": (2 * price["gross_paise"] + shares) // (2 * shares),
            "realised_paise": None if ask.opens else after.realised_paise - held.realised_paise,
            "position_shares": after.shares,
            "cash_paise": cash,
            "reserved_paise": reserved,
            "buying_power_paise": cash - reserved,
        }

    def _protected_limit(self, figures: Figures) -> int:
        """What a confirmed order may cost at most or must bring at least: a little worse than it was shown."""
        total: int = figures["total_paise"]
        own = self.ask.limit_paise
        slippage = total * self.rules.confirm_slippage_bps // 10_000
        if self.ask.sign > 0:
            return total + slippage if own is None else min(own, total + slippage)
        return total - slippage if own is None else max(own, total - slippage)


def last_that_holds(holds: Callable[[int], bool], bound: int) -> int:
    """The last of 1 to `bound` for which a condition holds that, once broken, stays broken; 0 if none."""
    low, high = 0, bound + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
