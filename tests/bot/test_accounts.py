"""Signing up, portfolios and feedback, as people see them."""

from bot.errors import NotRegistered
from bot.replies.text import money
from tests.bot.world import World


async def test_registering_twice_grants_once(world: World):
    first = await world.asks(world.asha, "register")
    assert first.ephemeral
    assert first.title == "Welcome to the exchange"
    assert "₹20,000.00" in first.text
    assert "no monetary value" in first.text
    second = await world.asks(world.asha, "register")
    assert second.title == "You already have an account"
    assert "₹20,000.00" in second.text
    assert (await world.portfolio(world.asha)).cash_paise == 20_000_00


async def test_the_owner_is_known_but_signs_up_like_everyone(world: World):
    refusal = await world.asks(world.meera, "buy", market="22s1", shares="1")
    assert refusal.title == "No account yet"
    world.forgive(NotRegistered)
    welcome = await world.asks(world.meera, "register")
    assert welcome.title == "Welcome to the exchange"


async def test_an_empty_portfolio(world: World):
    await world.registered(world.asha)
    seen = await world.asks(world.asha, "portfolio")
    assert seen.ephemeral
    assert "No positions yet" in seen.text
    assert "## Net worth ₹20,000.00\n" in seen.text
    assert seen.figures["Balance"] == "₹20,000.00"


async def test_ones_own_portfolio_shows_everything(world: World):
    await world.registered(world.asha)
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    await world.asks(world.asha, "short", market="22s2", shares="5")
    portfolio = await world.portfolio(world.asha)
    seen = await world.asks(world.asha, "portfolio")
    blocks = (seen.embed.description or "").split("\n\n")
    assert blocks[0].startswith(f"## Net worth {money(portfolio.net_worth_paise)}\n")
    assert blocks[1].startswith("**22s1** · 10 shares\nAverage ₹16.66, now ₹16.69\nClosing brings ₹")
    assert blocks[2].startswith("**22s2** · short 5 shares\n")
    assert seen.figures["Reserved for shorts"] == "₹5,083.50"
    assert seen.figures["Balance"] == money(portfolio.cash_paise)
    assert portfolio.net_worth_paise < 20_000_00, "closing everything would pay tax again"


async def test_another_members_portfolio_hides_their_cash(world: World):
    await world.registered(world.asha)
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    seen = await world.asks(world.ravi, "portfolio", member=world.asha)
    assert seen.ephemeral
    assert "**Asha**" in seen.text
    assert "**22s1** · 10 shares, now ₹16.69" in seen.text
    assert "## Net worth ₹" in seen.text
    assert not seen.figures
    assert "₹19,830.63" not in seen.text


async def test_a_member_without_an_account_has_no_portfolio(world: World):
    seen = await world.asks(world.asha, "portfolio", member=world.ravi)
    assert seen.title == "No account"
    assert "**Ravi** has no account" in seen.text
    world.forgive(NotRegistered)


async def test_a_report_reaches_the_moderators_letter_for_letter(world: World):
    await world.registered(world.asha)
    text = "@everyone <@123> **price** https://example.com\n# look"
    thanks = await world.asks(world.asha, "report", text=text)
    assert thanks.ephemeral
    assert thanks.title == "Thank you"

    reports = await world.asks(world.meera, "reports")
    assert reports.ephemeral
    assert "**Asha**" in reports.text
    assert r"\@everyone \<\@123\> \*\*price\*\* https\:\/\/example\.com \# look" in reports.text
