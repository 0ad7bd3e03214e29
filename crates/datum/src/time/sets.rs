//! `generate_series` of timestamps, and the lists of zones and their abbreviations.

use super::abbreviations::{self, Meaning};
use super::interval::Interval;
use super::zone::{self, Zone};
use super::{arguments, arithmetic};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Call, SetTable};
use crate::sqlstate;

pub const SETS: SetTable = &[
    ("generate_series_timestamp", |_, arguments| {
        let (start, stop) = (arguments::timestamp(&arguments[0]), arguments::timestamp(&arguments[1]));
        series(start, stop, arguments::interval(&arguments[2]), Datum::Timestamp, None)
    }),
    ("generate_series_timestamptz", |call, arguments| {
        let (start, stop) = (arguments::timestamptz(&arguments[0]), arguments::timestamptz(&arguments[1]));
        let zone = Some(call.settings.zone.clone());
        series(start, stop, arguments::interval(&arguments[2]), Datum::TimestampTz, zone)
    }),
    ("pg_timezone_abbrevs", timezone_abbreviations),
    ("pg_timezone_names", timezone_names),
];

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

/// Both ends included; one after the other, because the end may be infinity.
fn series(start: i64, stop: i64, step: Interval, value: fn(i64) -> Datum, zone: Option<Zone>) -> Result<Rows> {
    let span = step.span();
    if span == 0 {
        let message = "step size cannot equal zero";
        return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
    }
    let mut next = Ok(start);
    let mut ended = false;
    Ok(Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let current = match std::mem::replace(&mut next, Ok(start)) {
            Ok(current) => current,
            Err(error) => {
                ended = true;
                return Some(Err(error));
            }
        };
        if if span > 0 { current > stop } else { current < stop } {
            ended = true;
            return None;
        }
        next = match &zone {
            Some(zone) => arithmetic::timestamptz_plus(current, &step, zone),
            None => arithmetic::timestamp_plus(current, &step),
        };
        Some(Ok(vec![value(current)]))
    })))
}

/// Abbreviation, offset now, whether that is daylight saving.
fn timezone_abbreviations(call: &Call, _arguments: &[Datum]) -> Result<Rows> {
    let now = call.settings.transaction_micros;
    let row = move |&(abbreviation, meaning): &(&'static str, Meaning)| {
        let (east, summer) = match meaning {
            Meaning::Standard(east) => (east, false),
            Meaning::Summer(east) => (east, true),
            Meaning::Of(name) => {
                let zone = Zone::by_name(name).ok_or_else(|| Error::internal("an abbreviation's zone is missing"))?;
                let local = zone.offset_of_abbreviation(abbreviation, now).unwrap_or_else(|| zone.at(now));
                (local.east_seconds, local.summer)
            }
        };
        Ok(vec![Datum::text(abbreviation), offset(east), Datum::Bool(summer)])
    };
    Ok(Box::new(abbreviations::all().iter().map(row)))
}

/// Name, abbreviation, offset and daylight saving now.
fn timezone_names(call: &Call, _arguments: &[Datum]) -> Result<Rows> {
    let now = call.settings.transaction_micros;
    let row = move |name: &'static str| {
        let zone = Zone::by_name(name)?;
        let local = zone.at(now);
        let abbreviation = Datum::text(&*local.abbreviation);
        Some(Ok(vec![Datum::text(name), abbreviation, offset(local.east_seconds), Datum::Bool(local.summer)]))
    };
    Ok(Box::new(zone::names().filter_map(row)))
}

fn offset(east_seconds: i32) -> Datum {
    Datum::Interval(Interval::of_micros(i64::from(east_seconds) * 1_000_000))
}
