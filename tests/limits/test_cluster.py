"""The limits on a server that insists on a cluster's rules: what one script touches lies in one slot."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from exchange.limits import RateLimits
from runtime.limits import Budget, Caller
from runtime.limits.budgets import demand_of
from runtime.limits.shared import SharedCounts
from runtime.servers import processes, programs
from runtime.servers.folder import DataFolder
from tests.conftest import PATIENT_SECONDS


def free_ports() -> tuple[int, int]:
    """Two that differ, since both are held until both are known."""
    with socket.socket() as one, socket.socket() as other:
        for listener in (one, other):
            listener.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture
def cluster_url(data_folder: Path) -> Iterator[str]:
    """A Valkey in cluster mode that holds all slots itself."""
    folder = DataFolder(data_folder)
    folder.valkey.mkdir()
    folder.user.owns(folder.valkey)
    port, bus_port = free_ports()
    settings = (
        f'port {port}\ncluster-port {bus_port}\nbind 127.0.0.1\ndir "{folder.valkey}"\ncluster-enabled yes\n'
    )
    process = folder.user.start(
        [programs.VALKEY.find_for(folder), "-"], data_folder / "log", settings.encode()
    )
    url = f"redis://127.0.0.1:{port}"

    def has_slots() -> bool:
        with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as client:
            try:
                client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            except redis.ResponseError as error:
                if "already busy" not in str(error):
                    raise
            except redis.ConnectionError:
                return False
            return bool(client.execute_command("CLUSTER INFO")["cluster_state"] == "ok")

    try:
        assert processes.wait_until(has_slots, 20), processes.tail(data_folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait()


async def test_a_trade_on_a_network_is_judged_in_one_slot(cluster_url: str):
    counts = SharedCounts(cluster_url, PATIENT_SECONDS)
    for exchange_id in range(1, 20):
        for budget in Budget:
            demand = demand_of(budget, exchange_id, Caller("100", b"\x17" * 32), RateLimits())
            assert (await counts.take(demand)).is_admitted
    await counts.close()


def test_that_server_refuses_what_lies_in_two_slots(cluster_url: str):
    with (
        redis.Redis.from_url(cluster_url) as client,
        pytest.raises(redis.ResponseError, match="same slot"),
    ):
        client.eval("return 1", 2, "{1}/member", "{2}/network")
