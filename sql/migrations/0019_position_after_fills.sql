-- The ledger says what a fill left its owner with, so that it tells a short from a sale.

set local search_path = betjee, pg_temp;

-- Nothing is written into rows that are there, so this takes no longer for a long ledger than for a short one.
alter table transactions add column position_shares bigint;
comment on column transactions.position_shares is 'How many shares the member holds there after the fill, negative while short; null in rows older than this column.';
