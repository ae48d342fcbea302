"""A small server that speaks Discord's protocol over real sockets: HTTP, and a gateway that sends events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from aiohttp import WSMsgType, web

BOT = {"id": "900", "username": "BetJee", "discriminator": "0", "avatar": None, "bot": True}
APPLICATION = {
    "id": BOT["id"],
    "name": "BetJee",
    "icon": None,
    "description": "",
    "summary": "",
    "verify_key": "",
    "flags": 0,
    "bot_public": True,
    "bot_require_code_grant": False,
    "owner": BOT,
}
GUILD_ID = "1000"
CHANNEL_ID = "1001"
OWNER_ID = "1002"
OWNER: dict[str, Any] = {
    "user": {
        "id": OWNER_ID,
        "username": "meera",
        "discriminator": "0",
        "avatar": None,
        "global_name": "Meera",
    },
    "roles": [],
    "joined_at": None,
    "flags": 0,
}
MESSAGE = {
    "id": "5000",
    "channel_id": CHANNEL_ID,
    "type": 0,
    "content": "",
    "tts": False,
    "pinned": False,
    "author": BOT,
    "timestamp": "2026-01-01T00:00:00+00:00",
    "edited_timestamp": None,
    "mentions": [],
    "mention_roles": [],
    "mention_everyone": False,
    "attachments": [],
    "embeds": [],
    "components": [],
}
TOKEN = "a-token"  # noqa: S105  # it opens nothing


class DiscordServer:
    """Knows one bot by its token, one guild, and remembers all that the bot sends."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[tuple[str, str, Any]] = asyncio.Queue()
        self.identified = asyncio.Event()
        self._gateway: web.WebSocketResponse | None = None
        self._commands: list[dict[str, Any]] = []
        self._sequence = 0
        self._origin = ""

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[Self]:
        """Serve on a port of this machine."""
        app = web.Application()
        app.router.add_get("/gateway", self._serve_gateway)
        app.router.add_route("*", "/api/{path:.*}", self._serve_http)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        self._origin = f"127.0.0.1:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def sends_command(self, number: int, name: str, member_id: str = OWNER_ID, **options: str) -> None:
        """A member of the guild gives a command, the owner unless told."""
        await self._dispatch(
            "INTERACTION_CREATE",
            {
                "id": str(number),
                "application_id": BOT["id"],
                "type": 2,
                "token": f"token-{number}",
                "version": 1,
                "guild_id": GUILD_ID,
                "channel_id": CHANNEL_ID,
                "channel": {"id": CHANNEL_ID, "type": 0, "name": "betjee", "permissions": "0"},
                "member": {**OWNER, "user": {**OWNER["user"], "id": member_id}, "permissions": "0"},
                "entitlements": [],
                "attachment_size_limit": 1,
                "authorizing_integration_owners": {},
                "data": {
                    "id": "1",
                    "name": name,
                    "type": 1,
                    "options": [{"name": key, "type": 3, "value": value} for key, value in options.items()],
                },
            },
        )

    async def sends_nonsense(self) -> None:
        """An event that the library cannot read."""
        await self._dispatch("INTERACTION_CREATE", {"id": "7000"})

    async def next_card(self, number: int) -> dict[str, Any]:
        """The next card that the bot shows in answer to that command."""
        while True:
            _, path, body = await self.requests.get()
            if f"token-{number}" in path and body is not None:
                cards: list[dict[str, Any]] = body.get("data", body).get("embeds", [])
                if cards:
                    return cards[0]

    async def _serve_http(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if request.headers.get("Authorization", f"Bot {TOKEN}") != f"Bot {TOKEN}":
            return _json({"message": "401: Unauthorized", "code": 0}, status=401)
        body = await _read_body(request)
        self.requests.put_nowait((request.method, path, body))
        return _json(self._answer(request.method, path, body))

    def _answer(self, method: str, path: str, body: Any) -> Any:
        limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        known = {
            "users/@me": BOT,
            "oauth2/applications/@me": APPLICATION,
            # The bot must take the gateway of its settings, not this one.
            "gateway/bot": {"shards": 1, "url": "ws://127.0.0.1:1/not-here", "session_start_limit": limit},
            f"guilds/{GUILD_ID}/members/{OWNER_ID}": OWNER,
        }
        if path in known:
            return known[path]
        if method == "PUT" and path.endswith("/commands"):
            self._commands = [
                {**command, "id": str(number), "application_id": BOT["id"], "version": "1"}
                for number, command in enumerate(body, start=1)
            ]
        if path.endswith("/commands"):
            return self._commands
        if path == "users/@me/channels":
            return {"id": f"7{body['recipient_id']}", "type": 1, "recipients": [OWNER["user"]]}
        if path.endswith("/callback"):
            return {"interaction": {"id": path.split("/")[1], "type": 2}}
        return MESSAGE

    async def _serve_gateway(self, request: web.Request) -> web.WebSocketResponse:
        self._gateway = web.WebSocketResponse()
        await self._gateway.prepare(request)
        await self._gateway.send_json({"op": 10, "d": {"heartbeat_interval": 45_000}, "s": None, "t": None})
        async for message in self._gateway:
            if message.type is WSMsgType.TEXT:
                await self._hear(message.json())
        return self._gateway

    async def _hear(self, message: dict[str, Any]) -> None:
        assert self._gateway is not None
        if message["op"] == 1:
            await self._gateway.send_json({"op": 11, "d": None, "s": None, "t": None})
        elif message["op"] == 2:  # identify, by Discord's numbering
            assert message["d"]["token"] == TOKEN
            ready = {
                "v": 10,
                "user": BOT,
                "guilds": [{"id": GUILD_ID, "unavailable": True}],
                "session_id": "s",
            }
            application = {"application": {"id": BOT["id"], "flags": 0}, "shard": [0, 1]}
            await self._dispatch(
                "READY", {**ready, **application, "resume_gateway_url": f"ws://{self._origin}/gateway"}
            )
            await self._dispatch(
                "GUILD_CREATE",
                {
                    "id": GUILD_ID,
                    "name": "JEE 2026",
                    "owner_id": OWNER_ID,
                    "unavailable": False,
                    "member_count": 2,
                    "roles": [{"id": GUILD_ID, "name": "@everyone", "permissions": "3072", "position": 0}],
                    "channels": [{"id": CHANNEL_ID, "type": 0, "name": "betjee", "position": 0}],
                    "members": [],
                    "threads": [],
                },
            )
            self.identified.set()

    async def _dispatch(self, event: str, data: dict[str, Any]) -> None:
        assert self._gateway is not None, "no bot is connected"
        self._sequence += 1
        await self._gateway.send_json({"op": 0, "t": event, "s": self._sequence, "d": data})


async def _read_body(request: web.Request) -> Any:
    """The JSON of a request, which stands in a part of its own where files come with it."""
    if request.content_type.startswith("multipart/"):
        return json.loads(str((await request.post())["payload_json"]))
    return await request.json() if request.can_read_body else None


def _json(document: Any, status: int = 200) -> web.Response:
    """An answer as Discord's, whose content type names no charset; the library reads no other as JSON."""
    return web.Response(body=json.dumps(document).encode(), status=status, content_type="application/json")
