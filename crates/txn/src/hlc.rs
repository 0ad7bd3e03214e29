//! The hybrid logical clock of a node: follows the wall clock where it can, and every timestamp it meets where it must.
//!
//! Follows Kulkarni et al., "Logical Physical Clocks" (2014). The wall clock comes in as an argument.
//!
//! INVARIANT: `now` returns strictly increasing timestamps, whatever the wall clock does. Unique commit timestamps of one
//! node and uncertainty (a version that bears a clock above the observed one was written later) rely on it.
//!
//! INVARIANT: after `observe(ts)` or `forward(ts)`, `now` is above `ts`. Causality between nodes relies on it.
//!
//! It does not survive a restart: the log does that, as each applied entry moves the clock forward.

use std::time::Duration;

use parking_lot::Mutex;

use crate::timestamp::Timestamp;

/// How far ahead of our wall clock others may be: far enough for every clock that is merely wrong, near enough that a
/// broken one can't use up the years that timestamps have left.
pub const HORIZON: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
pub struct Hlc {
    horizon_ns: u64,
    /// The highest timestamp that was given out or met.
    last: Mutex<Timestamp>,
}

/// The message that carried this clock must not be acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a clock shows {seen}, further ahead of ours ({physical_ns} ns) than is accepted")]
pub struct TooFarAhead {
    pub seen: Timestamp,
    pub physical_ns: u64,
}

impl Default for Hlc {
    fn default() -> Hlc {
        Hlc::new(HORIZON)
    }
}

impl Hlc {
    pub fn new(horizon: Duration) -> Hlc {
        let horizon_ns = u64::try_from(horizon.as_nanos()).unwrap_or(u64::MAX);
        Hlc { horizon_ns, last: Mutex::new(Timestamp::ZERO) }
    }

    pub fn now(&self, physical_ns: u64) -> Timestamp {
        let mut last = self.last.lock();
        *last = last.next().max(Timestamp::new(physical_ns, 0));
        *last
    }

    /// A message carried this clock. One that does not move ours is accepted wherever our wall clock is: refusing it
    /// would only cut this node off after its wall clock was set back.
    pub fn observe(&self, seen: Timestamp, physical_ns: u64) -> Result<(), TooFarAhead> {
        let mut last = self.last.lock();
        if seen > *last {
            if seen.wall > physical_ns.saturating_add(self.horizon_ns) {
                return Err(TooFarAhead { seen, physical_ns });
            }
            *last = seen;
        }
        Ok(())
    }

    /// A timestamp out of the range's own log: it has been agreed on, so it is not for this node to refuse.
    pub fn forward(&self, applied: Timestamp) {
        let mut last = self.last.lock();
        *last = applied.max(*last);
    }

    /// The highest timestamp that was given out or met, without moving the clock.
    pub fn read(&self) -> Timestamp {
        *self.last.lock()
    }
}

#[cfg(test)]
mod tests {
    use atoll_env::rng::Rng;

    use super::*;

    #[test]
    fn follows_the_wall_clock_and_counts_within_a_moment() {
        let clock = Hlc::default();
        assert_eq!(clock.now(10), Timestamp::new(10, 0));
        assert_eq!(clock.now(10), Timestamp::new(10, 1));
        assert_eq!(clock.now(9), Timestamp::new(10, 2));
        assert_eq!(clock.now(11), Timestamp::new(11, 0));
        assert_eq!(clock.read(), Timestamp::new(11, 0));
    }

    #[test]
    fn never_goes_back_and_stays_above_what_it_met() {
        let mut rng = Rng::new(3);
        let clock = Hlc::new(Duration::from_nanos(50));
        let (mut last, mut physical, mut refused, mut ahead) = (Timestamp::ZERO, 1000u64, 0, 0);
        for _ in 0..20_000 {
            physical = (physical + rng.below(20)).saturating_sub(rng.below(19));
            let ts = Timestamp::new(physical.saturating_sub(60) + rng.below(130), rng.below(4) as u32);
            match rng.below(20) {
                0 => {
                    clock.forward(ts);
                    last = last.max(ts);
                }
                1..8 => match clock.observe(ts, physical) {
                    Ok(()) => last = last.max(ts),
                    Err(_) => {
                        assert!(ts.wall > physical + 50 && ts > last);
                        refused += 1;
                    }
                },
                _ => {
                    let now = clock.now(physical);
                    assert!(now > last && now.wall >= physical);
                    ahead += u32::from(now.wall > physical);
                    last = now;
                }
            }
            assert_eq!(clock.read(), last);
        }
        assert!(refused > 0 && ahead > 0);
    }

    #[test]
    fn the_horizon() {
        let clock = Hlc::default();
        let day = HORIZON.as_nanos() as u64;
        let beyond = Timestamp::new(day + 1001, 0);
        assert_eq!(clock.observe(beyond, 1000), Err(TooFarAhead { seen: beyond, physical_ns: 1000 }));
        assert_eq!(clock.read(), Timestamp::ZERO);
        assert_eq!(clock.observe(Timestamp::new(day + 1000, u32::MAX), 1000), Ok(()));
        assert_eq!(clock.now(1001), Timestamp::new(day + 1001, 0));
        // Applied entries are followed anywhere, and what lies below then moves nothing.
        clock.forward(Timestamp::new(9 * day, 0));
        assert_eq!(clock.observe(Timestamp::new(8 * day, 0), 1000), Ok(()));
        assert!(clock.observe(Timestamp::new(9 * day, 1), 1000).is_err());
    }
}
