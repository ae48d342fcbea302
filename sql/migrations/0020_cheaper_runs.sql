-- Runs that value everyone and make the leaderboards cost trades less: what can be told without it is not written.

set local search_path = betjee, pg_temp;

-- The rank of a place follows from the amounts around it, so only that of the first in a chunk is kept.
-- What was made before is made anew by the next run, which is due where the standings of the last one are gone.
delete from standings;
alter table standings drop constraint standings_as_long, drop column ranks, add column first_rank bigint not null;
alter table standings add constraint standings_as_long check (
  cardinality(user_ids) = cardinality(amounts_paise) and cardinality(user_ids) = cardinality(gains_bps)
  and cardinality(user_ids) = cardinality(sequences));
comment on column standings.user_ids is 'Who stands there, in order; 0 is a place whose member was wiped since.';
comment on column standings.first_rank is 'The rank of the first of them; all others follow from amounts, or from gains where those are ranked: see list_standings().';

-- Whether a member is to be ranked is known where they are valued.
delete from valuations;
alter table valuations add column are_active boolean[] not null;

-- Compressing these took most of the time of writing a snapshot, and made them smaller by half. The other
-- two columns cost little to compress.
alter table net_worths
  alter column user_ids set storage external,
  alter column realised_paise set storage external;
