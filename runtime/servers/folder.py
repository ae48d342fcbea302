"""The data folder: who owns it, what lies where, and who uses it at the moment.

secrets.json   passwords, readable by the person who started the servers and nobody else
start.lock     held while somebody starts or stops servers
users.lock     held, shared, by every process that uses the servers: the last one out stops them
programs/      copies of server programs, where the originals are closed to the user that runs them
run            sockets: a folder, or a link to a shorter path, since a socket's path has a small limit
postgres/      data and logs of PostgreSQL
valkey/        data and log of Valkey
"""

import fcntl
import hashlib
import json
import os
import pwd
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

from runtime.servers.errors import ServerError
from runtime.servers.processes import ServerUser

SOCKET_PATH_BYTES: Final = 103
"""The longest path of a socket: Linux takes 107 bytes, macOS 103."""

SECRETS_FILE: Final = "secrets.json"

LONGEST_SOCKET_NAME: Final = ".s.PGSQL.5432.lock"


@dataclass(frozen=True)
class Secrets:
    """The passwords of the embedded servers, made up once for each data folder."""

    superuser: str
    owner: str
    service: str
    valkey: str


class DataFolder:
    """A folder that holds embedded servers' data, ready for the user that runs them.

    Raises ServerError if that user cannot reach it, or if it belongs to somebody else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.postgres = self.path / "postgres"
        self.valkey = self.path / "valkey"
        self.programs = self.path / "programs"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.user = self._choose_user()
            self._let_user_pass()
        except OSError as error:
            raise ServerError(f"The data folder {self.path} cannot be used: {error.strerror}.") from error

    def _choose_user(self) -> ServerUser:
        """Data that exist keep their owner; otherwise we are that user, or as root `postgres` or `nobody`."""
        for existing in (self.postgres, self.valkey):
            if existing.exists():
                status = existing.stat()
                return ServerUser(status.st_uid, status.st_gid)
        if os.geteuid() != 0:
            return ServerUser(os.geteuid(), os.getegid())
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return ServerUser(entry.pw_uid, entry.pw_gid)
        raise ServerError(
            "PostgreSQL does not run as root, and this system has neither a user postgres nor nobody."
        )

    def _let_user_pass(self) -> None:
        """Open our own folder, and only that, for passing through. Its parents are not ours to change."""
        if self.user.is_this_process or self._user_can_pass():
            return
        if os.geteuid() != 0:
            raise ServerError(f"The data folder {self.path} belongs to another user.")
        if self.path.stat().st_uid == 0:
            os.chown(self.path, -1, self.user.gid)
            self.path.chmod(self.path.stat().st_mode & 0o777 | 0o010)
        if not self._user_can_pass():
            name = pwd.getpwuid(self.user.uid).pw_name
            raise ServerError(
                f"The servers run as the user {name}, who cannot reach the folder {self.path}: "
                "choose another one by BETJEE_DATA."
            )

    def _user_can_pass(self) -> bool:
        try:
            self.user.run(["/usr/bin/env", "test", "-x", f"{self.path}/."])
        except ServerError:
            return False
        return True

    @staticmethod
    def is_founded(path: Path) -> bool:
        """Whether servers have ever been started on a folder, which is only looked at."""
        return (path.expanduser() / SECRETS_FILE).exists()

    def secrets(self) -> Secrets:
        """The passwords, made up the first time.

        Raises ServerError if they are somebody else's, or gone while the data they open are still there.
        """
        path = self.path / SECRETS_FILE
        try:
            return Secrets(**json.loads(path.read_text()))
        except PermissionError as error:
            raise ServerError(f"The data folder {self.path} belongs to another user.") from error
        except (ValueError, TypeError) as error:
            raise ServerError(f"The file {path} is damaged; restore it from a backup.") from error
        except FileNotFoundError:
            if self.postgres.exists():
                raise ServerError(
                    f"The passwords in {path} are gone; restore that file from a backup."
                ) from None
        made_up = Secrets(*(secrets.token_urlsafe(24) for _ in range(4)))
        with private_file(path.with_suffix(".new")) as file:
            json.dump(asdict(made_up), file)
        path.with_suffix(".new").rename(path)
        return made_up

    def sockets(self) -> Path:
        """The folder of the servers' sockets, entered by the user that runs them and by root alone.

        Raises ServerError if it cannot be made, or has been made by somebody else.
        """
        run = self.path / "run"
        if not run.is_symlink() and not run.exists():
            if len(os.fsencode(run / LONGEST_SOCKET_NAME)) > SOCKET_PATH_BYTES:
                run.symlink_to(self._short_folder(), target_is_directory=True)
            else:
                run.mkdir(mode=0o700)
                self.user.owns(run)
        folder = run.readlink() if run.is_symlink() else run
        if not folder.exists():  # A restart of the machine empties the folders for sockets.
            folder.mkdir(mode=0o700)
            self.user.owns(folder)
        status = folder.lstat()
        if folder.is_symlink() or status.st_uid != self.user.uid or status.st_mode & 0o077:
            raise ServerError(f"The folder {folder} is not private; remove it, and it will be made again.")
        return folder

    def _short_folder(self) -> Path:
        """A short path for sockets, always the same for this data folder."""
        name = f"betjee-{hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:16]}"
        system = Path("/run")
        return (system if os.access(system, os.W_OK) else Path(tempfile.gettempdir())) / name

    @contextmanager
    def starting_or_stopping(self) -> Iterator[None]:
        """Nobody else starts or stops servers of this folder meanwhile."""
        with self._open_lock("start.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def use(self) -> IO[str]:
        """Say that this process uses the servers, until the returned file is closed, if only by our death."""
        lock = self._open_lock("users.lock")
        fcntl.flock(lock, fcntl.LOCK_SH)
        return lock

    def is_used(self) -> bool:
        """Whether any process uses the servers; ask it while nobody else starts or stops them."""
        with self._open_lock("users.lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _open_lock(self, name: str) -> IO[str]:
        try:
            return private_file(self.path / name)
        except PermissionError as error:
            raise ServerError(f"The data folder {self.path} belongs to another user.") from error


def private_file(path: Path) -> IO[str]:
    """Open a file for writing that nobody else may read, from its first moment on."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w")
