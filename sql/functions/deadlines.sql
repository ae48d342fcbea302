-- Deadlines: the end of a halt and of a cool-down, and the next turn of stops that had to wait. Whoever writes next applies them; a job hastens that.

create or replace function list_due_exchanges() returns setof bigint
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select exchange_id from markets where halted_until <= clock_timestamp()
  union
  select exchange_id from markets where stops_due_at <= clock_timestamp()
  union
  select exchange_id from positions where cooldown_until <= clock_timestamp()
  order by 1
$$;
comment on function list_due_exchanges() is 'The exchanges in which a halt or a cool-down has ended, or stops are due, and nobody has acted on it yet.';
alter function list_due_exchanges() owner to exchange_writer;
grant execute on function list_due_exchanges() to service_role;
