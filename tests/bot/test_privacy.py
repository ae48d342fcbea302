"""What is kept of a member, as they see it, take it along and delete it."""

import csv
import io
import json
import zipfile

import pytest

from bot import replies
from bot.errors import NotRegistered
from bot.privacy_views import CONFIRM_SECONDS
from exchange.acts import ClosedPosition, Deletion
from exchange.errors import RequestRejected
from tests.bot.stopping import suppose_all_see
from tests.bot.world import Seen, World


@pytest.fixture
async def trader(world: World) -> World:
    """Asha holds some shares and is short of others."""
    await world.registered(world.asha, world.ravi)
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    await world.asks(world.asha, "short", market="22s2", shares="4")
    return world


async def is_known(world: World) -> bool:
    exchange_id = await world.exchange_id()
    return await world.exchange.find_user(exchange_id, "discord", str(world.asha.id)) is not None


def test_a_deletion_of_many_positions_fits_into_a_card():
    closed = tuple(ClosedPosition("M" * 20, "L" * 40, "cover", 10**9, 10**13) for _ in range(60))
    for card in (
        replies.privacy.deletion_preview(Deletion(1, 10**15, closed)),
        replies.privacy.deleted(Deletion(1, 10**15, closed)),
    ):
        assert len(card.description or "") <= 4_096
        assert "… and 30 more." in (card.description or "")


class TestShow:
    async def test_it_tells_what_is_kept_in_words_and_figures(self, trader: World):
        await trader.asks(trader.asha, "report", text="Prices look odd.")
        seen = await trader.asks(trader.asha, "privacy show")
        assert seen.ephemeral
        assert seen.figures["Name that is shown"] == "Asha"
        assert f"`{trader.asha.id}`" in seen.text
        assert seen.figures["Trades in the ledger"] == "2"
        assert seen.figures["Positions, also closed ones"] == "2"
        assert seen.figures["Reports to moderators"] == "1"
        assert seen.figures["Network"] == "nothing"
        assert seen.figures["Bonus paid, which is remembered"] == "yes"
        assert "Bans" not in seen.figures

    async def test_no_secret_is_in_it(self, trader: World):
        seen = await trader.asks(trader.asha, "privacy show")
        about = await trader.exchange.export_user(
            await trader.exchange_id(), (await trader.portfolio(trader.asha)).user_id
        )
        hidden = about["accounts"][0]["identity_hash"].removeprefix("\\x")
        assert len(hidden) == 64
        assert hidden not in seen.text

    async def test_who_is_banned_sees_it_too(self, trader: World):
        await trader.asks(trader.meera, "ban", member=trader.asha, reason="Odd.")
        seen = await trader.asks(trader.asha, "privacy show")
        assert seen.figures["Bans"] == "1"
        assert "banned" in seen.figures["Account"]

    async def test_the_owner_sees_it_without_having_signed_up(self, world: World):
        seen = await world.asks(world.meera, "privacy show")
        assert "owner of the exchange, not signed up" in seen.figures["Account"]

    @pytest.mark.parametrize("command", ["show", "export", "delete"])
    async def test_of_a_stranger_there_is_nothing(self, world: World, command: str):
        seen = await world.asks(world.ravi, f"privacy {command}")
        assert (seen.title, seen.ephemeral) == ("No account yet", True)
        world.forgive(NotRegistered)


class TestWithoutAnAccount:
    async def test_who_has_deleted_theirs_still_sees_and_takes_what_is_left(self, trader: World):
        exported = await trader.exchange.export_user(
            await trader.exchange_id(), (await trader.portfolio(trader.asha)).user_id
        )
        shown = await trader.asks(trader.asha, "privacy delete")
        assert "for a week at most, which number and which network were yours" in shown.text
        await trader.clicks(trader.asha, shown, "Confirm")
        seen = await trader.asks(trader.asha, "privacy show")
        assert seen.ephemeral
        assert "You have no account here" in seen.text
        assert seen.figures["Accounts that you deleted within a week"] == "1"
        assert seen.figures["Bonus paid, which is remembered"] == "yes"
        taken = await trader.asks(trader.asha, "privacy export")
        assert taken.ephemeral
        (attachment,) = taken.message.attachments
        with zipfile.ZipFile(io.BytesIO(await attachment.read())) as bundle:
            assert bundle.namelist() == ["about.json"]
            about = json.loads(bundle.read("about.json"))
        assert [departure["user_id"] for departure in about["departures"]] == [exported["user_id"]]
        assert str(trader.asha.id) not in json.dumps(about), "the id itself is gone"

    async def test_a_ban_of_somebody_who_was_never_here_is_shown_to_them(self, world: World):
        await world.asks(world.meera, "ban", member=world.ravi, reason="Odd.")
        seen = await world.asks(world.ravi, "privacy show")
        assert (seen.figures["Bans"], seen.figures["Bonus paid, which is remembered"]) == ("1", "no")
        assert seen.figures["Times your name stands on the record of moderators"] == "1"
        assert "their record has your name too" in seen.text
        await world.asks(world.ravi, "privacy delete")
        seen = await world.asks(world.ravi, "privacy show")
        assert "record" not in seen.text, "the ban is still there, and names nobody"


class TestExport:
    async def test_one_file_has_everything_and_the_ledger(self, trader: World):
        seen = await trader.asks(trader.asha, "privacy export")
        assert seen.ephemeral
        assert "your whole ledger" in seen.text
        (attachment,) = seen.message.attachments
        assert attachment.filename == "my-data.zip"
        with zipfile.ZipFile(io.BytesIO(await attachment.read())) as bundle:
            assert bundle.namelist() == ["ledger.csv", "about.json"]
            rows = list(csv.DictReader(io.StringIO(bundle.read("ledger.csv").decode(), newline="")))
            about = json.loads(bundle.read("about.json"))
        assert [(row["market"], row["shares"]) for row in rows] == [("22s2", "-4"), ("22s1", "10"), ("", "")]
        changes = sum(int(row["balance_change"].replace(".", "")) for row in rows)
        portfolio = await trader.portfolio(trader.asha)
        assert changes == portfolio.cash_paise
        assert about["display_name"] == "Asha"
        assert about["accounts"][0]["provider_user_id"] == str(trader.asha.id)
        assert about["fills"] == 2
        assert "Ravi" not in json.dumps(about), "of others nothing"


class TestDelete:
    async def test_it_says_what_happens_and_then_does_it(self, trader: World):
        shown = await trader.asks(trader.asha, "privacy delete")
        assert shown.ephemeral
        assert shown.buttons == ["Confirm", "Cancel"]
        assert "Sell **10 × 22s1**" in shown.text
        assert "Buy back **4 × 22s2**" in shown.text
        assert "the mark that your identity has had its bonus" in shown.text
        assert "a ban, if there is one" in shown.text
        assert await is_known(trader)
        burned = shown.figures["Coins that are burned, about"]
        done = await trader.clicks(trader.asha, shown, "Confirm")
        assert done.title == "Your account is deleted"
        assert "Sold **10 × 22s1**" in done.text
        assert done.figures["Coins burned"] == burned
        assert done.buttons == []
        assert not await is_known(trader)
        again = await trader.asks(trader.asha, "register")
        assert again.title == "Welcome back to the exchange"
        assert "₹0.00" in again.text
        assert (await trader.portfolio(trader.asha)).positions == ()

    async def test_cancelled_it_does_nothing(self, trader: World):
        shown = await trader.asks(trader.asha, "privacy delete")
        dropped = await trader.clicks(trader.asha, shown, "Cancel")
        assert dropped.title == "Nothing deleted"
        assert await is_known(trader)
        assert len((await trader.portfolio(trader.asha)).positions) == 2

    async def test_nobody_confirms_in_time(self, trader: World):
        shown = await trader.asks(trader.asha, "privacy delete")
        await trader.env.advance_time(CONFIRM_SECONDS + 1)
        assert (shown.title, shown.buttons) == ("Nothing deleted", [])
        assert await is_known(trader)

    async def test_nobody_deletes_another(self, trader: World):
        shown = await trader.asks(trader.asha, "privacy delete")
        suppose_all_see(trader, shown)
        answer = await trader.clicks(trader.ravi, shown, "Confirm")
        assert answer.ephemeral
        assert "Only the person" in answer.text
        assert await is_known(trader)

    async def test_it_waits_while_frozen_or_before_a_wipe(self, trader: World):
        await trader.asks(trader.meera, "freeze", member=trader.asha, reason="Odd.")
        self.assert_refused(await trader.asks(trader.asha, "privacy delete"))
        wipe = await trader.asks(trader.meera, "wipe", members=str(trader.ravi.id), reason="Bots.")
        await trader.clicks(trader.meera, wipe, "Confirm")
        self.assert_refused(await trader.asks(trader.ravi, "privacy delete"))
        trader.forgive(RequestRejected)
        assert await is_known(trader)

    async def test_a_freeze_before_confirm_counts(self, trader: World):
        shown = await trader.asks(trader.asha, "privacy delete")
        await trader.asks(trader.meera, "freeze", member=trader.asha, reason="Odd.")
        self.assert_refused(await trader.clicks(trader.asha, shown, "Confirm"))
        trader.forgive(RequestRejected)
        assert await is_known(trader)

    async def test_what_cannot_be_closed_is_named(self, trader: World):
        await trader.asks(trader.meera, "halt", market="22s1", reason="A rumour.")
        seen = await trader.asks(trader.asha, "privacy delete")
        assert seen.title == "Not deleted yet"
        assert "10 shares of **22 JAN S1** cannot all be closed now: the market is not open." in seen.text
        assert seen.buttons == []
        trader.forgive(RequestRejected)

    async def test_the_owner_cannot_leave(self, world: World):
        seen = await world.asks(world.meera, "privacy delete")
        assert "The owner of an exchange cannot leave it" in seen.text
        world.forgive(RequestRejected)

    def assert_refused(self, seen: Seen) -> None:
        assert seen.ephemeral
        assert "A moderator has frozen this account; it can be deleted once that is decided" in seen.text
        assert seen.buttons == []
