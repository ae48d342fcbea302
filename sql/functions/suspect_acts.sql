-- What moderators see of clusters, and decide: released, frozen, or wiped.

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
-- Nobody decides about themselves, or about who stands as high; such members are passed over.
  select a.user_id, s.identity_hash
  from suspects s
  join accounts a on a.exchange_id = s.exchange_id and a.identity_hash = s.identity_hash
  where s.exchange_id = p_exchange_id and s.cluster_id = p_cluster_id
    and power_refusal(p_exchange_id, p_moderator_user_id, a.user_id) is null
  order by a.user_id
$$;
comment on function cluster_members(bigint, bigint, bigint) is 'The members of a cluster about whom a moderator may decide.';

create or replace function cluster_document(p_exchange_id bigint, p_cluster_id bigint, p_member_limit integer) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object(
    'cluster_id', c.cluster_id, 'kind', c.kind, 'detail', c.detail, 'found_at', c.found_at, 'last_at', c.last_at,
    'network', case when c.kind <> 'transfer' then left(encode(c.subject_hash, 'hex'), 8) end,
    'status', c.status, 'decided_at', c.decided_at,
    'decided_by', (select d.display_name from users d where d.exchange_id = c.exchange_id and d.user_id = c.decided_by),
    'accounts', n.accounts, 'members_total', n.members, 'proven', n.proven, 'waiting', n.waiting, 'waiting_paise', n.waiting_paise,
    'frozen', n.frozen, 'long_standing', n.long_standing, 'other_signals', n.other_signals,
    'members', (
      select coalesce(jsonb_agg(to_jsonb(l) order by l.user_id), '[]')
      from (
        select u.user_id, u.display_name, u.status, u.registered_at, a.ownership_proven,
          withheld_bonus(u.exchange_id, u.user_id) as withheld_paise
        from suspects s
        join accounts a on a.exchange_id = s.exchange_id and a.identity_hash = s.identity_hash
        join users u on u.exchange_id = a.exchange_id and u.user_id = a.user_id
        where s.exchange_id = c.exchange_id and s.cluster_id = c.cluster_id
        order by u.user_id limit p_member_limit) l))
  from clusters c
  cross join lateral (
    select count(*) as accounts, count(u.user_id) as members, count(*) filter (where a.ownership_proven) as proven,
      count(*) filter (where withheld_bonus(c.exchange_id, u.user_id) > 0) as waiting,
      coalesce(sum(withheld_bonus(c.exchange_id, u.user_id)), 0) as waiting_paise,
      count(*) filter (where u.status = 'frozen') as frozen,
      count(*) filter (where exists (
        select from marks m
        where m.exchange_id = s.exchange_id and m.identity_hash = s.identity_hash and m.decision = 'released' and m.decided_by = 0)) as long_standing,
      count(*) filter (where exists (
        select from suspects t join clusters o using (exchange_id, cluster_id)
        where t.exchange_id = s.exchange_id and t.identity_hash = s.identity_hash and o.kind <> c.kind
          and o.status <> 'released')) as other_signals
    from suspects s
    left join accounts a on a.exchange_id = s.exchange_id and a.identity_hash = s.identity_hash
    left join users u on u.exchange_id = a.exchange_id and u.user_id = a.user_id
    where s.exchange_id = c.exchange_id and s.cluster_id = c.cluster_id) n
  where c.exchange_id = p_exchange_id and c.cluster_id = p_cluster_id
$$;
comment on function cluster_document(bigint, bigint, integer) is 'A cluster with its reason in figures, as moderators see it.';

create or replace function list_suspects(p_exchange_id bigint, p_moderator_user_id bigint, p_limit integer) returns setof jsonb
language plpgsql stable security definer
set search_path = betjee, pg_temp
as $$
-- Clusters that wait for a decision first, those of trading before those of networks, then the newest; for
-- moderators; anyone else is an exception.
begin
  perform require_power(p_exchange_id, p_moderator_user_id);
  return query
  select cluster_document(p_exchange_id, c.cluster_id, 0)
  from clusters c
  where c.exchange_id = p_exchange_id
  order by c.status = 'open' desc, c.kind in ('transfer', 'concert') desc, c.cluster_id desc
  limit least(greatest(p_limit, 1), 50);
end
$$;
comment on function list_suspects(bigint, bigint, integer) is 'The clusters of an exchange, those that wait for a decision first.';
alter function list_suspects(bigint, bigint, integer) owner to exchange_writer;
grant execute on function list_suspects(bigint, bigint, integer) to service_role;

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

create or replace function cluster_refusal(p_exchange_id bigint, p_moderator_user_id bigint, p_cluster clusters, p_is_last_word boolean) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- A cluster is decided once; only wiping may follow freezing, and releasing one member anything.
  select coalesce(power_refusal(p_exchange_id, p_moderator_user_id), case
    when p_cluster.cluster_id is null then refusal('unknown_cluster', 'This exchange has no such suspicion.')
    when p_cluster.status <> 'open' and not p_is_last_word then refusal('cluster_decided', format('That has been decided already: %s by %s.',
      case p_cluster.status when 'released' then 'released' else 'frozen or wiped' end,
      coalesce((
        select u.display_name from users u
        where u.exchange_id = p_exchange_id and u.user_id = p_cluster.decided_by), 'the exchange'))) end)
$$;
comment on function cluster_refusal(bigint, bigint, clusters, boolean) is 'Why someone may not decide about a cluster, or null.';

create or replace function decide_cluster(p_exchange exchanges, p_cluster_id bigint, p_moderator_user_id bigint, p_status text) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- Also whatever other burst has nobody left about whom something is open. Must be called under the exchange's lock.
  update clusters c set status = p_status, decided_by = p_moderator_user_id, decided_at = p_exchange.updated_at
  where c.exchange_id = p_exchange.exchange_id
    and (c.cluster_id = p_cluster_id or c.status = 'open' and c.kind = 'burst' and not exists (
      select from marks m where m.exchange_id = c.exchange_id and m.cluster_id = c.cluster_id and m.decision is null))
$$;
comment on function decide_cluster(exchanges, bigint, bigint, text) is 'Close a cluster by a decision.';

create or replace function release_suspects(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_cluster_id bigint, p_user_id bigint default null
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Says that a cluster is nothing to worry about, or one member of it, on the record: the bonuses that wait
-- are granted, once, and what the exchange froze by itself ends. Whom a second signal names is passed over
-- when the whole cluster is released, and can be released alone; so is the moderator, and who stands as high.
-- Locks: the exchange, then the markets in which orders have their turn. Refuses: not_a_moderator,
-- unknown_cluster, cluster_decided, and for one member unknown_user, own_account, outranked, not_in_cluster.
-- A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_cluster_id, p_user_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'release_suspects', v_parameters);
  v_cluster clusters;
  v_hashes bytea[];
  v_user_ids bigint[];
  v_released bigint;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  select * into v_cluster from clusters where exchange_id = p_exchange_id and cluster_id = p_cluster_id;
  v_hashes := array(
    select s.identity_hash from suspects s
    left join accounts a on a.exchange_id = s.exchange_id and a.identity_hash = s.identity_hash
    where s.exchange_id = p_exchange_id and s.cluster_id = p_cluster_id
      and (p_user_id is null or a.user_id = p_user_id)
      and (a.user_id is null or power_refusal(p_exchange_id, p_moderator_user_id, a.user_id) is null));
  v_outcome := coalesce(
    cluster_refusal(p_exchange_id, p_moderator_user_id, v_cluster, p_user_id is not null),
    power_refusal(p_exchange_id, p_moderator_user_id, p_user_id),
    case when p_user_id is not null and cardinality(v_hashes) = 0 then refusal('not_in_cluster', 'They are not among those accounts.') end);
  if v_outcome is null then
    v_released := release_marks(v_exchange, v_hashes, p_moderator_user_id, p_user_id is not null);
    v_user_ids := array(
      select a.user_id from accounts a
      left join marks m on m.exchange_id = a.exchange_id and m.identity_hash = a.identity_hash
      where a.exchange_id = p_exchange_id and a.identity_hash = any (v_hashes) and coalesce(m.decision, 'released') = 'released');
    if p_user_id is null then
      perform decide_cluster(v_exchange, p_cluster_id, p_moderator_user_id, 'released');
    end if;
    perform log_moderation(v_exchange, p_moderator_user_id, 'release_suspects', jsonb_strip_nulls(jsonb_build_object(
      'cluster_id', p_cluster_id, 'kind', v_cluster.kind, 'user_id', p_user_id, 'released', v_released)), p_request_id);
    perform execute_orders(p_exchange_id, '{}', end_own_freezes(v_exchange, v_user_ids));
    v_outcome := cluster_document(p_exchange_id, p_cluster_id, 0) || jsonb_build_object(
      'released', v_released, 'passed_over', (
        select count(*) from suspects s
        left join marks m using (exchange_id, identity_hash)
        where s.exchange_id = p_exchange_id and s.cluster_id = p_cluster_id and p_user_id is null
          and (m.decision = 'upheld' or not s.identity_hash = any (v_hashes))));
  end if;
  return remember_request(p_exchange_id, p_request_id, 'release_suspects', v_parameters, v_outcome);
end
$$;
comment on function release_suspects(bigint, bigint, bigint, bigint, bigint) is 'Release a cluster, or one member of it, with the bonuses that wait, on the record.';
alter function release_suspects(bigint, bigint, bigint, bigint, bigint) owner to exchange_writer;
grant execute on function release_suspects(bigint, bigint, bigint, bigint, bigint) to service_role;

create or replace function end_own_freezes(p_exchange exchanges, p_user_ids bigint[]) returns text[]
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Ends the freezes of users that the exchange itself made; returns the markets in which their orders wait
-- again. Must be called under the exchange's lock.
declare
  v_ended bigint[];
begin
  with ended as (
    delete from freezes
    where exchange_id = p_exchange.exchange_id and user_id = any (p_user_ids) and moderator_user_id = 0
    returning user_id)
  select array_agg(user_id order by user_id) into v_ended from ended;
  if v_ended is null then
    return '{}';
  end if;
  perform queue_notices(p_exchange, array(select (u, 'account_unfrozen', '{}')::notice from unnest(v_ended) u));
  return settle_standing(p_exchange.exchange_id, v_ended);
end
$$;
comment on function end_own_freezes(exchanges, bigint[]) is 'End the freezes of users that the exchange itself made.';

create or replace function freeze_suspects(p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_cluster_id bigint) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Freezes the members of a cluster, on the record, each told why; bonuses that wait go on waiting. Who was a
-- member and has left is banned.
-- Locks: the exchange. Refuses: not_a_moderator, unknown_cluster, cluster_decided, no_members. A repeated
-- request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_cluster_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'freeze_suspects', v_parameters);
  v_cluster clusters;
  v_user_ids bigint[];
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  select * into v_cluster from clusters where exchange_id = p_exchange_id and cluster_id = p_cluster_id;
  v_user_ids := array(select c.user_id from cluster_members(p_exchange_id, p_moderator_user_id, p_cluster_id) c);
  v_outcome := coalesce(
    cluster_refusal(p_exchange_id, p_moderator_user_id, v_cluster, false),
    case when cardinality(v_user_ids) = 0 then refusal('no_members', 'None of those accounts is a member over whom you have power.') end);
  if v_outcome is null then
    perform begin_freeze(v_exchange, p_moderator_user_id, u, cluster_reason(v_cluster.kind), p_request_id)
    from unnest(v_user_ids) u
    where not exists (select from freezes f where f.exchange_id = p_exchange_id and f.user_id = u);
    perform uphold_marks(v_exchange, v_cluster, p_moderator_user_id, p_request_id);
    perform log_moderation(v_exchange, p_moderator_user_id, 'freeze_suspects', jsonb_build_object(
      'cluster_id', p_cluster_id, 'kind', v_cluster.kind, 'user_ids', v_user_ids), p_request_id);
    v_outcome := cluster_document(p_exchange_id, p_cluster_id, 0);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'freeze_suspects', v_parameters, v_outcome);
end
$$;
comment on function freeze_suspects(bigint, bigint, bigint, bigint) is 'Freeze the members of a cluster, on the record.';
alter function freeze_suspects(bigint, bigint, bigint, bigint) owner to exchange_writer;
grant execute on function freeze_suspects(bigint, bigint, bigint, bigint) to service_role;

create or replace function uphold_marks(p_exchange exchanges, p_cluster clusters, p_moderator_user_id bigint, p_request_id bigint) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Marks that wait in a cluster are upheld, also of those who are no members: their bonus will wait if they
-- become some. Those who were members and have left cannot be frozen or wiped, so they are banned from
-- coming back. Nobody decides about themselves here either, or about who stands as high. Must be called
-- under the exchange's lock.
declare
  v_ban bans;
begin
  for v_ban in
    insert into bans (exchange_id, ban_id, subject, subject_hash, moderator_user_id, reason, banned_at)
    select s.exchange_id, next_sequence(s.exchange_id, p_exchange.updated_at), 'identity', s.identity_hash,
      p_moderator_user_id, cluster_reason(p_cluster.kind), p_exchange.updated_at
    from suspects s
    where s.exchange_id = p_exchange.exchange_id and s.cluster_id = p_cluster.cluster_id
      and exists (
        select from bonus_marks b
        where b.exchange_id = s.exchange_id and b.season = p_exchange.season and b.identity_hash = s.identity_hash)
      and not exists (
        select from accounts a where a.exchange_id = s.exchange_id and a.identity_hash = s.identity_hash)
      and not is_banned(s.exchange_id, 'identity', s.identity_hash)
    returning *
  loop
    perform log_moderation(p_exchange, p_moderator_user_id, 'ban_user', jsonb_build_object(
      'ban_id', v_ban.ban_id, 'user_id', null, 'reason', v_ban.reason, 'banned_until', null), p_request_id);
  end loop;
  update marks m set decision = 'upheld', decided_by = p_moderator_user_id, decided_at = p_exchange.updated_at
  from suspects s
  where s.exchange_id = p_exchange.exchange_id and s.cluster_id = p_cluster.cluster_id
    and m.exchange_id = s.exchange_id and m.identity_hash = s.identity_hash and m.decision is null
    and power_refusal(p_exchange.exchange_id, p_moderator_user_id, holder_of_identity(p_exchange.exchange_id, m.identity_hash)) is null;
  perform decide_cluster(p_exchange, p_cluster.cluster_id, p_moderator_user_id, 'upheld');
end
$$;
comment on function uphold_marks(exchanges, clusters, bigint, bigint) is 'Uphold the marks of a cluster, ban who has left, and close it.';

create or replace function preview_suspects_wipe(p_exchange_id bigint, p_moderator_user_id bigint, p_cluster_id bigint) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- What wiping the members of a cluster would do. Refuses what preview_wipe() refuses.
  select preview_wipe(p_exchange_id, p_moderator_user_id, array(
    select c.user_id from cluster_members(p_exchange_id, p_moderator_user_id, p_cluster_id) c
    where rank_number(p_exchange_id, c.user_id) = 0 and not awaits_wipe(p_exchange_id, c.user_id) limit 1000))
$$;
comment on function preview_suspects_wipe(bigint, bigint, bigint) is 'What wiping the members of a cluster would do.';
alter function preview_suspects_wipe(bigint, bigint, bigint) owner to exchange_writer;
grant execute on function preview_suspects_wipe(bigint, bigint, bigint) to service_role;

create or replace function wipe_suspects(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_cluster_id bigint, p_mode text, p_reason text
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Plans to wipe the members of a cluster, at most 1,000 at once, on the record, as plan_wipe() does; also
-- after they were frozen. A null reason is that of the cluster.
-- Locks: the exchange, and where the wipe is due at once its markets. Refuses: unknown_cluster,
-- cluster_decided where it was released, and what plan_wipe() refuses. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_cluster_id, p_mode, p_reason)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'wipe_suspects', v_parameters);
  v_cluster clusters;
  v_user_ids bigint[];
  v_hashes bytea[];
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  select * into v_cluster from clusters where exchange_id = p_exchange_id and cluster_id = p_cluster_id;
  select array_agg(c.user_id order by c.user_id), array_agg(c.identity_hash order by c.user_id) into v_user_ids, v_hashes
  from (
    select * from cluster_members(p_exchange_id, p_moderator_user_id, p_cluster_id) m
    where rank_number(p_exchange_id, m.user_id) = 0 and not awaits_wipe(p_exchange_id, m.user_id) limit 1000) c;
  v_outcome := coalesce(
    cluster_refusal(p_exchange_id, p_moderator_user_id, v_cluster, v_cluster.status = 'upheld'),
    wipe_refusal(p_exchange_id, p_moderator_user_id, v_user_ids),
    reason_refusal(coalesce(p_reason, cluster_reason(v_cluster.kind))));
  if v_outcome is null then
    perform uphold_marks(v_exchange, v_cluster, p_moderator_user_id, p_request_id);
    v_outcome := begin_wipe(
      v_exchange, p_moderator_user_id, v_user_ids, v_hashes, p_mode, coalesce(p_reason, cluster_reason(v_cluster.kind)),
      needs_second(p_exchange_id, p_moderator_user_id, v_user_ids), p_request_id);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'wipe_suspects', v_parameters, v_outcome);
end
$$;
comment on function wipe_suspects(bigint, bigint, bigint, bigint, text, text) is 'Plan to wipe the members of a cluster, on the record.';
alter function wipe_suspects(bigint, bigint, bigint, bigint, text, text) owner to exchange_writer;
grant execute on function wipe_suspects(bigint, bigint, bigint, bigint, text, text) to service_role;
