"""The sandbox's own small parts: commands typed as a line, and traders whom nothing stops."""

import asyncio
from typing import cast

import pytest

from exchange.errors import ExchangeUnavailable
from exchange.exchange import Exchange
from exchange.models import Identity
from sandbox.traders import Trader
from sandbox.typed_commands import command_of

SECONDS = 10


def option(name, kind="string", *, required=True, choices=()):
    return {
        "name": name,
        "type": kind,
        "required": required,
        "choices": [{"name": choice.title(), "value": choice} for choice in choices],
    }


def entry(path, *options):
    return {
        "path": path.split(),
        "commandId": path,
        "schemaFingerprint": f"of {path}",
        "options": list(options),
    }


CATALOGUE = [
    entry("buy", option("market"), option("shares"), option("max_cost", required=False)),
    entry("quote", option("side", choices=("buy", "short")), option("market"), option("shares")),
    entry("portfolio", option("member", "user", required=False)),
    entry("report", option("text")),
    entry("settings show"),
    entry("settings set", option("name"), option("value")),
]


@pytest.mark.parametrize(
    ("line", "command", "options"),
    [
        ("/buy 22s1 10", "buy", {"market": "22s1", "shares": "10"}),
        ("/BUY  22s1   50%", "buy", {"market": "22s1", "shares": "50%"}),
        ("/buy 22s1 10 500", "buy", {"market": "22s1", "shares": "10", "max_cost": "500"}),
        ("/buy shares:10 market:22s1", "buy", {"market": "22s1", "shares": "10"}),
        ("/quote Short 22s1 max", "quote", {"side": "short", "market": "22s1", "shares": "max"}),
        ("/portfolio", "portfolio", {}),
        ("/portfolio <@1450000000000000003>", "portfolio", {"member": "1450000000000000003"}),
        ("/report the price of 22s1 is odd", "report", {"text": "the price of 22s1 is odd"}),
        ("/settings show", "settings show", {}),
        ("/settings set tax_bps 100", "settings set", {"name": "tax_bps", "value": "100"}),
    ],
)
def test_a_typed_line_is_the_command_it_means(line, command, options):
    assert command_of(line, CATALOGUE) == {
        "kind": "run_command",
        "command_id": command,
        "path": command.split(),
        "schema_fingerprint": f"of {command}",
        "options": options,
    }


@pytest.mark.parametrize(
    "line", ["/", "/hello there", "/buy", "/buy 22s1", "/settings", "/settings show all"]
)
def test_a_line_that_means_no_command_stays_a_message(line):
    assert command_of(line, CATALOGUE) is None


@pytest.mark.parametrize("fault", [ExchangeUnavailable(), RuntimeError("a fault in the scenery")])
async def test_a_trader_goes_on_whatever_happens(fault):
    asked = asyncio.Semaphore(0)

    class BrokenExchange:
        async def register_user(self, *_):
            asked.release()
            raise fault

    trader = Trader(
        cast(Exchange, BrokenExchange()), 1, Identity("discord", "1", "Aarav"), 0.001, lambda *_: None
    )
    trading = asyncio.create_task(trader.trade())
    async with asyncio.timeout(SECONDS):
        for _ in range(3):
            await asked.acquire()
    assert not trading.done()
    trading.cancel()
