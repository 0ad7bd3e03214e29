//! One leaseholder at a time: of all nodes at most one would serve a read of a range at this moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_cluster::store::Node;
use atoll_env::NodeId;

/// What is wrong, if anything is.
pub fn look(nodes: &[Arc<Node>]) -> Option<String> {
    let mut holders: BTreeMap<u64, NodeId> = BTreeMap::new();
    for node in nodes {
        for replica in node.replicas().into_iter().filter(|replica| replica.holds_lease()) {
            let range = replica.published().id;
            if let Some(first) = holders.insert(range, node.id) {
                return Some(format!("leases: {first} and {} both serve range {range}", node.id));
            }
        }
    }
    None
}
