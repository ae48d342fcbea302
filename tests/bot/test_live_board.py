"""The live board in the channel: put, kept up to date, and lost."""

import asyncio
from collections.abc import Callable
from unittest.mock import AsyncMock

import pytest
from simcord.builders import ChannelHandle

from bot.board_editor import BoardEditor
from bot.client import BetJee
from exchange.errors import ExchangeUnavailable
from exchange.live_boards import Board
from sandbox.board_keeper import BoardKeeper
from tests.bot.boarding import Boarding
from tests.bot.telling import Teller
from tests.bot.world import World


class TestPutting:
    async def test_it_is_posted_pinned_and_shows_every_market(self, boarding: Boarding):
        seen = await boarding.put()
        assert seen.ephemeral
        assert "pinned" in seen.text
        message = boarding.message()
        assert message.pinned
        assert list(boarding.rows()) == [
            *["21s1", "21s2", "22s1", "22s2", "23s1", "23s2", "24s1", "24s2", "28s1", "28s2"]
        ]
        assert boarding.rows()["22s1"] == (
            "22s1       16.63    0.00    0.00",
            " 22 JAN S1       0 ▁▁▁▁▁▁▁▁▁▁▁▁▁",
        )
        assert [
            getattr(button, "label", "")
            for row in message.components
            for button in getattr(row, "children", [])
        ] == ["Buy", "Sell", "Short", "Chart", "Portfolio"]

    async def test_it_fits_a_phone(self, boarding: Boarding):
        await boarding.put()
        table = (boarding.message().embeds[0].description or "").split("```")[1].strip("\n").splitlines()
        assert {len(line) for line in table} == {32}

    async def test_only_moderators_may(self, world: World, boarding: Boarding):
        assert "board here" not in world.asha.available_commands(world.channel)
        assert "board here" in world.meera.available_commands(world.channel)
        assert await boarding.count() == 0

    async def test_a_second_one_takes_the_place_of_the_first(self, world: World, boarding: Boarding):
        news = world.guild.create_text_channel("news")
        await world.env.settle()
        await boarding.put(news)
        await boarding.put()
        assert boarding.messages(news) == []
        assert len(boarding.messages()) == 1
        assert await boarding.count() == 1

    async def test_a_pin_that_is_not_permitted_is_told(self, world: World, boarding: Boarding):
        world.env.inject_error("PUT", "/channels/*/messages/pins/*", status=403, code=50013)
        seen = await boarding.put()
        assert "I may not pin it" in seen.text
        assert not boarding.message().pinned

    async def test_where_the_bot_may_not_write_there_is_none(
        self, world: World, boarding: Boarding, mute: Callable[[str], ChannelHandle]
    ):
        quiet = mute("quiet")
        await world.env.settle()
        for channel in (quiet, world.channel):
            # In the second the bot learns it only when it tries.
            world.env.inject_error("POST", f"/channels/{world.channel.id}/messages", status=403, code=50013)
            seen = await boarding.put(channel)
            assert seen.title == "No live board"
            assert f"<#{channel.id}>" in seen.text
        assert await boarding.count() == 0

    async def test_one_that_discord_did_not_take_comes_later(self, world: World, boarding: Boarding):
        world.env.inject_error("POST", "/channels/*/messages", status=501)
        seen = await boarding.put()
        assert "as soon as it does" in seen.text
        assert boarding.messages() == []
        await boarding.sweep()
        assert boarding.message().pinned

    async def test_whoever_dies_before_posting_leaves_it_to_others(
        self, world: World, boarding: Boarding, monkeypatch: pytest.MonkeyPatch
    ):
        with monkeypatch.context() as patch:
            patch.setattr(world.exchange, "get_board", AsyncMock(side_effect=ExchangeUnavailable()))
            await boarding.put()
            world.forgive(ExchangeUnavailable)
        assert boarding.messages() == []
        other = BoardEditor(world.exchange, world.bot)
        await boarding.sweep(other)
        assert boarding.message().pinned
        bodies = [entry.json for entry in world.env.http_requests if entry.path.endswith("/messages")]
        assert bodies[0] is not None
        assert bodies[0]["nonce"].startswith("b")
        assert bodies[0]["enforce_nonce"] is True

    async def test_one_that_is_removed_while_it_is_posted_leaves_no_message(
        self, world: World, boarding: Boarding, monkeypatch: pytest.MonkeyPatch
    ):
        get_board = world.exchange.get_board

        async def get_slowly(exchange_id: int) -> Board:
            await boarding.owner.execute("delete from betjee.live_boards")
            return await get_board(exchange_id)

        monkeypatch.setattr(world.exchange, "get_board", get_slowly)
        await boarding.put()
        assert boarding.messages() == []

    async def test_off_removes_it(self, world: World, boarding: Boarding):
        await boarding.put()
        seen = await world.asks(world.meera, "board off")
        assert seen.title == "Live board removed"
        assert boarding.messages() == []
        assert await boarding.count() == 0
        again = await world.asks(world.meera, "board off")
        assert "There is no live board" in again.text
        assert len(world.env.errors) == 1


class TestKeeping:
    async def test_it_is_edited_when_something_has_changed_and_only_then(
        self, world: World, boarding: Boarding
    ):
        await boarding.put()
        await boarding.sweep()
        assert boarding.edits() == 0
        await world.registered(world.asha)
        await boarding.sweep()
        assert boarding.edits() == 0, "a new member changes no price"
        await world.asks(world.asha, "buy", market="22s1", shares="100")
        await boarding.sweep()
        assert boarding.edits() == 1
        first, second = boarding.rows()["22s1"]
        assert first.split() == ["22s1", "17.32", "+4.14", "+4.14"]
        assert second.endswith("     100 ▁▁▁▁▁▁▁▁▁▁▁▁█")
        await boarding.sweep()
        assert boarding.edits() == 1

    async def test_at_most_every_15_seconds(self, world: World, boarding: Boarding):
        await boarding.put()
        await world.registered(world.asha)
        await world.asks(world.asha, "buy", market="22s1", shares="10")
        await world.bot.board_editor.sweep()
        assert boarding.edits() == 0
        await boarding.sweep()
        assert boarding.edits() == 1

    async def test_two_processes_keep_one_board_with_one_editor(self, world: World, boarding: Boarding):
        await boarding.put()
        await world.registered(world.asha)
        second = BoardEditor(world.exchange, world.bot)
        for number in range(1, 6):
            await world.asks(world.asha, "buy", market="22s1", shares="10")
            await boarding.owner.execute("update betjee.live_boards set next_look_at = clock_timestamp()")
            await asyncio.gather(world.bot.board_editor.sweep(), second.sweep(), second.sweep())
            assert boarding.edits() == number
        assert boarding.message().pinned
        await asyncio.gather(boarding.put(), second.sweep())
        assert boarding.message().pinned

    async def test_it_goes_on_after_a_restart(
        self, world: World, boarding: Boarding, new_bot: Callable[[], BetJee]
    ):
        await boarding.put()
        before = boarding.message().id
        restarted = new_bot()
        await world.env.restart_bot(restarted)
        await world.registered(world.asha)
        await world.asks(world.asha, "buy", market="22s1", shares="10")
        await boarding.sweep(restarted.board_editor)
        assert boarding.message().id == before
        assert boarding.rows()["22s1"][0].split()[1] == "16.69"

    async def test_a_halt_is_told_with_its_end(self, boarding: Boarding):
        await boarding.put()
        await boarding.owner.execute(
            "update betjee.markets set status = 'halted', halted_until = clock_timestamp() + interval '100 s'"
            " where code = '22s1'"
        )
        await boarding.owner.execute("update betjee.exchanges set sequence = sequence + 1")
        await boarding.sweep()
        assert "halted" in boarding.rows()["22s1"][1]
        assert "**22s1** is halted, and reopens <t:" in (boarding.message().embeds[0].description or "")

    @pytest.mark.parametrize(
        ("status", "code", "words"),
        [
            (404, 10008, "Somebody has deleted its message"),
            (404, 10003, "Its channel has been deleted"),
            (403, 50001, "I may no longer write"),
        ],
    )
    async def test_one_that_is_gone_is_forgotten_and_the_moderators_told(
        self, world: World, boarding: Boarding, status: int, code: int, words: str
    ):
        await boarding.put()
        await world.registered(world.asha, world.meera)
        await world.asks(world.asha, "buy", market="22s1", shares="10")
        world.env.inject_error("PATCH", "/channels/*/messages/*", status=status, code=code)
        assert await boarding.sweep()
        assert await boarding.count() == 0
        assert await Teller(boarding.owner, world).states() == ["kept"]
        seen = await world.asks(world.meera, "notifications")
        assert "The live board is gone" in seen.text
        assert words in seen.text
        await boarding.sweep()
        assert boarding.edits() == 1, "it is not tried again"

    async def test_a_discord_that_takes_nothing_is_told_and_the_board_waits(
        self, world: World, boarding: Boarding
    ):
        await boarding.put()
        await world.registered(world.asha)
        await world.asks(world.asha, "buy", market="22s1", shares="10")
        world.env.inject_error("PATCH", "/channels/*/messages/*", status=501)
        assert not await boarding.sweep()
        assert await boarding.count() == 1
        assert await world.bot.board_editor.sweep()
        assert boarding.rows()["22s1"][0].split()[1] == "16.69"

    async def test_an_edit_that_is_refused_concerns_one_board(self, world: World, boarding: Boarding):
        await boarding.put()
        await world.registered(world.asha)
        await world.asks(world.asha, "buy", market="22s1", shares="10")
        world.env.inject_error("PATCH", "/channels/*/messages/*", status=400, code=50035)
        assert await boarding.sweep()
        assert await world.bot.board_editor.sweep()
        assert boarding.edits() == 1, "not at once"
        await boarding.sweep()
        assert boarding.rows()["22s1"][0].split()[1] == "16.69"


class TestAChatThatForgets:
    async def test_a_board_of_before_is_posted_again_where_it_was(self, world: World, boarding: Boarding):
        await boarding.put()
        world.env.backend.delete_message(world.channel.id, boarding.message().id)
        await world.env.advance_time(60)
        keeper = BoardKeeper(world.exchange, world.bot, began_at=world.env.now())
        await world.registered(world.asha)
        await world.asks(world.asha, "buy", market="22s1", shares="10")
        await boarding.sweep(keeper)
        assert boarding.message().pinned
        assert boarding.rows()["22s1"][0].split()[1] == "16.69"
        assert boarding.edits() == 0

        await world.asks(world.asha, "buy", market="22s1", shares="10")
        await boarding.sweep(keeper)
        assert boarding.edits() == 1, "from then on it is edited"
        assert await boarding.count() == 1

    async def test_one_that_somebody_deletes_is_forgotten_as_on_discord(
        self, world: World, boarding: Boarding
    ):
        keeper = BoardKeeper(world.exchange, world.bot, began_at=world.env.now())
        await boarding.put()
        world.env.backend.delete_message(world.channel.id, boarding.message().id)
        await world.registered(world.asha)
        await world.asks(world.asha, "buy", market="22s1", shares="10")
        await boarding.sweep(keeper)
        assert boarding.messages() == []
        assert await boarding.count() == 0
