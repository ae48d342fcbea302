-- The daily post of the leaderboard: when it is due, what it says, and that it is queued once.

create or replace function post_due_at(p_settings exchange_settings, p_now timestamptz) returns timestamptz
language sql immutable parallel safe
-- The newest moment, not after now, at which the exchange's own clock showed the time of the post.
return (
  select (l.day - case when l.day + l.post_at > l.clock then interval '1 day' else interval '0' end + l.post_at - l.utc_offset) at time zone 'UTC'
  from (
    select date_trunc('day', o.clock) as day, o.clock, o.utc_offset,
      nullif((p_settings).leaderboard_post_at, 'off')::interval as post_at
    from (
      select (p_now at time zone 'UTC') + (p_settings).utc_offset::interval as clock,
        (p_settings).utc_offset::interval as utc_offset) o) l);
comment on function post_due_at(exchange_settings, timestamptz) is 'Since when the newest daily post is due; null where there is none.';

create or replace function post_day(p_settings exchange_settings, p_due_at timestamptz) returns date
language sql immutable parallel safe
return ((p_due_at at time zone 'UTC') + (p_settings).utc_offset::interval)::date;
comment on function post_day(exchange_settings, timestamptz) is 'The day of a post by the exchange''s own clock.';

create or replace function is_post_due(p_exchange exchanges, p_now timestamptz) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
-- After a pause the newest post alone is made up for. A schedule does not look back: what was due
-- before it was set is not. The post waits for leaderboards that were made since it is due, and for
-- somebody to be on them.
  select exists (
    select from leaderboards l,
      (select typed_settings(p_exchange.settings)) s(settings),
      lateral (select post_due_at(s.settings, p_now)) d(due_at)
    where l.exchange_id = p_exchange.exchange_id and l.refreshed_at >= d.due_at
      and not exists (
        select from leaderboard_posts p
        where p.exchange_id = p_exchange.exchange_id and p.day >= post_day(s.settings, d.due_at))
      and d.due_at >= coalesce((
        select o.recorded_at from moderation_log o
        where o.exchange_id = p_exchange.exchange_id and o.act = 'change_setting'
          and o.detail ->> 'name' in ('leaderboard_post_at', 'utc_offset')
        order by o.sequence desc limit 1), '-infinity')
      and places_of_board(p_exchange.exchange_id, 'net_worth', 'all') > 0)
$$;
comment on function is_post_due(exchanges, timestamptz) is 'Whether the leaderboard of an exchange is to be posted now.';

create or replace function list_due_posts() returns setof bigint
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select e.exchange_id from exchanges e
  where e.settings ->> 'leaderboard_post_at' <> 'off' and is_post_due(e, clock_timestamp())
$$;
comment on function list_due_posts() is 'The exchanges whose leaderboard is to be posted now.';
alter function list_due_posts() owner to exchange_writer;
grant execute on function list_due_posts() to service_role;

create or replace function list_movers(p_exchange_id bigint, p_since timestamptz, p_sign integer, p_limit integer) returns jsonb
language sql stable
set search_path = betjee, pg_temp
set enable_nestloop = off
as $$
-- Whose net worth, as it is ranked, has risen (sign 1) or fallen (sign -1) most since a snapshot that they were in.
  select coalesce(jsonb_agg(jsonb_build_object('display_name', m.display_name, 'change_paise', m.change_paise) order by m.place), '[]')
  from (
    select u.display_name, c.change_paise, row_number() over (order by p_sign * c.change_paise desc, c.user_id) as place
    from (
      select n.user_id, n.amount_paise - b.median_paise as change_paise
      from standings s
      cross join unnest(s.user_ids, s.amounts_paise) n(user_id, amount_paise)
      join snapshot_figures(p_exchange_id, p_since) b on b.user_id = n.user_id
      where s.exchange_id = p_exchange_id and s.run = (select shown_run(p_exchange_id)) and s.board = 'net_worth' and s.period = 'all') c
    join users u on u.exchange_id = p_exchange_id and u.user_id = c.user_id and u.status = 'active'
    where p_sign * c.change_paise > 0
    order by p_sign * c.change_paise desc, c.user_id
    limit p_limit) m
$$;
comment on function list_movers(bigint, timestamptz, integer, integer) is 'The members whose ranked net worth has risen or fallen most since a snapshot.';

create or replace function leaderboard_post_detail(p_exchange_id bigint, p_posted_at timestamptz, p_user_ids bigint[]) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- The first ten, with the place of each in the last post where they were in it, and the movers since
-- then; before there is a last post, since a day ago.
  select jsonb_build_object(
    'standings', (
      select coalesce(jsonb_agg(s - 'user_id' || jsonb_build_object('place_before', array_position(p_user_ids, (s ->> 'user_id')::bigint))), '[]')
      from list_standings(p_exchange_id, 'net_worth', 'day', 0, 10) s),
    'members', places_of_board(p_exchange_id, 'net_worth', 'day'),
    'since', b.taken_at, 'risen', list_movers(p_exchange_id, b.taken_at, 1, 3), 'fallen', list_movers(p_exchange_id, b.taken_at, -1, 3))
  from (select snapshot_before(p_exchange_id, coalesce(p_posted_at, clock_timestamp() - interval '1 day'))) b(taken_at)
$$;
comment on function leaderboard_post_detail(bigint, timestamptz, bigint[]) is 'What the daily post says, given when the last one was made and who was on it.';

create or replace function post_leaderboard(p_exchange_id bigint) returns boolean
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Queues the daily post of an exchange where it is due; says whether it did. It is its own memory:
-- again, and in however many processes at once, it does nothing. What is said is read before the lock
-- is taken, and whether it is still due is decided under it. Locks: the exchange.
declare
  v_exchange exchanges;
  v_settings exchange_settings;
  v_last leaderboard_posts;
  v_detail jsonb;
  v_due_at timestamptz;
begin
  select * into v_exchange from exchanges where exchange_id = p_exchange_id;
  if not is_post_due(v_exchange, clock_timestamp()) then
    return false;
  end if;
  select * into v_last from leaderboard_posts where exchange_id = p_exchange_id order by day desc limit 1;
  v_detail := leaderboard_post_detail(p_exchange_id, v_last.posted_at, v_last.user_ids);
  v_exchange := lock_exchange(p_exchange_id);
  if not is_post_due(v_exchange, v_exchange.updated_at) then
    return false;
  end if;
  v_settings := typed_settings(v_exchange.settings);
  v_due_at := post_due_at(v_settings, v_exchange.updated_at);
  insert into leaderboard_posts (exchange_id, day, due_at, posted_at, user_ids)
  values (
    p_exchange_id, post_day(v_settings, v_due_at), v_due_at, v_exchange.updated_at,
    array(select (s ->> 'user_id')::bigint from list_standings(p_exchange_id, 'net_worth', 'day', 0, 10) s));
  perform queue_notices(v_exchange, array[(null, 'leaderboard_post', v_detail)::notice]);
  return true;
end
$$;
comment on function post_leaderboard(bigint) is 'Queue the daily post of the leaderboard where it is due, once.';
alter function post_leaderboard(bigint) owner to exchange_writer;
grant execute on function post_leaderboard(bigint) to service_role;
