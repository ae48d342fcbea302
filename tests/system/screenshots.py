"""Pictures of the sandbox's page for the README: `python -m tests.system.screenshots FOLDER`.

It starts a sandbox of its own, lets its members trade for a while, and looks at it as a person on a phone does.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from tests.system.sandbox_page import sandbox

ANSWER_MILLISECONDS = 60_000
TRADING_MILLISECONDS = 60_000
PHONE = ViewportSize(width=412, height=915)
BROWSER_OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def take_pictures(folder: Path) -> None:
    """Take every picture into a folder."""
    data_folder = Path(tempfile.mkdtemp(prefix="betjee-data-"))
    try:
        with sandbox(data_folder) as running, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=BROWSER_OPTIONS)
            page = browser.new_page(viewport=PHONE, device_scale_factor=2)
            page.goto(running.address)
            expect(page.get_by_role("log").get_by_text("Welcome to the sandbox")).to_be_visible(
                timeout=ANSWER_MILLISECONDS
            )
            page.wait_for_timeout(TRADING_MILLISECONDS)
            _take_live_board(page, folder / "live-board.png")
            browser.close()
            running.stop()
    finally:
        shutil.rmtree(data_folder)


def _take_live_board(page: Page, picture: Path) -> None:
    """The moderator puts the board; a picture of it with its buttons."""
    page.get_by_label("Viewing as").select_option("Meera (moderator)")
    _give_command(page, "/board here")
    board = page.get_by_role("article").filter(has=page.get_by_role("button", name="Portfolio")).last
    expect(board).to_be_visible(timeout=ANSWER_MILLISECONDS)
    board.screenshot(path=picture)


def _give_command(page: Page, line: str) -> None:
    page.get_by_label("Message", exact=True).click()
    page.keyboard.type(line, delay=20)
    page.keyboard.press("Enter")
    page.wait_for_timeout(1_000)
    page.keyboard.press("Enter")  # the first Enter chose it from the list of commands


if __name__ == "__main__":
    take_pictures(Path(sys.argv[1]))
