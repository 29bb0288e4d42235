#!/bin/sh
# Run by the PostgreSQL image of compose.yaml, once, when its volume is empty: a role that owns the tables and
# migrates, a role that serves and owns nothing, and the database. psql reads the passwords by itself, so that
# they stand on no command line.
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv serving_password SERVING_PASSWORD
CREATE ROLE tenon_owner LOGIN CREATEROLE PASSWORD :'owner_password';
CREATE ROLE tenon_app LOGIN PASSWORD :'serving_password';
CREATE DATABASE tenon OWNER tenon_owner ENCODING 'UTF8';
SQL
