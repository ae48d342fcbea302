"""What moderators read of what they do to members and markets, and what the banned read."""

from datetime import datetime
from typing import Final

import discord

from bot.replies.reply import AMBER, BLUE, GREEN, GREY, PURPLE, Figure, lines_that_fit, reply
from bot.replies.text import called, duration, grouped, money, name, percent, plain, safe, shares
from exchange.acts import (
    Ban,
    HandHalt,
    Standing,
    Wipe,
    WipedMarket,
    WipeMember,
    WipeMode,
    WipePreview,
    WipeStatus,
)

_REASON_CHARACTERS: Final = 300
_APPEAL_CHARACTERS: Final = 400
_LABEL_CHARACTERS: Final = 40
_NAMES_SHOWN: Final = 20
_STATUSES: Final = {
    WipeStatus.AWAITING_SECOND: "waits for a second moderator",
    WipeStatus.PLANNED: "planned",
    WipeStatus.UNDONE: "undone",
    WipeStatus.EXECUTED: "executed",
    WipeStatus.FAILED: "failed; nothing was changed, and its members are frozen until it is undone",
}


def frozen(member: Standing) -> discord.Embed:
    """Somebody was frozen."""
    return reply(
        AMBER,
        "Account frozen",
        f"{name(member.display_name)} keeps everything and cannot trade until you `/unfreeze` them. They are told why.",
        [("Reason", safe(member.reason or "", _REASON_CHARACTERS))],
    )


def unfrozen(member: Standing) -> discord.Embed:
    """Somebody is frozen no longer, unless a ban or a wipe holds them."""
    rest = "may trade again" if member.status == "active" else f"is still {member.status}"
    return reply(GREEN, "Account unfrozen", f"{name(member.display_name)} {rest}.")


def banned(ban: Ban, display_name: str) -> discord.Embed:
    """Somebody was banned."""
    return reply(
        AMBER,
        "Banned",
        f"{name(display_name)} can neither trade nor sign up again. They are told why, and can appeal once.",
        [("Reason", safe(ban.reason, _REASON_CHARACTERS)), ("Until", _end(ban.banned_until))],
        footer=f"Ban {ban.ban_id}. /unban takes it back; /bans shows an appeal.",
    )


def network_banned(ban: Ban) -> discord.Embed:
    """A network was banned from signing up."""
    return reply(
        AMBER,
        "Network banned",
        "Nobody new can sign up from it; members who are there keep their accounts. A hostel, a school or a mobile operator is one "
        f"network too, with everyone in it. `/unban number:{ban.ban_id}` ends it.",
        [("Reason", safe(ban.reason, _REASON_CHARACTERS)), ("Until", _end(ban.banned_until))],
        footer=f"Ban {ban.ban_id}",
    )


def unbanned(ban: Ban, display_name: str | None = None) -> discord.Embed:
    """A ban was ended; the name is how whoever asked knows the member."""
    if ban.subject == "network":
        return reply(GREEN, "Ban ended", "Everyone may sign up from that network again.")
    whom = name(display_name) if display_name else called(ban.person)
    return reply(GREEN, "Ban ended", f"{whom[0].upper()}{whom[1:]} is no longer banned here.")


def not_banned(display_name: str) -> discord.Embed:
    """There was no ban to end."""
    return reply(
        GREY, "Not banned", f"{name(display_name)} is not banned here.", footer="Nothing has changed."
    )


def ban_list(bans: list[Ban]) -> discord.Embed:
    """The bans in force, with what the banned have to say."""
    return reply(BLUE, "Bans", lines_that_fit(map(_ban, bans), "\n\n") or "Nobody is banned.")


def appealed() -> discord.Embed:
    """An appeal was recorded."""
    return reply(
        GREEN, "Appeal sent", "The moderators see it beside your ban. There is one appeal for each ban."
    )


def market_halted(halt: HandHalt) -> discord.Embed:
    """A market was halted by hand."""
    return reply(
        AMBER,
        f"{halt.market} is halted",
        f"Nobody trades {safe(halt.label, _LABEL_CHARACTERS)} until a moderator resumes it. Everyone is told the reason.",
        [("Price", money(halt.price_paise)), ("Reason", safe(halt.reason or "", _REASON_CHARACTERS))],
    )


def market_resumed(halt: HandHalt) -> discord.Embed:
    """A market was resumed by hand."""
    return reply(
        GREEN,
        f"{halt.market} is open again",
        "Waiting orders that the price had crossed have had their turn.",
    )


def wipe_preview(preview: WipePreview, mode: WipeMode, reason: str) -> discord.Embed:
    """What a wipe would do, before anything is done."""
    wiped = names_of(preview.members)
    if mode is WipeMode.BURN:
        meaning = "**Burn**: the shares go with their owners, and the price stays where they have left it."
        balances = "Balances that are burned"
    else:
        meaning = (
            "**Unwind**: their positions are closed along the curve, and the price goes back without them."
        )
        balances = "Balances that are burned, before the unwinding"
    second = ["A second moderator must agree to a wipe of this size."] if preview.needs_second else []
    figures: list[Figure] = [
        ("Reason", safe(reason, _REASON_CHARACTERS)),
        (balances, money(preview.cash_paise)),
        ("Time to undo it", duration(preview.undo_seconds)),
    ]
    markets = map(wiped_market, preview.markets)
    return reply(
        PURPLE,
        f"Wipe {grouped(len(preview.members))} member{'s' if len(preview.members) != 1 else ''}?",
        lines_that_fit(
            [
                f"{wiped} would be deleted with all that they traded, and stay banned.",
                meaning,
                *second,
                *(markets if preview.markets else ["They hold nothing in any market."]),
            ],
            "\n\n",
        ),
        figures,
        footer="Confirm freezes them at once. This cannot be taken back once it is executed.",
    )


def wipe_dropped() -> discord.Embed:
    """A preview that nobody confirmed."""
    return reply(GREY, "Nothing wiped", "The wipe was not confirmed, and nothing has changed.")


def wipe_state(wipe: Wipe) -> discord.Embed:
    """A wipe as it stands."""
    colour = {WipeStatus.EXECUTED: PURPLE, WipeStatus.UNDONE: GREEN}.get(wipe.status, AMBER)
    return reply(colour, f"Wipe {wipe.wipe_id}", _wipe(wipe))


def wipe_list(wipes: list[Wipe]) -> discord.Embed:
    """The wipes, those that can still be undone first."""
    lines = [f"**Wipe {wipe.wipe_id}**\n{_wipe(wipe)}" for wipe in wipes]
    return reply(
        BLUE,
        "Wipes",
        lines_that_fit(lines, "\n\n") or "There are none.",
        footer="/wipes undo and /wipes second take a wipe's number.",
    )


def _ban(ban: Ban) -> str:
    whom = "A network" if ban.subject == "network" else called(ban.person)
    wiped = f" · by wipe {ban.wipe_id}" if ban.wipe_id else ""
    lines = [
        f"`{ban.ban_id}` {whom} · {discord.utils.format_dt(ban.banned_at, 'R')} · until {_end(ban.banned_until)}{wiped}",
        safe(ban.reason, _REASON_CHARACTERS),
    ]
    if ban.appeal:
        lines.append(f"Appeal: {safe(ban.appeal, _APPEAL_CHARACTERS)}")
    return "\n".join(lines)


def _end(moment: datetime | None) -> str:
    return "a moderator ends it" if moment is None else discord.utils.format_dt(moment, "f")


def wiped_market(market: WipedMarket) -> str:
    """What a wipe does to a market, in either mode."""
    held = [f"{shares(market.long_shares)} held"] if market.long_shares else []
    held += [f"{shares(market.short_shares)} short"] if market.short_shares else []
    return (
        f"**{plain(market.market)}** · {', '.join(held)} · {percent(market.supply_bps)} of all\n"
        f"Price now and after a burn {money(market.price_paise)}, after an unwinding {money(market.unwound_price_paise)}\n"
        f"Can be bought: {grouped(market.available_shares)} now, {grouped(market.burned_available_shares)} after a burn, "
        f"{grouped(market.unwound_available_shares)} after an unwinding"
    )


def _wipe(wipe: Wipe) -> str:
    state = _STATUSES[wipe.status]
    if wipe.status is WipeStatus.PLANNED:
        state = f"executed {discord.utils.format_dt(wipe.due_at, 'R')} unless it is undone"
    lines = [f"{names_of(wipe.members)} · {wipe.mode.value} · {state}", safe(wipe.reason, _REASON_CHARACTERS)]
    if wipe.left_user_ids:
        lines.append(
            f"Left out, having deleted their own accounts meanwhile: {grouped(len(wipe.left_user_ids))}."
        )
    if wipe.left_banned:
        ends = {
            WipeStatus.UNDONE: "; they may come back, unless another suspicion holds them",
            WipeStatus.EXECUTED: "; `/unban` and the number in `/bans` ends it",
        }.get(wipe.status, "; undoing it lifts that")
        lines.append(
            f"Had deleted their own accounts before, and are banned with them: {grouped(wipe.left_banned)}{ends}."
        )
    return "\n".join(lines)


def names_of(members: tuple[WipeMember, ...]) -> str:
    """Whom a wipe is for, as many as are shown, and how many more."""
    known = [name(member.display_name) for member in members if member.display_name]
    rest = len(members) - len(known[:_NAMES_SHOWN])
    if not known:
        return f"{grouped(rest)} {'account that is' if rest == 1 else 'accounts that are'} named no longer"
    return ", ".join(known[:_NAMES_SHOWN] + ([f"{grouped(rest)} more"] if rest else []))
