"""The real page on a socket of this machine, over the real exchange, and browsers that use it by hand."""

import itertools
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from exchange.exchange import Exchange
from exchange.models import Identity
from runtime.metrics import Metrics
from runtime.settings import settings_from
from tests.conftest import HASHES
from tests.sql.blocking import watcher
from tests.sql.shared_database import database
from tests.web.page import PUBLIC_URL, Page
from web.application import web_application
from web.limits import SignUpLimiter
from web.server import CONNECTIONS, listening_socket, serving

__all__ = ["database", "watcher"]

OWNER = Identity("discord", "1", "Meera")

Serve = Callable[..., AbstractAsyncContextManager[Page]]


@pytest.fixture
async def exchange_id(exchange: Exchange) -> int:
    """An exchange of a guild of its own, whose members sign up on the page."""
    guild = secrets.token_hex(8)
    return await exchange.open_exchange(1, "discord", guild, "JEE 2026", OWNER, verification="web")


@pytest.fixture
def serve(exchange: Exchange, exchange_id: int) -> Serve:
    """Serve the page as it is with certain settings: `async with serve(BETJEE_WEB_PROXIES=…) as page`.

    Its public address is made up, or None for the one at which a real browser reaches it.
    """

    @asynccontextmanager
    async def served(
        public_url: str | None = PUBLIC_URL,
        limiter: SignUpLimiter | None = None,
        metrics: Metrics | None = None,
        **environment: str,
    ) -> AsyncIterator[Page]:
        listener = listening_socket("127.0.0.1", 0)
        port = listener.getsockname()[1]
        url = public_url or f"http://127.0.0.1:{port}"
        application = web_application(
            exchange, HASHES, settings_from(environment), url, limiter=limiter, metrics=metrics
        )
        async with serving(application, listener):
            connections = application[CONNECTIONS]
            yield Page(port, url, exchange, exchange_id, itertools.count(1_000), connections)

    return served


@pytest.fixture
async def page(serve: Serve) -> AsyncIterator[Page]:
    """The page as it is with no settings but a public address."""
    async with serve() as served:
        yield served
