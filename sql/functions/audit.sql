-- What must be true at any moment. Each function here is `stable`, so all of it is read from one
-- snapshot, under load as at rest.
--
-- Nothing here may be planned as a join that loops: without statistics a planner expects few rows and
-- would read one side again for each row of the other. Hashing is never much worse.

create or replace function audit_markets(p_exchange_id bigint) returns setof text
language plpgsql stable
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
-- Each market beside the whole ledger, beside its curve, and beside what it must keep.
declare
  v_sequence constant bigint := 9223372036854775807;
begin
  return query
  select format('Market %s: %s is %s, the ledger gives %s.', m.code, figure.name, figure.stored, figure.replayed)
  from markets m join replayed_markets(p_exchange_id, v_sequence) r using (shift_id),
    lateral (values
      ('remaining_shares', m.remaining_shares, r.remaining_shares),
      ('open_short_shares', m.open_short_shares, r.open_short_shares),
      ('pool_paise', m.pool_paise, case m.status when 'settled' then 0 else r.pool_paise end)
    ) figure(name, stored, replayed)
  where m.exchange_id = p_exchange_id and figure.stored <> figure.replayed;

  return query
  select format('Market %s: the pool is %s, the curve gives %s.', m.code, m.pool_paise, v.value_paise)
  from markets m,
    lateral (select (current_point(m)).value_paise - (point_on_curve(m, 0)).value_paise) v(value_paise)
  where m.exchange_id = p_exchange_id and m.pricing = 'integral' and m.status <> 'settled' and m.pool_paise <> v.value_paise;

  return query
  select format('Market %s: %s remaining shares are fewer than the %s kept and %s of open shorts.',
    m.code, m.remaining_shares, m.min_market_shares, m.open_short_shares)
  from markets m
  where m.exchange_id = p_exchange_id and m.remaining_shares < m.min_market_shares + m.open_short_shares;
end
$$;
comment on function audit_markets(bigint) is 'What contradicts the ledger, the curve or the shares that must remain in each market, as sentences.';

create or replace function audit_exchange(p_exchange_id bigint) returns setof text
language plpgsql stable security definer
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
-- Every invariant, each discrepancy as a sentence; no row means that all is well.
declare
  v_sequence constant bigint := 9223372036854775807;
begin
  return query select * from audit_markets(p_exchange_id);

  return query
  select format('User %s in market %s: position %s, the ledger gives %s.',
    coalesce(p.user_id, r.user_id), coalesce(p.shift_id, r.shift_id), to_jsonb(p), to_jsonb(r))
  from (select * from positions where exchange_id = p_exchange_id) p
  full join replayed_positions(p_exchange_id, v_sequence) r using (user_id, shift_id)
  where (p.shares, p.basis_paise, p.realised_paise, p.taxes_paise)
    is distinct from (r.shares, r.basis_paise, r.realised_paise, r.taxes_paise);

  return query
  select format('User %s in market %s: %s paise are realised, by the rows of the ledger %s.',
    t.user_id, t.shift_id, p.realised_paise, t.realised_paise)
  from (
    select f.user_id, f.shift_id, sum(f.realised_paise)::bigint as realised_paise
    from transactions f where f.exchange_id = p_exchange_id
    group by f.user_id, f.shift_id having count(*) = count(f.realised_paise)) t
  join positions p on p.exchange_id = p_exchange_id and p.user_id = t.user_id and p.shift_id = t.shift_id
  where p.realised_paise <> t.realised_paise;

  return query
  select format('User %s: cash %s and reserved %s, the ledger gives %s and %s.',
    u.user_id, u.cash_paise, u.reserved_paise, r.cash_paise, r.reserved_paise)
  from users u join replayed_users(p_exchange_id, v_sequence) r using (user_id)
  where u.exchange_id = p_exchange_id and (u.cash_paise, u.reserved_paise) <> (r.cash_paise, r.reserved_paise);

  return query
  select format('User %s: buying power is %s.', u.user_id, u.cash_paise - u.reserved_paise)
  from users u where u.exchange_id = p_exchange_id and u.cash_paise < u.reserved_paise;

  return query
  select format('Cash %s, pools %s, treasury %s and burned cash %s do not add up to the %s minted.',
    f.cash_paise, f.pools_paise, f.treasury_paise, f.burned_cash_paise, f.minted_paise)
  from audit_figures(p_exchange_id) f
  where f.cash_paise + f.pools_paise + f.treasury_paise + f.burned_cash_paise <> f.minted_paise;

  return query
  select format('Order %s of user %s waits to trade %s shares, but the position is %s.',
    s.stop_id, s.user_id, s.shares, coalesce(p.shares, 0))
  from stop_losses s left join positions p using (exchange_id, user_id, shift_id)
  where s.exchange_id = p_exchange_id and s.status in ('armed', 'held', 'suspended')
    and sign(s.shares) is distinct from -sign(p.shares);

  return query select * from audit_fills(p_exchange_id);
  return query select * from audit_positions_after(p_exchange_id);
  return query select * from audit_members(p_exchange_id);
  return query select * from audit_candles(p_exchange_id);

  return query
  select format('Transaction %s belongs to user %s or market %s, which does not exist.', t.sequence, t.user_id, t.shift_id)
  from transactions t
  where t.exchange_id = p_exchange_id and (
    not exists (select from users u where u.exchange_id = p_exchange_id and u.user_id = t.user_id)
    or not exists (select from markets m where m.exchange_id = p_exchange_id and m.shift_id = t.shift_id));
end
$$;
comment on function audit_exchange(bigint) is 'Every discrepancy between the state of an exchange, its ledger and its curves, as sentences.';
alter function audit_exchange(bigint) owner to exchange_writer;
grant execute on function audit_exchange(bigint) to service_role;

create or replace function audit_figures(p_exchange_id bigint)
returns table (
  users bigint, markets bigint, transactions bigint, sequence bigint, cash_paise bigint, pools_paise bigint,
  treasury_paise bigint, burned_cash_paise bigint, minted_paise bigint
)
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select
    (select count(*) from users u where u.exchange_id = p_exchange_id),
    (select count(*) from markets m where m.exchange_id = p_exchange_id),
    (select count(*) from transactions t where t.exchange_id = p_exchange_id),
    e.sequence,
    (select coalesce(sum(u.cash_paise), 0)::bigint from users u where u.exchange_id = p_exchange_id),
    (select coalesce(sum(m.pool_paise), 0)::bigint from markets m where m.exchange_id = p_exchange_id),
    e.treasury_paise,
    (select coalesce(sum(b.cash_paise), 0)::bigint from burns b where b.exchange_id = p_exchange_id),
    (select coalesce(sum(g.amount_paise), 0)::bigint from grants g where g.exchange_id = p_exchange_id)
      + (select coalesce(sum(b.granted_paise), 0)::bigint from burns b where b.exchange_id = p_exchange_id)
  from exchanges e where e.exchange_id = p_exchange_id
$$;
comment on function audit_figures(bigint) is 'What an audit adds up, in paise, and how much there is of everything.';
alter function audit_figures(bigint) owner to exchange_writer;
grant execute on function audit_figures(bigint) to service_role;

create or replace function check_moment(p_exchange_id bigint, p_sequence bigint) returns setof text
language plpgsql stable security definer
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
-- What must have been true after a sequence, from the ledger alone; sentences about what was not.
begin
  return query
  select format('Market %s: the last fill or wipe left the price at %s, the curve gives %s.', m.code, t.price_after_paise, p.price_paise)
  from markets m
  join replayed_markets(p_exchange_id, p_sequence) r using (shift_id),
    lateral point_on_curve(m, m.total_shares_cap - r.remaining_shares) p,
    lateral (
      select l.price_after_paise
      from (
        select t.sequence, t.price_after_paise from transactions t
        where t.exchange_id = p_exchange_id and t.shift_id = m.shift_id and t.sequence <= p_sequence
        union all
        select b.sequence, b.price_after_paise from burns b
        where b.exchange_id = p_exchange_id and b.shift_id = m.shift_id and b.sequence <= p_sequence) l
      order by l.sequence desc limit 1) t
  where m.exchange_id = p_exchange_id and t.price_after_paise <> p.price_paise
    and m.shift_id not in (select f.shift_id from forgotten_markets(p_exchange_id, p_sequence) f);

  return query
  select format('Market %s: the pool was %s, the curve gives %s.', m.code, r.pool_paise, p.value_paise - origin.value_paise)
  from markets m
  join replayed_markets(p_exchange_id, p_sequence) r using (shift_id),
    lateral point_on_curve(m, m.total_shares_cap - r.remaining_shares) p,
    lateral point_on_curve(m, 0) origin
  where m.exchange_id = p_exchange_id and m.pricing = 'integral' and r.pool_paise <> p.value_paise - origin.value_paise
    and m.shift_id not in (select f.shift_id from forgotten_markets(p_exchange_id, p_sequence) f);

  return query
  select format('User %s: buying power was %s.', r.user_id, r.cash_paise - r.reserved_paise)
  from replayed_users(p_exchange_id, p_sequence) r
  where r.cash_paise < r.reserved_paise;
end
$$;
comment on function check_moment(bigint, bigint) is 'What the ledger contradicts of itself at a moment of the past, as sentences.';
alter function check_moment(bigint, bigint) owner to exchange_writer;
grant execute on function check_moment(bigint, bigint) to service_role;
