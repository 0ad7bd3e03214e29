create role ddl_a
----
CREATE ROLE

create role ddl_a
----
ERROR:  42710: role "ddl_a" already exists

create user ddl_b password 'secret'
----
CREATE ROLE

create role ddl_c login nosuperuser createdb in role ddl_a
----
CREATE ROLE

create role pg_x
----
ERROR:  42939: role name "pg_x" is reserved
DETAIL:  Role names starting with "pg_" are reserved.

create role public
----
ERROR:  42939: role name "public" is reserved

create role none
----
ERROR:  42939: role name "none" is reserved

create role ddl_d superuser superuser
----
ERROR:  42601: conflicting or redundant options

create role ddl_d connection limit -5
----
ERROR:  22023: invalid connection limit: -5

create role ddl_d valid until 'nonsense'
----
ERROR:  22007: invalid input syntax for type timestamp with time zone: "nonsense"

create role ddl_d valid until '2030-01-01' password ''
----
NOTICE:  00000: empty string is not a valid password, clearing password
CREATE ROLE

grant ddl_a to ddl_b
----
GRANT ROLE

grant ddl_a to ddl_b
----
NOTICE:  00000: role "ddl_b" is already a member of role "ddl_a"
GRANT ROLE

grant ddl_b to ddl_a
----
ERROR:  0LP01: role "ddl_b" is a member of role "ddl_a"

grant nosuch to ddl_a
----
ERROR:  42704: role "nosuch" does not exist

revoke ddl_a from ddl_d
----
WARNING:  01000: role "ddl_d" is not a member of role "ddl_a"
REVOKE ROLE

revoke ddl_a from ddl_b
----
REVOKE ROLE

alter role ddl_b nologin
----
ALTER ROLE

alter role nosuch nologin
----
ERROR:  42704: role "nosuch" does not exist

alter role ddl_b rename to ddl_bb
----
ALTER ROLE

alter role ddl_bb rename to ddl_b
----
ALTER ROLE

alter role ddl_b set work_mem = '5MB'
----
ALTER ROLE

alter role ddl_b set nosuch = 1
----
ERROR:  42704: unrecognized configuration parameter "nosuch"

alter role ddl_b reset all
----
ALTER ROLE

alter group ddl_a add user ddl_d
----
ALTER ROLE

alter group ddl_a drop user ddl_d
----
ALTER ROLE

create table t (a int, b int)
----
CREATE TABLE

create sequence s
----
CREATE SEQUENCE

create schema sch
----
CREATE SCHEMA

grant select on t to ddl_a
----
GRANT

grant select, insert (a) on t to ddl_b
----
GRANT

grant usage on t to ddl_b
----
ERROR:  0LP01: invalid privilege type USAGE for table

grant nosuch on t to ddl_b
----
ERROR:  42601: unrecognized privilege type "nosuch"

grant select on nosuch to ddl_b
----
ERROR:  42P01: relation "nosuch" does not exist

grant select on t to nosuch
----
ERROR:  42704: role "nosuch" does not exist

grant all on schema sch to ddl_a
----
GRANT

grant all on schema nosuch to ddl_a
----
ERROR:  3F000: schema "nosuch" does not exist

grant usage on sequence s to ddl_a
----
GRANT

grant select on sequence t to ddl_a
----
ERROR:  42809: "t" is not a sequence

grant select on t to public with grant option
----
ERROR:  0LP01: grant options can only be granted to roles

revoke select on t from ddl_b
----
REVOKE

grant select on all tables in schema public to ddl_b
----
GRANT

drop role ddl_a
----
ERROR:  2BP01: role "ddl_a" cannot be dropped because some objects depend on it
DETAIL:  privileges for table t
privileges for sequence s
privileges for schema sch
atoll
ERROR:  2BP01: role "ddl_a" cannot be dropped because some objects depend on it
DETAIL:  privileges for schema sch
privileges for table t
privileges for sequence s

set role ddl_b
----
SET

select count(*) from t
----
0

insert into t (a) values (1)
----
INSERT 0 1

insert into t (a, b) values (1, 1)
----
ERROR:  42501: permission denied for table t

update t set a = 1
----
ERROR:  42501: permission denied for table t

delete from t
----
ERROR:  42501: permission denied for table t

truncate t
----
ERROR:  42501: permission denied for table t

create table mine (a int)
----
ERROR:  42501: permission denied for schema public

alter table t add column c int
----
ERROR:  42501: must be owner of table t

drop table t
----
ERROR:  42501: must be owner of table t

create index on t (a)
----
ERROR:  42501: must be owner of table t

create schema mine
----
ERROR:  42501: permission denied for database ddl_fill
atoll
ERROR:  42501: permission denied for database postgres

create role ddl_e
----
ERROR:  42501: permission denied to create role

grant select on t to ddl_a
----
WARNING:  01007: no privileges were granted for "t"
GRANT

select nextval('s')
----
ERROR:  42501: permission denied for sequence s

reset role
----
RESET

grant create on schema public to ddl_b
----
GRANT

set role ddl_b
----
SET

create table mine (a int)
----
CREATE TABLE

grant select on mine to ddl_c
----
GRANT

create table ref (a int references t)
----
ERROR:  42704: there is no primary key for referenced table "t"

reset role
----
RESET

drop role ddl_b
----
ERROR:  2BP01: role "ddl_b" cannot be dropped because some objects depend on it
DETAIL:  privileges for schema public
privileges for table t
privileges for column a of table t
owner of table mine
atoll
ERROR:  2BP01: role "ddl_b" cannot be dropped because some objects depend on it
DETAIL:  privileges for schema public
privileges for table t
owner of table mine

set role ddl_c
----
SET

select * from mine
----

insert into mine values (1)
----
ERROR:  42501: permission denied for table mine

reset role
----
RESET

revoke all on t from ddl_a, ddl_b, public
----
REVOKE

set role ddl_a
----
SET

select * from t
----
ERROR:  42501: permission denied for table t

reset role
----
RESET

alter table mine owner to ddl_c
----
ALTER TABLE

alter default privileges in schema public grant select on tables to ddl_a
----
ALTER DEFAULT PRIVILEGES

create table later (a int)
----
CREATE TABLE

set role ddl_a
----
SET

select * from later
----

reset role
----
RESET

alter default privileges in schema public revoke select on tables from ddl_a
----
ALTER DEFAULT PRIVILEGES

reassign owned by ddl_c to postgres
----
REASSIGN OWNED

drop owned by ddl_a, ddl_b, ddl_c
----
DROP OWNED

drop role ddl_a, ddl_b, ddl_c, ddl_d
----
DROP ROLE

drop role ddl_a
----
ERROR:  42704: role "ddl_a" does not exist

drop role if exists ddl_a
----
NOTICE:  00000: role "ddl_a" does not exist, skipping
DROP ROLE

drop role current_user
----
ERROR:  22023: cannot use special role specifier in DROP ROLE

create user ddl_u in group nosuch
----
ERROR:  42704: role "nosuch" does not exist

create schema authorization nosuch
----
ERROR:  42704: role "nosuch" does not exist
