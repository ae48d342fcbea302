-- The live board of an exchange, the volume that is counted for it, and when each exchange was audited.

set local search_path = betjee, pg_temp;

create table live_boards (
  exchange_id bigint not null,
  board_id bigint not null,
  provider text not null,
  channel_id text not null,
  message_id text,
  is_pinned boolean not null default false,
  dedupe_key text not null generated always as ('b' || board_id::text) stored,
  content_hash text,
  shown_at timestamptz,
  looked_sequence bigint not null default -1,
  looked_at timestamptz,
  next_look_at timestamptz not null,
  counted_sequence bigint not null,
  holder text,
  claimed_at timestamptz,
  leased_until timestamptz,
  constraint live_boards_pkey primary key (exchange_id),
  constraint live_boards_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint live_boards_bounded check (
    char_length(provider) <= 20 and char_length(channel_id) between 1 and 64 and char_length(message_id) between 1 and 64
    and char_length(content_hash) <= 64),
  constraint live_boards_lease_whole check (num_nulls(holder, leased_until) in (0, 2)),
  constraint live_boards_holder_bounded check (char_length(holder) between 1 and 64)
) with (fillfactor = 50);
comment on table live_boards is 'The one message of each exchange that shows its markets and is kept up to date: where it is, what it showed last, and which process keeps it at the moment.';
comment on column live_boards.board_id is 'The id of the request that put the board, so that what concerns an earlier one is told apart.';
comment on column live_boards.message_id is 'Null until the message has been posted.';
comment on column live_boards.dedupe_key is 'The same for each attempt at posting the message, so that the receiver can tell a repetition.';
comment on column live_boards.looked_sequence is 'The exchange''s sequence at the last look: where it has not grown, hardly anything can have changed.';
comment on column live_boards.counted_sequence is 'The fills up to this sequence are in market_hours.';
create index live_boards_by_look on live_boards (next_look_at);
create index live_boards_by_claim on live_boards (claimed_at);

create table market_hours (
  exchange_id bigint not null,
  shift_id integer not null,
  hour timestamptz not null,
  shares bigint not null,
  gross_paise bigint not null,
  constraint market_hours_pkey primary key (exchange_id, shift_id, hour),
  constraint market_hours_market_fkey foreign key (exchange_id, shift_id) references markets,
  constraint market_hours_counts check (shares >= 0 and gross_paise >= 0)
) with (fillfactor = 70);
comment on table market_hours is 'What was traded in each market within each hour of the last day or so, for exchanges that show a live board. Each fill is read for it once; it is a convenience, and the ledger is the truth.';

create table audits (
  exchange_id bigint not null,
  audited_at timestamptz not null,
  discrepancies bigint not null,
  clean_at timestamptz,
  constraint audits_pkey primary key (exchange_id),
  constraint audits_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint audits_count check (discrepancies >= 0)
);
comment on table audits is 'When each exchange was audited last, how many discrepancies that found, and when an audit last found none.';

alter table live_boards enable row level security, force row level security;
create policy owner_all on live_boards to exchange_owner using (true) with check (true);
create policy writer_all on live_boards to exchange_writer using (true) with check (true);
create policy service_read on live_boards for select to service_role using (true);
grant select, insert, update, delete on live_boards to exchange_writer;
grant select on live_boards to service_role;

alter table market_hours enable row level security, force row level security;
create policy owner_all on market_hours to exchange_owner using (true) with check (true);
create policy writer_all on market_hours to exchange_writer using (true) with check (true);
create policy service_read on market_hours for select to service_role using (true);
grant select, insert, update, delete on market_hours to exchange_writer;
grant select on market_hours to service_role;

alter table audits enable row level security, force row level security;
create policy owner_all on audits to exchange_owner using (true) with check (true);
create policy writer_all on audits to exchange_writer using (true) with check (true);
create policy service_read on audits for select to service_role using (true);
grant select, insert, update on audits to exchange_writer;
grant select on audits to service_role;
