"""Accounts that a rule has tied together, as they go to moderators."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from exchange.acts import WipeStatus, moments
from exchange.models import FromJson, Json


class SignalKind(enum.StrEnum):
    """What ties the accounts of a cluster. Each marks them; a bonus waits for a mark of `BURST` alone."""

    BURST = "burst"
    WIDE_BURST = "wide_burst"
    CROWD = "crowd"
    CONCERT = "concert"
    TRANSFER = "transfer"


class ClusterStatus(enum.StrEnum):
    """What moderators have decided: that it is nothing (`RELEASED`), or that it is what it looks like (`UPHELD`)."""

    OPEN = "open"
    RELEASED = "released"
    UPHELD = "upheld"


@dataclass(frozen=True, slots=True)
class ClusterMember(FromJson):
    """A member of a cluster.

    `withheld_paise` is a bonus that waits; `status` is that of a `User`; `marks` are the kinds of signals that
    have marked them and are not released.
    """

    user_id: int
    display_name: str
    status: str
    ownership_proven: bool
    withheld_paise: int
    marks: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read a member."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        return cls(**known | {"marks": tuple(document.get("marks", ()))})


@dataclass(frozen=True, slots=True)
class Cluster(FromJson):
    """Accounts with the reason in figures.

    `accounts` counts identities, also of those who were refused; `members_total` those who have an account,
    of whom `members` has at most 50, or none in a list; `left` those who have deleted themselves since;
    `proven` those of whom the provider confirmed that it was they; `waiting` those whose bonus waits, in all
    `waiting_paise`; `long_standing` those who keep it, since they have been in the community for long;
    `other_signals` those who are in a cluster of another kind too. `detail` has the figures of the rule;
    `network` is a short name of the network. An upheld one has the wipe that was planned of it; without one,
    its members were frozen.
    """

    cluster_id: int
    kind: SignalKind
    status: ClusterStatus
    found_at: datetime
    last_at: datetime
    accounts: int
    members_total: int
    left: int
    proven: int
    waiting: int
    waiting_paise: int
    frozen: int
    long_standing: int
    other_signals: int
    network: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    wipe_id: int | None = None
    wipe_status: WipeStatus | None = None
    members: tuple[ClusterMember, ...] = ()
    detail: Json = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read a cluster with its members and times."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        read = {
            "kind": SignalKind(document["kind"]),
            "status": ClusterStatus(document["status"]),
            "wipe_status": WipeStatus(document["wipe_status"]) if document["wipe_status"] else None,
            "members": tuple(ClusterMember.from_json(item) for item in document["members"]),
        }
        return cls(**known | read | moments(document, "found_at", "last_at", "decided_at"))


@dataclass(frozen=True, slots=True)
class Release:
    """What a release did: how many marks went, whose freeze ended with it, and how many were passed over.

    Passed over are those whom a second signal names, the moderator themselves, and who stands as high.
    """

    cluster: Cluster
    released: int
    unfrozen: int
    passed_over: int

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read a release."""
        return cls(
            Cluster.from_json(document), document["released"], document["unfrozen"], document["passed_over"]
        )


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    """The network of a member: its keyed hash, and whether a burst has marked a member there who is not released."""

    network_key: bytes
    is_suspect: bool

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read a network."""
        return cls(bytes.fromhex(document["network_key"]), document["is_suspect"])
