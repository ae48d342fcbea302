"""What the simulation of bots prints: who was marked, whose bonus waits, and whether our goals are reached."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from benchmarks.newcomers import Kind

GOAL_MARKED = 0.99
GOAL_WITHHELD = 0.02


@dataclass
class Looks:
    """How often a moderator pressed Release, and how many honest members still wait, or are still marked, after it."""

    releases: int
    waiting: int
    marked: int


def _row(style: str, names: list[str], standing: dict[str, asyncpg.Record]) -> str:
    def count(column: str) -> int:
        return sum(standing[name][column] for name in names)

    columns = ("is_marked_by_burst", "is_marked_by_signal", "is_marked", "is_waiting", "is_frozen")
    figures = [count(column) for column in columns]
    return f"{style:36}{len(names):>7,}" + "".join(f"{figure:>10,}" for figure in figures)


def _table(groups: list[tuple[str, list[Kind]]], standing: dict[str, asyncpg.Record]) -> None:
    print(f"{'':36}{'':>7}{'marked by':>20}{'marked':>10}{'bonus':>10}")
    print(f"{'':36}{'in all':>7}{'burst':>10}{'signal':>10}{'at all':>10}{'waits':>10}{'frozen':>10}")
    for title, kinds in groups:
        print(title)
        for kind in kinds:
            print(_row(f"  {kind.style}", kind.names, standing))
    print(
        "\nA mark by a signal is for moderators to see: no bonus waits for it, nobody is frozen, and no limit is\n"
        "lower. Honest people who share a network have it too, until a moderator releases it in one look.\n"
    )


def goal(name: str, *, is_reached: bool) -> None:
    """Print one goal with its figure."""
    print(f"{name:72}{'reached' if is_reached else 'missed'}")


def report(
    honest: list[Kind],
    villains: list[Kind],
    standing: dict[str, asyncpg.Record],
    at_bursts: Looks,
    at_all: Looks,
) -> None:
    """The table, and whether what we want to reach is reached."""
    _table([("Honest members", honest), ("Bots", villains)], standing)
    members = [name for kind in honest for name in kind.names]
    waiting = sum(standing[name]["is_waiting"] for name in members)
    frozen = sum(standing[name]["is_frozen"] for name in members)
    for kind in villains:
        if kind.style in ("fast burst", "one network"):
            marked = sum(standing[name]["is_marked"] for name in kind.names) / len(kind.names)
            goal(f"{kind.style}: {marked:.1%} marked (99 %)", is_reached=marked >= GOAL_MARKED)
    share = waiting / len(members)
    goal(
        f"honest members whose bonus waits: {waiting} ({share:.2%}; at most 2 %)",
        is_reached=share <= GOAL_WITHHELD,
    )
    goal(f"honest members frozen: {frozen} (none)", is_reached=frozen == 0)
    goal(
        f"still waiting after {at_bursts.releases} look, one a burst: {at_bursts.waiting} (none)",
        is_reached=at_bursts.waiting == 0,
    )
    goal(
        f"still marked after {at_all.releases} more, one a network: {at_all.marked} (none)",
        is_reached=at_all.marked == 0,
    )
