"""Calling the exchange's functions as a front end does, as the application's role."""

import hashlib
import json
from typing import Any

import asyncpg

DISCORD = "discord"


def newcomer(name: str, shown: str | None = None) -> tuple[str, str, str, bytes]:
    """Somebody whose id at the provider is their name, as signing up takes them; a test needs no keyed hash."""
    return DISCORD, name, shown or name, hashlib.sha256(name.encode()).digest()


class Front:
    """Calls writing functions as a front end does, each with a request id of its own."""

    def __init__(self, service: asyncpg.Connection) -> None:
        self.service = service
        self.exchange_id = 0
        self.guild = ""
        self.last_id = 0

    async def call(self, function: str, *arguments: object, request_id: int | None = None) -> dict[str, Any]:
        """The document that `function(exchange, request, …)` answers with."""
        if request_id is None:
            self.last_id += 1
            request_id = self.last_id
        return await self.document(function, self.exchange_id, request_id, *arguments)

    async def document(self, function: str, *arguments: object) -> dict[str, Any]:
        places = ", ".join(f"${number}" for number in range(1, len(arguments) + 1))
        answer = await self.service.fetchval(f"select betjee.{function}({places})", *arguments)
        document: dict[str, Any] = json.loads(answer)
        return document

    async def listing(self, function: str, *arguments: object) -> list[dict[str, Any]]:
        places = ", ".join(f"${number}" for number in range(2, len(arguments) + 2))
        query = f"select betjee.{function}({', '.join(filter(None, ['$1', places]))})"
        return [json.loads(row[0]) for row in await self.service.fetch(query, self.exchange_id, *arguments)]

    async def register(self, name: str) -> int:
        """Sign somebody up whose id at the provider is their name."""
        registered = await self.call("register_user", *newcomer(name))
        user_id: int = registered["user_id"]
        return user_id


async def owner_of(front: Front) -> int:
    document = await front.document("find_user", front.exchange_id, DISCORD, "owner")
    user_id: int = document["user_id"]
    return user_id
