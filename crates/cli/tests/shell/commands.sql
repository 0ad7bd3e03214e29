\pset border
\pset border 2
\pset border 1
\pset nonsense
\pset expanded auto
\pset expanded off
\pset fieldsep ,
\pset fieldsep_zero
\pset fieldsep '|'
\pset format unaligned
\pset format aligned
\pset null '~'
\pset null ''
\pset recordsep
\pset footer
\pset footer
\pset title 'x y'
\pset title
\pset tuples_only
\pset tuples_only off
\pset csv_fieldsep
\x
\x off
\t on
\t
\a
\a
\f
\f ,
\f |
\timing on
\timing off
\nonsense here
\echo after
\conninfo extra
\encoding
\p
select 1 as a
\p
+ 1
\p
\g
\p
\g
\r
\p
select 'x' as x \g out.tmp
\! cat out.tmp
select 'y' as y \g | cat
\o out.tmp
select 'z' as z;
\qecho among the answers
\echo not among them
\o
\! cat out.tmp; rm out.tmp
\i included.inc
\ir included.inc
\i nonexistent.inc
\echo still here
\errverbose
\restrict key
\echo not obeyed
select 'sent' as statements;
\unrestrict wrong
\unrestrict key
\echo obeyed
\unrestrict key
\unset
\set VERBOSITY terse
select nothing;
\set VERBOSITY sqlstate
select nothing;
\set VERBOSITY default
\set VERBOSITY loud
\set QUIET on
\x
\x
create table q (a int);
drop table q;
\set QUIET off
\set ECHO queries
select 1;
\set ECHO errors
select nothing;
\set ECHO all
select 2;
\set ECHO none
\set FETCH_COUNT x
\set ON_ERROR_STOP on
\echo last
select nothing;
\echo never
