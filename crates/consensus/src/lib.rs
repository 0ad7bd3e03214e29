//! Agreement on one group's log.
//!
//! A group is a set of replicas, one on each of its nodes, that apply the same commands in the same order. This crate
//! is the only one that knows how: it owns every type of openraft and shows none of them.
//!
//! - [`Group`]: a replica on this node; proposals, read barriers, membership, leadership;
//! - [`StateMachine`]: what the commands mean, given by the caller;
//! - [`Transport`]: the groups' messages over the node's network.
//!
//! Reading order: `group`, `apply`, `log`, `recovery`, `state`, `snapshot`, `transport`, `inbound`, `peer`, `wire`,
//! `codec`, `types`, `runtime`, `options`.
//!
//! INVARIANT: a reply to a proposal means that the command is durable on a quorum of voters, this node included, and
//! applied here. Promise 1 relies on it.
//!
//! INVARIANT: replicas never hold different entries under one log id. Openraft's default of resuming leadership after
//! a restart breaks it when a power failure takes unsynced entries, so it is off (`options`).
//!
//! Deliberately absent: leases (`cluster` builds them on [`Group::quorum_acked`] and [`Group::barrier`]), quiescence of
//! idle groups, resuming a broken snapshot transfer, pipelined appends.
//!
//! Follows Ongaro and Ousterhout, "In search of an understandable consensus algorithm", with the pre-vote and
//! leadership transfer of Ongaro's dissertation.

mod apply;
mod codec;
mod error;
mod group;
mod inbound;
mod log;
mod options;
mod peer;
mod queue;
mod recovery;
mod runtime;
mod snapshot;
mod state;
mod transport;
mod types;
mod wire;

pub use apply::{Entry, StateMachine};
pub use atoll_env::NodeId;
pub use atoll_storage::GroupId;
pub use error::{Error, Result, barrier, membership, propose};
pub use group::{COMMAND_BYTES_MAX, Group, Leadership, LeadershipWatch, Proposed, Status};
pub use options::Options;
pub use transport::Transport;
