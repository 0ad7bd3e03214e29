//! The transaction's moment as SQL's CURRENT_DATE and its like give it. With a modifier of -1 for no precision.

use super::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND};
use super::io::{limited_time, limited_timestamp};
use super::timetz::TimeTz;
use crate::datum::Datum;
use crate::error::Result;
use crate::function::Settings;

fn local(settings: &Settings) -> (i64, i32) {
    let now = settings.transaction_micros;
    let east = settings.zone.offset_at(now);
    (now.saturating_add(i64::from(east) * MICROS_PER_SECOND), east)
}

pub fn current_date(settings: &Settings) -> Datum {
    Datum::Date(local(settings).0.div_euclid(MICROS_PER_DAY) as i32)
}

pub fn current_time(settings: &Settings, modifier: i32) -> Datum {
    let (now, east) = local(settings);
    let micros = limited_time(now.rem_euclid(MICROS_PER_DAY), modifier);
    Datum::TimeTz(TimeTz { micros, west_seconds: -east })
}

pub fn local_time(settings: &Settings, modifier: i32) -> Datum {
    Datum::Time(limited_time(local(settings).0.rem_euclid(MICROS_PER_DAY), modifier))
}

pub fn current_timestamp(settings: &Settings, modifier: i32) -> Result<Datum> {
    limited_timestamp(settings.transaction_micros, modifier).map(Datum::TimestampTz)
}

pub fn local_timestamp(settings: &Settings, modifier: i32) -> Result<Datum> {
    limited_timestamp(local(settings).0, modifier).map(Datum::Timestamp)
}
