//! Spans of time: months, days and microseconds, each counted for itself, because a month has no fixed number of days
//! and a day no fixed number of hours.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::calendar::{
    MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND, interval_out_of_range, round_micros,
};
use super::words::Unit;
use crate::error::{Error, Result};
use crate::sqlstate;

pub const DAYS_PER_MONTH: i32 = 30;

#[derive(Clone, Copy, Debug)]
pub struct Interval {
    pub micros: i64,
    pub days: i32,
    pub months: i32,
}

impl Interval {
    pub const ZERO: Interval = Interval { micros: 0, days: 0, months: 0 };

    pub fn of_micros(micros: i64) -> Interval {
        Interval { micros, ..Interval::ZERO }
    }

    /// With months of 30 days and days of 24 hours, as comparison sees it: one month equals thirty days.
    pub fn span(&self) -> i128 {
        let days = i64::from(self.months) * i64::from(DAYS_PER_MONTH) + i64::from(self.days);
        i128::from(days) * i128::from(MICROS_PER_DAY) + i128::from(self.micros)
    }

    /// All fields the same, not only as long.
    pub fn is_identical(&self, other: &Interval) -> bool {
        (self.months, self.days, self.micros) == (other.months, other.days, other.micros)
    }

    pub fn checked_neg(&self) -> Result<Interval> {
        Interval::ZERO.checked_sub(self)
    }

    pub fn checked_add(&self, other: &Interval) -> Result<Interval> {
        Interval::checked(
            self.months.checked_add(other.months),
            self.days.checked_add(other.days),
            self.micros.checked_add(other.micros),
        )
    }

    pub fn checked_sub(&self, other: &Interval) -> Result<Interval> {
        Interval::checked(
            self.months.checked_sub(other.months),
            self.days.checked_sub(other.days),
            self.micros.checked_sub(other.micros),
        )
    }

    fn checked(months: Option<i32>, days: Option<i32>, micros: Option<i64>) -> Result<Interval> {
        match (months, days, micros) {
            (Some(months), Some(days), Some(micros)) => Ok(Interval { months, days, micros }),
            _ => Err(interval_out_of_range()),
        }
    }

    pub fn checked_mul(&self, factor: f64) -> Result<Interval> {
        self.scaled(|field| field * factor)
    }

    pub fn checked_div(&self, divisor: f64) -> Result<Interval> {
        if divisor == 0.0 {
            return Err(Error::division_by_zero());
        }
        self.scaled(|field| field / divisor)
    }

    /// What is no whole month goes to the days, what is no whole day to the time. Days are rounded to microseconds on
    /// the way, so that a third of a month is ten days in spite of binary fractions.
    fn scaled(&self, scale: impl Fn(f64) -> f64) -> Result<Interval> {
        const SECONDS_PER_DAY: f64 = 86_400.0;
        let to_micros = |days: f64| (days * 1e6).round_ties_even() / 1e6;
        let (exact_months, exact_days) = (scale(f64::from(self.months)), scale(f64::from(self.days)));
        let (months, mut days) = (whole(exact_months)?, whole(exact_days)?);
        let month_days = to_micros((exact_months - f64::from(months)) * f64::from(DAYS_PER_MONTH));
        let mut seconds = to_micros((exact_days - f64::from(days) + month_days - month_days.trunc()) * SECONDS_PER_DAY);
        if seconds.abs() >= SECONDS_PER_DAY {
            let over = (seconds / SECONDS_PER_DAY).trunc();
            days = days.checked_add(over as i32).ok_or_else(interval_out_of_range)?;
            seconds -= over * SECONDS_PER_DAY;
        }
        let days = days.checked_add(month_days as i32).ok_or_else(interval_out_of_range)?;
        let micros = (scale(self.micros as f64) + seconds * 1e6).round_ties_even();
        if !fits_i64(micros) {
            return Err(interval_out_of_range());
        }
        Ok(Interval { months, days, micros: micros as i64 })
    }

    /// Whole days out of the time.
    pub fn justify_hours(self) -> Result<Interval> {
        let days = self.days.checked_add((self.micros / MICROS_PER_DAY) as i32).ok_or_else(interval_out_of_range)?;
        Ok(Interval { days, micros: self.micros % MICROS_PER_DAY, ..self }.level_days())
    }

    /// Whole months out of the days.
    pub fn justify_days(self) -> Result<Interval> {
        let months = self.months.checked_add(self.days / DAYS_PER_MONTH).ok_or_else(interval_out_of_range)?;
        let mut days = self.days % DAYS_PER_MONTH;
        let mut months = months;
        if months > 0 && days < 0 {
            (months, days) = (months - 1, days + DAYS_PER_MONTH);
        } else if months < 0 && days > 0 {
            (months, days) = (months + 1, days - DAYS_PER_MONTH);
        }
        Ok(Interval { months, days, ..self })
    }

    /// Both, and one sign for all.
    pub fn justify(self) -> Result<Interval> {
        let all_days = i64::from(self.days) + self.micros / MICROS_PER_DAY;
        let micros = self.micros % MICROS_PER_DAY;
        let months = i64::from(self.months) + all_days / i64::from(DAYS_PER_MONTH);
        let mut months = i32::try_from(months).map_err(|_| interval_out_of_range())?;
        let mut days = (all_days % i64::from(DAYS_PER_MONTH)) as i32;
        if months > 0 && (days < 0 || (days == 0 && micros < 0)) {
            (months, days) = (months - 1, days + DAYS_PER_MONTH);
        } else if months < 0 && (days > 0 || (days == 0 && micros > 0)) {
            (months, days) = (months + 1, days - DAYS_PER_MONTH);
        }
        Ok(Interval { months, days, micros }.level_days())
    }

    /// Days and time of one sign.
    fn level_days(self) -> Interval {
        let Interval { days, micros, .. } = self;
        if days > 0 && micros < 0 {
            Interval { days: days - 1, micros: micros + MICROS_PER_DAY, ..self }
        } else if days < 0 && micros > 0 {
            Interval { days: days + 1, micros: micros - MICROS_PER_DAY, ..self }
        } else {
            self
        }
    }

    pub fn parts(&self) -> Parts {
        let micros = self.micros;
        Parts {
            years: self.months / 12,
            months: self.months % 12,
            days: self.days,
            hours: micros / MICROS_PER_HOUR,
            minutes: (micros / MICROS_PER_MINUTE % 60) as i32,
            seconds: (micros / MICROS_PER_SECOND % 60) as i32,
            micros: (micros % MICROS_PER_SECOND) as i32,
        }
    }

    /// Cuts off what is smaller than a unit; none for a unit that intervals can't be cut to.
    pub fn truncated(&self, unit: Unit) -> Option<Interval> {
        let months = |count: i32| Some(Interval { months: self.months / count * count, days: 0, micros: 0 });
        let micros = |count: i64| Some(Interval { micros: self.micros / count * count, ..*self });
        match unit {
            Unit::Millennium => months(12_000),
            Unit::Century => months(1200),
            Unit::Decade => months(120),
            Unit::Year => months(12),
            Unit::Quarter => months(3),
            Unit::Month => months(1),
            Unit::Day => Some(Interval { micros: 0, ..*self }),
            Unit::Hour => micros(MICROS_PER_HOUR),
            Unit::Minute => micros(MICROS_PER_MINUTE),
            Unit::Second => micros(MICROS_PER_SECOND),
            Unit::Millisecond => micros(1000),
            Unit::Microsecond => Some(*self),
            _ => None,
        }
    }

    /// As a column of `interval day to minute`, `interval second(2)` keeps it.
    pub fn limited(self, modifier: Modifier) -> Result<Interval> {
        let Some(smallest) = modifier.smallest() else { return self.rounded(modifier.precision) };
        let cut = self.truncated(smallest).unwrap_or(self);
        cut.rounded(modifier.precision)
    }

    fn rounded(self, precision: Option<i32>) -> Result<Interval> {
        let Some(precision) = precision else { return Ok(self) };
        if !(0..=6).contains(&precision) {
            let message = format!("interval({precision}) precision must be between 0 and 6");
            return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
        }
        let micros = round_micros(self.micros, precision).ok_or_else(interval_out_of_range)?;
        Ok(Interval { micros, ..self })
    }

    /// Bytes whose order is the order of the values: first how long, then the fields, so that the same value is read
    /// back although `1 month` and `30 days` are equal.
    ///
    /// ```text
    /// span in microseconds, sign turned   10 bytes: it takes 73 bits
    /// months, sign turned                  4 bytes
    /// days, sign turned                    4 bytes
    /// ```
    pub fn encode_key(&self, out: &mut Vec<u8>) {
        let span = (self.span() + SPAN_BIAS).to_be_bytes();
        out.extend_from_slice(&span[16 - SPAN_BYTES..]);
        out.extend_from_slice(&flip(self.months).to_be_bytes());
        out.extend_from_slice(&flip(self.days).to_be_bytes());
    }

    /// Takes one value off the front.
    pub fn decode_key(input: &mut &[u8]) -> Result<Interval> {
        let damaged = || Error::new(sqlstate::DATA_CORRUPTED, "the key of an interval is damaged");
        let (span, rest) = input.split_first_chunk::<SPAN_BYTES>().ok_or_else(damaged)?;
        let (months, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (days, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let mut wide = [0; 16];
        wide[16 - SPAN_BYTES..].copy_from_slice(span);
        let span = i128::from_be_bytes(wide) - SPAN_BIAS;
        let field = |bytes: &[u8; 4]| flip(i32::from_be_bytes(*bytes));
        let dated = Interval { months: field(months), days: field(days), micros: 0 };
        let micros = i64::try_from(span - dated.span()).map_err(|_| damaged())?;
        *input = rest;
        Ok(Interval { micros, ..dated })
    }
}

const SPAN_BYTES: usize = 10;
const SPAN_BIAS: i128 = 1 << 79;

/// Turns the sign bit, so that negative numbers come first.
fn flip(value: i32) -> i32 {
    value ^ i32::MIN
}

fn whole(value: f64) -> Result<i32> {
    if value.is_nan() || value > f64::from(i32::MAX) || value < f64::from(i32::MIN) {
        return Err(interval_out_of_range());
    }
    Ok(value as i32)
}

/// NaN doesn't.
pub fn fits_i64(value: f64) -> bool {
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value)
}

/// An interval as it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    pub years: i32,
    pub months: i32,
    pub days: i32,
    pub hours: i64,
    pub minutes: i32,
    pub seconds: i32,
    pub micros: i32,
}

/// The modifier of an interval type: which fields, how many decimals of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modifier {
    /// A bit for each field as PostgreSQL numbers them; none for all.
    pub fields: Option<i32>,
    pub precision: Option<i32>,
}

impl Modifier {
    pub const MONTH: i32 = 1 << 1;
    pub const YEAR: i32 = 1 << 2;
    pub const DAY: i32 = 1 << 3;
    pub const HOUR: i32 = 1 << 10;
    pub const MINUTE: i32 = 1 << 11;
    pub const SECOND: i32 = 1 << 12;
    pub const ALL_FIELDS: i32 = 0x7FFF;
    pub const FULL_PRECISION: i32 = 0xFFFF;

    pub fn of(modifier: i32) -> Modifier {
        if modifier < 0 {
            return Modifier { fields: None, precision: None };
        }
        let (fields, precision) = (modifier >> 16 & Modifier::ALL_FIELDS, modifier & 0xFFFF);
        Modifier {
            fields: Some(fields).filter(|fields| *fields != Modifier::ALL_FIELDS),
            precision: Some(precision).filter(|precision| *precision != Modifier::FULL_PRECISION),
        }
    }

    /// As pg_attribute keeps it.
    pub fn encoded(&self) -> i32 {
        if self.fields.is_none() && self.precision.is_none() {
            return -1;
        }
        self.fields.unwrap_or(Modifier::ALL_FIELDS) << 16 | self.precision.unwrap_or(Modifier::FULL_PRECISION)
    }

    /// None unless the fields are among those that SQL has: a unit, or neighbours in order.
    pub fn field_names(fields: i32) -> Option<&'static str> {
        const NAMES: [(i32, &str); 13] = [
            (Modifier::YEAR, " year"),
            (Modifier::MONTH, " month"),
            (Modifier::DAY, " day"),
            (Modifier::HOUR, " hour"),
            (Modifier::MINUTE, " minute"),
            (Modifier::SECOND, " second"),
            (Modifier::YEAR | Modifier::MONTH, " year to month"),
            (Modifier::DAY | Modifier::HOUR, " day to hour"),
            (Modifier::DAY | Modifier::HOUR | Modifier::MINUTE, " day to minute"),
            (Modifier::DAY | Modifier::HOUR | Modifier::MINUTE | Modifier::SECOND, " day to second"),
            (Modifier::HOUR | Modifier::MINUTE, " hour to minute"),
            (Modifier::HOUR | Modifier::MINUTE | Modifier::SECOND, " hour to second"),
            (Modifier::MINUTE | Modifier::SECOND, " minute to second"),
        ];
        NAMES.iter().find(|(known, _)| *known == fields).map(|(_, name)| *name)
    }

    /// The last field: what is smaller is cut off, and a number without a unit counts these. None for all fields.
    pub fn smallest(&self) -> Option<Unit> {
        let fields = self.fields?;
        let has = |field| fields & field != 0;
        Some(if has(Modifier::SECOND) {
            Unit::Microsecond
        } else if has(Modifier::MINUTE) {
            Unit::Minute
        } else if has(Modifier::HOUR) {
            Unit::Hour
        } else if has(Modifier::DAY) {
            Unit::Day
        } else if has(Modifier::MONTH) {
            Unit::Month
        } else {
            Unit::Year
        })
    }

    pub fn is_minute_to_second(&self) -> bool {
        self.fields == Some(Modifier::MINUTE | Modifier::SECOND)
    }
}

impl PartialEq for Interval {
    fn eq(&self, other: &Interval) -> bool {
        self.span() == other.span()
    }
}

impl Eq for Interval {}

impl Ord for Interval {
    fn cmp(&self, other: &Interval) -> Ordering {
        self.span().cmp(&other.span())
    }
}

impl PartialOrd for Interval {
    fn partial_cmp(&self, other: &Interval) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Interval {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.span().hash(state);
    }
}
