-- What people are called on the record: the name they show while they have an account, and else the one they
-- had when a moderator did something. The record names them by number; names stand apart, and can go.

create or replace function record_names(p_exchange exchanges, p_sequence bigint, p_by_user_id bigint, p_detail jsonb) returns void
language sql security definer
set search_path = betjee, pg_temp
as $$
-- Must be called under the exchange's lock, for an entry that is in the record. Who has no account is named
-- by whoever records the entry.
  insert into recorded_names (exchange_id, sequence, user_id, display_name, recorded_at)
  select u.exchange_id, p_sequence, u.user_id, u.display_name, p_exchange.updated_at
  from (
    select p_by_user_id
    union select (p_detail ->> 'user_id')::bigint
    union select (p_detail ->> 'from_user_id')::bigint
    union select e::bigint
    from jsonb_array_elements_text(case jsonb_typeof(p_detail -> 'user_ids') when 'array' then p_detail -> 'user_ids' else '[]' end) e
  ) m(user_id)
  join users u on u.exchange_id = p_exchange.exchange_id and u.user_id = m.user_id
  where u.status <> 'deleted'
$$;
comment on function record_names(exchanges, bigint, bigint, jsonb) is 'Record what those whom an entry of the moderation log names are called now.';
alter function record_names(exchanges, bigint, bigint, jsonb) owner to exchange_writer;

create or replace function record_strangers_name(p_exchange_id bigint, p_identity_hash bytea, p_display_name text) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- To be called right after the entry was recorded, under the exchange's lock.
  insert into recorded_names (exchange_id, sequence, user_id, identity_hash, display_name, recorded_at)
  select e.exchange_id, e.sequence, 0, p_identity_hash, shown_name(p_display_name), e.updated_at
  from exchanges e
  where e.exchange_id = p_exchange_id and p_display_name is not null
$$;
comment on function record_strangers_name(bigint, bytea, text) is 'Record what somebody without an account is called, whom the newest entry of the moderation log is about.';

create or replace function person_document(p_exchange_id bigint, p_user_id bigint, p_sequence bigint default null) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- The name they show now, where they have an account; the one that was recorded at an entry, or last before it;
-- and whether they have deleted their data, so that there is none.
  select jsonb_build_object(
    'user_id', p_user_id, 'name', case when u.status <> 'deleted' then u.display_name end,
    'name_then', n.display_name,
    'is_deleted', coalesce(u.status = 'deleted', n.user_id is not null and n.display_name is null))
  from (values (1)) one
  left join users u on u.exchange_id = p_exchange_id and u.user_id = p_user_id
  left join lateral (
    select r.user_id, r.display_name from recorded_names r
    where r.exchange_id = p_exchange_id and r.user_id = p_user_id and r.user_id <> 0
      and r.sequence <= coalesce(p_sequence, 9223372036854775807)
    order by r.sequence desc limit 1) n on true
$$;
comment on function person_document(bigint, bigint, bigint) is 'What a user is called now and was called at an entry of the moderation log.';

create or replace function person_of_identity(p_exchange_id bigint, p_identity_hash bytea) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select case when h.user_id is not null then person_document(p_exchange_id, h.user_id)
    else jsonb_build_object(
      'user_id', null, 'name', null, 'name_then', n.display_name, 'is_deleted', n.sequence is not null and n.display_name is null) end
  from (select holder_of_identity(p_exchange_id, p_identity_hash) as user_id) h
  left join lateral (
    select r.sequence, r.display_name from recorded_names r
    where r.exchange_id = p_exchange_id and r.user_id = 0 and r.identity_hash = p_identity_hash
    order by r.sequence desc limit 1) n on true
$$;
comment on function person_of_identity(bigint, bytea) is 'What somebody is called of whom only a keyed hash is known: as the user they are by now, or as they were called when they were banned.';

create or replace function banned_person(p_ban bans) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- Who was wiped, or has deleted themselves and come back, is the user that they are by now.
  select case
    when p_ban.subject <> 'identity' then null
    when p_ban.user_id is null or holder_of_identity(p_ban.exchange_id, p_ban.subject_hash) is not null
      then person_of_identity(p_ban.exchange_id, p_ban.subject_hash)
    else person_document(p_ban.exchange_id, p_ban.user_id) end
$$;
comment on function banned_person(bans) is 'Whom a ban keeps out, as moderators know them; null for a network.';

create or replace function names_of_identity(p_exchange_id bigint, p_user_id bigint, p_identity_hash bytea) returns setof recorded_names
language sql stable
set search_path = betjee, pg_temp
as $$
-- Also those of users that they were before: a ban or a wipe tells their numbers by the same hash.
  select r.* from recorded_names r
  where r.exchange_id = p_exchange_id and r.display_name is not null and (
    r.user_id = 0 and r.identity_hash = p_identity_hash
    or r.user_id <> 0 and r.user_id in (
      select p_user_id
      union select m.user_id from wipe_members m where m.exchange_id = p_exchange_id and m.identity_hash = p_identity_hash
      union select b.user_id from bans b
      where b.exchange_id = p_exchange_id and b.subject = 'identity' and b.subject_hash = p_identity_hash))
$$;
comment on function names_of_identity(bigint, bigint, bytea) is 'The names on the record of a user and of everybody that they were before.';

create or replace function erase_names(p_exchange_id bigint, p_user_id bigint, p_identity_hash bytea) returns bigint
language sql
set search_path = betjee, pg_temp
as $$
-- That there was a name stays known, so that the record tells who deleted their data from who is not known.
-- Must be called under the exchange's lock.
  with erased as (
    update recorded_names r set display_name = null
    from names_of_identity(p_exchange_id, p_user_id, p_identity_hash) n
    where r.exchange_id = n.exchange_id and r.sequence = n.sequence and r.user_id = n.user_id
    returning 1)
  select count(*) from erased
$$;
comment on function erase_names(bigint, bigint, bytea) is 'Take the names of somebody off the record; returns how many.';

create or replace function forget_names(p_exchange_id bigint, p_request_id bigint, p_identity_hash bytea) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- What delete_user() does to names, for somebody who has no account, since they were wiped or banned without
-- one. Bans know them by the hash, and stay. Nobody who has an account takes their names off in this way.
-- Locks: the exchange. Refuses: has_account. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(encode(p_identity_hash, 'hex'))::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'forget_names', v_parameters);
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  perform check_hashes(array[p_identity_hash]);
  if holder_of_identity(p_exchange_id, p_identity_hash) is not null then
    v_outcome := refusal('has_account', 'You have an account here; /privacy delete deletes it with your names.');
  else
    v_outcome := jsonb_build_object('forgotten', erase_names(v_exchange.exchange_id, null, p_identity_hash));
  end if;
  return remember_request(p_exchange_id, p_request_id, 'forget_names', v_parameters, v_outcome);
end
$$;
comment on function forget_names(bigint, bigint, bytea) is 'Take the names of somebody without an account off the record.';
alter function forget_names(bigint, bigint, bytea) owner to exchange_writer;
grant execute on function forget_names(bigint, bigint, bytea) to service_role;

create or replace function purge_names(p_limit integer) returns bigint
language sql security definer
set search_path = betjee, pg_temp
as $$
-- Forgets names that were recorded 400 days ago, at most p_limit in one call, save those of who is banned:
-- moderators must know whom they let in again. Locks: only what it deletes.
  with forgotten as (
    delete from recorded_names
    where (exchange_id, sequence, user_id) in (
      select r.exchange_id, r.sequence, r.user_id from recorded_names r
      where r.recorded_at < clock_timestamp() - interval '400 days'
        and not exists (
          select from bans b
          where b.exchange_id = r.exchange_id and b.ended_at is null and b.subject = 'identity'
            and (b.user_id = r.user_id or r.user_id = 0 and b.subject_hash = r.identity_hash))
      limit least(p_limit, 100000))
    returning 1)
  select count(*) from forgotten
$$;
comment on function purge_names(integer) is 'Forget old names on the record; returns how many.';
alter function purge_names(integer) owner to exchange_writer;
grant execute on function purge_names(integer) to service_role;
