//! Plays the items of the schedule, and takes everything back in the end.

use std::sync::Arc;
use std::time::Duration;

use atoll_cluster::store::Node;
use atoll_env::sim::NetOptions;
use atoll_env::{NodeId, fault};

use super::schedule::{Item, What};
use super::server::Order;
use super::{FIRST_REMOTE, Run};

/// The room on the disk as long as it is not made scarce.
pub const ROOM: u64 = 1 << 40;

pub async fn play(run: Arc<Run>, item: Item) {
    let world = &run.world;
    world.sleep(item.at).await;
    world.trace("fault", &item);
    match item.what {
        What::Crash { node, power, down, again } => {
            run.state.lock().downtime.insert(node, down);
            crash(&run, node, power);
            if let Some(again) = again {
                world.sleep(down + again).await;
                crash(&run, node, power);
            }
        }
        What::Close { node, down } => {
            run.state.lock().downtime.insert(node, down);
            order(&run, node, Order::Close);
        }
        What::Arm { point, chance, lasts } => {
            world.arm(point, chance);
            world.sleep(lasts).await;
            world.arm(point, 0.0);
        }
        What::CrashInRecovery { node, chance, lasts } => {
            run.state.lock().downtime.insert(node, Duration::ZERO);
            crash(&run, node, true);
            for point in [fault::CRASH_WAL_RECOVERY, fault::CRASH_BEFORE_APPLY] {
                world.arm(point, chance);
            }
            world.sleep(lasts).await;
            for point in [fault::CRASH_WAL_RECOVERY, fault::CRASH_BEFORE_APPLY] {
                world.arm(point, 0.0);
            }
        }
        What::FailSync { node } => world.fail_next_sync(node),
        What::SlowSync { node, extra, lasts } => {
            world.slow_sync(node, extra);
            world.sleep(lasts).await;
            world.slow_sync(node, Duration::ZERO);
        }
        What::Full { node, left, lasts } => {
            run.state.lock().disk_was_full.insert(node);
            let space = world.space(node);
            world.set_capacity(node, space.total_bytes - space.free_bytes + left);
            world.sleep(lasts).await;
            world.set_capacity(node, ROOM);
        }
        What::Jump { node, by_ns } => world.jump(node, by_ns),
        What::Drift { node, offset_ns, ppm } => world.set_clock(node, offset_ns, ppm),
        What::Freeze { node, lasts } => {
            world.freeze(node, true);
            run.state.lock().frozen.insert(node);
            world.sleep(lasts).await;
            run.state.lock().frozen.remove(&node);
            world.freeze(node, false);
        }
        What::Partition { from, to, one_way, lasts } => {
            world.partition(from, to, one_way);
            world.sleep(lasts).await;
            world.heal_all();
        }
        What::Isolate { holder_of, wholly, lasts } => {
            let Some(node) = holder(&run, &holder_of) else { return };
            world.isolate(node, &run.plan.nodes());
            run.state.lock().isolated.insert(node);
            if wholly {
                world.isolate(node, &remotes(&run));
                world.freeze(node, true);
                run.state.lock().frozen.insert(node);
            }
            world.sleep(lasts).await;
            run.state.lock().isolated.remove(&node);
            if wholly {
                run.state.lock().frozen.remove(&node);
                world.freeze(node, false);
            }
            world.heal_all();
        }
        What::Storm { loss, duplicate, tail, lasts } => {
            world.set_net(NetOptions { loss, duplicate, tail, ..NetOptions::default() });
            world.sleep(lasts).await;
            world.set_net(NetOptions::default());
        }
        What::Hold { node, lasts } => {
            world.hold(node);
            world.sleep(lasts).await;
            world.release(node);
        }
        What::Split { node, at } => order(&run, node, Order::Split(at)),
        What::Checkpoint { node } => order(&run, node, Order::Checkpoint),
    }
}

fn crash(run: &Run, node: NodeId, power: bool) {
    if !run.world.is_running(node) {
        return;
    }
    if power {
        run.world.power_off(node);
    } else {
        run.world.kill(node);
    }
}

/// Nothing while the node is down.
fn order(run: &Run, node: NodeId, order: Order) {
    if let Some(orders) = run.orders.lock().get(&node) {
        // The node may have ended without having noticed yet.
        let _ = orders.send(order);
    }
}

/// The node that serves a key at the moment.
fn holder(run: &Run, key: &[u8]) -> Option<NodeId> {
    let serves = |node: &Arc<Node>| node.replica_for(key).is_some_and(|replica| replica.holds_lease());
    run.state.lock().up.values().find(|node| serves(node)).map(|node| node.id)
}

fn remotes(run: &Run) -> Vec<NodeId> {
    (FIRST_REMOTE..FIRST_REMOTE + run.plan.remote).map(NodeId).collect()
}

/// From here on everything works. Clocks stay where they are.
pub fn heal(run: &Run) {
    let world = &run.world;
    world.trace("heal", "");
    {
        let mut state = run.state.lock();
        state.healing = true;
        state.downtime.clear();
        state.isolated.clear();
    }
    for point in fault::ALL.iter().filter(|point| !point.is_bug()) {
        world.arm(*point, 0.0);
    }
    world.heal_all();
    // A loss is a fault too: it costs its client a timeout, and those who wait for its locks.
    world.set_net(NetOptions { loss: 0.0, ..NetOptions::default() });
    for node in run.plan.nodes() {
        world.slow_sync(node, Duration::ZERO);
        world.set_capacity(node, ROOM);
    }
    for node in run.plan.nodes().into_iter().chain(remotes(run)) {
        world.release(node);
    }
    let frozen = std::mem::take(&mut run.state.lock().frozen);
    frozen.into_iter().for_each(|node| world.freeze(node, false));
}
