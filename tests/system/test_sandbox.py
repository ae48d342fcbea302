"""`betjee sandbox` as a person runs it: started, stopped, started again, and with the database away."""

import asyncio
import os
import re
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urldefrag, urlsplit

import psutil
import pytest

from runtime.exit_codes import ExitCode
from runtime.servers import EmbeddedServers
from sandbox.guild import FRIENDS, MODERATOR
from sandbox.screen import MOST_CONTEXTS, PRIVATE_MESSAGES
from tests.system.odd_targets import assert_odd_targets_end
from tests.system.sandbox_page import Sandbox, Visitor, sandbox, wait_until

MOVE_SECONDS = 60


@pytest.fixture
def running(data_folder: Path) -> Iterator[Sandbox]:
    with sandbox(data_folder) as started:
        yield started


def amount(text: str, label: str) -> str:
    """The money that stands behind a label in a reply."""
    found = re.search(rf"{label}[^₹]*(₹[\d,]+\.\d\d)", text)
    assert found, f"no {label} in:\n{text}"
    return found[1]


def processes_of(data_folder: Path) -> list[list[str]]:
    """The command lines of all processes that were started for a data folder."""
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(data_folder) in " ".join(line)]


def assert_ended_cleanly(ended: Sandbox, data_folder: Path, number: signal.Signals) -> None:
    assert ended.stop(number) == ExitCode.DONE
    assert "Traceback" not in ended.log.read_text()
    assert processes_of(data_folder) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(ended.process.pid, 0)


def test_started_again_it_knows_everyone_and_new_orders_are_new(data_folder):
    with sandbox(data_folder) as first:
        you = Visitor(first.address)
        assert "₹20,000.00" in you.type("/register")[0]
        bought = you.type("/buy 22s1 10")[0]
        assert "Bought 10 × 22s1" in bought
        assert_ended_cleanly(first, data_folder, signal.SIGINT)

    with sandbox(data_folder) as second:
        assert urldefrag(second.address).fragment == urldefrag(first.address).fragment
        you = Visitor(second.address)
        portfolio = you.type("/portfolio")[0]
        assert "22s1" in portfolio
        assert amount(bought, "Balance now") in portfolio
        again = you.type("/buy 22s1 10")[0]
        assert "Bought 10 × 22s1" in again
        assert "Position now: **20 shares of 22s1**" in again
        assert amount(again, "Balance now") != amount(bought, "Balance now")
        assert_ended_cleanly(second, data_folder, signal.SIGTERM)


def test_started_again_it_puts_the_live_board_where_it_was(data_folder):
    def boards(visitor: Visitor) -> list[bool]:
        messages = visitor.state()["messages"].values()
        return [
            message["pinned"]
            for message in messages
            if not message["ephemeral"]
            and any(embed.get("title") == "Live board" for embed in message["embeds"])
        ]

    with sandbox(data_folder) as first:
        meera = Visitor(first.address, MODERATOR)
        meera.type("/register")
        assert "pinned" in meera.type("/board here")[0]
        assert boards(meera) == [True]
        assert_ended_cleanly(first, data_folder, signal.SIGINT)

    with sandbox(data_folder) as second:
        meera = Visitor(second.address, MODERATOR)
        wait_until(lambda: boards(meera), MOVE_SECONDS, "the live board")
        assert boards(meera) == [True]
        assert "The live board is gone" not in meera.type("/notifications")[0]
        assert any("what was said here does not" in text for text in meera.texts())


def test_charts_are_drawn_and_their_process_ends_with_the_sandbox(data_folder):
    with sandbox(data_folder) as running:
        you = Visitor(running.address)
        assert "over the last 24 hours" in you.type("/chart 22s1")[0]
        assert "May move now within" in you.type("/market 22s1")[0]
        family = psutil.Process(running.process.pid).children(recursive=True)
        (drawing,) = [process for process in family if "bot.pictures.worker" in process.cmdline()]
        assert_ended_cleanly(running, data_folder, signal.SIGINT)
        assert not drawing.is_running()


def test_direct_messages_are_shown_to_their_reader_alone(running):
    you, priya = Visitor(running.address), Visitor(running.address, FRIENDS[0])
    for line in ("/register", "/notifications direct message"):
        you.type(line)
    for _ in range(3):  # Another's trade may come between.
        price = amount(you.type("/quote buy 22s1 1")[0], "Average price").removeprefix("₹")
        you.type(f"/alerts 22s1 {float(price) + 0.05:.2f}")
        you.type("/buy 22s1 20")
    wait_until(
        lambda: any("Direct message to you" in text for text in you.texts()), MOVE_SECONDS, "a message"
    )
    told = next(text for text in you.texts() if "Direct message to you" in text)
    assert "Price alert: 22s1" in told
    assert not any("Direct message to you" in text for text in priya.texts())


def test_tabs_that_were_closed_without_a_word_keep_nobody_out(running):
    visitors = [Visitor(running.address) for _ in range(2 * MOST_CONTEXTS)]
    assert "Markets" in visitors[-1].type("/markets")[0]
    with pytest.raises(HTTPError, match="410"):
        visitors[0].state()


def test_how_long_ago_is_reckoned_from_when_a_person_asks(running):
    you = Visitor(running.address)
    for _ in range(3):
        before = datetime.now(UTC)
        you.type("/tape")
        assert datetime.fromisoformat(you.state()["profile"]["presentationTime"]) >= before


def test_old_private_replies_are_forgotten(running):
    you = Visitor(running.address)
    for _ in range(PRIVATE_MESSAGES + 3):
        you.type("/orders")

    def private() -> int:
        return sum(message["ephemeral"] for message in you.state()["messages"].values())

    wait_until(lambda: private() == PRIVATE_MESSAGES, MOVE_SECONDS, "the end of old replies")


def test_a_line_that_means_no_command_is_answered_by_a_hint_and_posted_nowhere(running):
    you = Visitor(running.address)
    for line, hint in (
        ("/bye 22s1 10", "Did you mean `/buy`?"),
        ("/buy 22s1", "/buy needs shares"),
        ("/settings list", "Only moderators may use /settings."),
        ("/quote hold 22s1 10", "“hold” is no choice for side: type buy, sell, short or cover."),
        ("buy 22s1 10", "Did you mean `/buy 22s1 10`?"),
        ("/portfolio Nobody", "There is no member “Nobody”."),
    ):
        assert hint in you.act({"kind": "send_message", "content": line})["hint"]
        assert line not in you.texts()

    assert you.act({"kind": "send_message", "content": "quote buy 22s1 10"})["hint"]
    assert "hint" not in you.act({"kind": "send_message", "content": "quote buy 22s1 10"})
    assert "quote buy 22s1 10" in you.texts()
    assert "**Priya** has no account" in you.type("/portfolio priya")[0]


def test_prices_move_while_one_only_looks(running):
    you = Visitor(running.address)
    first = wait_until(you.topic, MOVE_SECONDS, "the ticker")
    wait_until(lambda: you.topic() != first, MOVE_SECONDS, "a price that moves")
    told = re.compile(r"(bought|sold|shorted|covered) [\d,]+ × \w+ at ₹")
    wait_until(lambda: told.search("\n".join(you.texts())), MOVE_SECONDS, "a simulated trader's fill")


def test_the_page_stays_while_the_database_is_away(data_folder):
    with EmbeddedServers(data_folder) as servers, sandbox(data_folder) as running:
        you = Visitor(running.address)
        you.type("/register")
        postmaster = servers.postgres.running_pid
        assert postmaster is not None
        os.kill(postmaster, signal.SIGKILL)
        wait_until(lambda: servers.postgres.running_pid is None, MOVE_SECONDS, "the end of PostgreSQL")
        assert "charged" in you.type("/buy 22s1 1")[0]
        servers.postgres.start()
        assert "Bought 1 × 22s1" in you.type("/buy 22s1 1")[0]
        before = you.topic()
        wait_until(lambda: you.topic() != before, MOVE_SECONDS, "traders who are back")


def test_a_port_that_is_taken_is_answered_by_one_sentence(betjee):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = betjee("sandbox", BETJEE_SANDBOX_PORT=str(taken.getsockname()[1]))
    assert ended.returncode == ExitCode.SETTING_WRONG
    assert "BETJEE_SANDBOX_PORT" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_a_request_for_no_address_ends_its_connection(running):
    address = urlsplit(running.address)
    asyncio.run(assert_odd_targets_end(address.hostname, address.port))
