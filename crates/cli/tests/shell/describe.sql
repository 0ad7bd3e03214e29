create schema "Other";
create table island (id int generated always as identity primary key, name text unique not null, area numeric(8,2) default 1.5 check (area > 0), code varchar(3) collate "C", made timestamptz default now());
create table visit (island_id int references island on delete cascade, day date default current_date, guests int, total int generated always as (guests * 2) stored, constraint visit_guests_check check (guests >= 0), constraint "Big" check (guests < 1000), primary key (island_id, day));
create index visit_guests on visit (guests desc nulls last) where guests > 10;
create unique index on visit (day, (guests + 1));
create view busy as select name, guests from island join visit on island_id = id where guests > 100;
create materialized view total as select sum(guests) as guests from visit;
create sequence counter as smallint increment 5 maxvalue 100 cycle;
create sequence owned_by_column owned by visit.guests;
create table "Other"."Mixed Case" ("A b" int, c text[]);
create type mood as enum ('sad', 'ok', 'happy');
comment on table island is 'a ring';
comment on column island.area is 'in square kilometres';
\d
\dt
\dv
\dm
\di
\ds
\dti
\dt island
\dt i*
\dt nothing
\dt "Other".*
\dt *."Mixed Case"
\d island
\d visit
\d busy
\d total
\d counter
\d owned_by_column
\d island_id_seq
\d island_pkey
\d visit_guests
\d "Other"."Mixed Case"
\d+ island
\d+ visit
\d+ busy
\d+ total
\d+ visit_guests
\d nothing
\d vis*
\dn
\dn+ public
\dn Oth*
\dn "Oth*"
\dT
\dT mood
\df
\df pg_catalog.upper
\du postgres
\dx nothing
\db
\dp island
grant select on island to public;
\dp island
\z island
\l template1
\x
\d busy
\x
\a
\d busy
\a
\t
\dt
\t
\sv busy
drop table island, visit, "Other"."Mixed Case" cascade;
drop materialized view if exists total;
drop view if exists busy;
drop sequence counter;
drop type mood;
drop schema "Other";
\d
\dS+ pg_database
\da sum
\do ||
\do+ @>
\dconfig search_path
\ddp
\dx+
\db+
\df+ lower
\dt nothing.*.x.y
\d other.public.t
