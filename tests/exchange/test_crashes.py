"""PostgreSQL is killed with trades in flight: nothing that was acknowledged is lost, nothing is executed twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.servers import EmbeddedServers
from tests.exchange.crash_trial import run_trial

KILLS = 5


@pytest.fixture
def own_servers(data_folder: Path) -> Iterator[EmbeddedServers]:
    """A PostgreSQL that may be killed, for this test alone."""
    with EmbeddedServers(data_folder, valkey=False) as servers:
        yield servers


async def test_killed_five_times_under_load_no_trade_is_lost_or_doubled(own_servers: EmbeddedServers) -> None:
    verdict = await run_trial(own_servers, KILLS)
    assert verdict.kills == KILLS
    assert verdict.is_clean, verdict
