"""What holds a member or a market back: asked for where something was refused, so that the refusal can say why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from exchange.acts import moments
from exchange.calls import Calls
from exchange.models import FromJson, Json


@dataclass(frozen=True, slots=True)
class Hold(FromJson):
    """Why a member may not trade.

    `status` is `active`, `frozen` or `banned`; `reason` and `since` are None where they are neither, `until`
    where no time ends it. `withheld_paise` is what of their bonus waits for a moderator.
    """

    status: str
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    can_appeal: bool = False
    withheld_paise: int = 0

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read it, with its times."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        return cls(**known | moments(document, "since", "until"))


@dataclass(frozen=True, slots=True)
class Halt(FromJson):
    """How a market stands: `status` is `open`, `halted` or `settled`; `reason` is that of a halt by a moderator."""

    status: str
    reason: str | None = None


class Holds(Calls):
    """Reading what holds members and markets back."""

    async def find_hold(self, exchange_id: int, user_id: int) -> Hold | None:
        """What holds a member back; None for a stranger."""
        document = await self._read("select betjee.find_hold($1, $2)", exchange_id, user_id)
        return None if document is None else Hold.from_json(document)

    async def find_halt(self, exchange_id: int, market: str) -> Halt | None:
        """How a market stands, and why a moderator has halted it; None where there is no such market."""
        document = await self._read("select betjee.find_halt($1, $2)", exchange_id, market)
        return None if document is None else Halt.from_json(document)
