-- The rules by which accounts are tied together. Each reads what happened within a bounded time, of a
-- bounded number of rows, changes nothing, and says what it has found with its figures. None of them
-- punishes: suspects.sql has what becomes of a signal.
--
-- They are planned anew each time, for as much as there is: a plan made for nobody in particular took thirty
-- times as long with three thousand members. What they read is recent, which an index finds.

create or replace function burst_signal(
  p_exchange_id bigint, p_network_key bytea, p_settings exchange_settings, p_time timestamptz,
  p_identity_hash bytea default null
) returns setof signal
language sql stable
set search_path = betjee, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
as $$
-- The first rule: more than burst_accounts identities (3) from one network within burst_seconds (15 s),
-- whatever became of them. Of the newest 500 attempts, and of p_identity_hash, who is there right now.
  select 'burst', p_network_key, array_agg(distinct a.identity_hash),
    jsonb_build_object('width', 64, 'threshold', p_settings.burst_accounts, 'seconds', p_settings.burst_seconds,
      'refused', count(distinct a.identity_hash) filter (where a.outcome <> 'registered')),
    max(a.attempted_at)
  from (
    (select v.identity_hash, v.outcome, v.attempted_at from verification_attempts v
    where v.exchange_id = p_exchange_id and v.network_key = p_network_key
      and v.attempted_at >= p_time - make_interval(secs => p_settings.burst_seconds) and v.attempted_at <= p_time
    order by v.attempted_at desc limit 500)
    union all
    select p_identity_hash, 'registered', p_time where p_identity_hash is not null) a
  having count(distinct a.identity_hash) > p_settings.burst_accounts
$$;
comment on function burst_signal(bigint, bytea, exchange_settings, timestamptz, bytea) is 'Whether too many identities came from one network within seconds, up to a time.';

create or replace function burst_signals(p_exchange_id bigint, p_settings exchange_settings, p_since timestamptz) returns setof signal
language sql stable
set search_path = betjee, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
as $$
-- The same for every second since a time at whose end somebody was refused, one signal for each network:
-- whoever signs up is looked at in the very transaction. Of 5,000 attempts, 500 such seconds are looked at.
  with ends as (
    select v.network_key, max(v.attempted_at) as attempted_at
    from (
      select n.network_key, n.attempted_at from verification_attempts n
      where n.exchange_id = p_exchange_id and n.attempted_at >= p_since and n.outcome <> 'registered'
      order by n.attempted_at desc limit 5000) v
    group by v.network_key, date_trunc('second', v.attempted_at)
    order by 2 desc limit 500)
  select 'burst', f.subject_hash, array_agg(distinct i), (array_agg(f.detail order by f.last_at desc))[1], max(f.last_at)
  from ends a
  cross join lateral burst_signal(p_exchange_id, a.network_key, p_settings, a.attempted_at) f
  cross join lateral unnest(f.identity_hashes) i
  group by f.subject_hash
$$;
comment on function burst_signals(bigint, exchange_settings, timestamptz) is 'Bursts that ended with a refused attempt since a time.';

create or replace function wide_burst_signals(p_exchange_id bigint, p_settings exchange_settings, p_time timestamptz) returns setof signal
language sql stable
set search_path = betjee, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
as $$
-- A customer of IPv6 has a /56 or a /48 to roam in: more than wide_burst_accounts identities (10) from one
-- /56 within 10 minutes, and twice as many from one /48, out of at least two of its narrower networks.
  select 'wide_burst', k.network_key, array_agg(distinct a.identity_hash),
    jsonb_build_object('width', k.width, 'seconds', 600, 'networks', count(distinct a.network_key),
      'refused', count(distinct a.identity_hash) filter (where a.outcome <> 'registered')),
    max(a.attempted_at)
  from (
    select v.* from verification_attempts v
    where v.exchange_id = p_exchange_id and v.attempted_at >= p_time - interval '600 seconds'
    order by v.attempted_at desc limit 5000) a
  cross join lateral (values (56, a.network_key_56), (48, a.network_key_48)) k(width, network_key)
  where k.network_key is not null
  group by k.width, k.network_key
  having count(distinct a.network_key) > 1
    and count(distinct a.identity_hash) > p_settings.wide_burst_accounts * case k.width when 48 then 2 else 1 end
$$;
comment on function wide_burst_signals(bigint, exchange_settings, timestamptz) is 'Wide IPv6 networks from which too many identities came within 10 minutes.';

create or replace function crowd_signals(p_exchange_id bigint, p_settings exchange_settings, p_time timestamptz) returns setof signal
language sql stable
set search_path = betjee, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
as $$
-- However slowly they came: more than crowd_accounts members (25) who signed up from one network within a
-- day, also those who have deleted themselves since, and the same of a wider one out of at least two narrower
-- ones; of a /48 twice as many. A hostel is found by this too, which is why it only tells.
  select 'crowd', k.network_key, array_agg(distinct a.identity_hash),
    jsonb_build_object('width', k.width, 'seconds', 86400, 'networks', count(distinct a.network_key)), max(a.seen_at)
  from (
    (select c.identity_hash, c.network_key, c.network_key_56, c.network_key_48, c.seen_at from accounts c
    where c.exchange_id = p_exchange_id and c.seen_at >= p_time - interval '1 day' and c.identity_hash is not null
    order by c.seen_at desc limit 20000)
    union all
    (select d.identity_hash, d.network_key, d.network_key_56, d.network_key_48, d.seen_at from departures d
    where d.exchange_id = p_exchange_id and d.seen_at >= p_time - interval '1 day'
    order by d.seen_at desc limit 20000)) a
  cross join lateral (values (64, a.network_key), (56, a.network_key_56), (48, a.network_key_48)) k(width, network_key)
  where k.network_key is not null
  group by k.width, k.network_key
  having count(distinct a.identity_hash) > p_settings.crowd_accounts * case k.width when 48 then 2 else 1 end
    and (k.width = 64 or count(distinct a.network_key) > 1)
$$;
comment on function crowd_signals(bigint, exchange_settings, timestamptz) is 'Networks from which too many members came within a day.';

create or replace function concert_signals(p_exchange_id bigint, p_settings exchange_settings, p_time timestamptz) returns setof signal
language sql stable
set search_path = betjee, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
as $$
-- Accounts of one network that keep trading the same side of a market at the same time. Two of them do so
-- when they share three moments (a market, a side, the same ten seconds) within an hour, and those are at
-- least half of the moments in which either trades; friends who follow the same news share a few of many. Whoever has
-- deleted themselves since counts as they did before.
-- Of one moment and network at most 30 accounts are compared, and of one market 2,000 fills. There is no
-- join of fills with fills, which would compare each with all others where the planner expects few.
  with fills as materialized (
    select distinct a.network_key, a.identity_hash, t.shift_id, sign(t.shares) as side,
      floor(extract(epoch from t.executed_at) / 10) as moment
    from markets m
    cross join lateral (
      select f.user_id, f.shift_id, f.shares, f.executed_at from transactions f
      where f.exchange_id = p_exchange_id and f.shift_id = m.shift_id and f.executed_at >= p_time - interval '1 hour'
        and f.cause = 'order'
      order by f.executed_at desc, f.sequence desc limit 2000) t
    cross join lateral (
      select c.network_key, c.identity_hash from accounts c
      where c.exchange_id = p_exchange_id and c.user_id = t.user_id
      union all
      select d.network_key, d.identity_hash from departures d
      where d.exchange_id = p_exchange_id and d.user_id = t.user_id offset 0) a
    where m.exchange_id = p_exchange_id and a.network_key is not null and a.identity_hash is not null),
  active as (
    select f.*, count(*) over (partition by f.network_key, f.identity_hash) as moments from fills f),
  met as (
    select a.network_key, (array_agg(a.identity_hash order by a.identity_hash))[:30] as identity_hashes,
      (array_agg(a.moments order by a.identity_hash))[:30] as moments
    from active a where a.moments >= 3
    group by a.network_key, a.shift_id, a.side, a.moment having count(*) > 1),
  pairs as (
    select m.network_key, one.identity_hash as one, other.identity_hash as other, count(*) as shared
    from met m
    cross join lateral unnest(m.identity_hashes, m.moments) with ordinality one(identity_hash, moments, place)
    cross join lateral unnest(m.identity_hashes, m.moments) with ordinality other(identity_hash, moments, place)
    where one.place < other.place
    group by m.network_key, one.identity_hash, other.identity_hash
    having count(*) >= 3 and 2 * count(*) >= greatest(max(one.moments), max(other.moments)))
  select 'concert', p.network_key, array_agg(distinct w.identity_hash),
    jsonb_build_object('seconds', 3600, 'moment_seconds', 10, 'moments', max(p.shared)), p_time
  from pairs p cross join lateral (values (p.one), (p.other)) w(identity_hash)
  group by p.network_key
  having count(distinct w.identity_hash) >= p_settings.concert_accounts
$$;
comment on function concert_signals(bigint, exchange_settings, timestamptz) is 'Accounts of one network that keep trading the same side of a market at the same time.';

create or replace function losing_positions(p_exchange_id bigint, p_settings exchange_settings, p_time timestamptz)
returns table (user_id bigint, shift_id integer, lost_paise bigint)
language sql stable
set search_path = betjee, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
as $$
-- Where members of the last seven days have lost at least two fifths of a bonus in one market, at what
-- closing would bring now; the 200 largest losses of the 5,000 newest members.
  select l.user_id, l.shift_id, l.lost_paise
  from (
    select p.user_id, p.shift_id,
      -(p.realised_paise + (closing_value(m, p.shares)).gross_paise - sign(p.shares) * p.basis_paise)::bigint as lost_paise
    from (
      select u.user_id from users u
      where u.exchange_id = p_exchange_id and u.registered_at >= p_time - interval '7 days'
      order by u.registered_at desc limit 5000) n
    join positions p on p.exchange_id = p_exchange_id and p.user_id = n.user_id
    join markets m on m.exchange_id = p_exchange_id and m.shift_id = p.shift_id) l
  where l.lost_paise >= greatest(p_settings.signup_bonus_paise * 2 / 5, 1)
  order by l.lost_paise desc limit 200
$$;
comment on function losing_positions(bigint, exchange_settings, timestamptz) is 'Where new members have lost much of a bonus in one market.';

create or replace function identities_of_users(p_exchange_id bigint, p_user_ids bigint[]) returns bytea[]
language sql stable
set search_path = betjee, pg_temp
as $$
  select array(
    select a.identity_hash from accounts a
    where a.exchange_id = p_exchange_id and a.user_id = any (p_user_ids) and a.identity_hash is not null
    union
    select d.identity_hash from departures d where d.exchange_id = p_exchange_id and d.user_id = any (p_user_ids))
$$;
comment on function identities_of_users(bigint, bigint[]) is 'The keyed hashes of users, also of those who have deleted themselves lately.';

create or replace function transfer_signals(p_exchange_id bigint, p_settings exchange_settings, p_time timestamptz) returns setof signal
language sql stable
set search_path = betjee, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
as $$
-- Bonus moved by losing trades: a member pushes the price, another closes against it within a minute, and
-- the first is left with the loss. One account is tied to transfer_accounts others (3) that each lost at
-- least two fifths of a bonus in one market, where at least half of what they traded was followed by a
-- trade of that account the other way within a minute and 20 changes of the exchange, and which gained there at
-- least a quarter of what they lost. A deletion closes a position as any trade does, so it hides no loss.
  with losses as materialized (
    select * from losing_positions(p_exchange_id, p_settings, p_time)),
  pushes as materialized (
    select l.user_id, l.shift_id, l.lost_paise, t.sequence, t.shares, t.executed_at,
      sum(abs(t.shares)) over (partition by l.user_id, l.shift_id, sign(t.shares)) as traded_shares
    from losses l
    cross join lateral (
      select f.sequence, f.shares, f.executed_at from transactions f
      where f.exchange_id = p_exchange_id and f.user_id = l.user_id and f.shift_id = l.shift_id
      order by f.sequence desc limit 50) t),
  followed as (
    select p.user_id, p.shift_id, p.lost_paise, f.user_id as gainer_user_id,
      sum(abs(p.shares))::numeric / min(p.traded_shares) as part, max(f.executed_at) as last_at
    from pushes p
    cross join lateral (
      select distinct on (n.user_id) n.user_id, n.executed_at from transactions n
      where n.exchange_id = p_exchange_id and n.sequence > p.sequence and n.sequence <= p.sequence + 20
        and n.shift_id = p.shift_id and n.user_id <> p.user_id and sign(n.shares) = -sign(p.shares)
        and n.executed_at <= p.executed_at + interval '60 seconds') f
    group by p.user_id, p.shift_id, p.lost_paise, f.user_id, sign(p.shares)
    having 2 * sum(abs(p.shares)) >= min(p.traded_shares)),
  gains as (
    select w.shift_id, w.gainer_user_id, sum(w.lost_paise) as lost_paise, count(distinct w.user_id) as accounts,
      array_agg(distinct w.user_id) as user_ids, max(w.last_at) as last_at, min(g.realised_paise) as gained_paise
    from followed w
    join positions g on g.exchange_id = p_exchange_id and g.user_id = w.gainer_user_id and g.shift_id = w.shift_id
    group by w.shift_id, w.gainer_user_id
    having count(distinct w.user_id) >= p_settings.transfer_accounts and 4 * min(g.realised_paise) >= sum(w.lost_paise))
  select 'transfer', r.identity_hash, identities_of_users(p_exchange_id, g.user_ids || g.gainer_user_id),
    jsonb_build_object('market', m.code, 'label', m.label, 'lost_paise', g.lost_paise, 'gained_paise', g.gained_paise,
      'gainer_user_id', g.gainer_user_id, 'givers', g.accounts), g.last_at
  from gains g
  cross join lateral unnest(identities_of_users(p_exchange_id, array[g.gainer_user_id])) r(identity_hash)
  join markets m on m.exchange_id = p_exchange_id and m.shift_id = g.shift_id
$$;
comment on function transfer_signals(bigint, exchange_settings, timestamptz) is 'Accounts that gained in one market what new members lost against them.';
