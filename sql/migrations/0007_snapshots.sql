-- Net worth over time, the leaderboards made of it, and their daily post.
--
-- A hundred thousand members are valued each hour. A row for each of them and each hour would be 12 MB
-- an hour with its index, most of it overhead; so a row has the figures of up to a thousand neighbours,
-- in arrays of one order. Members are named in them by number, without a foreign key: one would lock
-- every member's row, and trades would wait. forget_standings() takes a wiped member out.

set local search_path = betjee, pg_temp;

-- The ledger says what a fill that closes has realised

alter table transactions add column realised_paise bigint;
comment on column transactions.realised_paise is 'The profit before tax that a fill which closes has realised, by apply_fill(), and 0 for one that opens; null in rows older than this column.';

-- Net worth, hour by hour

create table snapshots (
  exchange_id bigint not null,
  taken_at timestamptz not null,
  constraint snapshots_pkey primary key (exchange_id, taken_at),
  constraint snapshots_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint snapshots_are_hourly check (date_trunc('hour', taken_at, 'UTC') = taken_at)
);
comment on table snapshots is 'The hours in which the members of an exchange were valued: every one for 8 days, then the first of each day for 400.';

create table net_worths (
  exchange_id bigint not null,
  block bigint not null,
  taken_at timestamptz not null,
  user_ids bigint[] not null,
  net_worths_paise bigint[] not null,
  medians_paise bigint[] not null,
  realised_paise bigint[] not null,
  constraint net_worths_pkey primary key (exchange_id, block, taken_at),
  constraint net_worths_snapshot_fkey foreign key (exchange_id, taken_at) references snapshots,
  constraint net_worths_as_long check (
    cardinality(user_ids) = cardinality(net_worths_paise) and cardinality(user_ids) = cardinality(medians_paise)
    and cardinality(user_ids) = cardinality(realised_paise))
);
comment on table net_worths is 'What the members of a block (their number divided by 1,000) were worth in a snapshot, in the order of their numbers.';
comment on column net_worths.net_worths_paise is 'Cash and what closing every position would have brought, after tax.';
comment on column net_worths.medians_paise is 'What the leaderboard ranks by: the median of the last 24 snapshots, this one included.';
comment on column net_worths.realised_paise is 'All the profit, before tax, that had been realised until then.';

-- Leaderboards, as they were made last

create table leaderboards (
  exchange_id bigint not null,
  refreshed_at timestamptz,
  took_seconds numeric not null default 0,
  counted_sequence bigint not null default 0,
  constraint leaderboards_pkey primary key (exchange_id),
  constraint leaderboards_exchange_fkey foreign key (exchange_id) references exchanges
) with (fillfactor = 50);
comment on table leaderboards is 'When the standings of an exchange were made last, and how long that took.';
comment on column leaderboards.counted_sequence is 'The ledger up to there has been searched for best trades.';

create table standings (
  exchange_id bigint not null,
  board text not null,
  period text not null,
  chunk integer not null,
  user_ids bigint[] not null,
  ranks integer[] not null,
  amounts_paise bigint[] not null,
  gains_bps bigint[] not null,
  sequences bigint[] not null,
  constraint standings_pkey primary key (exchange_id, board, period, chunk),
  constraint standings_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint standings_board_known check (board in ('net_worth', 'realised', 'gain', 'best_trade')),
  constraint standings_period_known check (period in ('day', 'week', 'all')),
  constraint standings_as_long check (
    cardinality(user_ids) = cardinality(ranks) and cardinality(user_ids) = cardinality(amounts_paise)
    and cardinality(user_ids) = cardinality(gains_bps) and cardinality(user_ids) = cardinality(sequences))
);
comment on table standings is 'Every leaderboard in its order, a thousand places a row, so that a page is one row and the own rank is a search in a hundred.';
-- Written anew again and again and read a page at a time: to compress them would cost more than it saves.
alter table standings
  alter column user_ids set storage external,
  alter column ranks set storage external,
  alter column amounts_paise set storage external,
  alter column gains_bps set storage external;
comment on column standings.sequences is 'For best_trade, which fill it was; else nulls.';

create table best_trades (
  exchange_id bigint not null,
  user_id bigint not null,
  hour timestamptz not null,
  sequence bigint not null,
  realised_paise bigint not null,
  constraint best_trades_pkey primary key (exchange_id, user_id, hour),
  constraint best_trades_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint best_trades_won check (realised_paise > 0)
);
comment on table best_trades is 'The most profitable fill of a member in an hour, for those who were among the best 200 of that hour: of these the best 200 of any period are made. Kept for 8 days; the best of each member for good.';
create index best_trades_by_hour on best_trades (exchange_id, hour);

create table leaderboard_posts (
  exchange_id bigint not null,
  day date not null,
  due_at timestamptz not null,
  posted_at timestamptz not null,
  user_ids bigint[] not null,
  constraint leaderboard_posts_pkey primary key (exchange_id, day),
  constraint leaderboard_posts_exchange_fkey foreign key (exchange_id) references exchanges
);
comment on table leaderboard_posts is 'The days, by an exchange''s own clock, whose leaderboard was put into the outbox, and who stood on it, the first first.';

-- What passes between the functions

create type member_figures as (
  user_id bigint,
  net_worth_paise bigint,
  gain_day_bps bigint,
  gain_week_bps bigint,
  gain_all_bps bigint,
  realised_day_paise bigint,
  realised_week_paise bigint,
  realised_all_paise bigint
);
comment on type member_figures is 'What a member is ranked by: the median net worth, its gain and the profit realised over each period.';

-- Who may do what

alter table snapshots enable row level security, force row level security;
alter table net_worths enable row level security, force row level security;
alter table leaderboards enable row level security, force row level security;
alter table standings enable row level security, force row level security;
alter table best_trades enable row level security, force row level security;
alter table leaderboard_posts enable row level security, force row level security;

create policy owner_all on snapshots to exchange_owner using (true) with check (true);
create policy owner_all on net_worths to exchange_owner using (true) with check (true);
create policy owner_all on leaderboards to exchange_owner using (true) with check (true);
create policy owner_all on standings to exchange_owner using (true) with check (true);
create policy owner_all on best_trades to exchange_owner using (true) with check (true);
create policy owner_all on leaderboard_posts to exchange_owner using (true) with check (true);

create policy writer_all on snapshots to exchange_writer using (true) with check (true);
create policy writer_all on net_worths to exchange_writer using (true) with check (true);
create policy writer_all on leaderboards to exchange_writer using (true) with check (true);
create policy writer_all on standings to exchange_writer using (true) with check (true);
create policy writer_all on best_trades to exchange_writer using (true) with check (true);
create policy writer_all on leaderboard_posts to exchange_writer using (true) with check (true);

create policy eraser_all on net_worths to exchange_eraser using (true) with check (true);
create policy eraser_all on standings to exchange_eraser using (true) with check (true);
create policy eraser_all on best_trades to exchange_eraser using (true) with check (true);
create policy eraser_all on leaderboard_posts to exchange_eraser using (true) with check (true);

create policy service_read on snapshots for select to service_role using (true);
create policy service_read on net_worths for select to service_role using (true);
create policy service_read on leaderboards for select to service_role using (true);
create policy service_read on standings for select to service_role using (true);
create policy service_read on best_trades for select to service_role using (true);
create policy service_read on leaderboard_posts for select to service_role using (true);

grant select, insert, delete on snapshots, net_worths, standings to exchange_writer;
grant select, insert on leaderboard_posts to exchange_writer;
grant select, insert, update on leaderboards to exchange_writer;
grant select, insert, update, delete on best_trades to exchange_writer;
grant select, update on net_worths, standings, leaderboard_posts to exchange_eraser;
grant select, delete on best_trades to exchange_eraser;
grant select on snapshots, net_worths, leaderboards, standings, best_trades, leaderboard_posts to service_role;

-- When the leaderboard is posted

alter type exchange_settings
  add attribute leaderboard_post_at text,
  add attribute utc_offset text;
update exchanges set settings = '{"leaderboard_post_at": "off", "utc_offset": "+05:30"}' || settings;
