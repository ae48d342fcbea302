-- The rules of an order. decide_order() is the one place in which an order is priced and judged:
-- execute_orders() calls it under the lock, quote_order() calls it without.

create or replace function broken_rule(
  p_settings exchange_settings, p_market markets, p_reference_paise bigint,
  p_order order_request, p_spendable_paise bigint, p_price order_price
) returns text
language sql immutable parallel safe
-- The first rule that an order of this size breaks, as a refusal code, or null. These are the rules
-- in which a smaller order of the same kind is better off, so that the largest possible size can be
-- searched for; the least that a seller wants is not one of them and is checked by decide_order().
return case
  when (p_order).side in ('buy', 'short') and (p_price).shares > (p_settings).max_order_shares then 'order_too_large'
  -- What shorts would have to buy back is kept for them.
  when (p_order).side = 'buy'
    and (p_market).remaining_shares - (p_price).shares - (p_market).open_short_shares < (p_market).min_market_shares
    then 'market_dry'
  when (p_order).side = 'buy' and p_spendable_paise < (p_price).total_paise then 'insufficient_funds'
  when (p_order).side = 'short'
    and p_spendable_paise < (p_price).shares * collateral_per_share(p_market) - (p_price).total_paise
    then 'insufficient_funds'
  -- Where the step of a single share is wider than the band, one share at a time may still be closed:
  -- nobody can be kept in a position.
  when order_sign((p_order).side) > 0
    and (p_price).after_price_paise * 10000 > p_reference_paise * (10000 + (p_settings).band_bps)
    and not ((p_order).side = 'cover' and (p_price).shares = 1 and (p_price).before_price_paise <= p_reference_paise)
    then 'price_band'
  when order_sign((p_order).side) < 0
    and (p_price).after_price_paise * 10000 < p_reference_paise * (10000 - (p_settings).band_bps)
    and not ((p_order).side = 'sell' and (p_price).shares = 1 and (p_price).before_price_paise >= p_reference_paise)
    then 'price_band'
  when order_sign((p_order).side) > 0 and (p_price).total_paise > (p_order).limit_paise then 'limit_not_met'
end;
comment on function broken_rule(exchange_settings, markets, bigint, order_request, bigint, order_price) is 'Which rule an order of a given size breaks, or null.';

create or replace function largest_order(
  p_settings exchange_settings, p_market markets, p_from curve_point, p_reference_paise bigint,
  p_order order_request, p_spendable_paise bigint, p_at_most bigint
) returns bigint
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- The largest size, at most p_at_most, that breaks no rule: a binary search, 24 steps at most.
declare
  v_possible bigint := 0;
  v_impossible bigint := greatest(p_at_most, 0) + 1;
  v_middle bigint;
  v_sign integer := order_sign(p_order.side);
begin
  while v_impossible - v_possible > 1 loop
    v_middle := (v_possible + v_impossible) / 2;
    if broken_rule(p_settings, p_market, p_reference_paise, p_order, p_spendable_paise,
        price_order(p_market, p_from, v_sign, v_middle)) is null then
      v_possible := v_middle;
    else
      v_impossible := v_middle;
    end if;
  end loop;
  if v_sign < 0 and v_possible > 0
    and (price_order(p_market, p_from, v_sign, v_possible)).total_paise < p_order.limit_paise then
    return 0;
  end if;
  return v_possible;
end
$$;
comment on function largest_order(exchange_settings, markets, curve_point, bigint, order_request, bigint, bigint) is 'The largest size of an order that would be taken.';

create or replace function inadmissible(p_user users, p_market markets, p_held positions, p_order order_request) returns text
language sql immutable parallel safe
-- Why an order is refused whatever its size, as a refusal code, or null.
return case
  when (p_user).user_id is null or (p_user).status = 'deleted' then 'unknown_user'
  when (p_user).registered_at is null then 'not_registered'
  when (p_user).status = 'frozen' then 'user_frozen'
  when (p_user).status = 'banned' then 'user_banned'
  when (p_market).shift_id is null then 'unknown_market'
  when (p_market).status <> 'open' then 'market_not_open'
  when (p_held).cooldown_sign = order_sign((p_order).side) then 'cooling_down'
  when num_nonnulls((p_order).shares, (p_order).portion_bps) <> 1
    or (p_order).shares not between 1 and 10000000
    or (p_order).portion_bps not between 1 and 10000
    or (p_order).limit_paise < 0 then 'invalid_shares'
  when (p_order).side in ('buy', 'sell') and (p_held).shares < 0 then 'position_is_short'
  when (p_order).side in ('short', 'cover') and (p_held).shares > 0 then 'position_is_long'
  when (p_order).side in ('sell', 'cover')
    and ((p_held).shares = 0 or (p_order).shares > abs((p_held).shares)) then 'exceeds_position'
end;
comment on function inadmissible(users, markets, positions, order_request) is 'Which rule an order breaks whatever the market''s price is, or null.';

create or replace function decide_order(
  p_settings exchange_settings, p_market markets, p_from curve_point, p_reference_paise bigint,
  p_user users, p_held positions, p_order order_request
) returns order_decision
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- Prices and judges one order; changes nothing. The decision's outcome is `filled`, `unconfirmed` or
-- `refused`, and the state that follows a fill is beside it.
declare
  v_outcome order_outcome;
  v_price order_price;
  v_held positions := p_held;
  v_sign integer := order_sign(p_order.side);
  v_opens boolean := p_order.side in ('buy', 'short');
  v_buying_power_paise bigint := p_user.cash_paise - p_user.reserved_paise;
  v_spendable_paise bigint := v_buying_power_paise;
  v_at_most bigint := case when v_opens then p_settings.max_order_shares else abs(p_held.shares) end;
begin
  v_outcome.request_id := p_order.request_id;
  v_outcome.market := p_order.market;
  v_outcome.label := p_market.label;
  v_outcome.side := p_order.side;
  v_outcome.asked_shares := p_order.shares;
  v_outcome.asked_bps := p_order.portion_bps;
  v_outcome.limit_paise := p_order.limit_paise;
  v_outcome.price_before_paise := p_from.price_paise;
  v_outcome.code := inadmissible(p_user, p_market, p_held, p_order);

  if v_outcome.code is null then
    -- The size: as given, or the portion that is asked for of the buying power or of the position.
    v_outcome.shares := p_order.shares;
    if p_order.portion_bps is not null and v_opens then
      -- Divided before it is multiplied, so that no amount is too large.
      v_spendable_paise := v_buying_power_paise / 10000 * p_order.portion_bps
        + v_buying_power_paise % 10000 * p_order.portion_bps / 10000;
      v_outcome.shares := greatest(1, largest_order(
        p_settings, p_market, p_from, p_reference_paise, p_order, v_spendable_paise, v_at_most));
    elsif p_order.portion_bps is not null then
      v_outcome.shares := greatest(1, abs(p_held.shares) * p_order.portion_bps / 10000);
    end if;

    v_price := price_order(p_market, p_from, v_sign, v_outcome.shares);
    v_outcome.gross_paise := v_price.gross_paise;
    v_outcome.tax_paise := v_price.tax_paise;
    v_outcome.total_paise := v_price.total_paise;
    v_outcome.impact_bps := v_price.impact_bps;
    v_outcome.price_after_paise := v_price.after_price_paise;
    v_outcome.worst_loss_paise := case p_order.side
      when 'buy' then v_price.total_paise
      when 'short' then v_price.shares * collateral_per_share(p_market) - v_price.total_paise
      else 0 end;
    v_outcome.code := coalesce(
      broken_rule(p_settings, p_market, p_reference_paise, p_order, v_spendable_paise, v_price),
      case when v_sign < 0 and v_price.total_paise < p_order.limit_paise then 'limit_not_met' end);
  end if;

  if v_outcome.code is not null then
    v_outcome.status := 'refused';
    v_outcome.possible_shares := case
      when v_outcome.code = 'exceeds_position' or v_price.shares is not null then largest_order(
        p_settings, p_market, p_from, p_reference_paise, p_order, v_buying_power_paise,
        least(v_at_most, p_order.shares))
      else 0 end;
    v_outcome.shares := null;
    v_outcome.position_shares := p_held.shares;
    v_outcome.cash_paise := p_user.cash_paise;
    v_outcome.reserved_paise := p_user.reserved_paise;
    v_outcome.buying_power_paise := v_buying_power_paise;
    return (v_outcome, p_from, p_held)::order_decision;
  end if;

  v_held := apply_fill(p_held, v_sign * v_price.shares, v_price.gross_paise, v_price.tax_paise);
  v_outcome.average_price_paise := round(v_price.gross_paise::numeric / v_price.shares);
  v_outcome.position_shares := v_held.shares;
  v_outcome.cash_paise := p_user.cash_paise - v_sign * v_price.total_paise;
  v_outcome.reserved_paise := p_user.reserved_paise
    + (greatest(-v_held.shares, 0) - greatest(-p_held.shares, 0)) * collateral_per_share(p_market);
  v_outcome.buying_power_paise := v_outcome.cash_paise - v_outcome.reserved_paise;
  v_outcome.realised_paise := case when not v_opens then v_held.realised_paise - p_held.realised_paise end;
  if v_price.impact_bps > p_settings.confirm_impact_bps and not p_order.confirmed then
    v_outcome.status := 'unconfirmed';
    -- A confirmed order may fill a little worse than it was shown, and never worse than its own limit.
    v_outcome.protected_limit_paise := case when v_sign > 0
      then least(p_order.limit_paise, v_price.total_paise + v_price.total_paise * p_settings.confirm_slippage_bps / 10000)
      else greatest(p_order.limit_paise, v_price.total_paise - v_price.total_paise * p_settings.confirm_slippage_bps / 10000) end;
  else
    v_outcome.status := 'filled';
  end if;
  return (v_outcome, (v_price.after_sold, v_price.after_value_paise, v_price.after_price, v_price.after_price_paise)::curve_point, v_held)::order_decision;
end
$$;
comment on function decide_order(exchange_settings, markets, curve_point, bigint, users, positions, order_request) is 'Price and judge one order; the rule that quotes and trades share.';

create or replace function decide_stop(
  p_settings exchange_settings, p_market markets, p_from curve_point, p_reference_paise bigint,
  p_user users, p_held positions, p_stop stop_losses
) returns order_decision
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- Judges a waiting order at its turn as the order it has become: to close what is still held of its
-- shares. Where that would carry the price through the band, as much of it is filled as the band
-- permits, which its outcome shows by fewer shares than were asked, or it is refused as price_band;
-- either way the band is reached. Later it is measured from where the price stands then, so at least
-- one share passes each time. A cool-down does not hold back a stop-loss from before the order that led
-- to it: its trigger was chosen without knowing what the order would set off, so it takes no profit of that.
declare
  v_held positions := p_held;
  v_order order_request;
  v_decision order_decision;
  v_outcome order_outcome;
begin
  v_order.request_id := p_stop.request_id;
  v_order.user_id := p_stop.user_id;
  v_order.market := p_market.code;
  v_order.side := fill_side(p_stop.shares, 0);
  v_order.shares := least(abs(p_stop.shares), abs(p_held.shares));
  v_order.confirmed := true;
  if p_stop.kind = 'stop_loss' and p_stop.stop_id < p_held.cooldown_by then
    v_held.cooldown_sign := null;
  end if;
  v_decision := decide_order(p_settings, p_market, p_from, p_reference_paise, p_user, v_held, v_order);
  v_outcome := v_decision.outcome;
  if v_outcome.code = 'price_band' and v_outcome.possible_shares > 0 then
    v_order.shares := v_outcome.possible_shares;
    v_decision := decide_order(p_settings, p_market, p_from, p_reference_paise, p_user, v_held, v_order);
    v_decision.outcome.asked_shares := v_outcome.asked_shares;
  end if;
  v_held := v_decision.held;
  v_held.cooldown_sign := p_held.cooldown_sign;
  v_decision.held := v_held;
  return v_decision;
end
$$;
comment on function decide_stop(exchange_settings, markets, curve_point, bigint, users, positions, stop_losses) is 'Price and judge a waiting order at its turn.';
