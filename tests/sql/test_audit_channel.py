"""The audit channel: every entry of the moderation log is queued for it, and nothing where there is none."""

import json
from typing import Any

import pytest

from tests.sql.court import Court, identity
from tests.sql.front import DISCORD


@pytest.fixture
async def audited(court: Court) -> Court:
    """A court whose acts are posted in channel 77."""
    chosen = await court.call("set_audit_channel", court["olga"], DISCORD, "77")
    assert chosen == {"channel_id": "77", "earlier_channel_id": None}
    return court


async def queued(court: Court) -> list[dict[str, Any]]:
    """What is queued for the audit channel: the number of each entry, and the channel."""
    rows = await court.rows("outbox", "kind = 'moderator_act'")
    assert {row["user_id"] for row in rows} <= {None}
    return [json.loads(row["detail"]) for row in sorted(rows, key=lambda row: row["notice_id"])]


async def due(court: Court) -> list[dict[str, Any]]:
    """What a relay is given of it."""
    while (
        await court.front.service.fetchval("select betjee.claim_outbox('a', 60)") != court.front.exchange_id
    ):
        continue  # Exchanges of other tests have notices too.
    notices = await court.front.listing("list_due_notices", "a", 100)
    return [notice for notice in notices if notice["kind"] == "moderator_act"]


async def test_without_a_channel_nothing_is_queued(court: Court) -> None:
    await court.call("freeze_user", court["mona"], court["ann"], "Odd.")
    assert await queued(court) == []


async def test_every_entry_is_queued_once_and_in_order(audited: Court) -> None:
    await audited.call("freeze_user", audited["mona"], audited["ann"], "Odd.", request_id=900)
    await audited.call("freeze_user", audited["mona"], audited["ann"], "Odd.", request_id=900)
    await audited.call("unfreeze_user", audited["mona"], audited["ann"])
    await audited.call("halt_market", audited["max"], "22s1", "A rumour.")
    await audited.call("change_setting", audited["olga"], "wipe_undo_seconds", "0")
    await audited.plan("mona", ["bob"], "burn")
    await audited.call("add_moderator", audited["olga"], DISCORD, "ann", "ann")
    entries = [row["sequence"] for row in await audited.rows("moderation_log")]
    first = next(
        row["sequence"] for row in await audited.rows("moderation_log") if row["act"] == "set_audit_channel"
    )
    told = await queued(audited)
    assert [item["sequence"] for item in told] == [number for number in sorted(entries) if number >= first]
    assert {item["channel_id"] for item in told} == {"77"}
    acts = [row["act"] for row in await audited.rows("moderation_log")]
    assert "execute_wipe" in acts, "also what the eraser records is told"
    assert await audited.audit() == []


async def test_a_relay_is_given_the_entry_as_the_record_has_it(audited: Court) -> None:
    await audited.call("freeze_user", audited["mona"], audited["ann"], "Odd.")
    *_, last = await due(audited)
    listed = await audited.front.listing("list_moderation_log", audited["mona"], None, 1)
    assert [last["detail"]] == listed
    assert (last["detail"]["moderator"]["name"], last["detail"]["member"]["name"]) == ("mona", "ann")
    assert (last["channel_id"], last["is_for_moderators"]) == ("77", True)


async def test_no_name_is_kept_in_the_notice(audited: Court) -> None:
    await audited.call("freeze_user", audited["mona"], audited["ann"], "Odd.")
    await audited.call("unfreeze_user", audited["mona"], audited["ann"])
    await audited.call("delete_user", audited["ann"], identity("ann"))
    assert all(set(item) == {"sequence", "channel_id"} for item in await queued(audited))
    members = [notice["detail"]["member"] for notice in await due(audited)][1:]
    nobody = {"user_id": audited["ann"], "name": None, "name_then": None, "is_deleted": True}
    assert members == [nobody] * 2


async def test_nobody_turns_it_off_unseen(audited: Court) -> None:
    await audited.call("set_audit_channel", audited["mona"], DISCORD, "88")
    off = await audited.call("set_audit_channel", audited["mona"], DISCORD, None)
    assert off == {"channel_id": None, "earlier_channel_id": "88"}
    await audited.call("freeze_user", audited["mona"], audited["ann"], "Odd.")
    told = await queued(audited)
    assert [item["channel_id"] for item in told] == ["77", "77", "88", "88"]
    moved, moved_too = told[1]["sequence"], told[2]["sequence"]
    assert moved == moved_too, "the old channel and the new one have the same entry"
    assert [notice["channel_id"] for notice in await due(audited)] == ["77", "77", "88", "88"]


async def test_the_same_channel_again_is_told_once(audited: Court) -> None:
    await audited.call("set_audit_channel", audited["mona"], DISCORD, "77")
    assert len(await queued(audited)) == 2


async def test_only_moderators_choose_it(court: Court) -> None:
    refused = await court.call("set_audit_channel", court["ann"], DISCORD, "77")
    assert refused["refused"] == "not_a_moderator"
    for channel in ("", "7" * 65):
        refused = await court.call("set_audit_channel", court["mona"], DISCORD, channel)
        assert refused["refused"] == "invalid_channel"
    assert await queued(court) == []
