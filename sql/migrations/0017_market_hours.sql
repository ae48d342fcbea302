-- Volumes are counted beside the trades, neither of which waits for the other.

set local search_path = betjee, pg_temp;

-- A reference to markets locks the market's row for each hour that is written, and a trade holds that row
-- from its first step to its commit. The hours are written from fills, which refer to their market already.
alter table market_hours drop constraint market_hours_market_fkey;
alter table market_hours add constraint market_hours_exchange_fkey foreign key (exchange_id) references exchanges;
