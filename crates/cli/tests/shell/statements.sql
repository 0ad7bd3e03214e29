-- A comment before
/* and another /* within */ */ select 1 as one;
select 'a;b', "x;y", $$c;d$$, $tag$e $$;$$ f$tag$ from (select 1 as "x;y") t;
select
  1 +
  -- within

  2 as three;
select 'it''s', E'it\'s;', 'no \' as plain;
select (1;
2);
select 1 \; select 2 as two;
;
select 1; select 2 as b; select 'no end
in sight' as c;
create table t (id int primary key, n text not null check (n <> ''));
insert into t values (1, 'a'), (2, 'b') returning id;
insert into t values (3, 'c');
update t set n = 'x' where id > 1;
delete from t where id = 3 returning *;
insert into t values (1, 'again');
insert into t values (9, null);
insert into t values (9, '');
select nothing from t;
select *
from t
where  idd = 1;
select 'a very long line, so that only a part of it is shown around the mistake', mistake, 'and more of it behind', 'and more' from t;
select mistake, 'a very long line, so that only a part of it is shown around the mistake', 'and more of it behind', 'and more' from t;
select 'die Größe — 深い', mistake;
selct 1;
select 1 from
;
create table t (id int);
create table if not exists t (id int);
drop table if exists none;
begin;
select 'x'::int;
select 1;
rollback;
begin;
savepoint a;
insert into t values (5, 'e');
rollback to a;
commit;
select count(*) from t;
explain (costs off) select * from t where id = 1;
show transaction isolation level;
set search_path to public;
prepare p (int) as select $1 + 1 as next;
execute p (1);
values (1, 'a'), (2, 'b');
table t;
select 'äöü' as "Übung", length('äöü');
drop table t
