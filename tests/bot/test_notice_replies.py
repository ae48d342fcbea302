"""The words of notices: whole, harmless, and within what Discord takes."""

from datetime import UTC, datetime

import pytest

from bot.replies import alerts, notices
from exchange.models import Refusal
from exchange.notices import Alert, Notice, NoticeList, NotifyBy
from tests.bot.telling import DETAILS

LARGE = 10**13
"""Ten thousand crores of coins, in paise: more than there will ever be."""

WORST_NAME = "*" * 200


def worst(kind: str) -> dict[str, object]:
    """A notice's detail with figures as large as they can be."""
    large = {key: LARGE for key in DETAILS[kind] if key.endswith("_paise")}
    return {**DETAILS[kind], **large, "label": "*" * 40, "market": "m" * 12, "reason": "*" * 300}


@pytest.mark.parametrize("kind", list(DETAILS))
def test_every_kind_has_its_words(kind: str):
    for detail in (DETAILS[kind], worst(kind)):
        words = notices.told(kind, detail)
        assert words.title != "News from the exchange"
        embed = notices.direct_message(kind, detail, WORST_NAME)
        assert len(embed) <= 6_000
        assert len(embed.description or "") <= 4_096
        assert len(notices.channel_message(kind, detail)) <= 2_000
        assert "None" not in str(embed.to_dict())


def test_there_is_a_sample_of_every_kind():
    assert DETAILS.keys() == notices.KINDS.keys()


@pytest.mark.parametrize("code", [*Refusal, "some_later_code"])
def test_every_reason_of_a_failure_is_told(code: str):
    words = notices.told("stop_failed", {**DETAILS["stop_failed"], "code": str(code)})
    assert "could not be executed: " in words.sentence
    assert "_" not in words.sentence


def test_buying_back_is_told_as_paying():
    detail = {**DETAILS["stop_filled"], "side": "cover", "kind": "take_profit", "remaining_shares": 0}
    words = notices.told("stop_filled", detail)
    assert words.title == "Take-profit filled: 22s1"
    assert "bought back **10 × 22s1**" in words.sentence
    assert [label for label, _ in words.figures] == [
        "You paid",
        "Average price",
        "Tax, included",
        "Profit before tax",
    ]


def test_as_many_as_are_listed_fit_into_one_card():
    kinds = ["stop_filled", "stop_failed", *DETAILS]
    for kind in kinds:
        notice = Notice(1, kind, worst(kind), datetime.now(UTC), is_missed=True)
        listed = notices.notice_list(NoticeList(NotifyBy.DIRECT, 30, (notice,) * notices.LISTED))
        text = listed.description or ""
        assert len(text) <= 4_096
        assert text.count("●") == notices.LISTED, "what is listed counts as seen, so none may be cut"
        assert f"… and {30 - notices.LISTED} more that you missed" in text


def test_the_longest_list_of_alerts_fits():
    alert = Alert(1, "m" * 12, "*" * 40, LARGE, is_above=True, price_paise=LARGE)
    assert len(alerts.listed([alert] * 100).description or "") <= 4_096
    assert len(alerts.armed(alert)) <= 6_000


def test_a_ping_says_nothing_but_that_there_is_something():
    assert notices.ping("123") == "<@123>, you have a notice: `/notifications` shows it to you alone."
