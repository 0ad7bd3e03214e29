//! Arrays as text (`{1,NULL,"a b"}`, `[0:1]={1,2}`) and in the protocol's binary form.

use std::fmt::Write;
use std::sync::Arc;

use super::{
    Array, DIMENSIONS_MAX, Dimension, check_dimensions, subscript_error, too_many_dimensions, too_many_elements,
};
use crate::builtin::builtin;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::Settings;
use crate::io::ArrayForm;
use crate::oid::Oid;
use crate::sqlstate;

const BLANKS: [char; 6] = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];

pub fn parse(of: &ArrayForm, text: &str, modifier: i32, settings: &Settings) -> Result<Datum> {
    let (bounds, contents) = parse_bounds(text)?;
    let mut reader = Reader { text: contents, at: 0, delimiter: char::from(of.delimiter) };
    let (lengths, items) = reader.read()?;
    if !reader.text[reader.at..].trim_start_matches(BLANKS).is_empty() {
        return reader.refuse("Junk after closing right brace.");
    }
    let lengths = lengths.into_iter().map(|length| i32::try_from(length).map_err(|_| too_many_elements()));
    let lengths = lengths.collect::<Result<Vec<_>>>()?;
    let dimensions = match bounds {
        Some(bounds) if bounds.iter().map(|bound| bound.length).ne(lengths.iter().copied()) => {
            return Err(malformed(text, "Specified array dimensions do not match array contents."));
        }
        Some(bounds) => bounds,
        None => lengths.into_iter().map(|length| Dimension { length, lower: 1 }).collect(),
    };
    check_dimensions(&dimensions)?;
    let element = |item: Option<String>| match item {
        Some(item) => of.element.parse(&item, modifier, settings),
        None => Ok(Datum::Null),
    };
    let elements = items.into_iter().map(element).collect::<Result<Vec<_>>>()?;
    Ok(Datum::Array(Arc::new(Array::with_dimensions(of.element_type, dimensions, elements)?)))
}

fn malformed(text: &str, detail: impl Into<String>) -> Error {
    let message = format!("malformed array literal: \"{text}\"");
    Error::new(sqlstate::INVALID_TEXT_REPRESENTATION, message).detail(detail)
}

/// Reads `[2:3][5]=`, if it is there, and gives what follows.
fn parse_bounds(text: &str) -> Result<(Option<Vec<Dimension>>, &str)> {
    let mut bounds = Vec::new();
    let mut rest = text.trim_start_matches(BLANKS);
    while let Some(inside) = rest.strip_prefix('[') {
        if bounds.len() >= DIMENSIONS_MAX {
            return Err(too_many_dimensions(bounds.len() + 1));
        }
        let (first, after) = leading_number(inside);
        if first.is_empty() {
            return Err(malformed(text, "\"[\" must introduce explicitly-specified array dimensions."));
        }
        let (lower, upper, after) = match after.strip_prefix(':') {
            Some(after) => {
                let (second, after) = leading_number(after);
                if second.is_empty() {
                    return Err(malformed(text, "Missing array dimension value."));
                }
                (bound(first), bound(second), after)
            }
            None => (1, bound(first), after),
        };
        let Some(after) = after.strip_prefix(']') else {
            return Err(malformed(text, "Missing \"]\" after array dimensions."));
        };
        if upper < lower {
            return Err(subscript_error("upper bound cannot be less than lower bound"));
        }
        // A length that is no number can't be that of the contents.
        let length = upper.checked_sub(lower).and_then(|length| length.checked_add(1)).unwrap_or(-1);
        bounds.push(Dimension { length, lower });
        rest = after.trim_start_matches(BLANKS);
    }
    if bounds.is_empty() {
        if !rest.starts_with('{') {
            return Err(malformed(text, "Array value must start with \"{\" or dimension information."));
        }
        return Ok((None, rest));
    }
    let Some(contents) = rest.strip_prefix('=') else {
        return Err(malformed(text, "Missing \"=\" after array dimensions."));
    };
    let contents = contents.trim_start_matches(BLANKS);
    if !contents.starts_with('{') {
        return Err(malformed(text, "Array contents must start with \"{\"."));
    }
    Ok((Some(bounds), contents))
}

fn leading_number(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !matches!(c, '0'..='9' | '-' | '+')).unwrap_or(text.len()))
}

/// As C's `atoi` reads it on PostgreSQL's platforms: a sign, digits until something else comes, and bits above the
/// lower 32 dropped.
fn bound(text: &str) -> i32 {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit);
    let value = digits.fold(0_i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    (if negative { -value } else { value }) as i32
}

/// What was read last: decides what may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    Open,
    InElement,
    QuotedElement,
    ElementDelimiter,
    Close,
    LevelDelimiter,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    delimiter: char,
}

impl Reader<'_> {
    fn refuse<T>(&self, detail: impl Into<String>) -> Result<T> {
        Err(malformed(self.text, detail))
    }

    fn unexpected<T>(&self, character: char) -> Result<T> {
        self.refuse(format!("Unexpected \"{character}\" character."))
    }

    /// The lengths of the dimensions and the elements' texts; none for NULL.
    fn read(&mut self) -> Result<(Vec<usize>, Vec<Option<String>>)> {
        let mut items = Vec::new();
        let mut after = After::Nothing;
        // By level from the outside: members so far, and the length that the first array of the level had.
        let mut counts: Vec<usize> = Vec::new();
        let mut lengths: Vec<Option<usize>> = Vec::new();
        loop {
            let Some(next) = self.text[self.at..].chars().next() else {
                return self.refuse("Unexpected end of input.");
            };
            match next {
                '{' => {
                    if !matches!(after, After::Nothing | After::Open | After::LevelDelimiter) {
                        return self.unexpected(next);
                    }
                    if counts.len() >= DIMENSIONS_MAX {
                        return Err(too_many_dimensions(counts.len() + 1));
                    }
                    counts.push(0);
                    if lengths.len() < counts.len() {
                        lengths.push(None);
                    }
                    after = After::Open;
                    self.at += 1;
                }
                '}' => {
                    let empty = after == After::Open && counts.len() == 1;
                    if !empty && !matches!(after, After::InElement | After::QuotedElement | After::Close) {
                        return self.unexpected(next);
                    }
                    let Some(count) = counts.pop() else { return self.refuse("Unmatched \"}\" character.") };
                    let count = if empty { 0 } else { count + 1 };
                    let known = *lengths[counts.len()].get_or_insert(count);
                    // Elements stand on the innermost level only.
                    if known != count || (after != After::Close && lengths.len() > counts.len() + 1) {
                        let detail = "Multidimensional arrays must have sub-arrays with matching dimensions.";
                        return self.refuse(detail);
                    }
                    after = After::Close;
                    self.at += 1;
                    if counts.is_empty() {
                        break;
                    }
                }
                _ if next == self.delimiter => {
                    after = match after {
                        After::InElement | After::QuotedElement => After::ElementDelimiter,
                        After::Close => After::LevelDelimiter,
                        _ => return self.unexpected(next),
                    };
                    if let Some(count) = counts.last_mut() {
                        *count += 1;
                    }
                    self.at += 1;
                }
                _ if BLANKS.contains(&next) => self.at += 1,
                _ => {
                    if !matches!(after, After::Open | After::ElementDelimiter) {
                        let detail =
                            if next == '\\' { "Unexpected \"\\\" character." } else { "Unexpected array element." };
                        return self.refuse(detail);
                    }
                    let (item, quoted) = if next == '"' { (self.read_quoted()?, true) } else { self.read_bare()? };
                    let is_null = !quoted && item.eq_ignore_ascii_case("null");
                    items.push((!is_null).then_some(item));
                    after = if next == '"' { After::QuotedElement } else { After::InElement };
                }
            }
        }
        if items.is_empty() {
            return Ok((Vec::new(), items));
        }
        Ok((lengths.into_iter().flatten().collect(), items))
    }

    fn read_quoted(&mut self) -> Result<String> {
        let mut item = String::new();
        let mut characters = self.text[self.at + 1..].char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += at + 2;
                    return Ok(item);
                }
                '\\' => item.extend(characters.next().map(|(_, escaped)| escaped)),
                _ => item.push(character),
            }
        }
        self.refuse("Unexpected end of input.")
    }

    /// Up to the delimiter or brace, without the blanks around; and whether anything was escaped, so that it is not
    /// the word NULL.
    fn read_bare(&mut self) -> Result<(String, bool)> {
        let mut item = String::new();
        // What an escape made is not trimmed.
        let mut kept = 0;
        let mut escaped = false;
        let mut characters = self.text[self.at..].char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '{' => return self.unexpected('{'),
                '"' => return self.refuse("Unexpected array element."),
                '}' => {
                    self.at += at;
                    item.truncate(item.trim_end_matches(BLANKS).len().max(kept));
                    return Ok((item, escaped));
                }
                _ if character == self.delimiter => {
                    self.at += at;
                    item.truncate(item.trim_end_matches(BLANKS).len().max(kept));
                    return Ok((item, escaped));
                }
                '\\' => {
                    item.extend(characters.next().map(|(_, escaped)| escaped));
                    kept = item.len();
                    escaped = true;
                }
                _ => item.push(character),
            }
        }
        self.refuse("Unexpected end of input.")
    }
}

pub fn format(of: &ArrayForm, value: &Array, settings: &Settings, out: &mut String) {
    if value.is_empty() {
        out.push_str("{}");
        return;
    }
    if value.dimensions.iter().any(|dimension| dimension.lower != 1) {
        for dimension in &value.dimensions {
            write!(out, "[{}:{}]", dimension.lower, dimension.upper()).expect("a String takes everything");
        }
        out.push('=');
    }
    let mut elements = value.elements.iter();
    format_level(of, &value.dimensions, &mut elements, settings, out);
}

fn format_level(
    of: &ArrayForm,
    dimensions: &[Dimension],
    elements: &mut std::slice::Iter<Datum>,
    settings: &Settings,
    out: &mut String,
) {
    out.push('{');
    for at in 0..dimensions[0].length {
        if at > 0 {
            out.push(char::from(of.delimiter));
        }
        if dimensions.len() > 1 {
            format_level(of, &dimensions[1..], elements, settings, out);
            continue;
        }
        match elements.next() {
            None | Some(Datum::Null) => out.push_str("NULL"),
            Some(element) => {
                let from = out.len();
                of.element.format(element, settings, out);
                quote_if_needed(out, from, char::from(of.delimiter));
            }
        }
    }
    out.push('}');
}

fn quote_if_needed(out: &mut String, from: usize, delimiter: char) {
    let item = &out[from..];
    let special = |c: char| matches!(c, '"' | '\\' | '{' | '}') || c == delimiter || BLANKS.contains(&c);
    if !item.is_empty() && !item.eq_ignore_ascii_case("null") && !item.contains(special) {
        return;
    }
    let item = out.split_off(from);
    out.push('"');
    for character in item.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

pub fn receive(of: &ArrayForm, bytes: &[u8], modifier: i32) -> Result<Datum> {
    let mut rest = bytes;
    let refuse = |message: String| Error::new(sqlstate::INVALID_BINARY_REPRESENTATION, message);
    let dimensions_count = take_i32(&mut rest)?;
    let Ok(dimensions_count) = usize::try_from(dimensions_count) else {
        return Err(refuse(format!("invalid number of dimensions: {dimensions_count}")));
    };
    if dimensions_count > DIMENSIONS_MAX {
        return Err(too_many_dimensions(dimensions_count));
    }
    let flags = take_i32(&mut rest)?;
    if flags != 0 && flags != 1 {
        return Err(refuse("invalid array flags".into()));
    }
    let element_type = Oid(take_i32(&mut rest)? as u32);
    if element_type != of.element_type {
        let name = |oid: Oid| builtin().type_by_oid(oid).map_or("???", |row| row.name);
        let (got, wanted) = (name(element_type), name(of.element_type));
        let message = format!(
            "binary data has array element type {element_type} ({got}) instead of expected {} ({wanted})",
            of.element_type
        );
        return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message));
    }
    let mut dimensions = Vec::with_capacity(dimensions_count);
    for _ in 0..dimensions_count {
        dimensions.push(Dimension { length: take_i32(&mut rest)?, lower: take_i32(&mut rest)? });
    }
    let count = if dimensions.is_empty() { 0 } else { check_dimensions(&dimensions)? };
    let mut elements = Vec::with_capacity(count.min(rest.len() / 4));
    for _ in 0..count {
        let length = take_i32(&mut rest)?;
        if length == -1 {
            elements.push(Datum::Null);
            continue;
        }
        let length = usize::try_from(length).map_err(|_| insufficient_data())?;
        let (element, after) = rest.split_at_checked(length).ok_or_else(insufficient_data)?;
        elements.push(of.element.receive(element, modifier)?);
        rest = after;
    }
    Ok(Datum::Array(Arc::new(Array::with_dimensions(of.element_type, dimensions, elements)?)))
}

fn take_i32(bytes: &mut &[u8]) -> Result<i32> {
    let (first, rest) = bytes.split_first_chunk().ok_or_else(insufficient_data)?;
    *bytes = rest;
    Ok(i32::from_be_bytes(*first))
}

fn insufficient_data() -> Error {
    Error::new(sqlstate::PROTOCOL_VIOLATION, "insufficient data left in message")
}

pub fn send(of: &ArrayForm, value: &Array, out: &mut Vec<u8>) {
    let push = |out: &mut Vec<u8>, number: i32| out.extend_from_slice(&number.to_be_bytes());
    push(out, value.dimensions.len() as i32);
    push(out, i32::from(value.elements.iter().any(Datum::is_null)));
    out.extend_from_slice(&value.element_type.0.to_be_bytes());
    for dimension in &value.dimensions {
        push(out, dimension.length);
        push(out, dimension.lower);
    }
    for element in &value.elements {
        if element.is_null() {
            push(out, -1);
            continue;
        }
        let length_at = out.len();
        push(out, 0);
        of.element.send(element, out);
        let length = (out.len() - length_at - 4) as i32;
        out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    }
}
