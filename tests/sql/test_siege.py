"""Whatever a bot farm and moderators do in whatever order, the books agree and a bonus is paid once."""

import asyncpg
import pytest

from tests.sql.front import Front
from tests.sql.siege import Siege

ACTS = 80


@pytest.mark.parametrize("mark_action", ["withhold", "freeze", "wipe"])
@pytest.mark.parametrize("seed", range(5))
async def test_every_order_of_acts(
    front: Front, connection_owner: asyncpg.Connection, seed: int, mark_action: str
) -> None:
    siege = Siege(front, connection_owner, f"{seed} {mark_action}")
    await siege.begin({"mark_action": mark_action, "wipe_undo_seconds": 0 if seed == 4 else 600})
    for _ in range(ACTS):
        await siege.go_on()
