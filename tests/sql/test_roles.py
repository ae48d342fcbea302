"""The matrix of role, table and verb: meant, as the catalogue has it, and as it turns out when tried."""

import asyncpg
import pytest

from tests.conftest import Database
from tests.model.founding import execute, found
from tests.model.state import Ask
from tests.sql.rights import MEANT, ROLES, VERBS, effective_rights, meant_rights


async def test_the_catalogue_gives_exactly_the_rights_that_are_meant(watcher: asyncpg.Connection) -> None:
    assert await effective_rights(watcher) == meant_rights()


async def test_every_table_is_listed_and_closed_by_row_level_security(watcher: asyncpg.Connection) -> None:
    tables = await watcher.fetch(
        "select relname, relrowsecurity and relforcerowsecurity as closed, pg_get_userbyid(relowner) as owner"
        " from pg_class where relnamespace = 'betjee'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"
    )
    assert {row["relname"] for row in tables} == MEANT.keys()
    assert {(row["closed"], row["owner"]) for row in tables} == {(True, "exchange_owner")}


async def test_a_new_table_without_policies_is_noticed(watcher: asyncpg.Connection) -> None:
    undone = watcher.transaction()
    await undone.start()
    await watcher.execute("set local role exchange_owner")
    await watcher.execute("create table betjee.novelties (exchange_id bigint)")
    with pytest.raises(AssertionError):
        await test_every_table_is_listed_and_closed_by_row_level_security(watcher)
    await undone.rollback()


async def test_dropping_any_one_policy_is_noticed(watcher: asyncpg.Connection) -> None:
    policies = await watcher.fetch(
        "select tablename, policyname from pg_policies where schemaname = 'betjee'"
    )
    assert len(policies) > len(MEANT)
    for policy in policies:
        undone = watcher.transaction()
        await undone.start()
        await watcher.execute(f"drop policy {policy['policyname']} on betjee.{policy['tablename']}")
        assert await effective_rights(watcher) != meant_rights(), policy
        await undone.rollback()


@pytest.mark.parametrize("role", ROLES[1:])
async def test_what_is_not_meant_fails_when_tried(watcher: asyncpg.Connection, role: str) -> None:
    for table in MEANT:
        column = await watcher.fetchval(
            "select attname from pg_attribute where attrelid = ('betjee.' || $1)::regclass and attnum > 0"
            " and attidentity = '' and attgenerated = '' order by attnum limit 1",
            table,
        )
        statements = {
            "select": f"select count(*) from betjee.{table}",
            "insert": f"insert into betjee.{table} ({column}) values (null)",
            "update": f"update betjee.{table} set {column} = {column}",
            "delete": f"delete from betjee.{table}",
            "truncate": f"truncate betjee.{table}",
        }
        for verb in VERBS:
            if (table, role, verb) not in meant_rights():
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await try_as(watcher, role, statements[verb])


async def try_as(connection: asyncpg.Connection, role: str, statement: str) -> None:
    """Run a statement as a role; whatever it did is undone."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"set local role {role}")
        await connection.execute(statement)
    finally:
        await transaction.rollback()


async def test_roles_are_as_weak_as_they_are_meant(watcher: asyncpg.Connection) -> None:
    roles = await watcher.fetch(
        "select rolname, rolcanlogin from pg_roles where rolname = any ($1)"
        " and not (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)",
        ROLES,
    )
    assert {row["rolname"]: row["rolcanlogin"] for row in roles} == {
        "exchange_owner": True,
        "exchange_writer": False,
        "exchange_eraser": False,
        "service_role": True,
        "anon": False,
    }
    members = await watcher.fetch(
        "select pg_get_userbyid(roleid) as role, pg_get_userbyid(member) as member from pg_auth_members"
        " where pg_get_userbyid(member) = any ($1)",
        ROLES,
    )
    assert {tuple(row) for row in members} == {
        ("exchange_writer", "exchange_owner"),
        ("exchange_eraser", "exchange_owner"),
    }


async def test_nobody_may_create_anything_in_the_schema(watcher: asyncpg.Connection) -> None:
    for role in ROLES[1:]:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await try_as(watcher, role, "create table betjee.mine (number bigint)")


@pytest.mark.parametrize("is_public", [True, False])
async def test_the_public_sees_markets_and_a_tape_without_names_where_the_page_is_on(
    connection_owner: asyncpg.Connection,
    connection_service: asyncpg.Connection,
    watcher: asyncpg.Connection,
    database: Database,
    is_public: bool,
) -> None:
    founded = await found(connection_owner)
    ask = Ask(1, founded.users[0], "22s1", "buy", 3, confirmed=True)
    await execute(connection_service, founded.exchange_id, [ask])
    await connection_service.fetch("select betjee.refresh_leaderboards($1)", founded.exchange_id)
    await watcher.execute(
        "update betjee.exchanges set settings = settings || jsonb_build_object('public_page', $1::boolean)",
        is_public,
    )
    await watcher.execute("set role anon")
    assert await watcher.fetchval("select count(*) from betjee.markets") == is_public
    assert await watcher.fetchval("select count(*) from betjee.exchanges") == is_public
    assert (
        await watcher.fetchval("select count(*) from (select shares from betjee.transactions) tape")
        == is_public
    )
    board = await watcher.fetch("select betjee.get_public_leaderboard($1, 10)", founded.exchange_id)
    assert len(board) == is_public
    for secret in (
        "user_id from betjee.transactions",
        "request_id from betjee.transactions",
        "position_shares from betjee.transactions",
        "settings from betjee.exchanges",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await watcher.fetch(f"select {secret}")
