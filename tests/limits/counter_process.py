"""A process that trades as one member: it prints how many of its trades were admitted."""

import asyncio
import sys

from exchange.limits import RateLimits
from runtime.event_loop import run
from runtime.limits import Limits
from tests.conftest import PATIENT_SECONDS
from tests.limits.counting import TEN_AT_ONCE, admitted


async def main(redis_url: str) -> None:
    async def settings_of(_exchange_id: int) -> RateLimits:
        return TEN_AT_ONCE

    limits = Limits(redis_url, settings_of, answer_seconds=PATIENT_SECONDS)
    await limits.look()
    limits._settings.get(7)
    await asyncio.sleep(0)
    assert sys.stdin.readline() == "go\n"
    sys.stdout.write(f"{await admitted(limits, times=20)} {limits.state.is_shared}\n")
    await limits.aclose()


if __name__ == "__main__":
    run(main(sys.argv[1]))
