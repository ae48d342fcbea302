"""The replies themselves: complete, and within what Discord takes, whatever the figures are."""

import re
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import asyncpg
import discord
import pytest

from bot import replies
from bot.replies import accounts, boards, errors, moderation, notices, refusals, sign_up, stops, trades
from exchange.errors import ExchangeBusy, ExchangeUnavailable, OutcomeUnknown, RequestRejected
from exchange.models import (
    Market,
    Moderator,
    Order,
    Outcome,
    Portfolio,
    Position,
    Refusal,
    Report,
    Setting,
    Side,
    Size,
    Status,
)
from exchange.stops import ArmedStop, Stop, StopKind, TriggerPrice
from exchange.verification import Registration

LARGEST = 2**63 - 1
WORST_NAME = "*" * 200


def within_limits(embed: discord.Embed) -> bool:
    """Whether Discord takes a card."""
    return (
        len(embed) <= 6_000
        and len(embed.title or "") <= 256
        and len(embed.description or "") <= 4_096
        and len(embed.fields) <= 25
        and all(
            0 < len(field.name or "") <= 256 and 0 < len(field.value or "") <= 1_024 for field in embed.fields
        )
        and len(embed.footer.text or "") <= 2_048
    )


def outcome(side: Side, **figures: Any) -> Outcome:
    """An outcome with the largest figures there can be."""
    numbers = {name: LARGEST for name in Outcome._fields if name.endswith(("_paise", "_shares", "_bps"))}
    numbers |= {"shares": LARGEST, "request_id": LARGEST}
    return Outcome(
        **{
            **numbers,
            "status": Status.FILLED,
            "market": "22s1",
            "label": "22 JAN S1",
            "side": side,
            **figures,
        }
    )


def test_every_refusal_has_its_words():
    assert set(refusals.REASONS) == set(Refusal)


@pytest.mark.parametrize("code", list(Refusal))
@pytest.mark.parametrize("side", list(Side))
def test_every_refusal_is_a_sentence_of_what_was_asked_and_says_that_nothing_was_charged(
    code: Refusal, side: Side
):
    full = refusals.refused(outcome(side, status=Status.REFUSED, code=code))
    bare = refusals.refused(Outcome(1, Status.REFUSED, WORST_NAME, side, code=code, asked_bps=5_000))
    for embed in (full, bare):
        assert within_limits(embed)
        assert (embed.description or "").startswith(f"You asked to {side.value}")
        assert embed.footer.text == "Nothing was charged."
        assert "None" not in str(embed.to_dict())
    assert "Your balance: **₹" in (full.description or "")


@pytest.mark.parametrize(
    ("side", "asked_bps", "buying_power_paise", "possible", "said"),
    [
        (
            Side.BUY,
            1,
            100_000,
            9,
            "0.01% of your buying power does not pay for one share, which costs **10.20",
        ),
        (Side.BUY, 10_000, 500, 0, "It would cost **10.20"),
        (
            Side.SHORT,
            1,
            1_000_000,
            9,
            "0.01% of your buying power is less than the **20,327.41** that one share reserves",
        ),
        (Side.SHORT, 10_000, 500, 0, "takes **20,327.41** of your buying power; you have **5.00**"),
    ],
)
def test_a_part_that_pays_for_no_share_is_not_told_as_too_few_coins(
    side: Side, asked_bps: int, buying_power_paise: int, possible: int, said: str
) -> None:
    card = refusals.refused(
        outcome(
            side,
            status=Status.REFUSED,
            code=Refusal.INSUFFICIENT_FUNDS,
            asked_shares=None,
            asked_bps=asked_bps,
            total_paise=1_020,
            worst_loss_paise=20_327_41,
            buying_power_paise=buying_power_paise,
            possible_shares=possible,
        )
    )
    assert said in (card.description or "").replace("₹", "")


def test_a_part_for_which_the_limit_allows_no_share_is_told_the_price_of_one():
    card = refusals.refused(
        outcome(
            Side.BUY,
            status=Status.REFUSED,
            code=Refusal.LIMIT_NOT_MET,
            asked_shares=None,
            asked_bps=5_000,
            total_paise=1_698,
            limit_paise=300,
        )
    )
    assert "One share costs **₹16.98** already, more than the **₹3.00** you allowed" in (
        card.description or ""
    )


@pytest.mark.parametrize("side", list(Side))
def test_trades_are_within_limits_whatever_their_figures(side: Side):
    result = outcome(side)
    shown = (trades.filled, trades.quoted, trades.to_confirm, trades.cancelled, trades.expired)
    for embed in (show(result) for show in shown):
        assert within_limits(embed)
    assert len(trades.public_line(WORST_NAME, result)) <= 2_000


def test_an_order_without_an_answer_names_itself():
    order = Order(123, 1, "22s1", Side.BUY, Size(portion_bps=5_000))
    embed = errors.order_unknown(order, trades.asked(order))
    assert "buy 50% of 22s1" in (embed.description or "")
    assert embed.footer.text == "Order 123"


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (ExchangeUnavailable(), "The exchange could not be reached"),
        (ExchangeBusy(), "The exchange is busy"),
        (OutcomeUnknown(1), "No answer from the exchange"),
        (RequestRejected("code", "A **sentence**."), "Not done"),
        (discord.app_commands.CheckFailure(), "Not allowed"),
        (ZeroDivisionError(), "Something went wrong on our side"),
    ],
)
def test_every_error_has_its_words(error: Exception, title: str):
    embed = errors.failed(error, 123)
    assert embed.title == title
    assert within_limits(embed)
    assert errors.is_expected(error) == (not isinstance(error, ZeroDivisionError))


def test_long_lists_are_cut_and_say_so():
    position = Position("22s1", "22 JAN S1", *[LARGEST] * 8)
    money = {item.name: LARGEST for item in fields(Portfolio) if item.name.endswith("_paise")}
    portfolio = Portfolio(user_id=1, display_name=WORST_NAME, positions=(position,) * 100, **money)
    setting = Setting("a" * 40, "integer", "paise", "b" * 200, str(LARGEST), "1", "1", "2")
    report = Report(1, WORST_NAME, "*" * 1_000, datetime.now(UTC))
    market = Market("22s1", "22 JAN S1", "halted", LARGEST, LARGEST, 0, LARGEST, 0, 1)
    lists = [
        accounts.own_portfolio(portfolio),
        accounts.public_portfolio(portfolio),
        moderation.setting_list([setting] * 200),
        moderation.setting_list([setting] * 100, "Other"),
        moderation.report_list([report] * 100),
        moderation.moderator_list([Moderator(1, WORST_NAME, "discord", "1", "owner")] * 100),
        boards.market_board([market] * 100),
    ]
    for embed in lists:
        assert within_limits(embed), embed.title
        assert "more" in (embed.description or ""), embed.title
    assert within_limits(boards.help_page())
    assert within_limits(
        sign_up.registered(Registration(1, WORST_NAME, created=True, bonus_paise=1, cash_paise=1))
    )
    assert len(replies.choices.market(market)) <= 100


REFUSED_STOP = {
    "kind": "stop_loss",
    "market": WORST_NAME,
    "label": "22 JAN S1",
    "side": "sell",
    "shares": LARGEST,
    "trigger_price_paise": LARGEST,
    "trigger_sign": -1,
    "price_paise": LARGEST,
    "position_shares": LARGEST,
    "price_min_paise": LARGEST,
    "price_max_paise": LARGEST,
    "armed_count": 100,
    "armed_limit": 100,
}


async def test_every_refusal_of_a_waiting_order_has_its_words(connection_owner: asyncpg.Connection):
    source = await connection_owner.fetchval("select pg_get_functiondef('betjee.stop_refusal'::regproc)")
    known = set(re.findall(r"WHEN '(\w+)'", source, re.IGNORECASE))
    assert len(known) > 10
    assert known - {"unknown_stop", "stop_ended"} == set(stops.REFUSALS), "those two are told above the list"


@pytest.mark.parametrize("code", sorted(stops.REFUSALS))
@pytest.mark.parametrize("side", ["sell", "cover"])
@pytest.mark.parametrize("kind", ["stop_loss", "take_profit"])
def test_every_refusal_of_a_waiting_order_says_what_was_asked(code: str, side: str, kind: str):
    sign = -1 if (kind == "stop_loss") == (side == "sell") else 1
    figures = {**REFUSED_STOP, "kind": kind, "side": side, "trigger_sign": sign}
    embed = errors.failed(RequestRejected(code, "in general words", figures), 123)
    assert within_limits(embed)
    assert (embed.description or "").startswith("You asked for a ")
    assert "in general words" not in (embed.description or "")
    assert "Price now: **₹" in (embed.description or "")


def test_the_longest_list_of_waiting_orders_is_within_limits():
    soon = datetime(2026, 1, 1, tzinfo=UTC)
    worst = [
        Stop(
            stop_id=number,
            kind=StopKind.TAKE_PROFIT,
            status="suspended",
            market=f"{number:02d}{WORST_NAME}",
            label=WORST_NAME,
            side=Side.COVER,
            shares=LARGEST,
            trigger_price_paise=LARGEST,
            trigger_sign=1,
            price_paise=LARGEST,
            position_shares=-LARGEST,
            halted=True,
            halted_until=soon,
            cooldown_until=soon,
        )
        for number in range(stops.ORDERS_SHOWN)
    ]
    embed = stops.order_list(worst, before=40, after=40, said=stops.cancelled(worst[0]))
    assert within_limits(embed)
    assert within_limits(stops.armed(ArmedStop(worst[0], 100, 100)))
    assert len(replies.choices.trigger(TriggerPrice(LARGEST, LARGEST, LARGEST, "trigger_crossed"))) <= 100


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("cancelled", "Cancelled: stop-loss of **22s1** at ₹12.00."),
        ("filled", "was filled meanwhile"),
        ("lapsed", "has lapsed"),
        ("failed", "could not be executed"),
        ("of the future", "has ended"),
    ],
)
def test_an_order_that_has_ended_is_told_by_how(status: str, words: str):
    figures = {"kind": "stop_loss", "market": "22s1", "trigger_price_paise": 1_200, "status": status}
    assert words in stops.not_cancelled("stop_ended", figures)
    assert stops.not_cancelled("unknown_stop", {}) == "There is no such order of yours."


def test_times_that_lie_ahead_are_absolute():
    """A relative one would say “reopens 14 seconds ago” in a message that stays."""
    end = datetime(2026, 1, 1, tzinfo=UTC)
    halted = Market("22s1", "22 JAN S1", "halted", 1, 1, 0, 1, 0, 1, end)
    assert "reopens at <t:1767225600:T>" in str(boards.market_board([halted]).description)


def test_a_sale_that_asks_first_says_what_it_will_bring():
    sale = trades.to_confirm(outcome(Side.SELL)).description or ""
    assert "it will not bring less than" in sale
    assert "it will not cost more than" in (trades.to_confirm(outcome(Side.BUY)).description or "")


def test_an_old_alert_does_not_speak_of_now():
    detail = {"market": "22s1", "label": "22 JAN S1", "alert_price_paise": 1780, "price_paise": 1811}
    assert "it was then **₹18.11**" in notices.told("price_alert", detail).sentence
