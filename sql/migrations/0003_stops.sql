-- Orders that wait for a price, halts, and cool-downs.

set local search_path = betjee, pg_temp;

create table stop_losses (
  exchange_id bigint not null,
  stop_id bigint not null,
  user_id bigint not null,
  shift_id integer not null,
  kind text not null,
  shares bigint not null,
  trigger_price_paise bigint not null,
  trigger_sold bigint not null,
  trigger_sign smallint not null,
  trigger_level bigint not null generated always as (trigger_sign * trigger_sold) stored,
  status text not null default 'armed',
  code text,
  request_id bigint not null,
  armed_at timestamptz not null,
  ended_at timestamptz,
  constraint stop_losses_pkey primary key (exchange_id, stop_id),
  constraint stop_losses_user_fkey foreign key (exchange_id, user_id) references users,
  constraint stop_losses_market_fkey foreign key (exchange_id, shift_id) references markets,
  constraint stop_losses_kind_known check (kind in ('stop_loss', 'take_profit')),
  constraint stop_losses_shares_not_zero check (shares <> 0),
  constraint stop_losses_sign_fits check (trigger_sign = case kind when 'stop_loss' then sign(shares) else -sign(shares) end),
  constraint stop_losses_status_known check (status in ('armed', 'held', 'suspended', 'filled', 'cancelled', 'lapsed', 'failed')),
  constraint stop_losses_failure_has_code check ((status = 'failed') = (code is not null)),
  constraint stop_losses_end_is_dated check ((status in ('armed', 'held', 'suspended')) = (ended_at is null))
);
comment on table stop_losses is 'Orders that wait for a price: stop-losses and take-profits, numbered by the exchange''s sequence. They only ever reduce a position and lapse with it.';
comment on column stop_losses.status is 'armed: it fires when it is crossed; held: it was crossed while its owner was cooling down, and is armed again after that; suspended: its owner is frozen.';
comment on column stop_losses.shares is 'Signed: negative sells shares that are held, positive buys back a short. What is still to be traded.';
comment on column stop_losses.trigger_sign is '-1: fires when sold has fallen to trigger_sold or below; 1: when it has risen to it or above.';
comment on column stop_losses.trigger_level is 'A stop is crossed when trigger_level <= trigger_sign * sold, in either direction; the nearest has the lowest level.';
create index stop_losses_by_level on stop_losses (exchange_id, shift_id, trigger_sign, trigger_level, stop_id) where status = 'armed';
create index stop_losses_by_end on stop_losses (ended_at) where ended_at is not null;
create index stop_losses_by_user on stop_losses (exchange_id, user_id, shift_id, stop_id) where status in ('armed', 'held', 'suspended');

alter table stop_losses enable row level security, force row level security;
create policy owner_all on stop_losses to exchange_owner using (true) with check (true);
create policy writer_all on stop_losses to exchange_writer using (true) with check (true);
create policy eraser_all on stop_losses to exchange_eraser using (true) with check (true);
create policy service_read on stop_losses for select to service_role using (true);
grant select, insert, update, delete on stop_losses to exchange_writer;
grant select, delete on stop_losses to exchange_eraser;
grant select on stop_losses to service_role;

-- A fill of a waiting order names that order, and the trade that carried the price to it.

alter table transactions
  add column stop_id bigint,
  add column set_off_by bigint,
  add constraint transactions_stop_is_named check ((stop_id is not null) = (cause in ('stop_loss', 'take_profit'))),
  add constraint transactions_set_off_before check (set_off_by < sequence);
comment on table transactions is 'The ledger: one row for each fill, never updated. `price_paise` is the average price of a share. What a row refers to, it names by number, without a foreign key, so that a wipe leaves no dangling row.';
comment on column transactions.request_id is 'The request by which the order that was filled was given: for a waiting order, the one that armed it.';
comment on column transactions.stop_id is 'The waiting order that was filled.';
comment on column transactions.set_off_by is 'The sequence of the trade that set a waiting order off; null where it was set off by the end of a halt or of a cool-down.';

-- A market that stops have carried too far is halted until a time, or by a moderator without one.

alter table markets
  add column halted_until timestamptz,
  add column halted_by bigint,
  add column reopened_at timestamptz,
  add column stops_due_at timestamptz,
  add constraint markets_only_halts_end check (halted_until is null or status = 'halted');
comment on column markets.halted_until is 'When a halt ends: it is applied by whoever writes next, and a job hastens that.';
comment on column markets.halted_by is 'The sequence of the order whose stops led to the last halt; what they left to do when the market has reopened is still its doing.';
comment on column markets.reopened_at is 'When the last halt ended. The next is a while off, however far stops would carry the price.';
comment on column markets.stops_due_at is 'Stops had to wait though they are crossed: every batch gives them another turn, at this time the job does.';
create index markets_by_stops_due on markets (stops_due_at) where stops_due_at is not null;
create index markets_by_halt on markets (halted_until) where halted_until is not null;

-- Who has set off the stops of others may not trade the other way for a while.

alter table positions
  add column cooldown_sign smallint,
  add column cooldown_until timestamptz,
  add column cooldown_by bigint,
  add column set_off_sign smallint,
  add column set_off_shares bigint,
  add column set_off_until timestamptz,
  add constraint positions_cooldown_whole check (num_nulls(cooldown_sign, cooldown_until, cooldown_by) in (0, 3)),
  add constraint positions_cooldown_sign_known check (cooldown_sign in (-1, 1)),
  add constraint positions_set_off_whole check (num_nulls(set_off_sign, set_off_shares, set_off_until) in (0, 3)),
  add constraint positions_set_off_sign_known check (set_off_sign in (-1, 1)),
  add constraint positions_set_off_shares_positive check (set_off_shares > 0);
comment on column positions.cooldown_sign is 'The sign of the orders that may not be given or filled until cooldown_until: 1 buy and cover, -1 sell and short.';
comment on column positions.cooldown_by is 'The sequence of the order that led to it. Stop-losses armed before that order may still fire.';
comment on column positions.set_off_shares is 'How many shares of others'' stops the owner''s orders of set_off_sign have set off, each less than cooldown_seconds after the one before; forgotten after set_off_until.';
create index positions_by_cooldown on positions (exchange_id, cooldown_until) where cooldown_until is not null;

-- An outcome says how long a refusal will last

alter type order_outcome rename to earlier_order_outcome;
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
  sequence bigint,
  wait_seconds integer
);
comment on type order_outcome is 'What became of an order: filled, refused with a code, unconfirmed, or quoted; and its figures. wait_seconds: how long its market stays halted, or its owner''s cool-down lasts.';
alter table requests alter column order_outcome type order_outcome
  using case when operation = 'execute_order' then row((order_outcome).*, null)::order_outcome end;
alter type order_decision alter attribute outcome type order_outcome;
drop type earlier_order_outcome;

alter type order_price add attribute before_price_paise bigint;

alter type exchange_settings
  add attribute halt_seconds integer,
  add attribute halt_pause_seconds integer,
  add attribute cooldown_seconds integer,
  add attribute cooldown_share_bps integer,
  add attribute max_armed_stops integer;
update exchanges set settings = '{"halt_seconds": 120, "halt_pause_seconds": 600, "cooldown_seconds": 60, "cooldown_share_bps": 100, "max_armed_stops": 20}' || settings;

-- What passes between the engine's functions

create type given_order as (
  market_number integer,
  user_number integer,
  held positions,
  hash bytea,
  known_operation text,
  known_hash bytea,
  known_outcome order_outcome
);
comment on type given_order is 'What a batch needs to know of an order beside the order: the places of its market and its user among those loaded, the position it is about, and what became of its request id before.';

create type stop_range as (
  market_number integer,
  sign integer,
  after_level bigint,
  after_stop_id bigint,
  to_level bigint
);
comment on type stop_range is 'Stops that a move of the price has crossed and that wait for their turn: those of one sign after a level and a number, up to a level.';

create type crossed_stop as (
  stop stop_losses,
  owner users,
  owner_number integer,
  held positions
);
create type stop_origin as (
  sequence bigint,
  user_number integer,
  position_number integer,
  sign integer
);
comment on type stop_origin is 'The order that set off the stops of a market that have their turns: its sequence, the places of its owner and of their position among those loaded, and its direction.';

comment on type crossed_stop is 'A stop with its owner, the owner''s place among the users loaded, and the position it reduces.';
