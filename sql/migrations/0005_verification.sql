-- Signing up on a page: one-time tokens, what is kept of networks, and the mark of a bonus that was granted.

set local search_path = betjee, pg_temp;

-- What an account's owner has shown of themselves

alter table accounts
  add column verified_at timestamptz,
  add column ownership_proven boolean not null default false,
  add column network_key bytea,
  add column network_key_56 bytea,
  add column network_key_48 bytea,
  add column seen_at timestamptz,
  add constraint accounts_keys_whole check (
    octet_length(network_key) = 32 and coalesce(octet_length(network_key_56), 32) = 32
    and coalesce(octet_length(network_key_48), 32) = 32),
  add constraint accounts_keys_are_dated check ((network_key is null) = (seen_at is null)),
  add constraint accounts_proof_is_dated check (verified_at is not null or not ownership_proven);
comment on column accounts.verified_at is 'When its owner signed up on the page; null where the exchange asked for no page.';
comment on column accounts.ownership_proven is 'Whether the provider confirmed that whoever opened the page is the owner.';
comment on column accounts.network_key is 'A keyed hash of the IPv4 address or the IPv6 /64 from which the page was used; the key is outside the database. Forgotten after network_key_retention_days.';
comment on column accounts.network_key_56 is 'The same of the IPv6 /56; null for IPv4, where a wider network would mean strangers.';
comment on column accounts.network_key_48 is 'The same of the IPv6 /48; null for IPv4.';
comment on column accounts.seen_at is 'When that network was seen.';
create index accounts_by_network on accounts (exchange_id, network_key) where network_key is not null;
create index accounts_by_sight on accounts (seen_at) where seen_at is not null;
grant update (verified_at, ownership_proven, network_key, network_key_56, network_key_48, seen_at)
  on accounts to exchange_writer;

-- The links to the page

create table verification_tokens (
  exchange_id bigint not null,
  token_hash bytea not null,
  provider text not null,
  provider_user_id text not null,
  display_name text not null,
  identity_hash bytea not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  constraint verification_tokens_pkey primary key (exchange_id, token_hash),
  constraint verification_tokens_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint verification_tokens_hashes_whole check (octet_length(token_hash) = 32 and octet_length(identity_hash) = 32),
  constraint verification_tokens_bounded check (
    char_length(provider) <= 20 and char_length(provider_user_id) <= 64 and char_length(display_name) between 1 and 100),
  constraint verification_tokens_expire_later check (expires_at >= issued_at)
);
comment on table verification_tokens is 'One-time tokens of links to the sign-up page, for 10 minutes each. Only their hashes are kept. Whoever signs up becomes a user when they consent, and leaves nothing else behind when they do not.';
create index verification_tokens_by_identity on verification_tokens (exchange_id, provider, provider_user_id);
create index verification_tokens_by_end on verification_tokens (expires_at);

create table verification_attempts (
  exchange_id bigint not null,
  attempt_id bigint generated always as identity,
  identity_hash bytea not null,
  network_key bytea not null,
  network_key_56 bytea,
  network_key_48 bytea,
  outcome text not null,
  attempted_at timestamptz not null,
  constraint verification_attempts_pkey primary key (exchange_id, attempt_id),
  constraint verification_attempts_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint verification_attempts_hashes_whole check (
    octet_length(identity_hash) = 32 and octet_length(network_key) = 32
    and coalesce(octet_length(network_key_56), 32) = 32 and coalesce(octet_length(network_key_48), 32) = 32),
  constraint verification_attempts_outcome_bounded check (char_length(outcome) between 1 and 40)
);
comment on table verification_attempts is 'Who tried to sign up on the page from which network, refused or not; at most one row a second for the same identity, network and outcome. Forgotten after network_key_retention_days.';
comment on column verification_attempts.outcome is 'registered, or the code of the refusal.';
create index verification_attempts_by_network on verification_attempts (exchange_id, network_key, attempted_at desc);
create index verification_attempts_by_network_56 on verification_attempts (exchange_id, network_key_56, attempted_at desc)
  where network_key_56 is not null;
create index verification_attempts_by_network_48 on verification_attempts (exchange_id, network_key_48, attempted_at desc)
  where network_key_48 is not null;
create index verification_attempts_by_identity on verification_attempts (exchange_id, identity_hash);
create index verification_attempts_by_age on verification_attempts (attempted_at);

create type network_keys as (
  network_key bytea,
  network_key_56 bytea,
  network_key_48 bytea
);
comment on type network_keys is 'Keyed hashes of the network that somebody comes from, and, for IPv6, of the wider ones around it.';

-- The bonus, once for each identity and season

alter table exchanges
  add column season integer not null default 1,
  add constraint exchanges_season_counts check (season >= 1);
comment on column exchanges.season is 'The bonus is granted once for each identity and season.';

create table bonus_marks (
  exchange_id bigint not null,
  season integer not null,
  identity_hash bytea not null,
  marked_at timestamptz not null,
  constraint bonus_marks_pkey primary key (exchange_id, season, identity_hash),
  constraint bonus_marks_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint bonus_marks_hash_whole check (octet_length(identity_hash) = 32)
);
comment on table bonus_marks is 'Which identities had the bonus of a season. It names them by a keyed hash alone, refers to no user, and outlives them: no role but the owner may take a mark away.';

-- Rights: nothing of these is read by the application directly, and only tokens are erased with their owner

alter table verification_tokens enable row level security, force row level security;
create policy owner_all on verification_tokens to exchange_owner using (true) with check (true);
create policy writer_all on verification_tokens to exchange_writer using (true) with check (true);
create policy eraser_all on verification_tokens to exchange_eraser using (true) with check (true);
grant select, insert, update, delete on verification_tokens to exchange_writer;
grant select, delete on verification_tokens to exchange_eraser;

alter table verification_attempts enable row level security, force row level security;
create policy owner_all on verification_attempts to exchange_owner using (true) with check (true);
create policy writer_all on verification_attempts to exchange_writer using (true) with check (true);
grant select, insert, delete on verification_attempts to exchange_writer;

alter table bonus_marks enable row level security, force row level security;
create policy owner_all on bonus_marks to exchange_owner using (true) with check (true);
create policy writer_all on bonus_marks to exchange_writer using (true) with check (true);
grant select, insert on bonus_marks to exchange_writer;

-- Settings; an exchange that exists already goes on as before

alter type exchange_settings
  add attribute verification text,
  add attribute min_account_age_days integer,
  add attribute min_membership_hours integer,
  add attribute network_key_retention_days integer;
update exchanges set settings =
  '{"verification": "off", "min_account_age_days": 7, "min_membership_hours": 0, "network_key_retention_days": 90}' || settings;
