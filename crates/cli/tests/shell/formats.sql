create table fruit (id int, name text, price numeric(6,2), note text);
insert into fruit values (1, 'apple', 1.50, null), (22, 'Birne', 10.00, E'two\nlines'), (3, '深い', null, E'tab\there'), (4, '', -0.25, 'a|b, "c"');
select * from fruit order by id;
select id as "a heading that is long", name as "a
heading of two lines" from fruit order by id;
\pset null (none)
\pset border 0
select * from fruit order by id;
\pset border 2
select * from fruit order by id;
\pset border 1
\x
select * from fruit order by id;
select name as "one
two", note from fruit order by id;
\pset border 0
select * from fruit order by id limit 2;
\pset border 2
select * from fruit order by id limit 2;
\pset border 1
select * from fruit where false;
\t
select * from fruit order by id limit 2;
select * from fruit where false;
\x
select * from fruit order by id;
select * from fruit where false;
\t
\a
select * from fruit order by id;
select * from fruit where false;
\x
select * from fruit order by id limit 2;
select * from fruit where false;
\x
\f ;
select * from fruit order by id limit 2;
\pset fieldsep '\t'
\pset recordsep ' / '
select id, name from fruit order by id limit 2;
\pset recordsep '\n'
\f |
\pset format csv
select * from fruit order by id;
\x
select * from fruit order by id limit 2;
\x
\pset csv_fieldsep ;
select * from fruit order by id limit 2;
\t
select * from fruit order by id limit 2;
\t
\pset format aligned
\pset title 'Fruit'
select id from fruit order by id limit 1;
\pset title
\pset footer off
select id from fruit order by id limit 1;
\pset footer on
\pset null ''
select 1 as a, 1::bigint as b, 1.5::float8 as c, 1::numeric as d, true as e, 'x'::text as f, '{1,2}'::int[] as g, 1::oid as h;
select E'\r' as cr, E'\x01' as control, 'e' || chr(769) as combining, 'ｆｕｌｌ' as wide;
select id, name from fruit order by id \gx
select id, name from fruit order by id \g (format=csv tuples_only=on)
\pset linestyle unicode
select * from fruit order by id;
\x
select name as "one
two", note from fruit order by id limit 3;
\pset border 2
select * from fruit order by id limit 2;
\t
select * from fruit order by id limit 2;
\x
select * from fruit order by id limit 2;
\t
select id, note as "of two
lines" from fruit order by id;
\pset border 0
select * from fruit order by id;
\pset linestyle ascii
drop table fruit;
