"""What moderators read."""

from typing import Final

import discord

from bot.replies.reply import BLUE, GREEN, add_sections, lines_that_fit, reply
from bot.replies.text import grouped, money, name, percent, plain, safe
from exchange.models import Moderator, Report, Setting, SettingChange

_VALUE_CHARACTERS: Final = 100
_REPORT_CHARACTERS: Final = 300
_NO_BOUND_BPS: Final = 10_000_000
"""A thousand times the price: nobody reads more as a bound."""

_NEW_MARKETS: Final = "Terms of new markets"
_SECTIONS: Final = {
    "confirm_impact_bps": "Trading",
    "confirm_slippage_bps": "Trading",
    "max_order_shares": "Trading",
    "band_bps": "Protection",
    "band_seconds": "Protection",
    "user_trades_per_minute": "Limits",
    "user_trade_burst": "Limits",
    "user_trade_burst_seconds": "Limits",
    "user_kept_trades_per_minute": "Limits",
    "network_trades_per_minute": "Limits",
    "suspect_network_trades_per_minute": "Limits",
    "user_reads_per_minute": "Limits",
    "user_quotes_per_minute": "Limits",
    "network_sign_ups_per_minute": "Limits",
    "moderator_commands_per_minute": "Limits",
    "verification": "Members and page",
    "min_account_age_days": "Members and page",
    "min_membership_hours": "Members and page",
    "network_key_retention_days": "Members and page",
    "mark_action": "Finding bots",
    "trusted_membership_days": "Finding bots",
    "second_signal_freezes": "Finding bots",
    "burst_accounts": "Finding bots",
    "burst_seconds": "Finding bots",
    "wide_burst_accounts": "Finding bots",
    "crowd_accounts": "Finding bots",
    "concert_accounts": "Finding bots",
    "transfer_accounts": "Finding bots",
    "halt_seconds": "Halts, cool-downs, what waits",
    "halt_pause_seconds": "Halts, cool-downs, what waits",
    "cooldown_seconds": "Halts, cool-downs, what waits",
    "cooldown_share_bps": "Halts, cool-downs, what waits",
    "max_armed_stops": "Halts, cool-downs, what waits",
    "max_armed_alerts": "Halts, cool-downs, what waits",
    "signup_bonus_paise": "Members and page",
    "wipe_undo_seconds": "Protection",
    "public_fills": "Members and page",
    "public_page": "Members and page",
    "leaderboard_post_at": "Members and page",
    "utc_offset": "Members and page",
}
"""Where a setting stands in the list. The terms of markets know themselves; the rest are "Other"."""

SUBJECTS: Final = (*dict.fromkeys(_SECTIONS.values()), _NEW_MARKETS)
"""What settings are about, in the order of the list."""

_REMARKS: Final = {("verification", "off"): " (no limits by address)"}
"""What must be known of a value, though it stands in a list without explanations."""

_SHAPES: Final = {"time": "A time of day such as 20:30, or off", "offset": "Hours and minutes such as +05:30"}
"""What is typed for settings that are neither numbers nor choices."""


def setting_list(settings: list[Setting], about: str | None = None) -> discord.Embed:
    """Everything that can be set with its value; of one subject, also what it means, its default and bounds."""
    sections: dict[str, list[str]] = {title: [] for title in (*SUBJECTS, "Other")}
    for setting in settings:
        title = _NEW_MARKETS if setting.new_markets_only else _SECTIONS.get(setting.name, "Other")
        if about in (None, title):
            sections[title].append(_setting(setting) if about else _short_setting(setting))
    more = "" if about else "/settings list about tells what each means, and its bounds. "
    embed = reply(
        BLUE,
        "Settings",
        footer=f"{more}Change one by its name and a bare number: /settings set confirm_impact_bps 300. 100 bps are 1 %, 100 paise are ₹1.",
    )
    add_sections(embed, sections, between="\n\n" if about else "\n")
    return embed


def setting_changed(change: SettingChange) -> discord.Embed:
    """A change in words, and whether it concerns the markets that are there."""
    old, new = (
        safe(amount(value, change.unit), _VALUE_CHARACTERS) for value in (change.old_value, change.new_value)
    )
    later = (
        " It is for markets that are made from now on: those that are there keep their own terms, as `/market` shows them."
        if change.new_markets_only
        else ""
    )
    return reply(
        GREEN,
        "Setting changed",
        f"`{change.name}` was {old} and is now **{new}**.{later} The change is recorded with your name.",
    )


def moderator_list(moderators: list[Moderator]) -> discord.Embed:
    """Who moderates this exchange."""
    lines = [f"{name(moderator.display_name)} · {moderator.rank}" for moderator in moderators]
    return reply(BLUE, "Moderators", lines_that_fit(lines) or "There are none.")


def moderator_added(moderator: Moderator) -> discord.Embed:
    """Someone has become a moderator."""
    return reply(
        GREEN,
        "Moderator added",
        f"{name(moderator.display_name)} is now a moderator of this exchange. Discord shows the commands of moderators to "
        "those who may manage the server, or whom you let use them under Server Settings, Integrations.",
    )


def moderator_removed(moderator: Moderator) -> discord.Embed:
    """Someone is a moderator no longer."""
    return reply(
        GREEN,
        "Moderator removed",
        f"{name(moderator.display_name)} is no longer a moderator of this exchange.",
    )


def report_list(reports: list[Report]) -> discord.Embed:
    """The newest feedback from members."""
    lines = [
        f"`{report.report_id}` {name(report.display_name)} {discord.utils.format_dt(report.reported_at, 'R')}\n"
        f"{safe(report.text, _REPORT_CHARACTERS)}"
        for report in reports
    ]
    return reply(BLUE, "Reports", lines_that_fit(lines, "\n\n") or "There are none.")


def amount(value: str, unit: str) -> str:
    """A setting's value as people write it: paise as coins, hundredths of a percent as a percentage."""
    if value in ("true", "false"):
        return "on" if value == "true" else "off"
    if not value.lstrip("-").isdecimal():
        return value
    number = int(value)
    match unit:
        case "paise":
            return money(number).removesuffix(".00")
        case "bps":
            return percent(number).replace(".00 %", " %")
        case _:
            return f"{grouped(number)} {unit}".strip()


def _short_setting(setting: Setting) -> str:
    """A setting in a line: its value in words, and its name."""
    spoken = plain(amount(setting.value, setting.unit), _VALUE_CHARACTERS)
    return f"**{spoken}** · `{setting.name}`{_REMARKS.get((setting.name, setting.value), '')}"


def _setting(setting: Setting) -> str:
    """A setting in three lines: its value in words, and as it is typed where that differs; what it means; its bounds."""
    value = plain(setting.value, _VALUE_CHARACTERS).replace("`", "'")
    spoken = plain(amount(setting.value, setting.unit), _VALUE_CHARACTERS)
    typed = "" if value == spoken else f" = `{value}`"
    usual = f"default {amount(setting.default_value, setting.unit)}"
    bounds = _SHAPES.get(setting.kind, "On or off")
    if setting.choices:
        bounds = f"One of {', '.join(setting.choices)}"
    elif setting.minimum is not None and setting.maximum is not None:
        # "From 1 to 10 shares", but "from 1 % to 10 %".
        sign = setting.unit if setting.unit in ("bps", "paise") else ""
        bounds = f"From {amount(setting.minimum, sign)} to {amount(setting.maximum, setting.unit)}"
        if setting.unit == "bps" and int(setting.maximum) >= _NO_BOUND_BPS:
            bounds = f"From {amount(setting.minimum, sign)} upwards"
    return f"**{spoken}** · `{setting.name}`{typed}\n{setting.description}\n{bounds}, {usual}."
