-- The sigmoid bonding curve. With sold = total_shares_cap - remaining_shares:
--
--   price(sold) = price_min + (price_max - price_min) / (1 + exp(-x)),   x = k * (sold / M - x0)
--   value(sold) = price_min * sold + (price_max - price_min) * (M / k) * ln(1 + exp(x))
--
-- The second is the integral of the first: the cost function of a logarithmic market scoring rule
-- (Hanson 2003; Chen and Pennock 2007) with b = M / k.

create or replace function point_on_curve(p_market markets, p_sold bigint) returns curve_point
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- Everything is numeric, so it is the same on every machine. ln(1 + exp(x)) is computed as
-- max(x, 0) + ln(1 + exp(-|x|)), so that no exponential overflows. What max(x, 0) contributes is a
-- product without a division and thus exact: far up the curve, where the rest is next to nothing, a value
-- can lie a hair above half a paisa. x has at least 20 decimals, which keeps the error of the rest below
-- a millionth of a paisa for the largest market.
declare
  v_beyond numeric := p_sold - p_market.midpoint * p_market.max_tradable_shares;
  v_x numeric := round(p_market.steepness * v_beyond, 20) / p_market.max_tradable_shares;
  v_decay numeric := exp(-abs(v_x));
  v_range numeric := p_market.price_max_paise - p_market.price_min_paise;
  v_point curve_point;
begin
  v_point.sold := p_sold;
  v_point.value_paise := round(p_market.price_min_paise * p_sold + v_range * greatest(v_beyond, 0)
    + v_range * p_market.max_tradable_shares * ln(1 + v_decay) / p_market.steepness);
  v_point.price := p_market.price_min_paise + v_range * (case when v_x < 0 then v_decay else 1 end) / (1 + v_decay);
  v_point.price_paise := round(v_point.price);
  return v_point;
end
$$;
comment on function point_on_curve(markets, bigint) is 'Value and price of a market''s curve where so many shares are sold, in paise.';

create or replace function current_point(p_market markets) returns curve_point
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
begin
  return point_on_curve(p_market, p_market.total_shares_cap - p_market.remaining_shares);
end
$$;
comment on function current_point(markets) is 'Where a market stands on its curve.';

create or replace function order_sign(p_side text) returns integer
language sql immutable parallel safe
return case p_side when 'buy' then 1 when 'cover' then 1 when 'sell' then -1 when 'short' then -1 end;
comment on function order_sign(text) is '1 for orders that take shares from the pool and pay, -1 for those that give shares and receive.';

create or replace function price_order(p_market markets, p_from curve_point, p_sign integer, p_shares bigint) returns order_price
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- What it costs to take so many shares from the pool (sign 1), or brings to give them (sign -1).
-- Rounding is against the trader wherever there is any.
declare
  v_after curve_point := point_on_curve(p_market, p_from.sold + p_sign * p_shares);
  v_price order_price;
begin
  v_price.shares := p_shares;
  if p_market.pricing = 'integral' then
    v_price.gross_paise := p_sign * (v_after.value_paise - p_from.value_paise);
  else
    -- To a millionth of a paisa first, so that the last digit of a division decides nothing.
    v_price.gross_paise := p_sign * ceil(round(p_sign * p_shares * (p_from.price + v_after.price) / 2, 6));
  end if;
  v_price.tax_paise := (v_price.gross_paise * p_market.tax_bps + 9999) / 10000;
  v_price.total_paise := v_price.gross_paise + p_sign * v_price.tax_paise;
  v_price.impact_bps := (abs(v_after.price_paise - p_from.price_paise) * 10000 + p_from.price_paise - 1) / p_from.price_paise;
  v_price.before_price_paise := p_from.price_paise;
  v_price.after_sold := v_after.sold;
  v_price.after_value_paise := v_after.value_paise;
  v_price.after_price := v_after.price;
  v_price.after_price_paise := v_after.price_paise;
  return v_price;
end
$$;
comment on function price_order(markets, curve_point, integer, bigint) is 'Gross, tax and total of an order from a point of the curve, and where it leaves the curve.';

create or replace function collateral_per_share(p_market markets) returns bigint
language sql immutable parallel safe
-- What buying one share back can cost at worst, tax included: a short is fully collateralised.
return ((p_market).price_max_paise * (10000 + (p_market).tax_bps) + 9999) / 10000;
comment on function collateral_per_share(markets) is 'Paise that are reserved for each share sold short.';

create or replace function no_position(p_exchange_id bigint, p_user_id bigint, p_shift_id integer) returns positions
language sql immutable parallel safe
return (p_exchange_id, p_user_id, p_shift_id, 0, 0, 0, 0, null, null, null, null, null, null)::positions;
comment on function no_position(bigint, bigint, integer) is 'The position of who has never traded in a market.';

create or replace function apply_fill(p_held positions, p_signed_shares bigint, p_gross_paise bigint, p_tax_paise bigint) returns positions
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- A position after a fill. A fill never takes a position through zero. Closing a part releases its
-- part of the basis, rounded half up; closing all releases all of it.
declare
  v_held positions := p_held;
  v_released bigint;
begin
  v_held.shares := p_held.shares + p_signed_shares;
  v_held.taxes_paise := p_held.taxes_paise + p_tax_paise;
  if p_held.shares = 0 or sign(p_held.shares) = sign(p_signed_shares) then
    v_held.basis_paise := p_held.basis_paise + p_gross_paise;
  else
    v_released := round(p_held.basis_paise::numeric * abs(p_signed_shares) / abs(p_held.shares));
    v_held.basis_paise := p_held.basis_paise - v_released;
    v_held.realised_paise := p_held.realised_paise + (p_gross_paise - v_released) * sign(p_held.shares);
  end if;
  return v_held;
end
$$;
comment on function apply_fill(positions, bigint, bigint, bigint) is 'A position after so many signed shares were traded; the rule of cost basis and realised profit.';

create or replace function fill_side(p_signed_shares bigint, p_position_shares bigint) returns text
language sql immutable parallel safe
-- A fill never takes a position through zero, so the position after it tells whether it opened or closed. Where
-- that is not known, only whether shares were taken or given can be told.
return case
  when p_signed_shares > 0 and p_position_shares <= 0 then 'cover'
  when p_signed_shares > 0 then 'buy'
  when p_signed_shares < 0 and p_position_shares < 0 then 'short'
  when p_signed_shares < 0 then 'sell' end;
comment on function fill_side(bigint, bigint) is 'Which side a fill of so many signed shares was on that left a position of so many; buy or sell where the position is not known.';

create or replace function average_cost(p_basis_paise bigint, p_shares bigint) returns bigint
language sql immutable parallel safe
return round(p_basis_paise::numeric / nullif(abs(p_shares), 0));
comment on function average_cost(bigint, bigint) is 'What a share of a position was opened for, before tax; null where nothing is held.';

create or replace function trigger_of_price(p_market markets, p_price_paise bigint, p_sign integer) returns bigint
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- A price as the number of shares sold at which it is reached: for a rise (sign 1) the fewest at
-- which the price, rounded as it is shown, is p_price_paise or more; for a fall (sign -1) the most
-- at which it is p_price_paise or less. Null where the curve never gets there. A binary search over
-- all that could ever be sold or sold short, which is at most twice the largest cap.
declare
  v_crossed bigint := p_sign * 20000000;
  v_uncrossed bigint := -p_sign * 20000000;
  v_middle bigint;
begin
  if p_price_paise not between p_market.price_min_paise and p_market.price_max_paise
    or p_sign * ((point_on_curve(p_market, v_crossed)).price_paise - p_price_paise) < 0 then
    return null;
  end if;
  while abs(v_crossed - v_uncrossed) > 1 loop
    v_middle := (v_crossed + v_uncrossed) / 2;
    if p_sign * ((point_on_curve(p_market, v_middle)).price_paise - p_price_paise) >= 0 then
      v_crossed := v_middle;
    else
      v_uncrossed := v_middle;
    end if;
  end loop;
  return v_crossed;
end
$$;
comment on function trigger_of_price(markets, bigint, integer) is 'The number of shares sold at which a market''s price has risen or fallen to a given one.';

create or replace function reference_price(p_market markets, p_settings exchange_settings, p_time timestamptz) returns bigint
language plpgsql stable
set search_path = betjee, pg_temp
as $$
-- The price band_seconds ago: that of the last fill before then, else the price of a new market. What
-- was before the last wipe counts no longer, since its fills are gone in part: it is as if the market had
-- always stood where the wipe left it. A wipe that moved no price gives none room either: for
-- band_seconds after it, the price is the one from which the band was measured at the wipe.
declare
  v_start timestamptz := p_time - make_interval(secs => p_settings.band_seconds);
  v_price_paise bigint;
  v_wiped record;
begin
  select b.sequence, case when b.burned_at <= v_start then b.price_after_paise
    else coalesce(b.reference_paise, b.price_after_paise) end as price_paise
  into v_wiped from burns b
  where b.exchange_id = p_market.exchange_id and b.shift_id = p_market.shift_id and b.burned_at <= p_time
  order by b.sequence desc limit 1;
  select t.price_after_paise into v_price_paise from transactions t
  where t.exchange_id = p_market.exchange_id and t.shift_id = p_market.shift_id
    and t.executed_at <= v_start
    and t.sequence > coalesce(v_wiped.sequence, 0)
  order by t.executed_at desc, t.sequence desc limit 1;
  return coalesce(v_price_paise, v_wiped.price_paise, (point_on_curve(p_market, 0)).price_paise);
end
$$;
comment on function reference_price(markets, exchange_settings, timestamptz) is 'The price that the band around a market is measured from, in paise.';
