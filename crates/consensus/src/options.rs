//! Times and sizes of a group, and how they become openraft's configuration.

use std::sync::Arc;
use std::time::Duration;

use atoll_env::{Env, fault};
use openraft::{Config, SnapshotPolicy};

use crate::error::{Error, Result};

/// Entries in one message to a follower; bytes are bounded as well (`log::READ_BYTES_MAX`).
const APPEND_ENTRIES_MAX: u64 = 4096;

/// What a caller may choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a follower waits beyond the lease of a silent leader before it campaigns: drawn between the two.
    /// The upper one is also how long a voter that heard a leader refuses its vote to anybody else.
    pub election_timeout_ms: (u64, u64),
    /// Must exceed the slowest round trip plus fsync: a heartbeat that takes longer counts as lost.
    pub heartbeat_ms: u64,
    /// The longest lease that a leader may hold on this group's acknowledgements, counted from sending; at most the
    /// upper election timeout, which is what the voters promise. A restarted voter neither votes nor campaigns for this
    /// long plus `lease_margin`, because it forgot to whom it had promised silence.
    pub lease_max: Duration,
    pub lease_margin: Duration,
    /// What to do when the state lacks entries that the log no longer has: `false` refuses with [`Error::Gap`],
    /// `true` fetches the state from another replica before the group takes part again.
    pub fetch_on_gap: bool,
    /// Whether the state is nothing before the first entry, so that a replica can be made from the log alone. If not, a
    /// replica that did not begin with the group takes no entries before it has got a snapshot.
    pub begins_empty: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            election_timeout_ms: (500, 800),
            heartbeat_ms: 250,
            lease_max: Duration::from_millis(800),
            lease_margin: Duration::from_millis(200),
            fetch_on_gap: false,
            begins_empty: true,
        }
    }
}

impl Options {
    /// How long a restarted voter stays silent.
    pub(crate) fn silence(&self) -> Duration {
        self.lease_max + self.lease_margin
    }

    pub(crate) fn config(&self, env: &Env) -> Result<Arc<Config>> {
        let (min, max) = self.election_timeout_ms;
        if self.lease_max > Duration::from_millis(max) {
            let what = format!("a lease of {:?} outlasts the voters' silence of {max} ms", self.lease_max);
            return Err(Error::Options { what });
        }
        let config = Config {
            cluster_name: "atoll".to_owned(),
            election_timeout_min: min,
            election_timeout_max: max,
            heartbeat_interval: self.heartbeat_ms,
            // A follower that just acknowledged entries needs no heartbeat on top.
            heartbeat_min_interval: Some(self.heartbeat_ms / 2),
            // The state on disk is the snapshot; it is read when a follower needs it.
            snapshot_policy: SnapshotPolicy::Never,
            // Purging is the caller's decision alone (see `Group::purge`): openraft would count a snapshot that is
            // not flushed as a reason to drop the log.
            max_in_snapshot_log_to_keep: u64::MAX,
            max_payload_entries: APPEND_ENTRIES_MAX,
            // A follower gets a snapshot only for entries that are purged.
            replication_lag_threshold: APPEND_ENTRIES_MAX,
            api_channel_size: Some(1024),
            notification_channel_size: Some(1024),
            state_machine_channel_size: Some(64),
            // Elections are switched on by the group, after a restarted voter's silence.
            enable_elect: false,
            enable_pre_vote: Some(true),
            // Without it a partial partition can leave a leader that no quorum follows and that nobody replaces.
            quorum_loss_probe_interval: Some(max * 2 + self.heartbeat_ms),
            // The default resumes leadership after a restart without an election. A leader that lost its unsynced
            // tail in a power failure would then give the lost indexes to other entries under the same log ids.
            enable_leader_restore: Some(env.faults.here(fault::BUG_LEADER_RESTORE)),
            // Who was counted with entries that it never had shows it later. That alone must not stop the leader: what was
            // acknowledged and is lost shows with the clients.
            allow_log_reversion: Some(env.faults.here(fault::BUG_COMMIT_WITHOUT_QUORUM)),
            backoff: "50ms 100ms 200ms ..500ms".to_owned(),
            ..Config::default()
        };
        let config = config.validate().map_err(|error| Error::Options { what: error.to_string() })?;
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_accepted_and_a_lease_beyond_the_voters_promise_is_not() {
        let env = Env::real_client(atoll_env::NodeId(1));
        let config = Options::default().config(&env).unwrap();
        assert_eq!(config.enable_leader_restore, Some(false));
        assert_eq!(config.enable_pre_vote, Some(true));
        assert_eq!(config.snapshot_policy, SnapshotPolicy::Never);

        let long = Options { lease_max: Duration::from_millis(801), ..Options::default() };
        assert!(matches!(long.config(&env), Err(Error::Options { .. })));
        let slow = Options { heartbeat_ms: 400, ..Options::default() };
        assert!(matches!(slow.config(&env), Err(Error::Options { .. })));
    }
}
