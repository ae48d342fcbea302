"""What every answer and every change is held to, one test each."""

import asyncio
from http.cookies import SimpleCookie
from importlib.resources import files

import pytest

from tests.web.conftest import Serve
from tests.web.page import Page
from web import hardening, server
from web.server import LARGEST_HEADER_BYTES, LARGEST_LINE_BYTES, MOST_HEADERS

PATHS = (
    "/register",
    "/register/discord",
    "/page.css",
    "/page.js",
    "/icon.svg",
    "/",
    "/nowhere",
    "/api/sign-up/look",
)
CHANGES = ("/api/sign-up/look", "/api/sign-up/consent", "/api/sign-up/finish")


def morsel(response, name):
    cookies = SimpleCookie()
    for line in response.headers.getall("Set-Cookie"):
        cookies.load(line)
    return cookies[name]


async def raw(page: Page, request: bytes) -> bytes:
    """The whole answer to bytes that no library would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    writer.write(request)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("path", PATHS)
async def test_content_security_policy_allows_our_own_files_and_nothing_inline(page: Page, path: str):
    async with page.browser() as browser:
        policy = (await browser.request("GET", path)).headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["base-uri"] == directives["form-action"] == "'none'"
    assert "unsafe" not in policy


def test_the_page_has_nothing_inline():
    document = files("web").joinpath("page.html").read_text("utf-8")
    assert document.count("<script") == document.count('<script src="/page.js" defer></script>') == 1
    for inline in ("<style", "style=", "onclick", "onsubmit", "onload", "javascript:"):
        assert inline not in document
    assert "innerHTML" not in files("web").joinpath("page.js").read_text("utf-8")


@pytest.mark.parametrize("path", PATHS)
async def test_no_site_may_frame_the_page(page: Page, path: str):
    async with page.browser() as browser:
        headers = (await browser.request("GET", path)).headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", PATHS)
async def test_content_types_are_not_guessed(page: Page, path: str):
    async with page.browser() as browser:
        assert (await browser.request("GET", path)).headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", PATHS)
async def test_no_referrer_leaves_the_page(page: Page, path: str):
    async with page.browser() as browser:
        assert (await browser.request("GET", path)).headers["Referrer-Policy"] == "no-referrer"


async def test_strict_transport_security_behind_tls_alone(serve: Serve):
    async with serve() as page, page.browser() as browser:
        policy = (await browser.request("GET", "/register")).headers["Strict-Transport-Security"]
        assert policy == "max-age=63072000; includeSubDomains"
    async with serve("http://127.0.0.1:8080") as page, page.browser() as browser:
        assert "Strict-Transport-Security" not in (await browser.request("GET", "/register")).headers


async def test_cookies_are_bound_to_the_host_and_closed_to_scripts(serve: Serve):
    client = {"DISCORD_CLIENT_ID": "1", "DISCORD_CLIENT_SECRET": "s"}
    async with serve(**client) as page, page.browser() as browser:
        browser.cookies.clear()
        session = morsel(await browser.open(), "__Host-betjee-session")
        consent = {"token": await page.link(), "agrees": True}
        login = morsel(await browser.post("/api/sign-up/consent", consent), "__Host-betjee-login")
    for cookie in (session, login):
        assert (cookie["secure"], cookie["httponly"], cookie["path"]) == (True, True, "/")
        assert cookie["samesite"] == "Lax"
        assert not cookie["domain"]
    assert session["max-age"] == ""
    assert login["max-age"] == "600"


async def test_without_tls_on_this_machine_cookies_are_still_closed_to_scripts(serve: Serve):
    async with serve("http://127.0.0.1:8080") as page, page.browser() as browser:
        browser.cookies.clear()
        cookie = morsel(await browser.open(), "betjee-session")
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


async def test_the_page_and_answers_are_kept_by_no_cache(page: Page):
    async with page.browser() as browser:
        assert (await browser.open()).headers["Cache-Control"] == "no-store"
        answer = await browser.post("/api/sign-up/look", {"token": await page.link()})
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
async def test_changes_are_made_by_post_alone(page: Page, path: str, method: str):
    async with page.browser() as browser:
        response = await browser.request(method, path)
    assert response.status == 405
    assert response.headers["Allow"] == "POST"


async def test_a_visit_without_the_button_uses_no_token_up(page: Page):
    token = await page.link()
    async with page.browser() as browser:
        for path in ("/register", f"/register?token={token}", f"/register/discord?code=x&state={token}"):
            assert (await browser.request("GET", path)).status == 200
        assert (await browser.look(token))["name"] == "Member 77"
    assert await page.granted_paise() is None


@pytest.mark.parametrize(
    "forged",
    [
        {"X_CSRF_Token": None},
        {"X_CSRF_Token": "0" * 64},
        {"X_CSRF_Token": "\u00e9"},
        {"Origin": None},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://betjee.example"},
        {"Origin": "https://betjee.example.evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Cookie": None},
        {"Cookie": "__Host-betjee-session=" + "A" * 43},
        {"Cookie": "betjee-session=" + "A" * 43},
    ],
)
@pytest.mark.parametrize("path", CHANGES)
async def test_a_request_that_another_site_made_the_browser_send_is_refused(
    page: Page, path: str, forged: dict[str, str | None]
):
    token = await page.link()
    async with page.browser() as browser:
        document = {"token": token, "agrees": True, "code": "c", "state": "s"}
        response = await browser.post(path, document, **forged)
        assert (response.status, (await response.json())["refused"]) == (403, "wrong_origin")
        assert "exchange" in await browser.look(token)


async def test_the_csrf_token_of_one_browser_is_of_no_use_in_another(page: Page):
    token = await page.link()
    async with page.browser() as one, page.browser() as other:
        assert one.csrf_token != other.csrf_token
        refused = await other.consent(token, X_CSRF_Token=one.csrf_token)
    assert refused["refused"] == "wrong_origin"


async def test_a_form_of_another_site_is_no_json(page: Page):
    async with page.browser() as browser:
        headers: dict[str, str | None] = {"Origin": browser.origin, "X-CSRF-Token": browser.csrf_token}
        response = await browser.request("POST", CHANGES[1], headers, data={"token": await page.link()})
    assert response.status == 415


async def test_a_body_has_a_largest_size(page: Page):
    async with page.browser() as browser:
        fits = await browser.post(CHANGES[0], {"token": "x" * 4_000})
        too_large = await browser.post(CHANGES[0], {"token": "x" * 5_000})
    assert (fits.status, too_large.status) == (404, 413)


async def test_a_body_without_a_length_has_a_largest_size_too(page: Page):
    async def endless():
        for _ in range(100):
            yield b'{"token": "' + b"x" * 1_000

    async with page.browser() as browser:
        ours = {
            "Origin": browser.origin,
            "X-CSRF-Token": browser.csrf_token,
            "Content-Type": "application/json",
        }
        response = await browser.request("POST", CHANGES[0], {**ours}, data=endless())
    assert response.status == 413


HOST = b"Host: x\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("head", "fits", "too_much"),
    [
        (b"GET /register?%s HTTP/1.1\r\n" + HOST, b"x" * 1_000, b"x" * LARGEST_LINE_BYTES),
        (
            b"GET /register HTTP/1.1\r\n" + HOST + b"X: %s\r\n",
            b"x" * 4_000,
            b"x" * (LARGEST_HEADER_BYTES + 1),
        ),
        (
            b"GET /register HTTP/1.1\r\n" + HOST + b"%s",
            b"X: x\r\n" * (MOST_HEADERS - 2),
            b"X: x\r\n" * MOST_HEADERS,
        ),
    ],
    ids=["line", "header", "headers"],
)
async def test_lines_and_headers_have_a_largest_size(
    page: Page, caplog: pytest.LogCaptureFixture, head: bytes, fits: bytes, too_much: bytes
):
    assert (await raw(page, head % fits + b"\r\n")).startswith(b"HTTP/1.1 200 ")
    assert (await raw(page, head % too_much + b"\r\n")).startswith(b"HTTP/1.0 400 ")
    assert not caplog.text, "what is malformed is no news, and its address is nobody's business"


async def test_headers_that_trickle_in_end_the_connection(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.2)
    async with serve() as page:
        assert await raw(page, b"GET /register HTTP/1.1\r\nHost: x\r\n") == b""
        assert await raw(page, b"") == b""


async def test_a_body_that_trickles_in_is_not_waited_for(page: Page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hardening, "BODY_SECONDS", 0.2)
    async with page.browser() as browser:
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        head = (
            f"POST {CHANGES[1]} HTTP/1.1\r\nHost: x\r\nOrigin: {browser.origin}\r\nCookie: {cookies}\r\n"
            f"X-CSRF-Token: {browser.csrf_token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
        )
        assert (await raw(page, head.encode())).startswith(b"HTTP/1.1 408 ")


async def test_a_request_is_not_handled_for_ever(page: Page, monkeypatch: pytest.MonkeyPatch):
    async def never(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(hardening, "HANDLING_SECONDS", 0.2)
    monkeypatch.setattr(page.exchange, "find_verification", never)
    async with page.browser() as browser:
        response = await browser.post(CHANGES[0], {"token": await page.link()})
    assert (response.status, (await response.json())["refused"]) == (503, "too_slow")


async def test_a_fault_of_ours_tells_nothing_and_logs_no_address(
    page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def broken(*_):
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(page.exchange, "find_verification", broken)
    async with page.browser() as browser:
        response = await browser.post(CHANGES[0], {"token": await page.link()})
        assert response.status == 500
        assert "secret" not in await response.text()
    assert "a secret of the inside" in caplog.text
    assert "127.0.0.1" not in caplog.text
