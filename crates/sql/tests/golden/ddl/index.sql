create table t (a int, b text, c int)
----
CREATE TABLE

insert into t values (1, 'x', 1), (2, 'y', 2), (2, 'z', 3), (null, 'n', null), (null, 'm', null)
----
INSERT 0 5

create index on t (a)
----
CREATE INDEX

create index on t (a)
----
CREATE INDEX

create index t_lower on t (lower(b))
----
CREATE INDEX

create unique index on t (a)
----
ERROR:  23505: could not create unique index "t_a_idx2"
DETAIL:  Key (a)=(2) is duplicated.

create unique index t_c on t (c)
----
CREATE INDEX

create unique index t_c on t (c)
----
ERROR:  42P07: relation "t_c" already exists

create unique index if not exists t_c on t (c)
----
NOTICE:  42P07: relation "t_c" already exists, skipping
CREATE INDEX

create unique index t_e on t ((a * 10))
----
ERROR:  23505: could not create unique index "t_e"
DETAIL:  Key ((a * 10))=(20) is duplicated.

create unique index t_p on t (a) where c > 2
----
CREATE INDEX

insert into t values (2, 'q', 9)
----
ERROR:  23505: duplicate key value violates unique constraint "t_p"
DETAIL:  Key (a)=(2) already exists.

insert into t values (5, 'q', 1)
----
ERROR:  23505: duplicate key value violates unique constraint "t_c"
DETAIL:  Key (c)=(1) already exists.

create index on t (a desc nulls last, b collate "C") include (c)
----
CREATE INDEX

create index on t (nosuch)
----
ERROR:  42703: column "nosuch" does not exist

create index on nosuch (a)
----
ERROR:  42P01: relation "nosuch" does not exist

create index on t ((a + nosuch))
----
ERROR:  42703: column "nosuch" does not exist

create index on t ((random()))
----
ERROR:  42P17: functions in index expression must be marked IMMUTABLE

create index on t (a) where random() > 0
----
ERROR:  42P17: functions in index predicate must be marked IMMUTABLE

create index on t ((count(a)))
----
ERROR:  42803: aggregate functions are not allowed in index expressions

create index on t using nosuch (a)
----
ERROR:  42704: access method "nosuch" does not exist

create index on t (a nosuch_ops)
----
ERROR:  42704: operator class "nosuch_ops" does not exist for access method "btree"

create index on t (b text_pattern_ops)
----
CREATE INDEX

create index on t (a text_ops)
----
ERROR:  42804: operator class "text_ops" does not accept data type integer

create index on t (a) include ((a + 1))
----
ERROR:  0A000: expressions are not supported in included columns

create index concurrently t_conc on t (a)
----
CREATE INDEX

begin
----
BEGIN

create index concurrently t_conc2 on t (a)
----
ERROR:  25001: CREATE INDEX CONCURRENTLY cannot run inside a transaction block

rollback
----
ROLLBACK

alter index t_c rename to t_cc
----
ALTER INDEX

alter index t_cc rename to t
----
ERROR:  42P07: relation "t" already exists

alter index nosuch rename to x
----
ERROR:  42P01: relation "nosuch" does not exist

alter index if exists nosuch rename to x
----
NOTICE:  00000: relation "nosuch" does not exist, skipping
ALTER INDEX

comment on index t_cc is 'x'
----
COMMENT

comment on index t is 'x'
----
ERROR:  42809: "t" is not an index

reindex index t_cc
----
REINDEX

reindex table t
----
REINDEX

reindex table nosuch
----
ERROR:  42P01: relation "nosuch" does not exist

insert into t values (6, 'q', 1)
----
ERROR:  23505: duplicate key value violates unique constraint "t_cc"
DETAIL:  Key (c)=(1) already exists.

select a, c from t where c = 1
----
1|1

drop index t_cc
----
DROP INDEX

insert into t values (6, 'q', 1)
----
INSERT 0 1

create unique index u on t (c) nulls not distinct
----
ERROR:  23505: could not create unique index "u"
DETAIL:  Key (c)=(null) is duplicated.

delete from t where c = 1 and a = 6
----
DELETE 1

create unique index u on t (c) nulls not distinct
----
ERROR:  23505: could not create unique index "u"
DETAIL:  Key (c)=(null) is duplicated.

create unique index u on t (c)
----
CREATE INDEX

alter table t add constraint tu unique using index u
----
NOTICE:  00000: ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index "u" to "tu"
ALTER TABLE

alter table t add constraint tu2 unique using index t_lower
----
ERROR:  42809: "t_lower" is not a unique index
DETAIL:  Cannot create a primary key or unique constraint using such an index.

alter table t add constraint tu2 unique using index nosuch
----
ERROR:  42704: index "nosuch" does not exist

drop index tu
----
ERROR:  2BP01: cannot drop index tu because constraint tu on table t requires it
HINT:  You can drop constraint tu on table t instead.

alter table t drop constraint tu
----
ALTER TABLE

create table j (a json, b jsonb, c int[])
----
CREATE TABLE

create index on j (a)
----
ERROR:  42704: data type json has no default operator class for access method "btree"
HINT:  You must specify an operator class for the index or define a default operator class for the data type.

create index on j (b)
----
CREATE INDEX
atoll
ERROR:  0A000: an index on type jsonb is not supported

create index on j (c)
----
CREATE INDEX

create view v as select * from t
----
CREATE VIEW

create index on v (a)
----
ERROR:  42809: cannot create index on relation "v"
DETAIL:  This operation is not supported for views.

create index x on t (a) with (fillfactor = 70)
----
CREATE INDEX

create index y on t (a) with (nosuch = 70)
----
ERROR:  22023: unrecognized parameter "nosuch"
