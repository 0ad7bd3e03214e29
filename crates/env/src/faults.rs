//! Named places at which the simulator may disturb a node. Never true for a real one.
//!
//! The prefix of a name tells what happens there: `crash.` the node crashes, `delay.` the task waits a while, `bug.` a
//! planted bug, which stays off unless the simulator was told to plant it, in order to prove that its checkers would
//! notice. All names are in [`fault`], and the simulator reports those that never came true.

use std::{fmt, sync::Arc};

use crate::sim::Incarnation;

/// The name of a fault point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fault(pub(crate) &'static str);

impl Fault {
    pub fn name(self) -> &'static str {
        self.0
    }

    pub fn is_crash(self) -> bool {
        self.0.starts_with("crash.")
    }

    pub fn is_delay(self) -> bool {
        self.0.starts_with("delay.")
    }

    pub fn is_bug(self) -> bool {
        self.0.starts_with("bug.")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Declares the constants and the list of all of them, so that the list can't miss one.
macro_rules! fault_points {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// Every fault point there is.
        pub mod fault {
            use super::Fault;
            $($(#[$doc])* pub const $name: Fault = Fault($text);)*
            pub const ALL: &[Fault] = &[$($name),*];
        }
    };
}

fault_points! {
    /// Before a batch of records is written to the log.
    CRASH_WAL_BEFORE_WRITE = "crash.wal.before_write";
    /// The batch is written but not synced.
    CRASH_WAL_BEFORE_SYNC = "crash.wal.before_sync";
    /// The batch is durable and nobody has been told.
    CRASH_WAL_AFTER_SYNC = "crash.wal.after_sync";
    /// A new log segment exists and the old one isn't sealed yet, or the other way round.
    CRASH_WAL_ROTATE = "crash.wal.rotate";
    /// Between the deletion of two purged segments.
    CRASH_WAL_PURGE = "crash.wal.purge";
    /// While the log is being recovered.
    CRASH_WAL_RECOVERY = "crash.wal.recovery";
    /// Before a committed batch reaches the state engine.
    CRASH_BEFORE_APPLY = "crash.apply.before";
    /// After a committed batch reached the state engine, before its waiters hear of it.
    CRASH_AFTER_APPLY = "crash.apply.after";
    /// Before the state engine's tables are flushed.
    CRASH_BEFORE_FLUSH = "crash.flush.before";
    /// The tables are flushed and the log isn't purged yet.
    CRASH_AFTER_FLUSH = "crash.flush.after";
    /// While a snapshot is being written into the state engine.
    CRASH_SNAPSHOT_INSTALL = "crash.snapshot.install";
    /// Between the steps in which a new data directory is made.
    CRASH_BOOTSTRAP = "crash.bootstrap";

    /// The log's writer lingers before it syncs.
    DELAY_WAL_SYNC = "delay.wal.sync";
    /// Committed entries wait before they are applied.
    DELAY_APPLY = "delay.apply";
    /// A flush of the state engine lingers.
    DELAY_FLUSH = "delay.flush";
    /// A read lingers between its lease check and its view.
    DELAY_READ = "delay.read";
    /// A commit lingers between its decision and its proposal.
    DELAY_COMMIT = "delay.commit";
    /// A request lingers at the node that serves it.
    DELAY_REQUEST = "delay.request";

    /// The log tells its waiters before the sync.
    BUG_ACK_BEFORE_FSYNC = "bug.ack_before_fsync";
    /// Commit doesn't verify that its locks were held throughout.
    BUG_SKIP_LOCK_CHECK = "bug.skip_lock_check";
    /// A new lease starts below reads that were served under the old one.
    BUG_FORGET_READ_CEILING = "bug.forget_read_ceiling";
    /// A leader that lost its unsynced tail resumes in the same term.
    BUG_LEADER_RESTORE = "bug.leader_restore";
    /// A leader counts a follower as having the entries to which it got no answer.
    BUG_COMMIT_WITHOUT_QUORUM = "bug.commit_without_quorum";
    /// A leaseholder goes on to serve when its voters no longer acknowledge it.
    BUG_STALE_LEASE = "bug.stale_lease";
    /// The right half of a split begins after the key at which the range was cut.
    BUG_SPLIT_LOSES_KEY = "bug.split_loses_key";
    /// A snapshot lacks the last keys of what it says it holds.
    BUG_SNAPSHOT_MISSES_TAIL = "bug.snapshot_misses_tail";
}

#[derive(Clone)]
pub struct Faults {
    /// None for a real node.
    sim: Option<Arc<Incarnation>>,
}

impl Faults {
    pub(crate) fn none() -> Faults {
        Faults { sim: None }
    }

    pub(crate) fn sim(incarnation: Arc<Incarnation>) -> Faults {
        Faults { sim: Some(incarnation) }
    }

    /// Whether this fault comes true here and now.
    pub fn here(&self, fault: Fault) -> bool {
        self.sim.as_ref().is_some_and(|incarnation| incarnation.fault_here(fault))
    }

    /// Whether the fault may come true for now. Whoever can't linger where it would takes the way on which one can.
    pub fn threatens(&self, fault: Fault) -> bool {
        self.sim.as_ref().is_some_and(|incarnation| incarnation.fault_threatens(fault))
    }

    /// A place where the node may crash. If it does, this never returns.
    pub async fn crash_here(&self, fault: Fault) {
        if let Some(incarnation) = &self.sim {
            assert!(fault.is_crash(), "{fault} is no crash point");
            incarnation.crash_here(fault).await;
        }
    }

    /// A place where the task may linger.
    pub async fn delay_here(&self, fault: Fault) {
        if let Some(incarnation) = &self.sim {
            assert!(fault.is_delay(), "{fault} is no delay point");
            incarnation.delay_here(fault).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_of_a_known_kind() {
        let names: BTreeSet<_> = fault::ALL.iter().map(|f| f.name()).collect();
        assert_eq!(names.len(), fault::ALL.len());
        assert!(fault::ALL.iter().all(|f| f.is_crash() || f.is_delay() || f.is_bug()));
    }

    #[tokio::test]
    async fn nothing_happens_to_a_real_node() {
        let faults = Faults::none();
        assert!(!fault::ALL.iter().any(|f| faults.here(*f)));
        faults.crash_here(fault::CRASH_BEFORE_APPLY).await;
        faults.delay_here(fault::DELAY_APPLY).await;
    }
}
