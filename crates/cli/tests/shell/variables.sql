\set name world
\set n 3
\set tricky 'it''s "quoted" \\ back'
\echo hello :name :n :none ':name' ":name" :'name' :"name"
select :'name' as greeting, :n + 1 as sum, :'tricky' as tricky, ':n' as literal, $$:n$$ as dollar;
select 1 as :"name";
select :none;
select 3::text, :n::text, 'x' as "a:n";
select (array[10,20,30])[1:2];
\set statement 'select :n as nested;'
:statement
\set loop 'select 1 as :loop'
\unset name
\echo :name :{?name} :{?n}
\echo -n no newline
\echo
\echo 'tab\there' '\x41\102' "kept quotes" `echo from the system`
\echo one \echo two \\ select 'three' as three;
select 1 as a, 'x' as b, null as c \gset
\echo :a :b :c
select 2 as a \gset p_
\echo :p_a
select 1 as a where false \gset
select generate_series(1,2) as a \gset
select 1 as a, 'x'::varchar(5) as b, null as c, 1.5::numeric(4,2) as d \gdesc
create table g (a int) \gdesc
select format('select %s as n', i) from generate_series(1, 2) i \gexec
select 'select ''x''::int', 'select 5 as five' \gexec
\echo :ERROR :SQLSTATE :ROW_COUNT :LAST_ERROR_SQLSTATE
select 'x'::int;
\echo :ERROR :SQLSTATE :ROW_COUNT :LAST_ERROR_MESSAGE
select generate_series(1,4) as i;
\echo :ERROR :SQLSTATE :ROW_COUNT
\if true
  \echo yes
  \if 0
    \echo no :undefined `echo never run >&2`
    select 'not sent';
    \nonsense 'and not complained about'
  \elif on
    \echo inner
  \elif nonsense
    \echo never
  \else
    \echo no
  \endif
\else
  \echo no
\endif
\if maybe
\echo no
\else
\echo else
\endif
\else
\endif
select
\if false
  1 as
\else
  2 as
\endif
  chosen;
\if true
\if
