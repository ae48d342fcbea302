"""Finding those who come as many: the methods of `Exchange` for suspects, and for the job that looks for them."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from exchange.acts import Ban, Wipe, WipeMode, WipePreview
from exchange.calls import Calls
from exchange.errors import ExchangeError, RequestRejected
from exchange.suspects import Cluster, KnownNetwork, Release

_log = logging.getLogger(__name__)


class Finding(Calls):
    """What moderators see of clusters and decide, and the search for them. The errors are those of `Exchange`.

    Every act is checked in SQL, as those of `Enforcement` are.
    """

    # Moderators

    async def list_suspects(
        self, exchange_id: int, moderator_user_id: int, limit: int = 10, offset: int = 0
    ) -> list[Cluster]:
        """A page of the clusters without their members, those that wait for a decision first, at most 50; for moderators."""
        query = "select betjee.list_suspects($1, $2, $3, $4)"
        documents = await self._read_all(query, exchange_id, moderator_user_id, limit, offset)
        return [Cluster.from_json(document) for document in documents]

    async def get_cluster(self, exchange_id: int, moderator_user_id: int, cluster_id: int) -> Cluster:
        """One cluster with at most 50 members. Raises `RequestRejected` where there is none."""
        query = "select betjee.get_cluster($1, $2, $3)"
        document = await self._read(query, exchange_id, moderator_user_id, cluster_id)
        if document is None:
            raise RequestRejected("unknown_cluster", "This exchange has no such suspicion.")
        return Cluster.from_json(document)

    async def release_suspects(
        self,
        exchange_id: int,
        request_id: int,
        moderator_user_id: int,
        cluster_id: int,
        user_id: int | None = None,
    ) -> Release:
        """Grant the bonuses that wait, once, and end what freezing the cluster did: of all of it, or of one member."""
        query = "select betjee.release_suspects($2, $1, $3, $4, $5)"
        return Release.from_json(
            await self._write(request_id, query, exchange_id, moderator_user_id, cluster_id, user_id)
        )

    async def ban_suspects_network(
        self,
        exchange_id: int,
        request_id: int,
        moderator_user_id: int,
        cluster_id: int,
        *,
        reason: str,
        duration: timedelta | None = None,
    ) -> Ban:
        """Ban the network that ties a cluster from signing up; members who are there already are not concerned."""
        query = "select betjee.ban_suspects_network($2, $1, $3, $4, $5, $6)"
        seconds = None if duration is None else int(duration.total_seconds())
        document = await self._write(
            request_id, query, exchange_id, moderator_user_id, cluster_id, reason, seconds
        )
        return Ban.from_json(document)

    async def freeze_suspects(
        self, exchange_id: int, request_id: int, moderator_user_id: int, cluster_id: int
    ) -> Cluster:
        """Freeze the members of a cluster, each told why; bonuses that wait go on waiting."""
        query = "select betjee.freeze_suspects($2, $1, $3, $4)"
        return Cluster.from_json(
            await self._write(request_id, query, exchange_id, moderator_user_id, cluster_id)
        )

    async def preview_suspects_wipe(
        self, exchange_id: int, moderator_user_id: int, cluster_id: int
    ) -> WipePreview:
        """What wiping the members of a cluster would do, in either mode. Changes nothing."""
        document: dict[str, Any] = await self._read(
            "select betjee.preview_suspects_wipe($1, $2, $3)", exchange_id, moderator_user_id, cluster_id
        )
        if "refused" in document:
            raise RequestRejected(document.pop("refused"), document.pop("detail"), document)
        return WipePreview.from_json(document)

    async def wipe_suspects(
        self,
        exchange_id: int,
        request_id: int,
        moderator_user_id: int,
        cluster_id: int,
        mode: WipeMode,
        *,
        reason: str | None = None,
    ) -> Wipe:
        """Plan to wipe the members of a cluster, as `plan_wipe` does; without a reason, for that of the cluster."""
        query = "select betjee.wipe_suspects($2, $1, $3, $4, $5, $6)"
        document = await self._write(
            request_id, query, exchange_id, moderator_user_id, cluster_id, mode.value, reason
        )
        return Wipe.from_json(document)

    # The job, and whoever limits how often members act

    async def find_suspects(self) -> int:
        """Look for signals in every exchange in which something has changed of late; returns how many were new.

        One that cannot be searched, for a fault in it or because somebody holds it locked, holds up no other.
        """
        found = 0
        for exchange_id in await self._read_all("select betjee.list_exchanges_to_search()"):
            try:
                found += await self._read("select betjee.find_suspects($1)", exchange_id)
            except ExchangeError:
                _log.exception("Exchange %d could not be searched for suspects.", exchange_id)
        return found

    async def purge_suspects(self, limit: int = 10_000) -> int:
        """Forget clusters that were decided longer ago than networks are kept; returns how many."""
        return int(await self._read("select betjee.purge_suspects($1)", limit))

    async def find_network(
        self, exchange_id: int, provider: str, provider_user_id: str
    ) -> KnownNetwork | None:
        """The network of a member, and whether it is suspect; None where none is known."""
        query = "select betjee.find_network($1, $2, $3)"
        document = await self._read(query, exchange_id, provider, provider_user_id)
        return None if document is None else KnownNetwork.from_json(document)
