-- What members are worth, hour by hour. Snapshots are read without any lock of the exchange, and what
-- is written belongs to this file and leaderboards.sql alone, so that trades wait for nothing here.

create or replace aggregate sum_paise(bigint) (sfunc = int8pl, stype = bigint, initcond = '0');
comment on aggregate sum_paise(bigint) is 'A sum that stays a bigint, or fails: half the work of sum(), which prepares for what a bigint cannot hold.';

create or replace function value_members(p_exchange_id bigint)
returns table (user_id bigint, is_active boolean, net_worth_paise bigint, granted_paise bigint, realised_paise bigint)
language sql stable
set search_path = betjee, pg_temp
-- Everything is read, each table once; a planner without statistics would loop or sort instead.
set enable_nestloop = off
set enable_mergejoin = off
as $$
-- Everyone's net worth from one snapshot, by the function that a portfolio is valued by. What closing
-- a position brings depends on its market and its size alone, and sizes are few: m different ones
-- need m²/2 shares. So each is priced once.
  with sizes as materialized (
    select p.shift_id, p.shares from positions p
    where p.exchange_id = p_exchange_id and p.shares <> 0
    group by p.shift_id, p.shares),
  closings as materialized (
    select s.shift_id, s.shares, (closing_value(m, s.shares)).total_paise
    from sizes s join markets m on m.exchange_id = p_exchange_id and m.shift_id = s.shift_id),
  held as (
    select p.user_id, sum_paise(c.total_paise) as closing_paise, sum_paise(p.realised_paise) as realised_paise
    from positions p left join closings c on c.shift_id = p.shift_id and c.shares = p.shares
    where p.exchange_id = p_exchange_id
    group by p.user_id),
  granted as (
    select g.user_id, sum_paise(g.amount_paise) as granted_paise
    from grants g where g.exchange_id = p_exchange_id
    group by g.user_id)
  select u.user_id, u.status = 'active', u.cash_paise + coalesce(h.closing_paise, 0), coalesce(g.granted_paise, 0), coalesce(h.realised_paise, 0)
  from users u
  left join held h on h.user_id = u.user_id
  left join granted g on g.user_id = u.user_id
  where u.exchange_id = p_exchange_id and u.registered_at is not null
$$;
comment on function value_members(bigint) is 'What each member is worth now at liquidation value, was granted, and has realised, and whether they are to be ranked.';

create or replace function hours_of_median(p_exchange_id bigint, p_hour timestamptz) returns timestamptz[]
language sql stable
set search_path = betjee, pg_temp
as $$
-- The median is of the last 24 snapshots, of which that of p_hour is taken to be now; an exchange that
-- has had fewer has fewer.
  select array(
    select s.taken_at from snapshots s
    where s.exchange_id = p_exchange_id and s.taken_at < p_hour
    order by s.taken_at desc limit 23)
$$;
comment on function hours_of_median(bigint, timestamptz) is 'The snapshots before an hour that the median of then is taken of, the newest first.';

create or replace function bound_medians(p_exchange_id bigint, p_blocks bigint[], p_hours timestamptz[]) returns void
language sql
set search_path = betjee, pg_temp
set enable_nestloop = off
set enable_seqscan = off
as $$
-- Of n values and what a member is worth now, the lower median is what they are worth now, but neither
-- less than the value before the middle of the n nor more than the one in the middle. Those two
-- are the same for all runs of an hour, so they are found once, and ahead of it.
  insert into median_bounds as b (
    exchange_id, block, newest, hours, user_ids, lows_paise, early_lows_paise, highs_paise, early_highs_paise)
  select p_exchange_id, v.user_id / 1000, p_hours[1], p_hours, array_agg(v.user_id order by v.user_id),
    array_agg(v.paise[m.middle - 1] order by v.user_id), array_agg(v.paise[m.middle - 1 - v.missing] order by v.user_id),
    array_agg(v.paise[m.middle] order by v.user_id), array_agg(v.paise[m.middle - v.missing] order by v.user_id)
  from (
    select k.user_id, array_agg(k.paise order by k.paise) as paise, cardinality(p_hours) - count(*)::integer as missing
    from (
      select unnest(w.user_ids) as user_id, unnest(w.net_worths_paise) as paise from net_worths w
      where w.exchange_id = p_exchange_id and w.block = any (p_blocks) and w.taken_at = any (p_hours)) k
    group by k.user_id) v,
    (select (cardinality(p_hours) + 2) / 2) m(middle)
  group by v.user_id / 1000
  on conflict (exchange_id, block, newest) do update
    set hours = excluded.hours, user_ids = excluded.user_ids, lows_paise = excluded.lows_paise,
      early_lows_paise = excluded.early_lows_paise, highs_paise = excluded.highs_paise,
      early_highs_paise = excluded.early_highs_paise
$$;
comment on function bound_medians(bigint, bigint[], timestamptz[]) is 'Find between what the medians of the members of some blocks lie, given some snapshots.';

create or replace function bounded_median(
  p_hours integer, p_now_paise bigint, p_granted_paise bigint,
  p_low_paise bigint, p_early_low_paise bigint, p_high_paise bigint, p_early_high_paise bigint
) returns bigint
language sql immutable parallel safe
-- An hour in which they had not signed up counts as what they have been granted: of n values in order and
-- m times the grant g, the one in place h is greatest(least(a[h], g), a[h - m]), where places beyond the
-- ends are null. Before the middle of a single value there is none, nor has none a middle.
return greatest(
  case when p_hours > 1 then greatest(least(p_low_paise, p_granted_paise), p_early_low_paise) end,
  least(p_now_paise, case when p_hours > 0 then greatest(least(p_high_paise, p_granted_paise), p_early_high_paise) end));
comment on function bounded_median(integer, bigint, bigint, bigint, bigint, bigint, bigint) is 'The median net worth of a member over so many snapshots and now, by the bounds of median_bounds.';

create or replace function value_exchange(p_exchange_id bigint) returns integer
language plpgsql
set search_path = betjee, pg_temp
as $$
-- All members as they are at one moment, in blocks as a snapshot keeps them; returns how many blocks.
declare
  v_blocks integer;
begin
  insert into valuations (exchange_id, block, user_ids, are_active, net_worths_paise, granted_paise, realised_paise)
  select p_exchange_id, v.user_id / 1000, array_agg(v.user_id order by v.user_id), array_agg(v.is_active order by v.user_id),
    array_agg(v.net_worth_paise order by v.user_id), array_agg(v.granted_paise order by v.user_id),
    array_agg(v.realised_paise order by v.user_id)
  from value_members(p_exchange_id) v
  group by v.user_id / 1000;
  get diagnostics v_blocks = row_count;
  return v_blocks;
end
$$;
comment on function value_exchange(bigint) is 'Note for the run under way what each member is worth now.';

create or replace function take_snapshot(p_exchange_id bigint, p_hour timestamptz) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Keeps what the run under way has found as the snapshot of its hour, unless there is one.
begin
  insert into snapshots (exchange_id, taken_at) values (p_exchange_id, p_hour) on conflict do nothing;
  if found then
    insert into net_worths (exchange_id, block, taken_at, user_ids, net_worths_paise, medians_paise, realised_paise)
    select v.exchange_id, v.block, p_hour, v.user_ids, v.net_worths_paise, r.medians_paise, v.realised_paise
    from valuations v join ranked_members r on r.exchange_id = v.exchange_id and r.block = v.block
    where v.exchange_id = p_exchange_id;
    perform thin_snapshots(p_exchange_id, p_hour);
  end if;
end
$$;
comment on function take_snapshot(bigint, timestamptz) is 'Keep what the run under way has found as the snapshot of an hour.';

create or replace function thin_snapshots(p_exchange_id bigint, p_hour timestamptz) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- Eight days of hours, then the first of each day, for 400 days.
  with gone as (
    select s.taken_at from snapshots s
    where s.exchange_id = p_exchange_id and s.taken_at < p_hour - interval '8 days'
      and (s.taken_at < p_hour - interval '400 days' or exists (
        select from snapshots earlier
        where earlier.exchange_id = p_exchange_id and earlier.taken_at < s.taken_at
          and earlier.taken_at >= date_trunc('day', s.taken_at, 'UTC')))),
  emptied as (
    delete from net_worths w using gone
    where w.exchange_id = p_exchange_id and w.taken_at = gone.taken_at)
  delete from snapshots s using gone where s.exchange_id = p_exchange_id and s.taken_at = gone.taken_at
$$;
comment on function thin_snapshots(bigint, timestamptz) is 'Forget the hours of old snapshots that are kept no longer.';

create or replace function list_net_worth(p_exchange_id bigint, p_user_id bigint, p_hours integer) returns setof jsonb
language sql stable security definer
set search_path = betjee, pg_temp
set enable_seqscan = off
as $$
-- It begins with what they were granted when they signed up, where that is within those hours. A snapshot has the hour
-- in which it was taken as its time, and one of before that moment is left out.
  with since as (
    select clock_timestamp() - make_interval(hours => least(greatest(p_hours, 1), 9600)) as moment)
  select jsonb_build_object('at', p.at, 'net_worth_paise', p.paise)
  from (
    select u.registered_at as at, (
      select g.amount_paise from grants g
      where g.exchange_id = p_exchange_id and g.user_id = p_user_id and g.kind = 'signup') as paise
    from users u
    where u.exchange_id = p_exchange_id and u.user_id = p_user_id and u.registered_at > (select moment from since)
    union all
    select w.taken_at, w.net_worths_paise[a.place]
    from users u
    join net_worths w on w.exchange_id = p_exchange_id and w.block = p_user_id / 1000,
      lateral (select array_position(w.user_ids, p_user_id)) a(place)
    where u.exchange_id = p_exchange_id and u.user_id = p_user_id and a.place is not null
      and w.taken_at >= u.registered_at and w.taken_at > (select moment from since)) p
  order by p.at
$$;
comment on function list_net_worth(bigint, bigint, integer) is 'A member''s net worth when they signed up and in the snapshots since, of the last hours, the oldest first.';
alter function list_net_worth(bigint, bigint, integer) owner to exchange_writer;
grant execute on function list_net_worth(bigint, bigint, integer) to service_role;
