-- What moderators do to members: freezes, bans and wipes; and what outlives a member's rows.

set local search_path = betjee, pg_temp;

-- A freeze holds a member still until somebody decides. A banned identity stays banned without its
-- rows: it is known by a hash that is made, with a key, outside the database.

create table freezes (
  exchange_id bigint not null,
  user_id bigint not null,
  moderator_user_id bigint not null,
  reason text not null,
  frozen_at timestamptz not null,
  constraint freezes_pkey primary key (exchange_id, user_id),
  constraint freezes_user_fkey foreign key (exchange_id, user_id) references users,
  constraint freezes_reason_bounded check (char_length(reason) between 1 and 300)
);
comment on table freezes is 'Who is frozen by a moderator, and why. Whoever awaits a wipe is frozen too, without a row here.';

create table bans (
  exchange_id bigint not null,
  ban_id bigint not null,
  subject text not null,
  subject_hash bytea not null,
  user_id bigint,
  wipe_id bigint,
  moderator_user_id bigint not null,
  reason text not null,
  banned_at timestamptz not null,
  banned_until timestamptz,
  ended_at timestamptz,
  appeal text,
  appealed_at timestamptz,
  constraint bans_pkey primary key (exchange_id, ban_id),
  constraint bans_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint bans_subject_known check (subject in ('identity', 'network')),
  constraint bans_hash_sized check (octet_length(subject_hash) = 32),
  constraint bans_networks_are_nobody check (subject = 'identity' or num_nonnulls(user_id, wipe_id, appeal) = 0),
  constraint bans_reason_bounded check (char_length(reason) between 1 and 300),
  constraint bans_appeal_bounded check (char_length(appeal) between 1 and 1000),
  constraint bans_appeal_is_dated check (num_nulls(appeal, appealed_at) in (0, 2))
);
comment on table bans is 'Bans of identities and, from signing up, of networks, by keyed hashes and numbered by the exchange''s sequence. They name a user by number, without a foreign key, so that they outlive the user''s rows.';
comment on column bans.banned_until is 'When the ban ends by itself; null: when a moderator ends it.';
create unique index bans_in_force on bans (exchange_id, subject, subject_hash) where ended_at is null;
create index bans_by_user on bans (exchange_id, user_id) where ended_at is null;
create index bans_by_end on bans (exchange_id, banned_until) where ended_at is null and banned_until is not null;

-- Wipes

create table wipes (
  exchange_id bigint not null,
  wipe_id bigint not null,
  mode text not null,
  reason text not null,
  status text not null,
  needs_second boolean not null,
  planned_by bigint not null,
  planned_at timestamptz not null,
  due_at timestamptz not null,
  seconded_by bigint,
  seconded_at timestamptz,
  ended_by bigint,
  ended_at timestamptz,
  failure text,
  request_id bigint not null,
  constraint wipes_pkey primary key (exchange_id, wipe_id),
  constraint wipes_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint wipes_mode_known check (mode in ('burn', 'unwind')),
  constraint wipes_status_known check (status in ('awaiting_second', 'planned', 'undone', 'executed', 'failed')),
  constraint wipes_reason_bounded check (char_length(reason) between 1 and 300),
  constraint wipes_second_is_dated check (num_nulls(seconded_by, seconded_at) in (0, 2)),
  constraint wipes_second_is_another check (seconded_by <> planned_by),
  constraint wipes_second_is_given check (not needs_second or status in ('awaiting_second', 'undone') or seconded_by is not null),
  constraint wipes_end_is_dated check ((status in ('undone', 'executed')) = (ended_at is not null)),
  constraint wipes_failure_is_told check (status <> 'failed' or failure is not null)
);
comment on table wipes is 'Wipes, numbered by the exchange''s sequence: planned by a moderator, executed when they are due unless they were undone. One that failed changed nothing and can only be undone. They name moderators by number, without a foreign key.';
comment on column wipes.needs_second is 'Whether the wipe is so large that another moderator must second it before it is due.';
create index wipes_by_due on wipes (exchange_id, due_at) where status = 'planned';

create table wipe_members (
  exchange_id bigint not null,
  wipe_id bigint not null,
  user_id bigint not null,
  identity_hash bytea not null,
  constraint wipe_members_pkey primary key (exchange_id, wipe_id, user_id),
  constraint wipe_members_wipe_fkey foreign key (exchange_id, wipe_id) references wipes,
  constraint wipe_members_hash_sized check (octet_length(identity_hash) = 32)
);
comment on table wipe_members is 'Whom a wipe is for, by number and by the keyed hash under which they stay banned.';
create index wipe_members_by_user on wipe_members (exchange_id, user_id);

-- Burns tell how a market was left, and whose cash was burned where a ledger remains

alter table burns
  add column user_id bigint,
  add column price_after_paise bigint,
  add column reference_paise bigint,
  add constraint burns_of_markets_leave_a_price check ((shift_id is null) = (price_after_paise is null)),
  add constraint burns_of_markets_keep_a_reference check (shift_id is not null or reference_paise is null),
  add constraint burns_of_users_are_cash check (user_id is null or shift_id is null and granted_paise = 0);
comment on column burns.user_id is 'The user who deleted themselves: their ledger remains under their number. Null for the wiped, of whom nothing does.';
comment on column burns.price_after_paise is 'The price at which a wipe left the market. What was traded before it no longer counts for the band.';
comment on column burns.reference_paise is 'What the band was measured from at a wipe that left the price where it was; it still is until the band''s window has passed. Null where the wipe moved the price.';
create index burns_by_market on burns (exchange_id, shift_id, sequence desc) where shift_id is not null;
create index burns_by_user on burns (exchange_id, user_id) where user_id is not null;

-- A user who deleted themselves has no identity and no account any more

alter table users
  drop constraint users_status_known,
  add constraint users_status_known check (status in ('active', 'frozen', 'banned', 'deleted'));

-- Rows of users that are going to be deleted are found by an index

create index stop_losses_of_user on stop_losses (exchange_id, user_id);
create index price_alerts_of_user on price_alerts (exchange_id, user_id);

-- Rights

alter table freezes enable row level security, force row level security;
create policy owner_all on freezes to exchange_owner using (true) with check (true);
create policy writer_all on freezes to exchange_writer using (true) with check (true);
create policy eraser_all on freezes to exchange_eraser using (true) with check (true);
create policy service_read on freezes for select to service_role using (true);
grant select, insert, delete on freezes to exchange_writer;
grant select, delete on freezes to exchange_eraser;
grant select on freezes to service_role;

alter table bans enable row level security, force row level security;
create policy owner_all on bans to exchange_owner using (true) with check (true);
create policy writer_all on bans to exchange_writer using (true) with check (true);
create policy service_read on bans for select to service_role using (true);
grant select, insert, update on bans to exchange_writer;
grant select on bans to service_role;

-- Where somebody tried to sign up from goes with them.


alter table wipes enable row level security, force row level security;
create policy owner_all on wipes to exchange_owner using (true) with check (true);
create policy writer_all on wipes to exchange_writer using (true) with check (true);
create policy eraser_all on wipes to exchange_eraser using (true) with check (true);
create policy service_read on wipes for select to service_role using (true);
grant select, insert, update on wipes to exchange_writer;
grant select, update on wipes to exchange_eraser;
grant select on wipes to service_role;

alter table wipe_members enable row level security, force row level security;
create policy owner_all on wipe_members to exchange_owner using (true) with check (true);
create policy writer_all on wipe_members to exchange_writer using (true) with check (true);
create policy eraser_all on wipe_members to exchange_eraser using (true) with check (true);
create policy service_read on wipe_members for select to service_role using (true);
grant select, insert on wipe_members to exchange_writer;
grant select on wipe_members to exchange_eraser;
grant select on wipe_members to service_role;

-- What passes between the functions

create type closing as (
  user_id bigint,
  shift_id integer,
  market text,
  label text,
  signed_shares bigint,
  outcome order_outcome,
  held positions,
  after curve_point
);
comment on type closing is 'A position closed in thought: the order that closes it as it was judged, the position afterwards, and where it leaves the market.';

alter type exchange_settings add attribute wipe_undo_seconds integer;
update exchanges set settings = '{"wipe_undo_seconds": 600}' || settings;
