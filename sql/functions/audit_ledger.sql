-- What the ledger must be in itself, beyond its sums: every row at the price, the tax and the time at
-- which the rules would have written it. audit_exchange() asks these functions too.

create or replace function highest_sequence(p_exchange_id bigint) returns bigint
language sql stable
set search_path = betjee, pg_temp
as $$
-- The highest number that was ever given out and can still be seen, wherever numbers are kept.
  select greatest(0,
    (select max(sequence) from transactions where exchange_id = p_exchange_id),
    (select max(sequence) from grants where exchange_id = p_exchange_id),
    (select max(sequence) from burns where exchange_id = p_exchange_id),
    (select max(sequence) from moderation_log where exchange_id = p_exchange_id),
    (select max(report_id) from reports where exchange_id = p_exchange_id),
    (select max(ban_id) from bans where exchange_id = p_exchange_id),
    (select max(wipe_id) from wipes where exchange_id = p_exchange_id),
    (select max(cluster_id) from clusters where exchange_id = p_exchange_id),
    (select max(stop_id) from stop_losses where exchange_id = p_exchange_id),
    (select max(alert_id) from price_alerts where exchange_id = p_exchange_id))
$$;
comment on function highest_sequence(bigint) is 'The highest sequence that any record of an exchange has.';

create or replace function audit_fills(p_exchange_id bigint) returns setof text
language sql stable
set search_path = betjee, pg_temp
-- A join that loops or merges by market alone would compare each fill with all others, which a planner
-- that has no statistics yet takes to be cheap. Only the curve is called in a loop, once for each of its points.
set enable_nestloop = off
set enable_mergejoin = off
as $$
-- Walks the fills of each market in order, with how much was sold before and after each. The ledger
-- rows of wiped users are gone and only their sum remains, in burns, so what was sold before a market's
-- last burn is not known: from there on, and where there is none from the start, it is. Settlements
-- have their own price, so the curve and the tax say nothing about them.
  with burned as materialized (
    select b.shift_id, max(b.sequence) as sequence, sum(b.shares)::bigint as shares
    from burns b where b.exchange_id = p_exchange_id and b.shift_id is not null group by b.shift_id),
  fills as materialized (
    select t.sequence, t.shift_id, t.shares, t.price_paise, t.gross_paise, t.tax_paise, t.price_after_paise,
      t.cause <> 'settlement' as is_by_curve, t.executed_at, t.sequence > coalesce(b.sequence, 0) as is_walkable,
      coalesce(b.shares, 0)
        + sum(t.shares) over (partition by t.shift_id order by t.sequence)::bigint as sold_after,
      lag(t.executed_at) over (order by t.sequence) as previous_executed_at
    from transactions t left join burned b using (shift_id)
    where t.exchange_id = p_exchange_id),
  terms as materialized (
    select m.shift_id, m.code, m.pricing, m.tax_bps, m as market from markets m where m.exchange_id = p_exchange_id),
  points as materialized (
    select s.shift_id, p.*
    from (
      select f.shift_id, f.sold_after as sold from fills f where f.is_walkable and f.is_by_curve
      union
      select f.shift_id, f.sold_after - f.shares from fills f where f.is_walkable and f.is_by_curve) s
    join terms m using (shift_id), lateral point_on_curve(m.market, s.sold) p),
  expected as (
    select f.*, m.code, after.price_paise as curve_price_paise,
      (f.gross_paise * m.tax_bps + 9999) / 10000 as expected_tax_paise,
      round(f.gross_paise::numeric / abs(f.shares))::bigint as expected_price_paise,
      -- As price_order() has it; said again here, since an audit that called it would evaluate the curve for each row.
      case when m.pricing = 'integral' then sign(f.shares) * (after.value_paise - before.value_paise)
        else sign(f.shares) * ceil(round(f.shares * (before.price + after.price) / 2, 6)) end::bigint as curve_gross_paise
    from fills f
    join terms m using (shift_id)
    left join points before on before.shift_id = f.shift_id and before.sold = f.sold_after - f.shares and f.is_walkable
    left join points after on after.shift_id = f.shift_id and after.sold = f.sold_after and f.is_walkable)
  select format('Transaction %s in market %s: %s is %s, it should be %s.', e.sequence, e.code, figure.name, figure.stored, figure.expected)
  from expected e,
    lateral (values
      ('the average price', e.price_paise, e.expected_price_paise),
      ('the tax', e.tax_paise, case when e.is_by_curve then e.expected_tax_paise end),
      ('the gross', e.gross_paise, case when e.is_by_curve then e.curve_gross_paise end),
      ('the price after it', e.price_after_paise, case when e.is_by_curve then e.curve_price_paise end)
    ) figure(name, stored, expected)
  where figure.stored <> figure.expected
  union all
  select format('Transaction %s was executed at %s, before the one that precedes it.', f.sequence, f.executed_at)
  from fills f where f.executed_at < f.previous_executed_at
$$;
comment on function audit_fills(bigint) is 'Fills whose price, gross, tax or time is not what the rules give, as sentences.';

create or replace function audit_positions_after(p_exchange_id bigint) returns setof text
language sql stable
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
-- Walks the fills of each position in order, with what its member held after each. A wipe deletes all that a member
-- traded, so what stays of anybody is whole. Rows older than the column say nothing, and no younger one may.
  select format('Transaction %s in market %s: the position after it is %s, it should be %s.',
    f.sequence, m.code, coalesce(f.position_shares::text, 'missing'), f.held_shares)
  from (
    select t.sequence, t.shift_id, t.position_shares, sum(t.shares) over fills_of_position as held_shares,
      lag(t.position_shares) over fills_of_position is not null as must_be_known
    from transactions t where t.exchange_id = p_exchange_id
    window fills_of_position as (partition by t.user_id, t.shift_id order by t.sequence rows unbounded preceding)) f
  join markets m on m.exchange_id = p_exchange_id and m.shift_id = f.shift_id
  where f.position_shares <> f.held_shares or f.position_shares is null and f.must_be_known
$$;
comment on function audit_positions_after(bigint) is 'Fills that name another position after them than the ledger gives, as sentences.';

create or replace function audit_members(p_exchange_id bigint) returns setof text
language sql stable
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
-- Members, the settings and the counter.
  select case
    when u.user_id is null then format('User %s has a grant but does not exist.', g.user_id)
    when g.user_id is null then format('User %s is registered without a grant.', u.user_id)
    else format('User %s has a grant but is not registered.', u.user_id) end
  from (select user_id, registered_at from users where exchange_id = p_exchange_id) u
  full join (select user_id from grants where exchange_id = p_exchange_id and kind = 'signup') g using (user_id)
  where (u.registered_at is null) <> (g.user_id is null)
  union all
  select format('The setting %s is missing.', d.name)
  from exchanges e, setting_definitions() d
  where e.exchange_id = p_exchange_id and e.settings -> d.name is null
  union all
  select format('The sequence %s is behind %s, which a record has already.', e.sequence, highest_sequence(p_exchange_id))
  from exchanges e where e.exchange_id = p_exchange_id and e.sequence < highest_sequence(p_exchange_id)
  union all
  select format('User %s may trade although they are %s.', u.user_id, r.standing)
  from users u
  join (
    select f.user_id, 'frozen' as standing from freezes f where f.exchange_id = p_exchange_id
    union
    select m.user_id, 'awaiting a wipe' from wipe_members m join wipes w using (exchange_id, wipe_id)
    where m.exchange_id = p_exchange_id and w.ended_at is null
    union
    select b.user_id, 'banned' from bans b where b.exchange_id = p_exchange_id and b.ended_at is null) r using (user_id)
  where u.exchange_id = p_exchange_id and u.status = 'active'
  union all
  select format('User %s has a bonus that waits, and was granted %s.', m.user_id, g.paise)
  from marks m
  join users u on u.exchange_id = m.exchange_id and u.user_id = m.user_id
  cross join lateral (
    select sum(g.amount_paise) as paise from grants g where g.exchange_id = m.exchange_id and g.user_id = m.user_id) g
  where m.exchange_id = p_exchange_id and m.withheld_paise > 0
    and g.paise <> case m.decision when 'released' then m.withheld_paise else 0 end
  union all
  select format('User %s deleted themselves but still has %s.', u.user_id, l.leftover)
  from users u
  join (
    select a.user_id, 'an identity' as leftover from accounts a where a.exchange_id = p_exchange_id
    union
    select p.user_id, 'a position' from positions p where p.exchange_id = p_exchange_id and p.shares <> 0) l using (user_id)
  where u.exchange_id = p_exchange_id and u.status = 'deleted'
  union all
  -- An exchange that no community points to has nobody who could own it.
  select 'The exchange has no owner among its moderators.'
  where exists (select from communities c where c.exchange_id = p_exchange_id)
    and not exists (select from moderators m where m.exchange_id = p_exchange_id and m.rank = 'owner')
$$;
comment on function audit_members(bigint) is 'Contradictions about members, settings, moderators and the sequence of an exchange, as sentences.';
