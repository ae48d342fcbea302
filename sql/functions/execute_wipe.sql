-- What happens when a wipe is due. The members' rows go; what the ledger must still add up to stays,
-- as burns that name nobody. These functions, and no others, delete from the ledger: they belong to the
-- eraser, and only execute_orders() calls them, when the time of a planned wipe has come.

create or replace function close_positions(p_exchange_id bigint, p_user_ids bigint[], p_is_unwinding boolean) returns setof closing
language plpgsql stable
set search_path = betjee, pg_temp
as $$
-- Closes all positions of some users in thought, market by market and user by user, each through the
-- rule that trades use, from where the one before it has left the curve. An unwinding is the
-- exchange's own correction: it asks neither whether the market is open nor for a cool-down, and no
-- band bounds it. What it sets off of others is bounded, from where it leaves the price.
declare
  v_settings exchange_settings;
  v_market markets;
  v_user users;
  v_order order_request;
  v_decision order_decision;
  v_reference_paise bigint;
  v_held positions;
  v_closing closing;
begin
  select (typed_settings(e.settings)).* into v_settings from exchanges e where e.exchange_id = p_exchange_id;
  for v_held in
    select p.* from positions p
    where p.exchange_id = p_exchange_id and p.user_id = any (p_user_ids) and p.shares <> 0
    order by p.shift_id, p.user_id
  loop
    if v_market.shift_id is distinct from v_held.shift_id then
      select m.* into v_market from markets m where m.exchange_id = p_exchange_id and m.shift_id = v_held.shift_id;
      v_closing.after := current_point(v_market);
      v_reference_paise := case when not p_is_unwinding then reference_price(v_market, v_settings, clock_timestamp()) end;
    end if;
    continue when v_market.status = 'settled';
    select u.* into v_user from users u where u.exchange_id = p_exchange_id and u.user_id = v_held.user_id;
    -- Whether they may is for the caller to say: it is not they who trade.
    v_user.status := 'active';
    if p_is_unwinding then
      v_market.status := 'open';
      v_held.cooldown_sign := null;
      v_held.cooldown_until := null;
    end if;
    v_closing.user_id := v_held.user_id;
    v_closing.shift_id := v_held.shift_id;
    v_closing.market := v_market.code;
    v_closing.label := v_market.label;
    v_closing.signed_shares := -v_held.shares;
    v_order.user_id := v_held.user_id;
    v_order.market := v_market.code;
    v_order.side := fill_side(-v_held.shares, 0);
    v_order.shares := abs(v_held.shares);
    v_order.confirmed := true;
    v_decision := decide_order(
      v_settings, v_market, v_closing.after, v_reference_paise, v_user, v_held, v_order);
    v_closing.outcome := v_decision.outcome;
    v_closing.held := v_decision.held;
    v_closing.after := v_decision.after;
    return next v_closing;
  end loop;
end
$$;
comment on function close_positions(bigint, bigint[], boolean) is 'How closing all positions of some users would end, by the rules of orders or as an unwinding.';

create or replace function lost_footing(p_wipe wipes) returns text
language sql stable
set search_path = betjee, pg_temp
as $$
-- Who planned a wipe must still moderate when it is executed, and so must who seconded it; and nobody
-- is wiped who has become a moderator meanwhile. Number 0 is the exchange itself, by its settings.
  select case
    when p_wipe.planned_by <> 0 and moderator_rank(p_wipe.exchange_id, p_wipe.planned_by) is null
      or p_wipe.seconded_by is not null and moderator_rank(p_wipe.exchange_id, p_wipe.seconded_by) is null
      then 'who decided it moderates no longer'
    when exists (
      select from wipe_members m join moderators r using (exchange_id, user_id)
      where m.exchange_id = p_wipe.exchange_id and m.wipe_id = p_wipe.wipe_id) then 'a member moderates by now' end
$$;
comment on function lost_footing(wipes) is 'Why a planned wipe must not be executed any more, or null.';

create or replace function settle_wiped_markets(p_exchange exchanges, p_user_ids bigint[], p_closings closing[]) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- Markets without the members. Their shorts need no shares kept for them any more, however they end.
-- What was unwound has gone back along the curve; what was not stays sold, so that the price stays.
  with held as (
    select p.shift_id, sum(greatest(-p.shares, 0)) as short_shares from positions p
    where p.exchange_id = p_exchange.exchange_id and p.user_id = any (p_user_ids) and p.shares <> 0 group by p.shift_id),
  unwound as (
    select c.shift_id, sum(c.signed_shares) as shares, sum(sign(c.signed_shares) * (c.outcome).gross_paise) as paid_in_paise
    from unnest(p_closings) c group by c.shift_id)
  update markets m set remaining_shares = m.remaining_shares - coalesce(u.shares, 0),
    open_short_shares = m.open_short_shares - h.short_shares, pool_paise = m.pool_paise + coalesce(u.paid_in_paise, 0),
    version = m.version + 1, updated_at = p_exchange.updated_at
  from held h left join unwound u using (shift_id)
  where m.exchange_id = p_exchange.exchange_id and m.shift_id = h.shift_id
$$;
comment on function settle_wiped_markets(exchanges, bigint[], closing[]) is 'Take wiped users, whose positions are closed or burned, out of the state of their markets.';

create or replace function burn_users(p_exchange exchanges, p_user_ids bigint[], p_mode text, p_closings closing[]) returns bigint
language sql
set search_path = betjee, pg_temp
as $$
-- Writes what remains of wiped users: for each market what they traded, and for each of them what they
-- were granted and the cash that is burned; in the order of that cash, so that a row's place tells
-- nobody's number. Burning moves no price, so the band is measured from where it was. Returns the last
-- sequence that was used. Must be called while the users' ledger is there.
  with entries as (
    select t.shift_id, t.shares, sign(t.shares) * t.gross_paise as paid_in_paise, t.tax_paise
    from transactions t where t.exchange_id = p_exchange.exchange_id and t.user_id = any (p_user_ids)
    union all
    select c.shift_id, c.signed_shares, sign(c.signed_shares) * (c.outcome).gross_paise, (c.outcome).tax_paise
    from unnest(p_closings) c),
  rows as (
    select 0 as place, e.shift_id, sum(e.shares) as shares, sum(e.paid_in_paise) as gross_paise, sum(e.tax_paise) as tax_paise,
      0 as granted_paise, 0 as cash_paise
    from entries e group by e.shift_id
    union all
    select 1, null, 0, 0, 0,
      (select coalesce(sum(g.amount_paise), 0) from grants g where g.exchange_id = u.exchange_id and g.user_id = u.user_id),
      u.cash_paise - (
        select coalesce(sum(sign(c.signed_shares) * (c.outcome).total_paise), 0) from unnest(p_closings) c where c.user_id = u.user_id)
    from users u where u.exchange_id = p_exchange.exchange_id and u.user_id = any (p_user_ids)),
  burned as (
    insert into burns (
      exchange_id, sequence, shift_id, shares, gross_paise, tax_paise, granted_paise, cash_paise, burned_at, price_after_paise,
      reference_paise)
    select p_exchange.exchange_id,
      p_exchange.sequence + row_number() over (order by r.place, r.shift_id, r.cash_paise, r.granted_paise),
      r.shift_id, r.shares, r.gross_paise, r.tax_paise, r.granted_paise, r.cash_paise, p_exchange.updated_at,
      (current_point(m)).price_paise,
      case when p_mode = 'burn' then reference_price(m, typed_settings(p_exchange.settings), p_exchange.updated_at) end
    from rows r
    left join markets m on m.exchange_id = p_exchange.exchange_id and m.shift_id = r.shift_id
    returning sequence)
  select coalesce(max(sequence), p_exchange.sequence) from burned
$$;
comment on function burn_users(exchanges, bigint[], text, closing[]) is 'Write the burns of wiped users; returns the last sequence used.';

create or replace function erase_tokens(p_exchange_id bigint, p_user_ids bigint[]) returns void
language sql
set search_path = betjee, pg_temp
as $$
  delete from verification_tokens t using accounts a
  where a.exchange_id = p_exchange_id and a.user_id = any (p_user_ids)
    and t.exchange_id = a.exchange_id and t.provider = a.provider and t.provider_user_id = a.provider_user_id
$$;
comment on function erase_tokens(bigint, bigint[]) is 'Delete the links to the sign-up page that users had; to be called while their accounts are there.';

create or replace function erase_users(p_exchange_id bigint, p_user_ids bigint[]) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Everything that is theirs, what refers to a row before the row itself.
begin
  perform erase_tokens(p_exchange_id, p_user_ids);
  perform forget_standings(p_exchange_id, p_user_ids);
  perform forget_candles(p_exchange_id, (
    select min(t.executed_at) from transactions t where t.exchange_id = p_exchange_id and t.user_id = any (p_user_ids)));
  delete from stop_losses where exchange_id = p_exchange_id and user_id = any (p_user_ids);
  delete from price_alerts where exchange_id = p_exchange_id and user_id = any (p_user_ids);
  delete from outbox where exchange_id = p_exchange_id and user_id = any (p_user_ids);
  delete from reports where exchange_id = p_exchange_id and user_id = any (p_user_ids);
  delete from freezes where exchange_id = p_exchange_id and user_id = any (p_user_ids);
  delete from positions where exchange_id = p_exchange_id and user_id = any (p_user_ids);
  delete from transactions where exchange_id = p_exchange_id and user_id = any (p_user_ids);
  delete from grants where exchange_id = p_exchange_id and user_id = any (p_user_ids);
  delete from accounts where exchange_id = p_exchange_id and user_id = any (p_user_ids);
  delete from users where exchange_id = p_exchange_id and user_id = any (p_user_ids);
end
$$;
comment on function erase_users(bigint, bigint[]) is 'Delete users and every row that is theirs.';

create or replace function execute_wipe(p_exchange_id bigint, p_wipe_id bigint) returns text[]
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Executes a planned wipe, on the record; returns the markets that the members had a part in: there
-- orders of others may have been crossed, or have waited for a band that is measured anew. All positions
-- are closed before any of those has its turn: what lies between is no price at which anyone could trade.
-- Members who are gone already, by another wipe, are passed over.
-- Locks: the exchange, then the markets of the members in the order of their numbers.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_wipe wipes;
  v_user_ids bigint[];
  v_closings closing[] := '{}';
  v_markets text[];
  v_detail jsonb;
begin
  select * into strict v_wipe from wipes
  where exchange_id = p_exchange_id and wipe_id = p_wipe_id and status = 'planned' and due_at <= v_exchange.updated_at;
  select array_agg(m.user_id) into v_user_ids from wipe_members m
  where m.exchange_id = p_exchange_id and m.wipe_id = p_wipe_id;
  perform from markets m
  where m.exchange_id = p_exchange_id and m.shift_id in (
    select p.shift_id from positions p where p.exchange_id = p_exchange_id and p.user_id = any (v_user_ids))
  order by m.shift_id for update;
  v_markets := array(
    select distinct m.code
    from positions p join markets m using (exchange_id, shift_id)
    where p.exchange_id = p_exchange_id and p.user_id = any (v_user_ids));
  v_detail := jsonb_build_object(
    'wipe_id', p_wipe_id, 'mode', v_wipe.mode, 'reason', v_wipe.reason, 'user_ids', v_user_ids,
    'markets', wipe_markets(p_exchange_id, v_user_ids));
  if v_wipe.mode = 'unwind' then
    v_closings := array(select c::closing from close_positions(p_exchange_id, v_user_ids, true) c);
  end if;

  perform settle_wiped_markets(v_exchange, v_user_ids, v_closings);
  v_exchange.sequence := burn_users(v_exchange, v_user_ids, v_wipe.mode, v_closings);
  v_exchange.treasury_paise := v_exchange.treasury_paise
    + (select coalesce(sum((c.outcome).tax_paise), 0) from unnest(v_closings) c);
  perform erase_users(p_exchange_id, v_user_ids);
  update exchanges set treasury_paise = v_exchange.treasury_paise, sequence = v_exchange.sequence
  where exchange_id = p_exchange_id;
  update wipes set status = 'executed', ended_by = planned_by, ended_at = v_exchange.updated_at
  where exchange_id = p_exchange_id and wipe_id = p_wipe_id;
  perform log_moderation(v_exchange, v_wipe.planned_by, 'execute_wipe', v_detail, v_wipe.request_id);
  return v_markets;
end
$$;
comment on function execute_wipe(bigint, bigint) is 'Execute a planned wipe, on the record.';
alter function execute_wipe(bigint, bigint) owner to exchange_eraser;
