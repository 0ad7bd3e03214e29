//! Dates, times and intervals put together from numbers: `make_date` and its kin, `to_timestamp(float8)`.

use super::calendar::{self, Civil, INFINITY, MICROS_PER_DAY, MINUS_INFINITY, UNIX_EPOCH_SECONDS};
use super::digits;
use super::interval::{Interval, fits_i64};
use super::parse::{self, Given, Refusal};
use super::zone::Zone;
use super::zoned::NamedZone;
use crate::error::{Error, Result};
use crate::sqlstate;

fn overflow(message: String) -> Error {
    Error::new(sqlstate::DATETIME_FIELD_OVERFLOW, message)
}

/// Years before Christ are negative. Refused, the date as it was given or with its year counted anew: PostgreSQL's
/// functions differ in which they print.
fn civil(year: i32, month: i32, day: i32) -> std::result::Result<Civil, Civil> {
    let given = Civil { year, month, day, ..Civil::default() };
    let mut civil = Civil { year: year.checked_abs().ok_or(given)?, ..given };
    parse::validate(&Given::date(year < 0), None, &mut civil).map_err(|_| civil)?;
    Ok(civil)
}

pub fn date(year: i32, month: i32, day: i32) -> Result<i32> {
    let shown = |civil: &Civil| format!("{}-{month:02}-{day:02}", civil.year);
    let wrong = |civil: Civil| overflow(format!("date field value out of range: {}", shown(&civil)));
    let civil = civil(year, month, day).map_err(wrong)?;
    let days = Some(&civil).filter(|civil| calendar::is_julian_date(civil.year, civil.month)).map(Civil::days);
    let days = days.filter(|days| calendar::is_date(*days));
    Ok(days.ok_or_else(|| overflow(format!("date out of range: {}", shown(&civil))))? as i32)
}

pub fn time(hour: i32, minute: i32, second: f64) -> Result<i64> {
    let fields = (0..=24).contains(&hour) && (0..=59).contains(&minute) && (0.0..=60.0).contains(&second);
    let micros = (second * 1e6).round_ties_even();
    let whole = Civil { hour, minute, ..Civil::default() };
    let time = if fields { whole.time() + micros as i64 } else { i64::MAX };
    if time > MICROS_PER_DAY {
        let shown = format!("{hour}:{minute:02}:{:0>2}", general(second));
        return Err(overflow(format!("time field value out of range: {shown}")));
    }
    Ok(time)
}

pub fn timestamp(date: [i32; 3], hour: i32, minute: i32, second: f64) -> Result<i64> {
    let [year, month, day] = date;
    let shown = || format!("{year}-{month:02}-{day:02}");
    let civil = civil(year, month, day);
    let civil = civil.map_err(|_| overflow(format!("date field value out of range: {}", shown())))?;
    if !calendar::is_julian_date(civil.year, civil.month) {
        return Err(overflow(format!("date out of range: {}", shown())));
    }
    let days = civil.days();
    let time = time(hour, minute, second)?;
    let micros = days.checked_mul(MICROS_PER_DAY).and_then(|micros| micros.checked_add(time));
    micros.filter(|micros| calendar::is_timestamp(*micros)).ok_or_else(|| {
        let clock = format!("{hour}:{minute:02}:{:0>2}", general(second));
        overflow(format!("timestamp out of range: {} {clock}", shown()))
    })
}

pub fn timestamptz(date: [i32; 3], hour: i32, minute: i32, second: f64, zone: &Zone) -> Result<i64> {
    calendar::local_to_utc(timestamp(date, hour, minute, second)?, zone)
}

/// With a zone's name, or an offset whose sign must be there.
pub fn timestamptz_at(date: [i32; 3], hour: i32, minute: i32, second: f64, zone: &str) -> Result<i64> {
    let local = timestamp(date, hour, minute, second)?;
    let state = sqlstate::INVALID_PARAMETER_VALUE;
    if zone.starts_with(|first: char| first.is_ascii_digit()) {
        let error = Error::new(state, format!("invalid input syntax for type numeric time zone: \"{zone}\""));
        return Err(error.hint("Numeric time zones must have \"-\" or \"+\" as first character."));
    }
    match digits::offset(zone) {
        Ok(east) => calendar::shift(local, -east),
        Err(Refusal::ZoneOverflow) => Err(Error::new(state, format!("numeric time zone \"{zone}\" out of range"))),
        Err(_) => NamedZone::find(zone)?.local_to_utc(local),
    }
}

/// Years, months, weeks, days, hours and minutes; then seconds.
pub fn interval(counts: [i32; 6], seconds: f64) -> Result<Interval> {
    let [years, months, weeks, days, hours, minutes] = counts;
    let micros = (seconds * 1e6).round_ties_even();
    if !fits_i64(micros) {
        return Err(calendar::interval_out_of_range());
    }
    let whole = (i64::from(hours) * 60 + i64::from(minutes)) * 60 * calendar::MICROS_PER_SECOND;
    let fitting = || {
        Some(Interval {
            months: years.checked_mul(12)?.checked_add(months)?,
            days: weeks.checked_mul(7)?.checked_add(days)?,
            micros: whole.checked_add(micros as i64)?,
        })
    };
    fitting().ok_or_else(calendar::interval_out_of_range)
}

/// Of seconds since 1970.
pub fn timestamptz_of_epoch(seconds: f64) -> Result<i64> {
    if seconds.is_nan() {
        return Err(overflow("timestamp cannot be NaN".to_owned()));
    }
    if seconds.is_infinite() {
        return Ok(if seconds > 0.0 { INFINITY } else { MINUS_INFINITY });
    }
    let micros = ((seconds - UNIX_EPOCH_SECONDS as f64) * 1e6).round_ties_even();
    let fitting = Some(micros).filter(|micros| fits_i64(*micros)).map(|micros| micros as i64);
    let refused = || overflow(format!("timestamp out of range: \"{}\"", general(seconds)));
    fitting.filter(|micros| calendar::is_timestamp(*micros)).ok_or_else(refused)
}

/// As C prints `%g`: six digits that count, an exponent where it is shorter.
fn general(value: f64) -> String {
    const DIGITS: i32 = 6;
    if !value.is_finite() {
        let name = if value.is_nan() { "NaN" } else { "Infinity" };
        return if value < 0.0 { format!("-{name}") } else { name.to_owned() };
    }
    let scientific = format!("{value:.*e}", DIGITS as usize - 1);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent = exponent.parse::<i32>().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..DIGITS).contains(&exponent) {
        return trim(&format!("{value:.*}", (DIGITS - 1 - exponent) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(digits), exponent.abs())
}
