-- Executing a batch of orders in three steps: load and lock what the batch needs, decide every order
-- in memory in the order given, write back with one statement a table. Rows that many orders touch,
-- the market's above all, are therefore written once.

create or replace function execute_orders(p_exchange_id bigint, p_orders order_request[]) returns setof order_outcome
language plpgsql security definer
set search_path = betjee, pg_temp
-- Every row below is looked up by its key; any other plan would read the table. For the same reason
-- there is no join that could be planned in another order, however little is known of a table when a
-- connection first plans this: `= any` and `lateral … limit 1` have no choice. One plan serves every batch.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
-- Executes 1 to 200 orders in one transaction, each with its own outcome, in the order given.
-- Locks: the exchange, then the markets named, in the order of their numbers.
-- Refuses by outcome, so that a refused order costs the others nothing. An order that comes back
-- unconfirmed has changed nothing and is not recorded.
-- A repeated request id gets its first outcome and changes nothing; with other parameters it is
-- refused as request_reused. An exception means a malformed batch, of which nothing is executed.
declare
  v_exchange exchanges;
  v_settings exchange_settings;
  v_codes text[];
  v_markets markets[];
  v_points curve_point[];
  v_references_paise bigint[];
  v_user_ids bigint[];
  v_users users[];
  v_positions positions[];
  v_positions_changed boolean[];
  v_fills transactions[] := '{}';
  v_outcomes order_outcome[] := '{}';
  v_recorded requests[] := '{}';
  v_recorded_ids bigint[] := '{}';
  v_next record;
  v_market_number integer;
  v_user_number integer;
  v_known_number integer;
  v_order order_request;
  v_market markets;
  v_user users;
  v_decision order_decision;
  v_outcome order_outcome;
  v_signed_shares bigint;
begin
  if coalesce(cardinality(p_orders), 0) not between 1 and 200 then
    raise exception 'A batch has 1 to 200 orders, not %.', cardinality(p_orders) using errcode = 'invalid_parameter_value';
  end if;

  if exists (
    select from unnest(p_orders) o
    where num_nulls(o.request_id, o.user_id, o.market, o.side, o.confirmed) > 0
      or order_sign(o.side) is null or o.request_id <= 0 or char_length(o.market) > 40
  ) then
    raise exception 'An order lacks its request id, user, market or side.' using errcode = 'invalid_parameter_value';
  end if;

  -- Load: the exchange and the markets locked, the rest protected by the exchange's lock.
  v_exchange := lock_exchange(p_exchange_id);
  v_settings := typed_settings(v_exchange.settings);
  select array_agg(distinct o.market), array_agg(distinct o.user_id) into v_codes, v_user_ids from unnest(p_orders) o;
  -- What is unknown is in no array, has no number below, and is refused for that.
  select array_agg(m.code), array_agg(m), array_agg(current_point(m)),
    array_agg(reference_price(m, v_settings, v_exchange.updated_at))
  into v_codes, v_markets, v_points, v_references_paise
  from (
    select m.* from markets m where m.exchange_id = p_exchange_id and m.code = any (v_codes)
    order by m.shift_id for update) m;
  select array_agg(u.user_id), array_agg(u) into v_user_ids, v_users
  from users u where u.exchange_id = p_exchange_id and u.user_id = any (v_user_ids);
  select array_agg(
      (p_exchange_id, i.user_id, m.shift_id, coalesce(p.shares, 0), coalesce(p.basis_paise, 0),
        coalesce(p.realised_paise, 0), coalesce(p.taxes_paise, 0),
        p.cooldown_sign, p.cooldown_until)::positions
      order by i.user_id, i.market),
    array_agg(false)
  into v_positions, v_positions_changed
  from (select distinct o.user_id, o.market from unnest(p_orders) o) i
  left join markets m on m.exchange_id = p_exchange_id and m.code = i.market
  left join lateral (
    select p.* from positions p
    where p.exchange_id = p_exchange_id and p.user_id = i.user_id and p.shift_id = m.shift_id limit 1) p on true;

  -- Decide, one order after the other, on the state that the orders before it have left.
  for v_next in
    select o.ordinal, dense_rank() over (order by o.user_id, o.market) as position_number,
      parameters_hash(row(o.user_id, o.market, o.side, o.shares, o.portion_bps, o.limit_paise)::text) as hash,
      r.operation as known_operation, r.parameters_hash as known_hash, r.order_outcome as known_outcome
    from unnest(p_orders) with ordinality o(
      request_id, user_id, market, side, shares, portion_bps, limit_paise, confirmed, ordinal)
    left join lateral (
      select r.* from requests r where r.exchange_id = p_exchange_id and r.request_id = o.request_id limit 1) r on true
    order by o.ordinal
  loop
    v_order := p_orders[v_next.ordinal];
    v_known_number := array_position(v_recorded_ids, v_order.request_id);
    if v_known_number is not null then
      -- The id was first used earlier in this very batch.
      v_next.known_operation := 'execute_order';
      v_next.known_hash := v_recorded[v_known_number].parameters_hash;
      v_next.known_outcome := v_recorded[v_known_number].order_outcome;
    end if;
    if v_next.known_operation is not null then
      v_outcomes[v_next.ordinal] := case
        when v_next.known_operation = 'execute_order' and v_next.known_hash = v_next.hash then v_next.known_outcome
        else reused_request(v_order) end;
      continue;
    end if;

    v_market_number := array_position(v_codes, v_order.market);
    v_user_number := array_position(v_user_ids, v_order.user_id);
    v_market := v_markets[v_market_number];
    v_user := v_users[v_user_number];
    v_decision := decide_order(
      v_settings, v_market, v_points[v_market_number], v_references_paise[v_market_number],
      v_user, v_positions[v_next.position_number], v_order);
    v_outcome := v_decision.outcome;

    if v_outcome.status = 'filled' then
      v_exchange.sequence := v_exchange.sequence + 1;
      v_outcome.sequence := v_exchange.sequence;
      v_signed_shares := order_sign(v_order.side) * v_outcome.shares;
      v_fills := array_append(v_fills, (
        p_exchange_id, v_outcome.sequence, null, v_order.user_id, v_market.shift_id, v_signed_shares,
        v_outcome.average_price_paise, v_outcome.gross_paise, v_outcome.tax_paise, null,
        v_outcome.price_after_paise, 'order', v_order.request_id, v_exchange.updated_at, null, null)::transactions);

      v_exchange.treasury_paise := v_exchange.treasury_paise + v_outcome.tax_paise;
      v_market.remaining_shares := v_market.remaining_shares - v_signed_shares;
      v_market.open_short_shares := v_market.open_short_shares + case v_order.side
        when 'short' then v_outcome.shares when 'cover' then -v_outcome.shares else 0 end;
      v_market.pool_paise := v_market.pool_paise + order_sign(v_order.side) * v_outcome.gross_paise;
      v_market.version := v_market.version + 1;
      v_user.cash_paise := v_outcome.cash_paise;
      v_user.reserved_paise := v_outcome.reserved_paise;

      v_markets[v_market_number] := v_market;
      v_points[v_market_number] := v_decision.after;
      v_users[v_user_number] := v_user;
      v_positions[v_next.position_number] := v_decision.held;
      v_positions_changed[v_next.position_number] := true;
    end if;

    v_outcomes[v_next.ordinal] := v_outcome;
    if v_outcome.status <> 'unconfirmed' then
      v_recorded := array_append(v_recorded, (
        p_exchange_id, v_order.request_id, 'execute_order', v_next.hash, null, v_outcome,
        v_exchange.updated_at)::requests);
      v_recorded_ids := array_append(v_recorded_ids, v_order.request_id);
    end if;
  end loop;

  -- Write
  insert into requests select * from unnest(v_recorded);
  if cardinality(v_fills) > 0 then
    insert into transactions (
      exchange_id, sequence, user_id, shift_id, shares, price_paise, gross_paise, tax_paise,
      price_after_paise, cause, request_id, executed_at)
    select f.exchange_id, f.sequence, f.user_id, f.shift_id, f.shares, f.price_paise, f.gross_paise, f.tax_paise,
      f.price_after_paise, f.cause, f.request_id, f.executed_at
    from unnest(v_fills) f;

    update users u set
      cash_paise = v_users[array_position(v_user_ids, u.user_id)].cash_paise,
      reserved_paise = v_users[array_position(v_user_ids, u.user_id)].reserved_paise
    where u.exchange_id = p_exchange_id and u.user_id = any (array(select distinct f.user_id from unnest(v_fills) f));

    insert into positions as p
    select s.exchange_id, s.user_id, s.shift_id, s.shares, s.basis_paise, s.realised_paise, s.taxes_paise
    from unnest(v_positions) with ordinality s
    where v_positions_changed[s.ordinality]
    on conflict (exchange_id, user_id, shift_id) do update
      set shares = excluded.shares, basis_paise = excluded.basis_paise,
        realised_paise = excluded.realised_paise, taxes_paise = excluded.taxes_paise;

    update markets m set remaining_shares = s.remaining_shares, open_short_shares = s.open_short_shares,
      pool_paise = s.pool_paise, version = s.version, updated_at = v_exchange.updated_at
    from unnest(v_markets) s
    where m.exchange_id = p_exchange_id and m.shift_id = s.shift_id and m.version <> s.version;

    update exchanges e set treasury_paise = v_exchange.treasury_paise, sequence = v_exchange.sequence,
      updated_at = v_exchange.updated_at
    where e.exchange_id = p_exchange_id;
  end if;

  return query select * from unnest(v_outcomes);
end
$$;
comment on function execute_orders(bigint, order_request[]) is 'Execute a batch of orders in one transaction, each with its own outcome.';
alter function execute_orders(bigint, order_request[]) owner to exchange_writer;
grant execute on function execute_orders(bigint, order_request[]) to service_role;

create or replace function reused_request(p_order order_request) returns order_outcome
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
declare
  v_outcome order_outcome;
begin
  v_outcome.request_id := p_order.request_id;
  v_outcome.status := 'refused';
  v_outcome.code := 'request_reused';
  v_outcome.market := p_order.market;
  v_outcome.side := p_order.side;
  v_outcome.asked_shares := p_order.shares;
  v_outcome.asked_bps := p_order.portion_bps;
  v_outcome.limit_paise := p_order.limit_paise;
  return v_outcome;
end
$$;
comment on function reused_request(order_request) is 'The outcome of an order whose request id was used before with other parameters.';

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
begin
  select (typed_settings(e.settings)).* into v_settings from exchanges e where e.exchange_id = p_exchange_id;
  select m.* into v_market from markets m where m.exchange_id = p_exchange_id and m.code = p_order.market;
  select u.* into v_user from users u where u.exchange_id = p_exchange_id and u.user_id = p_order.user_id;
  select p.* into v_held from positions p
  where p.exchange_id = p_exchange_id and p.user_id = p_order.user_id and p.shift_id = v_market.shift_id;
  if v_held.user_id is null then
    v_held := (p_exchange_id, p_order.user_id, v_market.shift_id, 0, 0, 0, 0, null, null)::positions;
  end if;
  v_decision := decide_order(
    v_settings, v_market, current_point(v_market), reference_price(v_market, v_settings, clock_timestamp()),
    v_user, v_held, p_order);
  v_outcome := v_decision.outcome;
  if v_outcome.status <> 'refused' then
    v_outcome.status := 'quoted';
  end if;
  return v_outcome;
end
$$;
comment on function quote_order(bigint, order_request) is 'What an order would give now, from the same rule that executes it.';
alter function quote_order(bigint, order_request) owner to exchange_writer;
grant execute on function quote_order(bigint, order_request) to service_role;
