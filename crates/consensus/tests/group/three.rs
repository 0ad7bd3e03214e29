//! Three voters: elections, partitions, crashes, snapshots, members that come and go.

use std::time::Duration;

use crate::common::*;
use atoll_consensus::{Error, Group, NodeId, membership, propose};
use atoll_env::fault;

fn others(leader: NodeId) -> Vec<NodeId> {
    (1..=3).map(NodeId).filter(|id| *id != leader).collect()
}

#[test]
fn a_lost_leader_is_replaced_within_three_seconds() {
    for seed in 0..5 {
        calm(seed, |cluster| async move {
            cluster.start(1..=3, &[G1]).await;
            cluster.must_propose(G1, 10).await;
            let (old, _) = cluster.await_leader(G1).await;
            let lost_at = cluster.world.now();
            cluster.power_off(old);
            let (new, leader) = cluster.await_leader(G1).await;
            assert_ne!(new, old);
            cluster.propose(G1, &leader, cluster.next_command(2, 0)).await.unwrap();
            let took = cluster.world.now() - lost_at;
            assert!(took < Duration::from_secs(3), "seed {seed}: {took:?}");
            cluster.boot(old, &[G1]).await;
            cluster.check(G1).await;
        });
    }
}

#[test]
fn a_leader_without_a_quorum_acknowledges_nothing_and_serves_no_barrier() {
    calm(2, |cluster| async move {
        cluster.start(1..=3, &[G1]).await;
        cluster.must_propose(G1, 3).await;
        let (old, stale) = cluster.await_leader(G1).await;
        cluster.world.isolate(old, &others(old));
        let write = {
            let (cluster, stale) = (cluster.clone(), stale.clone());
            let command = cluster.next_command(3, 0);
            cluster.clients.clone().tasks.spawn("test.write", async move { cluster.propose(G1, &stale, command).await })
        };
        let acked = stale.quorum_acked();
        assert!(stale.barrier().await.is_err());
        cluster.must_propose(G1, 3).await;
        assert_eq!(
            stale.quorum_acked().filter(|later| Some(*later) > acked.map(|at| at + Duration::from_secs(1))),
            None
        );
        cluster.world.heal_all();
        let written = write.await.unwrap();
        assert!(
            matches!(written, Err(propose::Error::Unknown | propose::Error::NotLeader { .. })),
            "acknowledged without a quorum: {written:?}"
        );
        cluster.check(G1).await;
        assert_ne!(cluster.await_leader(G1).await.0, old);
    });
}

#[test]
fn a_partial_partition_leaves_a_working_leader() {
    for seed in 0..4 {
        calm(seed, |cluster| async move {
            cluster.start(1..=3, &[G1]).await;
            cluster.must_propose(G1, 3).await;
            let (old, _) = cluster.await_leader(G1).await;
            // The leader and one follower do not hear each other; the third hears both.
            cluster.world.partition(old, others(old)[0], false);
            cluster.must_propose(G1, 5).await;
            cluster.world.heal_all();
            // Now the leader is heard by one follower only in one direction.
            let (old, _) = cluster.await_leader(G1).await;
            cluster.world.partition(old, others(old)[0], true);
            cluster.world.partition(others(old)[1], old, true);
            cluster.must_propose(G1, 5).await;
            cluster.world.heal_all();
            cluster.check(G1).await;
        });
    }
}

#[test]
fn a_restarted_voter_keeps_silent_for_a_lease() {
    calm(3, |cluster| async move {
        cluster.start(1..=3, &[G1]).await;
        cluster.must_propose(G1, 3).await;
        let (leader, _) = cluster.await_leader(G1).await;
        let follower = others(leader)[0];
        cluster.kill(follower);
        let restarted = cluster.boot(follower, &[G1]).await;
        // Without the leader, the two others have a quorum only once the restarted one votes.
        cluster.power_off(leader);
        let began = restarted.env.clock.mono();
        cluster.await_leader(G1).await;
        let silence = cluster.options.lease_max + cluster.options.lease_margin;
        let elected = restarted.env.clock.mono();
        assert!(elected.since_start() >= silence, "elected {elected} after the start, silent until {silence:?}");
        assert!(elected - began < silence + Duration::from_secs(3), "{:?}", elected - began);
        cluster.boot(leader, &[G1]).await;
        cluster.check(G1).await;
    });
}

#[test]
fn leadership_goes_where_it_is_sent() {
    calm(4, |cluster| async move {
        cluster.start(1..=3, &[G1]).await;
        cluster.must_propose(G1, 5).await;
        // Until everybody's silence is over.
        cluster.sleep_ms(1500).await;
        let (old, leader) = cluster.await_leader(G1).await;
        let to = others(old)[1];
        assert!(leader.quorum_acked().is_some());
        let began = cluster.world.now();
        leader.transfer_leader(to).await.unwrap();
        assert_eq!(leader.quorum_acked(), None);
        assert!(cluster.world.now() - began < Duration::from_millis(200), "{:?}", cluster.world.now() - began);
        let (new, _) = cluster.await_leader(G1).await;
        assert_eq!(new, to);
        assert!(
            matches!(leader.transfer_leader(old).await, Err(membership::Error::NotLeader { leader }) if leader == Some(to))
        );
        cluster.check(G1).await;
    });
}

#[test]
fn a_failed_transfer_takes_the_lease_away_and_leaves_a_group_that_works() {
    calm(5, |cluster| async move {
        cluster.start(1..=3, &[G1]).await;
        cluster.must_propose(G1, 5).await;
        let (old, leader) = cluster.await_leader(G1).await;
        let to = others(old)[1];
        cluster.power_off(to);
        let transfer = leader.transfer_leader(to);
        let (moved, ()) = tokio::join!(transfer, async {
            cluster.sleep_ms(5).await;
            assert_eq!(leader.quorum_acked(), None);
        });
        assert!(moved.is_err(), "{moved:?}");
        cluster.must_propose(G1, 3).await;
        cluster.boot(to, &[G1]).await;
        cluster.check(G1).await;
    });
}

/// Long enough that the state has several chunks.
const PADDING: usize = 8 << 10;

async fn fill(cluster: &Cluster, count: u64) {
    for _ in 0..count {
        let (_, leader) = cluster.await_leader(G1).await;
        cluster.propose(G1, &leader, cluster.next_command(5, PADDING)).await.unwrap();
    }
}

#[test]
fn a_follower_behind_the_purged_log_gets_a_snapshot() {
    calm(6, |cluster| async move {
        cluster.start(1..=3, &[G1]).await;
        cluster.must_propose(G1, 3).await;
        let (leader_id, leader) = cluster.await_leader(G1).await;
        let behind = others(leader_id)[0];
        cluster.power_off(behind);
        fill(&cluster, 100).await;
        cluster.node(leader_id).flush_and_purge(G1, 2).await.unwrap();
        let purged = leader.status().purged;
        assert!(purged > Some(90), "{purged:?}");
        let node = cluster.boot(behind, &[G1]).await;
        cluster.check(G1).await;
        let status = node.group(G1).unwrap().status();
        assert!(status.purged >= purged, "it was served by the log: {status:?}");
        // What came by snapshot survives, and the replica goes on from there.
        cluster.power_off(behind);
        cluster.must_propose(G1, 3).await;
        cluster.boot(behind, &[G1]).await;
        cluster.check(G1).await;
        let files = cluster.world.files(behind);
        assert!(!files.iter().any(|(path, _)| path.starts_with("snapshots")), "{files:?}");
    });
}

#[test]
fn a_crash_while_a_snapshot_is_installed_is_made_good() {
    let mut crashed = 0;
    for seed in 0..8 {
        crashed += calm(seed, |cluster| async move {
            cluster.start(1..=3, &[G1]).await;
            cluster.must_propose(G1, 3).await;
            let (leader_id, _) = cluster.await_leader(G1).await;
            let behind = others(leader_id)[0];
            cluster.power_off(behind);
            fill(&cluster, 60).await;
            cluster.node(leader_id).flush_and_purge(G1, 2).await.unwrap();
            cluster.world.arm(fault::CRASH_SNAPSHOT_INSTALL, 0.5);
            cluster.boot(behind, &[G1]).await;
            let mut crashed = 0;
            let crash = cluster.clients.clock.timeout(Duration::from_secs(5), cluster.world.next_crash()).await;
            if let Ok(id) = crash {
                crashed = 1;
                assert_eq!(id, behind);
                cluster.crashed(id);
                cluster.world.arm(fault::CRASH_SNAPSHOT_INSTALL, 0.0);
                // The operating system's copy goes too.
                cluster.power_off(id);
                // It gets its state from any replica, even without a leader.
                if seed % 2 == 0 {
                    cluster.power_off(leader_id);
                }
                cluster.boot(id, &[G1]).await;
                if seed % 2 == 0 {
                    cluster.sleep_ms(500).await;
                    cluster.boot(leader_id, &[G1]).await;
                }
            }
            cluster.world.arm(fault::CRASH_SNAPSHOT_INSTALL, 0.0);
            cluster.check(G1).await;
            crashed
        });
    }
    assert!(crashed >= 3, "the crash point bit {crashed} times only");
}

#[test]
fn a_replica_whose_state_fell_behind_its_log_fetches_it_when_told_to() {
    calm(7, |cluster| async move {
        let mut fetching = cluster.clone();
        fetching.options.fetch_on_gap = true;
        cluster.start(1..=3, &[G1]).await;
        fill(&cluster, 40).await;
        cluster.sleep_ms(500).await;
        let (leader_id, _) = cluster.await_leader(G1).await;
        let id = others(leader_id)[1];
        // Not flushed before, as if the engine had lied.
        cluster.node(id).group(G1).unwrap().purge(35).await.unwrap();
        // A power cut takes any number of unflushed batches; one of a few takes enough.
        for _ in 0..20 {
            cluster.power_off(id);
            let node = cluster.boot(id, &[]).await;
            match node.open(&cluster, G1).await {
                Ok(_) => cluster.sleep_ms(20).await,
                Err(Error::Gap { first: 36, .. }) => {
                    node.open(&fetching, G1).await.unwrap();
                    cluster.check(G1).await;
                    return;
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no power cut took the unflushed state");
    });
}

#[test]
fn members_come_as_learners_vote_and_go() {
    calm(8, |cluster| async move {
        cluster.start([1], &[G1]).await;
        cluster.must_propose(G1, 10).await;
        let (_, first) = cluster.await_leader(G1).await;
        let unknown = first.change_membership(nodes([1, 2]), nodes([])).await;
        assert!(matches!(unknown, Err(membership::Error::Refused { .. })), "{unknown:?}");
        for id in [2, 3] {
            cluster.boot(node(id), &[G1]).await;
            first.add_learner(node(id)).await.unwrap();
        }
        assert_eq!(first.status().learners, nodes([2, 3]));
        first.change_membership(nodes([1, 2, 3]), nodes([])).await.unwrap();
        assert_eq!((first.status().voters, first.status().learners), (vec![nodes([1, 2, 3])], nodes([])));
        cluster.check(G1).await;

        // The first may go now, but not while it leads.
        cluster.sleep_ms(1500).await;
        let refused = first.change_membership(nodes([2, 3]), nodes([])).await;
        assert!(matches!(refused, Err(membership::Error::Refused { .. })), "{refused:?}");
        first.transfer_leader(node(2)).await.unwrap();
        let (_, second): (_, Group<_>) = cluster.await_leader(G1).await;
        second.change_membership(nodes([2, 3]), nodes([])).await.unwrap();
        assert_eq!(second.status().voters, vec![nodes([2, 3])]);
        cluster.power_off(node(1));
        cluster.must_propose(G1, 5).await;
        cluster.check(G1).await;
    });
}

#[test]
fn a_replica_whose_disk_fails_stops_and_says_why() {
    for fails_the_leader in [false, true] {
        calm(9, |cluster| async move {
            cluster.start(1..=3, &[G1]).await;
            cluster.must_propose(G1, 5).await;
            let (leader, _) = cluster.await_leader(G1).await;
            let bad = if fails_the_leader { leader } else { others(leader)[0] };
            let replica = cluster.node(bad).group(G1).unwrap();
            cluster.world.fail_next_sync(bad);
            cluster.must_propose(G1, 5).await;
            replica.leadership().until(|_| false).await;
            let failed = replica.status().failed;
            assert!(failed.as_ref().is_some_and(|why| why.contains("storage stopped")), "{failed:?}");
            assert!(replica.propose(command(1, 1, 0)).await.is_err());
            assert!(replica.quorum_acked().is_none());
            cluster.power_off(bad);
            cluster.boot(bad, &[G1]).await;
            cluster.check(G1).await;
        });
    }
}
