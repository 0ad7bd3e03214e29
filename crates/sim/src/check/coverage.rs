//! Ranges lie side by side: every key is of one of them, and of one only.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_cluster::store::Node;
use bytes::Bytes;

/// A range as the replica sees it that knows best.
struct Known {
    generation: u64,
    start: Bytes,
    end: Bytes,
}

/// Looks at all ranges of these nodes. While one is being split, its right half may not be there yet.
pub fn look(nodes: &[Arc<Node>]) -> Result<(), String> {
    let mut known: BTreeMap<u64, Known> = BTreeMap::new();
    for state in nodes.iter().flat_map(|node| node.replicas()).map(|replica| replica.published()) {
        let newer = known.get(&state.id).is_none_or(|known| known.generation < state.generation);
        // Those without keys have only been given room.
        if newer && !state.span.is_empty() {
            let (start, end) = (state.span.start.clone(), state.span.end.clone());
            known.insert(state.id, Known { generation: state.generation, start, end });
        }
    }
    side_by_side(&known)
}

fn side_by_side(known: &BTreeMap<u64, Known>) -> Result<(), String> {
    let mut in_order: Vec<_> = known.iter().collect();
    in_order.sort_by(|(_, one), (_, other)| one.start.cmp(&other.start));
    let mut next = Some(Bytes::new());
    for (id, range) in in_order {
        if next.as_ref() != Some(&range.start) {
            let expected = next.map_or_else(|| "nowhere".to_owned(), |next| format!("at {next:?}"));
            return Err(format!("coverage: range {id} begins at {:?}, the one before it ends {expected}", range.start));
        }
        next = Some(range.end.clone()).filter(|end| !end.is_empty());
    }
    match next {
        None => Ok(()),
        Some(end) => Err(format!("coverage: nobody has the keys from {end:?} on")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ranges: &[(&'static str, &'static str)]) -> bool {
        let known = (1..).zip(ranges).map(|(id, (start, end))| {
            (id, Known { generation: 0, start: Bytes::from_static(start.as_bytes()), end: Bytes::from(*end) })
        });
        side_by_side(&known.collect()).is_ok()
    }

    #[test]
    fn gaps_and_overlaps_are_noticed() {
        assert!(check(&[("", "")]));
        assert!(check(&[("m", ""), ("", "c"), ("c", "m")]));
        assert!(!check(&[("", "c"), ("c\0", "")]));
        assert!(!check(&[("", "c"), ("b", "")]));
        assert!(!check(&[("", ""), ("b", "c")]));
        assert!(!check(&[("", "c")]));
        assert!(!check(&[]));
    }
}
