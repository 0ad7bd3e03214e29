//! From any value of SQL to JSON: what `to_json` and `to_jsonb` make of it, which is what constructors and aggregates
//! make of their arguments.
//!
//! Numbers and booleans are JSON's own, dates and times are ISO 8601, arrays and rows become arrays and objects; all
//! else is its text in quotes.

use std::borrow::Cow;
use std::fmt::Write;

use super::binary::Builder;
use super::lex::{self, Sink};
use super::write;
use crate::array::{Array, Dimension};
use crate::datum::{Datum, Record};
use crate::error::Result;
use crate::function::{DateFormat, DateStyle, Settings};
use crate::misc::record::format_any;
use crate::numeric::Numeric;
use crate::oid::{self, Oid};

/// Appends the value as JSON text. `lines`: a line for each element or member of the outermost container.
pub fn to_json(of: Oid, value: &Datum, lines: bool, settings: &Settings, out: &mut String) {
    match value {
        Datum::Null => out.push_str("null"),
        Datum::Text(text) if of == oid::JSON => out.push_str(text),
        Datum::Jsonb(json) => write::compact(json.root(), out),
        Datum::Array(array) => {
            let mut elements = array.elements().iter();
            match array.dimensions() {
                [] => out.push_str("[]"),
                dimensions => write_array(array, dimensions, &mut elements, lines, settings, out),
            }
        }
        Datum::Record(record) => {
            out.push('{');
            for (at, (value, of)) in record.values.iter().zip(record.types.iter()).enumerate() {
                out.push_str(separator(at, lines));
                write::string(name(record, at), out);
                out.push(':');
                to_json(*of, value, false, settings, out);
            }
            out.push('}');
        }
        _ => match scalar_text(of, value, settings) {
            (text, true) => out.push_str(&text),
            (text, false) => write::string(&text, out),
        },
    }
}

fn separator(at: usize, lines: bool) -> &'static str {
    match (at, lines) {
        (0, _) => "",
        (_, true) => ",\n ",
        (_, false) => ",",
    }
}

fn name(record: &Record, at: usize) -> &str {
    record.names.get(at).map_or("", |name| name)
}

fn write_array(
    array: &Array,
    dimensions: &[Dimension],
    elements: &mut std::slice::Iter<Datum>,
    lines: bool,
    settings: &Settings,
    out: &mut String,
) {
    out.push('[');
    for at in 0..dimensions[0].length as usize {
        out.push_str(separator(at, lines));
        match (&dimensions[1..], elements.as_slice()) {
            ([], []) => {}
            ([], [element, ..]) => {
                to_json(array.element_type(), element, false, settings, out);
                elements.next();
            }
            (inner, _) => write_array(array, inner, elements, false, settings, out),
        }
    }
    out.push(']');
}

/// Appends the value to what is being built.
pub fn to_jsonb(of: Oid, value: &Datum, settings: &Settings, out: &mut Builder) -> Result<()> {
    match value {
        Datum::Null => out.null(),
        Datum::Bool(value) => out.bool(*value),
        Datum::Int2(value) => out.number(&Numeric::from_i64(i64::from(*value))),
        Datum::Int4(value) => out.number(&Numeric::from_i64(i64::from(*value))),
        Datum::Int8(value) => out.number(&Numeric::from_i64(*value)),
        Datum::Text(text) if of == oid::JSON => out.node(super::parse(text)?.root()),
        Datum::Jsonb(json) => out.node(json.root()),
        Datum::Array(array) => {
            let mut elements = array.elements().iter();
            match array.dimensions() {
                [] => {
                    out.begin_array();
                    out.end_array()?;
                }
                dimensions => build_array(array, dimensions, &mut elements, settings, out)?,
            }
        }
        Datum::Record(record) => {
            out.begin_object();
            for (at, (value, of)) in record.values.iter().zip(record.types.iter()).enumerate() {
                out.key(name(record, at));
                to_jsonb(*of, value, settings, out)?;
            }
            out.end_object()?;
        }
        _ => match scalar_text(of, value, settings) {
            (text, true) => out.number(&Numeric::parse(&text)?),
            (text, false) => out.string(&text),
        },
    }
    Ok(())
}

fn build_array(
    array: &Array,
    dimensions: &[Dimension],
    elements: &mut std::slice::Iter<Datum>,
    settings: &Settings,
    out: &mut Builder,
) -> Result<()> {
    out.begin_array();
    for _ in 0..dimensions[0].length {
        match (&dimensions[1..], elements.as_slice()) {
            ([], []) => {}
            ([], [element, ..]) => {
                to_jsonb(array.element_type(), element, settings, out)?;
                elements.next();
            }
            (inner, _) => build_array(array, inner, elements, settings, out)?,
        }
    }
    out.end_array()
}

/// As the key of an object; none for what can't be one.
pub fn key_text<'a>(of: Oid, value: &'a Datum, settings: &Settings) -> Option<Cow<'a, str>> {
    match value {
        Datum::Array(_) | Datum::Record(_) | Datum::Jsonb(_) => None,
        Datum::Text(_) if of == oid::JSON => None,
        _ => Some(scalar_text(of, value, settings).0),
    }
}

/// The text of a scalar, and whether it is JSON as it is: a boolean or a number.
fn scalar_text<'a>(of: Oid, value: &'a Datum, settings: &Settings) -> (Cow<'a, str>, bool) {
    let mut out = String::new();
    let bare = match value {
        Datum::Text(text) if !matches!(of, oid::BPCHAR | oid::JSONPATH) => return (Cow::Borrowed(text), false),
        Datum::Bool(value) => return (Cow::Borrowed(if *value { "true" } else { "false" }), true),
        Datum::Int2(value) => write!(out, "{value}").is_ok(),
        Datum::Int4(value) => write!(out, "{value}").is_ok(),
        Datum::Int8(value) => write!(out, "{value}").is_ok(),
        Datum::Float4(_) | Datum::Float8(_) | Datum::Numeric(_) => {
            format_any(of, value, settings, &mut out);
            lex::is_number(&out)
        }
        Datum::Date(_) | Datum::Timestamp(_) | Datum::TimestampTz(_) => {
            let date_style = DateStyle { format: DateFormat::Iso, ..settings.date_style };
            format_any(of, value, &Settings { date_style, ..settings.clone() }, &mut out);
            as_xml_schema(&mut out);
            false
        }
        _ => {
            format_any(of, value, settings, &mut out);
            false
        }
    };
    (Cow::Owned(out), bare)
}

/// From `2020-01-01 10:00:00+02` to `2020-01-01T10:00:00+02:00`, as XML Schema writes the moments of ISO 8601.
pub fn as_xml_schema(text: &mut String) {
    let Some(time_at) = text.find(' ').filter(|at| text[at + 1..].starts_with(|c: char| c.is_ascii_digit())) else {
        return;
    };
    text.replace_range(time_at..time_at + 1, "T");
    with_zone_minutes(text, time_at);
}

/// Makes `+02` behind a time `+02:00`; the time begins at `time_at`.
pub fn with_zone_minutes(text: &mut String, time_at: usize) {
    if let Some(sign_at) = text[time_at..].find(['+', '-']).map(|at| time_at + at) {
        let zone = text[sign_at..].split(' ').next().unwrap_or_default();
        if !zone.contains(':') {
            text.insert_str(sign_at + zone.len(), ":00");
        }
    }
}
