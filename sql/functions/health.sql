-- How the exchange does, for those who operate it.

create or replace function record_audit(p_exchange_id bigint, p_discrepancies bigint) returns void
language sql security definer
set search_path = betjee, pg_temp
as $$
-- Locks: its own row. Again, it notes a newer audit.
  insert into audits as a (exchange_id, audited_at, discrepancies, clean_at)
  values (
    p_exchange_id, clock_timestamp(), p_discrepancies, case when p_discrepancies = 0 then clock_timestamp() end)
  on conflict (exchange_id) do update
  set audited_at = excluded.audited_at, discrepancies = excluded.discrepancies,
    clean_at = coalesce(excluded.clean_at, a.clean_at)
$$;
comment on function record_audit(bigint, bigint) is 'Note that an exchange was audited, and how many discrepancies that found.';
alter function record_audit(bigint, bigint) owner to exchange_writer;
grant execute on function record_audit(bigint, bigint) to service_role;

create or replace function get_health() returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
-- The oldest notice that is due, the exchange whose last clean audit is longest ago (one that was never
-- audited counts from its opening), and the discrepancies of all last audits.
  select jsonb_build_object(
    'outbox_lag_seconds', (
      select coalesce(extract(epoch from max(clock_timestamp() - due.next_attempt_at)), 0)
      from outbox_leases l,
        lateral (
          select o.next_attempt_at from outbox o
          where o.exchange_id = l.exchange_id and o.state = 'pending' and o.next_attempt_at <= clock_timestamp()
          order by o.next_attempt_at limit 1) due),
    'audit_age_seconds', (
      select coalesce(extract(epoch from max(clock_timestamp() - coalesce(a.clean_at, e.opened_at))), 0)
      from exchanges e left join audits a using (exchange_id)),
    'audit_discrepancies', (select coalesce(sum(a.discrepancies), 0) from audits a),
    'exchanges', (select count(*) from exchanges))
$$;
comment on function get_health() is 'Figures for those who operate the exchange: how late notices are, and how old the last clean audit is.';
alter function get_health() owner to exchange_writer;
grant execute on function get_health() to service_role;
