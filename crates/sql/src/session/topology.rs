//! Nodes and ranges, as whoever puts a node together can tell of them: SQL knows only keys. Seen by
//! [`pg_catalog.atoll_nodes` and `pg_catalog.atoll_ranges`](crate::system).

use std::time::Duration;

use atoll_txn::request::Span;
use futures_util::future::BoxFuture;

pub trait Topology: Send + Sync {
    fn nodes(&self) -> Vec<Member>;
    /// By their keys. Asks all nodes.
    fn ranges(&self) -> BoxFuture<'_, Vec<Range>>;
}

pub struct Member {
    pub node: u64,
    pub address: String,
    pub leaving: bool,
    /// Nothing was heard of it for so long.
    pub silent: Option<Duration>,
    pub replicas: u64,
    pub leases: u64,
}

pub struct Range {
    pub id: u64,
    pub generation: u64,
    pub span: Span,
    /// In readable form.
    pub start: String,
    pub end: Option<String>,
    pub leaseholder: Option<u64>,
    pub voters: Vec<u64>,
    pub learners: Vec<u64>,
    /// About.
    pub bytes: u64,
}
