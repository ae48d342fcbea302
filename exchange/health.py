"""How the exchange does, for those who operate it: what a process measures, and when it was audited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from exchange.audit import asking
from exchange.calls import Calls
from exchange.models import FromJson


class Meter(Protocol):
    """Takes note of what the exchange's queue of orders does. Its methods must not wait, and must not raise."""

    def batch(self, orders: int, seconds: float) -> None:
        """A batch of so many orders was answered after so long."""

    def refusal(self, code: str) -> None:
        """An order was refused for that reason."""


class NoMeter:
    """Takes note of nothing."""

    def batch(self, orders: int, seconds: float) -> None:
        """Nothing."""

    def refusal(self, code: str) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Health(FromJson):
    """Figures of all exchanges together.

    `outbox_lag_seconds` is how long the oldest due notice has waited; `audit_age_seconds` how long ago
    the last clean audit was, of the exchange for which that is longest (from its opening where there
    was none); `audit_discrepancies` what the last audits found.
    """

    outbox_lag_seconds: float
    audit_age_seconds: float
    audit_discrepancies: int
    exchanges: int


class HealthChecks(Calls):
    """What operators watch. The errors are those of `Exchange`."""

    async def get_health(self) -> Health:
        """The figures of this moment."""
        document = await self._read("select betjee.get_health()")
        return Health(
            float(document["outbox_lag_seconds"]),
            float(document["audit_age_seconds"]),
            int(document["audit_discrepancies"]),
            int(document["exchanges"]),
        )


_DUE_FOR_AUDIT = """
select e.exchange_id from betjee.exchanges e left join betjee.audits a using (exchange_id)
where a.audited_at is null or a.audited_at <= clock_timestamp() - make_interval(secs => $1)
order by a.audited_at nulls first, e.exchange_id
"""


async def record_audits(database_url: str, older_than_seconds: int = 3_600) -> dict[int, list[str]]:
    """Audit the exchanges that were not audited for so long, one after the other, and note what came of it.

    Returns what does not balance, by exchange. An audit takes as long as the ledger is long, so it has a
    connection of its own and no time limit, and each exchange is one snapshot of its own. Raises what
    `exchange.audit.audit` raises.
    """
    found: dict[int, list[str]] = {}
    async with asking(database_url) as connection:
        for due in await connection.fetch(_DUE_FOR_AUDIT, older_than_seconds):
            exchange_id = due["exchange_id"]
            rows = await connection.fetch("select betjee.audit_exchange($1)", exchange_id)
            await connection.execute("select betjee.record_audit($1, $2)", exchange_id, len(rows))
            if rows:
                found[exchange_id] = [row[0] for row in rows]
    return found
