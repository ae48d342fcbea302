-- Who moderates an exchange, and what members tell them.

create or replace function moderator_document(p_exchange_id bigint, p_user_id bigint, p_rank text) returns jsonb
language sql stable
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object(
    'user_id', u.user_id, 'display_name', u.display_name, 'provider', a.provider,
    'provider_user_id', a.provider_user_id, 'rank', p_rank)
  from users u join accounts a using (exchange_id, user_id)
  where u.exchange_id = p_exchange_id and u.user_id = p_user_id
$$;
comment on function moderator_document(bigint, bigint, text) is 'A moderator as the answers show one.';

create or replace function list_moderators(p_exchange_id bigint) returns setof jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select moderator_document(p_exchange_id, user_id, rank) from moderators
  where exchange_id = p_exchange_id
  order by rank = 'owner' desc, appointed_at
$$;
comment on function list_moderators(bigint) is 'The moderators of an exchange, the owner first.';
alter function list_moderators(bigint) owner to exchange_writer;
grant execute on function list_moderators(bigint) to service_role;

create or replace function add_moderator(
  p_exchange_id bigint, p_request_id bigint, p_owner_user_id bigint,
  p_provider text, p_provider_user_id text, p_display_name text, p_identity_hash bytea default null
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Makes someone a moderator, on the record; someone who is one stays what they are. They need not be
-- a member; by p_identity_hash they are known to whatever was found of them before.
-- Locks: the exchange. Refuses: not_the_owner, too_many_moderators. A repeated request gets its first
-- outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_owner_user_id, p_provider, p_provider_user_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'add_moderator', v_parameters);
  v_user_id bigint;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  if moderator_rank(p_exchange_id, p_owner_user_id) is distinct from 'owner' then
    v_outcome := refusal('not_the_owner', 'Only the owner of this exchange may appoint moderators.');
  elsif (select count(*) >= 50 from moderators where exchange_id = p_exchange_id) then
    v_outcome := refusal('too_many_moderators', 'An exchange has at most 50 moderators; remove one first.');
  else
    v_user_id := ensure_user(p_exchange_id, p_provider, p_provider_user_id, p_display_name);
    perform note_identity(p_exchange_id, v_user_id, p_identity_hash);
    insert into moderators (exchange_id, user_id, rank) values (p_exchange_id, v_user_id, 'moderator')
    on conflict do nothing;
    if found then
      perform log_moderation(
        v_exchange, p_owner_user_id, 'add_moderator', jsonb_build_object('user_id', v_user_id), p_request_id);
    end if;
    select moderator_document(p_exchange_id, user_id, rank) into v_outcome from moderators
    where exchange_id = p_exchange_id and user_id = v_user_id;
  end if;
  return remember_request(p_exchange_id, p_request_id, 'add_moderator', v_parameters, v_outcome);
end
$$;
comment on function add_moderator(bigint, bigint, bigint, text, text, text, bytea) is 'Make someone a moderator, on the record.';
alter function add_moderator(bigint, bigint, bigint, text, text, text, bytea) owner to exchange_writer;
grant execute on function add_moderator(bigint, bigint, bigint, text, text, text, bytea) to service_role;

create or replace function remove_moderator(
  p_exchange_id bigint, p_request_id bigint, p_owner_user_id bigint, p_moderator_user_id bigint
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Takes the role from a moderator, on the record; never from the owner.
-- Locks: the exchange. Refuses: not_the_owner, is_the_owner, not_a_moderator. A repeated request
-- gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_owner_user_id, p_moderator_user_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'remove_moderator', v_parameters);
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  if moderator_rank(p_exchange_id, p_owner_user_id) is distinct from 'owner' then
    v_outcome := refusal('not_the_owner', 'Only the owner of this exchange may remove moderators.');
  elsif moderator_rank(p_exchange_id, p_moderator_user_id) = 'owner' then
    v_outcome := refusal('is_the_owner', 'The owner of this exchange cannot be removed.');
  else
    delete from moderators
    where exchange_id = p_exchange_id and user_id = p_moderator_user_id and rank = 'moderator';
    if found then
      v_outcome := moderator_document(p_exchange_id, p_moderator_user_id, 'moderator');
      perform log_moderation(
        v_exchange, p_owner_user_id, 'remove_moderator', jsonb_build_object('user_id', p_moderator_user_id), p_request_id);
    else
      v_outcome := refusal('not_a_moderator', 'They are no moderator; /moderators list shows who is.');
    end if;
  end if;
  return remember_request(p_exchange_id, p_request_id, 'remove_moderator', v_parameters, v_outcome);
end
$$;
comment on function remove_moderator(bigint, bigint, bigint, bigint) is 'Take the role from a moderator, on the record.';
alter function remove_moderator(bigint, bigint, bigint, bigint) owner to exchange_writer;
grant execute on function remove_moderator(bigint, bigint, bigint, bigint) to service_role;

create or replace function report(p_exchange_id bigint, p_request_id bigint, p_user_id bigint, p_text text) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Records feedback to the moderators, numbered 1, 2, 3 within the exchange: the lock lets no two have
-- one number. It is a change of the exchange like any other, so the sequence grows too.
-- Locks: the exchange. Refuses: unknown_user, invalid_text, too_many_reports (10 a day). A repeated
-- request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_text text := trimmed(p_text);
  v_parameters text := jsonb_build_array(p_user_id, p_text)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'report', v_parameters);
  v_report_id bigint;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  if not exists (select from users where exchange_id = p_exchange_id and user_id = p_user_id) then
    v_outcome := refusal('unknown_user', 'Only members may report to the moderators.');
  elsif coalesce(char_length(v_text), 0) not between 1 and 1000 then
    v_outcome := refusal('invalid_text', 'A report has 1 to 1,000 characters.');
  elsif (
    select count(*) >= 10 from reports
    where exchange_id = p_exchange_id and user_id = p_user_id and reported_at > v_exchange.updated_at - interval '1 day'
  ) then
    v_outcome := refusal('too_many_reports', 'You have sent 10 reports within a day, and the moderators have them all. Send the next one tomorrow.');
  else
    perform next_sequence(p_exchange_id, v_exchange.updated_at);
    select coalesce(max(report_id), 0) + 1 into v_report_id from reports where exchange_id = p_exchange_id;
    insert into reports (exchange_id, report_id, user_id, text, reported_at)
    values (p_exchange_id, v_report_id, p_user_id, v_text, v_exchange.updated_at);
    v_outcome := jsonb_build_object('report_id', v_report_id);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'report', v_parameters, v_outcome);
end
$$;
comment on function report(bigint, bigint, bigint, text) is 'Record feedback of a member to the moderators.';
alter function report(bigint, bigint, bigint, text) owner to exchange_writer;
grant execute on function report(bigint, bigint, bigint, text) to service_role;

create or replace function list_reports(p_exchange_id bigint, p_moderator_user_id bigint, p_limit integer) returns setof jsonb
language plpgsql stable security definer
set search_path = betjee, pg_temp
as $$
-- The newest reports, for moderators; anyone else is an exception, since no front end offers it.
begin
  if moderator_rank(p_exchange_id, p_moderator_user_id) is null then
    raise exception 'Only a moderator of this exchange may read its reports.' using errcode = 'insufficient_privilege';
  end if;
  return query
  select jsonb_build_object(
    'report_id', r.report_id, 'display_name', u.display_name, 'text', r.text, 'reported_at', r.reported_at)
  from reports r join users u using (exchange_id, user_id)
  where r.exchange_id = p_exchange_id
  order by r.report_id desc
  limit least(greatest(p_limit, 1), 100);
end
$$;
comment on function list_reports(bigint, bigint, integer) is 'The newest reports to the moderators.';
alter function list_reports(bigint, bigint, integer) owner to exchange_writer;
grant execute on function list_reports(bigint, bigint, integer) to service_role;
