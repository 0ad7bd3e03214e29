use super::execute::{Made, Manner, Status, run};
use super::*;
use crate::function::Settings;
use crate::json::{self, Jsonb};
use crate::misc::tests::run as run_cases;

#[test]
fn answers_are_those_of_postgresql() {
    run_cases(include_str!("cases.tsv"));
}

#[test]
fn the_canonical_form_loses_brackets_and_a_value_does_not() {
    let value = (IO.parse)("1 > ($.a + 2) . size()", -1, &Settings::default()).expect("it is a path");
    let mut out = String::new();
    (IO.format)(&value, &Settings::default(), &mut out);
    assert_eq!(out, "(1 > $.\"a\" + 2.size())");
    let json = json::parse("{\"a\": 1}").expect("it is JSON");
    assert_eq!(status(&json, &format!("$ ? ({})", text_of(&value))), Ok(Status::NotFound));
}

#[test]
fn binary_form_begins_with_its_version() {
    let receive = |bytes: &[u8]| match (IO.receive)(bytes, -1) {
        Ok(value) => text_of(&value).to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(receive(b"\x01 $ . a "), " $ . a ");
    assert_eq!(receive(b"\x02$"), "unsupported jsonpath version number: 2");
    assert_eq!(receive(b"\x01\"\xff\""), "invalid byte sequence for encoding \"UTF8\": 0xff");
    assert_eq!(receive(b"\x01$."), "syntax error at end of jsonpath input");
    assert_eq!(receive(b""), "no data left in message");
    let mut out = Vec::new();
    (IO.send)(&Datum::text(" $ [ 0 ]"), &mut out);
    assert_eq!(out, b"\x01$[0]");
}

#[test]
fn paths_nest_to_a_limit() {
    let refused = |text: &str| match Path::new(text) {
        Ok(path) => {
            let mut out = String::new();
            print::path(&path, &mut out);
            "taken".to_owned()
        }
        Err(error) => error.to_string(),
    };
    for (text, answer) in [
        (format!("{}${}", "(".repeat(30), ")".repeat(30)), "taken"),
        (format!("{}$", "-".repeat(100)), "taken"),
        (format!("{}1", "$ + ".repeat(900)), "taken"),
        (format!("{}$ == 1", "$ == 1 || ".repeat(400)), "taken"),
        (format!("${}", ".a".repeat(100_000)), "taken"),
        (format!("{}$", "(".repeat(100_000)), "stack depth limit exceeded"),
        (format!("{}$", "-".repeat(100_000)), "stack depth limit exceeded"),
        (format!("{}1", "$ + ".repeat(100_000)), "stack depth limit exceeded"),
        (format!("{}$ == 1", "$ == 1 || ".repeat(100_000)), "stack depth limit exceeded"),
        (format!("{}$", "$ ? (@ == ".repeat(100_000)), "stack depth limit exceeded"),
        (format!("{}$", "$[".repeat(100_000)), "stack depth limit exceeded"),
        (format!("{}$", "a/**/".repeat(100_000)), "taken"),
    ] {
        assert_eq!(refused(&text), answer, "{}", &text[..20]);
    }
}

fn status(json: &Jsonb, path: &str) -> Result<Status> {
    let (path, made, settings) = (Path::new(path)?, Made::default(), Settings::default());
    let manner = Manner { vars: None, silent: false, zoned: false, settings: &settings };
    run(&path, json.root(), manner, &made, None)
}

#[test]
fn deep_values_and_long_paths_are_walked() {
    let depth = json::lex::DEPTH_MAX;
    let deep = format!("{}{}", "[".repeat(depth - 1) + r#"{"a": 1}"#, "]".repeat(depth - 1));
    let deep = json::parse(&deep).expect("it is JSON");
    assert_eq!(status(&deep, "$.**.a ? (@ == 1)"), Ok(Status::Found));
    assert_eq!(status(&deep, "$.**{last} ? (@ == 2)"), Ok(Status::NotFound));
    let wide = format!("$ ? ({}@ == 1)", "exists(@.b) || ".repeat(900));
    assert_eq!(status(&deep, &wide), Ok(Status::NotFound));
    let long = status(&deep, &format!("${}", "[*]".repeat(100_000)));
    assert_eq!(long.map_err(|error| error.to_string()), Err("stack depth limit exceeded".into()));
}

#[test]
fn many_values_are_made() {
    let members = (0..50_000).map(|at| format!("\"{at}\": 0")).collect::<Vec<_>>().join(",");
    let json = json::parse(&format!("{{{members}}}")).expect("it is JSON");
    assert_eq!(status(&json, "$.keyvalue() ? (@.value > 0)"), Ok(Status::NotFound));
}
