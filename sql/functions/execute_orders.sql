-- Executing a batch of orders in three steps: load and lock what the batch needs, decide every order
-- and every stop that it sets off in memory, write back with one statement a table. Rows that many
-- orders touch, the market's above all, are therefore written once.

create or replace function execute_orders(
  p_exchange_id bigint, p_orders order_request[], p_looked_at text[] default '{}'
) returns setof order_outcome
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
-- Executes at most 200 orders in one transaction, each with its own outcome, in the order given; and
-- before any of them what is due: halts, cool-downs and bans that have ended, and wipes. An empty
-- batch does just that. In the markets p_looked_at, what waits and is crossed has its turn as well.
-- Locks: the exchange, then the markets named or reopened, in the order of their numbers.
-- Refuses by outcome, so that a refused order costs the others nothing. An order that comes back
-- unconfirmed has changed nothing and is not recorded.
-- A repeated request id gets its first outcome and changes nothing; with other parameters it is
-- refused as request_reused. An exception means a malformed batch, of which nothing is executed.
--
-- A fill that carries the price to waiting orders sets them off before the next order has its turn.
-- What a move has crossed joins the end of a queue, the nearest first, then the oldest; at its turn
-- each is looked at again, and its fill is a move like any other, until no stop is crossed. A batch
-- gives at most 20,000 stops their turns; what is left goes on in the next.
declare
  v_exchange exchanges;
  v_settings exchange_settings;
  v_codes text[];
  v_shift_ids integer[];
  v_markets markets[];
  v_points curve_point[];
  v_references_paise bigint[];
  v_nearest_falls bigint[];
  v_nearest_rises bigint[];
  v_lowest_sold bigint[];
  v_highest_sold bigint[];
  v_user_ids bigint[];
  v_users users[];
  v_given given_order[];
  -- A position's place is (its user's place - 1) * the number of markets + its market's place.
  v_positions positions[] := array[null];
  v_closed boolean[] := array[null];
  v_closed_places integer[] := '{}';
  v_changed_users integer[] := '{}';
  v_changed_places integer[] := '{}';
  v_fills transactions[] := '{}';
  v_outcomes order_outcome[] := '{}';
  v_recorded requests[] := '{}';
  v_recorded_ids bigint[] := '{}';
  v_turned stop_losses[] := '{}';
  v_notices notice[] := '{}';
  -- The queue of stops: ranges, of the first of which a page is in hand.
  v_ranges stop_range[] := '{}';
  v_range_number integer := 1;
  v_range stop_range;
  v_page crossed_stop[] := '{}';
  v_page_number integer := 0;
  v_page_size integer := 0;
  -- What has its turn.
  v_order_number integer := 0;
  v_order order_request;
  v_next given_order;
  v_crossed crossed_stop;
  v_stop stop_losses;
  v_market markets;
  v_point curve_point;
  v_user users;
  v_held positions;
  v_market_number integer;
  v_user_number integer;
  v_position_number integer;
  v_known_number integer;
  v_sign integer;
  v_decision order_decision;
  v_outcome order_outcome;
  v_turns integer := 0;
  -- The order that set off the stops that have their turns; before the first order, by market.
  v_origin stop_origin;
  v_origins stop_origin[] := '{}';
  v_origin_fill transactions;
  v_halted integer[] := '{}';
  -- By market and sign: whether stops that meet the band must wait there without a halt.
  v_waits boolean[] := '{}';
  v_has_changed boolean := false;
begin
  -- An order is looked up by its number, so that an array that counts otherwise must not get in.
  if p_orders is null or cardinality(p_orders) > 200 or array_ndims(p_orders) > 1 or array_lower(p_orders, 1) <> 1 then
    raise exception 'A batch is a list of at most 200 orders, not of %.', cardinality(p_orders)
      using errcode = 'invalid_parameter_value';
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
  select array_agg(distinct o.market), array_agg(distinct o.user_id) into v_codes, v_user_ids from unnest(p_orders) o;
  v_codes := v_codes || p_looked_at;
  if is_moderation_due(v_exchange) then
    v_codes := v_codes || apply_moderation(v_exchange);
    v_exchange := lock_exchange(p_exchange_id);
  end if;
  v_settings := typed_settings(v_exchange.settings);
  v_shift_ids := end_cooldowns(v_exchange);
  -- What is unknown is in no array, has no place below, and is refused for that.
  select array_agg(m.code), array_agg(m.shift_id), array_agg(m), array_agg(current_point(m)),
    array_agg(reference_price(m, v_settings, v_exchange.updated_at)),
    array_agg(nearest_level(p_exchange_id, m.shift_id, -1, -1000000000)),
    array_agg(nearest_level(p_exchange_id, m.shift_id, 1, -1000000000))
  into v_codes, v_shift_ids, v_markets, v_points, v_references_paise, v_nearest_falls, v_nearest_rises
  from (
    select m.* from markets m
    where m.exchange_id = p_exchange_id
      and (m.code = any (v_codes) or m.halted_until <= v_exchange.updated_at
        or m.stops_due_at is not null or m.shift_id = any (v_shift_ids))
    order by m.shift_id for update) m;
  for v_market_number in 1 .. coalesce(cardinality(v_markets), 0) loop
    v_market := v_markets[v_market_number];
    v_point := v_points[v_market_number];
    v_lowest_sold[v_market_number] := v_point.sold;
    v_highest_sold[v_market_number] := v_point.sold;
    if v_market.halted_until <= v_exchange.updated_at then
      v_market.status := 'open';
      v_market.halted_until := null;
      v_market.reopened_at := v_exchange.updated_at;
      v_market.version := v_market.version + 1;
      v_markets[v_market_number] := v_market;
      v_exchange.sequence := v_exchange.sequence + 1;
      v_notices := array_append(v_notices, reopening_notice(v_market, v_point));
    end if;
    if v_market.stops_due_at <= v_exchange.updated_at then
      v_market.stops_due_at := null;
      v_market.version := v_market.version + 1;
      v_markets[v_market_number] := v_market;
      v_has_changed := true;
    end if;
    -- Stops that could not be executed when the price crossed them, and now may be.
    if v_market.status = 'open' and v_nearest_falls[v_market_number] <= -v_point.sold then
      v_ranges := array_append(v_ranges, (v_market_number, -1, -1000000000, 0, -v_point.sold)::stop_range);
    end if;
    if v_market.status = 'open' and v_nearest_rises[v_market_number] <= v_point.sold then
      v_ranges := array_append(v_ranges, (v_market_number, 1, -1000000000, 0, v_point.sold)::stop_range);
    end if;
  end loop;
  select coalesce(array_agg(u.user_id), '{}'), coalesce(array_agg(u), '{}') into v_user_ids, v_users
  from users u where u.exchange_id = p_exchange_id and u.user_id = any (v_user_ids);
  v_given := array(
    select (
        g.market_number, g.user_number, p,
        parameters_hash(row(g.user_id, g.market, g.side, g.shares, g.portion_bps, g.limit_paise)::text),
        r.operation, r.parameters_hash, r.order_outcome)::given_order
    from (
      select o.*, array_position(v_codes, o.market) as market_number, array_position(v_user_ids, o.user_id) as user_number
      from unnest(p_orders) with ordinality o(
        request_id, user_id, market, side, shares, portion_bps, limit_paise, confirmed, ordinal)
      offset 0) g
    left join lateral (
      select r.* from requests r where r.exchange_id = p_exchange_id and r.request_id = g.request_id limit 1) r on true
    left join lateral (
      select p.* from positions p
      where p.exchange_id = p_exchange_id and p.user_id = g.user_id and p.shift_id = v_shift_ids[g.market_number] limit 1) p on true
    order by g.ordinal);
  for v_market_number in select distinct r.market_number from unnest(v_ranges) r loop
    v_origin_fill := origin_of_halt(v_markets[v_market_number], v_exchange.updated_at, v_settings.halt_pause_seconds);
    select u.* into v_user from users u where u.exchange_id = p_exchange_id and u.user_id = v_origin_fill.user_id;
    if found then
      v_user_number := coalesce(array_position(v_user_ids, v_user.user_id), cardinality(v_user_ids) + 1);
      v_user_ids[v_user_number] := v_user.user_id;
      v_users[v_user_number] := v_user;
      v_position_number := (v_user_number - 1) * cardinality(v_markets) + v_market_number;
      select p.* into v_held from positions p
      where p.exchange_id = p_exchange_id and p.user_id = v_user.user_id and p.shift_id = v_origin_fill.shift_id;
      v_positions[v_position_number] := v_held;
      v_changed_places := array_append(v_changed_places, v_position_number);
      v_origins[v_market_number] := (
        v_origin_fill.sequence, v_user_number, v_position_number, sign(v_origin_fill.shares))::stop_origin;
    end if;
  end loop;

  -- Decide, one order after the other, on the state that whatever came before it has left.
  loop
    v_stop := null;
    if v_range_number <= cardinality(v_ranges) then
      v_range := v_ranges[v_range_number];
      v_market_number := v_range.market_number;
      v_market := v_markets[v_market_number];
      v_point := v_points[v_market_number];

      -- The next stop of the range that has its turn. Pages reach further than the range may yet
      -- grow to, and each is twice as long as the last, so that a long cascade needs few of them.
      if v_page_number = cardinality(v_page) then
        perform write_stops(v_turned);
        v_turned := '{}';
        v_page_size := case v_page_size when 0 then 8 else least(2 * v_page_size, 1000) end;
        v_page := array(
          select c::crossed_stop
          from crossed_stops(p_exchange_id, v_market.shift_id, v_range, v_user_ids, v_page_size) c);
        v_page_number := 0;
      end if;
      if v_page_number < cardinality(v_page) then
        v_page_number := v_page_number + 1;
        v_crossed := v_page[v_page_number];
        v_stop := v_crossed.stop;
      end if;

      if v_market.status <> 'open' or v_waits[2 * v_market_number + (v_range.sign + 1) / 2] or v_turns >= 20000
        or v_stop.stop_id is null or v_stop.trigger_level > least(v_range.to_level, v_range.sign * v_point.sold) then
        -- The range is through: its stops have had their turns or must wait, or the price has come back
        -- from those that are left, which it will cross anew. Once the queue is empty, the nearest stops of
        -- its markets are known again; until then, what waits for its turn may have been crossed back.
        if v_turns >= 20000 and v_market.stops_due_at is null then
          v_market.stops_due_at := v_exchange.updated_at;
          v_market.version := v_market.version + 1;
          v_markets[v_market_number] := v_market;
          v_has_changed := true;
        end if;
        perform write_stops(v_turned);
        v_turned := '{}';
        v_page := '{}';
        v_page_number := 0;
        v_page_size := 0;
        v_range_number := v_range_number + 1;
        if v_range_number > cardinality(v_ranges) then
          for v_market_number in select distinct r.market_number from unnest(v_ranges) r loop
            v_point := v_points[v_market_number];
            v_nearest_falls[v_market_number] := nearest_level(p_exchange_id, v_shift_ids[v_market_number], -1, -v_point.sold);
            v_nearest_rises[v_market_number] := nearest_level(p_exchange_id, v_shift_ids[v_market_number], 1, v_point.sold);
          end loop;
          v_ranges := '{}';
          v_range_number := 1;
        end if;
        continue;
      end if;

      v_range.after_level := v_stop.trigger_level;
      v_range.after_stop_id := v_stop.stop_id;
      v_ranges[v_range_number] := v_range;
      v_user_number := v_crossed.owner_number;
      if v_users[v_user_number] is null then
        v_user_ids[v_user_number] := v_stop.user_id;
        v_users[v_user_number] := v_crossed.owner;
      end if;
      v_position_number := (v_user_number - 1) * cardinality(v_markets) + v_market_number;
      if v_positions[v_position_number] is null then
        v_positions[v_position_number] := v_crossed.held;
      end if;
      v_turns := v_turns + 1;
      if v_closed[v_position_number] then
        v_stop.status := 'lapsed';
        v_stop.ended_at := v_exchange.updated_at;
        v_turned := array_append(v_turned, v_stop);
        continue;
      end if;
      if v_order_number = 0 then
        v_origin := v_origins[v_market_number];
      end if;

    else
      -- The next order, or the first outcome of one that was given before.
      v_order_number := v_order_number + 1;
      exit when v_order_number > cardinality(p_orders);
      v_order := p_orders[v_order_number];
      v_next := v_given[v_order_number];
      v_known_number := array_position(v_recorded_ids, v_order.request_id);
      if v_known_number is not null then
        -- The id was first used earlier in this very batch.
        v_next.known_operation := 'execute_order';
        v_next.known_hash := v_recorded[v_known_number].parameters_hash;
        v_next.known_outcome := v_recorded[v_known_number].order_outcome;
      end if;
      if v_next.known_operation is not null then
        v_outcomes[v_order_number] := case
          when v_next.known_operation = 'execute_order' and v_next.known_hash = v_next.hash then v_next.known_outcome
          else reused_request(v_order) end;
        continue;
      end if;
      v_market_number := v_next.market_number;
      v_user_number := v_next.user_number;
      v_position_number := (v_user_number - 1) * cardinality(v_markets) + v_market_number;
      v_market := v_markets[v_market_number];
      v_point := v_points[v_market_number];
      if v_position_number is not null and v_positions[v_position_number] is null then
        v_positions[v_position_number] := v_next.held;
      end if;
    end if;

    v_user := v_users[v_user_number];
    v_held := v_positions[v_position_number];
    if v_held.user_id is null then
      v_held := no_position(p_exchange_id, v_order.user_id, v_market.shift_id);
    end if;
    if v_stop.stop_id is null then
      v_decision := decide_order(
        v_settings, v_market, v_point, v_references_paise[v_market_number], v_user, v_held, v_order);
    else
      v_decision := decide_stop(
        v_settings, v_market, v_point, v_references_paise[v_market_number], v_user, v_held, v_stop);
    end if;
    v_outcome := v_decision.outcome;

    if v_outcome.status = 'filled' then
      v_exchange.sequence := v_exchange.sequence + 1;
      v_outcome.sequence := v_exchange.sequence;
      v_sign := order_sign(v_outcome.side);
      if v_stop.stop_id is null then
        v_origin := (v_outcome.sequence, v_user_number, v_position_number, v_sign)::stop_origin;
      end if;
      v_fills := array_append(v_fills, (
        p_exchange_id, v_outcome.sequence, null, v_user.user_id, v_market.shift_id, v_sign * v_outcome.shares,
        v_outcome.average_price_paise, v_outcome.gross_paise, v_outcome.tax_paise, null, v_outcome.price_after_paise,
        coalesce(v_stop.kind, 'order'), v_outcome.request_id, v_exchange.updated_at, v_stop.stop_id,
        case when v_stop.stop_id is not null then v_origin.sequence end,
        coalesce(v_outcome.realised_paise, 0), v_outcome.position_shares)::transactions);

      v_exchange.treasury_paise := v_exchange.treasury_paise + v_outcome.tax_paise;
      v_market.remaining_shares := v_market.remaining_shares - v_sign * v_outcome.shares;
      v_market.open_short_shares := v_market.open_short_shares + case v_outcome.side
        when 'short' then v_outcome.shares when 'cover' then -v_outcome.shares else 0 end;
      v_market.pool_paise := v_market.pool_paise + v_sign * v_outcome.gross_paise;
      v_market.version := v_market.version + 1;
      v_user.cash_paise := v_outcome.cash_paise;
      v_user.reserved_paise := v_outcome.reserved_paise;
      v_held := v_decision.held;

      v_markets[v_market_number] := v_market;
      v_points[v_market_number] := v_decision.after;
      v_users[v_user_number] := v_user;
      v_positions[v_position_number] := v_held;
      v_changed_users := array_append(v_changed_users, v_user_number);
      v_changed_places := array_append(v_changed_places, v_position_number);
      if v_held.shares = 0 then
        v_closed[v_position_number] := true;
        v_closed_places := array_append(v_closed_places, v_position_number);
      end if;

      -- What this move has crossed joins the end of the queue; it may continue the last move's range.
      if v_sign > 0 then
        v_highest_sold[v_market_number] := greatest(v_highest_sold[v_market_number], v_point.sold + v_outcome.shares);
      else
        v_lowest_sold[v_market_number] := least(v_lowest_sold[v_market_number], v_point.sold - v_outcome.shares);
      end if;
      if (case when v_sign > 0 then v_nearest_rises[v_market_number] else v_nearest_falls[v_market_number] end)
        <= v_sign * v_point.sold + v_outcome.shares then
        v_range := case when v_range_number <= cardinality(v_ranges) then v_ranges[cardinality(v_ranges)] end;
        if v_range.market_number = v_market_number and v_range.sign = v_sign and v_range.to_level = v_sign * v_point.sold then
          v_range.to_level := v_range.to_level + v_outcome.shares;
          v_ranges[cardinality(v_ranges)] := v_range;
        else
          v_ranges := array_append(v_ranges, (
            v_market_number, v_sign, v_sign * v_point.sold, 9223372036854775807,
            v_sign * v_point.sold + v_outcome.shares)::stop_range);
        end if;
      end if;
    end if;

    if v_stop.stop_id is null then
      v_outcome.wait_seconds := case v_outcome.code
        when 'market_not_open' then seconds_until(v_market.halted_until, v_exchange.updated_at)
        when 'cooling_down' then seconds_until(v_held.cooldown_until, v_exchange.updated_at) end;
      v_outcomes[v_order_number] := v_outcome;
      if v_outcome.status <> 'unconfirmed' then
        v_recorded := array_append(v_recorded, (
          p_exchange_id, v_order.request_id, 'execute_order', v_next.hash, null, v_outcome, v_exchange.updated_at)::requests);
        v_recorded_ids := array_append(v_recorded_ids, v_order.request_id);
      end if;
      continue;
    end if;

    -- What became of a stop, and what it brings about for others.
    v_stop := turned_stop(v_stop, v_outcome, v_exchange.updated_at);
    v_turned := array_append(v_turned, v_stop);
    if v_outcome.status = 'filled' or v_stop.status = 'failed' then
      v_notices := array_append(v_notices, stop_notice(v_stop, v_outcome));
    end if;
    if v_outcome.status = 'filled' and v_user_number <> v_origin.user_number and v_sign = v_origin.sign then
      v_positions[v_origin.position_number] := noted_set_off(
        v_positions[v_origin.position_number], v_settings, v_market, v_origin, v_outcome.shares, v_exchange.updated_at);
    end if;
    continue when not coalesce(v_outcome.code = 'price_band' or v_outcome.shares < v_outcome.asked_shares, false);
    -- The band is reached. Between two halts there is time in which members can trade.
    if v_market.reopened_at > v_exchange.updated_at - make_interval(secs => v_settings.halt_pause_seconds) then
      v_waits[2 * v_market_number + (v_stop.trigger_sign + 1) / 2] := true;
      if v_market.stops_due_at is null then
        v_market.stops_due_at := v_exchange.updated_at + interval '10 seconds';
        v_market.version := v_market.version + 1;
        v_markets[v_market_number] := v_market;
        v_has_changed := true;
      end if;
    else
      v_market.status := 'halted';
      v_market.halted_by := v_origin.sequence;
      v_market.halted_until := v_exchange.updated_at + make_interval(secs => v_settings.halt_seconds);
      v_market.version := v_market.version + 1;
      v_markets[v_market_number] := v_market;
      v_halted := array_append(v_halted, v_market.shift_id);
      if v_origin.position_number is not null then
        -- The update below does the same for cool-downs: time in which nobody can trade does not count.
        v_positions[v_origin.position_number].set_off_until :=
          v_positions[v_origin.position_number].set_off_until + make_interval(secs => v_settings.halt_seconds);
      end if;
      v_exchange.sequence := v_exchange.sequence + 1;
      perform record_halt(v_exchange, v_market);
      v_notices := array_append(v_notices, halt_notice(v_market, v_references_paise[v_market_number], v_points[v_market_number], v_settings));
    end if;
  end loop;

  -- Write
  insert into requests select * from unnest(v_recorded);
  perform write_stops(v_turned);
  if cardinality(v_fills) > 0 or cardinality(v_notices) > 0 or v_has_changed then
    perform write_batch(v_exchange, v_markets, v_fills,
      array(select v_users[c.place] from (select distinct unnest(v_changed_users)) c(place)),
      array(select v_positions[c.place] from (select distinct unnest(v_changed_places)) c(place)),
      array(select v_positions[c.place] from (select distinct unnest(v_closed_places)) c(place)));
    if cardinality(v_halted) > 0 then
      -- Time in which nobody can trade does not count for a cool-down.
      update positions p set cooldown_until = p.cooldown_until + make_interval(secs => v_settings.halt_seconds)
      where p.exchange_id = p_exchange_id and p.cooldown_until > v_exchange.updated_at and p.shift_id = any (v_halted);
    end if;
    perform queue_notices(v_exchange, v_notices);
    for v_market_number in 1 .. cardinality(v_markets) loop
      if v_lowest_sold[v_market_number] < v_highest_sold[v_market_number] then
        perform fire_alerts(
          v_exchange, v_markets[v_market_number], v_lowest_sold[v_market_number], v_highest_sold[v_market_number]);
      end if;
    end loop;
  end if;

  return query select * from unnest(v_outcomes);
end
$$;
comment on function execute_orders(bigint, order_request[], text[]) is 'Execute a batch of orders in one transaction, each with its own outcome, and the stops that they set off.';
alter function execute_orders(bigint, order_request[], text[]) owner to exchange_writer;
grant execute on function execute_orders(bigint, order_request[], text[]) to service_role;
