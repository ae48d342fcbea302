"""Lines of the log: each names the interaction in hand, as text and as JSON, and none holds a secret."""

import asyncio
import io
import json
import logging

import pytest

from runtime.logs import JsonLines, SecretsRemoved, note_interaction

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"  # noqa: S105 - made up.


@pytest.fixture
def written() -> io.StringIO:
    """A stream on which a logger of the test's own writes."""
    return io.StringIO()


def logger(stream: io.StringIO, formatter: logging.Formatter) -> logging.Logger:
    made = logging.Logger("betjee.test", logging.DEBUG)  # noqa: LOG001  # one that no other test knows
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    made.addHandler(handler)
    return made


def broken() -> Exception:
    return ValueError(f"postgresql://a:hidden@/b {TOKEN}")


async def in_a_task(log: logging.Logger, interaction_id: int | None, *words: object) -> None:
    """Log something as the handling of an interaction does, in a task of its own."""

    async def handle() -> None:
        if interaction_id is not None:
            note_interaction(interaction_id)
        await asyncio.sleep(0)
        await asyncio.create_task(say())

    async def say() -> None:
        log.info(*words)

    await asyncio.create_task(handle())


async def test_a_line_names_the_interaction_that_is_in_hand_and_no_other(written: io.StringIO):
    log = logger(written, SecretsRemoved("%(levelname)s %(message)s"))
    await asyncio.gather(
        in_a_task(log, 111, "first"), in_a_task(log, 222, "second"), in_a_task(log, None, "none")
    )
    log.info("outside")
    assert sorted(written.getvalue().splitlines()) == [
        "INFO first [interaction 111]",
        "INFO none",
        "INFO outside",
        "INFO second [interaction 222]",
    ]


async def test_json_lines_can_be_read_by_programs(written: io.StringIO):
    log = logger(written, JsonLines())
    await in_a_task(log, 2**62 + 1, "two\nlines of %s", "₹")
    log.error("It broke.", exc_info=broken())
    first, second = [json.loads(line) for line in written.getvalue().splitlines()]
    assert first["interaction_id"] == str(2**62 + 1), "as a string, which no program rounds"
    assert (first["level"], first["logger"], first["message"]) == ("INFO", "betjee.test", "two\nlines of ₹")
    assert first["time"].endswith("+00:00")
    assert second["interaction_id"] is None
    assert "ValueError" in second["exception"]


@pytest.mark.parametrize("formatter", [JsonLines(), SecretsRemoved("%(message)s")])
def test_no_line_holds_a_secret(written: io.StringIO, formatter: logging.Formatter):
    log = logger(written, formatter)
    log.error("redis://:hidden@c and %s", TOKEN, exc_info=broken())
    assert "hidden" not in written.getvalue()
    assert TOKEN not in written.getvalue()
    assert written.getvalue().count("***") == 4


async def test_the_id_stands_in_the_line_and_not_below_the_trace(written: io.StringIO):
    async def handle() -> None:
        note_interaction(7)
        logger(written, SecretsRemoved("%(message)s")).error("It broke.", exc_info=broken())

    await asyncio.create_task(handle())
    assert written.getvalue().splitlines()[0] == "It broke. [interaction 7]"
