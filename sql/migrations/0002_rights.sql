-- Who may do what. Every table has row-level security enabled and forced, and a policy for each role
-- that may touch it; the verbs are granted below, so a policy that is missing closes a table and a
-- policy alone opens nothing.
--
-- Repeating `create policy` for each table is wordy on purpose: a reader sees each right where it is
-- given, and a test compares this list with the catalogue.

set local search_path = betjee, pg_temp;

-- Row-level security, for the owner too

alter table exchanges enable row level security, force row level security;
alter table communities enable row level security, force row level security;
alter table users enable row level security, force row level security;
alter table accounts enable row level security, force row level security;
alter table moderators enable row level security, force row level security;
alter table markets enable row level security, force row level security;
alter table positions enable row level security, force row level security;
alter table transactions enable row level security, force row level security;
alter table grants enable row level security, force row level security;
alter table burns enable row level security, force row level security;
alter table requests enable row level security, force row level security;
alter table moderation_log enable row level security, force row level security;
alter table reports enable row level security, force row level security;

-- The owner migrates and repairs

create policy owner_all on exchanges to exchange_owner using (true) with check (true);
create policy owner_all on communities to exchange_owner using (true) with check (true);
create policy owner_all on users to exchange_owner using (true) with check (true);
create policy owner_all on accounts to exchange_owner using (true) with check (true);
create policy owner_all on moderators to exchange_owner using (true) with check (true);
create policy owner_all on markets to exchange_owner using (true) with check (true);
create policy owner_all on positions to exchange_owner using (true) with check (true);
create policy owner_all on transactions to exchange_owner using (true) with check (true);
create policy owner_all on grants to exchange_owner using (true) with check (true);
create policy owner_all on burns to exchange_owner using (true) with check (true);
create policy owner_all on requests to exchange_owner using (true) with check (true);
create policy owner_all on moderation_log to exchange_owner using (true) with check (true);
create policy owner_all on reports to exchange_owner using (true) with check (true);

-- The writer's functions: the ledger, grants, burns and the moderation log are only ever added to

grant select, insert, update on exchanges, users, markets, positions to exchange_writer;
grant select, insert on communities, accounts, transactions, grants, burns, moderation_log, reports to exchange_writer;
grant select, insert, delete on moderators, requests to exchange_writer;

create policy writer_all on exchanges to exchange_writer using (true) with check (true);
create policy writer_all on communities to exchange_writer using (true) with check (true);
create policy writer_all on users to exchange_writer using (true) with check (true);
create policy writer_all on accounts to exchange_writer using (true) with check (true);
create policy writer_all on moderators to exchange_writer using (true) with check (true);
create policy writer_all on markets to exchange_writer using (true) with check (true);
create policy writer_all on positions to exchange_writer using (true) with check (true);
create policy writer_all on transactions to exchange_writer using (true) with check (true);
create policy writer_all on grants to exchange_writer using (true) with check (true);
create policy writer_all on burns to exchange_writer using (true) with check (true);
create policy writer_all on requests to exchange_writer using (true) with check (true);
create policy writer_all on moderation_log to exchange_writer using (true) with check (true);
create policy writer_all on reports to exchange_writer using (true) with check (true);

-- The eraser's one function, the wipe

grant select, update on exchanges, markets to exchange_eraser;
grant select, delete on users, accounts, moderators, positions, transactions, grants, reports to exchange_eraser;
grant select, insert on burns, moderation_log to exchange_eraser;

create policy eraser_all on exchanges to exchange_eraser using (true) with check (true);
create policy eraser_all on users to exchange_eraser using (true) with check (true);
create policy eraser_all on accounts to exchange_eraser using (true) with check (true);
create policy eraser_all on moderators to exchange_eraser using (true) with check (true);
create policy eraser_all on markets to exchange_eraser using (true) with check (true);
create policy eraser_all on positions to exchange_eraser using (true) with check (true);
create policy eraser_all on transactions to exchange_eraser using (true) with check (true);
create policy eraser_all on grants to exchange_eraser using (true) with check (true);
create policy eraser_all on burns to exchange_eraser using (true) with check (true);
create policy eraser_all on moderation_log to exchange_eraser using (true) with check (true);
create policy eraser_all on reports to exchange_eraser using (true) with check (true);

-- The application reads, and writes through functions alone

grant select on all tables in schema betjee to service_role;

create policy service_read on exchanges for select to service_role using (true);
create policy service_read on communities for select to service_role using (true);
create policy service_read on users for select to service_role using (true);
create policy service_read on accounts for select to service_role using (true);
create policy service_read on moderators for select to service_role using (true);
create policy service_read on markets for select to service_role using (true);
create policy service_read on positions for select to service_role using (true);
create policy service_read on transactions for select to service_role using (true);
create policy service_read on grants for select to service_role using (true);
create policy service_read on burns for select to service_role using (true);
create policy service_read on requests for select to service_role using (true);
create policy service_read on moderation_log for select to service_role using (true);
create policy service_read on reports for select to service_role using (true);

-- The public sees exchanges that turned their page on: markets, and a tape that names no one

grant select (exchange_id, name, sequence) on exchanges to anon;
grant select on markets to anon;
grant select (exchange_id, sequence, shift_id, shares, price_paise, price_after_paise, executed_at) on transactions to anon;

create policy public_read on exchanges for select to anon
  using (coalesce((settings ->> 'public_page')::boolean, false));
create policy public_read on markets for select to anon
  using (exists (select from exchanges e where e.exchange_id = markets.exchange_id));
create policy public_read on transactions for select to anon
  using (exists (select from exchanges e where e.exchange_id = transactions.exchange_id));
