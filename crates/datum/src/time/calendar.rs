//! The proleptic Gregorian calendar, in both directions: days and microseconds since 2000-01-01 from years, months and
//! days, and back. Also PostgreSQL's ranges, ISO weeks, and how a moment looks in a zone.
//!
//! Years are astronomical: year 0 is 1 BC, year -1 is 2 BC.

use super::zone::Zone;
use crate::error::{Error, Result};
use crate::sqlstate;

pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
pub const MICROS_PER_HOUR: i64 = 60 * MICROS_PER_MINUTE;
pub const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;

/// The Julian day of 2000-01-01.
pub const EPOCH_JULIAN: i64 = 2_451_545;
/// 2000-01-01 as seconds since 1970-01-01.
pub const UNIX_EPOCH_SECONDS: i64 = 946_684_800;
/// 1970-01-01 as microseconds since 2000-01-01.
pub const UNIX_EPOCH_MICROS: i64 = -UNIX_EPOCH_SECONDS * MICROS_PER_SECOND;

pub const DATE_MINUS_INFINITY: i32 = i32::MIN;
pub const DATE_INFINITY: i32 = i32::MAX;
pub const MINUS_INFINITY: i64 = i64::MIN;
pub const INFINITY: i64 = i64::MAX;

/// 4713-11-24 BC, the first Julian day.
const DATE_MIN: i64 = -EPOCH_JULIAN;
/// The day after 5874897-12-31.
const DATE_END: i64 = 2_147_483_494 - EPOCH_JULIAN;
const TIMESTAMP_MIN: i64 = DATE_MIN * MICROS_PER_DAY;
/// 294277-01-01.
pub const TIMESTAMP_END: i64 = TIMESTAMP_END_DAY * MICROS_PER_DAY;
pub const TIMESTAMP_END_DAY: i64 = 109_203_528 - EPOCH_JULIAN;

/// A date and a time of day, taken apart. What stands in it need not be valid while it is being put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Civil {
    pub year: i32,
    pub month: i32,
    pub day: i32,
    pub hour: i32,
    pub minute: i32,
    pub second: i32,
    /// Of the second.
    pub micros: i32,
}

pub fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// `month` from 1 to 12.
pub fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        2 => 28 + i32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Julian day of a date; of any day number, so that `day` may lie outside its month.
pub fn julian(year: i32, month: i32, day: i32) -> i64 {
    days(year, month, day) + EPOCH_JULIAN
}

/// Days since 2000-01-01. March is taken as the first month, so that the leap day ends a year.
pub fn days(year: i32, month: i32, day: i32) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let month = i64::from((month + 9).rem_euclid(12));
    let (cycle, year_of_cycle) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    cycle * 146_097 + day_of_cycle - 730_425
}

pub fn from_days(days: i64) -> (i32, i32, i32) {
    let shifted = days + 730_425;
    let (cycle, day_of_cycle) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_cycle + cycle * 400 + i64::from(month <= 2);
    (year as i32, month as i32, day as i32)
}

pub fn from_julian(julian: i64) -> (i32, i32, i32) {
    from_days(julian - EPOCH_JULIAN)
}

/// 0 is Sunday.
pub fn weekday(days: i64) -> i32 {
    (days + 6).rem_euclid(7) as i32
}

/// 1 is Monday, 7 Sunday.
pub fn iso_weekday(days: i64) -> i32 {
    (days + 5).rem_euclid(7) as i32 + 1
}

pub fn day_of_year(civil: &Civil) -> i32 {
    (days(civil.year, civil.month, civil.day) - days(civil.year, 1, 1) + 1) as i32
}

/// Of a Monday: an ISO year begins in the week of January 4th.
pub fn iso_week_start(iso_year: i32, week: i32) -> i64 {
    let fourth = days(iso_year, 1, 4);
    fourth - i64::from(iso_weekday(fourth) - 1) + (i64::from(week) - 1) * 7
}

/// The ISO year and its week.
pub fn iso_week(days: i64) -> (i32, i32) {
    // The week belongs to the year of its Thursday.
    let thursday = days + i64::from(4 - iso_weekday(days));
    let (year, _, _) = from_days(thursday);
    (year, ((thursday - self::days(year, 1, 1)) / 7 + 1) as i32)
}

pub fn iso_day_of_year(days: i64) -> i32 {
    (days - iso_week_start(iso_week(days).0, 1) + 1) as i32
}

/// As a date in years, months and days: roughly the range of Julian days in 32 bits. The exact range is that of the
/// days it gives.
pub fn is_julian_date(year: i32, month: i32) -> bool {
    (year, month) >= (-4713, 11) && (year, month) < (5_874_898, 6)
}

pub fn is_date(days: i64) -> bool {
    (DATE_MIN..DATE_END).contains(&days)
}

pub fn is_timestamp(micros: i64) -> bool {
    (TIMESTAMP_MIN..TIMESTAMP_END).contains(&micros)
}

pub fn is_infinite(micros: i64) -> bool {
    micros == MINUS_INFINITY || micros == INFINITY
}

pub fn is_infinite_date(days: i32) -> bool {
    days == DATE_MINUS_INFINITY || days == DATE_INFINITY
}

pub fn timestamp_out_of_range() -> Error {
    Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, "timestamp out of range")
}

pub fn interval_out_of_range() -> Error {
    Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, "interval out of range")
}

pub fn date_out_of_range() -> Error {
    Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, "date out of range")
}

/// The value, if it is one.
pub fn checked_timestamp(micros: Option<i64>) -> Result<i64> {
    micros.filter(|micros| is_timestamp(*micros)).ok_or_else(timestamp_out_of_range)
}

pub fn checked_date(days: Option<i64>) -> Result<i32> {
    days.filter(|days| is_date(*days)).map(|days| days as i32).ok_or_else(date_out_of_range)
}

impl Civil {
    /// What the clock of this local time shows.
    pub fn of(local_micros: i64) -> Civil {
        let (day, time) = (local_micros.div_euclid(MICROS_PER_DAY), local_micros.rem_euclid(MICROS_PER_DAY));
        Civil::of_date(day).with_time(time)
    }

    pub fn of_date(date: i64) -> Civil {
        let (year, month, day) = from_days(date);
        Civil { year, month, day, ..Civil::default() }
    }

    /// What the clocks of a zone show, and how many seconds east of UTC they are.
    pub fn in_zone(utc_micros: i64, zone: &Zone) -> (Civil, i32) {
        let east = zone.offset_at(utc_micros);
        (Civil::of(utc_micros.saturating_add(i64::from(east) * MICROS_PER_SECOND)), east)
    }

    pub fn with_time(self, micros: i64) -> Civil {
        let second = micros / MICROS_PER_SECOND;
        Civil {
            hour: (second / 3600) as i32,
            minute: (second / 60 % 60) as i32,
            second: (second % 60) as i32,
            micros: (micros % MICROS_PER_SECOND) as i32,
            ..self
        }
    }

    /// Microseconds since midnight.
    pub fn time(&self) -> i64 {
        let seconds = (i64::from(self.hour) * 60 + i64::from(self.minute)) * 60 + i64::from(self.second);
        seconds * MICROS_PER_SECOND + i64::from(self.micros)
    }

    pub fn days(&self) -> i64 {
        days(self.year, self.month, self.day)
    }

    /// Local microseconds since 2000-01-01, whatever their size; none if they can't be counted.
    pub fn micros(&self) -> Option<i64> {
        if !is_julian_date(self.year, self.month) {
            return None;
        }
        self.days().checked_mul(MICROS_PER_DAY)?.checked_add(self.time())
    }

    /// As a timestamp, if it is in range.
    pub fn timestamp(&self) -> Option<i64> {
        self.micros().filter(|micros| is_timestamp(*micros))
    }

    /// As a moment, with clocks that are so far east.
    pub fn timestamptz(&self, east_seconds: i32) -> Option<i64> {
        let utc = self.micros()?.checked_sub(i64::from(east_seconds) * MICROS_PER_SECOND)?;
        Some(utc).filter(|micros| is_timestamp(*micros))
    }

    /// Seconds east of UTC when the zone's clocks show this.
    pub fn offset_in(&self, zone: &Zone) -> i32 {
        // Beyond what can be counted the value is refused anyway.
        zone.fixed_offset().unwrap_or_else(|| zone.offset_of_local(self.micros().unwrap_or(0)))
    }

    pub fn in_zone_to_utc(&self, zone: &Zone) -> Option<i64> {
        self.timestamptz(self.offset_in(zone))
    }

    /// The year as people count it: no year 0.
    pub fn counted_year(&self) -> i32 {
        if self.year > 0 { self.year } else { 1 - self.year }
    }
}

/// Rounds to a number of decimals of the second, half away from zero.
pub fn round_micros(micros: i64, precision: i32) -> Option<i64> {
    let Ok(drop) = u32::try_from(6 - precision) else { return Some(micros) };
    let scale = 10i64.pow(drop);
    if scale == 1 {
        return Some(micros);
    }
    let half = if micros >= 0 { scale / 2 } else { -(scale / 2) };
    Some(micros.checked_add(half)? / scale * scale)
}

/// What the zone's clocks show, which at the ends of the range need not be a timestamp.
pub fn local_of(utc_micros: i64, zone: &Zone) -> i64 {
    if is_infinite(utc_micros) {
        return utc_micros;
    }
    utc_micros.saturating_add(i64::from(zone.offset_at(utc_micros)) * MICROS_PER_SECOND)
}

/// From UTC to what the zone's clocks show, as a timestamp without zone.
pub fn utc_to_local(utc_micros: i64, zone: &Zone) -> Result<i64> {
    shift(utc_micros, zone.offset_at(utc_micros))
}

pub fn local_to_utc(local_micros: i64, zone: &Zone) -> Result<i64> {
    shift(local_micros, -zone.offset_of_local(local_micros))
}

/// By seconds; infinities stay.
pub fn shift(micros: i64, seconds: i32) -> Result<i64> {
    if is_infinite(micros) {
        return Ok(micros);
    }
    checked_timestamp(micros.checked_add(i64::from(seconds) * MICROS_PER_SECOND))
}
