-- The roles of an exchange's database, made once for each server by a superuser (or by a role that
-- may create roles). Running it again changes nothing. Passwords are set by whoever runs it.
--
--   exchange_owner    owns everything; logs in only to migrate and to repair
--   exchange_writer   owns the functions that write; no login, owns no table
--   exchange_eraser   owns the wipe alone; no login, owns no table
--   service_role      the application's login: reads, and calls functions
--   anon              the public: markets, tape and leaderboard of exchanges that publish them

do $$
declare
  v_role text;
begin
  foreach v_role in array array['exchange_owner', 'service_role', 'exchange_writer', 'exchange_eraser', 'anon'] loop
    if to_regrole(v_role) is null then
      execute format('create role %I nologin nosuperuser nocreatedb nocreaterole', v_role);
    end if;
  end loop;
end
$$;

alter role exchange_owner login;
alter role service_role login;

-- The owner hands its functions over to the writer and the eraser, so it must be a member of both.
grant exchange_writer, exchange_eraser to exchange_owner;
