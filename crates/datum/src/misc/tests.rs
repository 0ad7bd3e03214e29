//! Runs tables of cases whose answers a real PostgreSQL gave: `cases.tsv` of a family, one case a line.
//!
//! ```text
//! in   type  text                      =>  type  text
//! fn   name  type=text type=text …     =>  type  text
//! set  name  type=text …               =>  rows  text …
//! agg  name  type  text text …         =>  type  text
//! ```
//! separated by tabs, with COPY's escapes; instead of an answer there may be `error`, its state, message, detail, hint
//! and context.

use std::sync::Arc;

use crate::builtin::{Function, builtin};
use crate::datum::{Datum, EnumLabel, EnumType, Record};
use crate::error::{Error, Result};
use crate::function::{self, Call, Settings};
use crate::io::Form;
use crate::misc::ordered_set::{Standing, ordered_set};
use crate::oid::{self, Oid};

#[test]
fn answers_are_those_of_postgresql() {
    run(include_str!("cases.tsv"));
}

pub(crate) fn run(cases: &str) {
    let mut failures = Vec::new();
    let mut count = 0;
    for line in cases.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (given, expected) = line.split_once("\t=>\t").expect("a case has an answer");
        count += 1;
        let fields: Vec<&str> = given.split('\t').collect();
        let got = match answer(&fields) {
            Ok(got) => got,
            Err(error) if error.message().starts_with(NO_FORM) => continue,
            Err(error) => error_text(&error, expected),
        };
        if got != expected {
            failures.push(format!("{given}\n  expected {expected}\n  got      {got}"));
        }
    }
    assert!(failures.is_empty(), "{} of {count} cases differ:\n{}", failures.len(), failures.join("\n"));
}

fn answer(fields: &[&str]) -> Result<String> {
    let settings = Settings::default();
    let text_of = |of: Oid, value: &Datum| {
        if value.is_null() {
            return Ok("\\N".to_string());
        }
        let mut out = String::new();
        form(of)?.format(value, &settings, &mut out);
        Ok(escaped(&out))
    };
    let (kind, rest) = fields.split_first().expect("a case has a kind");
    match (*kind, rest) {
        ("in", [of, text]) => {
            let of = type_named(of);
            Ok(format!("{}\t{}", type_name(of), text_of(of, &parse(of, text)?)?))
        }
        ("agg", [name, of, values @ ..]) => {
            let of = type_named(of);
            let function = resolve(name, &[of]);
            let entry = function::aggregate(name, function.argument_list).expect("an aggregate that exists");
            let result = result_type(function, &[of]);
            let call = Call { settings: &settings, argument_types: &[of], result_type: result };
            let mut state = (entry.new)(&call);
            for value in values {
                let value = parse(of, value)?;
                if !(entry.skips_nulls && value.is_null()) {
                    state.step(&call, &[value])?;
                }
            }
            Ok(format!("{}\t{}", type_name(result), text_of(result, &state.finish(&call)?)?))
        }
        (kind, [name, arguments @ ..]) => {
            let arguments = arguments.iter().map(|argument| {
                let (of, text) = argument.split_once('=').expect("an argument has a type");
                let of = type_named(of);
                Ok((of, parse(of, text)?))
            });
            let arguments = arguments.collect::<Result<Vec<_>>>()?;
            let (types, values): (Vec<Oid>, Vec<Datum>) = arguments.into_iter().unzip();
            let function = resolve(name, &types);
            let result = result_type(function, &types);
            let call = Call { settings: &settings, argument_types: &types, result_type: result };
            let is_null = function.strict && values.iter().any(Datum::is_null);
            if kind == "fn" {
                let scalar = function::scalar(function.source).unwrap_or_else(|| panic!("{name} is missing"));
                let value = if is_null { Datum::Null } else { scalar(&call, &values)? };
                return Ok(format!("{}\t{}", type_name(result), text_of(result, &value)?));
            }
            let set = function::set(function.source).unwrap_or_else(|| panic!("{name} is missing"));
            let mut out = String::from("rows");
            if !is_null {
                for row in set(&call, &values)? {
                    out.push('\t');
                    out.push_str(&row_text(function, result, row?, &text_of)?);
                }
            }
            Ok(out)
        }
        _ => panic!("a case of no kind: {fields:?}"),
    }
}

fn row_text(
    function: &Function,
    result: Oid,
    row: Vec<Datum>,
    text_of: &dyn Fn(Oid, &Datum) -> Result<String>,
) -> Result<String> {
    match &row[..] {
        [value] => text_of(result, value),
        _ => {
            let types: Arc<[Oid]> = function.all_arguments[function.arguments.len()..].into();
            let record = Record { of: oid::RECORD, names: Arc::from([]), types, values: row };
            text_of(oid::RECORD, &Datum::Record(Arc::new(record)))
        }
    }
}

/// The context of an error is compared only where PostgreSQL's is about the value, not about its own functions.
fn error_text(error: &Error, expected: &str) -> String {
    let fields = error.fields();
    let optional = |field: &Option<String>| field.clone().unwrap_or_default();
    let mut parts =
        vec![fields.state.to_string(), fields.message.clone(), optional(&fields.detail), optional(&fields.hint)];
    parts.push(optional(&fields.context));
    while parts.last().is_some_and(String::is_empty) {
        parts.pop();
    }
    let parts: Vec<String> = parts.iter().map(|part| escaped(part)).collect();
    let text = format!("error\t{}", parts.join("\t"));
    // The limits of the stack are ours to name.
    if expected.contains("max_stack_depth") { expected.into() } else { text }
}

fn type_named(name: &str) -> Oid {
    builtin().type_by_name(name).unwrap_or_else(|| panic!("no type {name}")).oid
}

fn type_name(of: Oid) -> &'static str {
    builtin().type_by_oid(of).map_or("?", |row| row.name)
}

/// Of the types of characters and bytes alone a case may be passed over: they are in modules that are written apart.
const NO_FORM: &str = "no form of type";

fn form(of: Oid) -> Result<Form> {
    let element = builtin().type_by_oid(of).filter(|row| row.is_array()).map_or(of, |row| row.element);
    match Form::of(of) {
        Some(form) => Ok(form),
        None if matches!(element, oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::BYTEA) => {
            Err(Error::internal(format!("{NO_FORM} {of}")))
        }
        None => panic!("type {of} has no form"),
    }
}

fn parse(of: Oid, text: &str) -> Result<Datum> {
    match text {
        "\\N" => Ok(Datum::Null),
        _ => form(of)?.parse(&unescaped(text), -1, &Settings::default()),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                other => other.expect("an escape is whole"),
            },
            other => other,
        });
    }
    out
}

/// The function of this name that fits the types best.
fn resolve(name: &str, types: &[Oid]) -> &'static Function {
    let fit = |function: &&Function| {
        let spread = function.variadic == oid::ANY && !types.is_empty();
        if !spread && function.arguments.len() != types.len() {
            return None;
        }
        let exact = function.arguments.iter().zip(types).filter(|(parameter, of)| *parameter == *of).count();
        let fits = |(parameter, of): (&Oid, &Oid)| {
            let is_array = builtin().type_by_oid(*of).is_some_and(|row| row.is_array());
            parameter == of
                || match *parameter {
                    oid::ANY | oid::ANYELEMENT | oid::ANYCOMPATIBLE => true,
                    oid::ANYARRAY | oid::ANYCOMPATIBLEARRAY => is_array,
                    oid::ANYNONARRAY => !is_array,
                    _ => false,
                }
        };
        let fits = function.arguments.iter().zip(types).all(fits);
        fits.then_some(exact)
    };
    let found = builtin().functions_named(name).filter(|function| fit(function).is_some()).max_by_key(fit);
    found.unwrap_or_else(|| panic!("no function {name}({types:?})"))
}

fn result_type(function: &Function, types: &[Oid]) -> Oid {
    let array_of = |of: Oid| builtin().type_by_oid(of).map_or(Oid::NONE, |row| row.array);
    let given = |wanted: &[Oid]| {
        let position = function.arguments.iter().position(|parameter| wanted.contains(parameter));
        position.map(|at| types[at])
    };
    match function.result {
        oid::ANYARRAY | oid::ANYCOMPATIBLEARRAY => given(&[oid::ANYARRAY, oid::ANYCOMPATIBLEARRAY])
            .or_else(|| given(&[oid::ANYELEMENT, oid::ANYCOMPATIBLE, oid::ANYNONARRAY]).map(array_of))
            .expect("an argument decides"),
        oid::ANYELEMENT => {
            let element = |of: Oid| builtin().type_by_oid(of).map(|row| row.element);
            given(&[oid::ANYELEMENT]).or_else(|| element(given(&[oid::ANYARRAY])?)).expect("an argument decides")
        }
        result => result,
    }
}

#[test]
fn enums_know_their_values() {
    let label = |oid: u32, label: &str| EnumLabel { oid: Oid(oid), label: label.into() };
    let labels = vec![label(1, "red"), label(3, "green"), label(2, "blue")];
    let of = Arc::new(EnumType { oid: Oid(90_000), name: "color".into(), labels });
    let value = |label: &str| Datum::Enum(of.by_label(label).expect("a label of the type"));
    let call = Call { settings: &Settings::default(), argument_types: &[of.oid], result_type: of.oid };
    let apply = |name: &str, arguments: &[Datum]| function::scalar(name).expect(name)(&call, arguments);
    let text = |value: Result<Datum>| {
        let mut out = String::new();
        match value {
            Ok(value) => crate::misc::record::format_any(of.oid, &value, call.settings, &mut out),
            Err(error) => out = error.to_string(),
        }
        out
    };
    assert_eq!(text(apply("enum_first", &[value("blue")])), "red");
    assert_eq!(text(apply("enum_last", &[value("red")])), "blue");
    assert_eq!(text(apply("enum_range_all", &[value("red")])), "{red,green,blue}");
    assert_eq!(text(apply("enum_range_bounds", &[value("green"), Datum::Null])), "{green,blue}");
    assert_eq!(text(apply("enum_range_bounds", &[Datum::Null, value("green")])), "{red,green}");
    assert_eq!(text(apply("enum_range_bounds", &[value("blue"), value("red")])), "{}");
    assert_eq!(text(apply("enum_first", &[Datum::Null])), "could not determine actual enum type");
    assert_eq!(apply("enum_lt", &[value("green"), value("blue")]), Ok(Datum::Bool(true)));
    assert_eq!(text(apply("enum_larger", &[value("green"), value("blue")])), "blue");
    let form = Form::Enum(of.clone());
    let refused = form.parse("pink", -1, call.settings).map_err(|error| error.to_string());
    assert_eq!(refused, Err("invalid input value for enum color: \"pink\"".into()));
}

fn record(values: &[Datum], types: &[Oid]) -> Datum {
    let names = (1..=values.len()).map(|at| Arc::from(format!("f{at}"))).collect::<Vec<Arc<str>>>();
    let record = Record { of: oid::RECORD, names: names.into(), types: types.into(), values: values.to_vec() };
    Datum::Record(Arc::new(record))
}

#[test]
fn rows_print_and_compare_by_column() {
    let text = |text: &str| Datum::text(text);
    let mut out = String::new();
    let values = [text("a"), Datum::Null, text(""), text("b c"), text("q\"\\x"), text("(1,2)"), Datum::Bool(true)];
    let types = [[oid::TEXT; 6].as_slice(), &[oid::BOOL]].concat();
    (super::record::IO.format)(&record(&values, &types), &Settings::default(), &mut out);
    assert_eq!(out, r#"(a,,"","b c","q""\\x","(1,2)",t)"#);

    let compare = |a: Datum, b: Datum| super::record::compare(&[a, b]).map_err(|error| error.to_string());
    let (int, texts) = (Datum::Int4, [oid::INT4, oid::TEXT]);
    let one = || record(&[int(1), text("x")], &texts);
    assert_eq!(compare(one(), record(&[int(1), Datum::Null], &texts)), Ok(std::cmp::Ordering::Less));
    assert_eq!(compare(one(), record(&[int(2), int(1)], &[oid::INT4; 2])), Ok(std::cmp::Ordering::Less));
    let dissimilar = "cannot compare dissimilar column types text and integer at record column 2";
    assert_eq!(compare(one(), record(&[int(1), int(1)], &[oid::INT4; 2])), Err(dissimilar.into()));
    let different = "cannot compare record types with different numbers of columns";
    assert_eq!(compare(one(), record(&[int(1)], &[oid::INT4])), Err(different.into()));

    let mut json = String::new();
    crate::json::convert::to_json(oid::RECORD, &one(), true, &Settings::default(), &mut json);
    assert_eq!(json, "{\"f1\":1,\n \"f2\":\"x\"}");
}

#[test]
fn percentiles_and_modes() {
    let sorted = [1.0, 2.0, 2.0, 10.0].map(Datum::Float8);
    let settings = Settings::default();
    let ask = |name: &str, types: &str, direct: &[Datum], sorted: &[Datum]| {
        let call = Call { settings: &settings, argument_types: &[oid::FLOAT8, oid::FLOAT8], result_type: oid::FLOAT8 };
        ordered_set(name, types).expect("an aggregate that exists")(&call, direct, sorted)
            .map_err(|error| error.to_string())
    };
    let float = Datum::Float8;
    assert_eq!(ask("percentile_cont", "701 701", &[float(0.5)], &sorted), Ok(float(2.0)));
    assert_eq!(ask("percentile_cont", "701 701", &[float(0.75)], &sorted), Ok(float(4.0)));
    assert_eq!(ask("percentile_cont", "701 701", &[float(1.0)], &sorted), Ok(float(10.0)));
    assert_eq!(ask("percentile_cont", "701 701", &[float(0.5)], &[]), Ok(Datum::Null));
    assert_eq!(ask("percentile_cont", "701 701", &[Datum::Null], &sorted), Ok(Datum::Null));
    assert_eq!(ask("percentile_disc", "701 2283", &[float(0.0)], &sorted), Ok(float(1.0)));
    assert_eq!(ask("percentile_disc", "701 2283", &[float(0.25)], &sorted), Ok(float(1.0)));
    assert_eq!(ask("percentile_disc", "701 2283", &[float(0.26)], &sorted), Ok(float(2.0)));
    let outside = Err("percentile value 1.5 is not between 0 and 1".into());
    assert_eq!(ask("percentile_disc", "701 2283", &[float(1.5)], &sorted), outside);
    assert_eq!(ask("mode", "2283", &[], &sorted), Ok(float(2.0)));
    assert_eq!(ask("mode", "2283", &[], &[]), Ok(Datum::Null));
    let fractions = [float(0.25), Datum::Null, float(1.0)].to_vec();
    let fractions = Datum::Array(Arc::new(crate::array::Array::new(oid::FLOAT8, fractions)));
    let Ok(Datum::Array(found)) = ask("percentile_cont", "1022 701", &[fractions], &sorted) else {
        panic!("an array is wanted")
    };
    assert_eq!(found.elements(), [float(1.75), Datum::Null, float(10.0)]);
}

#[test]
fn hypothetical_rows_have_a_rank() {
    let rows = [1, 1, 2, 3, 3, 4];
    let mut standing = Standing::default();
    let mut previous = None;
    for row in rows {
        standing.step(row.cmp(&3), previous != Some(row));
        previous = Some(row);
    }
    assert_eq!(standing.result("rank"), Some(Datum::Int8(4)));
    assert_eq!(standing.result("dense_rank"), Some(Datum::Int8(3)));
    assert_eq!(standing.result("percent_rank"), Some(Datum::Float8(0.5)));
    assert_eq!(standing.result("cume_dist"), Some(Datum::Float8(6.0 / 7.0)));
    assert_eq!(Standing::default().result("percent_rank"), Some(Datum::Float8(0.0)));
    assert_eq!(standing.result("sum"), None);
}
