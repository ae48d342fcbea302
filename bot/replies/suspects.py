"""What moderators read of accounts that come or trade as many, and what members read whose bonus waits."""

from collections.abc import Callable, Iterable
from typing import Final

import discord

from bot.replies.enforcement import names_of, wiped_market
from bot.replies.reply import AMBER, BLUE, GREEN, GREY, PURPLE, Figure, lines_that_fit, reply
from bot.replies.text import grouped, money, name, plain, safe
from exchange.acts import WipePreview
from exchange.models import Json
from exchange.suspects import Cluster, ClusterMember, ClusterStatus, Release, SignalKind

MEMBERS_SHOWN: Final = 40
_MARKET_CHARACTERS: Final = 20
_MINUTE: Final = 60
_MODES: Final = (
    "**Burn**: the shares go with their owners, and the price stays. **Unwind**: their positions are closed along "
    "the curve first, and the price goes back without them."
)

_TITLES: Final = {
    SignalKind.BURST: "Many sign-ups at once",
    SignalKind.WIDE_BURST: "Many sign-ups from neighbouring networks",
    SignalKind.CROWD: "Many members of one network",
    SignalKind.CONCERT: "Accounts that trade as one",
    SignalKind.TRANSFER: "Bonus that moves to one account",
}
_DECIDED: Final = {
    ClusterStatus.RELEASED: "released",
    ClusterStatus.UPHELD: "frozen or to be wiped",
}


def title(kind: str, cluster_id: int) -> str:
    """The title of a cluster, without markdown; a kind that is not known here has a general one."""
    known = _TITLES[SignalKind(kind)] if kind in SignalKind.__members__.values() else "A suspicion"
    return f"{known} · {cluster_id}"


def reason(kind: str, detail: Json, accounts: int) -> str:
    """Why accounts were tied together, in a sentence with its figures."""
    words = _REASONS.get(kind)
    return f"{grouped(accounts)} accounts." if words is None else words(detail, grouped(accounts))


def card(cluster: Cluster) -> discord.Embed:
    """One cluster: the reason, and what a moderator needs to decide."""
    decided = cluster.status is not ClusterStatus.OPEN
    return reply(
        GREY if decided else AMBER,
        title(cluster.kind, cluster.cluster_id),
        reason(cluster.kind, cluster.detail, cluster.accounts) + _decision(cluster),
        _figures(cluster),
        footer=None if decided else _ADVICE[cluster.kind is SignalKind.BURST],
    )


def cluster_list(clusters: list[Cluster]) -> discord.Embed:
    """The clusters, those that wait for a decision first."""
    lines = (
        f"**{title(cluster.kind, cluster.cluster_id)}**{_state(cluster)}\n"
        f"{reason(cluster.kind, cluster.detail, cluster.accounts)}{_waiting(cluster)}"
        for cluster in clusters
    )
    nothing = (
        "Nothing looks like many accounts of one person. `/settings list` shows from when on something does."
    )
    return reply(
        BLUE,
        "Suspects",
        lines_that_fit(lines, between="\n\n") or nothing,
        footer="/suspects show and the number: who they are, and what you can do. A signal is no proof.",
    )


def details(cluster: Cluster) -> discord.Embed:
    """One cluster with its members."""
    embed = card(cluster)
    lines = [_member(member) for member in cluster.members[:MEMBERS_SHOWN]]
    hidden = cluster.members_total - len(lines)
    lines += [f"… and {grouped(hidden)} more members."] if hidden > 0 else []
    strangers = cluster.accounts - cluster.members_total
    lines += (
        [f"{grouped(strangers)} were refused or have left, and have no account."] if strangers > 0 else []
    )
    embed.description = f"{embed.description}\n\n{lines_that_fit(lines)}"
    return embed


def released(release: Release) -> discord.Embed:
    """What a release did."""
    over = (
        f"\n**{grouped(release.passed_over)}** were passed over: another signal names them, or you have no power "
        "over them. `/suspects release` releases one alone."
        if release.passed_over
        else ""
    )
    count = grouped(release.released)
    return reply(
        GREEN,
        "Released",
        f"**{count}** {'mark is' if release.released == 1 else 'marks are'} gone, and each bonus that waited has been granted. "
        f"The decision is recorded with your name.{over}",
    )


def frozen(cluster: Cluster) -> discord.Embed:
    """The members of a cluster are frozen."""
    return reply(
        GREEN,
        "Frozen",
        f"**{grouped(cluster.frozen)}** members are frozen and were told why; a bonus that waits goes on waiting. "
        "The decision is recorded with your name.",
    )


def wipe_preview(cluster_id: int, preview: WipePreview) -> discord.Embed:
    """What wiping a cluster would do, in either mode, before anything is done."""
    second = ["**A second moderator must agree** to a wipe of this size."] if preview.needs_second else []
    markets = map(wiped_market, preview.markets)
    return reply(
        PURPLE,
        f"Wipe {grouped(len(preview.members))} members of suspicion {cluster_id}?",
        lines_that_fit(
            [
                f"{names_of(preview.members)} would be deleted with all that they traded, and stay banned.",
                _MODES,
                *second,
                *(markets if preview.markets else ["They hold nothing in any market."]),
            ],
            "\n\n",
        ),
        [
            ("Cash that is burned, before any unwinding", money(preview.cash_paise)),
            ("Time to undo it", f"{grouped(preview.undo_seconds)} seconds"),
        ],
        footer="Burn and Unwind freeze them at once. This cannot be taken back once it is executed.",
    )


def moderators_channel_chosen(channel_id: str | None, *, may_send: bool, is_public: bool) -> discord.Embed:
    """Where moderators are told from now on."""
    if channel_id is None:
        return reply(
            GREEN,
            "Moderators' channel",
            "Moderators are told one by one from now on, as each has chosen; `/notifications` lists it.",
        )
    warnings = [
        "**I may not send messages there yet**: give me that permission, or nobody is told."
        if not may_send
        else "",
        "**Everyone on this server can read that channel**, and a suspicion is not for everyone."
        if is_public
        else "",
    ]
    return reply(
        AMBER if any(warnings) else GREEN,
        "Moderators' channel",
        "\n".join(
            [
                f"Moderators are told of suspicions in <#{channel_id}> from now on. The change is recorded with your name.",
                *filter(None, warnings),
            ]
        ),
    )


def _burst(detail: Json, accounts: str) -> str:
    return (
        f"**{accounts} identities** came from one network, more than {grouped(detail['threshold'])} within "
        f"{grouped(detail['seconds'])} seconds. The bonus of those who are new here waits until you decide."
    )


def _wide_burst(detail: Json, accounts: str) -> str:
    return (
        f"**{accounts} identities** came within {_span(detail['seconds'])} from {grouped(detail['networks'])} networks "
        f"of one IPv6 /{int(detail['width'])}, which is often one customer."
    )


def _crowd(detail: Json, accounts: str) -> str:
    where = (
        "one network"
        if detail["networks"] == 1
        else f"{grouped(detail['networks'])} networks of one IPv6 /{int(detail['width'])}"
    )
    return f"**{accounts} members** signed up from {where} within a day. A hostel or a mobile operator looks like this too."


def _concert(detail: Json, accounts: str) -> str:
    return (
        f"**{accounts} accounts** of one network traded the same side of the same markets within the same "
        f"{grouped(detail['moment_seconds'])} seconds, up to {grouped(detail['moments'])} times within an hour and at least half "
        "of the times they traded."
    )


def _transfer(detail: Json, _: str) -> str:
    return (
        f"**{grouped(detail['givers'])} new accounts** lost {money(detail['lost_paise'])} in "
        f"**{safe(str(detail['market']), _MARKET_CHARACTERS)}**. Within a minute of each of their trades one account traded the "
        f"other way; it gained {money(detail['gained_paise'])} there, before tax."
    )


def _figures(cluster: Cluster) -> Iterable[Figure]:
    yield "Accounts", f"{grouped(cluster.accounts)}, of them members {grouped(cluster.members_total)}"
    yield "Confirmed by Discord", grouped(cluster.proven)
    if cluster.waiting:
        yield "Bonus that waits", f"of {grouped(cluster.waiting)}, {money(cluster.waiting_paise)} in all"
    if cluster.long_standing:
        yield "Long in the community, so not waiting", grouped(cluster.long_standing)
    if cluster.frozen:
        yield "Frozen", grouped(cluster.frozen)
    if cluster.other_signals:
        yield "Named by another signal too", grouped(cluster.other_signals)
    if cluster.network:
        yield "Network", plain(cluster.network)
    yield "Last seen", discord.utils.format_dt(cluster.last_at, "R")


def _decision(cluster: Cluster) -> str:
    if cluster.status is ClusterStatus.OPEN:
        return ""
    by = name(cluster.decided_by) if cluster.decided_by else "the exchange"
    when = f" {discord.utils.format_dt(cluster.decided_at, 'R')}" if cluster.decided_at else ""
    return f"\nDecided by {by}{when}: **{_DECIDED[cluster.status]}**."


def _state(cluster: Cluster) -> str:
    return "" if cluster.status is ClusterStatus.OPEN else f" · {_DECIDED[cluster.status]}"


def _waiting(cluster: Cluster) -> str:
    parts = [
        f"{grouped(cluster.waiting)} wait for {money(cluster.waiting_paise)}" if cluster.waiting else "",
        f"{grouped(cluster.other_signals)} are named by another signal too" if cluster.other_signals else "",
        f"{grouped(cluster.frozen)} are frozen" if cluster.frozen else "",
    ]
    told = "; ".join(filter(None, parts))
    return f"\n{told}." if told else ""


def _member(member: ClusterMember) -> str:
    parts = [
        f"`{member.user_id}` {name(member.display_name)}",
        member.status if member.status != "active" else "",
        "confirmed by Discord" if member.ownership_proven else "",
        f"{money(member.withheld_paise)} waits" if member.withheld_paise else "",
    ]
    return " · ".join(filter(None, parts))


def _span(seconds: int) -> str:
    if seconds and seconds % _MINUTE == 0:
        minutes = seconds // _MINUTE
        return f"{grouped(minutes)} {'minute' if minutes == 1 else 'minutes'}"
    return f"{grouped(seconds)} seconds"


_ADVICE: Final = {
    True: "Release grants the bonuses, once. Freeze if you want to look closer; Wipe shows first what it would do.",
    False: "Nothing was done to anybody. Release says that it is nothing; Wipe shows first what it would do.",
}
_REASONS: Final[dict[str, Callable[[Json, str], str]]] = {
    SignalKind.BURST: _burst,
    SignalKind.WIDE_BURST: _wide_burst,
    SignalKind.CROWD: _crowd,
    SignalKind.CONCERT: _concert,
    SignalKind.TRANSFER: _transfer,
}
