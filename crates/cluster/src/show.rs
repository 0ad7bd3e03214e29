//! What nodes say of their replicas, for people: it is some time old when they see it.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_env::NodeId;
use atoll_storage::engine::Space;
use atoll_txn::request::RangeRef;
use prost::Message;

use crate::replica::Replica;
use crate::store::Node;

/// So many replicas are told at once.
const TOLD_MAX: usize = 500;

/// A replica of a node.
#[derive(Clone, PartialEq, Message)]
pub struct Held {
    #[prost(message, required, tag = "1")]
    pub range: RangeRef,
    #[prost(uint64, repeated, tag = "2")]
    pub voters: Vec<u64>,
    #[prost(uint64, repeated, tag = "3")]
    pub learners: Vec<u64>,
    #[prost(bool, tag = "4")]
    pub lease: bool,
    /// About, of what is there now.
    #[prost(uint64, tag = "5")]
    pub bytes: u64,
}

/// A range.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    pub range: RangeRef,
    pub leaseholder: Option<NodeId>,
    pub voters: Vec<NodeId>,
    pub learners: Vec<NodeId>,
    pub bytes: u64,
}

impl Shown {
    fn new(on: NodeId, held: Held) -> Shown {
        let nodes = |ids: Vec<u64>| ids.into_iter().map(NodeId).collect();
        Shown {
            leaseholder: held.lease.then_some(on),
            voters: nodes(held.voters),
            learners: nodes(held.learners),
            bytes: held.bytes,
            range: held.range,
        }
    }

    /// The leaseholder knows best, and then whoever has seen more changes of the range.
    fn knows(&self) -> (bool, u64) {
        (self.leaseholder.is_some(), self.range.generation)
    }
}

impl Node {
    /// Some of its replicas, by the numbers of their ranges, from that after this one on.
    pub(crate) fn held(&self, after: u64) -> Vec<Held> {
        let replicas = self.replicas().into_iter().filter(|replica| replica.published().id > after);
        replicas.take(TOLD_MAX).map(|replica| self.shown(&replica)).collect()
    }

    fn shown(&self, replica: &Replica) -> Held {
        let state = replica.published();
        let status = replica.group().status();
        let voters = status.voters.iter().flatten().map(|node| node.0);
        let span = &state.span;
        Held {
            range: state.range_ref(),
            voters: voters.collect::<std::collections::BTreeSet<_>>().into_iter().collect(),
            learners: status.learners.iter().map(|node| node.0).collect(),
            lease: replica.holds_lease(),
            bytes: self.engine.approximate_bytes(Space::Current, &span.start, &span.end),
        }
    }

    /// All ranges by their keys, as those nodes know them that answer.
    pub async fn ranges(self: &Arc<Self>) -> Vec<Shown> {
        let mut ranges: BTreeMap<u64, Shown> = BTreeMap::new();
        let mut take = |on: NodeId, told: Vec<Held>| {
            for held in told {
                let shown = Shown::new(on, held);
                match ranges.get(&shown.range.id) {
                    Some(known) if known.knows() >= shown.knows() => {}
                    _ => drop(ranges.insert(shown.range.id, shown)),
                }
            }
        };
        let mut after = 0;
        loop {
            let told = self.held(after);
            let Some(last) = told.last() else { break };
            after = last.range.id;
            take(self.id, told);
        }
        for (on, told) in self.ask_what_is_held().await {
            take(on, told);
        }
        let mut ranges: Vec<Shown> = ranges.into_values().collect();
        ranges.sort_by(|a, b| a.range.span.start.cmp(&b.range.span.start));
        ranges
    }
}
