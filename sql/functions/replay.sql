-- The ledger replayed: the state that it gives, as of any sequence, and the repair that makes it the stored one. Each
-- function that reads is `stable`, so all of it is read from one snapshot, under load as at rest.
--
-- Nothing here may be planned as a join that loops: without statistics a planner expects few rows and
-- would read one side again for each row of the other. Hashing is never much worse.

create or replace function replayed_markets(p_exchange_id bigint, p_sequence bigint)
returns table (shift_id integer, remaining_shares bigint, open_short_shares bigint, pool_paise bigint, treasury_paise bigint)
language sql stable
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
-- Burned shorts of wiped users count as bought back by nobody: only living positions can cover.
  with entries as (
    select t.shift_id, t.shares, sign(t.shares)::bigint * t.gross_paise as paid_in_paise, t.tax_paise
    from transactions t where t.exchange_id = p_exchange_id and t.sequence <= p_sequence
    union all
    select b.shift_id, b.shares, b.gross_paise, b.tax_paise
    from burns b where b.exchange_id = p_exchange_id and b.sequence <= p_sequence and b.shift_id is not null),
  shorts as (
    select held.shift_id, sum(-held.shares)::bigint as open_short_shares
    from (
      select t.shift_id, sum(t.shares) as shares from transactions t
      where t.exchange_id = p_exchange_id and t.sequence <= p_sequence
      group by t.shift_id, t.user_id having sum(t.shares) < 0) held
    group by held.shift_id)
  select m.shift_id, (m.total_shares_cap - coalesce(sum(e.shares), 0))::bigint,
    coalesce(max(s.open_short_shares), 0)::bigint,
    coalesce(sum(e.paid_in_paise), 0)::bigint, coalesce(sum(e.tax_paise), 0)::bigint
  from markets m
  left join entries e using (shift_id)
  left join shorts s using (shift_id)
  where m.exchange_id = p_exchange_id
  group by m.shift_id, m.total_shares_cap
$$;
comment on function replayed_markets(bigint, bigint) is 'The state of each market as the ledger gives it, up to a sequence.';

create or replace function forgotten_markets(p_exchange_id bigint, p_sequence bigint) returns table (shift_id integer, known_from_sequence bigint)
language sql stable
set search_path = betjee, pg_temp
as $$
-- A wipe leaves only the sum of what its members traded, so that how much of a market was sold before
-- its last wipe cannot be told any more. What each of the others had can.
  select b.shift_id, max(b.sequence) from burns b
  where b.exchange_id = p_exchange_id and b.shift_id is not null
  group by b.shift_id having max(b.sequence) > p_sequence
$$;
comment on function forgotten_markets(bigint, bigint) is 'The markets whose state as of a sequence went with a later wipe, and from when on it is known.';

create or replace function replayed_positions(p_exchange_id bigint, p_sequence bigint) returns setof positions
language plpgsql stable
set search_path = betjee, pg_temp
as $$
-- Every fill of every position again, in order, through the rule that trades use.
declare
  v_fill transactions;
  v_held positions;
begin
  for v_fill in
    select * from transactions
    where exchange_id = p_exchange_id and sequence <= p_sequence
    order by user_id, shift_id, sequence
  loop
    if (v_held.user_id, v_held.shift_id) is distinct from (v_fill.user_id, v_fill.shift_id) then
      if v_held.user_id is not null then
        return next v_held;
      end if;
      v_held := no_position(p_exchange_id, v_fill.user_id, v_fill.shift_id);
    end if;
    v_held := apply_fill(v_held, v_fill.shares, v_fill.gross_paise, v_fill.tax_paise);
  end loop;
  if v_held.user_id is not null then
    return next v_held;
  end if;
end
$$;
comment on function replayed_positions(bigint, bigint) is 'Every position as the ledger gives it, up to a sequence.';

create or replace function replayed_users(p_exchange_id bigint, p_sequence bigint)
returns table (user_id bigint, cash_paise bigint, reserved_paise bigint)
language sql stable
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
  with spent as (
    select t.user_id, sum(sign(t.shares)::bigint * t.gross_paise + t.tax_paise) as paise
    from transactions t where t.exchange_id = p_exchange_id and t.sequence <= p_sequence group by t.user_id),
  granted as (
    select g.user_id, sum(g.amount_paise) as paise
    from grants g where g.exchange_id = p_exchange_id and g.sequence <= p_sequence group by g.user_id),
  burned as (
    select b.user_id, sum(b.cash_paise) as paise
    from burns b where b.exchange_id = p_exchange_id and b.sequence <= p_sequence and b.user_id is not null group by b.user_id),
  held as (
    select t.user_id, t.shift_id, sum(t.shares) as shares
    from transactions t where t.exchange_id = p_exchange_id and t.sequence <= p_sequence group by t.user_id, t.shift_id),
  reserved as (
    select h.user_id, sum(greatest(-h.shares, 0) * collateral_per_share(m)) as paise
    from held h join markets m on m.exchange_id = p_exchange_id and m.shift_id = h.shift_id group by h.user_id)
  select u.user_id, (coalesce(g.paise, 0) - coalesce(s.paise, 0) - coalesce(b.paise, 0))::bigint, coalesce(r.paise, 0)::bigint
  from users u
  left join granted g using (user_id) left join spent s using (user_id) left join reserved r using (user_id)
  left join burned b using (user_id)
  where u.exchange_id = p_exchange_id
$$;
comment on function replayed_users(bigint, bigint) is 'Cash and collateral of every user as the ledger gives them, up to a sequence.';

create or replace function orphaned_stops(p_exchange_id bigint) returns setof stop_losses
language sql stable
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
  select s.*
  from stop_losses s,
    lateral (
      select sum(t.shares) as shares from transactions t
      where t.exchange_id = p_exchange_id and t.user_id = s.user_id and t.shift_id = s.shift_id) held
  where s.exchange_id = p_exchange_id and s.status in ('armed', 'held', 'suspended')
    and sign(s.shares) is distinct from -sign(held.shares)
$$;
comment on function orphaned_stops(bigint) is 'Orders that wait without a position, by the ledger, that they would reduce.';

create or replace function replayed_state(p_exchange_id bigint, p_sequence bigint)
returns table (kind text, name text, figures jsonb, stored jsonb)
language sql stable security definer
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
-- The whole state as of a sequence, beside what is stored now. Cool-downs are not in the ledger; of
-- waiting orders it only shows which have outlived their position. Of a market before its last wipe,
-- and of the treasury before any, it only says from when on they are known.
  select 'market', m.code,
    case when f.shift_id is not null then jsonb_build_object('known_from_sequence', f.known_from_sequence)
      else jsonb_build_object('remaining_shares', r.remaining_shares, 'open_short_shares', r.open_short_shares,
        'pool_paise', case m.status when 'settled' then 0 else r.pool_paise end,
        'price_paise', (point_on_curve(m, m.total_shares_cap - r.remaining_shares)).price_paise) end,
    jsonb_build_object('remaining_shares', m.remaining_shares, 'open_short_shares', m.open_short_shares,
      'pool_paise', m.pool_paise, 'price_paise', (current_point(m)).price_paise)
  from markets m join replayed_markets(p_exchange_id, p_sequence) r using (shift_id)
  left join forgotten_markets(p_exchange_id, p_sequence) f using (shift_id)
  where m.exchange_id = p_exchange_id
  union all
  select 'user', u.user_id::text,
    jsonb_build_object('cash_paise', r.cash_paise, 'reserved_paise', r.reserved_paise),
    jsonb_build_object('cash_paise', u.cash_paise, 'reserved_paise', u.reserved_paise)
  from users u join replayed_users(p_exchange_id, p_sequence) r using (user_id)
  where u.exchange_id = p_exchange_id
  union all
  select 'position', coalesce(p.user_id, r.user_id) || ' in ' || m.code,
    to_jsonb(r) - '{exchange_id,user_id,shift_id,cooldown_sign,cooldown_until,cooldown_by,set_off_sign,set_off_shares,set_off_until}'::text[],
    to_jsonb(p) - '{exchange_id,user_id,shift_id,cooldown_sign,cooldown_until,cooldown_by,set_off_sign,set_off_shares,set_off_until}'::text[]
  from (select * from positions where exchange_id = p_exchange_id) p
  full join replayed_positions(p_exchange_id, p_sequence) r using (user_id, shift_id)
  join markets m on m.exchange_id = p_exchange_id and m.shift_id = coalesce(p.shift_id, r.shift_id)
  union all
  select 'treasury', '',
    case when f.known_from_sequence is not null then jsonb_build_object('known_from_sequence', f.known_from_sequence)
      else jsonb_build_object('treasury_paise', r.treasury_paise) end,
    jsonb_build_object('treasury_paise', e.treasury_paise)
  from exchanges e,
    (select sum(treasury_paise) as treasury_paise from replayed_markets(p_exchange_id, p_sequence)) r,
    (select max(known_from_sequence) as known_from_sequence from forgotten_markets(p_exchange_id, p_sequence)) f
  where e.exchange_id = p_exchange_id
  union all
  select 'order', s.stop_id::text, '{"status": "lapsed"}', jsonb_build_object('status', s.status)
  from orphaned_stops(p_exchange_id) s join exchanges e using (exchange_id)
  where p_sequence >= e.sequence
  union all
  select 'sequence', '',
    jsonb_build_object('sequence', greatest(e.sequence, highest_sequence(p_exchange_id))),
    jsonb_build_object('sequence', e.sequence)
  from exchanges e where e.exchange_id = p_exchange_id and p_sequence >= e.sequence
$$;
comment on function replayed_state(bigint, bigint) is 'Markets, users, positions and treasury as the ledger gives them up to a sequence, and as they are stored.';
alter function replayed_state(bigint, bigint) owner to exchange_writer;
grant execute on function replayed_state(bigint, bigint) to service_role;

create or replace function list_members_at(p_exchange_id bigint, p_sequence bigint)
returns table (user_id bigint, display_name text)
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- Everyone who has signed up has a grant, if only of nothing, in the same transaction.
  select u.user_id, u.display_name from users u
  where u.exchange_id = p_exchange_id and exists (
    select from grants g
    where g.exchange_id = p_exchange_id and g.user_id = u.user_id and g.sequence <= p_sequence)
$$;
comment on function list_members_at(bigint, bigint) is 'Who had signed up by a sequence, with the names of now.';
alter function list_members_at(bigint, bigint) owner to exchange_writer;
grant execute on function list_members_at(bigint, bigint) to service_role;

create or replace function repair_exchange(p_exchange_id bigint) returns void
language plpgsql
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
-- Makes the state what the ledger gives, for the owner alone; candles are counted anew by whoever counts next.
-- Locks: the exchange, then its markets, then its row of candle_counts.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_sequence constant bigint := 9223372036854775807;
begin
  perform from markets where exchange_id = p_exchange_id order by shift_id for update;
  update markets m set remaining_shares = r.remaining_shares, open_short_shares = r.open_short_shares,
    pool_paise = case m.status when 'settled' then 0 else r.pool_paise end,
    version = m.version + 1, updated_at = v_exchange.updated_at
  from replayed_markets(p_exchange_id, v_sequence) r
  where m.exchange_id = p_exchange_id and m.shift_id = r.shift_id
    and (m.remaining_shares, m.open_short_shares, m.pool_paise)
      <> (r.remaining_shares, r.open_short_shares, case m.status when 'settled' then 0 else r.pool_paise end);
  update users u set cash_paise = r.cash_paise, reserved_paise = r.reserved_paise
  from replayed_users(p_exchange_id, v_sequence) r
  where u.exchange_id = p_exchange_id and u.user_id = r.user_id
    and (u.cash_paise, u.reserved_paise) <> (r.cash_paise, r.reserved_paise);
  delete from positions p
  where p.exchange_id = p_exchange_id and not exists (
    select from transactions t
    where t.exchange_id = p_exchange_id and t.user_id = p.user_id and t.shift_id = p.shift_id);
  -- Cool-downs are not in the ledger and stay as they are.
  insert into positions select * from replayed_positions(p_exchange_id, v_sequence)
  on conflict (exchange_id, user_id, shift_id) do update
    set shares = excluded.shares, basis_paise = excluded.basis_paise,
      realised_paise = excluded.realised_paise, taxes_paise = excluded.taxes_paise;
  update stop_losses set status = 'lapsed', ended_at = v_exchange.updated_at
  where exchange_id = p_exchange_id and stop_id in (select o.stop_id from orphaned_stops(p_exchange_id) o);
  update exchanges e set
    treasury_paise = (select sum(treasury_paise) from replayed_markets(p_exchange_id, v_sequence)),
    sequence = greatest(e.sequence, highest_sequence(p_exchange_id)),
    updated_at = v_exchange.updated_at
  where e.exchange_id = p_exchange_id;
  perform forget_candles(p_exchange_id, '-infinity');
end
$$;
comment on function repair_exchange(bigint) is 'Make positions, cash, pools and remaining shares what the ledger gives, and lapse orders that wait without a position; only the owner may.';
