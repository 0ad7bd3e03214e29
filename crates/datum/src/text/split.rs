//! Strings to lists and back: `split_part`, `string_to_array`, `array_to_string`, `parse_ident`.

use std::sync::Arc;

use memchr::memmem;

use crate::array::Array;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::Call;
use crate::text::format::push_value;
use crate::text::string::check_growth;
use crate::text::{int_of, str_of};
use crate::{oid, sqlstate};

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

/// Counted from 1, or from the end if negative.
pub fn split_part(arguments: &[Datum]) -> Result<Datum> {
    let (text, separator, number) = (str_of(&arguments[0]), str_of(&arguments[1]), int_of(&arguments[2]));
    if number == 0 {
        return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, "field position must not be zero"));
    }
    if text.is_empty() {
        return Ok(arguments[0].clone());
    }
    let skip = number.unsigned_abs() as usize - 1;
    let part = match (separator.is_empty(), number > 0) {
        (true, _) => (skip == 0).then_some(text),
        (false, true) => text.split(separator).nth(skip),
        (false, false) => {
            // Separators are found from the left even so, which matters when they overlap.
            let count = text.split(separator).count();
            count.checked_sub(skip + 1).and_then(|from_left| text.split(separator).nth(from_left))
        }
    };
    Ok(Datum::text(part.unwrap_or_default()))
}

/// None for a NULL text. A NULL separator splits between all characters, an empty one not at all.
fn split(arguments: &[Datum]) -> Option<Vec<Datum>> {
    let text = match &arguments[0] {
        Datum::Null => return None,
        text => str_of(text),
    };
    if text.is_empty() {
        return Some(Vec::new());
    }
    let null = arguments.get(2).filter(|null| !null.is_null()).map(str_of);
    let part = |part: &str| if Some(part) == null { Datum::Null } else { Datum::text(part) };
    Some(match &arguments[1] {
        Datum::Null => text.chars().map(|character| part(character.encode_utf8(&mut [0; 4]))).collect(),
        separator => match str_of(separator) {
            "" => vec![part(text)],
            separator => text.split(separator).map(part).collect(),
        },
    })
}

pub fn string_to_array(arguments: &[Datum]) -> Result<Datum> {
    Ok(match split(arguments) {
        Some(parts) => Datum::Array(Arc::new(Array::new(oid::TEXT, parts))),
        None => Datum::Null,
    })
}

pub fn string_to_table(arguments: &[Datum]) -> Result<Rows> {
    let parts = split(arguments).unwrap_or_default();
    Ok(Box::new(parts.into_iter().map(|part| Ok(vec![part]))))
}

/// NULL elements are left out, or stand as the third argument says.
pub fn array_to_string(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    let (array, separator) = match (&arguments[0], &arguments[1]) {
        (Datum::Null, _) | (_, Datum::Null) => return Ok(Datum::Null),
        (Datum::Array(array), separator) => (array, str_of(separator)),
        (other, _) => panic!("{other:?} is not an array"),
    };
    let null = arguments.get(2).filter(|null| !null.is_null()).map(str_of);
    let mut out = String::new();
    let mut first = true;
    for element in array.elements() {
        if element.is_null() && null.is_none() {
            continue;
        }
        if !first {
            check_growth(out.len(), separator.len())?;
            out.push_str(separator);
        }
        first = false;
        match null {
            Some(null) if element.is_null() => out.push_str(null),
            _ => push_value(call, array.element_type(), element, &mut out)?,
        }
    }
    Ok(Datum::text(out))
}

/// Takes a qualified name apart; `strict` refuses anything after it.
pub fn parse_ident(arguments: &[Datum]) -> Result<Datum> {
    let text = str_of(&arguments[0]);
    let strict = arguments[1].is_true();
    let invalid =
        || Error::new(sqlstate::INVALID_PARAMETER_VALUE, format!("string is not a valid identifier: \"{text}\""));
    let is_space = |character: char| matches!(character, ' ' | '\t'..='\r');
    let mut parts = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    loop {
        let (part, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let Some((part, after)) = unquoted(quoted) else {
                return Err(invalid().detail("String has unclosed double quotes."));
            };
            if part.is_empty() {
                return Err(invalid().detail("Quoted identifier must not be empty."));
            }
            (part, after)
        } else {
            let begins =
                rest.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic() || !first.is_ascii());
            let within = |next: char| matches!(next, '_' | '$') || next.is_ascii_alphanumeric() || !next.is_ascii();
            let length = if begins { rest.find(|next| !within(next)).unwrap_or(rest.len()) } else { 0 };
            if length == 0 {
                return Err(if rest.starts_with('.') {
                    invalid().detail("No valid identifier before \".\".")
                } else if parts.is_empty() {
                    invalid()
                } else {
                    invalid().detail("No valid identifier after \".\".")
                });
            }
            (rest[..length].to_ascii_lowercase(), &rest[length..])
        };
        parts.push(Datum::text(part));
        rest = after.trim_start_matches(is_space);
        match rest.strip_prefix('.') {
            Some(next) => rest = next.trim_start_matches(is_space),
            None if strict && !rest.is_empty() => return Err(invalid()),
            None => break,
        }
    }
    Ok(Datum::Array(Arc::new(Array::new(oid::TEXT, parts))))
}

/// Up to the closing quote, two of them standing for one; and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut rest = text;
    loop {
        let at = memmem::find(rest.as_bytes(), b"\"")?;
        part.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                part.push('"');
                rest = after;
            }
            None => return Some((part, rest)),
        }
    }
}
