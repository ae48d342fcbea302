-- The key of the hashes, known by its fingerprint. Under another key nobody who is banned is known again and everybody
-- gets the bonus once more, and no query would fail for it; so the programs that hash ask here before they do anything.

create or replace function check_hash_key(p_fingerprint bytea) returns boolean
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Locks: the new row, where there is none yet; of two programs that begin at once with different keys one waits, and is
-- refused. The same again gives the same answer.
begin
  insert into hash_key (fingerprint, noted_at) values (p_fingerprint, clock_timestamp()) on conflict do nothing;
  return (select fingerprint = p_fingerprint from hash_key);
end
$$;
comment on function check_hash_key(bytea) is 'Whether this database knows identities and networks by the key with that fingerprint; the first that is asked for becomes the one.';
alter function check_hash_key(bytea) owner to exchange_writer;
grant execute on function check_hash_key(bytea) to service_role;

create or replace function rekey(p_fingerprint bytea) returns boolean
language sql
set search_path = betjee, pg_temp
as $$
-- Locks: the row. Again, it changes nothing. What was hashed under the key before stays as it is, and counts again
-- should that key be accepted again.
  insert into hash_key as k (fingerprint, noted_at) values (p_fingerprint, clock_timestamp())
  on conflict (is_the_one) do update set fingerprint = excluded.fingerprint, noted_at = excluded.noted_at
  where k.fingerprint <> excluded.fingerprint
  returning true
$$;
comment on function rekey(bytea) is 'Go on with another key: true, or null where it is the one in use; only the owner may. Bans and marks under the key before then count for nobody.';
