-- A run that values everyone and makes the leaderboards is made of short steps with rests between them,
-- so that trades hardly notice it. What it has found so far stands in tables, since each step is a
-- transaction of its own: any process may take the next one, and none is taken twice.
--
-- All of this is derived, so it is not written to the log of the server: after a crash of the server
-- these tables are empty, and the next run makes them anew.

set local search_path = betjee, pg_temp;

alter table leaderboards
  add column shown_run bigint not null default 0,
  add column shown_rows integer not null default 0,
  add column run_begun_at timestamptz,
  add column run_step integer not null default 0,
  add column run_sequence bigint not null default 0,
  add column run_blocks integer not null default 0,
  add column run_seconds numeric not null default 0,
  add column prepared_at timestamptz;
comment on column leaderboards.took_seconds is 'How long the steps of the last run took together, without the rests between them.';
comment on column leaderboards.shown_run is 'Which run the standings are of that are shown.';
comment on column leaderboards.shown_rows is 'How many rows of standings that run has written: fewer are there after a crash of the server, and then a run is due.';
comment on column leaderboards.run_begun_at is 'When the run that is under way valued the members; null: none is.';
comment on column leaderboards.run_step is 'Which step that run takes next, see take_step().';
comment on column leaderboards.run_sequence is 'Up to where that run has searched the ledger for best trades.';
comment on column leaderboards.run_blocks is 'How many blocks of members that run has valued.';
comment on column leaderboards.run_seconds is 'How long the steps of that run have taken so far.';
comment on column leaderboards.prepared_at is 'The newest snapshot that the bounds of medians are prepared with.';

create unlogged table valuations (
  exchange_id bigint not null,
  block bigint not null,
  user_ids bigint[] not null,
  net_worths_paise bigint[] not null,
  granted_paise bigint[] not null,
  realised_paise bigint[] not null,
  constraint valuations_pkey primary key (exchange_id, block),
  constraint valuations_exchange_fkey foreign key (exchange_id) references exchanges
);
comment on table valuations is 'What all members were worth at the moment of the last run, in the blocks of net_worths.';

create unlogged table ranked_members (
  exchange_id bigint not null,
  block bigint not null,
  user_ids bigint[] not null,
  are_active boolean[] not null,
  medians_paise bigint[] not null,
  gains_day_bps bigint[] not null,
  gains_week_bps bigint[] not null,
  gains_all_bps bigint[] not null,
  realised_day_paise bigint[] not null,
  realised_week_paise bigint[] not null,
  realised_all_paise bigint[] not null,
  constraint ranked_members_pkey primary key (exchange_id, block),
  constraint ranked_members_exchange_fkey foreign key (exchange_id) references exchanges
);
comment on table ranked_members is 'What each member is ranked by in the run under way: the median net worth, its gain and the profit realised over each period; emptied at its end.';

create unlogged table median_bounds (
  exchange_id bigint not null,
  block bigint not null,
  newest timestamptz not null,
  hours timestamptz[] not null,
  user_ids bigint[] not null,
  lows_paise bigint[] not null,
  early_lows_paise bigint[] not null,
  highs_paise bigint[] not null,
  early_highs_paise bigint[] not null,
  constraint median_bounds_pkey primary key (exchange_id, block, newest),
  constraint median_bounds_exchange_fkey foreign key (exchange_id) references exchanges
);
comment on table median_bounds is 'Between what the median of each member of a block lies, whatever they are worth now, given some snapshots.';
comment on column median_bounds.hours is 'The snapshots, the newest first.';
comment on column median_bounds.lows_paise is 'Of what they were worth in those, in order, the one a place before the middle.';
comment on column median_bounds.early_lows_paise is 'The one as many places before that as there are snapshots without them.';
comment on column median_bounds.highs_paise is 'The one in the middle.';
comment on column median_bounds.early_highs_paise is 'The one as many places before that as there are snapshots without them.';

alter table standings add column run bigint not null default 0;
alter table standings drop constraint standings_pkey;
alter table standings add constraint standings_pkey primary key (exchange_id, run, board, period, chunk);
comment on column standings.run is 'The run that has made it: what leaderboards.shown_run says is shown, the next is being made.';
alter table standings set unlogged;
update leaderboards l set shown_rows = (select count(*) from standings s where s.exchange_id = l.exchange_id);

-- They live for some seconds: to compress them would cost more than it saves.
alter table valuations
  alter column user_ids set storage external,
  alter column net_worths_paise set storage external,
  alter column granted_paise set storage external,
  alter column realised_paise set storage external;
alter table ranked_members
  alter column user_ids set storage external,
  alter column are_active set storage external,
  alter column medians_paise set storage external,
  alter column gains_day_bps set storage external,
  alter column gains_week_bps set storage external,
  alter column gains_all_bps set storage external,
  alter column realised_day_paise set storage external,
  alter column realised_week_paise set storage external,
  alter column realised_all_paise set storage external;
alter table median_bounds
  alter column user_ids set storage external,
  alter column lows_paise set storage external,
  alter column early_lows_paise set storage external,
  alter column highs_paise set storage external,
  alter column early_highs_paise set storage external;

drop type member_figures;

alter table valuations enable row level security, force row level security;
alter table ranked_members enable row level security, force row level security;
alter table median_bounds enable row level security, force row level security;

create policy owner_all on valuations to exchange_owner using (true) with check (true);
create policy owner_all on ranked_members to exchange_owner using (true) with check (true);
create policy owner_all on median_bounds to exchange_owner using (true) with check (true);
create policy writer_all on valuations to exchange_writer using (true) with check (true);
create policy writer_all on ranked_members to exchange_writer using (true) with check (true);
create policy writer_all on median_bounds to exchange_writer using (true) with check (true);
create policy eraser_all on valuations to exchange_eraser using (true) with check (true);
create policy eraser_all on ranked_members to exchange_eraser using (true) with check (true);
create policy eraser_all on median_bounds to exchange_eraser using (true) with check (true);
create policy eraser_all on leaderboards to exchange_eraser using (true) with check (true);

grant select, insert, delete on valuations, ranked_members to exchange_writer;
grant select, insert, update, delete on median_bounds to exchange_writer;
grant select, delete on valuations, ranked_members, median_bounds to exchange_eraser;
-- To wait for the step of a run that is in hand, it must be allowed to lock that row.
grant select, update on leaderboards to exchange_eraser;
