-- What every writing function shares: the lock, the memory of requests, and the record.

create or replace function lock_exchange(p_exchange_id bigint) returns exchanges
language plpgsql
set search_path = betjee, pg_temp
as $$
-- The first lock of every writing transaction. `no key update` lets foreign keys refer to the row
-- meanwhile. An exchange that does not exist is a caller's bug, hence an exception.
declare
  v_exchange exchanges;
begin
  select * into v_exchange from exchanges where exchange_id = p_exchange_id for no key update;
  if not found then
    raise exception 'There is no exchange %.', p_exchange_id using errcode = 'no_data_found';
  end if;
  -- The clock of an exchange never runs backwards, so that times are in the order of the sequence.
  v_exchange.updated_at := greatest(clock_timestamp(), v_exchange.updated_at);
  return v_exchange;
end
$$;
comment on function lock_exchange(bigint) is 'Lock an exchange for writing; its updated_at becomes the time of this transaction.';

create or replace function parameters_hash(p_parameters text) returns bytea
language sql immutable parallel safe
return sha256(convert_to(p_parameters, 'UTF8'));
comment on function parameters_hash(text) is 'What is kept of a request''s parameters, to tell a repeated request from another one with the same id.';

create or replace function refusal(p_code text, p_detail text) returns jsonb
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object('refused', p_code, 'detail', p_detail)
$$;
comment on function refusal(text, text) is 'The outcome of a refused request: a code for programs and a sentence for people.';

create or replace function trimmed(p_text text) returns text
language sql immutable parallel safe
-- Every character that shows as nothing at an end, not only spaces.
return btrim(p_text, E' \t\n\x0b\f\r\u0085\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a'
  '\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u2800\u3000\u3164\ufeff\uffa0');
comment on function trimmed(text) is 'A text without the signs around it that show as nothing.';

create or replace function recall_request(
  p_exchange_id bigint, p_request_id bigint, p_operation text, p_parameters text
) returns jsonb
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Must be called under the exchange's lock, so that two requests with one id cannot both be first.
declare
  v_request requests;
begin
  select * into v_request from requests where exchange_id = p_exchange_id and request_id = p_request_id;
  if not found then
    return null;
  elsif v_request.operation = p_operation and v_request.parameters_hash = parameters_hash(p_parameters) then
    return v_request.outcome;
  else
    return refusal('request_reused', 'The same request came before, for something else. Look at what you have, then ask anew.');
  end if;
end
$$;
comment on function recall_request(bigint, bigint, text, text) is 'The first outcome of a request id, a refusal where it was used for something else, or null.';

create or replace function remember_request(
  p_exchange_id bigint, p_request_id bigint, p_operation text, p_parameters text, p_outcome jsonb
) returns jsonb
language sql
set search_path = betjee, pg_temp
as $$
  insert into requests (exchange_id, request_id, operation, parameters_hash, outcome, requested_at)
  values (p_exchange_id, p_request_id, p_operation, parameters_hash(p_parameters), p_outcome, clock_timestamp())
  returning outcome
$$;
comment on function remember_request(bigint, bigint, text, text, jsonb) is 'Record the outcome of a request and return it.';

create or replace function next_sequence(p_exchange_id bigint, p_time timestamptz) returns bigint
language sql
set search_path = betjee, pg_temp
as $$
  update exchanges set sequence = sequence + 1, updated_at = p_time
  where exchange_id = p_exchange_id
  returning sequence
$$;
comment on function next_sequence(bigint, timestamptz) is 'The number of the next change of a locked exchange.';

create or replace function log_moderation(
  p_exchange exchanges, p_moderator_user_id bigint, p_act text, p_detail jsonb, p_request_id bigint
) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Must be called under the exchange's lock. Whatever is recorded is posted too, where an audit channel is chosen.
declare
  v_sequence bigint := next_sequence(p_exchange.exchange_id, p_exchange.updated_at);
begin
  insert into moderation_log (exchange_id, sequence, moderator_user_id, act, detail, request_id, recorded_at)
  values (p_exchange.exchange_id, v_sequence, p_moderator_user_id, p_act, p_detail, p_request_id, p_exchange.updated_at);
  perform record_names(p_exchange, v_sequence, p_moderator_user_id, p_detail);
  perform tell_audit_channel(p_exchange, v_sequence);
end
$$;
comment on function log_moderation(exchanges, bigint, text, jsonb, bigint) is 'Record an act of a moderator, and post it to the audit channel if there is one.';

create or replace function purge_requests(p_limit integer) returns bigint
language sql security definer
set search_path = betjee, pg_temp
as $$
-- Forgets requests older than 30 days, at most p_limit in one call. Locks: only what it deletes.
  with forgotten as (
    delete from requests
    where (exchange_id, request_id) in (
      select exchange_id, request_id from requests
      where requested_at < clock_timestamp() - interval '30 days'
      limit least(p_limit, 100000))
    returning 1)
  select count(*) from forgotten
$$;
comment on function purge_requests(integer) is 'Forget requests older than 30 days; returns how many.';
alter function purge_requests(integer) owner to exchange_writer;
grant execute on function purge_requests(integer) to service_role;
