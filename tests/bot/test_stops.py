"""Orders that wait for a price: how people arm them, and why they may be refused."""

import asyncpg
import pytest

from bot.errors import InputUnreadable, NotRegistered
from exchange.errors import RequestRejected
from tests.bot.stopping import HALT, arm, hold, position
from tests.bot.world import World

ASK_TO_BE_TOLD = "Tell me by direct message"


class TestArming:
    async def test_a_stop_loss_says_what_it_will_do(self, world: World):
        await hold(world)
        seen = await world.asks(world.asha, "stoploss", market="22S1 ", trigger_price="₹12")
        assert seen.ephemeral
        assert seen.title == "Stop-loss: 22s1"
        assert "Sells **100 shares** of **22s1** when its price falls to **₹12.00** or below" in seen.text
        assert "it is ₹17.32 now" in seen.text
        assert "in the same moment as the trade that carries the price there" in seen.text
        assert "at whatever price the curve then gives" in seen.text
        assert "only reduces your position: it shrinks with it, and lapses when it is closed" in seen.text
        assert "end each other when one closes it" in seen.text
        assert seen.figures == {"Your position": "100 shares of 22s1", "Orders waiting": "1 of at most 20"}
        assert seen.buttons == [ASK_TO_BE_TOLD]
        assert (await position(world, world.asha)).waiting_orders == 1
        assert len(world.public_lines()) == 1, "of the buy; what waits is private"

    async def test_a_take_profit_waits_for_the_other_way(self, world: World):
        await hold(world)
        seen = await world.asks(world.asha, "takeprofit", market="22s1", trigger_price="20", shares="40")
        assert seen.title == "Take-profit: 22s1"
        assert "Sells **40 shares** of **22s1** when its price rises to **₹20.00** or above" in seen.text

    @pytest.mark.parametrize(
        ("command", "price", "words"),
        [
            ("stoploss", "20", "when its price rises to **₹20.00** or above"),
            ("takeprofit", "12", "when its price falls to **₹12.00** or below"),
        ],
    )
    async def test_of_a_short_both_are_mirrored(self, world: World, command: str, price: str, words: str):
        await world.registered(world.asha)
        await world.asks(world.asha, "short", market="22s1", shares="10")
        seen = await world.asks(world.asha, command, market="22s1", trigger_price=price)
        assert f"Buys back **10 shares** of **22s1** {words}" in seen.text
        assert seen.figures["Your position"] == "short 10 shares of 22s1"

    @pytest.mark.parametrize(
        ("size", "sold"), [("25%", "25 shares"), ("max", "100 shares"), ("1", "1 share")]
    )
    async def test_a_part_is_a_part_of_the_position(self, world: World, size: str, sold: str):
        await hold(world)
        seen = await world.asks(world.asha, "stoploss", market="22s1", trigger_price="12", shares=size)
        assert f"Sells **{sold}** of" in seen.text

    async def test_who_is_told_already_is_not_asked(self, world: World):
        await hold(world)
        seen = await world.asks(world.asha, "stoploss", market="22s1", trigger_price="12")
        answer = await world.clicks(world.asha, seen, ASK_TO_BE_TOLD)
        assert answer.title == "Chosen"
        seen = await world.asks(world.asha, "takeprofit", market="22s1", trigger_price="20")
        assert seen.buttons == []

    async def test_a_halted_market_takes_them_and_says_when_it_reopens(
        self, world: World, connection_owner: asyncpg.Connection
    ):
        await hold(world)
        await connection_owner.execute(HALT)
        seen = await world.asks(world.asha, "stoploss", market="22s1", trigger_price="12")
        assert seen.title == "Stop-loss: 22s1"
        end = await connection_owner.fetchval(
            "select extract(epoch from halted_until)::bigint from betjee.markets where code = '22s1'"
        )
        assert "**22s1** is halted and reopens at <t:" in seen.text
        assert abs(int(seen.text.partition("<t:")[2].partition(":T>")[0]) - end) <= 1


class TestRefusals:
    @pytest.mark.parametrize(
        ("command", "options", "title", "words"),
        [
            (
                "stoploss",
                {"trigger_price": "20"},
                "the trigger is crossed already",
                (
                    "a stop-loss of all you have in **22s1** at ₹20.00. The price is ₹17.32, so that is crossed already: "
                    "this order waits until it has fallen, and its trigger must be below the price. To sell at once use "
                    "`/sell`; to sell when the price has risen, `/takeprofit`."
                ),
            ),
            (
                "takeprofit",
                {"trigger_price": "12", "shares": "50%"},
                "the trigger is crossed already",
                (
                    "a take-profit of 50% of what you have in **22s1** at ₹12.00. The price is ₹17.32, so that is crossed "
                    "already: this order waits until it has risen, and its trigger must be above the price. To sell at once "
                    "use `/sell`; to sell when the price has fallen, `/stoploss`."
                ),
            ),
            (
                "stoploss",
                {"trigger_price": "9.99"},
                "the price never goes there",
                "Trading can take that price from ₹10.00 to ₹",
            ),
            (
                "stoploss",
                {"trigger_price": "999999999999"},
                "the price never goes there",
                "at ₹9,99,99,99,99,999.00. Trading can take that price from ₹10.00",
            ),
            (
                "takeprofit",
                {"trigger_price": "999.50"},
                "the price never goes there",
                "a trigger is a price between these",
            ),
            (
                "stoploss",
                {"trigger_price": "12", "shares": "101"},
                "more than you have",
                "a stop-loss of 101 shares of **22s1** at ₹12.00. You hold 100 shares there",
            ),
            (
                "stoploss",
                {"trigger_price": "12", "shares": "0"},
                "not a number of shares",
                "at least 1 share",
            ),
            (
                "stoploss",
                {"trigger_price": "12", "market": "22s2"},
                "no position",
                "you have none there. `/buy` or `/short` opens one",
            ),
            (
                "stoploss",
                {"trigger_price": "12", "market": "*99*"},
                "unknown market",
                "`/markets` lists them",
            ),
        ],
    )
    async def test_a_refusal_says_what_was_asked_and_what_is_possible(
        self, world: World, command: str, options: dict[str, str], title: str, words: str
    ):
        await hold(world)
        seen = await world.asks(world.asha, command, **{"market": "22s1", **options})
        assert seen.ephemeral
        assert seen.title == f"Not done: {title}"
        assert seen.text.splitlines()[1].startswith("You asked for a ")
        assert words in seen.text
        assert "Nothing has changed" in seen.text
        if options.get("market") != "*99*":
            assert seen.figures["Price now"] == ("₹16.63" if "market" in options else "₹17.32")
            assert seen.figures["Orders waiting"] == "0 of at most 20"
        assert (await position(world, world.asha)).waiting_orders == 0
        world.forgive(RequestRejected)

    @pytest.mark.usefixtures("unhurried")
    async def test_the_triggers_that_a_refusal_names_are_taken(self, world: World):
        await hold(world)
        low = await world.asks(world.asha, "stoploss", market="22s1", trigger_price="20")
        assert low.figures["Possible triggers"] == "₹10.00 to below ₹17.32"
        high = await world.asks(world.asha, "takeprofit", market="22s1", trigger_price="12")
        highest = high.figures["Possible triggers"].removeprefix("above ₹17.32, to ")
        world.forgive(RequestRejected)
        for command, price in (
            ("stoploss", "10"),
            ("stoploss", "17.31"),
            ("takeprofit", "17.33"),
            ("takeprofit", highest),
        ):
            seen = await world.asks(world.asha, command, market="22s1", trigger_price=price)
            assert seen.title.endswith(": 22s1"), price
            assert not seen.title.startswith("Not done"), price

    async def test_a_short_is_pointed_to_cover(self, world: World):
        await world.registered(world.asha)
        await world.asks(world.asha, "short", market="22s1", shares="10")
        seen = await world.asks(world.asha, "stoploss", market="22s1", trigger_price="12")
        assert "its trigger must be above the price. To buy back at once use `/cover`" in seen.text
        seen = await world.asks(world.asha, "stoploss", market="22s1", trigger_price="20", shares="11")
        assert "You are short 10 shares there" in seen.text
        world.forgive(RequestRejected)

    async def test_the_same_order_twice(self, world: World):
        await hold(world)
        await arm(world, "12")
        seen = await world.asks(world.asha, "stoploss", market="22s1", trigger_price="12", shares="100")
        assert seen.title == "Not done: the same order waits already"
        assert "`/orders` shows it" in seen.text
        assert seen.figures["Orders waiting"] == "1 of at most 20"
        world.forgive(RequestRejected)

    async def test_too_many(self, world: World):
        await hold(world)
        await world.asks(world.meera, "settings set", name="max_armed_stops", value="2")
        await arm(world, "12", "13")
        seen = await world.asks(world.asha, "stoploss", market="22s1", trigger_price="14")
        assert seen.title == "Not done: too many orders wait"
        assert "2 orders of yours wait already. `/orders` lists and cancels them." in seen.text
        assert seen.figures["Orders waiting"] == "2 of at most 2"
        world.forgive(RequestRejected)

    @pytest.mark.parametrize(
        ("statement", "title"),
        [
            (
                "update betjee.users set status = 'frozen' where registered_at is not null",
                "your account is frozen",
            ),
            ("update betjee.users set status = 'banned' where registered_at is not null", "you are banned"),
            ("update betjee.markets set status = 'settled' where code = '22s1'", "the market is settled"),
        ],
    )
    async def test_refusals_that_come_from_elsewhere(
        self, world: World, connection_owner: asyncpg.Connection, statement: str, title: str
    ):
        await hold(world)
        await connection_owner.execute(statement)
        seen = await world.asks(world.asha, "stoploss", market="22s1", trigger_price="12")
        assert seen.ephemeral
        assert seen.title == f"Not done: {title}"
        assert "You asked for a stop-loss of all you have in **22s1** at ₹12.00." in seen.text
        assert seen.figures["Your position"] == "100 shares of 22s1"
        world.forgive(RequestRejected)

    @pytest.mark.parametrize("command", ["stoploss", "takeprofit", "orders"])
    async def test_strangers_are_told_to_register(self, world: World, command: str):
        options = {} if command == "orders" else {"market": "22s1", "trigger_price": "12"}
        seen = await world.asks(world.ravi, command, **options)
        assert seen.title == "No account yet"
        world.forgive(NotRegistered)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"trigger_price": "low"}, "“low” is not an amount of coins"),
            ({"trigger_price": "12", "shares": "half"}, "“half” is not a number of shares"),
        ],
    )
    async def test_what_cannot_be_read_is_answered_by_what_to_type(
        self, world: World, options: dict[str, str], words: str
    ):
        await hold(world)
        seen = await world.asks(world.asha, "stoploss", market="22s1", **options)
        assert seen.title == "Not understood"
        assert words in seen.text
        world.forgive(InputUnreadable)
