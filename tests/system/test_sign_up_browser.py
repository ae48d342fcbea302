"""Signing up on the page in a real browser: from the link in the chat to the bonus, on a phone, in light and dark."""

import re
from pathlib import Path

import pytest

from tests.system.sandbox_page import sandbox

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect  # only where it is installed

from tests.system.test_sandbox_browser import ANSWER_MILLISECONDS, browser

__all__ = ["browser"]

PHONE = {"width": 360, "height": 740}
NARROWEST = 320


def type_line(page: Page, line: str) -> None:
    composer = page.get_by_label("Message", exact=True)
    expect(composer).to_be_editable(timeout=ANSWER_MILLISECONDS)
    composer.click()
    page.keyboard.type(line, delay=20)
    page.keyboard.press("Enter")


def contrast(page: Page, selector: str, background: str) -> float:
    """The contrast of a text with what it stands on, by the formula of WCAG 2."""
    ratio: float = page.evaluate(
        """([text, ground]) => {
          const luminance = (element, property) => {
            const parts = getComputedStyle(element)[property].match(/[\\d.]+/g).slice(0, 3).map(Number);
            const [red, green, blue] = parts.map((part) => {
              const value = part / 255;
              return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
          };
          const one = luminance(document.querySelector(text), "color");
          const other = luminance(document.querySelector(ground), "backgroundColor");
          return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        }""",
        [selector, background],
    )
    return ratio


def assert_readable(page: Page) -> None:
    """Nothing is wider than the screen, and every kind of text stands out from its ground."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for text, ground in (("h1", ".card"), (".quiet", ".card"), (".amount", ".bonus"), ("button", "button")):
        assert contrast(page, text, ground) >= 4.5, text


def switch_to(page: Page, member: str) -> None:
    """See the chat as another member does, once the page has it so."""
    with page.expect_response(lambda answer: '"kind":"viewer"' in (answer.request.post_data or "")):
        page.get_by_label("Viewing as").select_option(member, timeout=ANSWER_MILLISECONDS)
    switched = re.compile("^(Viewer switched|Action completed)$")
    expect(page.locator("#action-status")).to_have_text(switched, timeout=ANSWER_MILLISECONDS)


def link_from(chat: Page) -> str:
    """The link that /register gives where a moderator wants the page to be used."""
    switch_to(chat, "Meera (moderator)")
    type_line(chat, "/settings set verification web")
    expect(chat.get_by_role("log")).to_contain_text("Setting changed", timeout=ANSWER_MILLISECONDS)
    switch_to(chat, "You")
    type_line(chat, "/register")
    chat.keyboard.press("Enter")  # the first Enter chose it from the list of commands
    link = chat.get_by_role("link", name="Sign up on the page")
    expect(link).to_be_visible(timeout=ANSWER_MILLISECONDS)
    address = link.get_attribute("href") or ""
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/register#\d+\.[A-Za-z0-9_-]{43}", address)
    return address


def test_a_person_follows_the_link_consents_and_has_the_bonus(browser, data_folder: Path):
    with sandbox(data_folder) as running:
        chat = browser.new_page(viewport={"width": 1200, "height": 800})
        chat.goto(running.address)
        address = link_from(chat)
        for scheme in ("light", "dark"):
            look = browser.new_page(viewport={"width": NARROWEST, "height": 600}, color_scheme=scheme)
            look.goto(address)
            expect(look.get_by_role("heading", name="Join JEE 2026")).to_be_visible(
                timeout=ANSWER_MILLISECONDS
            )
            assert_readable(look)

        page = browser.new_page(viewport=PHONE, color_scheme="dark")
        faults: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        expect(page.get_by_text("You are signing up as You.")).to_be_visible(timeout=ANSWER_MILLISECONDS)
        expect(page.get_by_text("no monetary value")).to_be_visible()
        expect(page.get_by_text("90 days")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.get_by_label("I agree")).to_be_focused()
        assert page.evaluate("document.cookie") == "", "no script can read the cookies"
        assert faults == []

        page.get_by_role("button", name="Sign up").click()
        expect(page.get_by_role("alert")).to_contain_text("Tick the box first", timeout=ANSWER_MILLISECONDS)
        page.get_by_label("I agree").check()
        page.get_by_role("button", name="Sign up").click()
        expect(page.get_by_role("heading", name="Welcome, You")).to_be_visible(timeout=ANSWER_MILLISECONDS)
        expect(page.locator("#granted")).to_have_text("₹20,000.00 granted to you")
        assert_readable(page)
        secret = address.partition("#")[2]
        assert "#" not in page.url
        assert not any(secret in url for url in asked), "the secret is in no address that a server sees"

        page.goto(address)
        expect(page.get_by_text("This link was used before")).to_be_visible(timeout=ANSWER_MILLISECONDS)
        type_line(chat, "/portfolio")
        # Enter would send it or take an option from the list that is open meanwhile, until the next trade is shown.
        chat.get_by_role("button", name="Send", exact=True).click(timeout=ANSWER_MILLISECONDS)
        expect(chat.get_by_role("log")).to_contain_text("Net worth ₹20,000.00", timeout=ANSWER_MILLISECONDS)


def test_without_a_link_the_page_says_where_to_get_one(browser, data_folder: Path):
    with sandbox(data_folder) as running:
        chat = browser.new_page(viewport={"width": 1200, "height": 800})
        chat.goto(running.address)
        page = browser.new_page(viewport=PHONE)
        page.goto(link_from(chat).partition("#")[0])
        expect(page.get_by_text("Open this page by the link that /register gives you")).to_be_visible(
            timeout=ANSWER_MILLISECONDS
        )
        assert_readable(page)
