"""Things the sandbox does again and again, none of which may end it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import simcord

from exchange.errors import ExchangeError

log = logging.getLogger(__name__)


async def repeat(what: str, act: Callable[[], Awaitable[None]], pause_seconds: Callable[[], float]) -> None:
    """Do something for ever, with a pause before each time.

    People are using the page, and a fault in the scenery must not take it from them: it is logged,
    when it begins and when it ends, and the next time comes as usual.
    """
    failing = False
    while True:
        await asyncio.sleep(pause_seconds())
        try:
            await act()
        except (ExchangeError, TimeoutError, simcord.SetupError) as error:
            # The database is away, or the bot still waits for it.
            if not failing:
                log.warning("%s: not now, and tried again. %s", what, str(error).partition("\n")[0])
            failing = True
        except Exception:
            if not failing:
                log.exception("%s: this should not have happened.", what)
            failing = True
        else:
            if failing:
                log.info("%s: works again.", what)
            failing = False
