"""Running the page until it is told to stop."""

import logging
from functools import partial

from exchange.database import Database
from exchange.exchange import Exchange
from runtime import metrics_server
from runtime.health import database_answers, health_figures
from runtime.keyed_hashes import keyed_hashes
from runtime.limits import Limits
from runtime.metrics import Metrics
from runtime.metrics_server import OperatorsPage
from runtime.settings import Settings
from runtime.stopping import stopped_by_signals
from web.application import web_application
from web.limits import CountedSignUps
from web.server import listening_socket, serving

_log = logging.getLogger(__name__)


async def run(settings: Settings, database_url: str, redis_url: str) -> None:
    """Serve the page until SIGTERM or SIGINT, then finish the requests in hand and close everything.

    Raises SettingError where there is no public address or no key for hashes, and where the port is taken;
    OtherHashKey where the database knows people by another key; ExchangeUnavailable where it cannot be asked.
    """
    public_url = settings.require_public_url()
    hashes = keyed_hashes(settings)
    stop = stopped_by_signals()
    listener = listening_socket(settings.web_host, settings.web_port)
    exchange = Exchange(Database(database_url), hash_identity=hashes.identity)
    limits = Limits(redis_url, exchange.get_rate_limits)
    metrics = Metrics()
    application = web_application(
        exchange, hashes, settings, public_url, limiter=CountedSignUps(limits), metrics=metrics
    )
    metrics.watch_limiter(lambda: "shared" if limits.state.is_shared else "alone")
    checks = {"database": partial(database_answers, exchange)}
    operators = OperatorsPage(metrics, partial(health_figures, exchange), checks)
    if public_url.startswith("https://") and not settings.web_proxies:
        _log.warning(
            "BETJEE_WEB_PROXIES is empty. If a proxy before this page ends TLS, all who sign up seem to come from its one"
            " address, and share one network's limits and suspicion: set it to the address from which the proxy comes."
        )
    try:
        await exchange.check_hash_key(hashes.fingerprint)
        # It opens the connection, and an operator hears at once of a Redis that is away.
        await limits.look()
        async with (
            metrics_server.serving(operators, settings.metrics_host, settings.metrics_port),
            serving(application, listener),
        ):
            _log.info("Serving %s on port %d.", public_url, listener.getsockname()[1])
            await stop.wait()
    finally:
        await limits.aclose()
        await exchange.close()
