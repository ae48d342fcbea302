-- By which key this database knows identities and networks, so that another one is noticed.

set local search_path = betjee, pg_temp;

create table hash_key (
  is_the_one boolean not null default true,
  fingerprint bytea not null,
  noted_at timestamptz not null,
  constraint hash_key_pkey primary key (is_the_one),
  constraint hash_key_is_one check (is_the_one),
  constraint hash_key_fingerprint_whole check (octet_length(fingerprint) = 32)
);
comment on table hash_key is 'The fingerprint, in one row, of the key under which identities and networks are hashed. It is of no exchange, since the key belongs to whoever runs the program. The key cannot be had from it.';
comment on column hash_key.noted_at is 'When the key was first used, or accepted in place of another.';

alter table hash_key enable row level security, force row level security;
create policy owner_all on hash_key to exchange_owner using (true) with check (true);
create policy writer_all on hash_key to exchange_writer using (true) with check (true);
grant select, insert on hash_key to exchange_writer;
