-- Networks that are banned from signing up, known by keyed hashes. Who is a member already is not concerned.

create or replace function begin_network_ban(
  p_exchange exchanges, p_moderator_user_id bigint, p_network_hash bytea, p_reason text, p_seconds bigint, p_request_id bigint
) returns jsonb
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Must be called under the exchange's lock, which is up to date. Refuses: not_a_moderator, invalid_reason,
-- invalid_duration, already_banned.
declare
  v_outcome jsonb := coalesce(
    power_refusal(p_exchange.exchange_id, p_moderator_user_id),
    reason_refusal(p_reason),
    duration_refusal(p_seconds),
    case when is_banned(p_exchange.exchange_id, 'network', p_network_hash)
      then refusal('already_banned', 'That network is banned already; end that ban first, with /unban and its number in /bans.') end);
  v_ban bans;
begin
  if v_outcome is null then
    insert into bans (exchange_id, ban_id, subject, subject_hash, moderator_user_id, reason, banned_at, banned_until)
    values (
      p_exchange.exchange_id, next_sequence(p_exchange.exchange_id, p_exchange.updated_at), 'network', p_network_hash,
      p_moderator_user_id, trimmed(p_reason), p_exchange.updated_at, p_exchange.updated_at + make_interval(secs => p_seconds))
    returning * into v_ban;
    v_outcome := ban_document(v_ban);
    perform log_moderation(p_exchange, p_moderator_user_id, 'ban_network', jsonb_build_object(
      'ban_id', v_ban.ban_id, 'reason', v_ban.reason, 'banned_until', v_ban.banned_until), p_request_id);
  end if;
  return v_outcome;
end
$$;
comment on function begin_network_ban(exchanges, bigint, bytea, text, bigint, bigint) is 'Ban a network of a locked exchange from signing up, or say why not.';

create or replace function ban_network(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_network_hash bytea, p_reason text, p_seconds bigint
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Bans a network from signing up, on the record. Locks: the exchange. Refuses: what begin_network_ban() does.
-- A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, encode(p_network_hash, 'hex'), p_reason, p_seconds)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'ban_network', v_parameters);
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  perform check_hashes(array[p_network_hash]);
  v_outcome := begin_network_ban(v_exchange, p_moderator_user_id, p_network_hash, p_reason, p_seconds, p_request_id);
  return remember_request(p_exchange_id, p_request_id, 'ban_network', v_parameters, v_outcome);
end
$$;
comment on function ban_network(bigint, bigint, bigint, bytea, text, bigint) is 'Ban a network from signing up, on the record.';
alter function ban_network(bigint, bigint, bigint, bytea, text, bigint) owner to exchange_writer;
grant execute on function ban_network(bigint, bigint, bigint, bytea, text, bigint) to service_role;

create or replace function ban_suspects_network(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_cluster_id bigint, p_reason text, p_seconds bigint
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Bans the network that ties a cluster from signing up, on the record: as wide as the signal saw it. The cluster
-- is not decided by that. Locks: the exchange. Refuses: unknown_cluster, no_network where no network ties it, and
-- what begin_network_ban() does. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_cluster_id, p_reason, p_seconds)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'ban_suspects_network', v_parameters);
  v_cluster clusters;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  select * into v_cluster from clusters where exchange_id = p_exchange_id and cluster_id = p_cluster_id;
  v_outcome := coalesce(
    cluster_refusal(p_exchange_id, p_moderator_user_id, v_cluster, true),
    case when v_cluster.kind = 'transfer'
      then refusal('no_network', 'No network ties these accounts, so there is none to ban; /ban keeps a member out.') end,
    begin_network_ban(v_exchange, p_moderator_user_id, v_cluster.subject_hash, p_reason, p_seconds, p_request_id));
  return remember_request(p_exchange_id, p_request_id, 'ban_suspects_network', v_parameters, v_outcome);
end
$$;
comment on function ban_suspects_network(bigint, bigint, bigint, bigint, text, bigint) is 'Ban the network of a cluster from signing up, on the record.';
alter function ban_suspects_network(bigint, bigint, bigint, bigint, text, bigint) owner to exchange_writer;
grant execute on function ban_suspects_network(bigint, bigint, bigint, bigint, text, bigint) to service_role;
