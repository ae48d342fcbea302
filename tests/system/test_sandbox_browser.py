"""The sandbox's page in a real browser, used by the keyboard as a person does."""

import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.replies.columns import PHONE_COLUMNS
from runtime.exit_codes import ExitCode
from tests.system.sandbox_page import Sandbox, sandbox

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright  # only where it is installed

ANSWER_MILLISECONDS = 30_000
MOVE_MILLISECONDS = 60_000
expect.set_options(timeout=ANSWER_MILLISECONDS)
LEAVE_A_FIELD_AS_IT_IS_ENTERED = """() => {
  document.activeElement.blur();
  document.querySelector('.command-option-input[aria-autocomplete="list"]').focus();
  document.querySelector(".command-context-close").click();
}"""
BROWSER_OPTIONS = [
    "--no-sandbox",  # a container's root may not use the browser's own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (on Debian: apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=BROWSER_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def running(data_folder: Path) -> Iterator[Sandbox]:
    with sandbox(data_folder) as started:
        yield started


def leave_commands(page: Page, composer: Locator) -> None:
    """Leave a command that is being filled in, first by the keyboard, then in the very moment its field is entered."""
    command = page.locator(".command-context")
    composer.fill("/buy")
    page.keyboard.press("Enter")
    expect(command).to_be_visible()
    for _ in range(2):  # the first closes the list of suggestions
        page.keyboard.press("Escape")
    expect(command).to_have_count(0)
    composer.fill("/buy")
    page.keyboard.press("Enter")
    expect(command).to_be_visible()
    page.evaluate(LEAVE_A_FIELD_AS_IT_IS_ENTERED)
    expect(command).to_have_count(0)
    composer.fill("")


def assert_tables_fit(page: Page) -> None:
    """The widest line of a table needs no pushing sideways on a phone."""
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 800})
        room, needed = page.locator(".embed-card .code-block").first.evaluate(
            """(block, line) => {
              block.querySelector("code").textContent = line;
              return [block.clientWidth, block.scrollWidth];
            }""",
            "8" * PHONE_COLUMNS,
        )
        assert needed <= room, width


def test_a_person_registers_buys_and_sees_prices_move(browser, running):
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(running.address)
    composer = page.get_by_label("Message", exact=True)
    chat = page.get_by_role("log")

    def type_line(line: str) -> None:
        composer.click()
        page.keyboard.type(line, delay=20)
        page.keyboard.press("Enter")

    expect(chat.get_by_text("Welcome to the sandbox")).to_be_visible(timeout=ANSWER_MILLISECONDS)
    type_line("/register")
    page.keyboard.press("Enter")  # the first Enter chose it from the list of commands
    expect(chat).to_contain_text("₹20,000.00", timeout=ANSWER_MILLISECONDS)
    expect(composer).to_be_editable(timeout=ANSWER_MILLISECONDS)

    type_line("/buy 22s1 10")
    expect(chat.get_by_text("Bought 10 × 22s1").first).to_be_visible(timeout=ANSWER_MILLISECONDS)
    expect(chat).to_contain_text("10 shares of 22s1")
    expect(chat).to_contain_text("Only you can see this")
    expect(page.locator("#line-hint")).to_be_empty()
    expect(chat).to_contain_text(re.compile(r"You bought 10 × 22s1 at ₹"))

    type_line("/portfolio Pria")
    expect(page.locator("#line-hint")).to_have_text("There is no member “Pria”. Did you mean Priya?")
    expect(composer).to_have_value("/portfolio Pria")
    composer.fill("/buy 22s1 ")
    expect(page.locator("#line-hint")).to_contain_text("/buy market shares [max_cost] · shares: How many")
    composer.fill("")

    leave_commands(page, composer)

    # From here on nobody touches the page: the simulated traders move the prices on it.
    ticker = page.locator("#channel-topic")
    before = ticker.inner_text()
    expect(ticker).not_to_have_text(before, timeout=MOVE_MILLISECONDS)

    viewer = page.get_by_label("Viewing as")
    viewer.select_option("Priya")
    expect(page.locator("#action-status")).to_be_hidden()
    page.reload()
    expect(viewer.locator("option:checked")).to_have_text("Priya", timeout=ANSWER_MILLISECONDS)
    page.set_viewport_size({"width": 400, "height": 800})
    heights = [
        page.locator(part).bounding_box()["height"] for part in (".preview-toolbar", ".channel-header")
    ]
    assert sum(heights) < 110
    assert_tables_fit(page)
    assert faults == []

    assert running.stop() == ExitCode.DONE  # with the page still open
    assert "Traceback" not in running.log.read_text()


def test_a_tab_comes_back_after_a_restart_and_a_wrong_address_is_told(browser, data_folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    page = browser.new_page()
    welcome = page.get_by_role("log").get_by_text("Welcome to the sandbox")
    with sandbox(data_folder, port) as first:
        page.goto(first.address)
        expect(welcome).to_be_visible(timeout=ANSWER_MILLISECONDS)
        assert first.stop() == ExitCode.DONE
    page.evaluate("document.body.dataset.before = 'the restart'")
    with sandbox(data_folder, port) as second:
        assert second.address == first.address
        expect(page.locator("body")).not_to_have_attribute(
            "data-before", "the restart", timeout=MOVE_MILLISECONDS
        )
        expect(welcome).to_be_visible(timeout=ANSWER_MILLISECONDS)
        stranger = browser.new_page()
        stranger.goto(second.address + "x")
        expect(stranger.get_by_text("Open the one that it printed")).to_be_visible()
