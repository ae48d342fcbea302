-- What moderators decide about clusters: released, frozen, or wiped. clusters.sql has what they see.

create or replace function cluster_refusal(p_exchange_id bigint, p_moderator_user_id bigint, p_cluster clusters, p_is_last_word boolean) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- A cluster is decided once; only wiping may follow freezing, and releasing anything but a wipe that goes on.
  select coalesce(power_refusal(p_exchange_id, p_moderator_user_id), case
    when p_cluster.cluster_id is null then refusal('unknown_cluster', 'This exchange has no such suspicion; /suspects list shows them with their numbers.')
    when p_cluster.status <> 'open' and not p_is_last_word then refusal('cluster_decided', format('That has been decided already: %s by %s.',
      case when p_cluster.status = 'released' then 'released' when p_cluster.wipe_id is null then 'frozen' else (
        select case w.status when 'executed' then 'wiped' when 'undone' then 'a wipe that was undone, planned' else 'to be wiped, decided' end
        from wipes w where w.exchange_id = p_exchange_id and w.wipe_id = p_cluster.wipe_id) end,
      coalesce((
        select u.display_name from users u
        where u.exchange_id = p_exchange_id and u.user_id = p_cluster.decided_by), 'the exchange'))) end)
$$;
comment on function cluster_refusal(bigint, bigint, clusters, boolean) is 'Why someone may not decide about a cluster, or null.';

create or replace function can_be_released(p_cluster clusters) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
-- A freeze can be taken back, and so can a wipe that was undone.
  select p_cluster.status = 'open' or p_cluster.status = 'upheld' and not exists (
    select from wipes w
    where w.exchange_id = p_cluster.exchange_id and w.wipe_id = p_cluster.wipe_id and w.status <> 'undone')
$$;
comment on function can_be_released(clusters) is 'Whether a cluster can be released: while it is open, frozen, or its wipe was undone.';

create or replace function decide_cluster(
  p_exchange exchanges, p_cluster_id bigint, p_moderator_user_id bigint, p_status text, p_wipe_id bigint default null
) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- Also whatever other burst names some of the same, if nobody of it is left about whom something is open; what was
-- decided together stays together. Must be called under the exchange's lock.
  update clusters c
  set status = p_status, decided_by = p_moderator_user_id, decided_at = p_exchange.updated_at, wipe_id = p_wipe_id
  where c.exchange_id = p_exchange.exchange_id
    and (c.cluster_id = p_cluster_id or c.status = 'open' and c.kind = 'burst'
      and c.cluster_id in (
        select o.cluster_id from suspects s join suspects o using (exchange_id, identity_hash)
        where s.exchange_id = p_exchange.exchange_id and s.cluster_id = p_cluster_id)
      and not exists (
        select from suspects s join marks m using (exchange_id, identity_hash)
        where s.exchange_id = c.exchange_id and s.cluster_id = c.cluster_id and m.kind = 'burst' and m.decision is null)
      or (c.decided_at, c.decided_by) in (
        select o.decided_at, o.decided_by from clusters o
        where o.exchange_id = p_exchange.exchange_id and o.cluster_id = p_cluster_id))
$$;
comment on function decide_cluster(exchanges, bigint, bigint, text, bigint) is 'Close a cluster by a decision.';

create or replace function release_suspects(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_cluster_id bigint, p_user_id bigint default null
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Says that a cluster is nothing to worry about, or one member of it, on the record: the bonuses that wait
-- are granted, once, and what the exchange froze by itself ends, as does what freezing this very cluster did: the
-- freezes, and with the whole of it the bans of who had left. Whom a second signal names, or another cluster that was
-- frozen or is to be wiped, is passed over
-- when the whole cluster is released, and can be released alone; so is the moderator, and who stands as high.
-- Locks: the exchange, then the markets in which orders have their turn. Refuses: not_a_moderator,
-- unknown_cluster, cluster_decided, and for one member unknown_user, own_account, outranked, not_in_cluster, already_planned.
-- A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_cluster_id, p_user_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'release_suspects', v_parameters);
  v_cluster clusters;
  v_hashes bytea[];
  v_released bigint;
  v_freed bigint[];
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
      and case when p_user_id is null then not is_upheld_elsewhere(s.exchange_id, s.identity_hash, p_cluster_id)
        else a.user_id = p_user_id end
      and (a.user_id is null or power_refusal(p_exchange_id, p_moderator_user_id, a.user_id) is null));
  v_outcome := coalesce(
    cluster_refusal(p_exchange_id, p_moderator_user_id, v_cluster, p_user_id is not null or can_be_released(v_cluster)),
    power_refusal(p_exchange_id, p_moderator_user_id, p_user_id),
    case when p_user_id is not null and cardinality(v_hashes) = 0 then refusal('not_in_cluster', 'They are not among those accounts.')
      when awaits_wipe(p_exchange_id, p_user_id) then refusal('already_planned', 'They await a wipe: undo that first.') end);
  if v_outcome is null then
    v_released := release_marks(v_exchange, v_hashes, array['burst', v_cluster.kind], p_moderator_user_id, case
      when p_user_id is not null then 'everyone' when v_cluster.status = 'upheld' then 'moderators' else 'nobody' end);
    v_freed := end_freezes(v_exchange, v_cluster, array(
      select a.user_id from accounts a
      where a.exchange_id = p_exchange_id and a.identity_hash = any (v_hashes) and not exists (
        select from marks m
        where m.exchange_id = a.exchange_id and m.identity_hash = a.identity_hash and m.kind = 'burst'
          and m.decision is distinct from 'released')));
    if p_user_id is null then
      perform decide_cluster(v_exchange, p_cluster_id, p_moderator_user_id, 'released');
      perform end_bans_of_left(v_exchange, v_hashes, p_moderator_user_id, p_request_id);
    end if;
    perform log_moderation(v_exchange, p_moderator_user_id, 'release_suspects', jsonb_strip_nulls(jsonb_build_object(
      'cluster_id', p_cluster_id, 'kind', v_cluster.kind, 'user_id', p_user_id, 'released', v_released)), p_request_id);
    perform execute_orders(p_exchange_id, '{}', settle_standing(p_exchange_id, v_freed));
    v_outcome := cluster_document(p_exchange_id, p_cluster_id, 0) || jsonb_build_object(
      'released', v_released, 'unfrozen', cardinality(v_freed), 'passed_over', (
        select count(*) from suspects s
        where s.exchange_id = p_exchange_id and s.cluster_id = p_cluster_id and p_user_id is null
          and (not s.identity_hash = any (v_hashes) or exists (
            select from marks m
            where m.exchange_id = s.exchange_id and m.identity_hash = s.identity_hash and m.kind in ('burst', v_cluster.kind)
              and m.decision = 'upheld'))));
  end if;
  return remember_request(p_exchange_id, p_request_id, 'release_suspects', v_parameters, v_outcome);
end
$$;
comment on function release_suspects(bigint, bigint, bigint, bigint, bigint) is 'Release a cluster, or one member of it, with the bonuses that wait, on the record.';
alter function release_suspects(bigint, bigint, bigint, bigint, bigint) owner to exchange_writer;
grant execute on function release_suspects(bigint, bigint, bigint, bigint, bigint) to service_role;

create or replace function end_freezes(p_exchange exchanges, p_cluster clusters, p_user_ids bigint[]) returns bigint[]
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Ends the freezes of users that the exchange itself made, or that came with freezing a cluster, this one or one that
-- is released already; returns whose they were. Any other freeze of a moderator ends by its own verb. Must be called
-- under the exchange's lock.
declare
  v_ended bigint[];
begin
  with ended as (
    delete from freezes
    where exchange_id = p_exchange.exchange_id and user_id = any (p_user_ids)
      and (moderator_user_id = 0 or cluster_id = p_cluster.cluster_id or cluster_id in (
        select c.cluster_id from clusters c where c.exchange_id = p_exchange.exchange_id and c.status = 'released'))
    returning user_id)
  select coalesce(array_agg(user_id order by user_id), '{}') into v_ended from ended;
  perform queue_notices(p_exchange, array(select (u, 'account_unfrozen', '{}')::notice from unnest(v_ended) u))
  where cardinality(v_ended) > 0;
  return v_ended;
end
$$;
comment on function end_freezes(exchanges, clusters, bigint[]) is 'End the freezes of users that the exchange itself made, or that came with freezing a cluster.';

create or replace function end_bans_of_left(
  p_exchange exchanges, p_identity_hashes bytea[], p_moderator_user_id bigint, p_request_id bigint
) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Ends the bans of those who had left when a cluster was frozen that is released by now, or when its wipe was planned
-- that was undone, each on the record. Must be called under the exchange's lock.
declare
  v_ban_id bigint;
begin
  for v_ban_id in
    update bans set ended_at = p_exchange.updated_at
    where exchange_id = p_exchange.exchange_id and subject = 'identity' and subject_hash = any (p_identity_hashes) and ended_at is null
      and cluster_id in (
        select c.cluster_id from clusters c where c.exchange_id = p_exchange.exchange_id and c.status = 'released')
    returning ban_id
  loop
    perform log_moderation(p_exchange, p_moderator_user_id, 'unban', jsonb_build_object(
      'ban_id', v_ban_id, 'user_id', null, 'subject', 'identity'), p_request_id);
  end loop;
end
$$;
comment on function end_bans_of_left(exchanges, bytea[], bigint, bigint) is 'End the bans of identities that came with a decision about clusters that are released.';

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
    perform begin_freeze(v_exchange, p_moderator_user_id, u, cluster_reason(v_cluster.kind), p_request_id, p_cluster_id)
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

create or replace function uphold_marks(
  p_exchange exchanges, p_cluster clusters, p_moderator_user_id bigint, p_request_id bigint, p_wipe_id bigint default null
) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Marks that wait in a cluster are upheld, also of those who are no members: their bonus will wait if they
-- become some. Those who were members and have left cannot be frozen or wiped, so they are banned from
-- coming back; with a wipe, by a ban of that wipe, so that undoing it lifts the ban. Nobody decides about themselves here either, or about who stands as high. Must be called
-- under the exchange's lock.
declare
  v_ban bans;
begin
  for v_ban in
    insert into bans (exchange_id, ban_id, subject, subject_hash, cluster_id, wipe_id, moderator_user_id, reason, banned_at)
    select s.exchange_id, next_sequence(s.exchange_id, p_exchange.updated_at), 'identity', s.identity_hash,
      p_cluster.cluster_id, p_wipe_id, p_moderator_user_id, cluster_reason(p_cluster.kind), p_exchange.updated_at
    from suspects s
    where s.exchange_id = p_exchange.exchange_id and s.cluster_id = p_cluster.cluster_id
      and was_member(s.exchange_id, s.identity_hash)
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
    and m.exchange_id = s.exchange_id and m.identity_hash = s.identity_hash and m.kind in ('burst', p_cluster.kind)
    and m.decision is null and power_refusal(p_exchange.exchange_id, p_moderator_user_id, holder_of_identity(p_exchange.exchange_id, m.identity_hash)) is null;
  perform decide_cluster(p_exchange, p_cluster.cluster_id, p_moderator_user_id, 'upheld', p_wipe_id);
end
$$;
comment on function uphold_marks(exchanges, clusters, bigint, bigint, bigint) is 'Uphold the marks of a cluster, ban who has left, and close it.';

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
    v_outcome := begin_wipe(
      v_exchange, p_moderator_user_id, v_user_ids, v_hashes, p_mode, coalesce(p_reason, cluster_reason(v_cluster.kind)),
      needs_second(p_exchange_id, p_moderator_user_id, v_user_ids), p_request_id);
    perform uphold_marks(v_exchange, v_cluster, p_moderator_user_id, p_request_id, (v_outcome ->> 'wipe_id')::bigint);
    v_outcome := wipe_document(p_exchange_id, (v_outcome ->> 'wipe_id')::bigint);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'wipe_suspects', v_parameters, v_outcome);
end
$$;
comment on function wipe_suspects(bigint, bigint, bigint, bigint, text, text) is 'Plan to wipe the members of a cluster, on the record.';
alter function wipe_suspects(bigint, bigint, bigint, bigint, text, text) owner to exchange_writer;
grant execute on function wipe_suspects(bigint, bigint, bigint, bigint, text, text) to service_role;
