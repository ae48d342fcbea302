"""Answers with a picture."""

import io
import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import discord

from bot import replies
from bot.delivery import Interaction, answer
from bot.pictures.scenes import NetWorthScene, Scene
from bot.pictures.studio import PictureUnavailable, Studio

_FILE_NAME: Final = "picture.png"

_log = logging.getLogger(__name__)


class Gallery:
    """Hangs a picture under a reply. The reply's words come in any case."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def answer(self, interaction: Interaction, embed: discord.Embed, scene: Scene, words: str) -> None:
        """Answer an acknowledged interaction with a card and a picture, which `words` describe to who cannot see it."""
        try:
            drawn = await self._studio.draw(scene)
        except PictureUnavailable as error:
            _log.warning("Interaction %d is answered without its picture: %s", interaction.id, error)
            await answer(interaction, replies.charts.without_picture(embed))
            return
        embed.set_image(url=f"attachment://{_FILE_NAME}")
        picture = discord.File(io.BytesIO(drawn), _FILE_NAME, description=words)
        await answer(interaction, embed, picture=picture)

    async def answer_with_net_worth(
        self,
        interaction: Interaction,
        embed: discord.Embed,
        snapshots: Iterable[tuple[datetime, int]],
        net_worth_paise: int,
    ) -> None:
        """Answer with a card and a line from the snapshots (moments and paise, oldest first) to what it is now.

        Now is this minute, so that whoever asks again at once is shown the same picture. Without snapshots there
        is no line, and no picture.
        """
        now = interaction.created_at.replace(second=0, microsecond=0)
        points = (*((at, paise) for at, paise in snapshots if at < now), (now, net_worth_paise))
        if len(points) == 1:
            await answer(interaction, embed)
        else:
            await self.answer(
                interaction, embed, NetWorthScene(points), replies.charts.net_worth_words(points)
            )
