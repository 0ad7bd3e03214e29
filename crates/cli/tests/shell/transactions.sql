create table t (a int primary key);
\set ON_ERROR_ROLLBACK on
begin;
insert into t values (1);
insert into t values (1);
insert into t values (2);
select nothing;
savepoint s;
insert into t values (3);
rollback to s;
release s;
commit;
select * from t order by a;
insert into t values (1);
\set ON_ERROR_ROLLBACK perhaps
\set ON_ERROR_ROLLBACK off
\set AUTOCOMMIT off
insert into t values (4);
rollback;
select * from t order by a;
insert into t values (1);
select 1;
rollback;
begin;
insert into t values (5);
commit;
vacuum t;
select * from t order by a;
commit;
\set AUTOCOMMIT maybe
\set AUTOCOMMIT on
copy t from stdin;
6
7
\.
select count(*) from t;
drop table t;
