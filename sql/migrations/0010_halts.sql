-- When markets were halted: what the chart of a price shows beside it.

set local search_path = betjee, pg_temp;

create table halts (
  exchange_id bigint not null,
  sequence bigint not null,
  shift_id integer not null,
  halted_at timestamptz not null,
  ends_at timestamptz,
  constraint halts_pkey primary key (exchange_id, sequence),
  constraint halts_market_fkey foreign key (exchange_id, shift_id) references markets,
  constraint halts_end_after_they_begin check (ends_at >= halted_at)
);
comment on table halts is 'The halts of each market, numbered by the exchange''s sequence.';
comment on column halts.ends_at is 'When trading could go on, or will; null until a moderator ends a halt without a time.';
create index halts_by_market on halts (exchange_id, shift_id, halted_at desc);

alter table halts enable row level security, force row level security;
create policy owner_all on halts to exchange_owner using (true) with check (true);
create policy writer_all on halts to exchange_writer using (true) with check (true);
create policy service_read on halts for select to service_role using (true);
grant select, insert, update on halts to exchange_writer;
grant select on halts to service_role;
