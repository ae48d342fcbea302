-- How members delete themselves. What they may take with them is in exports.sql.

create or replace function awaits_decision(p_exchange_id bigint, p_user_id bigint) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
-- That many of one network have come slowly keeps nobody here: whole hostels are named by that, and whoever
-- leaves is still counted.
  select exists (
    select from accounts a
    where a.exchange_id = p_exchange_id and a.user_id = p_user_id and (
      exists (
        select from marks m
        where m.exchange_id = a.exchange_id and m.identity_hash = a.identity_hash and m.kind = 'burst' and m.decision is null)
      or exists (
        select from suspects s join clusters c using (exchange_id, cluster_id)
        where s.exchange_id = a.exchange_id and s.identity_hash = a.identity_hash and c.status = 'open'
          and c.kind in ('burst', 'concert', 'transfer'))))
$$;
comment on function awaits_decision(bigint, bigint) is 'Whether a member is marked by a burst, or in a cluster of a burst or of trading, about which no moderator has decided.';

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
        || jsonb_build_object('hold', find_hold(p_exchange_id, p_user.user_id))
    when awaits_decision(p_exchange_id, p_user.user_id)
      then refusal('awaits_decision', 'A moderator has to look at this account first; it can be deleted once they have decided. /report asks them to.')
    when rank_number(p_exchange_id, p_user.user_id) = 2
      then refusal('is_owner', 'The owner of an exchange cannot leave it: give the server to somebody else in Discord first.') end
$$;
comment on function delete_refusal(users, bigint) is 'Why a member may not delete themselves now, or null.';

create or replace function erase_identity(p_exchange_id bigint, p_user_id bigint) returns void
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Who they were, from where they came, and what they wrote; the ledger stays, under a number. What is known by
-- keyed hashes alone (attempts, suspicions, marks, that they left) is forgotten when its time is over, so that
-- nobody hides by leaving.
begin
  perform erase_tokens(p_exchange_id, array[p_user_id]);
  delete from price_alerts where exchange_id = p_exchange_id and user_id = p_user_id;
  delete from outbox where exchange_id = p_exchange_id and user_id = p_user_id;
  delete from reports where exchange_id = p_exchange_id and user_id = p_user_id;
  delete from moderators where exchange_id = p_exchange_id and user_id = p_user_id;
  delete from accounts where exchange_id = p_exchange_id and user_id = p_user_id;
end
$$;
comment on function erase_identity(bigint, bigint) is 'Delete who a user was, not what they traded.';
alter function erase_identity(bigint, bigint) owner to exchange_eraser;

create or replace function note_departure(p_exchange exchanges, p_user_id bigint, p_identity_hash bytea) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- What the rules need of who has deleted themselves, so that they are still counted: who was whom by keyed
-- hashes, and from where, for as long as purge_verifications() lets it stay. Must be called under the exchange's lock,
-- while their account is there; for each account that they had.
  insert into departures (
    exchange_id, user_id, identity_hash, network_key, network_key_56, network_key_48, seen_at, departed_at)
  select a.exchange_id, a.user_id, coalesce(a.identity_hash, p_identity_hash), a.network_key, a.network_key_56, a.network_key_48,
    a.seen_at, p_exchange.updated_at
  from accounts a where a.exchange_id = p_exchange.exchange_id and a.user_id = p_user_id
  order by a.seen_at desc nulls last limit 1
$$;
comment on function note_departure(exchanges, bigint, bytea) is 'Note for the rules who has deleted themselves.';

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
      'order', p_request_id, v_exchange.updated_at, null, null, coalesce(v_outcome.realised_paise, 0),
      v_outcome.position_shares)::transactions);
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

create or replace function closings_refusal(p_closings closing[]) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select refusal('cannot_close', format('The position in %s cannot be closed now (%s).', c.label, (c.outcome).code))
    || jsonb_build_object('market', c.market, 'label', c.label, 'code', (c.outcome).code,
      'shares', abs(c.signed_shares), 'possible_shares', coalesce((c.outcome).possible_shares, 0))
  from unnest(p_closings) c where (c.outcome).status <> 'filled' order by c.shift_id limit 1
$$;
comment on function closings_refusal(closing[]) is 'The first position that cannot be closed whole now, or null.';

create or replace function deletion_document(p_user_id bigint, p_cash_paise bigint, p_closings closing[]) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object('user_id', p_user_id, 'burned_cash_paise', p_cash_paise, 'closed', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'market', c.market, 'label', c.label, 'shares', abs(c.signed_shares), 'side', (c.outcome).side,
      'total_paise', (c.outcome).total_paise) order by c.shift_id), '[]') from unnest(p_closings) c))
$$;
comment on function deletion_document(bigint, bigint, closing[]) is 'What a deletion closes, and the cash that it burns.';

create or replace function preview_deletion(p_exchange_id bigint, p_user_id bigint) returns jsonb
language plpgsql stable security definer
set search_path = betjee, pg_temp
as $$
-- What delete_user() would do now, for its owner to look at. Locks nothing, changes nothing; refuses as
-- delete_user() does. Prices may have moved by the time they confirm.
declare
  v_user users;
  v_closings closing[];
  v_refusal jsonb;
begin
  select * into v_user from users where exchange_id = p_exchange_id and user_id = p_user_id;
  v_refusal := delete_refusal(v_user, p_exchange_id);
  if v_refusal is null then
    v_closings := array(select c::closing from close_positions(p_exchange_id, array[p_user_id], false) c);
    v_refusal := closings_refusal(v_closings);
  end if;
  return coalesce(v_refusal, deletion_document(p_user_id, v_user.cash_paise + (
    select coalesce(sum(-sign(c.signed_shares) * (c.outcome).total_paise), 0)::bigint from unnest(v_closings) c), v_closings));
end
$$;
comment on function preview_deletion(bigint, bigint) is 'What deleting a member at their own wish would do now.';
alter function preview_deletion(bigint, bigint) owner to exchange_writer;
grant execute on function preview_deletion(bigint, bigint) to service_role;

create or replace function delete_user(p_exchange_id bigint, p_request_id bigint, p_user_id bigint, p_identity_hash bytea) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Deletes a member at their own wish: closes their positions at the market under the usual rules,
-- burns their cash, and replaces who they were by nothing, also on the record of moderators. Their ledger stays
-- under their number; so do bans of their identity, and the mark that it has had its bonus. That a moderator left
-- is on the record.
-- Locks: the exchange, then the markets of their positions. Refuses: unknown_user, user_frozen, awaits_decision,
-- is_owner, and cannot_close with the market, the rule and the shares that could be closed now; nothing is closed
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
    v_outcome := closings_refusal(v_closings);
  end if;
  if v_outcome is null then
    v_exchange := book_closings(v_exchange, v_user, v_closings, p_request_id);
    if v_user.registered_at is not null then
      perform mark_bonus(v_exchange, p_identity_hash);
    end if;
    if rank_number(p_exchange_id, p_user_id) > 0 then
      perform log_moderation(v_exchange, p_user_id, 'resign', jsonb_build_object('user_id', p_user_id), p_request_id);
    end if;
    perform note_departure(v_exchange, p_user_id, p_identity_hash);
    perform erase_identity(p_exchange_id, p_user_id);
    -- A mark is nobody's by number any more, and nothing that waited is granted.
    update marks set user_id = null, withheld_paise = 0 where exchange_id = p_exchange_id and user_id = p_user_id;
    update users set status = 'deleted', display_name = 'Deleted member', notify_by = 'none'
    where exchange_id = p_exchange_id and user_id = p_user_id;
    perform erase_names(p_exchange_id, p_user_id, p_identity_hash);
    perform fire_alerts(v_exchange, m, (current_point(m)).sold, (current_point(m)).sold)
    from markets m where m.exchange_id = p_exchange_id and m.code in (select c.market from unnest(v_closings) c);
    perform execute_orders(p_exchange_id, '{}', array(select c.market from unnest(v_closings) c));
    select deletion_document(p_user_id, b.cash_paise, v_closings) into v_outcome from burns b where b.exchange_id = p_exchange_id and b.user_id = p_user_id;
  end if;
  return remember_request(p_exchange_id, p_request_id, 'delete_user', v_parameters, v_outcome);
end
$$;
comment on function delete_user(bigint, bigint, bigint, bytea) is 'Delete a member at their own wish.';
alter function delete_user(bigint, bigint, bigint, bytea) owner to exchange_writer;
grant execute on function delete_user(bigint, bigint, bigint, bytea) to service_role;
