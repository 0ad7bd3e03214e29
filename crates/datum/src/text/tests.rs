//! Tables of calls and what PostgreSQL 15 answers to them, and the machinery that the other modules' tables use too.

use std::collections::HashSet;

use super::*;
use crate::error::Result;
use crate::function::{self, Call, Settings};
use crate::io::Form;
use crate::oid::Oid;

#[derive(Clone, Copy, Debug)]
pub enum Argument {
    T(&'static str),
    I(i32),
    L(i64),
    B(bool),
    C(u8),
    O(u32),
    Y(&'static [u8]),
    Null,
}

pub use Argument::*;

impl Argument {
    fn datum(self) -> Datum {
        match self {
            T(text) => Datum::text(text),
            I(value) => Datum::Int4(value),
            L(value) => Datum::Int8(value),
            B(value) => Datum::Bool(value),
            C(value) => Datum::Char(value),
            O(value) => Datum::Oid(Oid(value)),
            Y(bytes) => Datum::Bytea(bytes.into()),
            Null => Datum::Null,
        }
    }
}

/// A function by its `prosrc`, its arguments, and the result as psql prints it: an error as `!STATE message`, the rows
/// of a set as `{one|two}`.
pub type Case = (&'static str, &'static [Argument], &'static str);

pub fn check(cases: &[Case]) {
    let settings = Settings::default();
    let call = Call { settings: &settings, argument_types: &[oid::TEXT], result_type: oid::TEXT };
    let mut wrong = Vec::new();
    for (source, arguments, expected) in cases {
        let datums: Vec<Datum> = arguments.iter().map(|argument| argument.datum()).collect();
        let got = match answer(&call, source, &datums) {
            Ok(shown) => shown,
            Err(error) => format!("!{} {}", error.state(), error.message()),
        };
        if got != *expected {
            wrong.push(format!("{source} {arguments:?}: {got:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn answer(call: &Call, source: &str, arguments: &[Datum]) -> Result<String> {
    if let Some(set) = function::set(source) {
        let rows: Vec<Vec<Datum>> = set(call, arguments)?.collect::<Result<_>>()?;
        let shown: Vec<String> = rows.iter().map(|row| show(call, &row[0])).collect();
        return Ok(format!("{{{}}}", shown.join("|")));
    }
    let scalar = function::scalar(source).unwrap_or_else(|| panic!("there is no {source}"));
    Ok(show(call, &scalar(call, arguments)?))
}

fn show(call: &Call, value: &Datum) -> String {
    match value {
        Datum::Null => "NULL".to_owned(),
        Datum::Text(text) => text.to_string(),
        Datum::Bool(value) => if *value { "t" } else { "f" }.to_owned(),
        Datum::Int4(value) => value.to_string(),
        Datum::Int8(value) => value.to_string(),
        Datum::Char(_) => formatted(oid::CHAR, value, call.settings),
        Datum::Bytea(_) => formatted(oid::BYTEA, value, call.settings),
        Datum::Array(array) => {
            let elements: Vec<String> = array.elements().iter().map(show_element).collect();
            format!("{{{}}}", elements.join(","))
        }
        other => panic!("{other:?}"),
    }
}

fn show_element(value: &Datum) -> String {
    let text = match value {
        Datum::Null => return "NULL".to_owned(),
        text => str_of(text),
    };
    let plain = !text.is_empty() && !text.contains([',', '"', '\\', ' ', '{', '}']);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}

pub fn formatted(of: Oid, value: &Datum, settings: &Settings) -> String {
    let mut out = String::new();
    Form::of(of).expect("a type of this crate").format(value, settings, &mut out);
    out
}

#[test]
fn functions_of_text() {
    check(TEXT_CASES);
}

#[test]
fn values_of_other_types_within_text() {
    let settings = Settings::default();
    let types = [oid::TEXT, oid::BOOL, oid::BPCHAR, oid::TEXT, oid::CHAR];
    let call = Call { settings: &settings, argument_types: &types, result_type: oid::TEXT };
    let values = [Datum::text("a"), Datum::Bool(true), Datum::text("b  "), Datum::Null, Datum::Char(b'c')];
    let any = |at: usize| {
        let call = Call { argument_types: &types[at..], ..call };
        format::quote_literal(&call, &values[at..=at]).expect("a literal").to_owned()
    };
    assert_eq!([any(0), any(1), any(2)].map(|text| str_of(&text).to_owned()), ["'a'", "'true'", "'b'"]);
    let both = format::concat_any(&call, &values[..2]).expect("texts");
    assert_eq!(str_of(&both), "atrue");
    let array = crate::array::Array::new(oid::TEXT, vec![Datum::text("x"), Datum::Null, Datum::text("")]);
    let array = Datum::Array(std::sync::Arc::new(array));
    let joined = |null: Datum| split::array_to_string(&call, &[array.clone(), Datum::text(","), null]);
    assert_eq!(joined(Datum::Null), Ok(Datum::text("x,")));
    assert_eq!(joined(Datum::text("*")), Ok(Datum::text("x,*,")));
}

#[test]
fn format_follows_its_template() {
    let settings = Settings::default();
    let call = Call { settings: &settings, argument_types: &[oid::TEXT], result_type: oid::TEXT };
    let cases: &[(&[Argument], &str)] = &[
        (&[T("%s %I %L %%"), T("a"), T("B c"), T("it's")], "a \"B c\" 'it''s' %"),
        (&[T("%2$s %1$s"), T("a"), T("b")], "b a"),
        (&[T("%-5s|%5s|"), T("a"), T("b")], "a    |    b|"),
        (&[T("%*s|"), T("5"), T("x")], "    x|"),
        (&[T("%-*s|"), I(5), T("x")], "x    |"),
        (&[T("%*s|"), I(-5), T("x")], "x    |"),
        (&[T("%2$*1$s|"), I(6), T("x")], "     x|"),
        (&[T("%-10I|%10L|"), T("a b"), T("c")], "\"a b\"     |       'c'|"),
        (&[T("%s|%L|%5L|"), Null, Null, Null], "|NULL| NULL|"),
        (&[T("%*s"), Null, T("a")], "a"),
        (&[T("%s %1$s %s"), T("a"), T("b")], "a a b"),
        (&[T("a"), T("b")], "a"),
        (&[T("%I"), Null], "!22004 null values cannot be formatted as an SQL identifier"),
        (&[T("%s")], "!22023 too few arguments for format()"),
        (&[T("%3$s"), T("a")], "!22023 too few arguments for format()"),
        (&[T("%1$s %s %s"), T("a"), T("b")], "!22023 too few arguments for format()"),
        (&[T("%x"), I(1)], "!22023 unrecognized format() type specifier \"x\""),
        (&[T("abc%")], "!22023 unterminated format() type specifier"),
        (&[T("%1$"), T("a")], "!22023 unterminated format() type specifier"),
        (&[T("%0$s"), T("a")], "!22023 format specifies argument 0, but arguments are numbered from 1"),
        (&[T("%1$*0$s"), T("a")], "!22023 format specifies argument 0, but arguments are numbered from 1"),
        (&[T("%*1s"), T("a")], "!22023 width argument position must be ended by \"$\""),
        (&[T("%99999999999s"), T("a")], "!22003 number is out of range"),
        (&[T("%*s"), I(i32::MIN), T("a")], "!22003 number is out of range"),
        (&[T("%*s"), T("abc"), T("a")], "!22P02 invalid input syntax for type integer: \"abc\""),
        (&[Null], "NULL"),
    ];
    for (arguments, expected) in cases {
        let datums: Vec<Datum> = arguments.iter().map(|argument| argument.datum()).collect();
        let got = match answer(&call, "text_format", &datums) {
            Ok(shown) => shown,
            Err(error) => format!("!{} {}", error.state(), error.message()),
        };
        assert_eq!(got, *expected, "{arguments:?}");
    }
}

#[test]
fn forms() {
    let settings = Settings::default();
    let parsed = |of: Oid, text: &str, modifier: i32| {
        let value = Form::of(of).expect("a type of this module").parse(text, modifier, &settings);
        match value {
            Ok(value) => formatted(of, &value, &settings),
            Err(error) => format!("!{} {}", error.state(), error.message()),
        }
    };
    assert_eq!(parsed(oid::VARCHAR, "ab   ", 7), "ab ");
    assert_eq!(parsed(oid::VARCHAR, "abcd", 7), "!22001 value too long for type character varying(3)");
    assert_eq!(parsed(oid::VARCHAR, "abcd", -1), "abcd");
    assert_eq!(parsed(oid::BPCHAR, "é", 7), "é  ");
    assert_eq!(parsed(oid::BPCHAR, "abc ", 7), "abc");
    assert_eq!(parsed(oid::BPCHAR, "abcd", 7), "!22001 value too long for type character(3)");
    assert_eq!(parsed(oid::NAME, &"é".repeat(40), -1), "é".repeat(31));
    assert_eq!(parsed(oid::CHAR, "\\351", -1), "\\351");
    assert_eq!(parsed(oid::CHAR, "é", -1), "\\303");
    assert_eq!(parsed(oid::CHAR, "", -1), "");
    let received = Form::of(oid::TEXT).expect("text").receive(b"a\xff", -1).map_err(|error| error.message().to_owned());
    assert_eq!(received, Err("invalid byte sequence for encoding \"UTF8\": 0xff".to_owned()));
}

/// Both ways to match agree for every pattern of a few characters.
#[test]
fn compiled_patterns_match_as_interpreted_ones_do() {
    const PATTERN: [&str; 6] = ["a", "b", "é", "%", "_", "\\"];
    const TEXTS: [&str; 12] = ["", "a", "b", "é", "ab", "aé", "éa", "abab", "ba%", "a_b", "aab\\", "ééab"];
    for number in 0..6_usize.pow(5) {
        let length = 1 + number % 5;
        let pattern: String = (0..length as u32).map(|at| PATTERN[number / 6_usize.pow(at) % 6]).collect();
        let compiled = Like::new(&pattern);
        for text in TEXTS {
            let interpreted = like::matches(text.as_bytes(), pattern.as_bytes(), like::Unit::Character);
            assert_eq!(compiled.matches(text), interpreted, "{text:?} LIKE {pattern:?}");
            assert!(compiled.matches(text) != Ok(true) || text.starts_with(compiled.prefix()));
        }
    }
    assert_eq!(Like::ignoring_case("A_c%").matches("aBCd"), Ok(true));
    assert_eq!((Like::new("ab%c").prefix(), Like::new("a\\%b_").prefix()), ("ab", "a%b"));
    assert!(Like::new("abc").is_exact() && !Like::new("abc%").is_exact());
}

#[test]
fn sizes_of_numerics() {
    for (size, pretty) in [
        ("10239.9", "10239.9 bytes"),
        ("10240.0", "10 kB"),
        ("-10240.5", "-10 kB"),
        ("-20479.5", "-20 kB"),
        ("123.45", "123.45 bytes"),
        ("1000000000000000000000000000000", "888178419700125 PB"),
        ("NaN", "NaN PB"),
        ("-Infinity", "-Infinity PB"),
    ] {
        assert_eq!(size::pretty_decimal(size), pretty);
    }
}

/// Texts that together would be larger than a value may be are refused before they are made.
#[test]
fn growth_is_limited() {
    let large = Datum::text("x".repeat(1 << 20));
    let refused =
        |answer: Result<Datum>| answer.is_err_and(|error| error.state() == crate::sqlstate::PROGRAM_LIMIT_EXCEEDED);
    assert!(refused(string::replace(&[large.clone(), Datum::text("x"), Datum::text("y".repeat(2000))])));
    let settings = Settings::default();
    let call = Call { settings: &settings, argument_types: &[oid::TEXT], result_type: oid::TEXT };
    assert!(refused(format::format(&call, &[Datum::text("%*s"), Datum::Int4(i32::MAX), large])));
}

#[test]
fn aggregates() {
    let settings = Settings::default();
    let call = Call { settings: &settings, argument_types: &[oid::TEXT], result_type: oid::TEXT };
    let run = |name: &str, types: &str, rows: &[&[Argument]]| {
        let entry = function::aggregate(name, types).unwrap_or_else(|| panic!("there is no {name}({types})"));
        let mut state = (entry.new)(&call);
        for row in rows {
            let row: Vec<Datum> = row.iter().map(|argument| argument.datum()).collect();
            if !entry.skips_nulls || !row.iter().any(Datum::is_null) {
                state.step(&call, &row).expect("a step");
            }
        }
        show(&call, &state.finish(&call).expect("a result"))
    };
    let rows: &[&[Argument]] = &[&[T("a"), T(",")], &[Null, T("-")], &[T("b"), Null], &[T("c"), T(";")]];
    assert_eq!(run("string_agg", "25 25", rows), "ab;c");
    assert_eq!(run("string_agg", "25 25", &[&[Null, T(",")]]), "NULL");
    assert_eq!(run("string_agg", "17 17", &[&[Y(b"a"), Y(b"-")], &[Y(b"b"), Y(b"-")]]), "\\x612d62");
    assert_eq!(run("max", "25", &[&[T("b")], &[Null], &[T("c")], &[T("a")]]), "c");
    assert_eq!(run("min", "25", &[]), "NULL");
    assert_eq!(run("max", "1042", &[&[T("b ")], &[T("a")], &[T("b")]]), "b ");
}

#[test]
fn names_are_listed_once() {
    let tables = [SCALARS, crate::bytes::SCALARS, crate::regex::SCALARS];
    let mut seen = HashSet::new();
    for (name, _) in tables.iter().flat_map(|table| table.iter()) {
        assert!(seen.insert(*name), "{name} is listed twice");
        let known = match name.split_once(':') {
            None => crate::builtin::builtin().functions.iter().any(|row| row.source == *name),
            Some((name, types)) => {
                let mut rows = crate::builtin::builtin().functions_named(name);
                rows.any(|row| row.argument_list == types && row.language == 14)
            }
        };
        assert!(known, "pg_proc has no {name}");
    }
}

#[rustfmt::skip]
const TEXT_CASES: &[Case] = &[
    ("lpad:25 23", &[T("abc"), I(2)], "ab"),
    ("lpad:25 23", &[T("abc"), I(-1)], ""),
    ("lpad", &[T("abc"), I(6), T("")], "abc"),
    ("lpad", &[T("é"), I(5), T("xyz")], "xyzxé"),
    ("lpad", &[T("x"), I(2000000000), T(" ")], "!54000 requested length too large"),
    ("rpad", &[T("é"), I(5), T("xyz")], "éxyzx"),
    ("rpad:25 23", &[T("abc"), I(5)], "abc  "),
    ("text_substr", &[T("abcdé"), I(2), I(3)], "bcd"),
    ("text_substr", &[T("abc"), I(0), I(2)], "a"),
    ("text_substr_no_len", &[T("éabc"), I(-1)], "éabc"),
    ("text_substr_no_len", &[T("éabc"), I(2)], "abc"),
    ("text_substr", &[T("abc"), I(-2147483648), I(2147483647)], ""),
    ("text_substr", &[T("abc"), I(2147483647), I(2147483647)], ""),
    ("text_substr", &[T("abc"), I(1), I(-1)], "!22011 negative substring length not allowed"),
    ("textoverlay_no_len", &[T("abcdef"), T("XYZ"), I(3)], "abXYZf"),
    ("textoverlay", &[T("abcdef"), T("X"), I(2), I(-1)], "aXabcdef"),
    ("textoverlay_no_len", &[T("abcdef"), T("X"), I(10)], "abcdefX"),
    ("textoverlay_no_len", &[T("abcdef"), T("X"), I(0)], "!22011 negative substring length not allowed"),
    ("textoverlay", &[T("abcdef"), T("X"), I(2147483647), I(10)], "!22003 integer out of range"),
    ("textpos", &[T("éb"), T("b")], "2"),
    ("textpos", &[T("abc"), T("")], "1"),
    ("textpos", &[T("abc"), T("z")], "0"),
    ("lower", &[T("ABCÉ")], "abcÉ"),
    ("upper", &[T("abcé")], "ABCé"),
    ("initcap", &[T("abc-def_ghi 1abc é's éa")], "Abc-Def_Ghi 1abc é'S éA"),
    ("btrim", &[T("xxabcxx"), T("x")], "abc"),
    ("btrim1", &[T(" \t a ")], "\t a"),
    ("ltrim1", &[T("  a ")], "a "),
    ("rtrim", &[T("xyabcyx"), T("xy")], "xyabc"),
    ("btrim", &[T("abc"), T("")], "abc"),
    ("btrim", &[T("ééaé"), T("é")], "a"),
    ("text_left", &[T("abcé"), I(-1)], "abc"),
    ("text_left", &[T("abc"), I(-5)], ""),
    ("text_left", &[T("abc"), I(2)], "ab"),
    ("text_left", &[T("abc"), I(-2147483648)], ""),
    ("text_right", &[T("abcé"), I(-1)], "bcé"),
    ("text_right", &[T("abcé"), I(2)], "cé"),
    ("text_right", &[T("abc"), I(0)], ""),
    ("text_right", &[T("abc"), I(-2147483648)], "abc"),
    ("repeat", &[T("ab"), I(3)], "ababab"),
    ("repeat", &[T("x"), I(-1)], ""),
    ("repeat", &[T("x"), I(2000000000)], "!54000 requested length too large"),
    ("repeat", &[T(""), I(2000000000)], ""),
    ("replace_text", &[T("abcabc"), T("b"), T("xy")], "axycaxyc"),
    ("replace_text", &[T("abc"), T(""), T("x")], "abc"),
    ("translate", &[T("12345"), T("143"), T("ax")], "a2x5"),
    ("translate", &[T("aab"), T("aa"), T("xy")], "xxb"),
    ("text_reverse", &[T("aéb")], "béa"),
    ("text_starts_with", &[T("abc"), T("ab")], "t"),
    ("text_starts_with", &[T("abc"), T("")], "t"),
    ("ascii", &[T("")], "0"),
    ("ascii", &[T("é")], "233"),
    ("chr", &[I(119070)], "𝄞"),
    ("chr", &[I(0)], "!54000 null character not permitted"),
    ("chr", &[I(-1)], "!22023 character number must be positive"),
    ("chr", &[I(1114112)], "!54000 requested character too large for encoding: 1114112"),
    ("chr", &[I(55296)], "!54000 requested character not valid for encoding: 55296"),
    ("to_hex32", &[I(-1)], "ffffffff"),
    ("to_hex64", &[L(255)], "ff"),
    ("textlen", &[T("éa")], "2"),
    ("bpcharlen", &[T("ab   ")], "2"),
    ("textoctetlen", &[T("éa")], "3"),
    ("bpcharoctetlen", &[T("ab  ")], "4"),
    ("bit_length:25", &[T("éa")], "24"),
    ("split_part", &[T("a,b,c"), T(","), I(2)], "b"),
    ("split_part", &[T("a,b,c"), T(","), I(-1)], "c"),
    ("split_part", &[T("a,b,c"), T(","), I(-4)], ""),
    ("split_part", &[T("a,b,c"), T(","), I(4)], ""),
    ("split_part", &[T("a,b,c"), T(","), I(0)], "!22023 field position must not be zero"),
    ("split_part", &[T("abc"), T(""), I(1)], "abc"),
    ("split_part", &[T("abc"), T(""), I(-1)], "abc"),
    ("split_part", &[T("abc"), T(""), I(2)], ""),
    ("split_part", &[T(""), T(","), I(1)], ""),
    ("split_part", &[T("aaa"), T("aa"), I(-1)], "a"),
    ("split_part", &[T("aaa"), T("aa"), I(-2)], ""),
    ("split_part", &[T("a,b"), T(","), I(-2147483648)], ""),
    ("text_to_array", &[T("a,b,,c"), T(",")], "{a,b,\"\",c}"),
    ("text_to_array", &[T("a,b"), T("")], "{\"a,b\"}"),
    ("text_to_array", &[T(""), T(",")], "{}"),
    ("text_to_array", &[T("aéc"), Null], "{a,é,c}"),
    ("text_to_array", &[Null, T(",")], "NULL"),
    ("text_to_array_null", &[T("a,b,"), T(","), T("b")], "{a,NULL,\"\"}"),
    ("text_to_array_null", &[T("x"), T(""), T("x")], "{NULL}"),
    ("text_to_array_null", &[T("a,,b"), T(","), T("")], "{a,NULL,b}"),
    ("text_to_table_null", &[T("a,b,"), T(","), T("b")], "{a|NULL|}"),
    ("text_to_table", &[T(""), T(",")], "{}"),
    ("parse_ident", &[T("\"Some Schema\".sometable"), B(true)], "{\"Some Schema\",sometable}"),
    ("parse_ident", &[T(" a . B "), B(true)], "{a,b}"),
    ("parse_ident", &[T("a.b[]"), B(true)], "!22023 string is not a valid identifier: \"a.b[]\""),
    ("parse_ident", &[T("a.b[]"), B(false)], "{a,b}"),
    ("parse_ident", &[T(".a"), B(true)], "!22023 string is not a valid identifier: \".a\""),
    ("parse_ident", &[T("a."), B(true)], "!22023 string is not a valid identifier: \"a.\""),
    ("parse_ident", &[T("\"a"), B(true)], "!22023 string is not a valid identifier: \"\"a\""),
    ("parse_ident", &[T("\"\".a"), B(true)], "!22023 string is not a valid identifier: \"\"\".a\""),
    ("parse_ident", &[T("\"a\"\".b\".A$1"), B(true)], "{\"a\\\".b\",a$1}"),
    ("parse_ident", &[T("1a"), B(true)], "!22023 string is not a valid identifier: \"1a\""),
    ("quote_ident", &[T("a")], "a"),
    ("quote_ident", &[T("A")], "\"A\""),
    ("quote_ident", &[T("select")], "\"select\""),
    ("quote_ident", &[T("between")], "\"between\""),
    ("quote_ident", &[T("abs")], "abs"),
    ("quote_ident", &[T("a b")], "\"a b\""),
    ("quote_ident", &[T("1a")], "\"1a\""),
    ("quote_ident", &[T("a\"b")], "\"a\"\"b\""),
    ("quote_ident", &[T("")], "\"\""),
    ("quote_literal", &[T("a'b")], "'a''b'"),
    ("quote_literal", &[T("a\\b")], "E'a\\\\b'"),
    ("quote_nullable", &[Null], "NULL"),
    ("quote_nullable", &[T("x")], "'x'"),
    ("like_escape", &[T("a#%\\"), T("#")], "a\\%\\\\"),
    ("like_escape", &[T("a\\%"), T("")], "a\\\\%"),
    ("like_escape", &[T("abc#"), T("#")], "abc\\"),
    ("like_escape", &[T("a"), T("xx")], "!22025 invalid escape string"),
    ("textlike", &[T("abc"), T("a%c")], "t"),
    ("textlike", &[T("abc"), T("x\\")], "f"),
    ("textlike", &[T("xbc"), T("x\\")], "!22025 LIKE pattern must not end with escape character"),
    ("textlike", &[T("x"), T("x\\")], "f"),
    ("textlike", &[T("x"), T("%\\")], "!22025 LIKE pattern must not end with escape character"),
    ("textlike", &[T("x"), T("%_\\")], "!22025 LIKE pattern must not end with escape character"),
    ("textlike", &[T("aéc"), T("a_c")], "t"),
    ("textlike", &[T("a%c"), T("a\\%c")], "t"),
    ("textnlike", &[T("abc"), T("%b")], "t"),
    ("texticlike", &[T("ABC"), T("a_C")], "t"),
    ("varchar", &[T("abc  "), I(7), B(false)], "abc"),
    ("varchar", &[T("abcd"), I(7), B(false)], "!22001 value too long for type character varying(3)"),
    ("varchar", &[T("abcd"), I(7), B(true)], "abc"),
    ("varchar", &[T("abcd"), I(-1), B(false)], "abcd"),
    ("bpchar", &[T("ab"), I(8), B(false)], "ab  "),
    ("bpchar", &[T("éééd"), I(7), B(false)], "!22001 value too long for type character(3)"),
    ("bpchar", &[T("abcdef"), I(7), B(true)], "abc"),
    ("rtrim1", &[T("ab  ")], "ab"),
    ("bpchar_name", &[T("ab  ")], "ab"),
    ("nameconcatoid", &[T("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), O(12345)], "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx_12345"),
    ("text_char", &[T("\\351")], "\\351"),
    ("text_char", &[T("")], ""),
    ("i4tochar", &[I(200)], "!22003 \"char\" out of range"),
    ("i4tochar", &[I(65)], "A"),
    ("char_text", &[C(233)], "\\351"),
    ("chartoi4", &[C(233)], "-23"),
    ("chareq", &[C(97), C(97)], "t"),
    ("chargt", &[C(255), C(97)], "t"),
    ("btcharcmp", &[C(255), C(97)], "158"),
    ("bpchareq", &[T("a "), T("a")], "t"),
    ("bpcharlt", &[T("a "), T("a\t")], "t"),
    ("bpcharcmp", &[T("b"), T("a")], "1"),
    ("bpchar_larger", &[T("b "), T("b")], "b "),
    ("text_larger", &[T("a"), T("b")], "b"),
    ("text_smaller", &[T("a"), T("b")], "a"),
    ("bttextcmp", &[T("a"), T("b")], "-1"),
    ("text_lt", &[T("Z"), T("a")], "t"),
    ("hashtext", &[T("abc")], "-785388649"),
    ("hashtext", &[T("")], "-1477818771"),
    ("hashtext", &[T("hello world, this is long")], "-1137652777"),
    ("hashtext", &[T("0123456789a")], "-1884806007"),
    ("hashtextextended", &[T("abc"), L(0)], "-6747756470228489321"),
    ("hashtextextended", &[T("abc"), L(42)], "4423357919252764502"),
    ("hashbpchar", &[T("abc  ")], "-785388649"),
    ("hashchar", &[C(97)], "463612535"),
    ("hashcharextended", &[C(255), L(7)], "8228280636233252028"),
    ("pg_convert_from", &[Y(b"\xff"), T("UTF8")], "!22021 invalid byte sequence for encoding \"UTF8\": 0xff"),
    ("pg_convert_from", &[Y(b"\x61\xc3"), T("UTF8")], "!22021 invalid byte sequence for encoding \"UTF8\": 0xc3"),
    ("pg_convert_from", &[Y(b"\x61\x00"), T("UTF8")], "!22021 invalid byte sequence for encoding \"UTF8\": 0x00"),
    ("pg_convert_from", &[Y(b"\xe2\x28\xa1"), T("UTF8")], "!22021 invalid byte sequence for encoding \"UTF8\": 0xe2 0x28 0xa1"),
    ("pg_convert_from", &[Y(b"\xe9"), T("LATIN1")], "é"),
    ("pg_convert_from", &[Y(b"\xc3\xa9"), T("utf-8")], "é"),
    ("pg_convert_from", &[Y(b"\x61"), T("foo")], "!22023 invalid source encoding name \"foo\""),
    ("pg_convert_from", &[Y(b"\xe9"), T("SQL_ASCII")], "!22021 invalid byte sequence for encoding \"UTF8\": 0xe9"),
    ("pg_convert_to", &[T("é"), T("latin1")], "\\xe9"),
    ("pg_convert_to", &[T("€"), T("LATIN1")], "!22P05 character with byte sequence 0xe2 0x82 0xac in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\""),
    ("pg_convert_to", &[T("a"), T("foo")], "!22023 invalid destination encoding name \"foo\""),
    ("pg_convert", &[Y(b"\xe9"), T("LATIN1"), T("UTF8")], "\\xc3a9"),
    ("pg_convert", &[Y(b"\xe2"), T("UTF8"), T("LATIN1")], "!22021 invalid byte sequence for encoding \"UTF8\": 0xe2"),
    ("length_in_encoding", &[Y(b"\xc3\xa9"), T("UTF8")], "1"),
    ("length_in_encoding", &[Y(b"\xff"), T("foo")], "!22023 invalid encoding name \"foo\""),
    ("PG_char_to_encoding", &[T("utf8")], "6"),
    ("PG_char_to_encoding", &[T("foo")], "-1"),
    ("PG_encoding_to_char", &[I(6)], "UTF8"),
    ("PG_encoding_to_char", &[I(99)], ""),
    ("getdatabaseencoding", &[], "UTF8"),
    ("unicode_normalize_func", &[T("é"), T("NFC")], "é"),
    ("unicode_normalize_func", &[T("ﬁ"), T("nfkc")], "fi"),
    ("unicode_normalize_func", &[T("x"), T("NFX")], "!22023 invalid normalization form: NFX"),
    ("unicode_is_normalized", &[T("é"), T("NFC")], "f"),
    ("unicode_is_normalized", &[T("é"), T("NFC")], "t"),
    ("unistr", &[T("\\0441\\043B\\043E\\043D \\+01F600 d\\u0061t\\U00000061 \\\\")], "слон 😀 data \\"),
    ("unistr", &[T("\\d83d\\de00")], "😀"),
    ("unistr", &[T("\\d83d")], "!42601 invalid Unicode surrogate pair"),
    ("unistr", &[T("\\de00")], "!42601 invalid Unicode surrogate pair"),
    ("unistr", &[T("\\d83dx")], "!42601 invalid Unicode surrogate pair"),
    ("unistr", &[T("\\x")], "!42601 invalid Unicode escape"),
    ("unistr", &[T("\\+ffffff")], "!22023 invalid Unicode code point: FFFFFF"),
    ("unistr", &[T("\\0000")], "!22023 invalid Unicode code point: 0000"),
    ("pg_size_pretty", &[L(10239)], "10239 bytes"),
    ("pg_size_pretty", &[L(10240)], "10 kB"),
    ("pg_size_pretty", &[L(-20000000)], "-19 MB"),
    ("pg_size_pretty", &[L(9223372036854775807)], "8192 PB"),
    ("pg_size_pretty", &[L(-9223372036854775808)], "-8192 PB"),
    ("pg_size_bytes", &[T("1kb")], "1024"),
    ("pg_size_bytes", &[T(" 1.5 GB ")], "1610612736"),
    ("pg_size_bytes", &[T("-1 MB")], "-1048576"),
    ("pg_size_bytes", &[T("1e3")], "1000"),
    ("pg_size_bytes", &[T(".5 kB")], "512"),
    ("pg_size_bytes", &[T("1.50001 kB")], "1536"),
    ("pg_size_bytes", &[T("0.5")], "1"),
    ("pg_size_bytes", &[T("-0.5")], "-1"),
    ("pg_size_bytes", &[T("0.05")], "0"),
    ("pg_size_bytes", &[T("0")], "0"),
    ("pg_size_bytes", &[T("0 GB")], "0"),
    ("pg_size_bytes", &[T("1e-2 MB")], "10486"),
    ("pg_size_bytes", &[T("1e100")], "!22003 bigint out of range"),
    ("pg_size_bytes", &[T("1e-100")], "0"),
    ("pg_size_bytes", &[T("9223372036854775807.4")], "9223372036854775807"),
    ("pg_size_bytes", &[T("9223372036854775807.5")], "!22003 bigint out of range"),
    ("pg_size_bytes", &[T("-9223372036854775808")], "-9223372036854775808"),
    ("pg_size_bytes", &[T("99999999999999999999 PB")], "!22003 bigint out of range"),
    ("pg_size_bytes", &[T("5 B")], "!22023 invalid size: \"5 B\""),
    ("pg_size_bytes", &[T("abc")], "!22023 invalid size: \"abc\""),
    ("pg_size_bytes", &[T("1e")], "!22023 invalid size: \"1e\""),
    ("pg_size_bytes", &[T("1 kb b")], "!22023 invalid size: \"1 kb b\""),
    ("md5_text", &[T("abc")], "900150983cd24fb0d6963f7d28e17f72"),
];
