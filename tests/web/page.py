"""The served page, and a browser that shows each cookie and header it sends."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

import aiohttp

from exchange.exchange import Exchange
from exchange.models import Identity, Portfolio
from exchange.verification import PendingRegistration
from runtime.sign_up_links import SignUpToken
from web.connections import Connections

PUBLIC_URL = "https://betjee.example"
CSRF = re.compile(r'<meta name="csrf-token" content="([0-9a-f]{64})">')


@dataclass
class Page:
    """A served page, and the exchange behind it."""

    port: int
    public_url: str
    exchange: Exchange
    exchange_id: int
    numbers: Iterator[int]
    connections: Connections

    def identity(self, discord_id: str) -> Identity:
        """A member of the guild."""
        return Identity("discord", discord_id, f"Member {discord_id}")

    async def link(self, discord_id: str = "77") -> str:
        """The token that a member gets by `/register`."""
        token = SignUpToken.new(self.exchange_id)
        begun = await self.exchange.register_user(
            self.exchange_id, next(self.numbers), self.identity(discord_id), token.hash
        )
        assert isinstance(begun, PendingRegistration)
        return token.text

    async def granted_paise(self, discord_id: str = "77") -> int | None:
        """What a member has been granted in all, or None for a stranger."""
        user = await self.exchange.find_user(self.exchange_id, "discord", discord_id)
        if user is None:
            return None
        portfolio: Portfolio = await self.exchange.get_portfolio(self.exchange_id, user.user_id)
        return portfolio.granted_paise

    @asynccontextmanager
    async def browser(self) -> AsyncIterator["Browser"]:
        """A browser that has opened the page."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            browser = Browser(http, f"http://127.0.0.1:{self.port}", self.public_url)
            await browser.open()
            yield browser


@dataclass
class Browser:
    """One browser: its cookies, and the secret of the page it was given."""

    http: aiohttp.ClientSession
    address: str
    origin: str
    cookies: dict[str, str] = field(default_factory=dict)
    csrf_token: str = ""

    async def open(self, path: str = "/register") -> aiohttp.ClientResponse:
        """Open the page."""
        response = await self.request("GET", path)
        found = CSRF.search(await response.text())
        self.csrf_token = found[1] if found else ""
        return response

    async def request(
        self, method: str, path: str, headers: dict[str, str | None] | None = None, **more: Any
    ) -> aiohttp.ClientResponse:
        """Send anything; a header that is None is left out. The answer has been read."""
        ours = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        sent = {name: value for name, value in {**ours, **(headers or {})}.items() if value}
        async with self.http.request(
            method, self.address + path, headers=sent, allow_redirects=False, **more
        ) as response:
            await response.read()
        for line in response.headers.getall("Set-Cookie", []):
            for morsel in SimpleCookie(line).values():
                self.cookies[morsel.key] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[morsel.key]
        return response

    async def post(self, path: str, document: Any, **headers: str | None) -> aiohttp.ClientResponse:
        """Send a change as the page's script does; headers by their names with underscores."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        ours = {"Origin": self.origin, "X-CSRF-Token": self.csrf_token, "Sec-Fetch-Site": "same-origin"}
        return await self.request("POST", path, {**ours, **given}, json=document)

    async def look(self, token: str, **headers: str | None) -> dict[str, Any]:
        """What the page shows of a link."""
        answer: dict[str, Any] = await (
            await self.post("/api/sign-up/look", {"token": token}, **headers)
        ).json()
        return answer

    async def consent(self, token: str, **headers: str | None) -> dict[str, Any]:
        """Tick the box and press the button."""
        response = await self.post("/api/sign-up/consent", {"token": token, "agrees": True}, **headers)
        answer: dict[str, Any] = await response.json()
        return answer
