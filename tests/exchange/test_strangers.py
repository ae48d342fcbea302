"""What is asked of an exchange that does not exist is refused, and breaks nothing."""

import pytest

from exchange.errors import RequestRejected
from exchange.exchange import Exchange


async def test_an_unknown_exchange_has_no_preferences(exchange: Exchange) -> None:
    with pytest.raises(RequestRejected) as rejected:
        await exchange.get_preferences(10**9)
    assert rejected.value.code == "unknown_exchange"
