//! Rows as values: their text and binary forms, and how they compare.
//!
//! A row does not say how its columns look as text; [`format_any`] finds out from type and value.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::builtin::builtin;
use crate::datum::{Datum, Record};
use crate::error::{Error, Result};
use crate::function::Settings;
use crate::io::{ArrayForm, Form, RecordForm, TypeIo, malformed};
use crate::oid::{self, Oid};
use crate::sqlstate;

pub const IO: TypeIo = TypeIo {
    parse: |_, _, _| {
        let message = "input of anonymous composite types is not implemented";
        Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message))
    },
    format: |value, settings, out| format(record(value), settings, out),
    receive: |_, _| {
        let message = "input of anonymous composite types is not implemented";
        Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message))
    },
    send: |value, out| send(record(value), out),
};

fn record(value: &Datum) -> &Record {
    match value {
        Datum::Record(record) => record,
        other => panic!("a row is wanted, not {other:?}"),
    }
}

fn format(record: &Record, settings: &Settings, out: &mut String) {
    out.push('(');
    for (at, (value, of)) in record.values.iter().zip(record.types.iter()).enumerate() {
        if at > 0 {
            out.push(',');
        }
        if value.is_null() {
            continue;
        }
        let from = out.len();
        format_any(*of, value, settings, out);
        let special = |c: char| matches!(c, '"' | '\\' | '(' | ')' | ',') || c.is_ascii_whitespace() || c == '\u{b}';
        if out.len() == from || out[from..].contains(special) {
            let text = out.split_off(from);
            out.push('"');
            for character in text.chars() {
                if matches!(character, '"' | '\\') {
                    out.push(character);
                }
                out.push(character);
            }
            out.push('"');
        }
    }
    out.push(')');
}

fn send(record: &Record, out: &mut Vec<u8>) {
    out.extend_from_slice(&(record.values.len() as u32).to_be_bytes());
    for (value, of) in record.values.iter().zip(record.types.iter()) {
        out.extend_from_slice(&of.0.to_be_bytes());
        let length_at = out.len();
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        if value.is_null() {
            continue;
        }
        form_of(*of, value).send(value, out);
        let length = (out.len() - length_at - 4) as u32;
        out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    }
}

/// `(1,"a b",)`: an empty field is NULL.
pub fn parse(of: &RecordForm, text: &str, settings: &Settings) -> Result<Datum> {
    let refused = |detail: &str| {
        let message = format!("malformed record literal: \"{text}\"");
        Err(Error::new(sqlstate::INVALID_TEXT_REPRESENTATION, message).detail(detail))
    };
    const BLANKS: [char; 6] = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];
    let Some(mut rest) = text.trim_start_matches(BLANKS).strip_prefix('(') else {
        return refused("Missing left parenthesis.");
    };
    let mut values = Vec::with_capacity(of.fields.len());
    for (place, (form, modifier)) in of.fields.iter().enumerate() {
        if place > 0 {
            match rest.strip_prefix(',') {
                Some(behind) => rest = behind,
                None => return refused("Too few columns."),
            }
        }
        let Some((field, behind)) = read_field(rest) else { return refused("Unexpected end of input.") };
        rest = behind;
        values.push(match field {
            Some(field) => form.parse(&field, *modifier, settings)?,
            None => Datum::Null,
        });
    }
    let Some(rest) = rest.strip_prefix(')') else { return refused("Too many columns.") };
    if !rest.trim_start_matches(BLANKS).is_empty() {
        return refused("Junk after right parenthesis.");
    }
    Ok(made(of, values))
}

/// The field at the beginning, none if it is empty, and what is behind it; None where the text ends within it.
fn read_field(text: &str) -> Option<(Option<String>, &str)> {
    if text.starts_with([',', ')']) {
        return Some((None, text));
    }
    let (mut field, mut quoted) = (String::new(), false);
    let mut characters = text.char_indices().peekable();
    loop {
        let (at, character) = characters.next()?;
        match character {
            '\\' => field.push(characters.next()?.1),
            '"' if quoted && characters.next_if(|(_, next)| *next == '"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' | ')' if !quoted => return Some((Some(field), &text[at..])),
            _ => field.push(character),
        }
    }
}

/// A row with these values, which are of the form's types.
pub fn made(of: &RecordForm, values: Vec<Datum>) -> Datum {
    Datum::Record(Arc::new(Record { of: of.of, names: of.names.clone(), types: of.types.clone(), values }))
}

pub fn receive(of: &RecordForm, bytes: &[u8]) -> Result<Datum> {
    fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = bytes.split_at_checked(count).ok_or_else(|| malformed("record"))?;
        *bytes = rest;
        Ok(taken)
    }
    fn word(bytes: &mut &[u8]) -> Result<i32> {
        let word = take(bytes, 4)?;
        Ok(i32::from_be_bytes([word[0], word[1], word[2], word[3]]))
    }
    let mut rest = bytes;
    let count = word(&mut rest)?;
    if usize::try_from(count).ok() != Some(of.fields.len()) {
        let message = format!("wrong number of columns: {count}, expected {}", of.fields.len());
        return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message));
    }
    let mut values = Vec::with_capacity(of.fields.len());
    for (place, ((form, modifier), wanted)) in of.fields.iter().zip(of.types.iter()).enumerate() {
        let sent = Oid(word(&mut rest)? as u32);
        if sent != *wanted {
            let (sent_name, wanted_name) = (type_name(sent), type_name(*wanted));
            let message = format!(
                "binary data has type {sent} ({sent_name}) instead of expected {wanted} ({wanted_name}) in record \
                 column {}",
                place + 1
            );
            return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message));
        }
        values.push(match word(&mut rest)? {
            -1 => Datum::Null,
            length => {
                let length = usize::try_from(length).map_err(|_| malformed("record"))?;
                form.receive(take(&mut rest, length)?, *modifier)?
            }
        });
    }
    if rest.is_empty() { Ok(made(of, values)) } else { Err(malformed("record")) }
}

/// Appends the text of a value that is not NULL, of any type, the user's enums and arrays of them included.
pub fn format_any(of: Oid, value: &Datum, settings: &Settings, out: &mut String) {
    match value {
        Datum::Enum(value) => out.push_str(value.label()),
        Datum::Record(record) => format(record, settings, out),
        Datum::Text(text) if of != oid::JSONPATH => out.push_str(text),
        _ => form_of(of, value).format(value, settings, out),
    }
}

/// Of the type if it is built in, else of the type that looks like the value.
fn form_of(of: Oid, value: &Datum) -> Form {
    if let Some(form) = Form::of(of).filter(|form| !matches!((form, value), (Form::Array(_), Datum::Array(_)))) {
        return form;
    }
    match value {
        Datum::Enum(value) => Form::Enum(value.of.clone()),
        Datum::Array(array) => {
            let element_type = array.element_type();
            let element = array.elements().iter().find(|element| !element.is_null());
            let element = form_of(element_type, element.unwrap_or(&Datum::Null));
            let delimiter = builtin().type_by_oid(element_type).map_or(b',', |row| row.delimiter);
            Form::Array(Arc::new(ArrayForm { element_type, element, delimiter }))
        }
        _ => Form::of(look_alike(value)).unwrap_or(Form::Scalar(&super::VOID_IO)),
    }
}

fn look_alike(value: &Datum) -> Oid {
    match value {
        Datum::Bool(_) => oid::BOOL,
        Datum::Char(_) => oid::CHAR,
        Datum::Int2(_) => oid::INT2,
        Datum::Int4(_) => oid::INT4,
        Datum::Int8(_) => oid::INT8,
        Datum::Oid(_) => oid::OID,
        Datum::Float4(_) => oid::FLOAT4,
        Datum::Float8(_) => oid::FLOAT8,
        Datum::Numeric(_) => oid::NUMERIC,
        Datum::Text(_) => oid::TEXT,
        Datum::Bytea(_) => oid::BYTEA,
        Datum::Date(_) => oid::DATE,
        Datum::Time(_) => oid::TIME,
        Datum::TimeTz(_) => oid::TIMETZ,
        Datum::Timestamp(_) => oid::TIMESTAMP,
        Datum::TimestampTz(_) => oid::TIMESTAMPTZ,
        Datum::Interval(_) => oid::INTERVAL,
        Datum::Uuid(_) => oid::UUID,
        Datum::Jsonb(_) => oid::JSONB,
        Datum::Record(_) => oid::RECORD,
        Datum::Null | Datum::Enum(_) | Datum::Array(_) | Datum::Void => oid::VOID,
    }
}

/// Column by column; a difference hides what is wrong behind it.
pub fn compare(arguments: &[Datum]) -> Result<Ordering> {
    let (a, b) = (record(&arguments[0]), record(&arguments[1]));
    let columns = a.values.iter().zip(a.types.iter()).zip(b.values.iter().zip(b.types.iter()));
    for (at, ((a, a_type), (b, b_type))) in columns.enumerate() {
        if a_type != b_type {
            let (a_name, b_name) = (type_name(*a_type), type_name(*b_type));
            let at = at + 1;
            let message = format!("cannot compare dissimilar column types {a_name} and {b_name} at record column {at}");
            return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message));
        }
        let order = match (a, b) {
            (Datum::Record(_), Datum::Record(_)) => compare(&[a.clone(), b.clone()])?,
            _ => a.compare(b),
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    if a.values.len() != b.values.len() {
        let message = "cannot compare record types with different numbers of columns";
        return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message));
    }
    Ok(Ordering::Equal)
}

/// As SQL writes it.
fn type_name(of: Oid) -> String {
    let Some(row) = builtin().type_by_oid(of) else { return of.to_string() };
    if row.is_array() {
        return format!("{}[]", type_name(row.element));
    }
    let name = match of {
        oid::BOOL => "boolean",
        oid::CHAR => "\"char\"",
        oid::INT2 => "smallint",
        oid::INT4 => "integer",
        oid::INT8 => "bigint",
        oid::FLOAT4 => "real",
        oid::FLOAT8 => "double precision",
        oid::BPCHAR => "character",
        oid::VARCHAR => "character varying",
        oid::TIME => "time without time zone",
        oid::TIMETZ => "time with time zone",
        oid::TIMESTAMP => "timestamp without time zone",
        oid::TIMESTAMPTZ => "timestamp with time zone",
        _ => row.name,
    };
    name.into()
}
