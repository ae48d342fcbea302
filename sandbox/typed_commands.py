"""Commands typed as one line: `/buy 22s1 10`.

The page's composer fills a command in option by option, as Discord's does. Whoever types on, or
pastes a whole line, sends it as a message instead; here such a line becomes the command it means,
or a sentence that says what is wrong with it and what to type.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.inputs import nearest
from bot.replies.text import plain

Entry = Mapping[str, Any]
"""A command of the page's catalogue: `path`, `commandId`, `schemaFingerprint` and `options`."""

Option = Mapping[str, Any]

MENTION = re.compile(r"<@!?(?P<id>\d+)>|(?P<plain>\d{15,20})")

CHANNEL = re.compile(r"<#(?P<id>\d+)>|(?P<plain>\d{15,20})")


PROSE = ("reason", "text")
"""Options that are sentences: they take all words up to the next one that names an option."""


class LineUnreadable(Exception):
    """A typed line means no command; the message says what to type instead."""


class TypedCommands:
    """Reads typed lines. It knows all commands of the bot, and members and channels by the names people call them."""

    def __init__(
        self, invocations: Sequence[str], members: Mapping[str, int], channels: Mapping[str, int]
    ) -> None:
        self._invocations = invocations
        self._channels = {name.casefold(): str(identity) for name, identity in channels.items()}
        self._members = {name.casefold(): str(identity) for name, identity in members.items()}
        # Of each member the first name is the one to suggest.
        self._member_names: dict[str, str] = {}
        for name, identity in members.items():
            self._member_names.setdefault(str(identity), name)

    def command_of(self, line: str, entries: Sequence[Entry]) -> dict[str, Any]:
        """The command that a typed line means, as the page's own composer would send it.

        `entries` are the commands that its sender may use. Words fill the options in their order, or
        by name as in `shares:10`; the last option takes the rest of the line, and a sentence such as a
        reason all words up to the next name. Raises LineUnreadable.
        """
        words = line.removeprefix("/").split()
        entry = _longest_match(words, entries)
        if entry is None:
            raise LineUnreadable(self._why_unknown([word.lower() for word in words], entries))
        options = self._fill(words[len(entry["path"]) :], entry)
        missing = [
            option["name"]
            for option in entry["options"]
            if option["required"] and option["name"] not in options
        ]
        if missing:
            raise LineUnreadable(f"{_call(entry)} needs {' and '.join(missing)}: type `{_usage(entry)}`.")
        return {
            "kind": "run_command",
            "command_id": entry["commandId"],
            "path": entry["path"],
            "schema_fingerprint": entry["schemaFingerprint"],
            "options": options,
        }

    def advice(self, line: str, entries: Sequence[Entry]) -> str:
        """How to go on with a line that is being typed: how its command is typed, and what its next option means."""
        words = line.removeprefix("/").split()
        entry = _longest_match(words, entries) if line.startswith("/") else None
        if entry is None or not entry["options"]:
            return ""
        typed = len(words) - len(entry["path"]) - (not line[-1].isspace())
        option = entry["options"][max(0, min(typed, len(entry["options"]) - 1))]
        meaning = _choices(option) or option["description"]
        if option["type"] == "user":
            meaning = ", ".join(self._member_names.values())
        if option["type"] == "channel":
            meaning = _listed([f"#{name}" for name in self._channels])
        return f"{_usage(entry)} · {option['name']}: {meaning}"

    def meant(self, line: str, entries: Sequence[Entry]) -> str | None:
        """The command that a message without a slash would be, as it is typed; None for what is only a message."""
        command = f"/{line.strip()}"
        try:
            self.command_of(command, entries)
        except LineUnreadable:
            return None
        return command

    def _why_unknown(self, words: Sequence[str], entries: Sequence[Entry]) -> str:
        """What is wrong with a line that begins with none of the commands its sender may use."""
        usable = [" ".join(entry["path"]) for entry in entries]
        if not words:
            return "Type a command after the slash, such as `/help`."
        group = [f"`/{invocation}`" for invocation in usable if invocation.split()[0] == words[0]]
        if group:
            return f"/{words[0]} is followed by one more word: type {' or '.join(group)}."
        if any(invocation.split()[0] == words[0] for invocation in self._invocations):
            return f"Only moderators may use /{words[0]}. “Viewing as” makes you the moderator."
        near = nearest(words[0], usable)
        advice = "`/help` lists them all." if near is None else f"Did you mean `/{near}`?"
        return f"There is no command /{plain(words[0])}. {advice}"

    def _fill(self, words: Sequence[str], entry: Entry) -> dict[str, Any]:
        """Each option's value; raises LineUnreadable where a word fits none."""
        waiting = {option["name"]: option for option in entry["options"]}
        filled: dict[str, Any] = {}
        rest = list(words)
        while rest:
            name, separator, value = rest[0].partition(":")
            if separator and name in waiting:
                rest[0] = value
            elif waiting:
                name = next(iter(waiting))
            else:
                raise LineUnreadable(f"“{plain(' '.join(rest))}” is too much: type `{_usage(entry)}`.")
            option = waiting.pop(name)
            taken = 1
            if name in PROSE:
                taken = next((place for place, word in enumerate(rest) if _names(word, waiting)), len(rest))
            elif not waiting and option["type"] in ("string", "user"):
                taken = len(rest)
            filled[name] = self._value(" ".join(rest[:taken]), option)
            rest = rest[taken:]
        return filled

    def _value(self, text: str, option: Option) -> Any:
        """A word as the value that its option's type takes. Raises LineUnreadable where it is none of the choices."""
        if option["type"] == "boolean" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if option["type"] == "user":
            return self._member(text)
        if option["type"] == "channel":
            return self._channel(text)
        if option["name"] == "members":
            return " ".join(f"<@{self._member(member)}>" for member in text.split(",") if member)
        for choice in option["choices"]:
            if text.lower() in (str(choice["name"]).lower(), str(choice["value"]).lower()):
                return choice["value"]
        if option["choices"]:
            raise LineUnreadable(
                f"“{plain(text)}” is no choice for {option['name']}: type {_choices(option)}."
            )
        return text

    def _channel(self, text: str) -> str:
        """The id of a channel that is mentioned, or called by its name, with or without a #."""
        if match := CHANNEL.fullmatch(text):
            return match["id"] or match["plain"]
        called = text.removeprefix("#").strip().casefold()
        if called in self._channels:
            return self._channels[called]
        known = _listed([f"#{name}" for name in self._channels])
        raise LineUnreadable(f"There is no channel “{plain(text)}”: type {known}.")

    def _member(self, text: str) -> str:
        """The id of a member who is mentioned, or called by a name, with or without an @."""
        if match := MENTION.fullmatch(text):
            return match["id"] or match["plain"]
        called = text.removeprefix("@").strip().casefold()
        if called in self._members:
            return self._members[called]
        near = nearest(called, list(self._members))
        known = ", ".join(self._member_names.values())
        advice = f"Members are {known}."
        if near is not None:
            advice = f"Did you mean {self._member_names[self._members[near]]}?"
        raise LineUnreadable(f"There is no member “{plain(text)}”. {advice}")


def _longest_match(words: Sequence[str], entries: Sequence[Entry]) -> Entry | None:
    named = [
        entry for entry in entries if entry["path"] == [word.lower() for word in words[: len(entry["path"])]]
    ]
    return max(named, key=lambda entry: len(entry["path"]), default=None)


def _choices(option: Option) -> str:
    return _listed([str(choice["name"]) for choice in option["choices"]])


def _listed(words: Sequence[str]) -> str:
    """Words of which one is to be typed: `buy, sell or short`."""
    return " or ".join([*([", ".join(words[:-1])] if len(words) > 1 else []), *words[-1:]])


def _call(entry: Entry) -> str:
    return f"/{' '.join(entry['path'])}"


def _usage(entry: Entry) -> str:
    """How a command is typed: `/buy market shares [max_cost]`."""
    options = [option["name"] if option["required"] else f"[{option['name']}]" for option in entry["options"]]
    return " ".join([_call(entry), *options])


def _names(word: str, options: Mapping[str, Option]) -> bool:
    """Whether a word names one of these options, as `mode:` does."""
    name, separator, _ = word.partition(":")
    return bool(separator) and name in options
