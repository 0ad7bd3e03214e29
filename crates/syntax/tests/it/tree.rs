//! What tree a text becomes: which operator takes which operand, which texts are the same, where positions point.

use atoll_syntax::ast::{At, ExprKind, Literal, QueryBody, Statement};
use atoll_syntax::{parse, parse_expression, parse_type, print};

/// Printed, operands of operators stand in parentheses.
#[test]
fn operators_take_their_operands_by_precedence() {
    for (text, tree) in [
        ("1 + 2 * 3 - 4", "(1 + (2 * 3)) - 4"),
        ("1 - 2 - 3", "(1 - 2) - 3"),
        ("2 ^ 3 ^ 4", "(2 ^ 3) ^ 4"),
        ("- 2 ^ 3", "(-2) ^ 3"),
        ("- a ^ 3", "(- a) ^ 3"),
        ("a + - b", "a + (- b)"),
        ("- - 5", "5"),
        ("- (5)", "-5"),
        ("-1::int", "- 1::integer"),
        ("a or b and c or d", "a OR (b AND c) OR d"),
        ("(a or b) or c", "a OR b OR c"),
        ("a or (b or c)", "a OR (b OR c)"),
        ("not a and not b", "(NOT a) AND (NOT b)"),
        ("not a = b", "NOT (a = b)"),
        ("not a is null", "NOT (a IS NULL)"),
        ("a = b is null", "(a = b) IS NULL"),
        ("a is null = b", "(a IS NULL) = b"),
        ("a = b and c = d", "(a = b) AND (c = d)"),
        ("a = b || c", "a = (b || c)"),
        ("a || b + c", "a || (b + c)"),
        ("a -> b ->> c", "(a -> b) ->> c"),
        ("a + b -> c", "(a + b) -> c"),
        ("a = b like c", "a = (b LIKE c)"),
        ("a like b = c", "(a LIKE b) = c"),
        ("a like b || c escape d || e", "a LIKE (b || c) ESCAPE (d || e)"),
        ("a between b + 1 and c * 2 and d", "(a BETWEEN (b + 1) AND (c * 2)) AND d"),
        ("a between b and c or d", "(a BETWEEN b AND c) OR d"),
        ("a in (1, 2) = b", "(a IN (1, 2)) = b"),
        ("a = b in (1)", "a = (b IN (1))"),
        ("a = any (b) = c", "(a = ANY (b)) = c"),
        ("a is distinct from b = c", "a IS DISTINCT FROM (b = c)"),
        ("a < b is distinct from c", "(a < b) IS DISTINCT FROM c"),
        ("a at time zone b || c", "(a AT TIME ZONE b) || c"),
        ("a ^ b at time zone c", "a ^ (b AT TIME ZONE c)"),
        ("a || b collate \"C\"", "a || (b COLLATE \"C\")"),
        ("- a collate \"C\"", "(- a) COLLATE \"C\""),
        ("a::int::text || b", "a::integer::text || b"),
        ("@ 1 + 3", "@ (1 + 3)"),
        ("2 * @ 1 + 3", "2 * (@ (1 + 3))"),
        ("@ 1 @ 2", "(@ 1) @ 2"),
        ("a operator(pg_catalog.+) b * c", "a OPERATOR(pg_catalog.+) (b * c)"),
        ("a operator(pg_catalog.*) b + c", "a OPERATOR(pg_catalog.*) (b + c)"),
        ("a + not b or c", "(a + (NOT b)) OR c"),
        ("case a when 1 then 2 end + 1", "CASE a WHEN 1 THEN 2 END + 1"),
    ] {
        let expr = parse_expression(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(print::expression(&expr), tree, "{text}");
    }
}

/// Two ways to write one thing.
#[test]
fn spellings_are_resolved() {
    for (one, other) in [
        ("select 1::integer", "select cast(1 as pg_catalog.int4)"),
        ("select 'x'::char", "select 'x'::pg_catalog.bpchar(1)"),
        ("select 'x'::char varying(3)", "select 'x'::pg_catalog.varchar(3)"),
        ("select bit '1', bit(3) '101'", "select '1'::bit(1), '101'::bit(3)"),
        ("select 1::dec(3)", "select 1::numeric(3)"),
        ("select 1::float(24), 1::float(25)", "select 1::real, 1::double precision"),
        ("select 'x'::time with time zone", "select 'x'::pg_catalog.timetz"),
        ("select 'x'::int array[3]", "select 'x'::int[3]"),
        ("select a != b", "select a <> b"),
        ("select a isnull, b notnull", "select a is null, b is not null"),
        ("select some_ = some (select 1)", "select some_ = any (select 1)"),
        ("select f(a := 1)", "select f(a => 1)"),
        ("table t", "select * from t"),
        ("select (1)", "select 1"),
        ("((select 1))", "select 1"),
        ("(select 1 limit 1) order by 1", "select 1 order by 1 limit 1"),
        ("select 1 fetch first 5 rows only", "select 1 limit 5"),
        ("select 1 fetch first row only", "select 1 limit 1"),
        ("select 1 union distinct select 2", "select 1 union select 2"),
        ("select * from a inner join b on true", "select * from a join b on true"),
        ("select trim(a)", "select trim(both from a)"),
        ("select substring(a for b)", "select substring(a from 1 for b::integer)"),
        ("begin work", "begin transaction"),
        ("end", "commit"),
        ("abort", "rollback"),
        ("set time zone 'utc'", "set timezone to 'utc'"),
        ("set time zone local", "set timezone to default"),
        ("set names 'x'", "set client_encoding = x"),
        ("set schema 'x'", "set search_path to x"),
        ("set session authorization default", "set session_authorization to default"),
        ("explain analyze verbose select 1", "explain (analyze, verbose) select 1"),
        ("vacuum full analyze t", "vacuum (full, analyze) t"),
        ("copy t from stdin csv header", "copy t from stdin (format csv, header true)"),
        ("fetch next from c", "fetch 1 c"),
        ("fetch prior c", "fetch backward 1 from c"),
        (
            "create recursive view v (n) as select 1",
            "create view v (n) as with recursive v (n) as (select 1) select n from v",
        ),
        ("create table t (like u including all)", "CREATE TABLE t(LIKE u INCLUDING ALL)"),
        ("Select \"a\", A, u&\"\\0061\"", "select a, a, a"),
        ("select 'a'\n'b', e'\\x61', $$b$$, u&'\\0061'", "select 'ab', 'a', 'b', 'a'"),
    ] {
        let trees = [one, other].map(|text| parse(text).unwrap_or_else(|error| panic!("{text}: {error}")));
        assert_eq!(trees[0][0].statement, trees[1][0].statement, "{one}\n{other}");
    }
}

#[test]
fn what_differs_is_different() {
    for (one, other) in [
        ("select a and (b and c)", "select a and b and c"),
        ("select row(a, b)", "select (a, b)"),
        ("select 1::int4", "select 1::integer"),
        ("select a.b", "select (a).b"),
        ("select 1 union all select 2", "select 1 union select 2"),
        ("select 'A'", "select 'a'"),
        ("select extract(year from a)", "select pg_catalog.extract('year', a)"),
        ("create table t ()", "create temp table t ()"),
    ] {
        assert_ne!(parse(one).expect(one)[0].statement, parse(other).expect(other)[0].statement);
    }
}

#[test]
fn positions_point_at_what_messages_are_about() {
    let text = "select  ä.b,  x  +  f(y)::int  from t";
    let statements = parse(text).expect("valid");
    let Statement::Query(query) = &statements[0].statement else { panic!("{statements:?}") };
    let QueryBody::Select(select) = &query.body else { panic!("{query:?}") };
    let place = |at: At| &text[at.offset()..];
    assert!(place(select.targets[0].value.at).starts_with("ä.b"));
    let ExprKind::Binary(binary) = &select.targets[1].value.kind else { panic!() };
    assert!(place(select.targets[1].value.at).starts_with("x "));
    assert!(place(binary.operator.at).starts_with("+"));
    let ExprKind::Cast(cast) = &binary.right.kind else { panic!() };
    assert!(place(binary.right.at).starts_with("f(y)"));
    assert!(place(cast.at).starts_with("::int"));
    assert!(place(cast.to.at).starts_with("int "));

    let text = "select 1;;  ;insert into t values (1) ; ";
    let texts: Vec<&str> =
        parse(text).expect("valid").iter().map(|parsed| &text[parsed.start.offset()..parsed.end.offset()]).collect();
    assert_eq!(texts, ["select 1", "insert into t values (1)"]);
    assert!(parse(" ; -- nothing\n;").expect("valid").is_empty());
}

#[test]
fn literals_keep_what_was_written() {
    for (text, literal) in [
        ("2147483647", Literal::Integer(2147483647)),
        ("-2147483648", Literal::Number("-2147483648".into())),
        ("2147483648", Literal::Number("2147483648".into())),
        ("1.50", Literal::Number("1.50".into())),
        ("-1e-5", Literal::Number("-1e-5".into())),
        ("b'01'", Literal::Bits("01".into())),
        ("X'1f'\n'2'", Literal::HexBits("1f2".into())),
        ("'it''s'\n  -- a comment\n 'so'", Literal::String("it'sso".into())),
        ("e'\\u00e4\\U0001F600\\ud83d\\ude00\\101\\x4a\\n\\q'", Literal::String("ä😀😀AJ\nq".into())),
        ("u&'d!0061!+01F600!!' uescape '!'", Literal::String("da😀!".into())),
        ("$a$x$$y$b$$a$", Literal::String("x$$y$b$".into())),
        ("'a\\n'", Literal::String("a\\n".into())),
        ("true", Literal::Boolean(true)),
        ("null", Literal::Null),
    ] {
        assert_eq!(parse_expression(text).expect(text).kind, ExprKind::Literal(literal), "{text}");
    }
}

#[test]
fn names_are_folded_and_cut() {
    let long = "x".repeat(70);
    for (text, name) in [
        ("FooBar", "foobar".to_owned()),
        ("ÄÖ", "ÄÖ".to_owned()),
        ("\"FooBar\"", "FooBar".to_owned()),
        ("\"a\"\"b\"", "a\"b".to_owned()),
        (&long[..], "x".repeat(63)),
        (&format!("\"{}\"", "ä".repeat(40))[..], "ä".repeat(31)),
    ] {
        let ExprKind::Column(names) = parse_expression(text).expect(text).kind else { panic!("{text}") };
        assert_eq!(names[0].as_str(), name);
    }
}

#[test]
fn types_print_in_sqls_words() {
    for (text, printed) in [
        ("int", "integer"),
        ("int4[]", "int4[]"),
        ("character varying ( 10 ) [ 3 ] [ ]", "character varying(10)[3][]"),
        ("char", "character(1)"),
        ("timestamp(3)", "timestamp(3) without time zone"),
        ("timestamptz", "timestamptz"),
        ("interval hour to second(2)", "interval HOUR TO SECOND(2)"),
        ("setof s.\"T\"", "SETOF s.\"T\""),
        ("pg_catalog.int8", "bigint"),
        ("decimal(10, -2)", "numeric(10, -2)"),
    ] {
        assert_eq!(print::type_name(&parse_type(text).expect(text)), printed);
    }
    assert_eq!(parse_type("int x").expect_err("junk").message(), "syntax error at or near \"x\"");
}
