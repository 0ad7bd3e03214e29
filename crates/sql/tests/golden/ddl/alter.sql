create table t (a int primary key, b text, c int)
----
CREATE TABLE

insert into t values (1, 'one', 10), (2, 'two', 20), (3, 'three', null)
----
INSERT 0 3

alter table t add column d int
----
ALTER TABLE

alter table t add column d int
----
ERROR:  42701: column "d" of relation "t" already exists

alter table t add column if not exists d int
----
NOTICE:  42701: column "d" of relation "t" already exists, skipping
ALTER TABLE

alter table t add column e int default 5
----
ALTER TABLE

alter table t add column f int not null default 6
----
ALTER TABLE

alter table t add column g int not null
----
ERROR:  23502: column "g" of relation "t" contains null values

alter table t add column h serial
----
ALTER TABLE

alter table t add column i int generated always as (a + 1) stored
----
ALTER TABLE

alter table t add column j int check (j is null or j > 0) default 1
----
ALTER TABLE

select * from t order by a
----
1|one|10||5|6|1|2|1
2|two|20||5|6|2|3|1
3|three|||5|6|3|4|1

insert into t (a) values (4)
----
INSERT 0 1

select a, e, f, h, i, j from t order by a
----
1|5|6|1|2|1
2|5|6|2|3|1
3|5|6|3|4|1
4|5|6|4|5|1

alter table t drop column e
----
ALTER TABLE

alter table t drop column e
----
ERROR:  42703: column "e" of relation "t" does not exist

alter table t drop column if exists e
----
NOTICE:  00000: column "e" of relation "t" does not exist, skipping
ALTER TABLE

alter table t drop column nosuch
----
ERROR:  42703: column "nosuch" of relation "t" does not exist

select * from t order by a
----
1|one|10||6|1|2|1
2|two|20||6|2|3|1
3|three|||6|3|4|1
4||||6|4|5|1

alter table t alter column c set not null
----
ERROR:  23502: column "c" of relation "t" contains null values

update t set c = 0 where c is null
----
UPDATE 2

alter table t alter column c set not null
----
ALTER TABLE

insert into t (a, c) values (9, null)
----
ERROR:  23502: null value in column "c" of relation "t" violates not-null constraint
DETAIL:  Failing row contains (9, null, null, null, 6, 5, 10, 1).

alter table t alter column c drop not null
----
ALTER TABLE

alter table t alter column a drop not null
----
ERROR:  42P16: column "a" is in a primary key

alter table t alter column c set default 99
----
ALTER TABLE

insert into t (a) values (5)
----
INSERT 0 1

alter table t alter column c drop default
----
ALTER TABLE

insert into t (a) values (6)
----
INSERT 0 1

select a, c from t order by a
----
1|10
2|20
3|0
4|0
5|99
6|

alter table t alter column c set default 'x'
----
ERROR:  22P02: invalid input syntax for type integer: "x"

alter table t alter column i set default 5
----
ERROR:  42601: column "i" of relation "t" is a generated column

alter table t alter column i drop expression
----
ALTER TABLE

alter table t alter column i drop expression
----
ERROR:  55000: column "i" of relation "t" is not a stored generated column

alter table t alter column i drop expression if exists
----
NOTICE:  00000: column "i" of relation "t" is not a stored generated column, skipping
ALTER TABLE

alter table t alter column c type text
----
ALTER TABLE

select c from t order by a
----
10
20
0
0
99

alter table t alter column c type int
----
ERROR:  42804: column "c" cannot be cast automatically to type integer
HINT:  You might need to specify "USING c::integer".

alter table t alter column c type int using c::int
----
ALTER TABLE

select c + 1 from t order by a
----
11
21
1
1
100

alter table t alter column b type int using b::int
----
ERROR:  22P02: invalid input syntax for type integer: "one"

alter table t alter column b type varchar(3)
----
ERROR:  22001: value too long for type character varying(3)

update t set b = 'abc' where b is not null
----
UPDATE 3

alter table t alter column b type varchar(3)
----
ALTER TABLE

alter table t alter column nosuch type int
----
ERROR:  42703: column "nosuch" of relation "t" does not exist

alter table t alter column a type bigint
----
ALTER TABLE

insert into t (a) values (5000000000)
----
INSERT 0 1

select a from t where a > 100
----
5000000000

insert into t (a) values (1)
----
ERROR:  23505: duplicate key value violates unique constraint "t_pkey"
DETAIL:  Key (a)=(1) already exists.

alter table t rename column b to bb
----
ALTER TABLE

alter table t rename column b to bbb
----
ERROR:  42703: column "b" does not exist

alter table t rename column bb to c
----
ERROR:  42701: column "c" of relation "t" already exists

select bb from t where a = 1
----
abc

alter table t rename to tt
----
ALTER TABLE

select count(*) from t
----
ERROR:  42P01: relation "t" does not exist

select count(*) from tt
----
7

alter table tt rename to t
----
ALTER TABLE

alter table nosuch rename to x
----
ERROR:  42P01: relation "nosuch" does not exist

alter table if exists nosuch rename to x
----
NOTICE:  00000: relation "nosuch" does not exist, skipping
ALTER TABLE

alter table t rename to t
----
ERROR:  42P07: relation "t" already exists

alter table nosuch add column a int
----
ERROR:  42P01: relation "nosuch" does not exist

alter table if exists nosuch add column a int
----
NOTICE:  00000: relation "nosuch" does not exist, skipping
ALTER TABLE

alter table t add constraint c_pos check (c >= 0)
----
ALTER TABLE

alter table t add constraint c_big check (c > 1000)
----
ERROR:  23514: check constraint "c_big" of relation "t" is violated by some row

alter table t add constraint c_pos check (c >= 0)
----
ERROR:  42710: constraint "c_pos" for relation "t" already exists

alter table t add check (c < 1000000)
----
ALTER TABLE

insert into t (a, c) values (7, -1)
----
ERROR:  23514: new row for relation "t" violates check constraint "c_pos"
DETAIL:  Failing row contains (7, null, -1, null, 6, 10, null, 1).

insert into t (a, c) values (7, 2000000)
----
ERROR:  23514: new row for relation "t" violates check constraint "t_c_check"
DETAIL:  Failing row contains (7, null, 2000000, null, 6, 11, null, 1).

alter table t drop constraint c_pos
----
ALTER TABLE

alter table t drop constraint c_pos
----
ERROR:  42704: constraint "c_pos" of relation "t" does not exist

alter table t drop constraint if exists c_pos
----
NOTICE:  00000: constraint "c_pos" of relation "t" does not exist, skipping
ALTER TABLE

alter table t add constraint late check (c > 1000) not valid
----
ALTER TABLE

insert into t (a, c) values (7, 5)
----
ERROR:  23514: new row for relation "t" violates check constraint "late"
DETAIL:  Failing row contains (7, null, 5, null, 6, 12, null, 1).

alter table t validate constraint late
----
ERROR:  23514: check constraint "late" of relation "t" is violated by some row

alter table t validate constraint nosuch
----
ERROR:  42704: constraint "nosuch" of relation "t" does not exist

alter table t drop constraint late
----
ALTER TABLE

alter table t add unique (c)
----
ERROR:  23505: could not create unique index "t_c_key"
DETAIL:  Key (c)=(0) is duplicated.

alter table t add unique (a, c)
----
ALTER TABLE

insert into t (a, c) values (5, 99)
----
ERROR:  23505: duplicate key value violates unique constraint "t_pkey"
DETAIL:  Key (a)=(5) already exists.

alter table t add primary key (c)
----
ERROR:  42P16: multiple primary keys for table "t" are not allowed

alter table t rename constraint t_a_c_key to renamed
----
ALTER TABLE

alter table t rename constraint nosuch to renamed2
----
ERROR:  42704: constraint "nosuch" for table "t" does not exist

alter table t drop constraint renamed
----
ALTER TABLE

alter table t drop constraint t_pkey
----
ALTER TABLE

insert into t (a) values (1)
----
INSERT 0 1

select count(*) from t where a = 1
----
2

alter table t add primary key (a)
----
ERROR:  23505: could not create unique index "t_pkey"
DETAIL:  Key (a)=(1) is duplicated.

delete from t where a = 1
----
DELETE 2

alter table t add primary key (a)
----
ALTER TABLE

insert into t (a) values (2)
----
ERROR:  23505: duplicate key value violates unique constraint "t_pkey"
DETAIL:  Key (a)=(2) already exists.

create table p (id int primary key)
----
CREATE TABLE

insert into p values (1)
----
INSERT 0 1

alter table t add column p int default 1 references p
----
ALTER TABLE

select distinct p from t
----
1

update t set p = 2
----
ERROR:  23503: insert or update on table "t" violates foreign key constraint "t_p_fkey"
DETAIL:  Key (p)=(2) is not present in table "p".

alter table t drop constraint t_p_fkey
----
ALTER TABLE

update t set p = 2
----
UPDATE 6

alter table t add foreign key (p) references p
----
ERROR:  23503: insert or update on table "t" violates foreign key constraint "t_p_fkey"
DETAIL:  Key (p)=(2) is not present in table "p".

alter table t add constraint pf foreign key (p) references p not valid
----
ALTER TABLE

alter table t validate constraint pf
----
ERROR:  23503: insert or update on table "t" violates foreign key constraint "pf"
DETAIL:  Key (p)=(2) is not present in table "p".

update t set p = 1
----
UPDATE 6

alter table t validate constraint pf
----
ALTER TABLE

alter table t alter constraint pf deferrable initially deferred
----
ALTER TABLE

alter table t alter constraint t_pkey deferrable
----
ERROR:  42809: constraint "t_pkey" of relation "t" is not a foreign key constraint

begin
----
BEGIN

update t set p = 5
----
UPDATE 6

commit
----
ERROR:  23503: insert or update on table "t" violates foreign key constraint "pf"
DETAIL:  Key (p)=(5) is not present in table "p".

drop table p
----
ERROR:  2BP01: cannot drop table p because other objects depend on it
DETAIL:  constraint pf on table t depends on table p
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

drop table p cascade
----
NOTICE:  00000: drop cascades to constraint pf on table t
DROP TABLE

update t set p = 5
----
UPDATE 6

create table nopk (a int, b int)
----
CREATE TABLE

insert into nopk values (1, 1), (2, 2), (2, 3)
----
INSERT 0 3

alter table nopk add primary key (a)
----
ERROR:  23505: could not create unique index "nopk_pkey"
DETAIL:  Key (a)=(2) is duplicated.

delete from nopk where b = 3
----
DELETE 1

alter table nopk add primary key (a)
----
ALTER TABLE

insert into nopk values (2, 5)
----
ERROR:  23505: duplicate key value violates unique constraint "nopk_pkey"
DETAIL:  Key (a)=(2) already exists.

insert into nopk values (null, 5)
----
ERROR:  23502: null value in column "a" of relation "nopk" violates not-null constraint
DETAIL:  Failing row contains (null, 5).

select * from nopk order by a
----
1|1
2|2

create table id (a int not null, b int)
----
CREATE TABLE

alter table id alter column a add generated by default as identity
----
ALTER TABLE

alter table id alter column b add generated always as identity
----
ERROR:  55000: column "b" of relation "id" must be declared NOT NULL before identity can be added

alter table id alter column a add generated always as identity
----
ERROR:  55000: column "a" of relation "id" is already an identity column

insert into id (b) values (1), (2)
----
INSERT 0 2

alter table id alter column a set generated always
----
ALTER TABLE

insert into id values (7, 7)
----
ERROR:  428C9: cannot insert a non-DEFAULT value into column "a"
DETAIL:  Column "a" is an identity column defined as GENERATED ALWAYS.
HINT:  Use OVERRIDING SYSTEM VALUE to override.

alter table id alter column a restart with 100
----
ALTER TABLE

insert into id (b) values (3)
----
INSERT 0 1

alter table id alter column a drop identity
----
ALTER TABLE

alter table id alter column a drop identity
----
ERROR:  55000: column "a" of relation "id" is not an identity column

alter table id alter column a drop identity if exists
----
NOTICE:  00000: column "a" of relation "id" is not an identity column, skipping
ALTER TABLE

insert into id values (8, 8)
----
INSERT 0 1

select * from id order by a
----
1|1
2|2
8|8
100|3

alter table id add column c int, drop column b, add column b text default 'new'
----
ALTER TABLE

select * from id order by a
----
1||new
2||new
8||new
100||new

alter table t owner to nosuch
----
ERROR:  42704: role "nosuch" does not exist

alter table t set schema nosuch
----
ERROR:  3F000: schema "nosuch" does not exist

create schema other
----
CREATE SCHEMA

alter table t set schema other
----
ALTER TABLE

select count(*) from t
----
ERROR:  42P01: relation "t" does not exist

select count(*) from other.t where a = 2
----
1

alter table other.t set schema public
----
ALTER TABLE

alter table t set (fillfactor = 50)
----
ALTER TABLE

alter table t set (nosuch = 50)
----
ERROR:  22023: unrecognized parameter "nosuch"

alter table t reset (fillfactor)
----
ALTER TABLE

alter table t set unlogged
----
ALTER TABLE

alter table t set logged
----
ALTER TABLE

alter table t disable trigger user
----
ALTER TABLE

alter table t cluster on nosuch
----
ERROR:  42704: index "nosuch" for table "t" does not exist
atoll
ERROR:  0A000: CLUSTER ON is not supported

create view v as select a from t
----
CREATE VIEW

alter table t alter column a type int using 1
----
ERROR:  0A000: cannot alter type of a column used by a view or rule
DETAIL:  rule _RETURN on view v depends on column "a"

alter table v add column b int
----
ERROR:  42809: ALTER action ADD COLUMN cannot be performed on relation "v"
DETAIL:  This operation is not supported for views.

alter view t rename to x
----
ERROR:  42809: "t" is not a view

alter table t add column xmin int
----
ERROR:  42701: column name "xmin" conflicts with a system column name

alter table t alter column a set statistics 100
----
ALTER TABLE

alter table t alter column a set statistics -5
----
ERROR:  22023: statistics target -5 is too low

create table big (a int)
----
CREATE TABLE

insert into big select g from generate_series(1, 2000) g
----
INSERT 0 2000

alter table big add column b int default 7
----
ALTER TABLE

alter table big add column c text default 'x' not null
----
ALTER TABLE

alter table big alter column a type text using 'n' || a
----
ALTER TABLE

select count(*), min(a), max(a), sum(b), min(c) from big
----
2000|n1|n999|14000|x

alter table big add constraint u unique (a)
----
ALTER TABLE

insert into big values ('n5')
----
ERROR:  23505: duplicate key value violates unique constraint "u"
DETAIL:  Key (a)=(n5) already exists.
