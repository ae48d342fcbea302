"""`betjee services`: just the embedded servers."""

import argparse
import signal
from contextlib import suppress

from runtime.exit_codes import ExitCode
from runtime.servers import EmbeddedServers
from runtime.settings import Settings


def run(_arguments: argparse.Namespace, settings: Settings) -> ExitCode:
    """Start or join the embedded servers, print their addresses, and stay until a signal comes."""
    with suppress(KeyboardInterrupt), EmbeddedServers(settings.data_folder) as servers:
        print(f"DATABASE_URL={servers.database_url}")
        print(f"DATABASE_OWNER_URL={servers.database_owner_url}")
        print(f"REDIS_URL={servers.redis_url}", flush=True)
        while True:
            signal.pause()
    return ExitCode.DONE
