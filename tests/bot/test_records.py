"""A member's history page by page and as a file, and the public tape."""

import csv
import gzip
import io
import re
from collections.abc import Callable

import asyncpg

from bot.client import BetJee
from bot.ledger_file import LedgerFiles
from exchange.models import Order, Side, Size
from tests.bot.stopping import fire, suppose_all_see
from tests.bot.world import Seen, World


async def trade(world: World, count: int) -> None:
    """Asha buys one share after the other, at rising prices."""
    await world.registered(world.asha)
    user_id = (await world.portfolio(world.asha)).user_id
    exchange_id = await world.exchange_id()
    for number in range(1, count + 1):
        order = Order(10**6 + number, user_id, "22s1", Side.BUY, Size(shares=number))
        await world.exchange.execute_order(exchange_id, order)


def sizes(seen: Seen) -> list[str]:
    """The sizes of the trades on a page."""
    lines = (seen.embed.description or "").splitlines()
    return [line.split(" × ")[0].rpartition(" ")[2].strip("*") for line in lines if " × " in line]


def tape_lines(seen: Seen) -> list[str]:
    """The trades on a page of the tape."""
    return (seen.embed.description or "").split("```")[1].strip("\n").splitlines()


def tape_sizes(seen: Seen) -> list[str]:
    return [line.split()[3] for line in tape_lines(seen)]


def enabled(seen: Seen) -> list[str]:
    return [
        button["label"]
        for row in seen.message.components
        for button in row["components"]
        if not button.get("disabled")
    ]


class TestHistory:
    async def test_it_tells_every_change_of_the_balance(self, world: World):
        await world.registered(world.asha)
        await world.asks(world.asha, "buy", market="22s1", shares="10")
        await world.asks(world.asha, "sell", market="22s1", shares="4")
        seen = await world.asks(world.asha, "history")
        assert seen.ephemeral
        sold, bought, granted = (seen.embed.description or "").split("\n\n")
        assert sold.startswith("Sold **4 × 22s1** at ₹16.6")
        assert "**+₹6" in sold
        assert bought.startswith("Bought **10 × 22s1** at ₹16.6")
        assert "**−₹16" in bought
        assert ", tax ₹2.7" in bought.splitlines()[0], "a phone's line has no room for it beside the date"
        assert bought.endswith("\nPosition after: 10 shares")
        assert sold.endswith("\nPosition after: 6 shares")
        assert granted.startswith("Sign-up bonus granted\n**+₹20,000.00** · <t:")

    async def test_a_short_is_told_from_a_sale(self, world: World, connection_owner: asyncpg.Connection):
        await world.registered(world.asha)
        await world.asks(world.asha, "short", market="22s1", shares="10")
        await world.asks(world.asha, "cover", market="22s1", shares="max")
        seen = await world.asks(world.asha, "history")
        covered, shorted, _ = (seen.embed.description or "").split("\n\n")
        assert covered.startswith("Covered **10 × 22s1** at ₹16.59")
        assert covered.endswith("\nPosition after: none")
        assert shorted.startswith("Shorted **10 × 22s1** at ₹16.59")
        assert shorted.endswith("\nPosition after: short 10 shares")
        await connection_owner.execute("update betjee.transactions set position_shares = null")
        before_it_was_known = await world.asks(world.asha, "history")
        bought, sold, _ = (before_it_was_known.embed.description or "").split("\n\n")
        assert bought.startswith("Bought **10 × 22s1** at ₹16.59")
        assert sold.startswith("Sold **10 × 22s1** at ₹16.59")
        assert "Position after" not in before_it_was_known.text

    async def test_a_fill_by_a_waiting_order_is_told_to_its_owner(self, world: World):
        await fire(world)
        seen = await world.asks(world.asha, "history")
        assert "Sold **100 × 22s1**" in seen.text
        assert ", by your stop-loss" in seen.text

    async def test_a_stranger_is_told_to_register(self, world: World):
        assert (await world.asks(world.ravi, "history")).title == "No account yet"
        assert len(world.env.errors) == 1

    async def test_pages_after_a_restart(self, world: World, new_bot: Callable[[], BetJee]):
        await trade(world, 20)
        seen = await world.asks(world.asha, "history")
        assert sizes(seen) == [str(number) for number in range(20, 12, -1)]
        assert enabled(seen) == ["Newest", "Older", "CSV"]
        await world.env.restart_bot(new_bot())
        await world.clicks(world.asha, seen, "Older")
        assert sizes(seen) == [str(number) for number in range(12, 4, -1)]
        assert enabled(seen) == ["Newest", "Newer", "Older", "CSV"]
        await world.clicks(world.asha, seen, "Older")
        assert sizes(seen) == ["4", "3", "2", "1"]
        assert "Sign-up bonus granted" in seen.text
        assert enabled(seen) == ["Newest", "Newer", "CSV"]
        await world.clicks(world.asha, seen, "Newer")
        assert sizes(seen) == [str(number) for number in range(12, 4, -1)]
        await world.asks(world.asha, "buy", market="22s1", shares="21")
        await world.clicks(world.asha, seen, "Newer")
        assert sizes(seen)[0] == "20", "the page before, not the newest"
        await world.clicks(world.asha, seen, "Newest")
        assert sizes(seen)[0] == "21"

    async def test_the_page_after_the_newest_is_the_newest(self, world: World):
        await trade(world, 10)
        seen = await world.asks(world.asha, "history")
        await world.clicks(world.asha, seen, "Older")
        await world.clicks(world.asha, seen, "Newer")
        assert len(sizes(seen)) == 8
        assert enabled(seen) == ["Newest", "Older", "CSV"]

    async def test_nobody_turns_the_pages_of_others(self, world: World):
        await trade(world, 10)
        seen = await world.asks(world.asha, "history")
        suppose_all_see(world, seen)
        before = seen.text
        for label in ("Older", "CSV"):
            answer = await world.clicks(world.ravi, seen, label)
            assert answer.title == "Not yours"
            assert answer.ephemeral
        assert seen.text == before


class TestFile:
    async def test_the_button_gives_the_whole_ledger(
        self, world: World, connection_owner: asyncpg.Connection, new_bot: Callable[[], BetJee]
    ):
        await trade(world, 12)
        seen = await world.asks(world.asha, "history")
        await world.env.restart_bot(new_bot())
        answer = await world.clicks(world.asha, seen, "CSV")
        assert answer.ephemeral
        assert "your whole ledger: 13 entries" in answer.text
        assert "Shares that were sold, and a position that is short, are below 0." in answer.text
        (attachment,) = answer.message.attachments
        assert attachment.filename == "ledger.csv"
        rows = list(csv.DictReader(io.StringIO((await attachment.read()).decode(), newline="")))
        assert [row["shares"] for row in rows] == [*(str(number) for number in range(12, 0, -1)), ""]
        assert {row["market"] for row in rows[:-1]} == {"22s1"}
        assert [row["position_after"] for row in rows] == [
            *(str(number * (number + 1) // 2) for number in range(12, 0, -1)),
            "",
        ]
        changes = sum(int(row["balance_change"].replace(".", "")) for row in rows)
        assert changes == (await world.portfolio(world.asha)).cash_paise
        newest = await connection_owner.fetchrow(
            "select * from betjee.transactions where shift_id = 3 order by sequence desc limit 1"
        )
        assert newest is not None
        assert int(rows[0]["sequence"]) == newest["sequence"]
        assert rows[0]["tax"].replace(".", "").lstrip("0") == str(newest["tax_paise"])
        assert rows[0]["time"].endswith("+00:00")
        assert (rows[-1]["kind"], rows[-1]["cause"], rows[-1]["balance_change"]) == (
            "grant",
            "signup",
            "20000.00",
        )

    async def test_it_tells_shorts_and_covers_with_the_position_after_them(self, world: World):
        await world.registered(world.asha)
        await world.asks(world.asha, "short", market="22s1", shares="10")
        await world.asks(world.asha, "cover", market="22s1", shares="4")
        user_id = (await world.portfolio(world.asha)).user_id
        file = await LedgerFiles(world.exchange).make(await world.exchange_id(), user_id)
        rows = list(csv.DictReader(io.StringIO(file.content.decode(), newline="")))
        assert [(row["kind"], row["shares"], row["position_after"]) for row in rows] == [
            ("cover", "4", "-6"),
            ("short", "-10", "-10"),
            ("grant", "", ""),
        ]

    async def test_it_is_read_page_by_page_without_gaps(self, world: World):
        await trade(world, 12)
        user_id = (await world.portfolio(world.asha)).user_id
        pages = [
            [entry.shares for entry in page]
            async for page in world.exchange.export_history(await world.exchange_id(), user_id, 5)
        ]
        assert [len(page) for page in pages] == [5, 5, 3]
        assert [shares for page in pages for shares in page] == [*range(12, 0, -1), None]

    async def test_of_a_large_ledger_the_newest_part(self, world: World):
        await trade(world, 12)
        user_id = (await world.portfolio(world.asha)).user_id
        file = await LedgerFiles(world.exchange, entries_at_most=5).make(await world.exchange_id(), user_id)
        assert (file.entries, file.is_whole, file.is_compressed) == (5, False, False)
        assert len(file.content.decode().splitlines()) == 6
        exact = await LedgerFiles(world.exchange, entries_at_most=13).make(await world.exchange_id(), user_id)
        assert (exact.entries, exact.is_whole) == (13, True)

    async def test_what_is_too_large_for_discord_is_compressed(self, world: World):
        await trade(world, 12)
        user_id, exchange_id = (await world.portfolio(world.asha)).user_id, await world.exchange_id()
        plain = await LedgerFiles(world.exchange).make(exchange_id, user_id)
        packed = await LedgerFiles(world.exchange, plain_bytes_at_most=100).make(exchange_id, user_id)
        assert (packed.name, packed.is_compressed) == ("ledger.csv.gz", True)
        assert gzip.decompress(packed.content) == plain.content


class TestTape:
    async def test_it_tells_the_last_trades_of_all(self, world: World):
        nobody = await world.asks(world.ravi, "tape")
        assert nobody.ephemeral
        assert "Nobody has traded yet" in nobody.text
        assert nobody.buttons == []
        await world.registered(world.asha, world.ravi)
        await world.asks(world.asha, "buy", market="22s1", shares="10")
        await world.asks(world.ravi, "short", market="22s2", shares="3")
        seen = await world.asks(world.ravi, "tape")
        first, second = tape_lines(seen)
        assert re.fullmatch(r"\d+s Ravi sold    3 22s2 ₹16\.6\d", first), "and not that he is short"
        assert re.fullmatch(r"\d+s Asha bought 10 22s1 ₹16\.66", second)

    async def test_it_never_says_why(self, world: World):
        await fire(world)
        seen = await world.asks(world.ravi, "tape")
        assert any("Asha sold   100 22s1" in line for line in tape_lines(seen))
        assert "stop" not in seen.text.lower()

    async def test_it_names_nobody_where_fills_are_not_told(self, world: World):
        await world.registered(world.asha)
        await world.asks(world.asha, "buy", market="22s1", shares="10")
        await world.asks(world.meera, "settings set", name="public_fills", value="off")
        seen = await world.asks(world.ravi, "tape")
        (line,) = tape_lines(seen)
        assert re.fullmatch(r"\d+s bought 10 22s1 ₹16\.66", line)
        assert "Asha" not in seen.text

    async def test_pages_after_a_restart(self, world: World, new_bot: Callable[[], BetJee]):
        await trade(world, 20)
        seen = await world.asks(world.ravi, "tape")
        assert tape_sizes(seen) == [str(size) for size in range(20, 5, -1)]
        assert seen.buttons == ["Newest", "Newer", "Older"]
        await world.env.restart_bot(new_bot())
        await world.clicks(world.ravi, seen, "Older")
        assert tape_sizes(seen) == ["5", "4", "3", "2", "1"]
        await world.asks(world.asha, "buy", market="22s1", shares="21")
        await world.clicks(world.ravi, seen, "Newest")
        assert tape_sizes(seen)[0] == "21"
