//! Single fields of a date, a time or an interval (`extract`, `date_part`), and cutting off what is smaller than a
//! field (`date_trunc`, `date_bin`).

use super::calendar::{
    self, Civil, EPOCH_JULIAN, MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND, MINUS_INFINITY,
    UNIX_EPOCH_MICROS, checked_timestamp, is_infinite,
};
use super::interval::Interval;
use super::timetz::TimeTz;
use super::words::{self, Unit, Word};
use super::zone::Zone;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::Settings;
use crate::io::Form;
use crate::{oid, sqlstate};

/// A field's value. `extract` gives it as a numeric and `date_part` as a float, which are computed differently and so
/// may differ in their last digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A field of an infinity that goes around, such as its hour.
    Null,
    Infinity,
    MinusInfinity,
    Integer(i64),
    Decimal {
        unscaled: i128,
        scale: u32,
        float: f64,
    },
}

impl Value {
    fn infinity(negative: bool) -> Value {
        if negative { Value::MinusInfinity } else { Value::Infinity }
    }

    /// Milliseconds or seconds with their decimals.
    fn of_second(second: i32, micros: i32, unit: Unit) -> Value {
        let all = i64::from(second) * MICROS_PER_SECOND + i64::from(micros);
        match unit {
            Unit::Microsecond => Value::Integer(all),
            Unit::Millisecond => {
                let float = f64::from(second) * 1000.0 + f64::from(micros) / 1000.0;
                Value::Decimal { unscaled: i128::from(all), scale: 3, float }
            }
            _ => {
                let float = f64::from(second) + f64::from(micros) / 1e6;
                Value::Decimal { unscaled: i128::from(all), scale: 6, float }
            }
        }
    }

    pub fn float8(self) -> Datum {
        match self {
            Value::Null => Datum::Null,
            Value::Infinity => Datum::Float8(f64::INFINITY),
            Value::MinusInfinity => Datum::Float8(f64::NEG_INFINITY),
            Value::Integer(value) => Datum::Float8(value as f64),
            Value::Decimal { float, .. } => Datum::Float8(float),
        }
    }

    /// As a numeric prints.
    pub fn text(self) -> Option<String> {
        Some(match self {
            Value::Null => return None,
            Value::Infinity => "Infinity".to_owned(),
            Value::MinusInfinity => "-Infinity".to_owned(),
            Value::Integer(value) => value.to_string(),
            Value::Decimal { unscaled, scale, .. } => {
                let sign = if unscaled < 0 { "-" } else { "" };
                let (power, digits) = (10u128.pow(scale), unscaled.unsigned_abs());
                format!("{sign}{}.{:0width$}", digits / power, digits % power, width = scale as usize)
            }
        })
    }

    pub fn numeric(self, settings: &Settings) -> Result<Datum> {
        let Some(text) = self.text() else { return Ok(Datum::Null) };
        let form = Form::of(oid::NUMERIC).ok_or_else(|| Error::internal("numeric has no text form"))?;
        form.parse(&text, -1, settings)
    }
}

/// What a field is taken of.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    Date(i32),
    Time(i64),
    TimeTz(TimeTz),
    Timestamp(i64),
    /// With the zone whose clocks are read.
    TimestampTz(i64, &'a Zone),
    Interval(Interval),
}

impl Source<'_> {
    fn type_name(&self) -> &'static str {
        match self {
            Source::Date(_) => "date",
            Source::Time(_) => "time without time zone",
            Source::TimeTz(_) => "time with time zone",
            Source::Timestamp(_) => "timestamp without time zone",
            Source::TimestampTz(..) => "timestamp with time zone",
            Source::Interval(_) => "interval",
        }
    }
}

fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn not_recognized(name: &str, type_name: &str) -> Error {
    let message = format!("unit \"{name}\" not recognized for type {type_name}");
    Error::new(sqlstate::INVALID_PARAMETER_VALUE, message)
}

fn not_supported(name: &str, type_name: &str) -> Error {
    Error::new(sqlstate::FEATURE_NOT_SUPPORTED, format!("unit \"{name}\" not supported for type {type_name}"))
}

pub fn extract(name: &str, source: Source) -> Result<Value> {
    let name = lower(name);
    let unsupported = || not_supported(&name, source.type_name());
    let Some(unit) = words::field(&name) else {
        use Word::{Allballs, Infinity, MinusInfinity, Now, Today, Tomorrow, Yesterday};
        let has_date = matches!(source, Source::Date(_) | Source::Timestamp(_) | Source::TimestampTz(..));
        return Err(match words::date_word(&name) {
            Some(Now | Today | Tomorrow | Yesterday | Infinity | MinusInfinity | Allballs) if has_date => unsupported(),
            _ => not_recognized(&name, source.type_name()),
        });
    };
    let value = match source {
        Source::Date(date) if calendar::is_infinite_date(date) => {
            let is_of_time =
                matches!(unit, Unit::Microsecond | Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour);
            let negative = date == calendar::DATE_MINUS_INFINITY;
            if is_of_time || of_zone(unit, 0).is_some() { None } else { of_infinity(unit, negative) }
        }
        Source::Timestamp(micros) | Source::TimestampTz(micros, _) if is_infinite(micros) => {
            of_infinity(unit, micros == MINUS_INFINITY)
        }
        Source::Date(date) => of_date(unit, &Civil::of_date(i64::from(date)), None),
        Source::Timestamp(micros) => {
            let civil = Civil::of(micros);
            of_time(unit, &civil).or_else(|| of_date(unit, &civil, Some(micros)))
        }
        Source::TimestampTz(micros, zone) => {
            let (civil, east) = Civil::in_zone(micros, zone);
            let found = of_time(unit, &civil).or_else(|| of_date(unit, &civil, Some(micros)));
            found.or_else(|| of_zone(unit, east))
        }
        Source::Time(micros) if unit == Unit::Epoch => {
            Some(Value::Decimal { unscaled: i128::from(micros), scale: 6, float: micros as f64 / 1e6 })
        }
        Source::Time(micros) => of_time(unit, &Civil::default().with_time(micros)),
        Source::TimeTz(time) if unit == Unit::Epoch => Some(Value::Decimal {
            unscaled: i128::from(time.utc()),
            scale: 6,
            float: time.micros as f64 / 1e6 + f64::from(time.west_seconds),
        }),
        Source::TimeTz(time) => {
            let civil = Civil::default().with_time(time.micros);
            of_time(unit, &civil).or_else(|| of_zone(unit, -time.west_seconds))
        }
        Source::Interval(interval) => of_interval(unit, &interval),
    };
    value.ok_or_else(unsupported)
}

/// What grows for ever is infinite, what goes around is unknown.
fn of_infinity(unit: Unit, negative: bool) -> Option<Value> {
    Some(match unit {
        Unit::Year | Unit::Decade | Unit::Century | Unit::Millennium | Unit::Julian | Unit::IsoYear | Unit::Epoch => {
            Value::infinity(negative)
        }
        _ => Value::Null,
    })
}

fn of_time(unit: Unit, civil: &Civil) -> Option<Value> {
    Some(match unit {
        Unit::Microsecond | Unit::Millisecond | Unit::Second => Value::of_second(civil.second, civil.micros, unit),
        Unit::Minute => Value::Integer(i64::from(civil.minute)),
        Unit::Hour => Value::Integer(i64::from(civil.hour)),
        _ => return None,
    })
}

fn of_zone(unit: Unit, east_seconds: i32) -> Option<Value> {
    Some(Value::Integer(i64::from(match unit {
        Unit::Zone => east_seconds,
        Unit::ZoneHour => east_seconds / 3600,
        Unit::ZoneMinute => east_seconds / 60 % 60,
        _ => return None,
    })))
}

/// Of a timestamp in microseconds, for what depends on its time, or of a date.
fn of_date(unit: Unit, civil: &Civil, micros: Option<i64>) -> Option<Value> {
    let days = civil.days();
    let year = civil.year;
    let value = match unit {
        Unit::Day => civil.day,
        Unit::Month => civil.month,
        Unit::Quarter => (civil.month - 1) / 3 + 1,
        Unit::Week => calendar::iso_week(days).1,
        Unit::Year => counted(year),
        Unit::Decade => year.div_euclid(10),
        Unit::Century if year > 0 => (year + 99) / 100,
        Unit::Century => -((99 - (year - 1)) / 100),
        Unit::Millennium if year > 0 => (year + 999) / 1000,
        Unit::Millennium => -((999 - (year - 1)) / 1000),
        Unit::IsoYear => counted(calendar::iso_week(days).0),
        Unit::Weekday => calendar::weekday(days),
        Unit::IsoWeekday => calendar::iso_weekday(days),
        Unit::DayOfYear => calendar::day_of_year(civil),
        Unit::Julian => return Some(of_julian(days + EPOCH_JULIAN, micros.map(|_| civil))),
        Unit::Epoch => {
            let Some(micros) = micros else {
                return Some(Value::Integer(days * 86_400 + calendar::UNIX_EPOCH_SECONDS));
            };
            let since = i128::from(micros) - i128::from(UNIX_EPOCH_MICROS);
            let (unscaled, float) = match i64::try_from(since) {
                Ok(exact) => (since, exact as f64 / 1e6),
                // Past 64 bits PostgreSQL divides numerics, and that gives four decimals here.
                Err(_) => ((since + 50) / 100 * 100, (micros as f64 - UNIX_EPOCH_MICROS as f64) / 1e6),
            };
            return Some(Value::Decimal { unscaled, scale: 6, float });
        }
        _ => return None,
    };
    Some(Value::Integer(i64::from(value)))
}

/// There is no year 0.
fn counted(year: i32) -> i32 {
    if year > 0 { year } else { year - 1 }
}

/// The Julian day, with the part of the day that has passed. As a numeric it has as many decimals as PostgreSQL's
/// division gives: sixteen digits that count, in groups of four.
fn of_julian(day: i64, civil: Option<&Civil>) -> Value {
    let Some(civil) = civil else { return Value::Integer(day) };
    let time = i128::from(civil.time());
    let first_group = |mut value: i128, mut groups: u32| {
        while value >= 10_000 {
            (value, groups) = (value / 10_000, groups + 1);
        }
        (value, groups)
    };
    let (first, groups) = first_group(time, 0);
    let (day_first, day_groups) = first_group(i128::from(MICROS_PER_DAY), 0);
    let scale = 16 + 4 * (day_groups - groups + u32::from(first <= day_first));
    let (divisor, power) = (i128::from(MICROS_PER_DAY), 10i128.pow(scale));
    let (whole, rest) = (time * power / divisor, time * power % divisor);
    let unscaled = i128::from(day) * power + whole + i128::from(rest * 2 >= divisor);
    let seconds = f64::from((civil.hour * 60 + civil.minute) * 60 + civil.second) + f64::from(civil.micros) / 1e6;
    Value::Decimal { unscaled, scale, float: day as f64 + seconds / 86_400.0 }
}

fn of_interval(unit: Unit, interval: &Interval) -> Option<Value> {
    let parts = interval.parts();
    Some(Value::Integer(match unit {
        Unit::Microsecond | Unit::Millisecond | Unit::Second => {
            return Some(Value::of_second(parts.seconds, parts.micros, unit));
        }
        Unit::Minute => i64::from(parts.minutes),
        Unit::Hour => parts.hours,
        Unit::Day => i64::from(parts.days),
        Unit::Month => i64::from(parts.months),
        Unit::Quarter => i64::from(parts.months / 3 + 1),
        Unit::Year => i64::from(parts.years),
        Unit::Decade => i64::from(parts.years / 10),
        Unit::Century => i64::from(parts.years / 100),
        Unit::Millennium => i64::from(parts.years / 1000),
        Unit::Epoch => {
            // Years of 365.25 days, so in quarters of a day.
            let quarter_days =
                1461 * i64::from(parts.years) + 120 * i64::from(parts.months) + 4 * i64::from(parts.days);
            let seconds = i128::from(quarter_days) * 21_600;
            let float = interval.micros as f64 / 1e6
                + 365.25 * 86_400.0 * f64::from(parts.years)
                + 30.0 * 86_400.0 * f64::from(parts.months)
                + 86_400.0 * f64::from(parts.days);
            let unscaled = seconds * i128::from(MICROS_PER_SECOND) + i128::from(interval.micros);
            return Some(Value::Decimal { unscaled, scale: 6, float });
        }
        _ => return None,
    }))
}

/// The beginning of the unit in which a local time lies; none if a timestamp can't be cut so.
fn truncated(civil: &Civil, unit: Unit) -> Option<Civil> {
    let micros = civil.time();
    let down = |count: i64| Some(civil.with_time(micros / count * count));
    let year = match unit {
        Unit::Microsecond => return Some(*civil),
        Unit::Millisecond => return down(1000),
        Unit::Second => return down(MICROS_PER_SECOND),
        Unit::Minute => return down(MICROS_PER_MINUTE),
        Unit::Hour => return down(MICROS_PER_HOUR),
        Unit::Day => return Some(civil.with_time(0)),
        Unit::Week => {
            let days = civil.days();
            return Some(Civil::of_date(days - i64::from(calendar::iso_weekday(days) - 1)));
        }
        Unit::Month => return Some(Civil { day: 1, ..civil.with_time(0) }),
        Unit::Quarter => {
            return Some(Civil { month: (civil.month - 1) / 3 * 3 + 1, day: 1, ..civil.with_time(0) });
        }
        Unit::Year => civil.year,
        Unit::Decade => civil.year.div_euclid(10) * 10,
        // The first century began with the year 1.
        Unit::Century => (civil.year - 1).div_euclid(100) * 100 + 1,
        Unit::Millennium => (civil.year - 1).div_euclid(1000) * 1000 + 1,
        _ => return None,
    };
    Some(Civil { year, month: 1, day: 1, ..Civil::default() })
}

fn truncation(name: &str, type_name: &str) -> Result<Unit> {
    words::truncation(name).ok_or_else(|| not_recognized(name, type_name))
}

pub fn truncate_timestamp(name: &str, local: i64) -> Result<i64> {
    const TYPE: &str = "timestamp without time zone";
    if is_infinite(local) {
        return Ok(local);
    }
    let name = lower(name);
    let cut = truncated(&Civil::of(local), truncation(&name, TYPE)?).ok_or_else(|| not_supported(&name, TYPE))?;
    checked_timestamp(cut.timestamp())
}

/// By the clocks of a zone.
pub fn truncate_timestamptz(name: &str, utc: i64, zone: &Zone) -> Result<i64> {
    const TYPE: &str = "timestamp with time zone";
    if is_infinite(utc) {
        return Ok(utc);
    }
    let name = lower(name);
    let unit = truncation(&name, TYPE)?;
    let (civil, east) = Civil::in_zone(utc, zone);
    let cut = truncated(&civil, unit).ok_or_else(|| not_supported(&name, TYPE))?;
    let within_a_day = matches!(unit, Unit::Microsecond | Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour);
    // An hour may come twice: the offset is kept.
    checked_timestamp(if within_a_day { cut.timestamptz(east) } else { cut.in_zone_to_utc(zone) })
}

pub fn truncate_interval(name: &str, interval: &Interval) -> Result<Interval> {
    let name = lower(name);
    let unit = truncation(&name, "interval")?;
    interval.truncated(unit).ok_or_else(|| {
        let error = not_supported(&name, "interval");
        if unit == Unit::Week { error.detail("Months usually have fractional weeks.") } else { error }
    })
}

/// The beginning of the bin in which a timestamp lies, with bins of `stride` from `origin` on.
pub fn bin(stride: &Interval, micros: i64, origin: i64) -> Result<i64> {
    if is_infinite(micros) {
        return Ok(micros);
    }
    let refused = |message| Err(Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, message));
    if is_infinite(origin) {
        return refused("origin out of range");
    }
    if stride.months != 0 {
        let message = "timestamps cannot be binned into intervals containing months or years";
        return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message));
    }
    let stride = i64::from(stride.days).checked_mul(MICROS_PER_DAY).and_then(|days| days.checked_add(stride.micros));
    let stride = stride.ok_or_else(calendar::interval_out_of_range)?;
    if stride <= 0 {
        return refused("stride must be greater than zero");
    }
    let since = micros.checked_sub(origin).ok_or_else(calendar::interval_out_of_range)?;
    checked_timestamp(since.checked_sub(since.rem_euclid(stride)).and_then(|since| since.checked_add(origin)))
}
