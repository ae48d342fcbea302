-- How often members may do what. The counting is the front ends': a count that is lost costs nobody money.

create or replace function get_rate_limits(p_exchange_id bigint) returns jsonb
language sql stable security definer
set search_path = betjee, pg_temp
as $$
  select jsonb_build_object(
    'user_trades_per_minute', settings -> 'user_trades_per_minute',
    'user_trade_burst', settings -> 'user_trade_burst',
    'user_trade_burst_seconds', settings -> 'user_trade_burst_seconds',
    'user_kept_trades_per_minute', settings -> 'user_kept_trades_per_minute',
    'network_trades_per_minute', settings -> 'network_trades_per_minute',
    'suspect_network_trades_per_minute', settings -> 'suspect_network_trades_per_minute',
    'user_reads_per_minute', settings -> 'user_reads_per_minute',
    'user_quotes_per_minute', settings -> 'user_quotes_per_minute',
    'network_sign_ups_per_minute', settings -> 'network_sign_ups_per_minute',
    'moderator_commands_per_minute', settings -> 'moderator_commands_per_minute')
  from exchanges where exchange_id = p_exchange_id
$$;
comment on function get_rate_limits(bigint) is 'The settings by which a front end limits how often members do what, or null where there is no such exchange.';
alter function get_rate_limits(bigint) owner to exchange_writer;
grant execute on function get_rate_limits(bigint) to service_role;
