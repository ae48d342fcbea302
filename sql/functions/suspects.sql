-- What becomes of signals: clusters that moderators look at, marks of the first rule, bonuses that wait.
--
-- A burst marks its identities, and the bonus of a marked identity waits. Every other signal only tells.
-- Two signals of different kinds are more than one: a marked member whose trading is a signal too is
-- frozen, where the exchange has it so. Network evidence alone freezes or wipes only accounts whose
-- owner was proven, and only where the exchange chose mark_action so. Everything is undone by release_suspects().
--
-- What stands in the way of a sign-up looks every row up by its key, whatever the planner knows of the tables.

create or replace function signal_threshold(p_kind text, p_settings exchange_settings) returns integer
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  select case p_kind
    when 'burst' then p_settings.burst_accounts + 1 when 'wide_burst' then p_settings.wide_burst_accounts + 1
    when 'crowd' then p_settings.crowd_accounts + 1 when 'concert' then p_settings.concert_accounts
    else p_settings.transfer_accounts end
$$;
comment on function signal_threshold(text, exchange_settings) is 'How many identities make a signal of a kind.';

create or replace function signal_news(p_exchange_id bigint, p_signal signal) returns bytea[]
language sql stable
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- What moderators have decided about an identity, the same rule does not bring up again.
  select array(
    select h from unnest(p_signal.identity_hashes) h
    except
    select s.identity_hash
    from clusters c
    cross join lateral (
      select m.identity_hash from suspects m where m.exchange_id = c.exchange_id and m.cluster_id = c.cluster_id offset 0) s
    where c.exchange_id = p_exchange_id and c.kind = p_signal.kind and c.subject_hash = p_signal.subject_hash)
$$;
comment on function signal_news(bigint, signal) is 'The identities of a signal that no cluster of its kind and subject has yet.';

create or replace function is_news(p_exchange exchanges, p_signal signal) returns boolean
language sql stable
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- An open cluster grows by one; beside a decided one it takes as many as make a signal of their own.
  select cardinality(signal_news(p_exchange.exchange_id, p_signal)) >= case when exists (
      select from clusters c
      where c.exchange_id = p_exchange.exchange_id and c.kind = p_signal.kind and c.subject_hash = p_signal.subject_hash
        and c.status = 'open')
    then 1 else signal_threshold(p_signal.kind, typed_settings(p_exchange.settings)) end
$$;
comment on function is_news(exchanges, signal) is 'Whether a signal opens a cluster or adds to one.';

create or replace function note_signal(p_exchange exchanges, p_signal signal) returns bigint
language plpgsql
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Puts a signal into its cluster, marks whom a burst names, and tells moderators of a cluster that is new
-- or has doubled. Returns the cluster, or null where nothing is new. Must be called under the exchange's lock.
declare
  v_news bytea[] := signal_news(p_exchange.exchange_id, p_signal);
  v_cluster clusters;
  v_accounts integer;
begin
  if not is_news(p_exchange, p_signal) then
    return null;
  end if;
  update clusters set detail = p_signal.detail, last_at = greatest(last_at, p_signal.last_at)
  where exchange_id = p_exchange.exchange_id and kind = p_signal.kind and subject_hash = p_signal.subject_hash
    and status = 'open'
  returning * into v_cluster;
  if not found then
    insert into clusters (exchange_id, cluster_id, kind, subject_hash, detail, found_at, last_at)
    values (
      p_exchange.exchange_id, next_sequence(p_exchange.exchange_id, p_exchange.updated_at), p_signal.kind,
      p_signal.subject_hash, p_signal.detail, p_exchange.updated_at, p_signal.last_at)
    returning * into v_cluster;
  end if;
  insert into suspects (exchange_id, cluster_id, identity_hash, added_at)
  select p_exchange.exchange_id, v_cluster.cluster_id, h, p_exchange.updated_at from unnest(v_news) h;
  if p_signal.kind = 'burst' then
    perform mark_identities(p_exchange, v_cluster.cluster_id, v_news);
  end if;
  select count(*) into v_accounts from suspects
  where exchange_id = p_exchange.exchange_id and cluster_id = v_cluster.cluster_id;
  if v_accounts >= 2 * v_cluster.told_accounts then
    update clusters set told_accounts = v_accounts
    where exchange_id = p_exchange.exchange_id and cluster_id = v_cluster.cluster_id;
    perform tell_moderators(p_exchange, 'suspects_found', p_signal.detail || jsonb_build_object(
      'cluster_id', v_cluster.cluster_id, 'signal', p_signal.kind, 'accounts', v_accounts));
  end if;
  return v_cluster.cluster_id;
end
$$;
comment on function note_signal(exchanges, signal) is 'Put a signal into its cluster; returns the cluster where it is new or has grown.';

create or replace function tell_moderators(p_exchange exchanges, p_kind text, p_detail jsonb) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- In their channel where they have chosen one, else each by a notice of their own, so that nothing of it
-- is said in the open. Must be called under the exchange's lock.
begin
  if exists (select from communities where exchange_id = p_exchange.exchange_id and moderators_channel_id is not null) then
    perform queue_notices(p_exchange, array[(null, p_kind, p_detail)::notice]);
  else
    perform queue_notices(p_exchange, array(
      select (m.user_id, p_kind, p_detail)::notice from moderators m
      where m.exchange_id = p_exchange.exchange_id order by m.user_id));
  end if;
end
$$;
comment on function tell_moderators(exchanges, text, jsonb) is 'Queue a notice to the moderators of a locked exchange.';

create or replace function is_for_moderators(p_kind text) returns boolean
language sql immutable parallel safe
return p_kind in ('suspects_found', 'moderator_act');
comment on function is_for_moderators(text) is 'Whether a notice of a kind goes to the moderators'' or the audit channel, and never to the one that everyone reads.';

-- Marks, and bonuses that wait

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

create or replace function mark_identities(p_exchange exchanges, p_cluster_id bigint, p_identity_hashes bytea[]) returns void
language plpgsql
set search_path = betjee, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
-- Marks identities, each once for all time. A bonus that was granted within the last hour, before there
-- were enough of them to tell, is taken back where it is untouched; who has traded keeps it.
-- Nobody who moderates loses a bonus by it, and the mark of who has been in the community for long is
-- released at once: that is a second signal, in their favour. Must be called under the exchange's lock.
declare
  v_marked bytea[];
  v_taken record;
begin
  with marked as (
    insert into marks (exchange_id, identity_hash, cluster_id, marked_at, decision, decided_by, decided_at)
    select p_exchange.exchange_id, h.identity_hash, p_cluster_id, p_exchange.updated_at,
      case when h.is_trusted then 'released' end, case when h.is_trusted then 0 end, case when h.is_trusted then p_exchange.updated_at end
    from (select i as identity_hash, is_long_standing(p_exchange, i) as is_trusted from unnest(p_identity_hashes) i) h
    on conflict do nothing returning identity_hash, decision)
  select array_agg(identity_hash) into v_marked from marked where decision is null;
  for v_taken in
    select a.identity_hash, u.user_id, g.amount_paise
    from accounts a
    join users u on u.exchange_id = a.exchange_id and u.user_id = a.user_id
    join grants g on g.exchange_id = a.exchange_id and g.user_id = a.user_id and g.kind = 'signup'
    where a.exchange_id = p_exchange.exchange_id and a.identity_hash = any (v_marked)
      and u.registered_at >= p_exchange.updated_at - interval '1 hour' and g.amount_paise > 0
      and u.cash_paise = g.amount_paise and rank_number(p_exchange.exchange_id, u.user_id) = 0
      and not exists (select from transactions t where t.exchange_id = a.exchange_id and t.user_id = a.user_id)
    order by u.user_id
  loop
    insert into grants (exchange_id, sequence, user_id, kind, amount_paise, granted_at)
    values (
      p_exchange.exchange_id, next_sequence(p_exchange.exchange_id, p_exchange.updated_at), v_taken.user_id, 'withheld',
      -v_taken.amount_paise, p_exchange.updated_at);
    update users set cash_paise = cash_paise - v_taken.amount_paise
    where exchange_id = p_exchange.exchange_id and user_id = v_taken.user_id;
    update marks set user_id = v_taken.user_id, withheld_paise = v_taken.amount_paise
    where exchange_id = p_exchange.exchange_id and identity_hash = v_taken.identity_hash;
    perform queue_notices(p_exchange, array[(v_taken.user_id, 'bonus_withheld',
      jsonb_build_object('amount_paise', v_taken.amount_paise))::notice]);
  end loop;
end
$$;
comment on function mark_identities(exchanges, bigint, bytea[]) is 'Mark identities, and take back what bonus of theirs is untouched.';

create or replace function withhold_bonus(p_exchange exchanges, p_identity_hash bytea, p_user_id bigint, p_bonus_paise bigint) returns bigint
language plpgsql
set search_path = betjee, pg_temp
as $$
-- How much of the bonus of somebody who signs up waits: all of it where they are marked and no moderator
-- has released them. Must be called under the exchange's lock.
begin
  update marks set user_id = p_user_id, withheld_paise = p_bonus_paise
  where exchange_id = p_exchange.exchange_id and identity_hash = p_identity_hash and decision is distinct from 'released';
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
  p_exchange exchanges, p_identity_hashes bytea[], p_moderator_user_id bigint, p_with_upheld boolean
) returns bigint
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Releases marks, and grants each bonus that waited, once; returns how many marks it were. Those upheld by
-- a second signal only where that is asked for. Must be called under the exchange's lock.
declare
  v_mark marks;
  v_released bigint := 0;
begin
  for v_mark in
    update marks set decision = 'released', decided_by = p_moderator_user_id, decided_at = p_exchange.updated_at
    where exchange_id = p_exchange.exchange_id and identity_hash = any (p_identity_hashes)
      and (decision is null or decision = 'upheld' and p_with_upheld)
    returning *
  loop
    v_released := v_released + 1;
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
  return v_released;
end
$$;
comment on function release_marks(exchanges, bytea[], bigint, boolean) is 'Release marks and grant the bonuses that waited, once.';

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
    p_exchange.exchange_id, p_networks.network_key, typed_settings(p_exchange.settings), clock_timestamp()) s;
  return (
    select m.cluster_id from marks m
    where m.exchange_id = p_exchange.exchange_id and m.identity_hash = p_identity_hash and m.decision is null);
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
-- Where the exchange has mark_action so, freezes the marked members of a cluster; those whose ownership
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
  where m.exchange_id = p_exchange.exchange_id and m.cluster_id = p_cluster_id and m.decision is null
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
-- A member of a cluster who is marked, and whose trading is a signal as well, is frozen and their mark
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
    join marks m on m.exchange_id = s.exchange_id and m.identity_hash = s.identity_hash and m.decision is null
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
    where exchange_id = p_exchange.exchange_id and identity_hash = v_user.identity_hash;
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
-- gone, the members are not looked for again, and can be released. Returns how many it planned.
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
    group by c.cluster_id order by c.cluster_id
  loop
    v_exchange := lock_exchange(p_exchange_id);
    delete from freezes where exchange_id = p_exchange_id and user_id = any (v_wipe.user_ids) and moderator_user_id = 0;
    perform begin_wipe(v_exchange, 0, v_wipe.user_ids, v_wipe.identity_hashes, 'burn', cluster_reason('burst'), false, 0);
    v_planned := v_planned + 1;
  end loop;
  return v_planned;
end
$$;
comment on function wipe_marked(bigint) is 'Plan the wipes of bursts where the exchange has it so; returns how many.';

-- The search, by a job

create or replace function find_suspects(p_exchange_id bigint) returns bigint
language plpgsql security definer
set search_path = betjee, pg_temp
set plan_cache_mode = force_custom_plan
as $$
-- Looks for signals of all kinds and notes those that are new; returns how many. It is its own memory:
-- again, it changes nothing. The rules read without a lock. Locks: the exchange, where there is news.
declare
  v_exchange exchanges;
  v_settings exchange_settings;
  v_time timestamptz := clock_timestamp();
  v_found signal[];
  v_signal signal;
  v_cluster_id bigint;
  v_noted bigint := 0;
begin
  select * into strict v_exchange from exchanges where exchange_id = p_exchange_id;
  v_settings := typed_settings(v_exchange.settings);
  v_found := array(
    select s::signal
    from (
      select * from burst_signals(p_exchange_id, v_settings, v_time - interval '5 minutes')
      union all select * from wide_burst_signals(p_exchange_id, v_settings, v_time)
      union all select * from crowd_signals(p_exchange_id, v_settings, v_time)
      union all select * from concert_signals(p_exchange_id, v_settings, v_time)
      union all select * from transfer_signals(p_exchange_id, v_settings, v_time)) s
    where is_news(v_exchange, s::signal) limit 1000);
  foreach v_signal in array v_found loop
    if v_noted = 0 then
      v_exchange := lock_exchange(p_exchange_id);
    end if;
    v_cluster_id := note_signal(v_exchange, v_signal);
    continue when v_cluster_id is null;
    v_noted := v_noted + 1;
    perform freeze_on_second_signal(v_exchange, v_cluster_id);
    perform freeze_marked(v_exchange, v_cluster_id);
  end loop;
  return v_noted + wipe_marked(p_exchange_id);
end
$$;
comment on function find_suspects(bigint) is 'Look for signals in an exchange and note what is new; returns how much.';
alter function find_suspects(bigint) owner to exchange_writer;
grant execute on function find_suspects(bigint) to service_role;

create or replace function list_exchanges_to_search() returns setof bigint
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- Those in which something has changed, or somebody was refused, within the last ten minutes.
  select e.exchange_id from exchanges e
  where e.updated_at >= clock_timestamp() - interval '10 minutes'
    or exists (
      select from verification_attempts v
      where v.exchange_id = e.exchange_id and v.attempted_at >= clock_timestamp() - interval '10 minutes')
$$;
comment on function list_exchanges_to_search() is 'The exchanges in which find_suspects() has something to look at.';
alter function list_exchanges_to_search() owner to exchange_writer;
grant execute on function list_exchanges_to_search() to service_role;

create or replace function find_network(p_exchange_id bigint, p_provider text, p_provider_user_id text) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- For whoever limits how often members act: the key of a member's network, and whether a member there
-- is marked and not released; of a network's members 1,000 are looked at. Null where no network is known.
  select jsonb_build_object('network_key', encode(a.network_key, 'hex'), 'is_suspect', exists (
    select from (
      select n.identity_hash from accounts n
      where n.exchange_id = a.exchange_id and n.network_key = a.network_key limit 1000) n
    join marks m on m.exchange_id = a.exchange_id and m.identity_hash = n.identity_hash
    where m.decision is distinct from 'released'))
  from accounts a
  where a.exchange_id = p_exchange_id and a.provider = p_provider and a.provider_user_id = p_provider_user_id
    and a.network_key is not null
$$;
comment on function find_network(bigint, text, text) is 'The network of a member, and whether a member there is marked; null where none is known.';
alter function find_network(bigint, text, text) owner to exchange_writer;
grant execute on function find_network(bigint, text, text) to service_role;

create or replace function purge_suspects(p_limit integer) returns bigint
language sql security definer
set search_path = betjee, pg_temp
as $$
-- Forgets clusters that were decided longer ago than their exchange keeps networks, at most p_limit in one
-- call. Open ones wait for a moderator; marks stay, since they say whose bonus was released.
  with old as (
    select c.exchange_id, c.cluster_id from clusters c join exchanges e using (exchange_id)
    where c.decided_at < clock_timestamp() - make_interval(days => (typed_settings(e.settings)).network_key_retention_days)
    limit least(p_limit, 100000)),
  members as (
    delete from suspects where (exchange_id, cluster_id) in (select exchange_id, cluster_id from old)),
  forgotten as (
    delete from clusters where (exchange_id, cluster_id) in (select exchange_id, cluster_id from old) returning 1)
  select count(*) from forgotten
$$;
comment on function purge_suspects(integer) is 'Forget clusters that were decided long ago; returns how many.';
alter function purge_suspects(integer) owner to exchange_writer;
grant execute on function purge_suspects(integer) to service_role;
