-- What people are told: notices that leave after the transaction that caused them, and price alerts.

set local search_path = betjee, pg_temp;

create type notice as (
  user_id bigint,
  kind text,
  detail jsonb
);
comment on type notice is 'Something to be told to a user, or, where user_id is null, in the exchange''s channel.';

-- Where people want to be told, and where an exchange speaks

alter table users
  add column notify_by text not null default 'none',
  add constraint users_notify_by_known check (notify_by in ('none', 'direct', 'channel'));
comment on column users.notify_by is 'How the user asked to be told of notices: by direct message, by a ping in the channel, or not beyond the list that they can always ask for.';

alter table communities
  add column channel_id text,
  add constraint communities_channel_bounded check (char_length(channel_id) between 1 and 64);
comment on column communities.channel_id is 'The channel that moderators chose for what everyone is told; null where the front end chooses.';
create index communities_by_exchange on communities (exchange_id);
grant update (channel_id) on communities to exchange_writer;

-- The outbox

create table outbox (
  exchange_id bigint not null,
  notice_id bigint generated always as identity,
  user_id bigint,
  kind text not null,
  detail jsonb not null,
  dedupe_key text not null generated always as ('n' || notice_id::text) stored,
  state text not null default 'pending',
  attempts integer not null default 0,
  created_at timestamptz not null,
  next_attempt_at timestamptz,
  delivered_by text,
  delivered_at timestamptz,
  seen_at timestamptz,
  constraint outbox_pkey primary key (exchange_id, notice_id),
  constraint outbox_user_fkey foreign key (exchange_id, user_id) references users,
  constraint outbox_kind_bounded check (char_length(kind) between 1 and 40),
  constraint outbox_state_known check (state in ('pending', 'delivered', 'kept', 'failed')),
  constraint outbox_delivered_by_known check (delivered_by in ('direct', 'channel')),
  constraint outbox_delivery_is_dated check (num_nulls(delivered_by, delivered_at) = case state when 'delivered' then 0 else 2 end),
  constraint outbox_pending_has_its_time check ((state = 'pending') = (next_attempt_at is not null)),
  constraint outbox_attempts_count check (attempts >= 0)
) with (fillfactor = 70);
comment on table outbox is 'Notices, written by the transaction that caused them and delivered afterwards, at least once; kept for 30 days. Numbers grow in the order of an exchange''s changes, since they are given under its lock.';
comment on column outbox.user_id is 'Who is told; null: everyone, in the exchange''s channel.';
comment on column outbox.dedupe_key is 'The same for each attempt at this notice, so that the receiver can tell a repetition.';
comment on column outbox.state is 'pending: to be sent; delivered; kept: not to be sent, only listed; failed: given up after the last attempt.';
comment on column outbox.delivered_by is 'direct: with its figures; channel: in the open, for a user only as a ping that there is something.';
create index outbox_by_due on outbox (exchange_id, next_attempt_at, notice_id) where state = 'pending';
create index outbox_by_turn on outbox (exchange_id, notice_id) where state = 'pending';
create index outbox_by_recipient on outbox (exchange_id, coalesce(user_id, 0), notice_id) where state = 'pending';
create index outbox_by_user on outbox (exchange_id, user_id, notice_id desc);
create index outbox_by_age on outbox using brin (created_at);

create table outbox_leases (
  exchange_id bigint not null,
  holder text,
  claimed_at timestamptz,
  leased_until timestamptz,
  constraint outbox_leases_pkey primary key (exchange_id),
  constraint outbox_leases_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint outbox_leases_whole check (num_nulls(holder, leased_until) in (0, 2)),
  constraint outbox_leases_holder_bounded check (char_length(holder) between 1 and 64)
) with (fillfactor = 50);
comment on table outbox_leases is 'Which process delivers the notices of an exchange at the moment, and until when at the latest.';

alter table outbox enable row level security, force row level security;
create policy owner_all on outbox to exchange_owner using (true) with check (true);
create policy writer_all on outbox to exchange_writer using (true) with check (true);
create policy eraser_all on outbox to exchange_eraser using (true) with check (true);
create policy service_read on outbox for select to service_role using (true);
grant select, insert, update, delete on outbox to exchange_writer;
grant select, delete on outbox to exchange_eraser;
grant select on outbox to service_role;

alter table outbox_leases enable row level security, force row level security;
create policy owner_all on outbox_leases to exchange_owner using (true) with check (true);
create policy writer_all on outbox_leases to exchange_writer using (true) with check (true);
create policy service_read on outbox_leases for select to service_role using (true);
grant select, insert, update on outbox_leases to exchange_writer;
grant select on outbox_leases to service_role;

-- Price alerts

create table price_alerts (
  exchange_id bigint not null,
  alert_id bigint not null,
  user_id bigint not null,
  shift_id integer not null,
  price_paise bigint not null,
  trigger_sold bigint not null,
  trigger_sign smallint not null,
  trigger_level bigint not null generated always as (trigger_sign * trigger_sold) stored,
  status text not null default 'armed',
  armed_at timestamptz not null,
  ended_at timestamptz,
  constraint price_alerts_pkey primary key (exchange_id, alert_id),
  constraint price_alerts_user_fkey foreign key (exchange_id, user_id) references users,
  constraint price_alerts_market_fkey foreign key (exchange_id, shift_id) references markets,
  constraint price_alerts_sign_known check (trigger_sign in (-1, 1)),
  constraint price_alerts_status_known check (status in ('armed', 'fired', 'cancelled')),
  constraint price_alerts_end_is_dated check ((status = 'armed') = (ended_at is null))
);
comment on table price_alerts is 'Prices at which users want to be told, once each, numbered by the exchange''s sequence.';
comment on column price_alerts.trigger_sign is '-1: fires when sold has fallen to trigger_sold or below; 1: when it has risen to it or above.';
comment on column price_alerts.trigger_level is 'An alert is crossed when trigger_level <= trigger_sign * sold, in either direction.';
create index price_alerts_by_level on price_alerts (exchange_id, shift_id, trigger_sign, trigger_level, alert_id) where status = 'armed';
create index price_alerts_by_user on price_alerts (exchange_id, user_id, shift_id, alert_id) where status = 'armed';
create index price_alerts_by_end on price_alerts (ended_at) where ended_at is not null;

alter table price_alerts enable row level security, force row level security;
create policy owner_all on price_alerts to exchange_owner using (true) with check (true);
create policy writer_all on price_alerts to exchange_writer using (true) with check (true);
create policy eraser_all on price_alerts to exchange_eraser using (true) with check (true);
create policy service_read on price_alerts for select to service_role using (true);
grant select, insert, update, delete on price_alerts to exchange_writer;
grant select, delete on price_alerts to exchange_eraser;
grant select on price_alerts to service_role;

alter type exchange_settings add attribute max_armed_alerts integer;
update exchanges set settings = '{"max_armed_alerts": 20}' || settings;
