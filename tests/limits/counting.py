"""How tests act under limits, one action or many."""

from exchange.limits import RateLimits
from runtime.limits import Budget, Caller, Limits, Ruling

EXCHANGE = 7
ASHA = Caller("100")
RAVI = Caller("101")
TEN_AT_ONCE = RateLimits(user_trade_burst=10)


async def trade(limits: Limits, caller: Caller = ASHA, times: int = 1) -> list[Ruling]:
    """Someone trades so many times."""
    return [await limits.check(Budget.TRADES, EXCHANGE, caller) for _ in range(times)]


async def admitted(limits: Limits, caller: Caller = ASHA, times: int = 20) -> int:
    """How many of so many trades are admitted."""
    return sum(ruling.is_admitted for ruling in await trade(limits, caller, times))
