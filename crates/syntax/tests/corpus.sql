-- One statement a line; every line that isn't below "Atoll's own" is accepted by PostgreSQL 15's grammar.
-- Literals and names
select 1, -1, +1, 1.5, .5, 5., 1e10, 1.5e-3, 2147483648, 99999999999999999999, -2147483648, - 5, - -5
select 'it''s', e'a\nb\\c\x41\101', u&'d\0061t\+000061', u&'d!0061' uescape '!', b'0101', x'1F', $$dollar$$, $tag$a$$b$tag$
select 'a'\n'b', n'national'
select null, true, false
select "Quoted Name", "a""b", u&"d\0061t", Mixed_Case, a$b, täglich
select a as "select", b as select, c "d", e f, g as order
select a.b, a.b.c, a.b.c.d, a.*, b.c.*, *
select a.select, a.from, a.order
select $1, $2::int, $1.field, $1[1]
select abort, action, between, bigint, char, coalesce, int, interval, values, row, time, timestamp, trim, exists from t
select 1 and, 2 or, 3 is, 4 in, 5 like, 6 not, 7 at, 8 operator, 9 collate, 10 between from t
select a nulls, b with_, c year_ from t
-- Operators
select 1 + 2 * 3 - 4 / 5 % 6 ^ 7 ^ 8
select (1 + 2) * 3, -(1 + 2), - a, -a ^ 2, +a, 2 - -1, 2 * -1, - (- 1)
select a || b || c, a -> 'x' ->> 'y', a @> b, a <@ b, a && b, a ~ b, a !~* b, a <-> b, @ a, |/ 4, !! 5, ~ 3, a & b | c # d << 1 >> 2
select 1 = 2, 1 <> 2, 1 != 2, 1 < 2, 1 > 2, 1 <= 2, 1 >= 2, a === b
select a operator(pg_catalog.+) b, operator(pg_catalog.-) a, a operator(+) b, operator(!!) b
select a and b or c and not d, not a = b, not not a, (a or b) and c, a and (b and c), a or (b or c)
select a is null, a is not null, a isnull, a notnull, a is true, a is not true, a is false, a is not false, a is unknown, a is not unknown
select a is distinct from b, a is not distinct from b + 1, a is null is null, (a is distinct from b) is null
select a is normalized, a is not normalized, a is nfc normalized, a is not nfkd normalized
select a between 1 and 2, a not between 1 and 2, a between symmetric 2 and 1, a between asymmetric 1 and 2 and b, a between 1 + 1 and 2 * 3 or c
select a between b is distinct from c and d
select a in (1, 2, 3), a not in (1), (a, b) in ((1, 2), (3, 4)), a in (select 1), a not in (select b from t), a in ((select 1)), a in ((select 1), 2)
select a like 'x%', a not like 'x%', a ilike b, a not ilike b, a like b escape '!', a similar to b, a not similar to b escape 'x', a like b || c
select a like any (array['x']), a not like all ('{a,b}'), a ilike some (select b), a not ilike any (select 'x')
select a = any (b), a <> all (select 1), a < some (array[1]), a operator(pg_catalog.=) any (b), a = any (b) = true, a || b = any (c), a + any (b)
select a = any ((select b)), a = any ((select b)::int[])
select a at time zone 'utc', a at time zone 'x' at time zone 'y', now() at time zone interval '1 hour' || b
select a collate "C", a || b collate "de_DE" < c, a collate pg_catalog."C"
select a::int, a::int::text, -1::int, a::numeric(10, 2)[], (a + b)::text, 'x'::char varying, a.b::int
select a[1], a[1][2], a[1:2], a[:2], a[1:], a[:], a.b[1], a[1].b, (a).b, (a).*, (a).b.c[1], (f(x)).*, (array[1,2])[1], a[b[1]]
select a = b is null, (a < b) = c is true, a < (b = c), a is null = b, a = (b = c), not a is null, a in (1) = b, a between 1 and 2 = c, a = b like c, a like b = c
select 1 + 2 collate "C", - a collate "C", - a :: int, a * b at time zone c, 1 - - 1
select 2 * @ 1 + 3, @ 1 @ 2, not a and b, @ - 1, - @ 1, a || - b, a = - b, a and not b = c
-- Special forms
select case when a then 1 end, case a when 1 then 'x' when 2 then 'y' else 'z' end, case when a then case when b then 1 else 2 end end
select cast(a as int), cast(1 + 2 as numeric(3, 1)), cast(a as text) || b
select date '2000-01-01', time '10:00', time with time zone '10:00+01', timestamp '2000-01-01', timestamp(3) with time zone 'now', timestamp without time zone 'x'
select interval '1 day', interval '1' year, interval '1-2' year to month, interval '1' second(3), interval(3) '1.5', interval '1' day to second(2), interval '1:2' hour to minute
select int '1', int4 '1', pg_catalog.int4 '1', numeric(3,1) '1', varchar(3) 'abc', char 'a', character varying(3) 'a', bit '1', bit varying(3) '101', float(24) '1', double precision '1', bool 't', point '(1,2)', foo(3) 'x', national character(3) 'x', nchar varying(3) 'x', dec(3) '1', real '1', json '{}'
select row(1, 2), row(), row(1), (1, 2), row(t.*), row(1, t.*), (1, 'a', null), row(1,2) = row(3,4), (a, b) < (c, d)
select array[1, 2, 3], array[]::int[], array[[1, 2], [3, 4]], array[array[1], array[2]], array(select 1), array(select a from t order by a), array[[]]::int[]
select exists (select 1), not exists (select 1 from t), (select 1), (select 1) + (select 2), ((select 1)), ((select 1) + 1), (((select 1)) union select 2), (select a from t limit 1)::text
select (select row(1, 2)).f1, ((select 1) union (select 2)), ((values (1)) order by 1)
select f(), f(1), f(a, b), s.f(1), d.s.f(), f(*), count(*), count(distinct a), count(all a), f(distinct a, b), f(variadic a), f(a, variadic b)
select f(a => 1, b := 2, c => 3 + 4), f(1, b => 2), f(a order by b), string_agg(a, ',' order by b desc nulls last, c), f(distinct a order by a)
select sum(a) filter (where b > 1), percentile_cont(0.5) within group (order by a), mode() within group (order by a desc) filter (where b)
select sum(a) over (), sum(a) over w, sum(a) over (w), rank() over (partition by a, b order by c desc), count(*) filter (where a) over (order by b)
select sum(a) over (order by b rows between unbounded preceding and current row), sum(a) over (rows 1 preceding), sum(a) over (range between 1 preceding and 2 following exclude ties)
select sum(a) over (order by b groups between current row and unbounded following exclude group), sum(a) over (rows unbounded preceding exclude current row), sum(a) over (w rows between 1 following and 2 following exclude no others)
select extract(year from a), extract('epoch' from a), extract(foo from a), extract(second from now() - b)
select substring(a from 1), substring(a from 1 for 2), substring(a for 2), substring(a for 2 from 1), substring(a, 1, 2), substring(a similar b escape c), substring(a from b for c), substring(a => 'x', b => 1)
select position('a' in b), overlay(a placing b from 1), overlay(a placing b from 1 for 2), overlay(a, b, 1), position('a' || 'b' in c || d)
select trim(a), trim(both from a), trim(leading 'x' from a), trim(trailing 'x' from a), trim('x' from a), trim(a, b), trim(both 'x', 'y'), trim(leading from a, b)
select coalesce(a), coalesce(a, b, 1), nullif(a, b), greatest(1, 2, 3), least(a), treat(a as int), normalize(a), normalize(a, nfd), collation for (a)
select current_date, current_time, current_time(3), current_timestamp, current_timestamp(0), localtime, localtime(1), localtimestamp, localtimestamp(2)
select current_user, current_role, session_user, user, current_catalog, current_schema, current_schema(), "current_user"
select (a, b) overlaps (c, d), row(a, b) overlaps row(c, d), (a, b) overlaps row(c, d)
select left('abc', 1), right('abc', 1), overlaps(1, 2), "like"(a, b), replace(a, b, c), date(a), grouping(a), grouping(a, b), verbose(a)
select format('%s', a), "any"(1), repeat('a', 3), upper(a) || lower(b)
-- Select
select
select all 1
select from t
select distinct a, b from t
select distinct on (a, b + 1) a, c from t order by a, b
select a into t2 from t
select a into temp t2 from t
select a into temporary table t2 from t
select a into unlogged table s.t2 from t
select a into table t2 from t
select * from t, s.t, c.s.t, only t, only (t), t *, t as x, t x, t as x (a, b), t x (a)
select * from (select 1) x, (select 1, 2) as x (a, b), lateral (select t.a) y, (values (1, 2), (3, 4)) v (a, b), (table t) x
select * from ((select 1)) x, ((select 1) union (select 2)) y, ((select 1) limit 1) z, (((select 1) order by 1)) w
select * from f(1), f(1) x, f(1) as x (a, b), f(1) with ordinality, f(1) with ordinality as x (a, n), lateral f(t.a) x, s.f(1) x
select * from f() as x (a int, b text), f() as (a int, b text collate "C"), f() x (a int[])
select * from rows from (f(1), g(2)) x, rows from (f(1) as (a int, b text), g(2)) with ordinality as x (a, b, c), lateral rows from (f(t.a)) y
select * from current_date, current_user u, coalesce(1, 2) x, cast('1' as int) y, generate_series(1, 10), current_schema() s
select * from a join b on a.x = b.x inner join c on true left join d on d.y = c.y right outer join e on true full join f on true full outer join g on false
select * from a cross join b natural join c natural left join d natural full outer join e natural inner join f
select * from a join b using (x), c left join d using (x, y) as j, (a join b on true) as x (p, q), (a cross join b), ((a cross join b)), (a join b using (x)) x
select * from a join b join c on b.x = c.x on a.x = b.x
select * from (a join (b cross join c) on true) left join (select 1) x on true
select * from ((select 1) x join y on true), ((select 1) x cross join (select 2) y) z
select * from t tablesample bernoulli (10), t as x tablesample system (5.5) repeatable (42), t tablesample s.m (1, 2)
select * from t where a = 1 and b in (select 2)
select a, count(*) from t group by a, b + 1, 3 having count(*) > 1
select a from t group by (), (a, b), rollup (a, b), cube (a, (b, c)), grouping sets ((a, b), a, (), rollup (a), grouping sets (b))
select a from t group by all a, b
select a from t group by distinct rollup (a), cube (b)
select cube(1, 2), rollup(1) from t
select sum(a) over w from t window w as (partition by b), v as (w order by c rows 1 preceding)
select 1 union select 2 union all select 3 intersect select 4 except select 5 except all select 6 intersect all select 7 union distinct select 8
(select 1 union select 2) intersect select 3
select 1 union (select 2 union select 3)
(select 1 order by 1 limit 1) union all (select 2 offset 1)
select 1 union select 2 order by 1 limit 2
(select 1)
((select 1))
(select 1) order by 1
(select 1 limit 1) order by 1
(select 1) limit 1
(select 1 order by 1) limit 1 offset 1
values (1, 'a'), (2, 'b')
values (1), (2) order by 1 limit 1
table t
table only s.t
select a from t order by a, b desc, c asc nulls first, d nulls last, e using <, f using operator(pg_catalog.>) nulls first
select a from t limit 10
select a from t limit 10 offset 5
select a from t offset 5 limit 10
select a from t limit all
select a from t limit null offset 1 + 2
select a from t offset 5 rows
select a from t offset 1 row fetch first row only
select a from t fetch first 10 rows only
select a from t order by a fetch next (1 + 2) rows with ties
select a from t fetch first -1 row only
select a from t fetch first $1 rows only
select a from t limit (select 1)
select a from t for update
select a from t for no key update of t, u nowait
select a from t for share skip locked
select a from t for key share of t for update of u
select a from t for update limit 1
select a from t order by a limit 1 for update skip locked
select a from t for read only
with x as (select 1) select * from x
with x (a, b) as (select 1, 2), y as materialized (select 3), z as not materialized (values (1)) select * from x, y, z
with recursive t(n) as (select 1 union all select n + 1 from t where n < 10) select * from t
with recursive as (select 1) select * from recursive
with x as (insert into t values (1) returning *), y as (update t set a = 1 returning a), z as (delete from t returning *) select * from x
with recursive t(a, b) as (select 1, 2 union all select a, b from t) search depth first by a, b set s cycle a set c using p select * from t
with recursive t(a) as (select 1 union all select a from t) search breadth first by a set s select * from t
with recursive t(a) as (select 1 union all select a from t) cycle a set c to 'x' default 'y' using p select * from t
with x as (with y as (select 1) select * from y) select * from x
with x as (select 1) (select * from x) order by 1
with x as (select 1) values (1)
with x as (select 1) insert into t select * from x
-- INSERT, UPDATE, DELETE, MERGE
insert into t values (1, default, 'x'), (2, 3, 4)
insert into s.t (a, b) values (1, 2)
insert into t as x (a, b.c, d[1], e[1:2]) values (1, 2, 3, 4)
insert into t default values
insert into t select * from u
insert into t (select 1)
insert into t (a) (select 1)
insert into t ((select 1))
insert into t (a, b) with x as (select 1) select * from x
insert into t (a) overriding system value values (1)
insert into t overriding user value select 1
insert into t values (1) on conflict do nothing
insert into t values (1) on conflict (a) do nothing
insert into t values (1) on conflict (a, lower(b), (c + 1) collate "C" text_ops) where d > 1 do update set a = excluded.a, b = default where t.a <> excluded.a
insert into t values (1) on conflict on constraint c do update set (a, b) = (1, 2), (c, d) = row(1, 2), (e) = (select 1)
insert into t values (1) returning *
insert into t values (1) on conflict do nothing returning a, b + 1 as c, t.*
insert into t table u
update t set a = 1
update only t as x set a = 1, b = default, c.d = 2, e[1] = 3 where a = 1
update t * x set (a, b) = (select 1, 2) from u, v join w on true where t.a = u.a returning *, x.a as z
update s.t set a = a + 1 where current of c
update t set set = 1
with x as (select 1) update t set a = (select * from x)
delete from t
delete from only t as x using u, v where x.a = u.a returning x.a
delete from t where current of "C"
delete from t x where a in (select 1)
with x as (select 1) delete from t using x
merge into t using u on t.a = u.a when matched then update set b = u.b when not matched then insert values (1, 2)
merge into only t as x using (select 1 as a) as u on x.a = u.a when matched and u.b > 1 then delete when matched then do nothing when not matched and true then insert (a, b) overriding user value values (1, default) when not matched then insert default values
with x as (select 1 a) merge into t using x on t.a = x.a when matched then update set (a, b) = (1, 2), c = 3
-- COPY
copy t from stdin
copy t (a, b) from stdin with (format csv, header true, delimiter ';', null 'x', quote '"', escape '\\', force_not_null (a, b), encoding 'utf8')
copy s.t to stdout
copy t to '/tmp/x' with csv header
copy t from program 'cat' csv header delimiter as ',' null as '' quote as '"' escape '"' force not null a, b force null c encoding 'utf8'
copy t to stdout csv force quote *
copy t to stdout csv force quote a, b
copy binary t from stdin
copy t from stdin binary
copy t from stdin using delimiters '|' with null as 'x'
copy t from stdin (freeze) where a > 1
copy t from stdin (freeze on, header match, force_quote *)
copy (select * from t order by 1) to stdout with (format binary)
copy (insert into t values (1) returning *) to stdout
copy (with x as (select 1) select * from x) to '/tmp/x'
-- Transactions
begin
begin work
begin transaction isolation level serializable
begin isolation level read committed read only
begin transaction isolation level repeatable read, read write, not deferrable
start transaction
start transaction isolation level read uncommitted read only deferrable
commit
commit work
commit and chain
commit transaction and no chain
end
end and chain
rollback
rollback work
rollback and chain
abort
abort transaction and no chain
savepoint a
release a
release savepoint a
release savepoint
rollback to a
rollback work to savepoint a
rollback transaction to savepoint a
prepare transaction 'x'
commit prepared 'x'
rollback prepared 'x'
lock t
lock table a, only b, c * in access share mode
lock a in row share mode nowait
lock a in row exclusive mode
lock a in share update exclusive mode
lock a in share mode
lock a in share row exclusive mode
lock a in exclusive mode
lock table a in access exclusive mode nowait
-- Parameters
set a = 1
set a to 'x'
set a.b.c = 1.5, -3, on, off, true, false, word, 'string'
set search_path to a, "B", public
set local a to default
set session a = x
set session = 1
set local = 1
set a from current
set time zone 'utc'
set time zone local
set time zone default
set time zone -5
set time zone +5.5
set time zone utc
set time zone interval '-08:00' hour to minute
set time zone interval(3) '1'
set local time zone 'x'
set schema 'x'
set names 'utf8'
set names
set names default
set role x
set role none
set role 'x'
set session authorization x
set session authorization 'x'
set session authorization default
set local session authorization default
set session session authorization x
set xml option document
set transaction isolation level serializable
set transaction read only, deferrable
set local transaction read only
set session transaction isolation level read committed
set transaction snapshot 'x'
set session characteristics as transaction isolation level serializable, read write
set constraints all deferred
set constraints a, s.b immediate
set timezone to 'utc'
set statement_timeout = '5s'
set work_mem to '64MB'
reset a
reset a.b
reset all
reset time zone
reset session authorization
reset transaction isolation level
show a
show a.b
show all
show time zone
show transaction isolation level
show session authorization
show server_version
discard all
discard plans
discard sequences
discard temp
discard temporary
-- Prepared statements, cursors
prepare p as select 1
prepare p (int, text[], numeric(3, 1)) as insert into t values ($1, $2)
prepare p as values (1)
execute p
execute p (1, 'a', 2 + 3)
deallocate p
deallocate prepare p
deallocate all
deallocate prepare all
declare c cursor for select 1
declare c binary insensitive no scroll cursor with hold for select * from t
declare c asensitive scroll cursor without hold for values (1)
declare c no scroll cursor for select 1 for update
fetch c
fetch from c
fetch in c
fetch next c
fetch next from c
fetch prior from c
fetch first from c
fetch last in c
fetch absolute 5 from c
fetch absolute -5 c
fetch relative 0 c
fetch 5 c
fetch -5 from c
fetch all c
fetch all from c
fetch forward c
fetch forward 5 from c
fetch forward all from c
fetch backward from c
fetch backward 3 in c
fetch backward all c
fetch next
move 5 from c
move forward all in c
close c
close all
-- EXPLAIN and maintenance
explain select 1
explain analyze select 1
explain analyze verbose select 1
explain verbose insert into t values (1)
explain (analyze, buffers off, format json, costs false, timing true, summary 'on', wal) select 1
explain (select 1)
explain (verbose) (select 1)
explain update t set a = 1
explain delete from t
explain declare c cursor for select 1
explain execute p (1)
explain create table t as select 1
explain create materialized view v as select 1
explain refresh materialized view v
analyze
analyze verbose
analyze t
analyze t, s.u (a, b)
analyze (verbose, skip_locked false) t
analyse t
vacuum
vacuum full
vacuum full freeze verbose analyze t (a), u
vacuum (full, analyze on, parallel 2, index_cleanup auto) t
vacuum verbose t
checkpoint
cluster
cluster t
cluster t using i
cluster verbose t using i
cluster (verbose) t
cluster i on t
listen a
notify a
notify a, 'payload'
unlisten a
unlisten *
truncate t
truncate table only a, b *, s.c restart identity cascade
truncate a continue identity restrict
call f()
call s.f(1, a => 2)
load 'x'
do $$ begin end $$
do language plpgsql 'begin end'
-- CREATE TABLE
create table t ()
create table t (a int)
create table if not exists s.t (a int not null, b text default 'x' null, c numeric(10, 2) unique, d bigint primary key)
create temp table t (a int)
create temporary table t (a int) on commit drop
create local temp table t (a int) on commit preserve rows
create global temporary table t (a int) on commit delete rows
create unlogged table t (a int)
create table t (a int constraint x not null constraint y check (a > 0) no inherit constraint z default 1 + 2)
create table t (a int references u, b int references s.u (x) match full on delete cascade on update set null, c int references u on update no action on delete set default deferrable initially deferred)
create table t (a int references u match simple on delete set null (a) not deferrable initially immediate)
create table t (a int generated always as (b + 1) stored, b int generated always as identity, c int generated by default as identity (start with 10 increment by -5 minvalue 1 no maxvalue cycle cache 5))
create table t (a text collate "C" not null, b text compression lz4, c text compression default, d timestamp with time zone default now())
create table t (a int unique nulls not distinct, b int unique nulls distinct with (fillfactor = 70) using index tablespace x, c int primary key with (fillfactor = 70) deferrable)
create table t (a int, b int, primary key (a), unique (a, b), check (a > b), foreign key (a, b) references u (x, y) on delete restrict)
create table t (a int, constraint x primary key (a) include (b) with (fillfactor = 50) using index tablespace y, constraint z unique nulls not distinct (a, b) deferrable initially deferred)
create table t (a int, constraint c check (a > 0) no inherit not valid, foreign key (a) references u not valid, foreign key (a) references u on delete set default (a) deferrable)
create table t (a int, exclude using gist (a with =, (b + 1) with operator(pg_catalog.&&), lower(c) desc nulls last with <>) include (d) where (a > 0) initially deferred)
create table t (exclude (a with =), exclude int)
create table t (like u, like s.v including all, like w including defaults including constraints excluding indexes including identity including generated including statistics including storage including comments including compression)
create table t (a int) inherits (u, s.v)
create table t (a int) partition by range (a)
create table t (a int, b text) partition by list (lower(b), (a + 1), b collate "C" text_ops)
create table t (a int) partition by hash (a int4_ops)
create table t partition of u for values from (1, minvalue) to (10, maxvalue)
create table t partition of u (a not null, b with options default 1, constraint c check (a > 0)) for values in (1, 'a', null) partition by list (b)
create table t partition of u for values with (modulus 4, remainder 1)
create table if not exists t partition of s.u default
create table t of s.ty
create table t of ty (primary key (a), b with options not null, c default 5)
create table t (a int) using heap with (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = off, x) on commit drop tablespace ts
create table t (a int) without oids
create table t (a int[], b int[3], c int[][], d int array, e int array[4], f text [], g "MyType", h s.ty, i varchar, j character(5), k bit(3), l bit varying(5), m float(10), n float(30), o double precision, p time(3) without time zone, q interval year to month, r interval second(2), s interval(3), u numeric, v dec(5), w s.ty(1, 2), x national char varying(3), y setof int)
create table as_ as select 1
create table t as select * from u
create table if not exists t (a, b) as values (1, 2) with no data
create temp table t on commit drop as select 1 with data
create table t using heap with (fillfactor = 10) tablespace x as table u
create table t as execute p (1)
create table t as (select 1) union select 2
create unlogged table t (a) as with x as (select 1) select * from x
-- ALTER TABLE
alter table t add a int
alter table if exists only s.t add column if not exists a int not null default 1, add b text, drop column c, drop if exists d cascade, drop column if exists e restrict
alter table t * add constraint c check (a > 0) not valid, add primary key (a), add unique using index i, add constraint p primary key using index i deferrable initially deferred, add foreign key (a) references u
alter table t alter a set default 1 + 2, alter column b drop default, alter c set not null, alter d drop not null, alter e drop expression, alter e drop expression if exists
alter table t alter a type int, alter column b set data type text collate "C" using b::text || 'x', alter c type numeric(3, 1) using 1
alter table t alter a set statistics 100, alter 1 set statistics -1, alter b set storage external, alter c set compression pglz, alter d set (n_distinct = 5), alter e reset (n_distinct), alter f set compression default
alter table t alter a add generated always as identity (start 1), alter b add generated by default as identity, alter c set generated always set start 5 restart restart with 10 set increment by 2, alter d drop identity, alter e drop identity if exists
alter table t alter constraint c deferrable initially immediate, validate constraint c, drop constraint c, drop constraint if exists c cascade
alter table t cluster on i, set without cluster, set without oids, set logged, set unlogged, set access method heap, set tablespace x
alter table t set (fillfactor = 70, toast.x = 1), reset (fillfactor, b)
alter table t enable trigger x, enable trigger all, enable trigger user, disable trigger x, disable trigger all, disable trigger user, enable always trigger x, enable replica trigger x
alter table t enable rule x, enable always rule x, enable replica rule x, disable rule x
alter table t inherit u, no inherit s.u, of s.ty, not of, owner to x, owner to current_user
alter table t replica identity nothing, replica identity full, replica identity default, replica identity using index i
alter table t enable row level security, disable row level security, force row level security, no force row level security
alter table t attach partition u for values from (1) to (2)
alter table t attach partition u default
alter table t detach partition u
alter table t detach partition u concurrently
alter table t detach partition s.u finalize
alter table t rename to u
alter table if exists t rename a to b
alter table t rename column a to b
alter table only t rename constraint a to b
alter table t set schema s
alter table if exists t set schema s
alter table all in tablespace a owned by b set tablespace c nowait
alter index i rename to j
alter index if exists i set (fillfactor = 50)
alter index i attach partition j
alter index i alter column 1 set statistics 100
alter index i set tablespace x
alter index i depends on extension e
alter index i reset (fillfactor)
alter view v rename to w
alter view v rename column a to b
alter view if exists v set schema s
alter view v alter column a set default 1
alter view v owner to x
alter view v set (security_barrier = true)
alter materialized view v rename to w
alter materialized view if exists v rename column a to b
alter materialized view v set schema s
alter materialized view v cluster on i
alter materialized view v depends on extension e
alter sequence s restart
alter sequence if exists s restart with 5 increment 2 owned by t.a
alter sequence s owned by none as bigint no minvalue no cycle
alter sequence s owner to x
alter sequence s rename to r
alter sequence s set schema x
alter sequence s set logged
alter foreign table f add column a int
drop table t
drop table if exists a, s.b cascade
drop table a restrict
-- Indexes, views, sequences
create index on t (a)
create index i on t (a, b desc, c asc nulls first, d nulls last)
create unique index concurrently if not exists i on only s.t using btree (a collate "C" text_pattern_ops desc nulls last, lower(b), (a || b), s.f(c)) include (d, e) nulls not distinct with (fillfactor = 70) tablespace x where a > 0 and b is not null
create index i on t using gin (a gin_trgm_ops (siglen = 32), coalesce(a, b), cast(a as text))
create index concurrently on t (a)
create index i on t using hash (a) nulls distinct
drop index i
drop index concurrently if exists a, b cascade
reindex table t
reindex index concurrently s.i
reindex schema concurrently s
reindex database d
reindex system d
reindex (verbose, concurrently false) table t
create view v as select 1
create or replace view s.v (a, b) as select 1, 2
create temp view v as select 1
create or replace temporary view v with (security_barrier, check_option = local) as select 1 with check option
create view v as select 1 with cascaded check option
create view v as select 1 with local check option
create recursive view s.v (n) as values (1) union all select n + 1 from v
create view v as table t
create view v as with x as (select 1) select * from x
create materialized view v as select 1
create materialized view if not exists s.v (a, b) using heap with (fillfactor = 70) tablespace x as select 1, 2 with no data
refresh materialized view v
refresh materialized view concurrently s.v with no data
drop view v
drop view if exists a, b cascade
drop materialized view if exists v
create sequence s
create temp sequence if not exists s as smallint increment 2 minvalue -5 maxvalue 100 start with 10 cache 20 no cycle owned by t.a
create unlogged sequence s owned by none no minvalue no maxvalue start 1 restart
drop sequence a, b
-- Schemas, databases, roles, privileges
create schema s
create schema if not exists s authorization x
create schema authorization current_user
create schema s create table t (a int) create view v as select 1 create index i on t (a) create sequence q grant select on t to public
drop schema a, b cascade
alter schema s rename to r
alter schema s owner to x
create database d
create database d with owner = x template template0 encoding 'utf8' lc_collate 'C' lc_ctype = 'C' tablespace default connection limit -1 allow_connections = false is_template true strategy wal_log
alter database d with connection limit 5 is_template = true
alter database d connection limit 5
alter database d rename to e
alter database d owner to x
alter database d set tablespace x
alter database d set a = 1
alter database d set a from current
alter database d reset all
alter database d reset a
alter database d refresh collation version
drop database d
drop database if exists d with (force)
drop database d (force, force)
create role r
create role r with superuser nosuperuser createdb nocreatedb createrole nocreaterole inherit noinherit login nologin replication noreplication bypassrls nobypassrls connection limit 5 password 'x' valid until 'infinity' in role a, b role c, d admin e sysid 5 in group f user g
create user u password null
create user u with encrypted password 'x'
create group g
alter role r superuser
alter user u with password 'x' valid until '2020-01-01'
alter role r rename to q
alter user current_user set a = 1
alter role all set a to 'x'
alter role all in database d reset all
alter role r in database d set time zone 'utc'
alter role r reset a
alter role current_user with nologin
alter group g add user a, b
alter group g drop user a
alter group g rename to h
drop role r
drop user if exists a, b
drop group g
drop owned by a, current_user cascade
reassign owned by a, b to c
grant select on t to x
grant all on table t to x, public with grant option
grant all privileges on a, b, s.c to current_user granted by current_user
grant select (a, b), insert (c), update, references on t to x
grant all (a) on t to x
grant usage on schema s, r to group x
grant usage, select on sequence s to x
grant connect, temporary, create on database d to x
grant execute on function f(int, text), g to x
grant execute on procedure s.f() to x
grant execute on routine f to x
grant usage on type ty to x
grant usage on domain d to x
grant usage on language plpgsql to x
grant select on large object 1, 2 to x
grant create on tablespace ts to x
grant usage on foreign data wrapper w to x
grant usage on foreign server s to x
grant set, alter system on parameter a.b, c to x
grant select on all tables in schema a, b to x
grant execute on all functions in schema a to x
grant usage on all sequences in schema a to x
grant execute on all procedures in schema a to x
grant execute on all routines in schema a to x
revoke select on t from x
revoke grant option for all on t from x cascade
revoke all on schema public from public restrict
revoke insert on t from x granted by y
grant a to b
grant a, b to c, d with admin option granted by e
revoke a from b
revoke admin option for a from b cascade
alter default privileges grant select on tables to x
alter default privileges for role a, b in schema s, r revoke all on functions from public
alter default privileges for user a grant usage on types to x with grant option
alter default privileges in schema s revoke grant option for usage on sequences from x cascade
alter default privileges grant all on schemas to x
alter default privileges grant execute on routines to x
alter system set a = 1
alter system reset all
alter system reset a
-- Types, domains, extensions, functions
create type t
create type s.t as enum ()
create type t as enum ('a', 'b')
create type t as ()
create type t as (a int, b text collate "C", c numeric(3, 1)[])
create type t as range (subtype = float8, subtype_diff = float8mi, canonical = s.f)
create type t (input = f, output = g, internallength = 4, passedbyvalue, alignment = int4)
alter type t add value 'a'
alter type t add value if not exists 'a' before 'b'
alter type t add value 'a' after 'b'
alter type t rename value 'a' to 'b'
alter type t rename to u
alter type t owner to x
alter type t set schema s
alter type t add attribute a int collate "C" cascade, drop attribute if exists b, drop attribute c cascade, alter attribute d set data type text, alter attribute e type int collate "C" restrict
alter type t rename attribute a to b cascade
alter type t set (storage = plain)
drop type t
drop type if exists a, s.b cascade
create domain d as int
create domain s.d text collate "C" constraint c check (value > 'a') default 'b' not null
create domain d int null
alter domain d set default 1
alter domain d drop default
alter domain d set not null
alter domain d drop not null
alter domain d add constraint c check (value > 0) not valid
alter domain d add check (value > 0)
alter domain d drop constraint if exists c cascade
alter domain d rename constraint a to b
alter domain d validate constraint c
alter domain d rename to e
alter domain d owner to x
alter domain d set schema s
drop domain d
drop domain if exists a, b restrict
create extension e
create extension if not exists e with schema s version '1.0' cascade
create extension e version v1
alter extension e update
alter extension e update to '2'
alter extension e set schema s
alter extension e add table t
drop extension if exists a, b cascade
create function f() returns int language sql as 'select 1'
create or replace function s.f(a int, in b text default 'x', out c int, inout d int, variadic e int[], f int = 5, int, double precision, x double precision, in out y int) returns setof record language plpgsql immutable strict security definer cost 10 rows 100 parallel safe set search_path to a, b as $$ begin; end $$
create function f(a int) returns table (x int, y text) stable leakproof not leakproof called on null input returns null on null input external security invoker volatile window support s.g transform for type int, for type text set a from current reset b as 'obj', 'sym' language c
create function f(a int) returns int return a + 1
create function f(a int) returns int language sql begin atomic select 1; select case when a then 1 else 2 end; end
create procedure p() language sql as $$ select 1 $$
create or replace procedure s.p(a int) begin atomic insert into t values (1); end
create function f() returns trigger as 'x' language plpgsql
create function f(a t.c%type, b setof int) returns t.c%type as '' language sql
drop function f
drop function if exists f(int, text), s.g() cascade
drop procedure p(a int, out b text)
drop routine r
drop aggregate a(*), b(int), c(int order by text), d(order by int)
drop operator +(int, int), s.@@(none, text)
alter function f(int) rename to g
alter function f owner to x
alter function s.f(a int) set schema r
alter function f(int) immutable
alter procedure p() rename to q
alter aggregate a(int) owner to x
alter operator +(int, int) owner to x
alter operator class c using btree rename to d
alter collation c rename to d
alter trigger a on t rename to b
alter policy p on t rename to q
alter policy if exists p on t rename to q
alter policy p on t to x using (true)
alter rule r on t rename to s
alter statistics s rename to t
alter conversion c set schema s
alter event trigger e disable
alter text search dictionary d (a = b)
alter language l rename to m
alter tablespace t set (a = 1)
alter tablespace t rename to u
alter server s owner to x
alter foreign data wrapper w options (set a 'b')
alter publication p add table t
alter subscription s enable
alter large object 5 owner to x
alter user mapping for x server s options (add a 'b')
-- Refused, but known
create trigger x before insert or update of a on t for each row execute function f()
create or replace trigger x after delete on t referencing old table as o for each statement when (true) execute function f('a;b')
create constraint trigger x after insert on t deferrable initially deferred for each row execute function f()
create event trigger e on ddl_command_start execute function f()
create rule r as on insert to t do instead (insert into u values (1); delete from v)
create or replace rule r as on select to t do instead select 1
create policy p on t as permissive for select to x, public using (a > 1) with check (b)
create aggregate a (int) (sfunc = f, stype = int)
create or replace aggregate a (int) (sfunc = f, stype = int)
create operator + (leftarg = int, rightarg = int, function = f)
create operator class c for type int using btree as operator 1 <, function 1 f(int, int)
create operator family f using btree
create cast (int as text) with function f(int) as implicit
create collation c (locale = 'C')
create collation c from "C"
create conversion c for 'a' to 'b' from f
create language l
create trusted procedural language l handler h
create or replace procedural language l
create transform for int language l (from sql with function f(internal))
create access method m type index handler h
create foreign data wrapper w
create foreign table t (a int) server s
create server s foreign data wrapper w
create user mapping for x server s
create publication p for all tables
create subscription s connection 'x' publication p
create statistics s (ndistinct) on a, b from t
create tablespace t location '/x'
create text search configuration c (parser = p)
create text search dictionary d (template = t)
create default conversion c for 'a' to 'b' from f
security label for x on table t is 'y'
import foreign schema s from server r into t
drop trigger a on t
drop trigger if exists a on s.t cascade
drop rule r on t
drop policy if exists p on t
drop cast (int as text)
drop cast if exists (a.b as c[]) cascade
drop collation c
drop conversion c
drop statistics a, b
drop event trigger e
drop foreign data wrapper w
drop foreign table t
drop server s
drop language l
drop procedural language l
drop publication p
drop subscription s
drop tablespace t
drop tablespace if exists t
drop text search parser p
drop text search configuration c
drop transform for int language l
drop access method m
drop operator class c using btree
drop operator family if exists f using hash cascade
drop user mapping if exists for x server s
-- COMMENT
comment on table t is 'x'
comment on table s.t is null
comment on column t.a is 'x'
comment on column s.t.a is 'x'
comment on index i is 'x'
comment on view v is 'x'
comment on materialized view v is 'x'
comment on sequence s is 'x'
comment on schema s is 'x'
comment on database d is 'x'
comment on role r is 'x'
comment on tablespace t is 'x'
comment on extension e is 'x'
comment on type t is 'x'
comment on domain d is 'x'
comment on function f(int) is 'x'
comment on function f is 'x'
comment on procedure p() is 'x'
comment on routine r(a int) is 'x'
comment on aggregate a(*) is 'x'
comment on aggregate a(int) is 'x'
comment on operator +(int, none) is 'x'
comment on operator class c using btree is 'x'
comment on operator family c using btree is 'x'
comment on constraint c on t is 'x'
comment on constraint c on domain d is 'x'
comment on trigger a on t is 'x'
comment on rule a on t is 'x'
comment on policy a on t is 'x'
comment on cast (int as text) is 'x'
comment on collation c is 'x'
comment on conversion c is 'x'
comment on language l is 'x'
comment on procedural language l is 'x'
comment on large object 5 is 'x'
comment on statistics s is 'x'
comment on foreign table t is 'x'
comment on foreign data wrapper w is 'x'
comment on server s is 'x'
comment on event trigger e is 'x'
comment on access method m is 'x'
comment on publication p is 'x'
comment on subscription s is 'x'
comment on text search parser p is 'x'
comment on text search dictionary p is 'x'
comment on text search template p is 'x'
comment on text search configuration p is 'x'
comment on transform for int language l is 'x'
