-- What members are worth, hour by hour. Snapshots are read without any lock of the exchange, and what
-- is written belongs to this file and leaderboards.sql alone, so that trades wait for nothing here.

create or replace function value_members(p_exchange_id bigint)
returns table (user_id bigint, net_worth_paise bigint, granted_paise bigint, realised_paise bigint)
language sql stable
set search_path = betjee, pg_temp
-- Everything is read, each table once; a planner without statistics would loop instead.
set enable_nestloop = off
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
    select p.user_id, sum(c.total_paise)::bigint as closing_paise, sum(p.realised_paise)::bigint as realised_paise
    from positions p left join closings c on c.shift_id = p.shift_id and c.shares = p.shares
    where p.exchange_id = p_exchange_id
    group by p.user_id),
  granted as (
    select g.user_id, sum(g.amount_paise)::bigint as granted_paise
    from grants g where g.exchange_id = p_exchange_id
    group by g.user_id)
  select u.user_id, u.cash_paise + coalesce(h.closing_paise, 0), coalesce(g.granted_paise, 0), coalesce(h.realised_paise, 0)
  from users u
  left join held h on h.user_id = u.user_id
  left join granted g on g.user_id = u.user_id
  where u.exchange_id = p_exchange_id and u.registered_at is not null
$$;
comment on function value_members(bigint) is 'What each member is worth now at liquidation value, was granted, and has realised.';

create or replace function bounds_of_medians(p_exchange_id bigint, p_taken_at timestamptz, p_blocks bigint[], p_hours timestamptz[])
returns setof median_bounds
language sql stable
set search_path = betjee, pg_temp
set enable_nestloop = off
set enable_seqscan = off
as $$
-- The median of what a member is worth now and was in those hours is what they were worth at least in
-- more than half of them: of k + 1 values the one in place (k + 2) / 2. Whatever the value of now, it lies
-- between two neighbours among the other k, those in the place before and in that place; where now lies
-- between them, it is the median. So all but now can be done at leisure, before the next hour has come.
-- An hour in which a member had not signed up counts as what they have been granted: of n values a in
-- order and m times the grant g, the one in place i is greatest(least(a[i], g), a[i - m]), where places
-- beyond the ends are null.
  select p_exchange_id, p_taken_at, k.block, coalesce(array_agg(b.user_id) filter (where b.user_id is not null), '{}'),
    coalesce(array_agg(b.low_paise) filter (where b.user_id is not null), '{}'),
    coalesce(array_agg(b.high_paise) filter (where b.user_id is not null), '{}')
  from unnest(p_blocks) k(block)
  left join (
    select v.block, v.user_id,
      case when v.place > 1 then
        greatest(least(v.paise[v.place - 1], coalesce(g.granted_paise, 0)), v.paise[v.place - 1 - v.missing]) end as low_paise,
      greatest(least(v.paise[v.place], coalesce(g.granted_paise, 0)), v.paise[v.place - v.missing]) as high_paise
    from (
      select w.block, e.user_id, array_agg(e.paise order by e.paise) as paise,
        (cardinality(p_hours) + 2) / 2 as place, cardinality(p_hours) - count(*)::integer as missing
      from net_worths w, unnest(w.user_ids, w.net_worths_paise) e(user_id, paise)
      where w.exchange_id = p_exchange_id and w.block = any (p_blocks) and w.taken_at = any (p_hours)
      group by w.block, e.user_id) v
    left join (
      select g.user_id, sum(g.amount_paise)::bigint as granted_paise
      from grants g where g.exchange_id = p_exchange_id and g.user_id / 1000 = any (p_blocks)
      group by g.user_id) g on g.user_id = v.user_id) b on b.block = k.block
  group by k.block
$$;
comment on function bounds_of_medians(bigint, timestamptz, bigint[], timestamptz[]) is 'Between what values the median net worth of each member of some blocks lies, whatever they are worth next.';

create or replace function hours_of_medians(p_exchange_id bigint, p_before timestamptz) returns timestamptz[]
language sql stable
set search_path = betjee, pg_temp
as $$
  select array(
    select s.taken_at from snapshots s
    where s.exchange_id = p_exchange_id and s.taken_at < p_before
    order by s.taken_at desc limit 23)
$$;
comment on function hours_of_medians(bigint, timestamptz) is 'The hours that make a median of 24 together with what comes next, the newest first; an exchange that has had fewer has fewer.';

create or replace function prepare_medians(p_exchange_id bigint, p_before timestamptz, p_blocks integer) returns boolean
language plpgsql security definer
set search_path = betjee, pg_temp
set jit = off
set max_parallel_workers_per_gather = 0
set work_mem = '32MB'
as $$
-- Prepares the medians of the first snapshot at p_before or later for at most p_blocks blocks of members;
-- says whether others are left. Two processes at once do the same work; what one has written stands.
declare
  v_hours timestamptz[] := hours_of_medians(p_exchange_id, p_before);
  v_blocks bigint[] := array(
    select w.block from net_worths w
    where w.exchange_id = p_exchange_id and w.taken_at = v_hours[1] and not exists (
      select from median_bounds b where b.exchange_id = p_exchange_id and b.taken_at = v_hours[1] and b.block = w.block)
    order by w.block);
begin
  if cardinality(v_blocks) > 0 then
    insert into median_bounds
    select * from bounds_of_medians(p_exchange_id, v_hours[1], v_blocks[1 : p_blocks], v_hours)
    on conflict do nothing;
    -- Those of the snapshot before are in use until the hour is over.
    delete from median_bounds where exchange_id = p_exchange_id and taken_at < v_hours[2];
  end if;
  return cardinality(v_blocks) > p_blocks;
end
$$;
comment on function prepare_medians(bigint, timestamptz, integer) is 'Prepare the medians of the next snapshot, for some members at a time.';
alter function prepare_medians(bigint, timestamptz, integer) owner to exchange_writer;
grant execute on function prepare_medians(bigint, timestamptz, integer) to service_role;

create or replace function measure_net_worths(p_exchange_id bigint, p_hour timestamptz) returns setof net_worths
language sql stable
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
-- All members as they are now, in blocks as a snapshot keeps them. The median is of the last 24
-- snapshots, of which that of p_hour is taken to be now; prepare_medians() must have been called for it.
-- Who had not signed up before was worth what they were granted, as far as there are hours.
  with hours as materialized (
    select cardinality(h.hours) as hours, h.hours[1] as newest from (select hours_of_medians(p_exchange_id, p_hour)) h(hours)),
  bounds as (
    select e.* from hours h
    join median_bounds m on m.exchange_id = p_exchange_id and m.taken_at = h.newest,
      unnest(m.user_ids, m.lows_paise, m.highs_paise) e(user_id, low_paise, high_paise))
  select p_exchange_id, v.user_id / 1000, p_hour, array_agg(v.user_id order by v.user_id),
    array_agg(v.net_worth_paise order by v.user_id), array_agg(v.median_paise order by v.user_id),
    array_agg(v.realised_paise order by v.user_id)
  from (
    select w.user_id, w.net_worth_paise, w.realised_paise, greatest(
      least(w.net_worth_paise, case when b.user_id is not null then b.high_paise when h.hours > 0 then w.granted_paise end),
      case when b.user_id is not null then b.low_paise when h.hours > 1 then w.granted_paise end) as median_paise
    from hours h cross join value_members(p_exchange_id) w left join bounds b on b.user_id = w.user_id) v
  group by v.user_id / 1000
$$;
comment on function measure_net_worths(bigint, timestamptz) is 'The net worth and its median of all members now, in blocks.';

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
