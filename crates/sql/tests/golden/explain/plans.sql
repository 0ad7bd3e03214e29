create table t (a int primary key, b int, c text, d numeric(10,2), e timestamp, v varchar(20), f boolean)
----
CREATE TABLE

create index t_b on t (b)
----
CREATE INDEX

create index t_c on t (c, b desc)
----
CREATE INDEX

create table u (k int primary key, t int references t, w text)
----
CREATE TABLE

create table s (x int, y int)
----
CREATE TABLE

insert into t select i, i % 50, 'c' || i % 20, i, timestamp '2020-01-01', 'v', i % 2 = 0 from generate_series(1, 2000) i
----
INSERT 0 2000

insert into u select i, i, 'w' from generate_series(1, 500) i
----
INSERT 0 500

insert into s select i, i from generate_series(1, 50) i
----
INSERT 0 50

analyze t
----
ANALYZE

analyze u
----
ANALYZE

analyze s
----
ANALYZE

explain (costs off) select 1
----
Result
EXPLAIN

explain (costs off) select * from t
----
Seq Scan on t
EXPLAIN

explain (costs off) select * from t where a = 5
----
Index Scan using t_pkey on t
  Index Cond: (a = 5)
EXPLAIN

explain (costs off) select * from t where a in (5, 7) and f
----
Index Scan using t_pkey on t
  Index Cond: (a = ANY ('{5,7}'::integer[]))
  Filter: f
EXPLAIN

explain (costs off) select * from t x where a > 5 and a <= 9 and c is not null
----
Index Scan using t_pkey on t x
  Index Cond: ((a > 5) AND (a <= 9))
  Filter: (c IS NOT NULL)
EXPLAIN

explain (costs off) select b from t where b = 7
----
Bitmap Heap Scan on t
  Recheck Cond: (b = 7)
  ->  Bitmap Index Scan on t_b
        Index Cond: (b = 7)
EXPLAIN
atoll
Index Only Scan using t_b on t
  Index Cond: (b = 7)
EXPLAIN

explain (costs off) select a from t where b = 7 and c <> 'x''y'
----
Bitmap Heap Scan on t
  Recheck Cond: (b = 7)
  Filter: (c <> 'x''y'::text)
  ->  Bitmap Index Scan on t_b
        Index Cond: (b = 7)
EXPLAIN
atoll
Index Scan using t_b on t
  Index Cond: (b = 7)
  Filter: (c <> 'x''y'::text)
EXPLAIN

explain (costs off) select * from t order by a desc limit 3
----
Limit
  ->  Index Scan Backward using t_pkey on t
EXPLAIN

explain (costs off) select * from t where false
----
Result
  One-Time Filter: false
EXPLAIN

explain (costs off) select * from s where x = 1 or y < 2 and not x is distinct from y
----
Seq Scan on s
  Filter: ((x = 1) OR ((y < 2) AND (NOT (x IS DISTINCT FROM y))))
EXPLAIN
atoll
Seq Scan on s
  Filter: ((x = 1) OR ((y < 2) AND (x IS NOT DISTINCT FROM y)))
EXPLAIN

explain (costs off) select * from t where v = 'v' and d > 1.5 and e < timestamp '2021-01-01' and c like 'a%' and b = -1
----
Index Scan using t_b on t
  Index Cond: (b = '-1'::integer)
  Filter: ((d > 1.5) AND (e < '2021-01-01 00:00:00'::timestamp without time zone) AND (c ~~ 'a%'::text) AND ((v)::text = 'v'::text))
EXPLAIN
atoll
Index Scan using t_b on t
  Index Cond: (b = '-1'::integer)
  Filter: (((v)::text = 'v'::text) AND (d > 1.5) AND (e < '2021-01-01 00:00:00'::timestamp without time zone) AND (c ~~ 'a%'::text))
EXPLAIN

explain (costs off) select * from s where case when x > 1 then y else 2 end = 2 and coalesce(x, y, 3) > 1 and x = any (array[1, y])
----
Seq Scan on s
  Filter: ((COALESCE(x, y, 3) > 1) AND (x = ANY (ARRAY[1, y])) AND (CASE WHEN (x > 1) THEN y ELSE 2 END = 2))
EXPLAIN
atoll
Seq Scan on s
  Filter: ((CASE WHEN (x > 1) THEN y ELSE 2 END = 2) AND (COALESCE(x, y, 3) > 1) AND (x = ANY (ARRAY[1, y])))
EXPLAIN

explain (costs off) select * from s where x + 1 > y * 2 and abs(x) = 1 and x::text = 'a' and x::bigint = 5 and -x < 1
----
Seq Scan on s
  Filter: (((- x) < 1) AND (abs(x) = 1) AND ((x)::bigint = 5) AND ((x + 1) > (y * 2)) AND ((x)::text = 'a'::text))
EXPLAIN
atoll
Seq Scan on s
  Filter: (((x + 1) > (y * 2)) AND (abs(x) = 1) AND ((x)::text = 'a'::text) AND ((x)::bigint = 5) AND ((- x) < 1))
EXPLAIN

explain (costs off) select * from s where x = 5::bigint and y::numeric = 1
----
Seq Scan on s
  Filter: ((x = '5'::bigint) AND ((y)::numeric = '1'::numeric))
EXPLAIN

explain (costs off) select count(*) from t
----
Aggregate
  ->  Seq Scan on t
EXPLAIN

explain (costs off) select f, count(*), sum(distinct b) filter (where b > 1) from t group by f having count(*) > 5
----
GroupAggregate
  Group Key: f
  Filter: (count(*) > 5)
  ->  Sort
        Sort Key: f
        ->  Seq Scan on t
EXPLAIN
atoll
HashAggregate
  Group Key: f
  Filter: (count(*) > 5)
  ->  Seq Scan on t
EXPLAIN

explain (costs off) select x % 10, count(*) from s group by x % 10 order by count(*) desc, 1 nulls first
----
Sort
  Sort Key: (count(*)) DESC, ((x % 10)) NULLS FIRST
  ->  HashAggregate
        Group Key: (x % 10)
        ->  Seq Scan on s
EXPLAIN

explain (costs off) select distinct f from t
----
HashAggregate
  Group Key: f
  ->  Seq Scan on t
EXPLAIN

explain (costs off) select distinct on (x) x, y from s order by x, y desc
----
Unique
  ->  Sort
        Sort Key: x, y DESC
        ->  Seq Scan on s
EXPLAIN

explain (costs off) select * from s order by x + y, y desc nulls last limit 5 offset 2
----
Limit
  ->  Sort
        Sort Key: ((x + y)), y DESC NULLS LAST
        ->  Seq Scan on s
EXPLAIN

explain (costs off) select * from t join u on u.t = t.b
----
Hash Join
  Hash Cond: (t.b = u.t)
  ->  Seq Scan on t
  ->  Hash
        ->  Seq Scan on u
EXPLAIN

explain (costs off) select * from s left join u on u.k = s.x and u.w > 'a' and s.y <> u.t
----
Hash Right Join
  Hash Cond: (u.k = s.x)
  Join Filter: (s.y <> u.t)
  ->  Seq Scan on u
        Filter: (w > 'a'::text)
  ->  Hash
        ->  Seq Scan on s
EXPLAIN

explain (costs off) select * from s full join u on u.k = s.x
----
Hash Full Join
  Hash Cond: (u.k = s.x)
  ->  Seq Scan on u
  ->  Hash
        ->  Seq Scan on s
EXPLAIN
atoll
Hash Full Join
  Hash Cond: (s.x = u.k)
  ->  Seq Scan on s
  ->  Hash
        ->  Seq Scan on u
EXPLAIN

explain (costs off) select * from s where exists (select from u where u.t = s.x)
----
Hash Semi Join
  Hash Cond: (s.x = u.t)
  ->  Seq Scan on s
  ->  Hash
        ->  Seq Scan on u
EXPLAIN

explain (costs off) select * from s where x not in (select t from u)
----
Seq Scan on s
  Filter: (NOT (hashed SubPlan 1))
  SubPlan 1
    ->  Seq Scan on u
EXPLAIN

explain (costs off) select * from s a, s b where a.x < b.y
----
Nested Loop
  Join Filter: (a.x < b.y)
  ->  Seq Scan on s a
  ->  Materialize
        ->  Seq Scan on s b
EXPLAIN
atoll
Nested Loop
  Join Filter: (a.x < b.y)
  ->  Seq Scan on s b
  ->  Seq Scan on s a
EXPLAIN

explain (costs off) select * from s where y = (select max(k) from u)
----
Seq Scan on s
  Filter: (y = $1)
  InitPlan 2 (returns $1)
    ->  Result
          InitPlan 1 (returns $0)
            ->  Limit
                  ->  Index Only Scan Backward using u_pkey on u
                        Index Cond: (k IS NOT NULL)
EXPLAIN
atoll
Seq Scan on s
  Filter: (y = $0)
  InitPlan 1 (returns $0)
    ->  Aggregate
          ->  Limit
                ->  Index Scan Backward using u_pkey on u
EXPLAIN

explain (costs off) select x, (select w from u where u.k = s.x) from s
----
Seq Scan on s
  SubPlan 1
    ->  Index Scan using u_pkey on u
          Index Cond: (k = s.x)
EXPLAIN
atoll
Hash Right Join
  Hash Cond: (u.k = s.x)
  ->  Seq Scan on u
  ->  Hash
        ->  Seq Scan on s
EXPLAIN

explain (costs off) select x, row_number() over (partition by y order by x) from s
----
WindowAgg
  ->  Sort
        Sort Key: y, x
        ->  Seq Scan on s
EXPLAIN
atoll
WindowAgg
  Sort Key: y, x
  ->  Seq Scan on s
EXPLAIN

explain (costs off) select x from s union all select k from u union all select 1
----
Append
  ->  Seq Scan on s
  ->  Seq Scan on u
  ->  Result
EXPLAIN

explain (costs off) select x from s union select k from u
----
HashAggregate
  Group Key: s.x
  ->  Append
        ->  Seq Scan on s
        ->  Seq Scan on u
EXPLAIN

explain (costs off) select x from s intersect select k from u
----
HashSetOp Intersect
  ->  Append
        ->  Subquery Scan on "*SELECT* 1"
              ->  Seq Scan on s
        ->  Subquery Scan on "*SELECT* 2"
              ->  Seq Scan on u
EXPLAIN
atoll
HashSetOp Intersect
  ->  Seq Scan on s
  ->  Seq Scan on u
EXPLAIN

explain (costs off) select x from s except all select k from u
----
HashSetOp Except All
  ->  Append
        ->  Subquery Scan on "*SELECT* 1"
              ->  Seq Scan on s
        ->  Subquery Scan on "*SELECT* 2"
              ->  Seq Scan on u
EXPLAIN
atoll
HashSetOp Except All
  ->  Seq Scan on s
  ->  Seq Scan on u
EXPLAIN

explain (costs off) with w as materialized (select x, y from s where x > 1) select * from w where y = 2
----
CTE Scan on w
  Filter: (y = 2)
  CTE w
    ->  Seq Scan on s
          Filter: (x > 1)
EXPLAIN

explain (costs off) with recursive r (n) as (select 1 union all select n + 1 from r where n < 5) select * from r
----
CTE Scan on r
  CTE r
    ->  Recursive Union
          ->  Result
          ->  WorkTable Scan on r r_1
                Filter: (n < 5)
EXPLAIN
atoll
CTE Scan on r
  CTE r
    ->  Recursive Union
          ->  Result
          ->  WorkTable Scan on r
                Filter: (n < 5)
EXPLAIN

explain (costs off) values (1, 'a'), (2, 'b')
----
Values Scan on "*VALUES*"
EXPLAIN

explain (costs off) select * from (values (1, 'a'), (2, 'b')) q (m, n) where m > 1
----
Values Scan on "*VALUES*"
  Filter: (column1 > 1)
EXPLAIN

explain (costs off) select * from generate_series(1, 10) g where g > 2
----
Function Scan on generate_series g
  Filter: (g > 2)
EXPLAIN

explain (costs off) select * from generate_series(1, 10) g (h), unnest(array[1, 2]) with ordinality
----
Nested Loop
  ->  Function Scan on unnest
  ->  Function Scan on generate_series g
EXPLAIN
atoll
Nested Loop
  ->  Function Scan on generate_series g
  ->  Function Scan on unnest
EXPLAIN

explain (costs off) select generate_series(1, x) from s
----
ProjectSet
  ->  Seq Scan on s
EXPLAIN

explain (costs off) select * from pg_class c where relname = 't'
----
Index Scan using pg_class_relname_nsp_index on pg_class c
  Index Cond: (relname = 't'::name)
EXPLAIN
atoll
Seq Scan on pg_class c
  Filter: (relname = 't'::name)
EXPLAIN

explain (costs off) select * from s for update
----
LockRows
  ->  Seq Scan on s
EXPLAIN

explain (costs off) insert into s values (1, 2)
----
Insert on s
  ->  Result
EXPLAIN

explain (costs off) insert into s select k, t from u where k > 5
----
Insert on s
  ->  Seq Scan on u
        Filter: (k > 5)
EXPLAIN
atoll
Insert on s
  ->  Index Scan using u_pkey on u
        Index Cond: (k > 5)
EXPLAIN

explain (costs off) insert into u values (1, 1, 'x') on conflict (k) do update set w = excluded.w where u.w <> 'x'
----
Insert on u
  Conflict Resolution: UPDATE
  Conflict Arbiter Indexes: u_pkey
  Conflict Filter: (u.w <> 'x'::text)
  ->  Result
EXPLAIN

explain (costs off) insert into u values (1, 1, 'x') on conflict do nothing
----
Insert on u
  Conflict Resolution: NOTHING
  ->  Result
EXPLAIN
atoll
Insert on u
  Conflict Resolution: NOTHING
  Conflict Arbiter Indexes: u_pkey
  ->  Result
EXPLAIN

explain (costs off) update s set y = x + 1 where x = 3
----
Update on s
  ->  Seq Scan on s
        Filter: (x = 3)
EXPLAIN

explain (costs off) update s set y = u.k from u where u.k = s.x
----
Update on s
  ->  Merge Join
        Merge Cond: (u.k = s.x)
        ->  Index Scan using u_pkey on u
        ->  Sort
              Sort Key: s.x
              ->  Seq Scan on s
EXPLAIN
atoll
Update on s
  ->  Hash Join
        Hash Cond: (u.k = s.x)
        ->  Seq Scan on u
        ->  Hash
              ->  Seq Scan on s
EXPLAIN

explain (costs off) delete from s where x = 3
----
Delete on s
  ->  Seq Scan on s
        Filter: (x = 3)
EXPLAIN

explain (costs off) delete from t where a = 3 returning *
----
Delete on t
  ->  Index Scan using t_pkey on t
        Index Cond: (a = 3)
EXPLAIN
