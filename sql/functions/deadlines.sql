-- Deadlines: the end of a halt, of a cool-down and of a ban, the time of a wipe, and the next turn of
-- stops that had to wait. Whoever writes next applies them, by execute_orders(); a job hastens that.

create or replace function is_moderation_due(p_exchange exchanges) returns boolean
language plpgsql stable
set search_path = betjee, pg_temp
as $$
-- Every batch asks this, so it is in the language that keeps its plans: two look-ups in indexes of what waits.
begin
  return exists (
      select from wipes w
      where w.exchange_id = p_exchange.exchange_id and w.status = 'planned' and w.due_at <= p_exchange.updated_at)
    or exists (
      select from bans b
      where b.exchange_id = p_exchange.exchange_id and b.ended_at is null and b.banned_until <= p_exchange.updated_at);
end
$$;
comment on function is_moderation_due(exchanges) is 'Whether a wipe is due or a ban is over in a locked exchange.';

create or replace function keep_out(p_exchange exchanges, p_wipe wipes) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- The identities of the wiped stay banned for good, and marked as having had the bonus. A ban that is
-- there already, whether it is over by now or not, becomes that of the wipe. Must be called under the
-- exchange's lock.
declare
  v_member wipe_members;
begin
  for v_member in
    select * from wipe_members m
    where m.exchange_id = p_wipe.exchange_id and m.wipe_id = p_wipe.wipe_id order by m.user_id
  loop
    perform mark_bonus(p_exchange, v_member.identity_hash);
    update bans set banned_until = null, wipe_id = p_wipe.wipe_id, user_id = v_member.user_id, reason = p_wipe.reason
    where exchange_id = p_wipe.exchange_id and subject = 'identity' and subject_hash = v_member.identity_hash and ended_at is null;
    continue when found;
    insert into bans (
      exchange_id, ban_id, subject, subject_hash, user_id, wipe_id, moderator_user_id, reason, banned_at)
    values (
      p_wipe.exchange_id, next_sequence(p_wipe.exchange_id, p_exchange.updated_at), 'identity', v_member.identity_hash,
      v_member.user_id, p_wipe.wipe_id, p_wipe.planned_by, p_wipe.reason, p_exchange.updated_at);
  end loop;
end
$$;
comment on function keep_out(exchanges, wipes) is 'Ban the identities of wiped users for good.';

create or replace function apply_moderation(p_exchange exchanges) returns text[]
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Ends the bans that are over and executes the wipes that are due, the oldest first; returns the
-- markets in which orders that wait are to be looked at. A wipe that has lost its footing is undone
-- instead. One that cannot be executed, for a bug or because it takes longer than a caller waits, must
-- not stop everyone's trading again and again: it changes nothing, its members stay frozen, and
-- moderators see that it failed.
-- Locks: the exchange is locked already; a wipe locks its markets.
declare
  v_markets text[] := end_bans(p_exchange);
  v_unwound text[];
  v_wipe wipes;
begin
  for v_wipe in
    select * from wipes w
    where w.exchange_id = p_exchange.exchange_id and w.status = 'planned' and w.due_at <= p_exchange.updated_at
    order by w.wipe_id
  loop
    begin
      if lost_footing(v_wipe) is not null then
        v_markets := v_markets || release_wipe(p_exchange, v_wipe.wipe_id, 0, v_wipe.request_id, lost_footing(v_wipe));
      else
        v_unwound := execute_wipe(p_exchange.exchange_id, v_wipe.wipe_id);
        v_markets := v_markets || v_unwound;
        perform keep_out(p_exchange, v_wipe);
        perform fire_alerts(p_exchange, m, (current_point(m)).sold, (current_point(m)).sold)
        from markets m where m.exchange_id = p_exchange.exchange_id and m.code = any (v_unwound);
      end if;
    exception when query_canceled or others then
      update wipes set status = 'failed', failure = left(sqlerrm, 300)
      where exchange_id = p_exchange.exchange_id and wipe_id = v_wipe.wipe_id;
      perform log_moderation(p_exchange, 0, 'fail_wipe', jsonb_build_object('wipe_id', v_wipe.wipe_id), v_wipe.request_id);
      raise warning 'Wipe % of exchange % failed: %', v_wipe.wipe_id, p_exchange.exchange_id, sqlerrm;
    end;
  end loop;
  return v_markets;
end
$$;
comment on function apply_moderation(exchanges) is 'End bans and execute wipes that are due; returns the markets to look at.';

create or replace function catch_up(p_exchange exchanges) returns exchanges
language plpgsql
set search_path = betjee, pg_temp
as $$
-- What moderators decide, they decide of an exchange in which everything that is due has happened.
-- Must be called under the exchange's lock; returns the exchange as it is then.
begin
  if not is_moderation_due(p_exchange) then
    return p_exchange;
  end if;
  perform execute_orders(p_exchange.exchange_id, '{}');
  return lock_exchange(p_exchange.exchange_id);
end
$$;
comment on function catch_up(exchanges) is 'Apply what is due in a locked exchange.';

create or replace function list_due_exchanges() returns setof bigint
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select exchange_id from markets where halted_until <= clock_timestamp()
  union
  select exchange_id from markets where stops_due_at <= clock_timestamp()
  union
  select exchange_id from positions where cooldown_until <= clock_timestamp() and not stands_still(exchange_id, shift_id)
  union
  select exchange_id from wipes where status = 'planned' and due_at <= clock_timestamp()
  union
  select exchange_id from bans where ended_at is null and banned_until <= clock_timestamp()
  order by 1
$$;
comment on function list_due_exchanges() is 'The exchanges in which something is due that nobody has applied yet.';
alter function list_due_exchanges() owner to exchange_writer;
grant execute on function list_due_exchanges() to service_role;
