"""The rules of an exchange in plain Python: an independent second opinion on every figure that SQL gives.

It shares nothing with the exchange but names, and is as slow and as plain as it likes to be.
"""

from dataclasses import dataclass, field

from tests.model.judgement import Judgement, Rules
from tests.model.state import Ask, Figures, Holding, Member, Pool, after_fill


@dataclass
class ReferenceExchange:
    """An exchange: settings, members, markets, and the answers it has given."""

    rules: Rules = field(default_factory=Rules)
    treasury_paise: int = 0
    sequence: int = 0
    members: dict[int, Member] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    answers: dict[int, tuple[Ask, Figures]] = field(default_factory=dict)

    def pass_window(self) -> None:
        """Let so much time pass that every fill so far is older than the band's window."""
        for pool in self.pools.values():
            pool.price_before_window = pool.price_paise

    def execute(self, ask: Ask) -> Figures:
        """The answer to an order, and what it changes."""
        if ask.request_id in self.answers:
            first, answer = self.answers[ask.request_id]
            return (
                answer if first == ask else self._answer(ask, {"status": "refused", "code": "request_reused"})
            )
        answer = self._answer(ask, self._judge(ask))
        if answer["status"] == "filled":
            answer["sequence"] = self._settle(ask, answer)
        if answer["status"] != "unconfirmed":
            self.answers[ask.request_id] = ask, answer
        return answer

    def quote(self, ask: Ask) -> Figures:
        """What the order would give now: its fill as a quote, or its refusal."""
        answer = self._answer(ask, self._judge(ask))
        return answer if answer["status"] == "refused" else answer | {"status": "quoted"}

    def _judge(self, ask: Ask) -> Figures:
        member, pool = self.members.get(ask.user_id), self.pools.get(ask.market)
        return Judgement(self.rules, member, pool, ask).decide()

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

    def _settle(self, ask: Ask, answer: Figures) -> int:
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
        return self.sequence
