//! Statements nested as deep as they may be, and deeper: what is accepted can be read, printed, compared and dropped on
//! a stack of 2 MiB, which is what threads of tests have; what is not is an error.

use atoll_syntax::{DEPTH_MAX, parse, print};

struct Shape {
    name: &'static str,
    before: &'static str,
    /// What is repeated around `inside`.
    open: &'static str,
    inside: &'static str,
    close: &'static str,
    after: &'static str,
}

impl Shape {
    fn nested(&self, depth: usize) -> String {
        let Shape { before, open, inside, close, after, .. } = self;
        format!("{before}{}{inside}{}{after}", open.repeat(depth), close.repeat(depth))
    }
}

const fn shape(
    name: &'static str,
    before: &'static str,
    [open, inside, close]: [&'static str; 3],
    after: &'static str,
) -> Shape {
    Shape { name, before, open, inside, close, after }
}

const SHAPES: &[Shape] = &[
    shape("parentheses", "select ", ["(", "1", ")"], ""),
    shape("not", "select ", ["not ", "a", ""], ""),
    shape("minus", "select ", ["- ", "a", ""], ""),
    shape("prefix operators", "select ", ["@ ", "a", ""], ""),
    shape("rows", "select ", ["(1, ", "1", ")"], ""),
    shape("explicit rows", "select ", ["row(", "1", ")"], ""),
    shape("calls", "select ", ["f(", "1", ")"], ""),
    shape("calls with names", "select ", ["f(a => ", "1", ")"], ""),
    shape("casts", "select ", ["cast(", "1", " as int)"], ""),
    shape("coalesce", "select ", ["coalesce(", "1", ")"], ""),
    shape("trim", "select ", ["trim(both from ", "'x'", ")"], ""),
    shape("substring", "select ", ["substring(", "'x'", " from 1)"], ""),
    shape("extract", "select ", ["extract(year from ", "x", ")"], ""),
    shape("overlay", "select ", ["overlay(", "x", " placing y from 1)"], ""),
    shape("position", "select ", ["position(", "x", " in y)"], ""),
    shape("case", "select ", ["case when ", "1", " then 1 end"], ""),
    shape("case operand", "select ", ["case ", "1", " when 1 then 2 end"], ""),
    shape("arrays", "select ", ["array[", "1", "]"], ""),
    shape("lists of arrays", "select array[", ["[", "1", "]"], "]"),
    shape("subscripts", "select ", ["a[", "1", "]"], ""),
    shape("in", "select ", ["a in (", "1", ")"], ""),
    shape("any", "select ", ["a = any (", "b", ")"], ""),
    shape("between", "select ", ["a between (", "b", ") and c"], ""),
    shape("right operands", "select ", ["a = (b + ", "c", ")"], ""),
    shape("right powers", "select ", ["a || - ", "c", ""], ""),
    shape("scalar subqueries", "", ["select (", "select 1", ")"], ""),
    shape("parenthesized queries", "", ["(", "select 1", ")"], ""),
    shape("parenthesized scalar queries", "select ", ["(", "(select 1) + 1", ")"], ""),
    shape("exists", "", ["select exists (", "select 1", ")"], ""),
    shape("array queries", "", ["select array(", "select 1", ")"], ""),
    shape("queries in from", "", ["select * from (", "select 1", ") x"], ""),
    shape("lateral queries", "", ["select * from lateral (", "select 1", ") x"], ""),
    shape("joins to the right", "select * from t ", ["join (t ", "", " cross join u) on true"], ""),
    shape("joins in parentheses", "select * from ", ["(", "a cross join b", ")"], ""),
    shape("joins without conditions", "select * from t", [" join t", "", " on true"], ""),
    shape("unions to the right", "", ["select 1 union (", "select 1", ")"], ""),
    shape("with", "", ["with x as (", "select 1", ") select 1"], ""),
    shape("with before insert", "", ["with x as (", "insert into t values (1)", ") insert into t select 1"], ""),
    shape("grouping sets", "select 1 group by ", ["grouping sets (", "a", ")"], ""),
    shape("window", "select ", ["f() over (order by ", "a", ")"], ""),
    shape("filter", "select ", ["f() filter (where ", "a", ")"], ""),
    shape("modifiers", "select ", ["'x'::t(", "1", ")"], ""),
    shape("functions in from", "select * from ", ["f(", "1", ")"], ""),
    shape("defaults", "create table t (a int default ", ["(", "1", ")"], ")"),
    shape("checks", "create table t (check (", ["(", "a", ")"], "))"),
    shape("quantified queries", "", ["select 1 where 1 = any (", "select 1", ")"], ""),
    shape("queries in in", "", ["select 1 where a in (", "select 1", ")"], ""),
    shape("mixed", "", ["select ((", "select 1", ") + 1)"], ""),
    shape("casts of casts", "select 1", ["", "", "::int"], ""),
    shape("sums", "select 1", ["", "", " + 1"], ""),
    shape("concatenations", "select 1", ["", "", " || f(1)"], ""),
    shape("is null", "select 1", ["", "", " is null"], ""),
    shape("collations", "select 1", ["", "", " collate \"C\""], ""),
    shape("unions", "select 1", ["", "", " union select 1"], ""),
    shape("joins", "select * from t", ["", "", " cross join t"], ""),
    shape("at time zone", "select 1", ["", "", " at time zone 'utc'"], ""),
    shape("like", "select ", ["a like (", "b", ")"], ""),
    shape("distinct from", "select ", ["a is distinct from (", "b", ")"], ""),
];

/// What every build accepts of every shape: a level takes one of [`DEPTH_MAX`] or a few, and an unoptimised build takes
/// some kilobytes of stack for it.
const DEPTH_ALLOWED: usize = 40;

#[test]
fn deep_statements_are_read_and_deeper_ones_refused() {
    for shape in SHAPES {
        let sql = shape.nested(DEPTH_ALLOWED);
        let statements = parse(&sql).unwrap_or_else(|error| panic!("{}: {error:?}", shape.name));
        let printed = print::statement(&statements[0].statement);
        let again = parse(&printed).unwrap_or_else(|error| panic!("{}: {error:?}", shape.name));
        assert_eq!(again[0].statement, statements[0].statement, "{}", shape.name);

        for depth in [DEPTH_MAX as usize + 1, 20_000] {
            let error = parse(&shape.nested(depth)).expect_err(shape.name);
            assert_eq!(error.message(), "stack depth limit exceeded", "{}", shape.name);
            assert_eq!(error.state().as_str(), "54001");
        }
    }
}

/// The deepest that is accepted can still be walked.
#[test]
fn the_deepest_statement_can_be_walked() {
    for shape in SHAPES {
        let (mut low, mut high) = (DEPTH_ALLOWED, DEPTH_MAX as usize + 1);
        while low + 1 < high {
            let middle = (low + high) / 2;
            match parse(&shape.nested(middle)) {
                Ok(_) => low = middle,
                Err(_) => high = middle,
            }
        }
        let statements = parse(&shape.nested(low)).expect("found above");
        let copy = statements.clone();
        assert_eq!(copy, statements);
        assert!(!format!("{:?}", copy[0]).is_empty());
        let printed = print::statement(&copy[0].statement);
        // The printed form may have parentheses of its own, and so be too deep.
        if let Ok(again) = parse(&printed) {
            assert_eq!(again[0].statement, copy[0].statement);
        }
    }
}

/// Lists are flat, however long.
#[test]
fn long_lists_are_not_deep() {
    let many = 20_000;
    for (item, separator, before) in [
        ("a", " and ", "select "),
        ("a = 1", " or ", "select 1 where "),
        ("1", ", ", "select "),
        ("(1, 2)", ", ", "insert into t values "),
        ("1", ", ", "select array[1, "),
        ("t", ", ", "select * from "),
        ("select 1", ";", ""),
    ] {
        let close = if before.ends_with("[1, ") { "]" } else { "" };
        let sql = format!("{before}{}{close}", vec![item; many].join(separator));
        let statements = parse(&sql).unwrap_or_else(|error| panic!("{before}: {error:?}"));
        assert_eq!(statements, statements.clone());
    }
}
