//! `to_char`: a timestamp or an interval by a template.

use std::fmt::Write;

use super::calendar::{self, Civil};
use super::interval::Interval;
use super::template::{self, Case, Id, Node, Pattern};
use super::words::{MONTHS, WEEKDAYS};
use super::zone::Local;
use crate::error::{Error, Result};
use crate::sqlstate;

/// What is printed.
struct Shown<'a> {
    year: i32,
    month: i32,
    day: i32,
    hour: i64,
    minute: i32,
    second: i32,
    micros: i32,
    /// Of a timestamp the true one; of an interval its rough length in days.
    day_of_year: i32,
    is_interval: bool,
    zone: Option<&'a Local<'a>>,
}

/// A timestamp; with the zone whose clocks show it.
pub fn timestamp(civil: &Civil, zone: Option<&Local>, template: &str) -> Result<String> {
    let shown = Shown {
        year: civil.year,
        month: civil.month,
        day: civil.day,
        hour: i64::from(civil.hour),
        minute: civil.minute,
        second: civil.second,
        micros: civil.micros,
        day_of_year: calendar::day_of_year(civil),
        is_interval: false,
        zone,
    };
    shown.print(template)
}

pub fn interval(interval: &Interval, template: &str) -> Result<String> {
    let parts = interval.parts();
    let days = i64::from(interval.months) * 30 + i64::from(parts.days);
    let shown = Shown {
        year: parts.years,
        month: parts.months,
        day: parts.days,
        hour: parts.hours,
        minute: parts.minutes,
        second: parts.seconds,
        micros: parts.micros,
        day_of_year: days as i32,
        is_interval: true,
        zone: None,
    };
    shown.print(template)
}

const ROMAN_MONTHS: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// With zeros up to a width, not counting a sign.
fn push_number(out: &mut String, pattern: &Pattern, width: usize, value: i64) {
    let start = out.len();
    let width = match (pattern.fill, value < 0) {
        (true, _) => 0,
        (false, negative) => width + usize::from(negative),
    };
    push(out, format_args!("{value:0width$}"));
    push_ordinal(out, pattern, start);
}

fn push(out: &mut String, arguments: std::fmt::Arguments) {
    out.write_fmt(arguments).expect("writing to a string can't fail");
}

/// `st`, `nd`, `rd`, `th` after the number that begins at `start`.
fn push_ordinal(out: &mut String, pattern: &Pattern, start: usize) {
    let Some(case) = pattern.ordinal else { return };
    let digits = &out.as_bytes()[start..];
    let teen = digits.len() > 1 && digits[digits.len() - 2] == b'1';
    let ending = match digits.last() {
        Some(b'1') if !teen => "st",
        Some(b'2') if !teen => "nd",
        Some(b'3') if !teen => "rd",
        _ => "th",
    };
    match case {
        Case::Upper => out.push_str(&ending.to_ascii_uppercase()),
        _ => out.push_str(ending),
    }
}

fn push_word(out: &mut String, word: &str, case: Case) {
    match case {
        Case::Upper => out.extend(word.chars().map(|c| c.to_ascii_uppercase())),
        Case::Lower => out.extend(word.chars().map(|c| c.to_ascii_lowercase())),
        Case::Capital => out.push_str(word),
    }
}

/// Padded with spaces, unless `FM` or `TM` says not to.
fn push_padded_word(out: &mut String, word: &str, width: usize, pattern: &Pattern) {
    push_word(out, word, pattern.key.case);
    if !pattern.fill && !pattern.translated {
        out.extend(std::iter::repeat_n(' ', width.saturating_sub(word.len())));
    }
}

impl Shown<'_> {
    fn print(&self, template: &str) -> Result<String> {
        let mut out = String::with_capacity(template.len() * 2);
        for node in template::parse(template) {
            match node {
                Node::Pattern(pattern) => self.push(&pattern, &mut out)?,
                Node::Space(character) | Node::Separator(character) | Node::Text(character) => out.push(character),
            }
        }
        Ok(out)
    }

    fn push(&self, pattern: &Pattern, out: &mut String) -> Result<()> {
        let case = pattern.key.case;
        if self.is_interval && needs_date(pattern.key.id) {
            let error =
                Error::new(sqlstate::INVALID_DATETIME_FORMAT, "invalid format specification for an interval value");
            return Err(error.hint("Intervals are not tied to specific calendar dates."));
        }
        let mut number = |width: usize, value: i64| push_number(out, pattern, width, value);
        match pattern.key.id {
            Id::Exact => {}
            Id::HalfDay | Id::HalfDayDots => {
                let pm = self.hour % 24 >= 12;
                let dots = pattern.key.id == Id::HalfDayDots;
                push_word(out, ["AM", "A.M.", "PM", "P.M."][usize::from(pm) * 2 + usize::from(dots)], case);
            }
            Id::Era | Id::EraDots => {
                let bc = self.year <= 0;
                let dots = pattern.key.id == Id::EraDots;
                push_word(out, ["AD", "A.D.", "BC", "B.C."][usize::from(bc) * 2 + usize::from(dots)], case);
            }
            Id::Hour12 => {
                let width = 2 + usize::from(self.hour < 0 && self.hour % 12 == 0);
                let hour = if self.hour % 12 == 0 { 12 } else { self.hour % 12 };
                number(width, hour);
            }
            Id::Hour24 => number(2, self.hour),
            Id::Minute => number(2, i64::from(self.minute)),
            Id::Second => number(2, i64::from(self.second)),
            Id::SecondOfDay => {
                let seconds = self.hour * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
                let start = out.len();
                push(out, format_args!("{seconds}"));
                push_ordinal(out, pattern, start);
            }
            Id::Decimals(count) => {
                let value = self.micros / 10i32.pow(6 - u32::from(count));
                push_fixed(out, pattern, usize::from(count), value);
            }
            Id::Millisecond => push_fixed(out, pattern, 3, self.micros / 1000),
            Id::Microsecond => push_fixed(out, pattern, 6, self.micros),
            Id::Zone => {
                if let Some(local) = self.zone {
                    push_word(out, &local.abbreviation, if case == Case::Lower { case } else { Case::Capital });
                }
            }
            Id::ZoneHour => push(out, format_args!("{}{:02}", self.sign(), self.offset() / 3600)),
            Id::ZoneMinute => push(out, format_args!("{:02}", self.offset() / 60 % 60)),
            Id::Offset => {
                let width = if pattern.fill { 0 } else { 2 };
                push(out, format_args!("{}{:0width$}", self.sign(), self.offset() / 3600));
                if self.offset() % 3600 != 0 {
                    push(out, format_args!(":{:02}", self.offset() / 60 % 60));
                }
            }
            Id::MonthName | Id::MonthShort => {
                let Some(name) = usize::try_from(self.month - 1).ok().and_then(|month| MONTHS.get(month)) else {
                    return Ok(());
                };
                match pattern.key.id {
                    Id::MonthName => push_padded_word(out, name, 9, pattern),
                    _ => push_word(out, &name[..3], case),
                }
            }
            Id::Month => number(2, i64::from(self.month)),
            Id::Weekday => push_padded_word(out, WEEKDAYS[self.weekday()], 9, pattern),
            Id::WeekdayShort => push_word(out, &WEEKDAYS[self.weekday()][..3], case),
            Id::WeekdayNumber => number(1, self.weekday() as i64 + 1),
            Id::IsoWeekdayNumber => number(1, if self.weekday() == 0 { 7 } else { self.weekday() as i64 }),
            Id::DayOfYear => number(self.width(3, self.day_of_year), i64::from(self.day_of_year)),
            Id::IsoDayOfYear => number(3, i64::from(calendar::iso_day_of_year(self.days()))),
            Id::Day => number(self.width(2, self.day), i64::from(self.day)),
            Id::Week => {
                let week = (self.day_of_year - 1) / 7 + 1;
                number(self.width(2, week), i64::from(week));
            }
            Id::IsoWeek => number(2, i64::from(calendar::iso_week(self.days()).1)),
            Id::WeekOfMonth => number(1, i64::from((self.day - 1) / 7 + 1)),
            Id::Quarter => {
                if self.month != 0 {
                    number(1, i64::from((self.month - 1) / 3 + 1));
                }
            }
            Id::Century => {
                let century = match self.year {
                    year if self.is_interval => year / 100,
                    year if year > 0 => (year - 1) / 100 + 1,
                    year => year / 100 - 1,
                };
                number(if (-99..=99).contains(&century) { 2 } else { 1 }, i64::from(century));
            }
            Id::YearComma => {
                let year = self.counted(self.year);
                let start = out.len();
                push(out, format_args!("{},{:03}", year / 1000, year % 1000));
                push_ordinal(out, pattern, start);
            }
            Id::Year(digits) => self.push_year(self.year, digits, pattern, out),
            Id::IsoYear(digits) => self.push_year(calendar::iso_week(self.days()).0, digits, pattern, out),
            Id::RomanMonth => {
                // An interval's negative months count from the end of the year.
                let month = match self.month {
                    0 if self.year == 0 => return Ok(()),
                    0 if self.year > 0 => 11,
                    0 => 0,
                    month if month < 0 => (12 + month) as usize,
                    month => (month - 1) as usize,
                };
                push_padded_word(out, ROMAN_MONTHS[month], 4, &Pattern { translated: false, ..*pattern });
            }
            Id::Julian => number(1, calendar::julian(self.year, self.month, self.day)),
        }
        Ok(())
    }

    fn push_year(&self, year: i32, digits: u8, pattern: &Pattern, out: &mut String) {
        let year = i64::from(self.counted(year));
        let shown = if digits == 4 { year } else { year % 10i64.pow(u32::from(digits)) };
        // The sign has its place if the calendar year has one, also for an ISO year.
        let width = match digits {
            1 => 1,
            _ if pattern.fill => 0,
            _ => usize::from(digits) + usize::from(self.counted(self.year) < 0),
        };
        let start = out.len();
        push(out, format_args!("{shown:0width$}"));
        push_ordinal(out, pattern, start);
    }

    /// Years before Christ are counted upwards; those of an interval are what they are.
    fn counted(&self, year: i32) -> i32 {
        if self.is_interval || year > 0 { year } else { 1 - year }
    }

    /// PostgreSQL gives the sign of these no place of its own.
    fn width(&self, width: usize, value: i32) -> usize {
        if value < 0 { width - 1 } else { width }
    }

    fn days(&self) -> i64 {
        calendar::days(self.year, self.month, self.day)
    }

    fn weekday(&self) -> usize {
        calendar::weekday(self.days()) as usize
    }

    fn east_seconds(&self) -> i32 {
        self.zone.map_or(0, |local| local.east_seconds)
    }

    fn sign(&self) -> char {
        if self.east_seconds() < 0 { '-' } else { '+' }
    }

    fn offset(&self) -> i32 {
        self.east_seconds().abs()
    }
}

/// Decimals: always of this width; `FM` doesn't change them.
fn push_fixed(out: &mut String, pattern: &Pattern, width: usize, value: i32) {
    let start = out.len();
    push(out, format_args!("{value:0width$}"));
    push_ordinal(out, pattern, start);
}

fn needs_date(id: Id) -> bool {
    matches!(
        id,
        Id::Era
            | Id::EraDots
            | Id::MonthName
            | Id::MonthShort
            | Id::Weekday
            | Id::WeekdayShort
            | Id::WeekdayNumber
            | Id::IsoWeekdayNumber
            | Id::Zone
            | Id::ZoneHour
            | Id::ZoneMinute
            | Id::Offset
    )
}
