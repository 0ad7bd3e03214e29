create table s (x int, y text)
----
CREATE TABLE

insert into s select i, i from generate_series(1, 10) i
----
INSERT 0 10

analyze s
----
ANALYZE

explain (verbose, costs off) select x + 1, y, s from s where x > 1 order by y
----
Sort
  Output: ((x + 1)), y, s.*
  Sort Key: s.y
  ->  Seq Scan on public.s
        Output: (x + 1), y, s.*
        Filter: (s.x > 1)
EXPLAIN
atoll
Sort
  Output: ((x + 1)), y, (s.*)
  Sort Key: s.y
  ->  Seq Scan on public.s
        Output: (x + 1), y, s.*
        Filter: (s.x > 1)
EXPLAIN

explain (verbose, costs off) select count(*), max(x) from s t
----
Aggregate
  Output: count(*), max(x)
  ->  Seq Scan on public.s t
        Output: x, y
EXPLAIN
atoll
Aggregate
  Output: count(*), max(x)
  ->  Seq Scan on public.s t
        Output: x
EXPLAIN

explain (verbose, costs off) select * from generate_series(1, 3)
----
Function Scan on pg_catalog.generate_series
  Output: generate_series
  Function Call: generate_series(1, 3)
EXPLAIN

explain (verbose, costs off) insert into s values (1, 'a') returning x
----
Insert on public.s
  Output: s.x
  ->  Result
        Output: 1, 'a'::text
EXPLAIN

explain (costs off, format json) select x from s where x > 1 order by y desc
----
[
  {
    "Plan": {
      "Node Type": "Sort",
      "Parallel Aware": false,
      "Async Capable": false,
      "Sort Key": ["y DESC"],
      "Plans": [
        {
          "Node Type": "Seq Scan",
          "Parent Relationship": "Outer",
          "Parallel Aware": false,
          "Async Capable": false,
          "Relation Name": "s",
          "Alias": "s",
          "Filter": "(x > 1)"
        }
      ]
    }
  }
]
EXPLAIN

explain (costs off, format yaml) select x from s where x > 1 order by y desc
----
- Plan: 
    Node Type: "Sort"
    Parallel Aware: false
    Async Capable: false
    Sort Key: 
      - "y DESC"
    Plans: 
      - Node Type: "Seq Scan"
        Parent Relationship: "Outer"
        Parallel Aware: false
        Async Capable: false
        Relation Name: "s"
        Alias: "s"
        Filter: "(x > 1)"
EXPLAIN

explain (costs off, format xml) select x from s a where x > 1 order by y desc, x
----
<explain xmlns="http://www.postgresql.org/2009/explain">
  <Query>
    <Plan>
      <Node-Type>Sort</Node-Type>
      <Parallel-Aware>false</Parallel-Aware>
      <Async-Capable>false</Async-Capable>
      <Sort-Key>
        <Item>y DESC</Item>
        <Item>x</Item>
      </Sort-Key>
      <Plans>
        <Plan>
          <Node-Type>Seq Scan</Node-Type>
          <Parent-Relationship>Outer</Parent-Relationship>
          <Parallel-Aware>false</Parallel-Aware>
          <Async-Capable>false</Async-Capable>
          <Relation-Name>s</Relation-Name>
          <Alias>a</Alias>
          <Filter>(x &gt; 1)</Filter>
        </Plan>
      </Plans>
    </Plan>
  </Query>
</explain>
EXPLAIN

explain (costs off, format json) select count(*) from s group by y
----
[
  {
    "Plan": {
      "Node Type": "Aggregate",
      "Strategy": "Hashed",
      "Partial Mode": "Simple",
      "Parallel Aware": false,
      "Async Capable": false,
      "Group Key": ["y"],
      "Plans": [
        {
          "Node Type": "Seq Scan",
          "Parent Relationship": "Outer",
          "Parallel Aware": false,
          "Async Capable": false,
          "Relation Name": "s",
          "Alias": "s"
        }
      ]
    }
  }
]
EXPLAIN

explain (costs off, format json) with w as materialized (select 1) select * from w, s where x = (select 2)
----
[
  {
    "Plan": {
      "Node Type": "Nested Loop",
      "Parallel Aware": false,
      "Async Capable": false,
      "Join Type": "Inner",
      "Inner Unique": false,
      "Plans": [
        {
          "Node Type": "Result",
          "Parent Relationship": "InitPlan",
          "Subplan Name": "CTE w",
          "Parallel Aware": false,
          "Async Capable": false
        },
        {
          "Node Type": "Result",
          "Parent Relationship": "InitPlan",
          "Subplan Name": "InitPlan 2 (returns $1)",
          "Parallel Aware": false,
          "Async Capable": false
        },
        {
          "Node Type": "CTE Scan",
          "Parent Relationship": "Outer",
          "Parallel Aware": false,
          "Async Capable": false,
          "CTE Name": "w",
          "Alias": "w"
        },
        {
          "Node Type": "Seq Scan",
          "Parent Relationship": "Inner",
          "Parallel Aware": false,
          "Async Capable": false,
          "Relation Name": "s",
          "Alias": "s",
          "Filter": "(x = $1)"
        }
      ]
    }
  }
]
EXPLAIN
atoll
[
  {
    "Plan": {
      "Node Type": "Nested Loop",
      "Parallel Aware": false,
      "Async Capable": false,
      "Join Type": "Inner",
      "Plans": [
        {
          "Node Type": "Result",
          "Parent Relationship": "InitPlan",
          "Subplan Name": "CTE w",
          "Parallel Aware": false,
          "Async Capable": false
        },
        {
          "Node Type": "Seq Scan",
          "Parent Relationship": "Outer",
          "Parallel Aware": false,
          "Async Capable": false,
          "Relation Name": "s",
          "Alias": "s",
          "Filter": "(x = $0)",
          "Plans": [
            {
              "Node Type": "Result",
              "Parent Relationship": "InitPlan",
              "Subplan Name": "InitPlan 1 (returns $0)",
              "Parallel Aware": false,
              "Async Capable": false
            }
          ]
        },
        {
          "Node Type": "CTE Scan",
          "Parent Relationship": "Inner",
          "Parallel Aware": false,
          "Async Capable": false,
          "CTE Name": "w",
          "Alias": "w"
        }
      ]
    }
  }
]
EXPLAIN

explain (analyze, costs off, timing off, summary off) select * from s where x > 3
----
Seq Scan on s (actual rows=7 loops=1)
  Filter: (x > 3)
  Rows Removed by Filter: 3
EXPLAIN

explain (analyze, costs off, timing off, summary off) select * from s where x > 3 limit 2
----
Limit (actual rows=2 loops=1)
  ->  Seq Scan on s (actual rows=2 loops=1)
        Filter: (x > 3)
        Rows Removed by Filter: 3
EXPLAIN
atoll
Limit (actual rows=2 loops=1)
  ->  Seq Scan on s (actual rows=7 loops=1)
        Filter: (x > 3)
        Rows Removed by Filter: 3
EXPLAIN

explain (analyze, costs off, timing off, summary off) update s set y = 'z' where x = 3
----
Update on s (actual rows=0 loops=1)
  ->  Seq Scan on s (actual rows=1 loops=1)
        Filter: (x = 3)
        Rows Removed by Filter: 9
EXPLAIN

select count(*) from s where y = 'z'
----
1

explain (costs off) update s set y = 'q'
----
Update on s
  ->  Seq Scan on s
EXPLAIN

select count(*) from s where y = 'q'
----
0

prepare p (int) as select * from s where x = $1
----
PREPARE

explain (costs off) execute p (3)
----
Seq Scan on s
  Filter: (x = 3)
EXPLAIN
atoll
Seq Scan on s
  Filter: (x = $1)
EXPLAIN

explain (analyze, costs off, timing off, summary off) execute p (3)
----
Seq Scan on s (actual rows=1 loops=1)
  Filter: (x = 3)
  Rows Removed by Filter: 9
EXPLAIN
atoll
Seq Scan on s (actual rows=1 loops=1)
  Filter: (x = $1)
  Rows Removed by Filter: 9
EXPLAIN

explain (costs off) execute p
----
ERROR:  42601: wrong number of parameters for prepared statement "p"
DETAIL:  Expected 1 parameters but got 0.

explain (costs off) execute nobody
----
ERROR:  26000: prepared statement "nobody" does not exist

explain (costs off) create table made as select * from s where x > 1
----
Seq Scan on s
  Filter: (x > 1)
EXPLAIN

explain (costs off) select * into made from s where x > 1
----
Seq Scan on s
  Filter: (x > 1)
EXPLAIN

explain (costs off) declare d cursor for select * from s
----
Seq Scan on s
EXPLAIN

select count(*) from pg_class where relname = 'made'
----
0

explain (buffers off, wal off, settings, costs off) select 1
----
Result
EXPLAIN

explain (nonsense) select 1
----
ERROR:  42601: unrecognized EXPLAIN option "nonsense"

explain (format nonsense) select 1
----
ERROR:  22023: unrecognized value for EXPLAIN option "format": "nonsense"

explain (analyze maybe) select 1
----
ERROR:  42601: analyze requires a Boolean value

explain (timing) select 1
----
ERROR:  22023: EXPLAIN option TIMING requires ANALYZE

explain (wal) select 1
----
ERROR:  22023: EXPLAIN option WAL requires ANALYZE

explain (buffers) select 1
----
Result  (cost=0.00..0.01 rows=1 width=4)
EXPLAIN
atoll
ERROR:  0A000: EXPLAIN option BUFFERS is not supported

explain (costs off) select * from nowhere
----
ERROR:  42P01: relation "nowhere" does not exist

explain analyse select 1 / 0
----
ERROR:  22012: division by zero

explain (costs off, analyze off) select * from s where x = 1
----
Seq Scan on s
  Filter: (x = 1)
EXPLAIN
