-- Markets halted and resumed by hand.

create or replace function shift_cooldowns(p_exchange exchanges, p_shift_id integer, p_after timestamptz, p_by interval) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- Time in which nobody can trade counts neither for a cool-down nor for what leads to one. Those that
-- were over at p_after already stay so. Must be called under the exchange's lock.
  update positions p set
    cooldown_until = p.cooldown_until + case when p.cooldown_until > p_after then p_by else interval '0' end,
    set_off_until = p.set_off_until + case when p.set_off_until > p_after then p_by else interval '0' end
  where p.exchange_id = p_exchange.exchange_id and p.shift_id = p_shift_id
    and (p.cooldown_until > p_after or p.set_off_until > p_after)
$$;
comment on function shift_cooldowns(exchanges, integer, timestamptz, interval) is 'Move the ends of cool-downs in a market that were not over at a time.';

create or replace function end_timed_halt(p_exchange exchanges, p_market markets) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- A halt for a time has moved the cool-downs by all of it already: what is left of it is taken back.
  select shift_cooldowns(p_exchange, p_market.shift_id, p_market.halted_until, p_exchange.updated_at - p_market.halted_until)
  where p_market.halted_until > p_exchange.updated_at
$$;
comment on function end_timed_halt(exchanges, markets) is 'Take what is left of a market''s halt out of the cool-downs there, as it ends before its time.';

create or replace function halt_market(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_market text, p_reason text
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Halts a market until a moderator resumes it, on the record, also one that is halted for a time
-- already. Waiting orders stay armed.
-- Locks: the exchange, then the market. Refuses: not_a_moderator, unknown_market, market_settled,
-- already_halted, invalid_reason. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_market, p_reason)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'halt_market', v_parameters);
  v_market markets;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  select * into v_market from markets where exchange_id = p_exchange_id and code = p_market for update;
  v_outcome := coalesce(power_refusal(p_exchange_id, p_moderator_user_id), case
    when v_market.shift_id is null then refusal('unknown_market', 'There is no such market. /markets lists them, and the market field suggests them as you type.')
    when v_market.status = 'settled' then refusal('market_settled', 'This market is settled; nothing is traded there any more.')
    when v_market.status = 'halted' and v_market.halted_until is null
      then refusal('already_halted', 'This market is halted already; /resume reopens it.') end,
    reason_refusal(p_reason));
  if v_outcome is null then
    perform end_timed_halt(v_exchange, v_market);
    update markets set status = 'halted', halted_until = null, version = version + 1, updated_at = v_exchange.updated_at
    where exchange_id = p_exchange_id and shift_id = v_market.shift_id
    returning * into v_market;
    perform record_halt_end(v_exchange, v_market);
    v_outcome := jsonb_build_object(
      'market', v_market.code, 'label', v_market.label, 'price_paise', (current_point(v_market)).price_paise,
      'reason', trimmed(p_reason));
    perform log_moderation(v_exchange, p_moderator_user_id, 'halt_market', v_outcome, p_request_id);
    select * into v_exchange from exchanges where exchange_id = p_exchange_id;
    perform record_halt(v_exchange, v_market);
    perform queue_notices(v_exchange, array[(null, 'market_halted_by_hand', v_outcome)::notice]);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'halt_market', v_parameters, v_outcome);
end
$$;
comment on function halt_market(bigint, bigint, bigint, text, text) is 'Halt a market until it is resumed, on the record.';
alter function halt_market(bigint, bigint, bigint, text, text) owner to exchange_writer;
grant execute on function halt_market(bigint, bigint, bigint, text, text) to service_role;

create or replace function resume_market(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_market text
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Reopens a halted market, whatever halted it, on the record. What waits there and was crossed
-- meanwhile has its turn at once. The pause between automatic halts begins only after one of those, and
-- cool-downs go on as if the market had not been halted.
-- Locks: the exchange, then the market. Refuses: not_a_moderator, unknown_market, not_halted. A
-- repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_market)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'resume_market', v_parameters);
  v_market markets;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  select * into v_market from markets where exchange_id = p_exchange_id and code = p_market for update;
  v_outcome := coalesce(power_refusal(p_exchange_id, p_moderator_user_id), case
    when v_market.shift_id is null then refusal('unknown_market', 'There is no such market. /markets lists them, and the market field suggests them as you type.')
    when v_market.status <> 'halted' then refusal('not_halted', 'This market is not halted.') end);
  if v_outcome is null then
    perform end_timed_halt(v_exchange, v_market);
    perform shift_cooldowns(v_exchange, h.shift_id, h.halted_at, v_exchange.updated_at - h.halted_at)
    from halts h where h.exchange_id = p_exchange_id and h.shift_id = v_market.shift_id and h.ends_at is null;
    perform record_halt_end(v_exchange, v_market);
    update markets set status = 'open', halted_until = null, version = version + 1, updated_at = v_exchange.updated_at,
      reopened_at = case when halted_until is null then reopened_at else v_exchange.updated_at end
    where exchange_id = p_exchange_id and shift_id = v_market.shift_id;
    v_outcome := jsonb_build_object(
      'market', v_market.code, 'label', v_market.label, 'price_paise', (current_point(v_market)).price_paise);
    perform log_moderation(v_exchange, p_moderator_user_id, 'resume_market', v_outcome, p_request_id);
    perform queue_notices(v_exchange, array[(null, 'market_reopened', v_outcome)::notice]);
    perform execute_orders(p_exchange_id, '{}', array[v_market.code]);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'resume_market', v_parameters, v_outcome);
end
$$;
comment on function resume_market(bigint, bigint, bigint, text) is 'Reopen a halted market, on the record.';
alter function resume_market(bigint, bigint, bigint, text) owner to exchange_writer;
grant execute on function resume_market(bigint, bigint, bigint, text) to service_role;

create or replace function find_halt(p_exchange_id bigint, p_market text) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- How a market stands, and why a moderator has halted it, which its channel was told as well; null where there
-- is no such market. A halt and its entry in the moderation log have the same number.
  select jsonb_build_object('status', m.status, 'reason', l.detail ->> 'reason')
  from markets m
  left join lateral (
    select h.sequence from halts h
    where h.exchange_id = m.exchange_id and h.shift_id = m.shift_id and m.status = 'halted' and h.ends_at is null
    order by h.halted_at desc limit 1) h on true
  left join moderation_log l on l.exchange_id = m.exchange_id and l.sequence = h.sequence and l.act = 'halt_market'
  where m.exchange_id = p_exchange_id and m.code = p_market
$$;
comment on function find_halt(bigint, text) is 'How a market stands, and why a moderator has halted it.';
alter function find_halt(bigint, text) owner to exchange_writer;
grant execute on function find_halt(bigint, text) to service_role;
