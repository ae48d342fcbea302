"""`python -m benchmarks.screenshots`: make the pictures of the README from the sandbox's page, docs/*.png.

The page is the one that `make run` serves, on a data folder that is removed afterwards. So that there is something
to see, the simulated members have traded for a day before: at once, and dated back.
"""

import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import asyncpg
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from bot.communities import PROVIDER
from exchange.database import Database
from exchange.exchange import Exchange
from exchange.migrations import migrate
from exchange.models import Identity, Order, Side, Size
from runtime.keyed_hashes import keyed_hashes
from runtime.servers import EmbeddedServers
from runtime.settings import settings_from
from sandbox.guild import GUILD_ID, GUILD_NAME, MODERATOR, TRADERS, YOU, Person
from tests.system.sandbox_page import sandbox
from tests.system.test_sandbox_browser import BROWSER_OPTIONS
from tests.system.test_sign_up_browser import link_from, switch_to

DOCS: Final = Path(__file__).parents[1] / "docs"
WIDE: Final = {"width": 1200, "height": 1_100}
PHONE: Final = {"width": 400, "height": 860}
NARROW_PHONE: Final = {"width": 390, "height": 844}
LONG_PHONE: Final = {"width": 412, "height": 1_600}
"""No phone is so long: the whole live board is on it."""
PICTURE_PIXELS: Final = 1_000
ANSWER_MILLISECONDS: Final = 60_000
WITHOUT_OPTIONS: Final = ("/portfolio", "/register", "/board here")
ROUNDS: Final = 60
ORDERS_EACH: Final = 12
MARKETS: Final = (*["22s1"] * 6, "21s1", "21s2", "22s2", "23s1", "23s2", "24s1", "24s2", "28s1", "28s2")
"""The one that is looked at closely is traded most."""

SPREAD = """
update betjee.transactions t set executed_at = s.at
from (
  select t.sequence,
    clock_timestamp() - interval '23 hours' * (1 - (row_number() over (order by t.sequence) - 1.0) / count(*) over ())
      - case when row_number() over (order by t.sequence) <= 0.62 * count(*) over () then interval '50 minutes' else '0' end as at
  from betjee.transactions t where t.exchange_id = $1) s
where t.exchange_id = $1 and t.sequence = s.sequence
"""
"""Spreads all fills over a day, with a pause in which the market is halted."""

LATER = (
    "update betjee.transactions set executed_at = executed_at - interval '5 minutes' where exchange_id = $1"
)
AGE = """
with opened as (
  update betjee.exchanges set opened_at = clock_timestamp() - interval '9 days' where exchange_id = $1 returning exchange_id)
update betjee.users set registered_at = clock_timestamp() - interval '8 days' where exchange_id in (select exchange_id from opened)
"""
HALT = """
insert into betjee.halts (exchange_id, sequence, shift_id, halted_at, ends_at)
select m.exchange_id, 1, m.shift_id, clock_timestamp() - interval '9 hours 30 minutes', clock_timestamp() - interval '8 hours 50 minutes'
from betjee.markets m where m.exchange_id = $1 and m.code = '22s1'
"""

EARLIER = (
    """
    insert into betjee.snapshots
    select exchange_id, taken_at - $2 * interval '1 hour' from betjee.snapshots
    where exchange_id = $1 order by taken_at desc limit 1
    """,
    """
    insert into betjee.net_worths (exchange_id, block, taken_at, user_ids, net_worths_paise, medians_paise, realised_paise)
    select exchange_id, block, taken_at - $2 * interval '1 hour', user_ids, net_worths_paise, medians_paise, realised_paise
    from betjee.net_worths where exchange_id = $1 and taken_at > clock_timestamp() - interval '1 hour'
    """,
    "delete from betjee.net_worths where exchange_id = $1 and taken_at > clock_timestamp() - interval '1 hour' and $2 > 0",
    "delete from betjee.snapshots where exchange_id = $1 and taken_at > clock_timestamp() - interval '1 hour' and $2 > 0",
    "update betjee.leaderboards set refreshed_at = null where exchange_id = $1 and $2 > 0",
)
"""Dates the snapshot of this hour back by so many, and makes room for another."""


async def live_through_a_day(servers: EmbeddedServers, folder: Path) -> None:
    """Open the sandbox's exchange and let its members trade."""
    await migrate(servers.database_owner_url)
    owner = await asyncpg.connect(servers.database_owner_url)
    hashes = keyed_hashes(settings_from({"BETJEE_DATA": str(folder)}))
    exchange = Exchange(Database(servers.database_url), hash_identity=hashes.identity)
    try:
        exchange_id = await exchange.open_exchange(
            1, PROVIDER, str(GUILD_ID), GUILD_NAME, _identity(MODERATOR)
        )
        people = [
            (await exchange.register_user(exchange_id, 10 + number, _identity(person))).user_id
            for number, person in enumerate((YOU, *TRADERS))
        ]
        chance, request_id = random.Random(4), 100
        for round_number in range(ROUNDS):
            for _ in range(ORDERS_EACH):
                request_id += 1
                user_id, market = chance.choice(people[1:]), chance.choice(MARKETS)
                await exchange.execute_order(exchange_id, _order(request_id, user_id, market, chance))
            if round_number == ROUNDS // 2:
                order = Order(99, people[0], "22s1", Side.BUY, Size(shares=120), confirmed=True)
                await exchange.execute_order(exchange_id, order)
            # The band is measured from the price two minutes ago, and nobody waits that long here.
            await owner.execute(LATER, exchange_id)
            hours_ago = 23 * (ROUNDS - round_number) // ROUNDS
            if hours_ago and hours_ago != 23 * (ROUNDS - round_number + 1) // ROUNDS:
                await exchange.refresh_leaderboards()
                for statement in EARLIER:
                    await owner.execute(statement, exchange_id, hours_ago)
        for statement in (AGE, SPREAD, HALT):
            await owner.execute(statement, exchange_id)
    finally:
        await exchange.close()
        await owner.close()


def _identity(person: Person) -> Identity:
    return Identity(PROVIDER, str(person.discord_id), person.display_name)


def _order(request_id: int, user_id: int, market: str, chance: random.Random) -> Order:
    side = chance.choices((Side.BUY, Side.SELL), (5, 4))[0]
    size = (
        Size(shares=chance.randint(20, 240))
        if side is Side.BUY
        else Size(portion_bps=chance.choice((2_500, 6_000)))
    )
    return Order(request_id, user_id, market, side, size, confirmed=True)


def open_page(browser: Browser, address: str, viewport: dict[str, int], scale: float) -> Page:
    """The page, once it has greeted."""
    page = browser.new_page(viewport=viewport, device_scale_factor=scale, color_scheme="dark")  # type: ignore[arg-type]  # a plain dict will do
    page.goto(address)
    expect(page.get_by_role("log").get_by_text("Welcome to the sandbox")).to_be_visible(
        timeout=ANSWER_MILLISECONDS
    )
    return page


def ask(page: Page, line: str, title: str, *, pictured: bool = True) -> Locator:
    """Type a command, and the card that answers it, once its picture, if there is one, is there."""
    composer = page.get_by_label("Message", exact=True)
    expect(composer).to_be_editable(timeout=ANSWER_MILLISECONDS)
    cards = page.locator(".embed-card").filter(has_text=title)
    before = cards.count()
    composer.click()
    page.keyboard.type(line, delay=20)
    page.keyboard.press("Enter")
    if line in WITHOUT_OPTIONS:
        # The first chose it from the list of commands.
        expect(page.locator(".command-context")).to_be_visible(timeout=ANSWER_MILLISECONDS)
        page.keyboard.press("Enter")
    expect(cards).to_have_count(before + 1, timeout=ANSWER_MILLISECONDS)
    card = cards.last
    composer.blur()
    if pictured:
        picture = card.locator("img").last
        expect(picture).to_have_js_property("naturalWidth", PICTURE_PIXELS, timeout=ANSWER_MILLISECONDS)
    return card


def take(address: str) -> None:
    """Take all pictures."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is not installed (on Debian: apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=BROWSER_OPTIONS)
        page = open_page(browser, address, PHONE, 2)
        ask(page, "/chart 22s1 24h", "over the last 24 hours").screenshot(path=DOCS / "chart.png")
        ask(page, "/market 22s1", "Largest order").screenshot(path=DOCS / "market.png")
        ask(page, "/portfolio", "Your portfolio").screenshot(path=DOCS / "portfolio.png")
        page.close()
        page = open_page(browser, address, WIDE, 1)
        ask(page, "/buy 22s1 10", "Bought 10", pictured=False)
        ask(page, "/chart 22s1 24h", "over the last 24 hours")
        page.screenshot(path=DOCS / "chat-page.png")
        page.close()
        page = open_page(browser, address, LONG_PHONE, 2)
        switch_to(page, MODERATOR.display_name)
        ask(page, "/board here", "keeps itself up to date", pictured=False)
        board = page.get_by_role("article").filter(has=page.get_by_role("button", name="Portfolio")).last
        board.screenshot(path=DOCS / "live-board.png")
        browser.close()


def take_sign_up(address: str) -> None:
    """The page behind the link that `/register` gives, of an exchange where nobody has signed up."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=BROWSER_OPTIONS)
        link = link_from(open_page(browser, address, WIDE, 1))
        page = browser.new_page(viewport=NARROW_PHONE, color_scheme="dark")  # type: ignore[arg-type]  # a plain dict will do
        page.goto(link)
        expect(page.get_by_label("I agree")).to_be_visible(timeout=ANSWER_MILLISECONDS)
        page.screenshot(path=DOCS / "sign-up-page.png", full_page=True)
        browser.close()


def main() -> int:
    """Make them all; exit code 0."""
    folder = Path(tempfile.mkdtemp(prefix="betjee-screenshots-"))
    try:
        with EmbeddedServers(folder) as servers:
            asyncio.run(live_through_a_day(servers, folder))
            with sandbox(folder) as running:
                take(running.address)
        fresh = folder / "fresh"
        fresh.mkdir()
        with sandbox(fresh) as running:
            take_sign_up(running.address)
    finally:
        shutil.rmtree(folder)
    for name in sorted(DOCS.glob("*.png")):
        print(name.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
