"""`/chart` and `/market`, as people see them."""

from datetime import datetime, timedelta

import discord
import pytest
from discord import app_commands

from bot.delivery import Interaction
from bot.gallery import Gallery
from bot.pictures.studio import PictureUnavailable, Studio
from exchange.errors import RequestRejected
from tests.bot.boarding import Boarding
from tests.bot.payloads import Payloads
from tests.bot.stopping import HALT
from tests.bot.world import Seen, World
from tests.conftest import Database


def told(seen: Seen) -> str:
    """What the picture under a reply is to who cannot see it."""
    (attachment,) = seen.message.attachments
    assert attachment.content_type == "image/png"
    assert seen.embed.image.url in {attachment.url, f"attachment://{attachment.filename}"}
    assert attachment.description
    return attachment.description


async def test_a_chart_shows_the_price_and_what_ones_own_shares_cost(world: World):
    await world.registered(world.asha)
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    seen = await world.asks(world.asha, "chart", market="22s1")
    assert seen.ephemeral, "it tells what its sender paid"
    assert seen.title == "22s1 · 22 JAN S1"
    assert "**₹16.69** · +0.36 % over the last 24 hours" in seen.text
    assert seen.figures == {
        "Lowest and highest": "₹16.63 – ₹16.69",
        "Traded": "10 shares",
        "You have": "10 shares at ₹16.66",
    }
    assert told(seen) == (
        "Chart of the price of 22s1 over the last 24 hours: from ₹16.63 to ₹16.69 (+0.36 %), between ₹16.63 and "
        "₹16.69. 10 shares were traded. A dashed line marks your average cost, ₹16.66."
    )


@pytest.mark.parametrize("period", ["1h", "6h", "24h", "7d", "all"])
async def test_whoever_has_no_account_sees_any_period(world: World, period: str):
    seen = await world.asks(world.ravi, "chart", market="22S1 ", period=period)
    assert set(seen.figures) == {"Lowest and highest", "Traded"}
    assert "average" not in told(seen)


async def test_a_market_shows_its_limits_and_its_curve(world: World):
    await world.registered(world.asha)
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    seen = await world.asks(world.ravi, "market", market="22s1")
    assert not seen.ephemeral
    assert seen.figures == {
        "Can still be bought": "9,890 shares",
        "Sold": "10 of 10,000",
        "Short": "0 shares",
        "Never leaves": "₹10.00 – ₹1,000.00",
        "May move now within": "₹11.65 – ₹21.61",
        "Largest order": "1,000 shares",
        "Tax": "1.67 %",
        "Reserved for a share short": "₹1,016.70",
    }
    assert "stands at ₹16.69, with 10 of 10,000 sold" in told(seen)
    await world.asks(world.asha, "sell", market="22s1", shares="10")
    await world.asks(world.asha, "short", market="22s1", shares="2")
    seen = await world.asks(world.ravi, "market", market="22s1")
    assert seen.figures["Sold"] == "none, and 2 more sold short"


async def test_a_halted_market_says_so(world: World, connection_owner, database: Database):
    await world.exchange_id()
    await connection_owner.execute(HALT)
    assert "**halted**, reopens <t:" in (await world.asks(world.asha, "market", market="22s1")).text
    assert "**halted**" in (await world.asks(world.asha, "chart", market="22s1")).text


@pytest.mark.parametrize("command", ["chart", "market"])
async def test_an_unknown_market_is_told(world: World, command: str):
    seen = await world.asks(world.asha, command, market="99s9")
    assert "There is no such market. /markets lists them, and the market field" in seen.text.replace("\\", "")
    world.forgive(RequestRejected)


async def test_markets_are_suggested(world: World):
    for command in ("chart", "market"):
        choices = await world.asha.autocomplete(world.channel, command, "market", "22s1")
        assert [choice["value"] for choice in choices] == ["22s1"]


async def test_a_picture_that_cannot_be_drawn_costs_nobody_the_figures(
    world: World, studio: Studio, monkeypatch: pytest.MonkeyPatch
):
    async def fail(_: object) -> bytes:
        raise PictureUnavailable("not now")

    monkeypatch.setattr(studio, "draw", fail)
    seen = await world.asks(world.asha, "market", market="22s1")
    assert seen.figures["Largest order"] == "1,000 shares"
    assert "The picture could not be drawn" in seen.text
    assert not seen.message.attachments


async def test_a_net_worth_is_drawn_up_to_what_it_is_now(world: World, studio: Studio):
    gallery = Gallery(studio)
    snapshots: list[tuple[datetime, int]] = []

    @app_commands.command()
    async def worth(interaction: Interaction) -> None:
        """Show a net worth."""
        await gallery.answer_with_net_worth(interaction, discord.Embed(title="Worth"), snapshots, 1_950_000)

    world.bot.tree.add_command(worth)
    await world.bot.tree.sync()
    assert not (await world.asks(world.asha, "worth")).message.attachments, "one point is no line"
    snapshots.append((world.env.now() - timedelta(hours=5), 2_000_000))
    assert told(await world.asks(world.asha, "worth")) == (
        "Your net worth since 31 December 2025, 19:00 UTC: from ₹20,000.00 to ₹19,500.00, between ₹19,500.00 and ₹20,000.00."
    )


async def test_a_reply_with_a_picture_is_valid(world: World, payloads: Payloads | None):
    if payloads is None:
        pytest.skip("Discord's description of its API is not beside this repository")
    await world.asks(world.asha, "chart", market="22s1")
    request = world.env.http_requests[-1]
    assert request.path.endswith("@original")
    assert request.json is not None
    assert request.json["attachments"][0]["description"].startswith("Chart of the price")
    assert request.json["embeds"][0]["image"] == {"url": "attachment://picture.png"}
    payloads.check_body(request.method, request.path, request.json)


async def test_the_studio_may_start_within_a_command(world: World, monkeypatch: pytest.MonkeyPatch):
    async with Studio() as lazy:
        monkeypatch.setattr(world.bot._gallery, "_studio", lazy)
        told(await world.asks(world.asha, "chart", market="22s1"))


async def test_a_button_that_names_no_market_offers_them_all(world: World, boarding: Boarding):
    await world.registered(world.asha)
    await boarding.put()
    offered = await boarding.press(world.asha, "Chart")
    assert offered.ephemeral
    assert offered.title == "Which market?"
    chart = Seen(await world.asha.select(offered.message, values=["22s1"]))
    assert "22s1" in chart.title
    assert chart.message.attachments
