"""The sign-up page: what it shows, and what becomes of its button.

Looking at a link changes nothing. Pressing the button uses the token up, or, where Discord is asked
who is there, sends the browser to Discord, which sends it back to the same page, whose script then
asks to finish. So every change is a POST from our own page.
"""

import hmac
import secrets
from importlib.resources import files
from typing import Any, Final

from aiohttp import web

from exchange.exchange import Exchange
from exchange.verification import NetworkKeys, PageRegistration
from runtime.keyed_hashes import KeyedHashes
from runtime.limits import Ruling
from runtime.sign_up_links import SIGN_UP_PATH, SignUpToken
from web.addresses import Networks, client_address
from web.discord_login import DiscordLogin
from web.hardening import Sessions, answer, read_document
from web.limits import SignUpLimiter
from web.refusals import Refused, malformed, not_now

RETURN_PATH: Final = f"{SIGN_UP_PATH}/discord"
LOGIN_SECONDS: Final = 600

_CODE_CHARACTERS: Final = 256


class SignUpPage:
    """The handlers. `login` is None where nobody is asked to prove who they are."""

    def __init__(
        self,
        exchange: Exchange,
        hashes: KeyedHashes,
        *,
        sessions: Sessions,
        proxies: Networks,
        limiter: SignUpLimiter,
        login: DiscordLogin | None,
    ) -> None:
        self._exchange = exchange
        self._hashes = hashes
        self._sessions = sessions
        self._proxies = proxies
        self._limiter = limiter
        self._login = login
        self._document = files("web").joinpath("page.html").read_text("utf-8")

    async def show(self, request: web.Request) -> web.Response:
        """The page, which is the same for everyone; its script reads the link's token, which we do not see."""
        response = web.Response(content_type="text/html", charset="utf-8")
        session = self._sessions.begin(request, response)
        response.text = self._document.replace("{csrf_token}", self._sessions.csrf_token(session))
        response.headers["Cache-Control"] = "no-store"
        return response

    async def look(self, request: web.Request) -> web.Response:
        """What a link is for, or why it cannot be used."""
        self._sessions.check_origin(request)
        token = _token_in(await read_document(request))
        ruling = await self._limiter.rule_look(self._networks(request))
        if not ruling.is_admitted:
            raise not_now(ruling)
        found = await self._exchange.find_verification(token.exchange_id, token.hash)
        return answer(
            {
                "exchange": found.exchange_name,
                "name": found.display_name,
                "bonus": found.bonus,
                "retention_days": found.retention_days,
                "asks_discord": self._login is not None,
            }
        )

    async def consent(self, request: web.Request) -> web.Response:
        """The button: sign up, or find out at Discord first who is there."""
        session = self._sessions.check_origin(request)
        document = await read_document(request)
        token = _token_in(document)
        if document.get("agrees") is not True:
            raise Refused(400, "no_consent", "Tick the box first: without your consent nothing is kept.")
        networks = await self._admit_try(request, token)
        if self._login is None:
            await self._admit(networks, token)
            return await self._complete(token, networks, None)
        await self._exchange.find_verification(token.exchange_id, token.hash)
        nonce = secrets.token_urlsafe(16)
        response = answer({"go": self._login.authorize_url(self._state(session, token, nonce))})
        self._sessions.set_cookie(response, "login", token.text, LOGIN_SECONDS)
        return response

    async def finish(self, request: web.Request) -> web.Response:
        """Discord has sent the browser back: find out who it is, and sign them up."""
        session = self._sessions.check_origin(request)
        document = await read_document(request)
        code, state = (_text_in(document, name) for name in ("code", "state"))
        token = SignUpToken.read(request.cookies.get(self._sessions.cookie_name("login")))
        if self._login is None or token is None or not self._is_state(state, session, token):
            sentence = "This browser did not begin that sign-up. Open the link from the chat again."
            raise Refused(403, "wrong_state", sentence)
        # Before Discord is asked, so that nobody makes us ask it without end.
        networks = await self._admit_try(request, token)
        await self._admit(networks, token)
        proven_user_id = await self._login.who(code)
        if proven_user_id is None:
            await self._refuse(token, networks, "not_proven")
            sentence = "Discord did not confirm who you are. Open the link from the chat again."
            raise Refused(403, "not_proven", sentence)
        response = await self._complete(token, networks, proven_user_id)
        self._sessions.delete_cookie(response, "login")
        return response

    def _networks(self, request: web.Request) -> NetworkKeys:
        return self._hashes.networks(client_address(request, self._proxies))

    async def _admit_try(self, request: web.Request, token: SignUpToken) -> NetworkKeys:
        """Let the limiter have its say on whether the button may be pressed; returns where it comes from."""
        networks = self._networks(request)
        await self._hold_to(await self._limiter.rule_try(networks), token, networks)
        return networks

    async def _admit(self, networks: NetworkKeys, token: SignUpToken) -> None:
        """Let the limiter have its say on signing up, once for each attempt."""
        await self._hold_to(await self._limiter.rule(token.exchange_id, networks), token, networks)

    async def _hold_to(self, ruling: Ruling, token: SignUpToken, networks: NetworkKeys) -> None:
        if not ruling.is_admitted:
            refused = not_now(ruling)
            await self._refuse(token, networks, refused.code)
            raise refused

    async def _refuse(self, token: SignUpToken, networks: NetworkKeys, code: str) -> None:
        await self._exchange.refuse_verification(token.exchange_id, token.hash, networks, code)

    async def _complete(
        self, token: SignUpToken, networks: NetworkKeys, proven_user_id: str | None
    ) -> web.Response:
        request_id = 2**62 + secrets.randbits(62)  # above all numbers that Discord gives before the year 2049
        done = await self._exchange.complete_verification(
            token.exchange_id, request_id, token.hash, networks, proven_user_id
        )
        return answer(_registered(done))

    def _state(self, session: str, token: SignUpToken, nonce: str) -> str:
        """What Discord carries along: it fits one token in one browser."""
        return f"{nonce}.{self._hashes.seal('oauth state', session, token.text, nonce)}"

    def _is_state(self, state: str, session: str, token: SignUpToken) -> bool:
        expected = self._state(session, token, state.partition(".")[0])
        return hmac.compare_digest(state.encode(), expected.encode())


def _registered(done: PageRegistration) -> dict[str, Any]:
    return {
        "exchange": done.exchange_name,
        "name": done.display_name,
        "created": done.created,
        "bonus": done.bonus if done.bonus_paise or done.withheld_paise else None,
        "is_withheld": done.withheld_paise > 0,
        "had_bonus_before": done.had_bonus_before,
    }


def _token_in(document: dict[str, Any]) -> SignUpToken:
    token = SignUpToken.read(document.get("token"))
    if token is None:
        raise Refused(
            404, "token_unknown", "This link is not valid. Type /register in the chat for a new one."
        )
    return token


def _text_in(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not (isinstance(value, str) and 0 < len(value) <= _CODE_CHARACTERS and value.isascii()):
        raise malformed()
    return value
