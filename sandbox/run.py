"""The sandbox: the real bot and the real exchange, on a simulated Discord in the browser."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import discord
import simcord
from simcord.backend.serializers import guild_create_payload

from bot.client import BetJee
from bot.communities import PROVIDER
from bot.jobs import scheduled_jobs
from bot.networks import networks_of
from bot.pictures.studio import Studio
from bot.postman import Postman
from bot.relay import Relay
from bot.run import redis_client
from exchange.database import Database
from exchange.errors import ExchangeError, ExchangeUnavailable
from exchange.exchange import Exchange
from exchange.models import Identity
from runtime.keyed_hashes import KeyedHashes, keyed_hashes
from runtime.limits import Limits
from runtime.settings import Settings
from runtime.sign_up_links import SignUpLinks
from sandbox.board_keeper import BoardKeeper
from sandbox.capability import kept_capability
from sandbox.clock import keep_time, set_clock
from sandbox.direct_messages import DirectMessages
from sandbox.guild import CHANNEL_NAME, GUILD_ID, TRADERS, Guild, found_guild, members_by_name
from sandbox.page import LOOPBACK, serve_page
from sandbox.remembered_markdown import remembered_markdown
from sandbox.screen import Screen
from sandbox.ticker import Ticker
from sandbox.traders import Trader
from sandbox.typed_commands import TypedCommands
from web.application import web_application
from web.limits import CountedSignUps
from web.server import listening_socket, serving

SETTLE_SECONDS: Final = 15.0
"""How long an action may take. A command that waits for a database that is away takes 12 s."""

SECONDS_BETWEEN_ORDERS: Final = 2.0
"""Of all simulated traders together, on average."""

DELIVERY_SECONDS: Final = 2.0

ANSWER_SECONDS: Final = 5.0
"""How long an action waits for Redis: longer than by default, since pages are drawn on the same loop."""

EXCHANGE_LOOK_SECONDS: Final = 1.0

LOCALE: Final = "en-GB"
TIME_ZONE: Final = "Asia/Kolkata"
"""The page shows dates and times as the exchange's community reads them."""

HINT: Final = (
    "Open it in a browser and type /register, then /buy 22s1 10. "
    "“Viewing as” makes you another member or the moderator. Ctrl-C stops the sandbox."
)


async def run(settings: Settings, database_url: str, redis_url: str) -> None:
    """Run the sandbox until it is told to stop by Ctrl-C, SIGTERM or SIGHUP.

    Prints the page's address. Raises SettingError if the page's port is taken, and
    ExchangeUnavailable if the database cannot be reached at the start.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    hashes = keyed_hashes(settings)
    async with (
        _exchange_at(database_url, hashes) as exchange,
        redis_client(redis_url) as redis,
        Studio() as studio,
        contextlib.aclosing(_limits_at(redis_url, exchange)) as limits,
        _sign_up_page(exchange, hashes, limits, settings) as page_url,
    ):
        # The first question opens the connections, which must not belong to the bot: whatever the bot starts,
        # the simulated Discord waits for.
        await exchange.check_hash_key(hashes.fingerprint)
        await limits.look()
        # Members sign up at once, as the README says, until the moderator wants the page to be used.
        links = SignUpLinks(page_url, verification="off")
        bot = BetJee(exchange, redis, limits=limits, studio=studio, links=links)
        with remembered_markdown():
            await _run_until(stop, settings, exchange, bot)


def _limits_at(redis_url: str, exchange: Exchange) -> Limits:
    """The limits, patient: what keeps this process busy is no outage of Redis."""
    return Limits(redis_url, exchange.get_rate_limits, networks_of(exchange), answer_seconds=ANSWER_SECONDS)


@contextlib.asynccontextmanager
async def _exchange_at(database_url: str, hashes: KeyedHashes) -> AsyncIterator[Exchange]:
    """The exchange with its scheduled jobs."""
    exchange = Exchange(Database(database_url), hash_identity=hashes.identity)
    jobs = scheduled_jobs(exchange)
    jobs.start()
    try:
        yield exchange
    finally:
        jobs.shutdown(wait=False)
        await exchange.close()


@contextlib.asynccontextmanager
async def _sign_up_page(
    exchange: Exchange, hashes: KeyedHashes, limits: Limits, settings: Settings
) -> AsyncIterator[str]:
    """The sign-up page on any free port; yields its address.

    It asks Discord nothing: whoever is on a simulated Discord is nobody on the real one.
    """
    listener = listening_socket(LOOPBACK, 0)
    url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    without_discord = replace(settings, discord_client_id=None, discord_client_secret=None, web_proxies=())
    limiter = CountedSignUps(limits)
    async with serving(web_application(exchange, hashes, without_discord, url, limiter=limiter), listener):
        yield url


async def _run_until(stop: asyncio.Event, settings: Settings, exchange: Exchange, bot: BetJee) -> None:
    env = simcord.Env(bot, shard_count=1, settle_timeout=SETTLE_SECONDS)
    guild = found_guild(env)
    set_clock(env)
    keeper = BoardKeeper(exchange, bot, began_at=env.now())
    turn = asyncio.Lock()
    await env.start()
    try:
        await _greet(env, bot)
        preview = _preview(env, guild)
        preview.capability = kept_capability(settings.data_folder)
        screen = Screen(env, preview, guild.channel)
        async with (
            preview,
            serve_page(preview, screen, turn, _typed_commands(bot, guild), settings.sandbox_port) as address,
            asyncio.TaskGroup() as tasks,
        ):
            running = [
                tasks.create_task(keep_time(env, screen, turn)),
                tasks.create_task(_enliven(exchange, bot, guild, turn)),
                tasks.create_task(
                    _deliver(
                        Relay(exchange, Postman(bot), pause_seconds=0),
                        keeper,
                        DirectMessages(env, guild.channel, guild.viewers),
                        turn,
                    )
                ),
            ]
            print(f"{address}\n{HINT}", flush=True)  # noqa: T201  # the address is what the command is asked for
            await stop.wait()
            async with turn:  # An action in hand is finished first.
                for task in running:
                    task.cancel()
    finally:
        await env.shutdown()


def _preview(env: simcord.Env, guild: Guild) -> simcord.Preview:
    return env.preview(
        guild.channel,
        viewers=guild.viewers,
        layout="channel",
        assets=guild.pictures,
        locale=LOCALE,
        timezone=TIME_ZONE,
    )


def _typed_commands(bot: BetJee, guild: Guild) -> TypedCommands:
    invocations = [command.qualified_name for command in bot.tree.walk_commands()]
    return TypedCommands(invocations, members_by_name(), {CHANNEL_NAME: guild.channel.id})


async def _greet(env: simcord.Env, bot: BetJee) -> None:
    """Do what the simulated Discord leaves out when a bot connects to it."""
    # Discord tells of each guild once more when the bot is ready, and the bot opens its exchange then.
    env.backend.emit("GUILD_CREATE", guild_create_payload(env.backend, env.backend.get_guild(GUILD_ID)))
    await env.settle()
    # Tests want every error that a command raised. Here one that the bot has answered is an answer like any
    # other, and the page must not call it a failure; so the error handler is the bot's own again.
    del bot.tree.on_error


async def _enliven(exchange: Exchange, bot: BetJee, guild: Guild, turn: asyncio.Lock) -> None:
    """Let the simulated members trade, and the channel show it, once the bot has opened the guild's exchange."""
    exchange_id = await _exchange_of_the_guild(exchange)
    channel = bot.get_channel(guild.channel.id)
    assert isinstance(channel, discord.TextChannel)
    ticker = Ticker(exchange, exchange_id, channel, turn)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ticker.run())
        for person in TRADERS:
            identity = Identity(PROVIDER, str(person.discord_id), person.display_name)
            pause = SECONDS_BETWEEN_ORDERS * len(TRADERS)
            tasks.create_task(Trader(exchange, exchange_id, identity, pause, ticker.tell).trade())


async def _deliver(
    relay: Relay, keeper: BoardKeeper, direct_messages: DirectMessages, turn: asyncio.Lock
) -> None:
    """Send what the outbox has and edit the live board, as the bot itself does, but never while the page shows an action."""
    while True:
        await asyncio.sleep(DELIVERY_SECONDS)
        async with turn:
            with contextlib.suppress(ExchangeError):
                await relay.sweep()
                await keeper.sweep()
            direct_messages.show_new()


async def _exchange_of_the_guild(exchange: Exchange) -> int:
    """The bot opens it as soon as it can reach the database; until then it is looked for again."""
    while True:
        with contextlib.suppress(ExchangeUnavailable):
            exchange_id = await exchange.find_exchange(PROVIDER, str(GUILD_ID))
            if exchange_id is not None:
                return exchange_id
        await asyncio.sleep(EXCHANGE_LOOK_SECONDS)
