//! One voter: its driver, which starts it again whenever it ends, and what is open while it runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use atoll_consensus::{Error, Group, GroupId, NodeId, Options, Transport};
use atoll_env::Env;
use atoll_storage::engine::{self, Engine, Space};
use atoll_storage::wal::{self, Wal};
use bytes::Bytes;
use parking_lot::Mutex;

use super::machine::{Registers, Values, number, span};
use super::{GROUPS, Run};

pub struct Replica {
    pub id: NodeId,
    pub env: Env,
    wal: Wal,
    engine: Engine,
    groups: Mutex<BTreeMap<GroupId, Group<Registers>>>,
    values: BTreeMap<GroupId, Values>,
}

impl Replica {
    pub fn group(&self, group: GroupId) -> Option<Group<Registers>> {
        self.groups.lock().get(&group).cloned()
    }

    pub fn values(&self, group: GroupId) -> Values {
        self.values[&group].clone()
    }

    /// The commands that this replica holds, by index.
    pub fn commands(&self, group: GroupId) -> BTreeMap<u64, Bytes> {
        let (start, end) = span(group);
        let rows = self.engine.view().scan(Space::History, &start, &end);
        rows.map(|row| row.expect("the state can be read")).map(|(key, value)| (number(&key[8..]), value)).collect()
    }

    /// As the owner of a node does it: what is flushed need not stay in the log.
    pub fn purge(self: &Arc<Self>, keep: u64) {
        let replica = self.clone();
        self.env.tasks.spawn("purge", async move {
            let applied: Vec<_> =
                GROUPS.iter().filter_map(|group| replica.group(*group)).map(|group| (group.applied(), group)).collect();
            // A failed disk is noticed elsewhere, and purging is nobody's duty.
            if replica.engine.flush().await.is_err() {
                return;
            }
            for (applied, group) in applied {
                if let Some(upto) = applied.and_then(|applied| applied.checked_sub(keep)) {
                    let _ = group.purge(upto).await;
                }
            }
        });
    }
}

pub fn crash(run: &Run, id: NodeId, power: bool, down_ms: u64) {
    if !run.world.is_running(id) {
        return;
    }
    // The driver waits so long; it hears of the crash when its task has ended.
    run.world.trace("crash", format_args!("{id} {power} {down_ms}"));
    run.state.lock().down_ms.insert(id, down_ms);
    if power {
        run.world.power_off(id);
    } else {
        run.world.kill(id);
    }
}

enum Ended {
    NotOpen(String),
    Failed(String),
}

pub async fn drive(run: Arc<Run>, id: NodeId) {
    let failed_syncs = || run.world.bites().get("disk.sync_failed").copied().unwrap_or_default();
    loop {
        let before = failed_syncs();
        let env = run.world.boot(id);
        let ended = env.tasks.spawn("voter", live(run.clone(), id, env.clone())).await;
        run.replicas.lock().remove(&id);
        match ended {
            Err(_) => {}
            Ok(Ended::NotOpen(why)) if failed_syncs() == before => run.problem(format!("{id} did not open: {why}")),
            Ok(Ended::Failed(why)) if failed_syncs() == before => run.problem(format!("{id} stopped by itself: {why}")),
            Ok(Ended::NotOpen(why) | Ended::Failed(why)) => run.world.trace("voter.ended", format_args!("{id} {why}")),
        }
        run.world.kill(id);
        let down_ms = run.state.lock().down_ms.remove(&id).unwrap_or_default();
        if !run.state.lock().healing {
            run.sleep_ms(down_ms).await;
        }
    }
}

async fn live(run: Arc<Run>, id: NodeId, env: Env) -> Ended {
    let (replica, transport) = match open(id, &env).await {
        Ok(opened) => opened,
        Err(error) => return Ended::NotOpen(error.to_string()),
    };
    let replica = Arc::new(replica);
    run.replicas.lock().insert(id, replica.clone());
    // A group that has to fetch its state waits for another replica, so each opens by itself.
    let opening: Vec<_> = GROUPS
        .into_iter()
        .map(|group| {
            let (replica, transport, agreement) = (replica.clone(), transport.clone(), run.agreement.clone());
            env.tasks.spawn("open", async move {
                let (engine, values) = (replica.engine.clone(), replica.values(group));
                let mut machine = Registers { node: id, group, engine, agreement, values };
                machine.load();
                let options = Options { fetch_on_gap: true, ..Options::default() };
                let (wal, engine) = (&replica.wal, &replica.engine);
                let group_opened =
                    Group::open(&replica.env, wal, engine, group, id, machine, options, transport).await?;
                replica.groups.lock().insert(group, group_opened);
                Ok::<(), Error>(())
            })
        })
        .collect();
    let watched = async {
        loop {
            env.clock.sleep(Duration::from_millis(50)).await;
            if let Some(why) = replica.wal.status().poisoned {
                return why;
            }
            let groups: Vec<_> = replica.groups.lock().values().cloned().collect();
            if let Some(why) = groups.iter().find_map(|group| group.status().failed) {
                return why;
            }
        }
    };
    let opened = async {
        for opening in opening {
            match opening.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.to_string(),
                Err(_) => break,
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        biased;
        why = opened => Ended::NotOpen(why),
        why = watched => Ended::Failed(why),
    }
}

async fn open(id: NodeId, env: &Env) -> Result<(Replica, Arc<Transport>), Error> {
    let log = wal::Options { segment_bytes: 128 << 10, ..wal::Options::default() };
    let wal = Wal::open(env, log).await?;
    let engine = Engine::open(env, engine::Options::default()).await?;
    let values = GROUPS.into_iter().map(|group| (group, Values::default())).collect();
    let replica = Replica { id, env: env.clone(), wal, engine, groups: Mutex::default(), values };
    Ok((replica, Transport::new(env)))
}
