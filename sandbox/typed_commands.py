"""Commands typed as one line: `/buy 22s1 10`.

The page's composer fills a command in option by option, as Discord's does. Whoever types on, or
pastes a whole line, sends it as a message instead; here such a line becomes the command it means.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]
"""A command of the page's catalogue: `path`, `commandId`, `schemaFingerprint` and `options`."""

MENTION = re.compile(r"<@!?(?P<id>\d+)>|(?P<plain>\d{15,20})")


def command_of(line: str, entries: Sequence[Entry]) -> dict[str, Any] | None:
    """The command that a typed line means, as the page's own composer would send it, or None.

    Words fill the options in their order, or by name as in `shares:10`; the last option takes the
    rest of the line. A line that names no command, or leaves a required option out, means none.
    """
    words = line.removeprefix("/").split()
    entry = _longest_match(words, entries)
    if entry is None:
        return None
    options = _fill(words[len(entry["path"]) :], entry["options"])
    if options is None or any(
        option["required"] and option["name"] not in options for option in entry["options"]
    ):
        return None
    return {
        "kind": "run_command",
        "command_id": entry["commandId"],
        "path": entry["path"],
        "schema_fingerprint": entry["schemaFingerprint"],
        "options": options,
    }


def _longest_match(words: Sequence[str], entries: Sequence[Entry]) -> Entry | None:
    named = [
        entry for entry in entries if entry["path"] == [word.lower() for word in words[: len(entry["path"])]]
    ]
    return max(named, key=lambda entry: len(entry["path"]), default=None)


def _fill(words: Sequence[str], options: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Each option's value, or None where a word fits none."""
    waiting = {option["name"]: option for option in options}
    filled: dict[str, Any] = {}
    rest = list(words)
    while rest:
        name, separator, value = rest[0].partition(":")
        if separator and name in waiting:
            rest[0] = value
        elif waiting:
            name = next(iter(waiting))
        else:
            return None
        option = waiting.pop(name)
        takes_the_rest = not waiting and option["type"] == "string"
        text = " ".join(rest) if takes_the_rest else rest[0]
        rest = [] if takes_the_rest else rest[1:]
        filled[name] = _value(text, option)
    return filled


def _value(text: str, option: Mapping[str, Any]) -> Any:
    """A word as the value that its option's type takes; a wrong one is left for Discord's own check to refuse."""
    if option["type"] == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if option["type"] == "user" and (match := MENTION.fullmatch(text)):
        return match["id"] or match["plain"]
    for choice in option["choices"]:
        if text.lower() in (str(choice["name"]).lower(), str(choice["value"]).lower()):
            return choice["value"]
    return text
