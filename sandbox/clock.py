"""The simulated Discord's clock, which stands still unless it is moved, kept with the wall's."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import simcord

from sandbox.routine import repeat
from sandbox.screen import Screen

BEAT_SECONDS: Final = 1.0


def seconds_behind(env: simcord.Env) -> float:
    """How far the simulated clock is behind the wall's."""
    return max(0.0, (datetime.now(UTC) - env.now()).total_seconds())


def set_clock(env: simcord.Env) -> None:
    """Set the clock of a simulated Discord to now, before the bot connects to it.

    It starts at the same instant in every run, and an interaction's id is made from its time: at
    that instant, the first orders of a second run would be taken for repetitions of the first's.
    """
    env.backend.advance_clock(seconds_behind(env))


async def keep_time(env: simcord.Env, screen: Screen, turn: asyncio.Lock) -> None:
    """Move the clock on each second, so that the bot's time-outs end, and redraw the page if it changed."""

    async def beat() -> None:
        async with turn:
            await env.advance_time(seconds_behind(env))
            await screen.draw_if_changed()

    await repeat("The page's clock", beat, lambda: BEAT_SECONDS)
