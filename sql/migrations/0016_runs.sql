-- Leaderboards are made in short steps with rests between them, so that a run over many members does not slow trades.
--
-- What can be made anew is not logged: a crash empties these tables, and the next run fills them.

set local search_path = betjee, pg_temp;

alter table standings set unlogged;

create unlogged table leaderboard_runs (
  exchange_id bigint not null,
  begun_at timestamptz not null,
  steps integer not null,
  took_seconds numeric not null,
  constraint leaderboard_runs_pkey primary key (exchange_id),
  constraint leaderboard_runs_exchange_fkey foreign key (exchange_id) references exchanges
) with (fillfactor = 50);
comment on table leaderboard_runs is 'The run by which the leaderboards of an exchange are being made, or were made last. None after a crash, and after a wipe during one: the next begins anew.';
comment on column leaderboard_runs.steps is 'How many of its steps it has taken.';
comment on column leaderboard_runs.took_seconds is 'How long these took together, without the rests.';

create unlogged table leaderboard_figures (
  exchange_id bigint not null,
  block bigint not null,
  user_ids bigint[] not null,
  net_worths_paise bigint[] not null,
  gains_day_bps bigint[] not null,
  gains_week_bps bigint[] not null,
  gains_all_bps bigint[] not null,
  realised_day_paise bigint[] not null,
  realised_week_paise bigint[] not null,
  realised_all_paise bigint[] not null,
  constraint leaderboard_figures_pkey primary key (exchange_id, block),
  constraint leaderboard_figures_exchange_fkey foreign key (exchange_id) references exchanges
);
comment on table leaderboard_figures is 'What the members of a block are ranked by in the last run, in arrays of one order, as types of member_figures.';
alter table leaderboard_figures
  alter column user_ids set storage external,
  alter column net_worths_paise set storage external,
  alter column gains_day_bps set storage external,
  alter column gains_week_bps set storage external,
  alter column gains_all_bps set storage external,
  alter column realised_day_paise set storage external,
  alter column realised_week_paise set storage external,
  alter column realised_all_paise set storage external;

create unlogged table median_bounds (
  exchange_id bigint not null,
  taken_at timestamptz not null,
  block bigint not null,
  user_ids bigint[] not null,
  lows_paise bigint[] not null,
  highs_paise bigint[] not null,
  constraint median_bounds_pkey primary key (exchange_id, taken_at, block),
  constraint median_bounds_exchange_fkey foreign key (exchange_id) references exchanges
);
comment on table median_bounds is 'Between what values the median of the next snapshot lies: the two in the middle of the 23 snapshots that end with taken_at.';
alter table median_bounds
  alter column user_ids set storage external,
  alter column lows_paise set storage external,
  alter column highs_paise set storage external;

alter table leaderboard_runs enable row level security, force row level security;
alter table leaderboard_figures enable row level security, force row level security;
alter table median_bounds enable row level security, force row level security;

create policy owner_all on leaderboard_runs to exchange_owner using (true) with check (true);
create policy owner_all on leaderboard_figures to exchange_owner using (true) with check (true);
create policy owner_all on median_bounds to exchange_owner using (true) with check (true);

create policy writer_all on leaderboard_runs to exchange_writer using (true) with check (true);
create policy writer_all on leaderboard_figures to exchange_writer using (true) with check (true);
create policy writer_all on median_bounds to exchange_writer using (true) with check (true);

create policy eraser_all on leaderboard_runs to exchange_eraser using (true) with check (true);
create policy eraser_all on leaderboard_figures to exchange_eraser using (true) with check (true);
create policy eraser_all on median_bounds to exchange_eraser using (true) with check (true);

grant select, insert, update on leaderboard_runs to exchange_writer;
grant select, insert, delete on leaderboard_figures, median_bounds to exchange_writer;
grant select, delete on leaderboard_runs, leaderboard_figures, median_bounds to exchange_eraser;
