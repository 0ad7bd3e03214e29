create table t (a int primary key, b text, c int)
----
CREATE TABLE

insert into t values (1, 'one', 1), (2, 'two', 2)
----
INSERT 0 2

create view v as select * from t
----
CREATE VIEW

select * from v order by a
----
1|one|1
2|two|2

alter table t add column d int default 4
----
ALTER TABLE

select * from v order by a
----
1|one|1
2|two|2

create view v as select 1
----
ERROR:  42P07: relation "v" already exists

create or replace view v as select a, b, c, d from t
----
CREATE VIEW

select * from v order by a
----
1|one|1|4
2|two|2|4

create or replace view v as select a, b from t
----
ERROR:  42P16: cannot drop columns from view

create or replace view v as select a as z, b, c, d from t
----
ERROR:  42P16: cannot change name of view column "a" to "z"
HINT:  Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.

create or replace view v as select a::text as a, b, c, d from t
----
ERROR:  42P16: cannot change data type of view column "a" from integer to text

create or replace view t as select 1
----
ERROR:  42809: "t" is not a view

create view n (x, y) as select a, b from t
----
CREATE VIEW

select x from n order by x
----
1
2

create view n2 (x, y, z) as select a, b from t
----
ERROR:  42601: CREATE VIEW specifies more column names than columns

create view n2 as select 1, 2
----
ERROR:  42701: column "?column?" specified more than once

create view n2 as select nosuch from t
----
ERROR:  42703: column "nosuch" does not exist

create view n2 as select * from nosuch
----
ERROR:  42P01: relation "nosuch" does not exist

create view n2 as select 1 as a into x
----
ERROR:  0A000: views must not contain SELECT INTO

create view joined as select t.*, n.x from t join n on n.x = t.a where t.c > 0
----
CREATE VIEW

select * from joined order by a
----
1|one|1|4|1
2|two|2|4|2

create view agg as select c, count(*) as n, max(b) from t group by c having count(*) > 0 order by c
----
CREATE VIEW

select * from agg
----
1|1|one
2|1|two

create view un as select a from t union all select x from n
----
CREATE VIEW

select * from un order by a
----
1
1
2
2

create view sub as select (select max(a) from t) as m, exists (select 1 from n) as e
----
CREATE VIEW

select * from sub
----
2|t

create view cte as with q as (select a from t) select * from q
----
CREATE VIEW

select * from cte order by a
----
1
2

alter table t rename column b to bb
----
ALTER TABLE

select * from v order by a
----
1|one|1|4
2|two|2|4

select b from n2
----
ERROR:  42P01: relation "n2" does not exist

select x, y from n order by x
----
1|one
2|two

alter table t rename to t2
----
ALTER TABLE

select * from v order by a
----
1|one|1|4
2|two|2|4

select * from joined order by a
----
1|one|1|4|1
2|two|2|4|2

alter view v rename to vv
----
ALTER VIEW

select a from vv order by a
----
1
2

alter view vv rename column a to aa
----
ALTER VIEW

select aa from vv order by aa
----
1
2

create schema s
----
CREATE SCHEMA

alter table t2 set schema s
----
ALTER TABLE

select aa from vv order by aa
----
1
2

alter schema s rename to s2
----
ALTER SCHEMA

select aa from vv order by aa
----
1
2

alter table s2.t2 drop column c
----
ERROR:  2BP01: cannot drop column c of table s2.t2 because other objects depend on it
DETAIL:  view vv depends on column c of table s2.t2
view joined depends on column c of table s2.t2
view agg depends on column c of table s2.t2
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

alter table s2.t2 add column e int
----
ALTER TABLE

alter table s2.t2 drop column e
----
ALTER TABLE

select aa, b from vv order by aa
----
1|one
2|two

drop table s2.t2
----
ERROR:  2BP01: cannot drop table s2.t2 because other objects depend on it
DETAIL:  view vv depends on table s2.t2
view n depends on table s2.t2
view joined depends on table s2.t2
view agg depends on table s2.t2
view un depends on table s2.t2
view sub depends on table s2.t2
view cte depends on table s2.t2
HINT:  Use DROP ... CASCADE to drop the dependent objects too.
atoll
ERROR:  2BP01: cannot drop table s2.t2 because other objects depend on it
DETAIL:  view vv depends on table s2.t2
view n depends on table s2.t2
view joined depends on view n
view un depends on view n
view sub depends on view n
view agg depends on table s2.t2
view cte depends on table s2.t2
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

insert into vv values (1)
----
ERROR:  23505: duplicate key value violates unique constraint "t_pkey"
DETAIL:  Key (a)=(1) already exists.

create materialized view m as select a, bb from s2.t2
----
SELECT 2
atoll

select * from m order by a
----
1|one
2|two

insert into s2.t2 (a, bb) values (3, 'three')
----
INSERT 0 1

select count(*) from m
----
2

refresh materialized view m
----
REFRESH MATERIALIZED VIEW

select count(*) from m
----
3

create unique index on m (a)
----
CREATE INDEX

refresh materialized view m
----
REFRESH MATERIALIZED VIEW

refresh materialized view vv
----
ERROR:  42809: "vv" is not a table or materialized view

refresh materialized view nosuch
----
ERROR:  42P01: relation "nosuch" does not exist

create materialized view m2 as select 1 as one with no data
----
CREATE MATERIALIZED VIEW

refresh materialized view m2
----
REFRESH MATERIALIZED VIEW

select * from m2
----
1

create materialized view m as select 1
----
ERROR:  42P07: relation "m" already exists

create materialized view if not exists m as select 1
----
NOTICE:  42P07: relation "m" already exists, skipping
CREATE MATERIALIZED VIEW

drop view m
----
ERROR:  42809: "m" is not a view
HINT:  Use DROP MATERIALIZED VIEW to remove a materialized view.

drop materialized view m
----
DROP MATERIALIZED VIEW

create type mood as enum ('sad', 'ok')
----
CREATE TYPE

create view moods as select 'sad'::mood as m
----
CREATE VIEW

alter type mood rename to feeling
----
ALTER TYPE

select * from moods
----
sad

create recursive view nums (n) as values (1) union all select n + 1 from nums where n < 3
----
CREATE VIEW

select * from nums
----
1
2
3

create temp view tv as select 1
----
CREATE VIEW
atoll
ERROR:  0A000: CREATE TEMPORARY VIEW is not supported

create table shelf (a int primary key, b text default 'base', c int)
----
CREATE TABLE

create view shelved as select a, upper(b) as loud, b, c from shelf where c > 0 with check option
----
CREATE VIEW

insert into shelved (a, c) values (1, 0)
----
ERROR:  44000: new row violates check option for view "shelved"
DETAIL:  Failing row contains (1, base, 0).

insert into shelved (a, c) values (1, 1) returning *
----
1|BASE|base|1
INSERT 0 1

insert into shelved (a, loud) values (2, 'X')
----
ERROR:  0A000: cannot insert into column "loud" of view "shelved"
DETAIL:  View columns that are not columns of their base relation are not updatable.

update shelved set loud = 'x'
----
ERROR:  0A000: cannot update column "loud" of view "shelved"
DETAIL:  View columns that are not columns of their base relation are not updatable.

update shelved set c = null
----
ERROR:  44000: new row violates check option for view "shelved"
DETAIL:  Failing row contains (1, base, null).

create view counted as select b, count(*) from shelf group by b
----
CREATE VIEW

insert into counted (b) values ('x')
----
ERROR:  55000: cannot insert into view "counted"
DETAIL:  Views containing GROUP BY are not automatically updatable.
HINT:  To enable inserting into the view, provide an INSTEAD OF INSERT trigger or an unconditional ON INSERT DO INSTEAD rule.

update counted set b = 'x'
----
ERROR:  55000: cannot update view "counted"
DETAIL:  Views containing GROUP BY are not automatically updatable.
HINT:  To enable updating the view, provide an INSTEAD OF UPDATE trigger or an unconditional ON UPDATE DO INSTEAD rule.

delete from counted
----
ERROR:  55000: cannot delete from view "counted"
DETAIL:  Views containing GROUP BY are not automatically updatable.
HINT:  To enable deleting from the view, provide an INSTEAD OF DELETE trigger or an unconditional ON DELETE DO INSTEAD rule.

create view constants as select 1 as one from shelf
----
CREATE VIEW

update constants set one = 2
----
ERROR:  55000: cannot update view "constants"
DETAIL:  Views that have no updatable columns are not automatically updatable.
HINT:  To enable updating the view, provide an INSTEAD OF UPDATE trigger or an unconditional ON UPDATE DO INSTEAD rule.

create view refused as select distinct a from shelf with check option
----
ERROR:  0A000: WITH CHECK OPTION is supported only on automatically updatable views
HINT:  Views containing DISTINCT are not automatically updatable.

create view refused with (check_option = 1) as select a from shelf
----
ERROR:  22023: invalid value for enum option "check_option": 1
DETAIL:  Valid values are "local" and "cascaded".

alter view shelved set (check_option = local)
----
ALTER VIEW

select relname, reloptions from pg_class where relname = 'shelved'
----
shelved|{check_option=local}

alter view shelved reset (check_option)
----
ALTER VIEW

select relname, reloptions from pg_class where relname = 'shelved'
----
shelved|

delete from shelved where loud = 'BASE' returning a
----
1
DELETE 1
