"""What moderators read of the record: each entry is a sentence that says who did what, to whom, and why."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import discord

from bot.replies import signals
from bot.replies.moderation import amount
from bot.replies.reply import BLUE, lines_that_fit, reply
from bot.replies.text import called, grouped, name, plain, safe
from exchange.acts import Act, Person

_NAMES_SHOWN: Final = 10
"""As many as keep one entry about a crowd from pushing the others off the page; `/wipes list` names more."""

_REASON_CHARACTERS: Final = 300
_VALUE_CHARACTERS: Final = 60
_MARKET_CHARACTERS: Final = 20


def moderation_log(acts: list[Act]) -> discord.Embed:
    """A page of the record, the newest first."""
    return reply(
        BLUE,
        "Moderation log",
        lines_that_fit(map(act_line, acts), between="\n\n") or "Nothing more is on the record.",
        footer=f"Older: /modlog before:{acts[-1].sequence}"
        if acts and acts[-1].act != "open_exchange"
        else None,
    )


def act_line(act: Act) -> str:
    """An entry of the record in one line: its number, when, and the sentence."""
    who = "The exchange" if act.moderator_user_id == 0 else called(act.moderator)
    words = SENTENCES.get(act.act, _later)
    return f"`{act.sequence}` {discord.utils.format_dt(act.recorded_at, 'f')} {who} {words(act)}"


def _later(act: Act) -> str:
    """An act that a newer database knows."""
    return f"{plain(act.act).replace('_', ' ')}{_about_member(act)}{_why(act)}"


def _about_member(act: Act) -> str:
    return f" {called(act.member)}" if act.member else ""


def _why(act: Act) -> str:
    reason = act.detail.get("reason")
    return f": {safe(str(reason), _REASON_CHARACTERS)}" if reason else ""


def _number(act: Act, noun: str) -> str:
    """By which number `/wipes` or `/unban` knows what the entry is about."""
    number = act.detail.get(f"{noun}_id")
    return f" ({noun} {number})" if isinstance(number, int) else ""


def _whom(act: Act) -> str:
    """The people whom an entry about many is about, as many as are shown, and how many more."""
    shown: tuple[Person, ...] = act.members[:_NAMES_SHOWN]
    names = [called(person) for person in shown]
    rest = act.members_total - len(shown)
    if not names:
        return f"{grouped(rest)} members" if rest else "nobody who is still known"
    return ", ".join(names) + (f" and {grouped(rest)} more" if rest > 0 else "")


def _channel(act: Act) -> str | None:
    channel = str(act.detail.get("channel_id") or "")
    return f"<#{channel}>" if channel.isdecimal() else None


def _market(act: Act) -> str:
    return f"**{safe(str(act.detail.get('market', '')), _MARKET_CHARACTERS)}**"


def _suspicion(act: Act) -> str:
    """A suspicion by the title under which `/suspects` lists it."""
    title = signals.title(str(act.detail.get("kind", "")), int(act.detail.get("cluster_id", 0)))
    return f"the suspicion “{title}”"


def _length(act: Act) -> str:
    until = act.detail.get("banned_until")
    if not until:
        return " until a moderator ends it"
    return f" until {discord.utils.format_dt(datetime.fromisoformat(until), 'f')}"


def _fate(act: Act) -> str:
    return "unwind their positions" if act.detail.get("mode") == "unwind" else "burn their shares"


def _banned(act: Act) -> str:
    return f"banned {called(act.member)}{_length(act)}{_number(act, 'ban')}{_why(act)}"


def _banned_network(act: Act) -> str:
    return f"banned a network, from which nobody new signs up,{_length(act)}{_number(act, 'ban')}{_why(act)}"


def _unbanned(act: Act) -> str:
    whose = "a network" if act.detail.get("subject") == "network" else called(act.member)
    return f"ended the ban of {whose}{_number(act, 'ban')}"


def _changed_setting(act: Act) -> str:
    old, new = (_value(act, act.detail.get(key)) for key in ("old_value", "new_value"))
    return f"changed the setting `{plain(str(act.detail.get('name', '')), _VALUE_CHARACTERS)}` from {old} to {new}"


def _value(act: Act, value: Any) -> str:
    if value is None:
        return "its default"
    return f"**{safe(amount(str(value), act.unit or ''), _VALUE_CHARACTERS)}**"


def _planned_wipe(act: Act) -> str:
    return f"froze {_whom(act)}, and planned to wipe them and {_fate(act)}{_number(act, 'wipe')}{_why(act)}"


def _executed_wipe(act: Act) -> str:
    done = "unwound their positions" if act.detail.get("mode") == "unwind" else "burned their shares"
    return f"wiped {_whom(act)} and {done}{_number(act, 'wipe')}{_why(act)}"


def _failed_wipe(act: Act) -> str:
    number = act.detail.get("wipe_id", "")
    return (
        f"could not wipe {_whom(act)}{_number(act, 'wipe')}: nothing has changed, and they stay frozen until somebody "
        f"gives `/wipes undo {number}`"
    )


def _undid_wipe(act: Act) -> str:
    cause = act.detail.get("cause")
    since = f", since {safe(str(cause), _REASON_CHARACTERS)}" if cause else ""
    return f"undid the wipe of {_whom(act)}{_number(act, 'wipe')}{since}"


def _froze_suspects(act: Act) -> str:
    return f"froze the members of {_suspicion(act)}: {_whom(act)}"


def _released_suspects(act: Act) -> str:
    whom = f"{called(act.member)} from" if act.member else "everyone of"
    count = int(act.detail.get("released", 0))
    marks = f"; {grouped(count)} {'mark' if count == 1 else 'marks'} ended" if count else ""
    return f"released {whom} {_suspicion(act)}{marks}"


def _halted(act: Act) -> str:
    return f"halted trading in {_market(act)}{_why(act)}"


def _chose(what: str, *, otherwise: str) -> Callable[[Act], str]:
    """The words for a channel that was chosen as `what`, or for none."""

    def sentence(act: Act) -> str:
        channel = _channel(act)
        return otherwise if channel is None else f"chose {channel} as {what}"

    return sentence


def _put_board(act: Act) -> str:
    return f"put the live board, the message with all prices, in {_channel(act) or 'a channel'}"


def _removed_board(act: Act) -> str:
    return f"removed the live board, the message with all prices, from {_channel(act) or 'a channel'}"


def _became_owner(act: Act) -> str:
    before = f", which {called(act.member)} owned before" if act.detail.get("from_user_id") else ""
    return f"became the owner of this exchange{before}"


def _opened(act: Act) -> str:
    return f"opened the exchange of {name(str(act.detail.get('name', '')))}"


SENTENCES: Final[dict[str, Callable[[Act], str]]] = {
    "add_moderator": lambda act: f"made {called(act.member)} a moderator",
    "ban_network": _banned_network,
    "ban_user": _banned,
    "change_setting": _changed_setting,
    "execute_wipe": _executed_wipe,
    "fail_wipe": _failed_wipe,
    "freeze_suspects": _froze_suspects,
    "freeze_user": lambda act: f"froze {called(act.member)}{_why(act)}",
    "halt_market": _halted,
    "open_exchange": _opened,
    "plan_wipe": _planned_wipe,
    "put_board": _put_board,
    "release_suspects": _released_suspects,
    "remove_board": _removed_board,
    "remove_moderator": lambda act: f"took the role of a moderator from {called(act.member)}",
    "resign": lambda _: "deleted their own account, and moderates no longer",
    "resume_market": lambda act: f"resumed trading in {_market(act)}",
    "second_wipe": lambda act: f"agreed to the wipe of {_whom(act)}{_number(act, 'wipe')}",
    "set_audit_channel": _chose(
        "the audit channel, in which these entries are posted",
        otherwise="turned the audit channel off: these entries are posted nowhere",
    ),
    "set_channel": _chose(
        "the channel in which the exchange speaks",
        otherwise="let the exchange speak in the server's own channel again",
    ),
    "set_moderators_channel": _chose(
        "the channel in which moderators are told of suspicions",
        otherwise="turned the moderators' channel off: each moderator is told alone",
    ),
    "transfer_ownership": _became_owner,
    "unban": _unbanned,
    "undo_wipe": _undid_wipe,
    "unfreeze_user": lambda act: f"ended the freeze of {called(act.member)}",
}
"""What each act of the record is called, after the name of who did it."""
