"""What operators see of people's interactions: figures of each, and log lines that name it."""

import io
import logging
from collections.abc import Iterator
from unittest.mock import AsyncMock

import pytest
from redis.asyncio import Redis

from bot.client import BetJee
from bot.pictures.studio import Studio
from exchange.errors import ExchangeUnavailable
from exchange.exchange import Exchange
from runtime.limits import Limits
from runtime.logs import SecretsRemoved
from runtime.metrics import Metrics
from tests.bot.world import World


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def simcord_bot(exchange: Exchange, redis: Redis, limits: Limits, studio: Studio, metrics: Metrics) -> BetJee:
    return BetJee(exchange, redis, limits=limits, studio=studio, metrics=metrics)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the bot logs, as it would be written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(SecretsRemoved("%(name)s %(message)s"))
    logger = logging.getLogger("bot")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream
    logger.setLevel(before)
    logger.removeHandler(handler)


def counted(metrics: Metrics) -> dict[str, float]:
    """How often each thing was done, and how it ended."""
    prefix = "betjee_commands_total{"
    lines = [line for line in metrics.page().decode().splitlines() if line.startswith(prefix)]
    return {line.rpartition(" ")[0].removeprefix(prefix): float(line.rpartition(" ")[2]) for line in lines}


async def test_commands_clicks_and_forms_are_counted_by_how_they_ended(
    world: World, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
):
    await world.asks(world.asha, "portfolio")
    await world.registered(world.asha)
    quote = await world.asks(world.asha, "buy", market="22s1", shares="200")
    await world.clicks(world.asha, quote, "Confirm")
    monkeypatch.setattr(world.exchange, "list_markets", AsyncMock(side_effect=RuntimeError("a bug")))
    await world.asks(world.asha, "markets")
    world.forgive(RuntimeError, Exception)
    assert counted(metrics) == {
        'command="portfolio",outcome="refused"}': 1,
        'command="register",outcome="done"}': 1,
        'command="buy",outcome="done"}': 1,
        'command="click",outcome="done"}': 1,
        'command="markets",outcome="failed"}': 1,
    }


async def test_refusals_of_requests_are_counted_by_code(world: World, metrics: Metrics):
    await world.asks(world.meera, "board off")
    world.forgive(Exception)
    assert 'betjee_refusals_total{code="no_board"} 1.0' in metrics.page().decode()


async def test_forms_are_counted(world: World, metrics: Metrics):
    await world.registered(world.asha)
    await world.asks(world.meera, "board here")
    board = next(message for message in world.channel.history(viewer=world.asha) if message.components)
    form = await world.asha.click(board, label="Buy")
    await world.asha.submit_modal(form, {"market": ["22s1"], "shares": "10"})
    figures = counted(metrics)
    assert figures['command="click",outcome="done"}'] == 1
    assert figures['command="form",outcome="done"}'] == 1
    assert 'betjee_board_looks_total{result="edited"} 1.0' in metrics.page().decode()


async def test_every_line_about_an_interaction_names_it(
    world: World, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    await world.registered(world.asha)
    monkeypatch.setattr(world.exchange, "get_preferences", AsyncMock(side_effect=ExchangeUnavailable()))
    lines.seek(0)
    lines.truncate()
    bought = await world.asks(world.asha, "buy", market="22s1", shares="10")
    quote = await world.asks(world.asha, "buy", market="22s1", shares="200")
    await world.clicks(world.asha, quote, "Confirm")
    ids = [entry.path.split("/")[2] for entry in world.env.http_requests if entry.path.endswith("/callback")][
        -3:
    ]
    assert bought.title == "Bought 10 × 22s1"
    written = [line for line in lines.getvalue().splitlines() if line.startswith("bot.")]
    unannounced = [line for line in written if "was not announced" in line]
    assert [line.rpartition("[interaction ")[2] for line in unannounced] == [f"{ids[0]}]", f"{ids[2]}]"]
    assert any(line.endswith(f"[interaction {ids[1]}]") for line in written)
    assert all("[interaction " in line for line in written)


async def test_so_does_a_line_about_suggestions(
    world: World, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(world.exchange, "list_markets", AsyncMock(side_effect=ExchangeUnavailable()))
    await world.asha.autocomplete(world.channel, "buy", "market", "22", shares="10")
    (line,) = [line for line in lines.getvalue().splitlines() if "Suggestions without prices" in line]
    assert "[interaction " in line
