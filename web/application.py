"""The web application: its paths, and the objects behind them."""

from importlib.resources import files
from typing import Final

from aiohttp import web

from exchange.exchange import Exchange
from runtime.keyed_hashes import KeyedHashes
from runtime.metrics import Metrics
from runtime.settings import Settings
from runtime.sign_up_links import SIGN_UP_PATH
from web.connections import Connections
from web.discord_login import DiscordLogin
from web.hardening import LARGEST_BODY_BYTES, Sessions, hardened, security_headers
from web.limits import NoLimit, SignUpLimiter
from web.server import CONNECTIONS, HEADERS
from web.sign_up import RETURN_PATH, SignUpPage
from web.watch import Watch

_STATIC: Final = {
    "/page.css": "text/css",
    "/page.js": "text/javascript",
    "/icon.svg": "image/svg+xml",
}
_STATIC_SECONDS: Final = 300


def web_application(
    exchange: Exchange,
    hashes: KeyedHashes,
    settings: Settings,
    public_url: str,
    *,
    limiter: SignUpLimiter | None = None,
    metrics: Metrics | None = None,
) -> web.Application:
    """The application that people reach at `public_url`; `limiter` has a say in each attempt to sign up."""
    metrics = metrics or Metrics()
    sessions = Sessions(hashes, public_url)
    page = SignUpPage(
        exchange,
        hashes,
        sessions=sessions,
        proxies=settings.web_proxies,
        limiter=limiter or NoLimit(),
        login=_discord_login(settings, public_url),
    )
    application = web.Application(
        client_max_size=LARGEST_BODY_BYTES,
        middlewares=[hardened(Watch(metrics, hashes, settings.web_proxies).refused)],
    )
    application[CONNECTIONS] = Connections(hashes, settings.web_proxies, metrics)
    application[HEADERS] = security_headers(behind_tls=sessions.is_secure)
    # Here, and not in the middleware, since the library refuses some requests before that is asked.
    application.on_response_prepare.append(_add_headers)
    application.router.add_get("/", _to_the_page)
    application.router.add_get(SIGN_UP_PATH, page.show)
    application.router.add_get(RETURN_PATH, page.show)
    application.router.add_post("/api/sign-up/look", page.look)
    application.router.add_post("/api/sign-up/consent", page.consent)
    application.router.add_post("/api/sign-up/finish", page.finish)
    for path in _STATIC:
        application.router.add_get(path, _static)
    return application


def _discord_login(settings: Settings, public_url: str) -> DiscordLogin | None:
    if settings.discord_client_id is None or settings.discord_client_secret is None:
        return None
    return DiscordLogin(
        settings.discord_client_id,
        settings.discord_client_secret,
        settings.discord_api_base,
        public_url + RETURN_PATH,
    )


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(request.app[HEADERS])


async def _to_the_page(_: web.Request) -> web.Response:
    raise web.HTTPFound(SIGN_UP_PATH)


async def _static(request: web.Request) -> web.Response:
    text = files("web").joinpath(request.path.removeprefix("/")).read_text("utf-8")
    headers = {"Cache-Control": f"public, max-age={_STATIC_SECONDS}"}
    return web.Response(text=text, content_type=_STATIC[request.path], headers=headers)
