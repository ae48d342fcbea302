"""A small server that acts as Discord's OAuth2: people confirm who they are, and codes are exchanged once."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web

CLIENT_ID = "4242"
CLIENT_SECRET = "a-secret"  # noqa: S105  # it opens nothing


class DiscordOauth:
    """Knows one client and whoever confirms. `fault`, where set, is the status of every answer."""

    def __init__(self) -> None:
        self.fault: int | None = None
        self.asked: list[str] = []
        self.redirect_uri = ""
        self._codes: dict[str, str] = {}
        self._access: dict[str, str] = {}
        self.port = 0
        self.visitor: str | None = None
        """Who confirms at once in a real browser; None for somebody who does not allow it."""

    @property
    def settings(self) -> dict[str, str]:
        """The settings with which the page asks this server."""
        return {
            "DISCORD_API_BASE": f"http://127.0.0.1:{self.port}/api/v10",
            "DISCORD_CLIENT_ID": CLIENT_ID,
            "DISCORD_CLIENT_SECRET": CLIENT_SECRET,
        }

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        """Serve on any free port of this machine."""
        app = web.Application()
        app.router.add_get("/oauth2/authorize", self._authorize)
        app.router.add_post("/api/v10/oauth2/token", self._exchange_code)
        app.router.add_get("/api/v10/users/@me", self._who)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    def confirms(self, authorize_url: str, discord_id: str) -> dict[str, str]:
        """A person whom the page sent to Discord confirms; what their browser brings back."""
        parts = urlsplit(authorize_url)
        question = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert (parts.netloc, parts.path) == (f"127.0.0.1:{self.port}", "/oauth2/authorize")
        assert question["client_id"] == CLIENT_ID
        assert question["response_type"] == "code"
        assert question["scope"] == "identify"
        self.redirect_uri = question["redirect_uri"]
        code = secrets.token_urlsafe(12)
        self._codes[code] = discord_id
        return {"code": code, "state": question["state"]}

    async def _authorize(self, request: web.Request) -> web.Response:
        brought = self.confirms(str(request.url), self.visitor or "")
        if self.visitor is None:
            brought = {"error": "access_denied", "state": brought["state"]}
        raise web.HTTPFound(f"{self.redirect_uri}?{urlencode(brought)}")

    async def _exchange_code(self, request: web.Request) -> web.Response:
        self.asked.append("token")
        form = await request.post()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return self._answer({"error": "invalid_client"}, 401)
        discord_id = self._codes.pop(str(form.get("code")), None)
        wanted = ("authorization_code", self.redirect_uri)
        if discord_id is None or (form.get("grant_type"), form.get("redirect_uri")) != wanted:
            return self._answer({"error": "invalid_grant"}, 400)
        access = secrets.token_urlsafe(12)
        self._access[access] = discord_id
        return self._answer({"access_token": access, "token_type": "Bearer", "scope": "identify"})

    async def _who(self, request: web.Request) -> web.Response:
        self.asked.append("me")
        discord_id = self._access.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if discord_id is None:
            return self._answer({"message": "401: Unauthorized", "code": 0}, 401)
        return self._answer({"id": discord_id, "username": "somebody"})

    def _answer(self, document: object, status: int = 200) -> web.Response:
        return web.Response(
            body=json.dumps(document).encode(), status=self.fault or status, content_type="application/json"
        )
