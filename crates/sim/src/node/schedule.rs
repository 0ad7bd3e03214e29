//! What goes wrong and when, drawn before the run begins, so that it can be printed, and cut down when a run fails.

use std::fmt;
use std::time::Duration;

use atoll_env::sim::SimRng;
use atoll_env::{Fault, NodeId, fault};
use bytes::Bytes;

use super::{FIRST_REMOTE, N1, Plan};
use crate::workload::{register, split_key};

#[derive(Clone, Debug)]
pub struct Item {
    pub number: usize,
    /// After the start of the safety phase.
    pub at: Duration,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    /// Perhaps once more while it comes back.
    Crash {
        node: NodeId,
        power: bool,
        down: Duration,
        again: Option<Duration>,
    },
    Close {
        node: NodeId,
        down: Duration,
    },
    /// A fault point comes true with this chance for a while.
    Arm {
        point: Fault,
        chance: f64,
        lasts: Duration,
    },
    /// Crashes, and again at once while it recovers.
    CrashInRecovery {
        node: NodeId,
        chance: f64,
        lasts: Duration,
    },
    FailSync {
        node: NodeId,
    },
    SlowSync {
        node: NodeId,
        extra: Duration,
        lasts: Duration,
    },
    /// Only this much room is left.
    Full {
        node: NodeId,
        left: u64,
        lasts: Duration,
    },
    Jump {
        node: NodeId,
        by_ns: i64,
    },
    Drift {
        node: NodeId,
        offset_ns: i64,
        ppm: i64,
    },
    Freeze {
        node: NodeId,
        lasts: Duration,
    },
    Partition {
        from: NodeId,
        to: NodeId,
        one_way: bool,
        lasts: Duration,
    },
    /// Whoever serves this key is cut off from all other nodes; or from everybody, with a clock that stands still. What it
    /// reads then stays below the last ceiling of reads, which keeps a node whose time goes on from serving for long,
    /// whatever its lease.
    Isolate {
        holder_of: Bytes,
        wholly: bool,
        lasts: Duration,
    },
    Storm {
        loss: f64,
        duplicate: f64,
        tail: f64,
        lasts: Duration,
    },
    Hold {
        node: NodeId,
        lasts: Duration,
    },
    Split {
        node: NodeId,
        at: Bytes,
    },
    Checkpoint {
        node: NodeId,
    },
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>3} at {:>6.3} {:?}", self.number, self.at.as_secs_f64(), self.what)
    }
}

const POINTS: [(Fault, f64); 10] = [
    (fault::CRASH_WAL_BEFORE_WRITE, 0.01),
    (fault::CRASH_WAL_BEFORE_SYNC, 0.01),
    (fault::CRASH_WAL_AFTER_SYNC, 0.01),
    (fault::CRASH_WAL_ROTATE, 0.4),
    (fault::CRASH_WAL_PURGE, 0.4),
    (fault::CRASH_BEFORE_APPLY, 0.01),
    (fault::CRASH_AFTER_APPLY, 0.01),
    (fault::CRASH_BEFORE_FLUSH, 0.5),
    (fault::DELAY_FLUSH, 0.5),
    (fault::CRASH_AFTER_FLUSH, 0.5),
];

fn ms(rng: &mut SimRng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.range(range))
}

/// The items in the order of their times, without those whose numbers are left out.
/// What needs several nodes has numbers of its own.
pub fn choose(rng: &mut SimRng, several: &mut SimRng, plan: &Plan, without: &[usize]) -> Vec<Item> {
    let safety = plan.safety.as_millis() as u64;
    let mut whats = Vec::new();
    // Every schedule has these; the rest is drawn.
    whats.push(What::Crash { power: true, down: ms(rng, 0..1500), again: None, node: one(rng, plan) });
    whats.push(What::Crash { power: rng.chance(0.5), down: ms(rng, 0..500), again: None, node: one(rng, plan) });
    for _ in 0..rng.range(2..6) {
        whats.push(What::Split { at: split_key(rng), node: one(rng, plan) });
    }
    for _ in 0..rng.range(8..22) {
        whats.push(draw(rng, plan));
    }
    if plan.sql && plan.nodes > 1 {
        // Long enough for others to give up what the node's sessions hold.
        for _ in 0..several.range(1..4) {
            let lasts = ms(several, 2000..14_000);
            whats.push(What::Isolate { holder_of: split_key(several), wholly: false, lasts });
        }
    }
    let mut items: Vec<(Duration, What)> =
        whats.into_iter().map(|what| (Duration::from_millis(rng.below(safety.max(1))), what)).collect();
    if plan.nodes > 1 {
        for _ in 0..several.range(3..7) {
            let at = Duration::from_millis(several.below(safety.max(1)));
            items.push((at, isolate(several)));
        }
        if several.chance(0.5) {
            let lasts = ms(several, 6000..25_000);
            let crash = What::Arm { point: fault::CRASH_SNAPSHOT_INSTALL, chance: 0.3, lasts };
            items.push((Duration::from_millis(several.below(safety.max(1))), crash));
        }
    }
    items.sort_by_key(|(at, _)| *at);
    let numbered = items.into_iter().enumerate().map(|(number, (at, what))| Item { number, at, what });
    numbered.filter(|item| !without.contains(&item.number)).collect()
}

/// One of the nodes. Nothing is drawn where there is no choice, so that seeds of one node stay what they were.
fn one(rng: &mut SimRng, plan: &Plan) -> NodeId {
    if plan.nodes == 1 { N1 } else { NodeId(N1.0 + rng.below(plan.nodes)) }
}

fn isolate(rng: &mut SimRng) -> What {
    What::Isolate { holder_of: register::any_key(rng), wholly: rng.chance(0.7), lasts: ms(rng, 3000..8000) }
}

fn draw(rng: &mut SimRng, plan: &Plan) -> What {
    let remote = NodeId(FIRST_REMOTE + rng.below(plan.remote));
    let node = one(rng, plan);
    let anyone = if rng.chance(0.5) { node } else { remote };
    match rng.below(24) {
        0..3 => {
            let again = rng.chance(0.3).then(|| ms(rng, 0..60));
            What::Crash { node, power: rng.chance(0.6), down: ms(rng, 0..1800), again }
        }
        3 => What::Close { node, down: ms(rng, 0..500) },
        4..8 => {
            let (point, chance) = *rng.pick(&POINTS);
            // The rare ones need time.
            let lasts = if chance > 0.1 { ms(rng, 6000..25_000) } else { ms(rng, 2000..8000) };
            What::Arm { point, chance, lasts }
        }
        8 => What::CrashInRecovery { node, chance: 0.3, lasts: ms(rng, 200..1500) },
        9 | 10 => {
            let delays: Vec<Fault> = fault::ALL.iter().copied().filter(|point| point.is_delay()).collect();
            What::Arm { point: *rng.pick(&delays), chance: *rng.pick(&[0.02, 0.2]), lasts: ms(rng, 500..6000) }
        }
        11 => What::FailSync { node },
        12 => What::SlowSync { node, extra: ms(rng, 5..200), lasts: ms(rng, 300..3000) },
        13 => What::Full { node, left: rng.below(3 << 20), lasts: ms(rng, 500..4000) },
        14 => {
            let most = *rng.pick(&[1_000_000, 1_000_000_000, 3_600_000_000_000]);
            let by_ns = rng.below(most) as i64;
            What::Jump { node: anyone, by_ns: if rng.chance(0.5) { by_ns } else { -by_ns } }
        }
        15 => {
            let offset_ns = rng.below(10_000_000_000) as i64 - 5_000_000_000;
            What::Drift { node: anyone, offset_ns, ppm: rng.below(1000) as i64 - 500 }
        }
        16 => What::Freeze { node: anyone, lasts: ms(rng, 500..8000) },
        17 | 18 => {
            let (one_way, turned) = (rng.chance(0.4), rng.chance(0.5));
            let lasts = ms(rng, 300..9000);
            // Between nodes where there are several, and now and then from a client.
            let (a, b) = match plan.nodes {
                1 => (remote, N1),
                _ if rng.chance(0.25) => (remote, node),
                nodes => (NodeId(N1.0 + (node.0 - N1.0 + rng.range(1..nodes)) % nodes), node),
            };
            let (from, to) = if turned { (b, a) } else { (a, b) };
            What::Partition { from, to, one_way, lasts }
        }
        19 | 20 => {
            let chance = |rng: &mut SimRng| *rng.pick(&[0.0, 0.02, 0.2]);
            let (loss, duplicate, tail) = (chance(rng), chance(rng), chance(rng));
            What::Storm { loss, duplicate, tail, lasts: ms(rng, 500..6000) }
        }
        21 => What::Hold { node: anyone, lasts: ms(rng, 100..4000) },
        22 => What::Split { node, at: split_key(rng) },
        _ => What::Checkpoint { node },
    }
}
