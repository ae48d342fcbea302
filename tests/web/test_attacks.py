"""Attacks on signing up, each as an attacker would do it, through the real page and the real exchange."""

import asyncio
import logging
import secrets
from collections import Counter
from contextlib import AsyncExitStack

import asyncpg
import pytest

from runtime.sign_up_links import SignUpToken
from tests.conftest import HASHES
from tests.sql.blocking import holding_exchange, wait_for_waiting
from tests.web.conftest import Serve
from tests.web.page import Page

NETWORK = "select network_key from betjee.accounts where exchange_id = $1 and provider_user_id = $2"
PROXY = "203.0.113.1"
CONNECTIONS = 50


async def test_a_replayed_token_is_refused(page: Page):
    token = await page.link()
    async with page.browser() as browser, page.browser() as thief:
        assert (await browser.consent(token))["bonus"] == "₹20,000.00"
        for other in (browser, thief, browser):
            assert (await other.consent(token))["refused"] == "token_used"
        assert (await thief.look(token))["refused"] == "token_used"
    assert await page.granted_paise() == 2_000_000


async def test_a_guessed_token_is_refused_without_a_lock(page: Page, connection_owner: asyncpg.Connection):
    real = SignUpToken.read(await page.link())
    assert real is not None
    guesses = [SignUpToken(real.exchange_id, secrets.token_urlsafe(32)).text for _ in range(20)]
    guesses += [
        real.text[:-1],
        real.text[:-1] + ("A" if real.text[-1] != "A" else "B"),
        real.text + "A",
        SignUpToken(real.exchange_id + 1, real.secret).text,
        SignUpToken(10**17, real.secret).text,
        real.hash.hex(),
        f"{real.exchange_id}.{real.hash.hex()}",
        f" {real.text}",
        real.text + "\n",
        real.text.swapcase(),
        "",
    ]
    async with page.browser() as browser, holding_exchange(connection_owner, page.exchange_id):
        for guess in guesses:
            assert (await browser.consent(guess))["refused"] == "token_unknown", guess
    assert await page.granted_paise() is None


async def test_the_database_holds_nothing_that_could_be_used_as_a_token(
    page: Page, connection_owner: asyncpg.Connection
):
    token = SignUpToken.read(await page.link())
    assert token is not None
    stored = await connection_owner.fetch("select t::text from betjee.verification_tokens t")
    assert any(token.hash.hex() in row["t"] for row in stored)
    assert not any(token.secret in row["t"] for row in stored)


async def test_the_token_is_in_no_log(page: Page, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    token = await page.link()
    async with page.browser() as browser:
        await browser.request("GET", "/register")
        await browser.consent(token)
        await browser.consent(token)
    assert token not in caplog.text
    assert "127.0.0.1" not in caplog.text


async def test_of_fifty_connections_that_race_for_one_token_one_gets_the_bonus(
    page: Page, connection_owner: asyncpg.Connection, watcher: asyncpg.Connection
):
    token = await page.link()
    async with AsyncExitStack() as stack:
        browsers = [await stack.enter_async_context(page.browser()) for _ in range(CONNECTIONS)]
        async with holding_exchange(connection_owner, page.exchange_id):
            pressed = [asyncio.create_task(browser.consent(token)) for browser in browsers]
            await wait_for_waiting(watcher, "complete_verification", 8)
        answers = await asyncio.gather(*pressed)
    assert Counter(answer.get("refused", "granted") for answer in answers) == {
        "granted": 1,
        "token_used": CONNECTIONS - 1,
    }
    assert all(answer["detail"].endswith(".") for answer in answers if "refused" in answer)
    assert await page.granted_paise() == 2_000_000


async def test_two_links_of_one_member_are_one_bonus(page: Page):
    earlier, later = await page.link(), await page.link()
    async with page.browser() as browser:
        assert (await browser.consent(earlier))["refused"] == "token_expired"
        assert (await browser.consent(later))["bonus"] == "₹20,000.00"
    assert await page.granted_paise() == 2_000_000


@pytest.mark.parametrize(
    ("headers", "peer_is_proxy", "expected"),
    [
        ("198.51.100.7", False, "127.0.0.1"),
        ("198.51.100.7, 198.51.100.8", False, "127.0.0.1"),
        ("198.51.100.7", True, "198.51.100.7"),
        ("1.1.1.1, 198.51.100.7", True, "198.51.100.7"),
        ("1.1.1.1, 127.0.0.1, 198.51.100.7", True, "198.51.100.7"),
        (f"1.1.1.1, 198.51.100.7, {PROXY}", True, "198.51.100.7"),
        (f"1.1.1.1, {PROXY}, 198.51.100.7, {PROXY}", True, "198.51.100.7"),
        ("1.1.1.1, nonsense", True, "127.0.0.1"),
        (f"nonsense, {PROXY}", True, PROXY),
        ("", True, "127.0.0.1"),
        (",,,", True, "127.0.0.1"),
        ("198.51.100.7:4711", True, "198.51.100.7"),
        ("::ffff:198.51.100.7", True, "198.51.100.7"),
        ("[2001:db8::7]:4711", True, "2001:db8::7"),
    ],
)
async def test_a_forged_forwarding_header_moves_nobody(
    serve: Serve, connection_owner: asyncpg.Connection, headers: str, peer_is_proxy: bool, expected: str
):
    settings = {"BETJEE_WEB_PROXIES": f"127.0.0.0/8, {PROXY}"} if peer_is_proxy else {}
    async with serve(**settings) as page, page.browser() as browser:
        forged = {"X_Forwarded_For": headers, "Forwarded": "for=1.1.1.1", "X_Real_IP": "1.1.1.1"}
        assert "created" in await browser.consent(await page.link(), **forged)
        stored = await connection_owner.fetchval(NETWORK, page.exchange_id, "77")
    assert stored == HASHES.networks(expected).exact


async def test_several_forwarding_headers_are_read_as_one(serve: Serve, connection_owner: asyncpg.Connection):
    async with serve(BETJEE_WEB_PROXIES="127.0.0.1") as page, page.browser() as browser:
        token = await page.link()
        body = f'{{"token": "{token}", "agrees": true}}'
        head = (
            "POST /api/sign-up/consent HTTP/1.1\r\nHost: x\r\n"
            f"Origin: {browser.origin}\r\nX-CSRF-Token: {browser.csrf_token}\r\n"
            f"Cookie: {'; '.join(f'{name}={value}' for name, value in browser.cookies.items())}\r\n"
            "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 198.51.100.7\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
        writer.write(head.encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        stored = await connection_owner.fetchval(NETWORK, page.exchange_id, "77")
    assert stored == HASHES.networks("198.51.100.7").exact


async def test_an_ipv4_address_in_ipv6_clothes_is_the_same_network(
    serve: Serve, connection_owner: asyncpg.Connection
):
    notations = ["192.0.2.9", "::ffff:192.0.2.9", "::ffff:c000:209", "0:0:0:0:0:FFFF:192.0.2.9"]
    async with serve(BETJEE_WEB_PROXIES="127.0.0.1") as page, page.browser() as browser:
        for number, notation in enumerate(notations):
            await browser.consent(await page.link(str(number + 50)), X_Forwarded_For=notation)
        keys = await connection_owner.fetch(
            "select distinct network_key, network_key_56, network_key_48 from betjee.verification_attempts"
            " where exchange_id = $1",
            page.exchange_id,
        )
    assert [tuple(row) for row in keys] == [(HASHES.networks("192.0.2.9").exact, None, None)]


async def test_rotating_ipv6_addresses_are_one_network(serve: Serve, connection_owner: asyncpg.Connection):
    addresses = [f"2001:db8:7:100::{number:x}" for number in range(5)]
    addresses += [f"2001:db8:7:{number:x}::1" for number in range(0x101, 0x105)]
    async with serve(BETJEE_WEB_PROXIES="127.0.0.1") as page, page.browser() as browser:
        for number, address in enumerate(addresses):
            await browser.consent(await page.link(str(number + 50)), X_Forwarded_For=address)
        counted = await connection_owner.fetchrow(
            "select count(distinct network_key), count(distinct network_key_56), count(distinct network_key_48),"
            " count(distinct identity_hash) from betjee.verification_attempts where exchange_id = $1",
            page.exchange_id,
        )
    assert counted is not None
    assert tuple(counted) == (5, 1, 1, len(addresses))


async def test_no_address_is_stored_in_any_table(serve: Serve, connection_owner: asyncpg.Connection):
    address = "198.51.100.177"
    async with serve(BETJEE_WEB_PROXIES="127.0.0.1") as page, page.browser() as browser:
        token = await page.link()
        await browser.consent(token, X_Forwarded_For=address)
        await browser.consent(token, X_Forwarded_For=address)
    tables = await connection_owner.fetch("select tablename from pg_tables where schemaname = 'betjee'")
    assert len(tables) > 15
    for (table,) in tables:
        rows = await connection_owner.fetch(f"select t::text from betjee.{table} t")
        assert not any(address in row["t"] or "c63364b1" in row["t"] for row in rows), table
