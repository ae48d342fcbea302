"""Pictures: that they are drawn, once, beside the bot, whatever becomes of the process that draws them."""

import asyncio
import contextlib
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from bot.pictures.cache import PictureCache
from bot.pictures.scenes import CurveScene, NetWorthScene, PriceScene, Scene
from bot.pictures.studio import PictureUnavailable, Studio
from exchange.models import Market
from exchange.prices import CurvePoint, Halt, MarketDetail, Period, PriceBucket, PriceHistory

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
HISTORY = PriceHistory(
    exchange_id=1,
    market="22s1",
    label="22 JAN S1",
    version=7,
    status="open",
    price_paise=1_750,
    opening_price_paise=1_663,
    change_bps=523,
    starts_at=BEGIN,
    bucket_seconds=360,
    bucket_count=241,
    buckets=(PriceBucket(3, 1_700, 1_710, 1_663, 40), PriceBucket(240, 1_750, 1_750, 1_700, 9)),
    halts=(
        Halt(BEGIN + timedelta(hours=3), BEGIN + timedelta(hours=4)),
        Halt(BEGIN + timedelta(hours=23), None),
    ),
    position_shares=10,
    average_cost_paise=1_690,
)
MARKET = Market("22s1", "22 JAN S1", "open", 1_750, 523, 40, 9_860, 0, 7)
DETAIL = MarketDetail(
    exchange_id=1,
    market=MARKET,
    price_min_paise=1_000,
    price_max_paise=100_000,
    total_shares_cap=10_000,
    remaining_shares=9_960,
    min_market_shares=100,
    tax_bps=167,
    collateral_paise=101_670,
    max_order_shares=1_000,
    band_bps=3_000,
    band_seconds=120,
    band_low_paise=1_225,
    band_high_paise=2_275,
    curve=(CurvePoint(0, 1_663), CurvePoint(5_000, 50_500), CurvePoint(9_900, 99_337)),
)
FLAT = replace(HISTORY, buckets=(), halts=(), price_paise=1_663, change_bps=0, average_cost_paise=None)
SCENES: dict[str, Scene] = {
    "price": PriceScene(HISTORY, Period.DAY),
    "a price that stood still": PriceScene(FLAT, Period.HOUR),
    "an average far above": PriceScene(replace(HISTORY, average_cost_paise=90_000), Period.ALL),
    "an average far below": PriceScene(replace(HISTORY, average_cost_paise=100), Period.ALL),
    "a second": PriceScene(replace(FLAT, bucket_count=1, bucket_seconds=1), Period.ALL),
    "a label without one letter of the font": PriceScene(replace(HISTORY, label="जनवरी"), Period.DAY),
    "a label that looks like a formula": PriceScene(replace(HISTORY, label=r"$\frac{$ $x^"), Period.DAY),
    "curve": CurveScene(DETAIL),
    "a curve at its foot": CurveScene(
        replace(DETAIL, market=replace(MARKET, sold_shares=0, price_paise=1_663))
    ),
    "a curve at its top": CurveScene(
        replace(DETAIL, market=replace(MARKET, sold_shares=9_900, price_paise=99_337))
    ),
    "net worth": NetWorthScene(((BEGIN, 2_000_000), (BEGIN + timedelta(days=1), 2_100_000))),
    "a net worth that stood still": NetWorthScene(((BEGIN, 0), (BEGIN, 0))),
}


def scene(version: int) -> PriceScene:
    return PriceScene(replace(HISTORY, version=version), Period.DAY)


@pytest.fixture
async def own_studio() -> AsyncIterator[Studio]:
    studio = Studio()
    try:
        yield studio
    finally:
        await studio.close()


def drawing_process(studio: Studio) -> psutil.Process:
    assert studio._process is not None
    return psutil.Process(studio._process.pid)


@pytest.mark.parametrize("name", SCENES)
async def test_every_scene_is_a_picture_of_one_size(studio: Studio, name: str):
    picture = await studio.draw(SCENES[name])
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">II", picture[16:24]) == (1_000, 670)


async def test_the_loop_goes_on_while_a_picture_is_drawn(studio: Studio):
    turns = 0
    drawing = asyncio.create_task(studio.draw(scene(1_000)))
    while not drawing.done():
        await asyncio.sleep(0)
        turns += 1
    assert drawing.result().startswith(b"\x89PNG")
    assert turns > 50, "a drawing on the loop lets it turn a few times, before and after"


def test_the_bot_itself_never_imports_matplotlib():
    code = "import bot.run, sys; sys.exit('matplotlib' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_a_picture_is_drawn_once_for_all_who_ask_at_once_and_later(
    own_studio: Studio, monkeypatch: pytest.MonkeyPatch
):
    asked = count_requests(own_studio, monkeypatch)
    first = await asyncio.gather(*(own_studio.draw(scene(1)) for _ in range(20)))
    assert len(set(first)) == 1
    assert await own_studio.draw(scene(1)) is first[0]
    assert len(asked) == 1
    await own_studio.draw(scene(2))
    assert len(asked) == 2, "the price has moved"


async def test_whoever_leaves_does_not_take_the_picture_from_others(own_studio: Studio):
    leaver, other = (asyncio.create_task(own_studio.draw(scene(1))) for _ in range(2))
    await asyncio.sleep(0)
    leaver.cancel()
    assert (await other).startswith(b"\x89PNG")
    assert leaver.cancelled()


async def test_more_pictures_than_can_wait_are_refused(own_studio: Studio):
    small = Studio(waiting_at_most=2)
    waiting = [asyncio.create_task(small.draw(scene(number))) for number in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(PictureUnavailable):
        await small.draw(scene(3))
    await asyncio.gather(*waiting)
    assert await small.draw(scene(3))
    await small.close()


async def test_a_process_that_has_died_is_replaced(own_studio: Studio):
    await own_studio.draw(scene(1))
    first = drawing_process(own_studio)
    first.kill()
    assert (await own_studio.draw(scene(2))).startswith(b"\x89PNG")
    assert drawing_process(own_studio).pid != first.pid


async def test_a_process_that_hangs_is_ended_and_replaced(own_studio: Studio):
    hasty = Studio()
    await hasty.draw(scene(1))
    first = drawing_process(hasty)
    first.suspend()
    hasty._render_seconds = 0.5
    with pytest.raises(PictureUnavailable, match="hung"):
        await hasty.draw(scene(2))
    assert not first.is_running()
    hasty._render_seconds = 60
    assert (await hasty.draw(scene(2))).startswith(b"\x89PNG")
    await hasty.close()


async def test_a_scene_that_cannot_be_drawn_harms_no_other(own_studio: Studio):
    broken = PriceScene(replace(HISTORY, buckets=(None,)), Period.DAY)  # type: ignore[arg-type]  # the point of it
    with pytest.raises(PictureUnavailable, match="failed"):
        await own_studio.draw(broken)
    process = drawing_process(own_studio)
    assert await own_studio.draw(scene(1))
    assert drawing_process(own_studio) == process


async def test_a_closed_studio_leaves_no_process_and_draws_no_more(own_studio: Studio):
    await own_studio.draw(scene(1))
    process = drawing_process(own_studio)
    waiting = asyncio.create_task(own_studio.draw(scene(2)))
    await asyncio.sleep(0)
    await own_studio.close()
    assert not process.is_running()
    assert waiting.cancelled()
    with pytest.raises(PictureUnavailable):
        await own_studio.draw(scene(3))


async def test_the_process_ends_with_a_bot_that_was_killed():
    code = (
        "import asyncio, os\n"
        "from bot.pictures.studio import Studio\n"
        "async def main():\n"
        "    studio = Studio()\n"
        "    print((await studio._start()).pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())"
    )
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert killed.stdout is not None
    pid = int(await killed.stdout.readline())
    await killed.wait()
    with contextlib.suppress(psutil.NoSuchProcess):
        await asyncio.to_thread(psutil.Process(pid).wait, timeout=60)


async def test_the_process_has_none_of_the_bots_secrets(own_studio: Studio, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DISCORD_TOKEN", "a secret")
    await own_studio.draw(scene(1))
    assert "DISCORD_TOKEN" not in drawing_process(own_studio).environ()


def test_a_cache_forgets_what_was_not_asked_for_the_longest():
    cache = PictureCache(10)
    cache.put(("a",), b"aaaa")
    cache.put(("b",), b"bbbb")
    assert cache.get(("a",)) == b"aaaa"
    cache.put(("c",), b"cccc")
    assert cache.get(("b",)) is None
    assert (cache.get(("a",)), cache.get(("c",))) == (b"aaaa", b"cccc")
    cache.put(("a",), b"aaaaaaaaaaa")
    assert len(cache) == 0, "what is larger than the cache is not kept"


@pytest.mark.parametrize(
    "change",
    [
        {"exchange_id": 2},
        {"market": "22s2"},
        {"version": 8},
        {"status": "halted"},
        {"average_cost_paise": 1_691},
        {"bucket_count": 242},
        {"starts_at": BEGIN + timedelta(minutes=6)},
    ],
)
def test_whatever_changes_a_picture_changes_its_key(change):
    assert PriceScene(replace(HISTORY, **change), Period.DAY).key != PriceScene(HISTORY, Period.DAY).key


def count_requests(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Each request that the drawing process gets."""
    asked: list[bytes] = []
    answer = studio._answer

    async def counted(request: bytes) -> bytes:
        asked.append(request)
        return await answer(request)

    monkeypatch.setattr(studio, "_answer", counted)
    return asked
