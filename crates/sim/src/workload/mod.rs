//! What clients do: several kinds of transactions at once, each over keys of its own.
//!
//! | module | what | isolation |
//! | --- | --- | --- |
//! | [`bank`] | transfers, and looks at all accounts | every level, under locks at READ COMMITTED |
//! | [`register`] | single reads, writes and exchanges | SERIALIZABLE, reads at every level |
//! | [`lists`] | reads and appends over several lists | SERIALIZABLE, and REPEATABLE READ on lists of its own |
//! | [`counter`] | increments under row locks, with deadlocks, NOWAIT, SKIP LOCKED | READ COMMITTED mostly |
//! | [`skew`] | decisions about what others change | SERIALIZABLE, under locks at READ COMMITTED |
//! | [`sql`] | transfers, inserts, looks, lists and definitions in sessions on the node | every level |
//! | [`rows`] | inserts, deletes, scans and savepoints against a model | every level |
//!
//! A step is one transaction. It notes in the history of its checker what it was told. Its client may die in the middle
//! (it runs on the node, or gives up): what it has noted by then must be right, so a step notes *unknown* right before
//! it sends its commit.

pub mod bank;
pub mod counter;
pub mod lists;
pub mod register;
pub mod rows;
pub mod skew;
pub mod sql;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use atoll_cluster::Router;
use atoll_env::Clock;
use atoll_env::sim::{SimRng, World};
use atoll_txn::request::{Row, Span};
use atoll_txn::{Error, Isolation, Transaction};
use bytes::Bytes;
use parking_lot::Mutex;

use crate::check::{self, Fate};

pub type Txn = Transaction<Router>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Work {
    Bank,
    Register,
    Lists,
    Counter,
    Skew,
    Rows,
    /// In sessions of its own.
    Sql,
}

impl Work {
    /// Those that any client can do.
    pub const ALL: [Work; 6] = [Work::Bank, Work::Register, Work::Lists, Work::Counter, Work::Skew, Work::Rows];

    pub fn name(self) -> &'static str {
        match self {
            Work::Bank => "bank",
            Work::Register => "register",
            Work::Lists => "lists",
            Work::Counter => "counter",
            Work::Skew => "skew",
            Work::Rows => "rows",
            Work::Sql => "sql",
        }
    }
}

/// What outlives clients and nodes: the histories, and where each workload stands.
pub struct Shared {
    pub world: World,
    pub bank: Mutex<bank::State>,
    pub register: Mutex<register::State>,
    pub lists: Mutex<lists::State>,
    pub counter: Mutex<counter::State>,
    pub skew: Mutex<skew::State>,
    pub rows: Mutex<rows::State>,
    pub sql: Mutex<sql::State>,
    tally: Mutex<Tally>,
    tick: Mutex<u64>,
    problems: Mutex<Vec<String>>,
    findings: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Tally {
    /// Committed transactions that wrote, by workload.
    commits: BTreeMap<Work, u64>,
    outcomes: BTreeMap<String, u64>,
}

impl Shared {
    pub fn new(world: &World) -> Arc<Shared> {
        Arc::new(Shared {
            world: world.clone(),
            bank: Mutex::default(),
            register: Mutex::default(),
            lists: Mutex::default(),
            counter: Mutex::default(),
            skew: Mutex::default(),
            rows: Mutex::default(),
            sql: Mutex::default(),
            tally: Mutex::default(),
            tick: Mutex::default(),
            problems: Mutex::default(),
            findings: Mutex::default(),
        })
    }

    /// The next place in the order of all starts and ends.
    pub fn tick(&self) -> u64 {
        let mut tick = self.tick.lock();
        *tick += 1;
        *tick
    }

    pub fn commits(&self) -> BTreeMap<Work, u64> {
        self.tally.lock().commits.clone()
    }

    pub fn commits_in_all(&self) -> u64 {
        self.tally.lock().commits.values().sum()
    }

    fn count_commit(&self, work: Work) {
        *self.tally.lock().commits.entry(work).or_default() += 1;
        self.count_outcome(work, "committed");
    }

    fn count_outcome(&self, work: Work, name: &str) {
        *self.tally.lock().outcomes.entry(format!("{} {name}", work.name())).or_default() += 1;
    }

    pub fn outcomes(&self) -> BTreeMap<String, u64> {
        self.tally.lock().outcomes.clone()
    }

    /// A violation that no checker had to look for.
    pub fn problem(&self, what: String) {
        self.world.trace("problem", &what);
        self.problems.lock().push(what);
    }

    /// A violation that does not end the run.
    pub fn finding(&self, what: String) {
        self.world.trace("finding", &what);
        self.findings.lock().push(what);
    }

    pub fn has_problem(&self) -> bool {
        !self.problems.lock().is_empty()
    }

    /// All that the checkers find.
    pub fn check(&self) -> Vec<String> {
        let mut found = self.problems.lock().clone();
        found.extend(self.findings.lock().iter().cloned());
        found.extend(check::bank::check(&self.bank.lock().history));
        found.extend(register::check(&self.register.lock()));
        found.extend(lists::check(&self.lists.lock()));
        found.extend(check::counter::check(&self.counter.lock().history));
        found.extend(check::skew::check(&self.skew.lock().history));
        found.extend(check::model::check(&self.rows.lock().history));
        found.extend(sql::check(&self.sql.lock()));
        found
    }
}

/// One client: a loop of transactions.
pub struct Client {
    pub id: u64,
    pub shared: Arc<Shared>,
    pub gateway: Router,
    pub clock: Clock,
    pub rng: SimRng,
    pub accounts: u64,
    /// How often it takes its time in the middle of a transaction, and for how long at most.
    pub dawdles: f64,
    pub dawdles_for: Duration,
    /// The same, for some milliseconds.
    pub hesitates: f64,
    pub cut: Option<usize>,
}

impl Client {
    pub async fn step(&mut self, work: Work) {
        let result = match work {
            Work::Bank => bank::step(self).await,
            Work::Register => register::step(self).await,
            Work::Lists => lists::step(self).await,
            Work::Counter => counter::step(self).await,
            Work::Skew => skew::step(self).await,
            Work::Rows => rows::step(self).await,
            Work::Sql => unreachable!("sessions do that themselves"),
        };
        if let Err(error) = &result {
            self.judge(work, error);
        }
    }

    pub fn who(&self) -> String {
        format!("c{} at {:.3}", self.id, self.shared.world.now().as_secs_f64())
    }

    pub fn begin(&self, isolation: Isolation) -> Txn {
        let mut txn = Transaction::begin(self.gateway.clone(), isolation);
        if let Some(writes) = self.cut {
            txn.cut(writes);
        }
        txn.begin_statement();
        txn
    }

    /// Sometimes takes its time.
    pub async fn dawdle(&mut self) {
        if self.rng.chance(self.hesitates) {
            self.clock.sleep(Duration::from_millis(self.rng.below(16))).await;
        }
        if self.rng.chance(self.dawdles) {
            let most = self.dawdles_for.as_millis() as u64;
            let ms = if self.rng.chance(0.7) { self.rng.below(most / 20 + 1) } else { self.rng.below(most + 1) };
            self.clock.sleep(Duration::from_millis(ms)).await;
        }
    }

    pub fn any_isolation(&mut self) -> Isolation {
        *self.rng.pick(&[Isolation::Serializable, Isolation::RepeatableRead, Isolation::ReadCommitted])
    }

    /// Commits. Whoever calls it has noted the outcome as unknown.
    pub async fn commit(&self, work: Work, txn: Txn) -> Fate {
        match txn.commit().await {
            Ok(ts) => {
                self.shared.world.trace("commit", format_args!("c{} {} {ts}", self.id, work.name()));
                self.shared.count_commit(work);
                Fate::Committed
            }
            Err(error) => {
                self.judge(work, &error);
                if matches!(error, Error::Unknown { .. }) { Fate::Unknown } else { Fate::Failed }
            }
        }
    }

    /// Which errors a client may see while the world is disturbed. Whether a store had reason to stop is the driver's
    /// question.
    fn judge(&self, work: Work, error: &Error) {
        self.shared.world.trace("error", format_args!("c{} {} {error}", self.id, work.name()));
        let name = match error {
            Error::Retry(why) => format!("{why:?}"),
            Error::Deadlock { .. } => "Deadlock".into(),
            Error::LockNotAvailable => "LockNotAvailable".into(),
            Error::Unreachable { .. } => "Unreachable".into(),
            Error::NotLeaseholder { .. } => "NotLeaseholder".into(),
            Error::DiskFull => "DiskFull".into(),
            Error::Stopped { .. } => "Stopped".into(),
            Error::TooOld { .. } => "TooOld".into(),
            Error::Unknown { .. } => "Unknown".into(),
            error => {
                self.shared.problem(format!("{} {}: a client was told: {error} ({error:?})", self.who(), work.name()));
                return;
            }
        };
        self.shared.count_outcome(work, &name);
    }
}

/// A key whose place in the key space says nothing about its number, so that splits cut through every workload.
pub fn scattered(prefix: &str, number: u64) -> Bytes {
    let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
    format!("{prefix}/{spread:02x}/{number:06}").into()
}

pub fn number_of(key: &[u8]) -> u64 {
    let digits = key.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).expect("the key is of this workload")
}

/// All keys that begin with the prefix and a slash.
pub fn all_of(prefix: &str) -> Span {
    Span::new(format!("{prefix}/"), format!("{prefix}0"))
}

pub fn encode(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

pub fn decode(value: Option<&Bytes>) -> u64 {
    value.map_or(0, |value| u64::from_be_bytes(value[..].try_into().expect("a value of eight bytes")))
}

/// Some place in the keys of a workload.
pub fn split_key(rng: &mut SimRng) -> Bytes {
    let prefix = *rng.pick(&["a", "b", "c", "f", "l", "m", "r", "s", "t"]);
    let rest = rng.below(256);
    if rng.chance(0.2) { prefix.as_bytes().to_vec().into() } else { format!("{prefix}/{rest:02x}").into() }
}

/// Reads all that is there in the end, and hands it to the checkers.
pub async fn finale(client: &mut Client) -> Result<(), Error> {
    let started = client.shared.tick();
    let mut txn = client.begin(Isolation::Serializable);
    let mut seen: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for prefix in ["b", "c", "f", "l", "m", "r", "s", "t"] {
        seen.insert(prefix, txn.scan_all(&all_of(prefix)).await?);
    }
    txn.commit().await?;
    let ended = client.shared.tick();
    let shared = &client.shared;
    bank::ended(&mut shared.bank.lock(), &seen["b"]);
    counter::ended(&mut shared.counter.lock(), &seen["c"]);
    skew::ended(&mut shared.skew.lock(), &seen["f"], &seen["t"]);
    lists::ended(&mut shared.lists.lock(), &seen["l"], &seen["m"]);
    register::ended(&mut shared.register.lock(), &seen["r"], started, ended);
    rows::ended(&mut shared.rows.lock(), &seen["s"]);
    Ok(())
}
