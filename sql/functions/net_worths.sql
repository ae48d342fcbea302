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

create or replace function block_medians(
  p_exchange_id bigint, p_block bigint, p_hours timestamptz[], p_user_ids bigint[], p_net_worths_paise bigint[], p_granted_paise bigint[]
) returns bigint[]
language sql stable
set search_path = betjee, pg_temp
set enable_nestloop = off
set enable_seqscan = off
as $$
-- For each member of a block the lower median of what they are worth now and were in those hours: what
-- they were worth at least in more than half of them. An hour in which they had not signed up
-- counts as what they have been granted: of n values in order and m times the grant g, the one in the
-- middle place h is greatest(least(a[h], g), a[h - m]), where places beyond the ends are null.
  select array_agg(greatest(least(v.paise[v.middle], m.granted_paise), v.paise[v.middle - v.missing]) order by m.user_id)
  from unnest(p_user_ids, p_granted_paise) m(user_id, granted_paise)
  join (
    select k.user_id, array_agg(k.paise order by k.paise) as paise,
      (cardinality(p_hours) + 2) / 2 as middle, cardinality(p_hours) + 1 - count(*)::integer as missing
    from (
      select n.user_id, n.paise from unnest(p_user_ids, p_net_worths_paise) n(user_id, paise)
      union all
      select e.user_id, e.paise from net_worths w, unnest(w.user_ids, w.net_worths_paise) e(user_id, paise)
      where w.exchange_id = p_exchange_id and w.block = p_block and w.taken_at = any (p_hours)) k
    group by k.user_id) v on v.user_id = m.user_id
$$;
comment on function block_medians(bigint, bigint, timestamptz[], bigint[], bigint[], bigint[]) is 'The median net worth of each member of a block over some hours and now.';

create or replace function measure_net_worths(p_exchange_id bigint, p_hour timestamptz) returns setof net_worths
language sql stable
set search_path = betjee, pg_temp
as $$
-- All members as they are now, in blocks as a snapshot keeps them. The median is of the last 24
-- snapshots, of which that of p_hour is taken to be now; an exchange that has had fewer has fewer.
  select p_exchange_id, b.block, p_hour, b.user_ids, b.net_worths_paise,
    block_medians(p_exchange_id, b.block, h.hours, b.user_ids, b.net_worths_paise, b.granted_paise), b.realised_paise
  from (
    select v.user_id / 1000 as block, array_agg(v.user_id order by v.user_id) as user_ids,
      array_agg(v.net_worth_paise order by v.user_id) as net_worths_paise,
      array_agg(v.granted_paise order by v.user_id) as granted_paise,
      array_agg(v.realised_paise order by v.user_id) as realised_paise
    from value_members(p_exchange_id) v
    group by v.user_id / 1000) b,
    (select array(
      select s.taken_at from snapshots s
      where s.exchange_id = p_exchange_id and s.taken_at < p_hour
      order by s.taken_at desc limit 23)) h(hours)
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
  select jsonb_build_object('at', w.taken_at, 'net_worth_paise', w.net_worths_paise[p.place])
  from net_worths w, lateral (select array_position(w.user_ids, p_user_id)) p(place)
  where w.exchange_id = p_exchange_id and w.block = p_user_id / 1000 and p.place is not null
    and w.taken_at > clock_timestamp() - make_interval(hours => least(greatest(p_hours, 1), 9600))
  order by w.taken_at
$$;
comment on function list_net_worth(bigint, bigint, integer) is 'A member''s net worth in the snapshots of the last hours, the oldest first.';
alter function list_net_worth(bigint, bigint, integer) owner to exchange_writer;
grant execute on function list_net_worth(bigint, bigint, integer) to service_role;
