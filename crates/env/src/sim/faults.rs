//! Which fault points come true, and how often they were passed.

use std::{collections::BTreeMap, time::Duration};

use super::{Incarnation, World};
use crate::{Fault, disk::CrashKind, rng::Rng};

/// What happened at one fault point.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PointStats {
    /// How often a node passed it.
    pub passed: u64,
    /// How often it came true.
    pub bit: u64,
}

pub(super) struct FaultState {
    rng: Rng,
    /// Chances, by the name of the point.
    armed: BTreeMap<&'static str, f64>,
    points: BTreeMap<&'static str, PointStats>,
}

impl FaultState {
    pub(super) fn new(seed: u64) -> FaultState {
        FaultState { rng: Rng::stream(seed, "faults"), armed: BTreeMap::new(), points: BTreeMap::new() }
    }

    fn pass(&mut self, fault: Fault) -> bool {
        let stats = self.points.entry(fault.name()).or_default();
        stats.passed += 1;
        let comes_true = match self.armed.get(fault.name()) {
            Some(chance) => self.rng.chance(*chance),
            None => false,
        };
        stats.bit += u64::from(comes_true);
        comes_true
    }
}

impl Incarnation {
    pub(crate) fn fault_here(&self, fault: Fault) -> bool {
        if !self.is_alive() {
            return false;
        }
        let comes_true = self.world.lock().faults.pass(fault);
        if comes_true {
            self.world.trace(fault.name(), self.node);
        }
        comes_true
    }

    pub(crate) fn fault_threatens(&self, fault: Fault) -> bool {
        self.world.lock().faults.armed.get(fault.name()).is_some_and(|chance| *chance > 0.0)
    }

    pub(crate) async fn crash_here(&self, fault: Fault) {
        if self.fault_here(fault) {
            let power = self.world.lock().faults.rng.chance(0.5);
            self.world.crash_at_point(self.node, if power { CrashKind::Power } else { CrashKind::Kill });
        }
        self.while_alive().await;
    }

    pub(crate) async fn delay_here(&self, fault: Fault) {
        if self.fault_here(fault) {
            let delay_ms = self.world.lock().faults.rng.range(1..200);
            self.sleep(Duration::from_millis(delay_ms)).await;
        }
    }
}

impl World {
    /// From now on this fault comes true with the given chance each time a node passes it; with 0, never.
    pub fn arm(&self, fault: Fault, chance: f64) {
        assert!(!fault.is_bug() || chance == 0.0, "a bug is planted, not armed");
        self.lock().faults.armed.insert(fault.name(), chance);
    }

    /// Turns a bug on, everywhere and always.
    pub fn plant(&self, bug: Fault) {
        assert!(bug.is_bug(), "{bug} is no bug");
        self.lock().faults.armed.insert(bug.name(), 1.0);
    }

    /// Every fault point that was passed, and what came of it.
    pub fn points(&self) -> BTreeMap<&'static str, PointStats> {
        self.lock().faults.points.clone()
    }
}
