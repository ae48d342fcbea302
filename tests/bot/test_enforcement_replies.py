"""What moderators read fits into what Discord takes, however much there is, and stays harmless."""

from datetime import UTC, datetime

import discord
import pytest

from bot.replies import enforcement, moderation_log
from exchange.acts import (
    Act,
    Ban,
    HandHalt,
    Person,
    Standing,
    Wipe,
    WipedMarket,
    WipeMember,
    WipeMode,
    WipePreview,
    WipeStatus,
)

LARGE = 10**13
WORST = "*" * 300
MOMENT = datetime(2026, 1, 21, 9, tzinfo=UTC)
MEMBERS = tuple(WipeMember(number, "@everyone " + "*" * 90, LARGE) for number in range(1_000))
MARKET = WipedMarket("m" * 12, "*" * 40, *([10**7] * 2), *([10**6] * 1), *([LARGE] * 2), *([10**7] * 3))
PREVIEW = WipePreview(MEMBERS, (MARKET,) * 40, LARGE, needs_second=True, undo_seconds=86_400)
WIPE = Wipe(10**12, WipeMode.UNWIND, WORST, WipeStatus.PLANNED, True, 1, MOMENT, MOMENT, MEMBERS)
BAN = Ban(
    10**12, "identity", WORST, MOMENT, MOMENT, 1, Person(1, "*" * 100), appeal="*" * 1_000, appealed_at=MOMENT
)
CROWD = tuple(Person(number, "@everyone " + "*" * 90, "_" * 100) for number in range(20))
ACT = Act(
    10**12,
    "plan_wipe",
    1,
    MOMENT,
    Person(1, "*" * 100, "_" * 100),
    members=CROWD,
    members_total=1_000,
    detail={"wipe_id": 10**12, "reason": WORST},
)
HALT = HandHalt("m" * 12, "*" * 40, LARGE, WORST)

CARDS = {
    "preview of a burn": enforcement.wipe_preview(PREVIEW, WipeMode.BURN, WORST),
    "preview of an unwinding": enforcement.wipe_preview(PREVIEW, WipeMode.UNWIND, WORST),
    "wipe": enforcement.wipe_state(WIPE),
    "wipes": enforcement.wipe_list([WIPE] * 50),
    "bans": enforcement.ban_list([BAN] * 100),
    "ban": enforcement.banned(BAN, "*" * 100),
    "freeze": enforcement.frozen(Standing(1, "*" * 100, "frozen", WORST)),
    "record": moderation_log.moderation_log([ACT] * 100),
    "halt": enforcement.market_halted(HALT),
}


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_every_card_fits(card: discord.Embed):
    assert len(card) <= 6_000
    assert len(card.description or "") <= 4_096
    assert "None" not in str(card.to_dict())
    assert "@everyone" not in (card.description or "").replace("\\@", "")


@pytest.mark.parametrize("status", WipeStatus)
def test_every_status_of_a_wipe_has_words(status: WipeStatus):
    wipe = Wipe(7, WipeMode.BURN, "Bots.", status, False, 1, MOMENT, MOMENT, (WipeMember(1),))
    assert "_" not in (enforcement.wipe_state(wipe).description or "")


def told(act: Act) -> str:
    return moderation_log.act_line(act)


def test_an_act_that_is_not_known_here_is_still_told():
    assert "The exchange later act" in told(Act(1, "later_act", 0, MOMENT))


def test_who_remains_frozen_after_an_unfreeze_is_told_so():
    assert "is still banned" in (enforcement.unfrozen(Standing(1, "Ann", "banned")).description or "")


def test_empty_lists_say_so():
    assert enforcement.ban_list([]).description == "Nobody is banned."
    assert enforcement.wipe_list([]).description == "There are none."
    assert moderation_log.moderation_log([]).description == "Nothing more is on the record."
