"""The page for those who operate a process: `/metrics`, `/health` and `/ready`, on this machine alone by default."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from runtime.http_connections import listening
from runtime.metrics import Metrics

ANSWER_SECONDS: Final = 2.0
FRESH_SECONDS: Final = 5.0
"""However often somebody asks, the database is asked no more often than this."""

_SHUTDOWN_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)

Check = Callable[[], Awaitable[bool]]
Figures = Callable[[], Awaitable[dict[str, float]]]


class OperatorsPage:
    """Answers what a supervisor and Prometheus ask.

    `figures` are the database's, for `/metrics`; where they cannot be had, they are shown as unknown.
    `checks`, by their names, must all hold for `/ready`; one that raises or is late does not hold.
    """

    def __init__(self, metrics: Metrics, figures: Figures, checks: Mapping[str, Check]) -> None:
        self._metrics = metrics
        self._figures = figures
        self._checks = checks
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")

    def application(self) -> web.Application:
        """The pages as an application of aiohttp."""
        application = web.Application()
        application.router.add_get("/metrics", self._show_metrics)
        application.router.add_get("/health", self._say_alive)
        application.router.add_get("/ready", self._say_ready)
        return application

    async def _show_metrics(self, _: web.Request) -> web.Response:
        await self._refresh()
        return web.Response(body=self._metrics.page(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _say_alive(self, _: web.Request) -> web.Response:
        """That this answers is the answer: the process runs and its loop turns."""
        return web.json_response({"alive": True})

    async def _say_ready(self, _: web.Request) -> web.Response:
        held = await asyncio.gather(*(_holds(check) for check in self._checks.values()))
        answers = dict(zip(self._checks, held, strict=True))
        ready = all(held)
        return web.json_response({"ready": ready, **answers}, status=200 if ready else 503)

    async def _refresh(self) -> None:
        """Ask for the database's figures, unless they were just asked for."""
        async with self._asking:
            clock = asyncio.get_running_loop().time
            if clock() - self._asked_at < FRESH_SECONDS:
                return
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    self._metrics.health(await self._figures())
            except Exception as error:  # noqa: BLE001  # whatever it is, the other figures must be shown
                _log.warning("The database's figures are unknown: %r", error)
                self._metrics.forget_health()
            self._asked_at = clock()


async def _holds(check: Check) -> bool:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await check()
    except Exception as error:  # noqa: BLE001  # a check that breaks does not hold
        _log.debug("Not ready: %r", error)
        return False


@asynccontextmanager
async def serving(page: OperatorsPage, host: str, port: int | None) -> AsyncIterator[int | None]:
    """Serve the page until the end of the block; yields its port, or None where it is not served.

    Without a port it is not, nor where the port is taken, as by another process of ours: to be watched is
    not worth failing for, so that is logged.
    """
    if port is None:
        yield None
        return
    async with AsyncExitStack() as stack:
        try:
            server = await stack.enter_async_context(
                listening(page.application(), _SHUTDOWN_SECONDS, host=host, port=port)
            )
        except OSError as error:
            _log.warning(
                "Metrics and health of this process are not served, because port %d of %s cannot be had: %s",
                port,
                host,
                error,
            )
            yield None
            return
        bound: int = server.sockets[0].getsockname()[1]
        _log.info("Metrics and health are served on http://%s:%d/metrics.", host, bound)
        yield bound
