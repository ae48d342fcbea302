-- The record of what moderators did, and who owns an exchange.

create or replace function members_of_act(p_entry moderation_log) returns bigint[]
language sql stable
set search_path = betjee, pg_temp
as $$
-- An entry about a wipe that was planned before is about whom that is for.
  select case when jsonb_typeof(p_entry.detail -> 'user_ids') = 'array'
    then array(select e::bigint from jsonb_array_elements_text(p_entry.detail -> 'user_ids') e order by e::bigint)
    else array(
      select m.user_id from wipe_members m
      where m.exchange_id = p_entry.exchange_id and m.wipe_id = (p_entry.detail ->> 'wipe_id')::bigint order by m.user_id) end
$$;
comment on function members_of_act(moderation_log) is 'Whom an entry of the moderation log about many is about, by number.';

create or replace function act_document(p_entry moderation_log) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- People are called what they are called now and what they were called then. Of many at most 20 are named.
-- The acts of the exchange itself have the number 0. An entry of a ban by a hash alone names whom that is.
  select jsonb_build_object(
    'sequence', p_entry.sequence, 'act', p_entry.act, 'moderator_user_id', p_entry.moderator_user_id,
    'moderator', case when p_entry.moderator_user_id <> 0
      then person_document(p_entry.exchange_id, p_entry.moderator_user_id, p_entry.sequence) end,
    'member', case when u.user_id is not null then person_document(p_entry.exchange_id, u.user_id, p_entry.sequence)
      else (
        select banned_person(b) from bans b
        where b.exchange_id = p_entry.exchange_id and b.ban_id = (p_entry.detail ->> 'ban_id')::bigint) end,
    'members', array(
      select person_document(p_entry.exchange_id, m, p_entry.sequence) from unnest(w.user_ids[:20]) with ordinality n(m, place)
      order by n.place),
    'members_total', cardinality(w.user_ids),
    'unit', (
      select d.unit from setting_definitions() d
      where p_entry.act = 'change_setting' and d.name = p_entry.detail ->> 'name'),
    'detail', p_entry.detail, 'recorded_at', p_entry.recorded_at)
  from (select coalesce(p_entry.detail ->> 'from_user_id', p_entry.detail ->> 'user_id')::bigint as user_id) u,
    (select members_of_act(p_entry) as user_ids) w
$$;
comment on function act_document(moderation_log) is 'An entry of the moderation log with the names of whom it is about.';

create or replace function list_moderation_log(
  p_exchange_id bigint, p_moderator_user_id bigint, p_before_sequence bigint, p_limit integer
) returns setof jsonb
language plpgsql stable security definer
set search_path = betjee, pg_temp
as $$
-- Acts before a sequence (null: all), newest first, for moderators; anyone else is an exception.
begin
  perform require_power(p_exchange_id, p_moderator_user_id);
  return query
  select act_document(l)
  from moderation_log l
  where l.exchange_id = p_exchange_id and l.sequence < coalesce(p_before_sequence, 9223372036854775807)
  order by l.sequence desc
  limit least(greatest(p_limit, 1), 100);
end
$$;
comment on function list_moderation_log(bigint, bigint, bigint, integer) is 'A page of what moderators did, the newest first.';
alter function list_moderation_log(bigint, bigint, bigint, integer) owner to exchange_writer;
grant execute on function list_moderation_log(bigint, bigint, bigint, integer) to service_role;

create or replace function transfer_ownership(
  p_exchange_id bigint, p_request_id bigint, p_provider text, p_provider_user_id text, p_display_name text, p_identity_hash bytea
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Makes who owns the community now the owner of its exchange, on the record, as the front end learns
-- it; where they are that already, nothing changes. Whoever owned it before has no power left, and can
-- be appointed again. Nobody whom moderators froze, banned or planned to wipe is locked out of what
-- they own: that ends, and a bonus that waited is granted.
-- Locks: the exchange, then the markets in which their orders have their turn. Refuses nothing. A
-- repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_provider, p_provider_user_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'transfer_ownership', v_parameters);
  v_user_id bigint;
  v_before bigint;
  v_wipe_id bigint;
  v_markets text[] := '{}';
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  perform check_hashes(array[p_identity_hash]);
  v_user_id := ensure_user(p_exchange_id, p_provider, p_provider_user_id, p_display_name);
  perform note_identity(p_exchange_id, v_user_id, p_identity_hash);
  select user_id into v_before from moderators where exchange_id = p_exchange_id and rank = 'owner';
  if v_before is distinct from v_user_id then
    delete from moderators where exchange_id = p_exchange_id and user_id in (v_before, v_user_id);
    insert into moderators (exchange_id, user_id, rank) values (p_exchange_id, v_user_id, 'owner');
    perform log_moderation(v_exchange, v_user_id, 'transfer_ownership', jsonb_build_object(
      'user_id', v_user_id, 'from_user_id', v_before), p_request_id);
    delete from freezes where exchange_id = p_exchange_id and user_id = v_user_id;
    perform release_marks(v_exchange, array[p_identity_hash], '{burst}', v_user_id, 'everyone');
    update bans set ended_at = v_exchange.updated_at
    where exchange_id = p_exchange_id and ended_at is null
      and (user_id = v_user_id or subject = 'identity' and subject_hash = p_identity_hash);
    for v_wipe_id in
      select w.wipe_id from wipes w join wipe_members m using (exchange_id, wipe_id)
      where w.exchange_id = p_exchange_id and m.user_id = v_user_id and w.ended_at is null order by w.wipe_id
    loop
      v_markets := v_markets
        || release_wipe(v_exchange, v_wipe_id, v_user_id, p_request_id, 'a member owns the exchange by now');
    end loop;
    perform execute_orders(p_exchange_id, '{}', v_markets || settle_standing(p_exchange_id, array[v_user_id]));
  end if;
  v_outcome := moderator_document(p_exchange_id, v_user_id, 'owner')
    || jsonb_build_object('changed', v_before is distinct from v_user_id);
  return remember_request(p_exchange_id, p_request_id, 'transfer_ownership', v_parameters, v_outcome);
end
$$;
comment on function transfer_ownership(bigint, bigint, text, text, text, bytea) is 'Make who owns a community the owner of its exchange, on the record.';
alter function transfer_ownership(bigint, bigint, text, text, text, bytea) owner to exchange_writer;
grant execute on function transfer_ownership(bigint, bigint, text, text, text, bytea) to service_role;
