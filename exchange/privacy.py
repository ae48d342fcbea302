"""What members may have done with what is known of them: the methods of `Exchange` for export and deletion."""

from __future__ import annotations

from collections.abc import AsyncIterator

from exchange.acts import Deletion
from exchange.enforcement import Identities
from exchange.errors import RequestRejected
from exchange.models import Identity, Json

_PAGE_FILLS = 5_000


class Privacy(Identities):
    """Export and deletion of one's own data."""

    async def export_user(self, exchange_id: int, user_id: int) -> Json:
        """Everything that is kept of a member, but the ledger. Raises `RequestRejected` for a stranger."""
        document: Json | None = await self._read("select betjee.export_user($1, $2)", exchange_id, user_id)
        if document is None:
            raise RequestRejected("unknown_user", "This exchange has no such member.")
        return document

    async def export_identity(self, exchange_id: int, identity: Identity) -> Json | None:
        """Everything that is kept of somebody who has no account, or has deleted it; None where that is nothing."""
        identity_hash = self._hash(identity.provider, identity.provider_user_id)
        document: Json | None = await self._read(
            "select betjee.export_identity($1, $2)", exchange_id, identity_hash
        )
        return document

    async def export_ledger(self, exchange_id: int, user_id: int) -> AsyncIterator[Json]:
        """A member's fills, oldest first, read in pages of 5,000."""
        after: int | None = 0
        while after is not None:
            page: Json = await self._read(
                "select betjee.export_ledger($1, $2, $3, $4)", exchange_id, user_id, after, _PAGE_FILLS
            )
            for fill in page["fills"]:
                yield fill
            after = page["next_after_sequence"]

    async def forget_names(self, exchange_id: int, request_id: int, identity: Identity) -> int:
        """Take the names of somebody without an account off the record of moderators; returns how many.

        Bans know them by a hash, and stay. Raises `RequestRejected` (`has_account`) for whoever has one:
        `delete_user` takes its names with it.
        """
        identity_hash = self._hash(identity.provider, identity.provider_user_id)
        query = "select betjee.forget_names($2, $1, $3)"
        return int((await self._write(request_id, query, exchange_id, identity_hash))["forgotten"])

    async def purge_names(self, limit: int = 10_000) -> int:
        """Forget names that were recorded 400 days ago, but those of the banned; returns how many."""
        return await self._purge("select betjee.purge_names($1)", limit)

    async def preview_deletion(self, exchange_id: int, user_id: int) -> Deletion:
        """What `delete_user` would do now; changes nothing, and raises `RequestRejected` as it does."""
        document: Json = await self._read("select betjee.preview_deletion($1, $2)", exchange_id, user_id)
        if "refused" in document:
            raise RequestRejected(document.pop("refused"), document.pop("detail"), document)
        return Deletion.from_json(document)

    async def delete_user(
        self, exchange_id: int, request_id: int, user_id: int, identity: Identity
    ) -> Deletion:
        """Close a member's positions at the market, burn their cash, and forget who they were.

        Raises `RequestRejected`, with nothing changed: `user_frozen` while moderators decide about them,
        `awaits_decision` while no moderator has looked at a suspicion of them, `is_owner`, or `cannot_close`
        with the market and the shares that could be closed now.
        """
        identity_hash = self._hash(identity.provider, identity.provider_user_id)
        query = "select betjee.delete_user($2, $1, $3, $4)"
        return Deletion.from_json(await self._write(request_id, query, exchange_id, user_id, identity_hash))
