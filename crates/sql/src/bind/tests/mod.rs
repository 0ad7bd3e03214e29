//! What is bound to what: statements and PostgreSQL's answers to their preparation, and plans as text.
//!
//! `tests/golden/bind/queries.txt` and `errors.txt` have PostgreSQL's answers (types of columns and parameters; or the
//! error's state, position, message, detail, hint), with a line `atoll:` where ours differ on purpose. `plans.txt` has
//! our plans. `UPDATE_GOLDEN=1` rewrites what is ours; read the difference.

// Golden files.
#![allow(clippy::disallowed_methods)]

pub(crate) mod catalog;

use std::fmt::Write;
use std::path::PathBuf;

use atoll_datum::{Error, Oid, Result};

use super::{expression_over, format_type, statement};
use crate::bind::{Standalone, StandaloneColumn};
use crate::plan::{ColumnId, Query};
use crate::session::Scope;
use crate::types::Type;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bind").join(name)
}

fn bind(scope: &Scope, sql: &str) -> Result<Query> {
    let parsed = atoll_syntax::parse(sql)?;
    statement(scope, &parsed[0].statement, &[])
}

/// Like the answer of PostgreSQL that the files have.
fn answer(scope: &Scope, sql: &str) -> String {
    let mut text = String::new();
    match bind(scope, sql) {
        Ok(query) => {
            if !query.parameters.is_empty() {
                let types: Vec<String> = query.parameters.iter().map(|ty| format_type(scope, bare(*ty))).collect();
                writeln!(text, "parameters {}", types.join(", ")).unwrap();
            }
            let column = |column: &crate::plan::Output| format!("{} {}", column.name, format_type(scope, column.ty));
            let columns: Vec<String> = query.output.iter().map(column).collect();
            match columns.is_empty() {
                true => text.push_str("no columns\n"),
                false => writeln!(text, "columns {}", columns.join(", ")).unwrap(),
            }
            check_ids(&query);
        }
        Err(error) => write_error(&mut text, &error),
    }
    text
}

fn bare(ty: Type) -> Type {
    Type::new(ty.oid)
}

fn write_error(text: &mut String, error: &Error) {
    let fields = error.fields();
    write!(text, "error {}", fields.state).unwrap();
    if let Some(position) = fields.position {
        write!(text, " @{}", position + 1).unwrap();
    }
    writeln!(text, " {}", fields.message).unwrap();
    if let Some(detail) = &fields.detail {
        writeln!(text, "detail {detail}").unwrap();
    }
    if let Some(hint) = &fields.hint {
        writeln!(text, "hint {hint}").unwrap();
    }
}

/// Everything that the plan reads is made in it.
fn check_ids(query: &Query) {
    let outer = query.plan.outer_columns();
    assert!(outer.is_empty(), "{outer:?} are read and not made:\n{query}");
    let made = query.plan.columns();
    for column in &query.output {
        assert!(made.contains(&column.id), "{} is not made:\n{query}", column.id);
    }
}

/// Blocks of a statement and an answer, separated by empty lines.
fn run_file(name: &str) {
    let path = golden(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let node = catalog::node();
    let scope = catalog::scope(node);
    let mut rewritten = String::new();
    let mut failures = String::new();
    for block in text.split("\n\n").map(str::trim_end).filter(|block| !block.is_empty()) {
        let comment: String =
            block.lines().filter(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        let lines: Vec<&str> = block.lines().filter(|line| !line.starts_with('#')).collect();
        rewritten.push_str(&comment);
        let Some(first) = lines.first() else { continue };
        let sql = first.strip_prefix("> ").expect("a statement begins with >");
        let (ours, theirs): (Vec<&str>, Vec<&str>) = lines[1..].iter().partition(|line| line.starts_with("atoll: "));
        let theirs = theirs.iter().map(|line| format!("{line}\n")).collect::<String>();
        let ours: String = ours.iter().map(|line| format!("{}\n", &line["atoll: ".len()..])).collect();
        let found = answer(&scope, sql);
        writeln!(rewritten, "> {sql}").unwrap();
        rewritten.push_str(&theirs);
        if found != theirs {
            for line in found.lines() {
                writeln!(rewritten, "atoll: {line}").unwrap();
            }
        }
        rewritten.push('\n');
        let expected = if ours.is_empty() { &theirs } else { &ours };
        if &found != expected {
            write!(failures, "> {sql}\nexpected:\n{expected}found:\n{found}\n").unwrap();
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, rewritten.trim_end().to_owned() + "\n").unwrap();
    } else {
        assert!(failures.is_empty(), "{failures}");
    }
}

#[test]
fn queries_have_the_columns_that_postgresql_gives_them() {
    run_file("queries.txt");
}

#[test]
fn mistakes_are_refused_as_postgresql_refuses_them() {
    run_file("errors.txt");
}

#[test]
fn plans_are_as_they_were() {
    let path = golden("plans.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    let scope = catalog::scope(catalog::node());
    let mut found = String::new();
    for sql in text.lines().filter_map(|line| line.strip_prefix("> ")) {
        let plan = match bind(&scope, sql) {
            Ok(query) => query.to_string(),
            Err(error) => {
                let mut text = String::new();
                write_error(&mut text, &error);
                text
            }
        };
        write!(found, "> {sql}\n{plan}\n").unwrap();
    }
    let found = found.trim_end().to_owned() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    } else {
        assert_eq!(text, found);
    }
}

#[test]
fn what_a_statement_does_with_relations_is_listed() {
    let scope = catalog::scope(catalog::node());
    let uses = |sql: &str| {
        let query = bind(&scope, sql).unwrap();
        let mut text = String::new();
        for of in &query.uses {
            let name = scope.catalog.table(of.relation).map_or("?", |table| table.name.as_str());
            write!(text, "{name} as {}", of.as_role).unwrap();
            for (letter, columns) in [("r", &of.select), ("a", &of.insert), ("w", &of.update)] {
                if let Some(columns) = columns {
                    let columns: Vec<u32> = columns.iter().map(|ordinal| ordinal.0).collect();
                    write!(text, " {letter}{columns:?}").unwrap();
                }
            }
            text.push_str(if of.delete { " d" } else { "" });
            text.push_str(if of.lock { " lock" } else { "" });
            text.push('\n');
        }
        text
    };
    assert_eq!(uses("SELECT a FROM t WHERE b = 'x'"), "t as 10 r[2, 3]\n");
    assert_eq!(uses("SELECT count(*) FROM t"), "t as 10 r[]\n");
    // The view's owner reads the table.
    assert_eq!(uses("SELECT b FROM vw"), "vw as 10 r[2]\nt as 20 r[1, 2, 3]\n");
    // And changes it; of a view that is not read, it need not be allowed to.
    assert_eq!(uses("UPDATE vw SET b = 'x' WHERE id = 1"), "vw as 10 r[1] w[2]\nt as 20 r[1, 2, 3] w[3]\n");
    assert_eq!(uses("UPDATE vw SET b = 'x'"), "vw as 10 w[2]\nt as 20 w[3]\n");
    assert_eq!(uses("INSERT INTO vw (b) VALUES ('x')"), "vw as 10 a[2]\nt as 20 a[3]\n");
    assert_eq!(uses("DELETE FROM vw"), "vw as 10 d\nt as 20 d\n");
    assert_eq!(uses("UPDATE t SET a = a + 1 WHERE id = 1"), "t as 10 r[1, 2] w[2]\n");
    assert_eq!(uses("DELETE FROM t"), "t as 10 d\n");
    // What checks and generated columns read needs no privilege.
    assert_eq!(uses("INSERT INTO gen (n) VALUES (1)"), "gen as 10 a[2]\n");
    assert_eq!(uses("SELECT a FROM t FOR UPDATE"), "t as 10 r[2] lock\n");
}

#[test]
fn expressions_of_descriptors_are_bound_by_their_own_rules() {
    let scope = catalog::scope(catalog::node());
    let columns = [
        StandaloneColumn { name: "a".to_owned(), id: ColumnId(0), ty: Type::INT4 },
        StandaloneColumn { name: "b".to_owned(), id: ColumnId(1), ty: Type::TEXT },
    ];
    let bind = |text: &str, expected: Option<Type>, what: Standalone| {
        let written = atoll_syntax::parse_expression(text).unwrap();
        match expression_over(&scope, &written, "t", &columns, expected, what) {
            Ok(expr) => expr.to_string(),
            Err(error) => format!("{} {}", error.state(), error.message()),
        }
    };
    let default = Standalone::Default { column: "a" };
    assert_eq!(bind("'5'", Some(Type::INT4), default), "5");
    assert_eq!(bind("a + 1", Some(Type::INT4), default), "0A000 cannot use column reference in DEFAULT expression");
    assert_eq!(bind("(SELECT 1)", Some(Type::INT4), default), "0A000 cannot use subquery in DEFAULT expression");
    assert_eq!(
        bind("true", Some(Type::INT4), default),
        "42804 column \"a\" is of type integer but default expression is of type boolean"
    );
    assert_eq!(bind("t.a > 1", None, Standalone::Check), "int4gt(#0, 1)");
    assert_eq!(bind("a", None, Standalone::Check), "42804 argument of CHECK must be type boolean, not type integer");
    let sum = bind("sum(a) > 1", None, Standalone::Check);
    assert_eq!(sum, "42803 aggregate functions are not allowed in check constraints");
    assert_eq!(bind("lower(b)", None, Standalone::IndexExpression), "lower(#1)");
    let generated = Standalone::Generated { column: "b" };
    assert_eq!(bind("b::timestamptz::text", None, generated), "42P17 generation expression is not immutable");
    let random = bind("concat(a)", None, Standalone::IndexExpression);
    assert_eq!(random, "42P17 functions in index expression must be marked IMMUTABLE");
    assert_eq!(bind("b || 'x'", None, Standalone::IndexPredicate).split(' ').next(), Some("42804"));
}

#[test]
fn declared_parameters_keep_their_types() {
    let scope = catalog::scope(catalog::node());
    let parsed = atoll_syntax::parse("SELECT a FROM t WHERE a = $1 AND b = $2").unwrap();
    let query = statement(&scope, &parsed[0].statement, &[atoll_datum::oid::INT8, Oid(0)]).unwrap();
    assert_eq!(query.parameters, [Type::INT8, Type::TEXT]);
}
