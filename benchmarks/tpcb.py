"""pgbench's own workload as a reference, where pgbench is installed."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

CLIENTS = (1, 4, 8, 16, 32)
SCALE = 32
"""As many branches as clients, so that they do not wait for each other's row."""


class Pgbench:
    """pgbench on a database of its own."""

    def __init__(self, program: str, superuser_url: str) -> None:
        address = urlsplit(superuser_url)
        self._program = program
        self._environment = {
            **os.environ,
            "PGHOST": parse_qs(address.query)["host"][0],
            "PGUSER": unquote(address.username or ""),
            "PGPASSWORD": unquote(address.password or ""),
        }

    def prepare(self, database: str) -> None:
        """Fill the tables of an empty database."""
        self._environment["PGDATABASE"] = database
        self._run(["--initialize", "--quiet", f"--scale={SCALE}"])

    def measure(self, clients: int, seconds: float) -> float:
        """Transactions a second; statements are prepared, which is its fastest way."""
        said = self._run(
            [
                "--no-vacuum",
                "--builtin=tpcb-like",
                "--protocol=prepared",
                f"--client={clients}",
                f"--jobs={min(clients, 2)}",
                f"--time={max(1, round(seconds))}",
            ]
        )
        found = re.search(r"tps = ([0-9.]+)", said)
        if found is None:
            raise RuntimeError(f"pgbench said no figure: {said}")
        return float(found[1])

    def _run(self, arguments: Sequence[str]) -> str:
        command = [self._program, *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"pgbench failed: {done.stderr}")
        return done.stdout


def find_pgbench() -> str | None:
    """The newest pgbench of this machine."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/pgbench"), key=lambda path: float(path.parts[-3])
    )
    return str(installed[-1]) if installed else shutil.which("pgbench")
