"""What the bot sends is valid under Discord's own description of its HTTP API.

Each test that has a world checks all that the bot sent in it; these make sure that the check is a real one.
"""

import copy
from typing import Any

import pytest

from tests.bot.payloads import Payloads
from tests.bot.world import World


@pytest.fixture(autouse=True)
def described(payloads: Payloads | None) -> Payloads:
    if payloads is None:
        pytest.skip(
            "Discord's description of its API is not beside this repository (../shared/discord/openapi.json)"
        )
    return payloads


async def test_every_kind_of_request_is_checked(world: World, described: Payloads):
    await world.registered(world.asha)
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    quote = await world.asks(world.asha, "buy", market="22s2", shares="200")
    await world.clicks(world.asha, quote, "Confirm")
    await world.asha.autocomplete(world.channel, "buy", "shares", "5", market="22s1")
    described.checked.clear()
    described.check(world.env.http_requests)
    kinds = {request.rpartition("/")[2] for request in described.checked}
    assert kinds == {"commands", "callback", "@original", "{webhook_token}"}, (
        "commands, answers, edits, followups"
    )


async def test_the_list_of_waiting_orders_is_checked_with_all_its_buttons(world: World, described: Payloads):
    await world.registered(world.asha)
    await world.asks(world.meera, "settings set", name="max_armed_stops", value="100")
    await world.asks(world.asha, "buy", market="22s1", shares="100")
    for number in range(45):
        await world.asks(world.asha, "stoploss", market="22s1", trigger_price=f"12.{number:02d}")
    seen = await world.asks(world.asha, "orders")
    await world.clicks(world.asha, seen, "Later")
    assert len(seen.buttons) == 23, "as many as there can be"
    described.checked.clear()
    described.check(world.env.http_requests)
    assert {request.rpartition("/")[2] for request in described.checked} >= {"callback", "@original"}
    body: Any = copy.deepcopy(world.env.http_requests[-1].json)
    assert len(body["components"]) == 5
    body["components"][0]["components"] *= 2
    with pytest.raises(AssertionError, match="is not what Discord describes"):
        described.check_body("PATCH", world.env.http_requests[-1].path, body)


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("commands", (0, "description"), "x" * 101),
        ("commands", (0, "name"), "x" * 33),
        ("callback", ("type",), 99),
        ("@original", ("embeds", 0, "description"), "x" * 4_097),
        ("@original", ("embeds", 0, "fields"), [{"name": "a", "value": "b"}] * 26),
    ],
)
async def test_a_wrong_body_is_found(
    world: World, described: Payloads, kind: str, path: tuple[str | int, ...], wrong: object
):
    await world.registered(world.asha)
    await world.asks(world.asha, "buy", market="22s1", shares="10")
    request = next(item for item in reversed(world.env.http_requests) if item.path.endswith(kind))
    body = copy.deepcopy(request.json)
    target = body
    for step in path[:-1]:
        target = target[step]  # type: ignore[index]  # a JSON document
    target[path[-1]] = wrong  # type: ignore[index]  # a JSON document
    with pytest.raises(AssertionError, match="is not what Discord describes"):
        described.check_body(request.method, request.path, body)


def test_a_request_that_discord_does_not_know_is_found(described: Payloads):
    with pytest.raises(AssertionError, match="Discord describes no"):
        described.check_body("POST", "/nowhere", {})
