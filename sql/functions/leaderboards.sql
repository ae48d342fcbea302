-- Leaderboards: who is worth most, has gained most, has realised most, and made the best trade. They
-- are made anew now and then, all at once, and read page by page.
--
--   net_worth   the median of the last 24 hourly snapshots, so that a pump at the right minute wins nothing
--   gain        how far that median has risen within the period, in hundredths of a percent
--   realised    the profit before tax that closing has realised within the period
--   best_trade  the fill of the period that has realised most, the best 200 members
--
-- A period is the last 24 hours, the last 7 days, or all time; before a member's first snapshot stands
-- what they were granted. Members who are frozen or banned are not ranked.

create or replace function best_trades_shown() returns integer
language sql immutable parallel safe
return 200;
comment on function best_trades_shown() is 'How many members the leaderboard of best trades has at most.';

create or replace function gain_bps(p_before_paise bigint, p_after_paise bigint) returns bigint
language sql immutable parallel safe
return round((p_after_paise - p_before_paise)::numeric * 10000 / nullif(p_before_paise, 0))::bigint;
comment on function gain_bps(bigint, bigint) is 'How far an amount has risen, in hundredths of a percent; null where it was nothing.';

create or replace function note_best_trades(p_exchange_id bigint, p_after_sequence bigint) returns bigint
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Notes the best fills of the ledger after a sequence, hour by hour, each member once; returns the
-- sequence up to which it has looked. The best 200 of a period are among the best 200 of its hours.
declare
  v_sequence bigint;
begin
  select sequence into v_sequence from exchanges where exchange_id = p_exchange_id;
  insert into best_trades as b (exchange_id, user_id, hour, sequence, realised_paise)
  select p_exchange_id, r.user_id, r.hour, r.sequence, r.realised_paise
  from (
    select d.*, row_number() over (partition by d.hour order by d.realised_paise desc, d.sequence) as place
    from (
      select distinct on (hour, t.user_id) date_trunc('hour', t.executed_at, 'UTC') as hour, t.user_id, t.sequence, t.realised_paise
      from transactions t
      where t.exchange_id = p_exchange_id and t.sequence > p_after_sequence and t.sequence <= v_sequence and t.realised_paise > 0
      order by hour, t.user_id, t.realised_paise desc, t.sequence) d) r
  where r.place <= best_trades_shown()
  on conflict (exchange_id, user_id, hour) do update
    set sequence = excluded.sequence, realised_paise = excluded.realised_paise
    where b.realised_paise < excluded.realised_paise;
  delete from best_trades old
  where old.exchange_id = p_exchange_id and old.hour < clock_timestamp() - interval '8 days'
    and exists (
      select from best_trades better
      where better.exchange_id = p_exchange_id and better.user_id = old.user_id and better.hour <> old.hour
        and (better.realised_paise, old.hour) > (old.realised_paise, better.hour));
  return v_sequence;
end
$$;
comment on function note_best_trades(bigint, bigint) is 'Note the best trades of the ledger after a sequence; returns where the ledger ended.';

create or replace function snapshot_before(p_exchange_id bigint, p_time timestamptz) returns timestamptz
language sql stable
set search_path = betjee, pg_temp
as $$
  select s.taken_at from snapshots s
  where s.exchange_id = p_exchange_id and s.taken_at <= p_time
  order by s.taken_at desc limit 1
$$;
comment on function snapshot_before(bigint, timestamptz) is 'The newest snapshot of an exchange at a time or before it, or null.';

create or replace function snapshot_figures(p_exchange_id bigint, p_taken_at timestamptz)
returns table (user_id bigint, median_paise bigint, realised_paise bigint)
language sql stable rows 100000
set search_path = betjee, pg_temp
as $$
  select m.user_id, m.median_paise, m.realised_paise
  from net_worths w, unnest(w.user_ids, w.medians_paise, w.realised_paise) m(user_id, median_paise, realised_paise)
  where w.exchange_id = p_exchange_id and w.taken_at = p_taken_at
$$;
comment on function snapshot_figures(bigint, timestamptz) is 'What each member was ranked by in a snapshot.';

create or replace function figures_of_members(p_exchange_id bigint, p_measured net_worths[], p_hour timestamptz) returns setof member_figures
language sql stable
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
  select n.user_id, n.median_paise,
    gain_bps(coalesce(d.median_paise, g.granted_paise), n.median_paise),
    gain_bps(coalesce(w.median_paise, g.granted_paise), n.median_paise),
    gain_bps(g.granted_paise, n.median_paise),
    n.realised_paise - coalesce(d.realised_paise, 0), n.realised_paise - coalesce(w.realised_paise, 0), n.realised_paise
  from (
    select m.* from unnest(p_measured) b, unnest(b.user_ids, b.medians_paise, b.realised_paise) m(user_id, median_paise, realised_paise)) n
  join users u on u.exchange_id = p_exchange_id and u.user_id = n.user_id and u.status = 'active'
  left join (
    select g.user_id, sum(g.amount_paise)::bigint as granted_paise
    from grants g where g.exchange_id = p_exchange_id group by g.user_id) g on g.user_id = n.user_id
  left join snapshot_figures(p_exchange_id, snapshot_before(p_exchange_id, p_hour - interval '1 day')) d on d.user_id = n.user_id
  left join snapshot_figures(p_exchange_id, snapshot_before(p_exchange_id, p_hour - interval '7 days')) w on w.user_id = n.user_id
$$;
comment on function figures_of_members(bigint, net_worths[], timestamptz) is 'What each active member is ranked by, from what they are worth now and were before.';

create or replace function rank_members(p_exchange_id bigint, p_board text, p_period text, p_members member_figures[]) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Writes one leaderboard. Equals have one rank, and stand in the order in which they came to the
-- exchange. Everyone is sorted once into whole arrays, which are then cut into chunks.
declare
  v_user_ids bigint[];
  v_ranks integer[];
  v_amounts_paise bigint[];
  v_gains_bps bigint[];
begin
  select array_agg(r.user_id), array_agg(r.rank), array_agg(r.amount_paise), array_agg(r.gain_bps)
  into v_user_ids, v_ranks, v_amounts_paise, v_gains_bps
  from (
    select f.user_id, f.amount_paise, f.gain_bps, rank() over (order by f.merit desc)::integer as rank
    from (
      select m.user_id, m.amount_paise, m.gain_bps, case p_board when 'gain' then m.gain_bps else m.amount_paise end as merit
      from (
        select m.user_id,
          case when p_board <> 'realised' then m.net_worth_paise
            else nullif(case p_period when 'day' then m.realised_day_paise when 'week' then m.realised_week_paise
              else m.realised_all_paise end, 0) end as amount_paise,
          case p_period when 'day' then m.gain_day_bps when 'week' then m.gain_week_bps else m.gain_all_bps end as gain_bps
        from unnest(p_members) m) m) f
    where f.merit is not null
    order by f.merit desc, f.user_id) r;
  insert into standings (exchange_id, board, period, chunk, user_ids, ranks, amounts_paise, gains_bps, sequences)
  select p_exchange_id, p_board, p_period, c.chunk,
    v_user_ids[c.first : c.first + 999], v_ranks[c.first : c.first + 999], v_amounts_paise[c.first : c.first + 999],
    v_gains_bps[c.first : c.first + 999], array_fill(null::bigint, array[least(cardinality(v_user_ids) - c.first + 1, 1000)])
  from (
    select n as chunk, n * 1000 + 1 as first
    from generate_series(0, (cardinality(v_user_ids) - 1) / 1000) n) c;
end
$$;
comment on function rank_members(bigint, text, text, member_figures[]) is 'Write the leaderboard of net worths, gains or realised profits over a period; who has realised nothing is not on the last.';

create or replace function rank_best_trades(p_exchange_id bigint, p_period text, p_since timestamptz) returns void
language sql
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
  insert into standings (exchange_id, board, period, chunk, user_ids, ranks, amounts_paise, gains_bps, sequences)
  select p_exchange_id, 'best_trade', p_period, 0, array_agg(r.user_id order by r.place), array_agg(r.rank order by r.place),
    array_agg(r.realised_paise order by r.place), array_agg(null::bigint), array_agg(r.sequence order by r.place)
  from (
    select d.*, rank() over (order by d.realised_paise desc)::integer as rank,
      row_number() over (order by d.realised_paise desc, d.sequence) as place
    from (
      select distinct on (b.user_id) b.user_id, b.realised_paise, b.sequence from best_trades b
      where b.exchange_id = p_exchange_id and b.hour >= p_since
      order by b.user_id, b.realised_paise desc, b.sequence) d
    join users u on u.exchange_id = p_exchange_id and u.user_id = d.user_id and u.status = 'active') r
  where r.place <= best_trades_shown()
  having count(*) > 0
$$;
comment on function rank_best_trades(bigint, text, timestamptz) is 'Write the leaderboard of best trades since a time.';

create or replace function are_leaderboards_due(p_exchange exchanges, p_leaderboards leaderboards, p_now timestamptz) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
-- Once an hour, for the snapshot; before the post of the day; and after changes, but at most each
-- minute, and so rarely that making them takes at most a hundredth of the time.
  select p_leaderboards.refreshed_at is null
    or p_leaderboards.refreshed_at < date_trunc('hour', p_now, 'UTC')
    or coalesce(p_leaderboards.refreshed_at < post_due_at(typed_settings(p_exchange.settings), p_now), false)
    or p_exchange.sequence > p_leaderboards.counted_sequence
      and p_leaderboards.refreshed_at + make_interval(secs => greatest(60, 100 * p_leaderboards.took_seconds)::double precision) <= p_now
$$;
comment on function are_leaderboards_due(exchanges, leaderboards, timestamptz) is 'Whether it is time to make the leaderboards of an exchange anew.';

create or replace function list_due_leaderboards() returns setof bigint
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select e.exchange_id from exchanges e left join leaderboards l on l.exchange_id = e.exchange_id
  where are_leaderboards_due(e, l, clock_timestamp())
  order by l.refreshed_at nulls first
$$;
comment on function list_due_leaderboards() is 'The exchanges whose leaderboards are due to be made anew, the longest due first.';
alter function list_due_leaderboards() owner to exchange_writer;
grant execute on function list_due_leaderboards() to service_role;

create or replace function refresh_leaderboards(p_exchange_id bigint) returns boolean
language plpgsql security definer
set search_path = betjee, pg_temp
set enable_nestloop = off
set jit = off
set max_parallel_workers_per_gather = 0
set work_mem = '32MB'
as $$
-- Makes the leaderboards of an exchange anew where that is due, and keeps what they are made of as the
-- hour's snapshot where there is none yet; says whether it did. It is its own memory: again, it does
-- nothing. Locks: the exchange's row of leaderboards, which another process that comes meanwhile
-- passes by; never the exchange, so that trades go on.
declare
  v_begun timestamptz := clock_timestamp();
  v_hour timestamptz := date_trunc('hour', v_begun, 'UTC');
  v_exchange exchanges;
  v_leaderboards leaderboards;
  v_measured net_worths[];
  v_members member_figures[];
  v_period record;
  v_sequence bigint;
begin
  insert into leaderboards (exchange_id) values (p_exchange_id) on conflict do nothing;
  select * into v_leaderboards from leaderboards where exchange_id = p_exchange_id for update skip locked;
  select * into v_exchange from exchanges where exchange_id = p_exchange_id;
  if v_leaderboards.exchange_id is null or not are_leaderboards_due(v_exchange, v_leaderboards, v_begun) then
    return false;
  end if;

  v_sequence := note_best_trades(p_exchange_id, v_leaderboards.counted_sequence);
  v_measured := array(select n::net_worths from measure_net_worths(p_exchange_id, v_hour) n);
  insert into snapshots (exchange_id, taken_at) values (p_exchange_id, v_hour) on conflict do nothing;
  if found then
    insert into net_worths select * from unnest(v_measured);
    perform thin_snapshots(p_exchange_id, v_hour);
  end if;

  v_members := array(select f::member_figures from figures_of_members(p_exchange_id, v_measured, v_hour) f);
  delete from standings where exchange_id = p_exchange_id;
  for v_period in
    select * from (values ('day', v_hour - interval '1 day'), ('week', v_hour - interval '7 days'), ('all', '-infinity')) p(name, since)
  loop
    perform rank_members(p_exchange_id, 'net_worth', v_period.name, v_members);
    perform rank_members(p_exchange_id, 'gain', v_period.name, v_members);
    perform rank_members(p_exchange_id, 'realised', v_period.name, v_members);
    perform rank_best_trades(p_exchange_id, v_period.name, v_period.since);
  end loop;
  update leaderboards
  set refreshed_at = v_begun, counted_sequence = v_sequence, took_seconds = extract(epoch from clock_timestamp() - v_begun)
  where exchange_id = p_exchange_id;
  return true;
end
$$;
comment on function refresh_leaderboards(bigint) is 'Make the leaderboards of an exchange anew where that is due, and take the hour''s snapshot.';
alter function refresh_leaderboards(bigint) owner to exchange_writer;
grant execute on function refresh_leaderboards(bigint) to service_role;
