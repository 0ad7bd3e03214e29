//! `to_date` and `to_timestamp`: a date and time out of a text, by a template.
//!
//! A template is matched leniently: spaces and separators need not be the same, nor as many, unless it has `FX`; what
//! stands in the place of other text is skipped.

use super::calendar::{self, Civil};
use super::digits::split_integer;
use super::parse::{self, Given, Refusal};
use super::template::{self, Id, Mode, Node, Pattern, is_separator, is_space};
use super::words::{MONTHS, WEEKDAYS};
use crate::error::{Error, Result};
use crate::sqlstate;

/// What a text says.
pub struct Read {
    pub civil: Civil,
    /// Seconds east of UTC, if it tells.
    pub east_seconds: Option<i32>,
    /// Of the second; none unless the template has `FF1` to `FF6`.
    pub precision: Option<i32>,
}

pub fn parse(text: &str, template: &str) -> Result<Read> {
    read(text, &template::parse(template), false)
}

/// As [`parse()`], but the text has to have what the template has, to the letter and to its end.
pub fn parse_standard(text: &str, template: &[Node]) -> Result<Read> {
    read(text, template, true)
}

fn read(text: &str, template: &[Node], standard: bool) -> Result<Read> {
    let mut reader = Reader { text, at: 0, fields: Fields::default(), standard };
    reader.read(template)?;
    let (civil, east_seconds) = reader.fields.assemble(text)?;
    Ok(Read { civil, east_seconds, precision: reader.fields.precision })
}

/// Zero is "not there", as in PostgreSQL; a field given twice must have the same value.
#[derive(Default)]
struct Fields {
    iso: Option<bool>,
    twelve_hours: bool,
    pm: i32,
    hour: i32,
    minute: i32,
    second: i32,
    second_of_day: i32,
    millis: i32,
    micros: i32,
    precision: Option<i32>,
    weekday: i32,
    day: i32,
    day_of_year: i32,
    month: i32,
    year: i32,
    /// Digits that the year's pattern has.
    year_digits: u8,
    before_christ: i32,
    century: i32,
    week: i32,
    week_of_month: i32,
    julian: i32,
    zone_sign: i32,
    zone_hour: i32,
    zone_minute: i32,
}

fn wrong(message: String) -> Error {
    Error::new(sqlstate::INVALID_DATETIME_FORMAT, message)
}

const NOT_FIXED_WIDTH: &str = "If your source string is not fixed-width, try using the \"FM\" modifier.";

struct Reader<'a> {
    text: &'a str,
    at: usize,
    fields: Fields,
    /// To the letter.
    standard: bool,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_character(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn skip_spaces(&mut self) -> i32 {
        let from = self.at;
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        (self.at - from) as i32
    }

    fn read(&mut self, nodes: &[Node]) -> Result<()> {
        let mut exact = self.standard;
        // How many more characters were skipped than the template has separators.
        let mut ahead = 0;
        for (at, node) in nodes.iter().enumerate() {
            if self.rest().is_empty() {
                if self.standard {
                    return Err(wrong("input string is too short for datetime format".to_owned()));
                }
                break;
            }
            let is_pattern = matches!(node, Node::Pattern(_));
            let is_exact = matches!(node, Node::Pattern(pattern) if pattern.key.id == Id::Exact);
            if !exact && !is_exact && (is_pattern || at == 0) {
                ahead += self.skip_spaces();
            }
            match node {
                Node::Space(wanted) | Node::Separator(wanted) if self.standard => self.literal(*wanted, "separator")?,
                Node::Text(wanted) if self.standard => self.literal(*wanted, "character")?,
                Node::Space(_) | Node::Separator(_) if exact => self.skip_character(),
                Node::Space(_) | Node::Separator(_) => {
                    ahead -= 1;
                    if self.peek().is_some_and(|c| is_space(c) || is_separator(c)) {
                        self.at += 1;
                        ahead += 1;
                    }
                }
                Node::Text(_) if !exact && ahead > 0 => ahead -= 1,
                Node::Text(_) => self.skip_character(),
                Node::Pattern(pattern) => {
                    self.set_mode(pattern.key.mode)?;
                    exact |= is_exact;
                    self.pattern(pattern, nodes.get(at + 1), ahead)?;
                    if !exact {
                        ahead = self.skip_spaces();
                    }
                }
            }
        }
        if self.standard {
            self.skip_spaces();
            if !self.rest().is_empty() {
                let message = "trailing characters remain in input string after datetime format";
                return Err(wrong(message.to_owned()));
            }
        }
        Ok(())
    }

    fn literal(&mut self, wanted: char, what: &str) -> Result<()> {
        if self.peek() != Some(wanted) {
            return Err(wrong(format!("unmatched format {what} \"{wanted}\"")));
        }
        self.skip_character();
        Ok(())
    }

    fn set_mode(&mut self, mode: Mode) -> Result<()> {
        let iso = match mode {
            Mode::None => return Ok(()),
            mode => mode == Mode::IsoWeek,
        };
        if *self.fields.iso.get_or_insert(iso) == iso {
            return Ok(());
        }
        let error = wrong("invalid combination of date conventions".to_owned());
        Err(error.hint("Do not mix Gregorian and ISO week date conventions in a formatting template."))
    }

    fn pattern(&mut self, pattern: &Pattern, next: Option<&Node>, ahead: i32) -> Result<()> {
        let name = pattern.key.name;
        let mut takes_ordinal = true;
        match pattern.key.id {
            Id::Exact => takes_ordinal = false,
            Id::HalfDay | Id::HalfDayDots => {
                let dots = pattern.key.id == Id::HalfDayDots;
                let found = self.word(if dots { &["a.m.", "p.m."] } else { &["am", "pm"] }, name)?;
                set(&mut self.fields.pm, found, name)?;
                self.fields.twelve_hours = true;
                takes_ordinal = false;
            }
            Id::Era | Id::EraDots => {
                let dots = pattern.key.id == Id::EraDots;
                let found = self.word(if dots { &["a.d.", "b.c."] } else { &["ad", "bc"] }, name)?;
                set(&mut self.fields.before_christ, found, name)?;
                takes_ordinal = false;
            }
            Id::Hour12 => {
                let (hour, _) = self.number(2, pattern, next)?;
                set(&mut self.fields.hour, hour, name)?;
                self.fields.twelve_hours = true;
            }
            Id::Hour24 => {
                let (hour, _) = self.number(2, pattern, next)?;
                set(&mut self.fields.hour, hour, name)?;
            }
            Id::Minute => self.number_into(pattern, next, |fields| &mut fields.minute)?,
            Id::Second => self.number_into(pattern, next, |fields| &mut fields.second)?,
            Id::SecondOfDay => self.number_into(pattern, next, |fields| &mut fields.second_of_day)?,
            Id::Millisecond => {
                let (value, length) = self.number(3, pattern, next)?;
                set(&mut self.fields.millis, value, name)?;
                self.fields.millis = scaled(value, 3, length);
            }
            Id::Microsecond => self.decimals(6, pattern, next)?,
            Id::Decimals(count) => {
                self.fields.precision = Some(i32::from(count));
                self.decimals(usize::from(count), pattern, next)?;
            }
            Id::Zone | Id::Offset => {
                let message = format!("formatting field \"{name}\" is only supported in to_char");
                return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message));
            }
            Id::ZoneHour => {
                self.fields.zone_sign = self.zone_sign(ahead);
                let (hour, _) = self.number(2, pattern, next)?;
                set(&mut self.fields.zone_hour, hour, name)?;
                takes_ordinal = false;
            }
            Id::ZoneMinute => {
                if self.fields.zone_sign == 0 {
                    self.fields.zone_sign = 1;
                }
                let (minute, _) = self.number(2, pattern, next)?;
                set(&mut self.fields.zone_minute, minute, name)?;
                takes_ordinal = false;
            }
            Id::MonthName => {
                let found = self.word(&MONTHS, name)?;
                set(&mut self.fields.month, found + 1, name)?;
                takes_ordinal = false;
            }
            Id::MonthShort => {
                let found = self.word(&MONTHS.map(|month| &month[..3]), name)?;
                set(&mut self.fields.month, found + 1, name)?;
                takes_ordinal = false;
            }
            Id::RomanMonth => {
                const LONGEST_FIRST: [&str; 12] =
                    ["xii", "xi", "x", "ix", "viii", "vii", "vi", "v", "iv", "iii", "ii", "i"];
                let found = self.word(&LONGEST_FIRST, name)?;
                set(&mut self.fields.month, 12 - found, name)?;
                takes_ordinal = false;
            }
            Id::Month => self.number_into(pattern, next, |fields| &mut fields.month)?,
            Id::Weekday => {
                let found = self.word(&WEEKDAYS, name)?;
                set(&mut self.fields.weekday, found, name)?;
                self.fields.weekday += 1;
                takes_ordinal = false;
            }
            Id::WeekdayShort => {
                let found = self.word(&WEEKDAYS.map(|day| &day[..3]), name)?;
                set(&mut self.fields.weekday, found, name)?;
                self.fields.weekday += 1;
                takes_ordinal = false;
            }
            Id::WeekdayNumber => self.number_into(pattern, next, |fields| &mut fields.weekday)?,
            Id::IsoWeekdayNumber => {
                let (day, _) = self.number(1, pattern, next)?;
                set(&mut self.fields.weekday, day, name)?;
                // From Monday = 1 to Sunday = 1.
                self.fields.weekday = if day >= 7 { 1 } else { day + 1 };
            }
            Id::DayOfYear => self.number_into(pattern, next, |fields| &mut fields.day_of_year)?,
            Id::IsoDayOfYear => {
                let (day, _) = self.number(3, pattern, next)?;
                set(&mut self.fields.day_of_year, day, name)?;
            }
            Id::Day => self.number_into(pattern, next, |fields| &mut fields.day)?,
            Id::Week | Id::IsoWeek => self.number_into(pattern, next, |fields| &mut fields.week)?,
            Id::WeekOfMonth => self.number_into(pattern, next, |fields| &mut fields.week_of_month)?,
            // Read and not used: it doesn't tell a date, and a month may stand beside it.
            Id::Quarter => {
                self.number(1, pattern, next)?;
            }
            Id::Century => self.number_into(pattern, next, |fields| &mut fields.century)?,
            Id::Julian => self.number_into(pattern, next, |fields| &mut fields.julian)?,
            Id::YearComma => self.year_with_comma(name)?,
            Id::Year(digits) | Id::IsoYear(digits) => {
                let (value, length) = self.number(usize::from(digits), pattern, next)?;
                set(&mut self.fields.year, value, name)?;
                self.fields.year = if digits < 4 && length < 4 { near_2020(value) } else { value };
                self.fields.year_digits = digits;
            }
        }
        if takes_ordinal && pattern.ordinal.is_some() {
            self.skip_character();
            self.skip_character();
        }
        Ok(())
    }

    fn number_into(
        &mut self,
        pattern: &Pattern,
        next: Option<&Node>,
        field: fn(&mut Fields) -> &mut i32,
    ) -> Result<()> {
        let (value, _) = self.number(pattern.key.name.len(), pattern, next)?;
        set(field(&mut self.fields), value, pattern.key.name)
    }

    fn decimals(&mut self, width: usize, pattern: &Pattern, next: Option<&Node>) -> Result<()> {
        let (value, length) = self.number(width, pattern, next)?;
        set(&mut self.fields.micros, value, pattern.key.name)?;
        self.fields.micros = scaled(value, 6, length);
        Ok(())
    }

    /// An integer of `width` characters, or as long as it goes if nothing that follows could be part of it. With how
    /// many characters it took.
    fn number(&mut self, width: usize, pattern: &Pattern, next: Option<&Node>) -> Result<(i32, usize)> {
        let name = pattern.key.name;
        let from = self.at;
        self.skip_spaces();
        let open = pattern.fill || pattern.ordinal.is_some() || ends_number(next);
        let value = if open {
            // Leading spaces may precede the sign here too.
            let (number, used) = leading_integer(self.rest());
            self.at += used;
            number
        } else {
            let rest = self.rest();
            if rest.len() < width {
                let error = wrong(format!("source string too short for \"{name}\" formatting field"));
                let detail = format!("Field requires {width} characters, but only {} remain.", rest.len());
                return Err(error.detail(detail).hint(NOT_FIXED_WIDTH));
            }
            let copy = String::from_utf8_lossy(&rest.as_bytes()[..width]).into_owned();
            let (number, used) = leading_integer(&copy);
            if used > 0 && used < width {
                let error = wrong(format!("invalid value \"{copy}\" for \"{name}\""));
                let detail = format!("Field requires {width} characters, but only {used} could be parsed.");
                return Err(error.detail(detail).hint(NOT_FIXED_WIDTH));
            }
            self.at += used;
            number
        };
        // PostgreSQL takes nothing after spaces for 0, if it had to stop at a width.
        let value = match value {
            Number::None if !open && self.at > from => Number::Value(0),
            value => value,
        };
        if self.at == from || matches!(value, Number::None) {
            let copy = truncated(self.rest(), width);
            let error = wrong(format!("invalid value \"{copy}\" for \"{name}\""));
            return Err(error.detail("Value must be an integer."));
        }
        match value {
            Number::Value(value) => Ok((value, self.at - from)),
            _ => {
                let message = format!("value for \"{name}\" in source string is out of range");
                let detail = format!("Value must be in the range {} to {}.", i32::MIN, i32::MAX);
                Err(Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, message).detail(detail))
            }
        }
    }

    /// The first of the words that stands there, in any case.
    fn word(&mut self, words: &[&str], name: &str) -> Result<i32> {
        let rest = self.rest().as_bytes();
        let stands =
            |word: &&str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
        if let Some(at) = words.iter().position(stands) {
            self.at += words[at].len();
            return Ok(at as i32);
        }
        let copy = self.rest().split(is_space).next().unwrap_or("");
        let error = wrong(format!("invalid value \"{copy}\" for \"{name}\""));
        Err(error.detail("The given value did not match any of the allowed values for this field."))
    }

    /// A minus may have been skipped as a separator.
    fn zone_sign(&mut self, ahead: i32) -> i32 {
        match self.peek() {
            Some(sign @ ('+' | '-' | ' ')) => {
                self.at += 1;
                if sign == '-' { -1 } else { 1 }
            }
            _ if ahead > 0 && self.text[..self.at].ends_with('-') => -1,
            _ => 1,
        }
    }

    fn year_with_comma(&mut self, name: &str) -> Result<()> {
        let refused = || wrong("invalid input string for \"Y,YYY\"".to_owned());
        let (Number::Value(thousands), used) = leading_integer(self.rest()) else { return Err(refused()) };
        let after = self.rest()[used..].strip_prefix(',').ok_or_else(refused)?;
        let spaces = after.len() - after.trim_start_matches(is_space).len();
        // Three characters at most, as scanf's %03d reads.
        let (Number::Value(years), length) = leading_integer(truncated(&after[spaces..], 3)) else {
            return Err(refused());
        };
        let year = thousands.checked_mul(1000).and_then(|thousands| thousands.checked_add(years));
        set(&mut self.fields.year, year.ok_or_else(refused)?, name)?;
        self.fields.year_digits = 4;
        self.at += used + 1 + spaces + length;
        Ok(())
    }
}

enum Number {
    None,
    TooLarge,
    Value(i32),
}

/// As C's `strtol`: spaces, a sign, digits. With the bytes they take.
fn leading_integer(text: &str) -> (Number, usize) {
    let spaces = text.bytes().take_while(|byte| is_space(char::from(*byte))).count();
    let (digits, _) = split_integer(&text[spaces..]);
    if digits.is_empty() {
        return (Number::None, 0);
    }
    (digits.parse().map_or(Number::TooLarge, Number::Value), spaces + digits.len())
}

fn truncated(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Whether what follows in the template can't be part of a number.
fn ends_number(next: Option<&Node>) -> bool {
    match next {
        None => true,
        Some(Node::Pattern(pattern)) => !pattern.key.is_digit,
        Some(Node::Space(character) | Node::Separator(character) | Node::Text(character)) => {
            !character.is_ascii_digit()
        }
    }
}

fn set(field: &mut i32, value: i32, name: &str) -> Result<()> {
    if *field != 0 && *field != value {
        let error = wrong(format!("conflicting values for \"{name}\" field in formatting string"));
        return Err(error.detail("This value contradicts a previous setting for the same field type."));
    }
    *field = value;
    Ok(())
}

/// `25` of three decimals is 250.
fn scaled(value: i32, width: usize, length: usize) -> i32 {
    value.saturating_mul(10i32.pow(width.saturating_sub(length) as u32))
}

/// The year nearest 2020 that ends so.
fn near_2020(year: i32) -> i32 {
    match year {
        ..70 => year + 2000,
        70..100 => year + 1900,
        100..520 => year + 2000,
        520..1000 => year + 1000,
        _ => year,
    }
}

impl Fields {
    fn assemble(&self, text: &str) -> Result<(Civil, Option<i32>)> {
        let overflow = || Refusal::FieldOverflow.error(text, "timestamp");
        let mut civil = Civil { month: 1, day: 1, ..Civil::default() };
        self.time(&mut civil)?;
        let (mut has_year, mut has_month, mut has_day) = (false, false, false);
        if let Some(year) = self.astronomical_year() {
            civil.year = i32::try_from(year).map_err(|_| overflow())?;
            has_year = true;
        }
        let mut set_date = |civil: &mut Civil, days: i64| {
            (civil.year, civil.month, civil.day) = calendar::from_days(days);
            (has_year, has_month, has_day) = (true, true, true);
        };
        if self.julian != 0 {
            set_date(&mut civil, i64::from(self.julian) - calendar::EPOCH_JULIAN);
        }
        let mut day_of_year = self.day_of_year;
        if self.week != 0 && self.iso == Some(true) {
            // From Sunday = 1 to Monday = 0; without a day it is the week's Monday.
            let into_week = match self.weekday {
                0 => 0,
                1 => 6,
                day => i64::from(day) - 2,
            };
            let monday = calendar::iso_week_start(civil.year, self.week);
            set_date(&mut civil, monday + into_week);
        } else if self.week != 0 {
            day_of_year = first_day_of_week(self.week);
        }
        let mut day = self.day;
        if self.week_of_month != 0 {
            day = first_day_of_week(self.week_of_month);
        }
        if day != 0 {
            (civil.day, has_day) = (day, true);
        }
        if self.month != 0 {
            (civil.month, has_month) = (self.month, true);
        }
        if day_of_year != 0 && (civil.month <= 1 || civil.day <= 1) {
            if civil.year == 0 && self.before_christ == 0 {
                return Err(wrong("cannot calculate day of year without year information".to_owned()));
            }
            if self.iso == Some(true) {
                let days = calendar::iso_week_start(civil.year, 1) + i64::from(day_of_year) - 1;
                (civil.year, civil.month, civil.day) = calendar::from_days(days);
                has_year = true;
            } else {
                let (month, day) = month_and_day(civil.year, day_of_year);
                if civil.month <= 1 {
                    civil.month = month;
                }
                if civil.day <= 1 {
                    civil.day = day;
                }
            }
            (has_month, has_day) = (true, true);
        }
        let micros = i64::from(self.millis) * 1000 + i64::from(self.micros);
        let given = Given::parts(has_year, has_month, has_day);
        parse::validate(&given, None, &mut civil).map_err(|_| overflow())?;
        let time_wrong = !(0..24).contains(&civil.hour)
            || !(0..60).contains(&civil.minute)
            || !(0..60).contains(&civil.second)
            || !(0..1_000_000).contains(&micros);
        if time_wrong {
            return Err(overflow());
        }
        civil.micros = micros as i32;
        Ok((civil, self.zone(text)?))
    }

    fn time(&self, civil: &mut Civil) -> Result<()> {
        if self.second_of_day != 0 {
            let seconds = self.second_of_day;
            (civil.hour, civil.minute, civil.second) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
        }
        let given = |value: i32, default: i32| if value != 0 { value } else { default };
        civil.second = given(self.second, civil.second);
        civil.minute = given(self.minute, civil.minute);
        civil.hour = given(self.hour, civil.hour);
        if self.twelve_hours {
            if !(1..=12).contains(&civil.hour) {
                let error = wrong(format!("hour \"{}\" is invalid for the 12-hour clock", civil.hour));
                return Err(error.hint("Use the 24-hour clock, or give an hour between 1 and 12."));
            }
            civil.hour = civil.hour % 12 + if self.pm != 0 { 12 } else { 0 };
        }
        Ok(())
    }

    /// From the year's digits and the century; none if neither is there.
    fn astronomical_year(&self) -> Option<i64> {
        let bc = self.before_christ != 0;
        let century = i64::from(self.century) * if bc { -1 } else { 1 };
        let year = i64::from(self.year);
        Some(match (self.year, self.century) {
            (0, 0) => return None,
            (0, _) if century >= 0 => (century - 1) * 100 + 1,
            (0, _) => century * 100 + 1,
            // The 21st century runs from 2001 to 2100, the 6th before Christ from 600 to 501.
            (_, given) if given != 0 && self.year_digits <= 2 => match year % 100 {
                0 => century * 100 + i64::from(century < 0),
                year if century >= 0 => year + (century - 1) * 100,
                year => (century + 1) * 100 - year + 1,
            },
            _ => {
                let signed = if bc { -year } else { year };
                signed + i64::from(signed < 0)
            }
        })
    }

    fn zone(&self, text: &str) -> Result<Option<i32>> {
        if self.zone_sign == 0 {
            return Ok(None);
        }
        if !(0..=15).contains(&self.zone_hour) || !(0..60).contains(&self.zone_minute) {
            return Err(Refusal::ZoneOverflow.error(text, "timestamp"));
        }
        Ok(Some(self.zone_sign * (self.zone_hour * 60 + self.zone_minute) * 60))
    }
}

/// A week that is far too large becomes some day that is refused, in PostgreSQL too.
fn first_day_of_week(week: i32) -> i32 {
    week.wrapping_sub(1).wrapping_mul(7).wrapping_add(1)
}

/// A day beyond the year's last makes a month 13, which is refused.
fn month_and_day(year: i32, day_of_year: i32) -> (i32, i32) {
    let mut day = day_of_year;
    for month in 1..=12 {
        let length = calendar::days_in_month(year, month);
        if day <= length {
            return (month, day);
        }
        day -= length;
    }
    (13, day)
}
