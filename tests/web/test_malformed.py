"""A thousand malformed requests: none is answered by a fault of ours, and the page works afterwards."""

import asyncio
import random
import re

import asyncpg
import pytest
from hypothesis import settings

from tests.web.conftest import Serve
from web import hardening, server

REQUESTS = 1_000
AT_ONCE = 50
STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3}) ")
PATHS = (
    b"/register",
    b"/api/sign-up/look",
    b"/api/sign-up/consent",
    b"/api/sign-up/finish",
    b"/page.js",
    b"/%00",
    b"*",
)
METHODS = (b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT", b"PRI", b"get", b"\xff", b"")
BODIES = (
    b"", b"{", b"[]", b"null", b"1e999", b'{"token": 1}', b'{"token": null, "agrees": true}', b'{"token": "1.\x00"}',
    b'{"token": "\\ud800", "code": "\\ud800", "state": "\\ud800"}', b'{"token": "99999999999999999999.' + b"A" * 43 + b'"}',
    b'{"token": "999999999999999999.' + b"A" * 43 + b'", "agrees": true}', b"[" * 3_000, b'{"a":' * 500,
    b'{"code": "x", "state": "."}', b"\xff\xfe\x00", '{"token": "é"}'.encode("utf-16"), b"x" * 9_000,
)  # fmt: skip
HEADERS = (
    b"Content-Type: application/json", b"Content-Type: application/json; charset=utf-7",
    b"Content-Type: application/json; charset=nonsense", b"Content-Type: \xff", b"Content-Type: a;b=c;;;",
    b"Content-Encoding: gzip", b"Content-Encoding: nonsense", b"Transfer-Encoding: chunked", b"Transfer-Encoding: x",
    b"Cookie: ;;;=", b"Cookie: __Host-betjee-session=\xff", b"Cookie: __Host-betjee-login=1." + b"A" * 43,
    b"Cookie: " + b"a=b; " * 500, b"X-CSRF-Token: \xff", b"Origin: \x00", b"X-Forwarded-For: \xff, ,::,%",
    b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: 5", b"Expect: 100-continue",
    b"Expect: x", b"Upgrade: websocket\r\nConnection: Upgrade", b"Host:", b"Host: a\r\nHost: b", b" folded", b"no colon",
    b"Range: bytes=9-1", b"If-Modified-Since: yesterday", b"X: " + b"y" * 9_000,
)  # fmt: skip


def malformed(chance: random.Random, genuine: bytes) -> bytes:
    """A request that is wrong somewhere; `genuine` are the headers with which our own page's would come."""
    head = b" ".join(
        (
            chance.choice(METHODS),
            chance.choice(PATHS),
            chance.choice((b"HTTP/1.1", b"HTTP/9", b"", b"HTTP/1.0")),
        )
    )
    body = chance.choice(BODIES)
    lines = [head, *chance.sample(HEADERS, chance.randrange(5))]
    if chance.random() < 0.6:
        lines = [b"POST " + chance.choice(PATHS[1:4]) + b" HTTP/1.1", genuine, *lines[1:3]]
    if chance.random() < 0.7:
        lines.append(b"Content-Length: %d" % len(body))
    request = bytearray(b"\r\n".join([*lines, b"Connection: close", b"", body]))
    for _ in range(chance.choice((0, 0, 0, 1, 5, 50))):
        request[chance.randrange(len(request))] = chance.randrange(256)
    return bytes(request[: chance.randrange(1, len(request))] if chance.random() < 0.1 else request)


async def status_of(port: int, request: bytes) -> int | None:
    """The status of the answer; None where the connection is closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        answer = await reader.read()
    except ConnectionError:
        return None
    finally:
        writer.close()
    found = STATUS.match(answer)
    return int(found[1]) if found else None


async def test_a_thousand_malformed_requests_are_never_a_fault_of_ours(
    serve: Serve, connection_owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
):
    # Those that break off in the middle are waited for, which need not take long here.
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.5)
    monkeypatch.setattr(hardening, "BODY_SECONDS", 0.5)
    # As with all random tests: every run tries the same, and the thorough profile looks for more.
    seed = 20_26 if settings.default and settings.default.derandomize else random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  # pytest shows it where the test fails
    chance = random.Random(seed)
    turns = asyncio.Semaphore(AT_ONCE)
    async with serve() as page, page.browser() as browser:
        token = await page.link()
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        genuine = (
            f"Origin: {browser.origin}\r\nX-CSRF-Token: {browser.csrf_token}\r\nCookie: {cookies}\r\n"
            "Content-Type: application/json"
        ).encode()

        async def send(request: bytes) -> int | None:
            async with turns, asyncio.timeout(60):
                return await status_of(page.port, request)

        requests = [malformed(chance, genuine) for _ in range(REQUESTS)]
        statuses = await asyncio.gather(*map(send, requests))
        broken = [
            request for request, status in zip(requests, statuses, strict=True) if status and status >= 500
        ]
        assert not broken, broken[0]
        assert {400, 404} <= set(statuses), "the requests get beyond the parser"
        assert (await browser.consent(token))["created"] is True
    members = "select count(*) from betjee.users where exchange_id = $1 and registered_at is not null"
    assert await connection_owner.fetchval(members, page.exchange_id) == 1
