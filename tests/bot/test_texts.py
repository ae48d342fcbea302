"""How figures are written, how typed text is read, and how text from people is made harmless."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InputUnreadable
from bot.inputs import read_coins, read_size
from bot.replies import text
from bot.replies.moderation import amount
from bot.replies.trades import portion
from exchange.models import Size

MARKDOWN = re.compile(r"(?<!\\)(?:\\\\)*[`*_~|<>#\[\]()@:/]")


@pytest.mark.parametrize(
    ("paise", "written"),
    [
        (0, "₹0.00"),
        (5, "₹0.05"),
        (99_999, "₹999.99"),
        (1_00_000, "₹1,000.00"),
        (1_23_456_78, "₹1,23,456.78"),
        (12_34_56_789_00, "₹12,34,56,789.00"),
        (-1_00_000_00, "−₹1,00,000.00"),
    ],
)
def test_money_is_written_in_indian_grouping(paise: int, written: str):
    assert text.money(paise) == written


def test_other_figures():
    assert text.shares(1) == "1 share"
    assert text.shares(1_00_000) == "1,00,000 shares"
    assert text.holding(-10) == "short 10 shares"
    assert text.holding(0) == "none"
    assert [text.duration(seconds) for seconds in (1, 90, 600, 3_600, 5_400, 1_72_800)] == [
        "1 second",
        "90 seconds",
        "10 minutes",
        "1 hour",
        "90 minutes",
        "2 days",
    ]
    assert text.change(-108) == "−1.08 %"
    assert text.change(5) == "+0.05 %"
    assert text.change(0) == "0.00 %"
    assert text.profit(150) == "+₹1.50"
    assert text.profit(0) == "₹0.00"
    assert [portion(bps) for bps in (10_000, 5_000, 1_250, 1)] == ["max", "50%", "12.5%", "0.01%"]
    assert amount("2000000", "paise") == "₹20,000"
    assert amount("2000050", "paise") == "₹20,000.50"
    assert amount("500", "bps") == "5 %"
    assert amount("167", "bps") == "1.67 %"
    assert amount("true", "") == "on"
    assert amount("0.5", "") == "0.5"


@given(st.integers(min_value=0, max_value=10**15))
def test_money_that_is_written_can_be_read(paise: int):
    if paise < 10**14:
        assert read_coins(text.money(paise)) == paise


@given(st.text())
def test_no_text_from_people_comes_alive(typed: str):
    safe = text.safe(typed, 40)
    assert not MARKDOWN.search(safe.replace("\\\\", ""))
    assert "\n" not in safe
    assert len(text.plain(typed, 40)) <= 40


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Asha", "Asha"),
        ("आशा", "आशा"),
        ("  two\n\nlines ", "two lines"),
        ("zero\u200bwidth\u202egnp.exe", r"zerowidthgnp\.exe"),
        ("\u3164\u2800\u200b", ""),
        ("z" + "\u0301" * 50, "z" + "\u0301" * 4),
        ("x" * 50, "x" * 31 + "…"),
        (r"\*", r"\\\*"),
        ("@everyone <@&1>", r"\@everyone \<\@&1\>"),
        ("[click](https://evil.example)", r"\[click\]\(https\:\/\/evil\.example\)"),
    ],
)
def test_what_hides_reverses_or_piles_up_is_removed(typed: str, shown: str):
    assert text.safe(typed) == shown


def test_a_name_of_nothing_is_replaced():
    assert text.name("\u200b\u3164") == "**someone**"


def test_a_name_from_right_to_left_moves_no_figure_beside_it():
    assert text.name("\u05d0\u200e\u05d1") == "**\u200e\u05d0\u05d1\u200e**"
    assert text.name("Asha 7") == "**Asha 7**"


@pytest.mark.parametrize(
    ("typed", "size"),
    [
        ("10", Size(shares=10)),
        (" 1,000 ", Size(shares=1_000)),
        ("1,00,000", Size(shares=100_000)),
        ("0", Size(shares=0)),
        ("50%", Size(portion_bps=5_000)),
        ("12.5 %", Size(portion_bps=1_250)),
        ("0.01%", Size(portion_bps=1)),
        ("100%", Size.maximum()),
        ("MAX", Size.maximum()),
    ],
)
def test_sizes_are_read(typed: str, size: Size):
    assert read_size(typed) == size


@pytest.mark.parametrize(
    "typed",
    ["", "ten", "-1", "1.5", "1,0", "10,", "0%", "101%", "50.001%", "1e3", "٣", "9" * 13, "%", "0x10"],
)
def test_what_is_no_size_is_refused(typed: str):
    with pytest.raises(InputUnreadable):
        read_size(typed)


@pytest.mark.parametrize(
    ("typed", "paise"), [("500", 500_00), ("500.5", 500_50), ("₹1,234.50", 1_234_50), ("₹ 0.01", 1), ("0", 0)]
)
def test_coins_are_read_to_the_paisa(typed: str, paise: int):
    assert read_coins(typed) == paise


@pytest.mark.parametrize("typed", ["", "lots", "-5", "1.234", "1..2", ".5", "5.", "$5", "9" * 13, "1,23"])
def test_what_is_no_amount_is_refused(typed: str):
    with pytest.raises(InputUnreadable):
        read_coins(typed)
