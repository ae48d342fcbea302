-- What members see of their notices, how they choose to be told, and where an exchange speaks.

create or replace function member_refusal(p_exchange_id bigint, p_user_id bigint) returns jsonb
language plpgsql stable
set search_path = betjee, pg_temp
as $$
-- Why a user may not do what members do, with what holds them back, or null.
declare
  v_user users;
begin
  select * into v_user from users where exchange_id = p_exchange_id and user_id = p_user_id;
  return case
    when v_user.registered_at is null or v_user.status = 'deleted' then refusal('not_registered', 'Only members may do that; sign up first.')
    when v_user.status in ('frozen', 'banned') then refusal('user_' || v_user.status, case v_user.status
        when 'frozen' then 'A frozen account cannot do that.' else 'Who is banned cannot do that.' end)
      || jsonb_build_object('hold', find_hold(p_exchange_id, p_user_id)) end;
end
$$;
comment on function member_refusal(bigint, bigint) is 'The refusal for someone who has not signed up, is frozen or banned; else null.';

create or replace function is_missed(p_notice outbox) returns boolean
language sql immutable parallel safe
-- A ping in the channel says only that there is something, so what it stands for is missed until it is seen.
return (p_notice).seen_at is null and coalesce((p_notice).delivered_by, 'none') <> 'direct';
comment on function is_missed(outbox) is 'Whether a user has not been told what a notice says.';

create or replace function list_notices(p_exchange_id bigint, p_user_id bigint, p_limit integer) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- What the user missed first, then what else is recent, each from the newest on.
  select jsonb_build_object(
    'notify_by', u.notify_by,
    'missed', (
      select count(*) from outbox o
      where o.exchange_id = u.exchange_id and o.user_id = u.user_id and is_missed(o)),
    'notices', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'notice_id', n.notice_id, 'kind', n.kind, 'detail', n.detail, 'created_at', n.created_at,
        'state', n.state, 'is_missed', n.is_missed) order by n.is_missed desc, n.notice_id desc), '[]')
      from (
        select o.*, is_missed(o) as is_missed from outbox o
        where o.exchange_id = u.exchange_id and o.user_id = u.user_id
        order by is_missed(o) desc, o.notice_id desc
        limit least(greatest(p_limit, 1), 100)) n))
  from users u
  where u.exchange_id = p_exchange_id and u.user_id = p_user_id
$$;
comment on function list_notices(bigint, bigint, integer) is 'A user''s notices, those missed first, and how they want to be told; null for a stranger.';
alter function list_notices(bigint, bigint, integer) owner to exchange_writer;
grant execute on function list_notices(bigint, bigint, integer) to service_role;

create or replace function mark_notices_seen(p_exchange_id bigint, p_user_id bigint, p_notice_ids bigint[]) returns bigint
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Notes that a user has been shown these notices of theirs; returns how many were new to them. It is
-- its own memory: again, it changes nothing. Locks: the exchange, then the notices.
declare
  v_seen bigint;
begin
  if coalesce(cardinality(p_notice_ids), 0) > 100 then
    raise exception 'At most 100 notices are shown at once, not %.', cardinality(p_notice_ids) using errcode = 'invalid_parameter_value';
  end if;
  perform lock_exchange(p_exchange_id);
  update outbox set seen_at = clock_timestamp()
  where exchange_id = p_exchange_id and notice_id = any (p_notice_ids) and user_id = p_user_id and seen_at is null;
  get diagnostics v_seen = row_count;
  return v_seen;
end
$$;
comment on function mark_notices_seen(bigint, bigint, bigint[]) is 'Note that a user has been shown some of their notices.';
alter function mark_notices_seen(bigint, bigint, bigint[]) owner to exchange_writer;
grant execute on function mark_notices_seen(bigint, bigint, bigint[]) to service_role;

create or replace function choose_notifications(
  p_exchange_id bigint, p_request_id bigint, p_user_id bigint, p_notify_by text
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Chooses how a member is told from now on. What was kept before stays kept; by none, what is still
-- pending is kept too. A frozen or banned member may choose as well, above all none.
-- Locks: the exchange, then the member's notices. Refuses: not_registered, invalid_choice. A repeated
-- request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_user_id, p_notify_by)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'choose_notifications', v_parameters);
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_outcome := member_refusal(v_exchange.exchange_id, p_user_id);
  if v_outcome ->> 'refused' = 'not_registered' then
    null;
  elsif p_notify_by is null or p_notify_by not in ('none', 'direct', 'channel') then
    v_outcome := refusal('invalid_choice', 'Notices come by direct message, by a ping in the channel, or not at all.');
  else
    update users set notify_by = p_notify_by where exchange_id = p_exchange_id and user_id = p_user_id;
    if p_notify_by = 'none' then
      perform keep_pending_notices(p_exchange_id, p_user_id);
    end if;
    v_outcome := jsonb_build_object('notify_by', p_notify_by);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'choose_notifications', v_parameters, v_outcome);
end
$$;
comment on function choose_notifications(bigint, bigint, bigint, text) is 'Choose how a member is told of notices: direct, channel, or none.';
alter function choose_notifications(bigint, bigint, bigint, text) owner to exchange_writer;
grant execute on function choose_notifications(bigint, bigint, bigint, text) to service_role;

create or replace function set_channel(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_provider text, p_channel_id text
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Chooses the channel in which an exchange speaks, on the record; null leaves it to the front end.
-- Whether there is such a channel is for the front end to know. Locks: the exchange. Refuses:
-- not_a_moderator, invalid_channel. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_provider, p_channel_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'set_channel', v_parameters);
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  if moderator_rank(p_exchange_id, p_moderator_user_id) is null then
    v_outcome := refusal('not_a_moderator', 'Only a moderator of this exchange may choose its channel.');
  elsif char_length(p_channel_id) not between 1 and 64 then
    v_outcome := refusal('invalid_channel', 'That is not a channel.');
  else
    update communities set channel_id = p_channel_id where exchange_id = p_exchange_id and provider = p_provider;
    v_outcome := jsonb_build_object('channel_id', p_channel_id);
    perform log_moderation(v_exchange, p_moderator_user_id, 'set_channel', v_outcome, p_request_id);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'set_channel', v_parameters, v_outcome);
end
$$;
comment on function set_channel(bigint, bigint, bigint, text, text) is 'Choose the channel in which an exchange speaks, on the record.';
alter function set_channel(bigint, bigint, bigint, text, text) owner to exchange_writer;
grant execute on function set_channel(bigint, bigint, bigint, text, text) to service_role;

create or replace function set_moderators_channel(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_provider text, p_channel_id text
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Chooses the channel in which moderators are told of what they must decide, on the record; null: each of
-- them is told by a notice of their own. Who can read it is for the front end to know. Locks: the exchange.
-- Refuses: not_a_moderator, invalid_channel. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_provider, p_channel_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'set_moderators_channel', v_parameters);
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_outcome := coalesce(
    power_refusal(p_exchange_id, p_moderator_user_id),
    case when char_length(p_channel_id) not between 1 and 64 then refusal('invalid_channel', 'That is not a channel.') end);
  if v_outcome is null then
    update communities set moderators_channel_id = p_channel_id where exchange_id = p_exchange_id and provider = p_provider;
    v_outcome := jsonb_build_object('channel_id', p_channel_id);
    perform log_moderation(v_exchange, p_moderator_user_id, 'set_moderators_channel', v_outcome, p_request_id);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'set_moderators_channel', v_parameters, v_outcome);
end
$$;
comment on function set_moderators_channel(bigint, bigint, bigint, text, text) is 'Choose the channel in which moderators are told, on the record.';
alter function set_moderators_channel(bigint, bigint, bigint, text, text) owner to exchange_writer;
grant execute on function set_moderators_channel(bigint, bigint, bigint, text, text) to service_role;
