-- What is kept of a member, for themselves.

create or replace function export_by_hash(p_exchange_id bigint, p_identity_hashes bytea[]) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- What was written down of an identity by its keyed hash: attempts to sign up, the rules that noticed and marked it,
-- accounts that were deleted lately, and the mark that the bonus was paid. Lists are bounded at 1,000, the newest.
  select jsonb_build_object(
    'sign_up_attempts', (
      select coalesce(jsonb_agg(to_jsonb(v) - '{exchange_id}'::text[] order by v.attempt_id desc), '[]') from (
        select * from verification_attempts v
        where v.exchange_id = p_exchange_id and v.identity_hash = any (p_identity_hashes)
        order by v.attempt_id desc limit 1000) v),
    'suspicions', (
      select coalesce(jsonb_agg(jsonb_build_object('kind', c.kind, 'added_at', s.added_at) order by s.added_at desc), '[]')
      from suspects s join clusters c using (exchange_id, cluster_id)
      where s.exchange_id = p_exchange_id and s.identity_hash = any (p_identity_hashes)),
    'marks', (
      select coalesce(jsonb_agg(to_jsonb(m) - '{exchange_id,user_id,decided_by}'::text[] order by m.marked_at desc), '[]') from marks m
      where m.exchange_id = p_exchange_id and m.identity_hash = any (p_identity_hashes)),
    'departures', (
      select coalesce(jsonb_agg(to_jsonb(d) - '{exchange_id}'::text[] order by d.departed_at desc), '[]') from (
        select * from departures d
        where d.exchange_id = p_exchange_id and d.identity_hash = any (p_identity_hashes)
        order by d.departed_at desc limit 1000) d),
    'bonus_marks', (
      select coalesce(jsonb_agg(to_jsonb(b) - '{exchange_id}'::text[] order by b.season), '[]') from bonus_marks b
      where b.exchange_id = p_exchange_id and b.identity_hash = any (p_identity_hashes)))
$$;
comment on function export_by_hash(bigint, bytea[]) is 'What is kept of an identity by its keyed hash.';

create or replace function export_sign_up(p_user users) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- Links by the ids that a member has at their provider, and the rest by the hash that their account has had since.
  select export_by_hash(p_user.exchange_id, array(
      select a.identity_hash from accounts a
      where a.exchange_id = p_user.exchange_id and a.user_id = p_user.user_id and a.identity_hash is not null))
    || jsonb_build_object('sign_up_links', (
      select coalesce(jsonb_agg(to_jsonb(t) - '{exchange_id,token_hash,identity_hash}'::text[] order by t.issued_at desc), '[]')
      from verification_tokens t
      where t.exchange_id = p_user.exchange_id and (t.provider, t.provider_user_id) in (
        select a.provider, a.provider_user_id from accounts a
        where a.exchange_id = p_user.exchange_id and a.user_id = p_user.user_id)))
$$;
comment on function export_sign_up(users) is 'What is kept of how a member signed up.';

create or replace function export_names(p_exchange_id bigint, p_user_id bigint, p_identity_hash bytea) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
-- Bounded at 1,000, the newest.
  select coalesce(jsonb_agg(jsonb_build_object('display_name', n.display_name, 'recorded_at', n.recorded_at) order by n.sequence desc), '[]')
  from (
    select r.* from names_of_identity(p_exchange_id, p_user_id, p_identity_hash) r
    order by r.sequence desc limit 1000) n
$$;
comment on function export_names(bigint, bigint, bytea) is 'The names on the record of moderators of a user and of everybody that they were before.';

create or replace function export_identity(p_exchange_id bigint, p_identity_hash bytea) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- Everything that is kept of somebody without an account, such as one that they have deleted; null where that is nothing.
  select k.kept from (
    select export_by_hash(p_exchange_id, array[p_identity_hash]) || jsonb_build_object(
      'sign_up_links', (
        select coalesce(jsonb_agg(to_jsonb(t) - '{exchange_id,token_hash,identity_hash}'::text[] order by t.issued_at desc), '[]')
        from verification_tokens t where t.exchange_id = p_exchange_id and t.identity_hash = p_identity_hash),
      'recorded_names', export_names(p_exchange_id, null, p_identity_hash),
      'bans', (
        select coalesce(jsonb_agg(to_jsonb(b) - '{exchange_id,moderator_user_id}'::text[] order by b.ban_id desc), '[]') from bans b
        where b.exchange_id = p_exchange_id and b.subject = 'identity' and b.subject_hash = p_identity_hash)) as kept) k
  where exists (select from jsonb_each(k.kept) l(name, list) where l.list <> '[]')
$$;
comment on function export_identity(bigint, bytea) is 'Everything that is kept of somebody without an account, or null.';
alter function export_identity(bigint, bytea) owner to exchange_writer;
grant execute on function export_identity(bigint, bytea) to service_role;

create or replace function export_ledger(p_exchange_id bigint, p_user_id bigint, p_after_sequence bigint, p_limit integer) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object(
    'fills', coalesce(jsonb_agg(to_jsonb(t) order by t.sequence), '[]'),
    'next_after_sequence', case when count(*) = least(greatest(p_limit, 1), 5000) then max(t.sequence) end)
  from (
    select t.sequence, m.code as market, t.shares, t.price_paise, t.gross_paise, t.tax_paise, t.type, t.price_after_paise,
      fill_side(t.shares, t.position_shares) as side, t.position_shares, t.cause, t.stop_id, t.executed_at
    from transactions t
    join markets m on m.exchange_id = t.exchange_id and m.shift_id = t.shift_id
    where t.exchange_id = p_exchange_id and t.user_id = p_user_id and t.sequence > p_after_sequence
    order by t.sequence limit least(greatest(p_limit, 1), 5000)) t
$$;
comment on function export_ledger(bigint, bigint, bigint, integer) is 'A page of a member''s ledger, oldest first, and where the next one begins; null: nowhere.';
alter function export_ledger(bigint, bigint, bigint, integer) owner to exchange_writer;
grant execute on function export_ledger(bigint, bigint, bigint, integer) to service_role;

create or replace function export_user(p_exchange_id bigint, p_user_id bigint) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- Everything that is kept of a member, except the ledger, which comes in pages by export_ledger(), and
-- the record of what moderators did, which is theirs; null for a stranger. Lists are bounded at 1,000, the newest.
  select export_sign_up(u) || jsonb_build_object(
    'user_id', u.user_id, 'display_name', u.display_name, 'status', u.status, 'cash_paise', u.cash_paise,
    'rank', (select m.rank from moderators m where m.exchange_id = u.exchange_id and m.user_id = u.user_id),
    'fills', (select count(*) from transactions t where t.exchange_id = u.exchange_id and t.user_id = u.user_id),
    'net_worths', (select coalesce(jsonb_agg(n), '[]') from list_net_worth(u.exchange_id, u.user_id, 9600) n),
    'best_trades', (
      select coalesce(jsonb_agg(to_jsonb(b) - '{exchange_id,user_id}'::text[] order by b.hour desc), '[]') from best_trades b
      where b.exchange_id = u.exchange_id and b.user_id = u.user_id),
    'reserved_paise', u.reserved_paise, 'registered_at', u.registered_at, 'created_at', u.created_at, 'notify_by', u.notify_by,
    'accounts', (
      select coalesce(jsonb_agg(to_jsonb(a) - '{exchange_id,user_id}'::text[]), '[]') from accounts a
      where a.exchange_id = u.exchange_id and a.user_id = u.user_id),
    'grants', (
      select coalesce(jsonb_agg(to_jsonb(g) - '{exchange_id,user_id}'::text[]), '[]') from grants g
      where g.exchange_id = u.exchange_id and g.user_id = u.user_id),
    'positions', (
      select coalesce(jsonb_agg(to_jsonb(p) - '{exchange_id,user_id}'::text[] order by p.shift_id), '[]') from positions p
      where p.exchange_id = u.exchange_id and p.user_id = u.user_id),
    'waiting_orders', (
      select coalesce(jsonb_agg(to_jsonb(s) - '{exchange_id,user_id}'::text[] order by s.stop_id desc), '[]') from (
        select * from stop_losses s where s.exchange_id = u.exchange_id and s.user_id = u.user_id
        order by s.stop_id desc limit 1000) s),
    'price_alerts', (
      select coalesce(jsonb_agg(to_jsonb(l) - '{exchange_id,user_id}'::text[] order by l.alert_id desc), '[]') from (
        select * from price_alerts l where l.exchange_id = u.exchange_id and l.user_id = u.user_id
        order by l.alert_id desc limit 1000) l),
    'notices', (
      select coalesce(jsonb_agg(to_jsonb(o) - '{exchange_id,user_id}'::text[] order by o.notice_id desc), '[]') from (
        select * from outbox o where o.exchange_id = u.exchange_id and o.user_id = u.user_id
        order by o.notice_id desc limit 1000) o),
    'reports', (
      select coalesce(jsonb_agg(to_jsonb(r) - '{exchange_id,user_id}'::text[] order by r.report_id desc), '[]') from (
        select * from reports r where r.exchange_id = u.exchange_id and r.user_id = u.user_id
        order by r.report_id desc limit 1000) r),
    'freeze', (select to_jsonb(f) - '{exchange_id,user_id,moderator_user_id}'::text[] from freezes f
      where f.exchange_id = u.exchange_id and f.user_id = u.user_id),
    'recorded_names', export_names(u.exchange_id, u.user_id, (
      select a.identity_hash from accounts a where a.exchange_id = u.exchange_id and a.user_id = u.user_id limit 1)),
    'bans', (
      select coalesce(jsonb_agg(to_jsonb(b) - '{exchange_id,user_id,moderator_user_id}'::text[] order by b.ban_id desc), '[]') from bans b
      where b.exchange_id = u.exchange_id and b.user_id = u.user_id))
  from users u
  where u.exchange_id = p_exchange_id and u.user_id = p_user_id and u.status <> 'deleted'
$$;
comment on function export_user(bigint, bigint) is 'Everything that is kept of a member, but the ledger.';
alter function export_user(bigint, bigint) owner to exchange_writer;
grant execute on function export_user(bigint, bigint) to service_role;
