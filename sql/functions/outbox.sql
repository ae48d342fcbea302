-- Notices, and the relay that delivers them. A notice is written by the transaction that causes it;
-- nothing leaves inside a transaction. A process claims one exchange at a time by a lease, reads what
-- is due, sends, and says what became of each; while it sends it holds no lock.
--
--   pending -> delivered          it was sent
--   pending -> pending -> failed  it could not be sent: later again, at most 20 times within some 3 hours
--   pending -> kept               nobody wants it sent, or there is nowhere to send it
--
-- Whatever its state, a user's notice is listed by list_notices() until it is purged.
--
-- Locks: functions that touch several notices or a preference lock the exchange first; those that
-- mark one notice lock that row alone, and hold it for one statement.

create or replace function queue_notices(p_exchange exchanges, p_notices notice[]) returns void
language plpgsql
set search_path = betjee, pg_temp
-- Users are looked up by their key, whatever the planner thinks of the number of notices.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Queues notices in the order given. Must be called under the exchange's lock, which keeps their
-- numbers in order and their owners' preferences still. What its owner does not want sent is kept
-- from the start, so that a preference that changes later sends nothing old.
begin
  if coalesce(cardinality(p_notices), 0) = 0 then
    return;
  end if;
  insert into outbox (exchange_id, user_id, kind, detail, state, created_at, next_attempt_at)
  select p_exchange.exchange_id, n.user_id, n.kind, n.detail, case when w.is_sent then 'pending' else 'kept' end,
    p_exchange.updated_at, case when w.is_sent then p_exchange.updated_at end
  from unnest(p_notices) with ordinality n(user_id, kind, detail, ordinal)
  left join lateral (
    select u.notify_by from users u
    where u.exchange_id = p_exchange.exchange_id and u.user_id = n.user_id limit 1) u on true
  cross join lateral (select n.user_id is null or coalesce(u.notify_by, 'none') <> 'none') w(is_sent)
  order by n.ordinal;
  -- Looked for first: an insert would wait for a process that is claiming the lease at the moment.
  if not exists (select from outbox_leases where exchange_id = p_exchange.exchange_id) then
    insert into outbox_leases (exchange_id) values (p_exchange.exchange_id) on conflict do nothing;
  end if;
end
$$;
comment on function queue_notices(exchanges, notice[]) is 'Queue notices of a locked exchange, to be delivered after the transaction.';

-- The relay

create or replace function claim_outbox(p_holder text, p_lease_seconds integer) returns bigint
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Leases the exchange with due notices that was claimed longest ago; null where there is none.
-- Locks: the lease's row, skipping those that others are claiming. A lease that ran out is anyone's.
declare
  v_now timestamptz := clock_timestamp();
  v_exchange_id bigint;
begin
  if p_lease_seconds is null or p_lease_seconds not between 1 and 300 or coalesce(char_length(p_holder), 0) not between 1 and 64 then
    raise exception 'A lease has a holder of 1 to 64 characters and lasts 1 to 300 seconds.' using errcode = 'invalid_parameter_value';
  end if;
  select l.exchange_id into v_exchange_id
  from outbox_leases l
  where (l.leased_until is null or l.leased_until <= v_now)
    and exists (
      select from outbox o
      where o.exchange_id = l.exchange_id and o.state = 'pending' and o.next_attempt_at <= v_now)
  order by l.claimed_at nulls first
  limit 1
  for update of l skip locked;
  update outbox_leases
  set holder = p_holder, claimed_at = v_now, leased_until = v_now + make_interval(secs => p_lease_seconds)
  where exchange_id = v_exchange_id;
  return v_exchange_id;
end
$$;
comment on function claim_outbox(text, integer) is 'Lease an exchange that has due notices to a process; null where there is none.';
alter function claim_outbox(text, integer) owner to exchange_writer;
grant execute on function claim_outbox(text, integer) to service_role;

create or replace function release_outbox(p_exchange_id bigint, p_holder text) returns void
language sql security definer
set search_path = betjee, pg_temp
as $$
  update outbox_leases set holder = null, leased_until = null
  where exchange_id = p_exchange_id and holder = p_holder
$$;
comment on function release_outbox(bigint, text) is 'Give a lease back before it runs out; someone else''s is left alone.';
alter function release_outbox(bigint, text) owner to exchange_writer;
grant execute on function release_outbox(bigint, text) to service_role;

create or replace function list_due_notices(p_exchange_id bigint, p_holder text, p_limit integer) returns setof jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- What is due, in order, with all that is needed to deliver it; nothing for anyone but the holder of
-- a lease that has not run out. A notice waits for the earlier ones to the same receiver.
  select jsonb_build_object(
    'exchange_id', o.exchange_id, 'notice_id', o.notice_id, 'kind', o.kind, 'detail', due_detail(o),
    'dedupe_key', o.dedupe_key, 'attempts', o.attempts, 'created_at', o.created_at, 'user_id', o.user_id,
    'notify_by', u.notify_by, 'provider', coalesce(a.provider, c.provider), 'provider_user_id', a.provider_user_id,
    'exchange_name', e.name, 'community_id', c.community_id, 'is_for_moderators', is_for_moderators(o.kind),
    'channel_id', case
      when o.kind = 'moderator_act' then o.detail ->> 'channel_id'
      when is_for_moderators(o.kind) and o.user_id is null then c.moderators_channel_id
      else c.channel_id end)
  from outbox_leases l
  join exchanges e using (exchange_id)
  cross join lateral (
    select d.* from outbox d
    where d.exchange_id = l.exchange_id and d.state = 'pending' and d.next_attempt_at <= clock_timestamp()
      and not exists (
        select from outbox earlier
        where earlier.exchange_id = d.exchange_id and coalesce(earlier.user_id, 0) = coalesce(d.user_id, 0)
          and earlier.notice_id < d.notice_id and earlier.state = 'pending'
          and earlier.next_attempt_at > clock_timestamp())
    order by d.notice_id
    limit least(greatest(p_limit, 1), 1000)) o
  left join users u on u.exchange_id = o.exchange_id and u.user_id = o.user_id
  left join accounts a on a.exchange_id = o.exchange_id and a.user_id = o.user_id
  left join lateral (
    select c.* from communities c
    where c.exchange_id = o.exchange_id and c.provider = coalesce(a.provider, c.provider)
    order by c.provider, c.community_id limit 1) c on true
  where l.exchange_id = p_exchange_id and l.holder = p_holder and l.leased_until > clock_timestamp()
  order by o.notice_id
$$;
comment on function list_due_notices(bigint, text, integer) is 'The due notices of an exchange, for the process that has leased it.';
alter function list_due_notices(bigint, text, integer) owner to exchange_writer;
grant execute on function list_due_notices(bigint, text, integer) to service_role;

create or replace function mark_notice_delivered(p_exchange_id bigint, p_notice_id bigint, p_delivered_by text) returns void
language sql security definer
set search_path = betjee, pg_temp
as $$
-- That it was sent is a fact, so no lease is asked for. Again, it changes nothing.
  update outbox
  set state = 'delivered', delivered_by = p_delivered_by, delivered_at = clock_timestamp(), next_attempt_at = null,
    attempts = attempts + 1
  where exchange_id = p_exchange_id and notice_id = p_notice_id and state <> 'delivered'
$$;
comment on function mark_notice_delivered(bigint, bigint, text) is 'Note that a notice was sent, by direct message or in the channel.';
alter function mark_notice_delivered(bigint, bigint, text) owner to exchange_writer;
grant execute on function mark_notice_delivered(bigint, bigint, text) to service_role;

create or replace function retry_notice(p_exchange_id bigint, p_notice_id bigint) returns text
language sql security definer
set search_path = betjee, pg_temp
as $$
-- After the n-th failure it waits 5 · 2^(n-1) seconds, at most 15 minutes; after the 20th, for good.
  update outbox
  set attempts = attempts + 1,
    state = case when attempts + 1 >= 20 then 'failed' else 'pending' end,
    next_attempt_at = case when attempts + 1 < 20
      then clock_timestamp() + make_interval(secs => least(5 * 2 ^ least(attempts, 10), 900)) end
  where exchange_id = p_exchange_id and notice_id = p_notice_id and state = 'pending'
  returning state
$$;
comment on function retry_notice(bigint, bigint) is 'Note that a notice could not be sent; its state then, or null where it was no longer pending.';
alter function retry_notice(bigint, bigint) owner to exchange_writer;
grant execute on function retry_notice(bigint, bigint) to service_role;

create or replace function keep_notice(p_exchange_id bigint, p_notice_id bigint) returns void
language sql security definer
set search_path = betjee, pg_temp
as $$
  update outbox set state = 'kept', next_attempt_at = null
  where exchange_id = p_exchange_id and notice_id = p_notice_id and state = 'pending'
$$;
comment on function keep_notice(bigint, bigint) is 'Give up sending a notice for which there is no place; it stays listed.';
alter function keep_notice(bigint, bigint) owner to exchange_writer;
grant execute on function keep_notice(bigint, bigint) to service_role;

create or replace function keep_pending_notices(p_exchange_id bigint, p_user_id bigint) returns void
language sql
set search_path = betjee, pg_temp
as $$
  update outbox set state = 'kept', next_attempt_at = null
  where exchange_id = p_exchange_id and coalesce(user_id, 0) = p_user_id and state = 'pending'
$$;
comment on function keep_pending_notices(bigint, bigint) is 'Send a user nothing of what is pending; must be called under the exchange''s lock.';

create or replace function refuse_notices(p_exchange_id bigint, p_user_id bigint) returns void
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- The user does not take direct messages: nothing more is sent until they ask for it again. One who
-- has meanwhile asked for the channel is told there. Locks: the exchange, then the user's notices.
begin
  perform lock_exchange(p_exchange_id);
  update users set notify_by = 'none'
  where exchange_id = p_exchange_id and user_id = p_user_id and notify_by = 'direct';
  if found then
    perform keep_pending_notices(p_exchange_id, p_user_id);
  end if;
end
$$;
comment on function refuse_notices(bigint, bigint) is 'Stop writing to a user who does not take direct messages.';
alter function refuse_notices(bigint, bigint) owner to exchange_writer;
grant execute on function refuse_notices(bigint, bigint) to service_role;

create or replace function purge_outbox(p_limit integer) returns bigint
language sql security definer
set search_path = betjee, pg_temp
as $$
-- Forgets notices older than 30 days, and alerts and waiting orders that ended as long ago, at most
-- p_limit of each; returns how many of the kind of which there were most, so that p_limit means: again.
-- Locks: only what it deletes; what someone else has in hand is left for the next time.
  with old_notices as (
    delete from outbox
    where (exchange_id, notice_id) in (
      select exchange_id, notice_id from outbox
      where created_at < clock_timestamp() - interval '30 days'
      limit least(p_limit, 100000) for update skip locked)
    returning 1),
  old_alerts as (
    delete from price_alerts
    where (exchange_id, alert_id) in (
      select exchange_id, alert_id from price_alerts
      where ended_at < clock_timestamp() - interval '30 days'
      limit least(p_limit, 100000) for update skip locked)
    returning 1),
  old_stops as (
    delete from stop_losses
    where (exchange_id, stop_id) in (
      select exchange_id, stop_id from stop_losses
      where ended_at < clock_timestamp() - interval '30 days'
      limit least(p_limit, 100000) for update skip locked)
    returning 1)
  select greatest(
    (select count(*) from old_notices), (select count(*) from old_alerts), (select count(*) from old_stops))
$$;
comment on function purge_outbox(integer) is 'Forget old notices, and alerts and waiting orders that ended long ago; returns how many of the most frequent kind.';
alter function purge_outbox(integer) owner to exchange_writer;
grant execute on function purge_outbox(integer) to service_role;
