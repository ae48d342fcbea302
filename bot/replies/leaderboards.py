"""What everyone reads of each other's success: the leaderboards, and the daily post."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

import discord

from bot.replies.columns import PHONE_COLUMNS, cell
from bot.replies.reply import BLUE, GREY, reply
from bot.replies.text import change, grouped, money, name, plain, profit, safe
from exchange.models import Json, User
from exchange.standings import Board, Leaderboard, Period, Standing

BOARDS: Final = {
    Board.NET_WORTH: "net worth",
    Board.REALISED: "realised profit",
    Board.GAIN: "gain",
    Board.BEST_TRADE: "best trade",
}
"""How each leaderboard is spoken of."""

PERIODS: Final = {Period.DAY: "24 hours", Period.WEEK: "7 days", Period.ALL: "all time"}
"""How each period is spoken of."""

_EXPLAINED: Final = {
    Board.NET_WORTH: "The balance and what closing every position would really bring: the middle of the last 24 hourly values, "
    "so one lucky minute counts for nothing. The percentage is its gain",
    Board.GAIN: "How far net worth, the middle of the last 24 hourly values, has risen",
    Board.REALISED: "The profit before tax that closing positions has brought",
    Board.BEST_TRADE: "The one trade of each member that has brought the most profit, before tax",
}
_OVER: Final = {Period.DAY: "in 24 hours.", Period.WEEK: "in 7 days.", Period.ALL: "since the start."}
_NAME_COLUMNS: Final = 8
"""A name is cut to no fewer, however long the figures are."""

_WHOLE_COINS_FROM_PAISE: Final = 1_000_00
"""From a thousand coins on, a table leaves out the paise: names need the room more."""

_MARKET_CHARACTERS: Final = 12
_MOVERS: Final = 5


def leaderboard(board: Leaderboard) -> discord.Embed:
    """A page of a leaderboard, as a table that is narrow enough for a phone."""
    if not board.standings:
        return reply(BLUE, _title(board), _nobody(board))
    made = "" if board.refreshed_at is None else f", {_moment(board.refreshed_at)}"
    return reply(
        BLUE,
        _title(board),
        f"{_table(board.board, board.standings)}\n"
        f"Page {grouped(board.page)} of {grouped(board.pages)} · {_members(board.members)}{made}"
        f"{_empty(board.empty_places)}",
        footer=f"{_EXPLAINED[board.board]} {_OVER[board.period]}",
    )


def own_standing(user: User, board: Board, period: Period, standing: Standing | None) -> discord.Embed:
    """Where the person who asks stands."""
    title = f"Your rank by {BOARDS[board]}, {PERIODS[period]}"
    if standing is None:
        return reply(BLUE, title, _absent(user, board))
    figures = [
        ("Rank", f"{grouped(standing.rank)} of {grouped(standing.members or standing.rank)}"),
        *_own_figures(standing),
    ]
    return reply(BLUE, title, name(user.display_name), figures)


def not_yours() -> discord.Embed:
    """The answer to someone who turns the pages of another person's leaderboard."""
    return reply(
        GREY, "Not yours", "Only the person who asked can turn these pages; `/leaderboard` shows them to you."
    )


def post(detail: Json) -> str:
    """The daily post: the first ten, and who has moved since the last one."""
    standings = [Standing.from_json({"user_id": 0, **item}) for item in detail["standings"]]
    before = [item.get("place_before") for item in detail["standings"]]
    moves = [_move(place, earlier) for place, earlier in enumerate(before, start=1)] if any(before) else []
    lines = [_table(Board.NET_WORTH, standings, moves)] if standings else []
    if moves:
        lines.append("▲ and ▼ are since the last post; * is new among the ten.")
    since = detail["since"] and _moment(datetime.fromisoformat(detail["since"]))
    for words, movers in (("Risen", detail["risen"]), ("Fallen", detail["fallen"])):
        if movers:
            told = ", ".join(
                f"{name(str(mover['display_name']))} {profit(mover['change_paise'])}"
                for mover in movers[:_MOVERS]
            )
            lines.append(f"{words} most since {since}: {told}")
    lines.append(
        f"{_members(detail['members'])}, with their gain in 24 hours; `/leaderboard` shows them all."
    )
    return "\n".join(lines)


def _title(board: Leaderboard) -> str:
    return f"Leaderboard by {BOARDS[board.board]}, {PERIODS[board.period]}"


def _members(count: int) -> str:
    return "1 member" if count == 1 else f"{grouped(count)} members"


def _empty(places: int) -> str:
    """Why a page has fewer lines than places, where it has."""
    if not places:
        return ""
    counted = "1 place is" if places == 1 else f"{grouped(places)} places are"
    return f"\n{counted} empty here: who is frozen or banned is not shown, and the next leaderboard is without them."


def _nobody(board: Leaderboard) -> str:
    if board.members:
        return "Nobody of this page is here any more; the next leaderboard is without them."
    if board.board in (Board.NET_WORTH, Board.GAIN):
        return "Nobody is on it yet: it is made anew within some minutes of a change. `/register` makes you the first."
    return "Nobody has closed a position with a profit in this time, or the leaderboard is not made yet."


def _absent(user: User, board: Board) -> str:
    if user.status != "active":
        return f"You are not on it: nobody is whose account is {user.status}."
    if board is Board.BEST_TRADE:
        return (
            "You are not on it: it has the best 200 members who closed a position with a profit in this time."
        )
    if board is Board.REALISED:
        return "You are not on it: you have closed no position in this time, or the leaderboard is not made anew yet."
    return "You are not on it yet: the leaderboard is made anew within some minutes."


def _own_figures(standing: Standing) -> Iterable[tuple[str, str]]:
    if standing.net_worth_paise is not None:
        yield "Net worth", money(standing.net_worth_paise)
    if standing.gain_bps is not None:
        yield "Gain", change(standing.gain_bps)
    if standing.realised_paise is not None:
        yield "Profit before tax", profit(standing.realised_paise)
    if standing.market is not None and standing.shares is not None and standing.executed_at is not None:
        yield (
            "Trade",
            f"{grouped(standing.shares)} × {safe(standing.market, _MARKET_CHARACTERS)}, {_moment(standing.executed_at)}",
        )


def _table(board: Board, standings: Iterable[Standing], moves: Iterable[str] = ()) -> str:
    """A line for each: rank, name, and the figures, right-aligned; the name takes what they leave."""
    standings = list(standings)
    figures = _columns_of_figures(board, standings)
    ranks = [grouped(standing.rank) for standing in standings]
    marks = list(moves) or [""] * len(figures)
    widths = [max(len(row[column]) for row in figures) for column in range(len(figures[0]))]
    rank_width, mark_width = max(map(len, ranks)), max(map(len, marks))
    taken = rank_width + mark_width + 1 + sum(width + 1 for width in widths)
    room = max(_NAME_COLUMNS, PHONE_COLUMNS - taken)
    lines = [
        f"{rank:>{rank_width}}{mark:<{mark_width}} {cell(standing.display_name, room)}"
        + "".join(f" {text:>{width}}" for text, width in zip(row, widths, strict=True))
        for rank, mark, standing, row in zip(ranks, marks, standings, figures, strict=True)
    ]
    return "```\n" + "\n".join(lines) + "\n```"


def _columns_of_figures(board: Board, standings: Sequence[Standing]) -> list[tuple[str, ...]]:
    """What stands beside each name."""
    if board is Board.GAIN:
        return [(change(standing.gain_bps or 0),) for standing in standings]
    if board is Board.NET_WORTH:
        worths = _amounts([standing.net_worth_paise or 0 for standing in standings], money)
        gains = ["" if standing.gain_bps is None else _percent(standing.gain_bps) for standing in standings]
        return list(zip(worths, gains, strict=True))
    profits = _amounts([standing.realised_paise or 0 for standing in standings], profit)
    if board is Board.REALISED:
        return [(text,) for text in profits]
    markets = [plain(standing.market or "", _MARKET_CHARACTERS).replace("`", "'") for standing in standings]
    return list(zip(markets, profits, strict=True))


def _amounts(amounts_paise: Sequence[int], spell: Callable[[int], str]) -> list[str]:
    """A column of amounts, all with paise or, where one of them is long, all in whole coins."""
    if max(map(abs, amounts_paise)) < _WHOLE_COINS_FROM_PAISE:
        return [spell(paise) for paise in amounts_paise]
    return [spell(_whole_coins(paise)).removesuffix(".00") for paise in amounts_paise]


def _whole_coins(paise: int) -> int:
    """The nearest whole coin in paise, halves away from zero."""
    coins = (abs(paise) + 50) // 100
    return coins * 100 if paise >= 0 else -coins * 100


def _percent(bps: int) -> str:
    """A gain with one decimal, since a phone's line is short."""
    tenths = (abs(bps) + 5) // 10
    return change(tenths * 10 if bps >= 0 else -tenths * 10).replace("0 %", " %")


def _move(place: int, place_before: int | None) -> str:
    """How someone of the first ten has moved since the last post."""
    if place_before is None:
        return "*"
    return "▲" if place < place_before else "▼" if place > place_before else " "


def _moment(moment: datetime) -> str:
    return discord.utils.format_dt(moment, "R")
