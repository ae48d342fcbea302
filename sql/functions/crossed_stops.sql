-- Finding the stops that a price has crossed, however many are armed: each look-up is one of the
-- index stop_losses_by_level, whose order is the order in which stops get their turn.

create or replace function nearest_level(p_exchange_id bigint, p_shift_id integer, p_sign integer, p_above_level bigint) returns bigint
language sql stable
set search_path = betjee, pg_temp
as $$
  select s.trigger_level from stop_losses s
  where s.exchange_id = p_exchange_id and s.shift_id = p_shift_id and s.trigger_sign = p_sign and s.status = 'armed'
    and s.trigger_level > p_above_level
  order by s.trigger_level limit 1
$$;
comment on function nearest_level(bigint, integer, integer, bigint) is 'The nearest trigger level above a given one among a market''s armed stops of one sign, or null.';

create or replace function crossed_stops(
  p_exchange_id bigint, p_shift_id integer, p_range stop_range, p_user_ids bigint[], p_limit integer
) returns setof crossed_stop
language sql stable
set search_path = betjee, pg_temp
-- What is looked up in tables has no choice but their keys; the users already loaded are hashed.
set enable_hashjoin = on
set enable_nestloop = off
set enable_mergejoin = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
  -- Owners who are not loaded yet get the places after those who are.
  select s.stop, u.owner,
    coalesce(k.number, cardinality(p_user_ids) + dense_rank() over (partition by k.number is null order by s.user_id))::integer,
    p.held
  from (
    select s as stop, s.user_id, s.trigger_level, s.stop_id from stop_losses s
    where s.exchange_id = p_exchange_id and s.shift_id = p_shift_id and s.trigger_sign = (p_range).sign and s.status = 'armed'
      and (s.trigger_level, s.stop_id) > ((p_range).after_level, (p_range).after_stop_id)
    order by s.trigger_level, s.stop_id limit p_limit) s
  left join unnest(p_user_ids) with ordinality k(user_id, number) on k.user_id = s.user_id
  cross join lateral (
    select u as owner from users u where u.exchange_id = p_exchange_id and u.user_id = s.user_id limit 1) u
  left join lateral (
    select p as held from positions p
    where p.exchange_id = p_exchange_id and p.user_id = s.user_id and p.shift_id = p_shift_id limit 1) p on true
  order by s.trigger_level, s.stop_id
$$;
comment on function crossed_stops(bigint, integer, stop_range, bigint[], integer) is 'The next stops after those of a range that had their turns, in their order, with their owners and positions.';

create or replace function stands_still(p_exchange_id bigint, p_shift_id integer) returns boolean
language plpgsql stable
set search_path = betjee, pg_temp
as $$
begin
  return exists (
    select from markets m
    where m.exchange_id = p_exchange_id and m.shift_id = p_shift_id and m.status = 'halted' and m.halted_until is null);
end
$$;
comment on function stands_still(bigint, integer) is 'Whether a market is halted until a moderator resumes it.';

create or replace function end_cooldowns(p_exchange exchanges) returns integer[]
language sql
set search_path = betjee, pg_temp
as $$
-- Ends the cool-downs whose time is over, and arms the stops that they held back. Where a market is
-- halted without an end, none of them runs.
  with ended as (
    update positions p set cooldown_sign = null, cooldown_until = null, cooldown_by = null
    where p.exchange_id = p_exchange.exchange_id and p.cooldown_until <= p_exchange.updated_at
      and not stands_still(p.exchange_id, p.shift_id)
    returning p.user_id, p.shift_id),
  armed as (
    update stop_losses s set status = 'armed'
    where s.exchange_id = p_exchange.exchange_id and s.stop_id = any (array(
      select h.stop_id
      from ended e,
        lateral (
          select h.stop_id from stop_losses h
          where h.exchange_id = p_exchange.exchange_id and h.user_id = e.user_id and h.shift_id = e.shift_id
            and h.status = 'held'
          limit 1000) h)))
  select array_agg(distinct shift_id) from ended
$$;
comment on function end_cooldowns(exchanges) is 'End the cool-downs whose time is over; returns their markets.';

create or replace function noted_set_off(
  p_held positions, p_settings exchange_settings, p_market markets, p_origin stop_origin, p_shares bigint, p_time timestamptz
) returns positions
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- Who sets off others' stops in the direction of their own order could turn round and take the profit of
-- it. What they have set off adds up while each is less than cooldown_seconds after the one before, so
-- that many small orders count as one; above cooldown_share_bps of max_tradable_shares they cool down.
declare
  v_held positions := p_held;
begin
  v_held.set_off_shares := p_shares
    + case when p_held.set_off_until > p_time and p_held.set_off_sign = p_origin.sign then p_held.set_off_shares else 0 end;
  v_held.set_off_sign := p_origin.sign;
  v_held.set_off_until := p_time + make_interval(secs => p_settings.cooldown_seconds);
  if v_held.set_off_shares * 10000 > p_market.max_tradable_shares::bigint * p_settings.cooldown_share_bps
    and p_settings.cooldown_seconds > 0 and p_held.cooldown_sign is distinct from p_origin.sign then
    v_held.cooldown_sign := -p_origin.sign;
    v_held.cooldown_until := greatest(p_held.cooldown_until, v_held.set_off_until);
    v_held.cooldown_by := coalesce(p_held.cooldown_by, p_origin.sequence);
  end if;
  return v_held;
end
$$;
comment on function noted_set_off(positions, exchange_settings, markets, stop_origin, bigint, timestamptz) is 'The position of who has set off another''s stop, with the cool-down that may follow.';

create or replace function origin_of_halt(p_market markets, p_time timestamptz, p_pause_seconds integer) returns transactions
language sql stable
set search_path = betjee, pg_temp
as $$
-- What stops left to do at a halt, and while the next is a while off, is the doing of the order that led
-- to it. Null where there is none, or its owner is gone.
  select t from transactions t
  where t.exchange_id = p_market.exchange_id and t.sequence = p_market.halted_by
    and p_market.reopened_at > p_time - make_interval(secs => p_pause_seconds)
$$;
comment on function origin_of_halt(markets, timestamptz, integer) is 'The fill of the order that is behind stops which had to wait for the end of a halt, or null.';

create or replace function turned_stop(p_stop stop_losses, p_outcome order_outcome, p_time timestamptz) returns stop_losses
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- A stop after its turn: filled; armed with what the band has left of it; suspended with its owner, or
-- held until their cool-down ends; or failed, with the reason.
declare
  v_stop stop_losses := p_stop;
begin
  if p_outcome.status = 'filled' and p_outcome.shares < p_outcome.asked_shares then
    v_stop.shares := sign(p_stop.shares) * (p_outcome.asked_shares - p_outcome.shares);
  elsif p_outcome.status = 'filled' then
    v_stop.status := 'filled';
    v_stop.ended_at := p_time;
  elsif p_outcome.code in ('user_frozen', 'user_banned') then
    v_stop.status := 'suspended';
  elsif p_outcome.code = 'cooling_down' then
    v_stop.status := 'held';
  elsif p_outcome.code <> 'price_band' then
    v_stop.status := 'failed';
    v_stop.code := p_outcome.code;
    v_stop.ended_at := p_time;
  end if;
  return v_stop;
end
$$;
comment on function turned_stop(stop_losses, order_outcome, timestamptz) is 'What became of a stop that had its turn.';

create or replace function write_stops(p_stops stop_losses[]) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- `on conflict` looks rows up by their key whatever is known of the table; none is ever inserted.
  insert into stop_losses as s (
    exchange_id, stop_id, user_id, shift_id, kind, shares, trigger_price_paise, trigger_sold, trigger_sign,
    status, code, request_id, armed_at, ended_at)
  select t.exchange_id, t.stop_id, t.user_id, t.shift_id, t.kind, t.shares, t.trigger_price_paise, t.trigger_sold,
    t.trigger_sign, t.status, t.code, t.request_id, t.armed_at, t.ended_at
  from unnest(p_stops) t
  on conflict (exchange_id, stop_id) do update
    set shares = excluded.shares, status = excluded.status, code = excluded.code, ended_at = excluded.ended_at
$$;
comment on function write_stops(stop_losses[]) is 'Write what became of stops.';

create or replace function seconds_until(p_end timestamptz, p_time timestamptz) returns integer
language sql immutable parallel safe
return case when p_end is not null then greatest(1, ceil(extract(epoch from p_end - p_time)))::integer end;
comment on function seconds_until(timestamptz, timestamptz) is 'Whole seconds until a time, rounded up, at least one; null where there is none.';

create or replace function stop_notice(p_stop stop_losses, p_outcome order_outcome) returns notice
language sql immutable parallel safe
return row(
  (p_stop).user_id,
  case when (p_outcome).status = 'filled' then 'stop_filled' else 'stop_failed' end,
  jsonb_build_object(
    'stop_id', (p_stop).stop_id, 'kind', (p_stop).kind, 'market', (p_outcome).market, 'label', (p_outcome).label,
    'side', (p_outcome).side, 'trigger_price_paise', (p_stop).trigger_price_paise)
  || case when (p_outcome).status = 'filled' then jsonb_build_object(
    'shares', (p_outcome).shares, 'remaining_shares', (p_outcome).asked_shares - (p_outcome).shares,
    'average_price_paise', (p_outcome).average_price_paise, 'total_paise', (p_outcome).total_paise,
    'tax_paise', (p_outcome).tax_paise, 'realised_paise', (p_outcome).realised_paise)
  else jsonb_build_object('shares', abs((p_stop).shares), 'code', (p_outcome).code) end)::notice;
comment on function stop_notice(stop_losses, order_outcome) is 'What the owner of a stop is told of its fill or failure.';

create or replace function halt_notice(p_market markets, p_reference_paise bigint, p_point curve_point, p_settings exchange_settings) returns notice
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  select (null, 'market_halted', jsonb_build_object(
    'market', p_market.code, 'label', p_market.label, 'price_before_paise', p_reference_paise,
    'price_paise', p_point.price_paise, 'halt_seconds', p_settings.halt_seconds, 'reopens_at', p_market.halted_until))::notice
$$;
comment on function halt_notice(markets, bigint, curve_point, exchange_settings) is 'What everyone is told of a halt: how far the price went, not whose orders carried it.';

create or replace function reopening_notice(p_market markets, p_point curve_point) returns notice
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  select (null, 'market_reopened', jsonb_build_object(
    'market', p_market.code, 'label', p_market.label, 'price_paise', p_point.price_paise))::notice
$$;
comment on function reopening_notice(markets, curve_point) is 'What everyone is told of the end of a halt.';
