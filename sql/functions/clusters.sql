-- Clusters as moderators see them: the reason, who is in them, and how they stand. suspect_acts.sql has what is decided.

create or replace function cluster_reason(p_kind text) returns text
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  select case p_kind
    when 'burst' then 'Many accounts signed up from one network within seconds.'
    when 'wide_burst' then 'Many accounts signed up from neighbouring networks within minutes.'
    when 'crowd' then 'Many accounts signed up from one network within a day.'
    when 'concert' then 'Accounts of one network kept trading the same side at the same time.'
    when 'transfer' then 'Accounts lost their bonus in trades from which one account gained.' end
$$;
comment on function cluster_reason(text) is 'The reason of a kind of cluster, as members are told it.';

create or replace function cluster_members(p_exchange_id bigint, p_moderator_user_id bigint, p_cluster_id bigint)
returns table (user_id bigint, identity_hash bytea)
language sql stable
set search_path = betjee, pg_temp
as $$
-- Nobody decides about themselves, or about who stands as high; such members are passed over, and so is whom a
-- moderator has released alone before.
  select a.user_id, s.identity_hash
  from suspects s
  join accounts a on a.exchange_id = s.exchange_id and a.identity_hash = s.identity_hash
  where s.exchange_id = p_exchange_id and s.cluster_id = p_cluster_id
    and power_refusal(p_exchange_id, p_moderator_user_id, a.user_id) is null
    and not exists (
      select from marks m
      where m.exchange_id = s.exchange_id and m.identity_hash = s.identity_hash and m.cluster_id = s.cluster_id
        and m.decision = 'released' and m.decided_by <> 0)
  order by a.user_id
$$;
comment on function cluster_members(bigint, bigint, bigint) is 'The members of a cluster about whom a moderator may decide.';

create or replace function was_wiped(p_exchange_id bigint, p_identity_hash bytea) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
  select exists (
    select from bans b
    where b.exchange_id = p_exchange_id and b.subject = 'identity' and b.subject_hash = p_identity_hash and b.ended_at is null
      and b.wipe_id is not null and b.user_id is not null)
$$;
comment on function was_wiped(bigint, bytea) is 'Whether an identity without an account was wiped, and is still banned for it.';

create or replace function was_member(p_exchange_id bigint, p_identity_hash bytea) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
-- The mark that somebody has had the bonus outlives their account.
  select exists (
    select from bonus_marks b join exchanges e on e.exchange_id = b.exchange_id and e.season = b.season
    where b.exchange_id = p_exchange_id and b.identity_hash = p_identity_hash)
$$;
comment on function was_member(bigint, bytea) is 'Whether an identity is or was a member in this season.';

create or replace function is_upheld_elsewhere(p_exchange_id bigint, p_identity_hash bytea, p_cluster_id bigint) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
-- What was decided in the same moment was decided together, and is no other.
  select exists (
    select from suspects s join clusters c using (exchange_id, cluster_id)
    where s.exchange_id = p_exchange_id and s.identity_hash = p_identity_hash and c.status = 'upheld'
      and c.decided_at is distinct from (
        select o.decided_at from clusters o where o.exchange_id = p_exchange_id and o.cluster_id = p_cluster_id)
      and not exists (
        select from wipes w where w.exchange_id = c.exchange_id and w.wipe_id = c.wipe_id and w.status = 'undone'))
$$;
comment on function is_upheld_elsewhere(bigint, bytea, bigint) is 'Whether another cluster that was frozen, wiped or is to be wiped names an identity.';

create or replace function cluster_accounts(p_exchange_id bigint, p_cluster_id bigint) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- Who has no account was refused, was wiped, or has deleted themselves since, which hides nobody.
  select jsonb_build_object(
    'accounts', count(*), 'members_total', count(u.user_id), 'proven', count(*) filter (where a.ownership_proven),
    'left', count(*) filter (
      where u.user_id is null and was_member(s.exchange_id, s.identity_hash) and not was_wiped(s.exchange_id, s.identity_hash)),
    'waiting', count(*) filter (where withheld_bonus(u.exchange_id, u.user_id) > 0),
    'waiting_paise', coalesce(sum(withheld_bonus(u.exchange_id, u.user_id)), 0),
    'frozen', count(*) filter (where u.status = 'frozen'),
    'long_standing', count(*) filter (where exists (
      select from marks m
      where m.exchange_id = s.exchange_id and m.identity_hash = s.identity_hash and m.decision = 'released' and m.decided_by = 0)),
    'other_signals', count(*) filter (where exists (
      select from suspects t join clusters o using (exchange_id, cluster_id)
      where t.exchange_id = s.exchange_id and t.identity_hash = s.identity_hash and o.kind <> c.kind
        and o.status <> 'released')))
  from clusters c
  join suspects s using (exchange_id, cluster_id)
  left join accounts a on a.exchange_id = s.exchange_id and a.identity_hash = s.identity_hash
  left join users u on u.exchange_id = a.exchange_id and u.user_id = a.user_id
  where c.exchange_id = p_exchange_id and c.cluster_id = p_cluster_id
$$;
comment on function cluster_accounts(bigint, bigint) is 'How many are in a cluster, and how they stand.';

create or replace function cluster_document(p_exchange_id bigint, p_cluster_id bigint, p_member_limit integer) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object(
    'cluster_id', c.cluster_id, 'kind', c.kind, 'detail', c.detail, 'found_at', c.found_at, 'last_at', c.last_at,
    'network', case when c.kind <> 'transfer' then left(encode(c.subject_hash, 'hex'), 8) end,
    'status', c.status, 'decided_at', c.decided_at,
    'decided_by', (select d.display_name from users d where d.exchange_id = c.exchange_id and d.user_id = c.decided_by),
    'wipe_id', c.wipe_id, 'wipe_status', (
      select w.status from wipes w where w.exchange_id = c.exchange_id and w.wipe_id = c.wipe_id),
    'members', (
      select coalesce(jsonb_agg(to_jsonb(l) order by l.user_id), '[]')
      from (
        select u.user_id, u.display_name, u.status, u.registered_at, a.ownership_proven,
          withheld_bonus(u.exchange_id, u.user_id) as withheld_paise, array(
            select m.kind from marks m
            where m.exchange_id = s.exchange_id and m.identity_hash = s.identity_hash and m.decision is distinct from 'released'
            order by m.kind) as marks
        from suspects s
        join accounts a on a.exchange_id = s.exchange_id and a.identity_hash = s.identity_hash
        join users u on u.exchange_id = a.exchange_id and u.user_id = a.user_id
        where s.exchange_id = c.exchange_id and s.cluster_id = c.cluster_id
        order by u.user_id limit p_member_limit) l)) || cluster_accounts(p_exchange_id, p_cluster_id)
  from clusters c
  where c.exchange_id = p_exchange_id and c.cluster_id = p_cluster_id
$$;
comment on function cluster_document(bigint, bigint, integer) is 'A cluster with its reason in figures, as moderators see it.';

create or replace function list_suspects(
  p_exchange_id bigint, p_moderator_user_id bigint, p_limit integer, p_offset integer default 0
) returns setof jsonb
language plpgsql stable security definer
set search_path = betjee, pg_temp
as $$
-- Clusters that wait for a decision first, those of trading before those of networks, then the newest; at most 50
-- at once, for moderators; anyone else is an exception.
begin
  perform require_power(p_exchange_id, p_moderator_user_id);
  return query
  select cluster_document(p_exchange_id, c.cluster_id, 0)
  from (
    select l.cluster_id from clusters l
    where l.exchange_id = p_exchange_id
    order by l.status = 'open' desc, l.kind in ('transfer', 'concert') desc, l.cluster_id desc
    limit least(greatest(p_limit, 1), 50) offset greatest(p_offset, 0)) c;
end
$$;
comment on function list_suspects(bigint, bigint, integer, integer) is 'The clusters of an exchange page by page, those that wait for a decision first.';
alter function list_suspects(bigint, bigint, integer, integer) owner to exchange_writer;
grant execute on function list_suspects(bigint, bigint, integer, integer) to service_role;

create or replace function get_cluster(p_exchange_id bigint, p_moderator_user_id bigint, p_cluster_id bigint) returns jsonb
language plpgsql stable security definer
set search_path = betjee, pg_temp
as $$
-- One cluster with at most 50 of its members, or null, for moderators; anyone else is an exception.
begin
  perform require_power(p_exchange_id, p_moderator_user_id);
  return cluster_document(p_exchange_id, p_cluster_id, 50);
end
$$;
comment on function get_cluster(bigint, bigint, bigint) is 'One cluster with its members, or null.';
alter function get_cluster(bigint, bigint, bigint) owner to exchange_writer;
grant execute on function get_cluster(bigint, bigint, bigint) to service_role;
