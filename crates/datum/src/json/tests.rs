use crate::misc::tests::run;

#[test]
fn answers_are_those_of_postgresql() {
    run(include_str!("cases.tsv"));
}

use super::*;
use crate::function::{Call, Settings};

fn value(text: &str) -> Jsonb {
    parse(text).expect("it is JSON")
}

#[test]
fn subscripts_read() {
    let json = value(r#"{"a": [1, {"b": "x"}], "1": 2}"#);
    let ask = |subscripts: &[Datum]| get(&json, subscripts).map(|found| found.to_string());
    let (text, int) = (|text: &str| Datum::text(text), Datum::Int4);
    assert_eq!(ask(&[]), Some(json.to_string()));
    assert_eq!(ask(&[text("a"), int(0)]), Some("1".into()));
    assert_eq!(ask(&[text("a"), text("-1"), text("b")]), Some("\"x\"".into()));
    assert_eq!(ask(&[int(1)]), Some("2".into()));
    assert_eq!(ask(&[text("a"), int(2)]), None);
    assert_eq!(ask(&[text("a"), text("b")]), None);
    assert_eq!(ask(&[Datum::Null]), None);
}

#[test]
fn subscripts_write() {
    let write = |json: Option<&str>, subscripts: &[Datum], new: &str| {
        let json = json.map(value);
        let changed = assign(json.as_ref(), subscripts, &value(new));
        changed.map(|json| json.to_string()).map_err(|error| error.to_string())
    };
    let (text, int) = (|text: &str| Datum::text(text), Datum::Int4);
    let done = |text: &str| Ok(text.to_string());
    assert_eq!(write(Some("{}"), &[text("a")], "1"), done(r#"{"a": 1}"#));
    assert_eq!(write(None, &[text("a"), int(2)], "1"), done(r#"{"a": [null, null, 1]}"#));
    assert_eq!(write(None, &[int(1), text("b")], "1"), done(r#"[null, {"b": 1}]"#));
    assert_eq!(write(Some("[1, 2]"), &[int(-1)], "9"), done("[1, 9]"));
    assert_eq!(write(Some("[1, 2]"), &[int(4)], "9"), done("[1, 2, null, null, 9]"));
    assert_eq!(write(Some(r#"{"a": {"b": 1}}"#), &[text("a"), text("c")], "[]"), done(r#"{"a": {"b": 1, "c": []}}"#));
    assert_eq!(write(Some("[1]"), &[int(-2)], "9"), Err("path element at position 1 is out of range: -2".into()));
    assert_eq!(write(Some(r#"{"a": 1}"#), &[text("a"), text("b")], "9"), Err("cannot replace existing key".into()));
    assert_eq!(write(Some("1"), &[text("a")], "9"), Err("cannot replace existing key".into()));
    let null = "jsonb subscript in assignment must not be null";
    assert_eq!(write(Some("{}"), &[Datum::Null], "9"), Err(null.into()));
}

#[test]
fn values_nest_to_a_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let deepest = value(&nested(lex::DEPTH_MAX));
    assert_eq!(deepest.to_string(), nested(lex::DEPTH_MAX));
    assert_eq!(Jsonb::decode(deepest.as_bytes()), Some(deepest.clone()));
    let too_deep = "stack depth limit exceeded";
    for result in [
        parse(&nested(lex::DEPTH_MAX + 1)).map(|_| ()),
        (JSON_IO.parse)(&nested(lex::DEPTH_MAX + 1), -1, &Settings::default()).map(|_| ()),
        parse(&"[".repeat(1_000_000)).map(|_| ()),
    ] {
        assert_eq!(result.map_err(|error| error.to_string()), Err(too_deep.into()));
    }
    let settings = Settings::default();
    let call = Call { settings: &settings, argument_types: &[oid::JSONB], result_type: oid::JSONB };
    let deeper = build::jsonb_array(&call, &[Datum::Jsonb(deepest)]);
    assert_eq!(deeper.map_err(|error| error.to_string()), Err(too_deep.into()));
}

#[test]
fn wide_containers_are_found_in() {
    for members in [0, 1, 20, 60, 300, 20_000] {
        let object = (0..members).map(|at| format!("\"key{at}\": [{at}]")).collect::<Vec<_>>().join(",");
        let json = value(&format!("{{{object}}}"));
        let object = json.root().as_object().expect("an object");
        assert_eq!(object.len(), members);
        for at in 0..members {
            let found = object.get(&format!("key{at}")).expect("a member").to_jsonb();
            assert_eq!(found.to_string(), format!("[{at}]"));
        }
        assert!(object.get("key").is_none());
        assert_eq!(Jsonb::decode(json.as_bytes()), Some(json.clone()));
    }
}

#[test]
fn equal_values_hash_alike() {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    let hash = |text: &str| BuildHasherDefault::<DefaultHasher>::default().hash_one(value(text));
    assert_eq!(hash(r#"{"a": 1.0, "b": [10]}"#), hash(r#"{"b": [1e1], "a": 1.00}"#));
    assert_ne!(hash("[1]"), hash("[2]"));
}

#[test]
fn binary_form_begins_with_its_version() {
    let receive = |bytes: &[u8]| match (JSONB_IO.receive)(bytes, -1) {
        Ok(value) => jsonb(&value).to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(receive(b"\x01{\"a\":1}"), r#"{"a": 1}"#);
    assert_eq!(receive(b"\x02{}"), "unsupported jsonb version number 2");
    assert_eq!(receive(b"\x01\"\xff\""), "invalid byte sequence for encoding \"UTF8\": 0xff");
    let mut out = Vec::new();
    (JSONB_IO.send)(&Datum::Jsonb(value("[1,2]")), &mut out);
    assert_eq!(out, b"\x01[1, 2]");
}

#[test]
fn objects_are_gathered() {
    let settings = Settings::default();
    let call = Call { settings: &settings, argument_types: &[oid::TEXT, oid::JSONB], result_type: oid::JSONB };
    for (name, expected) in
        [("json_object_agg", r#"{ "b" : 1, "a" : null, "b" : [2] }"#), ("jsonb_object_agg", r#"{"a": null, "b": [2]}"#)]
    {
        let entry = crate::function::aggregate(name, "2276 2276").expect("an aggregate that exists");
        let mut state = (entry.new)(&call);
        assert_eq!(state.finish(&call), Ok(Datum::Null));
        let rows = [("b", Datum::Jsonb(value("1"))), ("a", Datum::Null), ("b", Datum::Jsonb(value("[2]")))];
        for (key, value) in rows {
            state.step(&call, &[Datum::text(key), value]).expect("a key and a value");
        }
        let text = |result: Result<Datum>| match result {
            Ok(Datum::Text(text)) => text.to_string(),
            Ok(other) => jsonb(&other).to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(text(state.finish(&call)), expected);
        // A result may be asked for more than once.
        assert_eq!(text(state.finish(&call)), expected);
        let refused = state.step(&call, &[Datum::Null, Datum::Null]);
        assert_eq!(refused.map_err(|error| error.to_string()), Err("field name must not be null".into()));
    }
}
