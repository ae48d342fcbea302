"""What the operators' page asks of the exchange, in whichever process it is served."""

from dataclasses import asdict

from exchange.exchange import Exchange


async def database_answers(exchange: Exchange) -> bool:
    """Whether the database answers. Raises ExchangeUnavailable where it does not."""
    await exchange.check()
    return True


async def health_figures(exchange: Exchange) -> dict[str, float]:
    """The figures of all exchanges, under the names of `runtime.metrics`. Raises ExchangeError."""
    return asdict(await exchange.get_health())
