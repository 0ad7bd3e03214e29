//! A session's time zone.

/// UTC, a named zone or a fixed offset. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Zone;

impl Zone {
    pub fn utc() -> Zone {
        Zone
    }
}
