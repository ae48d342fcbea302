"""The key of the hashes of identities and networks, which the database knows by its fingerprint."""

from __future__ import annotations

import itertools
from operator import itemgetter

import asyncpg

from exchange.calls import Calls
from exchange.database import connect, rejection
from exchange.enforcement import HashIdentity
from exchange.errors import OtherHashKey, QuestionRefused


class HashKey(Calls):
    """What a program that hashes identities asks before it does anything."""

    async def check_hash_key(self, fingerprint: bytes) -> None:
        """Make sure that identities and networks are hashed under the key that this database knows.

        `fingerprint` (32 bytes) is that of the key; the first that is ever asked for becomes the one. Raises
        `OtherHashKey`, and `ExchangeUnavailable` where it cannot be known.
        """
        if not await self._read("select betjee.check_hash_key($1)", fingerprint):
            raise OtherHashKey(
                "Put back BETJEE_HASH_KEY, or hash.key in the data folder; if it is lost for good, `betjee rekey` "
                "goes on without it."
            )


async def rekey(owner_url: str, fingerprint: bytes, hash_identity: HashIdentity) -> bool:
    """Go on with another key, as the database's owner; returns false where it was the one already.

    What is kept of who has an account is kept under `hash_identity`, the hashes of that key, from then on. Nobody else
    who was banned or had the bonus under the key before is known again. Raises `ExchangeUnavailable`, and
    `QuestionRefused` for whoever is not the owner.
    """
    connection = await connect(owner_url)
    try:
        async with connection.transaction():
            changed = bool(await connection.fetchval("select betjee.rekey($1)", fingerprint))
            if changed:
                await _rehash(connection, hash_identity)
    except asyncpg.InsufficientPrivilegeError as error:
        raise QuestionRefused("Only the owner of the database may: see DATABASE_OWNER_URL.") from error
    except asyncpg.PostgresError as error:
        raise rejection(error) from error
    else:
        return changed
    finally:
        await connection.close()


async def _rehash(connection: asyncpg.Connection, hash_identity: HashIdentity) -> None:
    query = (
        "select exchange_id, provider, provider_user_id, identity_hash from betjee.accounts"
        " where identity_hash is not null order by exchange_id"
    )
    known = [
        (row["exchange_id"], row["identity_hash"], hash_identity(row["provider"], row["provider_user_id"]))
        for row in await connection.fetch(query)
    ]
    for exchange_id, accounts in itertools.groupby(known, key=itemgetter(0)):
        _, old_hashes, new_hashes = zip(*accounts, strict=True)
        await connection.execute(
            "select betjee.rehash($1, $2, $3)", exchange_id, list(old_hashes), list(new_hashes)
        )
