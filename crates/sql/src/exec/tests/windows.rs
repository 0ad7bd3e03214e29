//! Window functions; the expectations are PostgreSQL's.

use super::*;

pub(super) fn window_call(name: &str, types: &[Oid], arguments: Vec<Expr>, frame: Frame) -> WindowCall {
    let function = function(name, types);
    let ty = match function.row.result {
        oid::ANYELEMENT | oid::ANYCOMPATIBLE => Type::INT4,
        oid::ANYARRAY => Type::new(oid::INT4_ARRAY),
        result => Type::new(result),
    };
    WindowCall { function, arguments, filter: None, ty, frame, partition_by: Vec::new(), order_by: Vec::new() }
}

fn frame(unit: FrameUnit, start: FrameBound, end: FrameBound, exclude: FrameExclude) -> Frame {
    Frame { unit, start, end, exclude }
}

pub(super) fn default_frame() -> Frame {
    frame(FrameUnit::Range, FrameBound::UnboundedPreceding, FrameBound::CurrentRow, FrameExclude::NoOthers)
}

fn input() -> Plan {
    values(
        &[1, 2],
        &[
            &[Some(2), None],
            &[Some(1), Some(2)],
            &[Some(1), Some(5)],
            &[Some(1), Some(1)],
            &[Some(2), Some(7)],
            &[Some(1), Some(2)],
        ],
    )
}

#[test]
fn ranks_tiles_and_neighbours() {
    on_node(|scope| async move {
        let any = oid::ANYELEMENT;
        let compatible = oid::ANYCOMPATIBLE;
        let v = || col(2);
        let calls = [
            window_call("row_number", &[], vec![], default_frame()),
            window_call("rank", &[], vec![], default_frame()),
            window_call("dense_rank", &[], vec![], default_frame()),
            window_call("percent_rank", &[], vec![], default_frame()),
            window_call("cume_dist", &[], vec![], default_frame()),
            window_call("ntile", &[oid::INT4], vec![int(2)], default_frame()),
            window_call("lag", &[any], vec![v()], default_frame()),
            window_call("lead", &[compatible, oid::INT4, compatible], vec![v(), int(2), int(-1)], default_frame()),
            window_call("sum", &[oid::INT4], vec![v()], default_frame()),
            window_call("count", &[], vec![], default_frame()),
        ];
        let plan = Plan::Window(Box::new(Window {
            input: input(),
            partition_by: vec![col(1)],
            order_by: vec![up(col(2))],
            calls: calls.into_iter().zip(10..).map(|(call, id)| (ColumnId(id), call)).collect(),
        }));
        let expected = [
            "1|1|1|1|1|0|0.25|1|∅|2|1|1",
            "1|2|2|2|2|0.3333333333333333|0.75|1|1|5|5|3",
            "1|2|3|2|2|0.3333333333333333|0.75|2|2|-1|5|3",
            "1|5|4|4|3|1|1|2|2|-1|10|4",
            "2|7|1|1|1|0|0.5|1|∅|-1|7|1",
            "2|∅|2|2|2|1|1|2|7|-1|7|2",
        ];
        assert_eq!(rows(&scope, plan).await, expected);
    });
}

/// One call over `1, 2, 2, 5, 7, NULL` in this order.
async fn over(scope: &Scope, call: WindowCall) -> Vec<String> {
    let input = values(&[2], &[&[Some(7)], &[None], &[Some(2)], &[Some(1)], &[Some(5)], &[Some(2)]]);
    let window = Window { input, partition_by: vec![], order_by: vec![up(col(2))], calls: vec![(ColumnId(9), call)] };
    let plan = project(Plan::Window(Box::new(window)), vec![(10, col(9))]);
    rows(scope, plan).await
}

#[test]
fn frames_of_every_kind() {
    use FrameBound::*;
    on_node(|scope| async move {
        let minus = || Some(function("int4mi", &[oid::INT4, oid::INT4]));
        let plus = || Some(function("int4pl", &[oid::INT4, oid::INT4]));
        let (rows, groups, range) = (FrameUnit::Rows, FrameUnit::Groups, FrameUnit::Range);
        let all = FrameExclude::NoOthers;
        let everything = |exclude| frame(rows, UnboundedPreceding, UnboundedFollowing, exclude);
        let cases = [
            (frame(rows, Preceding(big(1), None), Following(big(1), None), all), "1,2 1,2,2 2,2,5 2,5,7 5,7,∅ 7,∅"),
            (frame(rows, Preceding(big(2), None), Preceding(big(1), None), all), "∅ 1 1,2 2,2 2,5 5,7"),
            (frame(rows, Following(big(1), None), UnboundedFollowing, all), "2,2,5,7,∅ 2,5,7,∅ 5,7,∅ 7,∅ ∅ ∅"),
            (frame(groups, Preceding(big(1), None), CurrentRow, all), "1 1,2,2 1,2,2 2,2,5 5,7 7,∅"),
            (frame(range, Preceding(int(2), minus()), Following(int(1), plus()), all), "1,2,2 1,2,2 1,2,2 5 5,7 ∅"),
            (frame(range, UnboundedPreceding, Preceding(int(1), minus()), all), "∅ 1 1 1,2,2 1,2,2,5 1,2,2,5,7,∅"),
            (
                frame(rows, Preceding(big(1), None), Following(big(1), None), FrameExclude::CurrentRow),
                "2 1,2 2,5 2,7 5,∅ 7",
            ),
            (everything(FrameExclude::Group), "2,2,5,7,∅ 1,5,7,∅ 1,5,7,∅ 1,2,2,7,∅ 1,2,2,5,∅ 1,2,2,5,7"),
            (everything(FrameExclude::Ties), "1,2,2,5,7,∅ 1,2,5,7,∅ 1,2,5,7,∅ 1,2,2,5,7,∅ 1,2,2,5,7,∅ 1,2,2,5,7,∅"),
            (frame(range, CurrentRow, UnboundedFollowing, all), "1,2,2,5,7,∅ 2,2,5,7,∅ 2,2,5,7,∅ 5,7,∅ 7,∅ ∅"),
        ];
        for (frame, expected) in cases {
            let call = window_call("array_agg", &[oid::ANYNONARRAY], vec![col(2)], frame.clone());
            let got = over(&scope, call).await.join(" ").replace(['{', '}'], "");
            // The array of one NULL and no array look alike so.
            assert_eq!(got, expected, "{frame:?}");
        }
        let far = frame(range, Preceding(int(i32::MAX), minus()), Following(int(i32::MAX), plus()), all);
        let sum = window_call("count", &[], vec![], far);
        assert_eq!(over(&scope, sum).await.join(" "), "5 5 5 5 5 1");
        let moving = frame(rows, Preceding(big(1), None), CurrentRow, all);
        let mut call = window_call("sum", &[oid::INT4], vec![col(2)], moving);
        assert_eq!(over(&scope, call.clone()).await.join(" "), "1 3 4 7 12 7");
        call.filter = Some(less(int(1), col(2)));
        assert_eq!(over(&scope, call).await.join(" "), "∅ 2 4 7 12 7");
        let next = frame(rows, Following(big(1), None), Following(big(3), None), FrameExclude::CurrentRow);
        let first = window_call("first_value", &[oid::ANYELEMENT], vec![col(2)], next.clone());
        assert_eq!(over(&scope, first).await.join(" "), "2 2 5 7 ∅ ∅");
        let last = window_call("last_value", &[oid::ANYELEMENT], vec![col(2)], next.clone());
        assert_eq!(over(&scope, last).await.join(" "), "5 7 ∅ ∅ ∅ ∅");
        let nth = window_call("nth_value", &[oid::ANYELEMENT, oid::INT4], vec![col(2), int(2)], next);
        assert_eq!(over(&scope, nth).await.join(" "), "2 5 7 ∅ ∅ ∅");
    });
}

#[test]
fn refusals() {
    use FrameBound::*;
    on_node(|scope| async move {
        let refused = async |call: WindowCall| {
            let window = Window {
                input: input(),
                partition_by: vec![],
                order_by: vec![up(col(2))],
                calls: vec![(ColumnId(9), call)],
            };
            error(&scope, Plan::Window(Box::new(window))).await
        };
        let count =
            |unit, start, end| window_call("count", &[], vec![], frame(unit, start, end, FrameExclude::NoOthers));
        let minus = Some(function("int4mi", &[oid::INT4, oid::INT4]));
        let negative = count(FrameUnit::Rows, Preceding(big(-1), None), CurrentRow);
        assert_eq!(refused(negative).await, "22013 frame starting offset must not be negative");
        let nothing = count(FrameUnit::Groups, CurrentRow, Following(Expr::null(Type::INT8), None));
        assert_eq!(refused(nothing).await, "22004 frame ending offset must not be null");
        let backwards = count(FrameUnit::Range, Preceding(int(-1), minus), CurrentRow);
        assert_eq!(refused(backwards).await, "22013 invalid preceding or following size in window function");
        let tiles = window_call("ntile", &[oid::INT4], vec![int(0)], default_frame());
        assert_eq!(refused(tiles).await, "22014 argument of ntile must be greater than zero");
        let nth = window_call("nth_value", &[oid::ANYELEMENT, oid::INT4], vec![col(2), int(0)], default_frame());
        assert_eq!(refused(nth).await, "22016 argument of nth_value must be greater than zero");
    });
}
