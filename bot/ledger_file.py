"""A member's own ledger as a file that a spreadsheet opens."""

import asyncio
import csv
import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from exchange.exchange import Exchange
from exchange.models import Json
from exchange.records import Entry

ENTRIES_AT_MOST: Final = 100_000
PLAIN_BYTES_AT_MOST: Final = 8 * 1024 * 1024
"""Discord takes files of 10 MiB; beyond this one is compressed, which makes it a few times smaller."""

_FILES_AT_ONCE: Final = 2
_COLUMNS: Final = (
    "time", "sequence", "kind", "cause", "market", "shares", "average_price", "gross", "tax", "balance_change",
    "price_after", "position_after",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """A file, how many entries it has, and whether those are all."""

    name: str
    content: bytes
    entries: int
    is_whole: bool
    is_compressed: bool


class LedgerFiles:
    """Makes files of ledgers, page by page, and no more than a few at once, so that memory stays bounded."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        entries_at_most: int = ENTRIES_AT_MOST,
        plain_bytes_at_most: int = PLAIN_BYTES_AT_MOST,
    ) -> None:
        self._exchange = exchange
        self._entries_at_most = entries_at_most
        self._plain_bytes_at_most = plain_bytes_at_most
        self._room = asyncio.Semaphore(_FILES_AT_ONCE)

    async def make(self, exchange_id: int, user_id: int) -> LedgerFile:
        """The newest entries of a member's ledger, all of them where they are not too many. Raises ExchangeError."""
        async with self._room:
            text, entries, is_whole = await self._read(exchange_id, user_id)
            # Encoding and compressing take time in which others must be served.
            content, is_compressed = await asyncio.to_thread(self._pack, text)
        return LedgerFile(
            "ledger.csv.gz" if is_compressed else "ledger.csv", content, entries, is_whole, is_compressed
        )

    async def bundle(self, exchange_id: int, user_id: int, about: Json) -> LedgerFile:
        """The same as a zip file, with `about` in it too as JSON: all that is kept of them. Raises ExchangeError."""
        async with self._room:
            text, entries, is_whole = await self._read(exchange_id, user_id)
            content = await asyncio.to_thread(_bundle, text, about)
        return LedgerFile("my-data.zip", content, entries, is_whole, is_compressed=True)

    async def _read(self, exchange_id: int, user_id: int) -> tuple[str, int, bool]:
        """The lines of a ledger, how many entries they tell, and whether those are all."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(_COLUMNS)
        entries = 0
        async for page in self._exchange.export_history(exchange_id, user_id):
            kept = page[: self._entries_at_most - entries]
            writer.writerows(map(_row, kept))
            entries += len(kept)
            if len(kept) < len(page):
                return text.getvalue(), entries, False
        return text.getvalue(), entries, True

    def _pack(self, text: str) -> tuple[bytes, bool]:
        content = text.encode()
        if len(content) <= self._plain_bytes_at_most:
            return content, False
        return gzip.compress(content), True


def bundle_of_no_account(about: Json) -> LedgerFile:
    """A zip file with what is kept of somebody without an account, and so without a ledger."""
    return LedgerFile("my-data.zip", _bundle(None, about), 0, is_whole=True, is_compressed=True)


def _bundle(ledger: str | None, about: Json) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        if ledger is not None:
            bundle.writestr("ledger.csv", ledger)
        bundle.writestr("about.json", json.dumps(about, indent=2, ensure_ascii=False))
    return packed.getvalue()


def _row(entry: Entry) -> Sequence[object]:
    """An entry's line. What people name is left out: a spreadsheet would take some names for formulas."""
    return (
        entry.happened_at.isoformat(timespec="milliseconds"),
        entry.sequence,
        entry.kind,
        entry.cause,
        entry.market or "",
        "" if entry.shares is None else entry.shares,
        *map(
            _coins,
            (
                entry.price_paise,
                entry.gross_paise,
                entry.tax_paise,
                entry.cash_change_paise,
                entry.price_after_paise,
            ),
        ),
        "" if entry.position_shares is None else entry.position_shares,
    )


def _coins(paise: int | None) -> str:
    """An amount as spreadsheets read it: `-1234.50`."""
    if paise is None:
        return ""
    coins, rest = divmod(abs(paise), 100)
    return f"{'-' if paise < 0 else ''}{coins}.{rest:02d}"
