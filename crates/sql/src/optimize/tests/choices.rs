//! What is chosen by cost: accesses, orders, methods of joins.

use std::sync::Arc;

use atoll_datum::oid;

use super::build::*;
use super::expect;
use crate::catalog::Table;
use crate::plan::*;
use crate::types::Type;

const MANY: &[(u32, f64)] = &[(100, 1e6), (200, 1e6), (300, 1e3)];

/// #1 id, #2 a, #3 b, #4 name; indexes (a, b) and (name).
fn t() -> Arc<Table> {
    table(
        100,
        "t",
        &[("id", oid::INT4, false), ("a", oid::INT4, false), ("b", oid::INT4, true), ("name", oid::TEXT, true)],
        &[("t_a_b", &[2, 3], false), ("t_name", &[4], false)],
    )
}

/// #1 id, #2 t: a reference to `t`.
fn u() -> Arc<Table> {
    table(200, "u", &[("id", oid::INT4, false), ("t", oid::INT4, false)], &[("u_t", &[2], false)])
}

fn small() -> Arc<Table> {
    table(300, "small", &[("id", oid::INT4, false), ("x", oid::INT4, true)], &[])
}

fn found(conditions: Vec<Expr>, text: &str) {
    expect(filter(scan(&t(), 1), conditions), MANY, text);
}

#[test]
fn keys_are_looked_up() {
    found(vec![eq(col(1), int(7))], "scan t (#1 #2 #3 #4) by t_pkey = (7)");
    found(vec![any(col(1), ints(&[3, 1, 3]))], "scan t (#1 #2 #3 #4) by t_pkey = (1) (3)");
    found(
        vec![eq(col(2), parameter(0, oid::INT4)), op(">", col(3), int(5)), op("<=", col(3), int(9))],
        "scan t (#1 #2 #3 #4) by t_a_b = ($1) > 5 <= 9",
    );
    found(
        vec![eq(col(2), int(1)), op("<", text_col(4), text("x")), eq(col(1), int(4))],
        "scan t (#1 #2 #3 #4) by t_pkey = (4) where #2 = 1 and #4 < 'x'",
    );
    // The second column alone is no way in.
    found(vec![eq(col(3), int(1))], "scan t (#1 #2 #3 #4) where #3 = 1");
}

#[test]
fn limits_of_other_types_are_converted_or_fitted_later() {
    found(vec![op("=", col(1), big(7))], "scan t (#1 #2 #3 #4) by t_pkey = (7)");
    found(vec![op("=", col(1), big(1 << 40))], "scan t (#1 #2 #3 #4) nothing");
    found(vec![op("=", col(1), parameter(0, oid::INT2))], "scan t (#1 #2 #3 #4) by t_pkey = (int4($1))");
    found(vec![op("=", col(1), parameter(0, oid::INT8))], "scan t (#1 #2 #3 #4) by t_pkey = ($1)");
}

#[test]
fn the_beginning_of_a_text_is_a_range() {
    let like = |pattern: &str| op("~~", text_col(4), text(pattern));
    found(vec![like("abc%")], "scan t (#1 #2 #3 #4) by t_name >= 'abc' < 'abd'");
    found(vec![like("ab_d%")], "scan t (#1 #2 #3 #4) by t_name >= 'ab' < 'ac' where #4 ~~ 'ab_d%'");
    found(vec![like("a\\%")], "scan t (#1 #2 #3 #4) by t_name = ('a%')");
    found(vec![like("%a")], "scan t (#1 #2 #3 #4) where #4 ~~ '%a'");
}

#[test]
fn pages_by_key_begin_where_the_last_one_ended() {
    let and = |parts| Expr::new(ExprKind::And(parts), Type::BOOL);
    let or = |parts| Expr::new(ExprKind::Or(parts), Type::BOOL);
    let behind = or(vec![op(">", col(2), int(5)), and(vec![eq(col(2), int(5)), op(">", col(1), int(9))])]);
    let plan = limit(sort(filter(scan(&t(), 1), vec![behind]), &[(2, false), (1, false)]), 10);
    expect(
        plan,
        MANY,
        "
        limit 10
          sort #2, #1 first 10
            scan t (#1 #2 #3 #4) where (#2 > 5 or #2 = 5 and #1 > 9)
        ",
    );
    let behind = or(vec![op(">", col(2), int(5)), and(vec![eq(col(2), int(5)), op(">", col(3), int(9))])]);
    let plan = limit(sort(filter(scan(&t(), 1), vec![behind]), &[(2, false), (3, false)]), 10);
    expect(
        plan,
        MANY,
        "
        limit 10
          scan t (#1 #2 #3 #4) by t_a_b >= 5 where (#2 > 5 or #2 = 5 and #3 > 9)
        ",
    );
}

#[test]
fn orders_come_from_indexes() {
    expect(limit(sort(scan(&t(), 1), &[(1, true)]), 3), MANY, "limit 3\n  scan t (#1 #2 #3 #4) backwards");
    // Behind the key nothing decides.
    expect(limit(sort(scan(&t(), 1), &[(1, false), (3, true)]), 3), MANY, "limit 3\n  scan t (#1 #2 #3 #4)");
    let of_one = filter(scan(&t(), 1), vec![eq(col(2), int(1))]);
    expect(limit(sort(of_one, &[(2, true), (3, false)]), 3), MANY, "limit 3\n  scan t (#1 #2 #3 #4) by t_a_b = (1)");
    // All rows in the order of a secondary index cost more than sorting.
    expect(sort(scan(&t(), 1), &[(2, false)]), MANY, "sort #2\n  scan t (#1 #2 #3 #4)");
    expect(limit(sort(scan(&t(), 1), &[(3, false)]), 3), MANY, "limit 3\n  sort #3 first 3\n    scan t (#1 #2 #3 #4)");
}

#[test]
fn extremes_are_the_first_of_an_index() {
    let least = |name, column| aggregate(scan(&t(), 1), vec![], vec![(20, name, vec![col(column)])]);
    expect(
        least("max", 1),
        MANY,
        "
        aggregate by [] #20 := max(#1)
          limit 1
            scan t (#1) backwards
        ",
    );
    expect(
        least("min", 2),
        MANY,
        "
        aggregate by [] #20 := min(#2)
          limit 1
            scan t (#2) by t_a_b
        ",
    );
    expect(least("min", 3), MANY, "aggregate by [] #20 := min(#3)\n  scan t (#3)");
}

#[test]
fn partial_indexes_serve_what_they_have() {
    let t = with_partial(&t(), "t_b_part", 3, "2 > 10");
    let plan = |least| filter(scan(&t, 1), vec![eq(col(3), int(1)), op(">", col(2), int(least))]);
    expect(plan(20), MANY, "scan t (#1 #2 #3 #4) by t_b_part = (1) where #2 > 20");
    expect(plan(10), MANY, "scan t (#1 #2 #3 #4) by t_b_part = (1) where #2 > 10");
    expect(
        plan(9),
        MANY,
        "scan t (#1 #2 #3 #4) by t_a_b > 9 where #3 = 1"
            .replace("by t_a_b > 9 where #3 = 1", "where #3 = 1 and #2 > 9")
            .as_str(),
    );
}

#[test]
fn few_rows_are_joined_by_lookups_and_many_by_hashing() {
    let joined = || join(JoinKind::Inner, scan(&t(), 1), scan(&u(), 11), vec![eq(col(1), col(12))]);
    expect(
        only(filter(joined(), vec![eq(col(2), int(1)), eq(col(3), int(2))]), &[1, 11]),
        &[(100, 1e4), (200, 1e6)],
        "
        apply inner
          scan t (#1) by t_a_b = (1, 2)
          scan u (#11) by u_t = (#1)
        ",
    );
    expect(
        only(joined(), &[3, 11]),
        &[(100, 1e4), (200, 1e6)],
        "
        project #3, #11
          hash inner #1 = #12
            scan u (#11 #12)
            scan t (#1 #3)
        ",
    );
}

#[test]
fn joins_begin_with_the_fewest_rows() {
    let first = join(JoinKind::Inner, scan(&t(), 1), scan(&u(), 11), vec![eq(col(1), col(12))]);
    let all = join(JoinKind::Inner, first, scan(&small(), 21), vec![eq(col(11), col(21))]);
    expect(
        only(filter(all, vec![eq(col(22), int(1))]), &[4]),
        MANY,
        "
        project #4
          apply inner
            apply inner
              scan small (#21 #22) where #22 = 1
              scan u (#12) by u_pkey = (#21)
            scan t (#4) by t_pkey = (#12)
        ",
    );
}

#[test]
fn the_first_rows_of_a_join_come_in_order() {
    let joined = join(JoinKind::Inner, scan(&t(), 1), scan(&u(), 11), vec![eq(col(1), col(12))]);
    expect(
        limit(sort(only(joined, &[1, 11]), &[(1, false)]), 10),
        MANY,
        "
        limit 10
          apply inner
            scan t (#1)
            scan u (#11) by u_t = (#1)
        ",
    );
}

#[test]
fn a_small_subquery_is_looked_up_in_the_large_table() {
    let inner = filter(scan(&small(), 21), vec![eq(col(22), int(3))]);
    expect(
        only(filter(scan(&t(), 1), vec![within(col(1), only(inner, &[21]))]), &[3]),
        MANY,
        "
        project #3
          apply inner
            project #21
              scan small (#21 #22) where #22 = 3
            scan t (#3) by t_pkey = (#21)
        ",
    );
}

#[test]
fn the_elements_of_an_array_are_looked_up() {
    expect(
        only(filter(scan(&t(), 1), vec![any(col(1), parameter(0, oid::INT4_ARRAY))]), &[1, 3]),
        MANY,
        "
        project #1, #3
          apply inner
            distinct
              functions unnest($1)
            scan t (#1 #3) by t_pkey = (#1000)
        ",
    );
}

#[test]
fn offsets_that_are_not_known_are_added_when_they_are() {
    let sorted = sort(scan(&t(), 1), &[(3, false)]);
    let (count, offset) = (Some(parameter(0, oid::INT8)), Some(parameter(1, oid::INT8)));
    let plan = Plan::Limit(Box::new(Limit { input: sorted, count, offset, ties: None }));
    expect(plan, MANY, "limit $1\n  sort #3 first case\n    scan t (#1 #2 #3 #4)");
}
