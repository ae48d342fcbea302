-- What people were called when moderators did something: apart from the record, which is never changed, since
-- a name must go when whoever had it asks for that.

set local search_path = betjee, pg_temp;

create table recorded_names (
  exchange_id bigint not null,
  sequence bigint not null,
  user_id bigint not null,
  identity_hash bytea,
  display_name text,
  recorded_at timestamptz not null,
  constraint recorded_names_pkey primary key (exchange_id, sequence, user_id),
  constraint recorded_names_entry_fkey foreign key (exchange_id, sequence) references moderation_log,
  constraint recorded_names_hash_whole check (octet_length(identity_hash) = 32),
  constraint recorded_names_strangers_have_a_hash check ((user_id = 0) = (identity_hash is not null)),
  constraint recorded_names_name_bounded check (char_length(display_name) between 1 and 100)
);
comment on table recorded_names is 'What those whom an entry of the moderation log names were called then, so that moderators know them again when their account is gone.';
comment on column recorded_names.user_id is 'Whose name it was; 0: somebody who had no account, whom identity_hash tells.';
comment on column recorded_names.display_name is 'Null once whoever had it has deleted their data.';
create index recorded_names_by_user on recorded_names (exchange_id, user_id, sequence desc) where user_id <> 0;
create index recorded_names_by_identity on recorded_names (exchange_id, identity_hash, sequence desc) where user_id = 0;
create index recorded_names_by_age on recorded_names (recorded_at);
create index wipe_members_by_identity on wipe_members (exchange_id, identity_hash);

alter table recorded_names enable row level security, force row level security;
create policy owner_all on recorded_names to exchange_owner using (true) with check (true);
create policy writer_all on recorded_names to exchange_writer using (true) with check (true);
grant select, insert, delete, update (display_name) on recorded_names to exchange_writer;

-- Entries of before get the names that their people show now.

insert into recorded_names (exchange_id, sequence, user_id, display_name, recorded_at)
select l.exchange_id, l.sequence, u.user_id, u.display_name, l.recorded_at
from moderation_log l
cross join lateral (
  select l.moderator_user_id
  union select (l.detail ->> 'user_id')::bigint
  union select (l.detail ->> 'from_user_id')::bigint
  union select e::bigint
  from jsonb_array_elements_text(case jsonb_typeof(l.detail -> 'user_ids') when 'array' then l.detail -> 'user_ids' else '[]' end) e
) m(user_id)
join users u on u.exchange_id = l.exchange_id and u.user_id = m.user_id
where u.status <> 'deleted';
