//! Operators and functions that look into a `json`, which is text: each reads it anew and answers with parts of it as
//! they stand, blanks and duplicate keys included.

use super::lex::{self, Escapes, Lexer, Nothing, Scalar, Sink, Token};
use super::{index_of, int_of, position, refused, text_of, texts_of, write};
use crate::datum::Datum;
use crate::error::Result;
use crate::function::Call;

pub(super) fn open(text: &str) -> Result<Lexer<'_>> {
    Lexer::new(text, Escapes::Resolved)
}

/// Skips the value at the lexer and gives its text.
fn take_value<'a>(lexer: &mut Lexer<'a>) -> Result<&'a str> {
    let start = lexer.span().start;
    lex::read_value(lexer, &mut Nothing, 1)?;
    Ok(&lexer.input()[start..lexer.previous_end()])
}

/// Whether it is an object; then all its members have been visited.
pub(super) fn for_each_member<'a>(text: &'a str, mut visit: impl FnMut(&str, &'a str)) -> Result<bool> {
    let mut lexer = open(text)?;
    if lexer.token() != Token::ObjectStart {
        return Ok(false);
    }
    lexer.advance()?;
    while lexer.token() == Token::String {
        let key = lexer.take_string();
        lexer.advance()?;
        lexer.advance()?;
        visit(&key, take_value(&mut lexer)?);
        if lexer.token() == Token::Comma {
            lexer.advance()?;
        }
    }
    Ok(true)
}

/// Whether it is an array; then all its elements have been visited.
pub(super) fn for_each_element<'a>(text: &'a str, mut visit: impl FnMut(&'a str)) -> Result<bool> {
    let mut lexer = open(text)?;
    if lexer.token() != Token::ArrayStart {
        return Ok(false);
    }
    lexer.advance()?;
    while !matches!(lexer.token(), Token::ArrayEnd | Token::End) {
        visit(take_value(&mut lexer)?);
        if lexer.token() == Token::Comma {
            lexer.advance()?;
        }
    }
    Ok(true)
}

/// Of members with one key the last.
fn member<'a>(text: &'a str, key: &str) -> Result<Option<&'a str>> {
    let mut found = None;
    for_each_member(text, |name, value| {
        if name == key {
            found = Some(value);
        }
    })?;
    Ok(found)
}

fn element(text: &str, index: i32) -> Result<Option<&str>> {
    let mut elements = Vec::new();
    for_each_element(text, |element| elements.push(element))?;
    Ok(position(index, elements.len()).map(|at| elements[at]))
}

fn at_path(arguments: &[Datum]) -> Result<Option<&str>> {
    let mut text = text_of(&arguments[0]);
    if texts_of(&arguments[1]).next().is_none() {
        return take_value(&mut open(text)?).map(Some);
    }
    for key in texts_of(&arguments[1]) {
        let Some(key) = key else { return Ok(None) };
        let found = match open(text)?.token() {
            Token::ObjectStart => member(text, key)?,
            Token::ArrayStart => match index_of(key) {
                Some(index) => element(text, index)?,
                None => None,
            },
            _ => None,
        };
        let Some(found) = found else { return Ok(None) };
        text = found;
    }
    Ok(Some(text))
}

fn json_or_null(text: Option<&str>) -> Datum {
    text.map_or(Datum::Null, Datum::text)
}

/// A string without quotes and escapes, JSON's null as NULL.
fn as_text(text: &str) -> Result<Datum> {
    let mut lexer = open(text)?;
    Ok(match lexer.token() {
        Token::Null => Datum::Null,
        Token::String => Datum::text(lexer.take_string()),
        _ => Datum::text(text),
    })
}

fn text_or_null(text: Option<&str>) -> Result<Datum> {
    text.map_or(Ok(Datum::Null), as_text)
}

pub fn object_field(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(json_or_null(member(text_of(&arguments[0]), text_of(&arguments[1]))?))
}

pub fn object_field_text(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    text_or_null(member(text_of(&arguments[0]), text_of(&arguments[1]))?)
}

pub fn array_element(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(json_or_null(element(text_of(&arguments[0]), int_of(&arguments[1]))?))
}

pub fn array_element_text(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    text_or_null(element(text_of(&arguments[0]), int_of(&arguments[1]))?)
}

pub fn extract_path(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(json_or_null(at_path(arguments)?))
}

pub fn extract_path_text(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    text_or_null(at_path(arguments)?)
}

pub fn type_of(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::text(match Lexer::new(text_of(&arguments[0]), Escapes::Kept)?.token() {
        Token::ObjectStart => "object",
        Token::ArrayStart => "array",
        Token::String => "string",
        Token::Number => "number",
        Token::True | Token::False => "boolean",
        _ => "null",
    }))
}

pub fn array_length(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let text = text_of(&arguments[0]);
    let mut count = 0;
    if for_each_element(text, |_| count += 1)? {
        return Ok(Datum::Int4(count));
    }
    let kind = if is_object(text)? { "a non-array" } else { "a scalar" };
    Err(refused(format!("cannot get array length of {kind}")))
}

fn is_object(text: &str) -> Result<bool> {
    Ok(open(text)?.token() == Token::ObjectStart)
}

fn is_array(text: &str) -> Result<bool> {
    Ok(open(text)?.token() == Token::ArrayStart)
}

/// Writes what it reads, without blanks and without the members that are null.
#[derive(Default)]
struct Stripped {
    out: String,
    /// That is written when its value turns out not to be null.
    key: Option<String>,
    /// The next value is not the first of its container.
    follows: bool,
}

impl Stripped {
    fn before_value(&mut self) {
        if std::mem::replace(&mut self.follows, true) {
            self.out.push(',');
        }
        if let Some(key) = self.key.take() {
            write::string(&key, &mut self.out);
            self.out.push(':');
        }
    }
}

impl Sink for Stripped {
    fn begin_array(&mut self) {
        self.before_value();
        self.out.push('[');
        self.follows = false;
    }

    fn end_array(&mut self) -> Result<()> {
        self.out.push(']');
        self.follows = true;
        Ok(())
    }

    fn begin_object(&mut self) {
        self.before_value();
        self.out.push('{');
        self.follows = false;
    }

    fn key(&mut self, key: &str) {
        self.key = Some(key.into());
    }

    fn end_object(&mut self) -> Result<()> {
        self.out.push('}');
        self.follows = true;
        Ok(())
    }

    fn scalar(&mut self, scalar: Scalar) -> Result<()> {
        if matches!(scalar, Scalar::Null) && self.key.take().is_some() {
            return Ok(());
        }
        self.before_value();
        match scalar {
            Scalar::Null => self.out.push_str("null"),
            Scalar::Bool(value) => self.out.push_str(if value { "true" } else { "false" }),
            Scalar::Number(text) => self.out.push_str(text),
            Scalar::String(text) => write::string(text, &mut self.out),
        }
        Ok(())
    }
}

pub fn strip_nulls(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let mut stripped = Stripped::default();
    lex::read(text_of(&arguments[0]), Escapes::Resolved, &mut stripped)?;
    Ok(Datum::text(stripped.out))
}

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

fn rows(rows: Vec<Vec<Datum>>) -> Rows {
    Box::new(rows.into_iter().map(Ok))
}

fn members(text: &str, value: fn(&str) -> Result<Datum>) -> Result<Rows> {
    let mut found = Vec::new();
    if !for_each_member(text, |key, raw| found.push(value(raw).map(|value| vec![Datum::text(key), value])))? {
        let message = match is_array(text)? {
            true => "cannot deconstruct an array as an object",
            false => "cannot deconstruct a scalar",
        };
        return Err(refused(message));
    }
    Ok(rows(found.into_iter().collect::<Result<_>>()?))
}

pub fn each(_: &Call, arguments: &[Datum]) -> Result<Rows> {
    members(text_of(&arguments[0]), |raw| Ok(Datum::text(raw)))
}

pub fn each_text(_: &Call, arguments: &[Datum]) -> Result<Rows> {
    members(text_of(&arguments[0]), as_text)
}

pub fn object_keys(_: &Call, arguments: &[Datum]) -> Result<Rows> {
    let text = text_of(&arguments[0]);
    let mut keys = Vec::new();
    if !for_each_member(text, |key, _| keys.push(vec![Datum::text(key)]))? {
        let kind = if is_array(text)? { "an array" } else { "a scalar" };
        return Err(refused(format!("cannot call json_object_keys on {kind}")));
    }
    Ok(rows(keys))
}

fn elements(text: &str, name: &str, element: fn(&str) -> Result<Datum>) -> Result<Rows> {
    let mut found = Vec::new();
    if !for_each_element(text, |raw| found.push(element(raw).map(|element| vec![element])))? {
        let kind = if is_object(text)? { "a non-array" } else { "a scalar" };
        return Err(refused(format!("cannot call {name} on {kind}")));
    }
    Ok(rows(found.into_iter().collect::<Result<_>>()?))
}

pub fn array_elements(_: &Call, arguments: &[Datum]) -> Result<Rows> {
    elements(text_of(&arguments[0]), "json_array_elements", |raw| Ok(Datum::text(raw)))
}

pub fn array_elements_text(_: &Call, arguments: &[Datum]) -> Result<Rows> {
    elements(text_of(&arguments[0]), "json_array_elements_text", as_text)
}
