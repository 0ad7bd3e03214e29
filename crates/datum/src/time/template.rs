//! The templates of `to_char`, `to_date` and `to_timestamp`: what a template is made of, for both directions.

use crate::error::{Error, Result};
use crate::sqlstate;

/// What a pattern stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id {
    Era,
    EraDots,
    HalfDay,
    HalfDayDots,
    Century,
    /// With so many of its last digits.
    Year(u8),
    YearComma,
    IsoYear(u8),
    Quarter,
    Month,
    MonthName,
    MonthShort,
    RomanMonth,
    Week,
    WeekOfMonth,
    IsoWeek,
    Day,
    DayOfYear,
    IsoDayOfYear,
    Julian,
    Weekday,
    WeekdayShort,
    WeekdayNumber,
    IsoWeekdayNumber,
    Hour12,
    Hour24,
    Minute,
    Second,
    SecondOfDay,
    /// `FF3`: decimals of the second.
    Decimals(u8),
    Millisecond,
    Microsecond,
    Zone,
    ZoneHour,
    ZoneMinute,
    Offset,
    /// `FX`: no skipping of spaces.
    Exact,
}

/// How words are printed, by how their pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Upper,
    Lower,
    Capital,
}

/// The calendar to which a pattern belongs; one template can't use both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    None,
    Gregorian,
    IsoWeek,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    pub name: &'static str,
    pub id: Id,
    pub case: Case,
    /// A number before it can't tell where it ends.
    pub is_digit: bool,
    pub mode: Mode,
}

#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    pub key: &'static Key,
    /// `FM`: no padding.
    pub fill: bool,
    /// `TM`: words in the language of `lc_time`, which is English here.
    pub translated: bool,
    /// `TH`, `th` after a number: an ordinal's ending.
    pub ordinal: Option<Case>,
}

#[derive(Clone, Copy, Debug)]
pub enum Node {
    Pattern(Pattern),
    Space(char),
    Separator(char),
    Text(char),
}

/// Pattern names are looked for in this order, so longer ones come before their beginnings.
const KEYS: &[Key] = &[
    key("A.D.", Id::EraDots, Case::Upper, false, Mode::None),
    key("A.M.", Id::HalfDayDots, Case::Upper, false, Mode::None),
    key("AD", Id::Era, Case::Upper, false, Mode::None),
    key("AM", Id::HalfDay, Case::Upper, false, Mode::None),
    key("B.C.", Id::EraDots, Case::Upper, false, Mode::None),
    key("BC", Id::Era, Case::Upper, false, Mode::None),
    key("CC", Id::Century, Case::Upper, true, Mode::None),
    key("DAY", Id::Weekday, Case::Upper, false, Mode::None),
    key("DDD", Id::DayOfYear, Case::Upper, true, Mode::Gregorian),
    key("DD", Id::Day, Case::Upper, true, Mode::Gregorian),
    key("DY", Id::WeekdayShort, Case::Upper, false, Mode::None),
    key("Day", Id::Weekday, Case::Capital, false, Mode::None),
    key("Dy", Id::WeekdayShort, Case::Capital, false, Mode::None),
    key("D", Id::WeekdayNumber, Case::Upper, true, Mode::Gregorian),
    key("FF1", Id::Decimals(1), Case::Upper, true, Mode::None),
    key("FF2", Id::Decimals(2), Case::Upper, true, Mode::None),
    key("FF3", Id::Decimals(3), Case::Upper, true, Mode::None),
    key("FF4", Id::Decimals(4), Case::Upper, true, Mode::None),
    key("FF5", Id::Decimals(5), Case::Upper, true, Mode::None),
    key("FF6", Id::Decimals(6), Case::Upper, true, Mode::None),
    key("FX", Id::Exact, Case::Upper, false, Mode::None),
    key("HH24", Id::Hour24, Case::Upper, true, Mode::None),
    key("HH12", Id::Hour12, Case::Upper, true, Mode::None),
    key("HH", Id::Hour12, Case::Upper, true, Mode::None),
    key("IDDD", Id::IsoDayOfYear, Case::Upper, true, Mode::IsoWeek),
    key("ID", Id::IsoWeekdayNumber, Case::Upper, true, Mode::IsoWeek),
    key("IW", Id::IsoWeek, Case::Upper, true, Mode::IsoWeek),
    key("IYYY", Id::IsoYear(4), Case::Upper, true, Mode::IsoWeek),
    key("IYY", Id::IsoYear(3), Case::Upper, true, Mode::IsoWeek),
    key("IY", Id::IsoYear(2), Case::Upper, true, Mode::IsoWeek),
    key("I", Id::IsoYear(1), Case::Upper, true, Mode::IsoWeek),
    key("J", Id::Julian, Case::Upper, true, Mode::None),
    key("MI", Id::Minute, Case::Upper, true, Mode::None),
    key("MM", Id::Month, Case::Upper, true, Mode::Gregorian),
    key("MONTH", Id::MonthName, Case::Upper, false, Mode::Gregorian),
    key("MON", Id::MonthShort, Case::Upper, false, Mode::Gregorian),
    key("MS", Id::Millisecond, Case::Upper, true, Mode::None),
    key("Month", Id::MonthName, Case::Capital, false, Mode::Gregorian),
    key("Mon", Id::MonthShort, Case::Capital, false, Mode::Gregorian),
    key("OF", Id::Offset, Case::Upper, false, Mode::None),
    key("P.M.", Id::HalfDayDots, Case::Upper, false, Mode::None),
    key("PM", Id::HalfDay, Case::Upper, false, Mode::None),
    key("Q", Id::Quarter, Case::Upper, true, Mode::None),
    key("RM", Id::RomanMonth, Case::Upper, false, Mode::Gregorian),
    key("SSSSS", Id::SecondOfDay, Case::Upper, true, Mode::None),
    key("SSSS", Id::SecondOfDay, Case::Upper, true, Mode::None),
    key("SS", Id::Second, Case::Upper, true, Mode::None),
    key("TZH", Id::ZoneHour, Case::Upper, false, Mode::None),
    key("TZM", Id::ZoneMinute, Case::Upper, true, Mode::None),
    key("TZ", Id::Zone, Case::Upper, false, Mode::None),
    key("US", Id::Microsecond, Case::Upper, true, Mode::None),
    key("WW", Id::Week, Case::Upper, true, Mode::Gregorian),
    key("W", Id::WeekOfMonth, Case::Upper, true, Mode::Gregorian),
    key("Y,YYY", Id::YearComma, Case::Upper, true, Mode::Gregorian),
    key("YYYY", Id::Year(4), Case::Upper, true, Mode::Gregorian),
    key("YYY", Id::Year(3), Case::Upper, true, Mode::Gregorian),
    key("YY", Id::Year(2), Case::Upper, true, Mode::Gregorian),
    key("Y", Id::Year(1), Case::Upper, true, Mode::Gregorian),
    key("a.d.", Id::EraDots, Case::Lower, false, Mode::None),
    key("a.m.", Id::HalfDayDots, Case::Lower, false, Mode::None),
    key("ad", Id::Era, Case::Lower, false, Mode::None),
    key("am", Id::HalfDay, Case::Lower, false, Mode::None),
    key("b.c.", Id::EraDots, Case::Lower, false, Mode::None),
    key("bc", Id::Era, Case::Lower, false, Mode::None),
    key("cc", Id::Century, Case::Lower, true, Mode::None),
    key("day", Id::Weekday, Case::Lower, false, Mode::None),
    key("ddd", Id::DayOfYear, Case::Lower, true, Mode::Gregorian),
    key("dd", Id::Day, Case::Lower, true, Mode::Gregorian),
    key("dy", Id::WeekdayShort, Case::Lower, false, Mode::None),
    key("d", Id::WeekdayNumber, Case::Lower, true, Mode::Gregorian),
    key("ff1", Id::Decimals(1), Case::Lower, true, Mode::None),
    key("ff2", Id::Decimals(2), Case::Lower, true, Mode::None),
    key("ff3", Id::Decimals(3), Case::Lower, true, Mode::None),
    key("ff4", Id::Decimals(4), Case::Lower, true, Mode::None),
    key("ff5", Id::Decimals(5), Case::Lower, true, Mode::None),
    key("ff6", Id::Decimals(6), Case::Lower, true, Mode::None),
    key("fx", Id::Exact, Case::Lower, false, Mode::None),
    key("hh24", Id::Hour24, Case::Lower, true, Mode::None),
    key("hh12", Id::Hour12, Case::Lower, true, Mode::None),
    key("hh", Id::Hour12, Case::Lower, true, Mode::None),
    key("iddd", Id::IsoDayOfYear, Case::Lower, true, Mode::IsoWeek),
    key("id", Id::IsoWeekdayNumber, Case::Lower, true, Mode::IsoWeek),
    key("iw", Id::IsoWeek, Case::Lower, true, Mode::IsoWeek),
    key("iyyy", Id::IsoYear(4), Case::Lower, true, Mode::IsoWeek),
    key("iyy", Id::IsoYear(3), Case::Lower, true, Mode::IsoWeek),
    key("iy", Id::IsoYear(2), Case::Lower, true, Mode::IsoWeek),
    key("i", Id::IsoYear(1), Case::Lower, true, Mode::IsoWeek),
    key("j", Id::Julian, Case::Lower, true, Mode::None),
    key("mi", Id::Minute, Case::Lower, true, Mode::None),
    key("mm", Id::Month, Case::Lower, true, Mode::Gregorian),
    key("month", Id::MonthName, Case::Lower, false, Mode::Gregorian),
    key("mon", Id::MonthShort, Case::Lower, false, Mode::Gregorian),
    key("ms", Id::Millisecond, Case::Lower, true, Mode::None),
    key("of", Id::Offset, Case::Lower, false, Mode::None),
    key("p.m.", Id::HalfDayDots, Case::Lower, false, Mode::None),
    key("pm", Id::HalfDay, Case::Lower, false, Mode::None),
    key("q", Id::Quarter, Case::Lower, true, Mode::None),
    key("rm", Id::RomanMonth, Case::Lower, false, Mode::Gregorian),
    key("sssss", Id::SecondOfDay, Case::Lower, true, Mode::None),
    key("ssss", Id::SecondOfDay, Case::Lower, true, Mode::None),
    key("ss", Id::Second, Case::Lower, true, Mode::None),
    key("tzh", Id::ZoneHour, Case::Lower, false, Mode::None),
    key("tzm", Id::ZoneMinute, Case::Lower, true, Mode::None),
    key("tz", Id::Zone, Case::Lower, false, Mode::None),
    key("us", Id::Microsecond, Case::Lower, true, Mode::None),
    key("ww", Id::Week, Case::Lower, true, Mode::Gregorian),
    key("w", Id::WeekOfMonth, Case::Lower, true, Mode::Gregorian),
    key("y,yyy", Id::YearComma, Case::Lower, true, Mode::Gregorian),
    key("yyyy", Id::Year(4), Case::Lower, true, Mode::Gregorian),
    key("yyy", Id::Year(3), Case::Lower, true, Mode::Gregorian),
    key("yy", Id::Year(2), Case::Lower, true, Mode::Gregorian),
    key("y", Id::Year(1), Case::Lower, true, Mode::Gregorian),
];

const fn key(name: &'static str, id: Id, case: Case, is_digit: bool, mode: Mode) -> Key {
    Key { name, id, case, is_digit, mode }
}

pub fn parse(template: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    split(template, &mut nodes, |rest, nodes| Ok(push_character(rest, nodes))).expect("all characters are taken");
    nodes
}

/// For SQL/JSON, which has only some separators, and other text in quotes only.
pub fn parse_standard(template: &str) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    split(template, &mut nodes, |rest, nodes| match rest.chars().next() {
        Some(character) if !"-./,':; ".contains(character) => {
            let message = format!("invalid datetime format separator: \"{character}\"");
            Err(Error::new(sqlstate::INVALID_DATETIME_FORMAT, message))
        }
        _ => Ok(push_character(rest, nodes)),
    })?;
    Ok(nodes)
}

fn split(
    template: &str,
    nodes: &mut Vec<Node>,
    push_other: impl for<'a> Fn(&'a str, &mut Vec<Node>) -> Result<&'a str>,
) -> Result<()> {
    let mut rest = template;
    while !rest.is_empty() {
        let (mut fill, mut translated) = (false, false);
        if let Some(after) = rest.strip_prefix("FM").or(rest.strip_prefix("fm")) {
            (fill, rest) = (true, after);
        } else if let Some(after) = rest.strip_prefix("TM").or(rest.strip_prefix("tm")) {
            (translated, rest) = (true, after);
        }
        if let Some(key) = KEYS.iter().find(|key| rest.starts_with(key.name)) {
            rest = &rest[key.name.len()..];
            let ordinal = match rest.get(..2) {
                Some("TH") => Some(Case::Upper),
                Some("th") => Some(Case::Lower),
                _ => None,
            };
            // SP, spelled numbers, is accepted and does nothing.
            let skipped = if ordinal.is_some() || rest.starts_with("SP") { 2 } else { 0 };
            rest = &rest[skipped..];
            nodes.push(Node::Pattern(Pattern { key, fill, translated, ordinal }));
            continue;
        }
        rest = match rest.strip_prefix('"') {
            Some(quoted) => push_quoted(quoted, nodes),
            None => push_other(rest, nodes)?,
        };
    }
    Ok(())
}

/// Up to the closing quote; a backslash takes the next character as it is.
fn push_quoted<'a>(quoted: &'a str, nodes: &mut Vec<Node>) -> &'a str {
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => nodes.push(Node::Text(characters.next().unwrap_or('\\'))),
            other => nodes.push(Node::Text(other)),
        }
    }
    characters.as_str()
}

/// Outside of quotes a backslash only makes a quote a character.
fn push_character<'a>(rest: &'a str, nodes: &mut Vec<Node>) -> &'a str {
    let rest = if rest.starts_with("\\\"") { &rest[1..] } else { rest };
    let mut characters = rest.chars();
    if let Some(character) = characters.next() {
        nodes.push(match character {
            _ if is_separator(character) => Node::Separator(character),
            _ if is_space(character) => Node::Space(character),
            _ => Node::Text(character),
        });
    }
    characters.as_str()
}

/// Printed ASCII that is neither letter nor digit.
pub fn is_separator(character: char) -> bool {
    character.is_ascii_punctuation()
}

/// C's `isspace`.
pub fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}
