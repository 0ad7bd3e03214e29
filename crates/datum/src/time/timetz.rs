//! A time of day at a fixed offset.

use std::cmp::Ordering;

use super::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND};
use crate::error::{Error, Result};
use crate::sqlstate;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeTz {
    /// Since midnight there.
    pub micros: i64,
    /// Seconds west of UTC, as PostgreSQL keeps it.
    pub west_seconds: i32,
}

impl TimeTz {
    /// Since midnight in Greenwich; perhaps of the day before or after.
    pub fn utc(&self) -> i64 {
        self.micros + i64::from(self.west_seconds) * MICROS_PER_SECOND
    }

    /// The same moment as clocks elsewhere show it.
    pub fn at(&self, west_seconds: i32) -> TimeTz {
        let micros = self.utc() - i64::from(west_seconds) * MICROS_PER_SECOND;
        TimeTz { micros: micros.rem_euclid(MICROS_PER_DAY), west_seconds }
    }

    /// Bytes whose order is the order of the values: the moment, then the zone.
    pub fn encode_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.utc() ^ i64::MIN).to_be_bytes());
        out.extend_from_slice(&(self.west_seconds ^ i32::MIN).to_be_bytes());
    }

    /// Takes one value off the front.
    pub fn decode_key(input: &mut &[u8]) -> Result<TimeTz> {
        let damaged = || Error::new(sqlstate::DATA_CORRUPTED, "the key of a time with time zone is damaged");
        let (utc, rest) = input.split_first_chunk().ok_or_else(damaged)?;
        let (west, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let west_seconds = i32::from_be_bytes(*west) ^ i32::MIN;
        let utc = i64::from_be_bytes(*utc) ^ i64::MIN;
        let micros = utc.checked_sub(i64::from(west_seconds) * MICROS_PER_SECOND).ok_or_else(damaged)?;
        *input = rest;
        Ok(TimeTz { micros, west_seconds })
    }
}

/// By the moment, then by the zone.
impl Ord for TimeTz {
    fn cmp(&self, other: &TimeTz) -> Ordering {
        self.utc().cmp(&other.utc()).then(self.west_seconds.cmp(&other.west_seconds))
    }
}

impl PartialOrd for TimeTz {
    fn partial_cmp(&self, other: &TimeTz) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
