-- Leaderboards as members see them: pages, the own rank, the public one; and how a wiped member leaves them.

create or replace function shown_run(p_exchange_id bigint) returns bigint
language sql stable
set search_path = betjee, pg_temp
set enable_seqscan = off
as $$
  select l.shown_run from leaderboards l where l.exchange_id = p_exchange_id
$$;
comment on function shown_run(bigint) is 'The run whose leaderboards are shown.';

create or replace function places_of_board(p_exchange_id bigint, p_board text, p_period text) returns bigint
language sql stable
set search_path = betjee, pg_temp
set enable_seqscan = off
as $$
  select coalesce((
    select s.chunk * 1000::bigint + cardinality(s.user_ids) from standings s
    where s.exchange_id = p_exchange_id and s.run = (select shown_run(p_exchange_id)) and s.board = p_board and s.period = p_period
    order by s.chunk desc limit 1), 0)
$$;
comment on function places_of_board(bigint, text, text) is 'How many members are on a leaderboard.';

create or replace function list_standings(p_exchange_id bigint, p_board text, p_period text, p_after bigint, p_limit integer) returns setof jsonb
language sql stable
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- The places after one, at most p_limit. Equals have one rank, that of the first of them: whoever has as much as
-- the first of the chunk has the rank of that, and of all others the first equal stands in the same chunk.
-- Who was frozen, banned or wiped since the leaderboard was made is left out, and their place stays empty until
-- the next one.
  select jsonb_strip_nulls(jsonb_build_object(
    'rank', p.rank, 'user_id', p.user_id, 'display_name', u.display_name,
    'net_worth_paise', case when p_board in ('net_worth', 'gain') then p.amount_paise end, 'gain_bps', p.gain_bps,
    'realised_paise', case when p_board in ('realised', 'best_trade') then p.amount_paise end,
    'market', t.code, 'shares', t.shares, 'executed_at', t.executed_at))
  from (
    select case when k.ranked_by[a.place] = k.ranked_by[1] then s.first_rank
        else s.chunk * 1000::bigint + array_position(k.ranked_by, k.ranked_by[a.place]) end as rank, a.user_id, a.amount_paise, case when p_board in ('net_worth', 'gain') then a.gain_bps end as gain_bps,
      a.sequence, s.chunk * 1000::bigint + a.place as place
    from standings s,
      -- What is appended makes it one array in memory, which is looked into as often as there are places.
      lateral (select case s.board when 'gain' then s.gains_bps else s.amounts_paise end || '{}' offset 0) k(ranked_by),
      unnest(s.user_ids, s.amounts_paise, s.gains_bps, s.sequences)
        with ordinality a(user_id, amount_paise, gain_bps, sequence, place)
    where s.exchange_id = p_exchange_id and s.run = (select shown_run(p_exchange_id)) and s.board = p_board and s.period = p_period
      and s.chunk between p_after / 1000 and (p_after + p_limit - 1) / 1000
      and s.chunk * 1000::bigint + a.place between p_after + 1 and p_after + p_limit
    offset 0) p
  cross join lateral (
    select u.display_name from users u
    where u.exchange_id = p_exchange_id and u.user_id = p.user_id and u.status = 'active' limit 1) u
  left join lateral (
    select m.code, abs(t.shares) as shares, t.executed_at from transactions t, markets m
    where t.exchange_id = p_exchange_id and t.sequence = p.sequence
      and m.exchange_id = p_exchange_id and m.shift_id = t.shift_id limit 1) t on true
  order by p.place
$$;
comment on function list_standings(bigint, text, text, bigint, integer) is 'Some places of a leaderboard, with the names of those who stand there.';

create or replace function get_leaderboard(p_exchange_id bigint, p_board text, p_period text, p_page integer, p_page_size integer) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- A page beyond the last is the last, since members may have left since it was asked for. What it counts is
-- places; those of the page on which nobody is shown are told beside the others.
  select jsonb_build_object(
    'board', p_board, 'period', p_period, 'page', g.page, 'pages', g.pages, 'members', n.members,
    'refreshed_at', (select l.refreshed_at from leaderboards l where l.exchange_id = p_exchange_id),
    'standings', s.shown, 'empty_places', least(l.size, n.members - (g.page - 1) * l.size) - jsonb_array_length(s.shown))
  from (select least(greatest(p_page_size, 1), 100)) l(size),
    lateral (select places_of_board(p_exchange_id, p_board, p_period)) n(members),
    lateral (select greatest((n.members + l.size - 1) / l.size, 1)) c(pages),
    lateral (select c.pages, least(greatest(p_page, 1), c.pages)) g(pages, page),
    lateral (
      select coalesce(jsonb_agg(s), '[]')
      from list_standings(p_exchange_id, p_board, p_period, (g.page - 1) * l.size::bigint, l.size) s) s(shown)
$$;
comment on function get_leaderboard(bigint, text, text, integer, integer) is 'A page of a leaderboard as it was made last.';
alter function get_leaderboard(bigint, text, text, integer, integer) owner to exchange_writer;
grant execute on function get_leaderboard(bigint, text, text, integer, integer) to service_role;

create or replace function get_standing(p_exchange_id bigint, p_user_id bigint, p_board text, p_period text) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select list_standings(p_exchange_id, p_board, p_period, f.place - 1, 1) || jsonb_build_object(
    'place', f.place, 'members', places_of_board(p_exchange_id, p_board, p_period))
  from (
    select s.chunk * 1000::bigint + array_position(s.user_ids, p_user_id) as place from standings s
    where s.exchange_id = p_exchange_id and s.run = (select shown_run(p_exchange_id)) and s.board = p_board and s.period = p_period and p_user_id = any (s.user_ids)
    order by s.chunk limit 1) f
$$;
comment on function get_standing(bigint, bigint, text, text) is 'Where a member stands on a leaderboard, or null for one who is not on it.';
alter function get_standing(bigint, bigint, text, text) owner to exchange_writer;
grant execute on function get_standing(bigint, bigint, text, text) to service_role;

create or replace function get_public_leaderboard(p_exchange_id bigint, p_limit integer) returns setof jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select s - 'user_id'
  from exchanges e, list_standings(p_exchange_id, 'net_worth', 'all', 0, least(greatest(p_limit, 1), 100)) s
  where e.exchange_id = p_exchange_id and (typed_settings(e.settings)).public_page
$$;
comment on function get_public_leaderboard(bigint, integer) is 'The leaderboard of an exchange that turned its page on, for everyone.';
alter function get_public_leaderboard(bigint, integer) owner to exchange_writer;
grant execute on function get_public_leaderboard(bigint, integer) to service_role, anon;

create or replace function without_members(p_user_ids bigint[], p_gone bigint[]) returns bigint[]
language sql immutable parallel safe
return array(
  select case when a.user_id = any (p_gone) then 0 else a.user_id end
  from unnest(p_user_ids) with ordinality a(user_id, place) order by a.place);
comment on function without_members(bigint[], bigint[]) is 'A list of members, with 0 in the places of some.';

create or replace function forget_standings(p_exchange_id bigint, p_user_ids bigint[]) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Takes members out of snapshots, leaderboards and posts, for the wipe alone, as the eraser. Locks, after
-- the exchange: its row of leaderboards, so that it waits for the step of a run that is in hand, and none
-- begins before the wipe is committed. What that run has found so far is forgotten, so that it begins anew.
begin
  perform from leaderboards where exchange_id = p_exchange_id for update;
  delete from valuations where exchange_id = p_exchange_id;
  delete from ranked_members where exchange_id = p_exchange_id;
  delete from median_bounds where exchange_id = p_exchange_id and block in (select u / 1000 from unnest(p_user_ids) u);
  delete from best_trades where exchange_id = p_exchange_id and user_id = any (p_user_ids);
  update net_worths w
  set (user_ids, net_worths_paise, medians_paise, realised_paise) = (
    select coalesce(array_agg(a.user_id order by a.place), '{}'), coalesce(array_agg(a.net_worth_paise order by a.place), '{}'),
      coalesce(array_agg(a.median_paise order by a.place), '{}'), coalesce(array_agg(a.realised_paise order by a.place), '{}')
    from unnest(w.user_ids, w.net_worths_paise, w.medians_paise, w.realised_paise)
      with ordinality a(user_id, net_worth_paise, median_paise, realised_paise, place)
    where a.user_id <> all (p_user_ids))
  where w.exchange_id = p_exchange_id and w.block in (select u / 1000 from unnest(p_user_ids) u) and w.user_ids && p_user_ids;
  -- The places of the others on leaderboards and posts stay what they were.
  update standings s set user_ids = without_members(s.user_ids, p_user_ids)
  where s.exchange_id = p_exchange_id and s.user_ids && p_user_ids;
  update leaderboard_posts p set user_ids = without_members(p.user_ids, p_user_ids)
  where p.exchange_id = p_exchange_id and p.user_ids && p_user_ids;
end
$$;
comment on function forget_standings(bigint, bigint[]) is 'Take wiped members out of snapshots and leaderboards.';
