-- What can be set. Each definition stands here once: its bounds are what change_setting() enforces,
-- its default is what a new exchange gets, and its description is what moderators read.

create or replace function setting_definitions()
returns table (
  name text, kind text, minimum numeric, maximum numeric, choices text[],
  default_value text, unit text, new_markets_only boolean, description text
)
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  values
    ('public_fills', 'boolean', null::numeric, null::numeric, null::text[], 'true', '', false,
      'Whether a line in the channel tells each fill, without the balance.'),
    ('public_page', 'boolean', null, null, null, 'false', '', false,
      'Whether markets, tape and leaderboard may be read by everyone.'),
    ('confirm_impact_bps', 'integer', 1, 1000000, null, '500', 'bps', false,
      'An order that moves the price by more than this asks for a confirmation first.'),
    ('confirm_slippage_bps', 'integer', 0, 10000, null, '100', 'bps', false,
      'How much worse than it was shown a confirmed order may fill.'),
    ('max_order_shares', 'integer', 1, 1000000, null, '1000', 'shares', false,
      'The largest order that opens a position.'),
    ('band_bps', 'integer', 100, 1000000000, null, '3000', 'bps', false,
      'How far from its earlier price an order may take a market.'),
    ('band_seconds', 'integer', 1, 86400, null, '120', 'seconds', false,
      'How long ago that earlier price was; at most halt_seconds.'),
    ('halt_seconds', 'integer', 1, 86400, null, '120', 'seconds', false,
      'How long a market is halted after stops have carried its price as far as the band; at least band_seconds.'),
    ('halt_pause_seconds', 'integer', 0, 86400, null, '600', 'seconds', false,
      'How long a market that has reopened is not halted again; stops that reach the band wait for it meanwhile.'),
    ('cooldown_seconds', 'integer', 0, 86400, null, '60', 'seconds', false,
      'How long who has set off the stops of others may not trade the other way.'),
    ('cooldown_share_bps', 'integer', 1, 10000, null, '100', 'bps', false,
      'How many shares of others'' stops set off, less than cooldown_seconds after each other, are followed by a cool-down, as a part of max_tradable_shares.'),
    ('max_armed_stops', 'integer', 1, 100, null, '20', '', false,
      'How many stop-losses and take-profits a member may have waiting.'),
    ('max_armed_alerts', 'integer', 1, 100, null, '20', '', false,
      'How many price alerts a member may have waiting.'),
    ('user_trades_per_minute', 'integer', 1, 600, null, '10', '', false,
      'How many orders a member may give within any minute; waiting orders and alerts count too.'),
    ('user_trade_burst', 'integer', 1, 600, null, '5', '', false,
      'How many of them within user_trade_burst_seconds.'),
    ('user_trade_burst_seconds', 'integer', 1, 60, null, '10', 'seconds', false,
      'How long a burst is.'),
    ('user_kept_trades_per_minute', 'integer', 0, 600, null, '2', '', false,
      'How many of them a member keeps, however busy their network is.'),
    ('network_trades_per_minute', 'integer', 1, 6000, null, '120', '', false,
      'How many orders the members on one network may give together.'),
    ('suspect_network_trades_per_minute', 'integer', 1, 6000, null, '10', '', false,
      'The same where a burst of sign-ups has marked one of them.'),
    ('user_reads_per_minute', 'integer', 5, 600, null, '60', '', false,
      'How many other commands and clicks of a member are answered; reports and appeals are among them.'),
    ('user_quotes_per_minute', 'integer', 5, 600, null, '120', '', false,
      'How many quotes of a member, also those shown while they type.'),
    ('network_sign_ups_per_minute', 'integer', 1, 600, null, '10', '', false,
      'How many sign-ups from one network on the page, and how many links one person may ask for.'),
    ('moderator_commands_per_minute', 'integer', 10, 600, null, '30', '', false,
      'How many commands for moderators one person may give.'),
    ('wipe_undo_seconds', 'integer', 0, 86400, null, '600', 'seconds', false,
      'How long a planned wipe can be undone before it is executed.'),
    ('signup_bonus_paise', 'integer', 0, 100000000000, null, '2000000', 'paise', false,
      'What a new member is granted, once.'),
    ('verification', 'choice', null, null, array['off', 'web'], 'off', '', false,
      'web: members sign up on a page. off: at once, and then there are no limits by address.'),
    ('min_account_age_days', 'integer', 0, 3650, null, '7', 'days', false,
      'How old a new member''s chat account must be.'),
    ('min_membership_hours', 'integer', 0, 8760, null, '0', 'hours', false,
      'How long a new member must have been in the community.'),
    ('network_key_retention_days', 'integer', 1, 365, null, '90', 'days', false,
      'How long the hash of the network that the page was used from is kept.'),
    ('mark_action', 'choice', null, null, array['withhold', 'freeze', 'wipe'], 'withhold', '', false,
      'What a burst of sign-ups does at once; only a proven account is frozen or wiped.'),
    ('trusted_membership_days', 'integer', 0, 3650, null, '30', 'days', false,
      'Who has been in the community for so long keeps the bonus in a burst; 0: nobody.'),
    ('second_signal_freezes', 'boolean', null, null, null, 'true', '', false,
      'Whether a marked member whose trading is a signal too is frozen.'),
    ('burst_accounts', 'integer', 1, 100, null, '3', '', false,
      'More identities of one network within burst_seconds are marked.'),
    ('burst_seconds', 'integer', 1, 300, null, '15', 'seconds', false,
      'Within how long they come.'),
    ('wide_burst_accounts', 'integer', 1, 1000, null, '10', '', false,
      'More identities of one IPv6 /56 within 10 minutes are a signal.'),
    ('crowd_accounts', 'integer', 2, 10000, null, '25', '', false,
      'More members of one network within a day are a signal.'),
    ('concert_accounts', 'integer', 2, 1000, null, '3', '', false,
      'So many accounts of one network that trade together are a signal.'),
    ('transfer_accounts', 'integer', 1, 1000, null, '3', '', false,
      'So many that lose their bonus to one account are a signal.'),
    ('leaderboard_post_at', 'time', null, null, null, 'off', '', false,
      'When the leaderboard is posted in the exchange''s channel each day, by utc_offset; off: never.'),
    ('utc_offset', 'offset', null, null, null, '+05:30', '', false,
      'How far the exchange''s clock is ahead of UTC.'),
    ('pricing', 'choice', null, null, array['integral', 'average'], 'integral', '', true,
      'How an order is priced. Repeated orders can take money out of a market that uses average.'),
    ('price_min_paise', 'integer', 100, 99999999, null, '1000', 'paise', true,
      'The floor of a share''s price; below price_max_paise.'),
    ('price_max_paise', 'integer', 101, 100000000, null, '100000', 'paise', true,
      'The ceiling of a share''s price, and with the tax what a short reserves.'),
    ('steepness', 'decimal', 1, 50, null, '10', '', true,
      'How steeply the price rises in the middle of the curve.'),
    ('midpoint', 'decimal', 0, 1, null, '0.5', '', true,
      'Where the middle of the curve is, as a part of max_tradable_shares.'),
    ('total_shares_cap', 'integer', 100, 10000000, null, '10000', 'shares', true,
      'The shares of a market.'),
    ('max_tradable_shares', 'integer', 100, 10000000, null, '10000', 'shares', true,
      'The shares over which the curve is spread; at most total_shares_cap.'),
    ('min_market_shares', 'integer', 0, 10000000, null, '100', 'shares', true,
      'The shares that are never sold; fewer than total_shares_cap.'),
    ('tax_bps', 'integer', 0, 1000, null, '167', 'bps', true,
      'The tax on each trade''s gross, which goes to the treasury.')
$$;
comment on function setting_definitions() is 'Everything that can be set, with its bounds, default and meaning.';

create or replace function default_settings() returns jsonb
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  select jsonb_object_agg(name, case when kind in ('choice', 'time', 'offset') then to_jsonb(default_value) else default_value::jsonb end)
  from setting_definitions()
$$;
comment on function default_settings() is 'The settings that a new exchange gets.';

create or replace function typed_settings(p_settings jsonb) returns exchange_settings
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  select jsonb_populate_record(null::exchange_settings, p_settings)
$$;
comment on function typed_settings(jsonb) is 'The settings of an exchange, as they are stored, with their types.';

create or replace function settings_conflict(p_settings jsonb) returns text
language plpgsql immutable parallel safe
set search_path = betjee, pg_temp
as $$
-- A sentence about settings that are each within bounds but contradict each other, or null.
declare
  v_settings exchange_settings := typed_settings(p_settings);
begin
  if v_settings.price_min_paise >= v_settings.price_max_paise then
    return format('price_min_paise (%s) must be less than price_max_paise (%s).',
      v_settings.price_min_paise, v_settings.price_max_paise);
  end if;
  if v_settings.max_tradable_shares > v_settings.total_shares_cap then
    return format('max_tradable_shares (%s) must be at most total_shares_cap (%s).',
      v_settings.max_tradable_shares, v_settings.total_shares_cap);
  end if;
  if v_settings.min_market_shares >= v_settings.total_shares_cap then
    return format('min_market_shares (%s) must be less than total_shares_cap (%s).',
      v_settings.min_market_shares, v_settings.total_shares_cap);
  end if;
  -- Else a market could reopen while its band is still measured from before the halt.
  if v_settings.halt_seconds < v_settings.band_seconds then
    return format('halt_seconds (%s) must be at least band_seconds (%s).', v_settings.halt_seconds, v_settings.band_seconds);
  end if;
  return null;
end
$$;
comment on function settings_conflict(jsonb) is 'What is contradictory in a set of settings, as a sentence, or null.';

create or replace function list_settings(p_exchange_id bigint) returns setof jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object(
    'name', d.name, 'kind', d.kind, 'unit', d.unit, 'description', d.description,
    'value', coalesce(e.settings ->> d.name, d.default_value), 'default_value', d.default_value,
    'minimum', d.minimum::text, 'maximum', d.maximum::text,
    'choices', coalesce(to_jsonb(d.choices), '[]'), 'new_markets_only', d.new_markets_only)
  from exchanges e, setting_definitions() d
  where e.exchange_id = p_exchange_id
$$;
comment on function list_settings(bigint) is 'The settings of an exchange with their values, bounds and meanings.';
alter function list_settings(bigint) owner to exchange_writer;
grant execute on function list_settings(bigint) to service_role;

create or replace function parse_setting(p_name text, p_value text, out value jsonb, out problem text)
language plpgsql immutable
set search_path = betjee, pg_temp
as $$
-- The value as it is stored, or a sentence that says what would be accepted.
declare
  v_definition record;
  v_number numeric;
begin
  select * into v_definition from setting_definitions() d where d.name = p_name;
  if not found then
    problem := format('There is no setting %s.', left(p_name, 40));
  elsif v_definition.kind = 'boolean' then
    value := case lower(p_value) when 'true' then 'true'::jsonb when 'on' then 'true' when 'yes' then 'true'
      when 'false' then 'false' when 'off' then 'false' when 'no' then 'false' end;
    problem := case when value is null then format('%s is on or off.', p_name) end;
  elsif v_definition.kind = 'choice' then
    value := case when lower(p_value) = any (v_definition.choices) then to_jsonb(lower(p_value)) end;
    problem := case when value is null then format('%s is one of %s.', p_name, array_to_string(v_definition.choices, ', ')) end;
  elsif v_definition.kind = 'time' then
    value := case when lower(p_value) ~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|off)$' then to_jsonb(lower(p_value)) end;
    problem := case when value is null then format('%s is a time of day such as 20:30, or off.', p_name) end;
  elsif v_definition.kind = 'offset' then
    value := case when p_value ~ '^[+-](0[0-9]|1[0-3]):(00|15|30|45)$|^[+-]14:00$' then to_jsonb(p_value) end;
    problem := case when value is null then format('%s is hours and minutes from UTC, such as +05:30.', p_name) end;
  else
    -- Decimals keep as many places as the terms of a market store.
    v_number := case when p_value ~ case v_definition.kind when 'integer' then '^[0-9]{1,15}$' else '^[0-9]{1,3}(\.[0-9]{1,2})?$' end
      then p_value::numeric end;
    if v_number between v_definition.minimum and v_definition.maximum then
      value := to_jsonb(v_number);
    else
      problem := format('%s is a%s from %s to %s%s.', p_name,
        case v_definition.kind when 'integer' then ' whole number' else ' number with at most two decimals' end,
        v_definition.minimum, v_definition.maximum, rtrim(' ' || v_definition.unit));
    end if;
  end if;
end
$$;
comment on function parse_setting(text, text) is 'A setting''s value from its text, checked against its bounds, or a sentence that says what is accepted.';

create or replace function is_owners_setting(p_name text) returns boolean
language sql immutable parallel safe
-- How much a new member gets, what befalls the marked, and how long a wipe can be undone: with these, a
-- moderator could mint money, or wipe without anybody to look on.
return p_name in ('signup_bonus_paise', 'mark_action', 'wipe_undo_seconds');
comment on function is_owners_setting(text) is 'Whether only the owner of an exchange may change a setting.';

create or replace function change_setting(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_name text, p_value text
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Changes one setting and writes it into the moderation log.
-- Locks: the exchange. Refuses: not_a_moderator, owner_only, invalid_setting with a sentence. A repeated request
-- gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_name, p_value)::text;
  v_known jsonb := recall_request(p_exchange_id, p_request_id, 'change_setting', v_parameters);
  v_parsed record;
  v_settings jsonb;
  v_outcome jsonb;
begin
  if v_known is not null then
    return v_known;
  end if;
  v_parsed := parse_setting(p_name, trim(p_value));
  v_settings := v_exchange.settings || jsonb_build_object(coalesce(p_name, ''), v_parsed.value);
  if moderator_rank(p_exchange_id, p_moderator_user_id) is null then
    v_outcome := refusal('not_a_moderator', 'Only a moderator of this exchange may change its settings.');
  elsif is_owners_setting(p_name) and moderator_rank(p_exchange_id, p_moderator_user_id) <> 'owner' then
    v_outcome := refusal('owner_only', 'Only the owner of this exchange may change that setting.');
  elsif v_parsed.problem is not null or settings_conflict(v_settings) is not null then
    v_outcome := refusal('invalid_setting', coalesce(v_parsed.problem, settings_conflict(v_settings)));
  else
    v_outcome := jsonb_build_object(
      'name', p_name, 'old_value', v_exchange.settings ->> p_name, 'new_value', v_settings ->> p_name);
    update exchanges set settings = v_settings where exchange_id = p_exchange_id;
    perform log_moderation(v_exchange, p_moderator_user_id, 'change_setting', v_outcome, p_request_id);
    v_outcome := v_outcome || (
      select jsonb_build_object('unit', d.unit, 'new_markets_only', d.new_markets_only)
      from setting_definitions() d where d.name = p_name);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'change_setting', v_parameters, v_outcome);
end
$$;
comment on function change_setting(bigint, bigint, bigint, text, text) is 'Change a setting of an exchange, on the record.';
alter function change_setting(bigint, bigint, bigint, text, text) owner to exchange_writer;
grant execute on function change_setting(bigint, bigint, bigint, text, text) to service_role;

create or replace function get_preferences(p_exchange_id bigint) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object(
    'public_fills', (settings -> 'public_fills'), 'confirm_impact_bps', (settings -> 'confirm_impact_bps'))
  from exchanges where exchange_id = p_exchange_id
$$;
comment on function get_preferences(bigint) is 'The settings that a front end needs before it shows a reply.';
alter function get_preferences(bigint) owner to exchange_writer;
grant execute on function get_preferences(bigint) to service_role;
