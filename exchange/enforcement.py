"""Freezes, bans, wipes, halts by hand and the record: the methods of `Exchange` for moderators' acts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from exchange.acts import Act, Ban, HandHalt, Ownership, Standing, Suspect, Wipe, WipeMode, WipePreview
from exchange.calls import Calls
from exchange.errors import RequestRejected
from exchange.models import Identity

HashIdentity = Callable[[str, str], bytes]
"""The keyed hash (32 bytes) of a provider and somebody's id there."""


class Identities(Calls):
    """Calls about people whom the database knows by a keyed hash alone."""

    _hash_identity: HashIdentity | None

    def _hash(self, provider: str, provider_user_id: str) -> bytes:
        assert self._hash_identity is not None, "signing up, bans and wipes need the keyed hash of identities"
        return self._hash_identity(provider, provider_user_id)


class Enforcement(Identities):
    """What moderators do to members and markets, on the record.

    Every act is checked in SQL: nobody moderates themselves, their equals or those above them, nor an
    exchange in which they have no power. `RequestRejected` carries the code and the sentence.
    """

    # Freezes

    async def freeze_user(
        self, exchange_id: int, request_id: int, moderator_user_id: int, user_id: int, reason: str
    ) -> Standing:
        """Freeze a member and tell them why (1 to 300 characters); their waiting orders are suspended."""
        query = "select betjee.freeze_user($2, $1, $3, $4, $5)"
        document = await self._write(request_id, query, exchange_id, moderator_user_id, user_id, reason)
        return Standing.from_json(document)

    async def unfreeze_user(
        self, exchange_id: int, request_id: int, moderator_user_id: int, user_id: int
    ) -> Standing:
        """End a freeze; what the price has crossed of their waiting orders is executed at once."""
        query = "select betjee.unfreeze_user($2, $1, $3, $4)"
        return Standing.from_json(
            await self._write(request_id, query, exchange_id, moderator_user_id, user_id)
        )

    # Bans

    async def ban_user(
        self,
        exchange_id: int,
        request_id: int,
        moderator_user_id: int,
        user_id: int | None,
        identity: Identity,
        *,
        reason: str,
        duration: timedelta | None = None,
    ) -> Ban:
        """Ban an identity, for good or for a minute to ten years.

        `user_id` is None for someone the exchange does not know, whom moderators know again by the name that they show.
        """
        document = await self._write(
            request_id,
            "select betjee.ban_user($2, $1, $3, $4, $5, $6, $7, $8)",
            exchange_id,
            moderator_user_id,
            user_id,
            self._hash(identity.provider, identity.provider_user_id),
            reason,
            _seconds(duration),
            identity.display_name,
        )
        return Ban.from_json(document)

    async def ban_network(
        self,
        exchange_id: int,
        request_id: int,
        moderator_user_id: int,
        network_hash: bytes,
        *,
        reason: str,
        duration: timedelta | None = None,
    ) -> Ban:
        """Ban a network from signing up; members who are there already are not concerned."""
        document = await self._write(
            request_id,
            "select betjee.ban_network($2, $1, $3, $4, $5, $6)",
            exchange_id,
            moderator_user_id,
            network_hash,
            reason,
            _seconds(duration),
        )
        return Ban.from_json(document)

    async def unban(self, exchange_id: int, request_id: int, moderator_user_id: int, ban_id: int) -> Ban:
        """End a ban; a wiped identity may then sign up again, without a second bonus."""
        query = "select betjee.unban($2, $1, $3, $4)"
        return Ban.from_json(await self._write(request_id, query, exchange_id, moderator_user_id, ban_id))

    async def find_ban(self, exchange_id: int, provider: str, provider_user_id: str) -> Ban | None:
        """The ban of an identity, with whether it can still be appealed; None where there is none."""
        identity_hash = self._hash(provider, provider_user_id)
        document = await self._read("select betjee.find_ban($1, $2)", exchange_id, identity_hash)
        return Ban.from_json(document) if document else None

    async def list_bans(self, exchange_id: int, moderator_user_id: int, limit: int = 25) -> list[Ban]:
        """The bans in force, those that were appealed first, at most 100; for moderators."""
        query = "select betjee.list_bans($1, $2, $3)"
        return [
            Ban.from_json(item) for item in await self._read_all(query, exchange_id, moderator_user_id, limit)
        ]

    async def appeal(self, exchange_id: int, request_id: int, identity: Identity, text: str) -> int:
        """Record what someone who is banned has to say (1 to 1,000 characters), once; returns the ban's number."""
        identity_hash = self._hash(identity.provider, identity.provider_user_id)
        query = "select betjee.appeal($2, $1, $3, $4)"
        return int((await self._write(request_id, query, exchange_id, identity_hash, text))["ban_id"])

    # Wipes

    async def preview_wipe(
        self, exchange_id: int, moderator_user_id: int, user_ids: Sequence[int]
    ) -> WipePreview:
        """What wiping these members (at most 1,000) would do, in either mode. Changes nothing."""
        document: dict[str, Any] = await self._read(
            "select betjee.preview_wipe($1, $2, $3)", exchange_id, moderator_user_id, list(user_ids)
        )
        if "refused" in document:
            raise RequestRejected(document.pop("refused"), document.pop("detail"), document)
        return WipePreview.from_json(document)

    async def plan_wipe(
        self,
        exchange_id: int,
        request_id: int,
        moderator_user_id: int,
        suspects: Sequence[Suspect],
        *,
        mode: WipeMode,
        reason: str,
    ) -> Wipe:
        """Freeze members at once, and wipe them when `wipe_undo_seconds` are over and a large wipe is seconded."""
        document = await self._write(
            request_id,
            "select betjee.plan_wipe($2, $1, $3, $4, $5, $6, $7)",
            exchange_id,
            moderator_user_id,
            [suspect.user_id for suspect in suspects],
            [self._hash(suspect.provider, suspect.provider_user_id) for suspect in suspects],
            mode.value,
            reason,
        )
        return Wipe.from_json(document)

    async def second_wipe(
        self, exchange_id: int, request_id: int, moderator_user_id: int, wipe_id: int
    ) -> Wipe:
        """Agree to another moderator's large wipe."""
        query = "select betjee.second_wipe($2, $1, $3, $4)"
        return Wipe.from_json(await self._write(request_id, query, exchange_id, moderator_user_id, wipe_id))

    async def undo_wipe(
        self, exchange_id: int, request_id: int, moderator_user_id: int, wipe_id: int
    ) -> Wipe:
        """Undo a wipe that has not been executed; its members are as they were."""
        query = "select betjee.undo_wipe($2, $1, $3, $4)"
        return Wipe.from_json(await self._write(request_id, query, exchange_id, moderator_user_id, wipe_id))

    async def list_wipes(self, exchange_id: int, moderator_user_id: int, limit: int = 10) -> list[Wipe]:
        """The wipes, those that can be undone first, at most 50; for moderators."""
        query = "select betjee.list_wipes($1, $2, $3)"
        return [
            Wipe.from_json(item)
            for item in await self._read_all(query, exchange_id, moderator_user_id, limit)
        ]

    # Markets and the record

    async def halt_market(
        self, exchange_id: int, request_id: int, moderator_user_id: int, market: str, reason: str
    ) -> HandHalt:
        """Halt a market until a moderator resumes it; waiting orders stay armed."""
        query = "select betjee.halt_market($2, $1, $3, $4, $5)"
        document = await self._write(request_id, query, exchange_id, moderator_user_id, market, reason)
        return HandHalt.from_json(document)

    async def resume_market(
        self, exchange_id: int, request_id: int, moderator_user_id: int, market: str
    ) -> HandHalt:
        """Reopen a halted market; what waits there and was crossed is executed at once."""
        query = "select betjee.resume_market($2, $1, $3, $4)"
        return HandHalt.from_json(
            await self._write(request_id, query, exchange_id, moderator_user_id, market)
        )

    async def list_moderation_log(
        self, exchange_id: int, moderator_user_id: int, before_sequence: int | None = None, limit: int = 10
    ) -> list[Act]:
        """What moderators did before a sequence (None: all), newest first, at most 100; for moderators."""
        query = "select betjee.list_moderation_log($1, $2, $3, $4)"
        documents = await self._read_all(query, exchange_id, moderator_user_id, before_sequence, limit)
        return [Act.from_json(document) for document in documents]

    async def transfer_ownership(self, exchange_id: int, request_id: int, owner: Identity) -> Ownership:
        """Make who owns the community now the owner of its exchange; nothing changes where they are."""
        document = await self._write(
            request_id,
            "select betjee.transfer_ownership($2, $1, $3, $4, $5, $6)",
            exchange_id,
            owner.provider,
            owner.provider_user_id,
            owner.display_name,
            self._hash(owner.provider, owner.provider_user_id),
        )
        return Ownership.from_json(document)


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else int(duration.total_seconds())
