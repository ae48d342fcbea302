"""What the bot does by the clock: in one process of all, and nothing depends on it for its correctness."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from exchange.errors import ExchangeError
from exchange.exchange import Exchange
from exchange.health import record_audits
from exchange.leader import Leadership

SWEEP_SECONDS = 5
REOPEN_SECONDS = 5
LEADERBOARD_SECONDS = 15
SEARCH_SECONDS = 20
COUNT_SECONDS = 10

_DISCREPANCIES_LOGGED = 20

_log = logging.getLogger(__name__)

Job = Callable[[Exchange], Awaitable[None]]


def scheduled_jobs(
    exchange: Exchange,
    leadership: Leadership | None = None,
    nudge: asyncio.Event | None = None,
    *,
    audited_url: str | None = None,
) -> AsyncIOScheduler:
    """The scheduler with its jobs, not yet started.

    All processes run it, and a job does something where `leadership` says so; without one, always.
    `nudge` wakes the relay of this process; `audited_url` is the database of which each exchange is audited once an hour.
    """
    # By default a job that is a second late is dropped; a late one is as good, and one for several missed is enough.
    scheduler = AsyncIOScheduler(job_defaults={"misfire_grace_time": None, "coalesce": True})

    def every(job: Job, **interval: int) -> None:
        scheduler.add_job(
            _if_leader, "interval", args=[leadership, job, exchange], id=job.__name__, **interval
        )

    async def sweep_outbox(_: Exchange) -> None:
        if nudge is not None:
            nudge.set()

    async def audit_exchanges(_: Exchange) -> None:
        if audited_url is not None:
            await audit(audited_url)

    every(sweep_outbox, seconds=SWEEP_SECONDS)
    every(reopen_markets, seconds=REOPEN_SECONDS)
    every(make_leaderboards, seconds=LEADERBOARD_SECONDS)
    every(count_candles, seconds=COUNT_SECONDS)
    every(purge_requests, hours=1)
    every(purge_outbox, hours=1)
    # Often, since it passes over what was audited within the hour, also before a restart.
    every(audit_exchanges, minutes=10)
    every(find_suspects, seconds=SEARCH_SECONDS)
    every(purge_verifications, hours=1)
    every(purge_suspects, hours=1)
    every(purge_names, hours=1)
    return scheduler


async def _if_leader(leadership: Leadership | None, job: Job, exchange: Exchange) -> None:
    if leadership is not None and not leadership.is_leader:
        return
    try:
        await job(exchange)
    except ExchangeError as error:
        _log.warning("The job %s was not done; the next time tries again: %s", job.__name__, error)


async def reopen_markets(exchange: Exchange) -> None:
    """Reopen the markets whose halt has ended, where nobody trades who would."""
    await exchange.reopen_markets()


async def make_leaderboards(exchange: Exchange) -> None:
    """Take the snapshot of the hour, make the leaderboards anew, and queue the daily posts, where they are due; prepare the next hour."""
    await exchange.refresh_leaderboards()
    await exchange.post_leaderboards()
    await exchange.prepare_medians()


async def count_candles(exchange: Exchange) -> None:
    """Count the fills that have come for charts and boards, which read what is not counted one by one."""
    await exchange.catch_up_candles()


async def purge_requests(exchange: Exchange) -> None:
    """Forget the request records that are too old to be asked for again."""
    _log.info("Forgot %d old request records.", await exchange.purge_requests())


async def purge_outbox(exchange: Exchange) -> None:
    """Forget old notices and ended alerts."""
    _log.info("Forgot %d old notices, alerts and waiting orders.", await exchange.purge_outbox())


async def audit(database_url: str) -> None:
    """Audit every exchange that was not audited for an hour, and say loudly what does not balance; when it was done stands in the metrics."""
    for exchange_id, discrepancies in (await record_audits(database_url)).items():
        _log.error(
            "Exchange %d does not balance, in %d places: %s",
            exchange_id,
            len(discrepancies),
            " ".join(discrepancies[:_DISCREPANCIES_LOGGED]),
        )


async def purge_verifications(exchange: Exchange) -> None:
    """Forget ended sign-up links, and the networks that are kept no longer."""
    _log.info("Forgot %d old sign-up links and networks.", await exchange.purge_verifications())


async def find_suspects(exchange: Exchange) -> None:
    """Look for accounts that come or trade as many; moderators are told of what is new."""
    found = await exchange.find_suspects()
    if found:
        _log.info("Found %d signals that moderators should look at.", found)


async def purge_suspects(exchange: Exchange) -> None:
    """Forget clusters that were decided long ago."""
    _log.info("Forgot %d old clusters.", await exchange.purge_suspects())


async def purge_names(exchange: Exchange) -> None:
    """Forget old names on the record of moderators."""
    _log.info("Forgot %d old names on the record.", await exchange.purge_names())
