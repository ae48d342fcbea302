"""Requests that no browser sends: none is a fault of ours, holds a connection open, or smuggles another one in."""

import asyncio
import contextlib
import json
import re

import pytest

from tests.web.conftest import Serve
from tests.web.page import Browser, Page
from web import hardening, server

STATUS = re.compile(rb"HTTP/[01]\.[019] (\d{3}) ")
ANSWER_SECONDS = 20
LONG_SECONDS = ANSWER_SECONDS / 40
"""How long a connection may be idle here, and a body take: much less than a test waits for its end."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", LONG_SECONDS)
    monkeypatch.setattr(server, "LINGER_SECONDS", LONG_SECONDS)
    monkeypatch.setattr(hardening, "BODY_SECONDS", LONG_SECONDS)


async def statuses(page: Page, request: bytes, trickle: bytes = b"") -> list[int]:
    """The statuses of all answers until the page closes the connection; `trickle` is sent again and again meanwhile."""
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)

    async def go_on() -> None:
        while trickle:
            writer.write(trickle)
            await writer.drain()
            await asyncio.sleep(LONG_SECONDS / 10)

    writer.write(request)
    trickling = asyncio.create_task(go_on())
    answers = b""
    try:
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(ANSWER_SECONDS):
                while more := await reader.read(65_536):
                    answers += more
    finally:
        trickling.cancel()
        await asyncio.gather(trickling, return_exceptions=True)
        writer.close()
    return [int(status) for status in STATUS.findall(answers)]


def genuine(browser: Browser) -> bytes:
    """The headers with which our own page's request would come."""
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return (
        f"Host: x\r\nOrigin: {browser.origin}\r\nX-CSRF-Token: {browser.csrf_token}\r\nCookie: {cookies}\r\n"
        "Content-Type: application/json\r\n"
    ).encode()


TARGETS = (
    b"http://xn--/register", b"http://[", b"http://[::1", b"http://", b"http:///register", b"http://evil/register",
    b"http://x:99999/register", b"http://x:abc/", b"http://user:secret@host/register", b"http://a..b/", b"http://\xff/",
    b"//", b"//[x", b"//evil:x/register", b"//@/", b"*", b"?", b"#", b":80", b"\\", b"/\t", b"/%", b"/%zz", b"/%ff",
    b"/%C3%28", b"/\xff", b"/register?%ff=%", b"/register?" + b"&" * 900, b"/register%0d%0aX:y", b"//register",
    b"/register/..%2fpage.js", b"/page.css/../../etc/passwd", b"/%2e%2e/", b"/page.js%00", b"/page%2ecss", b"/%70age.css",
    b"/page.css;a", b"/PAGE.CSS", b"/api/sign-up/look/", b"/api//sign-up/look", b"/" + b"a/" * 500, b"ftp://x/",
)  # fmt: skip


@pytest.mark.parametrize("method", [b"GET", b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE", b"PURGE"])
async def test_no_target_and_no_method_is_a_fault_of_ours_or_goes_unanswered_for_ever(
    page: Page, caplog: pytest.LogCaptureFixture, method: bytes
):
    for target in TARGETS:
        request = method + b" " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert all(status < 500 for status in await statuses(page, request)), target
    assert caplog.text == "", "malformed requests are nobody's news"
    assert len(page.connections) == 0


HEAD = b"GET /register HTTP/1.1\r\nHost: x\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "trickle", "said"),
    [
        (b"", b"\r\n", []),
        (b"GET /", b"a", []),
        (HEAD + b"X: ", b"a", []),
        (HEAD, b"X: y\r\n", []),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD, b"a", [302]),
        (HEAD + b"Content-Length: 100000\r\n\r\n", b"a", [200]),
        (HEAD + CHUNKED + b"\r\n", b"4\r\nabcd\r\n", [200]),
        (HEAD + UPGRADE + b"\r\n", b"a", [200]),
        (b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"a", [405]),
    ],
    ids=["empty lines", "line", "header", "headers", "second", "body", "chunks", "upgrade", "wrong method"],
)
async def test_what_trickles_in_ends_the_connection(
    page: Page, request_bytes: bytes, trickle: bytes, said: list[int]
):
    assert (await statuses(page, request_bytes, trickle))[:1] == said


@pytest.mark.parametrize(
    ("more", "trickle"),
    [
        (b"Content-Length: 4000\r\n\r\n", b"a"),
        (CHUNKED + b"\r\n", b"1\r\na\r\n"),
        (CHUNKED + b"\r\n", b"0"),
        (CHUNKED + b"\r\n1;", b"a"),
        (CHUNKED + b"\r\n2\r\n{}\r\n0\r\n", b"X: y\r\n"),
        (b"Content-Length: 4000\r\nExpect: 100-continue\r\n\r\n", b"a"),
    ],
    ids=["length", "chunks", "chunk size", "chunk extension", "trailers", "expected"],
)
async def test_a_button_whose_press_trickles_in_is_not_waited_for(page: Page, more: bytes, trickle: bytes):
    async with page.browser() as browser:
        request = b"POST /api/sign-up/consent HTTP/1.1\r\n" + genuine(browser) + more
        assert (await statuses(page, request, trickle))[-1] == 408


AMBIGUOUS = (
    b"Content-Length: 5\r\nContent-Length: 0\r\n", b"Content-Length: 5, 5\r\n", b"Content-Length: +5\r\n",
    b"Content-Length: 0x5\r\n", b"Content-Length: 5 5\r\n", b"Content-Length: 5\r\n" + CHUNKED,
    CHUNKED + b"Content-Length: 5\r\n", b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding: chunked, identity\r\n",
    b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding: xchunked\r\n", b"Transfer-Encoding:\x0bchunked\r\n",
    CHUNKED + b"Transfer-Encoding: identity\r\n", b"X: y\n" + CHUNKED, b" " + CHUNKED, b"Transfer-Encoding\r\n : chunked\r\n",
    b"Content-Length: 5\rX: y\r\n", b"Host: y\r\n",
)  # fmt: skip


@pytest.mark.parametrize("headers", AMBIGUOUS)
async def test_no_second_request_is_smuggled_in_behind_an_ambiguous_one(page: Page, headers: bytes):
    """A proxy may read it otherwise, and take the second for somebody else's."""
    first = b"POST /register HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n0\r\n\r\n"
    assert await statuses(page, first + HEAD + b"Connection: close\r\n\r\n") == [400]


async def test_one_press_sent_five_times_over_one_connection_is_one_bonus(page: Page):
    body = json.dumps({"token": await page.link(), "agrees": True}).encode()
    async with page.browser() as browser:
        press = b"POST /api/sign-up/consent HTTP/1.1\r\n" + genuine(browser)
        request = press + b"Content-Length: %d\r\n\r\n" % len(body) + body
        assert await statuses(page, request * 5) == [200] + [410] * 4
    assert await page.granted_paise() == 2_000_000


@pytest.mark.parametrize(
    "cookies",
    [
        'a="' + "\\101" * 1_900 + '"',
        'a="' + '\\"' * 3_900 + '"',
        '__Host-betjee-session="' + "\\" * 7_000,
        "a=b; " * 1_500,
        "; ".join(f"{number}=" for number in range(1_200)),
        ";" * 8_000,
    ],
    ids=["octal", "quotes", "unended", "many", "names", "empty"],
)
async def test_cookies_as_large_as_a_header_may_be_are_read(page: Page, cookies: str):
    assert await statuses(page, HEAD + b"Connection: close\r\nCookie: " + cookies.encode() + b"\r\n\r\n") == [
        200
    ]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /register HTTP/1.0\r\n\r\n",
        b"GET /register HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"GET /register HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
    ],
)
async def test_an_old_browser_is_served(page: Page, request_bytes: bytes):
    assert await statuses(page, request_bytes) == [200]


@pytest.mark.parametrize(
    "address", ["fe80::1%eth0", "::ffff:192.0.2.9%x", "192.0.2.9%x", "[::1", "1" * 5_000]
)
async def test_what_a_proxy_says_of_an_odd_address_keeps_nobody_out(serve: Serve, address: str):
    async with serve(BETJEE_WEB_PROXIES="127.0.0.1") as page, page.browser() as browser:
        assert (await browser.consent(await page.link(), X_Forwarded_For=address))["created"] is True
