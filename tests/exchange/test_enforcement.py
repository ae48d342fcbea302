"""What moderators do through the methods of `Exchange`, and what members may have done with their own data."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from exchange.acts import Suspect, WipeMode, WipeStatus
from exchange.database import Database as ConnectionPool
from exchange.errors import RequestRejected
from exchange.exchange import Exchange
from exchange.models import Identity, Order, Side, Size, Status
from exchange.rebuild import rebuild
from tests.conftest import Database


def hash_identity(provider: str, provider_user_id: str) -> bytes:
    return hashlib.sha256(f"{provider} {provider_user_id}".encode()).digest()


class Community:
    """An exchange with its owner and a member, and request ids that nobody else uses."""

    def __init__(self, exchange: Exchange, exchange_id: int, owner: int) -> None:
        self.exchange, self.exchange_id, self.owner = exchange, exchange_id, owner
        self._last_id = 100

    def request(self) -> int:
        self._last_id += 1
        return self._last_id

    async def join(self, name: str) -> int:
        identity = Identity("discord", name, name)
        registered = await self.exchange.register_user(self.exchange_id, self.request(), identity)
        return registered.user_id

    async def buy(self, user_id: int, shares: int) -> Status:
        order = Order(self.request(), user_id, "22s1", Side.BUY, Size(shares), confirmed=True)
        return (await self.exchange.execute_order(self.exchange_id, order)).status


@pytest.fixture
async def community(database: Database, request: pytest.FixtureRequest) -> AsyncIterator[Community]:
    exchange = Exchange(ConnectionPool(database.service_url), hash_identity=hash_identity)
    owner = Identity("discord", "owner", "Owner")
    exchange_id = await exchange.open_exchange(1, "discord", request.node.name[:64], "Guild", owner)
    (moderator,) = await exchange.list_moderators(exchange_id)
    try:
        yield Community(exchange, exchange_id, moderator.user_id)
    finally:
        await exchange.close()


async def test_a_member_is_frozen_banned_and_set_free(community: Community) -> None:
    exchange, number, owner = community.exchange, community.exchange_id, community.owner
    ann = await community.join("ann")
    frozen = await exchange.freeze_user(number, community.request(), owner, ann, "Odd.")
    assert (frozen.status, frozen.reason) == ("frozen", "Odd.")
    assert (await exchange.unfreeze_user(number, community.request(), owner, ann)).status == "active"
    identity = Identity("discord", "ann", "ann")
    ban = await exchange.ban_user(
        number, community.request(), owner, ann, identity, reason="Spam.", duration=timedelta(days=1)
    )
    assert ban.banned_until is not None
    assert (ban.banned_until - ban.banned_at, ban.person and ban.person.name) == (timedelta(days=1), "ann")
    assert await exchange.appeal(number, community.request(), identity, "Sorry.") == ban.ban_id
    (listed,) = await exchange.list_bans(number, owner)
    assert (listed.appeal, listed.appealed_at is not None) == ("Sorry.", True)
    found = await exchange.find_ban(number, "discord", "ann")
    assert found is not None
    assert not found.can_appeal
    await exchange.unban(number, community.request(), owner, ban.ban_id)
    assert await exchange.find_ban(number, "discord", "ann") is None
    network = await exchange.ban_network(number, community.request(), owner, b"n" * 32, reason="Bots.")
    assert network.subject == "network"


async def test_members_are_wiped_after_their_time(community: Community, database: Database) -> None:
    exchange, number, owner = community.exchange, community.exchange_id, community.owner
    ann, bot = await community.join("ann"), await community.join("bot")
    await community.buy(bot, 90)
    preview = await exchange.preview_wipe(number, owner, [bot])
    (market,) = preview.markets
    assert (market.long_shares, preview.undo_seconds, preview.needs_second) == (90, 600, False)
    planned = await exchange.plan_wipe(
        number,
        community.request(),
        owner,
        [Suspect(bot, "discord", "bot")],
        mode=WipeMode.UNWIND,
        reason="Bots.",
    )
    assert (planned.status, planned.members[0].display_name) == (WipeStatus.PLANNED, "bot")
    assert (planned.due_at - planned.planned_at).total_seconds() == 600
    undone = await exchange.undo_wipe(number, community.request(), owner, planned.wipe_id)
    assert undone.status is WipeStatus.UNDONE
    await exchange.change_setting(number, community.request(), owner, "wipe_undo_seconds", "0")
    wiped = await exchange.plan_wipe(
        number,
        community.request(),
        owner,
        [Suspect(bot, "discord", "bot")],
        mode=WipeMode.BURN,
        reason="Bots.",
    )
    assert (wiped.status, wiped.members[0].display_name) == (WipeStatus.EXECUTED, "bot")
    assert [wipe.status for wipe in await exchange.list_wipes(number, owner)] == [
        WipeStatus.EXECUTED,
        WipeStatus.UNDONE,
    ]
    with pytest.raises(RequestRejected) as refused:
        await exchange.preview_wipe(number, owner, [bot])
    assert (refused.value.code, refused.value.figures) == ("unknown_user", {"user_ids": [bot]})
    with pytest.raises(RequestRejected, match="Bots"):
        await community.join("bot")
    assert await community.buy(ann, 1) is Status.FILLED
    # What is stored is what the ledger gives, now and as of then.
    assert (await rebuild(database.service_url, exchange_id=number)).discrepancies == []
    past = await rebuild(database.service_url, exchange_id=number, at=planned.wipe_id)
    assert past.discrepancies == []
    assert "known_from_sequence" in str(past.figures["market 22s1"])
    assert [act.act for act in await exchange.list_moderation_log(number, owner, limit=3)] == [
        "execute_wipe",
        "plan_wipe",
        "change_setting",
    ]


async def test_a_market_is_halted_and_the_exchange_handed_over(community: Community) -> None:
    exchange, number, owner = community.exchange, community.exchange_id, community.owner
    ann = await community.join("ann")
    halted = await exchange.halt_market(number, community.request(), owner, "22s1", "A rumour.")
    assert (halted.market, halted.reason) == ("22s1", "A rumour.")
    assert await community.buy(ann, 1) is Status.REFUSED
    await exchange.resume_market(number, community.request(), owner, "22s1")
    assert await community.buy(ann, 1) is Status.FILLED
    heir = await exchange.transfer_ownership(number, community.request(), Identity("discord", "ann", "Ann"))
    assert (heir.user_id, heir.changed) == (ann, True)
    with pytest.raises(RequestRejected) as refused:
        await exchange.list_moderation_log(number, owner)
    assert refused.value.code


async def test_a_member_exports_and_leaves(community: Community) -> None:
    exchange, number = community.exchange, community.exchange_id
    ann = await community.join("ann")
    for _ in range(3):
        await community.buy(ann, 2)
    export = await exchange.export_user(number, ann)
    assert export["display_name"] == "ann"
    assert [fill["shares"] async for fill in exchange.export_ledger(number, ann)] == [2, 2, 2]
    left = await exchange.delete_user(number, community.request(), ann, Identity("discord", "ann", "ann"))
    assert [(item.market, item.shares) for item in left.closed] == [("22s1", 6)]
    assert left.burned_cash_paise > 0
    with pytest.raises(RequestRejected):
        await exchange.export_user(number, ann)
    assert await exchange.find_user(number, "discord", "ann") is None
