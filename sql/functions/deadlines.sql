-- Deadlines: the end of a halt and of a cool-down. Whoever writes next applies them; a job hastens that.

create or replace function list_due_exchanges() returns setof bigint
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select exchange_id from markets where halted_until <= clock_timestamp()
  union
  select exchange_id from positions where cooldown_until <= clock_timestamp()
$$;
comment on function list_due_exchanges() is 'The exchanges in which a halt or a cool-down has ended that nobody has applied yet.';
alter function list_due_exchanges() owner to exchange_writer;
grant execute on function list_due_exchanges() to service_role;
