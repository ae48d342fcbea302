"""What everyone may read: markets, and help."""

from typing import Final

import discord

from bot.replies.reply import BLUE, reply
from bot.replies.sign_up import NO_MONETARY_VALUE
from bot.replies.text import change, grouped, money, plain
from exchange.models import Market

_CODE_CHARACTERS: Final = 8
_ROWS: Final = 30


def market_board(markets: list[Market]) -> discord.Embed:
    """All markets as a table that is narrow enough for a phone."""
    rows = [f"{'market':<8}{'price ₹':>9}{'24 h':>9}{'left':>8}"]
    rows += [_row(market) for market in markets[:_ROWS]]
    closed = [
        f"{plain(market.market, _CODE_CHARACTERS)} is {market.status}{_reopening(market)}"
        for market in markets
        if market.status != "open"
    ]
    left_out = [f"{len(markets) - _ROWS} more are not shown"] if len(markets) > _ROWS else []
    notes = "".join(f"\n{note}." for note in [*closed[:_ROWS], *left_out])
    return reply(
        BLUE,
        "Markets",
        "```\n" + "\n".join(rows) + "\n```" + notes,
        footer="24 h: how far the price moved. left: shares that can still be bought.",
    )


def help_page() -> discord.Embed:
    """How the exchange works, in one card."""
    embed = reply(
        BLUE,
        "How the exchange works",
        "You trade shares of exam shifts. A share's price rises as people buy and falls as they sell: it is what "
        "the crowd believes. " + NO_MONETARY_VALUE,
    )
    for title, text in HELP_SECTIONS.items():
        embed.add_field(name=title, value=text, inline=False)
    return embed


HELP_SECTIONS: Final = {
    "Start": "`/register` opens your account with free coins\n`/markets` shows prices, `/quote` what an order would do\n"
    "`/chart` draws a price over time, `/market` one market's curve, limits and figures",
    "Trade": "`/buy` and `/sell` if you think a price will rise\n`/short` and `/cover` if you think it will fall\n"
    "With `max_cost` or `min_proceeds` an order fills at that total or better, or not at all.",
    "How many": "A number, a part or `max`. `50%` is half of your buying power (`/buy`, `/short`) or of your position "
    "(`/sell`, `/cover`). `max` is all that one order may do: it can be less than twice `50%`, since one order "
    "may only be so large and may move the price only so far.",
    "Prices": "Each market has one price curve. Every share bought moves the price up a little, every share sold moves "
    "it down, and an order pays what the curve says between the price before and the price after. "
    "An order that moves the price far asks you to confirm.",
    "Shorts": "A short sells shares you do not have, to buy them back cheaper. All it can lose is reserved from your "
    "balance when you open it, so nobody is ever forced out.",
    "Orders that wait": "`/stoploss` closes a position once its price has turned against you, `/takeprofit` once it has "
    "gone your way. They fill in the same moment as the trade that carries the price there, at whatever price the curve "
    "then gives, while you are away too. They only reduce a position and lapse with it. `/orders` lists and cancels them.",
    "Halts": "When waiting orders carry a price too far in a short time, its market halts for a while and then opens by "
    "itself. Meanwhile `/portfolio`, `/quote` and `/orders` work. Whoever sets off many orders of others may not turn "
    "round in that market for a while.",
    "Tax": "Each trade pays a small tax to the exchange's treasury. Every total you are shown includes it.",
    "You": "`/portfolio` shows all you have, `/history` all you did, also as a file\n"
    "`/leaderboard` shows who is ahead, `/tape` the last trades\n"
    "`/alerts` tells you when a price is reached, `/notifications` what you missed, and chooses how you are told\n"
    "`/report` writes to the moderators, also while you are frozen; `/appeal` does, once, if you are banned\n"
    "`/privacy` shows what is kept of you, gives you all of it as a file, and deletes your account",
    "Moderators": "`/settings`, `/moderators`, `/reports`, `/modlog`\n`/freeze`, `/ban`, `/wipe` and `/suspects` keep bots out, "
    "`/halt` stops a market, `/bans` and `/wipes` list what is in force\n`/unfreeze`, `/unban`, `/wipes undo` before it is executed, "
    "`/suspects release` and `/resume` take it back\n`/board here` puts and pins one message with all prices, kept up to date",
}


def _reopening(market: Market) -> str:
    """When a halt ends, as a time of day on each reader's clock, which stays true when the message is old."""
    end = market.halted_until
    return "" if end is None else f", reopens at <t:{int(end.timestamp())}:T>"


def _row(market: Market) -> str:
    price = money(market.price_paise).replace("₹", "")
    code = plain(market.market, _CODE_CHARACTERS).replace("`", "'")
    return f"{code:<8}{price:>9}{change(market.change_bps):>9}{grouped(market.available_shares):>8}"
