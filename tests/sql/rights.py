"""Who may do what to which table: what is meant, and what the catalogue says."""

import asyncpg

ROLES = ("exchange_owner", "exchange_writer", "exchange_eraser", "service_role", "anon")
VERBS = ("select", "insert", "update", "delete", "truncate")

# For each table, beside the owner who may do everything: the writer, the eraser, the application, the public.
MEANT = {
    "accounts": ("select insert update", "select delete", "select", ""),
    "audits": ("select insert update", "", "select", ""),
    "best_trades": ("select insert update delete", "select delete", "select", ""),
    "bans": ("select insert update", "", "select", ""),
    "bonus_marks": ("select insert", "", "", ""),
    "burns": ("select insert", "select insert", "select", ""),
    "candle_counts": ("select insert update", "select insert update", "select", ""),
    "candles": ("select insert update delete", "select delete", "select", ""),
    "clusters": ("select insert update delete", "", "", ""),
    "communities": ("select insert update", "", "select", ""),
    "departures": ("select insert delete", "", "", ""),
    "exchanges": ("select insert update", "select update", "select", "select"),
    "freezes": ("select insert delete", "select delete", "select", ""),
    "grants": ("select insert", "select delete", "select", ""),
    "halts": ("select insert update", "", "select", ""),
    "hash_key": ("select insert", "", "", ""),
    "leaderboard_posts": ("select insert", "select update", "select", ""),
    "leaderboards": ("select insert update", "select update", "select", ""),
    "live_boards": ("select insert update delete", "", "select", ""),
    "markets": ("select insert update", "select update", "select", "select"),
    "marks": ("select insert update delete", "", "", ""),
    "median_bounds": ("select insert update delete", "select delete", "", ""),
    "moderation_log": ("select insert", "select insert", "select", ""),
    "moderators": ("select insert delete", "select delete", "select", ""),
    "net_worths": ("select insert delete", "select update", "select", ""),
    "outbox": ("select insert update delete", "select delete", "select", ""),
    "outbox_leases": ("select insert update", "", "select", ""),
    "positions": ("select insert update", "select delete", "select", ""),
    "price_alerts": ("select insert update delete", "select delete", "select", ""),
    "ranked_members": ("select insert delete", "select delete", "", ""),
    "recorded_names": ("select insert update delete", "", "", ""),
    "reports": ("select insert", "select delete", "select", ""),
    "requests": ("select insert delete", "", "select", ""),
    "snapshots": ("select insert delete", "", "select", ""),
    "standings": ("select insert delete", "select update", "select", ""),
    "stop_losses": ("select insert update delete", "select delete", "select", ""),
    "suspects": ("select insert delete", "", "", ""),
    "transactions": ("select insert", "select delete", "select", "select"),
    "users": ("select insert update", "select delete", "select", ""),
    "valuations": ("select insert delete", "select delete", "", ""),
    "verification_attempts": ("select insert delete", "", "", ""),
    "verification_tokens": ("select insert update delete", "select delete", "", ""),
    "wipe_members": ("select insert", "select", "select", ""),
    "wipes": ("select insert update", "select update", "select", ""),
}

Right = tuple[str, str, str]

# A right is a grant, of a column at least, and a policy that names the role itself. No policy governs truncate.
EFFECTIVE = """
select c.relname as table, r.rolname as role, v.verb
from pg_class c
cross join (select oid, rolname from pg_roles where rolname = any ($1::name[])) r
cross join unnest($2::text[]) v (verb)
where c.relnamespace = 'betjee'::regnamespace and c.relkind in ('r', 'p')
  and (has_table_privilege(r.oid, c.oid, v.verb)
    or v.verb in ('select', 'insert', 'update') and has_any_column_privilege(r.oid, c.oid, v.verb))
  and c.relrowsecurity and c.relforcerowsecurity
  and (v.verb = 'truncate' or exists (
    select from pg_policy p
    where p.polrelid = c.oid and r.oid = any (p.polroles)
      and p.polcmd in ('*', case v.verb when 'select' then 'r' when 'insert' then 'a' when 'update' then 'w' else 'd' end)))
"""


def meant_rights() -> set[Right]:
    """Every role, table and verb that is meant to go together."""
    return {
        (table, role, verb)
        for table, verbs_of_roles in MEANT.items()
        for role, verbs in zip(ROLES, (" ".join(VERBS), *verbs_of_roles), strict=True)
        for verb in verbs.split()
    }


async def effective_rights(connection: asyncpg.Connection) -> set[Right]:
    """Every role, table and verb that the catalogue lets through."""
    rows = await connection.fetch(EFFECTIVE, ROLES, VERBS)
    return {(row["table"], row["role"], row["verb"]) for row in rows}
