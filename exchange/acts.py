"""What moderators do, as it goes into the exchange and comes out of it.

Members are named by the exchange's own numbers. Bans know an identity or a network by a keyed hash
(32 bytes) that is made outside the database.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from exchange.models import FromJson, Json


class WipeMode(enum.StrEnum):
    """What becomes of the positions of the wiped: burned where the price is, or unwound along the curve."""

    BURN = "burn"
    UNWIND = "unwind"


class WipeStatus(enum.StrEnum):
    """Where a wipe stands. One that failed changed nothing; its members stay frozen until it is undone."""

    AWAITING_SECOND = "awaiting_second"
    PLANNED = "planned"
    UNDONE = "undone"
    EXECUTED = "executed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A member who is to be wiped, and the identity that stays banned."""

    user_id: int
    provider: str
    provider_user_id: str


@dataclass(frozen=True, slots=True)
class Standing(FromJson):
    """A member after an act: `status` is `active`, `frozen` or `banned`."""

    user_id: int
    display_name: str
    status: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Person(FromJson):
    """Somebody whom the record names.

    `name` is what they show now, None without an account; `name_then` what they were called at the time of an
    act, None where that was not recorded or is kept no longer. `is_deleted` says that they deleted their data.
    """

    user_id: int | None = None
    name: str | None = None
    name_then: str | None = None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Ban(FromJson):
    """A ban of an identity or a network, which is nobody. `can_appeal` is only told to the banned."""

    ban_id: int
    subject: str
    reason: str
    banned_at: datetime
    banned_until: datetime | None = None
    user_id: int | None = None
    person: Person | None = None
    wipe_id: int | None = None
    appeal: str | None = None
    appealed_at: datetime | None = None
    can_appeal: bool = False

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read one ban, with its times and whom it keeps out."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        read = {"person": _person(document.get("person"))}
        return cls(**known | read | moments(document, "banned_at", "banned_until", "appealed_at"))


@dataclass(frozen=True, slots=True)
class WipedMarket(FromJson):
    """What a wipe does to a market: the shares that its members hold or are short of, the price now (a
    burn leaves it) and after an unwinding, and what can still be bought now, after a burn, and after an
    unwinding. `supply_bps` is the members' part of all shares, in hundredths of a percent.
    """

    market: str
    label: str
    long_shares: int
    short_shares: int
    supply_bps: int
    price_paise: int
    unwound_price_paise: int
    available_shares: int
    burned_available_shares: int
    unwound_available_shares: int


@dataclass(frozen=True, slots=True)
class WipeMember(FromJson):
    """Somebody whom a wipe is for; the name is None once they deleted their data, or it is kept no longer."""

    user_id: int
    display_name: str | None = None
    cash_paise: int | None = None


@dataclass(frozen=True, slots=True)
class WipePreview:
    """What a wipe would do. `cash_paise` is what the members have together now."""

    members: tuple[WipeMember, ...]
    markets: tuple[WipedMarket, ...]
    cash_paise: int
    needs_second: bool
    undo_seconds: int

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read a preview with its members and markets."""
        return cls(
            members=tuple(WipeMember.from_json(item) for item in document["members"]),
            markets=tuple(WipedMarket.from_json(item) for item in document["markets"]),
            cash_paise=document["cash_paise"],
            needs_second=document["needs_second"],
            undo_seconds=document["undo_seconds"],
        )


@dataclass(frozen=True, slots=True)
class Wipe(FromJson):
    """A wipe: planned, and executed at `due_at` unless it is undone or still awaits its second.

    `left_user_ids` are those who deleted themselves before it was planned; only the answer to that has them.
    `left_banned` counts those of a cluster who had left, and were banned with it; undoing it lifts that.
    """

    wipe_id: int
    mode: WipeMode
    reason: str
    status: WipeStatus
    needs_second: bool
    planned_by: int
    planned_at: datetime
    due_at: datetime
    members: tuple[WipeMember, ...]
    seconded_by: int | None = None
    ended_at: datetime | None = None
    failure: str | None = None
    left_user_ids: tuple[int, ...] = ()
    left_banned: int = 0

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read one wipe with its members and times."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        read = {
            "mode": WipeMode(document["mode"]),
            "status": WipeStatus(document["status"]),
            "members": tuple(WipeMember.from_json(item) for item in document["members"]),
            "left_user_ids": tuple(document.get("left_user_ids", ())),
        }
        return cls(**known | read | moments(document, "planned_at", "due_at", "ended_at"))


@dataclass(frozen=True, slots=True)
class HandHalt(FromJson):
    """A market that was halted or resumed by hand."""

    market: str
    label: str
    price_paise: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Act(FromJson):
    """An entry of the moderation log.

    `moderator` did it; None, with number 0, is the exchange itself. `member` is whom it is about, and
    `members` are at most 20 of `members_total` where it is about many. `unit` is that of a setting's values.
    """

    sequence: int
    act: str
    moderator_user_id: int
    recorded_at: datetime
    moderator: Person | None = None
    member: Person | None = None
    members: tuple[Person, ...] = ()
    members_total: int = 0
    unit: str | None = None
    detail: Json = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read one entry, with its time and its people."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        people = {
            "moderator": _person(document.get("moderator")),
            "member": _person(document.get("member")),
            "members": tuple(Person.from_json(item) for item in document.get("members", ())),
        }
        return cls(**known | people | moments(document, "recorded_at"))


@dataclass(frozen=True, slots=True)
class Ownership(FromJson):
    """Who owns an exchange; `changed` is false where they did before."""

    user_id: int
    display_name: str
    changed: bool


@dataclass(frozen=True, slots=True)
class ClosedPosition(FromJson):
    """A position that was closed because its owner left; `total_paise` as an order's."""

    market: str
    label: str
    side: str
    shares: int
    total_paise: int


@dataclass(frozen=True, slots=True)
class Deletion:
    """What becomes of a member's positions and cash when they delete themselves."""

    user_id: int
    burned_cash_paise: int
    closed: tuple[ClosedPosition, ...]

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read a deletion with its closed positions."""
        closed = tuple(ClosedPosition.from_json(item) for item in document["closed"])
        return cls(document["user_id"], document["burned_cash_paise"], closed)


def _person(document: Json | None) -> Person | None:
    return None if document is None else Person.from_json(document)


def moments(document: Json, *names: str) -> dict[str, datetime | None]:
    """The times of a document, read; None where there is none."""
    return {
        name: document[name] and datetime.fromisoformat(document[name]) for name in names if name in document
    }
