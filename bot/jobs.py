"""What the bot does by the clock. Every process may do it: the work is the same whoever does it, or how often."""

import logging

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from exchange.errors import ExchangeError
from exchange.exchange import Exchange

_log = logging.getLogger(__name__)


def scheduled_jobs(exchange: Exchange) -> AsyncIOScheduler:
    """The scheduler with its jobs, not yet started."""
    # By default a job that is a second late is dropped; a late one is as good, and one for several missed is enough.
    scheduler = AsyncIOScheduler(job_defaults={"misfire_grace_time": None, "coalesce": True})
    scheduler.add_job(purge_requests, "interval", hours=1, args=[exchange], id="purge_requests")
    return scheduler


async def purge_requests(exchange: Exchange) -> None:
    """Forget the request records that are too old to be asked for again."""
    try:
        forgotten = await exchange.purge_requests()
    except ExchangeError as error:
        _log.warning("Old request records were not forgotten; the next hour tries again: %s", error)
    else:
        _log.info("Forgot %d old request records.", forgotten)
