"""The buttons of a suspicion, which outlive a restart. The exchange decides who may press them."""

import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import discord

from bot import replies
from bot.communities import Account, Communities
from bot.delivery import Interaction, acknowledge, acknowledge_click, answer
from bot.errors import DISCORD_AWAY
from bot.intake import Intake
from bot.lasting import LastingButton, lasting_button, row_of_buttons
from bot.replies.suspects import CLUSTERS_SHOWN
from bot.views import OwnersView
from bot.wipe_views import UndoWipe
from exchange.acts import Wipe, WipeMode
from exchange.exchange import Exchange
from exchange.suspects import Cluster, ClusterStatus
from runtime.limits import Budget

CONFIRM_SECONDS: Final = 300

_CLUSTER: Final = "betjee:suspects"
_LABELS: Final = {
    "release": ("Release", discord.ButtonStyle.success),
    "freeze": ("Freeze", discord.ButtonStyle.primary),
    "wipe": ("Wipe", discord.ButtonStyle.danger),
    "details": ("Details", discord.ButtonStyle.secondary),
}

_log = logging.getLogger(__name__)

Decide = Callable[[Interaction, WipeMode], Awaitable[None]]


def cluster_buttons(cluster_id: int, status: ClusterStatus = ClusterStatus.OPEN) -> discord.ui.View:
    """What can be done about a cluster: all while it is open, releasing and wiping while it is upheld, and always Details."""
    offered = {
        ClusterStatus.OPEN: ("release", "freeze", "wipe", "details"),
        ClusterStatus.UPHELD: ("release", "wipe", "details"),
        ClusterStatus.RELEASED: ("details",),
    }[status]
    return row_of_buttons(
        *(
            discord.ui.Button(label=label, style=style, custom_id=f"{_CLUSTER}:{act}:{cluster_id}")
            for act, (label, style) in _LABELS.items()
            if act in offered
        )
    )


async def show_suspects(
    interaction: Interaction, exchange: Exchange, account: Account, page: int = 1
) -> None:
    """Answer an acknowledged command or click of a moderator with a page of the suspicions."""
    clusters = await exchange.list_suspects(
        account.exchange_id, account.user.user_id, CLUSTERS_SHOWN + 1, (page - 1) * CLUSTERS_SHOWN
    )
    pages = [("Previous", page - 1, page > 1), ("Next", page + 1, len(clusters) > CLUSTERS_SHOWN)]
    buttons = [
        discord.ui.Button[discord.ui.View](label=label, custom_id=f"{_CLUSTER}:page:{number}")
        for label, number, is_there in pages
        if is_there
    ]
    shown = replies.suspects.cluster_list(clusters[:CLUSTERS_SHOWN], page)
    await answer(interaction, shown, row_of_buttons(*buttons) if buttons else None)


class ChooseWipe(OwnersView):
    """Burn, Unwind and Cancel under what a wipe would do."""

    budget = Budget.MODERATION

    def __init__(self, origin: Interaction, intake: Intake, decide: Decide) -> None:
        super().__init__(origin, intake, seconds=CONFIRM_SECONDS)
        self._decide = decide

    def expired(self) -> discord.Embed:
        """Nobody has decided."""
        return replies.enforcement.wipe_dropped()

    @discord.ui.button(label="Burn", style=discord.ButtonStyle.danger)
    async def burn(self, interaction: Interaction, _: discord.ui.Button["ChooseWipe"]) -> None:
        """Wipe them and leave the price."""
        await self._decide(interaction, WipeMode.BURN)

    @discord.ui.button(label="Unwind", style=discord.ButtonStyle.danger)
    async def unwind(self, interaction: Interaction, _: discord.ui.Button["ChooseWipe"]) -> None:
        """Wipe them and let the price go back."""
        await self._decide(interaction, WipeMode.UNWIND)

    @discord.ui.button(label="Cancel", style=discord.ButtonStyle.secondary)
    async def cancel(self, interaction: Interaction, _: discord.ui.Button["ChooseWipe"]) -> None:
        """Change nothing."""
        await answer(interaction, replies.enforcement.wipe_dropped())


class SuspectButtons:
    """Answers the buttons under suspicions, also those of before a restart.

    An id names a cluster by its number in the exchange of the guild where it is pressed, so one that is taken
    to another guild means nothing there. Each answer is for its presser alone; the suspicion itself is then
    brought up to date for all who see it.
    """

    def __init__(self, exchange: Exchange, communities: Communities, intake: Intake) -> None:
        self._exchange = exchange
        self._communities = communities
        self._intake = intake

    def lasting(self) -> list[LastingButton]:
        """What is registered when the bot starts."""
        acts = {
            "release": self._release,
            "freeze": self._freeze,
            "wipe": self._wipe,
            "details": self._details,
        }
        turn = lasting_button(
            rf"{_CLUSTER}:page:(?P<page>[1-9][0-9]{{0,5}})", self._intake, self._turn, Budget.MODERATION
        )
        return [turn] + [
            lasting_button(
                rf"{_CLUSTER}:{act}:(?P<number>[0-9]{{1,18}})",
                self._intake,
                partial(self._press, do),
                Budget.MODERATION,
            )
            for act, do in acts.items()
        ]

    async def _press(
        self,
        act: Callable[[Interaction, Account, int], Awaitable[None]],
        interaction: Interaction,
        match: re.Match[str],
    ) -> None:
        if await acknowledge(interaction, public=False):
            account = await self._communities.account_of_moderator(interaction)
            await act(interaction, account, int(match["number"]))

    async def _turn(self, interaction: Interaction, match: re.Match[str]) -> None:
        if await acknowledge_click(interaction):
            account = await self._communities.account_of_moderator(interaction)
            await show_suspects(interaction, self._exchange, account, int(match["page"]))

    async def _release(self, interaction: Interaction, account: Account, number: int) -> None:
        release = await self._exchange.release_suspects(
            account.exchange_id, interaction.id, account.user.user_id, number
        )
        await answer(interaction, replies.suspects.released(release))
        await _show(interaction, release.cluster)

    async def _freeze(self, interaction: Interaction, account: Account, number: int) -> None:
        cluster = await self._exchange.freeze_suspects(
            account.exchange_id, interaction.id, account.user.user_id, number
        )
        await answer(interaction, replies.suspects.frozen(cluster))
        await _show(interaction, cluster)

    async def _wipe(self, interaction: Interaction, account: Account, number: int) -> None:
        preview = await self._exchange.preview_suspects_wipe(
            account.exchange_id, account.user.user_id, number
        )
        confirm = ChooseWipe(interaction, self._intake, partial(self._plan, interaction, account, number))
        await answer(interaction, replies.suspects.wipe_preview(number, preview), confirm)

    async def _plan(
        self, origin: Interaction, account: Account, number: int, interaction: Interaction, mode: WipeMode
    ) -> None:
        # The id of the click that showed the preview: two clicks on it are one wipe.
        wipe = await self._exchange.wipe_suspects(
            account.exchange_id, origin.id, account.user.user_id, number, mode
        )
        view = None
        if wipe.ended_at is None:
            view = UndoWipe(origin, self._intake, wipe, partial(self._undo, account, wipe.wipe_id))
        await answer(interaction, replies.enforcement.wipe_state(wipe), view)
        await _show(
            origin, await self._exchange.get_cluster(account.exchange_id, account.user.user_id, number)
        )

    async def _details(self, interaction: Interaction, account: Account, number: int) -> None:
        cluster = await self._exchange.get_cluster(account.exchange_id, account.user.user_id, number)
        await answer(interaction, replies.suspects.details(cluster))

    async def _undo(self, account: Account, wipe_id: int, interaction: Interaction) -> Wipe:
        return await self._exchange.undo_wipe(
            account.exchange_id, interaction.id, account.user.user_id, wipe_id
        )


async def _show(interaction: Interaction, cluster: Cluster) -> None:
    """Bring the message under which a button was pressed up to date; one that only its reader sees stays."""
    message = interaction.message
    if message is None or message.flags.ephemeral:
        return
    try:
        await message.edit(
            embed=replies.suspects.card(cluster),
            view=cluster_buttons(cluster.cluster_id, cluster.status),
            allowed_mentions=discord.AllowedMentions.none(),
        )
    except DISCORD_AWAY as error:
        _log.warning(
            "The message of cluster %d could not be brought up to date: %s", cluster.cluster_id, error
        )
