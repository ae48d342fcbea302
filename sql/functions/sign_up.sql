-- Signing up: who may, by which way, and the bonus that everybody gets once.

create or replace function sign_up_refusal(
  p_exchange_id bigint, p_user users, p_identity_hash bytea, p_networks network_keys
) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- Why somebody is kept out, or null: the one rule for both ways of signing up. p_user is null throughout
-- for whoever is new, p_networks where no page was used. A member is not asked about their network again.
  select coalesce(
    ban_refusal(p_exchange_id, p_user, p_identity_hash),
    case when p_user.registered_at is null and rank_number(p_exchange_id, p_user.user_id) = 0 then
      network_refusal(p_exchange_id, network_hashes(p_networks)) end)
$$;
comment on function sign_up_refusal(bigint, users, bytea, network_keys) is 'Why somebody may not sign up from a network, or null.';

create or replace function network_hashes(p_networks network_keys) returns bytea[]
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  select array_remove(array[p_networks.network_key, p_networks.network_key_56, p_networks.network_key_48], null)
$$;
comment on function network_hashes(network_keys) is 'The hashes of a network and of the wider ones around it.';

create or replace function newcomer_refusal(
  p_exchange exchanges, p_account_created_at timestamptz, p_joined_at timestamptz
) returns jsonb
language plpgsql stable
set search_path = betjee, pg_temp
as $$
-- Why a newcomer must wait, or null. What their provider does not tell does not keep them waiting.
declare
  v_settings exchange_settings := typed_settings(p_exchange.settings);
  v_old_enough_at timestamptz := p_account_created_at + make_interval(days => v_settings.min_account_age_days);
  v_long_enough_at timestamptz := p_joined_at + make_interval(hours => v_settings.min_membership_hours);
  v_welcome_at timestamptz := greatest(v_old_enough_at, v_long_enough_at);
begin
  if coalesce(v_welcome_at <= p_exchange.updated_at, true) then
    return null;
  end if;
  return case
    when v_old_enough_at > p_exchange.updated_at then
      refusal('account_too_young', format(
        'Accounts must be %s days old to sign up here. Come back after %s.', v_settings.min_account_age_days, moment_text(v_welcome_at)))
    else
      refusal('member_too_new', format(
        'Members must have been here for %s hours to sign up. Come back after %s.', v_settings.min_membership_hours, moment_text(v_welcome_at)))
  end || jsonb_build_object(
    'welcome_at', v_welcome_at, 'min_account_age_days', v_settings.min_account_age_days,
    'min_membership_hours', v_settings.min_membership_hours);
end
$$;
comment on function newcomer_refusal(exchanges, timestamptz, timestamptz) is 'Why somebody may not sign up yet, with the time from which they may, or null.';

create or replace function moment_text(p_time timestamptz) returns text
language sql stable
set search_path = betjee, pg_temp
as $$
  select to_char(p_time at time zone 'UTC', 'FMDD Mon YYYY, HH24:MI "UTC"')
$$;
comment on function moment_text(timestamptz) is 'A time as sentences write it.';

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

create or replace function enrol_user(
  p_exchange exchanges, p_provider text, p_provider_user_id text, p_display_name text, p_identity_hash bytea
) returns jsonb
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Makes somebody a member who may trade, with the bonus where their identity has not had it this season;
-- a member already only gets the name that they show now. The one place that grants a bonus, save those
-- that waited: whoever calls it has checked everything else. The bonus of who is marked waits. Must be called
-- under the exchange's lock.
declare
  v_user_id bigint := ensure_user(p_exchange.exchange_id, p_provider, p_provider_user_id, p_display_name);
  v_is_first boolean := mark_bonus(p_exchange, p_identity_hash);
  v_bonus_paise bigint := 0;
  v_user users;
begin
  perform note_identity(p_exchange.exchange_id, v_user_id, p_identity_hash);
  select * into strict v_user from users where exchange_id = p_exchange.exchange_id and user_id = v_user_id;
  if v_user.registered_at is null then
    v_bonus_paise := case when v_is_first then (typed_settings(p_exchange.settings)).signup_bonus_paise else 0 end;
    v_bonus_paise := v_bonus_paise - withhold_bonus(p_exchange, p_identity_hash, v_user_id, v_bonus_paise);
    insert into grants (exchange_id, sequence, user_id, kind, amount_paise, granted_at)
    values (
      p_exchange.exchange_id, next_sequence(p_exchange.exchange_id, p_exchange.updated_at), v_user_id, 'signup',
      v_bonus_paise, p_exchange.updated_at);
    update users set cash_paise = cash_paise + v_bonus_paise, registered_at = p_exchange.updated_at
    where exchange_id = p_exchange.exchange_id and user_id = v_user_id;
  end if;
  return jsonb_build_object(
    'user_id', v_user_id, 'display_name', v_user.display_name, 'created', v_user.registered_at is null,
    'bonus_paise', v_bonus_paise, 'withheld_paise', withheld_bonus(p_exchange.exchange_id, v_user_id), 'had_bonus_before', not v_is_first, 'cash_paise', v_user.cash_paise + v_bonus_paise);
end
$$;
comment on function enrol_user(exchanges, text, text, text, bytea) is 'Make somebody a member, and grant the bonus once for each identity and season.';

create or replace function register_user(
  p_exchange_id bigint, p_request_id bigint, p_provider text, p_provider_user_id text, p_display_name text,
  p_identity_hash bytea, p_account_created_at timestamptz default null, p_joined_at timestamptz default null,
  p_token_hash bytea default null
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Signs somebody up who asks for it in the chat: at once where the exchange's verification is off, else
-- by a link to the page, whose token's hash the caller brings. A member is only told what they have.
-- Locks: the exchange. Refuses: user_banned with the reason, account_too_young and member_too_new with the time from
-- which they may, verification_unavailable where there is no page. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_provider, p_provider_user_id, encode(p_token_hash, 'hex'))::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'register_user', v_parameters);
  v_user users;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_user := user_of_identity(p_exchange_id, p_provider, p_provider_user_id);
  v_outcome := sign_up_refusal(p_exchange_id, v_user, p_identity_hash, null);
  if v_outcome is null and v_user.registered_at is null then
    v_outcome := newcomer_refusal(v_exchange, p_account_created_at, p_joined_at);
    -- A setting that were missing must not open the exchange to everyone.
    if v_outcome is null and (typed_settings(v_exchange.settings)).verification is distinct from 'off' then
      v_outcome := issue_token(v_exchange, p_token_hash, p_provider, p_provider_user_id, p_display_name, p_identity_hash, p_joined_at);
    end if;
  end if;
  if v_outcome is null then
    v_outcome := enrol_user(v_exchange, p_provider, p_provider_user_id, p_display_name, p_identity_hash);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'register_user', v_parameters, v_outcome);
end
$$;
comment on function register_user(bigint, bigint, text, text, text, bytea, timestamptz, timestamptz, bytea) is 'Sign somebody up, at once or by a link to the page, as the exchange has it.';
alter function register_user(bigint, bigint, text, text, text, bytea, timestamptz, timestamptz, bytea) owner to exchange_writer;
grant execute on function register_user(bigint, bigint, text, text, text, bytea, timestamptz, timestamptz, bytea) to service_role;
