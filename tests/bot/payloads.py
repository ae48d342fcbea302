"""Discord's own description of its HTTP API, and whether what the bot sent is valid under it."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from jsonschema import Draft202012Validator
from simcord import HttpLogEntry

_WRITES = {"POST", "PUT", "PATCH"}


class Payloads:
    """Finds the schema of a request by its method and path, and validates its body."""

    def __init__(self, description: dict[str, Any]) -> None:
        self._components = description["components"]
        self._templates = [
            (template, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template)), methods)
            for template, methods in sorted(description["paths"].items(), key=lambda path: path[0].count("{"))
        ]
        self._validators: dict[tuple[str, str], Draft202012Validator] = {}
        self.checked: set[str] = set()

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the OpenAPI document."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def check(self, requests: Iterable[HttpLogEntry]) -> None:
        """Fail on the first body that is not valid, naming what is wrong with it."""
        for request in requests:
            if request.method in _WRITES and request.json is not None:
                self.check_body(request.method, request.path, request.json)

    def check_body(self, method: str, path: str, body: Any) -> None:
        """Fail unless a body is valid for that request."""
        template, schema = self._schema_of(method, path)
        validator = self._validators.get((method, template))
        if validator is None:
            validator = Draft202012Validator({**schema, "components": self._components})
            self._validators[method, template] = validator
        errors = validator.iter_errors(_as_described(body))
        problems = [f"{error.json_path}: {error.message[:500]}" for error in errors]
        assert not problems, f"{method} {path} is not what Discord describes: {problems}\n{body}"
        self.checked.add(f"{method} {template}")

    def _schema_of(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        for template, pattern, methods in self._templates:
            if pattern.fullmatch(path) and method.lower() in methods:
                content = methods[method.lower()]["requestBody"]["content"]
                return template, content["application/json"]["schema"]
        raise AssertionError(f"Discord describes no {method} {path}")


def _as_described(body: Any) -> Any:
    """The body, with the places of new files as strings: Discord's documentation numbers them, and takes both."""
    if not isinstance(body, dict) or not body.get("attachments"):
        return body
    files = [{**file, "id": str(file["id"])} for file in body["attachments"]]
    return {**body, "attachments": files}
