"""What moderators do to members, in plain Python: the model of freezes, bans, wipes and of leaving."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.model import curve
from tests.model.reference import ReferenceExchange
from tests.model.state import Ask, Figures, Holding, Waiting


@dataclass
class Planned:
    """A wipe that waits for its time."""

    wipe_id: int
    users: tuple[int, ...]
    mode: str
    is_due: bool = False


@dataclass(frozen=True)
class Memory:
    """What a member had after a sequence."""

    sequence: int
    cash_paise: int
    reserved_paise: int
    holdings: dict[str, tuple[int, int, int, int]]


@dataclass
class ModeratedExchange(ReferenceExchange):
    """The exchange with its moderators; it remembers what every member had after each of their changes."""

    frozen: set[int] = field(default_factory=set)
    banned: dict[int, int] = field(default_factory=dict)
    wipes: list[Planned] = field(default_factory=list)
    memory: dict[int, list[Memory]] = field(default_factory=dict)

    def pass_window(self) -> None:
        super().pass_window()
        for wipe in self.wipes:
            wipe.is_due = True

    def begin_batch(self) -> None:
        """Wipes that are due come before anything else."""
        for wipe in [wipe for wipe in self.wipes if wipe.is_due]:
            self.wipes.remove(wipe)
            self._execute(wipe)
        super().begin_batch()

    def _catch_up(self) -> None:
        if any(wipe.is_due for wipe in self.wipes):
            self.begin_batch()

    # What moderators do; each returns the code of a refusal, or None

    def freeze(self, user_id: int) -> str | None:
        self._catch_up()
        if not self._is_member(user_id):
            return "unknown_user"
        if user_id in self.frozen:
            return "already_frozen"
        self.sequence += 1
        self.frozen.add(user_id)
        self._settle_standing()
        return None

    def unfreeze(self, user_id: int) -> str | None:
        self._catch_up()
        if not self._is_member(user_id):
            return "unknown_user"
        if user_id not in self.frozen:
            return "not_frozen"
        self.sequence += 1
        self.frozen.remove(user_id)
        self._settle_standing()
        self.begin_batch()
        return None

    def ban(self, user_id: int) -> str | None:
        """Bans are kept by identity, so that one of before a wipe or a deletion is still there."""
        self._catch_up()
        if not self._is_member(user_id):
            return "unknown_user"
        if user_id in self.banned:
            return "already_banned"
        self.sequence += 2
        self.banned[user_id] = self.sequence - 1
        self._settle_standing()
        return None

    def unban(self, user_id: int) -> None:
        self._catch_up()
        self.sequence += 1
        del self.banned[user_id]
        self._settle_standing()
        if self._is_member(user_id):
            self.begin_batch()

    def plan_wipe(self, users: Sequence[int], mode: str) -> str | None:
        self._catch_up()
        # Who has deleted themselves is left out, unless that leaves nobody.
        gone = {user for user in users if user in self.members and not self._is_member(user)}
        users = [user for user in users if user not in gone] or users
        if not all(self._is_member(user) for user in users):
            return "unknown_user"
        if any(user in wipe.users for wipe in self.wipes for user in users):
            return "already_planned"
        self.sequence += 2
        is_due = self.rules.wipe_undo_seconds == 0
        self.wipes.append(Planned(self.sequence - 1, tuple(sorted(users)), mode, is_due))
        self._settle_standing()
        self.begin_batch()
        return None

    def undo_wipe(self, wipe: Planned) -> None:
        self.sequence += 1
        self.wipes.remove(wipe)
        self._settle_standing()
        self.begin_batch()

    # What becomes of members

    def delete(self, user_id: int) -> str | None:
        """Close everything at the market by the usual rules, or nothing; burn the cash."""
        self._catch_up()
        if not self._is_member(user_id):
            return "unknown_user"
        member = self.members[user_id]
        if user_id in self.frozen or any(user_id in wipe.users for wipe in self.wipes):
            return "user_frozen"
        self.begin_batch()
        asks = self._closing_asks(user_id)
        standing, member.status = member.status, "active"
        judged = [(ask, self.judge(ask, self.pools[ask.market])) for ask in asks]
        member.status = standing
        if any(figures["status"] != "filled" for _, figures in judged):
            return "cannot_close"
        for ask, figures in judged:
            # Positions are closed as if at once, so that each was judged with the cash of before.
            signed = ask.sign * figures["total_paise"]
            reserved = (
                max(0, -member.holdings[ask.market].shares) * self.pools[ask.market].terms.collateral_paise
            )
            self.settle(
                ask,
                figures
                | {
                    "cash_paise": member.cash_paise - signed,
                    "reserved_paise": member.reserved_paise - reserved,
                },
            )
        self.sequence += 1
        member.cash_paise, member.status = 0, "deleted"
        self._remember(user_id)
        self.begin_batch()
        return None

    def _closing_asks(self, user_id: int) -> list[Ask]:
        held = self.members[user_id].holdings
        return [
            Ask(
                0,
                user_id,
                code,
                "sell" if held[code].shares > 0 else "cover",
                abs(held[code].shares),
                confirmed=True,
            )
            for code in self.pools
            if code in held and held[code].shares
        ]

    def _execute(self, wipe: Planned) -> None:
        traded = [
            code for code in self.pools if any(code in self.members[user].holdings for user in wipe.users)
        ]
        for code in traded:
            for user in wipe.users:
                self._take_out(code, self.members[user].holdings.get(code, Holding()).shares, wipe.mode)
        banned = [user for user in wipe.users if user not in self.banned]
        first_ban = self.sequence + len(traded) + len(wipe.users) + 1
        self.banned |= {user: first_ban + place for place, user in enumerate(banned, start=1)}
        self.sequence = first_ban + len(banned)
        if wipe.mode == "unwind":
            for code in traded:
                # From here on, the band is measured from where the wipe has left the price.
                self.pools[code].price_before_window = self.pools[code].price_paise
        self.stops = [stop for stop in self.stops if stop.user_id not in wipe.users]
        self.ledger = [entry for entry in self.ledger if entry.user_id not in wipe.users]
        for user in wipe.users:
            del self.members[user]
            self.memory.pop(user, None)
            self.frozen.discard(user)

    def _take_out(self, code: str, shares: int, mode: str) -> None:
        """A position goes: burned, its shares stay where they are; unwound, they go back along the curve."""
        pool = self.pools[code]
        pool.open_short_shares -= max(0, -shares)
        if mode == "unwind" and shares:
            gross = curve.gross(pool.terms, pool.sold, -shares)
            self.treasury_paise += curve.tax(pool.terms, gross)
            pool.pool_paise += -gross if shares > 0 else gross
            pool.sold -= shares

    # How all this changes what members may do

    def arm(
        self, user_id: int, market: str, kind: str, trigger_price_paise: int, shares: int | None
    ) -> str | None:
        if not self._is_member(user_id):
            return "unknown_user"
        status = self.members[user_id].status
        if status != "active":
            return f"user_{status}"
        return super().arm(user_id, market, kind, trigger_price_paise, shares)

    def settle(
        self, ask: Ask, answer: Figures, stop: Waiting | None = None, set_off_by: int | None = None
    ) -> int:
        sequence = super().settle(ask, answer, stop, set_off_by)
        self._remember(ask.user_id)
        return sequence

    def _remember(self, user_id: int) -> None:
        member = self.members[user_id]
        holdings = {
            code: (held.shares, held.basis_paise, held.realised_paise, held.taxes_paise)
            for code, held in member.holdings.items()
        }
        moment = Memory(self.sequence, member.cash_paise, member.reserved_paise, holdings)
        self.memory.setdefault(user_id, []).append(moment)

    def _is_member(self, user_id: int) -> bool:
        return user_id in self.members and self.members[user_id].status != "deleted"

    def _settle_standing(self) -> None:
        for user_id, member in self.members.items():
            if member.status != "deleted":
                member.status = self._standing(user_id)
        for stop in self.stops:
            is_active = self.members[stop.user_id].status == "active"
            if (stop.status, is_active) == ("armed", False):
                stop.status = "suspended"
            elif (stop.status, is_active) == ("suspended", True):
                stop.status = "armed"

    def _standing(self, user_id: int) -> str:
        if user_id in self.banned:
            return "banned"
        held = user_id in self.frozen or any(user_id in wipe.users for wipe in self.wipes)
        return "frozen" if held else "active"
