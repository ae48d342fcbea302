"""Signing up where an exchange has a page: what people and moderators see of it in the chat."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import discord
import pytest
import simcord
from redis.asyncio import Redis

from bot.client import BetJee
from bot.pictures.studio import Studio
from exchange.errors import RequestRejected
from exchange.exchange import Exchange
from exchange.verification import NetworkKeys
from runtime.limits import Limits
from runtime.sign_up_links import SIGN_UP_PATH, SignUpLinks, SignUpToken
from tests.bot.world import Seen, World

PAGE = "https://betjee.example"
LINK = f"{PAGE}{SIGN_UP_PATH}#"


@pytest.fixture
def simcord_bot(
    exchange: Exchange, redis: Redis, limits: Limits, studio: Studio, request: pytest.FixtureRequest
) -> BetJee:
    """A bot with a page, or, where the test asks for it, without."""
    links = SignUpLinks(getattr(request, "param", PAGE))
    return BetJee(exchange, redis, limits=limits, studio=studio, links=links)


without_a_page = pytest.mark.parametrize("simcord_bot", [None], indirect=True)


def link_under(seen: Seen) -> str:
    (row,) = seen.message.components
    (button,) = row["components"]
    assert (button["label"], button["style"]) == ("Sign up on the page", discord.ButtonStyle.link.value)
    assert not button.get("custom_id")
    url: str = button["url"]
    return url


async def cash_of(world: World, member: simcord.MemberActor) -> int | None:
    user = await world.exchange.find_user(await world.exchange_id(), "discord", str(member.id))
    return None if user is None else (await world.portfolio(member)).cash_paise


async def choose(owner: asyncpg.Connection, **settings: Any) -> None:
    for name, value in settings.items():
        await owner.execute(
            "update betjee.exchanges set settings = settings || jsonb_build_object($1::text, $2::integer)",
            name,
            value,
        )


async def test_registering_leads_to_the_page_and_the_page_to_the_bonus(world: World):
    seen = await world.asks(world.asha, "register")
    assert seen.ephemeral
    assert seen.title == "One more step"
    assert "works **once**" in seen.text
    assert "no monetary value" in seen.text
    assert await cash_of(world, world.asha) is None

    token = SignUpToken.read(link_under(seen).removeprefix(LINK))
    assert token is not None
    assert token.exchange_id == await world.exchange_id()
    done = await world.exchange.complete_verification(
        token.exchange_id, 2**62, token.hash, NetworkKeys(b"n" * 32), str(world.asha.id)
    )
    assert done.created
    assert await cash_of(world, world.asha) == 20_000_00
    again = await world.asks(world.asha, "register")
    assert again.title == "You already have an account"
    assert not again.message.components


async def test_each_link_is_another(world: World):
    links = [link_under(await world.asks(world.asha, "register")) for _ in range(3)]
    assert len(set(links)) == 3
    assert all(SignUpToken.read(link.removeprefix(LINK)) for link in links)


async def test_a_moderator_may_let_members_sign_up_at_once(world: World):
    seen = await world.asks(world.meera, "settings list", about="Members and page")
    assert "**web** · `verification`\n" in seen.text
    assert "off: at once, and then there are no limits by address." in seen.text
    await world.asks(world.meera, "settings set", name="verification", value="off")
    listed = await world.asks(world.meera, "settings list")
    assert "**off** · `verification` (no limits by address)" in listed.text
    assert (await world.asks(world.asha, "register")).title == "Welcome to the exchange"


@without_a_page
async def test_without_a_page_members_sign_up_at_once_and_moderators_are_told_what_is_missing(world: World):
    assert (await world.asks(world.asha, "register")).title == "Welcome to the exchange"
    await world.asks(world.meera, "settings set", name="verification", value="web")
    seen = await world.asks(world.ravi, "register")
    assert seen.title == "The sign-up page is missing"
    assert "`BETJEE_PUBLIC_URL`" in seen.text
    assert "`/settings set verification off`" in seen.text
    assert await cash_of(world, world.ravi) is None
    world.forgive(RequestRejected)


@without_a_page
async def test_whoever_must_wait_is_told_until_when(world: World, connection_owner: asyncpg.Connection):
    age = datetime.now(UTC) - discord.utils.snowflake_time(world.asha.id)
    await choose(connection_owner, min_account_age_days=age.days + 2)
    seen = await world.asks(world.asha, "register")
    assert seen.title == "Not yet"
    assert f"must be **{age.days + 2} days old**" in seen.text
    assert ":R>" in seen.text
    await choose(connection_owner, min_account_age_days=0, min_membership_hours=8_760)
    assert "on this server for **8,760 hours**" in (await world.asks(world.asha, "register")).text
    world.forgive(RequestRejected)
    assert await cash_of(world, world.asha) is None
