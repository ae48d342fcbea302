"""Who comes to an exchange: 2,300 honest members and 800 bots, when and from where."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, replace

HOUR = 3_600
SIGN_UPS_PER_MINUTE = 10
"""What a rate limit by network lets through; who is refused comes back half a minute later."""

RUSH_MEMBERS = 67
RUSH_SECONDS = 600

Networks = tuple[bytes, bytes | None, bytes | None]


def hash_of(text: str) -> bytes:
    """The key of a network or the hash of an identity, from its name."""
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True)
class Arrival:
    """Somebody who comes to the page after so many seconds, from a network; `days` they have been in the community."""

    seconds: float
    name: str
    networks: Networks
    days: int = 0


@dataclass
class Kind:
    """A kind of people or bots: when and from where they come. `style` names it in the table."""

    style: str
    arrivals: list[Arrival]

    @property
    def names(self) -> list[str]:
        """Their ids at the provider."""
        return [arrival.name for arrival in self.arrivals]


def _at_home(style: str, count: int) -> Kind:
    """Each from a network of their own."""
    return Kind(
        style, [Arrival(0, f"{style} {n}", (hash_of(f"{style} {n}"), None, None)) for n in range(count)]
    )


def _from_one(style: str, seconds: list[float], network: str = "") -> Kind:
    """All from one network, at these times."""
    networks = (hash_of(f"network of {network or style}"), None, None)
    return Kind(
        style, [Arrival(second, f"{style} {n}", networks) for n, second in enumerate(sorted(seconds))]
    )


def rush(dice: random.Random, *, is_front_loaded: bool) -> list[float]:
    """When those of the hostel come after the announcement: spread over ten minutes, or most in the first of them."""
    if is_front_loaded:
        return [min(dice.expovariate(1 / 200), RUSH_SECONDS) for _ in range(RUSH_MEMBERS)]
    return [dice.uniform(0, RUSH_SECONDS) for _ in range(RUSH_MEMBERS)]


def people(dice: random.Random, *, is_front_loaded: bool, long_standing: float) -> list[Kind]:
    """2,300 honest members, of whom a part has been in the community for long."""
    times = rush(dice, is_front_loaded=is_front_loaded)
    day = 24 * HOUR
    kinds = [
        _at_home("at home", 2_100),
        _from_one("hostel, after an announcement", times),
        _from_one("another hostel, over two days", [dice.uniform(0, 2 * day) for _ in range(67)]),
        _from_one("a mobile network, over two days", [dice.uniform(0, 2 * day) for _ in range(66)]),
    ]
    for kind in kinds:
        kind.arrivals = [
            replace(arrival, days=365 if dice.random() < long_standing else 3) for arrival in kind.arrivals
        ]
    return kinds


def bots(dice: random.Random) -> list[Kind]:
    """800 bots in seven styles."""
    bursts = [
        Arrival(
            wave * HOUR + dice.uniform(0, 20),
            f"fast burst {50 * wave + n}",
            (hash_of(f"wave {wave}"), None, None),
        )
        for wave in range(3)
        for n in range(50)
    ]
    drips = [
        Arrival(
            n * 2 * HOUR + dice.uniform(0, HOUR),
            f"slow drip {15 * farm + n}",
            (hash_of(f"drip {farm}"), None, None),
        )
        for farm in range(10)
        for n in range(15)
    ]
    wide = [
        Arrival(20 * n, f"a /56 {n}", (hash_of(f"/64 {n}"), hash_of("/56"), hash_of("/48")))
        for n in range(150)
    ]
    return [
        Kind("fast burst", sorted(bursts, key=lambda arrival: arrival.seconds)),
        Kind("slow drip", sorted(drips, key=lambda arrival: arrival.seconds)),
        _from_one("one network", [20.0 * n for n in range(150)]),
        Kind("a /56", wide),
        _at_home("many networks", 100),
        _at_home("bonus transfer", 60),
        _at_home("bonus transfer, then deleted", 40),
    ]
