-- The quote: the rule that executes an order, asked without a lock.

create or replace function quote_order(p_exchange_id bigint, p_order order_request) returns order_outcome
language plpgsql stable security definer
set search_path = betjee, pg_temp
as $$
-- What an order would give now. Locks nothing, records nothing; an order that would be executed, or
-- that would first be shown to its owner, is answered as `quoted`.
declare
  v_settings exchange_settings;
  v_market markets;
  v_user users;
  v_held positions;
  v_decision order_decision;
  v_outcome order_outcome;
  v_now timestamptz := clock_timestamp();
  v_wait_seconds integer;
begin
  select (typed_settings(e.settings)).* into v_settings from exchanges e where e.exchange_id = p_exchange_id;
  select m.* into v_market from markets m where m.exchange_id = p_exchange_id and m.code = p_order.market;
  select u.* into v_user from users u where u.exchange_id = p_exchange_id and u.user_id = p_order.user_id;
  select p.* into v_held from positions p
  where p.exchange_id = p_exchange_id and p.user_id = p_order.user_id and p.shift_id = v_market.shift_id;
  if v_held.user_id is null then
    v_held := no_position(p_exchange_id, p_order.user_id, v_market.shift_id);
  elsif v_held.cooldown_until <= v_now then
    v_held.cooldown_sign := null;
  end if;
  -- A halted market is quoted as it would reopen, with the time until then.
  if v_market.status = 'halted' then
    v_market.status := 'open';
    v_wait_seconds := seconds_until(v_market.halted_until, v_now);
  end if;
  v_decision := decide_order(
    v_settings, v_market, current_point(v_market), reference_price(v_market, v_settings, v_now), v_user, v_held, p_order);
  v_outcome := v_decision.outcome;
  v_outcome.wait_seconds := case v_outcome.code
    when 'cooling_down' then seconds_until(v_held.cooldown_until, v_now) else v_wait_seconds end;
  if v_outcome.status <> 'refused' then
    v_outcome.status := 'quoted';
  end if;
  return v_outcome;
end
$$;
comment on function quote_order(bigint, order_request) is 'What an order would give now, from the same rule that executes it.';
alter function quote_order(bigint, order_request) owner to exchange_writer;
grant execute on function quote_order(bigint, order_request) to service_role;
