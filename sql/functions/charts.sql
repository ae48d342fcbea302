-- What charts are drawn from: the history of a price, and a market with its curve. Every figure is
-- made here, so that a picture never shows another price than a quote. Reads wait for nobody.

create or replace function chart_bucket_seconds(p_span interval) returns integer
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- Whole candles of the longest kind that is not longer than a 240th of the span.
  select (ceil(s.seconds / k.candle_seconds) * k.candle_seconds)::integer
  from candle_kinds() k, (select greatest(1, extract(epoch from p_span) / 240) as seconds) s
  where k.candle_seconds <= s.seconds
  order by k.candle_seconds desc limit 1
$$;
comment on function chart_bucket_seconds(interval) is 'How many seconds each of the at most 240 buckets of a chart lasts that reaches back so far.';

create or replace function list_price_buckets(
  p_exchange_id bigint, p_shift_id integer, p_from timestamptz, p_bucket_seconds integer
) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- Only buckets with fills, of the longest candles that divide them. Candles stand where buckets do, so nothing is estimated.
  select coalesce(jsonb_agg(jsonb_build_array(
    b.number, b.last_price_paise, b.highest_price_paise, b.lowest_price_paise, b.volume_shares) order by b.number), '[]')
  from (
    select floor(extract(epoch from c.starts_at - p_from) / p_bucket_seconds) as number,
      (max(array[c.last_sequence, c.last_price_paise]))[2] as last_price_paise,
      max(c.highest_price_paise) as highest_price_paise, min(c.lowest_price_paise) as lowest_price_paise,
      sum(c.volume_shares) as volume_shares
    from list_candles(
      p_exchange_id, p_shift_id, p_from,
      (select max(k.candle_seconds) from candle_kinds() k where p_bucket_seconds % k.candle_seconds = 0)) c
    group by 1) b
$$;
comment on function list_price_buckets(bigint, integer, timestamptz, integer) is 'The fills of a market since a time, summed up: number of the bucket, last, highest and lowest price in paise, shares traded.';

create or replace function list_halts(p_exchange_id bigint, p_shift_id integer, p_from timestamptz) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- The newest fifty: more would be one grey wall, and there must be a limit.
  select coalesce(jsonb_agg(jsonb_build_array(h.halted_at, h.ends_at) order by h.halted_at), '[]')
  from (
    select h.* from halts h
    where h.exchange_id = p_exchange_id and h.shift_id = p_shift_id and coalesce(h.ends_at >= p_from, true)
    order by h.halted_at desc limit 50) h
$$;
comment on function list_halts(bigint, integer, timestamptz) is 'The halts of a market since a time: when each began, and when it ends or ended, null where nobody knows.';

create or replace function get_price_history(
  p_exchange_id bigint, p_market text, p_seconds integer, p_user_id bigint
) returns jsonb
language plpgsql stable security definer
set search_path = betjee, pg_temp
as $$
-- The last p_seconds (at least a minute), or, where that is null, everything since the first fill;
-- in either case not from before the exchange was opened. It is cut into at most 242 buckets, whose
-- bounds stand still while time goes on, so that one picture serves until a bucket is over. Now is when
-- the exchange's clock says, which no fill is ahead of.
-- The member named, if any, is shown their own position. Null for an unknown market.
declare
  v_now timestamptz;
  v_market markets;
  v_held positions;
  v_from timestamptz;
  v_opened_at timestamptz;
  v_bucket_seconds integer;
  v_opening_price_paise bigint;
  v_price_paise bigint;
begin
  select m.* into v_market from markets m where m.exchange_id = p_exchange_id and m.code = p_market;
  if not found then
    return null;
  end if;
  select p.* into v_held from positions p
  where p.exchange_id = p_exchange_id and p.user_id = p_user_id and p.shift_id = v_market.shift_id;
  select greatest(clock_timestamp(), e.updated_at), e.opened_at into v_now, v_opened_at
  from exchanges e where e.exchange_id = p_exchange_id;
  if p_seconds is null then
    select t.executed_at into v_from from transactions t
    where t.exchange_id = p_exchange_id and t.shift_id = v_market.shift_id
    order by t.executed_at, t.sequence limit 1;
    v_from := coalesce(v_from, v_opened_at);
  else
    v_from := greatest(v_now - make_interval(secs => least(greatest(p_seconds, 60), 366 * 86400)), v_opened_at);
  end if;
  v_bucket_seconds := chart_bucket_seconds(v_now - v_from);
  v_from := date_bin(make_interval(secs => v_bucket_seconds), v_from, 'epoch');
  v_opening_price_paise := reference_price(v_market, jsonb_populate_record(null::exchange_settings, '{"band_seconds": 0}'), v_from);
  v_price_paise := (current_point(v_market)).price_paise;
  return jsonb_build_object(
    'exchange_id', p_exchange_id, 'market', v_market.code, 'label', v_market.label, 'version', v_market.version,
    'status', case when v_market.halted_until <= v_now then 'open' else v_market.status end,
    'price_paise', v_price_paise, 'opening_price_paise', v_opening_price_paise,
    'change_bps', (v_price_paise - v_opening_price_paise) * 10000 / v_opening_price_paise,
    'starts_at', v_from, 'bucket_seconds', v_bucket_seconds,
    'bucket_count', floor(extract(epoch from v_now - v_from) / v_bucket_seconds) + 1,
    'buckets', list_price_buckets(p_exchange_id, v_market.shift_id, v_from, v_bucket_seconds),
    'halts', list_halts(p_exchange_id, v_market.shift_id, v_from),
    'position_shares', coalesce(v_held.shares, 0), 'average_cost_paise', average_cost(v_held.basis_paise, v_held.shares));
end
$$;
comment on function get_price_history(bigint, text, integer, bigint) is 'How a market''s price has moved, what was traded, when it was halted, and what one member holds there.';
alter function get_price_history(bigint, text, integer, bigint) owner to exchange_writer;
grant execute on function get_price_history(bigint, text, integer, bigint) to service_role;

create or replace function get_market(p_exchange_id bigint, p_market text) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- As list_markets() shows it, with its terms, the band around its price, and 121 points of its curve:
-- from where nothing is sold, or where shorts have carried it, to where no more can be bought. The
-- band's edges are those that decide_order() holds an order to, in whole paise. Null where unknown.
  select l.document || jsonb_build_object(
    'exchange_id', p_exchange_id, 'pricing', m.pricing, 'price_min_paise', m.price_min_paise, 'price_max_paise', m.price_max_paise,
    'total_shares_cap', m.total_shares_cap, 'remaining_shares', m.remaining_shares, 'min_market_shares', m.min_market_shares,
    'tax_bps', m.tax_bps, 'collateral_paise', collateral_per_share(m),
    'max_order_shares', s.max_order_shares, 'band_bps', s.band_bps, 'band_seconds', s.band_seconds,
    'band_low_paise', greatest(m.price_min_paise, ceil(b.reference_paise * (10000 - s.band_bps) / 10000::numeric)),
    'band_high_paise', least(m.price_max_paise, floor(b.reference_paise * (10000 + s.band_bps) / 10000::numeric)),
    'curve', (
      select jsonb_agg(jsonb_build_array(c.sold, c.price_paise) order by n)
      from generate_series(0, 120) n,
        lateral point_on_curve(m, r.lowest_sold + (r.highest_sold - r.lowest_sold) * n / 120) c))
  from markets m
    cross join lateral (select least(0, m.total_shares_cap - m.remaining_shares), m.total_shares_cap - m.min_market_shares::bigint) r(lowest_sold, highest_sold)
    cross join lateral (select (typed_settings(e.settings)).* from exchanges e where e.exchange_id = p_exchange_id limit 1) s
    cross join lateral reference_price(m, s::exchange_settings, clock_timestamp()) b(reference_paise)
    cross join lateral (
      select l.document from list_markets(p_exchange_id) l(document) where l.document ->> 'market' = p_market limit 1) l
  where m.exchange_id = p_exchange_id and m.code = p_market
$$;
comment on function get_market(bigint, text) is 'A market with its terms, its limits and its curve.';
alter function get_market(bigint, text) owner to exchange_writer;
grant execute on function get_market(bigint, text) to service_role;
