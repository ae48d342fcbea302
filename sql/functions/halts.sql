-- The record of halts. Whoever halts a market or ends its halt calls these, under the exchange's lock;
-- a halt that ends by its time needs no second call.

create or replace function record_halt(p_exchange exchanges, p_market markets) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- `p_exchange` and `p_market` are as the halt leaves them: with its sequence, and when it ends.
  insert into halts (exchange_id, sequence, shift_id, halted_at, ends_at)
  values (p_exchange.exchange_id, p_exchange.sequence, p_market.shift_id, p_exchange.updated_at, p_market.halted_until)
$$;
comment on function record_halt(exchanges, markets) is 'Record that a market was halted, by the rules or by a moderator.';

create or replace function record_halt_end(p_exchange exchanges, p_market markets) returns void
language sql
set search_path = betjee, pg_temp
as $$
  update halts h set ends_at = p_exchange.updated_at
  where h.exchange_id = p_exchange.exchange_id and h.shift_id = p_market.shift_id
    and (h.ends_at is null or h.ends_at > p_exchange.updated_at)
$$;
comment on function record_halt_end(exchanges, markets) is 'Record that a moderator has ended a market''s halt, with or without a time of its own.';
