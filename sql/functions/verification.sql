-- Signing up on the page: one-time tokens, who tried to use them from where, and what is forgotten when.

create or replace function issue_token(
  p_exchange exchanges, p_token_hash bytea, p_provider text, p_provider_user_id text, p_display_name text,
  p_identity_hash bytea, p_joined_at timestamptz
) returns jsonb
language plpgsql
set search_path = betjee, pg_temp
as $$
-- A token for 10 minutes; it ends those that the same identity had before. Must be called under the
-- exchange's lock.
declare
  v_token verification_tokens;
begin
  if p_token_hash is null then
    return refusal('verification_unavailable', 'New members sign up on a page here, and the page has no address yet.');
  end if;
  update verification_tokens set expires_at = least(expires_at, p_exchange.updated_at)
  where exchange_id = p_exchange.exchange_id and provider = p_provider and provider_user_id = p_provider_user_id
    and used_at is null;
  insert into verification_tokens (
    exchange_id, token_hash, provider, provider_user_id, display_name, identity_hash, issued_at, expires_at, joined_at)
  values (
    p_exchange.exchange_id, p_token_hash, p_provider, p_provider_user_id, shown_name(p_display_name), p_identity_hash,
    p_exchange.updated_at, p_exchange.updated_at + interval '10 minutes', p_joined_at)
  returning * into v_token;
  return jsonb_build_object('display_name', v_token.display_name, 'link_expires_at', v_token.expires_at);
end
$$;
comment on function issue_token(exchanges, bytea, text, text, text, bytea, timestamptz) is 'Begin a sign-up on the page.';

create or replace function token_of_hash(p_exchange_id bigint, p_token_hash bytea) returns verification_tokens
language sql stable
set search_path = betjee, pg_temp
as $$
  select t.* from verification_tokens t where t.exchange_id = p_exchange_id and t.token_hash = p_token_hash
$$;
comment on function token_of_hash(bigint, bytea) is 'The token with a hash, or null.';

create or replace function token_refusal(p_token verification_tokens, p_time timestamptz) returns jsonb
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  select case
    when p_token.token_hash is null then
      refusal('token_unknown', 'This link is not valid. Type /register in the chat for a new one.')
    when p_token.used_at is not null then
      refusal('token_used', 'This link was used before, and each works once. In the chat, /portfolio shows what you have.')
    when p_token.expires_at <= p_time then
      refusal('token_expired', 'This link has expired. Type /register in the chat for a new one.') end
$$;
comment on function token_refusal(verification_tokens, timestamptz) is 'Why a token may not be used at a time, or null. What is refused once stays refused.';

create or replace function find_verification(p_exchange_id bigint, p_token_hash bytea) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select coalesce(
    token_refusal(t, clock_timestamp()),
    jsonb_build_object(
      'exchange_name', e.name, 'display_name', t.display_name, 'expires_at', t.expires_at,
      'bonus', coins_text((typed_settings(e.settings)).signup_bonus_paise),
      'retention_days', (typed_settings(e.settings)).network_key_retention_days))
  from token_of_hash(p_exchange_id, p_token_hash) t left join exchanges e on e.exchange_id = t.exchange_id
$$;
comment on function find_verification(bigint, bytea) is 'What the page shows whoever opens a link, or why it cannot be used. Changes nothing.';
alter function find_verification(bigint, bytea) owner to exchange_writer;
grant execute on function find_verification(bigint, bytea) to service_role;

create or replace function record_attempt(p_token verification_tokens, p_networks network_keys, p_outcome jsonb) returns void
language sql
set search_path = betjee, pg_temp
set enable_seqscan = off
as $$
  insert into verification_attempts (
    exchange_id, identity_hash, network_key, network_key_56, network_key_48, outcome, attempted_at)
  select p_token.exchange_id, p_token.identity_hash, p_networks.network_key, p_networks.network_key_56,
    p_networks.network_key_48, o.outcome, o.attempted_at
  from (select coalesce(p_outcome ->> 'refused', 'registered') as outcome, clock_timestamp() as attempted_at) o
  where not exists (
    select from verification_attempts a
    where a.exchange_id = p_token.exchange_id and a.network_key = p_networks.network_key
      and a.attempted_at > o.attempted_at - interval '1 second'
      and a.identity_hash = p_token.identity_hash and a.outcome = o.outcome)
    -- Whatever somebody sends, a network leaves a bounded number of rows: beyond 500, one for each identity,
    -- of which each needs a link. Nobody is passed over because others have filled the 500.
    and (
      o.outcome = 'registered'
      or not exists (
        select from verification_attempts a
        where a.exchange_id = p_token.exchange_id and a.identity_hash = p_token.identity_hash
          and a.network_key = p_networks.network_key and a.attempted_at > o.attempted_at - interval '15 seconds')
      or (
        select count(*) < 500 from (
          select from verification_attempts a
          where a.exchange_id = p_token.exchange_id and a.network_key = p_networks.network_key
            and a.attempted_at > o.attempted_at - interval '15 seconds' limit 500) l))
$$;
comment on function record_attempt(verification_tokens, network_keys, jsonb) is 'Record that somebody tried to sign up on the page; what is repeated within a second is one attempt, and beyond 500 of one network within 15 seconds only those of identities that have none yet, and of members, are kept.';

create or replace function refuse_verification(p_exchange_id bigint, p_token_hash bytea, p_networks network_keys, p_code text) returns void
language sql security definer
set search_path = betjee, pg_temp
as $$
  select record_attempt(t, p_networks, refusal(left(p_code, 40), ''))
  from verification_tokens t where t.exchange_id = p_exchange_id and t.token_hash = p_token_hash
$$;
comment on function refuse_verification(bigint, bytea, network_keys, text) is 'Record an attempt that the page refused by itself, such as one too many. The token can still be used.';
alter function refuse_verification(bigint, bytea, network_keys, text) owner to exchange_writer;
grant execute on function refuse_verification(bigint, bytea, network_keys, text) to service_role;

create or replace function complete_verification(
  p_exchange_id bigint, p_request_id bigint, p_token_hash bytea, p_proven_user_id text, p_networks network_keys
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Uses a token up and makes its owner a member, in one transaction under the exchange's lock, so that of
-- all who race for a token one is served. p_proven_user_id is who the provider says has opened the page;
-- null where it was not asked.
-- Locks: the exchange; a link that is wrong, used or expired stays so, and is refused without any lock, so
-- that nobody slows trading with old links. Refuses: token_unknown, which is not recorded, since it is
-- nobody's; token_used, token_expired, not_the_owner, user_banned, network_banned. A repeated request gets its
-- first outcome.
declare
  v_parameters text := jsonb_build_array(encode(p_token_hash, 'hex'), p_proven_user_id, encode(p_networks.network_key, 'hex'))::text;
  v_token verification_tokens := token_of_hash(p_exchange_id, p_token_hash);
  v_refusal jsonb := token_refusal(v_token, clock_timestamp());
  v_outcome jsonb;
  v_exchange exchanges;
  v_cluster_id bigint;
begin
  if v_token.token_hash is null then
    return v_refusal;
  elsif v_refusal is not null then
    -- If this very request has used the token, it is asking again, and is remembered.
    v_outcome := recall_request(p_exchange_id, p_request_id, 'complete_verification', v_parameters);
    if v_outcome is null then
      perform record_attempt(v_token, p_networks, v_refusal);
    end if;
    return coalesce(v_outcome, v_refusal);
  end if;
  v_exchange := lock_exchange(p_exchange_id);
  v_outcome := recall_request(p_exchange_id, p_request_id, 'complete_verification', v_parameters);
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_token := token_of_hash(p_exchange_id, p_token_hash);
  v_outcome := coalesce(
    token_refusal(v_token, v_exchange.updated_at),
    case when p_proven_user_id <> v_token.provider_user_id then
      refusal('not_the_owner', 'This link belongs to somebody else. Type /register in the chat as yourself.') end,
    sign_up_refusal(
      p_exchange_id, user_of_identity(p_exchange_id, v_token.provider, v_token.provider_user_id), v_token.identity_hash, p_networks));
  -- The attempt counts before anything is granted, and whatever becomes of it.
  perform record_attempt(v_token, p_networks, v_outcome);
  v_cluster_id := mark_burst(v_exchange, p_networks, v_token.identity_hash);
  if v_outcome is null then
    v_outcome := use_token(v_exchange, v_token, p_proven_user_id is not null, p_networks);
  end if;
  perform freeze_marked(v_exchange, v_cluster_id) where v_cluster_id is not null;
  return remember_request(p_exchange_id, p_request_id, 'complete_verification', v_parameters, v_outcome);
end
$$;
comment on function complete_verification(bigint, bigint, bytea, text, network_keys) is 'Sign somebody up who has consented on the page, once for each token.';
alter function complete_verification(bigint, bigint, bytea, text, network_keys) owner to exchange_writer;
grant execute on function complete_verification(bigint, bigint, bytea, text, network_keys) to service_role;

create or replace function use_token(
  p_exchange exchanges, p_token verification_tokens, p_ownership_proven boolean, p_networks network_keys
) returns jsonb
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Must be called under the exchange's lock, with a token that may be used.
declare
  v_outcome jsonb;
begin
  update verification_tokens set used_at = p_exchange.updated_at
  where exchange_id = p_token.exchange_id and token_hash = p_token.token_hash;
  v_outcome := enrol_user(
    p_exchange, p_token.provider, p_token.provider_user_id, p_token.display_name, p_token.identity_hash);
  update accounts set
    verified_at = p_exchange.updated_at, ownership_proven = p_ownership_proven, seen_at = p_exchange.updated_at,
    network_key = p_networks.network_key, network_key_56 = p_networks.network_key_56,
    network_key_48 = p_networks.network_key_48
  where exchange_id = p_token.exchange_id and provider = p_token.provider and provider_user_id = p_token.provider_user_id;
  return v_outcome || jsonb_build_object(
    'exchange_name', p_exchange.name,
    'bonus', coins_text(greatest((v_outcome ->> 'bonus_paise')::bigint, (v_outcome ->> 'withheld_paise')::bigint)));
end
$$;
comment on function use_token(exchanges, verification_tokens, boolean, network_keys) is 'Use a token up, and note from where and whether its owner was proven.';

create or replace function keeps_network_keys(p_account accounts) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
  select exists (
      select from users u
      where u.exchange_id = p_account.exchange_id and u.user_id = p_account.user_id and u.status = 'banned')
    or network_refusal(p_account.exchange_id, network_hashes(
      (p_account.network_key, p_account.network_key_56, p_account.network_key_48)::network_keys)) is not null
$$;
comment on function keeps_network_keys(accounts) is 'Whether the network of an account is not forgotten: while its owner or the network is banned.';

create or replace function purge_verifications(p_limit integer) returns bigint
language sql security definer
set search_path = betjee, pg_temp
as $$
-- Forgets tokens that ended an hour ago, the networks of accounts and attempts that are older than their
-- exchange keeps them, and who has deleted themselves: after the seven days in which a rule still asks for them,
-- or with their network where that is sooner. Of each at most p_limit in one call. Locks: only what it changes.
  with kept as (
    select exchange_id, clock_timestamp() - make_interval(days => (typed_settings(settings)).network_key_retention_days) as since
    from exchanges),
  -- The oldest first, up to one moment, which is found by the index of their age.
  tokens as (
    delete from verification_tokens
    where (exchange_id, token_hash) in (
      select exchange_id, token_hash from verification_tokens
      where expires_at < (select clock_timestamp() - interval '1 hour')
      order by expires_at limit least(p_limit, 100000))
    returning 1),
  attempts as (
    delete from verification_attempts
    where (exchange_id, attempt_id) in (
      select a.exchange_id, a.attempt_id from verification_attempts a
      where a.attempted_at < (select max(since) from kept)
        and a.attempted_at < (select since from kept k where k.exchange_id = a.exchange_id)
      order by a.attempted_at limit least(p_limit, 100000))
    returning 1),
  networks as (
    update accounts set network_key = null, network_key_56 = null, network_key_48 = null, seen_at = null
    where (exchange_id, provider, provider_user_id) in (
      select a.exchange_id, a.provider, a.provider_user_id from accounts a
      where a.seen_at < (select max(since) from kept)
        and a.seen_at < (select since from kept k where k.exchange_id = a.exchange_id) and not keeps_network_keys(a)
      order by a.seen_at limit least(p_limit, 100000))
    returning 1),
  gone as (
    delete from departures
    where (exchange_id, user_id) in (
      select d.exchange_id, d.user_id from departures d join kept k using (exchange_id)
      where least(d.departed_at, d.seen_at) < k.since or d.departed_at < clock_timestamp() - interval '7 days'
      order by d.departed_at limit least(p_limit, 100000))
    returning 1)
  select (select count(*) from tokens) + (select count(*) from attempts) + (select count(*) from networks)
    + (select count(*) from gone)
$$;
comment on function purge_verifications(integer) is 'Forget ended tokens, old networks and old departures; returns how many.';
alter function purge_verifications(integer) owner to exchange_writer;
grant execute on function purge_verifications(integer) to service_role;
