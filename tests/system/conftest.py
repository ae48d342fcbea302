"""What the system tests share: the `betjee` command as a person runs it, in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ANSWER_SECONDS = 120


@dataclass
class Services:
    """A running `betjee services`, and the addresses it printed."""

    process: subprocess.Popen[str]
    lines: list[str]

    @property
    def addresses(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.lines)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and return how it ended."""
        self.process.send_signal(number)
        return self.process.wait(ANSWER_SECONDS)


def environment(data_folder: Path, settings: dict[str, str]) -> dict[str, str]:
    """An environment in which no setting of the person who runs the tests is left."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"BETJEE_DATA": str(data_folder)} | settings


Betjee = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def betjee(data_folder: Path) -> Betjee:
    """Run a command to its end: `betjee("audit", "--exchange", "1", DATABASE_URL=…)`."""

    def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *words],
            env=environment(data_folder, settings),
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def launch_services(data_folder: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Launch `betjee services` without waiting for it; whatever still runs is stopped after the test."""
    launched: list[subprocess.Popen[str]] = []

    def launch() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "services"],
            env=environment(data_folder, {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        launched.append(process)
        return process

    yield launch
    for process in launched:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=ANSWER_SECONDS)


def read_addresses(process: subprocess.Popen[str]) -> Services:
    """Wait until `betjee services` has printed its three lines."""
    assert process.stdout is not None
    return Services(process, [process.stdout.readline().rstrip("\n") for _ in range(3)])


@pytest.fixture
def start_services(launch_services: Callable[[], subprocess.Popen[str]]) -> Callable[[], Services]:
    """Start `betjee services` and wait for its addresses."""
    return lambda: read_addresses(launch_services())
