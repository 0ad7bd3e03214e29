//! Plays the items of the schedule, and takes everything back in the end.

use std::sync::Arc;
use std::time::Duration;

use atoll_env::sim::NetOptions;
use atoll_env::{NodeId, fault};

use super::schedule::{Item, What};
use super::server::Order;
use super::{FIRST_REMOTE, N1, Run};

/// The room on the disk as long as it is not made scarce.
pub const ROOM: u64 = 1 << 40;

pub async fn play(run: Arc<Run>, item: Item) {
    let world = &run.world;
    world.sleep(item.at).await;
    world.trace("fault", &item);
    match item.what {
        What::Crash { power, down, again } => {
            run.state.lock().downtime = Some(down);
            crash(&run, power);
            if let Some(again) = again {
                world.sleep(down + again).await;
                crash(&run, power);
            }
        }
        What::Close { down } => {
            run.state.lock().downtime = Some(down);
            order(&run, Order::Close);
        }
        What::Arm { point, chance, lasts } => {
            world.arm(point, chance);
            world.sleep(lasts).await;
            world.arm(point, 0.0);
        }
        What::CrashInRecovery { chance, lasts } => {
            run.state.lock().downtime = Some(Duration::ZERO);
            crash(&run, true);
            for point in [fault::CRASH_WAL_RECOVERY, fault::CRASH_BEFORE_APPLY] {
                world.arm(point, chance);
            }
            world.sleep(lasts).await;
            for point in [fault::CRASH_WAL_RECOVERY, fault::CRASH_BEFORE_APPLY] {
                world.arm(point, 0.0);
            }
        }
        What::FailSync => world.fail_next_sync(N1),
        What::SlowSync { extra, lasts } => {
            world.slow_sync(N1, extra);
            world.sleep(lasts).await;
            world.slow_sync(N1, Duration::ZERO);
        }
        What::Full { left, lasts } => {
            run.state.lock().disk_was_full = true;
            let space = world.space(N1);
            world.set_capacity(N1, space.total_bytes - space.free_bytes + left);
            world.sleep(lasts).await;
            world.set_capacity(N1, ROOM);
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
        What::Partition { client, one_way, turned, lasts } => {
            let (from, to) = if turned { (N1, client) } else { (client, N1) };
            world.partition(from, to, one_way);
            world.sleep(lasts).await;
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
        What::Split { at } => order(&run, Order::Split(at)),
        What::Checkpoint => order(&run, Order::Checkpoint),
    }
}

fn crash(run: &Run, power: bool) {
    if !run.world.is_running(N1) {
        return;
    }
    if power {
        run.world.power_off(N1);
    } else {
        run.world.kill(N1);
    }
}

/// Nothing while the node is down.
fn order(run: &Run, order: Order) {
    if let Some(orders) = run.orders.lock().as_ref() {
        // The node may have ended without having noticed yet.
        let _ = orders.send(order);
    }
}

/// From here on everything works. Clocks stay where they are.
pub fn heal(run: &Run) {
    let world = &run.world;
    world.trace("heal", "");
    {
        let mut state = run.state.lock();
        state.healing = true;
        state.downtime = None;
    }
    for point in fault::ALL.iter().filter(|point| !point.is_bug()) {
        world.arm(*point, 0.0);
    }
    world.heal_all();
    // A loss is a fault too: it costs its client a timeout, and those who wait for its locks.
    world.set_net(NetOptions { loss: 0.0, ..NetOptions::default() });
    world.slow_sync(N1, Duration::ZERO);
    world.set_capacity(N1, ROOM);
    let remotes = (FIRST_REMOTE..FIRST_REMOTE + run.plan.remote).map(NodeId);
    for node in std::iter::once(N1).chain(remotes) {
        world.release(node);
    }
    let frozen = std::mem::take(&mut run.state.lock().frozen);
    frozen.into_iter().for_each(|node| world.freeze(node, false));
}
