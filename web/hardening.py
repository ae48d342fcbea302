"""What every answer and every change of the page is held to, whatever it is about."""

import asyncio
import hmac
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from exchange.errors import ExchangeError
from runtime.keyed_hashes import KeyedHashes
from web.connections import BoundedConnection
from web.discord_login import DiscordUnavailable
from web.refusals import Refused, malformed, refusal_of

LARGEST_BODY_BYTES: Final = 4_096
BODY_SECONDS: Final = 5.0
HANDLING_SECONDS: Final = 30.0
"""Longer than the database and Discord together are waited for."""

CSRF_HEADER: Final = "X-CSRF-Token"

_SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_STRICT_TRANSPORT: Final = "max-age=63072000; includeSubDomains"
_SESSION: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)

_log = logging.getLogger(__name__)


def answer(document: dict[str, Any], status: int = 200) -> web.Response:
    """An answer to the page's script, which no cache may keep."""
    return web.json_response(document, status=status, headers={"Cache-Control": "no-store"})


def security_headers(*, behind_tls: bool) -> Mapping[str, str]:
    """What every answer carries, whoever gives it."""
    return _SECURITY_HEADERS | ({"Strict-Transport-Security": _STRICT_TRANSPORT} if behind_tls else {})


Tell = Callable[[web.Request, Refused], None]


def hardened(tell: Tell) -> Middleware:
    """Turns errors into sentences, tells of what is refused, and lets nothing take for ever."""

    @web.middleware
    async def harden(request: web.Request, handler: Handler) -> web.StreamResponse:
        if isinstance(request.protocol, BoundedConnection):
            request.protocol.use()
        return await _handled(request, handler, tell)

    return harden


async def _handled(request: web.Request, handler: Handler, tell: Tell) -> web.StreamResponse:
    try:
        async with asyncio.timeout(HANDLING_SECONDS):
            return await handler(request)
    except (Refused, ExchangeError, DiscordUnavailable) as error:
        refusal = refusal_of(error)
        tell(request, refusal)
        return _refusal(refusal)
    except web.HTTPException as error:
        kept = {name: error.headers[name] for name in ("Allow", "Location") if name in error.headers}
        return web.Response(text=f"{error.status} {error.reason}\n", status=error.status, headers=kept)
    except TimeoutError:
        return answer({"refused": "too_slow", "detail": "That took too long. Try again in a minute."}, 503)
    except Exception:  # noqa: BLE001  # it has its trace in the log, and whoever asked an answer
        # The library would log the address that the request came from.
        _log.exception("%s %s failed.", request.method, request.match_info.route.resource or "a request")
        detail = "Something went wrong on our side. Try again in a minute."
        return answer({"refused": "broken", "detail": detail}, 500)


def _refusal(refused: Refused) -> web.Response:
    response = answer({"refused": refused.code, "detail": refused.detail}, refused.status)
    if refused.wait_seconds is not None:
        response.headers["Retry-After"] = str(refused.wait_seconds)
    if refused.status == HTTPStatus.REQUEST_TIMEOUT:
        response.force_close()
    return response


class Sessions:
    """Browsers, told apart by a cookie of random letters, and the proof that a change comes from our own page."""

    def __init__(self, hashes: KeyedHashes, public_url: str) -> None:
        self._hashes = hashes
        self._origin = public_url
        self.is_secure = public_url.startswith("https://")

    def cookie_name(self, name: str) -> str:
        """A cookie's name. Its prefix makes browsers hold it to this very host, which they do only over TLS."""
        return f"__Host-betjee-{name}" if self.is_secure else f"betjee-{name}"

    def set_cookie(self, response: web.Response, name: str, value: str, seconds: int | None = None) -> None:
        """Set a cookie that no script can read and no other site's request carries along."""
        response.set_cookie(
            self.cookie_name(name),
            value,
            max_age=seconds,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="Lax",  # Discord sends people back by a link, and a stricter cookie would not come with them.
        )

    def delete_cookie(self, response: web.Response, name: str) -> None:
        """Have the browser forget a cookie."""
        response.del_cookie(self.cookie_name(name), path="/", secure=self.is_secure, httponly=True)

    def session_of(self, request: web.Request) -> str | None:
        """The session of a browser, or None where it brings none that we could have given it."""
        value = request.cookies.get(self.cookie_name("session"), "")
        return value if _SESSION.fullmatch(value) else None

    def begin(self, request: web.Request, response: web.Response) -> str:
        """The session of a browser, begun in `response` where there is none."""
        session = self.session_of(request)
        if session is None:
            session = secrets.token_urlsafe(32)
            self.set_cookie(response, "session", session)
        return session

    def csrf_token(self, session: str) -> str:
        """What a page has to send along with a change; only a page that we gave to that browser knows it."""
        return self._hashes.seal("csrf", session)

    def check_origin(self, request: web.Request) -> str:
        """Hold a change to what only our own page can send; returns the session.

        Raises Refused for a request that another site may have made the browser send.
        """
        session = self.session_of(request)
        ours = (
            request.headers.get("Origin") == self._origin
            and request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
            and session is not None
            and hmac.compare_digest(
                request.headers.get(CSRF_HEADER, "").encode("utf-8", "replace"),
                self.csrf_token(session).encode(),
            )
        )
        if not ours or session is None:
            raise Refused(403, "wrong_origin", "The page is out of date. Open the link from the chat again.")
        return session


async def read_document(request: web.Request) -> dict[str, Any]:
    """The JSON object that a request carries, within bounds of size and time.

    Raises Refused for anything else.
    """
    if request.content_type != "application/json":
        raise Refused(415, "malformed", "Only JSON is understood here.")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            document = await request.json()
    except TimeoutError:
        raise Refused(408, "too_slow", "The request took too long to arrive.") from None
    except web.HTTPRequestEntityTooLarge:
        raise Refused(413, "too_large", "The request is too large.") from None
    except (ValueError, LookupError, RecursionError):
        # Text that is no JSON, in no known alphabet, or nested too deep.
        raise malformed() from None
    if not isinstance(document, dict):
        raise malformed()
    return document
