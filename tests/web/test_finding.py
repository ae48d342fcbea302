"""A burst of sign-ups as it comes through the page: whose bonus waits is told so, and a limiter hides nobody."""

import itertools

from exchange.verification import NetworkKeys
from runtime.limits import Reason, Ruling
from tests.web.conftest import Serve
from tests.web.page import Page
from web.limits import NoLimit


class OneForTheNetwork(NoLimit):
    """A limiter that lets one attempt through."""

    def __init__(self) -> None:
        self.seen = 0

    async def rule(self, _exchange_id: int, _networks: NetworkKeys) -> Ruling:
        self.seen += 1
        return Ruling() if self.seen == 1 else Ruling(Reason.NETWORK, 30.0)


async def sign_up(page: Page, discord_id: str) -> dict[str, object]:
    async with page.browser() as browser:
        return await browser.consent(await page.link(discord_id))


async def test_the_fourth_within_seconds_is_told_that_the_bonus_waits(page: Page):
    answers = [await sign_up(page, str(number)) for number in range(70, 74)]
    assert [(answer["bonus"], answer["is_withheld"]) for answer in answers] == [
        ("₹20,000.00", False),
        ("₹20,000.00", False),
        ("₹20,000.00", False),
        ("₹20,000.00", True),
    ]
    assert [await page.granted_paise(str(number)) for number in range(70, 74)] == [0] * 4


async def test_those_whom_the_limiter_refuses_count(page: Page, serve: Serve):
    async with serve(limiter=OneForTheNetwork()) as limited:
        answers = [await sign_up(limited, str(number)) for number in range(80, 84)]
    assert [answer.get("refused") for answer in answers] == [None, *["too_many_attempts"] * 3]
    assert await page.granted_paise("80") == 2_000_000
    assert await page.exchange.find_suspects() == 1
    assert await page.granted_paise("80") == 0, "taken back into waiting"
    async with serve() as open_again:
        open_again.numbers = itertools.count(5_000)
        assert (await sign_up(open_again, "81"))["is_withheld"] is True
