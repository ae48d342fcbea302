"""The embedded Valkey: what Redis clients see as Redis, keeping its data from one start to the next."""

import signal
import socket
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from runtime.servers import processes, programs
from runtime.servers.errors import ServerError
from runtime.servers.folder import DataFolder

START_SECONDS: Final = 60
ANSWER_SECONDS: Final = 5
STOP_SIGNALS: Final = ((signal.SIGTERM, 30), (signal.SIGKILL, 10))


class Valkey:
    """Valkey on a data folder: started here, or found running.

    It writes to disk once a second, which is durable enough for rate limits and nothing else.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._log = folder.path / "valkey-start.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The URL by which a Redis client reaches it."""
        return f"unix://:{quote(self._folder.secrets().valkey, safe='')}@{quote(str(self._socket))}"

    @property
    def is_running(self) -> bool:
        """Whether a server holds the socket."""
        return self._is_listening()

    @property
    def _socket(self) -> Path:
        return self._folder.sockets() / "valkey.sock"

    def start(self) -> bool:
        """Make sure that the server runs and answers; whether it had to be started.

        Raises ServerError if it does not start, or if one that runs does not answer.
        """
        if self._is_listening():
            self._wait_until_ready()
            return False
        program = programs.VALKEY.find_for(self._folder)
        self._folder.valkey.mkdir(mode=0o700, exist_ok=True)
        self._folder.user.owns(self._folder.valkey)
        # The settings go in by standard input, because a command line would show the password to everybody.
        self._process = self._folder.user.start([program, "-"], self._log, self._configuration().encode())
        self._wait_until_ready()
        return True

    def stop(self) -> None:
        """Stop the server, whoever started it; it writes down what it has first.

        Raises ServerError if it cannot be stopped.
        """
        if self._is_listening():
            with self._client() as client:
                pid = int(client.info("server")["process_id"])
            processes.end(pid, STOP_SIGNALS)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _configuration(self) -> str:
        settings = {
            "port": "0",
            "unixsocket": f'"{self._socket}"',
            "unixsocketperm": "700",
            "requirepass": self._folder.secrets().valkey,
            "dir": f'"{self._folder.valkey}"',
            "loglevel": "warning",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory": "128mb",
            "maxmemory-policy": "noeviction",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def _client(self) -> redis.Redis:
        # By itself the client would repeat a refused connection for seconds; whoever waits here repeats it sooner.
        return redis.Redis.from_url(
            self.address,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )

    def _is_listening(self) -> bool:
        """A socket that was left behind refuses; one that a server holds accepts, even when it is busy."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                connection.connect(str(self._socket))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
        return True

    def _wait_until_ready(self) -> None:
        if not processes.wait_until(lambda: self._has_ended() or self._answers(), START_SECONDS):
            raise ServerError(f"Valkey has not answered for {START_SECONDS} s. {processes.tail(self._log)}")
        if self._has_ended():
            raise ServerError(f"Valkey did not start: {processes.tail(self._log)}")

    def _has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _answers(self) -> bool:
        """While it still loads its data it refuses commands, which is no answer yet."""
        try:
            with self._client() as client:
                return bool(client.ping())
        except redis.exceptions.AuthenticationError as error:
            raise ServerError("The Valkey on this data folder does not know our password.") from error
        except (redis.exceptions.RedisError, OSError):
            return False
