-- Communities and their exchanges.

create or replace function find_exchange(p_provider text, p_community_id text) returns bigint
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select exchange_id from communities where provider = p_provider and community_id = p_community_id
$$;
comment on function find_exchange(text, text) is 'The exchange of a community, or null.';
alter function find_exchange(text, text) owner to exchange_writer;
grant execute on function find_exchange(text, text) to service_role;

create or replace function default_markets() returns table (shift_id integer, code text, label text)
language sql immutable parallel safe
set search_path = betjee, pg_temp
as $$
  values
    (1, '21s1', '21 JAN S1'), (2, '21s2', '21 JAN S2'),
    (3, '22s1', '22 JAN S1'), (4, '22s2', '22 JAN S2'),
    (5, '23s1', '23 JAN S1'), (6, '23s2', '23 JAN S2'),
    (7, '24s1', '24 JAN S1'), (8, '24s2', '24 JAN S2'),
    (9, '28s1', '28 JAN S1'), (10, '28s2', '28 JAN S2')
$$;
comment on function default_markets() is 'The shifts of the exam: the markets that a new exchange opens with.';

create or replace function create_market(p_exchange exchanges, p_shift_id integer, p_code text, p_label text) returns void
language plpgsql
set search_path = betjee, pg_temp
as $$
-- A market with the terms that the exchange's settings give at this moment, for good.
declare
  v_settings exchange_settings := typed_settings(p_exchange.settings);
begin
  insert into markets (
    exchange_id, shift_id, code, label, pricing, price_min_paise, price_max_paise, steepness, midpoint,
    total_shares_cap, max_tradable_shares, min_market_shares, tax_bps, remaining_shares, updated_at)
  values (
    p_exchange.exchange_id, p_shift_id, p_code, p_label, v_settings.pricing, v_settings.price_min_paise,
    v_settings.price_max_paise, v_settings.steepness, v_settings.midpoint, v_settings.total_shares_cap,
    v_settings.max_tradable_shares, v_settings.min_market_shares, v_settings.tax_bps,
    v_settings.total_shares_cap, p_exchange.updated_at);
end
$$;
comment on function create_market(exchanges, integer, text, text) is 'Create a market of an exchange with its current settings as its terms.';

create or replace function open_exchange(
  p_request_id bigint, p_provider text, p_community_id text, p_name text,
  p_owner_provider_user_id text, p_owner_display_name text, p_verification text default 'off',
  p_owner_identity_hash bytea default null
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Opens the exchange of a community, with its markets and its owner as the first moderator. A
-- community that has one keeps it, so that this may be called whenever a guild is seen; only the request
-- that opened it is remembered, and a name or an owner that have changed since make it no other request.
-- Whether members sign up on the page depends on whether the page has an address, so the caller says.
-- Locks: the new row of communities, on which a second caller waits; then the exchange is its own.
declare
  v_parameters text := jsonb_build_array(p_provider, p_community_id)::text;
  v_exchange exchanges;
  v_market record;
  v_owner_user_id bigint;
begin
  if p_request_id is null or p_request_id <= 0 then
    raise exception 'A request has a number above zero, not %.', p_request_id using errcode = 'invalid_parameter_value';
  end if;
  if (parse_setting('verification', p_verification)).value is null then
    raise exception 'verification cannot be %.', p_verification using errcode = 'invalid_parameter_value';
  end if;
  v_exchange.exchange_id := find_exchange(p_provider, p_community_id);
  if v_exchange.exchange_id is null then
    insert into exchanges (name, settings)
    values (left(p_name, 100), default_settings() || jsonb_build_object('verification', p_verification))
    returning * into v_exchange;
    insert into communities (provider, community_id, exchange_id)
    values (p_provider, p_community_id, v_exchange.exchange_id)
    on conflict do nothing;
    if not found then
      raise exception 'Another process is opening this exchange.' using errcode = 'serialization_failure';
    end if;
    for v_market in select * from default_markets() loop
      perform create_market(v_exchange, v_market.shift_id, v_market.code, v_market.label);
    end loop;
    v_owner_user_id := ensure_user(v_exchange.exchange_id, p_provider, p_owner_provider_user_id, p_owner_display_name);
    perform note_identity(v_exchange.exchange_id, v_owner_user_id, p_owner_identity_hash);
    insert into moderators (exchange_id, user_id, rank) values (v_exchange.exchange_id, v_owner_user_id, 'owner');
    perform log_moderation(v_exchange, v_owner_user_id, 'open_exchange', jsonb_build_object('name', v_exchange.name), p_request_id);
    return remember_request(
      v_exchange.exchange_id, p_request_id, 'open_exchange', v_parameters,
      jsonb_build_object('exchange_id', v_exchange.exchange_id));
  end if;
  return coalesce(
    recall_request(v_exchange.exchange_id, p_request_id, 'open_exchange', v_parameters),
    jsonb_build_object('exchange_id', v_exchange.exchange_id));
end
$$;
comment on function open_exchange(bigint, text, text, text, text, text, text, bytea) is 'Open the exchange of a community, once.';
alter function open_exchange(bigint, text, text, text, text, text, text, bytea) owner to exchange_writer;
grant execute on function open_exchange(bigint, text, text, text, text, text, text, bytea) to service_role;
