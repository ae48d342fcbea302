"""The words of the public tape: in columns that a phone does not break, and harmless."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.replies import records
from bot.replies.columns import PHONE_COLUMNS
from exchange.records import Page, PublicFill
from tests.bot.test_replies import within_limits

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def fill(
    shares: int, name: str | None, *, seconds: float = 1, market: str = "22s1", price: int = 16_63
) -> PublicFill:
    return PublicFill(1, NOW - timedelta(seconds=seconds), market, market, shares, price, price, name)


def table(*fills: PublicFill) -> list[str]:
    embed = records.tape(Page(fills, has_newer=False, has_older=False), NOW)
    assert within_limits(embed)
    assert (embed.description or "").count("```") == 2
    return (embed.description or "").split("```")[1].strip("\n").splitlines()


def test_each_trade_is_one_line_with_its_figures_below_each_other():
    assert table(fill(29, "Aarav"), fill(-1_000, "Diya", seconds=75, market="28s2", price=9_92_68)) == [
        "1s Aarav bought    29 22s1  ₹16.63",
        "1m Diya  sold   1,000 28s2 ₹992.68",
    ]


def test_usual_trades_fit_into_a_line_of_a_phone():
    names = ("Meera (moderator)", "東京の株式市場さん", "\N{ROCKET}" * 9, "A")
    lines = table(*(fill(1_000, name, seconds=59, price=9_92_68) for name in names))
    assert all(line.startswith("59s ") and line.endswith(" bought 1,000 22s1 ₹992.68") for line in lines)
    widths = [len(line) + sum(sign in "東京の株式市場\N{ROCKET}" for sign in line) for line in lines]
    assert set(widths) == {PHONE_COLUMNS}


def test_names_take_no_more_room_than_the_longest_needs_and_none_where_none_are_told():
    assert table(fill(1, "Al"), fill(2, "Bo")) == ["1s Al bought 1 22s1 ₹16.63", "1s Bo bought 2 22s1 ₹16.63"]
    assert table(fill(1, None)) == ["1s bought 1 22s1 ₹16.63"]


@pytest.mark.parametrize("name", ["```<@1> @everyone", "**bold**", "\u202e\u200b", "ℵ" * 100])
def test_no_name_leaves_the_table(name: str):
    (line,) = table(fill(10, name))
    assert "`" not in line
    assert "\u202e" not in line
    assert line.endswith(" bought 10 22s1 ₹16.63")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0.9, "0s"),
        (59, "59s"),
        (60, "1m"),
        (3_599, "59m"),
        (3_600, "1h"),
        (86_399, "23h"),
        (86_400, "1d"),
        (400 * 86_400, "400d"),
    ],
)
def test_how_long_ago_it_was(seconds: float, shown: str):
    assert table(fill(1, "Asha", seconds=seconds))[0].split()[0] == shown


def test_the_largest_figures_fit():
    table(*(fill(-(10**7), "漢" * 32, market="m" * 40, price=10**15) for _ in range(15)))
