//! The driver of a node: starts it, judges why it ended, starts it again.

use std::sync::Arc;
use std::time::Duration;

use atoll_cluster::{Router, Store};
use atoll_env::{Env, NodeId, fault};
use atoll_sql::exec::memory::Pool;
use atoll_sql::exec::spill::Place;
use atoll_sql::kv::{GatewayRef, Senders};
use atoll_sql::session;
use atoll_txn::Sender;
use atoll_txn::request::{Body, Split};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{LOOKER, N1, Run, client, read_registers, think, work};
use crate::workload::sql;

/// More clients than a node ever has.
const PER_NODE: u64 = 20;

/// What the schedule asks of the node.
pub enum Order {
    Split(Bytes),
    Checkpoint,
    /// An orderly end.
    Close,
}

enum Ended {
    NotOpen(String),
    /// By itself.
    Stopped(String),
    Closed(Result<(), String>),
}

pub async fn drive(run: Arc<Run>, node: NodeId) {
    let mut rng = run.world.rng(&if node == N1 { "driver".to_owned() } else { format!("driver {node}") });
    loop {
        let failed_syncs = bites(&run, "disk.sync_failed");
        let env = run.world.boot(node);
        run.state.lock().lives += 1;
        let ended = env.tasks.spawn("node", live(run.clone(), env.clone(), node)).await;
        run.orders.lock().remove(&node);
        run.state.lock().up.remove(&node);
        // What its own clients were at has ended with it.
        let first = first_client(node);
        run.state.lock().busy.retain(|id, _| !(first..first + PER_NODE).contains(id));
        let was_full = run.state.lock().disk_was_full.contains(&node);
        let excused = bites(&run, "disk.sync_failed") > failed_syncs || was_full;
        let stopped = bites(&run, "disk.sync_failed") > failed_syncs;
        match ended {
            // A crash.
            Err(_) => {}
            Ok(Ended::NotOpen(why)) if !excused => run.shared.problem(format!("{node} did not open: {why}")),
            Ok(Ended::Stopped(why)) if !stopped => run.shared.problem(format!("{node} stopped by itself: {why}")),
            Ok(Ended::Closed(Err(why))) if !excused => run.shared.problem(format!("{node} did not close: {why}")),
            Ok(Ended::NotOpen(why) | Ended::Stopped(why) | Ended::Closed(Err(why))) => {
                run.world.trace("node.ended", why)
            }
            Ok(Ended::Closed(Ok(()))) => run.world.trace("node.closed", ""),
        }
        if rng.chance(0.5) {
            run.world.kill(node);
        } else {
            run.world.power_off(node);
        }
        if rng.chance(0.6) {
            for point in fault::ALL.iter().filter(|point| point.is_crash() && **point != fault::CRASH_BOOTSTRAP) {
                run.world.arm(*point, 0.0);
            }
        }
        let healing = run.state.lock().healing;
        let downtime = run.state.lock().downtime.remove(&node);
        let downtime =
            downtime.unwrap_or_else(|| Duration::from_millis(if rng.chance(0.5) { 0 } else { rng.below(2000) }));
        run.world.sleep(if healing { Duration::ZERO } else { downtime }).await;
    }
}

/// The number from which on those of a node's own clients are.
fn first_client(node: NodeId) -> u64 {
    (node.0 - N1.0) * PER_NODE
}

fn bites(run: &Run, name: &str) -> u64 {
    run.world.bites().get(name).copied().unwrap_or_default()
}

/// SQL on the node: its sessions, and in the end the last look at their tables.
async fn sessions(run: Arc<Run>, env: Env, router: Router, on: NodeId) {
    let zero = first_client(on);
    run.state.lock().busy.insert(zero, ("sql set-up", run.world.now()));
    let gateway: GatewayRef = Arc::new(Senders(router.clone()));
    let node = loop {
        match session::Node::open(env.clone(), gateway.clone(), Pool::default(), Place::default()).await {
            Ok(node) => break node,
            Err(failure) => run.world.trace("sql.open", failure.into_error()),
        }
        env.clock.sleep(Duration::from_millis(200)).await;
    };
    let client = |id: u64| sql::Client::new(client(&run, id, env.clone(), router.clone()), node.clone());
    let mut first = client(zero);
    while let Err(error) = first.set_up().await {
        run.world.trace("sql.setup", error);
        env.clock.sleep(Duration::from_millis(200)).await;
    }
    run.state.lock().busy.remove(&zero);
    for id in zero + 1..=zero + run.plan.local.div_ceil(run.plan.nodes) {
        let (mut client, run, env) = (client(id), run.clone(), env.clone());
        env.tasks.clone().spawn("session", async move {
            while let Some(()) = think(&run, &mut client.common, &env).await {
                run.state.lock().busy.insert(id, ("sql", run.world.now()));
                client.step().await;
                run.state.lock().busy.remove(&id);
            }
        });
    }
    loop {
        env.clock.sleep(Duration::from_millis(200)).await;
        if on == N1 && run.state.lock().look == (true, false) {
            match first.last_look().await {
                Ok(()) => run.state.lock().look.1 = true,
                Err(error) => run.world.trace("sql.finale", error),
            }
        }
    }
}

/// One life of the node, as a task of its own.
async fn live(run: Arc<Run>, env: Env, id: NodeId) -> Ended {
    let store = match Store::open(&env, id, run.plan.options(id)).await {
        Ok(store) => store,
        Err(error) => return Ended::NotOpen(error.to_string()),
    };
    run.world.trace("node.open", id);
    if run.world.space(id).total_bytes == super::faults::ROOM {
        run.state.lock().disk_was_full.remove(&id);
    }
    let (orders, mut ordered) = mpsc::unbounded_channel();
    run.orders.lock().insert(id, orders);
    run.state.lock().up.insert(id, store.node().clone());
    if run.plan.sql {
        env.tasks.spawn("sql", sessions(run.clone(), env.clone(), store.router(), id));
    }
    let local = run.plan.local.div_ceil(run.plan.nodes);
    let first = first_client(id);
    for id in (first + 1..=first + local).filter(|_| !run.plan.sql) {
        env.tasks.spawn("client", work(run.clone(), id, env.clone(), store.router()));
    }
    if run.plan.nodes > 1 {
        env.tasks.spawn("looker", read_registers(run.clone(), first + LOOKER, id, env.clone(), store.router()));
    }
    loop {
        let order = tokio::select! {
            biased;
            why = store.stopped() => return Ended::Stopped(why),
            order = ordered.recv() => order,
        };
        match order {
            Some(Order::Split(at)) => {
                let (router, world) = (store.router(), run.world.clone());
                env.tasks.spawn("split", async move {
                    let Ok(range) = router.locate(&at).await else { return };
                    if range.span.start == at {
                        return;
                    }
                    let split = router.send(&range, Body::Split(Split { at: at.clone() })).await;
                    world.trace("split", format_args!("{at:?} {:?}", split.map(|_| ())));
                });
            }
            Some(Order::Checkpoint) => {
                let node = store.node().clone();
                env.tasks.spawn("checkpoint", async move { node.checkpoint().await });
            }
            Some(Order::Close) => return Ended::Closed(store.close().await.map_err(|error| error.to_string())),
            // The judge is gone: the run is over.
            None => std::future::pending().await,
        }
    }
}
