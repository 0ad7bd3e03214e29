create sequence s
----
CREATE SEQUENCE

select nextval('s'), nextval('s')
----
1|2

select currval('s')
----
2

select lastval()
----
2

select setval('s', 10)
----
10

select nextval('s')
----
11

select setval('s', 20, false)
----
20

select nextval('s')
----
20

select setval('s', 0)
----
ERROR:  22003: setval: value 0 is out of bounds for sequence "s" (1..9223372036854775807)

create sequence s
----
ERROR:  42P07: relation "s" already exists

create sequence if not exists s
----
NOTICE:  42P07: relation "s" already exists, skipping
CREATE SEQUENCE

create sequence r increment 5 minvalue 3 maxvalue 14 start 4
----
CREATE SEQUENCE

select nextval('r'), nextval('r'), nextval('r')
----
4|9|14

select nextval('r')
----
ERROR:  2200H: nextval: reached maximum value of sequence "r" (14)

create sequence d increment -1
----
CREATE SEQUENCE

select nextval('d'), nextval('d')
----
-1|-2

create sequence c maxvalue 2 cycle
----
CREATE SEQUENCE

select nextval('c'), nextval('c'), nextval('c')
----
1|2|1

create sequence dm increment -1 minvalue -2
----
CREATE SEQUENCE

select nextval('dm'), nextval('dm')
----
-1|-2

select nextval('dm')
----
ERROR:  2200H: nextval: reached minimum value of sequence "dm" (-2)

create sequence bad increment 0
----
ERROR:  22023: INCREMENT must not be zero

create sequence bad minvalue 5 maxvalue 3
----
ERROR:  22023: MINVALUE (5) must be less than MAXVALUE (3)

create sequence bad start 5 maxvalue 3
----
ERROR:  22023: START value (5) cannot be greater than MAXVALUE (3)

create sequence bad start 0
----
ERROR:  22023: START value (0) cannot be less than MINVALUE (1)

create sequence bad cache 0
----
ERROR:  22023: CACHE (0) must be greater than zero

create sequence bad as text
----
ERROR:  22023: sequence type must be smallint, integer, or bigint

create sequence bad as smallint maxvalue 100000
----
ERROR:  22023: MAXVALUE (100000) is out of range for sequence data type smallint

create sequence bad increment 1 increment 2
----
ERROR:  42601: conflicting or redundant options

create sequence bad owned by nosuch.a
----
ERROR:  42P01: relation "nosuch" does not exist

create sequence bad owned by x
----
ERROR:  42601: invalid OWNED BY option
HINT:  Specify OWNED BY table.column or OWNED BY NONE.

create sequence small as smallint
----
CREATE SEQUENCE

select setval('small', 32767)
----
32767

select nextval('small')
----
ERROR:  2200H: nextval: reached maximum value of sequence "small" (32767)

alter sequence s restart
----
ALTER SEQUENCE

select nextval('s')
----
1

alter sequence s restart with 50
----
ALTER SEQUENCE

select nextval('s')
----
50

alter sequence s increment 10
----
ALTER SEQUENCE

select nextval('s')
----
60

alter sequence s maxvalue 5
----
ERROR:  22023: RESTART value (60) cannot be greater than MAXVALUE (5)

alter sequence s start 7
----
ALTER SEQUENCE

alter sequence s restart
----
ALTER SEQUENCE

select nextval('s')
----
7

alter sequence nosuch restart
----
ERROR:  42P01: relation "nosuch" does not exist

alter sequence if exists nosuch restart
----
NOTICE:  00000: relation "nosuch" does not exist, skipping
ALTER SEQUENCE

begin
----
BEGIN

alter sequence s restart with 1000
----
ALTER SEQUENCE

select nextval('s')
----
1000

rollback
----
ROLLBACK

select nextval('s')
----
17

begin
----
BEGIN

create sequence tx
----
CREATE SEQUENCE

select nextval('tx')
----
1

rollback
----
ROLLBACK

select nextval('tx')
----
ERROR:  42P01: relation "tx" does not exist

create sequence fresh
----
CREATE SEQUENCE

select currval('fresh')
----
ERROR:  55000: currval of sequence "fresh" is not yet defined in this session

select nextval('nosuch')
----
ERROR:  42P01: relation "nosuch" does not exist

create table t (a int)
----
CREATE TABLE

select nextval('t')
----
ERROR:  42809: "t" is not a sequence

create sequence own owned by t.a
----
CREATE SEQUENCE

select pg_get_serial_sequence('t', 'a')
----
public.own

select pg_get_serial_sequence('t', 'nosuch')
----
ERROR:  42703: column "nosuch" of relation "t" does not exist

select pg_get_serial_sequence('nosuch', 'a')
----
ERROR:  42P01: relation "nosuch" does not exist

drop table t
----
DROP TABLE

select nextval('own')
----
ERROR:  42P01: relation "own" does not exist

alter sequence s rename to s2
----
ALTER SEQUENCE

select nextval('s2')
----
27

drop sequence s2
----
DROP SEQUENCE

create table def (a int default nextval('r'))
----
CREATE TABLE

drop sequence r
----
ERROR:  2BP01: cannot drop sequence r because other objects depend on it
DETAIL:  default value for column a of table def depends on sequence r
HINT:  Use DROP ... CASCADE to drop the dependent objects too.

drop sequence r cascade
----
NOTICE:  00000: drop cascades to default value for column a of table def
DROP SEQUENCE

insert into def default values
----
INSERT 0 1

select * from def
----

create table ren (a serial)
----
CREATE TABLE

alter sequence ren_a_seq rename to other_seq
----
ALTER SEQUENCE

insert into ren default values
----
INSERT 0 1

select * from ren
----
1

select nextval('other_seq')
----
2
