"""What moderators read."""

from typing import Final

import discord

from bot.replies.reply import BLUE, GREEN, lines_that_fit, reply
from bot.replies.text import grouped, money, name, percent, safe
from exchange.models import Moderator, Report, Setting, SettingChange

_VALUE_CHARACTERS: Final = 100
_REPORT_CHARACTERS: Final = 300


def setting_list(settings: list[Setting]) -> discord.Embed:
    """Everything that can be set, with its value, default and bounds."""
    return reply(
        BLUE,
        "Settings",
        lines_that_fit(_setting(setting) for setting in settings),
        footer="/settings set changes one. † applies to markets that are created later.",
    )


def setting_changed(change: SettingChange) -> discord.Embed:
    """A change, as it stands in the moderation log."""
    return reply(
        GREEN,
        "Setting changed",
        f"`{change.name}` was {safe(change.old_value, _VALUE_CHARACTERS)} and is now "
        f"**{safe(change.new_value, _VALUE_CHARACTERS)}**. The change is recorded with your name.",
    )


def moderator_list(moderators: list[Moderator]) -> discord.Embed:
    """Who moderates this exchange."""
    lines = [f"{name(moderator.display_name)} · {moderator.rank}" for moderator in moderators]
    return reply(BLUE, "Moderators", lines_that_fit(lines) or "There are none.")


def moderator_added(moderator: Moderator) -> discord.Embed:
    """Someone has become a moderator."""
    return reply(
        GREEN, "Moderator added", f"{name(moderator.display_name)} is now a moderator of this exchange."
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
    return reply(BLUE, "Reports", lines_that_fit(lines) or "There are none.")


def amount(value: str, unit: str) -> str:
    """A setting's value as people write it: paise as coins, hundredths of a percent as a percentage."""
    if not value.lstrip("-").isdecimal():
        return value
    number = int(value)
    match unit:
        case "paise":
            return money(number)
        case "bps":
            return percent(number)
        case _:
            return f"{grouped(number)} {unit}".strip()


def _setting(setting: Setting) -> str:
    bounds = f"one of {', '.join(setting.choices)}" if setting.choices else ""
    if setting.minimum is not None and setting.maximum is not None:
        bounds = f"{setting.minimum} to {setting.maximum} {setting.unit}".strip()
    meaning = amount(setting.value, setting.unit)
    spoken = f" ({meaning})" if meaning != setting.value else ""
    details = ", ".join(part for part in (bounds, f"default {setting.default_value}") if part)
    later = " †" if setting.new_markets_only else ""
    return f"`{setting.name}` = **{safe(setting.value, _VALUE_CHARACTERS)}**{spoken}{later}\n{setting.description} {details}"
