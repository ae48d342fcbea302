"""What moderators read of accounts that come or trade as many, and what members read whose bonus waits."""

from collections.abc import Iterable
from typing import Final

import discord

from bot.replies.enforcement import names_of, wiped_market
from bot.replies.reply import AMBER, BLUE, GREEN, GREY, PURPLE, Figure, lines_that_fit, reply
from bot.replies.signals import TITLES, reason, title
from bot.replies.text import duration, grouped, money, name, plain
from exchange.acts import WipePreview, WipeStatus
from exchange.suspects import Cluster, ClusterMember, ClusterStatus, Release, SignalKind

MEMBERS_SHOWN: Final = 40
CLUSTERS_SHOWN: Final = 6
_MODES: Final = (
    "**Burn**: the shares go with their owners, and the price stays. **Unwind**: their positions are closed along "
    "the curve first, and the price goes back without them."
)

_KINDS: Final = set(SignalKind)
_WIPES: Final = {
    WipeStatus.AWAITING_SECOND: "to be wiped once another moderator agrees",
    WipeStatus.PLANNED: "to be wiped",
    WipeStatus.UNDONE: "to be wiped, which was undone",
    WipeStatus.EXECUTED: "wiped",
    WipeStatus.FAILED: "to be wiped, which failed",
}


def left(accounts: int) -> str:
    """How many of them have deleted themselves since, as a sentence with a blank before it; nothing where nobody has."""
    if not accounts:
        return ""
    return f" **{grouped(accounts)}** of them {'has' if accounts == 1 else 'have'} left since, and stay{'s' if accounts == 1 else ''} counted."


def card(cluster: Cluster) -> discord.Embed:
    """One cluster: the reason, and what a moderator needs to decide."""
    decided = cluster.status is not ClusterStatus.OPEN
    return reply(
        GREY if decided else AMBER,
        title(cluster.kind, cluster.cluster_id),
        reason(cluster.kind, cluster.detail, cluster.accounts) + _decision(cluster),
        _figures(cluster),
        footer=_way_out(cluster) if decided else _ADVICE[cluster.kind is SignalKind.BURST],
    )


def cluster_list(clusters: list[Cluster], page: int = 1) -> discord.Embed:
    """A page of the clusters, those that wait for a decision first."""
    lines = (
        f"**{title(cluster.kind, cluster.cluster_id)}**{_state(cluster)}\n"
        f"{reason(cluster.kind, cluster.detail, cluster.accounts)}{_waiting(cluster)}"
        for cluster in clusters
    )
    nothing = (
        "Nothing looks like many accounts of one person. `/settings list`, under Finding bots, tells from what number on."
        if page == 1
        else "There are no more."
    )
    return reply(
        BLUE,
        "Suspects" if page == 1 else f"Suspects · page {grouped(page)}",
        lines_that_fit(lines, between="\n\n") or nothing,
        footer="/suspects show and the number: who they are, and what you can do. A signal is no proof.",
    )


def details(cluster: Cluster) -> discord.Embed:
    """One cluster with its members."""
    embed = card(cluster)
    lines = [_member(member, cluster.kind) for member in cluster.members[:MEMBERS_SHOWN]]
    hidden = cluster.members_total - len(lines)
    lines += [f"… and {grouped(hidden)} more members."] if hidden > 0 else []
    refused = cluster.accounts - cluster.members_total - cluster.left
    lines += [f"{grouped(refused)} were refused or wiped, and have no account."] if refused > 0 else []
    lines += [f"{grouped(cluster.left)} have deleted themselves since."] if cluster.left else []
    embed.description = f"{embed.description}\n\n{lines_that_fit(lines)}"
    return embed


def released(release: Release) -> discord.Embed:
    """What a release did."""
    over = (
        f"\n**{grouped(release.passed_over)}** were passed over: another signal or suspicion names them, or you have no power "
        "over them. `/suspects release` releases one alone."
        if release.passed_over
        else ""
    )
    count = grouped(release.released)
    freed = (
        f" **{grouped(release.unfrozen)}** {'is' if release.unfrozen == 1 else 'are'} frozen no longer, "
        "unless something else holds them."
        if release.unfrozen
        else ""
    )
    return reply(
        GREEN,
        "Released",
        f"**{count}** {'mark is' if release.released == 1 else 'marks are'} gone, and each bonus that waited has been granted.{freed} "
        f"The decision is recorded with your name.{over}",
    )


def frozen(cluster: Cluster) -> discord.Embed:
    """The members of a cluster are frozen."""
    return reply(
        GREEN,
        "Frozen",
        f"**{grouped(cluster.frozen)}** members are frozen and were told why; a bonus that waits goes on waiting. "
        f"{_banned(cluster.left)}The decision is recorded with your name.\n\n"
        f"**The way out**: `/suspects release number:{cluster.cluster_id}` takes all of it back and grants the bonuses; with "
        "`member:` of one alone. `/unfreeze` ends a freeze and leaves the bonus waiting.",
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
            ("Balances that are burned, before any unwinding", money(preview.cash_paise)),
            ("Time to undo it", duration(preview.undo_seconds)),
        ],
        footer="Burn and Unwind freeze them at once. This cannot be taken back once it is executed.",
    )


def _figures(cluster: Cluster) -> Iterable[Figure]:
    yield "Accounts", f"{grouped(cluster.accounts)}, of them members {grouped(cluster.members_total)}"
    yield "Confirmed by Discord", grouped(cluster.proven)
    if cluster.waiting:
        yield "Bonus that waits", f"of {grouped(cluster.waiting)}, {money(cluster.waiting_paise)} in all"
    if cluster.long_standing:
        yield "Long in the community, so not waiting", grouped(cluster.long_standing)
    if cluster.left:
        yield "Have deleted themselves since", grouped(cluster.left)
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
    return f"\nDecided by {by}{when}: **{_decided(cluster)}**."


def _decided(cluster: Cluster) -> str:
    if cluster.status is ClusterStatus.RELEASED:
        return "released"
    return (
        "frozen" if cluster.wipe_status is None else f"{_WIPES[cluster.wipe_status]} (wipe {cluster.wipe_id})"
    )


def _way_out(cluster: Cluster) -> str | None:
    if cluster.status is ClusterStatus.RELEASED or cluster.wipe_status is WipeStatus.EXECUTED:
        return None
    if cluster.wipe_status in (None, WipeStatus.UNDONE):
        return f"/suspects release number:{cluster.cluster_id} takes it back and grants what waits; with member: of one alone."
    return f"/wipes undo number:{cluster.wipe_id} takes it back; /suspects release then grants what waits."


def _banned(left_accounts: int) -> str:
    return (
        f"**{grouped(left_accounts)}** who had deleted themselves are banned from coming back. "
        if left_accounts
        else ""
    )


def _state(cluster: Cluster) -> str:
    return "" if cluster.status is ClusterStatus.OPEN else f" · {_decided(cluster)}"


def _waiting(cluster: Cluster) -> str:
    parts = [
        f"{grouped(cluster.waiting)} wait for {money(cluster.waiting_paise)}" if cluster.waiting else "",
        f"{grouped(cluster.other_signals)} are named by another signal too" if cluster.other_signals else "",
        f"{grouped(cluster.frozen)} are frozen" if cluster.frozen else "",
        f"{grouped(cluster.left)} have deleted themselves since" if cluster.left else "",
    ]
    told = "; ".join(filter(None, parts))
    return f"\n{told}." if told else ""


def _member(member: ClusterMember, kind: SignalKind) -> str:
    others = [TITLES[SignalKind(mark)].lower() for mark in member.marks if mark in _KINDS - {kind}]
    parts = [
        f"`{member.user_id}` {name(member.display_name)}",
        member.status if member.status != "active" else "",
        "confirmed by Discord" if member.ownership_proven else "",
        f"{money(member.withheld_paise)} waits" if member.withheld_paise else "",
        "" if kind in member.marks else "no mark left",
        f"also: {', '.join(others)}" if others else "",
    ]
    return " · ".join(filter(None, parts))


_ADVICE: Final = {
    True: "Release grants the bonuses, once. Freeze if you want to look closer; Wipe shows first what it would do.",
    False: "They are marked, and nothing was done to anybody. Release says that it is nothing; Wipe shows first what it would do.",
}
