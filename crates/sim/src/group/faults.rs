//! What goes wrong with voters and their network, drawn before the run begins, and how it is played.

use std::sync::Arc;
use std::time::Duration;

use atoll_consensus::{GroupId, NodeId};
use atoll_env::sim::{NetOptions, SimRng};
use atoll_env::{Fault, fault};

use super::{GROUPS, Run, VOTERS, replica};

#[derive(Clone, Debug)]
pub enum What {
    Crash {
        id: NodeId,
        power: bool,
        down_ms: u64,
    },
    AllOut {
        down_ms: u64,
    },
    /// The leader of this group, with a slow disk, loses the power and is back at once.
    LoseTail {
        group: GroupId,
        slow_ms: u64,
    },
    Isolate {
        id: NodeId,
        lasts_ms: u64,
    },
    Cut {
        from: NodeId,
        to: NodeId,
        lasts_ms: u64,
    },
    SlowSync {
        id: NodeId,
        extra_ms: u64,
        lasts_ms: u64,
    },
    FailSync {
        id: NodeId,
    },
    Hold {
        id: NodeId,
        lasts_ms: u64,
    },
    Purge {
        id: NodeId,
        keep: u64,
    },
    /// A voter is away until the log that it lacks is purged, and perhaps crashes while it takes a snapshot.
    Behind {
        id: NodeId,
        down_ms: u64,
    },
    Transfer {
        group: GroupId,
        to: NodeId,
    },
    Arm {
        point: Fault,
        chance: f64,
        lasts_ms: u64,
    },
    Storm {
        loss: f64,
        lasts_ms: u64,
    },
    Drift {
        id: NodeId,
        ppm: i64,
    },
}

const POINTS: [(Fault, f64); 10] = [
    (fault::CRASH_WAL_BEFORE_WRITE, 0.01),
    (fault::CRASH_WAL_BEFORE_SYNC, 0.01),
    (fault::CRASH_WAL_AFTER_SYNC, 0.01),
    (fault::CRASH_WAL_ROTATE, 0.3),
    (fault::CRASH_WAL_RECOVERY, 0.3),
    (fault::CRASH_BEFORE_APPLY, 0.01),
    (fault::CRASH_AFTER_APPLY, 0.01),
    (fault::CRASH_SNAPSHOT_INSTALL, 0.3),
    (fault::DELAY_WAL_SYNC, 0.1),
    (fault::DELAY_APPLY, 0.1),
];

/// Number, time in milliseconds, and what happens, in the order of times.
pub fn choose(rng: &mut SimRng, safety_ms: u64, without: &[usize]) -> Vec<(usize, u64, What)> {
    let mut whats = vec![What::LoseTail { group: GROUPS[0], slow_ms: 300 }];
    whats.push(What::Crash { id: *rng.pick(&VOTERS), power: true, down_ms: rng.below(2000) });
    for _ in 0..rng.range(12..24) {
        let id = *rng.pick(&VOTERS);
        let group = *rng.pick(&GROUPS);
        let lasts_ms = rng.range(200..4000);
        whats.push(match rng.below(18) {
            0..3 => What::Crash { id, power: rng.chance(0.6), down_ms: rng.below(3000) },
            3 => What::AllOut { down_ms: rng.below(500) },
            4..6 => What::LoseTail { group, slow_ms: rng.range(100..500) },
            6 => What::Isolate { id, lasts_ms },
            7 | 8 => What::Cut { from: id, to: *rng.pick(&VOTERS), lasts_ms },
            9 => What::SlowSync { id, extra_ms: rng.range(5..150), lasts_ms },
            10 => What::FailSync { id },
            11 => What::Hold { id, lasts_ms: lasts_ms / 2 },
            12 => What::Purge { id, keep: rng.below(30) },
            13 => What::Behind { id, down_ms: rng.range(1000..4000) },
            14 => What::Transfer { group, to: id },
            15 => {
                let (point, chance) = *rng.pick(&POINTS);
                What::Arm { point, chance, lasts_ms }
            }
            16 => What::Storm { loss: *rng.pick(&[0.05, 0.2]), lasts_ms },
            _ => What::Drift { id, ppm: rng.below(400) as i64 - 200 },
        });
    }
    let mut items: Vec<(u64, What)> = whats.into_iter().map(|what| (rng.below(safety_ms.max(1)), what)).collect();
    items.sort_by_key(|(at, _)| *at);
    let numbered = items.into_iter().enumerate().map(|(number, (at, what))| (number, at, what));
    numbered.filter(|(number, ..)| !without.contains(number)).collect()
}

pub async fn play(run: Arc<Run>, number: usize, at_ms: u64, what: What) {
    let world = &run.world;
    run.sleep_ms(at_ms).await;
    world.trace("fault", format_args!("{number} {what:?}"));
    match what {
        What::Crash { id, power, down_ms } => replica::crash(&run, id, power, down_ms),
        What::AllOut { down_ms } => VOTERS.iter().for_each(|id| replica::crash(&run, *id, true, down_ms)),
        What::LoseTail { group, slow_ms } => {
            let Some((leader, _)) = run.leader(group) else { return };
            world.slow_sync(leader, Duration::from_millis(slow_ms));
            run.sleep_ms(slow_ms / 2).await;
            world.slow_sync(leader, Duration::ZERO);
            replica::crash(&run, leader, true, 0);
        }
        What::Isolate { id, lasts_ms } => {
            world.isolate(id, &VOTERS);
            run.sleep_ms(lasts_ms).await;
            world.heal_all();
        }
        What::Cut { from, to, lasts_ms } => {
            if from != to {
                world.partition(from, to, true);
                run.sleep_ms(lasts_ms).await;
                world.heal_all();
            }
        }
        What::SlowSync { id, extra_ms, lasts_ms } => {
            world.slow_sync(id, Duration::from_millis(extra_ms));
            run.sleep_ms(lasts_ms).await;
            world.slow_sync(id, Duration::ZERO);
        }
        What::FailSync { id } => world.fail_next_sync(id),
        What::Hold { id, lasts_ms } => {
            world.hold(id);
            run.sleep_ms(lasts_ms).await;
            world.release(id);
        }
        What::Purge { id, keep } => {
            if let Some(replica) = run.replica(id) {
                replica.purge(keep);
            }
        }
        What::Behind { id, down_ms } => {
            replica::crash(&run, id, true, down_ms);
            run.sleep_ms(down_ms * 3 / 4).await;
            for other in VOTERS.into_iter().filter(|other| *other != id) {
                if let Some(replica) = run.replica(other) {
                    replica.purge(0);
                }
            }
            world.arm(fault::CRASH_SNAPSHOT_INSTALL, 0.3);
            run.sleep_ms(down_ms).await;
            world.arm(fault::CRASH_SNAPSHOT_INSTALL, 0.0);
        }
        What::Transfer { group, to } => {
            if let Some((leader, handle)) = run.leader(group)
                && let Some(replica) = run.replica(leader)
            {
                // Fails for many good reasons; what counts is that the group goes on.
                let moved = replica.env.tasks.spawn("transfer", async move { handle.transfer_leader(to).await }).await;
                world.trace("transferred", format_args!("{:?}", moved.map(|moved| moved.is_ok())));
            }
        }
        What::Arm { point, chance, lasts_ms } => {
            world.arm(point, chance);
            run.sleep_ms(lasts_ms).await;
            world.arm(point, 0.0);
        }
        What::Storm { loss, lasts_ms } => {
            world.set_net(NetOptions { loss, ..NetOptions::default() });
            run.sleep_ms(lasts_ms).await;
            world.set_net(NetOptions::default());
        }
        What::Drift { id, ppm } => world.set_clock(id, 0, ppm),
    }
}

/// From here on everything works.
pub fn heal(run: &Run) {
    let world = &run.world;
    world.trace("heal", "");
    run.state.lock().healing = true;
    for point in fault::ALL.iter().filter(|point| !point.is_bug()) {
        world.arm(*point, 0.0);
    }
    world.heal_all();
    // A loss is a fault too: it costs its client a timeout, and those who wait for its locks.
    world.set_net(NetOptions { loss: 0.0, ..NetOptions::default() });
    for id in VOTERS {
        world.slow_sync(id, Duration::ZERO);
        world.release(id);
    }
}
