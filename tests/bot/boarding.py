"""A live board in the channel, looked at and pressed by people."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import discord
import simcord
from simcord.builders import ChannelHandle

from bot.board_editor import BoardEditor
from tests.bot.world import Seen, World

DUE = (
    "update betjee.live_boards set next_look_at = clock_timestamp(), claimed_at = claimed_at - interval '1 minute',"
    " leased_until = leased_until - interval '2 minutes'"
)


@dataclass
class Boarding:
    """The board of a world, and the database beneath it."""

    world: World
    owner: asyncpg.Connection

    async def put(self, channel: ChannelHandle | None = None) -> Seen:
        """Meera, who moderates, puts the board somewhere."""
        return Seen(await self.world.meera.slash(channel or self.world.channel, "board here"))

    def messages(self, channel: ChannelHandle | None = None) -> list[discord.Message]:
        """The boards in a channel."""
        history = (channel or self.world.channel).history(viewer=self.world.meera)
        return [message for message in history if is_board(message)]

    def message(self) -> discord.Message:
        """The one board."""
        (message,) = self.messages()
        return message

    def rows(self) -> dict[str, tuple[str, str]]:
        """What the board shows of each market: its two lines."""
        lines = (self.message().embeds[0].description or "").split("```")[1].strip("\n").splitlines()[2:]
        pairs = zip(lines[::2], lines[1::2], strict=True)
        return {first.split()[0]: (first, second) for first, second in pairs}

    async def sweep(self, editor: BoardEditor | None = None) -> bool:
        """Let time pass until the board may be looked at, and an editor look."""
        await self.owner.execute(DUE)
        return await (editor or self.world.bot.board_editor).sweep()

    def edits(self) -> int:
        """How often the bot has edited a message in a channel."""
        return sum(
            entry.method == "PATCH" and "/messages/" in entry.path and "/webhooks/" not in entry.path
            for entry in self.world.env.http_requests
        )

    async def press(self, who: simcord.MemberActor, label: str) -> Seen:
        """Someone presses a button under the board."""
        return Seen(await who.click(self.message(), label=label))

    async def orders(self, who: simcord.MemberActor, label: str, **typed: Any) -> Seen:
        """Someone presses Buy, Sell or Short, and fills in the form."""
        shown = await self.press(who, label)
        assert shown.result.modal is not None, "no form came"
        return Seen(await who.submit_modal(shown.result, typed))

    async def count(self) -> int:
        """How many boards the exchange knows."""
        number: int = await self.owner.fetchval("select count(*) from betjee.live_boards")
        return number


def is_board(message: discord.Message) -> bool:
    return bool(message.embeds) and bool(message.components) and message.embeds[0].title == "Live board"


def form_fields(seen: Seen) -> list[dict[str, Any]]:
    """The fields of a form that someone was shown."""
    assert seen.result.modal is not None, "no form came"
    return [label["component"] for label in seen.result.modal["components"]]
