-- Finding those who come or trade as many: clusters of accounts with the reason, marks of the first rule,
-- and bonuses that wait for a moderator's look.

set local search_path = betjee, pg_temp;

-- Whom a hash means, as long as they are a member

alter table accounts
  add column identity_hash bytea,
  add constraint accounts_identity_hash_whole check (octet_length(identity_hash) = 32);
comment on column accounts.identity_hash is 'The keyed hash of provider and provider_user_id, as it was when they signed up. It finds the member whom a mark means, and goes with the row.';
create index accounts_by_identity_hash on accounts (exchange_id, identity_hash) where identity_hash is not null;
create index accounts_of_exchange_by_sight on accounts (exchange_id, seen_at desc) where seen_at is not null;
create index accounts_by_network_56 on accounts (exchange_id, network_key_56) where network_key_56 is not null;
create index accounts_by_network_48 on accounts (exchange_id, network_key_48) where network_key_48 is not null;
grant update (identity_hash) on accounts to exchange_writer;
alter table verification_tokens add column joined_at timestamptz;
comment on column verification_tokens.joined_at is 'Since when whoever asked for the link has been in the community, where known.';
create index verification_tokens_by_identity_hash on verification_tokens (exchange_id, identity_hash);
create index verification_attempts_of_exchange on verification_attempts (exchange_id, attempted_at desc);
create index users_by_registration on users (exchange_id, registered_at desc) where registered_at is not null;

-- Clusters

create type signal as (
  kind text,
  subject_hash bytea,
  identity_hashes bytea[],
  detail jsonb,
  last_at timestamptz
);
comment on type signal is 'What a rule has found: identities, what ties them (a network, or the identity that gained), and the figures of the reason.';

create table clusters (
  exchange_id bigint not null,
  cluster_id bigint not null,
  kind text not null,
  subject_hash bytea not null,
  detail jsonb not null,
  found_at timestamptz not null,
  last_at timestamptz not null,
  told_accounts integer not null default 0,
  status text not null default 'open',
  decided_by bigint,
  decided_at timestamptz,
  constraint clusters_pkey primary key (exchange_id, cluster_id),
  constraint clusters_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint clusters_kind_known check (kind in ('burst', 'wide_burst', 'crowd', 'concert', 'transfer')),
  constraint clusters_subject_whole check (octet_length(subject_hash) = 32),
  constraint clusters_status_known check (status in ('open', 'released', 'upheld')),
  constraint clusters_decision_is_dated check ((status = 'open') = (decided_at is null) and num_nulls(decided_by, decided_at) in (0, 2)),
  constraint clusters_told_counts check (told_accounts >= 0)
);
comment on table clusters is 'Accounts that a rule has tied together, numbered by the exchange''s sequence, with the figures of the reason. An open one grows; a moderator decides it. It names networks and identities by keyed hashes.';
comment on column clusters.subject_hash is 'What ties the accounts: the key of their network, or the identity of whoever gained by a transfer.';
comment on column clusters.told_accounts is 'How large it was when moderators were told last; they are told again when it has doubled.';
create unique index clusters_open on clusters (exchange_id, kind, subject_hash) where status = 'open';
create index clusters_by_subject on clusters (exchange_id, kind, subject_hash);
create index clusters_by_decision on clusters (decided_at) where decided_at is not null;

create table suspects (
  exchange_id bigint not null,
  cluster_id bigint not null,
  identity_hash bytea not null,
  added_at timestamptz not null,
  constraint suspects_pkey primary key (exchange_id, cluster_id, identity_hash),
  constraint suspects_cluster_fkey foreign key (exchange_id, cluster_id) references clusters,
  constraint suspects_hash_whole check (octet_length(identity_hash) = 32)
);
comment on table suspects is 'Who is in a cluster, by keyed hash: also somebody who was refused and has no account.';
create index suspects_by_identity on suspects (exchange_id, identity_hash);

create table marks (
  exchange_id bigint not null,
  identity_hash bytea not null,
  cluster_id bigint not null,
  marked_at timestamptz not null,
  user_id bigint,
  withheld_paise bigint not null default 0,
  decision text,
  decided_by bigint,
  decided_at timestamptz,
  constraint marks_pkey primary key (exchange_id, identity_hash),
  constraint marks_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint marks_hash_whole check (octet_length(identity_hash) = 32),
  constraint marks_withheld_not_negative check (withheld_paise >= 0),
  constraint marks_withheld_is_somebodys check (withheld_paise = 0 or user_id is not null),
  constraint marks_decision_known check (decision in ('released', 'upheld')),
  constraint marks_decision_is_dated check (num_nulls(decision, decided_by, decided_at) in (0, 3))
);
comment on table marks is 'Whom the first rule has marked: too many identities from one network within seconds. The bonus of whoever is marked waits until a moderator releases it; it is released once.';
comment on column marks.cluster_id is 'The cluster that the mark came with, without a foreign key, since a mark outlives it.';
comment on column marks.user_id is 'Whose bonus waits; null until they sign up.';
create index marks_by_cluster on marks (exchange_id, cluster_id) where decision is null;
create index marks_by_decision on marks (decided_at) where decided_at is not null;
create index marks_by_user on marks (exchange_id, user_id) where user_id is not null;

-- A bonus that was granted before its owner was marked is taken back untouched, and granted again

alter table grants
  drop constraint grants_kind_known,
  add constraint grants_kind_known check (kind in ('signup', 'withheld', 'released')),
  drop constraint grants_not_negative,
  add constraint grants_sign_known check (case kind when 'withheld' then amount_paise <= 0 else amount_paise >= 0 end);
comment on column grants.kind is 'signup: on signing up; withheld: the untouched bonus of someone who was marked, taken back; released: a bonus that waited.';

-- Where moderators are told

alter table communities
  add column moderators_channel_id text,
  add constraint communities_moderators_channel_bounded check (char_length(moderators_channel_id) between 1 and 64);
comment on column communities.moderators_channel_id is 'The channel in which moderators are told of what they must decide; null: each of them by a notice of their own.';
grant update (moderators_channel_id) on communities to exchange_writer;

-- Rights: what is read of these is read by moderators, through functions

alter table clusters enable row level security, force row level security;
create policy owner_all on clusters to exchange_owner using (true) with check (true);
create policy writer_all on clusters to exchange_writer using (true) with check (true);
grant select, insert, update, delete on clusters to exchange_writer;

alter table suspects enable row level security, force row level security;
create policy owner_all on suspects to exchange_owner using (true) with check (true);
create policy writer_all on suspects to exchange_writer using (true) with check (true);
grant select, insert, delete on suspects to exchange_writer;

alter table marks enable row level security, force row level security;
create policy owner_all on marks to exchange_owner using (true) with check (true);
create policy writer_all on marks to exchange_writer using (true) with check (true);
grant select, insert, update, delete on marks to exchange_writer;

-- Settings

alter type exchange_settings
  add attribute mark_action text,
  add attribute trusted_membership_days integer,
  add attribute second_signal_freezes boolean,
  add attribute burst_accounts integer,
  add attribute burst_seconds integer,
  add attribute wide_burst_accounts integer,
  add attribute crowd_accounts integer,
  add attribute concert_accounts integer,
  add attribute transfer_accounts integer;
update exchanges set settings =
  '{"mark_action": "withhold", "trusted_membership_days": 30, "second_signal_freezes": true, "burst_accounts": 3, "burst_seconds": 15,
    "wide_burst_accounts": 10, "crowd_accounts": 25, "concert_accounts": 3, "transfer_accounts": 3}' || settings;
