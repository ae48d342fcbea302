-- Charts and the live board's volumes are made of candles, which are counted beside the trades.

set local search_path = betjee, pg_temp;

create table candles (
  exchange_id bigint not null,
  shift_id integer not null,
  candle_seconds integer not null,
  starts_at timestamptz not null,
  last_sequence bigint not null,
  last_price_paise bigint not null,
  highest_price_paise bigint not null,
  lowest_price_paise bigint not null,
  volume_shares bigint not null,
  constraint candles_pkey primary key (exchange_id, shift_id, candle_seconds, starts_at),
  -- None to markets: it would lock the market's row, which a trade holds from its first step to its commit.
  constraint candles_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint candles_length_known check (candle_seconds in (1, 15, 360, 3600, 86400)),
  constraint candles_within check (last_price_paise between lowest_price_paise and highest_price_paise),
  constraint candles_traded check (volume_shares > 0)
) with (fillfactor = 70);
comment on table candles is 'The fills of a market within a second, 15 seconds, six minutes, an hour or a day, summed up: a convenience, and the ledger is the truth. How long each kind is kept is in candle_kinds().';
comment on column candles.last_sequence is 'The last fill in it, whose price is the last one.';

create table candle_counts (
  exchange_id bigint not null,
  counted_sequence bigint not null default 0,
  counted_at timestamptz not null default '-infinity',
  constraint candle_counts_pkey primary key (exchange_id),
  constraint candle_counts_exchange_fkey foreign key (exchange_id) references exchanges
) with (fillfactor = 50);
comment on table candle_counts is 'How far the ledger of each exchange is in its candles; whoever counts or forgets candles locks this row.';
comment on column candle_counts.counted_sequence is 'The fills up to this sequence are in the candles, and no others.';
comment on column candle_counts.counted_at is 'No fill after that sequence was executed earlier.';

alter table candles enable row level security, force row level security;
create policy owner_all on candles to exchange_owner using (true) with check (true);
create policy writer_all on candles to exchange_writer using (true) with check (true);
create policy eraser_all on candles to exchange_eraser using (true) with check (true);
create policy service_read on candles for select to service_role using (true);
grant select, insert, update, delete on candles to exchange_writer;
grant select, delete on candles to exchange_eraser;
grant select on candles to service_role;

alter table candle_counts enable row level security, force row level security;
create policy owner_all on candle_counts to exchange_owner using (true) with check (true);
create policy writer_all on candle_counts to exchange_writer using (true) with check (true);
create policy eraser_all on candle_counts to exchange_eraser using (true) with check (true);
create policy service_read on candle_counts for select to service_role using (true);
grant select, insert, update on candle_counts to exchange_writer;
grant select, insert, update on candle_counts to exchange_eraser;
grant select on candle_counts to service_role;

-- Boards had hours of their own.
drop table market_hours;
alter table live_boards drop column counted_sequence;
