create table t (a int primary key, b text not null default 'x', c int unique check (c > 0))
----
CREATE TABLE

insert into t values (1, 'y', 1), (2, default, null)
----
INSERT 0 2

select a, b, c from t order by a
----
1|y|1
2|x|

insert into t values (1, 'z', 5)
----
ERROR:  23505: duplicate key value violates unique constraint "t_pkey"
DETAIL:  Key (a)=(1) already exists.

insert into t values (3, 'z', 1)
----
ERROR:  23505: duplicate key value violates unique constraint "t_c_key"
DETAIL:  Key (c)=(1) already exists.

insert into t values (3, 'z', -1)
----
ERROR:  23514: new row for relation "t" violates check constraint "t_c_check"
DETAIL:  Failing row contains (3, z, -1).

insert into t values (3, null, 7)
----
ERROR:  23502: null value in column "b" of relation "t" violates not-null constraint
DETAIL:  Failing row contains (3, null, 7).

create table t (a int)
----
ERROR:  42P07: relation "t" already exists

create table if not exists t (a int)
----
NOTICE:  42P07: relation "t" already exists, skipping
CREATE TABLE

create table a1 (a int, a text)
----
ERROR:  42701: column "a" specified more than once

create table a1 (a nosuch)
----
ERROR:  42704: type "nosuch" does not exist

create table a1 (a int primary key, b int primary key)
----
ERROR:  42P16: multiple primary keys for table "a1" are not allowed

create table a1 (a int primary key, primary key (a))
----
ERROR:  42P16: multiple primary keys for table "a1" are not allowed

create table a1 (primary key (b))
----
ERROR:  42703: column "b" named in key does not exist

create table a1 (a int, unique (a, a))
----
ERROR:  42701: column "a" appears twice in unique constraint

create table a1 (a int not null null)
----
ERROR:  42601: conflicting NULL/NOT NULL declarations for column "a" of table "a1"

create table a1 (a int default 1 default 2)
----
ERROR:  42601: multiple default values specified for column "a" of table "a1"

create table a1 (a int default b, b int)
----
ERROR:  0A000: cannot use column reference in DEFAULT expression

create table a1 (a int default 'x')
----
ERROR:  22P02: invalid input syntax for type integer: "x"

create table a1 (a int default now())
----
ERROR:  42804: column "a" is of type integer but default expression is of type timestamp with time zone
HINT:  You will need to rewrite or cast the expression.

create table a1 (a serial null)
----
ERROR:  42601: conflicting NULL/NOT NULL declarations for column "a" of table "a1"

create table a1 (a int check (b > 0))
----
ERROR:  42703: column "b" does not exist

create table a1 (a int check (a))
----
ERROR:  42804: argument of CHECK must be type boolean, not type integer

create table a1 (a int check ((select 1) > 0))
----
ERROR:  0A000: cannot use subquery in check constraint

create table a1 (a int, b int generated always as (c) stored)
----
ERROR:  42703: column "c" does not exist

create table a1 (a int, b int generated always as (b) stored)
----
ERROR:  42P17: cannot use generated column "b" in column generation expression
DETAIL:  A generated column cannot reference another generated column.

create table a1 (a int generated always as identity default 5)
----
ERROR:  42601: both default and identity specified for column "a" of table "a1"

create table a1 (a text generated always as identity)
----
ERROR:  22023: identity column type must be smallint, integer, or bigint

create table a1 (xmin int)
----
ERROR:  42701: column name "xmin" conflicts with a system column name

create table a1 (a anyelement)
----
ERROR:  42P16: column "a" has pseudo-type anyelement

create table a1 (a int) with (nosuch = 1)
----
ERROR:  22023: unrecognized parameter "nosuch"

create table a1 (a int) with (fillfactor = 5)
----
ERROR:  22023: value 5 out of bounds for option "fillfactor"
DETAIL:  Valid values are between "10" and "100".

create table a1 (a json unique)
----
ERROR:  42704: data type json has no default operator class for access method "btree"
HINT:  You must specify an operator class for the index or define a default operator class for the data type.

create table nosuch.a1 (a int)
----
ERROR:  3F000: schema "nosuch" does not exist

create table pg_catalog.a1 (a int)
----
ERROR:  42501: permission denied to create "pg_catalog.a1"
DETAIL:  System catalog modifications are currently disallowed.

create table s (id serial primary key, v text)
----
CREATE TABLE

insert into s (v) values ('a'), ('b')
----
INSERT 0 2

select id, v from s order by id
----
1|a
2|b

select nextval('s_id_seq'), currval('s_id_seq'), lastval()
----
3|3|3

create table i (id int generated always as identity, v int)
----
CREATE TABLE

insert into i (v) values (1)
----
INSERT 0 1

insert into i (id, v) values (5, 2)
----
ERROR:  428C9: cannot insert a non-DEFAULT value into column "id"
DETAIL:  Column "id" is an identity column defined as GENERATED ALWAYS.
HINT:  Use OVERRIDING SYSTEM VALUE to override.

insert into i (id, v) overriding system value values (5, 2)
----
INSERT 0 1

select * from i order by id
----
1|1
5|2

create table g (a int, b int generated always as (a * 2) stored)
----
CREATE TABLE

insert into g values (2)
----
INSERT 0 1

insert into g (a, b) values (1, 1)
----
ERROR:  428C9: cannot insert a non-DEFAULT value into column "b"
DETAIL:  Column "b" is a generated column.

select * from g
----
2|4

create table f1 (a int references t, b int, foreign key (b) references t (c))
----
CREATE TABLE

create table f2 (a text references t)
----
ERROR:  42804: foreign key constraint "f2_a_fkey" cannot be implemented
DETAIL:  Key columns "a" and "a" are of incompatible types: text and integer.

create table f2 (a int references t (b))
----
ERROR:  42830: there is no unique constraint matching given keys for referenced table "t"

create table f2 (a int references nosuch)
----
ERROR:  42P01: relation "nosuch" does not exist

create table f2 (a int references t (a, c))
----
ERROR:  42830: there is no unique constraint matching given keys for referenced table "t"

create table f2 (a int, b int, foreign key (a, b) references t)
----
ERROR:  42830: number of referencing and referenced columns for foreign key disagree

create table f2 (a int, foreign key (z) references t)
----
ERROR:  42703: column "z" referenced in foreign key constraint does not exist

insert into f1 values (1, 1)
----
INSERT 0 1

insert into f1 values (77, 1)
----
ERROR:  23503: insert or update on table "f1" violates foreign key constraint "f1_a_fkey"
DETAIL:  Key (a)=(77) is not present in table "t".

delete from t where a = 1
----
ERROR:  23503: update or delete on table "t" violates foreign key constraint "f1_a_fkey" on table "f1"
DETAIL:  Key (a)=(1) is still referenced from table "f1".

create table self (a int primary key, b int references self)
----
CREATE TABLE

insert into self values (1, 1), (2, 1)
----
INSERT 0 2

insert into self values (3, 4)
----
ERROR:  23503: insert or update on table "self" violates foreign key constraint "self_b_fkey"
DETAIL:  Key (b)=(4) is not present in table "self".

create table l1 (like t including all)
----
CREATE TABLE

insert into l1 values (1)
----
INSERT 0 1

insert into l1 values (2, 'x', -1)
----
ERROR:  23514: new row for relation "l1" violates check constraint "t_c_check"
DETAIL:  Failing row contains (2, x, -1).

insert into l1 values (1, 'x', 1)
----
ERROR:  23505: duplicate key value violates unique constraint "l1_pkey"
DETAIL:  Key (a)=(1) already exists.

create table l2 (like t, z int)
----
CREATE TABLE

insert into l2 values (1, 'x', -1, 5)
----
INSERT 0 1

select * from l2
----
1|x|-1|5

create table l3 (like nosuch)
----
ERROR:  42P01: relation "nosuch" does not exist

create table u (a int, b int, constraint foo check (a > b), check (a > 0), check (a < b + 100))
----
CREATE TABLE

insert into u values (1, 2)
----
ERROR:  23514: new row for relation "u" violates check constraint "foo"
DETAIL:  Failing row contains (1, 2).

insert into u values (0, -1)
----
ERROR:  23514: new row for relation "u" violates check constraint "u_a_check"
DETAIL:  Failing row contains (0, -1).

insert into u values (300, 1)
----
ERROR:  23514: new row for relation "u" violates check constraint "u_check"
DETAIL:  Failing row contains (300, 1).

create table empty ()
----
CREATE TABLE

select count(*) from empty
----
0

drop table empty, u
----
DROP TABLE

begin
----
BEGIN

create table rolled (a int primary key)
----
CREATE TABLE

insert into rolled values (1)
----
INSERT 0 1

select * from rolled
----
1

rollback
----
ROLLBACK

select * from rolled
----
ERROR:  42P01: relation "rolled" does not exist

begin
----
BEGIN

create table kept (a serial, b int)
----
CREATE TABLE

insert into kept (b) values (1), (2)
----
INSERT 0 2

savepoint one
----
SAVEPOINT

create table lost (a int)
----
CREATE TABLE

alter table kept add column c int default 7
----
ALTER TABLE

rollback to one
----
ROLLBACK

select * from lost
----
ERROR:  42P01: relation "lost" does not exist

rollback to one
----
ROLLBACK

select * from kept order by a
----
1|1
2|2

commit
----
COMMIT

select * from kept order by a
----
1|1
2|2

create table copied as select a, b from t
----
SELECT 2
atoll

select * from copied order by a
----
1|y
2|x

create table copied as select 1
----
ERROR:  42P07: relation "copied" already exists

create table if not exists copied as select 1
----
NOTICE:  42P07: relation "copied" already exists, skipping
CREATE TABLE AS

create table named (x, y) as select 1, 'two'
----
SELECT 1
atoll

create table named2 (x, y, z) as select 1, 2
----
ERROR:  42601: too many column names were specified

create table nodata as select * from t with no data
----
CREATE TABLE AS

select count(*) from nodata
----
0

select a as k into into1 from t
----
SELECT 2
atoll

select * from into1 order by k
----
1
2

create table dup as select 1 as a, 2 as a
----
ERROR:  42701: column "a" specified more than once

comment on table t is 'a table'
----
COMMENT

comment on column t.a is 'a column'
----
COMMENT

comment on column t.zz is 'x'
----
ERROR:  42703: column "zz" of relation "t" does not exist

comment on constraint t_c_check on t is 'c'
----
COMMENT

comment on constraint zz on t is 'c'
----
ERROR:  42704: constraint "zz" for table "t" does not exist

comment on table nosuch is 'x'
----
ERROR:  42P01: relation "nosuch" does not exist

comment on view t is 'x'
----
ERROR:  42809: "t" is not a view

truncate t
----
ERROR:  0A000: cannot truncate a table referenced in a foreign key constraint
DETAIL:  Table "f1" references "t".
HINT:  Truncate table "f1" at the same time, or use TRUNCATE ... CASCADE.

truncate t, f1
----
TRUNCATE TABLE

select count(*) from t
----
0

truncate s restart identity
----
TRUNCATE TABLE

insert into s (v) values ('c')
----
INSERT 0 1

select id, v from s order by id
----
1|c

truncate nosuch
----
ERROR:  42P01: relation "nosuch" does not exist

truncate t cascade
----
NOTICE:  00000: truncate cascades to table "f1"
TRUNCATE TABLE

create table e1 (a int, b varchar(3), c numeric(4,2), d char(2), e timestamp(3))
----
CREATE TABLE

insert into e1 values (1, 'abcd', 1, 'a', now())
----
ERROR:  22001: value too long for type character varying(3)

insert into e1 values (1, 'abc', 123, 'a', now())
----
ERROR:  22003: numeric field overflow
DETAIL:  A field with precision 4, scale 2 must round to an absolute value less than 10^2.

create table neg (a int default -1, b text default 'it''s', c bool default true, d numeric default 1.50)
----
CREATE TABLE

insert into neg default values
----
INSERT 0 1

select * from neg
----
-1|it's|t|1.50
