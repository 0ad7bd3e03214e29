drop table nosuch
----
ERROR:  42P01: table "nosuch" does not exist

drop table if exists nosuch
----
NOTICE:  00000: table "nosuch" does not exist, skipping
DROP TABLE

drop table nosuch.nosuch
----
ERROR:  3F000: schema "nosuch" does not exist
atoll
ERROR:  42P01: table "nosuch.nosuch" does not exist

drop table if exists nosuch.nosuch
----
NOTICE:  00000: schema "nosuch" does not exist, skipping
DROP TABLE

drop view nosuch
----
ERROR:  42P01: view "nosuch" does not exist

drop sequence nosuch
----
ERROR:  42P01: sequence "nosuch" does not exist

drop index nosuch
----
ERROR:  42704: index "nosuch" does not exist

drop schema nosuch
----
ERROR:  3F000: schema "nosuch" does not exist

drop type nosuch
----
ERROR:  42704: type "nosuch" does not exist

drop role nosuch
----
ERROR:  42704: role "nosuch" does not exist

drop database nosuch
----
ERROR:  3D000: database "nosuch" does not exist

drop materialized view nosuch
----
ERROR:  42P01: materialized view "nosuch" does not exist

drop function nosuch()
----
ERROR:  42883: function nosuch() does not exist

drop function if exists nosuch()
----
NOTICE:  00000: function nosuch() does not exist, skipping
DROP FUNCTION

drop view if exists nosuch
----
NOTICE:  00000: view "nosuch" does not exist, skipping
DROP VIEW

drop sequence if exists nosuch
----
NOTICE:  00000: sequence "nosuch" does not exist, skipping
DROP SEQUENCE

drop index if exists nosuch
----
NOTICE:  00000: index "nosuch" does not exist, skipping
DROP INDEX

drop schema if exists nosuch
----
NOTICE:  00000: schema "nosuch" does not exist, skipping
DROP SCHEMA

drop type if exists nosuch
----
NOTICE:  00000: type "nosuch" does not exist, skipping
DROP TYPE

drop role if exists nosuch
----
NOTICE:  00000: role "nosuch" does not exist, skipping
DROP ROLE

drop database if exists nosuch
----
NOTICE:  00000: database "nosuch" does not exist, skipping
DROP DATABASE

create table a (id int primary key, x int)
----
CREATE TABLE

create table b (a int references a, y int)
----
CREATE TABLE

create view v as select id, x from a
----
CREATE VIEW

create view w as select id from v
----
CREATE VIEW

drop table a
----
ERROR:  2BP01: cannot drop table a because other objects depend on it
DETAIL:  constraint b_a_fkey on table b depends on table a
view v depends on table a
view w depends on view v
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

drop view v
----
ERROR:  2BP01: cannot drop view v because other objects depend on it
DETAIL:  view w depends on view v
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

drop table v
----
ERROR:  42809: "v" is not a table
HINT:  Use DROP VIEW to remove a view.

drop view a
----
ERROR:  42809: "a" is not a view
HINT:  Use DROP TABLE to remove a table.

drop sequence a
----
ERROR:  42809: "a" is not a sequence
HINT:  Use DROP TABLE to remove a table.

drop index a
----
ERROR:  42809: "a" is not an index
HINT:  Use DROP TABLE to remove a table.

drop index a_pkey
----
ERROR:  2BP01: cannot drop index a_pkey because constraint a_pkey on table a requires it
HINT:  You can drop constraint a_pkey on table a instead.

drop table a, b
----
ERROR:  2BP01: cannot drop desired object(s) because other objects depend on them
DETAIL:  view v depends on table a
view w depends on view v
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

drop table b
----
DROP TABLE

drop view v cascade
----
NOTICE:  00000: drop cascades to view w
DROP VIEW

drop table a
----
DROP TABLE

create table a (id serial primary key, x int unique)
----
CREATE TABLE

create table b (a int references a (x), y int)
----
CREATE TABLE

create view v as select x from a
----
CREATE VIEW

drop sequence a_id_seq
----
ERROR:  2BP01: cannot drop sequence a_id_seq because other objects depend on it
DETAIL:  default value for column id of table a depends on sequence a_id_seq
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

drop sequence a_id_seq cascade
----
NOTICE:  00000: drop cascades to default value for column id of table a
DROP SEQUENCE

insert into a (x) values (1)
----
ERROR:  23502: null value in column "id" of relation "a" violates not-null constraint
DETAIL:  Failing row contains (null, 1).

alter table a drop column x
----
ERROR:  2BP01: cannot drop column x of table a because other objects depend on it
DETAIL:  constraint b_a_fkey on table b depends on column x of table a
view v depends on column x of table a
HINT:  Use DROP ... CASCADE to drop the dependent objects too.
atoll
ERROR:  2BP01: cannot drop column x of table a because other objects depend on it
DETAIL:  constraint b_a_fkey on table b depends on index a_x_key
view v depends on column x of table a
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

alter table a drop constraint a_x_key
----
ERROR:  2BP01: cannot drop constraint a_x_key on table a because other objects depend on it
DETAIL:  constraint b_a_fkey on table b depends on index a_x_key
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

alter table a drop constraint a_x_key cascade
----
NOTICE:  00000: drop cascades to constraint b_a_fkey on table b
ALTER TABLE

alter table a drop column x cascade
----
NOTICE:  00000: drop cascades to view v
ALTER TABLE

select * from v
----
ERROR:  42P01: relation "v" does not exist

select * from a
----

drop table a cascade
----
DROP TABLE

insert into b values (5, 5)
----
INSERT 0 1

select * from b
----
5|5

create schema s
----
CREATE SCHEMA

create table s.t (a int)
----
CREATE TABLE

create view s.v as select * from s.t
----
CREATE VIEW

create type s.e as enum ('x')
----
CREATE TYPE

create sequence s.q
----
CREATE SEQUENCE

drop schema s
----
ERROR:  2BP01: cannot drop schema s because other objects depend on it
DETAIL:  table s.t depends on schema s
view s.v depends on schema s
type s.e depends on schema s
sequence s.q depends on schema s
HINT:  Use DROP ... CASCADE to drop the dependent objects too.
atoll
ERROR:  2BP01: cannot drop schema s because other objects depend on it
DETAIL:  table s.t depends on schema s
view s.v depends on table s.t
type s.e depends on schema s
sequence s.q depends on schema s
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

drop schema s cascade
----
NOTICE:  00000: drop cascades to 4 other objects
DETAIL:  drop cascades to table s.t
drop cascades to view s.v
drop cascades to type s.e
drop cascades to sequence s.q
DROP SCHEMA

select * from s.t
----
ERROR:  42P01: relation "s.t" does not exist

create type mood as enum ('sad', 'ok')
----
CREATE TYPE

create table m (a mood, b mood[], c int)
----
CREATE TABLE

create view mv as select a from m
----
CREATE VIEW

drop type mood
----
ERROR:  2BP01: cannot drop type mood because other objects depend on it
DETAIL:  column b of table m depends on type mood[]
column a of table m depends on type mood
view mv depends on column a of table m
HINT:  Use DROP ... CASCADE to drop the dependent objects too.
atoll
ERROR:  2BP01: cannot drop type mood because other objects depend on it
DETAIL:  column a of table m depends on type mood
view mv depends on column a of table m
column b of table m depends on type mood
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

drop type mood cascade
----
NOTICE:  00000: drop cascades to 3 other objects
DETAIL:  drop cascades to column b of table m
drop cascades to column a of table m
drop cascades to view mv
DROP TYPE
atoll
NOTICE:  00000: drop cascades to 3 other objects
DETAIL:  drop cascades to column a of table m
drop cascades to view mv
drop cascades to column b of table m
DROP TYPE

select * from m
----

create table x1 (a int)
----
CREATE TABLE

create table x2 (a int)
----
CREATE TABLE

drop table x1, x2, nosuch
----
ERROR:  42P01: table "nosuch" does not exist

drop table x1, x2
----
DROP TABLE

drop table if exists x1, x2
----
NOTICE:  00000: table "x1" does not exist, skipping
NOTICE:  00000: table "x2" does not exist, skipping
DROP TABLE

create table i (a int, b int, c int)
----
CREATE TABLE

create index i_ab on i (a, b)
----
CREATE INDEX

alter table i drop column a
----
ALTER TABLE

drop index i_ab
----
ERROR:  42704: index "i_ab" does not exist

create table ck (a int, b int, check (a > b), unique (a))
----
CREATE TABLE

alter table ck drop column a
----
ALTER TABLE

insert into ck values (1), (1)
----
INSERT 0 2

begin
----
BEGIN

drop table ck
----
DROP TABLE

select * from ck
----
ERROR:  42P01: relation "ck" does not exist

rollback
----
ROLLBACK

select * from ck
----
1
1

drop schema pg_catalog
----
ERROR:  2BP01: cannot drop schema pg_catalog because it is required by the database system

drop type int4
----
ERROR:  2BP01: cannot drop type integer because it is required by the database system

drop table pg_class
----
ERROR:  42501: permission denied: "pg_class" is a system catalog
atoll
ERROR:  42P01: table "pg_class" does not exist
