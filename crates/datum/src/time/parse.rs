//! Reads dates, times and timestamps in every notation that PostgreSQL reads: the second half, after
//! [`lexer`].
//!
//! Fields are taken from left to right; what a bare number means depends on what is there already and on the order of
//! DateStyle. A mask of the parts seen so far refuses what comes twice.

use super::abbreviations::{self, Meaning};
use super::calendar::{self, Civil, MICROS_PER_DAY, MICROS_PER_SECOND};
use super::digits::{Clock, decimals, fraction_of_second, integer, leading_decimals, offset, split_integer, wrapping};
use super::lexer::{self, Field, Kind};
use super::words::{self, Unit, Word};
use super::zone::Zone;
use crate::error::Error;
use crate::function::{DateOrder, Settings};
use crate::sqlstate;

/// Why a text is refused; the caller knows the text and the type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Format,
    FieldOverflow,
    /// Of a month or a day: perhaps DateStyle has another order than the text.
    MonthOrDay,
    IntervalOverflow,
    ZoneOverflow,
    UnknownZone(String),
}

impl Refusal {
    pub fn error(&self, text: &str, type_name: &str) -> Error {
        let (state, message) = match self {
            Refusal::Format => {
                (sqlstate::INVALID_DATETIME_FORMAT, format!("invalid input syntax for type {type_name}: \"{text}\""))
            }
            Refusal::FieldOverflow | Refusal::MonthOrDay => {
                (sqlstate::DATETIME_FIELD_OVERFLOW, format!("date/time field value out of range: \"{text}\""))
            }
            Refusal::IntervalOverflow => {
                (sqlstate::INTERVAL_FIELD_OVERFLOW, format!("interval field value out of range: \"{text}\""))
            }
            Refusal::ZoneOverflow => (
                sqlstate::INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
                format!("time zone displacement out of range: \"{text}\""),
            ),
            Refusal::UnknownZone(name) => return unknown_zone(name),
        };
        let error = Error::new(state, message);
        match self {
            Refusal::MonthOrDay => error.hint("Perhaps you need a different \"datestyle\" setting."),
            _ => error,
        }
    }
}

pub fn unknown_zone(name: &str) -> Error {
    Error::new(sqlstate::INVALID_PARAMETER_VALUE, format!("time zone \"{name}\" not recognized"))
}

pub type Parsed<T> = std::result::Result<T, Refusal>;

/// What the text of a date or a timestamp says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// With seconds east of UTC, from the text or from the session's zone.
    At(Civil, i32),
    Epoch,
    Infinity,
    MinusInfinity,
}

pub fn timestamp(text: &str, bytes_max: usize, settings: &Settings) -> Parsed<Moment> {
    if let Some((civil, east_seconds)) = plain_iso(text.as_bytes()) {
        let east_seconds = east_seconds.unwrap_or_else(|| civil.offset_in(&settings.zone));
        return Ok(Moment::At(civil, east_seconds));
    }
    let fields = lexer::fields(text, bytes_max).ok_or(Refusal::Format)?;
    Reader::new(&fields, settings).moment()
}

/// `2020-01-31`, `2020-01-31 12:34:56.789+01:00`: what programs send most, read without the rest of this file. None
/// if it is anything else, or out of range.
fn plain_iso(text: &[u8]) -> Option<(Civil, Option<i32>)> {
    fn number(digits: &[u8]) -> Option<i32> {
        digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i32::from(digit - b'0')))
    }
    let (date, rest) = text.split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?);
    if year == 0 || !(1..=12).contains(&month) || !(1..=calendar::days_in_month(year, month)).contains(&day) {
        return None;
    }
    let civil = Civil { year, month, day, ..Civil::default() };
    if rest.is_empty() {
        return Some((civil, None));
    }
    let (clock, rest) = rest.split_at_checked(9)?;
    let [b' ' | b'T', h1, h2, b':', m1, m2, b':', s1, s2] = *clock else { return None };
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let civil = Civil { hour, minute, second, ..civil };
    let decimals = match rest.first() {
        Some(b'.') => rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count(),
        _ => return Some((civil, plain_offset(rest)?)),
    };
    let (decimals, rest) = rest[1..].split_at(decimals);
    if !(1..=6).contains(&decimals.len()) {
        return None;
    }
    let micros = number(decimals)? * 10i32.pow(6 - decimals.len() as u32);
    Some((Civil { micros, ..civil }, plain_offset(rest)?))
}

/// Nothing, `Z`, `+01` or `-03:30`.
fn plain_offset(text: &[u8]) -> Option<Option<i32>> {
    match text {
        [] => Some(None),
        b"Z" => Some(Some(0)),
        [b'+' | b'-', ..] if matches!(text.len(), 3 | 6) => offset(std::str::from_utf8(text).ok()?).ok().map(Some),
        _ => None,
    }
}

/// A time of day, and seconds east of UTC.
pub fn time(text: &str, settings: &Settings) -> Parsed<(i64, i32)> {
    let fields = lexer::fields(text, lexer::DATE_BYTES_MAX).ok_or(Refusal::Format)?;
    Reader::new(&fields, settings).time_of_day()
}

/// Parts of a date and time, as bits of a mask.
mod part {
    pub const SPECIAL: u32 = 1;
    pub const MONTH: u32 = 1 << 1;
    pub const YEAR: u32 = 1 << 2;
    pub const DAY: u32 = 1 << 3;
    pub const ZONE: u32 = 1 << 4;
    pub const AMPM: u32 = 1 << 5;
    pub const WEEKDAY: u32 = 1 << 6;
    pub const ERA: u32 = 1 << 7;
    pub const DAY_OF_YEAR: u32 = 1 << 8;
    pub const DST: u32 = 1 << 9;
    /// Something that already means daylight saving: `EDT DST` is refused.
    pub const SUMMER: u32 = 1 << 10;
    /// Of a zone, with a history.
    pub const ABBREVIATION: u32 = 1 << 11;
    pub const HOUR: u32 = 1 << 12;
    pub const MINUTE: u32 = 1 << 13;
    pub const SECOND: u32 = 1 << 14;
    pub const DECIMALS: u32 = 1 << 15;
    pub const TIME: u32 = HOUR | MINUTE | SECOND | DECIMALS;
    pub const DATE: u32 = YEAR | MONTH | DAY;
}

/// What the field before a number said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Unit(Unit),
    Time,
}

/// The zone that the text names, of which the offset is only known when the date is.
enum NamedZone {
    Whole(Zone),
    Abbreviation(String, Zone),
}

struct Reader<'a> {
    fields: &'a [Field],
    settings: &'a Settings,
    civil: Civil,
    day_of_year: i32,
    seen: u32,
    two_digit_year: bool,
    julian: bool,
    before_christ: bool,
    text_month: bool,
    pm: Option<bool>,
    label: Option<Label>,
    east_seconds: i32,
    zone: Option<NamedZone>,
    special: Option<Word>,
}

impl<'a> Reader<'a> {
    fn new(fields: &'a [Field], settings: &'a Settings) -> Reader<'a> {
        Reader {
            fields,
            settings,
            civil: Civil::default(),
            day_of_year: 0,
            seen: 0,
            two_digit_year: false,
            julian: false,
            before_christ: false,
            text_month: false,
            pm: None,
            label: None,
            east_seconds: 0,
            zone: None,
            special: None,
        }
    }

    fn moment(mut self) -> Parsed<Moment> {
        for at in 0..self.fields.len() {
            let Field { kind, text } = &self.fields[at];
            let found = match kind {
                Kind::Date => self.date_or_zone(text)?,
                Kind::Time => {
                    self.expect_time()?;
                    self.clock(text)?;
                    if time_overflows(&self.civil) {
                        return Err(Refusal::FieldOverflow);
                    }
                    part::TIME
                }
                Kind::Zone => {
                    self.east_seconds = offset(text)?;
                    part::ZONE
                }
                Kind::Number => self.number(text)?,
                Kind::Word | Kind::SignedWord => match self.word(at, text)? {
                    Some(found) => found,
                    None => continue,
                },
            };
            if self.seen & found != 0 {
                return Err(Refusal::Format);
            }
            self.seen |= found;
        }
        self.validate()?;
        self.apply_half_day()?;
        match self.special {
            Some(Word::Epoch) => return Ok(Moment::Epoch),
            Some(Word::Infinity) => return Ok(Moment::Infinity),
            Some(Word::MinusInfinity) => return Ok(Moment::MinusInfinity),
            _ => {}
        }
        if self.seen & part::DATE != part::DATE {
            return Err(Refusal::Format);
        }
        let civil = self.civil;
        match self.zone.take() {
            Some(zone) => {
                if self.seen & part::DST != 0 {
                    return Err(Refusal::Format);
                }
                self.east_seconds = resolve(&zone, &civil);
            }
            None if self.seen & part::ZONE == 0 => {
                if self.seen & part::DST != 0 {
                    return Err(Refusal::Format);
                }
                self.east_seconds = civil.offset_in(&self.settings.zone);
            }
            None => {}
        }
        Ok(Moment::At(civil, self.east_seconds))
    }

    fn time_of_day(mut self) -> Parsed<(i64, i32)> {
        let last = self.fields.last().map(|field| field.kind);
        for at in 0..self.fields.len() {
            let Field { kind, text } = &self.fields[at];
            let found = match kind {
                Kind::Date if at == 0 && self.fields.len() >= 2 && self.begins_with_date(last) => {
                    date(text, &mut self)?
                }
                Kind::Date => self.time_with_offset(text)?,
                Kind::Time => {
                    self.clock(text)?;
                    part::TIME
                }
                Kind::Zone => {
                    self.east_seconds = offset(text)?;
                    part::ZONE
                }
                Kind::Number => self.time_number(at, text, last)?,
                Kind::Word | Kind::SignedWord => match self.time_word(at, text)? {
                    Some(found) => found,
                    None => continue,
                },
            };
            if self.seen & found != 0 {
                return Err(Refusal::Format);
            }
            self.seen |= found;
        }
        self.validate()?;
        self.apply_half_day()?;
        if time_overflows(&self.civil) {
            return Err(Refusal::FieldOverflow);
        }
        if !self.has_time() {
            return Err(Refusal::Format);
        }
        let east = self.offset_of_time()?;
        Ok((self.civil.time(), east))
    }

    /// A zone with daylight saving needs a date: the text's, or for the session's zone and abbreviations today.
    fn offset_of_time(&mut self) -> Parsed<i32> {
        let (has_date, has_dst) = (self.seen & part::DATE, self.seen & part::DST != 0);
        let on_day = |civil: Civil| {
            let today = today(self.settings);
            let dated = Civil { year: today.year, month: today.month, day: today.day, ..civil };
            if has_date == part::DATE { civil } else { dated }
        };
        match self.zone.take() {
            Some(_) if has_dst => Err(Refusal::Format),
            Some(NamedZone::Whole(zone)) => match zone.fixed_offset() {
                Some(east) => Ok(east),
                None if has_date == part::DATE => Ok(self.civil.offset_in(&zone)),
                None => Err(Refusal::Format),
            },
            None if self.seen & part::ZONE != 0 => Ok(self.east_seconds),
            None if has_dst => Err(Refusal::Format),
            _ if has_date != 0 && has_date != part::DATE => Err(Refusal::Format),
            Some(zone) => Ok(resolve(&zone, &on_day(self.civil))),
            None => Ok(on_day(self.civil).offset_in(&self.settings.zone)),
        }
    }

    /// A time may follow `t`, but no other label.
    fn expect_time(&mut self) -> Parsed<()> {
        match self.label.take() {
            None | Some(Label::Time) => Ok(()),
            Some(_) => Err(Refusal::Format),
        }
    }

    fn has_time(&self) -> bool {
        self.seen & part::TIME == part::TIME
    }

    fn begins_with_date(&self, last: Option<Kind>) -> bool {
        last == Some(Kind::Date) || self.kind(1) == Some(Kind::Time)
    }

    fn kind(&self, at: usize) -> Option<Kind> {
        self.fields.get(at).map(|field| field.kind)
    }

    /// With punctuation inside: a date, or once there is one the name of a zone, or digits of a time and an offset.
    fn date_or_zone(&mut self, text: &str) -> Parsed<u32> {
        if self.label == Some(Label::Unit(Unit::Julian)) {
            let (digits, rest) = split_integer(text);
            let day = integer(digits)?.filter(|day| *day >= 0).ok_or(Refusal::FieldOverflow)?;
            self.set_julian(day);
            self.east_seconds = offset(rest)?;
            self.label = None;
            return Ok(part::DATE | part::TIME | part::ZONE);
        }
        if self.label.is_none() && self.seen & (part::MONTH | part::DAY) != part::MONTH | part::DAY {
            return date(text, self);
        }
        if self.label.is_none() && !text.starts_with(|first: char| first.is_ascii_digit()) {
            return self.named_zone(text);
        }
        self.expect_time()?;
        if self.has_time() {
            return Err(Refusal::Format);
        }
        let (digits, zone) = text.split_at(text.find('-').ok_or(Refusal::Format)?);
        self.east_seconds = offset(zone)?;
        Ok(self.run_together(digits, self.seen)? | part::ZONE)
    }

    fn time_with_offset(&mut self, text: &str) -> Parsed<u32> {
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return self.named_zone(text);
        }
        if self.has_time() {
            return Err(Refusal::Format);
        }
        let (digits, zone) = text.split_at(text.find('-').ok_or(Refusal::Format)?);
        self.east_seconds = offset(zone)?;
        Ok(self.run_together(digits, self.seen | part::DATE)? | part::ZONE)
    }

    fn named_zone(&mut self, text: &str) -> Parsed<u32> {
        let zone = Zone::by_name(text).ok_or_else(|| Refusal::UnknownZone(text.to_owned()))?;
        self.zone = Some(NamedZone::Whole(zone));
        Ok(part::ZONE)
    }

    fn labelled_number(&mut self, label: Label, text: &str) -> Parsed<u32> {
        let (digits, rest) = split_integer(text);
        let value = integer(digits)?.ok_or(Refusal::FieldOverflow)?;
        if !rest.is_empty() && !rest.starts_with('.') {
            return Err(Refusal::Format);
        }
        let decimals_allowed = matches!(label, Label::Time | Label::Unit(Unit::Julian | Unit::Second));
        if !rest.is_empty() && !decimals_allowed {
            return Err(Refusal::Format);
        }
        let Label::Unit(unit) = label else {
            self.special = None;
            return match self.run_together(text, self.seen | part::DATE)? {
                part::TIME => Ok(part::TIME),
                _ => Err(Refusal::Format),
            };
        };
        let has = |part| self.seen & part != 0;
        let found = match unit {
            Unit::Julian if value < 0 => return Err(Refusal::FieldOverflow),
            Unit::Julian => {
                self.set_julian(value);
                if rest.is_empty() {
                    part::DATE
                } else {
                    let micros = (decimals(rest)? * MICROS_PER_DAY as f64).round_ties_even();
                    self.civil = self.civil.with_time(micros as i64);
                    part::DATE | part::TIME
                }
            }
            Unit::Year => {
                self.civil.year = value;
                part::YEAR
            }
            // With a month and an hour there, `m` is the minute.
            Unit::Month if has(part::MONTH) && has(part::HOUR) => {
                self.civil.minute = value;
                part::MINUTE
            }
            Unit::Month => {
                self.civil.month = value;
                part::MONTH
            }
            Unit::Day => {
                self.civil.day = value;
                part::DAY
            }
            Unit::Hour => {
                self.civil.hour = value;
                part::HOUR
            }
            Unit::Minute => {
                self.civil.minute = value;
                part::MINUTE
            }
            Unit::Second => {
                self.civil.second = value;
                if rest.is_empty() {
                    part::SECOND
                } else {
                    self.civil.micros = fraction_of_second(rest)?;
                    part::SECOND | part::DECIMALS
                }
            }
            _ => return Err(Refusal::Format),
        };
        self.special = None;
        Ok(found)
    }

    fn number(&mut self, text: &str) -> Parsed<u32> {
        if let Some(label) = self.label.take() {
            return self.labelled_number(label, text);
        }
        let has_date = self.seen & part::DATE;
        match text.find('.') {
            Some(_) if has_date == 0 => date(text, self),
            Some(point) if point > 2 => self.run_together(text, self.seen),
            _ if text.len() >= 6 && (has_date == 0 || self.seen & part::TIME == 0) => {
                self.run_together(text, self.seen)
            }
            _ => self.single_number(text, self.text_month, self.seen),
        }
    }

    fn time_number(&mut self, at: usize, text: &str, last: Option<Kind>) -> Parsed<u32> {
        if let Some(label) = self.label.take() {
            return self.labelled_number(label, text);
        }
        let as_if_dated = self.seen | part::DATE;
        match text.find('.') {
            Some(_) if at == 0 && self.fields.len() >= 2 && last == Some(Kind::Date) => date(text, self),
            Some(point) if point > 2 => self.run_together(text, as_if_dated),
            Some(_) => Err(Refusal::Format),
            None if text.len() > 4 => self.run_together(text, as_if_dated),
            None => self.single_number(text, false, as_if_dated),
        }
    }

    /// None if the word says nothing.
    fn word(&mut self, at: usize, text: &str) -> Parsed<Option<u32>> {
        if let Some(found) = self.abbreviation(text) {
            return Ok(Some(found));
        }
        let Some(word) = words::date_word(text) else {
            let zone = Zone::by_name(text).ok_or(Refusal::Format)?;
            self.zone = Some(NamedZone::Whole(zone));
            return Ok(Some(part::ZONE));
        };
        Ok(Some(match word {
            Word::Ignored => return Ok(None),
            Word::Now => {
                let zone = &self.settings.zone;
                (self.civil, self.east_seconds) = Civil::in_zone(self.settings.transaction_micros, zone);
                self.special = None;
                part::DATE | part::TIME | part::ZONE
            }
            Word::Today | Word::Tomorrow | Word::Yesterday => {
                let shift = i64::from(word == Word::Tomorrow) - i64::from(word == Word::Yesterday);
                let day = calendar::from_days(today(self.settings).days() + shift);
                (self.civil.year, self.civil.month, self.civil.day) = day;
                self.special = None;
                // As read from digits: a text month may still follow without harm, a second date may not.
                part::DATE
            }
            Word::Allballs => {
                self.civil = self.civil.with_time(0);
                self.east_seconds = 0;
                self.special = None;
                part::TIME | part::ZONE
            }
            Word::Epoch | Word::Infinity | Word::MinusInfinity => {
                self.special = Some(word);
                part::SPECIAL
            }
            Word::Month(month) => {
                // A number was taken for the month, and it was the day.
                let was_month = self.seen & part::MONTH != 0 && !self.text_month && self.seen & part::DAY == 0;
                let found = if was_month && (1..=31).contains(&self.civil.month) {
                    self.civil.day = self.civil.month;
                    part::DAY
                } else {
                    part::MONTH
                };
                self.text_month = true;
                self.civil.month = month;
                found
            }
            Word::TimeFollows if self.seen & part::DATE != part::DATE => return Err(Refusal::Format),
            Word::TimeFollows => self.time_follows(at)?,
            word => self.plain_word(word)?,
        }))
    }

    fn time_word(&mut self, at: usize, text: &str) -> Parsed<Option<u32>> {
        if let Some(found) = self.abbreviation(text) {
            return Ok(Some(found));
        }
        let Some(word) = words::date_word(text) else {
            let zone = Zone::by_name(text).ok_or(Refusal::Format)?;
            self.zone = Some(NamedZone::Whole(zone));
            return Ok(Some(part::ZONE));
        };
        Ok(Some(match word {
            Word::Ignored => return Ok(None),
            Word::Now => {
                let (now, _) = Civil::in_zone(self.settings.transaction_micros, &self.settings.zone);
                self.civil = Civil { year: self.civil.year, month: self.civil.month, day: self.civil.day, ..now };
                part::TIME
            }
            Word::Allballs => {
                self.civil = self.civil.with_time(0);
                self.east_seconds = 0;
                part::TIME | part::ZONE
            }
            Word::TimeFollows => self.time_follows(at)?,
            Word::Weekday(_) | Word::Month(_) | Word::Epoch | Word::Infinity | Word::MinusInfinity => {
                return Err(Refusal::Format);
            }
            word => self.plain_word(word)?,
        }))
    }

    /// Words that mean the same in a timestamp and in a time.
    fn plain_word(&mut self, word: Word) -> Parsed<u32> {
        Ok(match word {
            Word::Am | Word::Pm => {
                self.pm = Some(word == Word::Pm);
                part::AMPM
            }
            Word::Ad | Word::Bc => {
                self.before_christ = word == Word::Bc;
                part::ERA
            }
            Word::Weekday(_) => part::WEEKDAY,
            Word::Dst => {
                self.east_seconds += 3600;
                part::DST | part::SUMMER
            }
            Word::Unit(unit) => {
                self.label = Some(Label::Unit(unit));
                0
            }
            _ => return Err(Refusal::Format),
        })
    }

    /// `t`: only before something that may be a time.
    fn time_follows(&mut self, at: usize) -> Parsed<u32> {
        match self.kind(at + 1) {
            Some(Kind::Number | Kind::Time | Kind::Date) => {
                self.label = Some(Label::Time);
                Ok(0)
            }
            _ => Err(Refusal::Format),
        }
    }

    fn abbreviation(&mut self, text: &str) -> Option<u32> {
        match abbreviations::find(text)? {
            Meaning::Standard(east) => self.east_seconds = east,
            Meaning::Summer(east) => {
                self.east_seconds = east;
                return Some(part::ZONE | part::SUMMER);
            }
            Meaning::Of(zone) => {
                self.zone = Some(NamedZone::Abbreviation(text.to_owned(), Zone::by_name(zone)?));
                return Some(part::ZONE | part::ABBREVIATION);
            }
        }
        Some(part::ZONE)
    }

    /// `hh:mm`, `hh:mm:ss`, with decimals of a second; `mm:ss.ff` too.
    fn clock(&mut self, text: &str) -> Parsed<()> {
        let clock = Clock::parse(text, false)?;
        let hour = i32::try_from(clock.hour).map_err(|_| Refusal::FieldOverflow)?;
        self.civil = Civil { hour, minute: clock.minute, second: clock.second, micros: clock.micros, ..self.civil };
        Ok(())
    }

    fn set_julian(&mut self, day: i32) {
        (self.civil.year, self.civil.month, self.civil.day) = calendar::from_julian(i64::from(day));
        self.julian = true;
    }

    /// `yyyymmdd`, or with the date there `hhmmss` or `hhmm`.
    fn run_together(&mut self, text: &str, seen: u32) -> Parsed<u32> {
        let mut digits = text;
        if let Some(point) = text.find('.') {
            self.civil.micros = (leading_decimals(&text[point..]) * 1e6).round_ties_even() as i32;
            digits = &text[..point];
        } else if seen & part::DATE != part::DATE && text.len() >= 6 {
            let (year, month_day) = text.split_at(text.len() - 4);
            self.civil.year = wrapping(year);
            (self.civil.month, self.civil.day) = (wrapping(&month_day[..2]), wrapping(&month_day[2..]));
            self.two_digit_year |= year.len() == 2;
            return Ok(part::DATE);
        }
        if seen & part::TIME != part::TIME && matches!(digits.len(), 4 | 6) {
            self.civil.hour = wrapping(&digits[..2]);
            self.civil.minute = wrapping(&digits[2..4]);
            self.civil.second = wrapping(&digits[4..]);
            return Ok(part::TIME);
        }
        Err(Refusal::Format)
    }

    /// One number, whose meaning follows from what is there already.
    fn single_number(&mut self, text: &str, text_month: bool, seen: u32) -> Parsed<u32> {
        let (digits, rest) = split_integer(text);
        let value = integer(digits)?.ok_or(Refusal::FieldOverflow)?;
        if digits.is_empty() {
            return Err(Refusal::Format);
        }
        if rest.starts_with('.') {
            if digits.len() > 2 {
                return self.run_together(text, seen | part::DATE);
            }
            self.civil.micros = fraction_of_second(rest)?;
        } else if !rest.is_empty() {
            return Err(Refusal::Format);
        }
        let has = seen & part::DATE;
        if text.len() == 3 && has == part::YEAR && (1..=366).contains(&value) {
            self.day_of_year = value;
            return Ok(part::DAY_OF_YEAR | part::MONTH | part::DAY);
        }
        let order = self.settings.date_style.order;
        const YEAR_MONTH: u32 = part::YEAR | part::MONTH;
        const MONTH_DAY: u32 = part::MONTH | part::DAY;
        let found = match has {
            0 if text.len() >= 3 || order == DateOrder::Ymd => part::YEAR,
            0 if order == DateOrder::Dmy => part::DAY,
            0 => part::MONTH,
            part::YEAR => part::MONTH,
            part::MONTH if text_month && (text.len() >= 3 || order == DateOrder::Ymd) => part::YEAR,
            part::MONTH => part::DAY,
            YEAR_MONTH if text_month && text.len() >= 3 && self.two_digit_year => {
                // The first number was the day: dd-Mon-yyyy.
                self.civil.day = self.civil.year;
                self.civil.year = value;
                self.two_digit_year = false;
                return Ok(part::DAY);
            }
            YEAR_MONTH => part::DAY,
            part::DAY => part::MONTH,
            MONTH_DAY => part::YEAR,
            part::DATE => return self.run_together(text, seen),
            _ => return Err(Refusal::Format),
        };
        match found {
            part::YEAR => {
                self.civil.year = value;
                self.two_digit_year = text.len() <= 2;
            }
            part::MONTH => self.civil.month = value,
            _ => self.civil.day = value,
        }
        Ok(found)
    }

    fn validate(&mut self) -> Parsed<()> {
        let given = Given {
            mask: self.seen,
            julian: self.julian,
            two_digit_year: self.two_digit_year,
            before_christ: self.before_christ,
        };
        let day_of_year = (self.seen & part::DAY_OF_YEAR != 0).then_some(self.day_of_year);
        validate(&given, day_of_year, &mut self.civil)
    }

    fn apply_half_day(&mut self) -> Parsed<()> {
        let Some(pm) = self.pm else { return Ok(()) };
        let hour = &mut self.civil.hour;
        if *hour > 12 {
            return Err(Refusal::FieldOverflow);
        }
        match (pm, *hour) {
            (false, 12) => *hour = 0,
            (true, 0..12) => *hour += 12,
            _ => {}
        }
        Ok(())
    }
}

fn resolve(zone: &NamedZone, civil: &Civil) -> i32 {
    match zone {
        NamedZone::Whole(zone) => civil.offset_in(zone),
        NamedZone::Abbreviation(abbreviation, zone) => offset_of_abbreviation(abbreviation, zone, civil),
    }
}

/// What an abbreviation with a history meant then: as its zone used it, or else what its zone's clocks showed.
pub fn offset_of_abbreviation(abbreviation: &str, zone: &Zone, civil: &Civil) -> i32 {
    let east = civil.offset_in(zone);
    let utc = civil.micros().unwrap_or(0).saturating_sub(i64::from(east) * MICROS_PER_SECOND);
    zone.offset_of_abbreviation(abbreviation, utc).map_or(east, |local| local.east_seconds)
}

pub fn today(settings: &Settings) -> Civil {
    Civil::in_zone(settings.transaction_micros, &settings.zone).0
}

/// A date whose parts have punctuation between them.
fn date(text: &str, reader: &mut Reader) -> Parsed<u32> {
    let parts = date_parts(text)?;
    let mut seen = reader.seen;
    let mut found = 0;
    let mut text_month = false;
    let mut add = |part: u32, seen: &mut u32| {
        let twice = *seen & part != 0;
        *seen |= part;
        found |= part;
        if twice { Err(Refusal::Format) } else { Ok(()) }
    };
    for part in parts.iter().filter(|part| part.starts_with(|first: char| first.is_ascii_alphabetic())) {
        match words::date_word(part) {
            Some(Word::Month(month)) => {
                reader.civil.month = month;
                text_month = true;
                add(part::MONTH, &mut seen)?;
            }
            _ => return Err(Refusal::Format),
        }
    }
    for part in parts.iter().filter(|part| part.starts_with(|first: char| first.is_ascii_digit())) {
        let part = reader.single_number(part, text_month, seen)?;
        add(part, &mut seen)?;
    }
    if seen & !(part::DAY_OF_YEAR | part::ZONE) != part::DATE {
        return Err(Refusal::Format);
    }
    Ok(found)
}

/// Runs of digits and of letters; the one character after each is skipped whatever it is.
fn date_parts(text: &str) -> Parsed<Vec<&str>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let Some(first) = rest.chars().next() else { return Err(Refusal::Format) };
        let digits = first.is_ascii_digit();
        let goes_on = |c: char| if digits { c.is_ascii_digit() } else { c.is_ascii_alphabetic() };
        let end = rest.find(|c| !goes_on(c)).unwrap_or(rest.len());
        parts.push(&rest[..end]);
        rest = rest.get(end + 1..).unwrap_or("");
    }
    Ok(parts)
}

/// How the year was given, and which parts were.
pub struct Given {
    mask: u32,
    julian: bool,
    two_digit_year: bool,
    before_christ: bool,
}

impl Given {
    /// Numbers, with a year as people count it.
    pub fn date(before_christ: bool) -> Given {
        Given { mask: part::DATE, julian: false, two_digit_year: false, before_christ }
    }

    /// Parts of a date with an astronomical year.
    pub fn parts(year: bool, month: bool, day: bool) -> Given {
        let bit = |given, part| if given { part } else { 0 };
        let mask = bit(year, part::YEAR) | bit(month, part::MONTH) | bit(day, part::DAY);
        Given { mask, julian: true, two_digit_year: false, before_christ: false }
    }
}

/// Puts the year on the astronomical count and refuses months and days that the calendar hasn't.
pub fn validate(given: &Given, day_of_year: Option<i32>, civil: &mut Civil) -> Parsed<()> {
    if given.mask & part::YEAR != 0 && !given.julian {
        let year = civil.year;
        if year < 0 || (year == 0 && (given.before_christ || !given.two_digit_year)) {
            return Err(Refusal::FieldOverflow);
        }
        civil.year = match year {
            _ if given.before_christ => 1 - year,
            0..70 if given.two_digit_year => year + 2000,
            70..100 if given.two_digit_year => year + 1900,
            _ => year,
        };
    }
    if let Some(day) = day_of_year {
        let day = calendar::from_days(calendar::days(civil.year, 1, 1) + i64::from(day) - 1);
        (civil.year, civil.month, civil.day) = day;
    }
    let month_wrong = given.mask & part::MONTH != 0 && !(1..=12).contains(&civil.month);
    let day_wrong = given.mask & part::DAY != 0 && !(1..=31).contains(&civil.day);
    if month_wrong || day_wrong {
        return Err(Refusal::MonthOrDay);
    }
    if given.mask & part::DATE == part::DATE && civil.day > calendar::days_in_month(civil.year, civil.month) {
        return Err(Refusal::FieldOverflow);
    }
    Ok(())
}

/// Hours may be 24 and seconds 60, but not past the end of the day.
fn time_overflows(civil: &Civil) -> bool {
    let Civil { hour, minute, second, micros, .. } = *civil;
    let wrong = !(0..=24).contains(&hour) || !(0..=59).contains(&minute) || !(0..=60).contains(&second);
    wrong || !(0..=1_000_000).contains(&micros) || civil.time() > MICROS_PER_DAY
}
