"""The rules of an exchange in plain Python: an independent second opinion on every figure that SQL gives.

It shares nothing with the exchange but names, and is as slow and as plain as it likes to be.
"""

from dataclasses import dataclass, field, replace

from tests.model import curve
from tests.model.cascade import Cascade
from tests.model.judgement import Judgement, Rules
from tests.model.state import Ask, Entry, Figures, Holding, Member, Origin, Pool, Waiting, after_fill


@dataclass
class ReferenceExchange:
    """An exchange: settings, members, markets, and the answers it has given."""

    rules: Rules = field(default_factory=Rules)
    treasury_paise: int = 0
    sequence: int = 0
    members: dict[int, Member] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    answers: dict[int, tuple[Ask, Figures]] = field(default_factory=dict)
    stops: list[Waiting] = field(default_factory=list)
    ledger: list[Entry] = field(default_factory=list)

    def pass_window(self) -> None:
        """Let so much time pass that every fill so far is older than the band's window, and every
        halt and cool-down so far is over.
        """
        for pool in self.pools.values():
            pool.price_before_window = pool.price_paise
            pool.halt_is_over = pool.status == "halted"
            pool.has_just_reopened = False
        for member in self.members.values():
            member.barred_signs.clear()
            member.barred_by.clear()
            member.set_off.clear()

    def begin_batch(self) -> None:
        """Reopen what is due, and give the stops that could not be executed before another turn."""
        for pool in self.pools.values():
            pool.waiting_signs.clear()
            if pool.halt_is_over:
                pool.status, pool.halt_is_over, pool.has_just_reopened = "open", False, True
                self.sequence += 1
        Cascade(self).evaluate()

    def execute(self, ask: Ask) -> Figures:
        """The answer to an order, and what it changes."""
        if ask.request_id in self.answers:
            first, answer = self.answers[ask.request_id]
            return (
                answer if first == ask else self._answer(ask, {"status": "refused", "code": "request_reused"})
            )
        answer = self._answer(ask, self._judge(ask))
        if answer["status"] == "filled":
            before = self.pools[ask.market].sold
            answer["sequence"] = self.settle(ask, answer)
            origin = Origin(answer["sequence"], ask.user_id, ask.sign)
            Cascade(self, origin).moved(ask.market, before)
        if answer["status"] != "unconfirmed":
            self.answers[ask.request_id] = ask, answer
        return answer

    def arm(
        self, user_id: int, market: str, kind: str, trigger_price_paise: int, shares: int | None
    ) -> str | None:
        """Let an order wait for a price; the code of a refusal, or None. Its request id is its number."""
        held = self.members[user_id].holdings.get(market, Holding()).shares
        if held == 0 or (shares or 0) > abs(held):
            return "exceeds_position" if held else "no_position"
        signed = (shares or abs(held)) * (-1 if held > 0 else 1)
        sign = 1 if (signed > 0) == (kind == "stop_loss") else -1
        pool = self.pools[market]
        trigger = curve.trigger(pool.terms, trigger_price_paise, sign)
        highest = pool.terms.total_shares_cap - pool.terms.min_market_shares
        if trigger is None or (sign > 0 and trigger > highest):
            return "trigger_out_of_range"
        stop = Waiting(self.sequence + 1, 0, user_id, market, kind, signed, sign, trigger)
        code = self._refused_beside_others(stop)
        if code is None:
            self.sequence += 1
            self.stops.append(stop)
        return code

    def _refused_beside_others(self, stop: Waiting) -> str | None:
        if stop.is_crossed(self.pools[stop.market].sold):
            return "trigger_crossed"
        mine = [
            known
            for known in self.stops
            if known.user_id == stop.user_id and known.status in ("armed", "suspended")
        ]
        if any(
            (known.market, known.kind, known.shares, known.trigger_sold)
            == (stop.market, stop.kind, stop.shares, stop.trigger_sold)
            for known in mine
        ):
            return "duplicate_stop"
        return "too_many_stops" if len(mine) >= self.rules.max_armed_stops else None

    def cancel(self, stop: Waiting) -> None:
        """Take a waiting order back."""
        self.sequence += 1
        stop.status = "cancelled"

    def quote(self, ask: Ask) -> Figures:
        """What the order would give now: its fill as a quote, or its refusal."""
        answer = self._answer(ask, self._judge(ask, as_if_open=True))
        return answer if answer["status"] == "refused" else answer | {"status": "quoted"}

    def judge(self, ask: Ask, pool: Pool | None, *, cools: bool = True) -> Figures:
        """What the rules say of an order in a market as it is given here; a cool-down may be left out."""
        return Judgement(self.rules, self.members.get(ask.user_id), pool, ask, cools=cools).decide()

    def _judge(self, ask: Ask, *, as_if_open: bool = False) -> Figures:
        pool = self.pools.get(ask.market)
        if pool and pool.status == "halted" and as_if_open:
            pool = replace(pool, status="open")
        return self.judge(ask, pool)

    def _answer(self, ask: Ask, figures: Figures) -> Figures:
        """Every answer repeats the order."""
        order = {
            "request_id": ask.request_id,
            "market": ask.market,
            "side": ask.side,
            "asked_shares": ask.shares,
            "asked_bps": ask.portion_bps,
            "limit_paise": ask.limit_paise,
        }
        return {name: figure for name, figure in {**order, **figures}.items() if figure is not None}

    def settle(
        self, ask: Ask, answer: Figures, stop: Waiting | None = None, set_off_by: int | None = None
    ) -> int:
        """Book a fill; returns its sequence. Orders that wait on a position that is closed lapse."""
        member, pool = self.members[ask.user_id], self.pools[ask.market]
        holding = member.holdings.setdefault(ask.market, Holding())
        signed = ask.sign * answer["shares"]
        pool.open_short_shares += max(0, -(holding.shares + signed)) - max(0, -holding.shares)
        pool.sold += signed
        pool.pool_paise += ask.sign * answer["gross_paise"]
        self.treasury_paise += answer["tax_paise"]
        member.holdings[ask.market] = after_fill(holding, signed, answer["gross_paise"], answer["tax_paise"])
        member.cash_paise = answer["cash_paise"]
        member.reserved_paise = answer["reserved_paise"]
        self.sequence += 1
        self.ledger.append(
            Entry(
                self.sequence,
                ask.user_id,
                ask.side,
                signed,
                holding.shares + signed,
                answer["gross_paise"],
                stop.kind if stop else "order",
                stop.stop_id if stop else None,
                set_off_by,
            )
        )
        if member.holdings[ask.market].shares == 0:
            for waiting in self.stops:
                is_theirs = (waiting.user_id, waiting.market) == (ask.user_id, ask.market)
                if is_theirs and waiting.status in ("armed", "suspended"):
                    waiting.status = "lapsed"
        return self.sequence
