//! A node's clock: simulated time seen through drift, offset, jumps and standstill.
//!
//! ```text
//! local = anchor_local + (now - anchor_now) × (1 + drift)      runs evenly between changes of the drift
//! wall  = base + local + offset                                or frozen
//! mono  = local - local when the incarnation was booted
//! ```

use std::time::Duration;

use super::Incarnation;

/// A moment in 2025, so that timestamps look like timestamps.
const WALL_BASE_NS: i128 = 1_750_000_000_000_000_000;
const PPM: i128 = 1_000_000;

pub(super) struct NodeClock {
    anchor_now_ns: i128,
    anchor_local_ns: i128,
    drift_ppm: i128,
    offset_ns: i128,
    frozen_wall_ns: Option<u64>,
}

impl NodeClock {
    pub(super) fn new() -> NodeClock {
        NodeClock { anchor_now_ns: 0, anchor_local_ns: 0, drift_ppm: 0, offset_ns: 0, frozen_wall_ns: None }
    }

    pub(super) fn local_ns(&self, now: Duration) -> i128 {
        let elapsed = now.as_nanos() as i128 - self.anchor_now_ns;
        self.anchor_local_ns + elapsed * (PPM + self.drift_ppm) / PPM
    }

    pub(super) fn wall_ns(&self, now: Duration) -> u64 {
        self.frozen_wall_ns
            .unwrap_or_else(|| u64::try_from(WALL_BASE_NS + self.local_ns(now) + self.offset_ns).unwrap_or_default())
    }

    pub(super) fn set(&mut self, now: Duration, offset_ns: i64, drift_ppm: i64) {
        assert!(drift_ppm > -1_000_000, "a clock that runs backwards is no clock");
        self.anchor_local_ns = self.local_ns(now);
        self.anchor_now_ns = now.as_nanos() as i128;
        self.drift_ppm = i128::from(drift_ppm);
        self.offset_ns = i128::from(offset_ns);
    }

    pub(super) fn jump(&mut self, by_ns: i64) {
        self.offset_ns += i128::from(by_ns);
        if let Some(wall_ns) = &mut self.frozen_wall_ns {
            *wall_ns = wall_ns.saturating_add_signed(by_ns);
        }
    }

    pub(super) fn freeze(&mut self, now: Duration, frozen: bool) {
        self.frozen_wall_ns = frozen.then(|| self.wall_ns(now));
    }

    /// The simulated time after which `local_ns` will have passed on this clock, unless its drift changes meanwhile.
    fn wait_for(&self, local_ns: i128) -> Duration {
        let rate = PPM + self.drift_ppm;
        let ns = (local_ns.saturating_mul(PPM).saturating_add(rate - 1)) / rate;
        Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
    }
}

impl Incarnation {
    pub(crate) fn wall_ns(&self) -> u64 {
        self.world.on_node(self.node, |node, now| node.clock.wall_ns(now))
    }

    pub(crate) fn mono(&self) -> Duration {
        let local_ns = self.world.on_node(self.node, |node, now| node.clock.local_ns(now));
        Duration::from_nanos(u64::try_from(local_ns - self.booted_local_ns).unwrap_or_default())
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        let until = self.mono().saturating_add(duration);
        loop {
            self.while_alive().await;
            let remaining = until.saturating_sub(self.mono());
            if remaining.is_zero() {
                return;
            }
            let wait = self.world.on_node(self.node, |node, _| node.clock.wait_for(remaining.as_nanos() as i128));
            // The drift may change during the wait, so look again afterwards.
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_offset_jump_and_freeze() {
        let second = Duration::from_secs(1);
        let mut clock = NodeClock::new();
        let start = clock.wall_ns(Duration::ZERO);
        clock.set(Duration::ZERO, 5, 100_000);
        assert_eq!(clock.wall_ns(second), start + 1_100_000_000 + 5);
        assert_eq!(clock.wait_for(1_100_000_000), second);
        clock.set(second, 0, -500_000);
        assert_eq!(clock.local_ns(second * 3), 1_100_000_000 + 1_000_000_000);
        clock.jump(-2_000_000_000);
        assert_eq!(clock.wall_ns(second * 3), start + 100_000_000);
        clock.freeze(second * 3, true);
        assert_eq!(clock.wall_ns(second * 9), start + 100_000_000);
        clock.freeze(second * 9, false);
        assert_eq!(clock.wall_ns(second * 9), start + 3_100_000_000);
    }
}
