//! Rules that are always better: what they turn plans into.

use std::sync::Arc;

use atoll_datum::oid;

use super::build::*;
use super::{expect, print};
use crate::catalog::Table;
use crate::plan::*;
use crate::types::Type;

/// #1 id, #2 x (may be NULL), #3 y, #4 name, numbered from `first`.
fn a() -> Arc<Table> {
    table(100, "a", &[("id", oid::INT4, false), ("x", oid::INT4, true), ("y", oid::INT4, false)], &[])
}

fn b() -> Arc<Table> {
    table(200, "b", &[("id", oid::INT4, false), ("x", oid::INT4, true), ("y", oid::INT4, false)], &[])
}

fn folded(mut expr: Expr) -> String {
    let (catalog, settings) = (crate::catalog::Catalog::default(), atoll_datum::function::Settings::default());
    let context = crate::optimize::context::Context::new(
        &catalog,
        &settings,
        &|_| None,
        &|table, index| expressions(table, index),
        0,
    );
    crate::optimize::fold::expr(&mut expr, &context);
    print::expr(&expr)
}

#[test]
fn constants_are_computed() {
    assert_eq!(folded(op("+", int(1), int(2))), "3");
    assert_eq!(folded(op("+", op("*", int(3), int(2)), col(1))), "6 + #1");
    // An error is raised when the row comes that needs it.
    assert_eq!(folded(op("/", int(1), int(0))), "1 / 0");
    assert_eq!(folded(op("+", col(1), Expr::null(Type::INT4))), "null");
    assert_eq!(folded(not(op("<", col(1), int(3)))), "#1 >= 3");
    assert_eq!(folded(not(not(is_null(col(1), false)))), "#1 is null");
    assert_eq!(folded(is_null(int(1), true)), "true");
    assert_eq!(folded(any(col(1), ints(&[1, 2]))), "#1 = any {1,2}");
    assert_eq!(folded(not(any(col(1), ints(&[1])))), "#1 <> all {1}");
    assert_eq!(folded(any(col(1), ints(&[]))), "false");
}

#[test]
fn conditions_lose_what_decides_nothing() {
    let yes = || Expr::literal(atoll_datum::Datum::Bool(true), Type::BOOL);
    let no = || Expr::literal(atoll_datum::Datum::Bool(false), Type::BOOL);
    let unknown = || Expr::null(Type::BOOL);
    let and = |parts| Expr::new(ExprKind::And(parts), Type::BOOL);
    let or = |parts| Expr::new(ExprKind::Or(parts), Type::BOOL);
    let small = || op("<", col(1), int(3));
    assert_eq!(folded(and(vec![yes(), small(), yes()])), "#1 < 3");
    assert_eq!(folded(and(vec![op("=", op("/", int(1), int(0)), int(1)), no()])), "false");
    assert_eq!(folded(and(vec![small(), unknown(), small()])), "#1 < 3 and null");
    assert_eq!(folded(or(vec![small(), yes()])), "true");
    assert_eq!(folded(or(vec![no(), unknown()])), "null");
    assert_eq!(folded(not(and(vec![small(), is_null(col(2), false)]))), "(#1 >= 3 or #2 is not null)");
    let case = ExprKind::Case {
        branches: vec![(no(), int(1)), (unknown(), int(2)), (yes(), int(3)), (small(), int(4))],
        otherwise: None,
    };
    assert_eq!(folded(Expr::new(case, Type::INT4)), "3");
    let coalesce = ExprKind::Coalesce(vec![Expr::null(Type::INT4), col(1), int(5), col(2)]);
    assert_eq!(folded(Expr::new(coalesce, Type::INT4)), "coalesce(#1, 5)");
}

#[test]
fn conditions_go_to_the_tables() {
    let joined = join(JoinKind::Inner, scan(&a(), 1), scan(&b(), 11), vec![]);
    let plan = filter(joined, vec![eq(col(2), col(12)), op("<", col(3), int(5)), op(">", col(13), int(7))]);
    expect(
        only(plan, &[1, 13]),
        &[],
        "
        project #1, #13
          hash inner #2 = #12
            scan b (#12 #13) where #13 > 7
            scan a (#1 #2 #3) where #3 < 5
        ",
    );
}

#[test]
fn an_outer_join_that_makes_up_no_rows_is_none() {
    let joined = || join(JoinKind::Left, scan(&a(), 1), scan(&b(), 11), vec![eq(col(2), col(12))]);
    let strict = filter(joined(), vec![op(">", col(13), int(1))]);
    expect(
        only(strict, &[1]),
        &[],
        "
        project #1
          hash inner #2 = #12
            scan a (#1 #2)
            scan b (#12 #13) where #13 > 1
        ",
    );
    // Whoever asks for the made-up rows gets them.
    let anti = filter(joined(), vec![is_null(col(13), false)]);
    expect(
        only(anti, &[1]),
        &[],
        "
        project #1
          filter #13 is null
            hash left #2 = #12
              scan a (#1 #2)
              scan b (#12 #13)
        ",
    );
}

#[test]
fn a_constant_travels_along_equalities() {
    let joined = join(JoinKind::Inner, scan(&a(), 1), scan(&b(), 11), vec![eq(col(1), col(11))]);
    expect(
        only(filter(joined, vec![eq(col(1), int(5))]), &[3, 13]),
        &[],
        "
        project #3, #13
          loop inner
            scan b (#13) by b_pkey = (5)
            scan a (#3) by a_pkey = (5)
        ",
    );
    let left = join(JoinKind::Left, scan(&a(), 1), scan(&b(), 11), vec![eq(col(1), col(11))]);
    expect(
        only(filter(left, vec![eq(col(1), parameter(0, oid::INT4))]), &[3, 13]),
        &[],
        "
        project #3, #13
          apply left
            scan a (#1 #3) by a_pkey = ($1)
            scan b (#11 #13) by b_pkey = ($1) where #1 = #11
        ",
    );
}

#[test]
fn conditions_stay_above_limits_and_made_up_groups() {
    let limited = limit(scan(&a(), 1), 10);
    expect(
        filter(limited, vec![op("<", col(2), int(3))]),
        &[],
        "
        filter #2 < 3
          limit 10
            scan a (#1 #2 #3)
        ",
    );
    let grouped = aggregate(scan(&a(), 1), vec![(20, col(2))], vec![(21, "count", vec![])]);
    let plan = filter(grouped, vec![op("<", col(20), int(3)), op(">", Expr::column(ColumnId(21), oid::INT8), big(1))]);
    expect(
        plan,
        &[],
        "
        filter #21 > 1
          aggregate by [#20 := #2] #21 := count()
            scan a (#2) where #2 < 3
        ",
    );
    let whole = aggregate(scan(&a(), 1), vec![], vec![(21, "count", vec![])]);
    expect(
        filter(whole, vec![eq(parameter(0, oid::INT4), int(3))]),
        &[],
        "
        filter $1 = 3
          aggregate by [] #21 := count()
            scan a ()
        ",
    );
}

#[test]
fn both_sides_of_a_union_get_the_condition() {
    let union = SetOperation {
        operator: SetOperator::Union,
        all: true,
        left: scan(&a(), 1),
        right: scan(&b(), 11),
        columns: vec![(ColumnId(21), Type::INT4), (ColumnId(22), Type::INT4), (ColumnId(23), Type::INT4)],
    };
    let plan = filter(Plan::SetOperation(Box::new(union)), vec![op("<", col(22), int(3))]);
    expect(
        only(plan, &[21]),
        &[],
        "
        union
          project #1
            scan a (#1 #2) where #2 < 3
          project #11
            scan b (#11 #12) where #12 < 3
        ",
    );
}

#[test]
fn exists_and_in_are_joins() {
    let inner = || filter(scan(&b(), 11), vec![eq(col(12), col(2))]);
    expect(
        only(filter(scan(&a(), 1), vec![exists(inner())]), &[1]),
        &[(100, 1e5), (200, 1e5)],
        "
        project #1
          hash semi #12 = #2
            scan a (#1 #2)
            scan b (#12)
        ",
    );
    expect(
        only(filter(scan(&a(), 1), vec![not(exists(only(inner(), &[13])))]), &[1]),
        &[],
        "
        project #1
          hash anti #12 = #2
            scan a (#1 #2)
            scan b (#12)
        ",
    );
    expect(
        only(filter(scan(&a(), 1), vec![within(col(2), only(scan(&b(), 11), &[13]))]), &[1]),
        &[(100, 1e5), (200, 1e5)],
        "
        project #1
          hash semi #2 = #13
            scan a (#1 #2)
            scan b (#13)
        ",
    );
}

#[test]
fn not_in_is_a_join_only_without_nulls() {
    let plan = |left: u32, right: u32| {
        only(filter(scan(&a(), 1), vec![not(within(col(left), only(scan(&b(), 11), &[right])))]), &[1])
    };
    expect(
        plan(3, 13),
        &[],
        "
        project #1
          hash anti #3 = #13
            scan a (#1 #3)
            scan b (#13)
        ",
    );
    expect(
        plan(3, 12),
        &[],
        "
        project #1
          scan a (#1 #3) where not in {scan b (#12)}
        ",
    );
}

#[test]
fn a_correlated_aggregate_is_computed_for_all_groups() {
    let inner = filter(scan(&b(), 11), vec![eq(col(12), col(2))]);
    let least = aggregate(inner, vec![], vec![(20, "min", vec![col(13)])]);
    let plan = filter(scan(&a(), 1), vec![eq(col(3), scalar(least, Type::INT4))]);
    expect(
        only(plan, &[1]),
        &[(100, 1e5), (200, 1e5)],
        "
        project #1
          hash inner #3 = #20, #1000 = #2
            scan a (#1 #2 #3)
            aggregate by [#1000 := #12] #20 := min(#13)
              scan b (#12 #13)
        ",
    );
}

#[test]
fn a_count_of_nothing_is_zero() {
    let inner = filter(scan(&b(), 11), vec![eq(col(12), col(2))]);
    let count = aggregate(inner, vec![], vec![(20, "count", vec![])]);
    let plan = project(scan(&a(), 1), vec![(30, col(1)), (31, scalar(count, Type::INT8))]);
    expect(
        plan,
        &[(100, 1e5), (200, 1e5)],
        "
        project #30 := #1, #31 := coalesce(#20, 0)
          hash left #1000 = #2
            scan a (#1 #2)
            aggregate by [#1000 := #12] #20 := count()
              scan b (#12)
        ",
    );
}

#[test]
fn what_nobody_reads_goes() {
    // b.id is unique, so a row of a comes out once whatever b has.
    let joined = join(JoinKind::Left, scan(&a(), 1), scan(&b(), 11), vec![eq(col(2), col(11))]);
    expect(only(joined, &[1]), &[], "project #1\n  scan a (#1)".replace("project #1\n  ", "").as_str());
    let kept = join(JoinKind::Left, scan(&a(), 1), scan(&b(), 11), vec![eq(col(2), col(12))]);
    expect(
        only(kept, &[1]),
        &[],
        "
        project #1
          hash left #2 = #12
            scan a (#1 #2)
            scan b (#12)
        ",
    );
    expect(distinct(only(scan(&a(), 1), &[1, 2])), &[], "scan a (#1 #2)");
    expect(distinct(only(scan(&a(), 1), &[2])), &[], "distinct\n  scan a (#2)");
}

#[test]
fn a_common_table_read_once_is_part_of_its_reader() {
    let with = |body: Plan| {
        let definition = only(scan(&a(), 1), &[1, 2]);
        Plan::With(Box::new(With {
            cte: CteId(0),
            name: "c".to_owned(),
            definition,
            recursive: None,
            materialized: None,
            body,
        }))
    };
    let read = |first: u32| {
        let columns = vec![(ColumnId(first), Type::INT4), (ColumnId(first + 1), Type::INT4)];
        Plan::CteScan(CteScan { cte: CteId(0), columns })
    };
    expect(
        with(filter(read(20), vec![eq(col(21), int(3))])),
        &[],
        "
        project #20 := #1, #21 := #2
          scan a (#1 #2) where #2 = 3
        ",
    );
    expect(
        with(join(JoinKind::Inner, read(20), read(30), vec![eq(col(20), col(30))])),
        &[],
        "
        project #20, #21, #30, #31
          with c
            scan a (#1 #2)
            hash inner #20 = #30
              cte 0
              cte 0
        ",
    );
    expect(with(scan(&b(), 11)), &[], "scan b (#11 #12 #13)");
}
