-- Wipes as moderators see them: previewed, planned, seconded, undone, listed. execute_wipe.sql has
-- what happens when one is due.

create or replace function wipe_refusal(p_exchange_id bigint, p_moderator_user_id bigint, p_user_ids bigint[]) returns jsonb
language plpgsql stable
set search_path = betjee, pg_temp
as $$
-- Why a moderator may not wipe these members, or null. A moderator is wiped only after the owner has
-- removed them. Whom a refusal is about is in user_ids.
declare
  v_refused bigint[];
  v_code text;
begin
  if moderator_rank(p_exchange_id, p_moderator_user_id) is null then
    return power_refusal(p_exchange_id, p_moderator_user_id);
  elsif coalesce(cardinality(p_user_ids), 0) not between 1 and 1000 then
    return refusal('invalid_members', 'A wipe is for 1 to 1,000 members.');
  end if;
  with judged as (
    select m.user_id, case
      when u.user_id is null or u.status = 'deleted' then 1
      when m.user_id = p_moderator_user_id then 2
      when rank_number(p_exchange_id, m.user_id) > 0 then 3
      when awaits_wipe(p_exchange_id, m.user_id) then 4 end as place
    from unnest(p_user_ids) m(user_id)
    left join users u on u.exchange_id = p_exchange_id and u.user_id = m.user_id)
  select (array['unknown_user', 'own_account', 'outranked', 'already_planned'])[j.place], array_agg(j.user_id order by j.user_id)
  into v_code, v_refused
  from judged j where j.place = (select min(place) from judged) group by j.place;
  return refusal(v_code, case v_code
    when 'unknown_user' then 'Some of them are not members of this exchange.'
    when 'own_account' then 'Nobody wipes themselves.'
    when 'outranked' then 'Some of them moderate this exchange; the owner must remove them as moderators first.'
    else 'Some of them await a wipe already.' end) || jsonb_build_object('user_ids', v_refused)
  where v_code is not null;
end
$$;
comment on function wipe_refusal(bigint, bigint, bigint[]) is 'Why these members may not be wiped by a moderator, or null.';

create or replace function wipe_markets(p_exchange_id bigint, p_user_ids bigint[]) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- For each market in which the members hold something: how much, and the price and what can still be
-- bought, now, after a burn, and after an unwinding. A burn leaves the price; a burned short no longer
-- needs shares kept for it. What the unwinding sets off of others is nobody's business before.
  with closed as materialized (
    select c.* from close_positions(p_exchange_id, p_user_ids, true) c),
  held as (
    select c.shift_id, sum(greatest(c.signed_shares, 0)) as short_shares, sum(greatest(-c.signed_shares, 0)) as long_shares,
      sum(c.signed_shares) as returned_shares
    from closed c group by c.shift_id)
  select coalesce(jsonb_agg(jsonb_build_object(
    'market', m.code, 'label', m.label, 'long_shares', h.long_shares, 'short_shares', h.short_shares,
    'supply_bps', ceil((h.long_shares + h.short_shares) * 10000 / m.total_shares_cap),
    'price_paise', (current_point(m)).price_paise,
    'unwound_price_paise', (point_on_curve(m, m.total_shares_cap - m.remaining_shares + h.returned_shares::bigint)).price_paise,
    'available_shares', a.shares, 'burned_available_shares', a.shares + h.short_shares,
    'unwound_available_shares', a.shares + h.long_shares) order by m.shift_id), '[]')
  from held h
  join markets m on m.exchange_id = p_exchange_id and m.shift_id = h.shift_id,
    lateral (select m.remaining_shares - m.open_short_shares - m.min_market_shares as shares) a
$$;
comment on function wipe_markets(bigint, bigint[]) is 'What wiping some members does to each market, in either mode.';

create or replace function lone_wipes(p_exchange_id bigint, p_planner_user_id bigint) returns setof wipes
language sql stable
set search_path = betjee, pg_temp
as $$
-- What somebody decided alone, and is still to be executed or was within a day.
  select w.* from wipes w
  where w.exchange_id = p_exchange_id and w.planned_by = p_planner_user_id and not w.needs_second
    and (w.status = 'planned' or w.status = 'executed' and w.ended_at > clock_timestamp() - interval '1 day')
$$;
comment on function lone_wipes(bigint, bigint) is 'The wipes of the last day that somebody planned and nobody had to second.';

create or replace function needs_second(p_exchange_id bigint, p_planner_user_id bigint, p_user_ids bigint[]) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
-- More than three members, or more than 1 % of a market's supply, is not for one moderator to decide
-- where there is another: in one wipe, or in all that they decide alone within a day. What was executed
-- is on the record.
  with others as materialized (
    select w.wipe_id, w.status from lone_wipes(p_exchange_id, p_planner_user_id) w),
  members as materialized (
    select m.user_id, o.status from others o
    join wipe_members m on m.exchange_id = p_exchange_id and m.wipe_id = o.wipe_id),
  supply as (
    select m ->> 'market' as market, (m ->> 'supply_bps')::bigint as supply_bps
    from jsonb_array_elements(wipe_markets(p_exchange_id, p_user_ids || array(
      select user_id from members where status = 'planned'))) m
    union all
    select m ->> 'market', (m ->> 'supply_bps')::bigint
    from moderation_log l, jsonb_array_elements(l.detail -> 'markets') m
    where l.exchange_id = p_exchange_id and l.act = 'execute_wipe' and l.sequence > (select min(wipe_id) from others)
      and (l.detail ->> 'wipe_id')::bigint in (select wipe_id from others where status = 'executed'))
  select (cardinality(p_user_ids) + (select count(*) from members) > 3
      or exists (select from supply group by market having sum(supply_bps) > 100))
    and (
      select count(*) > 1 from moderators m join users u using (exchange_id, user_id)
      where m.exchange_id = p_exchange_id and u.status = 'active')
$$;
comment on function needs_second(bigint, bigint, bigint[]) is 'Whether a wipe is so large, with what its planner has decided alone before, that a second moderator must agree.';

create or replace function preview_wipe(p_exchange_id bigint, p_moderator_user_id bigint, p_user_ids bigint[]) returns jsonb
language plpgsql stable security definer
set search_path = betjee, pg_temp
as $$
-- What a wipe would do, for a moderator to look at. Locks nothing, changes nothing. Refuses:
-- not_a_moderator, invalid_members, unknown_user, own_account, outranked, already_planned.
declare
  v_user_ids bigint[] := array(select distinct m from unnest(p_user_ids) m);
  v_refusal jsonb := wipe_refusal(p_exchange_id, p_moderator_user_id, v_user_ids);
  v_markets jsonb;
begin
  if v_refusal is not null then
    return v_refusal;
  end if;
  v_markets := wipe_markets(p_exchange_id, v_user_ids);
  return jsonb_build_object(
    'members', (
      select jsonb_agg(jsonb_build_object(
        'user_id', u.user_id, 'display_name', u.display_name, 'status', u.status, 'cash_paise', u.cash_paise)
        order by u.user_id)
      from users u where u.exchange_id = p_exchange_id and u.user_id = any (v_user_ids)),
    'markets', v_markets,
    'cash_paise', (
      select sum(u.cash_paise) from users u where u.exchange_id = p_exchange_id and u.user_id = any (v_user_ids)),
    'needs_second', needs_second(p_exchange_id, p_moderator_user_id, v_user_ids),
    'undo_seconds', (select (typed_settings(e.settings)).wipe_undo_seconds from exchanges e where e.exchange_id = p_exchange_id));
end
$$;
comment on function preview_wipe(bigint, bigint, bigint[]) is 'What wiping some members would do.';
alter function preview_wipe(bigint, bigint, bigint[]) owner to exchange_writer;
grant execute on function preview_wipe(bigint, bigint, bigint[]) to service_role;

create or replace function wipe_document(p_exchange_id bigint, p_wipe_id bigint) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object(
    'wipe_id', w.wipe_id, 'mode', w.mode, 'reason', w.reason, 'status', w.status, 'needs_second', w.needs_second,
    'planned_by', w.planned_by, 'planned_at', w.planned_at, 'due_at', w.due_at, 'seconded_by', w.seconded_by,
    'ended_at', w.ended_at, 'failure', w.failure, 'left_banned', (
      select count(*) from bans b where b.exchange_id = w.exchange_id and b.wipe_id = w.wipe_id and b.user_id is null),
    'members', (
      select jsonb_agg(jsonb_build_object('user_id', m.user_id, 'display_name', coalesce(u.display_name, (
        select r.display_name from recorded_names r
        where r.exchange_id = m.exchange_id and r.user_id = m.user_id and r.user_id <> 0
        order by r.sequence desc limit 1))) order by m.user_id)
      from wipe_members m left join users u using (exchange_id, user_id)
      where m.exchange_id = w.exchange_id and m.wipe_id = w.wipe_id))
  from wipes w where w.exchange_id = p_exchange_id and w.wipe_id = p_wipe_id
$$;
comment on function wipe_document(bigint, bigint) is 'A wipe as the answers show one; once it is executed, its members are called what they were called.';

create or replace function begin_wipe(
  p_exchange exchanges, p_by_user_id bigint, p_user_ids bigint[], p_identity_hashes bytea[], p_mode text, p_reason text,
  p_needs_second boolean, p_request_id bigint
) returns jsonb
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Plans a wipe of members, on the record, and freezes them at once; by number 0 it is the exchange itself.
-- Must be called under the exchange's lock, by who has checked that it may be.
declare
  v_wipe_id bigint := next_sequence(p_exchange.exchange_id, p_exchange.updated_at);
begin
  insert into wipes (
    exchange_id, wipe_id, mode, reason, status, needs_second, planned_by, planned_at, due_at, request_id)
  values (
    p_exchange.exchange_id, v_wipe_id, p_mode, trimmed(p_reason),
    case when p_needs_second then 'awaiting_second' else 'planned' end, p_needs_second, p_by_user_id, p_exchange.updated_at,
    p_exchange.updated_at + make_interval(secs => (typed_settings(p_exchange.settings)).wipe_undo_seconds), p_request_id);
  insert into wipe_members (exchange_id, wipe_id, user_id, identity_hash)
  select p_exchange.exchange_id, v_wipe_id, m.user_id, m.identity_hash
  from unnest(p_user_ids, p_identity_hashes) m(user_id, identity_hash);
  perform settle_standing(p_exchange.exchange_id, p_user_ids);
  perform queue_notices(p_exchange, array(
    select (m, 'account_frozen', jsonb_build_object('reason', trimmed(p_reason)))::notice from unnest(p_user_ids) m));
  perform log_moderation(p_exchange, p_by_user_id, 'plan_wipe', jsonb_build_object(
    'wipe_id', v_wipe_id, 'mode', p_mode, 'user_ids', p_user_ids, 'reason', trimmed(p_reason)), p_request_id);
  -- Where there is no time to undo it, it is due now.
  perform execute_orders(p_exchange.exchange_id, '{}');
  return wipe_document(p_exchange.exchange_id, v_wipe_id);
end
$$;
comment on function begin_wipe(exchanges, bigint, bigint[], bytea[], text, text, boolean, bigint) is 'Plan a wipe in a locked exchange, on the record.';

create or replace function plan_wipe(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_user_ids bigint[],
  p_identity_hashes bytea[], p_mode text, p_reason text
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Plans to wipe members, on the record. They are frozen at once; the wipe is executed when the
-- exchange's wipe_undo_seconds are over, and where it is a large one not before it is seconded. Each
-- member has the keyed hash at the same place of the other list. Those who have deleted themselves since
-- they were looked at are left out, and in left_user_ids; where that is all of them, they are unknown.
-- Locks: the exchange, and where the wipe is due at once its markets. Refuses: what preview_wipe()
-- refuses, and invalid_reason. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_user_ids, p_identity_hashes::text[], p_mode, p_reason)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'plan_wipe', v_parameters);
  v_user_ids bigint[] := array(select distinct m from unnest(p_user_ids) m);
  v_hashes bytea[] := p_identity_hashes;
  v_left bigint[];
begin
  if v_outcome is not null then
    return v_outcome;
  elsif p_mode is null or p_mode not in ('burn', 'unwind')
    or cardinality(v_user_ids) <> coalesce(cardinality(p_user_ids), 0)
    or cardinality(v_user_ids) <> coalesce(cardinality(p_identity_hashes), 0) then
    raise exception 'A wipe burns or unwinds, and names each member once, with a hash.' using errcode = 'invalid_parameter_value';
  end if;
  perform check_hashes(p_identity_hashes);
  v_exchange := catch_up(v_exchange);
  v_left := array(
    select u.user_id from users u
    where u.exchange_id = p_exchange_id and u.user_id = any (v_user_ids) and u.status = 'deleted' order by u.user_id);
  if cardinality(v_left) < cardinality(v_user_ids) then
    select array_agg(m.user_id), array_agg(m.identity_hash) into v_user_ids, v_hashes
    from unnest(p_user_ids, p_identity_hashes) m(user_id, identity_hash) where not m.user_id = any (v_left);
  end if;
  v_outcome := coalesce(wipe_refusal(p_exchange_id, p_moderator_user_id, v_user_ids), reason_refusal(p_reason));
  if v_outcome is null then
    v_outcome := begin_wipe(
      v_exchange, p_moderator_user_id, v_user_ids, v_hashes, p_mode, p_reason,
      needs_second(p_exchange_id, p_moderator_user_id, v_user_ids), p_request_id)
      || case when cardinality(v_left) > 0 then jsonb_build_object('left_user_ids', v_left) else '{}' end;
  end if;
  return remember_request(p_exchange_id, p_request_id, 'plan_wipe', v_parameters, v_outcome);
end
$$;
comment on function plan_wipe(bigint, bigint, bigint, bigint[], bytea[], text, text) is 'Plan to wipe members, on the record.';
alter function plan_wipe(bigint, bigint, bigint, bigint[], bytea[], text, text) owner to exchange_writer;
grant execute on function plan_wipe(bigint, bigint, bigint, bigint[], bytea[], text, text) to service_role;

create or replace function pending_wipe_refusal(p_exchange_id bigint, p_moderator_user_id bigint, p_wipe wipes) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select coalesce(power_refusal(p_exchange_id, p_moderator_user_id), case
    when p_wipe.wipe_id is null then refusal('unknown_wipe', 'There is no such wipe; /wipes list shows them.')
    when p_wipe.ended_at is not null then refusal('wipe_ended', case p_wipe.status
      when 'executed' then 'That wipe has been executed; it cannot be undone.'
      else 'That wipe has been undone.' end) || jsonb_build_object('status', p_wipe.status) end)
$$;
comment on function pending_wipe_refusal(bigint, bigint, wipes) is 'Why someone may not decide about a wipe any more, or null.';

create or replace function second_wipe(p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_wipe_id bigint) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Agrees to another moderator's large wipe, on the record. Where its time to be undone is over
-- already, it is executed at once.
-- Locks: the exchange, and where the wipe is due its markets. Refuses: not_a_moderator, unknown_wipe,
-- wipe_ended, already_seconded, own_wipe. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_wipe_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'second_wipe', v_parameters);
  v_wipe wipes;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  select * into v_wipe from wipes where exchange_id = p_exchange_id and wipe_id = p_wipe_id;
  v_outcome := coalesce(pending_wipe_refusal(p_exchange_id, p_moderator_user_id, v_wipe), case
    when v_wipe.status <> 'awaiting_second' then refusal('already_seconded', 'That wipe needs nobody''s word any more.')
    when v_wipe.planned_by = p_moderator_user_id then refusal('own_wipe', 'Another moderator must agree to a wipe of this size.') end);
  if v_outcome is null then
    update wipes set status = 'planned', seconded_by = p_moderator_user_id, seconded_at = v_exchange.updated_at
    where exchange_id = p_exchange_id and wipe_id = p_wipe_id;
    perform log_moderation(
      v_exchange, p_moderator_user_id, 'second_wipe', jsonb_build_object('wipe_id', p_wipe_id), p_request_id);
    perform execute_orders(p_exchange_id, '{}');
    v_outcome := wipe_document(p_exchange_id, p_wipe_id);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'second_wipe', v_parameters, v_outcome);
end
$$;
comment on function second_wipe(bigint, bigint, bigint, bigint) is 'Agree to another moderator''s wipe, on the record.';
alter function second_wipe(bigint, bigint, bigint, bigint) owner to exchange_writer;
grant execute on function second_wipe(bigint, bigint, bigint, bigint) to service_role;

create or replace function release_wipe(
  p_exchange exchanges, p_wipe_id bigint, p_by_user_id bigint, p_request_id bigint, p_cause text
) returns text[]
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Ends a wipe that has not been executed, on the record, and lets its members go; returns the markets
-- in which their orders wait again. Who had left when it was planned, and was banned with it, may come back, unless
-- another cluster that was frozen or is to be wiped names them. Must be called under the exchange's lock.
declare
  v_user_ids bigint[];
  v_ban_id bigint;
begin
  update wipes set status = 'undone', ended_by = p_by_user_id, ended_at = p_exchange.updated_at
  where exchange_id = p_exchange.exchange_id and wipe_id = p_wipe_id;
  select array_agg(m.user_id) into v_user_ids from wipe_members m
  where m.exchange_id = p_exchange.exchange_id and m.wipe_id = p_wipe_id;
  perform log_moderation(p_exchange, p_by_user_id, 'undo_wipe', jsonb_strip_nulls(jsonb_build_object(
    'wipe_id', p_wipe_id, 'cause', p_cause)), p_request_id);
  for v_ban_id in
    update bans b set ended_at = p_exchange.updated_at
    where b.exchange_id = p_exchange.exchange_id and b.wipe_id = p_wipe_id and b.ended_at is null and not exists (
      select from suspects s join clusters c using (exchange_id, cluster_id)
      where s.exchange_id = b.exchange_id and s.identity_hash = b.subject_hash and c.status = 'upheld' and not exists (
        select from wipes w where w.exchange_id = c.exchange_id and w.wipe_id = c.wipe_id and w.status = 'undone'))
    returning b.ban_id
  loop
    perform log_moderation(p_exchange, p_by_user_id, 'unban', jsonb_build_object(
      'ban_id', v_ban_id, 'user_id', null, 'subject', 'identity'), p_request_id);
  end loop;
  perform queue_notices(p_exchange, array(
    select (u.user_id, 'account_unfrozen', '{}')::notice from users u
    where u.exchange_id = p_exchange.exchange_id and u.user_id = any (v_user_ids) order by u.user_id));
  return settle_standing(p_exchange.exchange_id, v_user_ids);
end
$$;
comment on function release_wipe(exchanges, bigint, bigint, bigint, text) is 'End a planned wipe and let its members go.';

create or replace function undo_wipe(p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_wipe_id bigint) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Undoes a wipe before it is executed, on the record: any moderator may, also late, as long as nobody
-- has written since it was due. Its members are as they were.
-- Locks: the exchange, then the markets in which their orders have their turn. Refuses:
-- not_a_moderator, unknown_wipe, wipe_ended. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_wipe_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'undo_wipe', v_parameters);
  v_wipe wipes;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  select * into v_wipe from wipes where exchange_id = p_exchange_id and wipe_id = p_wipe_id;
  v_outcome := pending_wipe_refusal(p_exchange_id, p_moderator_user_id, v_wipe);
  if v_outcome is null then
    perform execute_orders(
      p_exchange_id, '{}', release_wipe(v_exchange, p_wipe_id, p_moderator_user_id, p_request_id, null));
    v_outcome := wipe_document(p_exchange_id, p_wipe_id);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'undo_wipe', v_parameters, v_outcome);
end
$$;
comment on function undo_wipe(bigint, bigint, bigint, bigint) is 'Undo a wipe before it is executed, on the record.';
alter function undo_wipe(bigint, bigint, bigint, bigint) owner to exchange_writer;
grant execute on function undo_wipe(bigint, bigint, bigint, bigint) to service_role;

create or replace function list_wipes(p_exchange_id bigint, p_moderator_user_id bigint, p_limit integer) returns setof jsonb
language plpgsql stable security definer
set search_path = betjee, pg_temp
as $$
-- Wipes that can still be undone first, then the newest, for moderators; anyone else is an exception.
begin
  perform require_power(p_exchange_id, p_moderator_user_id);
  return query
  select wipe_document(p_exchange_id, w.wipe_id) from wipes w
  where w.exchange_id = p_exchange_id
  order by w.ended_at is null desc, w.wipe_id desc
  limit least(greatest(p_limit, 1), 50);
end
$$;
comment on function list_wipes(bigint, bigint, integer) is 'The wipes of an exchange, those that can be undone first.';
alter function list_wipes(bigint, bigint, integer) owner to exchange_writer;
grant execute on function list_wipes(bigint, bigint, integer) to service_role;
