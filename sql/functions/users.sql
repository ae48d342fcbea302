-- Members: who they are and how they sign up.

create or replace function ensure_user(p_exchange_id bigint, p_provider text, p_provider_user_id text, p_display_name text) returns bigint
language plpgsql
set search_path = betjee, pg_temp
as $$
-- The user with an identity, made where there is none. Must be called under the exchange's lock.
declare
  v_user_id bigint;
  v_display_name text := coalesce(nullif(trimmed(left(trimmed(p_display_name), 100)), ''), 'Someone');
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

create or replace function mark_bonus(p_exchange exchanges, p_identity_hash bytea) returns boolean
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Must be called under the exchange's lock, and by whatever removes a user.
begin
  insert into bonus_marks (exchange_id, season, identity_hash, marked_at)
  values (p_exchange.exchange_id, p_exchange.season, p_identity_hash, p_exchange.updated_at)
  on conflict do nothing;
  return found;
end
$$;
comment on function mark_bonus(exchanges, bytea) is 'Note that an identity has had the bonus of this season; false where it had it before.';

create or replace function register_user(
  p_exchange_id bigint, p_request_id bigint, p_provider text, p_provider_user_id text, p_display_name text,
  p_identity_hash bytea default null, p_network_hashes bytea[] default '{}'
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Signs a member up and grants the bonus, once for each identity, also where its rows were deleted
-- meanwhile; again, it only notes the name that they show now. The hashes are the keyed ones of bans.
-- Locks: the exchange. Refuses: user_banned, network_banned. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_provider, p_provider_user_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'register_user', v_parameters);
  v_user_id bigint;
  v_user users;
  v_bonus_paise bigint := 0;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  select u.* into v_user from accounts a join users u using (exchange_id, user_id)
  where a.exchange_id = p_exchange_id and a.provider = p_provider and a.provider_user_id = p_provider_user_id;
  v_outcome := coalesce(
    ban_refusal(p_exchange_id, v_user, p_identity_hash),
    case when v_user.registered_at is null then network_refusal(p_exchange_id, p_network_hashes) end);
  if v_outcome is not null then
    return remember_request(p_exchange_id, p_request_id, 'register_user', v_parameters, v_outcome);
  end if;
  v_user_id := ensure_user(p_exchange_id, p_provider, p_provider_user_id, p_display_name);
  select * into v_user from users where exchange_id = p_exchange_id and user_id = v_user_id;
  if v_user.registered_at is null then
    v_bonus_paise := case when p_identity_hash is null or mark_bonus(v_exchange, p_identity_hash)
      then (typed_settings(v_exchange.settings)).signup_bonus_paise else 0 end;
    insert into grants (exchange_id, sequence, user_id, kind, amount_paise, granted_at)
    values (
      p_exchange_id, next_sequence(p_exchange_id, v_exchange.updated_at), v_user.user_id, 'signup',
      v_bonus_paise, v_exchange.updated_at);
    update users set cash_paise = cash_paise + v_bonus_paise, registered_at = v_exchange.updated_at
    where exchange_id = p_exchange_id and user_id = v_user.user_id;
  end if;
  v_outcome := jsonb_build_object(
    'user_id', v_user.user_id, 'display_name', v_user.display_name, 'created', v_user.registered_at is null,
    'bonus_paise', v_bonus_paise, 'cash_paise', v_user.cash_paise + v_bonus_paise);
  return remember_request(p_exchange_id, p_request_id, 'register_user', v_parameters, v_outcome);
end
$$;
comment on function register_user(bigint, bigint, text, text, text, bytea, bytea[]) is 'Sign a member up and grant the bonus, once.';
alter function register_user(bigint, bigint, text, text, text, bytea, bytea[]) owner to exchange_writer;
grant execute on function register_user(bigint, bigint, text, text, text, bytea, bytea[]) to service_role;
