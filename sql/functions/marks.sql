-- Marks: whom a signal has named, one for each kind. Only a mark of the first rule does anything: the bonus
-- waits, and what an exchange wants done at once is done. Every other kind is there for moderators to see, and
-- a constraint of the table keeps it from withholding anything.
--
-- What stands in the way of a sign-up looks every row up by its key, whatever the planner knows of the tables.

create or replace function is_long_standing(p_exchange exchanges, p_identity_hash bytea) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
-- By what the chat told when they asked for their link, which nobody types in.
  select (typed_settings(p_exchange.settings)).trusted_membership_days > 0 and exists (
    select from verification_tokens t
    where t.exchange_id = p_exchange.exchange_id and t.identity_hash = p_identity_hash
      and t.joined_at <= p_exchange.updated_at - make_interval(days => (typed_settings(p_exchange.settings)).trusted_membership_days))
$$;
comment on function is_long_standing(exchanges, bytea) is 'Whether somebody who signs up has been in the community for long, where the exchange asks for that.';

create or replace function moderates(p_exchange_id bigint, p_identity_hash bytea) returns boolean
language sql stable
set search_path = betjee, pg_temp
as $$
  select exists (
    select from accounts a
    where a.exchange_id = p_exchange_id and a.identity_hash = p_identity_hash and rank_number(p_exchange_id, a.user_id) > 0)
$$;
comment on function moderates(bigint, bytea) is 'Whether an identity moderates an exchange, also while they are frozen.';

create or replace function mark_by_signal(
  p_exchange exchanges, p_cluster_id bigint, p_kind text, p_identity_hashes bytea[]
) returns void
language sql
set search_path = betjee, pg_temp
as $$
-- Marks identities by a signal that only tells. What was decided about them was about another network or
-- another gainer, so it is asked anew. Nobody who moderates is marked. Must be called under the exchange's lock.
  insert into marks (exchange_id, identity_hash, kind, cluster_id, marked_at)
  select p_exchange.exchange_id, i, p_kind, p_cluster_id, p_exchange.updated_at
  from unnest(p_identity_hashes) i where not moderates(p_exchange.exchange_id, i)
  on conflict (exchange_id, identity_hash, kind) do update
  set cluster_id = excluded.cluster_id, marked_at = excluded.marked_at, decision = null, decided_by = null, decided_at = null
  where marks.decision is not null
$$;
comment on function mark_by_signal(exchanges, bigint, text, bytea[]) is 'Mark identities by a signal that only tells.';

create or replace function mark_by_burst(p_exchange exchanges, p_cluster_id bigint, p_identity_hashes bytea[]) returns void
language plpgsql
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Marks identities, each once for all time. A bonus that was granted within the last hour, before there
-- were enough of them to tell, is taken back where it is untouched; who has traded keeps it.
-- Nobody who moderates is marked, and the mark of who has been in the community for long is released at once: that
-- is a second signal, in their favour. Must be called under the exchange's lock.
declare
  v_marked bytea[];
  v_taken record;
begin
  with marked as (
    insert into marks (exchange_id, identity_hash, kind, cluster_id, marked_at, decision, decided_by, decided_at)
    select p_exchange.exchange_id, h.identity_hash, 'burst', p_cluster_id, p_exchange.updated_at,
      case when h.is_trusted then 'released' end, case when h.is_trusted then 0 end, case when h.is_trusted then p_exchange.updated_at end
    from (select i as identity_hash, is_long_standing(p_exchange, i) as is_trusted from unnest(p_identity_hashes) i) h
    where not moderates(p_exchange.exchange_id, h.identity_hash)
    on conflict do nothing returning identity_hash, decision)
  select array_agg(identity_hash) into v_marked from marked where decision is null;
  for v_taken in
    select a.identity_hash, u.user_id, g.amount_paise
    from accounts a
    join users u on u.exchange_id = a.exchange_id and u.user_id = a.user_id
    join grants g on g.exchange_id = a.exchange_id and g.user_id = a.user_id and g.kind = 'signup'
    where a.exchange_id = p_exchange.exchange_id and a.identity_hash = any (v_marked)
      and u.registered_at >= p_exchange.updated_at - interval '1 hour' and g.amount_paise > 0
      and u.cash_paise = g.amount_paise and u.reserved_paise = 0
    order by u.user_id
  loop
    insert into grants (exchange_id, sequence, user_id, kind, amount_paise, granted_at)
    values (
      p_exchange.exchange_id, next_sequence(p_exchange.exchange_id, p_exchange.updated_at), v_taken.user_id, 'withheld',
      -v_taken.amount_paise, p_exchange.updated_at);
    update users set cash_paise = cash_paise - v_taken.amount_paise
    where exchange_id = p_exchange.exchange_id and user_id = v_taken.user_id;
    update marks set user_id = v_taken.user_id, withheld_paise = v_taken.amount_paise
    where exchange_id = p_exchange.exchange_id and identity_hash = v_taken.identity_hash and kind = 'burst';
    perform queue_notices(p_exchange, array[(v_taken.user_id, 'bonus_withheld',
      jsonb_build_object('amount_paise', v_taken.amount_paise))::notice]);
  end loop;
end
$$;
comment on function mark_by_burst(exchanges, bigint, bytea[]) is 'Mark identities by the first rule, and take back what bonus of theirs is untouched.';

create or replace function withhold_bonus(p_exchange exchanges, p_identity_hash bytea, p_user_id bigint, p_bonus_paise bigint) returns bigint
language plpgsql
set search_path = betjee, pg_temp
as $$
-- How much of the bonus of somebody who signs up waits: all of it where a burst has marked them and no moderator
-- has released them, unless they moderate by now. Must be called under the exchange's lock.
begin
  update marks set user_id = p_user_id, withheld_paise = p_bonus_paise
  where exchange_id = p_exchange.exchange_id and identity_hash = p_identity_hash and kind = 'burst'
    and decision is distinct from 'released' and rank_number(p_exchange.exchange_id, p_user_id) = 0;
  return case when found then p_bonus_paise else 0 end;
end
$$;
comment on function withhold_bonus(exchanges, bytea, bigint, bigint) is 'How much of a new member''s bonus waits for a moderator.';

create or replace function withheld_bonus(p_exchange_id bigint, p_user_id bigint) returns bigint
language sql stable
set search_path = betjee, pg_temp
as $$
  select coalesce((
    select m.withheld_paise from marks m
    where m.exchange_id = p_exchange_id and m.user_id = p_user_id and m.decision is distinct from 'released' limit 1), 0)
$$;
comment on function withheld_bonus(bigint, bigint) is 'How much of a member''s bonus waits for a moderator.';

create or replace function release_marks(
  p_exchange exchanges, p_identity_hashes bytea[], p_kinds text[], p_moderator_user_id bigint, p_also_upheld_by text
) returns bigint
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Releases marks of some kinds, and grants each bonus that waited, once; returns of how many identities. Also
-- marks that were upheld by nobody, by moderators, or by everyone: a second signal too. Must be called under
-- the exchange's lock.
declare
  v_mark marks;
  v_released bytea[] := '{}';
begin
  for v_mark in
    update marks set decision = 'released', decided_by = p_moderator_user_id, decided_at = p_exchange.updated_at
    where exchange_id = p_exchange.exchange_id and identity_hash = any (p_identity_hashes) and kind = any (p_kinds)
      and (decision is null or decision = 'upheld' and (
        p_also_upheld_by = 'everyone' or p_also_upheld_by = 'moderators' and decided_by <> 0))
    returning *
  loop
    v_released := array_append(v_released, v_mark.identity_hash);
    continue when v_mark.withheld_paise = 0 or not exists (
      select from users u
      where u.exchange_id = p_exchange.exchange_id and u.user_id = v_mark.user_id and u.status <> 'deleted');
    insert into grants (exchange_id, sequence, user_id, kind, amount_paise, granted_at)
    values (
      p_exchange.exchange_id, next_sequence(p_exchange.exchange_id, p_exchange.updated_at), v_mark.user_id, 'released',
      v_mark.withheld_paise, p_exchange.updated_at);
    update users set cash_paise = cash_paise + v_mark.withheld_paise
    where exchange_id = p_exchange.exchange_id and user_id = v_mark.user_id;
    perform queue_notices(p_exchange, array[(v_mark.user_id, 'bonus_released',
      jsonb_build_object('amount_paise', v_mark.withheld_paise))::notice]);
  end loop;
  return (select count(distinct i) from unnest(v_released) i);
end
$$;
comment on function release_marks(exchanges, bytea[], text[], bigint, text) is 'Release marks and grant the bonuses that waited, once.';

-- What a mark does at once

create or replace function mark_burst(p_exchange exchanges, p_networks network_keys, p_identity_hash bytea) returns bigint
language plpgsql
set search_path = betjee, pg_temp
as $$
-- The first rule, in the transaction of an attempt that has been recorded; returns the cluster in which
-- its identity is marked, or null. Must be called under the exchange's lock.
begin
  perform note_signal(p_exchange, s::signal)
  from burst_signal(
    p_exchange.exchange_id, p_networks.network_key, typed_settings(p_exchange.settings), clock_timestamp(),
    p_identity_hash) s;
  return (
    select m.cluster_id from marks m
    where m.exchange_id = p_exchange.exchange_id and m.identity_hash = p_identity_hash and m.kind = 'burst' and m.decision is null);
end
$$;
comment on function mark_burst(exchanges, network_keys, bytea) is 'Mark a burst that an attempt completes; returns the cluster in which its identity is marked.';

create or replace function freeze_marked(p_exchange exchanges, p_cluster_id bigint) returns void
language plpgsql
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Where the exchange has mark_action so, freezes the marked members of a burst; those whose ownership
-- of the account was not proven are never frozen by their network alone. Wipes follow when the burst is
-- over, by wipe_marked(). Must be called under the exchange's lock.
begin
  if (typed_settings(p_exchange.settings)).mark_action is distinct from 'freeze'
    and (typed_settings(p_exchange.settings)).mark_action is distinct from 'wipe' then
    return;
  end if;
  perform begin_freeze(p_exchange, 0, u.user_id, cluster_reason('burst'), 0)
  from marks m
  join accounts a on a.exchange_id = m.exchange_id and a.identity_hash = m.identity_hash and a.ownership_proven
  join users u on u.exchange_id = a.exchange_id and u.user_id = a.user_id and u.status = 'active'
  where m.exchange_id = p_exchange.exchange_id and m.cluster_id = p_cluster_id and m.kind = 'burst' and m.decision is null
    and rank_number(p_exchange.exchange_id, u.user_id) = 0;
end
$$;
comment on function freeze_marked(exchanges, bigint) is 'Freeze the marked members of a cluster where the exchange has it so.';

create or replace function freeze_on_second_signal(p_exchange exchanges, p_cluster_id bigint) returns void
language plpgsql
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- A member of a cluster whom a burst has marked, and whose trading is a signal as well, is frozen and their mark
-- upheld, where second_signal_freezes. Must be called under the exchange's lock.
declare
  v_user record;
begin
  if (typed_settings(p_exchange.settings)).second_signal_freezes is distinct from true then
    return;
  end if;
  for v_user in
    select u.user_id, m.identity_hash, c.kind
    from suspects s
    join marks m on m.exchange_id = s.exchange_id and m.identity_hash = s.identity_hash and m.kind = 'burst' and m.decision is null
    join accounts a on a.exchange_id = m.exchange_id and a.identity_hash = m.identity_hash
    join users u on u.exchange_id = a.exchange_id and u.user_id = a.user_id and u.status = 'active'
    cross join lateral (
      select o.kind from suspects t join clusters o using (exchange_id, cluster_id)
      where t.exchange_id = s.exchange_id and t.identity_hash = s.identity_hash
        and o.kind in ('concert', 'transfer') and o.status <> 'released' limit 1) c
    where s.exchange_id = p_exchange.exchange_id and s.cluster_id = p_cluster_id
      and rank_number(p_exchange.exchange_id, u.user_id) = 0
    order by u.user_id
  loop
    perform begin_freeze(p_exchange, 0, v_user.user_id, cluster_reason('burst') || ' ' || cluster_reason(v_user.kind), 0);
    update marks set decision = 'upheld', decided_by = 0, decided_at = p_exchange.updated_at
    where exchange_id = p_exchange.exchange_id and identity_hash = v_user.identity_hash and kind = 'burst';
  end loop;
end
$$;
comment on function freeze_on_second_signal(exchanges, bigint) is 'Freeze marked members of a cluster whose trading is a signal as well.';

create or replace function wipe_marked(p_exchange_id bigint) returns bigint
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Where the exchange has mark_action wipe: plans one wipe of all proven accounts of each burst that has
-- been over for a minute, by the exchange itself. A moderator who undoes it is not overruled: with their freeze
-- gone, the members are not looked for again, and can be released. A large one must be seconded, as
-- any other. Returns how many it planned.
-- Locks: the exchange, where there is something to plan.
declare
  v_exchange exchanges;
  v_planned bigint := 0;
  v_wipe record;
begin
  for v_wipe in
    select c.cluster_id, (array_agg(u.user_id order by u.user_id))[:1000] as user_ids,
      (array_agg(m.identity_hash order by u.user_id))[:1000] as identity_hashes
    from exchanges e
    join clusters c on c.exchange_id = e.exchange_id and c.kind = 'burst' and c.status = 'open'
    join marks m on m.exchange_id = c.exchange_id and m.cluster_id = c.cluster_id and m.decision is null
    join accounts a on a.exchange_id = m.exchange_id and a.identity_hash = m.identity_hash and a.ownership_proven
    join users u on u.exchange_id = a.exchange_id and u.user_id = a.user_id and u.status = 'frozen'
    join freezes f on f.exchange_id = u.exchange_id and f.user_id = u.user_id and f.moderator_user_id = 0
    where e.exchange_id = p_exchange_id and (typed_settings(e.settings)).mark_action = 'wipe'
      and c.last_at < clock_timestamp() - interval '1 minute' and rank_number(p_exchange_id, u.user_id) = 0
      and not awaits_wipe(p_exchange_id, u.user_id)
    group by c.cluster_id order by c.cluster_id
  loop
    v_exchange := lock_exchange(p_exchange_id);
    -- Whom a moderator has wiped or unfrozen before the lock was there waits for the next search.
    continue when exists (
      select from unnest(v_wipe.user_ids) m(user_id)
      where awaits_wipe(p_exchange_id, m.user_id) or not exists (
        select from freezes f where f.exchange_id = p_exchange_id and f.user_id = m.user_id and f.moderator_user_id = 0));
    delete from freezes where exchange_id = p_exchange_id and user_id = any (v_wipe.user_ids) and moderator_user_id = 0;
    perform begin_wipe(v_exchange, 0, v_wipe.user_ids, v_wipe.identity_hashes, 'burn', cluster_reason('burst'),
      needs_second(p_exchange_id, 0, v_wipe.user_ids), 0);
    v_planned := v_planned + 1;
  end loop;
  return v_planned;
end
$$;
comment on function wipe_marked(bigint) is 'Plan the wipes of bursts where the exchange has it so; returns how many.';
