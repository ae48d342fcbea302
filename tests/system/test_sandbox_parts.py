"""The sandbox's own small parts: commands typed as a line, and traders whom nothing stops."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from simcord.preview import _markdown, _messages

from exchange.errors import ExchangeUnavailable
from exchange.exchange import Exchange
from exchange.models import Identity
from sandbox.capability import kept_capability
from sandbox.guild import members_by_name
from sandbox.remembered_markdown import remembered_markdown
from sandbox.screen import LOOKING_SECONDS, MOST_CONTEXTS, SILENT_SECONDS, Screen
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
    entry("notifications", option("deliver", required=False, choices=("direct message", "ping", "nothing"))),
    entry("settings channel", option("channel", "channel", required=False)),
    entry(
        "wipe",
        option("members"),
        option("reason"),
        option("mode", required=False, choices=("burn", "unwind")),
    ),
    entry("settings show"),
    entry("settings set", option("name"), option("value")),
]
TYPED = TypedCommands(
    [*(" ".join(each["path"]) for each in CATALOGUE), "reports"], members_by_name(), {"betjee": 7}
)


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
        (
            "/wipe @Priya farmed the bonus mode:unwind",
            "wipe",
            {"members": "<@1450000000000000003>", "reason": "farmed the bonus", "mode": "unwind"},
        ),
        (
            "/wipe priya,<@1450000000000000009> two of them",
            "wipe",
            {"members": "<@1450000000000000003> <@1450000000000000009>", "reason": "two of them"},
        ),
        ("/notifications direct message", "notifications", {"deliver": "direct message"}),
        ("/settings channel betjee", "settings channel", {"channel": "7"}),
        ("/settings channel #BetJee", "settings channel", {"channel": "7"}),
        ("/settings channel <#1450000000000000003>", "settings channel", {"channel": "1450000000000000003"}),
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
        (
            "/settings",
            "/settings is followed by one more word: type `/settings channel` or `/settings show` or `/settings set`.",
        ),
        ("/quote hold 22s1 10", "“hold” is no choice for side: type Buy or Short."),
        (
            "/notifications nowhere",
            "“nowhere” is no choice for deliver: type Direct Message, Ping or Nothing.",
        ),
        ("/settings channel lounge", "There is no channel “lounge”: type #betjee."),
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
        ("/settings channel ", "/settings channel [channel] · channel: #betjee"),
        ("/bye 22s1", ""),
        ("hello", ""),
    ],
)
def test_a_line_that_is_being_typed_is_told_how_to_go_on(line, advice):
    assert TYPED.advice(line, CATALOGUE) == advice


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("buy 22s1 10", "/buy 22s1 10"),
        (" portfolio", "/portfolio"),
        ("buy", None),
        ("settings", None),
        ("sell everything before noon", None),
        ("hello there", None),
    ],
)
def test_a_command_without_its_slash_is_noticed(line, meant):
    assert TYPED.meant(line, CATALOGUE) == meant


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


def test_silent_contexts_are_dropped_and_a_new_one_finds_room():
    now = 0.0
    screen = Screen(cast(Any, None), cast(Any, None), cast(Any, SimpleNamespace(id=1)), lambda: now)
    for number in range(MOST_CONTEXTS):
        screen.look(f"p{number}")
        now += 1
    assert screen.silent() == []
    assert screen.silent(room_for_one=True) == ["p0"]
    screen.look("p0")
    assert screen.silent(room_for_one=True) == ["p1"]
    screen.leave("p1")
    assert screen.silent(room_for_one=True) == []
    now = 3 + SILENT_SECONDS
    assert screen.silent() == ["p2"]


def test_a_text_is_parsed_once_and_means_the_same(monkeypatch):
    parse, parsed = _markdown.markdown_tokens, []

    def counting(text: str, *words: Any, **names: Any) -> Any:
        parsed.append(text)
        return parse(text, *words, **names)

    def shown(users: dict[str, str]) -> Any:
        return vars(_messages)["markdown_tokens"](text, "message", context={"users": users})

    monkeypatch.setattr("sandbox.remembered_markdown._parse", counting)
    text = "**22s1** by <@7> at <t:1767225600:T>\n```\nmarket\n```"
    expected = parse(text, "message", context={"users": {"7": "Priya"}})
    with remembered_markdown():
        first = shown({"7": "Priya"})
        assert first == expected
        first.clear()
        assert shown({"7": "Priya"}) == expected
        assert "Someone" in str(shown({"7": "Someone"}))
    assert parsed == [text, text]
    assert shown({"7": "Priya"}) == expected
    assert parsed == [text, text]


def test_a_card_names_the_channels_that_it_mentions():
    names = {"channels": {"42": "betjee"}}
    with remembered_markdown():
        assert "#betjee" in str(
            vars(_messages)["markdown_tokens"]("It is in <#42>.", "embed_description", context=names)
        )
    assert "#betjee" not in str(
        _markdown.markdown_tokens("It is in <#42>.", "embed_description", context=names)
    )


def test_the_page_keeps_its_address_and_tells_nobody(tmp_path):
    made_up = kept_capability(tmp_path / "new")
    kept = tmp_path / "new" / "sandbox-capability"
    assert kept_capability(tmp_path / "new") == made_up
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.chmod(0o644)
    assert kept_capability(tmp_path / "new") != made_up
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_text("damaged")
    assert len(kept_capability(tmp_path / "new")) == len(made_up)


async def test_it_is_drawn_what_changed_and_only_for_those_who_look():
    now, drawn = 0.0, []

    async def refresh() -> None:
        drawn.append(now)

    env = SimpleNamespace(http_requests=[], backend=SimpleNamespace(transcript=[], messages={}))
    screen = Screen(
        cast(Any, env),
        cast(Any, SimpleNamespace(refresh=refresh)),
        cast(Any, SimpleNamespace(id=1)),
        lambda: now,
    )
    env.http_requests.append("an edit of the board")
    await screen.draw_if_changed()
    assert drawn == [], "nobody looks"
    screen.look("p1")
    screen.answered()
    await screen.draw_if_changed()
    assert drawn == [0.0], "the edit is not forgotten over somebody's suggestion"
    await screen.draw_if_changed()
    assert drawn == [0.0], "nothing has changed since"
    env.http_requests.append("an answer")
    screen.acted(shown_to_all=True)
    await screen.draw_if_changed()
    assert drawn == [0.0], "the preview itself has drawn it"
    screen.acted(shown_to_all=False)
    before = screen.drawing
    await screen.draw_if_changed()
    assert len(drawn) == 2
    assert screen.drawing == before + 1
    now = 2 * LOOKING_SECONDS
    env.http_requests.append("an edit of the board")
    await screen.draw_if_changed()
    assert len(drawn) == 2, "nobody looks any more"
