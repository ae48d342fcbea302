"""The ledger as people read it: a member's own history, and the public tape."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Self, TypeVar

from exchange.calls import Calls
from exchange.models import FromJson, Json

_EXPORT_PAGE_ENTRIES = 250
"""Few enough that to read one page does not keep others in the process waiting for more than some milliseconds."""


@dataclass(frozen=True, slots=True)
class Entry(FromJson):
    """An entry of a member's own ledger: a fill, or a grant of coins.

    `kind` is `grant` or the side of a fill: `buy`, `sell`, `short` or `cover`; `cause` says how a fill
    was set off (`order`, `stop_loss`, `take_profit`, …) or which grant it is. `shares` is signed,
    `price_paise` a share's average, `cash_change_paise` what the entry did to the cash, tax included.
    `position_shares` is what was held there after it, negative while short; None for a fill that is
    older than this figure, which is told as `buy` or `sell`. A grant has no market and no figures but
    the change of the cash.
    """

    sequence: int
    happened_at: datetime
    kind: str
    cause: str
    cash_change_paise: int
    market: str | None = None
    label: str | None = None
    shares: int | None = None
    price_paise: int | None = None
    gross_paise: int | None = None
    tax_paise: int | None = None
    price_after_paise: int | None = None
    position_shares: int | None = None

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read one entry."""
        moment = datetime.fromisoformat(document["happened_at"])
        return cls(**{**document, "happened_at": moment})


@dataclass(frozen=True, slots=True)
class PublicFill(FromJson):
    """A trade on the public tape; `shares` is negative for a sale.

    `display_name` is None where the exchange does not tell who trades.
    """

    sequence: int
    executed_at: datetime
    market: str
    label: str
    shares: int
    price_paise: int
    price_after_paise: int
    display_name: str | None = None

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read one trade."""
        moment = datetime.fromisoformat(document["executed_at"])
        return cls(**{**document, "executed_at": moment})


Line = TypeVar("Line", Entry, PublicFill)


@dataclass(frozen=True, slots=True)
class Page(Generic[Line]):
    """Some lines of a record, newest first, and whether there are others before and after them."""

    lines: Sequence[Line]
    has_older: bool = False
    has_newer: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """Which page: the lines before a sequence, those after it, or, without either, the newest."""

    before: int | None = None
    after: int | None = None


NEWEST = Cursor()


class Records(Calls):
    """Reading the ledger page by page. The errors are those of `Exchange`."""

    async def list_history(
        self, exchange_id: int, user_id: int, cursor: Cursor = NEWEST, limit: int = 10
    ) -> Page[Entry]:
        """A page of a member's own ledger, newest first; `limit` is below 5,000."""
        documents = await self._read_all(
            "select betjee.list_history($1, $2, $3, $4, $5)",
            exchange_id,
            user_id,
            cursor.before,
            cursor.after,
            limit + 1,
        )
        page = _page([Entry.from_json(document) for document in documents], cursor, limit)
        # What follows a cursor may be less than a page; the newest page is never.
        if cursor.after is not None and not page.has_newer:
            return await self.list_history(exchange_id, user_id, NEWEST, limit)
        return page

    async def export_history(
        self, exchange_id: int, user_id: int, page_entries: int = _EXPORT_PAGE_ENTRIES
    ) -> AsyncIterator[Sequence[Entry]]:
        """A member's whole ledger, newest first, page by page; new fills meanwhile change no page."""
        cursor = NEWEST
        while True:
            page = await self.list_history(exchange_id, user_id, cursor, page_entries)
            if page.lines:
                yield page.lines
            if not page.has_older:
                return
            cursor = Cursor(before=page.lines[-1].sequence)

    async def list_tape(self, exchange_id: int, cursor: Cursor = NEWEST, limit: int = 15) -> Page[PublicFill]:
        """A page of the last trades of all members, newest first; `limit` is below 100."""
        documents = await self._read_all(
            "select betjee.list_tape($1, $2, $3, $4)", exchange_id, cursor.before, cursor.after, limit + 1
        )
        page = _page([PublicFill.from_json(document) for document in documents], cursor, limit)
        if cursor.after is not None and not page.has_newer:
            return await self.list_tape(exchange_id, NEWEST, limit)
        return page


def _page(lines: list[Line], cursor: Cursor, limit: int) -> Page[Line]:
    """The page of a record, from its lines and one more, which only tells that there are more."""
    is_more = len(lines) > limit
    if cursor.after is not None:
        return Page(lines[-limit:], has_older=True, has_newer=is_more)
    return Page(lines[:limit], has_older=is_more, has_newer=cursor.before is not None)
