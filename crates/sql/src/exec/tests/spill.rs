//! Operators that have no memory give the same rows in the same order as those that have.

use super::aggregates::{aggregate_call, aggregated, count, sum};
use super::windows::{default_frame, window_call};
use super::*;

const ROWS: i32 = 3000;

/// Two columns with many equal values and NULLs, and one that has each number once.
fn input(ids: [u32; 3], seed: i32) -> Plan {
    let number = || col(ids[2]);
    let column = |factor: i32, different: i32| {
        let value = call("int4mod", vec![call("int4mul", vec![number(), int(factor)]), int(different)]);
        let is_null = eq(call("int4mod", vec![number(), int(17)]), int(factor % 17));
        Expr::new(ExprKind::Case { branches: vec![(is_null, null())], otherwise: Some(Box::new(value)) }, Type::INT4)
    };
    let columns = vec![(ids[0], column(7 + seed, 701)), (ids[1], column(31 + seed, 53)), (ids[2], number())];
    project(series(ids[2], 1, ROWS), columns)
}

/// The same without memory for any operator, and with as little as makes parts of parts and runs of many batches.
async fn check(scope: &Scope, plan: Plan, what: &str) {
    let expected = run_with(scope, plan.clone(), &[], Options::default(), &Cancel::default()).await.unwrap();
    assert!(!expected.is_empty(), "{what} gives nothing");
    for work in [0, 6_000, 100_000] {
        let options = Options { work_bytes: Some(work), ..Options::default() };
        let written = scope.node.spill.written();
        let found = run_with(scope, plan.clone(), &[], options, &Cancel::default()).await.unwrap();
        assert!(work > 6_000 || scope.node.spill.written() > written, "{what}: nothing was laid aside");
        let differ = expected.iter().zip(&found).position(|(a, b)| format!("{a:?}") != format!("{b:?}"));
        assert_eq!((differ, found.len()), (None, expected.len()), "{what} with {work} bytes");
    }
    assert_eq!(scope.node.memory.used(), 0);
}

fn values_of(rows: &[[i32; 2]]) -> Plan {
    let rows: Vec<[Option<i32>; 2]> = rows.iter().map(|[a, b]| [Some(*a), Some(*b)]).collect();
    values(&[4, 5], &rows.iter().map(|row| &row[..]).collect::<Vec<_>>())
}

#[test]
fn joins() {
    on_node(|scope| async move {
        for kind in [JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full, JoinKind::Semi, JoinKind::Anti] {
            for rest in [vec![], vec![less(col(2), col(5))]] {
                let keys = vec![(col(1), col(4))];
                let on = [vec![eq(col(1), col(4))], rest.clone()].concat();
                let (left, right) = (input([1, 2, 3], 0), input([4, 5, 6], 6));
                let strategy = JoinStrategy::Hash { keys, rest };
                let join = Join { kind, left, right, on, strategy };
                check(&scope, Plan::Join(Box::new(join.clone())), &format!("{kind:?}")).await;
                // Once more for each row of something else.
                let right =
                    Plan::Join(Box::new(Join { left: filter(join.left.clone(), less(col(9), col(3))), ..join }));
                let apply = Apply { kind: JoinKind::Inner, left: one_column(9, &[2900, 2990]), right, on: vec![] };
                check(&scope, Plan::Apply(Box::new(apply)), &format!("{kind:?} again")).await;
            }
        }
        // One key only: there is nothing to part.
        let same: Vec<[i32; 2]> = (0..60).map(|row| [1, row]).collect();
        let keys = vec![(col(1), col(4))];
        let strategy = JoinStrategy::Hash { keys, rest: vec![] };
        let (left, right) = (one_column(1, &[1; 50]), values_of(&same));
        let join = Join { kind: JoinKind::Full, left, right, on: vec![eq(col(1), col(4))], strategy };
        let options = Options { work_bytes: Some(0), ..Options::default() };
        let plan = Plan::Join(Box::new(join));
        let found = run_with(&scope, plan, &[], options, &Cancel::default()).await.unwrap();
        assert_eq!(found.len(), 3000);
    });
}

#[test]
fn groups() {
    on_node(|scope| async move {
        let gathered = || aggregate_call("array_agg", &[oid::ANYNONARRAY], vec![col(3)]);
        let mut different = sum(col(2));
        different.distinct = true;
        let calls = || vec![count(), sum(col(2)), different.clone(), gathered()];
        check(&scope, aggregated(input([1, 2, 3], 0), &[1], &[&[0]], calls()), "groups").await;
        let sets: [&[usize]; 4] = [&[0, 1], &[1], &[], &[0]];
        check(&scope, aggregated(input([1, 2, 3], 0), &[1, 2], &sets, calls()), "grouping sets").await;
        let plan = aggregated(input([1, 2, 3], 0), &[3], &[&[0]], vec![count()]);
        check(&scope, plan, "a group for each row").await;
    });
}

#[test]
fn groups_over_a_table() {
    on_node(|scope| async move {
        let table = table(30_000);
        let row = |id: i32| vec![Datum::Int4(id), Datum::Int4(id * 7 % 1801), Datum::text(format!("r{id}"))];
        fill(&scope, &table, &(0..ROWS).map(row).collect::<Vec<_>>()).await;
        let scan = || Plan::Scan(Box::new(scan_of(&table, &[(1, 2), (2, 1)], Access::Full { reverse: false }, None)));
        let mut plan = aggregated(scan(), &[1], &[&[0]], vec![count(), sum(col(2))]);
        if let Plan::Aggregate(aggregate) = &mut plan {
            aggregate.groupings.clear();
        }
        check(&scope, plan.clone(), "by columns").await;
        let apply = Apply { kind: JoinKind::Inner, left: one_column(9, &[1, 2]), right: plan, on: vec![] };
        check(&scope, Plan::Apply(Box::new(apply)), "by columns again").await;
    });
}

#[test]
fn different_rows_and_sets() {
    on_node(|scope| async move {
        let two = |ids: [u32; 3], seed| {
            project(input(ids, seed), vec![(ids[0] + 20, col(ids[0])), (ids[1] + 20, col(ids[1]))])
        };
        let distinct = Distinct { input: two([1, 2, 3], 0), on: None };
        check(&scope, Plan::Distinct(Box::new(distinct)), "distinct").await;
        let distinct = Distinct { input: input([1, 2, 3], 0), on: Some(vec![col(1)]) };
        check(&scope, Plan::Distinct(Box::new(distinct)), "distinct on").await;
        for operator in [SetOperator::Union, SetOperator::Intersect, SetOperator::Except] {
            for all in [false, true] {
                let columns = vec![(ColumnId(40), Type::INT4), (ColumnId(41), Type::INT4)];
                let (left, right) = (two([1, 2, 3], 0), two([4, 5, 6], 6));
                let operation = SetOperation { operator, all, left, right, columns };
                let plan = Plan::SetOperation(Box::new(operation));
                if operator == SetOperator::Union && all {
                    continue;
                }
                check(&scope, plan, &format!("{operator:?} {all}")).await;
            }
        }
    });
}

#[test]
fn order_and_windows() {
    on_node(|scope| async move {
        check(&scope, sort(input([1, 2, 3], 0), vec![down(col(2)), up(col(1))]), "order").await;
        let plan =
            Plan::Sort(Box::new(Sort { input: input([1, 2, 3], 0), keys: vec![up(col(1))], limit: Some(big(1500)) }));
        check(&scope, plan, "order with a limit").await;
        let calls = [
            window_call("row_number", &[], vec![], default_frame()),
            window_call("sum", &[oid::INT4], vec![col(2)], default_frame()),
        ];
        let window = Window {
            input: input([1, 2, 3], 0),
            partition_by: vec![col(1)],
            order_by: vec![up(col(2))],
            calls: calls.into_iter().zip(10..).map(|(call, id)| (ColumnId(id), call)).collect(),
        };
        check(&scope, Plan::Window(Box::new(window)), "windows").await;
        // More runs than are read at a time.
        let options = Options { work_bytes: Some(0), ..Options::default() };
        let many = sort(series(1, 1, 150_000), vec![down(call("int4mod", vec![col(1), int(1000)]))]);
        let found = run_with(&scope, many, &[], options, &Cancel::default()).await.unwrap();
        let expected = (0..1000).rev().flat_map(|rest| (0..=150).map(move |times| times * 1000 + rest));
        let expected = expected.filter(|number| (1..=150_000).contains(number)).map(|number| vec![Datum::Int4(number)]);
        assert!(found.into_iter().eq(expected));
    });
}

#[test]
fn common_tables() {
    on_node(|scope| async move {
        let read = |id: u32| {
            Plan::CteScan(CteScan {
                cte: CteId(1),
                columns: vec![(ColumnId(id), Type::INT4), (ColumnId(id + 1), Type::INT4)],
            })
        };
        let definition = project(input([1, 2, 3], 0), vec![(21, col(1)), (22, col(3))]);
        let keys = vec![(col(31), col(42))];
        let strategy = JoinStrategy::Hash { keys, rest: vec![] };
        let on = vec![eq(col(31), col(42))];
        let body = Join { kind: JoinKind::Left, left: read(31), right: read(41), on, strategy };
        let with = With {
            cte: CteId(1),
            name: "c".into(),
            definition,
            recursive: None,
            materialized: None,
            body: Plan::Join(Box::new(body)),
        };
        check(&scope, Plan::With(Box::new(with)), "a common table, read twice").await;
    });
}

#[test]
fn a_full_disk_is_an_error_for_the_statement() {
    on_node(|scope| async move {
        let node = Node::with_catalog(
            scope.node.env.clone(),
            scope.node.gateway.clone(),
            Catalog::default(),
            Pool::default(),
            Place::new(u64::MAX / 2),
        );
        let scope = scope_of(node);
        let options = Options { work_bytes: Some(0), ..Options::default() };
        let plan = sort(series(1, 1, 5000), vec![down(col(1))]);
        let failure = run_with(&scope, plan, &[], options, &Cancel::default()).await.unwrap_err().into_error();
        assert_eq!(failure.state(), atoll_datum::sqlstate::DISK_FULL);
    });
}
