"""Each entry of the record is a sentence that a moderator understands, and names whom it is about."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.replies import moderation_log
from bot.replies.text import called
from exchange.acts import Act, Person

MOMENT = datetime(2026, 1, 21, 9, tzinfo=UTC)
UNTIL = "2026-02-01T00:00:00+00:00"
MEERA = Person(1, "Meera", "Meera")
ASHA = Person(2, "Asha", "Asha")
BOTS = (Person(3, None, "Bot *1*"), Person(4, None, None, is_deleted=True))


def told(act: str, *, by: Person | None = MEERA, **more: Any) -> str:
    """The sentence of an entry, without its number and its time."""
    entry = Act(7, act, 0 if by is None else 1, MOMENT, by, **more)
    line = moderation_log.act_line(entry)
    assert line.startswith("`7` <t:1768986000:f> ")
    return line.removeprefix("`7` <t:1768986000:f> ")


CROWD = {"members": BOTS, "members_total": 40}
UNCHANGED = "nothing has changed, and they stay frozen until somebody gives"
NAMED = "**Bot \\*1\\***, someone who deleted their data and 38 more"

SENTENCES: list[tuple[str, dict[str, Any], str]] = [
    ("add_moderator", {"member": ASHA}, "**Meera** made **Asha** a moderator"),
    (
        "ban_network",
        {"detail": {"ban_id": 5, "reason": "A farm.", "banned_until": None}},
        "**Meera** banned a network, from which nobody new signs up, until a moderator ends it (ban 5): A farm\\.",
    ),
    (
        "ban_user",
        {"member": ASHA, "detail": {"ban_id": 5, "reason": "Odd.", "banned_until": UNTIL}},
        "**Meera** banned **Asha** until <t:1769904000:f> (ban 5): Odd\\.",
    ),
    (
        "change_setting",
        {"unit": "paise", "detail": {"name": "signup_bonus_paise", "old_value": "2000000", "new_value": "0"}},
        "**Meera** changed the setting `signup_bonus_paise` from **₹20,000** to **₹0**",
    ),
    (
        "change_setting",
        {"unit": "", "detail": {"name": "mark_action", "old_value": None, "new_value": "freeze"}},
        "**Meera** changed the setting `mark_action` from its default to **freeze**",
    ),
    (
        "execute_wipe",
        {**CROWD, "detail": {"wipe_id": 6, "mode": "unwind", "reason": "Bots."}},
        f"**Meera** wiped {NAMED} and unwound their positions (wipe 6): Bots\\.",
    ),
    (
        "fail_wipe",
        {"by": None, **CROWD, "detail": {"wipe_id": 6}},
        f"The exchange could not wipe {NAMED} (wipe 6): {UNCHANGED} `/wipes undo 6`",
    ),
    (
        "freeze_suspects",
        {**CROWD, "detail": {"cluster_id": 9, "kind": "burst"}},
        f"**Meera** froze the members of the suspicion “Many sign-ups at once · 9”: {NAMED}",
    ),
    ("freeze_user", {"member": ASHA, "detail": {"reason": "Odd."}}, "**Meera** froze **Asha**: Odd\\."),
    (
        "plan_wipe",
        {**CROWD, "detail": {"wipe_id": 6, "mode": "burn", "reason": "Bots."}},
        f"**Meera** froze {NAMED}, and planned to wipe them and burn their shares (wipe 6): Bots\\.",
    ),
    (
        "put_board",
        {"detail": {"channel_id": "77"}},
        "**Meera** put the live board, the message with all prices, in <#77>",
    ),
    (
        "release_suspects",
        {"detail": {"cluster_id": 9, "kind": "burst", "released": 40}},
        "**Meera** released everyone of the suspicion “Many sign-ups at once · 9”; 40 marks ended",
    ),
    (
        "release_suspects",
        {"member": ASHA, "detail": {"cluster_id": 9, "kind": "later_kind", "released": 0}},
        "**Meera** released **Asha** from the suspicion “A suspicion · 9”",
    ),
    (
        "set_channel",
        {"detail": {"channel_id": None}},
        "**Meera** let the exchange speak in the server's own channel again",
    ),
    (
        "transfer_ownership",
        {"member": ASHA, "detail": {"from_user_id": 2}},
        "**Meera** became the owner of this exchange, which **Asha** owned before",
    ),
    ("transfer_ownership", {"member": MEERA}, "**Meera** became the owner of this exchange"),
    (
        "unban",
        {"detail": {"ban_id": 5, "subject": "network"}},
        "**Meera** ended the ban of a network (ban 5)",
    ),
    (
        "undo_wipe",
        {"by": None, **CROWD, "detail": {"wipe_id": 6, "cause": "who decided it moderates no longer"}},
        f"The exchange undid the wipe of {NAMED} (wipe 6), since who decided it moderates no longer",
    ),
]


@pytest.mark.parametrize(("act", "more", "sentence"), SENTENCES)
def test_an_entry_says_who_did_what_to_whom_and_why(act: str, more: dict[str, Any], sentence: str) -> None:
    assert told(act, **more) == sentence


@pytest.mark.parametrize("act", moderation_log.SENTENCES)
def test_an_entry_that_lacks_everything_is_told_all_the_same(act: str) -> None:
    assert "None" not in told(act, by=None)


@pytest.mark.parametrize(
    ("person", "name"),
    [
        (Person(2, "Asha", "Asha"), "**Asha**"),
        (Person(2, "Asha", None), "**Asha**"),
        (Person(2, "Asha", "@everyone"), "**Asha** (then **\\@everyone**)"),
        (Person(2, None, "Asha"), "**Asha**"),
        (Person(2, None, None, is_deleted=True), "someone who deleted their data"),
        (Person(2), "someone whose account is gone"),
        (None, "someone whose account is gone"),
    ],
)
def test_people_are_called_by_what_is_known_of_them(person: Person | None, name: str) -> None:
    assert called(person) == name


def test_only_where_there_is_more_an_older_page_is_offered() -> None:
    opened = Act(1, "open_exchange", 1, MOMENT, MEERA, detail={"name": "JEE"})
    halted = Act(2, "halt_market", 1, MOMENT, MEERA, detail={"market": "22s1", "reason": "A rumour."})
    assert moderation_log.moderation_log([halted, opened]).footer.text is None
    assert moderation_log.moderation_log([halted]).footer.text == "Older: /modlog before:2"
