"""Running the bot on Discord until it is told to stop."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import discord
import yarl
from discord.gateway import DiscordWebSocket
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bot.client import BetJee
from bot.errors import DISCORD_AWAY
from bot.health import Online, readiness
from bot.jobs import scheduled_jobs
from bot.networks import networks_of
from bot.pictures.studio import Studio
from bot.postman import Postman
from bot.relay import Relay
from exchange.database import Database
from exchange.exchange import Exchange
from exchange.leader import Leadership
from runtime.health import health_figures
from runtime.keyed_hashes import keyed_hashes
from runtime.limits import Limits
from runtime.metrics import Metrics
from runtime.metrics_server import OperatorsPage, serving
from runtime.settings import SettingError, Settings
from runtime.sign_up_links import SignUpLinks
from runtime.stopping import stopped_by_signals

FINISH_SECONDS: Final = 15.0
"""How long a shutdown waits for interactions in hand; a little longer than the exchange waits for its database."""

_REDIS_SECONDS: Final = 0.1
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 60.0
_AUTHENTICATION_FAILED: Final = 4004

_log = logging.getLogger(__name__)


async def run(settings: Settings, database_url: str, redis_url: str) -> None:
    """Run the bot until SIGTERM or SIGINT, then finish what is in hand and close everything.

    Raises SettingError where Discord does not accept the token, or where there is no key for hashes;
    OtherHashKey where the database knows people by another key, and ExchangeUnavailable where it cannot be
    asked. A Discord that cannot be reached is tried again and again, since it comes back.
    """
    token = settings.require_discord_token()
    stop = stopped_by_signals()
    _point_library_at(settings)
    nudge = asyncio.Event()
    metrics = Metrics()
    hashes = keyed_hashes(settings)
    exchange = Exchange(
        Database(database_url), on_order=nudge.set, meter=metrics, hash_identity=hashes.identity
    )
    links = SignUpLinks(settings.public_url)
    redis = redis_client(redis_url)
    studio = Studio()
    limits = Limits(redis_url, exchange.get_rate_limits, networks_of(exchange))
    leadership = Leadership(database_url)
    campaign = asyncio.create_task(leadership.campaign())
    jobs = scheduled_jobs(exchange, leadership, nudge, audited_url=database_url)
    jobs.start()
    online = Online()
    page = OperatorsPage(metrics, partial(health_figures, exchange), readiness(exchange, online))
    try:
        await exchange.check_hash_key(hashes.fingerprint)
        # It opens the connection, and an operator hears at once of a Redis that is away.
        await limits.look()
        metrics.watch_limiter(lambda: "shared" if limits.state.is_shared else "alone")
        async with serving(page, settings.metrics_host, settings.metrics_port):
            new_bot = partial(
                BetJee, exchange, redis, limits=limits, studio=studio, links=links, metrics=metrics
            )
            await _stay_online(new_bot, exchange, token, stop=stop, nudge=nudge, online=online)
    finally:
        jobs.shutdown(wait=False)
        campaign.cancel()
        await asyncio.gather(campaign, return_exceptions=True)
        await studio.close()
        await exchange.close()
        await limits.aclose()
        await redis.aclose()


def redis_client(url: str) -> Redis:
    """A client that gives up at once: nothing the bot asks of Redis is worth keeping a person waiting."""
    return Redis.from_url(
        url,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def _point_library_at(settings: Settings) -> None:
    """Both addresses are the library's globals and must be set before it logs in."""
    discord.http.Route.BASE = settings.discord_api_base
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.discord_gateway)


async def _stay_online(
    new_bot: Callable[[], BetJee],
    exchange: Exchange,
    token: str,
    *,
    stop: asyncio.Event,
    nudge: asyncio.Event,
    online: Online,
) -> None:
    """Connect, and connect again whenever the library gives up, as it does when the first connection fails."""
    pause = _FIRST_PAUSE_SECONDS
    while not stop.is_set():
        try:
            online.bot = bot = new_bot()
            relay = Relay(exchange, Postman(bot))
            relaying = asyncio.create_task(relay.run(nudge))
            tasks = [relaying, asyncio.create_task(bot.board_editor.run())]
            try:
                await _serve(bot, token, stop, partial(relay.finish, nudge, relaying, FINISH_SECONDS))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        except discord.LoginFailure as error:
            raise _wrong_token() from error
        except (*DISCORD_AWAY, discord.GatewayNotFound, discord.ConnectionClosed) as error:
            if isinstance(error, discord.ConnectionClosed) and error.code == _AUTHENTICATION_FAILED:
                raise _wrong_token() from error
            _log.warning("Discord cannot be reached; the next attempt is in %g s: %s", pause, error)
        except Exception:  # noqa: BLE001  # one event that the library cannot read must not end the exchange
            _log.exception("The connection to Discord broke; the next attempt is in %g s.", pause)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def _serve(bot: BetJee, token: str, stop: asyncio.Event, finish: Callable[[], Awaitable[None]]) -> None:
    """Serve until told to stop, then `finish`, or until the connection ends, whose error is raised."""
    connection = asyncio.create_task(bot.start(token))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((connection, stopping), return_when=asyncio.FIRST_COMPLETED)
        if connection.done():
            connection.result()
        # The connection stays up meanwhile, so that whoever comes now is told of the restart.
        await bot.intake.close(FINISH_SECONDS)
        await finish()
    finally:
        stopping.cancel()
        await bot.close()
        connection.cancel()
        await asyncio.gather(connection, return_exceptions=True)


def _wrong_token() -> SettingError:
    return SettingError(
        "DISCORD_TOKEN is not accepted by Discord: copy the token again from the Bot page of your application."
    )
