"""What people are told when the database or Redis is away, and that the bot answers in time all the same."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from bot.client import BetJee
from bot.communities import PROVIDER
from bot.run import redis_client
from bot.views import REFRESH_SECONDS
from exchange.database import Database as Connections
from exchange.errors import ExchangeUnavailable
from exchange.exchange import Exchange
from exchange.limits import RateLimits
from exchange.models import Identity
from runtime.limits import Limits
from tests.bot.conftest import IMPATIENT
from tests.bot.wire import Wire
from tests.bot.world import Seen, World
from tests.conftest import HASHES, PATIENT_SECONDS, Database

NO_REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture
async def wire(database: Database) -> AsyncIterator[Wire]:
    async with Wire(database.service_url) as wire:
        yield wire


@pytest.fixture
async def exchange(wire: Wire) -> AsyncIterator[Exchange]:
    """The exchange, behind a wire that can be cut."""
    exchange = Exchange(Connections(wire.url, patience=IMPATIENT), hash_identity=HASHES.identity)
    await exchange.find_exchange("discord", "0")
    try:
        yield exchange
    finally:
        wire.mend()
        await exchange.close()


async def lose_database(world: World, wire: Wire) -> None:
    """Cut the wire, and let the exchange notice on its idle connection."""
    wire.cut()
    with pytest.raises(ExchangeUnavailable):
        await world.exchange.find_exchange("discord", "0")


async def ask_again(world: World, wire: Wire) -> Seen:
    """An order of which no answer comes, because the wire breaks."""
    await world.registered(world.asha)
    # The wire is deafened by the order's own statement, so that the account before it is still found.
    execute = world.exchange.execute_order

    async def deafened(*arguments: object) -> object:
        wire.deafen()
        return await execute(*arguments)  # type: ignore[arg-type]  # passed on as they came

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.exchange, "execute_order", deafened)
        unknown = await world.asks(world.asha, "buy", market="22s1", shares="10")
    assert unknown.title == "No answer from the exchange"
    return unknown


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("buy", {"market": "22s1", "shares": "10"}),
        ("register", {}),
        ("portfolio", {}),
        ("markets", {}),
        ("leaderboard", {}),
    ],
)
async def test_a_database_that_is_away_is_told_and_nothing_is_charged(
    world: World, wire: Wire, command: str, options: dict[str, str]
):
    await world.registered(world.asha)
    await lose_database(world, wire)
    seen = await world.asks(world.asha, command, **options)
    assert seen.title == "The exchange could not be reached"
    assert "nothing was charged" in seen.text
    world.forgive(ExchangeUnavailable)
    wire.mend()
    assert (await world.portfolio(world.asha)).cash_paise == 20_000_00


async def test_an_order_without_an_answer_offers_to_ask_again(world: World, wire: Wire):
    unknown = await ask_again(world, wire)
    assert unknown.ephemeral
    assert "not known whether it was executed" in unknown.text
    assert unknown.buttons == ["Ask again"]
    assert world.public_lines() == []

    wire.mend()
    await world.clicks(world.asha, unknown, "Ask again")
    assert unknown.title == "Bought 10 × 22s1"
    assert unknown.buttons == []
    portfolio = await world.portfolio(world.asha)
    assert portfolio.positions[0].shares == 10, "it was executed once"
    assert portfolio.cash_paise == 19_830_63
    assert len(world.public_lines()) == 1


async def test_asking_again_in_vain_offers_it_once_more(world: World, wire: Wire):
    unknown = await ask_again(world, wire)
    await world.clicks(world.asha, unknown, "Ask again")
    assert unknown.title == "No answer from the exchange"
    assert unknown.buttons == ["Ask again"]
    wire.mend()
    await world.clicks(world.asha, unknown, "Ask again")
    assert unknown.title == "Bought 10 × 22s1"


async def test_nobody_asks_again_in_time(world: World, wire: Wire):
    unknown = await ask_again(world, wire)
    wire.mend()
    await world.env.advance_time(601)
    assert unknown.buttons == []
    assert "not known whether it was carried out" in unknown.text


async def test_a_confirmation_that_does_not_get_through_charges_nothing(world: World, wire: Wire):
    await world.registered(world.asha)
    quote = await world.asks(world.asha, "buy", market="22s1", shares="200")
    await lose_database(world, wire)
    await world.clicks(world.asha, quote, "Confirm")
    assert quote.title == "The exchange could not be reached"
    assert quote.buttons == []
    world.forgive(ExchangeUnavailable)
    wire.mend()
    assert (await world.portfolio(world.asha)).positions == ()


async def test_typing_goes_on_without_prices(world: World, wire: Wire):
    await world.registered(world.asha)
    await lose_database(world, wire)
    sizes = await world.asha.autocomplete(world.channel, "buy", "shares", "7", market="22s1")
    assert [choice["name"] for choice in sizes] == ["7", "1", "10", "100", "50%", "max"]
    markets = await world.asha.autocomplete(world.channel, "buy", "market", "22s1")
    assert [choice["name"] for choice in markets] == ["22s1"]


@pytest.mark.parametrize("command", ["buy", "register", "markets"])
async def test_an_interaction_is_acknowledged_before_the_database_is_asked(
    world: World, wire: Wire, command: str
):
    await world.registered(world.asha)
    sent_before = len(world.env.http_requests)
    wire.hold()
    options = {"market": "22s1", "shares": "10"} if command == "buy" else {}
    asking = asyncio.create_task(world.asks(world.asha, command, **options))
    async with asyncio.timeout(PATIENT_SECONDS):
        while len(world.env.http_requests) == sent_before:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)
    acknowledgement = world.env.http_requests[sent_before]
    assert acknowledgement.path.endswith("/callback")
    ephemeral = {"data": {"flags": 64}}
    assert acknowledgement.json == {"type": 5, **({} if command == "markets" else ephemeral)}
    assert len(world.env.http_requests) == sent_before + 1
    wire.mend()
    assert (await asking).title in {"Bought 10 × 22s1", "You already have an account", "Markets"}


async def test_an_order_that_cannot_be_acknowledged_is_not_executed(world: World):
    await world.registered(world.asha)
    world.env.inject_error("POST", "/interactions/*/callback", status=404, code=10062)
    result = await world.asha.slash(world.channel, "buy", market="22s1", shares="10")
    assert not result.acknowledged
    assert (await world.portfolio(world.asha)).positions == ()


async def test_a_guild_joined_while_the_database_is_away_gets_its_exchange_with_its_first_command(
    world: World, wire: Wire
):
    await lose_database(world, wire)
    guild = world.env.create_guild("Later")
    channel = guild.create_text_channel("betjee")
    member = guild.add_member(world.env.create_user("dev", global_name="Dev"))
    await world.env.settle()
    wire.mend()
    assert await world.exchange.find_exchange("discord", str(guild.id)) is None
    welcome = Seen(await member.slash(channel, "register"))
    assert welcome.title == "Welcome to the exchange"


async def test_a_guild_that_has_no_exchange_at_the_start_gets_it(
    world: World, wire: Wire, new_bot: Callable[[], BetJee]
):
    await lose_database(world, wire)
    guild = world.env.create_guild("Later")
    await world.env.settle()
    wire.mend()
    await world.env.restart_bot(new_bot())
    assert await world.exchange.find_exchange("discord", str(guild.id)) is not None


class TestWithoutRedis:
    @pytest.fixture
    def redis(self) -> Redis:
        return redis_client(NO_REDIS)

    @pytest.fixture
    async def limits(self, exchange: Exchange) -> AsyncIterator[Limits]:
        async with contextlib.aclosing(Limits(NO_REDIS, exchange.get_rate_limits)) as limits:
            yield limits

    async def test_members_trade_and_read(self, world: World, new_bot: Callable[[], BetJee]):
        await world.exchange.register_user(
            await world.exchange_id(), 1, Identity(PROVIDER, str(world.asha.id), "Asha")
        )
        fill = await world.asks(world.asha, "buy", market="22s1", shares="10")
        assert fill.title == "Bought 10 × 22s1"
        assert "22s1" in (await world.asks(world.asha, "portfolio")).text
        await world.env.restart_bot(new_bot())
        syncs = [request for request in world.env.http_requests if request.method == "PUT"]
        assert len(syncs) == 2, "without a memory the commands are synced at each start"

    async def test_members_trade_half_as_often(self, world: World):
        await world.exchange.register_user(
            await world.exchange_id(), 1, Identity(PROVIDER, str(world.asha.id), "Asha")
        )
        titles = [
            (await world.asks(world.asha, "buy", market="22s1", shares="1")).title
            for _ in range(RateLimits().user_trade_burst)
        ]
        assert titles == ["Bought 1 × 22s1"] * 2 + ["Not so fast"] * 3

    @pytest.mark.parametrize(
        ("command", "options"),
        [("register", {}), ("settings set", {"name": "tax_bps", "value": "150"}), ("reports", {})],
    )
    async def test_signing_up_and_moderating_wait(self, world: World, command: str, options: dict[str, str]):
        seen = await world.asks(world.meera, command, **options)
        assert seen.title == "Not just now"
        assert seen.ephemeral
        assert "members can trade meanwhile. Nothing has changed" in seen.text
        settings = await world.exchange.list_settings(await world.exchange_id())
        assert [setting.value for setting in settings if setting.name == "tax_bps"] == ["167"]
        member = await world.exchange.find_user(await world.exchange_id(), PROVIDER, str(world.meera.id))
        assert member is not None
        assert not member.registered


async def test_a_quote_is_confirmed_as_it_was_shown_before_the_database_was_away(world: World, wire: Wire):
    await world.registered(world.asha)
    quote = await world.asks(world.asha, "buy", market="22s1", shares="200")
    await lose_database(world, wire)
    await world.env.advance_time(REFRESH_SECONDS)
    assert quote.buttons == ["Confirm", "Cancel"]
    wire.mend()
    await world.clicks(world.asha, quote, "Confirm")
    assert quote.title == "Bought 200 × 22s1"
