"""Notices and price alerts: the methods of `Exchange` by which people are told what happened."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.calls import Calls
from exchange.errors import RequestRejected
from exchange.notices import Alert, AuditChannel, DueNotice, NoticeList, NotifyBy


class Outbox(Calls):
    """What members see and choose of their notices, and what a relay needs to deliver them.

    The errors are those of `Exchange`. Marks of the relay may be repeated: they say what became of a notice.
    """

    # Price alerts

    async def arm_alert(
        self, exchange_id: int, request_id: int, user_id: int, market: str, price_paise: int
    ) -> Alert:
        """Tell a member, once, when a market's price reaches `price_paise` from where it is now."""
        document = await self._write(
            request_id,
            "select betjee.arm_alert($2, $1, $3, $4, $5)",
            exchange_id,
            user_id,
            market,
            price_paise,
        )
        return Alert.from_json(document)

    async def cancel_alert(self, exchange_id: int, request_id: int, user_id: int, alert_id: int) -> Alert:
        """Take back an alert of one's own. Raises `RequestRejected` where it does not wait any more."""
        document = await self._write(
            request_id, "select betjee.cancel_alert($2, $1, $3, $4)", exchange_id, user_id, alert_id
        )
        return Alert.from_json(document)

    async def cancel_alerts(self, exchange_id: int, request_id: int, user_id: int) -> list[Alert]:
        """Take back all alerts of a member that wait; those that did."""
        document = await self._write(
            request_id, "select betjee.cancel_alerts($2, $1, $3)", exchange_id, user_id
        )
        return [Alert.from_json(item) for item in document["alerts"]]

    async def list_alerts(self, exchange_id: int, user_id: int) -> list[Alert]:
        """The alerts that a member has waiting, by market and price; at most 100."""
        documents = await self._read_all("select betjee.list_alerts($1, $2)", exchange_id, user_id)
        return [Alert.from_json(document) for document in documents]

    # Notices, to members and moderators

    async def list_notices(self, exchange_id: int, user_id: int, limit: int = 20) -> NoticeList:
        """A member's notices of 30 days, those missed first; `limit` is at most 100."""
        document = await self._read("select betjee.list_notices($1, $2, $3)", exchange_id, user_id, limit)
        if document is None:
            raise RequestRejected("unknown_user", "This exchange has no such member.")
        return NoticeList.from_json(document)

    async def mark_notices_seen(self, exchange_id: int, user_id: int, notice_ids: Sequence[int]) -> int:
        """Note that a member has been shown these notices (at most 100); returns how many were new to them."""
        return int(
            await self._read(
                "select betjee.mark_notices_seen($1, $2, $3)", exchange_id, user_id, list(notice_ids)
            )
        )

    async def choose_notifications(
        self, exchange_id: int, request_id: int, user_id: int, notify_by: NotifyBy
    ) -> NotifyBy:
        """Choose how a member is told from now on; nothing older is sent afterwards."""
        document = await self._write(
            request_id,
            "select betjee.choose_notifications($2, $1, $3, $4)",
            exchange_id,
            user_id,
            notify_by.value,
        )
        return NotifyBy(document["notify_by"])

    async def set_channel(
        self, exchange_id: int, request_id: int, moderator_user_id: int, provider: str, channel_id: str | None
    ) -> str | None:
        """Choose where an exchange speaks, on the record; None leaves it to the front end."""
        query = "select betjee.set_channel($2, $1, $3, $4, $5)"
        return await self._set_channel(
            query, exchange_id, request_id, moderator_user_id, provider, channel_id
        )

    async def set_moderators_channel(
        self, exchange_id: int, request_id: int, moderator_user_id: int, provider: str, channel_id: str | None
    ) -> str | None:
        """Choose where moderators are told of what they must decide; None tells each of them alone."""
        query = "select betjee.set_moderators_channel($2, $1, $3, $4, $5)"
        return await self._set_channel(
            query, exchange_id, request_id, moderator_user_id, provider, channel_id
        )

    async def set_audit_channel(
        self, exchange_id: int, request_id: int, moderator_user_id: int, provider: str, channel_id: str | None
    ) -> AuditChannel:
        """Choose where every act of a moderator is posted; None: nowhere. The channel of before hears of it."""
        query = "select betjee.set_audit_channel($2, $1, $3, $4, $5)"
        document = await self._write(request_id, query, exchange_id, moderator_user_id, provider, channel_id)
        return AuditChannel.from_json(document)

    async def _set_channel(
        self, query: str, exchange_id: int, request_id: int, moderator_user_id: int, *choice: str | None
    ) -> str | None:
        document = await self._write(request_id, query, exchange_id, moderator_user_id, *choice)
        chosen: str | None = document["channel_id"]
        return chosen

    # The relay

    async def claim_outbox(self, holder: str, lease_seconds: int) -> int | None:
        """Lease an exchange that has due notices, for 1 to 300 seconds; None where there is none.

        `holder` (1 to 64 characters) is the process's own name, different from every other's.
        """
        exchange_id: int | None = await self._read(
            "select betjee.claim_outbox($1, $2)", holder, lease_seconds
        )
        return exchange_id

    async def release_outbox(self, exchange_id: int, holder: str) -> None:
        """Give a lease back before it runs out."""
        await self._read("select betjee.release_outbox($1, $2)", exchange_id, holder)

    async def list_due_notices(self, exchange_id: int, holder: str, limit: int) -> list[DueNotice]:
        """What is due, in order, at most `limit` (1,000); nothing where the lease has run out."""
        documents = await self._read_all(
            "select betjee.list_due_notices($1, $2, $3)", exchange_id, holder, limit
        )
        return [DueNotice.from_json(document) for document in documents]

    async def mark_notice_delivered(self, exchange_id: int, notice_id: int, delivered_by: NotifyBy) -> None:
        """Note that a notice was sent, by direct message or in the channel."""
        await self._read(
            "select betjee.mark_notice_delivered($1, $2, $3)", exchange_id, notice_id, delivered_by.value
        )

    async def retry_notice(self, exchange_id: int, notice_id: int) -> str | None:
        """Note that a notice could not be sent: it is due again later, at most 20 times; returns its state."""
        state: str | None = await self._read("select betjee.retry_notice($1, $2)", exchange_id, notice_id)
        return state

    async def keep_notice(self, exchange_id: int, notice_id: int) -> None:
        """Give up sending a notice for which there is no place; it stays listed."""
        await self._read("select betjee.keep_notice($1, $2)", exchange_id, notice_id)

    async def refuse_notices(self, exchange_id: int, user_id: int) -> None:
        """Stop writing to a member who does not take direct messages, until they ask for it again."""
        await self._read("select betjee.refuse_notices($1, $2)", exchange_id, user_id)

    async def purge_outbox(self, limit: int = 10_000) -> int:
        """Forget notices, and alerts that ended, of more than 30 days ago; returns how many."""
        return await self._purge("select betjee.purge_outbox($1)", limit)
