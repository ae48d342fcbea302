"""The operators' page: figures, health and readiness; and that labels are bounded."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from runtime.metrics import Metrics
from runtime.metrics_server import OperatorsPage, serving
from tests.system.odd_targets import assert_odd_targets_end

HOST = "127.0.0.1"


async def holds() -> bool:
    return True


async def holds_not() -> bool:
    return False


async def breaks() -> bool:
    raise OSError("The database is away.")


async def known() -> dict[str, float]:
    return {"outbox_lag_seconds": 3.0, "audit_age_seconds": 60.0, "audit_discrepancies": 0, "exchanges": 2}


async def get(port: int | None, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://{HOST}:{port}{path}") as answer:
        return answer.status, await answer.text()


def figure(page: str, name: str) -> str:
    """The value of one figure of the page."""
    (value,) = [line.rpartition(" ")[2] for line in page.splitlines() if line.rpartition(" ")[0] == name]
    return value


async def test_metrics_are_served(caplog: pytest.LogCaptureFixture):
    metrics = Metrics()
    metrics.command("buy", "done", 0.02)
    metrics.command("board here", "refused", 0.2)
    metrics.batch(20, 0.004)
    metrics.refusal("market_dry")
    metrics.refusal("market_dry")
    metrics.watch_limiter(lambda: "redis")
    async with serving(OperatorsPage(metrics, known, {}), HOST, 0) as port:
        status, page = await get(port, "/metrics")
    assert status == 200
    assert figure(page, 'betjee_commands_total{command="buy",outcome="done"}') == "1.0"
    assert figure(page, 'betjee_command_seconds_bucket{command="buy",le="0.025"}') == "1.0"
    assert figure(page, 'betjee_command_seconds_bucket{command="buy",le="0.01"}') == "0.0"
    assert figure(page, 'betjee_commands_total{command="board here",outcome="refused"}') == "1.0"
    assert figure(page, "betjee_batch_orders_sum") == "20.0"
    assert figure(page, 'betjee_batch_seconds_bucket{le="0.005"}') == "1.0"
    assert figure(page, 'betjee_refusals_total{code="market_dry"}') == "2.0"
    assert figure(page, "betjee_outbox_lag_seconds") == "3.0"
    assert figure(page, "betjee_audit_age_seconds") == "60.0"
    assert figure(page, 'betjee_limiter_state{state="redis"}') == "1.0"


async def test_figures_that_cannot_be_had_are_unknown_and_not_old():
    figures: list[Callable[[], Awaitable[dict[str, float]]]] = [known]

    async def ask() -> dict[str, float]:
        return await figures[-1]()

    async def away() -> dict[str, float]:
        raise OSError

    metrics = Metrics()
    page = OperatorsPage(metrics, ask, {})
    async with serving(page, HOST, 0) as port:
        assert figure((await get(port, "/metrics"))[1], "betjee_exchanges") == "2.0"
        figures.append(away)
        assert figure((await get(port, "/metrics"))[1], "betjee_exchanges") == "2.0", "it was just asked"
        page._asked_at = float("-inf")
        status, shown = await get(port, "/metrics")
        assert (status, figure(shown, "betjee_exchanges")) == (200, "NaN")


async def test_a_state_that_is_left_is_0():
    states = ["redis"]
    metrics = Metrics()
    metrics.watch_limiter(lambda: states[-1])
    metrics.page()
    states.append("memory")
    page = metrics.page().decode()
    assert figure(page, 'betjee_limiter_state{state="redis"}') == "0.0"
    assert figure(page, 'betjee_limiter_state{state="memory"}') == "1.0"


async def test_nothing_that_people_type_becomes_a_label():
    metrics = Metrics()
    for name in ("<@1>", 'x"}', "x" * 41, "", "buy\n", "₹"):
        metrics.command(name, "done", 0.1)
        metrics.refusal(name)
    for number in range(1_000):
        metrics.refusal(f"code_{'abcdefghij'[number % 10]}_{number}")
    page = metrics.page().decode()
    assert figure(page, 'betjee_commands_total{command="other",outcome="done"}') == "6.0"
    codes = [line for line in page.splitlines() if line.startswith("betjee_refusals_total{")]
    assert len(codes) <= 201
    assert sum(float(line.rpartition(" ")[2]) for line in codes) == 1_006


async def test_two_processes_measures_do_not_meet():
    first, second = Metrics(), Metrics()
    first.refusal("market_dry")
    assert "market_dry" not in second.page().decode()


async def test_health_and_readiness():
    checks = {"database": holds, "discord": holds}
    async with serving(OperatorsPage(Metrics(), known, checks), HOST, 0) as port:
        assert await get(port, "/health") == (200, '{"alive": true}')
        assert await get(port, "/ready") == (200, '{"ready": true, "database": true, "discord": true}')
        assert (await get(port, "/elsewhere"))[0] == 404
    for check in (holds_not, breaks):
        page = OperatorsPage(Metrics(), known, {"database": check, "discord": holds})
        async with serving(page, HOST, 0) as port:
            assert await get(port, "/ready") == (503, '{"ready": false, "database": false, "discord": true}')
            assert (await get(port, "/health"))[0] == 200


async def test_a_check_that_hangs_does_not_hold(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("runtime.metrics_server.ANSWER_SECONDS", 0.05)
    forever = asyncio.Event()
    async with serving(OperatorsPage(Metrics(), known, {"database": forever.wait}), HOST, 0) as port:
        assert (await get(port, "/ready"))[0] == 503


async def test_without_a_port_nothing_is_served():
    async with serving(OperatorsPage(Metrics(), known, {}), HOST, None) as port:
        assert port is None


async def test_a_port_that_is_taken_is_logged_and_the_process_goes_on(caplog: pytest.LogCaptureFixture):
    with socket.create_server((HOST, 0)) as other:
        taken = other.getsockname()[1]
        async with serving(OperatorsPage(Metrics(), known, {}), HOST, taken) as port:
            assert port is None
    assert f"port {taken} of {HOST} cannot be had" in caplog.text


async def test_it_is_served_on_this_machine_alone():
    async with serving(OperatorsPage(Metrics(), known, {}), HOST, 0) as port:
        with socket.socket() as stranger:
            stranger.settimeout(5)
            assert stranger.connect_ex((socket.gethostbyname("127.0.0.2"), port or 0)) != 0


async def test_a_request_for_no_address_ends_its_connection():
    async with serving(OperatorsPage(Metrics(), known, {}), HOST, 0) as port:
        assert port is not None
        await assert_odd_targets_end(HOST, port)
