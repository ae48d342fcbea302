"""Markdown that the preview has parsed once is not parsed again, and cards mention channels as Discord's do.

The preview builds a page anew whenever anything on it changes, and parses the text of all its fifty
messages each time: measured, four fifths of what a full page costs. What a text means depends on
nothing but the text, its place and the names around it, so that it can be remembered.
"""

import json
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from simcord.preview import _component_projection, _markdown, _messages, _queries, _snapshot

TEXTS_REMEMBERED: Final = 5_000
"""More than all pages together show; what has not been shown for longest is forgotten first."""

_USERS: Final = (_component_projection, _messages, _queries, _snapshot)
"""The preview's modules that parse texts, each by a name of its own. None of its public parts lets us in there."""

_NAME: Final = "markdown_tokens"

_parse: Final = _markdown.markdown_tokens

_CARD: Final = vars(_markdown)["_FIELD_POLICIES"]["embed_description"]
"""What may stand in a card's text. The preview leaves mentions as they are typed there; Discord shows a channel's name."""


@contextmanager
def remembered_markdown() -> Iterator[None]:
    """Let the preview remember texts, and show mentions in cards, while the block lasts."""
    names = [vars(module) for module in _USERS]
    kept = [each[_NAME] for each in names]
    mentions = _CARD["mentions"]
    _CARD["mentions"] = True
    for each in names:
        each[_NAME] = _tokens
    try:
        yield
    finally:
        for each, before in zip(names, kept, strict=True):
            each[_NAME] = before
        _CARD["mentions"] = mentions
        _remembered.cache_clear()


def _tokens(
    value: Any, profile: str = "message", *, context: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    if not isinstance(value, str):
        return _parse(value, profile, context=context)
    # Whoever gets them writes into them, so each gets their own.
    tokens: list[dict[str, Any]] = pickle.loads(_remembered(value, profile, json.dumps(context)))  # noqa: S301  # our own
    return tokens


@lru_cache(TEXTS_REMEMBERED)
def _remembered(text: str, profile: str, context: str) -> bytes:
    return pickle.dumps(_parse(text, profile, context=json.loads(context)))
