"""Orders that wait for a price, as they go into the exchange and come out of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from exchange.models import FromJson, Json, Side, Size


class StopKind(enum.StrEnum):
    """What an order waits for: a worse price than now (`stop_loss`) or a better one (`take_profit`)."""

    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"


@dataclass(frozen=True, slots=True)
class StopOrder:
    """A waiting order as a member gives it; without a size it is for the whole position."""

    kind: StopKind
    market: str
    trigger_price_paise: int
    size: Size | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """A waiting order as its owner sees it.

    `side` is `sell` where shares are held and `cover` where they are short; `shares` is what it
    would trade now, at most the position; `trigger_sign` is -1 where it waits for the price to
    fall to its trigger or below, 1 where it waits for a rise. `status` is `armed`, `suspended`
    (its owner is frozen), `filled`, `cancelled`, `lapsed` (its position is gone) or `failed`.
    `halted_until` is None where a halted market has no set end; until `cooldown_until` its owner
    may not trade in its direction.
    """

    stop_id: int
    kind: StopKind
    status: str
    market: str
    label: str
    side: Side
    shares: int
    trigger_price_paise: int
    trigger_sign: int
    price_paise: int
    position_shares: int
    halted: bool
    halted_until: datetime | None
    cooldown_until: datetime | None

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read the document that `betjee.stop_document` makes."""
        values = {name: document[name] for name in cls.__dataclass_fields__}
        values["kind"], values["side"] = StopKind(document["kind"]), Side(document["side"])
        for name in ("halted_until", "cooldown_until"):
            moment = document[name]
            values[name] = moment and datetime.fromisoformat(moment)
        return cls(**values)


@dataclass(frozen=True, slots=True)
class ArmedStop:
    """A waiting order that was taken, and how many its owner now has of how many they may have."""

    stop: Stop
    armed_count: int
    armed_limit: int

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read the answer of `betjee.arm_stop`."""
        return cls(Stop.from_json(document), document["armed_count"], document["armed_limit"])


@dataclass(frozen=True, slots=True)
class TriggerPrice(FromJson):
    """A price that an order might wait for.

    `change_bps` is how far it is from the present one, in hundredths of a percent; `code` is why
    it would be refused, or None.
    """

    trigger_price_paise: int
    price_paise: int
    change_bps: int
    code: str | None = None
