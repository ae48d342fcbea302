"""A running `betjee sandbox`, and a visitor of its page who needs no browser."""

import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urldefrag
from urllib.request import Request, urlopen

from sandbox.guild import Person
from tests.system.conftest import environment

START_SECONDS = 120
STOP_SECONDS = 60
ANSWER_SECONDS = 30
LOOK_SECONDS = 0.1

Found = TypeVar("Found")


def wait_until(look: Callable[[], Found], seconds: float, what: str) -> Found:
    """Look again and again until there is something to see; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(LOOK_SECONDS)
    return found


@dataclass
class Sandbox:
    """A running `betjee sandbox`. It leads a process group, as one started from a terminal does."""

    process: subprocess.Popen[str]
    address: str
    log: Path

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal to the whole group, as a terminal sends Ctrl-C, and return the exit code."""
        os.killpg(self.process.pid, number)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def sandbox(data_folder: Path, port: int = 0) -> Iterator[Sandbox]:
    """Start a sandbox on a port (0: any free one) and wait for its address; what still runs afterwards is stopped."""
    log = data_folder / "sandbox.log"
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "sandbox"],
            env=environment(data_folder, {"BETJEE_SANDBOX_PORT": str(port)}),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    try:
        yield Sandbox(process, _first_line(process, log), log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=STOP_SECONDS)


def _first_line(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if readable else ""
    assert line.startswith("http://127.0.0.1:"), f"no address but {line!r}; the log says:\n{log.read_text()}"
    return line.strip()


class Visitor:
    """Someone on the page, as its first member unless `viewer` says otherwise, who types lines and reads what comes."""

    def __init__(self, address: str, viewer: Person | None = None) -> None:
        self._base, self._capability = urldefrag(address)
        self._context = ""
        self._sequence = 0
        state = self._ask("POST", "/api/pages", {})
        self._context = state["context"]["id"]
        if viewer is not None:
            self.act({"kind": "viewer", "viewer_id": str(viewer.discord_id)})

    def state(self) -> dict[str, Any]:
        """What the page shows now."""
        return self._ask("GET", "/api/state")

    def texts(self) -> list[str]:
        """All text of each visible message, oldest first."""
        state = self.state()
        return [_text(state["messages"][identity]) for identity in state["timeline"]]

    def topic(self) -> str:
        """The channel's topic, which is the ticker."""
        return str(self.state()["channel"]["topic"] or "")

    def type(self, line: str) -> list[str]:
        """Type a line and send it. Returns the text of each message that answers it."""
        receipt = self.act({"kind": "send_message", "content": line})
        assert receipt["settlement"] == "settled", receipt
        state = self.state()
        return [
            _text(state["messages"][outcome["messageId"]])
            for outcome in receipt["outcomes"]
            if outcome.get("messageId") in state["messages"]
        ]

    def act(self, action: dict[str, Any]) -> dict[str, Any]:
        """Do something on the page, and return its receipt."""
        state = self.state()
        self._sequence += 1
        receipt = self._ask(
            "POST",
            "/api/action",
            {
                **action,
                "protocol_version": 3,
                "sequence": self._sequence,
                "request_id": str(uuid.uuid4()),
                "generation": state["context"]["generation"],
                "bot_generation": state["botGeneration"],
                "published_revision": state["publishedRevision"],
            },
        )
        self._sequence = receipt["expectedSequence"]
        return receipt

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = Request(  # noqa: S310  # the address is the sandbox's own
            self._base.rstrip("/") + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "X-Simcord-Capability": self._capability,
                "X-Simcord-Context": self._context,
            },
        )
        with urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310  # as above
            document: dict[str, Any] = json.load(answer)
        return document


def _text(message: dict[str, Any]) -> str:
    parts = [message["content"]]
    for embed in message["embeds"]:
        parts += [embed.get("title", ""), embed.get("description", "")]
        parts += [f"{item['name']}: {item['value']}" for item in embed.get("fields", [])]
    return "\n".join(part for part in parts if part)
