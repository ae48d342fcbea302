-- Freezes: a member keeps everything and may do nothing until a moderator decides.

create or replace function begin_freeze(
  p_exchange exchanges, p_by_user_id bigint, p_user_id bigint, p_reason text, p_request_id bigint,
  p_cluster_id bigint default null
) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Freezes a member who is not frozen, on the record, and tells them why; by number 0 it is the exchange
-- itself; with a cluster it ends when that is released. Must be called under the exchange's lock, by who has
-- checked that it may be.
begin
  insert into freezes (exchange_id, user_id, moderator_user_id, reason, frozen_at, cluster_id)
  values (p_exchange.exchange_id, p_user_id, p_by_user_id, p_reason, p_exchange.updated_at, p_cluster_id);
  perform settle_standing(p_exchange.exchange_id, array[p_user_id]);
  perform queue_notices(p_exchange, array[(p_user_id, 'account_frozen', jsonb_build_object('reason', p_reason))::notice]);
  perform log_moderation(
    p_exchange, p_by_user_id, 'freeze_user', jsonb_build_object('user_id', p_user_id, 'reason', p_reason), p_request_id);
end
$$;
comment on function begin_freeze(exchanges, bigint, bigint, text, bigint, bigint) is 'Freeze a member in a locked exchange, on the record.';

create or replace function freeze_user(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_user_id bigint, p_reason text
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Freezes a member, on the record, and tells them why. Their waiting orders are suspended.
-- Locks: the exchange. Refuses: not_a_moderator, unknown_user, own_account, outranked,
-- invalid_reason, already_frozen. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_reason text := trimmed(p_reason);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_user_id, p_reason)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'freeze_user', v_parameters);
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  v_outcome := coalesce(
    power_refusal(p_exchange_id, p_moderator_user_id, p_user_id),
    case when p_user_id is null then refusal('unknown_user', 'This exchange has no such member.') end,
    reason_refusal(p_reason),
    case when exists (select from freezes where exchange_id = p_exchange_id and user_id = p_user_id)
      then refusal('already_frozen', 'They are frozen already; /unfreeze ends that.') end);
  if v_outcome is null then
    perform begin_freeze(v_exchange, p_moderator_user_id, p_user_id, v_reason, p_request_id);
    v_outcome := member_document(p_exchange_id, p_user_id) || jsonb_build_object('reason', v_reason);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'freeze_user', v_parameters, v_outcome);
end
$$;
comment on function freeze_user(bigint, bigint, bigint, bigint, text) is 'Freeze a member, on the record.';
alter function freeze_user(bigint, bigint, bigint, bigint, text) owner to exchange_writer;
grant execute on function freeze_user(bigint, bigint, bigint, bigint, text) to service_role;

create or replace function unfreeze_user(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_user_id bigint
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Ends a freeze, on the record. Waiting orders that the price has crossed meanwhile have their turn at
-- once. Who is banned or awaits a wipe stays so.
-- Locks: the exchange, then the markets of those orders. Refuses: not_a_moderator, unknown_user,
-- own_account, outranked, not_frozen. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_user_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'unfreeze_user', v_parameters);
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  v_outcome := power_refusal(p_exchange_id, p_moderator_user_id, p_user_id);
  if v_outcome is null then
    delete from freezes where exchange_id = p_exchange_id and user_id = p_user_id;
    if not found then
      v_outcome := refusal('not_frozen', case when awaits_wipe(p_exchange_id, p_user_id)
        then 'They await a wipe: undo that instead.' else 'No moderator has frozen them.' end);
    else
      perform log_moderation(
        v_exchange, p_moderator_user_id, 'unfreeze_user', jsonb_build_object('user_id', p_user_id), p_request_id);
      perform queue_notices(v_exchange, array[(p_user_id, 'account_unfrozen', '{}')::notice]);
      perform execute_orders(p_exchange_id, '{}', settle_standing(p_exchange_id, array[p_user_id]));
      v_outcome := member_document(p_exchange_id, p_user_id);
    end if;
  end if;
  return remember_request(p_exchange_id, p_request_id, 'unfreeze_user', v_parameters, v_outcome);
end
$$;
comment on function unfreeze_user(bigint, bigint, bigint, bigint) is 'End a freeze, on the record.';
alter function unfreeze_user(bigint, bigint, bigint, bigint) owner to exchange_writer;
grant execute on function unfreeze_user(bigint, bigint, bigint, bigint) to service_role;
