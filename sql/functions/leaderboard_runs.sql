-- A run: by which the leaderboards of an exchange are made anew, and the hour's snapshot is taken. It is made
-- of short steps, each a transaction, so that whoever makes it can rest between them and trades go on.

create or replace function steps_of_run() returns integer
language sql immutable parallel safe
return 9;
comment on function steps_of_run() is 'How many steps a run has: to measure everyone, and then one or more leaderboards each.';

create or replace function done_percent(p_steps integer) returns integer
language sql immutable parallel safe
-- To measure everyone takes as long as half of all that follows.
return case when p_steps > 0 then 100 - 8 * (steps_of_run() - p_steps) else 0 end;
comment on function done_percent(integer) is 'How much of a run is done after so many steps, by the time that they take.';

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

create or replace function is_run_under_way(p_run leaderboard_runs, p_now timestamptz) returns boolean
language sql immutable parallel safe
-- What was measured long ago, by a process that did not go on, is not worth going on with.
return (p_run).steps < steps_of_run() and (p_run).begun_at > p_now - interval '10 minutes';
comment on function is_run_under_way(leaderboard_runs, timestamptz) is 'Whether a run is to be gone on with.';

create or replace function list_due_leaderboards() returns setof bigint
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- Those of an exchange without a run were lost in a crash, or never made.
  select e.exchange_id
  from exchanges e
  left join leaderboards l on l.exchange_id = e.exchange_id
  left join leaderboard_runs r on r.exchange_id = e.exchange_id
  where r.exchange_id is null or r.steps < steps_of_run() or are_leaderboards_due(e, l, clock_timestamp())
  order by l.refreshed_at nulls first
$$;
comment on function list_due_leaderboards() is 'The exchanges whose leaderboards are due to be made anew, the longest due first.';
alter function list_due_leaderboards() owner to exchange_writer;
grant execute on function list_due_leaderboards() to service_role;

create or replace function measure_members(p_exchange_id bigint, p_hour timestamptz) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Values everyone, all from one snapshot of the database; keeps it as that of the hour where there is none yet.
declare
  v_measured net_worths[];
begin
  perform prepare_medians(p_exchange_id, p_hour, 1000000);
  v_measured := array(select n::net_worths from measure_net_worths(p_exchange_id, p_hour) n);
  insert into snapshots (exchange_id, taken_at) values (p_exchange_id, p_hour) on conflict do nothing;
  if found then
    insert into net_worths select * from unnest(v_measured);
    perform thin_snapshots(p_exchange_id, p_hour);
  end if;
  delete from leaderboard_figures where exchange_id = p_exchange_id;
  insert into leaderboard_figures (
    exchange_id, block, user_ids, net_worths_paise, gains_day_bps, gains_week_bps, gains_all_bps,
    realised_day_paise, realised_week_paise, realised_all_paise)
  select p_exchange_id, m.user_id / 1000, array_agg(m.user_id), array_agg(m.net_worth_paise),
    array_agg(m.gain_day_bps), array_agg(m.gain_week_bps), array_agg(m.gain_all_bps),
    array_agg(m.realised_day_paise), array_agg(m.realised_week_paise), array_agg(m.realised_all_paise)
  from figures_of_members(p_exchange_id, v_measured, p_hour) m
  group by m.user_id / 1000;
end
$$;
comment on function measure_members(bigint, timestamptz) is 'Value everyone: the snapshot of the hour, and what the leaderboards are made of.';

create or replace function take_step(p_exchange_id bigint, p_step integer, p_hour timestamptz) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
begin
  case p_step
    when 1 then
      update leaderboards set counted_sequence = note_best_trades(p_exchange_id, counted_sequence)
      where exchange_id = p_exchange_id;
      perform measure_members(p_exchange_id, p_hour);
    when 2 then perform rank_by_net_worth(p_exchange_id);
    when 3 then perform rank_by_gain(p_exchange_id, 'day');
    when 4 then perform rank_by_gain(p_exchange_id, 'week');
    when 5 then perform rank_by_gain(p_exchange_id, 'all');
    when 6 then perform rank_by_realised(p_exchange_id, 'day');
    when 7 then perform rank_by_realised(p_exchange_id, 'week');
    when 8 then perform rank_by_realised(p_exchange_id, 'all');
    when 9 then
      perform rank_best_trades(p_exchange_id, 'day', p_hour - interval '1 day');
      perform rank_best_trades(p_exchange_id, 'week', p_hour - interval '7 days');
      perform rank_best_trades(p_exchange_id, 'all', '-infinity');
  end case;
end
$$;
comment on function take_step(bigint, integer, timestamptz) is 'One step of a run, whose first was in an hour.';

create or replace function refresh_leaderboards(p_exchange_id bigint, p_steps integer default 9) returns integer
language plpgsql security definer
set search_path = betjee, pg_temp
set enable_nestloop = off
set jit = off
set max_parallel_workers_per_gather = 0
set work_mem = '32MB'
as $$
-- Takes at most so many steps of a run that makes the leaderboards of an exchange anew, where one is under
-- way or due; returns how much of it is done by now, in percent, or null where there was nothing to do. A leaderboard
-- is replaced whole by its step. A wipe meanwhile ends the run, and 0 of it is done. Locks: the exchange's
-- row of leaderboards, which another process that comes meanwhile passes by; never the exchange, so that trades go on.
declare
  v_now timestamptz := clock_timestamp();
  v_exchange exchanges;
  v_leaderboards leaderboards;
  v_run leaderboard_runs;
begin
  insert into leaderboards (exchange_id) values (p_exchange_id) on conflict do nothing;
  select * into v_leaderboards from leaderboards where exchange_id = p_exchange_id for update skip locked;
  select * into v_exchange from exchanges where exchange_id = p_exchange_id;
  select * into v_run from leaderboard_runs where exchange_id = p_exchange_id;
  if v_leaderboards.exchange_id is null then
    return null;
  elsif not coalesce(is_run_under_way(v_run, v_now), false) then
    if v_run.steps = steps_of_run() and not are_leaderboards_due(v_exchange, v_leaderboards, v_now) then
      return null;
    end if;
    insert into leaderboard_runs (exchange_id, begun_at, steps, took_seconds) values (p_exchange_id, v_now, 0, 0)
    on conflict (exchange_id) do update set begun_at = excluded.begun_at, steps = 0, took_seconds = 0
    returning * into v_run;
  end if;

  while v_run.steps < steps_of_run() and p_steps > 0 loop
    v_run.steps := v_run.steps + 1;
    p_steps := p_steps - 1;
    perform take_step(p_exchange_id, v_run.steps, date_trunc('hour', v_run.begun_at, 'UTC'));
  end loop;
  v_run.took_seconds := v_run.took_seconds + extract(epoch from clock_timestamp() - v_now);
  update leaderboard_runs set steps = v_run.steps, took_seconds = v_run.took_seconds
  where exchange_id = p_exchange_id and begun_at = v_run.begun_at;
  if not found then
    return 0;
  elsif v_run.steps = steps_of_run() then
    update leaderboards set refreshed_at = v_run.begun_at, took_seconds = v_run.took_seconds where exchange_id = p_exchange_id;
  end if;
  return done_percent(v_run.steps);
end
$$;
comment on function refresh_leaderboards(bigint, integer) is 'Take steps of a run that makes the leaderboards of an exchange anew, where that is due, and takes the hour''s snapshot.';
alter function refresh_leaderboards(bigint, integer) owner to exchange_writer;
grant execute on function refresh_leaderboards(bigint, integer) to service_role;
