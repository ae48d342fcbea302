-- Who has deleted themselves is still counted for a while; marks of every kind of signal; and which wipe a
-- cluster has led to.

set local search_path = betjee, pg_temp;

-- Departures: what the rules need of who has deleted themselves, so that nobody hides many accounts by
-- deleting them before the rules have looked

create table departures (
  exchange_id bigint not null,
  user_id bigint not null,
  identity_hash bytea not null,
  network_key bytea,
  network_key_56 bytea,
  network_key_48 bytea,
  seen_at timestamptz,
  departed_at timestamptz not null,
  constraint departures_pkey primary key (exchange_id, user_id),
  constraint departures_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint departures_hashes_whole check (
    octet_length(identity_hash) = 32 and coalesce(octet_length(network_key), 32) = 32
    and coalesce(octet_length(network_key_56), 32) = 32 and coalesce(octet_length(network_key_48), 32) = 32),
  constraint departures_keys_are_dated check ((network_key is null) = (seen_at is null))
);
comment on table departures is 'Who has deleted themselves: the number that their ledger has, and by keyed hashes who that was and from which network. Forgotten after 7 days, or with the networks of that age where they are kept for less.';
comment on column departures.seen_at is 'When that network was seen, as it was in their account.';
create index departures_by_sight on departures (exchange_id, seen_at desc) where seen_at is not null;
create index departures_by_identity on departures (exchange_id, identity_hash);
create index departures_by_age on departures (departed_at);

alter table departures enable row level security, force row level security;
create policy owner_all on departures to exchange_owner using (true) with check (true);
create policy writer_all on departures to exchange_writer using (true) with check (true);
grant select, insert, delete on departures to exchange_writer;

-- Marks: one for each kind of signal that names somebody. Only that of a burst can withhold anything

alter table marks
  add column kind text not null default 'burst',
  drop constraint marks_pkey,
  add constraint marks_pkey primary key (exchange_id, identity_hash, kind),
  add constraint marks_kind_known check (kind in ('burst', 'wide_burst', 'crowd', 'concert', 'transfer')),
  add constraint marks_of_bursts_withhold check (kind = 'burst' or withheld_paise = 0 and user_id is null);
alter table marks alter column kind drop default;
comment on table marks is 'Whom a signal has marked, by keyed hash, one mark for each kind. The bonus of whoever a burst has marked waits until a moderator releases it, once; a mark of any other kind tells moderators, and does nothing.';
comment on column marks.user_id is 'Whose bonus waits; null until they sign up, and for marks that withhold nothing.';

insert into marks (exchange_id, identity_hash, kind, cluster_id, marked_at, decision, decided_by, decided_at)
select s.exchange_id, s.identity_hash, c.kind, s.cluster_id, s.added_at,
  nullif(c.status, 'open'), c.decided_by, c.decided_at
from suspects s
join clusters c using (exchange_id, cluster_id)
where c.kind <> 'burst'
  and not exists (
    select from accounts a join moderators r using (exchange_id, user_id)
    where a.exchange_id = s.exchange_id and a.identity_hash = s.identity_hash)
order by s.cluster_id desc
on conflict do nothing;

-- What a decision about a cluster has led to: freezes, bans of who had left, or a wipe; so that it can be taken back

alter table clusters add column wipe_id bigint;
comment on column clusters.wipe_id is 'The wipe that was planned of its members; null where it was released, or they were frozen.';
alter table freezes add column cluster_id bigint;
comment on column freezes.cluster_id is 'The cluster with which they were frozen, without a foreign key; releasing it ends the freeze.';
alter table bans
  add column cluster_id bigint,
  add constraint bans_of_clusters_are_identities check (subject = 'identity' or cluster_id is null);
comment on column bans.cluster_id is 'The cluster with which an identity was banned that had left, without a foreign key; releasing it ends the ban.';
create index bans_by_cluster on bans (exchange_id, cluster_id) where cluster_id is not null and ended_at is null;
create index bans_by_wipe on bans (exchange_id, wipe_id) where wipe_id is not null;

-- All that one decision did carries its time, which no other decision of the exchange has.
update clusters c set wipe_id = w.wipe_id
from wipes w
where c.status = 'upheld' and w.exchange_id = c.exchange_id and w.planned_by = c.decided_by and w.planned_at = c.decided_at;
update freezes f set cluster_id = c.cluster_id
from clusters c
where c.status = 'upheld' and f.exchange_id = c.exchange_id and f.moderator_user_id = c.decided_by and f.frozen_at = c.decided_at;
update bans b set cluster_id = c.cluster_id, wipe_id = coalesce(b.wipe_id, c.wipe_id)
from clusters c
where c.status = 'upheld' and b.exchange_id = c.exchange_id and b.subject = 'identity' and b.user_id is null
  and b.moderator_user_id = c.decided_by and b.banned_at = c.decided_at;
