create table c (a int, b text);
copy c from stdin;
1	one
2	\N
3	back\\slash
\.
select * from c order by a;
copy c to stdout;
copy c (b, a) to stdout with (format csv, header);
copy c from stdin with (format csv);
4,"four, ""4"""
5,
\.
copy (select * from c where a > 3 order by a) to stdout csv;
copy c from stdin;
x	not a number
\.
copy c from stdin;
\.
\copy c to copied.tmp
\! cat copied.tmp
delete from c;
\copy c from copied.tmp
\copy c (a) from stdin
6
7
\.
select count(*), sum(a) from c;
\copy (select a, 'it''s' as b from c where a < 3 order by a) to 'copied.tmp' csv header
\! cat copied.tmp; rm copied.tmp
\copy c from nonexistent.tmp
\copy c from program 'echo 8; echo 9' with (format text)
\copy c(a) from program 'printf "8\n9\n"'
\copy c to program 'sort -r | head -2'
\copy c to stdout
\copy
\copy c
\copy c sideways x
\o copied.tmp
copy (select 'into the file') to stdout;
\o
\! cat copied.tmp; rm copied.tmp
begin;
copy c from stdin;
10	ten
\.
rollback;
drop table c;
