//! What all sessions of one node share.
//!
//! - [`Node`]: the catalog, locks, sequences, oids, sessions
//! - [`Backend`]: a session as others see it: pg_stat_activity, pg_cancel_backend
//!
//! INVARIANT: whoever commits a change of definitions makes it the node's ([`Node::publish`]) before letting go of the
//! locks it was made under. So who gets a lock on a relation finds its newest descriptor in [`Node::catalog`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use atoll_datum::{Oid, sqlstate};
use atoll_env::Env;
use atoll_env::tasks::Task;
use atoll_txn::{Isolation, Timestamp};
use futures_util::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use super::counts::{Counts, Totals};
use super::locks::{Kept, Locks, Owner};
use super::peers::Peers;
use super::topology::Topology;
use crate::catalog::sequence::Sequences;
use crate::catalog::statistics::{self, Known};
use crate::catalog::store::{self, Changes, Touched};
use crate::catalog::{Catalog, DATABASE_OWNER_ROLE, Table};
use crate::ddl::job;
use crate::exec::memory::Pool;
use crate::exec::spill::Place;
use crate::exec::{Failure, Result};
use crate::kv::GatewayRef;
use crate::mutate::RowIds;
use crate::statistics::{Tallies, Tally, automatic};

pub struct Node {
    pub env: Env,
    pub gateway: GatewayRef,
    pub locks: Arc<Locks>,
    pub peers: Arc<Peers>,
    pub sequences: Sequences,
    pub row_ids: RowIds,
    /// What statements keep while they run.
    pub memory: Arc<Pool>,
    /// And what they lay aside.
    pub spill: Arc<Place>,
    current: RwLock<Current>,
    /// Who reads definitions from the store and puts them in the place of those that are current.
    adopting: tokio::sync::Mutex<()>,
    /// Taken from the store and not yet given away.
    oids: tokio::sync::Mutex<std::ops::Range<u32>>,
    backends: Mutex<BTreeMap<i32, Arc<Backend>>>,
    /// Of sessions that have ended.
    counted: Mutex<Totals>,
    /// Raised when a definition has left something to do.
    pub jobs: Arc<Notify>,
    pub builds: Mutex<Builds>,
    pub tallies: Arc<Tallies>,
    /// Where somebody has put it.
    pub topology: OnceLock<Arc<dyn Topology>>,
}

/// Builds of indexes, by their jobs.
#[derive(Default)]
pub struct Builds {
    /// A statement of this node is busy with them.
    pub running: BTreeMap<u32, Build>,
    /// The statement was given up.
    pub cancelled: BTreeSet<u32>,
}

/// How far one has come.
pub struct Build {
    pub pid: i32,
    pub database: Oid,
    pub table: Oid,
    pub index: Oid,
    /// Rows whose entries are written.
    pub rows: u64,
}

struct Current {
    catalog: Arc<Catalog>,
    statistics: Arc<Known>,
    /// How many changes have been adopted.
    adopted: u64,
    defined: Defined,
}

/// Since when relations are defined as they are.
#[derive(Clone, Default)]
struct Defined {
    /// Those that have changed since the node began.
    since: BTreeMap<Oid, Timestamp>,
    latest: Timestamp,
}

const TELL_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_millis(200);

impl Node {
    /// Makes the first objects if the cluster is new, reads the catalog, and does the jobs that are left.
    pub fn open(env: Env, gateway: GatewayRef, memory: Pool, spill: Place) -> BoxFuture<'static, Result<Arc<Node>>> {
        Box::pin(async move {
            store::bootstrap(&*gateway).await?;
            let node = Node::with_catalog(env, gateway, Catalog::default(), memory, spill);
            node.peers.serve(&node);
            node.peers.hold().await?;
            node.env.tasks.spawn("definition jobs", job::run(Arc::downgrade(&node)));
            node.env.tasks.spawn("automatic analyze", automatic::run(Arc::downgrade(&node)));
            Ok(node)
        })
    }

    /// A node with this catalog, whatever the store says.
    pub fn with_catalog(env: Env, gateway: GatewayRef, catalog: Catalog, memory: Pool, spill: Place) -> Arc<Node> {
        let (memory, spill) = (Arc::new(memory), Arc::new(spill));
        let locks = Locks::new(env.clock.clone());
        Arc::new(Node {
            peers: Peers::new(env.clone(), gateway.clone(), locks.clone()),
            locks,
            sequences: Sequences::new(gateway.clone()),
            row_ids: RowIds::default(),
            memory,
            spill,
            current: RwLock::new(Current {
                catalog: Arc::new(catalog),
                statistics: Arc::default(),
                adopted: 0,
                defined: Defined::default(),
            }),
            adopting: tokio::sync::Mutex::default(),
            oids: tokio::sync::Mutex::new(0..0),
            backends: Mutex::default(),
            counted: Mutex::default(),
            jobs: Arc::default(),
            builds: Mutex::default(),
            tallies: Arc::default(),
            topology: OnceLock::new(),
            env,
            gateway,
        })
    }

    /// And when definitions changed last.
    async fn load(gateway: &GatewayRef) -> Result<(Catalog, Known, Timestamp)> {
        let mut txn = gateway.begin(Isolation::Serializable);
        let loaded = async {
            let catalog = store::load(&mut *txn).await?;
            let known = statistics::load(&mut *txn, &catalog).await?;
            Ok((catalog, known, store::last_change(&mut *txn).await?))
        }
        .await;
        txn.rollback().await;
        loaded
    }

    /// What is committed now.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.current.read().catalog.clone()
    }

    /// What a snapshot must not be older than to be read by the definitions of these relations: what an older one holds
    /// may not be in an index that was made since. None if it is not older than any change.
    pub fn defined_since(&self, relations: impl IntoIterator<Item = Oid>, snapshot: Timestamp) -> Option<Timestamp> {
        let defined = &self.current.read().defined;
        if snapshot >= defined.latest {
            return None;
        }
        relations.into_iter().filter_map(|relation| defined.since.get(&relation).copied()).max()
    }

    /// Both, as of one moment.
    pub fn definitions(&self) -> (Arc<Catalog>, Arc<Known>) {
        let current = self.current.read();
        (current.catalog.clone(), current.statistics.clone())
    }

    /// What was found about the tables' rows, as it is committed now.
    pub fn statistics(&self) -> Arc<Known> {
        self.current.read().statistics.clone()
    }

    /// Counts the rows that a transaction has changed and committed.
    pub fn count(&self, tally: &Tally) {
        let known = self.statistics();
        self.tallies.add(tally, |table| known.get(table).map(|statistics| &**statistics));
    }

    /// Makes the changes of a transaction that has committed everybody's, on all nodes. `locks`: under which they were
    /// made; those of the transaction are let go when it is done, even if nobody waits for that any more.
    pub fn publish(self: &Arc<Self>, changes: Changes, locks: Option<&Owner>) -> Task<()> {
        let (node, keeping) = (self.clone(), locks.map(Owner::keep_transaction));
        self.env.tasks.spawn("definitions", async move {
            while let Err(failure) = node.tell(&changes).await {
                if !node.is_to_try_again(failure).await {
                    // Others must not go on before they know.
                    return keeping.map_or((), Kept::forever);
                }
            }
        })
    }

    /// The same, when nobody knows whether the transaction has committed.
    pub fn publish_perhaps(self: &Arc<Self>, changes: &Changes, locks: &Owner) -> Task<()> {
        let (node, keeping, touched) = (self.clone(), locks.keep_transaction(), changes.touched());
        self.env.tasks.spawn("definitions", async move {
            let tell = async || {
                store::settle(&*node.gateway, &touched.objects).await?;
                node.reload().await?;
                let others = node.peers.others().await?;
                node.peers.tell(others, &touched).await
            };
            while let Err(failure) = tell().await {
                if !node.is_to_try_again(failure).await {
                    return keeping.forever();
                }
            }
        })
    }

    async fn is_to_try_again(&self, failure: Failure) -> bool {
        let error = failure.into_error();
        if error.state() == sqlstate::ADMIN_SHUTDOWN {
            return false;
        }
        tracing::warn!(%error, "a change of definitions is not known everywhere yet");
        self.env.clock.sleep(TELL_AGAIN_AFTER).await;
        true
    }

    async fn tell(&self, changes: &Changes) -> Result<()> {
        let others = self.peers.others().await?;
        if others.is_empty() {
            self.take_over(changes, |known| changes.apply_statistics(known));
            return Ok(());
        }
        let touched = changes.touched();
        self.adopt(&touched).await?;
        if changes.has_jobs() {
            self.jobs.notify_one();
        }
        self.peers.tell(others, &touched).await
    }

    /// Reads what was changed from the store. What is read later is newer, whoever changed it and in whichever order it
    /// is heard of.
    pub async fn adopt(&self, touched: &Touched) -> Result<()> {
        let _turn = self.adopting.lock().await;
        loop {
            let mut txn = store::begin(&*self.gateway);
            let read = async {
                let changes = store::read(&mut *txn, &touched.objects).await?;
                let mut catalog = Catalog::clone(&self.catalog());
                changes.apply(&mut catalog);
                let known = statistics::load_tables(&mut *txn, &catalog, &touched.analyzed).await?;
                Ok((changes, known))
            }
            .await;
            if let Some((changes, found)) = store::finish(txn, read).await? {
                self.take_over(&changes, |known| known.replace(&touched.analyzed, &found));
                return Ok(());
            }
        }
    }

    fn take_over(&self, changes: &Changes, analyzed: impl FnOnce(&mut Known)) {
        let mut current = self.current.write();
        let mut known = Known::clone(&current.statistics);
        analyzed(&mut known);
        current.statistics = Arc::new(known);
        current.adopted += 1;
        if changes.has_definitions() {
            self.count_definitions(&current, changes);
            let mut catalog = Catalog::clone(&current.catalog);
            changes.apply(&mut catalog);
            catalog.version = crate::catalog::next_version();
            current.catalog = Arc::new(catalog);
            // The commit lies before now, and nobody has used the definitions yet.
            let now = self.gateway.now();
            current.defined.latest = now;
            for table in changes.tables() {
                match changes.table_after(table) {
                    Some(_) => drop(current.defined.since.insert(table, now)),
                    None => drop(current.defined.since.remove(&table)),
                }
            }
        }
        if changes.has_jobs() {
            self.jobs.notify_one();
        }
    }

    /// Counting ends for tables that are dropped, and an index is reason enough to look at a table that is unknown.
    fn count_definitions(&self, before: &Current, changes: &Changes) {
        for table in changes.tables() {
            let indexes = |table: &Arc<Table>| table.indexes.len();
            let old = before.catalog.table(table).map(indexes);
            match (old, changes.table_after(table).map(|table| indexes(&table))) {
                (_, None) => self.tallies.forget(table),
                (Some(old), Some(new)) if new > old && before.statistics.get(table).is_none() => {
                    self.tallies.raise(table);
                }
                _ => {}
            }
        }
    }

    /// Reads the catalog from the store: after a commit whose outcome is unknown, and when a descriptor turned out not
    /// to be the newest.
    pub async fn reload(&self) -> Result<()> {
        loop {
            let before = self.current.read().adopted;
            let (catalog, known, latest) = Node::load(&self.gateway).await?;
            let mut current = self.current.write();
            // What was adopted meanwhile may be newer than what was read.
            if current.adopted == before {
                let (catalog, statistics) = (Arc::new(catalog), Arc::new(known));
                // Nobody knows which of the relations it was.
                let since = catalog.tables.keys().map(|table| (*table, latest)).collect();
                *current = Current { catalog, statistics, adopted: before + 1, defined: Defined { since, latest } };
                return Ok(());
            }
        }
    }

    /// An oid that no object has or had.
    pub async fn new_oid(&self) -> Result<u32> {
        let mut oids = self.oids.lock().await;
        if let Some(oid) = oids.next() {
            return Ok(oid);
        }
        let (first, count) = store::take_oids(&*self.gateway).await?;
        *oids = first + 1..first + count;
        Ok(first)
    }

    // ---------------------------------------------------------------------------------------------------- sessions

    /// Announces a session under the number that the protocol has given it. It is listed until the [`Registration`] is
    /// dropped.
    pub fn register(self: &Arc<Self>, pid: i32, activity: Activity, signal: Signal) -> Registration {
        let backend = Arc::new(Backend { pid, activity: Mutex::new(activity), counts: Counts::default(), signal });
        self.backends.lock().insert(pid, backend.clone());
        Registration { node: self.clone(), backend }
    }

    pub fn backend(&self, pid: i32) -> Option<Arc<Backend>> {
        self.backends.lock().get(&pid).cloned()
    }

    pub fn backends(&self) -> Vec<Arc<Backend>> {
        self.backends.lock().values().cloned().collect()
    }

    /// What sessions of this node have done since it began.
    pub fn counts(&self) -> Totals {
        let backends = self.backends.lock();
        let mut totals = self.counted.lock().clone();
        backends.values().for_each(|backend| totals.add(&backend.counts));
        totals
    }

    /// The owner of a database is implicitly a member of pg_database_owner.
    pub fn database_owner(catalog: &Catalog, database: Oid) -> Oid {
        catalog.databases.get(&database).map_or(DATABASE_OWNER_ROLE, |database| Oid(database.owner))
    }
}

/// A session as others see it.
pub struct Backend {
    pub pid: i32,
    pub activity: Mutex<Activity>,
    pub counts: Counts,
    signal: Signal,
}

impl Backend {
    pub fn signal(&self, request: Request) {
        (self.signal)(request);
    }
}

/// As in pg_stat_activity. Times are nanoseconds of the wall clock, zero where there is none.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    pub database: Oid,
    pub user: Oid,
    pub application_name: String,
    pub client_address: Option<std::net::SocketAddr>,
    pub backend_start_ns: u64,
    pub transaction_start_ns: u64,
    pub query_start_ns: u64,
    pub state_change_ns: u64,
    pub state: BackendState,
    /// The beginning of the running statement, or of the last one.
    pub query: Arc<str>,
    /// For somebody else to let a row go.
    pub waits_for_row: bool,
}

/// As much of a statement as is shown.
const QUERY_BYTES_MAX: usize = 1023;

impl Activity {
    pub fn begin(&mut self, query: &Arc<str>, now_ns: u64, transaction_start_ns: u64) {
        self.query = match query.len() <= QUERY_BYTES_MAX {
            true => query.clone(),
            false => query[..query.floor_char_boundary(QUERY_BYTES_MAX)].into(),
        };
        self.query_start_ns = now_ns;
        self.change(BackendState::Active, now_ns, transaction_start_ns);
    }

    pub fn change(&mut self, state: BackendState, now_ns: u64, transaction_start_ns: u64) {
        self.transaction_start_ns = transaction_start_ns;
        self.state_change_ns = now_ns;
        self.state = state;
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BackendState {
    #[default]
    Idle,
    Active,
    IdleInTransaction,
    IdleInFailedTransaction,
}

impl BackendState {
    pub fn name(self) -> &'static str {
        match self {
            BackendState::Idle => "idle",
            BackendState::Active => "active",
            BackendState::IdleInTransaction => "idle in transaction",
            BackendState::IdleInFailedTransaction => "idle in transaction (aborted)",
        }
    }
}

/// What a session is asked to do from outside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Request {
    /// Stop the running statement, if there is one.
    Cancel = 1,
    /// Close the session.
    Terminate = 2,
}

/// Carries a request to a session's connection.
pub type Signal = Box<dyn Fn(Request) + Send + Sync>;

/// Keeps a session listed.
pub struct Registration {
    node: Arc<Node>,
    pub backend: Arc<Backend>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut backends = self.node.backends.lock();
        backends.remove(&self.backend.pid);
        // Under the lock, so that nobody who adds up misses them or sees them twice.
        self.node.counted.lock().add(&self.backend.counts);
    }
}
