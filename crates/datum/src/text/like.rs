//! LIKE and ILIKE.
//!
//! [`matches()`] interprets a pattern as it goes, for patterns that differ from row to row. A [`Like`] is a pattern taken
//! apart once, for those that don't: it knows prefixes and searches what stands between two `%` as a substring.
//!
//! A backslash takes the meaning from what follows it. One at the very end is an error, but only if the match gets so
//! far: `'a' LIKE 'b\'` is just false.

use std::borrow::Cow;

use memchr::memmem;

use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::regex::similar::{invalid_escape_string, one_character};
use crate::sqlstate;
use crate::text::{bytes_of, str_of};

/// What `_` stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Character,
    Byte,
}

impl Unit {
    /// Bytes of the one at the start.
    fn width(self, text: &[u8]) -> usize {
        match (self, text[0]) {
            (Unit::Byte, _) | (_, 0..=0xbf) => 1,
            (_, 0xc0..=0xdf) => 2,
            (_, 0xe0..=0xef) => 3,
            _ => 4,
        }
    }
}

pub fn matches(text: &[u8], pattern: &[u8], unit: Unit) -> Result<bool> {
    let (mut at, mut next) = (0, 0);
    // After the last `%`: what of the pattern follows it, and where in the text that was tried.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let literal = match pattern.get(next) {
            None if at == text.len() => return Ok(true),
            None => None,
            // No text is left, and another try would have even less.
            Some(_) if at == text.len() => return Ok(pattern[next..].iter().all(|rest| *rest == b'%')),
            Some(b'%') => {
                while let Some(wild @ (b'%' | b'_')) = pattern.get(next) {
                    next += 1;
                    if *wild == b'_' {
                        if at == text.len() {
                            return Ok(false);
                        }
                        at += unit.width(&text[at..]);
                    }
                }
                match pattern[next..] {
                    [] => return Ok(true),
                    [b'\\'] => return Err(dangling_escape()),
                    _ => retry = Some((next, at)),
                }
                continue;
            }
            Some(b'_') => {
                at += unit.width(&text[at..]);
                next += 1;
                continue;
            }
            Some(b'\\') => {
                let escaped = *pattern.get(next + 1).ok_or_else(dangling_escape)?;
                Some((escaped, 2))
            }
            Some(plain) => Some((*plain, 1)),
        };
        if let Some((byte, width)) = literal
            && byte == text[at]
        {
            at += 1;
            next += width;
            continue;
        }
        // Try what follows the last `%` from the next place where its first byte is.
        let Some((after, tried)) = retry else { return Ok(false) };
        let first = pattern[after + usize::from(pattern[after] == b'\\')];
        let Some(found) = text.get(tried + 1..).and_then(|rest| memchr::memchr(first, rest)) else { return Ok(false) };
        at = tried + 1 + found;
        next = after;
        retry = Some((after, at));
    }
}

fn dangling_escape() -> Error {
    Error::new(sqlstate::INVALID_ESCAPE_SEQUENCE, "LIKE pattern must not end with escape character")
}

/// A pattern, compiled.
#[derive(Debug, Clone)]
pub struct Like {
    shape: Shape,
    ignore_case: bool,
}

#[derive(Debug, Clone)]
enum Shape {
    Exact(Box<str>),
    Prefix(Box<str>),
    Suffix(Box<str>),
    Contains(Box<memmem::Finder<'static>>),
    Pieces(Vec<Piece>),
    /// Has a backslash at its end: interpreted, for the error must come when it would.
    Dangling(Box<str>),
}

/// What stands between two `%`.
#[derive(Debug, Clone)]
struct Piece {
    elements: Vec<Element>,
    /// If it is one literal.
    finder: Option<memmem::Finder<'static>>,
}

#[derive(Debug, Clone)]
enum Element {
    Literal(Box<str>),
    AnyCharacter,
}

impl Like {
    pub fn new(pattern: &str) -> Like {
        Like { shape: Shape::new(pattern), ignore_case: false }
    }

    /// ILIKE. Only ASCII letters have a case in locale C.
    pub fn ignoring_case(pattern: &str) -> Like {
        Like { shape: Shape::new(&pattern.to_ascii_lowercase()), ignore_case: true }
    }

    pub fn matches(&self, text: &str) -> Result<bool> {
        if self.ignore_case { self.shape.matches(&lowered(text)) } else { self.shape.matches(text) }
    }

    /// What every match begins with: the bounds of a search in an index. Empty if there is nothing, or no case.
    pub fn prefix(&self) -> &str {
        if self.ignore_case {
            return "";
        }
        match &self.shape {
            Shape::Exact(text) | Shape::Prefix(text) => text,
            Shape::Pieces(pieces) => match pieces[0].elements.first() {
                Some(Element::Literal(text)) => text,
                _ => "",
            },
            Shape::Suffix(_) | Shape::Contains(_) | Shape::Dangling(_) => "",
        }
    }

    /// Whether only one text matches, the [`prefix`](Like::prefix).
    pub fn is_exact(&self) -> bool {
        matches!(self.shape, Shape::Exact(_)) && !self.ignore_case
    }
}

impl Shape {
    fn new(pattern: &str) -> Shape {
        let Some(pieces) = pieces(pattern) else { return Shape::Dangling(pattern.into()) };
        let literal = |piece: &[Element]| match piece {
            [] => Some(Box::<str>::default()),
            [Element::Literal(text)] => Some(text.clone()),
            _ => None,
        };
        let literals: Vec<_> = pieces.iter().map(|piece| literal(piece)).collect();
        match &literals[..] {
            [Some(text)] => Shape::Exact(text.clone()),
            [Some(prefix), Some(rest)] if rest.is_empty() => Shape::Prefix(prefix.clone()),
            [Some(none), Some(suffix)] if none.is_empty() => Shape::Suffix(suffix.clone()),
            [Some(none), Some(text), Some(rest)] if none.is_empty() && rest.is_empty() => {
                Shape::Contains(Box::new(memmem::Finder::new(text.as_bytes()).into_owned()))
            }
            _ => Shape::Pieces(pieces.into_iter().map(Piece::new).collect()),
        }
    }

    fn matches(&self, text: &str) -> Result<bool> {
        Ok(match self {
            Shape::Exact(exact) => **exact == *text,
            Shape::Prefix(prefix) => text.starts_with(&**prefix),
            Shape::Suffix(suffix) => text.ends_with(&**suffix),
            Shape::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            Shape::Pieces(pieces) => matches_pieces(pieces, text),
            Shape::Dangling(pattern) => return matches(text.as_bytes(), pattern.as_bytes(), Unit::Character),
        })
    }
}

/// Splits at each `%`, empty pieces at the ends included; none if the pattern ends within an escape.
fn pieces(pattern: &str) -> Option<Vec<Vec<Element>>> {
    let mut pieces = vec![Vec::new()];
    let mut literal = String::new();
    let mut characters = pattern.chars();
    loop {
        let character = characters.next();
        let first = pieces.len() == 1;
        let piece: &mut Vec<Element> = pieces.last_mut()?;
        if matches!(character, None | Some('%' | '_')) && !literal.is_empty() {
            piece.push(Element::Literal(std::mem::take(&mut literal).into()));
        }
        match character {
            None => break,
            // Several in a row are one.
            Some('%') if piece.is_empty() && !first => {}
            Some('%') => pieces.push(Vec::new()),
            Some('_') => piece.push(Element::AnyCharacter),
            Some('\\') => literal.push(characters.next()?),
            Some(plain) => literal.push(plain),
        }
    }
    Some(pieces)
}

/// The first piece must be at the start and the last at the end; those between are taken where they come first.
fn matches_pieces(pieces: &[Piece], text: &str) -> bool {
    let Some(first) = pieces[0].match_at(text) else { return false };
    let mut rest = &text[first..];
    if pieces.len() == 1 {
        return rest.is_empty();
    }
    let Some(last) = pieces[pieces.len() - 1].match_end(rest) else { return false };
    rest = &rest[..last];
    pieces[1..pieces.len() - 1].iter().all(|piece| match piece.find(rest) {
        Some(end) => {
            rest = &rest[end..];
            true
        }
        None => false,
    })
}

impl Piece {
    fn new(elements: Vec<Element>) -> Piece {
        let finder = match &elements[..] {
            [Element::Literal(text)] => Some(memmem::Finder::new(text.as_bytes()).into_owned()),
            _ => None,
        };
        Piece { elements, finder }
    }

    /// The length of the match at the start.
    fn match_at(&self, text: &str) -> Option<usize> {
        let mut rest = text;
        for element in &self.elements {
            rest = match element {
                Element::Literal(literal) => rest.strip_prefix(&**literal)?,
                Element::AnyCharacter => &rest[rest.chars().next()?.len_utf8()..],
            };
        }
        Some(text.len() - rest.len())
    }

    /// Where the match at the end begins.
    fn match_end(&self, text: &str) -> Option<usize> {
        let mut rest = text;
        for element in self.elements.iter().rev() {
            rest = match element {
                Element::Literal(literal) => rest.strip_suffix(&**literal)?,
                Element::AnyCharacter => &rest[..rest.len() - rest.chars().next_back()?.len_utf8()],
            };
        }
        Some(rest.len())
    }

    /// Where the first match ends.
    fn find(&self, text: &str) -> Option<usize> {
        if let Some(finder) = &self.finder {
            return finder.find(text.as_bytes()).map(|at| at + finder.needle().len());
        }
        let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        starts.filter_map(|at| self.match_at(&text[at..]).map(|length| at + length)).next()
    }
}

fn lowered(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text.into() }
}

pub fn like(arguments: &[Datum], negated: bool) -> Result<Datum> {
    let (text, pattern) = (str_of(&arguments[0]), str_of(&arguments[1]));
    Ok(Datum::Bool(matches(text.as_bytes(), pattern.as_bytes(), Unit::Character)? != negated))
}

pub fn like_ignoring_case(arguments: &[Datum], negated: bool) -> Result<Datum> {
    let (text, pattern) = (lowered(str_of(&arguments[0])), lowered(str_of(&arguments[1])));
    Ok(Datum::Bool(matches(text.as_bytes(), pattern.as_bytes(), Unit::Character)? != negated))
}

pub fn like_bytes(arguments: &[Datum], negated: bool) -> Result<Datum> {
    Ok(Datum::Bool(matches(bytes_of(&arguments[0]), bytes_of(&arguments[1]), Unit::Byte)? != negated))
}

/// A pattern whose escape character is another, rewritten for the backslash.
pub fn like_escape(arguments: &[Datum]) -> Result<Datum> {
    let pattern = str_of(&arguments[0]);
    let escape = one_character(str_of(&arguments[1]))?;
    if escape == Some('\\') {
        return Ok(arguments[0].clone());
    }
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut escaped = false;
    for character in pattern.chars() {
        if Some(character) == escape && !escaped {
            out.push('\\');
            escaped = true;
        } else {
            if character == '\\' && !escaped {
                out.push('\\');
            }
            out.push(character);
            escaped = false;
        }
    }
    Ok(Datum::text(out))
}

pub fn like_escape_bytes(arguments: &[Datum]) -> Result<Datum> {
    let (pattern, escape) = (bytes_of(&arguments[0]), bytes_of(&arguments[1]));
    let escape = match escape {
        [] => None,
        [b'\\'] => return Ok(arguments[0].clone()),
        [byte] => Some(*byte),
        _ => return Err(invalid_escape_string()),
    };
    let mut out = Vec::with_capacity(pattern.len() + 8);
    let mut escaped = false;
    for byte in pattern {
        if Some(*byte) == escape && !escaped {
            out.push(b'\\');
            escaped = true;
        } else {
            if *byte == b'\\' && !escaped {
                out.push(b'\\');
            }
            out.push(*byte);
            escaped = false;
        }
    }
    Ok(Datum::Bytea(out.into()))
}
