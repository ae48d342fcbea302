-- Who belonged to an exchange at a moment of its past.

create or replace function list_members_at(p_exchange_id bigint, p_sequence bigint)
returns table (user_id bigint, display_name text)
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  -- Everyone who has signed up has a grant, if only of nothing, in the same transaction.
  select u.user_id, u.display_name from users u
  where u.exchange_id = p_exchange_id and exists (
    select from grants g
    where g.exchange_id = p_exchange_id and g.user_id = u.user_id and g.sequence <= p_sequence)
$$;
comment on function list_members_at(bigint, bigint) is 'Who had signed up by a sequence, with the names of now.';
alter function list_members_at(bigint, bigint) owner to exchange_writer;
grant execute on function list_members_at(bigint, bigint) to service_role;
