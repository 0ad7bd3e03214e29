//! Replicas of one range that have applied the same commands hold the same bytes.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use atoll_cluster::store::Node;
use atoll_env::NodeId;
use atoll_txn::key;

#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Same,
    /// Some have not applied everything yet: which of what range have applied how much.
    Behind(String),
    Differ(String),
}

/// Looks at all ranges of these nodes. Those without keys have only been given room.
pub fn look(nodes: &[Arc<Node>]) -> Verdict {
    let mut seen: BTreeMap<u64, Vec<(NodeId, Option<u64>, u64)>> = BTreeMap::new();
    for node in nodes {
        for replica in node.replicas() {
            let state = replica.published();
            if !state.span.is_empty() {
                let digest = digest(node, state.id, &state.span.start, &state.span.end);
                seen.entry(state.id).or_default().push((node.id, replica.group().applied(), digest));
            }
        }
    }
    let mut verdict = Verdict::Same;
    for (range, replicas) in seen {
        let (_, first_applied, first_digest) = replicas[0];
        if replicas.iter().any(|(_, applied, _)| *applied != first_applied) {
            let applied: Vec<_> = replicas.iter().map(|(node, applied, _)| (node, applied)).collect();
            verdict = Verdict::Behind(format!("range {range}: {applied:?}"));
        } else if replicas.iter().any(|(_, _, digest)| *digest != first_digest) {
            return Verdict::Differ(format!(
                "replicas: those of range {range} differ at {first_applied:?}: {replicas:?}"
            ));
        }
    }
    verdict
}

fn digest(node: &Node, range: u64, start: &[u8], end: &[u8]) -> u64 {
    let view = node.engine.view();
    let mut hasher = DefaultHasher::new();
    for (space, start, end) in key::spans_of_range(range, start, end) {
        for row in view.scan(space, &start, &end) {
            let (key, value) = row.expect("a healthy engine is read");
            hasher.write_usize(key.len());
            hasher.write(&key);
            hasher.write_usize(value.len());
            hasher.write(&value);
        }
    }
    hasher.finish()
}
