create type mood as enum ('sad', 'ok', 'happy')
----
CREATE TYPE

create type mood as enum ('x')
----
ERROR:  42710: type "mood" already exists

create type bad as enum ('a', 'b', 'a')
----
ERROR:  23505: duplicate key value violates unique constraint "pg_enum_typid_label_index"
DETAIL:  Key (enumtypid, enumlabel)=(17436, a) already exists.
atoll
ERROR:  23505: duplicate key value violates unique constraint "pg_enum_typid_label_index"
DETAIL:  Key (enumtypid, enumlabel)=(16389, a) already exists.

create type empty as enum ()
----
CREATE TYPE

create table t (a mood primary key, b mood[] default '{sad}', c mood default 'ok')
----
CREATE TABLE

insert into t values ('sad'), ('happy')
----
INSERT 0 2

insert into t values ('angry')
----
ERROR:  22P02: invalid input value for enum mood: "angry"

select * from t order by a
----
sad|{sad}|ok
happy|{sad}|ok

alter type mood add value 'great'
----
ALTER TYPE

alter type mood add value 'great'
----
ERROR:  42710: enum label "great" already exists

alter type mood add value if not exists 'great'
----
NOTICE:  42710: enum label "great" already exists, skipping
ALTER TYPE

alter type mood add value 'meh' before 'ok'
----
ALTER TYPE

alter type mood add value 'worse' before 'nosuch'
----
ERROR:  22023: "nosuch" is not an existing enum label

alter type mood add value 'fine' after 'ok'
----
ALTER TYPE

insert into t values ('meh'), ('great'), ('fine')
----
INSERT 0 3

select a from t order by a
----
sad
meh
fine
happy
great

select a from t where a > 'meh' order by a
----
fine
happy
great

alter type mood rename value 'sad' to 'blue'
----
ALTER TYPE

alter type mood rename value 'nosuch' to 'blue'
----
ERROR:  22023: "nosuch" is not an existing enum label

alter type mood rename value 'ok' to 'blue'
----
ERROR:  42710: enum label "blue" already exists

select a, b from t order by a
----
blue|{blue}
meh|{blue}
fine|{blue}
happy|{blue}
great|{blue}

alter type mood rename to feeling
----
ALTER TYPE

insert into t values ('ok')
----
INSERT 0 1
atoll
ERROR:  22P02: invalid input value for enum feeling: "sad"

select a, c from t order by a
----
blue|ok
meh|ok
ok|ok
fine|ok
happy|ok
great|ok
atoll
blue|ok
meh|ok
fine|ok
happy|ok
great|ok

alter type nosuch rename to x
----
ERROR:  42704: type "nosuch" does not exist

alter type feeling rename to t
----
ERROR:  42710: type "t" already exists

create schema s
----
CREATE SCHEMA

alter type feeling set schema s
----
ALTER TYPE

insert into t values ('blue')
----
ERROR:  23505: duplicate key value violates unique constraint "t_pkey"
DETAIL:  Key (a)=(blue) already exists.
atoll
ERROR:  22P02: invalid input value for enum feeling: "sad"

select a from t where a = 'ok'
----
ok
atoll

alter type s.feeling owner to nosuch
----
ERROR:  42704: role "nosuch" does not exist

comment on type s.feeling is 'x'
----
COMMENT

drop type s.feeling
----
ERROR:  2BP01: cannot drop type s.feeling because other objects depend on it
DETAIL:  column b of table t depends on type s.feeling[]
column c of table t depends on type s.feeling
column a of table t depends on type s.feeling
HINT:  Use DROP ... CASCADE to drop the dependent objects too.
atoll
ERROR:  2BP01: cannot drop type s.feeling because other objects depend on it
DETAIL:  column a of table t depends on type s.feeling
column b of table t depends on type s.feeling
column c of table t depends on type s.feeling
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

drop type s.feeling cascade
----
NOTICE:  00000: drop cascades to 3 other objects
DETAIL:  drop cascades to column b of table t
drop cascades to column c of table t
drop cascades to column a of table t
DROP TYPE
atoll
NOTICE:  00000: drop cascades to 3 other objects
DETAIL:  drop cascades to column a of table t
drop cascades to column b of table t
drop cascades to column c of table t
DROP TYPE

select * from t
----

create type comp as (a int)
----
CREATE TYPE
atoll
ERROR:  0A000: a composite type is not supported

create type t as enum ('x')
----
ERROR:  42710: type "t" already exists

create domain d as int
----
CREATE DOMAIN
atoll
ERROR:  0A000: CREATE DOMAIN is not supported

create schema s
----
ERROR:  42P06: schema "s" already exists

create schema if not exists s
----
NOTICE:  42P06: schema "s" already exists, skipping
CREATE SCHEMA

create schema pg_x
----
ERROR:  42939: unacceptable schema name "pg_x"
DETAIL:  The prefix "pg_" is reserved for system schemas.

create schema with_things create table x (a int references y) create table y (a int primary key)
----
ERROR:  42P01: relation "y" does not exist

create schema with_things2 create table x (a int) create view v as select a from x create index on x (a)
----
CREATE SCHEMA

select * from with_things2.v
----

create schema s3 authorization current_user
----
CREATE SCHEMA

alter schema s3 rename to s4
----
ALTER SCHEMA

alter schema nosuch rename to x
----
ERROR:  3F000: schema "nosuch" does not exist

alter schema s4 rename to s
----
ERROR:  42P06: schema "s" already exists

create extension plpgsql
----
ERROR:  42710: extension "plpgsql" already exists

create extension if not exists plpgsql
----
NOTICE:  42710: extension "plpgsql" already exists, skipping
CREATE EXTENSION

drop schema with_things2 cascade
----
NOTICE:  00000: drop cascades to 2 other objects
DETAIL:  drop cascades to table with_things2.x
drop cascades to view with_things2.v
DROP SCHEMA
