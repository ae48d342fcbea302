"""What a migration does to an exchange that was there before it."""

import json
import secrets

import asyncpg
import pytest

import sql
from tests.conftest import Servers

BEFORE_SIGN_UP_PAGES = "0004_outbox"


@pytest.mark.usefixtures("template")  # which has made the roles
async def test_an_exchange_of_before_the_sign_up_page_goes_on_without_it(
    servers: Servers, administrator: asyncpg.Connection
) -> None:
    name = f"betjee_upgrade_{secrets.token_hex(6)}"
    await administrator.execute(f'create database "{name}" owner exchange_owner')
    owner = await asyncpg.connect(servers.address("exchange_owner", servers.owner_password, name))
    try:
        async with owner.transaction():
            for script in sql.migrations():
                await owner.execute(script.text)
                if script.name == BEFORE_SIGN_UP_PAGES:
                    settings = json.dumps({"tax_bps": 150})
                    await owner.execute("insert into exchanges (name, settings) values ('Old', $1)", settings)
        exchange = await owner.fetchrow("select settings, season from betjee.exchanges")
        assert exchange is not None
        assert exchange["season"] == 1
        assert (
            json.loads(exchange["settings"]).items()
            >= {
                "tax_bps": 150,
                "verification": "off",
                "min_account_age_days": 7,
                "min_membership_hours": 0,
                "network_key_retention_days": 90,
            }.items()
        )
    finally:
        await owner.close()
        await administrator.execute(f'drop database "{name}" with (force)')
