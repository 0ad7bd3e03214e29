//! `AT TIME ZONE`: between a moment and what the clocks of some zone show.

use super::abbreviations::{self, Meaning};
use super::calendar::{self, Civil, MICROS_PER_SECOND, is_infinite};
use super::format;
use super::interval::Interval;
use super::parse::{offset_of_abbreviation, unknown_zone};
use super::timetz::TimeTz;
use super::zone::Zone;
use crate::error::{Error, Result};
use crate::function::{IntervalStyle, Settings};
use crate::sqlstate;

/// A zone as a text names it: abbreviations go before names.
#[derive(Clone, Debug)]
pub enum NamedZone {
    Fixed(i32),
    /// An abbreviation that had several meanings in its zone's history.
    Abbreviation(String, Zone),
    Zone(Zone),
}

impl NamedZone {
    pub fn find(name: &str) -> Result<NamedZone> {
        match abbreviations::find(name) {
            Some(Meaning::Standard(east) | Meaning::Summer(east)) => return Ok(NamedZone::Fixed(east)),
            Some(Meaning::Of(zone)) => {
                let zone = Zone::by_name(zone).ok_or_else(|| unknown_zone(name))?;
                return Ok(NamedZone::Abbreviation(name.to_owned(), zone));
            }
            None => {}
        }
        Zone::by_name(name).map(NamedZone::Zone).ok_or_else(|| unknown_zone(name))
    }

    pub fn local_to_utc(&self, local: i64) -> Result<i64> {
        if is_infinite(local) {
            return Ok(local);
        }
        let east = match self {
            NamedZone::Fixed(east) => *east,
            NamedZone::Abbreviation(name, zone) => offset_of_abbreviation(name, zone, &Civil::of(local)),
            NamedZone::Zone(zone) => zone.offset_of_local(local),
        };
        calendar::shift(local, -east)
    }

    pub fn utc_to_local(&self, utc: i64) -> Result<i64> {
        if is_infinite(utc) {
            return Ok(utc);
        }
        calendar::shift(utc, self.offset_at(utc))
    }

    fn offset_at(&self, utc: i64) -> i32 {
        match self {
            NamedZone::Fixed(east) => *east,
            NamedZone::Abbreviation(name, zone) => {
                zone.offset_of_abbreviation(name, utc).map_or_else(|| zone.offset_at(utc), |local| local.east_seconds)
            }
            NamedZone::Zone(zone) => zone.offset_at(utc),
        }
    }

    /// With the offset of the transaction's moment.
    pub fn timetz(&self, time: TimeTz, settings: &Settings) -> TimeTz {
        time.at(-self.offset_at(settings.transaction_micros))
    }

    /// The zone whose clocks `date_trunc` reads.
    pub fn zone(self) -> Zone {
        match self {
            NamedZone::Fixed(east) => Zone::fixed(east),
            NamedZone::Abbreviation(_, zone) | NamedZone::Zone(zone) => zone,
        }
    }
}

/// An interval as an offset, in seconds east of UTC.
pub fn offset_of_interval(interval: &Interval) -> Result<i32> {
    let seconds = interval.micros / MICROS_PER_SECOND;
    if interval.months == 0 && interval.days == 0 {
        return i32::try_from(seconds).map_err(|_| calendar::timestamp_out_of_range());
    }
    let mut shown = String::new();
    format::interval(interval, IntervalStyle::Postgres, &mut shown);
    let message = format!("interval time zone \"{shown}\" must not include months or days");
    Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message))
}
