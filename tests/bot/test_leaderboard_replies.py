"""The words of leaderboards and of the daily post: aligned, harmless, and within what Discord takes."""

from datetime import UTC, datetime

import pytest

from bot.replies import leaderboards, notices
from exchange.models import User
from exchange.standings import Board, Leaderboard, Period, Standing
from tests.bot.telling import DETAILS

LARGE = 10**15
WORST_NAME = "*" * 100
WORST_USER = User(1, WORST_NAME, "frozen", registered=True)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WORST = Standing(10**6, 1, WORST_NAME, LARGE, -LARGE, -LARGE, "m" * 12, 10**7, NOW, 10**6, 10**6)


@pytest.mark.parametrize("board", list(Board))
@pytest.mark.parametrize("period", list(Period))
def test_the_largest_figures_fit(board: Board, period: Period):
    page = Leaderboard(board, period, 10**5, 10**5, 10**6, NOW, (WORST,) * 10)
    for embed in (
        leaderboards.leaderboard(page),
        leaderboards.own_standing(WORST_USER, board, period, WORST),
        leaderboards.own_standing(WORST_USER, board, period, None),
    ):
        assert len(embed) <= 6_000
        assert len(embed.description or "") <= 4_096
        assert len(embed.title or "") <= 256
        assert "None" not in str(embed.to_dict())


@pytest.mark.parametrize("board", list(Board))
def test_usual_figures_fit_into_a_line_of_a_phone(board: Board):
    usual = Standing(999, 1, "Someone with a long name", 12_34_567_89, 12_34, 12_345_67, "22s1", 10, NOW)
    embed = leaderboards.leaderboard(Leaderboard(board, Period.ALL, 1, 1, 2, NOW, (usual, usual)))
    lines = (embed.description or "").split("```")[1].strip("\n").splitlines()
    assert {len(line) for line in lines} == {38}
    assert all(line.startswith("999 Someone") for line in lines)


def table_of(board: Board, *rows: Standing) -> list[str]:
    embed = leaderboards.leaderboard(Leaderboard(board, Period.ALL, 1, 1, len(rows), NOW, rows))
    return (embed.description or "").split("```")[1].strip("\n").splitlines()


def test_figures_are_aligned_on_the_right():
    rows = (Standing(1, 1, "Asha", 1_23_456_78, 5_17_28), Standing(10, 2, "Ravi", 9_99, -3_00))
    embed = leaderboards.leaderboard(Leaderboard(Board.NET_WORTH, Period.DAY, 1, 1, 2, NOW, rows))
    assert (embed.description or "").splitlines()[1:3] == [
        " 1 Asha             ₹1,23,457 +517.3 %",
        "10 Ravi                   ₹10   −3.0 %",
    ]


def test_small_amounts_keep_their_paise():
    rows = (Standing(1, 1, "Asha", 999_99, 0), Standing(2, 2, "Ravi", 9_99, 0))
    table = "\n".join(table_of(Board.NET_WORTH, *rows))
    assert "₹999.99" in table
    assert "₹9.99" in table
    rounded = table_of(Board.REALISED, Standing(1, 1, "Asha", realised_paise=-1_000_50))
    assert rounded[0].endswith("−₹1,001")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Someone with a long name", "Someone with a…"),
        ("Sixteen letters!", "Sixteen letters!"),
        ("Seventeen letters", "Seventeen lette…"),
        ("東京の株式市場さん", "東京の株式市場…"),
        ("東京の株式市場", "東京の株式市場"),
        ("\N{ROCKET}" * 9, "\N{ROCKET}" * 7 + "…"),
        ("\U0001f44d\U0001f3fd" * 9, "\U0001f44d\U0001f3fd" * 7 + "…"),
        ("a" + "\U0001f1ee\U0001f1f3" * 8, "a" + "\U0001f1ee\U0001f1f3" * 7 + "…"),
        ("❤\ufe0f" * 9, "❤\ufe0f" * 7 + "…"),
        ("e\u0301" * 16, "e\u0301" * 16),
    ],
)
def test_a_name_is_cut_between_signs_and_only_where_it_must_be(written: str, shown: str):
    row = Standing(10, 1, written, 1_23_456_78, 5_17_28)
    (line,) = table_of(Board.NET_WORTH, row)
    assert line.removeprefix("10 ").removesuffix(" ₹1,23,457 +517.3 %").rstrip() == shown


def test_wide_names_leave_the_figures_in_line():
    names = ("Asha", "東京の株式市場さん", "\N{ROCKET}" * 9)
    lines = table_of(Board.NET_WORTH, *(Standing(10, 1, name, 1_23_456_78, 5_17_28) for name in names))
    assert {len(line) + sum(sign in "東京の株式市場\N{ROCKET}" for sign in line) for line in lines} == {38}


@pytest.mark.parametrize("written", ["\u05de\u05d9\u05db\u05d0\u05dc 77", "\u0645\u062d\u0645\u062f"])
def test_a_name_from_right_to_left_leaves_the_figures_where_they_are(written: str):
    (line,) = table_of(Board.NET_WORTH, Standing(10, 1, written, 1_23_456_78, 5_17_28))
    mark = "\N{LEFT-TO-RIGHT MARK}"
    # The marks stand next to the name, which would draw figures and spaces into its own order, and take no room.
    assert line == f"10 {mark}{written}{mark}{' ' * (16 - len(written))} ₹1,23,457 +517.3 %"


@pytest.mark.parametrize(
    ("gain_bps", "shown"), [(0, "0.0 %"), (4, "0.0 %"), (5, "+0.1 %"), (-5, "−0.1 %"), (99_96, "+100.0 %")]
)
def test_a_gain_has_one_decimal(gain_bps: int, shown: str):
    row = Standing(1, 1, "Asha", 1_00, gain_bps)
    embed = leaderboards.leaderboard(Leaderboard(Board.NET_WORTH, Period.DAY, 1, 1, 1, NOW, (row,)))
    assert (embed.description or "").splitlines()[1].endswith(f" {shown}")


def test_a_page_from_which_everyone_has_gone_says_so():
    embed = leaderboards.leaderboard(Leaderboard(Board.GAIN, Period.DAY, 2, 2, 11, NOW, ()))
    assert "Nobody of this page is here any more" in (embed.description or "")


def test_the_daily_post_in_words():
    assert notices.channel_message("leaderboard_post", DETAILS["leaderboard_post"]).splitlines() == [
        "**Leaderboard of the day**",
        "```",
        "1▲ Ravi                ₹21,500  +7.5 %",
        "2▼ Asha                ₹20,000 −12.5 %",
        "2* Meera               ₹20,000        ",
        "```",
        "▲ and ▼ are since the last post; * is new among the ten.",
        "Risen most since <t:1767225600:R>: **Ravi** +₹1,500.00",
        "Fallen most since <t:1767225600:R>: **Asha** −₹2,857.00",
        "3 members, with their gain in 24 hours; `/leaderboard` shows them all.",
    ]


def test_the_first_post_knows_no_earlier_one():
    detail = {
        "standings": [{"rank": 1, "display_name": "Ravi", "net_worth_paise": 1, "place_before": None}],
        "members": 1,
        "since": None,
        "risen": [],
        "fallen": [],
    }
    text = leaderboards.post(detail)
    assert text.splitlines()[-1].startswith("1 member, with")
    assert "▲" not in text
    assert "since" not in text


def test_a_post_of_which_everyone_has_gone_is_still_one():
    detail = {"standings": [], "members": 3, "since": None, "risen": [], "fallen": []}
    assert leaderboards.post(detail).startswith("3 members")


def test_the_longest_post_fits_into_a_message():
    line = {
        "rank": 10**6,
        "display_name": WORST_NAME,
        "net_worth_paise": LARGE,
        "gain_bps": -LARGE,
        "place_before": 2,
    }
    mover = {"display_name": WORST_NAME, "change_paise": -LARGE}
    detail = {
        "standings": [line] * 10,
        "members": 10**6,
        "since": NOW.isoformat(),
        "risen": [mover] * 3,
        "fallen": [mover] * 3,
    }
    assert len(notices.channel_message("leaderboard_post", detail)) <= 2_000
