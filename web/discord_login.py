"""Asking Discord who has opened the page, by OAuth2 with the scope `identify` alone."""

import logging
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urljoin

import aiohttp

DISCORD_SECONDS: Final = 8.0
_CODE_CHARACTERS: Final = 256
_ID_DIGITS: Final = 20

_log = logging.getLogger(__name__)


class DiscordUnavailable(Exception):
    """Discord could not be asked."""


class DiscordLogin:
    """An OAuth2 client of Discord. Its access tokens serve for one question and are kept nowhere."""

    def __init__(self, client_id: str, client_secret: str, api_base: str, redirect_uri: str) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._api_base = api_base
        self._redirect_uri = redirect_uri

    def authorize_url(self, state: str) -> str:
        """Where a person confirms to Discord that they want us to know who they are."""
        question = urlencode(
            {
                "client_id": self._client_id,
                "redirect_uri": self._redirect_uri,
                "response_type": "code",
                "scope": "identify",
                "state": state,
                "prompt": "none",
            }
        )
        return f"{urljoin(self._api_base, '/oauth2/authorize')}?{question}"

    async def who(self, code: str) -> str | None:
        """The Discord id of whoever was given `code`, or None where Discord does not know the code.

        Raises DiscordUnavailable.
        """
        if not 0 < len(code) <= _CODE_CHARACTERS:
            return None
        granted = await self._ask(
            "POST",
            "/oauth2/token",
            data={
                "client_id": self._client_id,
                "client_secret": self._client_secret,
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._redirect_uri,
            },
        )
        if granted is None or not isinstance(granted.get("access_token"), str):
            return None
        bearer = {"Authorization": f"Bearer {granted['access_token']}"}
        user = await self._ask("GET", "/users/@me", headers=bearer)
        number = str((user or {}).get("id", ""))
        return number if number.isascii() and number.isdigit() and len(number) <= _ID_DIGITS else None

    async def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any] | None:
        """What Discord answers, or None where it does not know what was asked about."""
        timeout = aiohttp.ClientTimeout(total=DISCORD_SECONDS)
        url = self._api_base + path
        try:
            # A session of its own, so that no cookie of one person's question is left for another's.
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.request(method, url, allow_redirects=False, **request) as response,
            ):
                if response.status == HTTPStatus.BAD_REQUEST:
                    return None
                if response.status == HTTPStatus.UNAUTHORIZED:
                    _log.error("Discord does not accept DISCORD_CLIENT_ID and DISCORD_CLIENT_SECRET.")
                if response.status != HTTPStatus.OK:
                    raise DiscordUnavailable(f"Discord answered {response.status} to {path}.")
                document = await response.json()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise DiscordUnavailable(f"Discord did not answer {path}: {type(error).__name__}.") from error
        return document if isinstance(document, dict) else None
