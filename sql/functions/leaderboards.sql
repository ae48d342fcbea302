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
-- Rounded, halves away from zero. A run asks it three times for each member, and whole numbers divide several
-- times as fast as numeric; only what would be too large for them once it is multiplied is left to that.
return case
  when p_before_paise > 0 and p_before_paise < 100000000000000 and p_after_paise between p_before_paise and 100000000000000
    then ((p_after_paise - p_before_paise) * 20000 + p_before_paise) / (p_before_paise * 2)
  when p_before_paise > 0 and p_before_paise < 100000000000000 and p_after_paise between 0 and p_before_paise
    then -(((p_before_paise - p_after_paise) * 20000 + p_before_paise) / (p_before_paise * 2))
  else round((p_after_paise - p_before_paise)::numeric * 10000 / nullif(p_before_paise, 0))::bigint end;
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

create or replace function block_figures(p_exchange_id bigint, p_blocks bigint[], p_taken_at timestamptz)
returns table (user_id bigint, median_paise bigint, realised_paise bigint)
language sql stable rows 10000
set search_path = betjee, pg_temp
set enable_seqscan = off
as $$
  select unnest(w.user_ids), unnest(w.medians_paise), unnest(w.realised_paise)
  from net_worths w
  where w.exchange_id = p_exchange_id and w.block = any (p_blocks) and w.taken_at = p_taken_at
$$;
comment on function block_figures(bigint, bigint[], timestamptz) is 'What each member of some blocks was ranked by in a snapshot.';

create or replace function measured_members(p_exchange_id bigint, p_blocks bigint[], p_hours timestamptz[])
returns table (user_id bigint, is_active boolean, median_paise bigint, granted_paise bigint, realised_paise bigint)
language sql stable rows 10000
set search_path = betjee, pg_temp
set enable_nestloop = off
set enable_seqscan = off
as $$
-- Arrays are unnested in the select list, which costs half of what it costs in the from list.
  select n.user_id, n.is_active,
    bounded_median(cardinality(p_hours), n.net_worth_paise, n.granted_paise, b.low_paise, b.early_low_paise, b.high_paise, b.early_high_paise),
    n.granted_paise, n.realised_paise
  from (
    select unnest(v.user_ids) as user_id, unnest(v.are_active) as is_active, unnest(v.net_worths_paise) as net_worth_paise, unnest(v.granted_paise) as granted_paise,
      unnest(v.realised_paise) as realised_paise
    from valuations v where v.exchange_id = p_exchange_id and v.block = any (p_blocks)) n
  left join (
    select unnest(m.user_ids) as user_id, unnest(m.lows_paise) as low_paise, unnest(m.early_lows_paise) as early_low_paise,
      unnest(m.highs_paise) as high_paise, unnest(m.early_highs_paise) as early_high_paise
    from median_bounds m
    where m.exchange_id = p_exchange_id and m.block = any (p_blocks) and m.newest = p_hours[1] and m.hours = p_hours) b
    on b.user_id = n.user_id
$$;
comment on function measured_members(bigint, bigint[], timestamptz[]) is 'The median net worth of each member of some blocks, and whether they are to be ranked.';

create or replace function rank_blocks(p_exchange_id bigint, p_hour timestamptz, p_limit integer) returns integer
language plpgsql
set search_path = betjee, pg_temp
set enable_nestloop = off
set enable_seqscan = off
as $$
-- Finds what the members of the next blocks of the run under way are ranked by; returns how many blocks it were.
declare
  v_hours timestamptz[] := hours_of_median(p_exchange_id, p_hour);
  v_blocks bigint[] := array(
    select v.block from valuations v
    where v.exchange_id = p_exchange_id
      and not exists (select from ranked_members r where r.exchange_id = p_exchange_id and r.block = v.block)
    order by v.block limit p_limit);
  v_unbounded bigint[] := array(
    select b from unnest(v_blocks) b
    where cardinality(v_hours) > 0 and not exists (
      select from median_bounds m
      where m.exchange_id = p_exchange_id and m.block = b and m.newest = v_hours[1] and m.hours = v_hours));
begin
  if cardinality(v_unbounded) > 0 then
    perform bound_medians(p_exchange_id, v_unbounded, v_hours);
  end if;
  insert into ranked_members (
    exchange_id, block, user_ids, are_active, medians_paise, gains_day_bps, gains_week_bps, gains_all_bps,
    realised_day_paise, realised_week_paise, realised_all_paise)
  select p_exchange_id, m.user_id / 1000, array_agg(m.user_id order by m.user_id), array_agg(m.is_active order by m.user_id),
    array_agg(m.median_paise order by m.user_id),
    array_agg(gain_bps(coalesce(d.median_paise, m.granted_paise), m.median_paise) order by m.user_id),
    array_agg(gain_bps(coalesce(w.median_paise, m.granted_paise), m.median_paise) order by m.user_id),
    array_agg(gain_bps(m.granted_paise, m.median_paise) order by m.user_id),
    array_agg(m.realised_paise - coalesce(d.realised_paise, 0) order by m.user_id),
    array_agg(m.realised_paise - coalesce(w.realised_paise, 0) order by m.user_id),
    array_agg(m.realised_paise order by m.user_id)
  from measured_members(p_exchange_id, v_blocks, v_hours) m
  left join block_figures(p_exchange_id, v_blocks, snapshot_before(p_exchange_id, p_hour - interval '1 day')) d
    on d.user_id = m.user_id
  left join block_figures(p_exchange_id, v_blocks, snapshot_before(p_exchange_id, p_hour - interval '7 days')) w
    on w.user_id = m.user_id
  group by m.user_id / 1000;
  return cardinality(v_blocks);
end
$$;
comment on function rank_blocks(bigint, timestamptz, integer) is 'Find what the members of the next blocks of the run under way are ranked by.';

create or replace function write_standings(
  p_exchange_id bigint, p_run bigint, p_board text, p_period text,
  p_user_ids bigint[], p_amounts_paise bigint[], p_gains_bps bigint[], p_ranked_by bigint[]
) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- Equals have one rank, that of the first of them. Of those that begin a chunk with the same amount, the first
-- equal stands in the chunk before the first of those chunks, or begins it.
  insert into standings (exchange_id, run, board, period, chunk, user_ids, first_rank, amounts_paise, gains_bps, sequences)
  select p_exchange_id, p_run, p_board, p_period, c.chunk, p_user_ids[c.first : c.first + 999],
    coalesce(
      c.equal_from - 1001 + array_position(p_ranked_by[c.equal_from - 1000 : c.equal_from - 1], p_ranked_by[c.first]),
      c.equal_from),
    p_amounts_paise[c.first : c.first + 999], coalesce(p_gains_bps[c.first : c.first + 999], c.nulls), c.nulls
  from (
    select n.chunk, n.first, min(n.first) over (partition by p_ranked_by[n.first]) as equal_from,
      array_fill(null::bigint, array[least(cardinality(p_user_ids) - n.first + 1, 1000)]) as nulls
    from (select chunk, chunk * 1000 + 1 as first from generate_series(0, (cardinality(p_user_ids) - 1) / 1000) chunk) n) c
$$;
comment on function write_standings(bigint, bigint, text, text, bigint[], bigint[], bigint[], bigint[]) is 'Write a leaderboard, given as whole arrays in its order, in chunks; without gains where they are null.';

create or replace function rank_net_worths(p_exchange_id bigint, p_run bigint) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Writes the leaderboards of net worths. Their order is the same over every period, so there is one
-- sorting for the three. Equals have one rank, and stand in the order in which they came to the exchange.
declare
  v_all record;
begin
  select array_agg(r.user_id) as user_ids, array_agg(r.paise) as amounts_paise,
    array_agg(r.gain_day_bps) as gains_day_bps, array_agg(r.gain_week_bps) as gains_week_bps, array_agg(r.gain_all_bps) as gains_all_bps
  into v_all
  from (
    select m.* from (
      select unnest(b.user_ids) as user_id, unnest(b.are_active) as is_active, unnest(b.medians_paise) as paise,
        unnest(b.gains_day_bps) as gain_day_bps, unnest(b.gains_week_bps) as gain_week_bps, unnest(b.gains_all_bps) as gain_all_bps
      from ranked_members b where b.exchange_id = p_exchange_id) m
    where m.is_active
    order by m.paise desc, m.user_id) r;
  perform write_standings(p_exchange_id, p_run, 'net_worth', 'day', v_all.user_ids, v_all.amounts_paise, v_all.gains_day_bps, v_all.amounts_paise);
  perform write_standings(p_exchange_id, p_run, 'net_worth', 'week', v_all.user_ids, v_all.amounts_paise, v_all.gains_week_bps, v_all.amounts_paise);
  perform write_standings(p_exchange_id, p_run, 'net_worth', 'all', v_all.user_ids, v_all.amounts_paise, v_all.gains_all_bps, v_all.amounts_paise);
end
$$;
comment on function rank_net_worths(bigint, bigint) is 'Write the leaderboards of net worths over all periods.';

create or replace function rank_gains(p_exchange_id bigint, p_run bigint, p_period text) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Equals as in rank_net_worths(). Of who was granted nothing there is no gain.
declare
  v_all record;
begin
  select array_agg(r.user_id) as user_ids, array_agg(r.paise) as amounts_paise, array_agg(r.gain_bps) as gains_bps
  into v_all
  from (
    select m.* from (
      select unnest(b.user_ids) as user_id, unnest(b.are_active) as is_active, unnest(b.medians_paise) as paise,
        unnest(case p_period when 'day' then b.gains_day_bps when 'week' then b.gains_week_bps else b.gains_all_bps end) as gain_bps
      from ranked_members b where b.exchange_id = p_exchange_id) m
    where m.is_active and m.gain_bps is not null
    order by m.gain_bps desc, m.user_id) r;
  perform write_standings(p_exchange_id, p_run, 'gain', p_period, v_all.user_ids, v_all.amounts_paise, v_all.gains_bps, v_all.gains_bps);
end
$$;
comment on function rank_gains(bigint, bigint, text) is 'Write the leaderboard of gains over a period.';

create or replace function rank_realised(p_exchange_id bigint, p_run bigint, p_period text) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Equals as in rank_net_worths(). Who has realised nothing is not on it.
declare
  v_all record;
begin
  select array_agg(r.user_id) as user_ids, array_agg(r.paise) as amounts_paise
  into v_all
  from (
    select m.* from (
      select unnest(b.user_ids) as user_id, unnest(b.are_active) as is_active,
        unnest(case p_period when 'day' then b.realised_day_paise when 'week' then b.realised_week_paise else b.realised_all_paise end) as paise
      from ranked_members b where b.exchange_id = p_exchange_id) m
    where m.is_active and m.paise <> 0
    order by m.paise desc, m.user_id) r;
  perform write_standings(p_exchange_id, p_run, 'realised', p_period, v_all.user_ids, v_all.amounts_paise, null, v_all.amounts_paise);
end
$$;
comment on function rank_realised(bigint, bigint, text) is 'Write the leaderboard of realised profits over a period.';

create or replace function rank_best_trades(p_exchange_id bigint, p_run bigint, p_period text, p_since timestamptz) returns void
language sql
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
  insert into standings (exchange_id, run, board, period, chunk, user_ids, first_rank, amounts_paise, gains_bps, sequences)
  select p_exchange_id, p_run, 'best_trade', p_period, 0, array_agg(r.user_id order by r.place), 1,
    array_agg(r.realised_paise order by r.place), array_agg(null::bigint), array_agg(r.sequence order by r.place)
  from (
    select d.*, row_number() over (order by d.realised_paise desc, d.sequence) as place
    from (
      select distinct on (b.user_id) b.user_id, b.realised_paise, b.sequence from best_trades b
      where b.exchange_id = p_exchange_id and b.hour >= p_since
      order by b.user_id, b.realised_paise desc, b.sequence) d
    join users u on u.exchange_id = p_exchange_id and u.user_id = d.user_id and u.status = 'active') r
  where r.place <= best_trades_shown()
  having count(*) > 0
$$;
comment on function rank_best_trades(bigint, bigint, text, timestamptz) is 'Write the leaderboard of best trades since a time.';

create or replace function are_leaderboards_due(p_exchange exchanges, p_leaderboards leaderboards, p_now timestamptz) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
-- Once an hour, for the snapshot; before the post of the day; and after changes, but at most each
-- minute, and so rarely that making them takes at most a hundredth of the time. A run that was begun goes on,
-- and what a crash of the server has emptied is made anew.
  select p_leaderboards.refreshed_at is null or p_leaderboards.run_begun_at is not null
    or coalesce(p_leaderboards.shown_rows, 0) > 0 and not exists (
      select from standings s where s.exchange_id = p_leaderboards.exchange_id and s.run = p_leaderboards.shown_run)
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
