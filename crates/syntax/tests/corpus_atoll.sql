-- Atoll's own: PostgreSQL refuses these.
select * from t as of system time '-10s' where a = 1
select * from t x, u as of system time now() - interval '1 hour' order by 1
select * from a join b using (x) as of system time '2020-01-01'
select * from f() as of system time 1
begin as of system time '-5s'
begin transaction read only, as of system time '-5s'
set transaction as of system time '-5s'
show ranges
show ranges from table s.t
show ranges from index i
show ranges from database d
show nodes
show cluster settings
alter table t split at values (1), (2, 'x')
alter index i split at values (10)
