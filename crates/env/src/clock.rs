//! Time: the wall clock, the monotonic clock, and waiting.
//!
//! Wall time may jump, drift or stand still and decides nothing but the order in which timestamps look natural;
//! whatever must be right relies on [`Mono`], and only up to a bound on its drift.
//!
//! INVARIANT: [`Clock::mono`] never goes back within one process. Leases rely on it.

use std::{
    fmt,
    ops::{Add, Sub},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::sim::Incarnation;

/// A moment on the monotonic clock, counted from the start of this process. Moments of different processes can't be
/// compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Mono(Duration);

impl Mono {
    pub const ZERO: Mono = Mono(Duration::ZERO);

    /// The moment this long after the start.
    pub fn after_start(elapsed: Duration) -> Mono {
        Mono(elapsed)
    }

    pub fn since_start(self) -> Duration {
        self.0
    }
}

impl Sub for Mono {
    type Output = Duration;

    /// Zero when `earlier` is in fact later: an interval that has not begun has lasted no time.
    fn sub(self, earlier: Mono) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;

    fn add(self, duration: Duration) -> Mono {
        Mono(self.0.saturating_add(duration))
    }
}

impl fmt::Display for Mono {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// The time of [`Clock::timeout`] ran out first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the time ran out")]
pub struct Elapsed;

#[derive(Clone)]
pub struct Clock {
    side: Side,
}

#[derive(Clone)]
enum Side {
    Real { start: Instant },
    Sim(Arc<Incarnation>),
}

impl Clock {
    pub(crate) fn real() -> Clock {
        Clock { side: Side::Real { start: Instant::now() } }
    }

    pub(crate) fn sim(incarnation: Arc<Incarnation>) -> Clock {
        Clock { side: Side::Sim(incarnation) }
    }

    /// Nanoseconds since 1970, as the host believes.
    pub fn wall_ns(&self) -> u64 {
        match &self.side {
            Side::Real { .. } => {
                let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
            }
            Side::Sim(incarnation) => incarnation.wall_ns(),
        }
    }

    pub fn mono(&self) -> Mono {
        match &self.side {
            Side::Real { start } => Mono(start.elapsed()),
            Side::Sim(incarnation) => Mono(incarnation.mono()),
        }
    }

    /// Waits until at least `duration` has passed on the monotonic clock.
    pub async fn sleep(&self, duration: Duration) {
        match &self.side {
            Side::Real { .. } => tokio::time::sleep(duration).await,
            Side::Sim(incarnation) => incarnation.sleep(duration).await,
        }
    }

    /// Waits for `future`, but no longer than `duration`; then the future is dropped.
    pub async fn timeout<T>(&self, duration: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
        tokio::select! {
            biased;
            output = future => Ok(output),
            () = self.sleep(duration) => Err(Elapsed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn real_time_passes() {
        let clock = Clock::real();
        let (before, wall) = (clock.mono(), clock.wall_ns());
        clock.sleep(Duration::from_millis(5)).await;
        assert!(clock.mono() - before >= Duration::from_millis(5));
        assert!(clock.wall_ns() > wall);
        assert_eq!(before - clock.mono(), Duration::ZERO);
        assert_eq!(clock.timeout(Duration::from_millis(1), std::future::pending::<()>()).await, Err(Elapsed));
        assert_eq!(clock.timeout(Duration::from_secs(60), async { 7 }).await, Ok(7));
    }
}
