//! What operators do with dates, times, timestamps and intervals.

use super::calendar::{
    self, Civil, DATE_INFINITY, DATE_MINUS_INFINITY, INFINITY, MICROS_PER_DAY, MICROS_PER_SECOND, MINUS_INFINITY,
    checked_date, checked_timestamp, is_infinite, is_infinite_date, timestamp_out_of_range,
};
use super::interval::Interval;
use super::timetz::TimeTz;
use super::zone::Zone;
use crate::error::{Error, Result};
use crate::sqlstate;

/// Months first, days next, the time last; a day that the month hasn't becomes its last.
pub fn timestamp_plus(local: i64, interval: &Interval) -> Result<i64> {
    if is_infinite(local) {
        return Ok(local);
    }
    let dated = match plus_date_parts(local, interval) {
        Some(civil) => civil.and_then(|civil| civil.timestamp()).ok_or_else(timestamp_out_of_range)?,
        None => local,
    };
    checked_timestamp(dated.checked_add(interval.micros))
}

/// Months and days are added to what the zone's clocks show, the time to the moment.
pub fn timestamptz_plus(utc: i64, interval: &Interval, zone: &Zone) -> Result<i64> {
    if is_infinite(utc) {
        return Ok(utc);
    }
    let mut utc = utc;
    let Interval { months, days, micros } = *interval;
    // Between the two the zone may have changed its clocks.
    for part in [Interval { months, ..Interval::ZERO }, Interval { days, ..Interval::ZERO }] {
        let local = utc.saturating_add(i64::from(zone.offset_at(utc)) * MICROS_PER_SECOND);
        if let Some(civil) = plus_date_parts(local, &part) {
            let moved = civil.and_then(|civil| civil.in_zone_to_utc(zone));
            utc = moved.ok_or_else(timestamp_out_of_range)?;
        }
    }
    checked_timestamp(utc.checked_add(micros))
}

/// None if there is nothing to add, else perhaps a date that can't be written.
fn plus_date_parts(local: i64, interval: &Interval) -> Option<Option<Civil>> {
    if interval.months == 0 && interval.days == 0 {
        return None;
    }
    let mut civil = Civil::of(local);
    if interval.months != 0 {
        let months = i64::from(civil.year) * 12 + i64::from(civil.month - 1) + i64::from(interval.months);
        let Ok(year) = i32::try_from(months.div_euclid(12)) else { return Some(None) };
        (civil.year, civil.month) = (year, months.rem_euclid(12) as i32 + 1);
        civil.day = civil.day.min(calendar::days_in_month(civil.year, civil.month));
        // Each step must be a timestamp by itself.
        if civil.timestamp().is_none() {
            return Some(None);
        }
    }
    if interval.days != 0 {
        let day = civil.days() + i64::from(interval.days);
        if !calendar::is_date(day) {
            return Some(None);
        }
        (civil.year, civil.month, civil.day) = calendar::from_days(day);
    }
    Some(Some(civil))
}

/// As something to add.
pub fn negated(interval: &Interval) -> Result<Interval> {
    interval.checked_neg().map_err(|_| timestamp_out_of_range())
}

/// In days and a time of less than one.
pub fn timestamp_minus(left: i64, right: i64) -> Result<Interval> {
    if is_infinite(left) || is_infinite(right) {
        return Err(Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, "cannot subtract infinite timestamps"));
    }
    let micros = left.checked_sub(right).ok_or_else(calendar::interval_out_of_range)?;
    Interval::of_micros(micros).justify_hours()
}

pub fn date_plus(date: i32, days: i32) -> Result<i32> {
    if is_infinite_date(date) {
        return Ok(date);
    }
    checked_date(Some(i64::from(date) + i64::from(days)))
}

pub fn date_minus_days(date: i32, days: i32) -> Result<i32> {
    if is_infinite_date(date) {
        return Ok(date);
    }
    checked_date(Some(i64::from(date) - i64::from(days)))
}

pub fn date_minus(left: i32, right: i32) -> Result<i32> {
    if is_infinite_date(left) || is_infinite_date(right) {
        return Err(Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, "cannot subtract infinite dates"));
    }
    // Two dates lie less than 2^31 days apart.
    Ok(left - right)
}

pub fn date_to_timestamp(date: i32) -> Result<i64> {
    match date {
        DATE_MINUS_INFINITY => Ok(MINUS_INFINITY),
        DATE_INFINITY => Ok(INFINITY),
        date if i64::from(date) >= calendar::TIMESTAMP_END_DAY => Err(date_out_of_range_for_timestamp()),
        date => Ok(i64::from(date) * MICROS_PER_DAY),
    }
}

pub fn date_to_timestamptz(date: i32, zone: &Zone) -> Result<i64> {
    let local = date_to_timestamp(date)?;
    if is_infinite(local) {
        return Ok(local);
    }
    let utc = local - i64::from(zone.offset_of_local(local)) * MICROS_PER_SECOND;
    if calendar::is_timestamp(utc) { Ok(utc) } else { Err(date_out_of_range_for_timestamp()) }
}

fn date_out_of_range_for_timestamp() -> Error {
    Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, "date out of range for timestamp")
}

pub fn date_and_time(date: i32, time: i64) -> Result<i64> {
    let midnight = date_to_timestamp(date)?;
    if is_infinite(midnight) {
        return Ok(midnight);
    }
    checked_timestamp(midnight.checked_add(time))
}

pub fn date_and_timetz(date: i32, time: TimeTz) -> Result<i64> {
    let midnight = date_to_timestamp(date)?;
    if is_infinite(midnight) {
        return Ok(midnight);
    }
    let utc = midnight.checked_add(time.utc()).filter(|utc| calendar::is_timestamp(*utc));
    utc.ok_or_else(date_out_of_range_for_timestamp)
}

pub fn timestamp_to_date(local: i64) -> i32 {
    match local {
        MINUS_INFINITY => DATE_MINUS_INFINITY,
        INFINITY => DATE_INFINITY,
        local => local.div_euclid(MICROS_PER_DAY) as i32,
    }
}

/// A time of day moves around the clock; PostgreSQL lets the largest intervals overflow here.
pub fn time_plus(time: i64, micros: i64) -> i64 {
    time.wrapping_add(micros).rem_euclid(MICROS_PER_DAY)
}

pub fn time_minus(time: i64, micros: i64) -> i64 {
    time.wrapping_sub(micros).rem_euclid(MICROS_PER_DAY)
}

/// The difference in years, months, days and time, as people count it.
///
/// What is missing to a whole month is counted with the length of the earlier date's month. PostgreSQL takes infinity
/// for the moment that its number would be, and minus infinity for no moment at all.
pub fn age(left: i64, right: i64, zone: Option<&Zone>) -> Result<Interval> {
    if left == MINUS_INFINITY || right == MINUS_INFINITY {
        return Err(timestamp_out_of_range());
    }
    let shown = |micros: i64| match zone {
        Some(zone) => Civil::in_zone(micros, zone).0,
        None => Civil::of(micros),
    };
    let backwards = left < right;
    let (late, early) = if backwards { (shown(right), shown(left)) } else { (shown(left), shown(right)) };
    let mut months = (i64::from(late.year) - i64::from(early.year)) * 12 + i64::from(late.month - early.month);
    let mut days = late.day - early.day;
    let mut micros = late.time() - early.time();
    if micros < 0 {
        (micros, days) = (micros + MICROS_PER_DAY, days - 1);
    }
    while days < 0 {
        (days, months) = (days + calendar::days_in_month(early.year, early.month), months - 1);
    }
    let months = i32::try_from(months).map_err(|_| calendar::interval_out_of_range())?;
    let age = Interval { months, days, micros };
    if backwards { age.checked_neg() } else { Ok(age) }
}

/// As a moment that compares with any other, even where there is no such timestamp.
pub fn date_moment(date: i32, zone: Option<&Zone>) -> i128 {
    match date {
        DATE_MINUS_INFINITY => i128::MIN,
        DATE_INFINITY => i128::MAX,
        // Later than any timestamp, and before infinity.
        date if i64::from(date) >= calendar::TIMESTAMP_END_DAY => i128::MAX - 1,
        date => timestamp_moment(i64::from(date) * MICROS_PER_DAY, zone),
    }
}

pub fn timestamp_moment(micros: i64, zone: Option<&Zone>) -> i128 {
    match (micros, zone) {
        (MINUS_INFINITY, _) => i128::MIN,
        (INFINITY, _) => i128::MAX,
        (micros, None) => i128::from(micros),
        (local, Some(zone)) => i128::from(local) - i128::from(zone.offset_of_local(local)) * 1_000_000,
    }
}
