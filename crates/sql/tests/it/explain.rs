//! EXPLAIN, through a session on a store in the simulation: the golden files of `tests/golden/explain`, and numbers.
//!
//! Where the plan is another one than PostgreSQL's, only its form can be compared.

use crate::node::golden::run_file;
use crate::node::{answer, on_a_node, session};

#[test]
fn plans() {
    run_file("explain/plans.sql");
}

#[test]
fn options() {
    run_file("explain/options.sql");
}

#[test]
fn what_is_counted_while_a_plan_runs() {
    on_a_node(async |node, _store| {
        let mut one = session(&node, 1).await;
        answer(&mut one, "create table t (a int primary key, b int)").await;
        answer(&mut one, "insert into t select g, g % 10 from generate_series(1, 100) g").await;
        answer(&mut one, "analyze t").await;
        let seen =
            answer(&mut one, "explain (analyze, costs off, timing off, summary off) select * from t where b = 3").await;
        let expected =
            "Seq Scan on t (actual rows=10 loops=1)\n  Filter: (b = 3)\n  Rows Removed by Filter: 90\nEXPLAIN";
        assert_eq!(seen, expected);
        let seen = answer(&mut one, "explain select * from t where b = 3").await;
        assert!(seen.contains("rows=10 width=8)"), "{seen}");
        let lookup = "explain (analyze, costs off, timing off, summary off) \
                      select * from generate_series(1, 3) g, lateral (select b from t where a = g) s";
        let seen = answer(&mut one, lookup).await;
        assert!(seen.contains("->  Index Scan using t_pkey on t (actual rows=1 loops=3)"), "{seen}");
        // Without ANALYZE nothing is changed, with it it is.
        answer(&mut one, "explain delete from t").await;
        answer(&mut one, "explain update t set b = 0").await;
        assert_eq!(answer(&mut one, "select count(*), sum(b) from t").await, "100|450");
        let seen =
            answer(&mut one, "explain (analyze, costs off, timing off, summary off) delete from t where a > 95").await;
        assert!(seen.starts_with("Delete on t (actual rows=0 loops=1)"), "{seen}");
        assert_eq!(answer(&mut one, "select count(*) from t").await, "95");
        let seen = answer(&mut one, "explain analyze select 1").await;
        let lines: Vec<&str> = seen.lines().collect();
        assert!(lines[0].starts_with("Result  (cost=0.00..0.10 rows=1 width=4) (actual time="), "{seen}");
        assert!(lines[1].starts_with("Planning Time: ") && lines[2].starts_with("Execution Time: "), "{seen}");
    });
}
