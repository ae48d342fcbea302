"""The sandbox's own small parts: commands typed as a line, and traders whom nothing stops."""

import asyncio
from typing import cast

import pytest

from exchange.errors import ExchangeUnavailable
from exchange.exchange import Exchange
from exchange.models import Identity
from sandbox.guild import members_by_name
from sandbox.traders import Trader
from sandbox.typed_commands import LineUnreadable, TypedCommands

SECONDS = 10


def option(name, kind="string", *, required=True, choices=()):
    return {
        "name": name,
        "type": kind,
        "required": required,
        "description": f"what {name} means",
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
TYPED = TypedCommands([*(" ".join(each["path"]) for each in CATALOGUE), "reports"], members_by_name())


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
        ("/portfolio Priya", "portfolio", {"member": "1450000000000000003"}),
        ("/portfolio @priya", "portfolio", {"member": "1450000000000000003"}),
        ("/portfolio member:PRIYA", "portfolio", {"member": "1450000000000000003"}),
        ("/portfolio Meera (moderator)", "portfolio", {"member": "1450000000000000002"}),
        ("/report the price of 22s1 is odd", "report", {"text": "the price of 22s1 is odd"}),
        ("/settings show", "settings show", {}),
        ("/settings set tax_bps 100", "settings set", {"name": "tax_bps", "value": "100"}),
    ],
)
def test_a_typed_line_is_the_command_it_means(line, command, options):
    assert TYPED.command_of(line, CATALOGUE) == {
        "kind": "run_command",
        "command_id": command,
        "path": command.split(),
        "schema_fingerprint": f"of {command}",
        "options": options,
    }


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/", "Type a command after the slash, such as `/help`."),
        ("/bye 22s1 10", "There is no command /bye. Did you mean `/buy`?"),
        ("/xyzzy", "There is no command /xyzzy. `/help` lists them all."),
        ("/buy", "/buy needs market and shares: type `/buy market shares [max_cost]`."),
        ("/buy 22s1", "/buy needs shares: type `/buy market shares [max_cost]`."),
        ("/settings", "/settings is followed by one more word: type `/settings show` or `/settings set`."),
        ("/settings show all", "“all” is too much: type `/settings show`."),
        ("/reports", "Only moderators may use /reports. “Viewing as” makes you the moderator."),
        ("/portfolio Prya", "There is no member “Prya”. Did you mean Priya?"),
    ],
)
def test_a_line_that_means_no_command_is_answered_by_what_to_type(line, sentence):
    with pytest.raises(LineUnreadable) as error:
        TYPED.command_of(line, CATALOGUE)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("/buy ", "/buy market shares [max_cost] · market: what market means"),
        ("/buy 22s", "/buy market shares [max_cost] · market: what market means"),
        ("/buy 22s1 ", "/buy market shares [max_cost] · shares: what shares means"),
        ("/buy 22s1 10 500 9", "/buy market shares [max_cost] · max_cost: what max_cost means"),
        ("/quote ", "/quote side market shares · side: Buy or Short"),
        ("/settings show ", ""),
        ("/bye 22s1", ""),
        ("hello", ""),
    ],
)
def test_a_line_that_is_being_typed_is_told_how_to_go_on(line, advice):
    assert TYPED.advice(line, CATALOGUE) == advice


def test_a_name_that_is_like_no_members_is_answered_by_all_of_them():
    with pytest.raises(LineUnreadable, match=r"Members are You, Meera \(moderator\), Priya, Arjun"):
        TYPED.command_of("/portfolio xyzzy", CATALOGUE)


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
