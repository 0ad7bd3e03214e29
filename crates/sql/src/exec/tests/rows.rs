//! Order, limits, sets of rows, common tables, functions that return rows, and what stops a statement.

use super::*;
use crate::exec::CancelReason;

fn distinct(input: Plan, on: Option<Vec<Expr>>) -> Plan {
    Plan::Distinct(Box::new(Distinct { input, on }))
}

#[test]
fn order_with_nulls_and_several_keys() {
    on_node(|scope| async move {
        let input =
            || values(&[1, 2], &[&[Some(2), Some(1)], &[None, Some(2)], &[Some(1), Some(3)], &[Some(2), Some(4)]]);
        let by = |keys: Vec<SortKey>| sort(input(), keys);
        assert_eq!(rows(&scope, by(vec![up(col(1)), down(col(2))])).await, ["1|3", "2|4", "2|1", "∅|2"]);
        assert_eq!(
            rows(&scope, by(vec![down(col(1))])).await,
            ["∅|2", "2|1", "2|4", "1|3"],
            "equal rows stay in order"
        );
        let nulls_first = SortKey { nulls_first: true, ..up(col(1)) };
        assert_eq!(rows(&scope, by(vec![nulls_first])).await, ["∅|2", "1|3", "2|1", "2|4"]);
        let scattered = project(
            series(1, 0, 20_000),
            vec![(2, call("mod", vec![call("int4mul", vec![col(1), int(7919)]), int(20_001)]))],
        );
        let top = Sort { input: scattered, keys: vec![down(col(2))], limit: Some(big(3)) };
        assert_eq!(rows(&scope, Plan::Sort(Box::new(top))).await, ["20000", "19999", "19998"]);
    });
}

#[test]
fn limits() {
    on_node(|scope| async move {
        assert_eq!(rows(&scope, limited(series(1, 1, 5000), Some(2), Some(4000))).await, ["4001", "4002"]);
        assert_eq!(rows(&scope, limited(series(1, 1, 3), None, Some(2))).await, ["3"]);
        assert!(rows(&scope, limited(series(1, 1, 3), Some(0), None)).await.is_empty());
        let nothing = Limit { input: series(1, 1, 2), count: Some(Expr::null(Type::INT8)), offset: None, ties: None };
        assert_eq!(rows(&scope, Plan::Limit(Box::new(nothing))).await, ["1", "2"]);
        assert_eq!(error(&scope, limited(series(1, 1, 3), Some(-1), None)).await, "2201W LIMIT must not be negative");
        assert_eq!(error(&scope, limited(series(1, 1, 3), None, Some(-1))).await, "2201X OFFSET must not be negative");
        let ties = |count| {
            let input = one_column(1, &[1, 2, 2, 2, 3]);
            Plan::Limit(Box::new(Limit { input, count: Some(big(count)), offset: None, ties: Some(vec![up(col(1))]) }))
        };
        assert_eq!(rows(&scope, ties(2)).await, ["1", "2", "2", "2"]);
        assert_eq!(rows(&scope, ties(1)).await, ["1"]);
        assert_eq!(rows(&scope, ties(9)).await, ["1", "2", "2", "2", "3"]);
        assert!(rows(&scope, ties(0)).await.is_empty());
    });
}

#[test]
fn ties_go_on_into_the_next_batch() {
    on_node(|scope| async move {
        let input = project(series(1, 1, 3000), vec![(2, call("int4div", vec![col(1), int(2900)]))]);
        let limit = Limit { input, count: Some(big(1000)), offset: None, ties: Some(vec![up(col(2))]) };
        assert_eq!(rows(&scope, Plan::Limit(Box::new(limit))).await.len(), 2899);
    });
}

#[test]
fn different_rows() {
    on_node(|scope| async move {
        let input = || {
            values(
                &[1, 2],
                &[&[Some(1), Some(2)], &[None, None], &[Some(1), Some(3)], &[None, None], &[Some(1), Some(2)]],
            )
        };
        assert_eq!(rows(&scope, distinct(input(), None)).await, ["1|2", "∅|∅", "1|3"]);
        assert_eq!(rows(&scope, distinct(input(), Some(vec![col(1)]))).await, ["1|2", "∅|∅"]);
        let bpchar = Type::new(oid::BPCHAR);
        let padded = |value: &str| vec![Expr::literal(Datum::text(value), bpchar)];
        let blanks =
            Values { columns: vec![(ColumnId(1), bpchar)], rows: vec![padded("a "), padded("a"), padded("b")] };
        assert_eq!(rows(&scope, distinct(Plan::Values(blanks), None)).await, ["a ", "b"]);
    });
}

#[test]
fn sets_of_rows() {
    on_node(|scope| async move {
        let left = || values(&[1], &[&[Some(1)], &[Some(2)], &[Some(2)], &[None], &[None], &[Some(4)]]);
        let right = || values(&[2], &[&[Some(2)], &[None], &[Some(3)], &[Some(3)]]);
        let run = async |operator, all| {
            let columns = vec![(ColumnId(3), Type::INT4)];
            let operation = SetOperation { operator, all, left: left(), right: right(), columns };
            rows(&scope, Plan::SetOperation(Box::new(operation))).await.join(" ")
        };
        assert_eq!(run(SetOperator::Union, true).await, "1 2 2 ∅ ∅ 4 2 ∅ 3 3");
        assert_eq!(run(SetOperator::Union, false).await, "1 2 ∅ 4 3");
        assert_eq!(run(SetOperator::Intersect, true).await, "2 ∅");
        assert_eq!(run(SetOperator::Intersect, false).await, "2 ∅");
        assert_eq!(run(SetOperator::Except, true).await, "1 2 ∅ 4");
        assert_eq!(run(SetOperator::Except, false).await, "1 4");
    });
}

fn cte_scan(cte: u32, id: u32) -> Plan {
    Plan::CteScan(CteScan { cte: CteId(cte), columns: vec![(ColumnId(id), Type::INT4)] })
}

fn with(cte: u32, definition: Plan, recursive: Option<Recursive>, body: Plan) -> Plan {
    Plan::With(Box::new(With { cte: CteId(cte), name: "c".into(), definition, recursive, materialized: None, body }))
}

#[test]
fn common_tables() {
    on_node(|scope| async move {
        let twice = SetOperation {
            operator: SetOperator::Union,
            all: true,
            left: limited(cte_scan(0, 5), Some(1), None),
            right: cte_scan(0, 6),
            columns: vec![(ColumnId(7), Type::INT4)],
        };
        let plan = with(0, one_column(1, &[4, 5]), None, Plan::SetOperation(Box::new(twice)));
        assert_eq!(rows(&scope, plan).await, ["4", "4", "5"]);
        // What nobody reads is not computed.
        let failing = project(Plan::one_row(), vec![(1, call("int4div", vec![int(1), int(0)]))]);
        assert_eq!(rows(&scope, with(0, failing, None, one_column(2, &[1]))).await, ["1"]);
        let step = |distinct| {
            let next = call("mod", vec![plus(cte_col(), int(1)), int(5)]);
            Some(Recursive { step: project(cte_scan(1, 20), vec![(21, next)]), distinct })
        };
        let round = with(1, one_column(10, &[3]), step(true), cte_scan(1, 30));
        assert_eq!(rows(&scope, round).await, ["3", "4", "0", "1", "2"]);
        let endless = with(1, one_column(10, &[3]), step(false), limited(cte_scan(1, 30), Some(7), None));
        assert_eq!(rows(&scope, endless).await, ["3", "4", "0", "1", "2", "3", "4"]);
        // Within a row further out: made anew for each.
        let up_to = project(filter(cte_scan(1, 20), less(cte_col(), col(40))), vec![(21, plus(cte_col(), int(1)))]);
        let counting = with(1, one_column(10, &[1]), Some(Recursive { step: up_to, distinct: false }), cte_scan(1, 30));
        let apply = Apply { kind: JoinKind::Inner, left: one_column(40, &[2, 1, 3]), right: counting, on: vec![] };
        assert_eq!(rows(&scope, Plan::Apply(Box::new(apply))).await, ["2|1", "2|2", "1|1", "3|1", "3|2", "3|3"]);
    });
}

fn cte_col() -> Expr {
    col(20)
}

#[test]
fn functions_that_return_rows() {
    on_node(|scope| async move {
        let count_to = |id: u32| call("generate_series", vec![int(1), col(id)]);
        let input = one_column(1, &[2, 0, 1]);
        let columns = vec![
            (ColumnId(2), count_to(1)),
            (ColumnId(3), col(1)),
            (ColumnId(4), call("generate_series", vec![int(1), int(2)])),
        ];
        let plan = Plan::ProjectSet(Box::new(ProjectSet { input, columns }));
        assert_eq!(rows(&scope, plan).await, ["1|2|1", "2|2|2", "∅|0|1", "∅|0|2", "1|1|1", "∅|1|2"]);
        let of = |to: i32, id: u32| FunctionColumns {
            call: call("generate_series", vec![int(1), int(to)]),
            columns: vec![(ColumnId(id), Type::INT4)],
            is_record: false,
            is_defined: false,
        };
        let scan = FunctionScan { functions: vec![of(1, 1), of(2, 2)], ordinality: Some(ColumnId(3)) };
        assert_eq!(rows(&scope, Plan::FunctionScan(scan)).await, ["1|1|1", "∅|2|2"]);
        let value = FunctionColumns {
            call: int(7),
            columns: vec![(ColumnId(1), Type::INT4)],
            is_record: false,
            is_defined: false,
        };
        let scan = FunctionScan { functions: vec![value], ordinality: None };
        assert_eq!(rows(&scope, Plan::FunctionScan(scan)).await, ["7"]);
    });
}

#[test]
fn memory_and_cancellation_stop_a_statement() {
    on_node(|scope| async move {
        let options = Options { memory_bytes: Some(1 << 20), ..Options::default() };
        let large = || {
            let (left, right, strategy) = (one_column(2, &[1]), series(1, 1, 100_000), JoinStrategy::NestedLoop);
            Plan::Join(Box::new(Join { kind: JoinKind::Inner, left, right, on: vec![], strategy }))
        };
        let failure = run_with(&scope, large(), &[], options, &Cancel::default()).await.unwrap_err();
        assert_eq!(failure.into_error().state(), atoll_datum::sqlstate::OUT_OF_MEMORY);
        let top = Sort { input: series(1, 1, 100_000), keys: vec![down(col(1))], limit: Some(big(1)) };
        let found = run_with(&scope, Plan::Sort(Box::new(top)), &[], options, &Cancel::default()).await.unwrap();
        assert_eq!(found, [[Datum::Int4(100_000)]]);
        let cancel = Cancel::default();
        cancel.cancel(CancelReason::StatementTimeout);
        cancel.cancel(CancelReason::UserRequest);
        cancel.cancelled().await;
        let failure = run_with(&scope, large(), &[], Options::default(), &cancel).await.unwrap_err();
        assert_eq!(failure.into_error().message(), "canceling statement due to statement timeout");
    });
}

#[test]
fn operators_are_counted_when_asked() {
    on_node(|scope| async move {
        let apply =
            Apply { kind: JoinKind::Inner, left: one_column(1, &[1, 2, 3]), right: series(2, 1, 4), on: vec![] };
        let query = query(Plan::Apply(Box::new(apply)));
        let mut txn = scope.node.gateway.begin(Isolation::Serializable);
        let cancel = Cancel::default();
        let mut exec = Exec::new(&scope, &mut *txn, &[], &cancel);
        let mut cursor = crate::exec::run(&query, &scope, Options { analyze: true, ..Options::default() }).unwrap();
        assert_eq!(cursor.all(&mut exec).await.unwrap().len(), 12);
        let counters = cursor.counters().unwrap();
        let right = counters.of(query.plan.inputs()[1]).unwrap();
        assert_eq!((right.rows, right.loops), (12, 3));
        assert_eq!(counters.of(&query.plan).unwrap().rows, 12);
    });
}
