"""What people are told: notices, how they come, and price alerts."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from exchange.models import FromJson, Json


class NotifyBy(enum.StrEnum):
    """How someone wants to be told of notices: not at all, by direct message, or by a ping in the channel."""

    NONE = "none"
    DIRECT = "direct"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Alert(FromJson):
    """A price at which a member wants to be told, once.

    `is_above` says that it waits for a rise to `alert_price_paise`; `price_paise` is the price now.
    """

    alert_id: int
    market: str
    label: str
    alert_price_paise: int
    is_above: bool
    price_paise: int


@dataclass(frozen=True, slots=True)
class AuditChannel(FromJson):
    """Where every act of a moderator is posted from now on, and where it was until then; None: nowhere."""

    channel_id: str | None
    earlier_channel_id: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened, as its owner reads it.

    `kind` says what, and `detail` has its figures under the names that `sql/README.md` lists; a
    newer database may have kinds that this program does not know. `is_missed` is whether they have
    neither been sent its figures nor seen it.
    """

    notice_id: int
    kind: str
    detail: Json
    created_at: datetime
    is_missed: bool

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read one notice."""
        return cls(
            document["notice_id"],
            document["kind"],
            document["detail"],
            datetime.fromisoformat(document["created_at"]),
            document["is_missed"],
        )


@dataclass(frozen=True, slots=True)
class NoticeList:
    """A member's notices, those missed first; `missed` counts all that were, also those not listed."""

    notify_by: NotifyBy
    missed: int
    notices: tuple[Notice, ...]

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read the list."""
        notices = tuple(Notice.from_json(item) for item in document["notices"])
        return cls(NotifyBy(document["notify_by"]), document["missed"], notices)


@dataclass(frozen=True, slots=True)
class DueNotice(FromJson):
    """A notice that is to be sent now, with all that is needed for it.

    `user_id`, `provider_user_id` and `notify_by` are None for one to everyone, in the channel.
    `dedupe_key` (at most 25 characters) is the same for each attempt. One that `is_for_moderators` goes to
    their channel or the audit channel, `channel_id`, and nowhere else.
    """

    exchange_id: int
    notice_id: int
    kind: str
    detail: Json
    dedupe_key: str
    attempts: int
    exchange_name: str
    user_id: int | None = None
    notify_by: str | None = None
    provider: str | None = None
    provider_user_id: str | None = None
    community_id: str | None = None
    channel_id: str | None = None
    is_for_moderators: bool = False
