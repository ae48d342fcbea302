-- What a live board shows. Its cost is bounded, however much was traded: prices of the past are looked
-- up by index, one fill each, and volumes are those of candles.

create or replace function price_at(p_market markets, p_time timestamptz) returns bigint
language sql stable
set search_path = betjee, pg_temp
as $$
  select reference_price(p_market, jsonb_populate_record(null::exchange_settings, '{"band_seconds": 0}'), p_time)
$$;
comment on function price_at(markets, timestamptz) is 'The price of a market at a time of the past, in paise.';

create or replace function get_board(p_exchange_id bigint) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Each market's price, its change within an hour and a day, the shares traded within a day, by whole
-- hours, and its prices at every second hour of the day, the last of which is that of now.
  select jsonb_build_object(
    'exchange_id', e.exchange_id, 'sequence', e.sequence, 'updated_at', e.updated_at, 'markets', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'market', m.code, 'label', m.label, 'price_paise', p.price_paise,
        'status', case when m.halted_until <= clock_timestamp() then 'open' else m.status end,
        'halted_until', case when m.halted_until > clock_timestamp() then m.halted_until end,
        'hour_change_bps', (p.price_paise - past.hour_paise) * 10000 / past.hour_paise,
        'day_change_bps', (p.price_paise - past.day_paise) * 10000 / past.day_paise,
        'volume_shares', coalesce(volume.shares, 0),
        'prices_paise', to_jsonb(line.prices_paise || p.price_paise)) order by m.shift_id), '[]')
      from markets m,
        lateral current_point(m) p,
        lateral (
          select price_at(m, clock_timestamp() - interval '1 hour') as hour_paise,
            price_at(m, clock_timestamp() - interval '24 hours') as day_paise) past,
        lateral (
          select array_agg(price_at(m, date_trunc('hour', clock_timestamp(), 'UTC') - make_interval(hours => 2 * step)) order by step desc) as prices_paise
          from generate_series(0, 11) step) line,
        lateral (
          select sum(c.volume_shares)::bigint as shares
          from list_candles(p_exchange_id, m.shift_id, date_trunc('hour', clock_timestamp() - interval '23 hours', 'UTC'), 3600) c) volume
      where m.exchange_id = p_exchange_id))
  from exchanges e
  where e.exchange_id = p_exchange_id
$$;
comment on function get_board(bigint) is 'What the live board of an exchange shows, with the sequence at which it was read; null for a stranger.';
alter function get_board(bigint) owner to exchange_writer;
grant execute on function get_board(bigint) to service_role;
