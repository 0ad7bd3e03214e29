//! Replicas of one group: all apply the same command under an index, in all their lives, and what was acknowledged at an
//! index is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_cluster::store::Node;
use atoll_consensus::{GroupId, NodeId};
use bytes::Bytes;

use super::REPORTED_MAX;

#[derive(Default)]
pub struct History {
    applied: BTreeMap<(GroupId, u64), (u64, Bytes)>,
    acknowledged: BTreeMap<(GroupId, u64), Bytes>,
    problems: Vec<String>,
}

impl History {
    pub fn applied(&mut self, node: NodeId, group: GroupId, term: u64, index: u64, command: &Bytes) {
        let (first_term, first) = self.applied.entry((group, index)).or_insert_with(|| (term, command.clone()));
        if *first_term != term || first != command {
            let what = format!(
                "agreement: {node} applied another command of term {term} at {group} {index}, the first was of term {first_term}"
            );
            self.problems.push(what);
        }
    }

    pub fn acknowledged(&mut self, group: GroupId, index: u64, command: Bytes) {
        if self.acknowledged.insert((group, index), command).is_some() {
            self.problems.push(format!("agreement: two commands were acknowledged at {group} {index}"));
        }
    }

    /// What a replica holds in the end, after it has caught up.
    pub fn holds(&mut self, node: NodeId, group: GroupId, commands: &BTreeMap<u64, Bytes>) {
        let acknowledged = self.acknowledged.iter().filter(|((of, _), _)| *of == group);
        for ((_, index), command) in acknowledged {
            if commands.get(index) != Some(command) {
                self.problems.push(format!("durability: {node} lost the acknowledged command {index} of {group}"));
            }
        }
        for ((of, index), (_, command)) in &self.applied {
            if *of == group && commands.get(index).is_some_and(|held| held != command) {
                self.problems
                    .push(format!("agreement: {node} holds another command at {group} {index} than was applied"));
            }
        }
    }
}

/// The entries that replicas were seen to have applied, now and then.
#[derive(Default)]
pub struct Seen {
    /// Who was the first to have applied what, by range and index.
    entries: BTreeMap<(u64, u64), (NodeId, (u64, NodeId))>,
}

impl Seen {
    /// What is wrong, if anything is.
    pub fn look(&mut self, nodes: &[Arc<Node>]) -> Option<String> {
        for node in nodes {
            for replica in node.replicas() {
                if let Some((index, term, leader)) = replica.group().applied_entry() {
                    let wrong = self.applied(node.id, replica.published().id, index, (term, leader));
                    if wrong.is_some() {
                        return wrong;
                    }
                }
            }
        }
        None
    }

    fn applied(&mut self, node: NodeId, range: u64, index: u64, of: (u64, NodeId)) -> Option<String> {
        let (first, seen) = self.entries.entry((range, index)).or_insert((node, of));
        (*seen != of).then(|| {
            let tell = |(term, leader): (u64, NodeId)| format!("term {term} of {leader}");
            let (here, there) = (tell(of), tell(*seen));
            format!("agreement: at {index} of range {range}, {node} applied an entry of {here}, {first} one of {there}")
        })
    }
}

pub fn check(history: &History) -> Vec<String> {
    history.problems.iter().take(REPORTED_MAX).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const G: GroupId = GroupId(1);

    #[test]
    fn two_entries_under_one_index_are_noticed() {
        let mut seen = Seen::default();
        assert_eq!(seen.applied(NodeId(1), 1, 5, (1, NodeId(1))), None);
        assert_eq!(seen.applied(NodeId(2), 1, 5, (1, NodeId(1))), None);
        assert_eq!(seen.applied(NodeId(2), 2, 5, (2, NodeId(1))), None, "another range");
        assert!(seen.applied(NodeId(3), 1, 5, (2, NodeId(3))).is_some());
        assert!(seen.applied(NodeId(3), 1, 5, (1, NodeId(3))).is_some(), "another leader of the same term");
    }

    #[test]
    fn different_lost_and_doubled_commands_are_noticed() {
        let (one, two) = (Bytes::from("one"), Bytes::from("two"));
        let mut history = History::default();
        history.applied(NodeId(1), G, 1, 5, &one);
        history.applied(NodeId(2), G, 1, 5, &one);
        history.acknowledged(G, 5, one.clone());
        history.holds(NodeId(1), G, &BTreeMap::from([(5, one.clone()), (6, two.clone())]));
        assert_eq!(check(&history).len(), 0);
        history.applied(NodeId(3), G, 1, 5, &two);
        assert_eq!(check(&history).len(), 1);
        history.acknowledged(G, 5, two.clone());
        assert_eq!(check(&history).len(), 2);
        history.holds(NodeId(1), G, &BTreeMap::new());
        assert_eq!(check(&history).len(), 3);
    }
}
