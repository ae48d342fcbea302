"""Links to the sign-up page, each with a token that works once.

The token stands in the address's fragment, which browsers send to no server, so that no log and no
referrer ever has it; the database keeps only its hash.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Final, Self

SIGN_UP_PATH: Final = "/register"

_SECRET_BYTES: Final = 32
_TOKEN: Final = re.compile(r"([1-9][0-9]{0,17})\.([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignUpToken:
    """A token: the number of an exchange, and 256 bits that nobody can guess."""

    exchange_id: int
    secret: str = field(repr=False)

    @classmethod
    def new(cls, exchange_id: int) -> Self:
        """A token that nobody had before."""
        return cls(exchange_id, secrets.token_urlsafe(_SECRET_BYTES))

    @classmethod
    def read(cls, text: object) -> Self | None:
        """The token that was written like this, or None where it is none."""
        found = _TOKEN.fullmatch(text) if isinstance(text, str) else None
        return cls(int(found[1]), found[2]) if found else None

    @property
    def text(self) -> str:
        """The token as links carry it."""
        return f"{self.exchange_id}.{self.secret}"

    @property
    def hash(self) -> bytes:
        """What the database keeps of it."""
        return hashlib.sha256(self.text.encode()).digest()


@dataclass(frozen=True, slots=True)
class SignUpLink:
    """A link to the page, for one person. Where there is no page, it leads nowhere and has no token."""

    url: str = field(default="", repr=False)
    token_hash: bytes | None = None


class SignUpLinks:
    """Makes links to the page at `public_url`; None where there is no page.

    `verification` is how members of a new exchange sign up: on the page where there is one, unless said otherwise.
    """

    def __init__(self, public_url: str | None = None, *, verification: str | None = None) -> None:
        self._public_url = public_url
        self.verification = verification or ("off" if public_url is None else "web")

    def new_link(self, exchange_id: int) -> SignUpLink:
        """A link for somebody who wants to sign up at an exchange."""
        if self._public_url is None:
            return SignUpLink()
        token = SignUpToken.new(exchange_id)
        return SignUpLink(f"{self._public_url}{SIGN_UP_PATH}#{token.text}", token.hash)
