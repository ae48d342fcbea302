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
-- Locks: the row. Again, it changes nothing. What was hashed under the key before stays as it is, save what rehash()
-- is told of, and counts again should that key be accepted again.
  insert into hash_key as k (fingerprint, noted_at) values (p_fingerprint, clock_timestamp())
  on conflict (is_the_one) do update set fingerprint = excluded.fingerprint, noted_at = excluded.noted_at
  where k.fingerprint <> excluded.fingerprint
  returning true
$$;
comment on function rekey(bytea) is 'Go on with another key: true, or null where it is the one in use; only the owner may. Bans and marks under the key before then count for nobody.';

create or replace function rehash(p_exchange_id bigint, p_old_hashes bytea[], p_new_hashes bytea[]) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- Who has an account is known by their id at their provider, so what is kept of them by the hash before is kept by
-- the one at the same place of the other list from now on. Where there is such a row under that one already, it stays.
-- Locks: the exchange, then what it changes. Again, it changes nothing.
begin
  perform lock_exchange(p_exchange_id);
  update accounts t set identity_hash = k.new_hash from unnest(p_old_hashes, p_new_hashes) k(old_hash, new_hash)
  where t.exchange_id = p_exchange_id and t.identity_hash = k.old_hash;
  update verification_tokens t set identity_hash = k.new_hash from unnest(p_old_hashes, p_new_hashes) k(old_hash, new_hash)
  where t.exchange_id = p_exchange_id and t.identity_hash = k.old_hash;
  update verification_attempts t set identity_hash = k.new_hash from unnest(p_old_hashes, p_new_hashes) k(old_hash, new_hash)
  where t.exchange_id = p_exchange_id and t.identity_hash = k.old_hash;
  update departures t set identity_hash = k.new_hash from unnest(p_old_hashes, p_new_hashes) k(old_hash, new_hash)
  where t.exchange_id = p_exchange_id and t.identity_hash = k.old_hash;
  update recorded_names t set identity_hash = k.new_hash from unnest(p_old_hashes, p_new_hashes) k(old_hash, new_hash)
  where t.exchange_id = p_exchange_id and t.identity_hash = k.old_hash;
  update wipe_members t set identity_hash = k.new_hash from unnest(p_old_hashes, p_new_hashes) k(old_hash, new_hash)
  where t.exchange_id = p_exchange_id and t.identity_hash = k.old_hash;
  update bonus_marks t set identity_hash = k.new_hash from unnest(p_old_hashes, p_new_hashes) k(old_hash, new_hash)
  where t.exchange_id = p_exchange_id and t.identity_hash = k.old_hash and not exists (
    select from bonus_marks o where o.exchange_id = t.exchange_id and o.season = t.season and o.identity_hash = k.new_hash);
  update suspects t set identity_hash = k.new_hash from unnest(p_old_hashes, p_new_hashes) k(old_hash, new_hash)
  where t.exchange_id = p_exchange_id and t.identity_hash = k.old_hash and not exists (
    select from suspects o where o.exchange_id = t.exchange_id and o.cluster_id = t.cluster_id and o.identity_hash = k.new_hash);
  update marks t set identity_hash = k.new_hash from unnest(p_old_hashes, p_new_hashes) k(old_hash, new_hash)
  where t.exchange_id = p_exchange_id and t.identity_hash = k.old_hash and not exists (
    select from marks o where o.exchange_id = t.exchange_id and o.kind = t.kind and o.identity_hash = k.new_hash);
  update bans t set subject_hash = k.new_hash from unnest(p_old_hashes, p_new_hashes) k(old_hash, new_hash)
  where t.exchange_id = p_exchange_id and t.subject = 'identity' and t.subject_hash = k.old_hash and not exists (
    select from bans o
    where o.exchange_id = t.exchange_id and o.subject = t.subject and o.subject_hash = k.new_hash and o.ended_at is null
      and t.ended_at is null);
end
$$;
comment on function rehash(bigint, bytea[], bytea[]) is 'Keep under other hashes what is kept of identities; only the owner may, after another key was accepted.';
