-- Fills summed up, so that what charts and boards read is bounded, however much was traded. Trades write
-- nothing for it: a job counts what has come, each fill once, and whoever reads adds the fills since.
--
-- A fill is counted by its place in the ledger, and placed by its time. That both are in the same order is
-- the work of lock_exchange(), and audit_exchange() looks after it.
--
-- Locks: whoever writes candles locks the exchange's row of candle_counts. count_candles() takes no other
-- lock, and passes by where that one is taken; forget_candles() waits for it, after the exchange's.

create or replace function candle_kinds() returns table (candle_seconds integer, kept interval)
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- Each is kept for as long as 240 of the next longer kind last, null for good: a chart of more is made of
-- those, see chart_bucket_seconds(). A bound of a longer kind is one of all shorter kinds.
  values (1, interval '1 hour'), (15, interval '1 day'), (360, interval '10 days'), (3600, interval '240 days'), (86400, null)
$$;
comment on function candle_kinds() is 'How many seconds candles last, and for how long each kind is kept.';

create or replace function sequence_before(p_exchange_id bigint, p_time timestamptz) returns bigint
language sql stable
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Times are in the order of the sequence, so the last fill of each market tells it.
  select coalesce(max(f.sequence), 0)
  from markets m,
    lateral (
      select t.sequence from transactions t
      where t.exchange_id = p_exchange_id and t.shift_id = m.shift_id and t.executed_at < p_time
      order by t.executed_at desc, t.sequence desc limit 1) f
  where m.exchange_id = p_exchange_id
$$;
comment on function sequence_before(bigint, timestamptz) is 'The sequence of an exchange''s last fill before a time, or 0.';

create or replace function add_candles(p_exchange_id bigint, p_after bigint, p_up_to bigint, p_now timestamptz) returns void
language sql
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Kinds for which a fill is too old are left out. Must be called under the lock of candle_counts.
  insert into candles as c (
    exchange_id, shift_id, candle_seconds, starts_at, last_sequence, last_price_paise, highest_price_paise, lowest_price_paise, volume_shares)
  select p_exchange_id, t.shift_id, k.candle_seconds, date_bin(make_interval(secs => k.candle_seconds), t.executed_at, 'epoch'),
    max(t.sequence), (max(array[t.sequence, t.price_after_paise]))[2], max(t.price_after_paise), min(t.price_after_paise), sum(abs(t.shares))
  from transactions t, candle_kinds() k
  where t.exchange_id = p_exchange_id and t.sequence > p_after and t.sequence <= p_up_to
    and (k.kept is null or t.executed_at >= p_now - k.kept)
  group by 2, 3, 4
  on conflict (exchange_id, shift_id, candle_seconds, starts_at) do update
  set last_sequence = excluded.last_sequence, last_price_paise = excluded.last_price_paise,
    highest_price_paise = greatest(c.highest_price_paise, excluded.highest_price_paise),
    lowest_price_paise = least(c.lowest_price_paise, excluded.lowest_price_paise),
    volume_shares = c.volume_shares + excluded.volume_shares
$$;
comment on function add_candles(bigint, bigint, bigint, timestamptz) is 'Add the fills between two sequences, the first of which is counted already, to the candles of an exchange.';

create or replace function purge_candles(p_exchange_id bigint, p_now timestamptz, p_limit integer) returns void
language sql
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
  delete from candles
  where (exchange_id, shift_id, candle_seconds, starts_at) in (
    select p_exchange_id, m.shift_id, k.candle_seconds, c.starts_at
    from markets m, candle_kinds() k,
      lateral (
        select c.starts_at from candles c
        where c.exchange_id = p_exchange_id and c.shift_id = m.shift_id and c.candle_seconds = k.candle_seconds
          and c.starts_at < p_now - k.kept
        limit p_limit) c
    where m.exchange_id = p_exchange_id
    limit p_limit)
$$;
comment on function purge_candles(bigint, timestamptz, integer) is 'Forget candles that are kept no longer; what is beyond the limit has no effect on anything and is forgotten the next time.';

create or replace function count_candles(p_exchange_id bigint, p_limit integer) returns boolean
language plpgsql security definer
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Counts the fills that have come since the last time, at most p_limit (100,000); whether there are more.
-- Where another process is counting, it passes by. Locks: the exchange's row of candle_counts, which it
-- makes where there is none; only that waits for another who does so.
declare
  v_limit integer := least(greatest(p_limit, 1), 100000);
  v_after bigint;
  v_exchange exchanges;
  v_up_to bigint;
  v_up_to_at timestamptz;
  v_fills integer;
begin
  if not exists (select from candle_counts where exchange_id = p_exchange_id) then
    insert into candle_counts (exchange_id) values (p_exchange_id) on conflict do nothing;
  end if;
  select c.counted_sequence into v_after from candle_counts c where c.exchange_id = p_exchange_id for update skip locked;
  if not found then
    return false;
  end if;
  -- Its clock, which no fill is ahead of, tells what is old. Read before the fills, so that all fills up to its sequence are seen.
  select e.* into v_exchange from exchanges e where e.exchange_id = p_exchange_id;
  select max(t.sequence), max(t.executed_at), count(*) into v_up_to, v_up_to_at, v_fills
  from (
    select t.sequence, t.executed_at from transactions t
    where t.exchange_id = p_exchange_id and t.sequence > v_after
    order by t.sequence limit v_limit) t;
  if v_fills > 0 then
    perform add_candles(p_exchange_id, v_after, v_up_to, v_exchange.updated_at);
  end if;
  -- What is no fill grows the sequence too: with all fills counted, so is that.
  update candle_counts
  set counted_sequence = greatest(v_after, v_up_to, case when v_fills < v_limit then v_exchange.sequence end),
    counted_at = greatest(counted_at, v_up_to_at)
  where exchange_id = p_exchange_id;
  perform purge_candles(p_exchange_id, v_exchange.updated_at, v_limit);
  return v_fills = v_limit;
end
$$;
comment on function count_candles(bigint, integer) is 'Count the fills that an exchange''s candles do not have yet; whether there are more.';
alter function count_candles(bigint, integer) owner to exchange_writer;
grant execute on function count_candles(bigint, integer) to service_role;

create or replace function list_uncounted_exchanges() returns setof bigint
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select e.exchange_id from exchanges e left join candle_counts c on c.exchange_id = e.exchange_id
  where e.sequence > coalesce(c.counted_sequence, 0)
  order by c.counted_at nulls first
$$;
comment on function list_uncounted_exchanges() is 'The exchanges in which something has happened since their candles were counted, those first that are counted the least far.';
alter function list_uncounted_exchanges() owner to exchange_writer;
grant execute on function list_uncounted_exchanges() to service_role;

create or replace function forget_candles(p_exchange_id bigint, p_since timestamptz) returns void
language plpgsql
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- For whoever changes the ledger of the past, before or after it does so: the candles of the day of that
-- time, and of all days since, are forgotten, and their fills are counted anew, in short steps as any
-- others; until then they are read from the ledger. Null: nothing was changed. Locks, after the exchange:
-- its row of candle_counts, so that it waits for a count in hand, and none begins before the commit.
declare
  v_from timestamptz := date_bin(interval '1 day', p_since, 'epoch');
begin
  if v_from is null then
    return;
  end if;
  -- A count in hand may be the first one, whose row nobody else sees yet; this waits for that too.
  insert into candle_counts (exchange_id) values (p_exchange_id) on conflict do nothing;
  perform from candle_counts where exchange_id = p_exchange_id for update;
  delete from candles c using markets m, candle_kinds() k
  where m.exchange_id = p_exchange_id and c.exchange_id = p_exchange_id and c.shift_id = m.shift_id
    and c.candle_seconds = k.candle_seconds and c.starts_at >= v_from;
  update candle_counts
  set counted_sequence = least(counted_sequence, sequence_before(p_exchange_id, v_from)), counted_at = least(counted_at, v_from)
  where exchange_id = p_exchange_id;
end
$$;
comment on function forget_candles(bigint, timestamptz) is 'Have the fills of an exchange since a time counted anew.';

create or replace function audit_candles(p_exchange_id bigint) returns setof text
language sql stable
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
-- Those that are kept for good, beside the fills that are counted.
  select format('Market %s: its candles have %s shares traded, the ledger %s.', m.code, coalesce(c.shares, 0), coalesce(t.shares, 0))
  from markets m
  left join (
    select c.shift_id, sum(c.volume_shares) as shares from candles c
    where c.exchange_id = p_exchange_id and c.candle_seconds = (select k.candle_seconds from candle_kinds() k where k.kept is null)
    group by c.shift_id) c using (shift_id)
  left join (
    select t.shift_id, sum(abs(t.shares)) as shares from transactions t
    where t.exchange_id = p_exchange_id
      and t.sequence <= (select n.counted_sequence from candle_counts n where n.exchange_id = p_exchange_id)
    group by t.shift_id) t using (shift_id)
  where m.exchange_id = p_exchange_id and coalesce(c.shares, 0) <> coalesce(t.shares, 0)
$$;
comment on function audit_candles(bigint) is 'In which markets fills were not counted once, as sentences.';

create or replace function list_candles(
  p_exchange_id bigint, p_shift_id integer, p_from timestamptz, p_candle_seconds integer
) returns setof candles
language sql stable
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Those that are counted, and more of them, which may begin at the same times, of the fills that are not.
-- p_from is a bound of such candles. Each fill that is not counted costs half a microsecond, so sorts and numeric
-- arithmetic are kept for the candles; the last price of each is looked up by its sequence.
  select c.* from candles c
  where c.exchange_id = p_exchange_id and c.shift_id = p_shift_id and c.candle_seconds = p_candle_seconds and c.starts_at >= p_from
  union all
  select p_exchange_id, p_shift_id, p_candle_seconds, f.starts_at, f.last_sequence, t.price_after_paise,
    f.highest_price_paise, f.lowest_price_paise, f.volume_shares
  from (
    select date_bin(make_interval(secs => p_candle_seconds), t.executed_at, 'epoch') as starts_at, max(t.sequence) as last_sequence,
      max(t.price_after_paise) as highest_price_paise, min(t.price_after_paise) as lowest_price_paise,
      sum(abs(t.shares)::integer) as volume_shares
    from (
      select coalesce(max(c.counted_sequence), 0) as sequence, coalesce(max(c.counted_at), '-infinity') as at
      from candle_counts c where c.exchange_id = p_exchange_id) counted,
      transactions t
    where t.exchange_id = p_exchange_id and t.shift_id = p_shift_id and t.executed_at >= greatest(p_from, counted.at)
      and t.sequence > counted.sequence
    group by 1) f,
    lateral (
      select t.price_after_paise from transactions t
      where t.exchange_id = p_exchange_id and t.sequence = f.last_sequence limit 1) t
$$;
comment on function list_candles(bigint, integer, timestamptz, integer) is 'All fills of a market since a time, as candles of so many seconds; some may begin at the same time.';
