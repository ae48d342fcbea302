-- What members may have done with what is known of them: exported, and deleted.

create or replace function delete_refusal(p_user users, p_exchange_id bigint) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- Nobody leaves while moderators look into what they did; whoever is banned may, and stays banned.
  select case
    when p_user.user_id is null or p_user.status = 'deleted' then refusal('unknown_user', 'This exchange has no such member.')
    when p_user.status = 'frozen' or awaits_wipe(p_exchange_id, p_user.user_id)
      or exists (select from freezes f where f.exchange_id = p_exchange_id and f.user_id = p_user.user_id)
      then refusal('user_frozen', 'A moderator has frozen this account; it can be deleted once that is decided.')
    when rank_number(p_exchange_id, p_user.user_id) = 2
      then refusal('is_owner', 'The owner of an exchange cannot leave it before somebody else owns it.') end
$$;
comment on function delete_refusal(users, bigint) is 'Why a member may not delete themselves now, or null.';

create or replace function erase_identity(p_exchange_id bigint, p_user_id bigint, p_identity_hash bytea) returns void
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Who they were, from where they came, and what they wrote; the ledger stays, under a number.
begin
  perform erase_tokens(p_exchange_id, array[p_user_id]);
  delete from verification_attempts where exchange_id = p_exchange_id and identity_hash = p_identity_hash;
  delete from suspects where exchange_id = p_exchange_id and identity_hash = p_identity_hash;
  delete from marks where exchange_id = p_exchange_id and identity_hash = p_identity_hash;
  delete from price_alerts where exchange_id = p_exchange_id and user_id = p_user_id;
  delete from outbox where exchange_id = p_exchange_id and user_id = p_user_id;
  delete from reports where exchange_id = p_exchange_id and user_id = p_user_id;
  delete from moderators where exchange_id = p_exchange_id and user_id = p_user_id;
  delete from accounts where exchange_id = p_exchange_id and user_id = p_user_id;
end
$$;
comment on function erase_identity(bigint, bigint, bytea) is 'Delete who a user was, not what they traded.';
alter function erase_identity(bigint, bigint, bytea) owner to exchange_eraser;

create or replace function book_closings(
  p_exchange exchanges, p_user users, p_closings closing[], p_request_id bigint
) returns exchanges
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Books the closing of all positions of one user as fills of theirs, and burns the cash that is left.
-- Must be called under the locks of the exchange and of those markets; returns the exchange as it is then.
declare
  v_exchange exchanges := p_exchange;
  v_user users := p_user;
  v_market markets;
  v_markets markets[] := '{}';
  v_fills transactions[] := '{}';
  v_closing closing;
  v_outcome order_outcome;
  v_sign integer;
begin
  foreach v_closing in array p_closings loop
    v_outcome := v_closing.outcome;
    v_sign := sign(v_closing.signed_shares);
    select m.* into v_market from markets m where m.exchange_id = p_exchange.exchange_id and m.shift_id = v_closing.shift_id;
    v_exchange.sequence := v_exchange.sequence + 1;
    v_exchange.treasury_paise := v_exchange.treasury_paise + v_outcome.tax_paise;
    v_fills := array_append(v_fills, (
      v_exchange.exchange_id, v_exchange.sequence, null, v_user.user_id, v_market.shift_id, v_closing.signed_shares,
      v_outcome.average_price_paise, v_outcome.gross_paise, v_outcome.tax_paise, null, v_outcome.price_after_paise,
      'order', p_request_id, v_exchange.updated_at, null, null, coalesce(v_outcome.realised_paise, 0))::transactions);
    v_market.remaining_shares := v_market.remaining_shares - v_closing.signed_shares;
    v_market.open_short_shares := v_market.open_short_shares - greatest(v_closing.signed_shares, 0);
    v_market.pool_paise := v_market.pool_paise + v_sign * v_outcome.gross_paise;
    v_market.version := v_market.version + 1;
    v_markets := array_append(v_markets, v_market);
    v_user.cash_paise := v_user.cash_paise - v_sign * v_outcome.total_paise;
  end loop;
  v_exchange.sequence := v_exchange.sequence + 1;
  insert into burns (exchange_id, sequence, user_id, cash_paise, burned_at)
  values (v_exchange.exchange_id, v_exchange.sequence, v_user.user_id, v_user.cash_paise, v_exchange.updated_at);
  v_user.cash_paise := 0;
  v_user.reserved_paise := 0;
  perform write_batch(v_exchange, v_markets, v_fills, array[v_user],
    array(select c.held from unnest(p_closings) c), array(select c.held from unnest(p_closings) c));
  return v_exchange;
end
$$;
comment on function book_closings(exchanges, users, closing[], bigint) is 'Book the closing of a user''s positions, and burn their cash.';

create or replace function delete_user(p_exchange_id bigint, p_request_id bigint, p_user_id bigint, p_identity_hash bytea) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Deletes a member at their own wish: closes their positions at the market under the usual rules,
-- burns their cash, and replaces who they were by nothing. Their ledger stays under their number; so do
-- bans of their identity, and the mark that it has had its bonus. That a moderator left is on the record.
-- Locks: the exchange, then the markets of their positions. Refuses: unknown_user, user_frozen, is_owner, and
-- cannot_close with the market, the rule and the shares that could be closed now; nothing is closed
-- then. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_user_id, encode(p_identity_hash, 'hex'))::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'delete_user', v_parameters);
  v_user users;
  v_closings closing[];
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  v_exchange := catch_up(v_exchange);
  perform check_hashes(array[p_identity_hash]);
  select * into v_user from users where exchange_id = p_exchange_id and user_id = p_user_id;
  v_outcome := delete_refusal(v_user, p_exchange_id);
  if v_outcome is null then
    -- What is over by the clock is over: a halt or a cool-down keeps nobody here longer than it lasts.
    perform execute_orders(p_exchange_id, '{}');
    v_exchange := lock_exchange(p_exchange_id);
    select * into v_user from users where exchange_id = p_exchange_id and user_id = p_user_id;
    perform from markets m
    where m.exchange_id = p_exchange_id and m.shift_id in (
      select p.shift_id from positions p where p.exchange_id = p_exchange_id and p.user_id = p_user_id and p.shares <> 0)
    order by m.shift_id for update;
    v_closings := array(select c::closing from close_positions(p_exchange_id, array[p_user_id], false) c);
    select refusal('cannot_close', format('The position in %s cannot be closed now (%s).', c.label, (c.outcome).code))
      || jsonb_build_object('market', c.market, 'label', c.label, 'code', (c.outcome).code,
        'shares', abs(c.signed_shares), 'possible_shares', coalesce((c.outcome).possible_shares, 0))
    into v_outcome
    from unnest(v_closings) c where (c.outcome).status <> 'filled' order by c.shift_id limit 1;
  end if;
  if v_outcome is null then
    v_exchange := book_closings(v_exchange, v_user, v_closings, p_request_id);
    if v_user.registered_at is not null then
      perform mark_bonus(v_exchange, p_identity_hash);
    end if;
    if rank_number(p_exchange_id, p_user_id) > 0 then
      perform log_moderation(v_exchange, p_user_id, 'resign', jsonb_build_object('user_id', p_user_id), p_request_id);
    end if;
    perform erase_identity(p_exchange_id, p_user_id, p_identity_hash);
    update users set status = 'deleted', display_name = 'Deleted member', notify_by = 'none'
    where exchange_id = p_exchange_id and user_id = p_user_id;
    perform fire_alerts(v_exchange, m, (current_point(m)).sold, (current_point(m)).sold)
    from markets m where m.exchange_id = p_exchange_id and m.code in (select c.market from unnest(v_closings) c);
    perform execute_orders(p_exchange_id, '{}', array(select c.market from unnest(v_closings) c));
    select jsonb_build_object('user_id', p_user_id, 'burned_cash_paise', b.cash_paise, 'closed', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'market', c.market, 'label', c.label, 'shares', abs(c.signed_shares), 'side', (c.outcome).side,
        'total_paise', (c.outcome).total_paise) order by c.shift_id), '[]') from unnest(v_closings) c))
    into v_outcome from burns b where b.exchange_id = p_exchange_id and b.user_id = p_user_id;
  end if;
  return remember_request(p_exchange_id, p_request_id, 'delete_user', v_parameters, v_outcome);
end
$$;
comment on function delete_user(bigint, bigint, bigint, bytea) is 'Delete a member at their own wish.';
alter function delete_user(bigint, bigint, bigint, bytea) owner to exchange_writer;
grant execute on function delete_user(bigint, bigint, bigint, bytea) to service_role;

create or replace function export_ledger(p_exchange_id bigint, p_user_id bigint, p_after_sequence bigint, p_limit integer) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object(
    'fills', coalesce(jsonb_agg(to_jsonb(t) order by t.sequence), '[]'),
    'next_after_sequence', case when count(*) = least(greatest(p_limit, 1), 5000) then max(t.sequence) end)
  from (
    select t.sequence, m.code as market, t.shares, t.price_paise, t.gross_paise, t.tax_paise, t.type, t.price_after_paise,
      t.cause, t.stop_id, t.executed_at
    from transactions t
    join markets m on m.exchange_id = t.exchange_id and m.shift_id = t.shift_id
    where t.exchange_id = p_exchange_id and t.user_id = p_user_id and t.sequence > p_after_sequence
    order by t.sequence limit least(greatest(p_limit, 1), 5000)) t
$$;
comment on function export_ledger(bigint, bigint, bigint, integer) is 'A page of a member''s ledger, oldest first, and where the next one begins; null: nowhere.';
alter function export_ledger(bigint, bigint, bigint, integer) owner to exchange_writer;
grant execute on function export_ledger(bigint, bigint, bigint, integer) to service_role;

create or replace function export_user(p_exchange_id bigint, p_user_id bigint) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- Everything that is kept of a member, except the ledger, which comes in pages by export_ledger(), and
-- the record of what moderators did, which is theirs; null for a stranger. Lists are bounded at 1,000, the newest.
  select jsonb_build_object(
    'user_id', u.user_id, 'display_name', u.display_name, 'status', u.status, 'cash_paise', u.cash_paise,
    'reserved_paise', u.reserved_paise, 'registered_at', u.registered_at, 'created_at', u.created_at, 'notify_by', u.notify_by,
    'accounts', (
      select coalesce(jsonb_agg(to_jsonb(a) - '{exchange_id,user_id}'::text[]), '[]') from accounts a
      where a.exchange_id = u.exchange_id and a.user_id = u.user_id),
    'grants', (
      select coalesce(jsonb_agg(to_jsonb(g) - '{exchange_id,user_id}'::text[]), '[]') from grants g
      where g.exchange_id = u.exchange_id and g.user_id = u.user_id),
    'positions', (
      select coalesce(jsonb_agg(to_jsonb(p) - '{exchange_id,user_id}'::text[] order by p.shift_id), '[]') from positions p
      where p.exchange_id = u.exchange_id and p.user_id = u.user_id),
    'waiting_orders', (
      select coalesce(jsonb_agg(to_jsonb(s) - '{exchange_id,user_id}'::text[] order by s.stop_id desc), '[]') from (
        select * from stop_losses s where s.exchange_id = u.exchange_id and s.user_id = u.user_id
        order by s.stop_id desc limit 1000) s),
    'price_alerts', (
      select coalesce(jsonb_agg(to_jsonb(l) - '{exchange_id,user_id}'::text[] order by l.alert_id desc), '[]') from (
        select * from price_alerts l where l.exchange_id = u.exchange_id and l.user_id = u.user_id
        order by l.alert_id desc limit 1000) l),
    'notices', (
      select coalesce(jsonb_agg(to_jsonb(o) - '{exchange_id,user_id}'::text[] order by o.notice_id desc), '[]') from (
        select * from outbox o where o.exchange_id = u.exchange_id and o.user_id = u.user_id
        order by o.notice_id desc limit 1000) o),
    'reports', (
      select coalesce(jsonb_agg(to_jsonb(r) - '{exchange_id,user_id}'::text[] order by r.report_id desc), '[]') from (
        select * from reports r where r.exchange_id = u.exchange_id and r.user_id = u.user_id
        order by r.report_id desc limit 1000) r),
    'marks', (
      select coalesce(jsonb_agg(to_jsonb(m) - '{exchange_id,user_id,decided_by}'::text[]), '[]') from marks m
      where m.exchange_id = u.exchange_id and m.user_id = u.user_id),
    'freeze', (select to_jsonb(f) - '{exchange_id,user_id,moderator_user_id}'::text[] from freezes f
      where f.exchange_id = u.exchange_id and f.user_id = u.user_id),
    'bans', (
      select coalesce(jsonb_agg(to_jsonb(b) - '{exchange_id,user_id,moderator_user_id}'::text[] order by b.ban_id desc), '[]') from bans b
      where b.exchange_id = u.exchange_id and b.user_id = u.user_id))
  from users u
  where u.exchange_id = p_exchange_id and u.user_id = p_user_id and u.status <> 'deleted'
$$;
comment on function export_user(bigint, bigint) is 'Everything that is kept of a member, but the ledger.';
alter function export_user(bigint, bigint) owner to exchange_writer;
grant execute on function export_user(bigint, bigint) to service_role;
