"""Starting, finding and ending the processes of embedded servers."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import psutil

from runtime.servers.errors import ServerError

# A server gets nothing of our own environment: only a language, so that its messages are predictable.
ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": os.defpath}
POLL_SECONDS: Final = 0.02


@dataclass(frozen=True)
class ServerUser:
    """The operating system's user that runs the servers, since PostgreSQL refuses to run as root."""

    uid: int
    gid: int

    @property
    def is_this_process(self) -> bool:
        """Whether servers run as the user that we are already."""
        return self.uid == os.geteuid()

    def owns(self, path: Path) -> None:
        """Give a file or folder of ours to this user."""
        if not self.is_this_process:
            os.chown(path, self.uid, self.gid)

    def start(
        self, command: Sequence[str | Path], log: Path, standard_input: bytes | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a server as this user, in a session of its own: a Ctrl-C meant for us must not reach it.

        What it says goes to `log`, emptied first; `standard_input` is for what no command line may show.
        """
        with log.open("wb") as output:
            process = self._launch(
                command, subprocess.DEVNULL if standard_input is None else subprocess.PIPE, output
            )
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # It ended at once; whoever waits for it will tell.
                process.stdin.write(standard_input or b"")
                process.stdin.close()
        return process

    def run(self, command: Sequence[str | Path]) -> str:
        """Run a program as this user and return what it says.

        Raises ServerError with its own words if it fails, and PermissionError if this user may not read it.
        """
        process = self._launch(command, subprocess.DEVNULL, subprocess.PIPE)
        said = process.communicate()[0].decode(errors="replace")
        if process.returncode != 0:
            raise ServerError(f"{Path(command[0]).name} failed: {said.strip()}")
        return said

    def _launch(
        self, command: Sequence[str | Path], standard_input: int, output: int | IO[bytes]
    ) -> subprocess.Popen[bytes]:
        switch = not self.is_this_process
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=standard_input,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",  # The user may not be allowed into our working folder.
            env=ENVIRONMENT,
            start_new_session=True,
            user=self.uid if switch else None,
            group=self.gid if switch else None,
            extra_groups=[] if switch else None,
        )


def is_alive(pid: int) -> bool:
    """Whether a process does anything still; one that only waits to be reaped does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def command_line(pid: int) -> list[str]:
    """The command line of a process; empty when there is none, or when it is not ours to see."""
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether `condition` came true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def end(pid: int, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """End a process by the first of `signals` that does it within its own seconds.

    Raises ServerError if it outlives all of them.
    """
    for number, seconds in signals:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_until(lambda: not is_alive(pid), seconds):
            return
    raise ServerError(f"The server process {pid} did not end; it may have to be killed by hand.")


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of what a server said, for a message about its failure."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
