-- The ledger as people read it: a member's own entries, and the public tape. Both are read page by page
-- along an index, with the sequence as the cursor, so a page costs the same however long the ledger is.
-- With p_after the page holds the entries that follow it, else those before p_before; newest first.

create or replace function list_history(
  p_exchange_id bigint, p_user_id bigint, p_before bigint, p_after bigint, p_limit integer
) returns setof jsonb
language sql stable security definer
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Fills, and grants of coins, so that the changes add up to the cash. At most 5,000 at once. A fill is told as what
-- its owner did: a sale of what is not held is a short.
  with bounds as (
    select coalesce(p_before, 9223372036854775807) as before, coalesce(p_after, 0) as after,
      least(greatest(p_limit, 1), 5000) as entries),
  fills as (
    (select t.* from transactions t
     where p_after is null and t.exchange_id = p_exchange_id and t.user_id = p_user_id
       and t.sequence < (select before from bounds)
     order by t.sequence desc limit (select entries from bounds))
    union all
    (select t.* from transactions t
     where p_after is not null and t.exchange_id = p_exchange_id and t.user_id = p_user_id
       and t.sequence > (select after from bounds)
     order by t.sequence limit (select entries from bounds))),
  entries as (
    select t.sequence, t.executed_at as happened_at, fill_side(t.shares, t.position_shares) as kind, t.cause, t.shift_id, t.shares,
      t.price_paise, t.gross_paise, t.tax_paise, t.price_after_paise, t.position_shares,
      -(sign(t.shares)::bigint * t.gross_paise) - t.tax_paise as cash_change_paise
    from fills t
    union all
    select g.sequence, g.granted_at, 'grant', g.kind, null, null, null, null, null, null, null, g.amount_paise
    from grants g, bounds b
    where g.exchange_id = p_exchange_id and g.user_id = p_user_id and g.sequence < b.before and g.sequence > b.after),
  page as (
    select e.* from entries e
    order by case when p_after is null then -e.sequence else e.sequence end
    limit (select entries from bounds))
  select jsonb_build_object(
    'sequence', e.sequence, 'happened_at', e.happened_at, 'kind', e.kind, 'cause', e.cause, 'market', m.code, 'label', m.label,
    'shares', e.shares, 'price_paise', e.price_paise, 'gross_paise', e.gross_paise, 'tax_paise', e.tax_paise,
    'price_after_paise', e.price_after_paise, 'position_shares', e.position_shares, 'cash_change_paise', e.cash_change_paise)
  from page e
  left join lateral (
    select m.code, m.label from markets m where m.exchange_id = p_exchange_id and m.shift_id = e.shift_id limit 1) m on true
  order by e.sequence desc
$$;
comment on function list_history(bigint, bigint, bigint, bigint, integer) is 'A page of a member''s own ledger, grants included, newest first.';
alter function list_history(bigint, bigint, bigint, bigint, integer) owner to exchange_writer;
grant execute on function list_history(bigint, bigint, bigint, bigint, integer) to service_role;

create or replace function list_tape(p_exchange_id bigint, p_before bigint, p_after bigint, p_limit integer) returns setof jsonb
language sql stable security definer
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Never says why a trade happened, so waiting orders stay private. Nor does it tell who is short: as public
-- tapes do, it knows only shares that were bought or sold, and whoever sold may have held them or not. It names
-- people where the exchange lets fills be told in the channel, and all of them: names on some would tell which
-- of the others had been waiting. At most 100 at once.
  with bounds as (
    select coalesce(p_before, 9223372036854775807) as before, coalesce(p_after, 0) as after,
      least(greatest(p_limit, 1), 100) as fills),
  page as (
    (select t.* from transactions t
     where p_after is null and t.exchange_id = p_exchange_id and t.sequence < (select before from bounds)
     order by t.sequence desc limit (select fills from bounds))
    union all
    (select t.* from transactions t
     where p_after is not null and t.exchange_id = p_exchange_id and t.sequence > (select after from bounds)
     order by t.sequence limit (select fills from bounds)))
  select jsonb_build_object(
    'sequence', t.sequence, 'executed_at', t.executed_at, 'market', m.code, 'label', m.label, 'shares', t.shares,
    'price_paise', t.price_paise, 'price_after_paise', t.price_after_paise,
    'display_name', case when s.public_fills then u.display_name end)
  from page t,
    lateral (
      select (typed_settings(e.settings)).public_fills as public_fills from exchanges e
      where e.exchange_id = p_exchange_id limit 1) s,
    lateral (select m.code, m.label from markets m where m.exchange_id = p_exchange_id and m.shift_id = t.shift_id limit 1) m,
    lateral (select u.display_name from users u where u.exchange_id = p_exchange_id and u.user_id = t.user_id limit 1) u
  order by t.sequence desc
$$;
comment on function list_tape(bigint, bigint, bigint, integer) is 'A page of the last trades of an exchange, newest first, without a word of why they happened.';
alter function list_tape(bigint, bigint, bigint, integer) owner to exchange_writer;
grant execute on function list_tape(bigint, bigint, bigint, integer) to service_role;
