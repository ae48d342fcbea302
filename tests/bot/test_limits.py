"""What members see who are too fast, and that whoever shares their network does not."""

import re
from collections.abc import AsyncIterator

import pytest
import simcord
from redis.asyncio import Redis

from bot.client import BetJee
from bot.communities import PROVIDER
from bot.errors import Banned
from bot.tree import budget_of
from exchange.exchange import Exchange
from exchange.limits import RateLimits
from exchange.models import Identity
from runtime.limits import Budget, Limits, Network
from runtime.limits.limits import NETWORK_SECONDS
from tests.bot.conftest import forget_counts
from tests.bot.world import Seen, World
from tests.conftest import PATIENT_SECONDS, Database

AGAIN = re.compile(r"Try again <t:(\d+):R>")
HOSTEL = b"\x17" * 32


class Clock:
    """A clock that a test moves on, so that what is remembered grows old."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def networks() -> dict[str, Network]:
    """The network of each member by their id, where it is known."""
    return {}


@pytest.fixture
async def limits(
    database: Database, exchange: Exchange, redis: Redis, clock: Clock, networks: dict[str, Network]
) -> AsyncIterator[Limits]:
    async def network_of(_exchange_id: int, user: str) -> Network | None:
        return networks.get(user)

    await forget_counts(redis)
    limits = Limits(
        database.redis_url,
        exchange.get_rate_limits,
        network_of,
        answer_seconds=PATIENT_SECONDS,
        clock=clock,
    )
    await limits.look()
    yield limits
    await limits.aclose()


async def sets(world: World, clock: Clock, **settings: int) -> None:
    """The owner changes settings, and the bot has heard of it."""
    exchange_id = await world.exchange_id()
    owner = await world.exchange.find_user(exchange_id, PROVIDER, str(world.meera.id))
    assert owner is not None
    for number, (name, value) in enumerate(settings.items(), start=1):
        await world.exchange.change_setting(exchange_id, number, owner.user_id, name, str(value))
    clock.now += NETWORK_SECONDS
    await world.asks(world.meera, "help")


async def buys(world: World, who: simcord.MemberActor, times: int = 1) -> list[Seen]:
    return [await world.asks(who, "buy", market="22s1", shares="1") for _ in range(times)]


def seconds_left(world: World, refusal: Seen) -> float:
    """How long a refusal tells its reader to wait."""
    again = AGAIN.search(refusal.text)
    assert again is not None, refusal.text
    return int(again[1]) - world.env.now().timestamp()


async def test_the_sixth_order_at_once_is_told_when_to_come_back_and_does_nothing(world: World):
    await world.registered(world.asha)
    *fills, refused = await buys(world, world.asha, 6)
    assert {fill.title for fill in fills} == {"Bought 1 × 22s1"}
    assert refused.title == "Not so fast"
    assert refused.ephemeral
    assert "Nothing was done or charged" in refused.text
    assert 0 < seconds_left(world, refused) <= 11
    assert (await world.portfolio(world.asha)).positions[0].shares == 5
    assert len(world.public_lines()) == 5


async def test_the_eleventh_order_of_a_minute_is_refused_and_only_its_own_member_and_only_orders(
    world: World, clock: Clock
):
    await sets(world, clock, user_trade_burst=10)
    await world.registered(world.asha, world.ravi)
    *fills, refused = await buys(world, world.asha, 11)
    assert {fill.title for fill in fills} == {"Bought 1 × 22s1"}
    assert refused.title == "Not so fast"
    assert 11 < seconds_left(world, refused) <= 61
    assert "22s1" in (await world.asks(world.asha, "portfolio")).text
    quote = await world.asks(world.asha, "quote", side="buy", market="22s1", shares="1")
    assert quote.title.startswith("Quote")
    assert (await buys(world, world.ravi))[0].title == "Bought 1 × 22s1"
    for command, options in (
        ("stoploss", {"market": "22s1", "trigger_price": "12"}),
        ("alerts", {"market": "22s1", "price": "50"}),
        ("privacy delete", {}),
    ):
        assert (await world.asks(world.asha, command, **options)).title == "Not so fast", command


async def test_to_look_at_what_waits_is_to_read_also_where_the_same_command_arms_it(world: World):
    await world.registered(world.asha)
    for _ in range(6):
        assert (await world.asks(world.asha, "alerts")).title == "Your price alerts"
    *_, refused = await buys(world, world.asha, 6)
    assert refused.title == "Not so fast"
    assert (await world.asks(world.asha, "alerts")).title == "Your price alerts"
    assert (await world.asks(world.asha, "alerts", market="22s1", price="50")).title == "Not so fast"
    assert (await world.asks(world.asha, "alerts", market="22s1")).title == "Not so fast"


async def test_orders_that_come_to_nothing_keep_nobody_from_appealing_or_reporting(world: World):
    await world.registered(world.asha)
    await world.asks(world.meera, "ban", member=world.ravi, reason="Odd.")
    orders = [{"market": "22s1", "shares": "1"}, {"market": "99s9", "shares": "1"}]
    for who in (world.asha, world.ravi):
        for number in range(12):
            seen = await world.asks(who, "buy", **orders[number % 2])
        assert seen.title == "Not so fast"
    world.forgive(Banned)
    assert (await world.asks(world.ravi, "appeal", text="It was my sister.")).title == "Appeal sent"
    assert (await world.asks(world.asha, "report", text="I cannot trade.")).title == "Thank you"


async def test_a_changed_setting_counts(world: World, clock: Clock):
    await world.registered(world.asha)
    await sets(world, clock, user_trade_burst=1)
    assert [seen.title for seen in await buys(world, world.asha, 2)] == ["Bought 1 × 22s1", "Not so fast"]


async def test_a_refusal_is_seen_by_nobody_else_even_of_a_public_command(world: World, clock: Clock):
    await sets(world, clock, user_reads_per_minute=5)
    *boards, refused = [await world.asks(world.asha, "markets") for _ in range(6)]
    assert {board.ephemeral for board in boards} == {False}
    assert refused.ephemeral
    assert refused.title == "Not so fast"
    assert "You have asked for a lot" in refused.text


async def test_a_click_that_comes_too_fast_leaves_its_button(world: World, clock: Clock, redis: Redis):
    await world.registered(world.asha)
    await sets(world, clock, user_reads_per_minute=5)
    quote = await world.asks(world.asha, "buy", market="22s1", shares="200")
    for _ in range(5):
        await world.asks(world.asha, "help")
    refused = await world.clicks(world.asha, quote, "Confirm")
    assert refused.title == "Not so fast"
    assert refused.ephemeral
    assert (await world.portfolio(world.asha)).positions == ()
    assert quote.buttons == ["Confirm", "Cancel"]
    await forget_counts(redis)
    await world.clicks(world.asha, quote, "Confirm")
    assert quote.title == "Bought 200 × 22s1"


async def test_who_types_too_fast_is_offered_nothing_and_can_still_send(world: World, clock: Clock):
    await world.registered(world.asha)
    await sets(world, clock, user_quotes_per_minute=5)
    offered = [
        await world.asha.autocomplete(world.channel, "buy", "shares", "7", market="22s1") for _ in range(6)
    ]
    assert all(offered[:5])
    assert offered[5] == []
    quote = await world.asks(world.asha, "quote", side="buy", market="22s1", shares="1")
    assert quote.title == "Not so fast"
    assert (await buys(world, world.asha))[0].title == "Bought 1 × 22s1"


async def test_moderators_have_a_budget_of_their_own(world: World, clock: Clock):
    await sets(world, clock, user_reads_per_minute=5, moderator_commands_per_minute=10)
    for _ in range(6):
        read = await world.asks(world.meera, "markets")
    assert read.title == "Not so fast"
    *lists, refused = [await world.asks(world.meera, "settings list") for _ in range(11)]
    assert {seen.title for seen in lists} == {"Settings"}
    assert "moderators' commands" in refused.text


async def spends_moderation(world: World) -> None:
    """The owner sends commands until one is refused."""
    for _ in range(31):
        if (await world.asks(world.meera, "settings list")).title == "Not so fast":
            return
    raise AssertionError("nothing was refused")


async def test_buttons_of_moderators_are_counted_with_their_commands(world: World, redis: Redis):
    await world.registered(world.asha)
    exchange_id = await world.exchange_id()

    async def standing() -> str:
        member = await world.exchange.find_user(exchange_id, PROVIDER, str(world.asha.id))
        assert member is not None
        return member.status

    shown = await world.asks(world.meera, "wipe", members=str(world.asha.id), reason="Bots.")
    await spends_moderation(world)
    assert (await world.clicks(world.meera, shown, "Confirm")).title == "Not so fast"
    assert await standing() == "active"
    await forget_counts(redis)
    planned = await world.clicks(world.meera, shown, "Confirm")
    await spends_moderation(world)
    assert (await world.clicks(world.meera, planned, "Undo")).title == "Not so fast"
    assert await standing() == "frozen"
    await forget_counts(redis)
    assert "undone" in (await world.clicks(world.meera, planned, "Undo")).text


async def test_signing_up_again_and_again_is_refused(world: World):
    titles = [(await world.asks(world.asha, "register")).title for _ in range(11)]
    assert titles == ["Welcome to the exchange", *["You already have an account"] * 9, "Not so fast"]


async def test_a_guild_whose_exchange_is_not_known_yet_is_limited_by_the_defaults(
    world: World, limits: Limits
):
    for _ in range(5):
        assert (await limits.check_member(Budget.TRADES, 0, str(world.asha.id))).is_admitted
    assert not (await limits.check_member(Budget.TRADES, 0, str(world.asha.id))).is_admitted
    assert world.bot.intake.is_open


@pytest.mark.parametrize("suspect", [False, True])
async def test_bots_in_a_hostel_silence_nobody(
    world: World, clock: Clock, networks: dict[str, Network], suspect: bool
):
    """Thirty members on one network, ten of them bots that trade as fast as they are let."""
    await sets(world, clock, network_trades_per_minute=20)
    exchange_id = await world.exchange_id()
    people = []
    for number in range(30):
        person = world.guild.add_member(world.env.create_user(f"m{number}", global_name=f"Member {number}"))
        identity = Identity(PROVIDER, str(person.id), person.name)
        await world.exchange.register_user(exchange_id, 1_000 + number, identity)
        networks[str(person.id)] = Network(HOSTEL, suspect)
        people.append(person)
        await world.asks(person, "help")
    bots, honest = people[:10], people[10:]
    fills = []
    for bot in bots:
        titles = [seen.title for seen in await buys(world, bot, 6)]
        fills.append(titles.count("Bought 1 × 22s1"))
    # A bot may give five at once until the network has given 20, or 10 where it is suspect; then two.
    assert fills == ([5, 5, 2, 2, 2, 2, 2, 2, 2, 2] if suspect else [5, 5, 5, 5, 2, 2, 2, 2, 2, 2])
    for person in honest:
        titles = [seen.title for seen in await buys(world, person, 2)]
        assert titles == ["Bought 1 × 22s1"] * 2
    (refused,) = await buys(world, honest[0])
    assert refused.title == "Not so fast"
    assert "members on your network" in refused.text
    assert 0 < seconds_left(world, refused) <= 61
    await world.registered(world.asha)
    assert [seen.title for seen in await buys(world, world.asha, 3)] == ["Bought 1 × 22s1"] * 3


BUDGETS = {
    Budget.TRADES: {
        "buy",
        "sell",
        "short",
        "cover",
        "stoploss",
        "takeprofit",
        "alerts",
        "privacy delete",
    },
    Budget.QUOTES: {"quote"},
    Budget.SIGN_UPS: {"register"},
    Budget.READS: {
        "markets",
        "market",
        "chart",
        "leaderboard",
        "help",
        "portfolio",
        "orders",
        "notifications",
        "history",
        "tape",
        "privacy show",
        "privacy export",
        "report",
        "appeal",
    },
    Budget.MODERATION: {
        "settings list",
        "settings set",
        "settings channel",
        "moderators list",
        "moderators add",
        "moderators remove",
        "reports",
        "board here",
        "board off",
        "ban",
        "bans",
        "freeze",
        "unfreeze",
        "unban",
        "wipe",
        "wipes list",
        "wipes undo",
        "wipes second",
        "halt",
        "resume",
        "modlog",
        "settings moderators-channel",
        "settings audit-channel",
        "suspects list",
        "suspects show",
        "suspects release",
        "suspects ban-network",
    },
}


async def test_each_command_has_its_budget(world: World, simcord_bot: BetJee):
    commands = list(simcord_bot.tree.walk_commands())
    found = {
        command.qualified_name: budget_of(command) for command in commands if not hasattr(command, "commands")
    }
    assert found == {name: budget for budget, names in BUDGETS.items() for name in names}
    other = {
        command.qualified_name: budget_of(command, has_options=False)
        for command in commands
        if not hasattr(command, "commands") and budget_of(command, has_options=False) != budget_of(command)
    }
    assert other == {"alerts": Budget.READS}


async def test_the_defaults_are_those_of_a_new_exchange(world: World):
    assert await world.exchange.get_rate_limits(await world.exchange_id()) == RateLimits()
