-- Runs: how everyone is valued, the snapshot of the hour taken and the leaderboards made anew, step by
-- step. A step is short and may be a transaction of its own, so that trades get their turn between two; what
-- the steps before it have found is in tables. Readers see the standings of the last run until the last
-- step shows those of this one, all at once.

create or replace function begin_run(p_run leaderboards) returns leaderboards
language plpgsql
set search_path = betjee, pg_temp
as $$
declare
  v_run leaderboards := p_run;
begin
  delete from valuations where exchange_id = p_run.exchange_id;
  delete from ranked_members where exchange_id = p_run.exchange_id;
  delete from standings where exchange_id = p_run.exchange_id and run <> p_run.shown_run;
  v_run.run_begun_at := clock_timestamp();
  v_run.run_sequence := note_best_trades(p_run.exchange_id, p_run.counted_sequence);
  v_run.run_blocks := value_exchange(p_run.exchange_id);
  v_run.run_step := 1;
  return v_run;
end
$$;
comment on function begin_run(leaderboards) is 'The first step of a run: note the best trades, and value everyone at one moment.';

create or replace function end_run(p_run leaderboards) returns leaderboards
language plpgsql
set search_path = betjee, pg_temp
as $$
declare
  v_run leaderboards := p_run;
begin
  delete from standings where exchange_id = p_run.exchange_id and run = p_run.shown_run;
  delete from ranked_members where exchange_id = p_run.exchange_id;
  v_run.shown_run := p_run.shown_run + 1;
  v_run.shown_rows := (select count(*) from standings where exchange_id = p_run.exchange_id);
  v_run.refreshed_at := p_run.run_begun_at;
  v_run.counted_sequence := p_run.run_sequence;
  v_run.run_begun_at := null;
  v_run.run_step := 0;
  return v_run;
end
$$;
comment on function end_run(leaderboards) is 'The end of a run: show what it has made, and forget what was shown before.';

create or replace function take_step(p_run leaderboards) returns leaderboards
language plpgsql
set search_path = betjee, pg_temp
as $$
-- One step of a run; returns the run after it. By number:
--
--   0      begin_run()
--   1      ten blocks of members, again and again until there are none left
--   2      the snapshot of the hour
--   3      the leaderboards of net worths
--   4..6   the leaderboards of gains
--   7..9   the leaderboards of realised profits
--   10     the leaderboards of best trades, and end_run()
--
-- A run whose valuations are gone, by a wipe or by a crash of the server, begins anew, and so does one that
-- was left lying.
declare
  v_run leaderboards := p_run;
  v_hour timestamptz := date_trunc('hour', p_run.run_begun_at, 'UTC');
  v_periods text[] := '{day,week,all}';
begin
  if p_run.run_step = 0 or p_run.run_begun_at < clock_timestamp() - interval '10 minutes'
    or p_run.run_blocks <> (select count(*) from valuations where exchange_id = p_run.exchange_id) then
    return begin_run(p_run);
  elsif p_run.run_step = 1 then
    if rank_blocks(p_run.exchange_id, v_hour, 10) > 0 then
      return v_run;
    end if;
    if p_run.run_blocks <> (select count(*) from ranked_members where exchange_id = p_run.exchange_id) then
      return begin_run(p_run);
    end if;
  elsif p_run.run_step = 2 then
    perform take_snapshot(p_run.exchange_id, v_hour);
  elsif p_run.run_step = 3 then
    perform rank_net_worths(p_run.exchange_id, p_run.shown_run + 1);
  elsif p_run.run_step <= 6 then
    perform rank_gains(p_run.exchange_id, p_run.shown_run + 1, v_periods[p_run.run_step - 3]);
  elsif p_run.run_step <= 9 then
    perform rank_realised(p_run.exchange_id, p_run.shown_run + 1, v_periods[p_run.run_step - 6]);
  else
    perform rank_best_trades(p_run.exchange_id, p_run.shown_run + 1, 'day', v_hour - interval '1 day');
    perform rank_best_trades(p_run.exchange_id, p_run.shown_run + 1, 'week', v_hour - interval '7 days');
    perform rank_best_trades(p_run.exchange_id, p_run.shown_run + 1, 'all', '-infinity');
    return end_run(v_run);
  end if;
  v_run.run_step := p_run.run_step + 1;
  return v_run;
end
$$;
comment on function take_step(leaderboards) is 'Take the next step of the run that makes the leaderboards of an exchange.';

create or replace function refresh_leaderboards(p_exchange_id bigint, p_seconds numeric default null) returns text
language plpgsql security definer
set search_path = betjee, pg_temp
set enable_nestloop = off
set jit = off
set max_parallel_workers_per_gather = 0
set work_mem = '32MB'
as $$
-- Makes the leaderboards of an exchange anew where that is due, and keeps what they are made of as the
-- hour's snapshot where there is none yet. Takes steps until so much time has passed, or all of them, and tells what
-- the next call would go on with, snapshot or leaderboards, or that the run is done; null if nothing is due or
-- another process has a step in hand. It is its own memory. Locks: the exchange's row of
-- leaderboards, which another process that comes meanwhile passes by; never the exchange, so that trades go on.
declare
  v_begun timestamptz := clock_timestamp();
  v_exchange exchanges;
  v_run leaderboards;
begin
  insert into leaderboards (exchange_id) values (p_exchange_id) on conflict do nothing;
  select * into v_run from leaderboards where exchange_id = p_exchange_id for update skip locked;
  select * into v_exchange from exchanges where exchange_id = p_exchange_id;
  if v_run.exchange_id is null or not are_leaderboards_due(v_exchange, v_run, v_begun) then
    return null;
  end if;

  loop
    v_run := take_step(v_run);
    exit when v_run.run_begun_at is null or clock_timestamp() >= v_begun + make_interval(secs => p_seconds::double precision);
  end loop;
  v_run.run_seconds := v_run.run_seconds + extract(epoch from clock_timestamp() - v_begun);
  update leaderboards
  set shown_run = v_run.shown_run, shown_rows = v_run.shown_rows, refreshed_at = v_run.refreshed_at,
    counted_sequence = v_run.counted_sequence, run_begun_at = v_run.run_begun_at, run_step = v_run.run_step,
    run_sequence = v_run.run_sequence, run_blocks = v_run.run_blocks,
    took_seconds = case when v_run.run_begun_at is null then v_run.run_seconds else took_seconds end,
    run_seconds = case when v_run.run_begun_at is null then 0 else v_run.run_seconds end
  where exchange_id = p_exchange_id;
  return case when v_run.run_begun_at is null then 'done' when v_run.run_step <= 2 then 'snapshot' else 'leaderboards' end;
end
$$;
comment on function refresh_leaderboards(bigint, numeric) is 'Make the leaderboards of an exchange anew where that is due, and take the hour''s snapshot, for so many seconds or to the end.';
alter function refresh_leaderboards(bigint, numeric) owner to exchange_writer;
grant execute on function refresh_leaderboards(bigint, numeric) to service_role;

create or replace function list_unprepared_medians() returns setof bigint
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select l.exchange_id from leaderboards l, lateral (select snapshot_before(l.exchange_id, 'infinity')) s(newest)
  where l.run_begun_at is null and s.newest is not null and l.prepared_at is distinct from s.newest
  order by s.newest
$$;
comment on function list_unprepared_medians() is 'The exchanges for whose next hour the medians are to be prepared.';
alter function list_unprepared_medians() owner to exchange_writer;
grant execute on function list_unprepared_medians() to service_role;

create or replace function prepare_medians(p_exchange_id bigint, p_seconds numeric) returns boolean
language plpgsql security definer
set search_path = betjee, pg_temp
set jit = off
set max_parallel_workers_per_gather = 0
set work_mem = '32MB'
as $$
-- Finds the bounds of medians that the runs of the next hour need, block by block until so much time has
-- passed; says whether it found the last of them. What is not prepared by then, a run does itself. Locks as
-- refresh_leaderboards().
declare
  v_begun timestamptz := clock_timestamp();
  v_newest timestamptz := snapshot_before(p_exchange_id, 'infinity');
  v_hours timestamptz[] := hours_of_median(p_exchange_id, v_newest + interval '1 hour');
  v_block bigint;
begin
  -- Another process may have done it since this one was told to.
  perform from leaderboards
  where exchange_id = p_exchange_id and run_begun_at is null and prepared_at is distinct from v_newest
  for update skip locked;
  if not found or v_newest is null then
    return false;
  end if;
  loop
    v_block := (
      select v.block from valuations v
      join net_worths w on w.exchange_id = v.exchange_id and w.block = v.block and w.taken_at = v_newest and w.user_ids <> '{}'
      where v.exchange_id = p_exchange_id and not exists (
        select from median_bounds m
        where m.exchange_id = p_exchange_id and m.block = v.block and m.newest = v_newest and m.hours = v_hours)
      order by v.block limit 1);
    exit when v_block is null;
    perform bound_medians(p_exchange_id, array[v_block], v_hours);
    if clock_timestamp() >= v_begun + make_interval(secs => p_seconds::double precision) then
      return false;
    end if;
  end loop;
  -- The runs of this hour still need those of the snapshot before.
  delete from median_bounds where exchange_id = p_exchange_id and newest < v_hours[2];
  update leaderboards set prepared_at = v_newest where exchange_id = p_exchange_id;
  return true;
end
$$;
comment on function prepare_medians(bigint, numeric) is 'Find ahead of time between what the medians of the next hour lie, for so many seconds.';
alter function prepare_medians(bigint, numeric) owner to exchange_writer;
grant execute on function prepare_medians(bigint, numeric) to service_role;
