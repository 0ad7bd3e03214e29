use std::sync::Arc;

use super::*;
use crate::function::Settings;
use crate::io::{ArrayForm, Form, TypeIo};
use crate::misc::tests::run;
use crate::oid;

#[test]
fn answers_are_those_of_postgresql() {
    run(include_str!("cases.tsv"));
}

/// Integers alone, so that these tests need no other family.
const INT4_IO: TypeIo = TypeIo {
    parse: |text, _, _| text.parse().map(Datum::Int4).map_err(|_| Error::invalid_input("integer", text)),
    format: |value, _, out| out.push_str(&format!("{value:?}")["Int4(".len()..].replace(')', "")),
    receive: |bytes, _| match bytes.try_into() {
        Ok(bytes) => Ok(Datum::Int4(i32::from_be_bytes(bytes))),
        Err(_) => Err(crate::io::malformed("integer")),
    },
    send: |value, out| {
        if let Datum::Int4(value) = value {
            out.extend_from_slice(&value.to_be_bytes());
        }
    },
};

fn form() -> Form {
    let form = ArrayForm { element_type: oid::INT4, element: Form::Scalar(&INT4_IO), delimiter: b',' };
    Form::Array(Arc::new(form))
}

fn array(text: &str) -> Array {
    match form().parse(text, -1, &Settings::default()) {
        Ok(Datum::Array(array)) => Array::clone(&array),
        other => panic!("{text}: {other:?}"),
    }
}

fn text(array: &Array) -> String {
    let mut out = String::new();
    form().format(&Datum::Array(Arc::new(array.clone())), &Settings::default(), &mut out);
    out
}

fn outcome(result: Result<Array>) -> String {
    match result {
        Ok(array) => text(&array),
        Err(error) => error.to_string(),
    }
}

fn bounds(lower: impl Into<Option<i32>>, upper: impl Into<Option<i32>>) -> Bounds {
    Bounds { lower: lower.into(), upper: upper.into() }
}

#[test]
fn subscripts_read() {
    let flat = array("[0:2]={7,8,9}");
    assert_eq!(*get(&flat, &[0]), Datum::Int4(7));
    assert_eq!(*get(&flat, &[2]), Datum::Int4(9));
    for subscripts in [&[3][..], &[-1], &[i32::MIN], &[i32::MAX], &[0, 0], &[]] {
        assert_eq!(*get(&flat, subscripts), Datum::Null, "{subscripts:?}");
    }
    let square = array("{{1,2},{3,4}}");
    assert_eq!(*get(&square, &[2, 1]), Datum::Int4(3));
    assert_eq!(*get(&square, &[2]), Datum::Null);
    assert_eq!(*get(&array("{}"), &[1]), Datum::Null);
}

#[test]
fn slices_read() {
    let flat = array("[0:2]={7,8,9}");
    let square = array("{{1,2,3},{4,5,6},{7,8,9}}");
    let cases: [(&Array, &[Bounds], &str); 11] = [
        (&flat, &[bounds(1, 5)], "{8,9}"),
        (&flat, &[bounds(None, 0)], "{7}"),
        (&flat, &[bounds(None, None)], "{7,8,9}"),
        (&flat, &[bounds(2, 1)], "{}"),
        (&flat, &[bounds(i32::MIN, i32::MAX)], "{7,8,9}"),
        (&flat, &[bounds(1, 1), bounds(1, 1)], "{}"),
        (&square, &[bounds(2, 3)], "{{4,5,6},{7,8,9}}"),
        (&square, &[bounds(1, 2), bounds(2, 2)], "{{2},{5}}"),
        (&square, &[bounds(None, None), bounds(3, None)], "{{3},{6},{9}}"),
        (&square, &[bounds(4, 5)], "{}"),
        (&array("{}"), &[bounds(1, 2)], "{}"),
    ];
    for (from, bounds, expected) in cases {
        assert_eq!(text(&slice(from, bounds)), expected, "{bounds:?}");
    }
}

#[test]
fn elements_are_assigned() {
    let one =
        |from: &str, subscripts: &[i32]| outcome(assign(oid::INT4, Some(&array(from)), subscripts, Datum::Int4(0)));
    assert_eq!(one("{1,2,3}", &[2]), "{1,0,3}");
    assert_eq!(one("{1,2}", &[5]), "{1,2,NULL,NULL,0}");
    assert_eq!(one("{1,2}", &[-1]), "[-1:2]={0,NULL,1,2}");
    assert_eq!(one("{}", &[3]), "[3:3]={0}");
    assert_eq!(one("{}", &[1, 2]), "[1:1][2:2]={{0}}");
    assert_eq!(one("{{1,2},{3,4}}", &[2, 2]), "{{1,2},{3,0}}");
    assert_eq!(one("{{1,2},{3,4}}", &[3, 1]), "array subscript out of range");
    assert_eq!(one("{{1,2},{3,4}}", &[1]), "wrong number of array subscripts");
    assert_eq!(one("{1}", &[2_000_000_000]), "array size exceeds the maximum allowed (134217727)");
    assert_eq!(one("{1}", &[i32::MIN]), "array size exceeds the maximum allowed (134217727)");
    assert_eq!(one("{}", &[i32::MAX]), "array lower bound is too large: 2147483647");
    assert_eq!(outcome(assign(oid::INT4, None, &[1], Datum::Null)), "{NULL}");
}

#[test]
fn slices_are_assigned() {
    let many = |from: &str, bounds: &[Bounds], source: &str| {
        outcome(assign_slice(oid::INT4, Some(&array(from)), bounds, &array(source)))
    };
    assert_eq!(many("{1,2,3}", &[bounds(2, 3)], "{8,9}"), "{1,8,9}");
    assert_eq!(many("{1,2,3}", &[bounds(2, 3)], "{8,9,10}"), "{1,8,9}");
    assert_eq!(many("{1,2,3}", &[bounds(2, 3)], "{8}"), "source array too small");
    assert_eq!(many("{1,2,3}", &[bounds(5, 6)], "{8,9}"), "{1,2,3,NULL,8,9}");
    assert_eq!(many("{1,2,3}", &[bounds(-1, 0)], "{8,9}"), "[-1:3]={8,9,1,2,3}");
    assert_eq!(many("{1,2,3}", &[bounds(None, 2)], "{8,9}"), "{8,9,3}");
    assert_eq!(many("{1,2,3}", &[bounds(3, 2)], "{8}"), "upper bound cannot be less than lower bound");
    assert_eq!(many("{}", &[bounds(2, 3)], "{8,9}"), "[2:3]={8,9}");
    assert_eq!(many("{}", &[bounds(None, 3)], "{8,9}"), "array slice subscript must provide both boundaries");
    assert_eq!(many("{{1,2},{3,4}}", &[bounds(1, 2), bounds(2, 2)], "{8,9}"), "{{1,8},{3,9}}");
    assert_eq!(many("{{1,2},{3,4}}", &[bounds(2, 2)], "{8,9}"), "{{1,2},{8,9}}");
    assert_eq!(many("{{1,2},{3,4}}", &[bounds(2, 3)], "{5,6,7,8}"), "array subscript out of range");
}

#[test]
fn constructors_check_dimensions() {
    let many = |arrays: &[&str]| {
        let arrays: Vec<Datum> = arrays
            .iter()
            .map(|text| if *text == "NULL" { Datum::Null } else { Datum::Array(Arc::new(array(text))) })
            .collect();
        match from_arrays(oid::INT4, &arrays) {
            Ok(Datum::Array(array)) => text(&array),
            other => format!("{:?}", other.map_err(|error| error.to_string())),
        }
    };
    assert_eq!(many(&["{1,2}", "{3,4}"]), "{{1,2},{3,4}}");
    assert_eq!(many(&["{{1},{2}}"]), "{{{1},{2}}}");
    assert_eq!(many(&["NULL", "{}"]), "{}");
    assert_eq!(many(&[]), "{}");
    let mismatch = "Err(\"multidimensional arrays must have array expressions with matching dimensions\")";
    assert_eq!(many(&["{1,2}", "{3}"]), mismatch);
    assert_eq!(many(&["{1,2}", "{}"]), mismatch);
    assert_eq!(many(&["{1,2}", "NULL"]), mismatch);
    assert_eq!(many(&["[0:1]={1,2}", "{1,2}"]), mismatch);
    let too_many = "Err(\"number of array dimensions (7) exceeds the maximum allowed (6)\")";
    assert_eq!(many(&["{{{{{{1}}}}}}"]), too_many);
}

#[test]
fn binary_form_is_read_back() {
    for text in ["{}", "{1,NULL,3}", "[0:1][5:5]={{1},{2}}"] {
        let value = Datum::Array(Arc::new(array(text)));
        let mut bytes = Vec::new();
        form().send(&value, &mut bytes);
        assert_eq!(form().receive(&bytes, -1), Ok(value));
        for length in 0..bytes.len() {
            let cut = form().receive(&bytes[..length], -1).map_err(|error| error.to_string());
            assert_eq!(cut, Err("insufficient data left in message".into()));
        }
    }
    let receive = |numbers: &[i32]| {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        form().receive(&bytes, -1).map_err(|error| error.to_string()).map(|_| ())
    };
    assert_eq!(receive(&[-1, 0, 23]), Err("invalid number of dimensions: -1".into()));
    assert_eq!(receive(&[7, 0, 23]), Err("number of array dimensions (7) exceeds the maximum allowed (6)".into()));
    assert_eq!(receive(&[1, 2, 23]), Err("invalid array flags".into()));
    let wrong_type = "binary data has array element type 25 (text) instead of expected 23 (int4)";
    assert_eq!(receive(&[1, 0, 25, 1, 1]), Err(wrong_type.into()));
    let too_many = "array size exceeds the maximum allowed (134217727)";
    assert_eq!(receive(&[2, 0, 23, 100_000, 1, 100_000, 1]), Err(too_many.into()));
}
