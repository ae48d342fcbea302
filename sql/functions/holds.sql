-- What holds a member back, as they are told it themselves.

create or replace function find_hold(p_exchange_id bigint, p_user_id bigint) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- Why a member may not trade, since when and until when, and what of their bonus waits for a moderator; null
-- for a stranger. A wipe that is planned is a freeze to them, with its reason.
  select jsonb_build_object(
    'status', u.status, 'reason', coalesce(b.reason, f.reason), 'since', coalesce(b.banned_at, f.since),
    'until', b.banned_until, 'can_appeal', b.ban_id is not null and b.appeal is null,
    'withheld_paise', withheld_bonus(u.exchange_id, u.user_id))
  from users u
  left join lateral (
    select b.* from bans b
    where b.exchange_id = u.exchange_id and b.user_id = u.user_id and b.ended_at is null and u.status = 'banned'
    order by b.ban_id desc limit 1) b on true
  left join lateral (
    select h.reason, h.since from (
      select z.reason, z.frozen_at as since from freezes z
      where z.exchange_id = u.exchange_id and z.user_id = u.user_id
      union all
      select w.reason, w.planned_at from wipe_members m join wipes w using (exchange_id, wipe_id)
      where m.exchange_id = u.exchange_id and m.user_id = u.user_id and w.ended_at is null) h
    where u.status = 'frozen'
    order by h.since limit 1) f on true
  where u.exchange_id = p_exchange_id and u.user_id = p_user_id and u.status <> 'deleted'
$$;
comment on function find_hold(bigint, bigint) is 'Why a member may not trade, and what of their bonus waits.';
alter function find_hold(bigint, bigint) owner to exchange_writer;
grant execute on function find_hold(bigint, bigint) to service_role;
