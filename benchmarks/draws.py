"""How much of what becomes of a hostel is luck: the first rule on many draws of when its members come.

A search over a whole town takes a minute, and its one figure could be a lucky one. The arrivals alone say how many
the first rule names, so here it is applied to them a thousand times, as its SQL does: more than three identities
within 15 seconds, counting those whom the rate limit refused, who come back half a minute later.
"""

from __future__ import annotations

import random
from collections import deque

from benchmarks.newcomers import RUSH_MEMBERS, SIGN_UPS_PER_MINUTE, rush

DRAWS = 1_000
BURST_ACCOUNTS = 3
BURST_SECONDS = 15
MOST_WITHHELD = 46
"""Two in a hundred of 2,300 honest members."""


def named(dice: random.Random, *, is_front_loaded: bool) -> int:
    """How many of the hostel the first rule names in one draw, where nobody has been there for long."""
    waiting = list(enumerate(sorted(rush(dice, is_front_loaded=is_front_loaded))))
    attempts: list[tuple[int, float]] = []
    let_in: deque[float] = deque()
    found: set[int] = set()
    while waiting:
        waiting.sort(key=lambda item: item[1])
        who, seconds = waiting.pop(0)
        attempts.append((who, seconds))
        together = {other for other, then in attempts if then >= seconds - BURST_SECONDS}
        if len(together) > BURST_ACCOUNTS:
            found |= together
        while let_in and let_in[0] <= seconds - 60:
            let_in.popleft()
        if len(let_in) < SIGN_UPS_PER_MINUTE:
            let_in.append(seconds)
        else:
            waiting.append((who, seconds + 30 + dice.uniform(0, 5)))
    return len(found)


def report_draws() -> None:
    """Print how the figure is distributed, for both arrivals."""
    print(f"Of {RUSH_MEMBERS} of the hostel the first rule names, in {DRAWS:,} draws of when they come:")
    print(f"{'':36}{'median':>10}{'5 %':>10}{'95 %':>10}{f'at most {MOST_WITHHELD}':>14}")
    for arrival, is_front_loaded in (("spread over ten minutes", False), ("most in the first minutes", True)):
        counts = sorted(named(random.Random(seed), is_front_loaded=is_front_loaded) for seed in range(DRAWS))
        figures = [counts[DRAWS * part // 100] for part in (50, 5, 95)]
        within = sum(count <= MOST_WITHHELD for count in counts) / DRAWS
        print(f"  {arrival:34}" + "".join(f"{figure:>10}" for figure in figures) + f"{within:>14.0%}")
