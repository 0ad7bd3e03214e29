//! Joins and Apply against what is tried out pair by pair.

use super::*;

/// Numbers that look random and are the same each time.
fn numbers(seed: u32, count: usize, below: i32) -> Vec<Option<i32>> {
    let mut state = seed;
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 8) as i32 % (below + 1)
    };
    (0..count).map(|_| Some(next(&mut state)).filter(|value| *value < below)).collect()
}

fn side(id: u32, seed: u32, count: usize) -> (Plan, Vec<[Option<i32>; 2]>) {
    let (keys, rest) = (numbers(seed, count, 6), numbers(seed + 7, count, 4));
    let rows: Vec<[Option<i32>; 2]> = keys.into_iter().zip(rest).map(|(key, rest)| [key, rest]).collect();
    let slices: Vec<&[Option<i32>]> = rows.iter().map(|row| &row[..]).collect();
    (values(&[id, id + 1], &slices), rows)
}

fn expected(
    kind: JoinKind,
    left: &[[Option<i32>; 2]],
    right: &[[Option<i32>; 2]],
    on: impl Fn(&[Option<i32>; 2], &[Option<i32>; 2]) -> bool,
) -> Vec<String> {
    let print = |row: &[Option<i32>]| {
        row.iter().map(|value| value.map_or("∅".into(), |value| value.to_string())).collect::<Vec<_>>().join("|")
    };
    let none = [None, None];
    let mut out = Vec::new();
    for l in left {
        let matches: Vec<_> = right.iter().filter(|r| on(l, r)).collect();
        match kind {
            JoinKind::Semi if !matches.is_empty() => out.push(print(l)),
            JoinKind::Anti if matches.is_empty() => out.push(print(l)),
            JoinKind::Semi | JoinKind::Anti => {}
            _ => {
                out.extend(matches.iter().map(|r| print(&[&l[..], &r[..]].concat())));
                if matches.is_empty() && matches!(kind, JoinKind::Left | JoinKind::Full) {
                    out.push(print(&[&l[..], &none[..]].concat()));
                }
            }
        }
    }
    if matches!(kind, JoinKind::Right | JoinKind::Full) {
        for r in right.iter().filter(|r| !left.iter().any(|l| on(l, r))) {
            out.push(print(&[&none[..], &r[..]].concat()));
        }
    }
    out.sort();
    out
}

const KINDS: [JoinKind; 6] =
    [JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full, JoinKind::Semi, JoinKind::Anti];

#[test]
fn every_kind_by_either_strategy() {
    on_node(|scope| async move {
        // The second pair makes more rows than a batch holds.
        for (left_count, right_count) in [(9, 11), (120, 90), (0, 5), (5, 0)] {
            let ((left, lefts), (right, rights)) = (side(1, 3, left_count), side(3, 5, right_count));
            for kind in KINDS {
                for with_rest in [false, true] {
                    let rest: Vec<Expr> = with_rest.then(|| less(col(2), col(4))).into_iter().collect();
                    let on: Vec<Expr> = [eq(col(1), col(3))].into_iter().chain(rest.clone()).collect();
                    let keys = vec![(col(1), col(3))];
                    let expected = expected(kind, &lefts, &rights, |l, r| {
                        let less = l[1].is_some() && r[1].is_some() && l[1] < r[1];
                        l[0].is_some() && l[0] == r[0] && (!with_rest || less)
                    });
                    for strategy in [JoinStrategy::NestedLoop, JoinStrategy::Hash { keys, rest }] {
                        let (left, right) = (left.clone(), right.clone());
                        let plan = Plan::Join(Box::new(Join { kind, left, right, on: on.clone(), strategy }));
                        assert_eq!(sorted_rows(&scope, plan).await, expected, "{kind:?} {with_rest}");
                    }
                    if !matches!(kind, JoinKind::Right | JoinKind::Full) {
                        let (left, right) = (left.clone(), filter(right.clone(), eq(col(1), col(3))));
                        let rest = on[1..].to_vec();
                        let plan = Plan::Apply(Box::new(Apply { kind, left, right, on: rest }));
                        assert_eq!(sorted_rows(&scope, plan).await, expected, "apply {kind:?} {with_rest}");
                    }
                }
            }
        }
    });
}

#[test]
fn keys_of_several_widths_are_equal() {
    on_node(|scope| async move {
        let left = one_column(1, &[1, 2, 3]);
        let right = project(one_column(2, &[2, 3, 4]), vec![(3, call("int8", vec![col(2)]))]);
        let key = col_of(3, Type::INT8);
        let on = vec![call("int48eq", vec![col(1), key.clone()])];
        let strategy = JoinStrategy::Hash { keys: vec![(col(1), key)], rest: vec![] };
        let join = Join { kind: JoinKind::Inner, left, right, on, strategy };
        assert_eq!(rows(&scope, Plan::Join(Box::new(join))).await, ["2|2", "3|3"]);
    });
}

#[test]
fn an_inner_operator_goes_on_with_its_own_outer_row() {
    on_node(|scope| async move {
        // Every row of the left makes more than a batch on the right, while an expression above fills the same slot.
        let left = one_column(1, &[1, 2, 3]);
        let right = filter(series(2, 1, 3000), less(col(1), col(2)));
        let apply = Plan::Apply(Box::new(Apply { kind: JoinKind::Inner, left, right, on: vec![] }));
        let kind = SubqueryKind::Exists;
        let plan = filter(one_column(3, &[1]), eq(col(1), col(3)));
        let is_one = Expr::new(ExprKind::Subquery(Box::new(Subquery { kind, plan })), Type::BOOL);
        let unless = Expr::new(ExprKind::Or(vec![is_one, less(int(0), col(2))]), Type::BOOL);
        let kept = filter(apply, unless);
        let got = rows(&scope, kept).await;
        assert_eq!(got.len(), 2999 + 2998 + 2997);
        assert_eq!((got[0].as_str(), got[2999].as_str(), got[5997].as_str()), ("1|2", "2|3", "3|4"));
    });
}

#[test]
fn a_lateral_top_of_each() {
    on_node(|scope| async move {
        let right = limited(sort(filter(series(2, 1, 9), less(col(1), col(2))), vec![down(col(2))]), Some(2), None);
        let apply = Apply { kind: JoinKind::Left, left: one_column(1, &[7, 8, 9]), right, on: vec![] };
        assert_eq!(rows(&scope, Plan::Apply(Box::new(apply))).await, ["7|9", "7|8", "8|9", "9|∅"]);
    });
}

#[test]
fn a_small_left_side_tells_a_large_right_side() {
    on_node(|scope| async move {
        let (left, lefts) = side(1, 3, 9);
        let rights: Vec<[Option<i32>; 2]> =
            numbers(5, 3000, 40).into_iter().zip(0..).map(|(a, id)| [a, Some(id)]).collect();
        let datum = |value: Option<i32>| value.map_or(Datum::Null, Datum::Int4);
        let row = |[a, id]: &[Option<i32>; 2]| vec![datum(*id), datum(*a), Datum::text(format!("r{}", id.unwrap()))];
        let table = table(30_000);
        fill(&scope, &table, &rights.iter().map(row).collect::<Vec<_>>()).await;
        let mut scan = scan_of(&table, &[(3, 2), (4, 1)], Access::Full { reverse: false }, None);
        scan.estimated_rows = 1e9;
        let right = Plan::Scan(Box::new(scan));
        let on = vec![eq(col(1), col(3))];
        let strategy = || JoinStrategy::Hash { keys: vec![(col(1), col(3))], rest: vec![] };
        for kind in KINDS {
            let expected = expected_rows(kind, &lefts, &rights);
            let (left, right) = (left.clone(), right.clone());
            let join = Join { kind, left, right, on: on.clone(), strategy: strategy() };
            let plan = Plan::Join(Box::new(join));
            assert_eq!(sorted_rows(&scope, plan.clone()).await, expected, "{kind:?}");
            // For each row of something else anew, of which the left side knows.
            let Plan::Join(join) = &plan else { unreachable!() };
            let mut join = join.clone();
            join.left = filter(join.left, less(col(1), col(9)));
            let apply =
                Apply { kind: JoinKind::Inner, left: one_column(9, &[4, 0, 2]), right: Plan::Join(join), on: vec![] };
            let mut again = Vec::new();
            for bound in [4, 0, 2] {
                let some: Vec<_> = lefts.iter().filter(|l| l[0].is_some_and(|key| key < bound)).copied().collect();
                let rows = expected_rows(kind, &some, &rights);
                again.extend(rows.into_iter().map(|row| format!("{bound}|{row}")));
            }
            again.sort();
            assert_eq!(sorted_rows(&scope, Plan::Apply(Box::new(apply))).await, again, "{kind:?} again");
        }
        // Through a join in between, whose own right side is told nothing.
        let between = Join {
            kind: JoinKind::Left,
            left: right.clone(),
            right: one_column(5, &[2, 3]),
            on: vec![eq(col(3), col(5))],
            strategy: JoinStrategy::Hash { keys: vec![(col(3), col(5))], rest: vec![] },
        };
        let outer = Join {
            kind: JoinKind::Inner,
            left: Plan::Join(Box::new(between)),
            right: one_column(6, &[1, 2]),
            on: vec![eq(col(3), col(6))],
            strategy: JoinStrategy::Hash { keys: vec![(col(3), col(6))], rest: vec![] },
        };
        let mut wanted = Vec::new();
        for [a, id] in rights.iter().filter(|r| matches!(r[0], Some(1 | 2))) {
            let (a, id) = (a.unwrap(), id.unwrap());
            wanted.push(format!("{a}|{id}|{}|{a}", if a == 2 { "2" } else { "∅" }));
        }
        wanted.sort();
        assert_eq!(sorted_rows(&scope, Plan::Join(Box::new(outer))).await, wanted);
    });
}

fn expected_rows(kind: JoinKind, left: &[[Option<i32>; 2]], right: &[[Option<i32>; 2]]) -> Vec<String> {
    expected(kind, left, right, |l, r| l[0].is_some() && l[0] == r[0])
}
