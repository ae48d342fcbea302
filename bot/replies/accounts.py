"""What a person reads about accounts: portfolios, feedback."""

import discord

from bot.replies.reply import BLUE, GREEN, figure_lines, lines_that_fit, reply
from bot.replies.text import grouped, holding, money, name, profit
from exchange.models import Portfolio, Position


def own_portfolio(portfolio: Portfolio) -> discord.Embed:
    """All that the person who asks has: what it is worth, each position, and how it came about."""
    cash = figure_lines(
        [
            ("Balance", money(portfolio.cash_paise)),
            ("Reserved for shorts", money(portfolio.reserved_paise)),
            ("Buying power", money(portfolio.buying_power_paise)),
        ]
    )
    waits = (
        f"\nA bonus of **{money(portfolio.withheld_paise)}** waits for a moderator's look."
        if portfolio.withheld_paise
        else ""
    )
    positions = lines_that_fit(map(_own_position, portfolio.positions), between="\n\n")
    return reply(
        BLUE,
        "Your portfolio",
        f"{_net_worth(portfolio)}\n{cash}{waits}\n\n"
        f"{positions or 'No positions yet. `/markets` shows what is traded.'}",
        [
            ("Unrealised, in all", profit(portfolio.unrealised_paise)),
            ("Realised, in all", profit(portfolio.realised_paise)),
            ("Taxes paid", money(portfolio.taxes_paise)),
            ("Granted", money(portfolio.granted_paise)),
        ],
        footer="Net worth is what closing every position now would really bring, after tax. Profits are before tax. "
        "Closing moves the price, so it brings less than price times shares.",
    )


def public_portfolio(portfolio: Portfolio) -> discord.Embed:
    """What anyone may know of another member: net worth and positions, not cash or taxes."""
    held = [position for position in portfolio.positions if position.shares]
    lines = [
        f"**{position.market}** · {holding(position.shares)}, now {money(position.mark_price_paise)}"
        for position in held
    ]
    return reply(
        BLUE,
        "Portfolio",
        f"{name(portfolio.display_name)}\n{_net_worth(portfolio)}\n{lines_that_fit(lines) or 'No positions.'}",
    )


def reported(report_id: int) -> discord.Embed:
    """The thanks for feedback."""
    return reply(
        GREEN,
        "Thank you",
        f"The moderators of this server can read your report now. It is number {report_id}, if you ask them about it.",
    )


def _net_worth(portfolio: Portfolio) -> str:
    """The figure by which members are compared, as a heading."""
    return f"## Net worth {money(portfolio.net_worth_paise)}"


def _own_position(position: Position) -> str:
    """One position in a few short lines, so that a phone does not break them."""
    taxes = f"taxes {money(position.taxes_paise)}"
    if not position.shares:
        return f"**{position.market}** · closed\nRealised {profit(position.realised_paise)}, {taxes}"
    costs = position.liquidation_paise < 0
    lines = [
        f"**{position.market}** · {holding(position.shares)}",
        f"Average {money(position.average_cost_paise)}, now {money(position.mark_price_paise)}",
        f"Closing {'costs' if costs else 'brings'} {money(abs(position.liquidation_paise))}",
    ]
    if position.reserved_paise:
        lines.append(f"Reserved {money(position.reserved_paise)}")
    realised = f"realised {profit(position.realised_paise)}, " if position.realised_paise else ""
    lines.append(f"Unrealised {profit(position.unrealised_paise)}, {realised}{taxes}")
    if position.waiting_orders:
        lines.append(_waiting(position.waiting_orders))
    return "\n".join(lines)


def _waiting(count: int) -> str:
    """How many orders wait on a position."""
    return f"{grouped(count)} {'order waits' if count == 1 else 'orders wait'}, see `/orders`"
