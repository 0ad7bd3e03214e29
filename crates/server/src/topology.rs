//! What SQL is told of nodes and ranges.

use std::sync::Weak;
use std::time::Duration;

use atoll_cluster::members::Standing;
use atoll_cluster::store::Node;
use atoll_env::NodeId;
use atoll_sql::session::topology::{Member, Range, Topology};
use atoll_storage::engine::Space;
use atoll_txn::key;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

/// A node that closes is not held.
pub struct Places(pub Weak<Node>);

impl Topology for Places {
    fn nodes(&self) -> Vec<Member> {
        let listed = self.0.upgrade().map(|node| node.listed()).unwrap_or_default().into_iter();
        let members = listed.map(|listed| Member {
            leaving: listed.member.standing() == Standing::Leaving,
            node: listed.member.id,
            address: listed.member.address,
            silent: listed.silent_ms.map(Duration::from_millis),
            replicas: listed.load.replicas,
            leases: listed.load.leases,
        });
        members.collect()
    }

    fn ranges(&self) -> BoxFuture<'_, Vec<Range>> {
        async move {
            let Some(node) = self.0.upgrade() else { return Vec::new() };
            let numbers = |nodes: Vec<NodeId>| nodes.into_iter().map(|node| node.0).collect();
            let pretty = |bytes: &[u8]| key::pretty(Space::Current, bytes);
            let ranges = node.ranges().await.into_iter().map(|shown| Range {
                id: shown.range.id,
                generation: shown.range.generation,
                start: pretty(&shown.range.span.start),
                end: (!shown.range.span.end.is_empty()).then(|| pretty(&shown.range.span.end)),
                span: shown.range.span,
                leaseholder: shown.leaseholder.map(|node| node.0),
                voters: numbers(shown.voters),
                learners: numbers(shown.learners),
                bytes: shown.bytes,
            });
            ranges.collect()
        }
        .boxed()
    }
}
