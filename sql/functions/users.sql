-- Members: who they are.

create or replace function shown_name(p_display_name text) returns text
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  select coalesce(nullif(trimmed(left(trimmed(p_display_name), 100)), ''), 'Someone')
$$;
comment on function shown_name(text) is 'The name under which a user is shown, from what their provider calls them.';

create or replace function ensure_user(p_exchange_id bigint, p_provider text, p_provider_user_id text, p_display_name text) returns bigint
language plpgsql
set search_path = betjee, pg_temp
as $$
-- The user with an identity, made where there is none. Must be called under the exchange's lock.
declare
  v_user_id bigint;
  v_display_name text := shown_name(p_display_name);
begin
  select user_id into v_user_id from accounts
  where exchange_id = p_exchange_id and provider = p_provider and provider_user_id = p_provider_user_id;
  if found then
    update users set display_name = v_display_name
    where exchange_id = p_exchange_id and user_id = v_user_id and display_name <> v_display_name;
  else
    insert into users (exchange_id, display_name) values (p_exchange_id, v_display_name) returning user_id into v_user_id;
    insert into accounts (exchange_id, provider, provider_user_id, user_id)
    values (p_exchange_id, p_provider, p_provider_user_id, v_user_id);
  end if;
  return v_user_id;
end
$$;
comment on function ensure_user(bigint, text, text, text) is 'The user with an identity, made where there is none, under the name they show now.';

create or replace function note_identity(p_exchange_id bigint, p_user_id bigint, p_identity_hash bytea) returns void
language sql
set search_path = betjee, pg_temp
as $$
  update accounts set identity_hash = p_identity_hash
  where exchange_id = p_exchange_id and user_id = p_user_id and p_identity_hash is not null
    and identity_hash is distinct from p_identity_hash
$$;
comment on function note_identity(bigint, bigint, bytea) is 'Note by which keyed hash a user is known, so that what is said of the hash is said of them.';

create or replace function user_of_identity(p_exchange_id bigint, p_provider text, p_provider_user_id text) returns users
language sql stable
set search_path = betjee, pg_temp
as $$
  select u.* from accounts a join users u using (exchange_id, user_id)
  where a.exchange_id = p_exchange_id and a.provider = p_provider and a.provider_user_id = p_provider_user_id
$$;
comment on function user_of_identity(bigint, text, text) is 'The user with an identity, or null.';

create or replace function moderator_rank(p_exchange_id bigint, p_user_id bigint) returns text
language sql stable
set search_path = betjee, pg_temp
as $$
  select m.rank from moderators m join users u using (exchange_id, user_id)
  where m.exchange_id = p_exchange_id and m.user_id = p_user_id and u.status = 'active'
$$;
comment on function moderator_rank(bigint, bigint) is 'owner, moderator, or null for everyone else; a frozen or banned moderator has no power.';

create or replace function find_user(p_exchange_id bigint, p_provider text, p_provider_user_id text) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object(
    'user_id', u.user_id, 'display_name', u.display_name, 'status', u.status,
    'registered', u.registered_at is not null, 'rank', moderator_rank(p_exchange_id, u.user_id))
  from accounts a join users u using (exchange_id, user_id)
  where a.exchange_id = p_exchange_id and a.provider = p_provider and a.provider_user_id = p_provider_user_id
$$;
comment on function find_user(bigint, text, text) is 'The member with an identity, or null.';
alter function find_user(bigint, text, text) owner to exchange_writer;
grant execute on function find_user(bigint, text, text) to service_role;
