-- What members see: markets and portfolios. Reads wait for nobody.
--
-- As in execute_orders(), every row is looked up by its key, and there is no join that could be planned
-- in an order that reads a table for each row of another, however little is known of the tables.

create or replace function list_markets(p_exchange_id bigint) returns setof jsonb
language sql stable security definer
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- A halt that is over by the clock is not shown, since the next who writes there ends it. The change is the board's:
-- what a wipe did to the band since then is not asked.
  select jsonb_build_object(
    'market', m.code, 'label', m.label, 'price_paise', p.price_paise,
    'status', case when m.halted_until <= clock_timestamp() then 'open' else m.status end,
    'halted_until', case when m.halted_until > clock_timestamp() then m.halted_until end,
    'change_bps', (p.price_paise - day_ago.price_paise) * 10000 / day_ago.price_paise,
    'sold_shares', p.sold, 'open_short_shares', m.open_short_shares,
    'available_shares', m.remaining_shares - m.open_short_shares - m.min_market_shares, 'version', m.version)
  from markets m,
    lateral current_point(m) p,
    lateral price_at(m, clock_timestamp() - interval '24 hours') day_ago(price_paise)
  where m.exchange_id = p_exchange_id
  order by m.shift_id
$$;
comment on function list_markets(bigint) is 'The markets of an exchange: price, change within a day, and what can still be bought.';
alter function list_markets(bigint) owner to exchange_writer;
grant execute on function list_markets(bigint) to service_role;

create or replace function closing_value(p_market markets, p_shares bigint) returns order_price
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- What closing a position at once would really bring: a short has a negative total, since it costs.
declare
  v_price order_price;
begin
  if p_shares <> 0 then
    v_price := price_order(p_market, current_point(p_market), -sign(p_shares)::integer, abs(p_shares));
    v_price.gross_paise := v_price.gross_paise * sign(p_shares);
    v_price.total_paise := v_price.total_paise * sign(p_shares);
  else
    v_price.gross_paise := 0;
    v_price.total_paise := 0;
  end if;
  return v_price;
end
$$;
comment on function closing_value(markets, bigint) is 'What closing a position of so many signed shares would bring, before and after tax.';

create or replace function get_portfolio(p_exchange_id bigint, p_user_id bigint) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Unrealised profit is what closing would bring before tax, less the basis; so closing a position
-- turns exactly that into realised profit.
  with held as materialized (
    select p.*, m.code, m.label, m.shift_id as market_number, current_point(m) as point,
      closing_value(m, p.shares) as closing, greatest(-p.shares, 0) * collateral_per_share(m) as collateral_paise,
      sign(p.shares) * p.basis_paise as signed_basis_paise,
      (select count(*) from stop_losses s
        where s.exchange_id = p_exchange_id and s.user_id = p_user_id and s.shift_id = m.shift_id
          and s.status in ('armed', 'held', 'suspended')) as waiting_orders
    from positions p,
      lateral (select m.* from markets m where m.exchange_id = p_exchange_id and m.shift_id = p.shift_id limit 1) m
    where p.exchange_id = p_exchange_id and p.user_id = p_user_id),
  total as (
    select coalesce(sum((closing).total_paise), 0) as liquidation_paise,
      coalesce(sum((closing).gross_paise - signed_basis_paise), 0) as unrealised_paise,
      coalesce(sum(realised_paise), 0) as realised_paise, coalesce(sum(taxes_paise), 0) as taxes_paise,
      coalesce(jsonb_agg(jsonb_build_object(
        'market', code, 'label', label, 'shares', shares,
        'average_cost_paise', coalesce(average_cost(basis_paise, shares), 0),
        'mark_price_paise', (point).price_paise, 'liquidation_paise', (closing).total_paise,
        'unrealised_paise', (closing).gross_paise - signed_basis_paise, 'realised_paise', realised_paise,
        'taxes_paise', taxes_paise, 'reserved_paise', collateral_paise, 'waiting_orders', waiting_orders) order by market_number), '[]') as positions
    from held)
  select jsonb_build_object(
    'user_id', u.user_id, 'display_name', u.display_name, 'cash_paise', u.cash_paise,
    'reserved_paise', u.reserved_paise, 'buying_power_paise', u.cash_paise - u.reserved_paise,
    'net_worth_paise', u.cash_paise + t.liquidation_paise, 'unrealised_paise', t.unrealised_paise,
    'realised_paise', t.realised_paise, 'taxes_paise', t.taxes_paise,
    'withheld_paise', withheld_bonus(u.exchange_id, u.user_id), 'granted_paise', (
      select coalesce(sum(g.amount_paise), 0) from grants g
      where g.exchange_id = u.exchange_id and g.user_id = u.user_id),
    'positions', t.positions)
  from users u, total t
  where u.exchange_id = p_exchange_id and u.user_id = p_user_id and u.status <> 'deleted'
$$;
comment on function get_portfolio(bigint, bigint) is 'All that a member has, at liquidation value, or null for a stranger.';
alter function get_portfolio(bigint, bigint) owner to exchange_writer;
grant execute on function get_portfolio(bigint, bigint) to service_role;
