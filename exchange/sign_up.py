"""Signing up: the methods of `Exchange` by which somebody becomes a member."""

from __future__ import annotations

from typing import overload

from exchange.enforcement import Identities
from exchange.errors import RequestRejected
from exchange.models import Identity
from exchange.verification import (
    NetworkKeys,
    PageRegistration,
    PendingRegistration,
    Registration,
    Verification,
)

_NETWORKS = "($4::bytea, $5::bytea, $6::bytea)::betjee.network_keys"


class SignUp(Identities):
    """Signing up in the chat or on the page. The errors are those of `Exchange`."""

    @overload
    async def register_user(self, exchange_id: int, request_id: int, identity: Identity) -> Registration: ...

    @overload
    async def register_user(
        self, exchange_id: int, request_id: int, identity: Identity, token_hash: bytes | None
    ) -> Registration | PendingRegistration: ...

    async def register_user(
        self, exchange_id: int, request_id: int, identity: Identity, token_hash: bytes | None = None
    ) -> Registration | PendingRegistration:
        """Sign somebody up, with the bonus once for each identity and season.

        Where the exchange wants the page to be used, `token_hash` (32 bytes, SHA-256) is that of a link's
        token, which then works once, for 10 minutes. Raises `RequestRejected` for whoever is banned, must
        wait (`account_too_young`, `member_too_new`, with `welcome_at`), or cannot be sent to a page.
        """
        document = await self._write(
            request_id,
            "select betjee.register_user($2, $1, $3, $4, $5, $6, $7, $8, $9)",
            exchange_id,
            identity.provider,
            identity.provider_user_id,
            identity.display_name,
            self._hash(identity.provider, identity.provider_user_id),
            identity.created_at,
            identity.joined_at,
            token_hash,
        )
        if "link_expires_at" in document:
            return PendingRegistration.from_json(document)
        return Registration.from_json(document)

    # The page

    async def find_verification(self, exchange_id: int, token_hash: bytes) -> Verification:
        """What the page shows whoever opens a link. Raises `RequestRejected` where it cannot be used."""
        document = await self._read("select betjee.find_verification($1, $2)", exchange_id, token_hash)
        if "refused" in document:
            raise RequestRejected(document["refused"], document["detail"])
        return Verification.from_json(document)

    async def complete_verification(
        self,
        exchange_id: int,
        request_id: int,
        token_hash: bytes,
        networks: NetworkKeys,
        proven_user_id: str | None = None,
    ) -> PageRegistration:
        """Sign up whoever has consented on the page, once for each token.

        `proven_user_id` is who the chat's provider says has opened the page, None where it was not
        asked. Raises `RequestRejected` for a link that is wrong, used, expired or another person's.
        """
        document = await self._write(
            request_id,
            f"select betjee.complete_verification($2, $1, $3, $7, {_NETWORKS})",
            exchange_id,
            token_hash,
            networks.exact,
            networks.wide_56,
            networks.wide_48,
            proven_user_id,
        )
        return PageRegistration.from_json(document)

    async def refuse_verification(
        self, exchange_id: int, token_hash: bytes, networks: NetworkKeys, code: str
    ) -> None:
        """Record an attempt that the page refused by itself; the link can still be used."""
        await self._read(
            f"select betjee.refuse_verification($1, $2, {_NETWORKS}, $3)",
            exchange_id,
            token_hash,
            code,
            networks.exact,
            networks.wide_56,
            networks.wide_48,
        )

    async def purge_verifications(self, limit: int = 10_000) -> int:
        """Forget ended links and old networks; returns how many."""
        return int(await self._read("select betjee.purge_verifications($1)", limit))
