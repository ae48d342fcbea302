"""Signing up: what it leads to, what the page shows, and what is kept of networks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from exchange.models import FromJson, Json


@dataclass(frozen=True, slots=True)
class NetworkKeys:
    """Keyed hashes (32 bytes) of the network that somebody comes from.

    `exact` is of an IPv4 address or an IPv6 /64; the wider ones are of the IPv6 /56 and /48 around
    it, and None for IPv4. The exchange keeps nothing else of an address.
    """

    exact: bytes
    wide_56: bytes | None = None
    wide_48: bytes | None = None


@dataclass(frozen=True, slots=True)
class Registration(FromJson):
    """What signing up did.

    `created` is false where the member had signed up before. `bonus_paise` is 0 for them, and for
    whoever had the season's bonus under an account that is gone (`had_bonus_before`). `withheld_paise`
    is what waits for a moderator's look, also where it was asked for before.
    """

    user_id: int
    display_name: str
    created: bool
    bonus_paise: int
    cash_paise: int
    had_bonus_before: bool = False
    withheld_paise: int = 0


@dataclass(frozen=True, slots=True)
class PendingRegistration:
    """Signing up goes on on the page, by the link whose token was handed in, until `link_expires_at`."""

    display_name: str
    link_expires_at: datetime

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read the answer."""
        return cls(document["display_name"], datetime.fromisoformat(document["link_expires_at"]))


@dataclass(frozen=True, slots=True)
class PageRegistration(FromJson):
    """What signing up on the page did; `bonus`, granted or withheld, is as sentences write it."""

    exchange_name: str
    display_name: str
    created: bool
    bonus_paise: int
    bonus: str
    had_bonus_before: bool = False
    withheld_paise: int = 0


@dataclass(frozen=True, slots=True)
class Verification(FromJson):
    """What the page shows whoever opens a link that can be used.

    `bonus` is as sentences write it; networks are forgotten after `retention_days`; `expires_at` is in ISO 8601.
    """

    exchange_name: str
    display_name: str
    expires_at: str
    bonus: str
    retention_days: int
