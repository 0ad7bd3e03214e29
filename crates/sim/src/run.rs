//! One seed: the scenario that it chooses, what came of it, and the verdict.

use std::collections::BTreeMap;
use std::time::Duration;

use atoll_env::sim::{self, PointStats, World};
use atoll_env::{Fault, fault};

use crate::node::Kind;
use crate::{group, node};

#[derive(Clone, Debug)]
pub struct Config {
    pub seed: u64,
    pub bug: Option<Bug>,
    /// Simulated, at least.
    pub seconds: u64,
    pub scenario: Option<Scenario>,
    pub print: bool,
    /// Numbers of items of the schedule that are left out.
    pub without: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Scenario {
    /// One node with everything below SQL.
    Node,
    /// The same with sessions of SQL on the node.
    Sql,
    /// Three to five nodes with everything below SQL.
    Cluster,
    /// The same with sessions of SQL on all of them.
    ClusterSql,
    /// Three voters of a group.
    Group,
}

/// Bugs that can be put back, to prove that they would be noticed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Bug {
    /// The log tells its waiters before the sync.
    AckBeforeFsync,
    /// Commit does not verify that its locks were held.
    SkipLockCheck,
    /// After a restart nobody knows what was read before.
    ForgetReadCeiling,
    /// A leader that lost its unsynced tail resumes in the same term.
    LeaderRestore,
    /// A leader counts a follower as having the entries to which it got no answer.
    CommitWithoutQuorum,
    /// A leaseholder goes on to serve when its voters no longer acknowledge it.
    StaleLease,
    /// The right half of a split begins after the key at which the range was cut.
    SplitLosesKey,
    /// A snapshot lacks the last keys of what it says it holds.
    SnapshotMissesTail,
}

impl Bug {
    fn fault(self) -> Fault {
        match self {
            Bug::AckBeforeFsync => fault::BUG_ACK_BEFORE_FSYNC,
            Bug::SkipLockCheck => fault::BUG_SKIP_LOCK_CHECK,
            Bug::ForgetReadCeiling => fault::BUG_FORGET_READ_CEILING,
            Bug::LeaderRestore => fault::BUG_LEADER_RESTORE,
            Bug::CommitWithoutQuorum => fault::BUG_COMMIT_WITHOUT_QUORUM,
            Bug::StaleLease => fault::BUG_STALE_LEASE,
            Bug::SplitLosesKey => fault::BUG_SPLIT_LOSES_KEY,
            Bug::SnapshotMissesTail => fault::BUG_SNAPSHOT_MISSES_TAIL,
        }
    }

    /// Where it can show.
    fn scenario(self, drawn: Scenario) -> Scenario {
        match self {
            Bug::AckBeforeFsync => drawn,
            Bug::SkipLockCheck | Bug::ForgetReadCeiling => Scenario::Node,
            Bug::LeaderRestore => Scenario::Group,
            Bug::CommitWithoutQuorum | Bug::StaleLease | Bug::SplitLosesKey | Bug::SnapshotMissesTail => {
                Scenario::Cluster
            }
        }
    }
}

impl Config {
    /// How long faults go on; what follows takes the rest.
    pub fn safety(&self) -> Duration {
        Duration::from_secs(self.seconds.saturating_sub(HEAL_SECONDS))
    }

    /// So many commits make a run worth its while. One that has fewer goes on for a while.
    pub fn enough(&self) -> u64 {
        COMMITS_PER_MINUTE * self.seconds / 60
    }
}

/// What a scenario came to.
pub struct Outcome {
    pub scenario: &'static str,
    pub simulated: Duration,
    pub commits: u64,
    /// So many are enough.
    pub enough: u64,
    pub violations: Vec<String>,
    pub schedule: Vec<String>,
    pub outcomes: BTreeMap<String, u64>,
}

pub struct Report {
    pub outcome: Outcome,
    pub digest: u64,
    pub events: u64,
    /// Disturbances that happened, by kind.
    pub bites: BTreeMap<&'static str, u64>,
    pub points: BTreeMap<&'static str, PointStats>,
}

const NODE: Kind = Kind { name: "node", nodes: 1, sql: false };
const SQL: Kind = Kind { name: "sql", nodes: 1, sql: true };
const CLUSTER: Kind = Kind { name: "cluster", nodes: 3, sql: false };
const CLUSTER_SQL: Kind = Kind { name: "cluster-sql", nodes: 3, sql: true };

/// A run that was not disturbed, or in which nothing happened, proves nothing.
const COMMITS_PER_MINUTE: u64 = 2000;
const HEAL_SECONDS: u64 = 8;
/// The heal phase takes at least so long.
pub const HEAL: Duration = Duration::from_secs(HEAL_SECONDS);
const KINDS_MIN: usize = 5;
const SECONDS_FOR_THAT: u64 = 60;

pub fn run(config: &Config) -> Report {
    let options = sim::Options { print: config.print, limit: Duration::from_secs(3600), ..sim::Options::default() };
    let cloned = config.clone();
    sim::run(config.seed, options, |world| async move {
        let drawn = if world.rng("scenario").below(4) == 0 { Scenario::Group } else { Scenario::Node };
        let drawn = if drawn == Scenario::Node && world.rng("sql").below(3) == 0 { Scenario::Sql } else { drawn };
        let drawn =
            if drawn == Scenario::Node && world.rng("cluster").below(2) == 0 { Scenario::Cluster } else { drawn };
        let drawn = match drawn {
            Scenario::Sql if world.rng("cluster-sql").below(2) == 0 => Scenario::ClusterSql,
            drawn => drawn,
        };
        let scenario = cloned.scenario.unwrap_or_else(|| cloned.bug.map_or(drawn, |bug| bug.scenario(drawn)));
        if let Some(bug) = cloned.bug {
            world.plant(bug.fault());
        }
        let mut outcome = match scenario {
            Scenario::Node => node::run(world.clone(), cloned.clone(), NODE).await,
            Scenario::Sql => node::run(world.clone(), cloned.clone(), SQL).await,
            Scenario::Cluster => node::run(world.clone(), cloned.clone(), CLUSTER).await,
            Scenario::ClusterSql => node::run(world.clone(), cloned.clone(), CLUSTER_SQL).await,
            Scenario::Group => group::run(world.clone(), cloned.clone()).await,
        };
        let report = report(&world);
        if outcome.violations.is_empty() && cloned.without.is_empty() && cloned.seconds >= SECONDS_FOR_THAT {
            tame(&mut outcome, &report.1);
        }
        let (digest, bites, points, events) = report;
        Report { outcome, digest, events, bites, points }
    })
}

type Numbers = (u64, BTreeMap<&'static str, u64>, BTreeMap<&'static str, PointStats>, u64);

fn report(world: &World) -> Numbers {
    (world.digest(), world.bites(), world.points(), world.events())
}

fn tame(outcome: &mut Outcome, bites: &BTreeMap<&'static str, u64>) {
    if outcome.commits < outcome.enough {
        outcome.violations.push(format!("too tame: only {} commits", outcome.commits));
    }
    if bites.len() < KINDS_MIN {
        outcome.violations.push(format!("too tame: only these faults bit: {bites:?}"));
    }
}
