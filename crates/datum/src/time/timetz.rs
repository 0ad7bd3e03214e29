//! A time of day at a fixed offset.

use std::cmp::Ordering;

use super::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND};

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

    pub const KEY_BYTES: usize = 12;

    /// Bytes whose order is the order of the values.
    pub fn encode_key(&self) -> [u8; TimeTz::KEY_BYTES] {
        let mut key = [0; TimeTz::KEY_BYTES];
        key[..8].copy_from_slice(&(self.utc() ^ i64::MIN).to_be_bytes());
        key[8..].copy_from_slice(&(self.west_seconds ^ i32::MIN).to_be_bytes());
        key
    }

    /// None for bytes that no value encodes to.
    pub fn decode_key(key: &[u8; TimeTz::KEY_BYTES]) -> Option<TimeTz> {
        let (utc, west) = key.split_first_chunk::<8>()?;
        let west_seconds = i32::from_be_bytes(*west.first_chunk()?) ^ i32::MIN;
        let utc = i64::from_be_bytes(*utc) ^ i64::MIN;
        let micros = utc.checked_sub(i64::from(west_seconds) * MICROS_PER_SECOND)?;
        Some(TimeTz { micros, west_seconds })
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
