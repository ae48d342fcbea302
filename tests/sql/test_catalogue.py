"""House rules that the catalogue can show: keys, comments, functions, no triggers."""

import asyncpg
import pytest

KEYS_WITHOUT_EXCHANGE = {"communities_pkey", "hash_key_pkey"}
"""A community is what an exchange is found by, so its key cannot lead with one; the key of the hashes is of no exchange."""

FOR_THE_APPLICATION = {
    "add_moderator",
    "appeal",
    "arm_alert",
    "arm_stop",
    "audit_exchange",
    "audit_figures",
    "ban_network",
    "ban_suspects_network",
    "ban_user",
    "cancel_alert",
    "cancel_alerts",
    "cancel_stop",
    "cancel_stops",
    "change_setting",
    "check_hash_key",
    "check_moment",
    "choose_notifications",
    "claim_boards",
    "claim_outbox",
    "complete_verification",
    "count_candles",
    "delete_user",
    "execute_orders",
    "export_identity",
    "export_ledger",
    "export_user",
    "find_ban",
    "find_exchange",
    "find_halt",
    "find_hold",
    "find_network",
    "find_suspects",
    "find_user",
    "find_verification",
    "forget_names",
    "freeze_suspects",
    "freeze_user",
    "get_board",
    "get_cluster",
    "get_health",
    "get_leaderboard",
    "get_market",
    "get_portfolio",
    "get_preferences",
    "get_price_history",
    "get_public_leaderboard",
    "get_rate_limits",
    "get_standing",
    "halt_market",
    "keep_notice",
    "list_members_at",
    "list_alerts",
    "list_bans",
    "list_due_exchanges",
    "list_due_leaderboards",
    "list_exchanges_to_search",
    "list_due_notices",
    "list_due_posts",
    "list_history",
    "list_markets",
    "list_moderation_log",
    "list_moderators",
    "list_net_worth",
    "list_notices",
    "list_reports",
    "list_settings",
    "list_stops",
    "list_suspects",
    "list_tape",
    "list_uncounted_exchanges",
    "list_unprepared_medians",
    "list_wipes",
    "lose_board",
    "mark_board_shown",
    "mark_notice_delivered",
    "mark_notices_seen",
    "open_exchange",
    "plan_wipe",
    "post_leaderboard",
    "postpone_board",
    "prepare_medians",
    "preview_suspects_wipe",
    "preview_deletion",
    "preview_wipe",
    "purge_names",
    "purge_outbox",
    "purge_requests",
    "purge_suspects",
    "purge_verifications",
    "put_board",
    "quote_order",
    "refresh_leaderboards",
    "record_audit",
    "refuse_notices",
    "refuse_verification",
    "register_user",
    "release_outbox",
    "release_suspects",
    "remove_board",
    "remove_moderator",
    "replayed_state",
    "report",
    "resume_market",
    "retry_notice",
    "second_wipe",
    "set_channel",
    "set_audit_channel",
    "set_moderators_channel",
    "suggest_triggers",
    "transfer_ownership",
    "unban",
    "undo_wipe",
    "unfreeze_user",
    "wipe_suspects",
}

FUNCTIONS = "select * from pg_proc where pronamespace = 'betjee'::regnamespace"
NAME = "oid::regprocedure::text as name"


async def names(connection: asyncpg.Connection, query: str, *arguments: object) -> set[str]:
    return {row["name"] for row in await connection.fetch(query, *arguments)}


async def test_every_key_leads_with_the_exchange(watcher: asyncpg.Connection) -> None:
    keys = await watcher.fetch(
        "select k.conname as name, a.attname as first from pg_constraint k"
        " join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]"
        " where k.connamespace = 'betjee'::regnamespace and k.contype in ('p', 'u', 'f')"
        " union all"
        " select c.relname, a.attname from pg_index i join pg_class c on c.oid = i.indexrelid"
        " join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]"
        " where c.relnamespace = 'betjee'::regnamespace and i.indisunique"
    )
    assert {row["name"] for row in keys if row["first"] != "exchange_id"} == KEYS_WITHOUT_EXCHANGE


async def test_every_table_has_a_primary_key(watcher: asyncpg.Connection) -> None:
    without = await names(
        watcher,
        "select relname as name from pg_class where relnamespace = 'betjee'::regnamespace and relkind = 'r'"
        " and not exists (select from pg_index where indrelid = pg_class.oid and indisprimary)",
    )
    assert without == set()


async def test_there_are_no_triggers_and_no_views(watcher: asyncpg.Connection) -> None:
    assert await names(watcher, "select tgname as name from pg_trigger where not tgisinternal") == set()
    views = "select viewname as name from pg_views where schemaname = 'betjee'"
    assert await names(watcher, views) == set()


async def test_everything_has_a_comment(watcher: asyncpg.Connection) -> None:
    silent = await names(
        watcher,
        "select relname as name from pg_class where relnamespace = 'betjee'::regnamespace and relkind in ('r', 'v')"
        "   and obj_description(oid, 'pg_class') is null"
        f" union all select {NAME} from ({FUNCTIONS}) f where obj_description(oid, 'pg_proc') is null"
        " union all select t.typname from pg_type t join pg_class c on c.oid = t.typrelid"
        "   where t.typnamespace = 'betjee'::regnamespace and c.relkind = 'c' and obj_description(t.oid, 'pg_type') is null",
    )
    assert silent == set()


async def test_every_function_has_a_fixed_search_path(watcher: asyncpg.Connection) -> None:
    # A body in standard SQL is resolved when it is created, so it needs none; an aggregate has no body.
    loose = await names(
        watcher,
        f"select {NAME} from ({FUNCTIONS}) f where prosqlbody is null and prokind <> 'a'"
        " and not coalesce(proconfig, '{}') @> array['search_path=betjee, pg_temp']",
    )
    assert loose == set()


async def test_nobody_may_call_a_function_unless_it_is_granted(watcher: asyncpg.Connection) -> None:
    public = f"select {NAME} from ({FUNCTIONS}) f where proacl is null or 0 in (select grantee from aclexplode(proacl))"
    assert await names(watcher, public) == set()
    granted = f"select proname as name from ({FUNCTIONS}) f where has_function_privilege($1, oid, 'execute')"
    assert await names(watcher, granted, "service_role") == FOR_THE_APPLICATION
    assert await names(watcher, granted, "anon") == {"get_public_leaderboard"}


async def test_functions_run_with_more_rights_only_as_the_writer_or_the_eraser(
    watcher: asyncpg.Connection,
) -> None:
    owners = await names(
        watcher, f"select distinct pg_get_userbyid(proowner) as name from ({FUNCTIONS}) f where prosecdef"
    )
    assert owners <= {"exchange_writer", "exchange_eraser"}


async def test_functions_use_the_clock_under_the_lock_and_no_dynamic_statements(
    watcher: asyncpg.Connection,
) -> None:
    wrong = await names(
        watcher,
        f"select {NAME} from ({FUNCTIONS}) f"
        r" where prosrc ~* '\mnow\(\)|current_timestamp|\mexecute\s+(format|''|v_|p_)|\mnotify\M|pg_notify'",
    )
    assert wrong == set()


async def test_every_function_passes_plpgsqls_own_checks(watcher: asyncpg.Connection) -> None:
    definitions = await watcher.fetch(
        "select p.oid::regprocedure::text as name, pg_get_functiondef(p.oid) as definition from pg_proc p"
        " join pg_language l on l.oid = p.prolang where pronamespace = 'betjee'::regnamespace and lanname = 'plpgsql'"
    )
    assert definitions
    await watcher.execute("set plpgsql.extra_errors = 'all'")
    for row in definitions:
        await watcher.execute(row["definition"])


async def test_plpgsqls_own_checks_would_notice(watcher: asyncpg.Connection) -> None:
    await watcher.execute("set plpgsql.extra_errors = 'all'")
    with pytest.raises(asyncpg.DuplicateAliasError):
        await watcher.execute(
            "create function pg_temp.shadows(p_x bigint) returns bigint language plpgsql as"
            " 'declare p_x bigint; begin return p_x; end'"
        )


async def test_whatever_refers_to_users_can_go_with_them(watcher: asyncpg.Connection) -> None:
    # Else the first wipe of somebody who has such a row fails.
    referring = await names(
        watcher,
        "select conrelid::regclass::text as name from pg_constraint"
        " where contype = 'f' and confrelid = 'betjee.users'::regclass",
    )
    erased = await watcher.fetchval("select prosrc from pg_proc where proname = 'erase_users'")
    refused_before = {"betjee.moderators"}
    assert referring
    assert {
        table for table in referring if f"delete from {table.removeprefix('betjee.')} " not in erased
    } == refused_before
    assert (
        await names(
            watcher,
            "select table_name as name from unnest($1::text[]) table_name"
            " where not has_table_privilege('exchange_eraser', table_name, 'delete')",
            list(referring),
        )
        == set()
    )
