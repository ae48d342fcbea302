"""The words of the live board at their worst: long names, many markets, large figures."""

from datetime import UTC, datetime

import pytest

from bot.replies import live_board
from bot.replies.live_board import FORMS, Posting, sparkline
from exchange.live_boards import Board, BoardMarket

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def market(code: str = "22s1", label: str = "22 JAN S1", status: str = "open", **more: object) -> BoardMarket:
    figures = {
        "price_paise": 1_663,
        "hour_change_bps": 0,
        "day_change_bps": 0,
        "volume_shares": 0,
        "prices_paise": [1_663] * 13,
    }
    return BoardMarket.from_json({"market": code, "label": label, "status": status, **figures, **more})


def table(*markets: BoardMarket) -> list[str]:
    text = live_board.board(Board(1, NOW, markets)).description or ""
    assert text.count("```") == 2, "nothing ends the block before its end"
    return text.split("```")[1].strip("\n").splitlines()[2:]


@pytest.mark.parametrize(
    ("prices", "line"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"),
        ([8, 1], "█▁"),
        ([5, 5, 5], "▁▁▁"),
        ([0, 0], "▁▁"),
        ([10_000, 10_030, 10_000, 9_990], "▁▂▁▁"),
        ([10_000, 10_200], "▁█"),
    ],
)
def test_prices_as_bars(prices: list[int], line: str):
    assert sparkline(prices) == line


@pytest.mark.parametrize(
    ("bps", "shown"),
    [
        (0, "0.00"),
        (5, "+0.05"),
        (-512, "−5.12"),
        (9_999, "+99.99"),
        (10_000, "+100"),
        (98_765_432, "+987654"),
    ],
)
def test_a_large_change_stays_in_its_column(bps: int, shown: str):
    first, _ = table(market(hour_change_bps=bps))
    assert first.split()[2] == shown


def test_large_figures_keep_the_columns():
    first, second = table(
        market(price_paise=1_00_000, hour_change_bps=-9_999, day_change_bps=99_99_999, volume_shares=9_99_999)
    )
    assert (len(first), len(second)) == (32, 32)


def test_many_markets_with_names_of_any_kind_fit():
    wild = [
        market("`" * 12, "``` @everyone\n" * 3, "halted", halted_until=NOW.isoformat(), volume_shares=10**7)
        for _ in range(40)
    ]
    embed = live_board.board(Board(1, NOW, tuple(wild)))
    text = embed.description or ""
    assert len(text) <= 4_096
    assert text.count("```") == 2
    assert "15 more: `/markets`." in text
    assert len(embed) <= 6_000


def test_a_halt_without_an_end_and_a_settled_market_are_told():
    text = live_board.board(
        Board(1, NOW, (market(status="halted"), market("22s2", status="settled")))
    ).description
    assert text is not None
    assert text.endswith("**22s1** is halted.\n**22s2** is settled.")


def test_every_posting_has_its_words_and_every_form_fits():
    titles = {live_board.put(posting, 1).description for posting in Posting}
    assert len(titles) == len(Posting)
    for form in FORMS.values():
        assert len(form.title) <= 45
        assert len(form.limit_name) <= 45
        assert max(len(form.shares), len(form.limit)) <= 100
