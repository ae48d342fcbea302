-- The shapes of the exchange.
--
-- Money is bigint paise, shares are whole, times are timestamptz. `exchange_id` leads every key, so
-- that the tables can be spread over a cluster by that column; `communities`, which maps a chat
-- community to its exchange, is the one exception. There are no triggers: the ledger is immutable
-- because no role that logs in may change it.

-- Nothing that the owner makes is for everyone by default.
alter default privileges for role exchange_owner revoke execute on functions from public;

create schema betjee;
comment on schema betjee is 'A prediction-market exchange for each chat community.';
grant usage on schema betjee to exchange_writer, exchange_eraser, service_role, anon;

set local search_path = betjee, pg_temp;

-- Exchanges and who is in them

create table exchanges (
  exchange_id bigint generated always as identity,
  name text not null,
  settings jsonb not null,
  treasury_paise bigint not null default 0,
  sequence bigint not null default 0,
  opened_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint exchanges_pkey primary key (exchange_id),
  constraint exchanges_name_bounded check (char_length(name) between 1 and 100),
  constraint exchanges_sequence_counts check (sequence >= 0)
) with (fillfactor = 50);
comment on table exchanges is 'One exchange for each community: its settings, its treasury (signed), and the counter of its changes.';
comment on column exchanges.sequence is 'Grows by one with each change, in commit order, since its row is locked by every writer.';

create table communities (
  provider text not null,
  community_id text not null,
  exchange_id bigint not null,
  constraint communities_pkey primary key (provider, community_id),
  constraint communities_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint communities_bounded check (char_length(provider) <= 20 and char_length(community_id) <= 64)
);
comment on table communities is 'Which exchange belongs to which chat community, such as a Discord guild.';

create table users (
  exchange_id bigint not null,
  user_id bigint generated always as identity,
  display_name text not null,
  status text not null default 'active',
  cash_paise bigint not null default 0,
  reserved_paise bigint not null default 0,
  registered_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint users_pkey primary key (exchange_id, user_id),
  constraint users_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint users_display_name_bounded check (char_length(display_name) between 1 and 100),
  constraint users_status_known check (status in ('active', 'frozen', 'banned')),
  constraint users_reserved_not_negative check (reserved_paise >= 0),
  constraint users_buying_power_not_negative check (cash_paise - reserved_paise >= 0)
) with (fillfactor = 70);
comment on table users is 'Public identities: the name they show, their cash, and the collateral of their shorts. A user who has not signed up (a guild''s owner) has no registered_at.';

create table accounts (
  exchange_id bigint not null,
  provider text not null,
  provider_user_id text not null,
  user_id bigint not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint accounts_pkey primary key (exchange_id, provider, provider_user_id),
  constraint accounts_user_key unique (exchange_id, user_id),
  constraint accounts_user_fkey foreign key (exchange_id, user_id) references users,
  constraint accounts_bounded check (char_length(provider) <= 20 and char_length(provider_user_id) <= 64)
);
comment on table accounts is 'Private identities: who a user is at their chat provider. Nothing public may read it.';

create table moderators (
  exchange_id bigint not null,
  user_id bigint not null,
  rank text not null,
  appointed_at timestamptz not null default clock_timestamp(),
  constraint moderators_pkey primary key (exchange_id, user_id),
  constraint moderators_user_fkey foreign key (exchange_id, user_id) references users,
  constraint moderators_rank_known check (rank in ('owner', 'moderator'))
);
comment on table moderators is 'Who moderates an exchange; the owner cannot be removed by others.';

-- Markets and the ledger

create table markets (
  exchange_id bigint not null,
  shift_id integer not null,
  code text not null,
  label text not null,
  pricing text not null,
  price_min_paise bigint not null,
  price_max_paise bigint not null,
  steepness numeric(5, 2) not null,
  midpoint numeric(5, 4) not null,
  total_shares_cap integer not null,
  max_tradable_shares integer not null,
  min_market_shares integer not null,
  tax_bps integer not null,
  status text not null default 'open',
  remaining_shares bigint not null,
  open_short_shares bigint not null default 0,
  pool_paise bigint not null default 0,
  version bigint not null default 0,
  updated_at timestamptz not null default clock_timestamp(),
  constraint markets_pkey primary key (exchange_id, shift_id),
  constraint markets_code_key unique (exchange_id, code),
  constraint markets_exchange_fkey foreign key (exchange_id) references exchanges,
  constraint markets_code_shape check (code ~ '^[a-z0-9]{1,12}$'),
  constraint markets_label_bounded check (char_length(label) between 1 and 40),
  constraint markets_pricing_known check (pricing in ('integral', 'average')),
  constraint markets_prices_sane check (100 <= price_min_paise and price_min_paise < price_max_paise and price_max_paise <= 100000000),
  constraint markets_steepness_sane check (steepness between 1 and 50),
  constraint markets_midpoint_sane check (midpoint between 0 and 1),
  constraint markets_caps_sane check (100 <= max_tradable_shares and max_tradable_shares <= total_shares_cap and total_shares_cap <= 10000000),
  constraint markets_min_market_shares_sane check (min_market_shares between 0 and total_shares_cap),
  constraint markets_tax_sane check (tax_bps between 0 and 1000),
  constraint markets_status_known check (status in ('open', 'halted', 'settled')),
  constraint markets_shorts_not_negative check (open_short_shares >= 0),
  constraint markets_shorts_can_cover check (remaining_shares >= min_market_shares + open_short_shares)
) with (fillfactor = 50);
comment on table markets is 'The markets of an exchange: their terms, copied from its settings when they were created and never changed, and their state.';
comment on column markets.remaining_shares is 'total_shares_cap minus the shares sold; more than the cap when shorts outnumber buyers.';
comment on column markets.open_short_shares is 'What all shorts of this market would have to buy back; kept for them.';
comment on column markets.pool_paise is 'What trades have paid in, less what they have paid out, before tax.';

create table positions (
  exchange_id bigint not null,
  user_id bigint not null,
  shift_id integer not null,
  shares bigint not null,
  basis_paise bigint not null,
  realised_paise bigint not null,
  taxes_paise bigint not null,
  constraint positions_pkey primary key (exchange_id, user_id, shift_id),
  constraint positions_user_fkey foreign key (exchange_id, user_id) references users,
  constraint positions_market_fkey foreign key (exchange_id, shift_id) references markets,
  constraint positions_basis_not_negative check (basis_paise >= 0 and (shares <> 0 or basis_paise = 0)),
  constraint positions_taxes_not_negative check (taxes_paise >= 0)
) with (fillfactor = 70);
comment on table positions is 'What a user holds in a market: signed shares (negative: short), what they were opened for, the profit realised before tax, and the tax paid.';

create table transactions (
  exchange_id bigint not null,
  sequence bigint not null,
  transaction_id bigint generated always as identity,
  user_id bigint not null,
  shift_id integer not null,
  shares bigint not null,
  price_paise bigint not null,
  gross_paise bigint not null,
  tax_paise bigint not null,
  type text not null generated always as (case when shares > 0 then 'buy' else 'sell' end) stored,
  price_after_paise bigint not null,
  cause text not null,
  request_id bigint not null,
  executed_at timestamptz not null,
  constraint transactions_pkey primary key (exchange_id, sequence),
  constraint transactions_shares_not_zero check (shares <> 0),
  constraint transactions_gross_not_negative check (gross_paise >= 0),
  constraint transactions_tax_not_negative check (tax_paise >= 0),
  constraint transactions_cause_known check (cause in ('order', 'stop_loss', 'take_profit', 'wipe', 'settlement'))
);
comment on table transactions is 'The ledger: one row for each fill, never updated. `price_paise` is the average price of a share; `request_id` names the order that set the fill off, without a foreign key.';
create index transactions_by_user on transactions (exchange_id, user_id, sequence desc);
create index transactions_by_market on transactions (exchange_id, shift_id, executed_at desc, sequence desc);

create table grants (
  exchange_id bigint not null,
  sequence bigint not null,
  user_id bigint not null,
  kind text not null,
  amount_paise bigint not null,
  granted_at timestamptz not null,
  constraint grants_pkey primary key (exchange_id, sequence),
  constraint grants_once unique (exchange_id, user_id, kind),
  constraint grants_kind_known check (kind in ('signup')),
  constraint grants_not_negative check (amount_paise >= 0)
);
comment on table grants is 'All money that was ever minted, once for each user and kind.';

create table burns (
  exchange_id bigint not null,
  sequence bigint not null,
  shift_id integer,
  shares bigint not null default 0,
  gross_paise bigint not null default 0,
  tax_paise bigint not null default 0,
  granted_paise bigint not null default 0,
  cash_paise bigint not null default 0,
  burned_at timestamptz not null,
  constraint burns_pkey primary key (exchange_id, sequence),
  constraint burns_market_fkey foreign key (exchange_id, shift_id) references markets
);
comment on table burns is 'What remains, anonymously, of wiped users: for each market their shares, gross (signed as paid in) and tax; for each of them one row of grants and cash.';

-- What passes between the engine's functions

create type order_request as (
  request_id bigint,
  user_id bigint,
  market text,
  side text,
  shares bigint,
  portion_bps integer,
  limit_paise bigint,
  confirmed boolean
);
comment on type order_request is 'An order as it is given: whole shares, or a portion of what is possible; a limit in paise or none; and whether its owner has seen what it does to the price.';

create type order_outcome as (
  request_id bigint,
  status text,
  market text,
  side text,
  code text,
  label text,
  asked_shares bigint,
  asked_bps integer,
  limit_paise bigint,
  shares bigint,
  gross_paise bigint,
  tax_paise bigint,
  total_paise bigint,
  average_price_paise bigint,
  price_before_paise bigint,
  price_after_paise bigint,
  impact_bps bigint,
  worst_loss_paise bigint,
  realised_paise bigint,
  protected_limit_paise bigint,
  possible_shares bigint,
  position_shares bigint,
  cash_paise bigint,
  reserved_paise bigint,
  buying_power_paise bigint,
  sequence bigint
);
comment on type order_outcome is 'What became of an order: filled, refused with a code, unconfirmed, or quoted; and its figures.';

create type curve_point as (
  sold bigint,
  value_paise numeric,
  price numeric,
  price_paise bigint
);
comment on type curve_point is 'A point of a market''s curve: shares sold, the rounded integral up to there, the exact price and the rounded one, all in paise.';

create type order_price as (
  shares bigint,
  gross_paise bigint,
  tax_paise bigint,
  total_paise bigint,
  impact_bps bigint,
  after_sold bigint,
  after_value_paise numeric,
  after_price numeric,
  after_price_paise bigint
);
comment on type order_price is 'What so many shares cost or bring, and where they leave the curve.';

create type order_decision as (
  outcome order_outcome,
  after curve_point,
  held positions
);
comment on type order_decision is 'An outcome with the state that follows it: the point of the curve and the position.';

create type exchange_settings as (
  pricing text,
  price_min_paise bigint,
  price_max_paise bigint,
  steepness numeric,
  midpoint numeric,
  total_shares_cap integer,
  max_tradable_shares integer,
  min_market_shares integer,
  tax_bps integer,
  signup_bonus_paise bigint,
  max_order_shares integer,
  band_bps integer,
  band_seconds integer,
  confirm_impact_bps integer,
  confirm_slippage_bps integer,
  public_fills boolean,
  public_page boolean
);
comment on type exchange_settings is 'The settings of an exchange, typed; their meanings, bounds and defaults are in setting_definitions().';

-- Requests, the record, and people's words

create table requests (
  exchange_id bigint not null,
  request_id bigint not null,
  operation text not null,
  parameters_hash bytea not null,
  outcome jsonb,
  order_outcome order_outcome,
  requested_at timestamptz not null,
  constraint requests_pkey primary key (exchange_id, request_id),
  constraint requests_id_positive check (request_id > 0),
  constraint requests_one_outcome check ((outcome is null) = (operation = 'execute_order'))
);
comment on table requests is 'Every request that was carried out or refused, with its whole outcome, for 30 days: the same id again gives the same outcome again. An order''s outcome keeps its type, which is written several times faster than jsonb.';
create index requests_by_age on requests using brin (requested_at);

create table moderation_log (
  exchange_id bigint not null,
  sequence bigint not null,
  moderator_user_id bigint not null,
  act text not null,
  detail jsonb not null,
  request_id bigint not null,
  recorded_at timestamptz not null,
  constraint moderation_log_pkey primary key (exchange_id, sequence),
  constraint moderation_log_act_bounded check (char_length(act) between 1 and 40)
);
comment on table moderation_log is 'Every act of a moderator, never updated. It names people by number, without a foreign key, so that it outlives them.';

create table reports (
  exchange_id bigint not null,
  report_id bigint not null,
  user_id bigint not null,
  text text not null,
  reported_at timestamptz not null,
  constraint reports_pkey primary key (exchange_id, report_id),
  constraint reports_user_fkey foreign key (exchange_id, user_id) references users,
  constraint reports_text_bounded check (char_length(text) between 1 and 1000)
);
comment on table reports is 'Feedback of members to the moderators, numbered by the exchange''s sequence.';
create index reports_by_user on reports (exchange_id, user_id, reported_at desc);
