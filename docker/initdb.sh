#!/bin/bash
# Run once by the official PostgreSQL image, when it creates its data: the roles, their passwords and the database.
# The rest is `betjee migrate`, which needs no superuser.
set -euo pipefail

: "${OWNER_PASSWORD:?}" "${SERVICE_PASSWORD:?}"

as_superuser() {
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" "$@"
}

as_superuser --dbname=postgres --file=/betjee/roles.sql

# psql quotes the passwords itself. It takes them from the environment, because arguments are seen by every process.
as_superuser --dbname=postgres <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv service_password SERVICE_PASSWORD
set log_statement = 'none';
set log_min_error_statement = 'panic';
set password_encryption = 'scram-sha-256';
alter role exchange_owner password :'owner_password';
alter role service_role password :'service_password';
create database betjee owner exchange_owner;
SQL
