"""The relay is killed with notices due: every one arrives, and only what was in hand at a kill arrives twice."""

from tests.bot.relay_trial import run_trial
from tests.conftest import Database

KILLS = 4
NOTICES = 1_000


async def test_killed_four_times_with_a_thousand_due_every_notice_arrives(database: Database) -> None:
    verdict = await run_trial(database.owner_url, database.service_url, NOTICES, KILLS)
    assert verdict.due == NOTICES
    assert verdict.kills == KILLS
    assert verdict.is_clean, verdict
