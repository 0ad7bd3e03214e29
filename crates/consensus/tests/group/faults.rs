//! Random faults, and the one bug that this crate must never have.
//!
//! Each seed is a schedule of power failures, kills, crashes at the worst places, partitions, slow and failing disks and
//! purges under clients that write; then everything is healed and checked. The planted bug needs aim: a leader must lose a tail that
//! its followers hold, and be back before they elect another.

use std::time::Duration;

use crate::common::*;
use atoll_consensus::NodeId;
use atoll_env::{Fault, fault};

const CRASHES: &[Fault] = &[
    fault::CRASH_WAL_BEFORE_WRITE,
    fault::CRASH_WAL_BEFORE_SYNC,
    fault::CRASH_WAL_AFTER_SYNC,
    fault::CRASH_WAL_ROTATE,
    fault::CRASH_WAL_PURGE,
    fault::CRASH_BEFORE_APPLY,
    fault::CRASH_AFTER_APPLY,
    fault::CRASH_BEFORE_FLUSH,
    fault::CRASH_AFTER_FLUSH,
];

/// Everything at random, for a while.
async fn storm(cluster: Cluster, rounds: u32) {
    let ids: Vec<_> = (1..=3).map(NodeId).collect();
    cluster.start(1..=3, &[G1, G2]).await;
    let mut rng = cluster.world.rng("storm");
    for id in &ids {
        cluster.world.set_clock(*id, 0, rng.below(400) as i64 - 200);
    }
    let clients = cluster.clients(4, &[G1, G2]);
    for point in CRASHES {
        cluster.world.arm(*point, 0.0005);
    }
    cluster.world.arm(fault::CRASH_BEFORE_FLUSH, 0.1);
    cluster.world.arm(fault::CRASH_AFTER_FLUSH, 0.1);
    cluster.world.arm(fault::CRASH_SNAPSHOT_INSTALL, 0.3);
    cluster.world.arm(fault::DELAY_APPLY, 0.01);
    for _ in 0..rounds {
        cluster.sleep_ms(100 + rng.below(700)).await;
        let id = *rng.pick(&ids);
        match rng.below(11) {
            0..3 => {
                cluster.power_off(id);
                cluster.sleep_ms(rng.below(400)).await;
            }
            3 => {
                cluster.kill(id);
                cluster.sleep_ms(rng.below(100)).await;
            }
            4 => {
                // All at once: what is left must be enough.
                ids.iter().for_each(|id| cluster.power_off(*id));
                cluster.sleep_ms(rng.below(200)).await;
            }
            5 => cluster.world.isolate(id, &ids),
            6 => cluster.world.partition(id, *rng.pick(&ids), true),
            7 => cluster.world.heal_all(),
            8 => cluster.world.slow_sync(id, Duration::from_millis(rng.below(120))),
            9 => cluster.world.fail_next_sync(id),
            _ => {
                for group in [G1, G2] {
                    // The node may go down or the disk be slow meanwhile: purging is nobody's duty.
                    let Some(node) = cluster.running(id) else { continue };
                    let keep = rng.below(30);
                    node.env.clone().tasks.spawn("test.purge", async move {
                        let _ = node.flush_and_purge(group, keep).await;
                    });
                }
            }
        }
        cluster.ensure_running(&ids, &[G1, G2]).await;
    }
    for point in CRASHES.iter().chain([&fault::CRASH_SNAPSHOT_INSTALL, &fault::DELAY_APPLY]) {
        cluster.world.arm(*point, 0.0);
    }
    cluster.world.heal_all();
    for id in &ids {
        cluster.world.slow_sync(*id, Duration::ZERO);
    }
    clients.stop().await;
    // Syncs that were told to fail may do so only now, several on one disk.
    for _ in 0..10 {
        cluster.ensure_running(&ids, &[G1, G2]).await;
        if let Some((_, leader)) = cluster.leader(G1) {
            let proposed = cluster.propose(G1, &leader, cluster.next_command(1, 0));
            let _ = cluster.clients.clock.timeout(Duration::from_secs(2), proposed).await;
        }
        cluster.sleep_ms(500).await;
    }
    cluster.check(G1).await;
    cluster.check(G2).await;
}

#[test]
fn acknowledged_commands_survive_random_faults() {
    let (mut acknowledged, mut scenarios) = (0, 0);
    for seed in seeds(100..112) {
        scenarios += 1;
        acknowledged += stormy(seed, |cluster| async move {
            storm(cluster.clone(), 20).await;
            cluster.acknowledged()
        });
    }
    assert!(acknowledged > 30 * scenarios, "only {acknowledged} in all: the faults leave nothing to check");
}

/// A leader whose disk is slow loses the power and is back at once. Returns whether replicas came to differ.
async fn lose_the_tail(cluster: Cluster, rounds: u32) -> bool {
    cluster.start(1..=3, &[G1]).await;
    let clients = cluster.clients(3, &[G1]);
    for _ in 0..rounds {
        let (leader, _) = cluster.await_leader(G1).await;
        cluster.world.slow_sync(leader, Duration::from_millis(300));
        cluster.sleep_ms(150).await;
        cluster.power_off(leader);
        cluster.world.slow_sync(leader, Duration::ZERO);
        cluster.boot(leader, &[G1]).await;
        cluster.sleep_ms(400).await;
        if !cluster.ledger.lock().violations.is_empty() {
            return true;
        }
    }
    clients.stop().await;
    cluster.check(G1).await;
    false
}

#[test]
fn a_leader_that_lost_its_tail_never_resumes() {
    for seed in seeds(0..6) {
        assert!(!calm(seed, |cluster| lose_the_tail(cluster, 4)), "seed {seed}");
    }
}

#[test]
fn the_checker_catches_a_leader_that_resumes_without_its_tail() {
    let mut caught = 0;
    for seed in 0..6 {
        caught += calm(seed, |cluster| async move {
            cluster.world.plant(fault::BUG_LEADER_RESTORE);
            lose_the_tail(cluster, 4).await as u32
        });
    }
    eprintln!("caught in {caught} of 6 seeds");
    assert!(caught > 0, "the planted bug went unnoticed");
}
