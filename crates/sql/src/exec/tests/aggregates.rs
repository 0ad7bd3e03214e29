//! Groups.

use super::*;

pub(super) fn aggregate_call(name: &str, types: &[Oid], arguments: Vec<Expr>) -> AggregateCall {
    let function = function(name, types);
    let ty = Type::new(if function.row.result == oid::ANYARRAY { oid::INT4_ARRAY } else { function.row.result });
    let (direct, order_by) = (Vec::new(), Vec::new());
    AggregateCall { function, arguments, direct, distinct: false, order_by, filter: None, ty, level: 0 }
}

pub(super) fn aggregated(input: Plan, keys: &[u32], sets: &[&[usize]], calls: Vec<AggregateCall>) -> Plan {
    Plan::Aggregate(Box::new(Aggregate {
        input,
        keys: keys.iter().map(|key| (ColumnId(key + 100), col(*key))).collect(),
        sets: sets.iter().map(|set| set.to_vec()).collect(),
        calls: calls.into_iter().zip(200..).map(|(call, id)| (ColumnId(id), call)).collect(),
        groupings: vec![(ColumnId(300), (0..keys.len()).collect())],
    }))
}

fn input() -> Plan {
    let rows: [&[Option<i32>]; 6] = [
        &[Some(1), Some(10), Some(3)],
        &[Some(2), Some(10), Some(1)],
        &[Some(1), Some(20), None],
        &[Some(1), Some(10), Some(3)],
        &[None, Some(20), Some(7)],
        &[None, Some(20), Some(5)],
    ];
    values(&[1, 2, 3], &rows)
}

pub(super) fn count() -> AggregateCall {
    aggregate_call("count", &[], vec![])
}

pub(super) fn sum(of: Expr) -> AggregateCall {
    aggregate_call("sum", &[oid::INT4], vec![of])
}

#[test]
fn groups_have_one_row_each_and_nulls_are_one_group() {
    on_node(|scope| async move {
        let plan = aggregated(input(), &[1], &[&[0]], vec![count(), sum(col(3))]);
        assert_eq!(rows(&scope, plan).await, ["1|3|6|0", "2|1|1|0", "∅|2|12|0"]);
        let none = || filter(input(), boolean(None));
        assert_eq!(rows(&scope, aggregated(none(), &[], &[&[]], vec![count(), sum(col(3))])).await, ["0|∅|0"]);
        assert!(rows(&scope, aggregated(none(), &[1], &[&[0]], vec![count()])).await.is_empty());
    });
}

#[test]
fn grouping_sets_leave_keys_out() {
    on_node(|scope| async move {
        let plan = aggregated(input(), &[1, 2], &[&[1, 0], &[0], &[]], vec![count()]);
        let expected = ["1|10|2|0", "2|10|1|0", "1|20|1|0", "∅|20|2|0", "1|∅|3|1", "2|∅|1|1", "∅|∅|2|1", "∅|∅|6|3"];
        assert_eq!(rows(&scope, plan).await, expected);
        let none = filter(input(), boolean(None));
        assert_eq!(rows(&scope, aggregated(none, &[1], &[&[0], &[]], vec![count()])).await, ["∅|0|1"]);
    });
}

#[test]
fn distinct_order_and_filter_in_a_call() {
    on_node(|scope| async move {
        let gather = || aggregate_call("array_agg", &[oid::ANYNONARRAY], vec![col(3)]);
        let mut distinct = gather();
        distinct.distinct = true;
        let mut ordered = gather();
        ordered.order_by = vec![down(col(2)), up(col(3))];
        let mut filtered = sum(col(3));
        filtered.filter = Some(eq(col(2), int(10)));
        let mut different = sum(col(3));
        different.distinct = true;
        let plan = aggregated(input(), &[], &[&[]], vec![gather(), distinct, ordered, filtered, different]);
        let expected = "{3,1,∅,3,7,5}|{1,3,5,7,∅}|{5,7,∅,1,3,3}|7|16|0";
        assert_eq!(rows(&scope, plan).await, [expected]);
    });
}

#[test]
fn aggregates_of_ordered_sets() {
    on_node(|scope| async move {
        let float = |value: f64| Expr::literal(Datum::Float8(value), Type::FLOAT8);
        let mut half = aggregate_call("percentile_cont", &[oid::FLOAT8, oid::FLOAT8], vec![]);
        half.direct = vec![float(0.5)];
        half.order_by = vec![up(call("float8", vec![col(3)]))];
        let mut discrete = aggregate_call("percentile_disc", &[oid::FLOAT8, oid::ANYELEMENT], vec![]);
        discrete.direct = vec![float(0.25)];
        discrete.order_by = vec![up(col(3))];
        discrete.ty = Type::INT4;
        let mut rank = aggregate_call("rank", &[oid::ANY], vec![]);
        rank.direct = vec![int(5)];
        rank.order_by = vec![up(col(3))];
        let mut dense = aggregate_call("dense_rank", &[oid::ANY], vec![]);
        dense.direct = vec![int(5)];
        dense.order_by = vec![up(col(3))];
        let plan = aggregated(input(), &[], &[&[]], vec![half, discrete, rank, dense]);
        // As PostgreSQL over 3, 1, NULL, 3, 7, 5.
        assert_eq!(rows(&scope, plan).await, ["3|3|4|3|0"]);
    });
}

#[test]
fn many_groups() {
    on_node(|scope| async move {
        let key = call("mod", vec![col(1), int(7001)]);
        let keyed = project(series(1, 1, 70_000), vec![(2, key), (3, col(1))]);
        let groups = aggregated(keyed, &[2], &[&[0]], vec![count(), sum(col(3))]);
        let total = rows(
            &scope,
            aggregated(
                project(groups, vec![(5, call("int4", vec![col_of(200, Type::INT8)]))]),
                &[],
                &[&[]],
                vec![count(), sum(col(5))],
            ),
        );
        assert_eq!(total.await, ["7001|70000|0"]);
    });
}
