-- What a batch of orders leaves behind: one statement for each table, so that rows that many orders
-- touch are written once.

create or replace function write_batch(
  p_exchange exchanges, p_markets markets[], p_fills transactions[], p_users users[], p_positions positions[], p_closed positions[]
) returns void
language plpgsql
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
-- Writes what a batch has decided, one statement a table: the ledger, and users, positions, markets
-- and the exchange as they are now; stops on positions that were closed lapse.
-- `on conflict` looks rows up by their key whatever is known of the table; none is ever inserted.
begin
  insert into transactions (
    exchange_id, sequence, user_id, shift_id, shares, price_paise, gross_paise, tax_paise,
    price_after_paise, cause, request_id, executed_at, stop_id, set_off_by, realised_paise, position_shares)
  select f.exchange_id, f.sequence, f.user_id, f.shift_id, f.shares, f.price_paise, f.gross_paise, f.tax_paise,
    f.price_after_paise, f.cause, f.request_id, f.executed_at, f.stop_id, f.set_off_by, f.realised_paise, f.position_shares
  from unnest(p_fills) f;

  insert into users as u overriding system value
  select s.* from unnest(p_users) s
  on conflict (exchange_id, user_id) do update
    set cash_paise = excluded.cash_paise, reserved_paise = excluded.reserved_paise;

  insert into positions as p
  select s.* from unnest(p_positions) s
  on conflict (exchange_id, user_id, shift_id) do update
    set shares = excluded.shares, basis_paise = excluded.basis_paise,
      realised_paise = excluded.realised_paise, taxes_paise = excluded.taxes_paise,
      cooldown_sign = excluded.cooldown_sign, cooldown_until = excluded.cooldown_until,
      cooldown_by = excluded.cooldown_by, set_off_sign = excluded.set_off_sign,
      set_off_shares = excluded.set_off_shares, set_off_until = excluded.set_off_until;

  update markets m set remaining_shares = s.remaining_shares, open_short_shares = s.open_short_shares,
    pool_paise = s.pool_paise, status = s.status, halted_until = s.halted_until, halted_by = s.halted_by,
    reopened_at = s.reopened_at, stops_due_at = s.stops_due_at, version = s.version,
    updated_at = p_exchange.updated_at
  from unnest(p_markets) s
  where m.exchange_id = p_exchange.exchange_id and m.shift_id = s.shift_id and m.version <> s.version;

  update exchanges e set treasury_paise = p_exchange.treasury_paise, sequence = p_exchange.sequence,
    updated_at = p_exchange.updated_at
  where e.exchange_id = p_exchange.exchange_id;

  if cardinality(p_closed) > 0 then
    update stop_losses s set status = 'lapsed', ended_at = p_exchange.updated_at
    where s.exchange_id = p_exchange.exchange_id and s.stop_id = any (array(
      select w.stop_id
      from unnest(p_closed) c,
        lateral (
          select w.stop_id from stop_losses w
          where w.exchange_id = p_exchange.exchange_id and w.user_id = c.user_id and w.shift_id = c.shift_id
            and w.status in ('armed', 'held', 'suspended')
          limit 1000) w));
  end if;
end
$$;
comment on function write_batch(exchanges, markets[], transactions[], users[], positions[], positions[]) is 'Write what a batch of orders has decided.';

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
