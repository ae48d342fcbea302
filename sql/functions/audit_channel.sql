-- The audit channel: what moderators do is posted there in the words of the record, by the same transaction.

create or replace function tell_audit_channel(p_exchange exchanges, p_sequence bigint) returns void
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Queues the entry of the moderation log with this number for the audit channel of this moment, if one is
-- chosen. The notice only points at the entry, so that no name is kept in two places and none outlives its
-- owner there. Must be called under the exchange's lock.
declare
  v_channel_id text;
begin
  select c.audit_channel_id into v_channel_id from communities c
  where c.exchange_id = p_exchange.exchange_id order by c.provider, c.community_id limit 1;
  if v_channel_id is not null then
    perform queue_notices(p_exchange, array[
      (null, 'moderator_act', jsonb_build_object('sequence', p_sequence, 'channel_id', v_channel_id))::notice]);
  end if;
end
$$;
comment on function tell_audit_channel(exchanges, bigint) is 'Queue an entry of the moderation log for the audit channel, if there is one.';
alter function tell_audit_channel(exchanges, bigint) owner to exchange_writer;

create or replace function due_detail(p_notice outbox) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select coalesce((
    select act_document(l) from moderation_log l
    where (p_notice).kind = 'moderator_act' and l.exchange_id = (p_notice).exchange_id
      and l.sequence = ((p_notice).detail ->> 'sequence')::bigint), (p_notice).detail)
$$;
comment on function due_detail(outbox) is 'What a notice says when it is sent: its own figures, or the entry of the moderation log that it points at.';

create or replace function set_audit_channel(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_provider text, p_channel_id text
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Chooses the channel to which every act of a moderator is posted, on the record; null: none. That it was
-- changed or turned off is still posted to the channel of before, so that nobody turns it off unseen; the
-- answer names that one.
-- Whether there is such a channel is for the front end to know. Locks: the exchange. Refuses:
-- not_a_moderator, invalid_channel. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_provider, p_channel_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'set_audit_channel', v_parameters);
  v_before text;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_outcome := coalesce(
    power_refusal(p_exchange_id, p_moderator_user_id),
    case when char_length(p_channel_id) not between 1 and 64 then refusal('invalid_channel', 'That is not a channel.') end);
  if v_outcome is null then
    select audit_channel_id into v_before from communities
    where exchange_id = p_exchange_id and provider = p_provider order by community_id limit 1;
    perform log_moderation(
      v_exchange, p_moderator_user_id, 'set_audit_channel', jsonb_build_object('channel_id', p_channel_id), p_request_id);
    update communities set audit_channel_id = p_channel_id where exchange_id = p_exchange_id and provider = p_provider;
    if p_channel_id is distinct from v_before then
      perform tell_audit_channel(v_exchange, e.sequence) from exchanges e where e.exchange_id = p_exchange_id;
    end if;
    v_outcome := jsonb_build_object('channel_id', p_channel_id, 'earlier_channel_id', v_before);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'set_audit_channel', v_parameters, v_outcome);
end
$$;
comment on function set_audit_channel(bigint, bigint, bigint, text, text) is 'Choose the channel to which every act of a moderator is posted, on the record.';
alter function set_audit_channel(bigint, bigint, bigint, text, text) owner to exchange_writer;
grant execute on function set_audit_channel(bigint, bigint, bigint, text, text) to service_role;
