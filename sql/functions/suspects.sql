-- What becomes of signals: clusters that moderators look at, and the search for them by a job. marks.sql has
-- what the first rule does to whom it names.
--
-- Every signal marks whom it names, by its kind. The bonus of who is marked by a burst waits; every other mark
-- only tells. Two signals of different kinds are more than one: a member marked by a burst whose trading is a
-- signal too is frozen, where the exchange has it so. Network evidence alone freezes or wipes only accounts whose
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
-- Puts a signal into its cluster, marks whom it names, and tells moderators of a cluster that is new
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
    perform mark_by_burst(p_exchange, v_cluster.cluster_id, v_news);
  else
    perform mark_by_signal(p_exchange, v_cluster.cluster_id, p_signal.kind, v_news);
  end if;
  select count(*) into v_accounts from suspects
  where exchange_id = p_exchange.exchange_id and cluster_id = v_cluster.cluster_id;
  if v_accounts >= 2 * v_cluster.told_accounts then
    update clusters set told_accounts = v_accounts
    where exchange_id = p_exchange.exchange_id and cluster_id = v_cluster.cluster_id;
    perform tell_moderators(p_exchange, 'suspects_found', p_signal.detail || jsonb_build_object(
      'cluster_id', v_cluster.cluster_id, 'signal', p_signal.kind, 'accounts', v_accounts,
      'left', cluster_accounts(p_exchange.exchange_id, v_cluster.cluster_id) -> 'left'));
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
-- For whoever limits how often members act: the key of a member's network, and whether a burst has marked a
-- member there who is not released. Marks of other kinds slow nobody: whole hostels have them. Of a network's
-- members 1,000 are looked at. Null where no network is known.
  select jsonb_build_object('network_key', encode(a.network_key, 'hex'), 'is_suspect', exists (
    select from (
      select n.identity_hash from accounts n
      where n.exchange_id = a.exchange_id and n.network_key = a.network_key limit 1000) n
    join marks m on m.exchange_id = a.exchange_id and m.identity_hash = n.identity_hash and m.kind = 'burst'
    where m.decision is distinct from 'released'))
  from accounts a
  where a.exchange_id = p_exchange_id and a.provider = p_provider and a.provider_user_id = p_provider_user_id
    and a.network_key is not null
$$;
comment on function find_network(bigint, text, text) is 'The network of a member, and whether a burst has marked a member there; null where none is known.';
alter function find_network(bigint, text, text) owner to exchange_writer;
grant execute on function find_network(bigint, text, text) to service_role;

create or replace function purge_suspects(p_limit integer) returns bigint
language sql security definer
set search_path = betjee, pg_temp
as $$
-- Forgets clusters that were decided longer ago than their exchange keeps networks, at most p_limit in one
-- call, with the marks that withhold nothing; and as many marks of bursts, decided as long ago, of identities that have
-- no account. Open bursts wait for a moderator; whatever else nobody has decided goes as long after it was last
-- seen, so that nobody's network is kept for ever. A burst's mark of a member stays, since it says whether the
-- bonus was released.
  with old as (
    select c.exchange_id, c.cluster_id from clusters c join exchanges e using (exchange_id)
    where case when c.status = 'open' and c.kind <> 'burst' then c.last_at else c.decided_at end
      < clock_timestamp() - make_interval(days => (typed_settings(e.settings)).network_key_retention_days)
    limit least(p_limit, 100000)),
  members as (
    delete from suspects where (exchange_id, cluster_id) in (select exchange_id, cluster_id from old)),
  untold as (
    delete from marks m where m.kind <> 'burst' and (m.exchange_id, m.cluster_id) in (select exchange_id, cluster_id from old)),
  forgotten as (
    delete from clusters where (exchange_id, cluster_id) in (select exchange_id, cluster_id from old) returning 1),
  unmarked as (
    delete from marks where kind = 'burst' and (exchange_id, identity_hash) in (
      select m.exchange_id, m.identity_hash from marks m join exchanges e using (exchange_id)
      where m.kind = 'burst' and m.decided_at < clock_timestamp() - make_interval(days => (typed_settings(e.settings)).network_key_retention_days)
        and not exists (
          select from accounts a where a.exchange_id = m.exchange_id and a.identity_hash = m.identity_hash)
      limit least(p_limit, 100000))
    returning 1)
  select (select count(*) from forgotten) + (select count(*) from unmarked)
$$;
comment on function purge_suspects(integer) is 'Forget clusters that are long over, and marks of nobody; returns how many.';
alter function purge_suspects(integer) owner to exchange_writer;
grant execute on function purge_suspects(integer) to service_role;
