-- Orders that wait for a price, as their owners see them: arming, cancelling, listing. What fires
-- them is the trade that carries the price there.

create or replace function stop_document(p_stop stop_losses, p_market markets, p_held positions) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- A halt or a cool-down that is over by the clock is not shown, though nobody may have written yet;
-- that it holds an order back is told by its end.
  select jsonb_build_object(
    'stop_id', p_stop.stop_id, 'kind', p_stop.kind, 'market', p_market.code,
    'status', case p_stop.status when 'held' then 'armed' else p_stop.status end,
    'label', p_market.label, 'side', fill_side(p_stop.shares, 0),
    'shares', least(abs(p_stop.shares), abs(coalesce(p_held.shares, 0))),
    'trigger_price_paise', p_stop.trigger_price_paise, 'trigger_sign', p_stop.trigger_sign,
    'price_paise', (current_point(p_market)).price_paise, 'position_shares', coalesce(p_held.shares, 0),
    'halted', p_market.status = 'halted' and coalesce(p_market.halted_until > clock_timestamp(), true),
    'halted_until', case when p_market.halted_until > clock_timestamp() then p_market.halted_until end,
    'cooldown_until', case when p_held.cooldown_sign = sign(p_stop.shares) and p_held.cooldown_until > clock_timestamp()
      then p_held.cooldown_until end)
$$;
comment on function stop_document(stop_losses, markets, positions) is 'A waiting order as its owner sees it; its shares are what it would trade now.';

create or replace function unarmable(
  p_user users, p_market markets, p_held_shares bigint, p_shares bigint, p_portion_bps integer
) returns text
language sql immutable parallel safe
-- Why a waiting order is refused whatever its trigger is, as a refusal code, or null. A halted market
-- takes them: whoever is caught in one must be able to protect what they have.
return case
  when (p_user).user_id is null or (p_user).status = 'deleted' then 'unknown_user'
  when (p_user).registered_at is null then 'not_registered'
  when (p_user).status = 'frozen' then 'user_frozen'
  when (p_user).status = 'banned' then 'user_banned'
  when (p_market).shift_id is null then 'unknown_market'
  when (p_market).status = 'settled' then 'market_settled'
  when num_nonnulls(p_shares, p_portion_bps) > 1
    or p_shares not between 1 and 10000000
    or p_portion_bps not between 1 and 10000 then 'invalid_shares'
  when p_held_shares = 0 then 'no_position'
  when p_shares > abs(p_held_shares) then 'exceeds_position'
end;
comment on function unarmable(users, markets, bigint, bigint, integer) is 'Which rule a waiting order breaks whatever its trigger is, or null.';

create or replace function reachable_price(p_market markets, p_sign integer) returns bigint
language sql immutable parallel safe
-- The highest price (sign 1) is where all but the shares that are never sold are sold. Downwards the
-- bound is the one that trigger_of_price() searches to.
return (point_on_curve(p_market, case when p_sign > 0
  then (p_market).total_shares_cap - (p_market).min_market_shares else -20000000 end)).price_paise;
comment on function reachable_price(markets, integer) is 'The highest or the lowest price that trading can take a market to.';

create or replace function untriggerable(p_market markets, p_trigger_sold bigint, p_trigger_sign integer) returns text
language sql immutable parallel safe
-- Why a trigger is refused, as a refusal code, or null.
return case
  when p_trigger_sold is null
    or p_trigger_sign > 0 and p_trigger_sold > (p_market).total_shares_cap - (p_market).min_market_shares
    then 'trigger_out_of_range'
  when p_trigger_sign * p_trigger_sold <= p_trigger_sign * ((p_market).total_shares_cap - (p_market).remaining_shares)
    then 'trigger_crossed'
end;
comment on function untriggerable(markets, bigint, integer) is 'Whether a trigger can never be reached or is already crossed, as a refusal code, or null.';

create or replace function stop_refusal(p_code text) returns jsonb
language sql immutable parallel safe
return refusal(p_code, case p_code
  when 'unknown_user' then 'Only members may trade here.'
  when 'not_registered' then 'They have not signed up yet.'
  when 'user_frozen' then 'A moderator has frozen this account.'
  when 'user_banned' then 'This member is banned from the exchange.'
  when 'unknown_market' then 'There is no such market.'
  when 'market_settled' then 'This market is settled; nothing is traded there any more.'
  when 'invalid_shares' then 'A waiting order is for 1 to 10,000,000 shares, or a part of the position up to all of it.'
  when 'no_position' then 'A waiting order closes a position, and there is none in this market.'
  when 'exceeds_position' then 'A waiting order is for at most what is held or short.'
  when 'trigger_out_of_range' then 'The price can never reach that trigger.'
  when 'trigger_crossed' then 'The price is at that trigger or beyond it already.'
  when 'duplicate_stop' then 'The very same order is waiting already.'
  when 'too_many_stops' then 'No more orders of one member may wait; cancel one first.'
  when 'unknown_stop' then 'They have no such order.'
  when 'stop_ended' then 'That order has ended already.'
end);
comment on function stop_refusal(text) is 'The outcome of a refused request about waiting orders, without its figures.';

create or replace function arm_stop(
  p_exchange_id bigint, p_request_id bigint, p_user_id bigint, p_kind text, p_market text,
  p_trigger_price_paise bigint, p_shares bigint, p_portion_bps integer
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Makes an order wait for a price: a stop_loss for a worse one than now, a take_profit for a better
-- one. It closes p_shares of the position, or p_portion_bps of it, or all of it where both are null.
-- Locks: the exchange. Refuses with what was asked, the price and the position: unknown_user,
-- not_registered, user_frozen, user_banned, unknown_market, market_settled, invalid_shares,
-- no_position, exceeds_position, trigger_out_of_range, trigger_crossed, duplicate_stop,
-- too_many_stops. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_limit integer := (typed_settings(v_exchange.settings)).max_armed_stops;
  v_parameters text := jsonb_build_array(p_user_id, p_kind, p_market, p_trigger_price_paise, p_shares, p_portion_bps)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'arm_stop', v_parameters);
  v_user users;
  v_market markets;
  v_held positions;
  v_waiting bigint;
  v_stop stop_losses;
  v_code text;
begin
  if v_outcome is not null then
    return v_outcome;
  elsif num_nulls(p_kind, p_trigger_price_paise) > 0 or p_kind not in ('stop_loss', 'take_profit') then
    raise exception 'A waiting order has a kind and a trigger price.' using errcode = 'invalid_parameter_value';
  end if;
  select * into v_user from users where exchange_id = p_exchange_id and user_id = p_user_id;
  select * into v_market from markets where exchange_id = p_exchange_id and code = left(p_market, 40);
  select * into v_held from positions
  where exchange_id = p_exchange_id and user_id = p_user_id and shift_id = v_market.shift_id;
  select count(*) into v_waiting from stop_losses
  where exchange_id = p_exchange_id and user_id = p_user_id and status in ('armed', 'held', 'suspended');
  v_stop.kind := p_kind;
  v_stop.trigger_price_paise := p_trigger_price_paise;

  v_code := unarmable(v_user, v_market, coalesce(v_held.shares, 0), p_shares, p_portion_bps);
  if v_code is null then
    v_stop.shares := -sign(v_held.shares)
      * coalesce(p_shares, greatest(1, abs(v_held.shares) * coalesce(p_portion_bps, 10000) / 10000));
    v_stop.trigger_sign := sign(v_stop.shares) * case p_kind when 'stop_loss' then 1 else -1 end;
    v_stop.trigger_sold := trigger_of_price(v_market, p_trigger_price_paise, v_stop.trigger_sign);
    v_code := untriggerable(v_market, v_stop.trigger_sold, v_stop.trigger_sign);
  end if;
  if v_code is null and exists (
    select from stop_losses s
    where s.exchange_id = p_exchange_id and s.user_id = p_user_id and s.shift_id = v_market.shift_id
      and s.status in ('armed', 'held', 'suspended')
      and (s.kind, s.shares, s.trigger_sold) = (v_stop.kind, v_stop.shares, v_stop.trigger_sold)
  ) then
    v_code := 'duplicate_stop';
  elsif v_code is null and v_waiting >= v_limit then
    v_code := 'too_many_stops';
  end if;

  if v_code is not null then
    v_outcome := stop_refusal(v_code) || jsonb_strip_nulls(stop_document(v_stop, v_market, v_held) || jsonb_build_object(
      'market', left(p_market, 40), 'side', fill_side(-v_held.shares, 0),
      'shares', p_shares, 'portion_bps', p_portion_bps,
      'price_min_paise', reachable_price(v_market, -1), 'price_max_paise', reachable_price(v_market, 1),
      'armed_count', v_waiting, 'armed_limit', v_limit,
      'hold', case when v_code in ('user_frozen', 'user_banned') then find_hold(p_exchange_id, p_user_id) end));
  else
    insert into stop_losses (
      exchange_id, stop_id, user_id, shift_id, kind, shares, trigger_price_paise, trigger_sold, trigger_sign,
      request_id, armed_at)
    values (
      p_exchange_id, next_sequence(p_exchange_id, v_exchange.updated_at), p_user_id, v_market.shift_id, p_kind,
      v_stop.shares, p_trigger_price_paise, v_stop.trigger_sold, v_stop.trigger_sign, p_request_id, v_exchange.updated_at)
    returning * into v_stop;
    v_outcome := stop_document(v_stop, v_market, v_held)
      || jsonb_build_object('armed_count', v_waiting + 1, 'armed_limit', v_limit);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'arm_stop', v_parameters, v_outcome);
end
$$;
comment on function arm_stop(bigint, bigint, bigint, text, text, bigint, bigint, integer) is 'Make an order wait for a price: a stop-loss or a take-profit on a position.';
alter function arm_stop(bigint, bigint, bigint, text, text, bigint, bigint, integer) owner to exchange_writer;
grant execute on function arm_stop(bigint, bigint, bigint, text, text, bigint, bigint, integer) to service_role;

create or replace function list_stops(p_exchange_id bigint, p_user_id bigint) returns setof jsonb
language sql stable security definer
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
  select stop_document(s, m, p)
  from stop_losses s
  cross join lateral (
    select m.* from markets m where m.exchange_id = p_exchange_id and m.shift_id = s.shift_id limit 1) m
  left join lateral (
    select p.* from positions p
    where p.exchange_id = p_exchange_id and p.user_id = p_user_id and p.shift_id = s.shift_id limit 1) p on true
  where s.exchange_id = p_exchange_id and s.user_id = p_user_id and s.status in ('armed', 'held', 'suspended')
  order by s.shift_id, s.stop_id
$$;
comment on function list_stops(bigint, bigint) is 'A member''s orders that wait, by market and age.';
alter function list_stops(bigint, bigint) owner to exchange_writer;
grant execute on function list_stops(bigint, bigint) to service_role;

create or replace function cancel_stop(p_exchange_id bigint, p_request_id bigint, p_user_id bigint, p_stop_id bigint) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Cancels a waiting order, suspended ones and those in halted markets too.
-- Locks: the exchange. Refuses: unknown_stop, also where it is another member's, whose orders are
-- nobody's business; stop_ended, with the order and its status. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_user_id, p_stop_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'cancel_stop', v_parameters);
  v_status text;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  select s.status, stop_document(s, m, p) into v_status, v_outcome
  from stop_losses s
  join markets m using (exchange_id, shift_id)
  left join positions p on p.exchange_id = s.exchange_id and p.user_id = s.user_id and p.shift_id = s.shift_id
  where s.exchange_id = p_exchange_id and s.user_id = p_user_id and s.stop_id = p_stop_id;
  if not found then
    v_outcome := stop_refusal('unknown_stop');
  elsif v_status not in ('armed', 'held', 'suspended') then
    v_outcome := stop_refusal('stop_ended') || jsonb_strip_nulls(v_outcome);
  else
    update stop_losses set status = 'cancelled', ended_at = v_exchange.updated_at
    where exchange_id = p_exchange_id and stop_id = p_stop_id;
    perform next_sequence(p_exchange_id, v_exchange.updated_at);
    v_outcome := v_outcome || '{"status": "cancelled"}';
  end if;
  return remember_request(p_exchange_id, p_request_id, 'cancel_stop', v_parameters, v_outcome);
end
$$;
comment on function cancel_stop(bigint, bigint, bigint, bigint) is 'Cancel an order that waits.';
alter function cancel_stop(bigint, bigint, bigint, bigint) owner to exchange_writer;
grant execute on function cancel_stop(bigint, bigint, bigint, bigint) to service_role;

create or replace function cancel_stops(p_exchange_id bigint, p_request_id bigint, p_user_id bigint) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Cancels all orders of a member that wait, and answers with them; with none there is nothing to do.
-- Locks: the exchange. Refuses nothing. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_user_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'cancel_stops', v_parameters);
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  select jsonb_build_object(
    'count', count(*), 'stops', coalesce(jsonb_agg(document || '{"status": "cancelled"}' order by ordinal), '[]'))
  into v_outcome
  from list_stops(p_exchange_id, p_user_id) with ordinality waiting(document, ordinal);
  update stop_losses set status = 'cancelled', ended_at = v_exchange.updated_at
  where exchange_id = p_exchange_id and user_id = p_user_id and status in ('armed', 'held', 'suspended');
  if found then
    perform next_sequence(p_exchange_id, v_exchange.updated_at);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'cancel_stops', v_parameters, v_outcome);
end
$$;
comment on function cancel_stops(bigint, bigint, bigint) is 'Cancel all orders of a member that wait.';
alter function cancel_stops(bigint, bigint, bigint) owner to exchange_writer;
grant execute on function cancel_stops(bigint, bigint, bigint) to service_role;

create or replace function suggest_triggers(
  p_exchange_id bigint, p_user_id bigint, p_market text, p_kind text, p_typed_price_paise bigint
) returns setof jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- The price that was typed, if any, and those 5, 10 and 20 % from the present one, each with how far
-- it is from that and whether it would be refused. Without a position, those for shares that are held.
  with aim as (
    select m as market, (current_point(m)).price_paise,
      (case when p.shares < 0 then 1 else -1 end * case p_kind when 'stop_loss' then 1 else -1 end) as sign
    from markets m
    left join positions p on p.exchange_id = m.exchange_id and p.shift_id = m.shift_id and p.user_id = p_user_id
    where m.exchange_id = p_exchange_id and m.code = p_market),
  offered as (
    select 0 as place, aim.*, p_typed_price_paise as trigger_price_paise from aim where p_typed_price_paise is not null
    union all
    select away, aim.*, (aim.price_paise * (100 + aim.sign * away) + 50) / 100
    from aim, unnest(array[5, 10, 20]) away),
  judged as (
    select o.*, untriggerable(o.market, trigger_of_price(o.market, o.trigger_price_paise, o.sign), o.sign) as code
    from offered o)
  select jsonb_build_object(
    'trigger_price_paise', trigger_price_paise, 'price_paise', price_paise,
    'change_bps', round((trigger_price_paise - price_paise) * 10000.0 / price_paise), 'code', code)
  from judged
  where place = 0 or code is null and trigger_price_paise is distinct from p_typed_price_paise
  order by place
$$;
comment on function suggest_triggers(bigint, bigint, text, text, bigint) is 'Trigger prices that a member may want for a waiting order.';
alter function suggest_triggers(bigint, bigint, text, text, bigint) owner to exchange_writer;
grant execute on function suggest_triggers(bigint, bigint, text, text, bigint) to service_role;
