-- Bans of identities and networks. They are known by keyed hashes, so that they outlive the rows of
-- whoever is banned and tell nobody who that was.

create or replace function ban_document(p_ban bans) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object(
    'ban_id', p_ban.ban_id, 'subject', p_ban.subject, 'user_id', p_ban.user_id, 'reason', p_ban.reason,
    'person', banned_person(p_ban), 'wipe_id', p_ban.wipe_id, 'banned_at', p_ban.banned_at, 'banned_until', p_ban.banned_until,
    'appeal', p_ban.appeal, 'appealed_at', p_ban.appealed_at)
$$;
comment on function ban_document(bans) is 'A ban as the answers show one, with what whoever it keeps out is called.';

create or replace function ban_in_force(p_exchange_id bigint, p_subject text, p_hash bytea) returns bans
language sql stable
set search_path = betjee, pg_temp
as $$
-- A ban that is over by the clock is none, though nobody may have written since.
  select b from bans b
  where b.exchange_id = p_exchange_id and b.subject = p_subject and b.subject_hash = p_hash and b.ended_at is null
    and coalesce(b.banned_until > clock_timestamp(), true)
$$;
comment on function ban_in_force(bigint, text, bytea) is 'The ban of an identity or a network, or null.';

create or replace function is_banned(p_exchange_id bigint, p_subject text, p_hash bytea) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
-- Whether there can be no second ban. One that ends while a transaction bans goes on until the next,
-- so that the clock of this moment is not asked.
  select exists (
    select from bans b
    where b.exchange_id = p_exchange_id and b.subject = p_subject and b.subject_hash = p_hash and b.ended_at is null)
$$;
comment on function is_banned(bigint, text, bytea) is 'Whether an identity or a network has a ban that nothing has ended on the record.';

create or replace function ban_refusal(p_exchange_id bigint, p_user users, p_identity_hash bytea) returns jsonb
language plpgsql stable
set search_path = betjee, pg_temp
as $$
-- What somebody who is banned is told: why, until when, and whether they can still appeal; else null.
-- p_user is null throughout for whoever is new. Nobody who moderates is banned by a hash alone.
declare
  v_ban bans;
begin
  if p_user.status = 'banned' then
    select * into v_ban from bans b
    where b.exchange_id = p_exchange_id and b.user_id = p_user.user_id and b.ended_at is null limit 1;
  elsif rank_number(p_exchange_id, p_user.user_id) = 0 then
    v_ban := ban_in_force(p_exchange_id, 'identity', p_identity_hash);
  end if;
  if v_ban.ban_id is null then
    return case when p_user.status = 'banned' then refusal('user_banned', 'You are banned from this exchange.') end;
  end if;
  return refusal('user_banned', format('You are banned from this exchange%s: %s %s',
      coalesce(' until ' || moment_text(v_ban.banned_until), ''), v_ban.reason || case when v_ban.reason ~ '[.!?]$' then '' else '.' end, case
        when v_ban.appeal is null then 'In the chat, /appeal tells the moderators your side, once.'
        else 'You have appealed already; the moderators decide.' end))
    || jsonb_build_object(
      'reason', v_ban.reason, 'banned_until', v_ban.banned_until, 'can_appeal', v_ban.appeal is null);
end
$$;
comment on function ban_refusal(bigint, users, bytea) is 'Why somebody is banned from signing up, or null; p_user is null throughout for whoever is new.';

create or replace function network_refusal(p_exchange_id bigint, p_network_hashes bytea[]) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- Whoever shares a banned network is not told why it was banned, since that was said of others.
  select refusal('network_banned', 'Nobody may sign up from this network at the moment; ask the moderators, or try another one.')
  where exists (
    select from unnest(p_network_hashes) h where (ban_in_force(p_exchange_id, 'network', h)).ban_id is not null)
$$;
comment on function network_refusal(bigint, bytea[]) is 'Why nobody may sign up from a network, or null.';

create or replace function duration_refusal(p_seconds bigint) returns jsonb
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  select refusal('invalid_duration', 'A ban lasts from a minute to ten years, or until a moderator ends it.')
  where p_seconds not between 60 and 315360000
$$;
comment on function duration_refusal(bigint) is 'The refusal for a ban that is too short or too long; else null, also where it has no end.';

create or replace function holder_of_identity(p_exchange_id bigint, p_identity_hash bytea) returns bigint
language sql stable
set search_path = betjee, pg_temp
as $$
  select u.user_id from accounts a
  join users u using (exchange_id, user_id)
  where a.exchange_id = p_exchange_id and a.identity_hash = p_identity_hash and u.status <> 'deleted' limit 1
$$;
comment on function holder_of_identity(bigint, bytea) is 'The user whose identity has a hash, or null.';

create or replace function ban_user(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_user_id bigint,
  p_identity_hash bytea, p_reason text, p_seconds bigint, p_display_name text default null
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Bans an identity, on the record, for good or for so many seconds, and tells the member why. p_user_id is
-- null for someone whom the exchange does not know: they are banned by their hash alone, and as the member
-- they are if they have signed up meanwhile; moderators know them again by p_display_name. What they have stays
-- theirs; their waiting orders are suspended.
-- Locks: the exchange. Refuses: not_a_moderator, unknown_user, own_account, outranked,
-- invalid_reason, invalid_duration, already_banned. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_user_id, encode(p_identity_hash, 'hex'), p_reason, p_seconds)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'ban_user', v_parameters);
  v_user_id bigint;
  v_ban bans;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  perform check_hashes(array[p_identity_hash]);
  v_user_id := coalesce(p_user_id, holder_of_identity(p_exchange_id, p_identity_hash));
  v_outcome := coalesce(
    power_refusal(p_exchange_id, p_moderator_user_id, v_user_id),
    reason_refusal(p_reason),
    duration_refusal(p_seconds),
    case when is_banned(p_exchange_id, 'identity', p_identity_hash)
      then refusal('already_banned', 'They are banned already; end that ban with /unban first.') end);
  if v_outcome is null then
    insert into bans (
      exchange_id, ban_id, subject, subject_hash, user_id, moderator_user_id, reason, banned_at, banned_until)
    values (
      p_exchange_id, next_sequence(p_exchange_id, v_exchange.updated_at), 'identity', p_identity_hash, v_user_id,
      p_moderator_user_id, trimmed(p_reason), v_exchange.updated_at, v_exchange.updated_at + make_interval(secs => p_seconds))
    returning * into v_ban;
    if v_user_id is not null then
      perform settle_standing(p_exchange_id, array[v_user_id]);
      perform queue_notices(v_exchange, array[(v_user_id, 'account_banned', jsonb_build_object(
        'reason', v_ban.reason, 'banned_until', v_ban.banned_until))::notice]);
    end if;
    perform log_moderation(v_exchange, p_moderator_user_id, 'ban_user', jsonb_build_object(
      'ban_id', v_ban.ban_id, 'user_id', v_user_id, 'reason', v_ban.reason, 'banned_until', v_ban.banned_until), p_request_id);
    if v_user_id is null then
      perform record_strangers_name(p_exchange_id, p_identity_hash, p_display_name);
    end if;
    v_outcome := ban_document(v_ban);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'ban_user', v_parameters, v_outcome);
end
$$;
comment on function ban_user(bigint, bigint, bigint, bigint, bytea, text, bigint, text) is 'Ban an identity, on the record.';
alter function ban_user(bigint, bigint, bigint, bigint, bytea, text, bigint, text) owner to exchange_writer;
grant execute on function ban_user(bigint, bigint, bigint, bigint, bytea, text, bigint, text) to service_role;

create or replace function is_identity_known(p_exchange_id bigint, p_user_id bigint) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
-- Whoever was appointed by a front end that did not tell it, and never signed up, has no hash: what is said
-- of a hash alone might be said of them.
  select exists (
    select from accounts a
    where a.exchange_id = p_exchange_id and a.user_id = p_user_id and a.identity_hash is not null)
$$;
comment on function is_identity_known(bigint, bigint) is 'Whether it is known by which keyed hash a user is known.';

create or replace function unban(p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_ban_id bigint) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Ends a ban, on the record. A member who still has their rows may trade again, unless they are frozen
-- or await a wipe; waiting orders that the price has crossed meanwhile have their turn at once.
-- Locks: the exchange, then the markets of those orders. Refuses: not_a_moderator, unknown_ban,
-- own_account, outranked, unknown_identity, ban_ended. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_ban_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'unban', v_parameters);
  v_ban bans;
  v_user_id bigint;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  select * into v_ban from bans where exchange_id = p_exchange_id and ban_id = p_ban_id;
  -- A ban by a hash alone is of somebody too, once they are here: nobody lifts their own.
  v_user_id := coalesce(
    (select user_id from users where exchange_id = p_exchange_id and user_id = v_ban.user_id and status <> 'deleted'),
    holder_of_identity(p_exchange_id, v_ban.subject_hash));
  v_outcome := coalesce(power_refusal(p_exchange_id, p_moderator_user_id, v_user_id), case
    when v_ban.subject = 'identity' and v_user_id is null and not is_identity_known(p_exchange_id, p_moderator_user_id)
      then refusal('unknown_identity', 'It is not known here whether that ban is your own. Type /register, or let the owner appoint you again; then try once more.')
    when v_ban.ban_id is null then refusal('unknown_ban', 'There is no such ban; /bans lists those in force.')
    when v_ban.ended_at is not null then refusal('ban_ended', 'That ban has ended already, and keeps nobody out.') end);
  if v_outcome is null then
    update bans set ended_at = v_exchange.updated_at where exchange_id = p_exchange_id and ban_id = p_ban_id;
    perform log_moderation(v_exchange, p_moderator_user_id, 'unban', jsonb_build_object(
      'ban_id', p_ban_id, 'user_id', v_ban.user_id, 'subject', v_ban.subject), p_request_id);
    if v_user_id is not null then
      perform queue_notices(v_exchange, array[(v_user_id, 'account_unbanned', '{}')::notice]);
      perform execute_orders(p_exchange_id, '{}', settle_standing(p_exchange_id, array[v_user_id]));
    end if;
    v_outcome := ban_document(v_ban);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'unban', v_parameters, v_outcome);
end
$$;
comment on function unban(bigint, bigint, bigint, bigint) is 'End a ban, on the record.';
alter function unban(bigint, bigint, bigint, bigint) owner to exchange_writer;
grant execute on function unban(bigint, bigint, bigint, bigint) to service_role;

create or replace function end_bans(p_exchange exchanges) returns text[]
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Ends the bans whose time is over; returns the markets in which orders of the members wait again.
-- Must be called under the exchange's lock.
declare
  v_user_ids bigint[];
begin
  with ended as (
    update bans b set ended_at = p_exchange.updated_at
    where b.exchange_id = p_exchange.exchange_id and b.ended_at is null and b.banned_until <= p_exchange.updated_at
    returning b.user_id)
  select array_agg(user_id) into v_user_ids from ended;
  if v_user_ids is null then
    return '{}';
  end if;
  perform next_sequence(p_exchange.exchange_id, p_exchange.updated_at);
  return settle_standing(p_exchange.exchange_id, v_user_ids);
end
$$;
comment on function end_bans(exchanges) is 'End the bans whose time is over.';

create or replace function find_ban(p_exchange_id bigint, p_identity_hash bytea) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select ban_document(b) || jsonb_build_object('can_appeal', b.appeal is null)
  from ban_in_force(p_exchange_id, 'identity', p_identity_hash) b where b.ban_id is not null
$$;
comment on function find_ban(bigint, bytea) is 'The ban of an identity, as the banned are told of it, or null.';
alter function find_ban(bigint, bytea) owner to exchange_writer;
grant execute on function find_ban(bigint, bytea) to service_role;

create or replace function list_bans(p_exchange_id bigint, p_moderator_user_id bigint, p_limit integer) returns setof jsonb
language plpgsql stable security definer
set search_path = betjee, pg_temp
as $$
-- The bans in force, those with an appeal first, then the newest, for moderators; anyone else is an exception.
begin
  perform require_power(p_exchange_id, p_moderator_user_id);
  return query
  select ban_document(b) from bans b
  where b.exchange_id = p_exchange_id and b.ended_at is null and coalesce(b.banned_until > clock_timestamp(), true)
  order by b.appealed_at desc nulls last, b.ban_id desc
  limit least(greatest(p_limit, 1), 100);
end
$$;
comment on function list_bans(bigint, bigint, integer) is 'The bans in force, those that were appealed first.';
alter function list_bans(bigint, bigint, integer) owner to exchange_writer;
grant execute on function list_bans(bigint, bigint, integer) to service_role;

create or replace function appeal(p_exchange_id bigint, p_request_id bigint, p_identity_hash bytea, p_text text) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Records what someone who is banned has to say, once for each ban; moderators see it by list_bans().
-- Locks: the exchange. Refuses: not_banned, already_appealed, invalid_text. A repeated request gets
-- its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_text text := trimmed(p_text);
  v_parameters text := jsonb_build_array(encode(p_identity_hash, 'hex'), p_text)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'appeal', v_parameters);
  v_ban bans;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  v_ban := ban_in_force(p_exchange_id, 'identity', p_identity_hash);
  v_outcome := case
    when v_ban.ban_id is null then refusal('not_banned', 'You are not banned here. If your account is frozen, /report reaches the moderators.')
    when v_ban.appeal is not null then refusal('already_appealed', 'You have appealed already; the moderators decide.')
    when coalesce(char_length(v_text), 0) not between 1 and 1000 then refusal('invalid_text', 'An appeal has 1 to 1,000 characters.') end;
  if v_outcome is null then
    update bans set appeal = v_text, appealed_at = v_exchange.updated_at
    where exchange_id = p_exchange_id and ban_id = v_ban.ban_id;
    perform next_sequence(p_exchange_id, v_exchange.updated_at);
    v_outcome := jsonb_build_object('ban_id', v_ban.ban_id, 'reason', v_ban.reason);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'appeal', v_parameters, v_outcome);
end
$$;
comment on function appeal(bigint, bigint, bytea, text) is 'Record the appeal of someone who is banned, once.';
alter function appeal(bigint, bigint, bytea, text) owner to exchange_writer;
grant execute on function appeal(bigint, bigint, bytea, text) to service_role;
