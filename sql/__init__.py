"""The exchange itself: the SQL texts, in the order in which they are applied."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

_MIGRATION_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")


@dataclass(frozen=True, slots=True)
class Script:
    """One SQL file: its name without the ending, and its text."""

    name: str
    text: str


def roles() -> str:
    """The statements that make the roles; idempotent, to be run by a superuser."""
    return (files(__name__) / "roles.sql").read_text("utf-8")


def migrations() -> list[Script]:
    """The numbered migrations, which are append-only and applied once each, in order."""
    found = [
        Script(item.name.removesuffix(".sql"), item.read_text("utf-8"))
        for item in (files(__name__) / "migrations").iterdir()
        if _MIGRATION_NAME.match(item.name)
    ]
    return sorted(found, key=lambda script: script.name)


def functions() -> list[Script]:
    """The functions, one to a file, re-applied whole; types they share are in the migrations."""
    found = [
        Script(item.name.removesuffix(".sql"), item.read_text("utf-8"))
        for item in (files(__name__) / "functions").iterdir()
        if item.name.endswith(".sql")
    ]
    return sorted(found, key=lambda script: script.name)
