-- Price alerts: a member is told, once, when a market's price has reached a price.

create or replace function coins_text(p_paise bigint) returns text
language sql immutable parallel safe
return '₹' || to_char(p_paise / 100.0, 'FM99,99,99,99,99,990.00');
comment on function coins_text(bigint) is 'An amount in coins as sentences write it, in Indian grouping.';

create or replace function alert_document(p_alert price_alerts) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object(
    'alert_id', p_alert.alert_id, 'market', m.code, 'label', m.label, 'alert_price_paise', p_alert.price_paise,
    'is_above', p_alert.trigger_sign = 1, 'price_paise', (current_point(m)).price_paise)
  from markets m
  where m.exchange_id = p_alert.exchange_id and m.shift_id = p_alert.shift_id
$$;
comment on function alert_document(price_alerts) is 'An alert as the answers show one, with the price now.';

create or replace function list_alerts(p_exchange_id bigint, p_user_id bigint) returns setof jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select alert_document(a) from price_alerts a
  where a.exchange_id = p_exchange_id and a.user_id = p_user_id and a.status = 'armed'
  order by a.shift_id, a.price_paise
$$;
comment on function list_alerts(bigint, bigint) is 'The alerts that a user has waiting.';
alter function list_alerts(bigint, bigint) owner to exchange_writer;
grant execute on function list_alerts(bigint, bigint) to service_role;

create or replace function alert_refusal(
  p_exchange exchanges, p_market markets, p_price_now_paise bigint, p_user_id bigint, p_code text, p_price_paise bigint
) returns jsonb
language plpgsql stable
set search_path = betjee, pg_temp
as $$
-- The first reason why an alert may not be armed, or null. It reads under the exchange's lock. How far
-- trading can take the price is ruled as for triggers of waiting orders.
declare
  v_sign integer := case when p_price_paise > p_price_now_paise then 1 else -1 end;
  v_most integer := (typed_settings(p_exchange.settings)).max_armed_alerts;
begin
  return coalesce(member_refusal(p_exchange.exchange_id, p_user_id), case
    when p_market.code is null then
      refusal('unknown_market', format('There is no market %s; /markets lists them.', left(p_code, 40)))
    when p_market.status = 'settled' then
      refusal('market_not_open', format('%s is settled: its price moves no more.', p_market.label))
    when p_price_paise is null or p_price_paise <> p_price_now_paise
      and untriggerable(p_market, trigger_of_price(p_market, p_price_paise, v_sign), v_sign) = 'trigger_out_of_range' then
      refusal('price_out_of_range', format('Trading can take the price of %s from %s to %s and no further; an alert is for a price between these.',
        p_market.label, coins_text(reachable_price(p_market, -1)), coins_text(reachable_price(p_market, 1))))
    when p_price_paise = p_price_now_paise then
      refusal('price_already_there', format('The price of %s is %s already.', p_market.label, coins_text(p_price_now_paise)))
    when exists (
      select from price_alerts a
      where a.exchange_id = p_exchange.exchange_id and a.user_id = p_user_id and a.shift_id = p_market.shift_id
        and a.price_paise = p_price_paise and a.status = 'armed') then
      refusal('duplicate_alert', format('You have an alert for %s at %s already; /alerts lists yours.', p_market.label, coins_text(p_price_paise)))
    when (
      select count(*) >= v_most from price_alerts a
      where a.exchange_id = p_exchange.exchange_id and a.user_id = p_user_id and a.status = 'armed') then
      refusal('too_many_alerts', format('A member may have %s price alerts waiting; cancel one with /alerts first.', v_most)) end);
end
$$;
comment on function alert_refusal(exchanges, markets, bigint, bigint, text, bigint) is 'Why an alert may not be armed, or null.';

create or replace function arm_alert(
  p_exchange_id bigint, p_request_id bigint, p_user_id bigint, p_market text, p_price_paise bigint
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Arms an alert: above the price of this moment it waits for a rise, below it for a fall.
-- Locks: the exchange. Refuses: not_registered, user_frozen, user_banned, unknown_market,
-- market_not_open, price_out_of_range, price_already_there, duplicate_alert, too_many_alerts.
-- A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_user_id, p_market, p_price_paise)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'arm_alert', v_parameters);
  v_market markets;
  v_price_now_paise bigint;
  v_alert price_alerts;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  select * into v_market from markets where exchange_id = p_exchange_id and code = p_market;
  if found then
    v_price_now_paise := (current_point(v_market)).price_paise;
  end if;
  v_outcome := alert_refusal(v_exchange, v_market, v_price_now_paise, p_user_id, p_market, p_price_paise);
  if v_outcome is null then
    v_alert.trigger_sign := sign(p_price_paise - v_price_now_paise);
    insert into price_alerts (
      exchange_id, alert_id, user_id, shift_id, price_paise, trigger_sold, trigger_sign, armed_at)
    values (
      p_exchange_id, next_sequence(p_exchange_id, v_exchange.updated_at), p_user_id, v_market.shift_id, p_price_paise,
      trigger_of_price(v_market, p_price_paise, v_alert.trigger_sign), v_alert.trigger_sign, v_exchange.updated_at)
    returning * into v_alert;
    v_outcome := alert_document(v_alert);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'arm_alert', v_parameters, v_outcome);
end
$$;
comment on function arm_alert(bigint, bigint, bigint, text, bigint) is 'Tell a member, once, when a market''s price reaches a price.';
alter function arm_alert(bigint, bigint, bigint, text, bigint) owner to exchange_writer;
grant execute on function arm_alert(bigint, bigint, bigint, text, bigint) to service_role;

create or replace function cancel_alert(p_exchange_id bigint, p_request_id bigint, p_user_id bigint, p_alert_id bigint) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Takes back an alert of one's own, which anyone may, frozen or not.
-- Locks: the exchange. Refuses: unknown_alert. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_user_id, p_alert_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'cancel_alert', v_parameters);
  v_alert price_alerts;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  update price_alerts set status = 'cancelled', ended_at = v_exchange.updated_at
  where exchange_id = p_exchange_id and alert_id = p_alert_id and user_id = p_user_id and status = 'armed'
  returning * into v_alert;
  if found then
    v_outcome := alert_document(v_alert);
  else
    v_outcome := refusal('unknown_alert', 'That alert has fired or was cancelled before.');
  end if;
  return remember_request(p_exchange_id, p_request_id, 'cancel_alert', v_parameters, v_outcome);
end
$$;
comment on function cancel_alert(bigint, bigint, bigint, bigint) is 'Take back a price alert of one''s own.';
alter function cancel_alert(bigint, bigint, bigint, bigint) owner to exchange_writer;
grant execute on function cancel_alert(bigint, bigint, bigint, bigint) to service_role;

create or replace function cancel_alerts(p_exchange_id bigint, p_request_id bigint, p_user_id bigint) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Takes back all alerts of a member that wait, and answers with them; with none there is nothing to do.
-- Locks: the exchange. Refuses nothing. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_user_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'cancel_alerts', v_parameters);
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  select jsonb_build_object('alerts', coalesce(jsonb_agg(document order by ordinal), '[]')) into v_outcome
  from list_alerts(p_exchange_id, p_user_id) with ordinality waiting(document, ordinal);
  update price_alerts set status = 'cancelled', ended_at = v_exchange.updated_at
  where exchange_id = p_exchange_id and user_id = p_user_id and status = 'armed';
  return remember_request(p_exchange_id, p_request_id, 'cancel_alerts', v_parameters, v_outcome);
end
$$;
comment on function cancel_alerts(bigint, bigint, bigint) is 'Take back all price alerts of one''s own that wait.';
alter function cancel_alerts(bigint, bigint, bigint) owner to exchange_writer;
grant execute on function cancel_alerts(bigint, bigint, bigint) to service_role;

create or replace function fire_alerts(
  p_exchange exchanges, p_market markets, p_lowest_sold bigint, p_highest_sold bigint
) returns void
language plpgsql
set search_path = betjee, pg_temp
-- Two look-ups in the index of levels, however many alerts are armed, and the rows by their key.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set enable_bitmapscan = off
as $$
-- Fires the alerts that were crossed while `sold` moved between the two, each once, and queues a
-- notice for each. Must be called under the exchange's lock; p_market is as it is afterwards.
declare
  v_alert_ids bigint[];
  v_notices notice[];
begin
  select array_agg(c.alert_id) into v_alert_ids
  from (
    select a.alert_id from price_alerts a
    where a.exchange_id = p_exchange.exchange_id and a.shift_id = p_market.shift_id and a.status = 'armed'
      and a.trigger_sign = -1 and a.trigger_level <= -p_lowest_sold
    union all
    select a.alert_id from price_alerts a
    where a.exchange_id = p_exchange.exchange_id and a.shift_id = p_market.shift_id and a.status = 'armed'
      and a.trigger_sign = 1 and a.trigger_level <= p_highest_sold) c;
  if v_alert_ids is null then
    return;
  end if;
  with fired as (
    update price_alerts a set status = 'fired', ended_at = p_exchange.updated_at
    where a.exchange_id = p_exchange.exchange_id and a.alert_id = any (v_alert_ids)
    returning a.*)
  select array_agg((f.user_id, 'price_alert', jsonb_build_object(
    'market', p_market.code, 'label', p_market.label, 'alert_price_paise', f.price_paise,
    'price_paise', now.price_paise))::notice order by f.alert_id)
  into v_notices
  from fired f, (select (current_point(p_market)).price_paise) now;
  perform queue_notices(p_exchange, v_notices);
end
$$;
comment on function fire_alerts(exchanges, markets, bigint, bigint) is 'Fire the price alerts that a market''s price has crossed, and queue their notices.';
