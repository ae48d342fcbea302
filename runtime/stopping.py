"""How a process that serves until it is told to stop hears of it."""

import asyncio
import signal


def stopped_by_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, made within the running loop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
