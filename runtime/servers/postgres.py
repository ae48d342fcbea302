"""The embedded PostgreSQL: private to a data folder, durable, reachable by a socket only."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil

from runtime.servers import processes, programs
from runtime.servers.errors import ServerError
from runtime.servers.folder import DataFolder, private_file

START_SECONDS: Final = 120
"""Longest wait for an answer: after a crash the server first replays what it had promised."""

# In turn: close connections and write a checkpoint; give up what is in memory; die.
STOP_SIGNALS: Final = ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))

SURVIVOR_SECONDS: Final = 30
"""Longest wait for processes of a killed server: they end by themselves once they notice."""

INITDB_OPTIONS: Final = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--data-checksums",
    "--no-instructions",
)

# What a machine with two cores and little memory takes well. The log keeps one week: a file for each day,
# emptied when its day comes round again.
SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "max_connections": "80",
    "max_wal_size": "1GB",
    "wal_compression": "pglz",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %u@%d ",
}


class Postgres:
    """PostgreSQL on a data folder: started here, or found running."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._data = folder.postgres
        self._log = folder.path / "postgres-start.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running_pid(self) -> int | None:
        """The process of the server that runs on this data folder, if one does.

        A crash leaves the file with the number behind, and the number may by now be any other process's:
        so that process must also be a PostgreSQL of this very folder.
        """
        if self._process is not None:
            self._process.poll()  # Reaps it if it has ended.
        pid = self._recorded_pid()
        if pid is None or not processes.is_alive(pid):
            return None
        command = processes.command_line(pid)
        return pid if command and "postgres" in Path(command[0]).name and str(self._data) in command else None

    def address(self, user: str, password: str, database: str) -> str:
        """The URL by which `user` reaches `database`."""
        sockets = quote(str(self._folder.sockets()), safe="")
        return f"postgresql://{user}:{quote(password, safe='')}@/{database}?host={sockets}"

    def start(self) -> bool:
        """Make sure that the server runs and answers; whether it had to be started.

        Raises ServerError if its data belong to another major version, or if it does not start.
        """
        if self.running_pid is not None:
            self._wait_until_ready()
            return False
        program = programs.POSTGRES.find_for(self._folder)
        self._prepare(program)
        self._forget_reused_pid()
        options = [f"--{name}={value}" for name, value in SETTINGS.items()]
        sockets = f"--unix_socket_directories={self._folder.sockets()}"
        command: list[str | Path] = [program, "-D", self._data, *options, sockets]
        if not processes.wait_until(lambda: self._launch(command), SURVIVOR_SECONDS):
            raise ServerError(f"Processes of a killed PostgreSQL still run. {processes.tail(self._log)}")
        return True

    def stop(self) -> None:
        """Stop the server, whoever started it, with nothing lost.

        Raises ServerError if it cannot be stopped.
        """
        pid = self.running_pid
        if pid is not None:
            processes.end(pid, STOP_SIGNALS)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _launch(self, command: Sequence[str | Path]) -> bool:
        """Start the server and wait until it answers; False if processes of a killed one are still in its way."""
        self._process = self._folder.user.start(command, self._log)
        try:
            self._wait_until_ready()
        except ServerError:
            if self._has_ended() and "is still in use" in processes.tail(self._log):
                return False
            raise
        return True

    def _prepare(self, program: Path) -> None:
        """Create the data if there are none, under another name until they are complete."""
        version = self._folder.user.run([program, "--version"]).split()[2].split(".")[0]
        if self._data.exists():
            existing = (self._data / "PG_VERSION").read_text().strip()
            if existing != version:
                raise ServerError(
                    f"The data in {self._data} were written by PostgreSQL {existing}, and this is {version}: "
                    f"move them over with pg_dump of version {existing}, or name another folder by BETJEE_DATA."
                )
            return
        unfinished = self._data.with_name("postgres.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._folder.user.owns(unfinished)
        password = self._folder.sockets() / "password"
        with private_file(password) as file:
            file.write(self._folder.secrets().superuser)
        self._folder.user.owns(password)
        try:
            where: list[str | Path] = ["--pgdata", unfinished, f"--pwfile={password}"]
            self._folder.user.run([program.with_name("initdb"), *INITDB_OPTIONS, *where])
        finally:
            password.unlink()
        unfinished.rename(self._data)

    def _recorded_pid(self) -> int | None:
        try:
            return int((self._data / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def _forget_reused_pid(self) -> None:
        """Keep a stale file with a reused number from stopping the start.

        PostgreSQL takes any process of that number for a server, even one that only waits to be reaped. The
        file cannot simply go, since it also names the shared memory by which PostgreSQL finds processes that
        outlived a crash. But it knows that a file with its own parent's number is stale, and still checks the
        rest: so we put in ours.
        """
        pid = self._recorded_pid()
        if pid is not None and psutil.pid_exists(pid):
            path = self._data / "postmaster.pid"
            rest = path.read_text().split("\n", 1)[1]
            path.write_text(f"{os.getpid()}\n{rest}")

    def _wait_until_ready(self) -> None:
        if not processes.wait_until(lambda: self._has_ended() or self._is_ready(), START_SECONDS):
            raise ServerError(
                f"PostgreSQL has not answered for {START_SECONDS} s. {processes.tail(self._log)}"
            )
        if self._has_ended():
            raise ServerError(f"PostgreSQL did not start: {processes.tail(self._log)}")

    def _has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _is_ready(self) -> bool:
        """The server writes its state into the last line of its file; before that one, the file is a stale one."""
        if self.running_pid is None:
            return False
        with contextlib.suppress(OSError, IndexError):
            return (self._data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
        return False
