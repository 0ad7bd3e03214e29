//! Functions over one string: lengths, parts, case, trimming, padding, replacing.
//!
//! Lengths and positions count characters. Only ASCII letters have a case, as in locale C.

use memchr::memmem;

use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::sqlstate;
use crate::text::compare::unpadded;
use crate::text::{int_of, str_of};

/// Bytes of a value at most: what a statement puts together must not exhaust the node.
pub const BYTES_MAX: usize = 0x3fff_ffff - 4;

/// Refuses to add `more` bytes to a value that has `bytes`.
pub fn check_growth(bytes: usize, more: usize) -> Result<()> {
    if bytes.saturating_add(more) <= BYTES_MAX {
        return Ok(());
    }
    let detail = format!("Cannot enlarge string buffer containing {bytes} bytes by {more} more bytes.");
    Err(Error::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, "out of memory").detail(detail))
}

pub fn too_long() -> Error {
    Error::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, "requested length too large")
}

pub fn negative_length() -> Error {
    Error::new(sqlstate::SUBSTRING_ERROR, "negative substring length not allowed")
}

pub fn length(text: &str) -> Result<Datum> {
    Ok(Datum::Int4(text.chars().count() as i32))
}

pub fn bpchar_length(arguments: &[Datum]) -> Result<Datum> {
    length(unpadded(&arguments[0]))
}

pub fn bytes(text: &Datum) -> Result<Datum> {
    Ok(Datum::Int4(str_of(text).len() as i32))
}

pub fn bits(count: usize) -> Result<Datum> {
    let bits = i32::try_from(count).ok().and_then(|count| count.checked_mul(8));
    bits.map(Datum::Int4).ok_or_else(|| Error::out_of_range("integer"))
}

pub fn concat(a: &Datum, b: &Datum) -> Result<Datum> {
    let (left, right) = (str_of(a), str_of(b));
    if right.is_empty() {
        return Ok(a.clone());
    }
    check_growth(left.len(), right.len())?;
    Ok(Datum::text([left, right].concat()))
}

/// The part of `text` that begins at the character `from` (counted from 0), of `count` characters.
fn characters(text: &str, from: usize, count: usize) -> &str {
    if text.is_ascii() {
        let start = from.min(text.len());
        return &text[start..start.saturating_add(count).min(text.len())];
    }
    let rest = match text.char_indices().nth(from) {
        Some((at, _)) => &text[at..],
        None => return "",
    };
    match rest.char_indices().nth(count) {
        Some((at, _)) => &rest[..at],
        None => rest,
    }
}

/// What a start (from 1, but maybe before) and a length select: a start from 0 and a count.
pub fn selection(start: i32, length: Option<i32>) -> Result<(usize, usize)> {
    let first = i64::from(start).max(1);
    let count = match length {
        None => usize::MAX,
        Some(length) if length < 0 => return Err(negative_length()),
        Some(length) => (i64::from(start) + i64::from(length) - first).max(0) as usize,
    };
    Ok((first as usize - 1, count))
}

pub fn substr(arguments: &[Datum]) -> Result<Datum> {
    let text = str_of(&arguments[0]);
    let (from, count) = selection(int_of(&arguments[1]), arguments.get(2).map(int_of))?;
    Ok(Datum::text(characters(text, from, count)))
}

/// Without a length, as much is replaced as is put there.
pub fn overlay(arguments: &[Datum]) -> Result<Datum> {
    let (text, placed, start) = (str_of(&arguments[0]), str_of(&arguments[1]), int_of(&arguments[2]));
    let length = arguments.get(3).map_or_else(|| placed.chars().count() as i32, int_of);
    if start <= 0 {
        return Err(negative_length());
    }
    let resume = start.checked_add(length).ok_or_else(|| Error::out_of_range("integer"))?;
    let (from, count) = selection(resume, None)?;
    let before = characters(text, 0, start as usize - 1);
    Ok(Datum::text([before, placed, characters(text, from, count)].concat()))
}

pub fn position(arguments: &[Datum]) -> Result<Datum> {
    let (text, wanted) = (str_of(&arguments[0]), str_of(&arguments[1]));
    let found = memmem::find(text.as_bytes(), wanted.as_bytes());
    Ok(Datum::Int4(found.map_or(0, |at| text[..at].chars().count() as i32 + 1)))
}

pub fn lower(arguments: &[Datum]) -> Result<Datum> {
    let text = str_of(&arguments[0]);
    if !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(arguments[0].clone());
    }
    Ok(Datum::text(text.to_ascii_lowercase()))
}

pub fn upper(arguments: &[Datum]) -> Result<Datum> {
    let text = str_of(&arguments[0]);
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Ok(arguments[0].clone());
    }
    Ok(Datum::text(text.to_ascii_uppercase()))
}

pub fn initcap(arguments: &[Datum]) -> Result<Datum> {
    let mut in_word = false;
    let capitalized = str_of(&arguments[0]).chars().map(|character| {
        let first = !in_word;
        in_word = character.is_ascii_alphanumeric();
        if first { character.to_ascii_uppercase() } else { character.to_ascii_lowercase() }
    });
    Ok(Datum::text(capitalized.collect::<String>()))
}

/// Which ends [`trim`] takes characters from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
    Both,
}

/// Takes off characters of the set that is the second argument, or spaces.
pub fn trim(arguments: &[Datum], side: Side) -> Result<Datum> {
    let text = str_of(&arguments[0]);
    let set = arguments.get(1).map_or(" ", str_of);
    let mut kept = text;
    if side != Side::Right {
        kept = kept.trim_start_matches(|character| set.contains(character));
    }
    if side != Side::Left {
        kept = kept.trim_end_matches(|character| set.contains(character));
    }
    Ok(if kept.len() == text.len() { arguments[0].clone() } else { Datum::text(kept) })
}

/// Cuts what is too long, whichever side is filled.
pub fn pad(arguments: &[Datum], side: Side) -> Result<Datum> {
    let (text, wanted) = (str_of(&arguments[0]), int_of(&arguments[1]).max(0) as usize);
    let fill = arguments.get(2).map_or(" ", str_of);
    let kept = characters(text, 0, wanted);
    let missing = if fill.is_empty() { 0 } else { wanted - kept.chars().count() };
    if (kept.chars().count() + missing).saturating_mul(4) > BYTES_MAX {
        return Err(too_long());
    }
    let mut out = String::with_capacity(kept.len() + missing);
    if side == Side::Right {
        out.push_str(kept);
    }
    out.extend(fill.chars().cycle().take(missing));
    if side == Side::Left {
        out.push_str(kept);
    }
    Ok(Datum::text(out))
}

/// A negative count leaves out that many at the other end.
pub fn left(arguments: &[Datum]) -> Result<Datum> {
    let text = str_of(&arguments[0]);
    let count = match int_of(&arguments[1]) {
        count @ 0.. => count as usize,
        count => text.chars().count().saturating_sub(count.unsigned_abs() as usize),
    };
    Ok(Datum::text(characters(text, 0, count)))
}

pub fn right(arguments: &[Datum]) -> Result<Datum> {
    let text = str_of(&arguments[0]);
    let skipped = match int_of(&arguments[1]) {
        // The least number has no positive counterpart, and PostgreSQL leaves out nothing.
        i32::MIN => 0,
        count @ 0.. => text.chars().count().saturating_sub(count as usize),
        count => count.unsigned_abs() as usize,
    };
    Ok(Datum::text(characters(text, skipped, usize::MAX)))
}

pub fn repeat(arguments: &[Datum]) -> Result<Datum> {
    let (text, count) = (str_of(&arguments[0]), int_of(&arguments[1]).max(0) as usize);
    if text.len().saturating_mul(count) > BYTES_MAX {
        return Err(too_long());
    }
    Ok(Datum::text(text.repeat(count)))
}

pub fn replace(arguments: &[Datum]) -> Result<Datum> {
    let (text, from, to) = (str_of(&arguments[0]), str_of(&arguments[1]), str_of(&arguments[2]));
    if from.is_empty() || memmem::find(text.as_bytes(), from.as_bytes()).is_none() {
        return Ok(arguments[0].clone());
    }
    if to.len() > from.len() {
        let count = memmem::find_iter(text.as_bytes(), from).count();
        check_growth(text.len(), count.saturating_mul(to.len() - from.len()))?;
    }
    Ok(Datum::text(text.replace(from, to)))
}

/// Characters of the second argument become those at the same place of the third, or nothing.
pub fn translate(arguments: &[Datum]) -> Result<Datum> {
    let (text, from, to) = (str_of(&arguments[0]), str_of(&arguments[1]), str_of(&arguments[2]));
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let translated = text.chars().filter_map(|character| match from.iter().position(|known| *known == character) {
        Some(at) => to.get(at).copied(),
        None => Some(character),
    });
    Ok(Datum::text(translated.collect::<String>()))
}

pub fn reverse(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::text(str_of(&arguments[0]).chars().rev().collect::<String>()))
}

pub fn starts_with(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Bool(str_of(&arguments[0]).starts_with(str_of(&arguments[1]))))
}

pub fn ascii(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Int4(str_of(&arguments[0]).chars().next().map_or(0, |first| first as i32)))
}

pub fn chr(arguments: &[Datum]) -> Result<Datum> {
    let code = int_of(&arguments[0]);
    let refused = |message: String| Err(Error::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, message));
    match code {
        ..0 => Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, "character number must be positive")),
        0 => refused("null character not permitted".to_owned()),
        0x11_0000.. => refused(format!("requested character too large for encoding: {code}")),
        _ => match char::from_u32(code as u32) {
            Some(character) => Ok(Datum::text(character.encode_utf8(&mut [0; 4]) as &str)),
            None => refused(format!("requested character not valid for encoding: {code}")),
        },
    }
}

pub fn to_hex(arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::text(match &arguments[0] {
        Datum::Int8(value) => format!("{value:x}"),
        value => format!("{:x}", int_of(value)),
    }))
}
