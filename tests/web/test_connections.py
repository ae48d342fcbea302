"""Connections: what cannot be parsed has the headers of all answers, and nobody can use all connections up."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from runtime.metrics import Metrics
from tests.web.conftest import Serve
from tests.web.page import Page
from web import connections
from web.server import LARGEST_HEADER_BYTES, LARGEST_LINE_BYTES

ANSWER_SECONDS = 20
MANY = 30


async def answer_to(page: Page, request: bytes) -> tuple[bytes, dict[str, str], bytes]:
    """The status line, the headers by their names in small letters, and the rest, of the answer to any bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    writer.write(request)
    async with asyncio.timeout(ANSWER_SECONDS):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    pairs = [line.decode().split(": ", 1) for line in lines]
    return status, {name.lower(): value for name, value in pairs}, body


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /register HTTP/1.1\r\nHost: x\r\nsecret-without-colon\r\n\r\n",
        b"GET /" + b"secret" * LARGEST_LINE_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"secret" * LARGEST_HEADER_BYTES + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET http://[::1/secret HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03secret\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nExpect: x\r\nConnection: close\r\n\r\n",
        b"secret / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
    ids=["nonsense", "colon", "line", "header", "length", "lengths", "address", "tls", "expect", "method"],
)
async def test_what_the_library_itself_refuses_has_the_headers_of_every_answer(
    page: Page, caplog: pytest.LogCaptureFixture, request_bytes: bytes
):
    status, headers, body = await answer_to(page, request_bytes)
    assert status.split()[1].startswith(b"4"), status
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"
    assert headers["content-type"].startswith("text/plain")
    assert b"secret" not in body, "nothing that was sent comes back"
    assert "127.0.0.1" not in caplog.text


async def test_without_tls_what_cannot_be_parsed_promises_none(serve: Serve):
    async with serve("http://127.0.0.1:8080") as page:
        _, headers, _ = await answer_to(page, b"nonsense\r\n\r\n")
    assert "content-security-policy" in headers
    assert "strict-transport-security" not in headers


@asynccontextmanager
async def idle_sockets(page: Page, number: int) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many connections that send nothing, opened one after the other."""
    async with contextlib.AsyncExitStack() as stack:
        readers = []
        for _ in range(number):
            reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
            stack.callback(writer.close)
            readers.append(reader)
        yield readers


async def closed(reader: asyncio.StreamReader) -> bool:
    """Wait until the other end has closed it; false where that does not come."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await reader.read() == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize(
    ("limit", "environment"),
    [
        ("MOST_CONNECTIONS", {}),
        ("MOST_OF_NETWORK", {}),
        ("MOST_CONNECTIONS", {"BETJEE_WEB_PROXIES": "127.0.0.1"}),
    ],
    ids=["all", "network", "proxy"],
)
async def test_who_opens_too_many_closes_their_own_oldest_and_the_page_is_served(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    limit: str,
    environment: dict[str, str],
):
    monkeypatch.setattr(connections, limit, 5)
    metrics = Metrics()
    async with serve(metrics=metrics, **environment) as page, idle_sockets(page, MANY) as readers:
        assert all(await asyncio.gather(*map(closed, readers[: MANY - 5])))
        assert not any(reader.at_eof() for reader in readers[MANY - 4 :])
        assert len(page.connections) == 5
        async with page.browser() as browser:
            assert (await browser.open()).status == 200
            assert "exchange" in await browser.look(await page.link())
        assert len(page.connections) <= 5
    warnings = [record.getMessage() for record in caplog.records if record.name == "web.connections"]
    assert len(warnings) == 1, "told once in a while"
    assert "more connections than are kept at once" in warnings[0]
    assert "127.0.0.1" not in caplog.text
    reason = "network" if limit == "MOST_OF_NETWORK" else "all"
    figure = f'betjee_connections_closed_total{{reason="{reason}"}}'
    (line,) = [line for line in metrics.page().decode().splitlines() if line.startswith(figure)]
    assert float(line.split()[1]) >= MANY - 5


async def test_a_proxy_of_ours_speaks_for_many(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "MOST_OF_NETWORK", 5)
    async with serve(BETJEE_WEB_PROXIES="127.0.0.0/8") as page, idle_sockets(page, MANY) as readers:
        async with page.browser() as browser:
            assert (await browser.open()).status == 200
        assert len(page.connections) >= MANY
        assert not any(reader.at_eof() for reader in readers)


async def test_a_connection_that_is_used_outlives_those_that_are_not(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 5)
    async with serve() as page, contextlib.AsyncExitStack() as stack:
        reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
        for _ in range(10):
            await stack.enter_async_context(idle_sockets(page, 2))
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 302 ")
            length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            await reader.readexactly(int(length.split(b":")[1]))
        writer.close()


async def test_nothing_is_kept_of_connections_that_are_gone(serve: Serve):
    async with serve() as page:
        async with idle_sockets(page, MANY), page.browser() as browser:
            await browser.open()
        while len(page.connections):  # noqa: ASYNC110  # the library has no event for it
            await asyncio.sleep(0.01)
        assert page.connections._of_network == {}


async def test_whoever_never_takes_their_answers_is_not_waited_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "TAKING_SECONDS", 0.2)
    metrics = Metrics()
    async with serve(metrics=metrics) as page:
        with socket.socket() as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
            greedy.setblocking(False)  # the library's argument
            loop = asyncio.get_running_loop()
            await loop.sock_connect(greedy, ("127.0.0.1", page.port))

            async def ask_without_end() -> None:
                while True:
                    await loop.sock_sendall(greedy, b"GET /page.css HTTP/1.1\r\nHost: x\r\n\r\n" * 50)

            with pytest.raises(ConnectionError):
                await asyncio.wait_for(ask_without_end(), ANSWER_SECONDS)
        async with page.browser() as browser:
            assert (await browser.open()).status == 200
    assert 'betjee_connections_closed_total{reason="slow"} 1.0' in metrics.page().decode()
