use super::*;
use crate::builtin::builtin;
use crate::error::Result;
use crate::function::{self, Aggregate, Settings};
use crate::io::Form;
use crate::{Call, Oid};

fn oid_of(name: &str) -> Oid {
    builtin().type_by_name(name).expect(name).oid
}

fn read(type_name: &str, text: &str) -> Datum {
    match type_name {
        "text" => Datum::text(text),
        "bool" => Datum::Bool(text == "t"),
        _ => Form::of(oid_of(type_name)).expect(type_name).parse(text, -1, &Settings::default()).expect(text),
    }
}

fn written(type_name: &str, value: Result<Datum>) -> String {
    match value {
        Ok(Datum::Null) => "NULL".into(),
        Ok(Datum::Text(text)) => text.to_string(),
        Ok(Datum::Bool(value)) => if value { "t" } else { "f" }.into(),
        Ok(value) => {
            let mut text = String::new();
            Form::of(oid_of(type_name)).expect(type_name).format(&value, &Settings::default(), &mut text);
            text
        }
        Err(error) => format!("!{}: {}", error.state(), error.message()),
    }
}

fn call<T>(types: &[Oid], result: &str, run: impl FnOnce(&Call) -> T) -> T {
    run(&Call { settings: &Settings::default(), argument_types: types, result_type: oid_of(result) })
}

/// A line is `function|type of the result|type:argument|…|result`, an error's result `!state: message`. The results are
/// those of PostgreSQL 15.
#[test]
fn functions_answer_as_postgresqls() {
    for line in include_str!("cases.txt").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').collect();
        let [source, result, arguments @ .., expected] = &fields[..] else { panic!("{line}") };
        let typed = arguments.iter().map(|argument| argument.split_once(':').expect(line));
        let (types, values): (Vec<_>, Vec<_>) = typed.map(|(name, text)| (oid_of(name), read(name, text))).unzip();
        let function = function::scalar(source).expect(source);
        assert_eq!(written(result, call(&types, result, |call| function(call, &values))), *expected, "{line}");
    }
}

#[test]
fn every_listed_function_is_one_of_postgresqls() {
    let known = |source: &str| {
        builtin().functions.iter().any(|row| {
            row.source == source || source.split_once(':') == Some((row.name, row.argument_list)) && row.language == 14
        })
    };
    for (source, _) in SCALARS.iter().chain(crate::numeric::SCALARS) {
        assert!(known(source), "{source}");
    }
    for (source, _) in SETS {
        assert!(known(source), "{source}");
    }
    for (name, types, _) in AGGREGATES.iter().chain(crate::numeric::AGGREGATES) {
        assert!(builtin().functions_named(name).any(|row| row.argument_list == *types && row.kind == b'a'), "{name}");
    }
}

/// Nothing that an operator or a cast between these types means is missing.
#[test]
fn every_operator_and_cast_of_numbers_is_there() {
    let ours: Vec<Oid> = ["int2", "int4", "int8", "oid", "float4", "float8", "numeric"].map(oid_of).to_vec();
    let is_ours = |oid: Oid| ours.contains(&oid);
    let operators =
        builtin().operators.iter().filter(|row| is_ours(row.right) && (is_ours(row.left) || row.kind == b'l'));
    let casts = builtin().casts.iter().filter(|row| is_ours(row.source) && is_ours(row.target) && row.method == b'f');
    for oid in operators.map(|row| row.function).chain(casts.map(|row| row.function)) {
        let row = builtin().function(oid).expect("a row of pg_proc");
        assert!(function::scalar(row.source).is_some(), "{}", row.source);
    }
}

#[test]
fn floats_are_read_and_written() {
    let f64_text = |value: f64, digits: i32| {
        let mut text = String::new();
        format_f64(value, digits, &mut text);
        text
    };
    let f32_text = |value: f32, digits: i32| {
        let mut text = String::new();
        format_f32(value, digits, &mut text);
        text
    };
    for (value, expected) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (0.1, "0.1"),
        (1e14, "100000000000000"),
        (1e15, "1e+15"),
        (123456789012345680.0, "1.2345678901234568e+17"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (0.1 + 0.2, "0.30000000000000004"),
        // 16 digits would be halfway to the next float.
        (18014398509481988.0, "1.8014398509481988e+16"),
        // Two of 16 digits are equally near: the even one.
        (f64::from(773.149f32), "773.1489868164062"),
        (f64::NAN, "NaN"),
        (f64::NEG_INFINITY, "-Infinity"),
    ] {
        assert_eq!(f64_text(value, 1), expected);
    }
    assert_eq!([0, -5, -15].map(|digits| f64_text(1.0 / 3.0, digits)), ["0.333333333333333", "0.3333333333", "0.3"]);
    assert_eq!(f64_text(123456.0, -12), "1.23e+05");
    assert_eq!(
        [1e5, 1e6, 0.1, 16777216.0].map(|value| f32_text(value, 1)),
        ["100000", "1e+06", "0.1", "1.6777216e+07"]
    );
    assert_eq!(f32_text(1.0 / 3.0, 0), "0.333333");

    for (text, expected) in [(" 1.5 ", 1.5), (".5", 0.5), ("5.", 5.0), ("-1e-3", -0.001), ("+INF", f64::INFINITY)] {
        assert_eq!(parse_f64(text).expect(text), expected);
    }
    assert!(parse_f64("nan").expect("nan").is_nan());
    let message = |text: &str| parse_f64(text).expect_err(text).message().to_owned();
    for text in ["", " ", "abc", "1e", "1.5x", ".", "-", "1 2", "e5", "infinit"] {
        assert_eq!(message(text), format!("invalid input syntax for type double precision: \"{text}\""));
    }
    for text in ["1e400", "-1e400", "1e-400"] {
        assert_eq!(message(&format!(" {text} ")), format!("\"{text}\" is out of range for type double precision"));
    }
    assert_eq!(parse_f64("4.9e-324").expect("a denormal number"), 5e-324);
    assert!(parse_f32("1e39").is_err() && parse_f32("1e-46").is_err());
}

#[test]
fn integers_are_read() {
    let read = |text: &str| parse_integer::<i32>(text, "integer").map_err(|error| error.message().to_owned());
    for (text, expected) in [(" 12\n", 12), ("+7", 7), ("-2147483648", i32::MIN), ("2147483647", i32::MAX), ("007", 7)]
    {
        assert_eq!(read(text), Ok(expected));
    }
    for text in ["", "+", "1.0", "1e3", "0x1", "1_0", "- 1", "1 2"] {
        assert_eq!(read(text), Err(format!("invalid input syntax for type integer: \"{text}\"")));
    }
    for text in ["2147483648", "-2147483649", "99999999999x", " 99999999999999999999 "] {
        assert_eq!(read(text), Err(format!("value \"{text}\" is out of range for type integer")));
    }
}

#[test]
fn binary_forms_read_back() {
    for (type_name, text, length) in [
        ("int2", "-2", 2),
        ("int4", "70000", 4),
        ("int8", "-1", 8),
        ("oid", "4294967295", 4),
        ("float4", "1.5", 4),
        ("float8", "-0.1", 8),
    ] {
        let form = Form::of(oid_of(type_name)).expect(type_name);
        let (value, mut bytes) = (read(type_name, text), Vec::new());
        form.send(&value, &mut bytes);
        assert_eq!(bytes.len(), length);
        assert_eq!(form.receive(&bytes, -1).expect(type_name), value);
        assert!(form.receive(&bytes[1..], -1).is_err());
    }
}

fn stepped(name: &str, types: &str, type_name: &str, values: &[&str]) -> Box<dyn Aggregate> {
    let entry = function::aggregate(name, types).expect(name);
    let oids: Vec<Oid> = types.split_whitespace().map(|oid| Oid(oid.parse().expect(oid))).collect();
    call(&oids, type_name, |call| {
        let mut state = (entry.new)(call);
        for value in values.iter().filter(|value| !(entry.skips_nulls && **value == "NULL")) {
            let arguments: Vec<Datum> = oids.iter().zip(value.split(' ')).map(|_| read(type_name, value)).collect();
            state.step(call, &arguments).expect(value);
        }
        state
    })
}

#[test]
fn aggregates_have_postgresqls_types_and_scales() {
    // Name, types, type of the values, values, type of the result, result.
    type Case = (&'static str, &'static str, &'static str, &'static [&'static str], &'static str, &'static str);
    let cases: &[Case] = &[
        ("count", "2276", "int4", &["1", "NULL", "3"], "int8", "2"),
        ("sum", "23", "int4", &["2147483647", "2147483647"], "int8", "4294967294"),
        ("sum", "23", "int4", &["NULL"], "int8", "NULL"),
        ("sum", "20", "int8", &["9223372036854775807", "1"], "numeric", "9223372036854775808"),
        ("avg", "23", "int4", &["1", "2"], "numeric", "1.5000000000000000"),
        ("avg", "23", "int4", &["1", "1", "2"], "numeric", "1.3333333333333333"),
        ("avg", "1700", "numeric", &["1.10", "2.205"], "numeric", "1.6525000000000000"),
        ("sum", "1700", "numeric", &["1.10", "-1.1", "NULL"], "numeric", "0.00"),
        ("sum", "1700", "numeric", &["Infinity", "1"], "numeric", "Infinity"),
        ("sum", "1700", "numeric", &["Infinity", "-Infinity"], "numeric", "NaN"),
        ("sum", "1700", "numeric", &["1e38", "1e-20", "-1e38"], "numeric", "0.00000000000000000001"),
        ("variance", "23", "int4", &["1", "2", "4"], "numeric", "2.3333333333333333"),
        ("variance", "23", "int4", &["1"], "numeric", "NULL"),
        ("var_pop", "1700", "numeric", &["1"], "numeric", "0"),
        ("stddev", "1700", "numeric", &["1.5", "2.5", "4"], "numeric", "1.2583057392117916"),
        ("stddev_pop", "20", "int8", &["1", "2", "4"], "numeric", "1.2472191289246471"),
        ("variance", "1700", "numeric", &["1", "Infinity"], "numeric", "NaN"),
        ("sum", "701", "float8", &["0.1", "0.2", "0.3"], "float8", "0.6000000000000001"),
        ("avg", "700", "float4", &["1.5", "NaN"], "float8", "NaN"),
        ("stddev", "701", "float8", &["1.5", "2.5", "4"], "float8", "1.2583057392117916"),
        ("var_pop", "701", "float8", &["Infinity"], "float8", "NaN"),
        ("max", "701", "float8", &["Infinity", "NaN", "1"], "float8", "NaN"),
        ("min", "1700", "numeric", &["1.0", "1.00", "2"], "numeric", "1.00"),
        ("bit_and", "23", "int4", &["12", "10"], "int4", "8"),
        ("bit_xor", "20", "int8", &["12", "10", "NULL"], "int8", "6"),
    ];
    for (name, types, type_name, values, result, expected) in cases {
        let state = stepped(name, types, type_name, values);
        let finished = call(&[], result, |call| state.finish(call));
        assert_eq!(written(result, finished), *expected, "{name}({type_name}) of {values:?}");
    }
}

#[test]
fn rows_can_be_taken_back() {
    let taken = |name: &str, types: &str, type_name: &str, values: &[&str], back: &[&str]| {
        let mut state = stepped(name, types, type_name, values);
        call(&[], type_name, |call| {
            let all = back.iter().all(|value| state.retract(call, &[read(type_name, value)]).expect(value));
            all.then(|| written(if name == "count" { "int8" } else { "numeric" }, state.finish(call)))
        })
    };
    assert_eq!(taken("count", "2276", "int4", &["1", "2"], &["1"]).as_deref(), Some("1"));
    assert_eq!(taken("avg", "20", "int8", &["1", "2", "3"], &["1"]).as_deref(), Some("2.5000000000000000"));
    assert_eq!(taken("sum", "1700", "numeric", &["NaN", "2.50", "3.25"], &["NaN", "2.50"]).as_deref(), Some("3.25"));
    assert_eq!(taken("sum", "1700", "numeric", &["1.5", "2.5"], &["1.5", "2.5"]).as_deref(), Some("NULL"));
    assert_eq!(
        taken("variance", "1700", "numeric", &["7", "1", "2", "4"], &["7"]).as_deref(),
        Some("2.3333333333333333")
    );
    // Without its only number of scale 2, the sum would show fewer digits.
    assert_eq!(taken("sum", "1700", "numeric", &["1.25", "2.5"], &["1.25"]), None);
}

#[test]
fn series_end_where_their_type_ends() {
    let series = |source: &str, type_name: &str, arguments: &[&str]| -> Result<Vec<String>> {
        let arguments: Vec<Datum> = arguments.iter().map(|argument| read(type_name, argument)).collect();
        let set = function::set(source).expect(source);
        let rows = call(&[], type_name, |call| set(call, &arguments))?;
        rows.map(|row| row.map(|row| written(type_name, Ok(row[0].clone())))).collect()
    };
    assert_eq!(series("generate_series_int4", "int4", &["3", "5"]), Ok(vec!["3".into(), "4".into(), "5".into()]));
    assert_eq!(series("generate_series_int4", "int4", &["3", "2"]), Ok(vec![]));
    let last = ["2147483646", "2147483647", "2"];
    assert_eq!(series("generate_series_step_int4", "int4", &last), Ok(vec![last[0].into()]));
    let last = ["-9223372036854775807", "-9223372036854775808", "-1"];
    assert_eq!(series("generate_series_step_int8", "int8", &last), Ok(vec![last[0].into(), last[1].into()]));
    let steps = series("generate_series_step_numeric", "numeric", &["1", "1.25", "0.10"]);
    assert_eq!(steps, Ok(vec!["1".into(), "1.10".into(), "1.20".into()]));
    for (source, type_name, arguments, message) in [
        ("generate_series_step_int4", "int4", ["1", "2", "0"], "step size cannot equal zero"),
        ("generate_series_step_numeric", "numeric", ["NaN", "2", "1"], "start value cannot be NaN"),
        ("generate_series_step_numeric", "numeric", ["1", "Infinity", "1"], "stop value cannot be infinity"),
        ("generate_series_step_numeric", "numeric", ["1", "2", "0.0"], "step size cannot equal zero"),
    ] {
        assert_eq!(series(source, type_name, &arguments).expect_err(message).message(), message);
    }
}
