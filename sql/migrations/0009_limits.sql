-- How often members may do what, as settings of each exchange. The counts themselves are not kept here.

set local search_path = betjee, pg_temp;

alter type exchange_settings
  add attribute user_trades_per_minute integer,
  add attribute user_trade_burst integer,
  add attribute user_trade_burst_seconds integer,
  add attribute user_kept_trades_per_minute integer,
  add attribute network_trades_per_minute integer,
  add attribute suspect_network_trades_per_minute integer,
  add attribute user_reads_per_minute integer,
  add attribute user_quotes_per_minute integer,
  add attribute network_sign_ups_per_minute integer,
  add attribute moderator_commands_per_minute integer;
update exchanges set settings = '{
  "user_trades_per_minute": 10, "user_trade_burst": 5, "user_trade_burst_seconds": 10, "user_kept_trades_per_minute": 2,
  "network_trades_per_minute": 120, "suspect_network_trades_per_minute": 10, "user_reads_per_minute": 60,
  "user_quotes_per_minute": 120, "network_sign_ups_per_minute": 10, "moderator_commands_per_minute": 30}' || settings;
