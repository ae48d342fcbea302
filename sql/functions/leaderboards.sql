-- Leaderboards: who is worth most, has gained most, has realised most, and made the best trade. They
-- are made anew now and then, by a run (leaderboard_runs.sql), and read page by page.
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

create or replace function write_standings(
  p_exchange_id bigint, p_board text, p_period text, p_user_ids bigint[], p_ranks integer[], p_amounts_paise bigint[], p_gains_bps bigint[]
) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- Puts a leaderboard, in its order, in the place of the one of before; cut into chunks of a thousand.
  delete from standings where exchange_id = p_exchange_id and board = p_board and period = p_period;
  insert into standings (exchange_id, board, period, chunk, user_ids, ranks, amounts_paise, gains_bps, sequences)
  select p_exchange_id, p_board, p_period, c.chunk,
    p_user_ids[c.first : c.first + 999], p_ranks[c.first : c.first + 999], p_amounts_paise[c.first : c.first + 999],
    p_gains_bps[c.first : c.first + 999], array_fill(null::bigint, array[least(cardinality(p_user_ids) - c.first + 1, 1000)])
  from (
    select n as chunk, n * 1000 + 1 as first
    from generate_series(0, (cardinality(p_user_ids) - 1) / 1000) n) c;
$$;
comment on function write_standings(bigint, text, text, bigint[], integer[], bigint[], bigint[]) is 'Write a leaderboard over a period anew.';

create or replace function rank_by_net_worth(p_exchange_id bigint) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Equals have one rank, here and below, and stand in the order in which they came to the exchange. The
-- order is the same whatever the period; the gain beside it is not.
declare
  v_user_ids bigint[];
  v_ranks integer[];
  v_amounts_paise bigint[];
  v_day_bps bigint[];
  v_week_bps bigint[];
  v_all_bps bigint[];
begin
  select array_agg(r.user_id), array_agg(r.rank), array_agg(r.paise), array_agg(r.day), array_agg(r.week), array_agg(r.all)
  into v_user_ids, v_ranks, v_amounts_paise, v_day_bps, v_week_bps, v_all_bps
  from (
    select o.*, rank() over (order by o.paise desc)::integer as rank
    from (
      select m.* from leaderboard_figures f,
        unnest(f.user_ids, f.net_worths_paise, f.gains_day_bps, f.gains_week_bps, f.gains_all_bps) m(user_id, paise, day, week, "all")
      where f.exchange_id = p_exchange_id
      order by m.paise desc, m.user_id offset 0) o) r;
  perform write_standings(p_exchange_id, 'net_worth', 'day', v_user_ids, v_ranks, v_amounts_paise, v_day_bps);
  perform write_standings(p_exchange_id, 'net_worth', 'week', v_user_ids, v_ranks, v_amounts_paise, v_week_bps);
  perform write_standings(p_exchange_id, 'net_worth', 'all', v_user_ids, v_ranks, v_amounts_paise, v_all_bps);
end
$$;
comment on function rank_by_net_worth(bigint) is 'Write the leaderboards of net worths.';

create or replace function rank_by_gain(p_exchange_id bigint, p_period text) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- Who has been granted nothing has no gain, and is not on it.
  select write_standings(
    p_exchange_id, 'gain', p_period, array_agg(r.user_id), array_agg(r.rank), array_agg(r.paise), array_agg(r.gain_bps))
  from (
    select o.*, rank() over (order by o.gain_bps desc)::integer as rank
    from (
      select m.* from leaderboard_figures f,
        unnest(f.user_ids, f.net_worths_paise, case p_period
          when 'day' then f.gains_day_bps when 'week' then f.gains_week_bps else f.gains_all_bps end) m(user_id, paise, gain_bps)
      where f.exchange_id = p_exchange_id and m.gain_bps is not null
      order by m.gain_bps desc, m.user_id offset 0) o) r
$$;
comment on function rank_by_gain(bigint, text) is 'Write the leaderboard of gains over a period.';

create or replace function rank_by_realised(p_exchange_id bigint, p_period text) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- Who has realised nothing is not on it.
  select write_standings(
    p_exchange_id, 'realised', p_period, array_agg(r.user_id), array_agg(r.rank), array_agg(r.paise), array_agg(null::bigint))
  from (
    select o.*, rank() over (order by o.paise desc)::integer as rank
    from (
      select m.* from leaderboard_figures f,
        unnest(f.user_ids, case p_period
          when 'day' then f.realised_day_paise when 'week' then f.realised_week_paise else f.realised_all_paise end) m(user_id, paise)
      where f.exchange_id = p_exchange_id and m.paise <> 0
      order by m.paise desc, m.user_id offset 0) o) r
$$;
comment on function rank_by_realised(bigint, text) is 'Write the leaderboard of realised profits over a period.';

create or replace function rank_best_trades(p_exchange_id bigint, p_period text, p_since timestamptz) returns void
language sql
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
  delete from standings where exchange_id = p_exchange_id and board = 'best_trade' and period = p_period;
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
  having count(*) > 0;
$$;
comment on function rank_best_trades(bigint, text, timestamptz) is 'Write the leaderboard of best trades since a time.';
