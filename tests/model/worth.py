"""What a member of the model is worth, and how the model ranks: written from the rules, apart from the exchange."""

from tests.model import curve
from tests.model.reference import ReferenceExchange

SNAPSHOTS = 24


def net_worth(model: ReferenceExchange, user_id: int) -> int:
    """Cash and what closing every position now would bring, after tax."""
    member = model.members[user_id]
    worth = member.cash_paise
    for market, held in member.holdings.items():
        pool = model.pools[market]
        gross = curve.gross(pool.terms, pool.sold, -held.shares)
        tax = curve.tax(pool.terms, gross)
        worth += gross - tax if held.shares > 0 else -(gross + tax)
    return worth


def median(worths: list[int], granted: int, snapshots: int = SNAPSHOTS) -> int:
    """The lower middle of so many snapshots, those that are missing counted as what was granted."""
    filled = sorted([*worths, *[granted] * (snapshots - len(worths))])
    return filled[(len(filled) - 1) // 2]
