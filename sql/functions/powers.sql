-- Who may moderate whom, and what a member may do after all that was done to them.

create or replace function rank_number(p_exchange_id bigint, p_user_id bigint) returns integer
language sql stable
set search_path = betjee, pg_temp
as $$
-- Of someone who is moderated the rank counts even while they are frozen, so that a freeze does not
-- hand them over to their equals.
  select coalesce(max(case rank when 'owner' then 2 else 1 end), 0)::integer from moderators
  where exchange_id = p_exchange_id and user_id = p_user_id
$$;
comment on function rank_number(bigint, bigint) is '2 for the owner, 1 for a moderator, 0 for everyone else.';

create or replace function power_refusal(p_exchange_id bigint, p_moderator_user_id bigint) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select refusal('not_a_moderator', 'Only a moderator of this exchange may do that.')
  where moderator_rank(p_exchange_id, p_moderator_user_id) is null
$$;
comment on function power_refusal(bigint, bigint) is 'The refusal for someone who has no power in an exchange; else null.';

create or replace function power_refusal(p_exchange_id bigint, p_moderator_user_id bigint, p_user_id bigint) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- Nobody moderates themselves, nor anyone of their own rank or above. Someone whose rows are gone
-- stands below everyone.
  select coalesce(power_refusal(p_exchange_id, p_moderator_user_id), case
    when p_user_id is null then null
    when not exists (
      select from users u where u.exchange_id = p_exchange_id and u.user_id = p_user_id and u.status <> 'deleted')
      then refusal('unknown_user', 'This exchange has no such member.')
    when p_user_id = p_moderator_user_id then refusal('own_account', 'Nobody moderates themselves; another moderator has to do that.')
    when rank_number(p_exchange_id, p_user_id) >= rank_number(p_exchange_id, p_moderator_user_id)
      then refusal('outranked', 'They moderate this exchange themselves: only someone of a higher rank may do that to them.')
    end)
$$;
comment on function power_refusal(bigint, bigint, bigint) is 'The refusal for someone who has no power over a member; else null.';

create or replace function require_power(p_exchange_id bigint, p_moderator_user_id bigint) returns void
language plpgsql stable
set search_path = betjee, pg_temp
as $$
-- No front end offers what moderators read to anyone else, so that asking for it is an exception.
begin
  if moderator_rank(p_exchange_id, p_moderator_user_id) is null then
    raise exception 'Only a moderator of this exchange may read that.' using errcode = 'insufficient_privilege';
  end if;
end
$$;
comment on function require_power(bigint, bigint) is 'Raise for anyone who does not moderate an exchange.';

create or replace function reason_refusal(p_reason text) returns jsonb
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  select refusal('invalid_reason', 'Say why, in 1 to 300 characters: the member is told, and it goes on the record.')
  where coalesce(char_length(trimmed(p_reason)), 0) not between 1 and 300
$$;
comment on function reason_refusal(text) is 'The refusal for a reason that is empty or too long; else null.';

create or replace function check_hashes(p_hashes bytea[]) returns void
language plpgsql immutable
set search_path = betjee, pg_temp
as $$
-- Hashes are made by programs, so that a wrong one is a caller's bug, hence an exception.
begin
  if exists (select from unnest(p_hashes) h where h is null or octet_length(h) <> 32) then
    raise exception 'A keyed hash has 32 bytes.' using errcode = 'invalid_parameter_value';
  end if;
end
$$;
comment on function check_hashes(bytea[]) is 'Raise for anything that is not a keyed hash.';

create or replace function awaits_wipe(p_exchange_id bigint, p_user_id bigint) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
  select exists (
    select from wipe_members m join wipes w using (exchange_id, wipe_id)
    where m.exchange_id = p_exchange_id and m.user_id = p_user_id and w.ended_at is null)
$$;
comment on function awaits_wipe(bigint, bigint) is 'Whether a wipe of a user is planned and neither executed nor undone.';

create or replace function settle_standing(p_exchange_id bigint, p_user_ids bigint[]) returns text[]
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Makes the status of users what freezes, bans and planned wipes give, so that the end of one of them
-- ends none of the others. Waiting orders of those who may not trade are suspended; those of who may
-- again are armed again, and their markets are returned: what the price has crossed meanwhile is to
-- be looked at. Must be called under the exchange's lock.
declare
  v_armed integer[];
begin
  update users u set status = s.status
  from (
    select m.user_id, case
      when exists (
        select from bans b
        where b.exchange_id = p_exchange_id and b.user_id = m.user_id and b.ended_at is null) then 'banned'
      when exists (select from freezes f where f.exchange_id = p_exchange_id and f.user_id = m.user_id)
        or awaits_wipe(p_exchange_id, m.user_id) then 'frozen'
      else 'active' end as status
    from unnest(p_user_ids) m(user_id)) s
  where u.exchange_id = p_exchange_id and u.user_id = s.user_id and u.status not in (s.status, 'deleted');
  update stop_losses w set status = 'suspended'
  from users u
  where w.exchange_id = p_exchange_id and w.user_id = any (p_user_ids) and w.status = 'armed'
    and u.exchange_id = p_exchange_id and u.user_id = w.user_id and u.status <> 'active';
  with armed as (
    update stop_losses w set status = 'armed'
    from users u
    where w.exchange_id = p_exchange_id and w.user_id = any (p_user_ids) and w.status = 'suspended'
      and u.exchange_id = p_exchange_id and u.user_id = w.user_id and u.status = 'active'
    returning w.shift_id)
  select array_agg(distinct shift_id) into v_armed from armed;
  return array(
    select code from markets m
    where m.exchange_id = p_exchange_id and m.shift_id = any (v_armed) order by m.shift_id);
end
$$;
comment on function settle_standing(bigint, bigint[]) is 'Make the status of users what was done to them gives; returns the markets in which orders wait again.';

create or replace function member_document(p_exchange_id bigint, p_user_id bigint) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object('user_id', user_id, 'display_name', display_name, 'status', status)
  from users where exchange_id = p_exchange_id and user_id = p_user_id
$$;
comment on function member_document(bigint, bigint) is 'A member as the answers to moderators show one.';
