//! Reads intervals: PostgreSQL's own notation, the SQL standard's and ISO 8601's.

use super::calendar::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND};
use super::digits::{Clock, decimals, split_integer};
use super::interval::{DAYS_PER_MONTH, Interval, Modifier};
use super::lexer::{self, Field, Kind};
use super::parse::{Parsed, Refusal};
use super::words::{self, IntervalWord, Unit};
use crate::function::IntervalStyle;

/// None if the fields are right and their sum is beyond an interval.
pub fn interval(text: &str, modifier: Modifier, style: IntervalStyle) -> Parsed<Option<Interval>> {
    let fields = lexer::fields(text, lexer::INTERVAL_BYTES_MAX).ok_or(Refusal::Format);
    let parsed = fields.and_then(|fields| by_units(&fields, modifier, style));
    let parsed = match parsed {
        Err(Refusal::Format) => iso_8601(text),
        other => other,
    };
    match parsed {
        Ok(sum) => Ok(sum.interval()),
        Err(Refusal::FieldOverflow) => Err(Refusal::IntervalOverflow),
        Err(refusal) => Err(refusal),
    }
}

/// The parts so far; years apart, because that is how PostgreSQL tells what overflows.
#[derive(Default)]
struct Sum {
    years: i32,
    months: i32,
    days: i32,
    micros: i64,
}

impl Sum {
    fn interval(&self) -> Option<Interval> {
        let months = i64::from(self.years) * 12 + i64::from(self.months);
        Some(Interval { months: i32::try_from(months).ok()?, days: self.days, micros: self.micros })
    }

    /// A number of some unit; none if it doesn't fit. Fractions go to the smaller units: of a year to months, of a
    /// month and a week to days and time, of a day to time.
    fn add(&mut self, number: Number, unit: Unit) -> Option<()> {
        match unit {
            Unit::Microsecond => self.add_micros(number, 1),
            Unit::Millisecond => self.add_micros(number, 1000),
            Unit::Second => self.add_micros(number, MICROS_PER_SECOND),
            Unit::Minute => self.add_micros(number, MICROS_PER_MINUTE),
            Unit::Hour => self.add_micros(number, MICROS_PER_HOUR),
            Unit::Day => {
                self.add_days(number.whole, 1)?;
                self.add_fraction(number.fraction, MICROS_PER_DAY)
            }
            Unit::Week => {
                self.add_days(number.whole, 7)?;
                self.add_fraction_of_days(number.fraction, 7)
            }
            Unit::Month => {
                self.months = self.months.checked_add(i32::try_from(number.whole).ok()?)?;
                self.add_fraction_of_days(number.fraction, DAYS_PER_MONTH)
            }
            Unit::Year => self.add_years(number, 1),
            Unit::Decade => self.add_years(number, 10),
            Unit::Century => self.add_years(number, 100),
            Unit::Millennium => self.add_years(number, 1000),
            _ => None,
        }
    }

    fn add_micros(&mut self, number: Number, scale: i64) -> Option<()> {
        self.micros = self.micros.checked_add(number.whole.checked_mul(scale)?)?;
        self.add_fraction(number.fraction, scale)
    }

    fn add_fraction(&mut self, fraction: f64, scale: i64) -> Option<()> {
        let micros = fraction * scale as f64;
        let whole = micros as i64;
        let rest = micros - whole as f64;
        let rounded = whole + i64::from(rest > 0.5) - i64::from(rest < -0.5);
        self.micros = self.micros.checked_add(rounded)?;
        Some(())
    }

    fn add_days(&mut self, count: i64, scale: i32) -> Option<()> {
        self.days = self.days.checked_add(i32::try_from(count).ok()?.checked_mul(scale)?)?;
        Some(())
    }

    fn add_fraction_of_days(&mut self, fraction: f64, scale: i32) -> Option<()> {
        let days = fraction * f64::from(scale);
        self.days = self.days.checked_add(days as i32)?;
        self.add_fraction(days - days.trunc(), MICROS_PER_DAY)
    }

    fn add_years(&mut self, number: Number, scale: i32) -> Option<()> {
        self.years = self.years.checked_add(i32::try_from(number.whole).ok()?.checked_mul(scale)?)?;
        let months = (number.fraction * f64::from(scale) * 12.0).round_ties_even();
        self.months = self.months.checked_add(months as i32)?;
        Some(())
    }

    fn negate(&mut self) -> Option<()> {
        self.years = self.years.checked_neg()?;
        self.months = self.months.checked_neg()?;
        self.days = self.days.checked_neg()?;
        self.micros = self.micros.checked_neg()?;
        Some(())
    }
}

/// Both parts have the number's sign.
#[derive(Clone, Copy)]
struct Number {
    whole: i64,
    fraction: f64,
}

impl Number {
    fn whole(whole: i64) -> Number {
        Number { whole, fraction: 0.0 }
    }
}

/// `1 year 2 mons`, `1-2 3 4:05:06`, `3 days ago`: from right to left, because units follow their numbers.
fn by_units(fields: &[Field], modifier: Modifier, style: IntervalStyle) -> Parsed<Sum> {
    let signed = |field: &Field| field.text.starts_with(['+', '-']);
    // The standard's leading sign holds for all fields, unless another shows that each has its own.
    let negative = style == IntervalStyle::SqlStandard
        && fields.first().is_some_and(|field| field.text.starts_with('-'))
        && !fields[1..].iter().any(signed);
    let mut reader = UnitReader { sum: Sum::default(), unit: None, seen: 0, negative, modifier };
    let mut ago = false;
    for field in fields.iter().rev() {
        match field.kind {
            Kind::Time => reader.clock(&field.text, false)?,
            Kind::Zone => {
                // A signed time, or else a signed number.
                let is_time = field.text[1..].contains(':');
                if !is_time || reader.clock(&field.text[1..], field.text.starts_with('-')).is_err() {
                    reader.number(&field.text)?;
                }
            }
            Kind::Date | Kind::Number => reader.number(&field.text)?,
            Kind::Word | Kind::SignedWord => match words::interval_word(&field.text).ok_or(Refusal::Format)? {
                IntervalWord::Ignored => {}
                IntervalWord::Unit(unit) => reader.unit = Some(unit),
                IntervalWord::Ago => {
                    ago = true;
                    // A number right before it lacks its unit; this one is refused.
                    reader.unit = Some(Unit::Zone);
                }
            },
        }
    }
    if reader.seen == 0 {
        return Err(Refusal::Format);
    }
    if ago {
        reader.sum.negate().ok_or(Refusal::FieldOverflow)?;
    }
    Ok(reader.sum)
}

struct UnitReader {
    sum: Sum,
    /// Of the number to the left.
    unit: Option<Unit>,
    seen: u32,
    negative: bool,
    modifier: Modifier,
}

fn bit(unit: Unit) -> u32 {
    1 << unit as u32
}

fn seconds() -> u32 {
    bit(Unit::Second) | bit(Unit::Millisecond) | bit(Unit::Microsecond)
}

impl UnitReader {
    fn see(&mut self, parts: u32) -> Parsed<()> {
        if self.seen & parts != 0 {
            return Err(Refusal::Format);
        }
        self.seen |= parts;
        Ok(())
    }

    fn clock(&mut self, text: &str, minus: bool) -> Parsed<()> {
        let clock = Clock::parse(text, self.modifier.is_minute_to_second())?;
        let small = i64::from(clock.minute) * MICROS_PER_MINUTE
            + i64::from(clock.second) * MICROS_PER_SECOND
            + i64::from(clock.micros);
        let micros = clock.hour.checked_mul(MICROS_PER_HOUR).and_then(|hours| hours.checked_add(small));
        let micros = micros.ok_or(Refusal::FieldOverflow)?;
        // A time replaces what came from fractions to its right, as in PostgreSQL.
        self.sum.micros = if minus || self.negative { -micros } else { micros };
        self.unit = Some(Unit::Day);
        self.see(bit(Unit::Hour) | bit(Unit::Minute) | seconds())
    }

    fn number(&mut self, text: &str) -> Parsed<()> {
        let unit = self.unit.unwrap_or(match self.modifier.smallest() {
            None | Some(Unit::Microsecond) => Unit::Second,
            Some(unit) => unit,
        });
        let minus = text.starts_with('-');
        let (digits, rest) = split_integer(text);
        let whole = match digits {
            "" => 0,
            digits => digits.parse::<i64>().map_err(|_| Refusal::FieldOverflow)?,
        };
        let mut number = Number::whole(whole);
        let mut unit = unit;
        if let Some(months) = rest.strip_prefix('-') {
            // The standard's years-months.
            let (digits, after) = split_integer(months);
            let months =
                digits.parse::<i64>().or(if digits.is_empty() { Ok(0) } else { Err(Refusal::FieldOverflow) })?;
            if !(0..12).contains(&months) {
                return Err(Refusal::FieldOverflow);
            }
            if !after.is_empty() {
                return Err(Refusal::Format);
            }
            let months = if minus { -months } else { months };
            let all = whole.checked_mul(12).and_then(|years| years.checked_add(months));
            number = Number::whole(all.ok_or(Refusal::FieldOverflow)?);
            unit = Unit::Month;
        } else if rest.starts_with('.') {
            let fraction = decimals(rest)?;
            number.fraction = if minus { -fraction } else { fraction };
        } else if !rest.is_empty() {
            return Err(Refusal::Format);
        }
        if self.negative {
            number.whole = if number.whole > 0 { -number.whole } else { number.whole };
            number.fraction = -number.fraction.abs();
        }
        let parts = match unit {
            Unit::Second if number.fraction != 0.0 => seconds(),
            unit => bit(unit),
        };
        if matches!(unit, Unit::Quarter | Unit::Zone | Unit::ZoneHour | Unit::ZoneMinute) {
            return Err(Refusal::Format);
        }
        self.sum.add(number, unit).ok_or(Refusal::FieldOverflow)?;
        // The unit stays for further numbers, except that days stand to the left of hours.
        self.unit = Some(if unit == Unit::Hour { Unit::Day } else { unit });
        self.see(parts)
    }
}

/// `P1Y2M3DT4H5M6S`, `P1-2-3T4:5:6`, `P00010203T040506`.
fn iso_8601(text: &str) -> Parsed<Sum> {
    let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty()).ok_or(Refusal::Format)?;
    let mut sum = Sum::default();
    let (mut in_date, mut has_field) = (true, false);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            (in_date, has_field, rest) = (false, false, after);
            continue;
        }
        let start = rest;
        let number = iso_number(&mut rest)?;
        let letter = rest.as_bytes().first().copied();
        // A letter names the unit; without one this is the alternative form, which takes all up to `T` or the end.
        let unit = match (in_date, letter) {
            (true, Some(b'Y')) => Unit::Year,
            (true, Some(b'M')) => Unit::Month,
            (true, Some(b'W')) => Unit::Week,
            (true, Some(b'D')) => Unit::Day,
            (false, Some(b'H')) => Unit::Hour,
            (false, Some(b'M')) => Unit::Minute,
            (false, Some(b'S')) => Unit::Second,
            (true, None | Some(b'T' | b'-')) => {
                iso_alternative_date(&mut sum, number, start, &mut rest, has_field)?;
                has_field = false;
                continue;
            }
            (false, None | Some(b':')) => {
                iso_alternative_time(&mut sum, number, start, &mut rest, has_field)?;
                return Ok(sum);
            }
            _ => return Err(Refusal::Format),
        };
        sum.add(number, unit).ok_or(Refusal::FieldOverflow)?;
        rest = &rest[1..];
        has_field = true;
    }
    Ok(sum)
}

/// `-` before and after a month, or eight digits; `rest` is left at `T` or the end.
fn iso_alternative_date(sum: &mut Sum, first: Number, start: &str, rest: &mut &str, has_field: bool) -> Parsed<()> {
    let mut add = |number, unit| sum.add(number, unit).ok_or(Refusal::FieldOverflow);
    if !rest.starts_with('-') && integer_width(start) == 8 && !has_field {
        add(Number::whole(first.whole / 10_000), Unit::Year)?;
        add(Number::whole(first.whole / 100 % 100), Unit::Month)?;
        return add(Number { whole: first.whole % 100, fraction: first.fraction }, Unit::Day);
    }
    if has_field {
        return Err(Refusal::Format);
    }
    add(first, Unit::Year)?;
    for unit in [Unit::Month, Unit::Day] {
        match rest.strip_prefix('-') {
            Some(after) => *rest = after,
            None => break,
        }
        add(iso_number(rest)?, unit)?;
    }
    if rest.is_empty() || rest.starts_with('T') { Ok(()) } else { Err(Refusal::Format) }
}

fn iso_alternative_time(sum: &mut Sum, first: Number, start: &str, rest: &mut &str, has_field: bool) -> Parsed<()> {
    let mut add = |number, unit| sum.add(number, unit).ok_or(Refusal::FieldOverflow);
    if rest.is_empty() && integer_width(start) == 6 && !has_field {
        add(Number::whole(first.whole / 10_000), Unit::Hour)?;
        add(Number::whole(first.whole / 100 % 100), Unit::Minute)?;
        add(Number::whole(first.whole % 100), Unit::Second)?;
        // PostgreSQL takes a fraction here for one of a microsecond.
        return add(Number { whole: 0, fraction: first.fraction }, Unit::Microsecond);
    }
    if has_field {
        return Err(Refusal::Format);
    }
    add(first, Unit::Hour)?;
    for unit in [Unit::Minute, Unit::Second] {
        match rest.strip_prefix(':') {
            Some(after) => *rest = after,
            None => break,
        }
        add(iso_number(rest)?, unit)?;
    }
    if rest.is_empty() { Ok(()) } else { Err(Refusal::Format) }
}

fn integer_width(text: &str) -> usize {
    text.trim_start_matches('-').bytes().take_while(u8::is_ascii_digit).count()
}

/// As C's `strtod` reads it, exponent included.
fn iso_number(rest: &mut &str) -> Parsed<Number> {
    const MAX: f64 = 1e15;
    let bytes = rest.as_bytes();
    if !bytes.first().is_some_and(|first| first.is_ascii_digit() || matches!(first, b'-' | b'.')) {
        return Err(Refusal::Format);
    }
    let digits_from = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = usize::from(bytes[0] == b'-');
    let before_point = digits_from(end);
    end += before_point;
    let mut after_point = 0;
    if bytes.get(end) == Some(&b'.') {
        after_point = digits_from(end + 1);
        end += 1 + after_point;
    }
    if before_point + after_point == 0 {
        return Err(Refusal::Format);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits_from((end + 1 + sign).min(bytes.len()));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    let (number, after) = rest.split_at(end);
    *rest = after;
    let value = number.parse::<f64>().map_err(|_| Refusal::Format)?;
    if value.abs() > MAX {
        return Err(Refusal::FieldOverflow);
    }
    Ok(Number { whole: value.trunc() as i64, fraction: value - value.trunc() })
}
