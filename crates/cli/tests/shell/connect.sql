create database other;
\c other
select current_database();
\c - - localhost :PORT
\conninfo
\c - - 127.0.0.1 -
\c postgres - - -
\echo :DBNAME :USER :HOST
\c postgresql://postgres@127.0.0.1::PORT/other
\echo :DBNAME :USER :HOST
\c "dbname=postgres user=postgres"
\set ON_ERROR_STOP off
drop database other;
\echo :DBNAME
\c other
\echo never
