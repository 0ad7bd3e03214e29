//! The functions over regular expressions, as a client calls them.
//!
//! Positions that clients give and get count characters from 1; inside they are byte offsets.

use std::rc::Rc;
use std::sync::Arc;

use super::pattern::{Match, Pattern};
use super::similar;
use super::syntax::Options;
use crate::array::Array;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::text::string::check_growth;
use crate::text::{int_of, str_of};
use crate::{oid, sqlstate};

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

/// `~`, `~*` and their negations.
pub fn is_match(arguments: &[Datum], ignore_case: bool, negated: bool) -> Result<Datum> {
    let options = Options { ignore_case, ..Options::default() };
    let pattern = Pattern::kept(str_of(&arguments[1]), options)?;
    Ok(Datum::Bool(pattern.is_match(str_of(&arguments[0]))? != negated))
}

/// Of a pattern with groups, what the first of them matched.
pub fn substring(arguments: &[Datum]) -> Result<Datum> {
    substring_of(str_of(&arguments[0]), &*Pattern::kept(str_of(&arguments[1]), Options::default())?)
}

pub fn substring_similar(arguments: &[Datum]) -> Result<Datum> {
    let pattern = similar::similar_to_escape(str_of(&arguments[1]), Some(str_of(&arguments[2])))?;
    substring_of(str_of(&arguments[0]), &*Pattern::kept(&pattern, Options::default())?)
}

fn substring_of(text: &str, pattern: &Pattern) -> Result<Datum> {
    if pattern.groups() == 0 {
        return Ok(pattern.find(text, 0)?.map_or(Datum::Null, |(start, end)| Datum::text(&text[start..end])));
    }
    Ok(pattern.find_groups(text, 0)?.map_or(Datum::Null, |found| part(text, &found, 1)))
}

pub fn similar_to(arguments: &[Datum]) -> Result<Datum> {
    similar::similar_to_escape(str_of(&arguments[0]), arguments.get(1).map(str_of)).map(Datum::text)
}

/// As above, but a NULL for the escape means the default.
pub fn similar_escape(arguments: &[Datum]) -> Result<Datum> {
    match arguments {
        [Datum::Null, ..] => Ok(Datum::Null),
        [pattern, Datum::Null] => similar_to(std::slice::from_ref(pattern)),
        both => similar_to(both),
    }
}

pub fn regexp_like(arguments: &[Datum]) -> Result<Datum> {
    let search = Search::new(arguments, arguments.get(2), "regexp_like")?;
    Ok(Datum::Bool(search.pattern.is_match(search.text)?))
}

pub fn regexp_count(arguments: &[Datum]) -> Result<Datum> {
    let from = positive("start", arguments.get(2))?;
    let search = Search::new(arguments, arguments.get(3), "regexp_count")?;
    let mut count = 0;
    search.each(from, false, |_| {
        count += 1;
        Ok(true)
    })?;
    Ok(Datum::Int4(count))
}

pub fn regexp_instr(arguments: &[Datum]) -> Result<Datum> {
    let from = positive("start", arguments.get(2))?;
    let number = positive("n", arguments.get(3))?;
    let after = match arguments.get(4).map_or(0, int_of) {
        after @ (0 | 1) => after == 1,
        other => return Err(invalid_parameter("endoption", other)),
    };
    let search = Search::new(arguments, arguments.get(5), "regexp_instr")?;
    let group = group_number(arguments.get(6))?;
    let found = search.nth(from, number, group > 0)?.and_then(|found| found.span(group));
    let at = found.map_or(0, |(start, end)| search.text[..if after { end } else { start }].chars().count() as i32 + 1);
    Ok(Datum::Int4(at))
}

pub fn regexp_substr(arguments: &[Datum]) -> Result<Datum> {
    let from = positive("start", arguments.get(2))?;
    let number = positive("n", arguments.get(3))?;
    let search = Search::new(arguments, arguments.get(4), "regexp_substr")?;
    let group = group_number(arguments.get(5))?;
    let found = search.nth(from, number, group > 0)?;
    Ok(found.map_or(Datum::Null, |found| part(search.text, &found, group)))
}

pub fn regexp_match(arguments: &[Datum]) -> Result<Datum> {
    let search = Search::new(arguments, arguments.get(2), "regexp_match")
        .map_err(|error| if error.message().contains("\"global\"") { error.hint(USE_MATCHES) } else { error })?;
    let found = search.nth(1, 1, true)?;
    Ok(found.map_or(Datum::Null, |found| search.groups(&found)))
}

const USE_MATCHES: &str = "Use the regexp_matches function instead.";

pub fn regexp_matches(arguments: &[Datum]) -> Result<Rows> {
    let flags = Flags::parse(arguments.get(2))?;
    let search = Search::with_flags(arguments, &flags)?;
    let mut rows = Vec::new();
    search.each(1, true, |found| {
        rows.push(Ok(vec![search.groups(found)]));
        Ok(flags.global)
    })?;
    Ok(Box::new(rows.into_iter()))
}

pub fn regexp_split_to_array(arguments: &[Datum]) -> Result<Datum> {
    let pieces = split(arguments, "regexp_split_to_array")?;
    Ok(Datum::Array(Arc::new(Array::new(oid::TEXT, pieces))))
}

pub fn regexp_split_to_table(arguments: &[Datum]) -> Result<Rows> {
    let pieces = split(arguments, "regexp_split_to_table")?;
    Ok(Box::new(pieces.into_iter().map(|piece| Ok(vec![piece]))))
}

/// Empty matches split only between characters, not at the ends nor just after another match.
fn split(arguments: &[Datum], function: &str) -> Result<Vec<Datum>> {
    let search = Search::new(arguments, arguments.get(2), function)?;
    let mut pieces = Vec::new();
    let mut begun = 0;
    search.each(1, false, |found| {
        if found.start < search.text.len() && found.end > begun {
            pieces.push(Datum::text(&search.text[begun..found.start]));
            begun = found.end;
        }
        Ok(true)
    })?;
    pieces.push(Datum::text(&search.text[begun..]));
    Ok(pieces)
}

/// Without a position: `regexp_replace(text, pattern, replacement [, flags])`.
pub fn regexp_replace(arguments: &[Datum]) -> Result<Datum> {
    let flags = Flags::parse(arguments.get(3)).map_err(|error| {
        let digit =
            arguments.get(3).is_some_and(|flags| str_of(flags).starts_with(|first: char| first.is_ascii_digit()));
        if digit { error.hint(CAST_TO_INTEGER) } else { error }
    })?;
    let search = Search::with_flags(arguments, &flags)?;
    replace(&search, &arguments[0], &arguments[2], 1, i32::from(!flags.global))
}

const CAST_TO_INTEGER: &str = "If you meant to use regexp_replace() with a start parameter, cast the fourth argument \
                               to integer explicitly.";

/// `regexp_replace(text, pattern, replacement, start [, n [, flags]])`.
pub fn regexp_replace_from(arguments: &[Datum]) -> Result<Datum> {
    let from = positive("start", arguments.get(3))?;
    let number = match arguments.get(4).map(int_of) {
        Some(number) if number < 0 => return Err(invalid_parameter("n", number)),
        number => number,
    };
    let flags = Flags::parse(arguments.get(5))?;
    let search = Search::with_flags(arguments, &flags)?;
    // The number of the match is more exact than the option g.
    replace(&search, &arguments[0], &arguments[2], from, number.unwrap_or(i32::from(!flags.global)))
}

/// Replaces the match of this number, counted from 1, or all for 0.
fn replace(search: &Search, text: &Datum, replacement: &Datum, from: i32, number: i32) -> Result<Datum> {
    let replacement = Replacement::parse(str_of(replacement));
    let mut out = String::new();
    let (mut copied, mut seen, mut replaced) = (0, 0, false);
    search.each(from, replacement.wants_groups, |found| {
        seen += 1;
        if number > 0 && seen != number {
            return Ok(true);
        }
        replaced = true;
        out.push_str(&search.text[copied..found.start]);
        replacement.write(search.text, found, &mut out);
        copied = found.end;
        check_growth(out.len(), 0)?;
        Ok(number == 0)
    })?;
    if !replaced {
        return Ok(text.clone());
    }
    out.push_str(&search.text[copied..]);
    Ok(Datum::text(out))
}

/// What stands for a match: text, `\1` to `\9` for its groups, `\&` for all of it.
struct Replacement<'a> {
    parts: Vec<Part<'a>>,
    wants_groups: bool,
}

enum Part<'a> {
    Text(&'a str),
    Group(usize),
}

impl<'a> Replacement<'a> {
    fn parse(mut text: &'a str) -> Replacement<'a> {
        let mut parts = Vec::new();
        // How much of `text` is known to be plain.
        let mut plain = 0;
        while let Some(at) = text[plain..].find('\\').map(|offset| plain + offset) {
            let special = match text.as_bytes().get(at + 1) {
                Some(digit @ b'1'..=b'9') => Part::Group(usize::from(digit - b'0')),
                Some(b'&') => Part::Group(0),
                Some(b'\\') => Part::Text("\\"),
                _ => {
                    plain = at + 1;
                    continue;
                }
            };
            parts.extend([Part::Text(&text[..at]), special]);
            text = &text[at + 2..];
            plain = 0;
        }
        parts.push(Part::Text(text));
        let wants_groups = parts.iter().any(|part| matches!(part, Part::Group(1..)));
        Replacement { parts, wants_groups }
    }

    fn write(&self, text: &str, found: &Match, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(plain) => out.push_str(plain),
                Part::Group(group) => {
                    if let Some((start, end)) = found.span(*group) {
                        out.push_str(&text[start..end]);
                    }
                }
            }
        }
    }
}

struct Flags {
    options: Options,
    global: bool,
}

impl Flags {
    fn parse(flags: Option<&Datum>) -> Result<Flags> {
        let mut parsed = Flags { options: Options::default(), global: false };
        for letter in flags.map_or("", str_of).chars() {
            if letter == 'g' {
                parsed.global = true;
            } else if !parsed.options.set(letter) {
                let message = format!("invalid regular expression option: \"{letter}\"");
                return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
            }
        }
        Ok(parsed)
    }
}

/// A text and what is looked for in it.
struct Search<'a> {
    text: &'a str,
    pattern: Rc<Pattern>,
}

impl<'a> Search<'a> {
    /// For functions whose options must not include g.
    fn new(arguments: &'a [Datum], flags: Option<&Datum>, function: &str) -> Result<Search<'a>> {
        let flags = Flags::parse(flags)?;
        if flags.global {
            let message = format!("{function}() does not support the \"global\" option");
            return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
        }
        Search::with_flags(arguments, &flags)
    }

    fn with_flags(arguments: &'a [Datum], flags: &Flags) -> Result<Search<'a>> {
        Ok(Search { text: str_of(&arguments[0]), pattern: Pattern::kept(str_of(&arguments[1]), flags.options)? })
    }

    /// Visits the matches from the character `from` on, until the visitor says `false`. After an empty match the search
    /// goes on one character further.
    fn each(&self, from: i32, groups: bool, mut visit: impl FnMut(&Match) -> Result<bool>) -> Result<()> {
        let Some(mut at) = offset_of(self.text, from) else { return Ok(()) };
        loop {
            let found = if groups {
                self.pattern.find_groups(self.text, at)?
            } else {
                let found = self.pattern.find(self.text, at)?;
                found.map(|(start, end)| Match { start, end, groups: Vec::new() })
            };
            let Some(found) = found else { return Ok(()) };
            if !visit(&found)? {
                return Ok(());
            }
            at = found.end;
            if found.start == found.end {
                let Some(skipped) = self.text[at..].chars().next() else { return Ok(()) };
                at += skipped.len_utf8();
            }
        }
    }

    fn nth(&self, from: i32, number: i32, groups: bool) -> Result<Option<Match>> {
        let (mut seen, mut nth) = (0, None);
        self.each(from, groups, |found| {
            seen += 1;
            if seen == number {
                nth = Some(found.clone());
            }
            Ok(seen < number)
        })?;
        Ok(nth)
    }

    /// An array of what the groups matched, or of the whole match if there are none.
    fn groups(&self, found: &Match) -> Datum {
        let parts = match self.pattern.groups() {
            0 => vec![part(self.text, found, 0)],
            groups => (1..=groups).map(|group| part(self.text, found, group)).collect(),
        };
        Datum::Array(Arc::new(Array::new(oid::TEXT, parts)))
    }
}

fn part(text: &str, found: &Match, group: usize) -> Datum {
    found.span(group).map_or(Datum::Null, |(start, end)| Datum::text(&text[start..end]))
}

/// Where the character of this number, from 1, begins; the end of the text counts as a character.
fn offset_of(text: &str, number: i32) -> Option<usize> {
    let skip = number as usize - 1;
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(skip)
}

/// An argument that is 1 unless given.
fn positive(name: &str, argument: Option<&Datum>) -> Result<i32> {
    match argument.map_or(1, int_of) {
        value @ 1.. => Ok(value),
        value => Err(invalid_parameter(name, value)),
    }
}

fn group_number(argument: Option<&Datum>) -> Result<usize> {
    let value = argument.map_or(0, int_of);
    usize::try_from(value).map_err(|_| invalid_parameter("subexpr", value))
}

fn invalid_parameter(name: &str, value: i32) -> Error {
    Error::new(sqlstate::INVALID_PARAMETER_VALUE, format!("invalid value for parameter \"{name}\": {value}"))
}
