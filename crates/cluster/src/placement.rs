//! Where the replicas of ranges are to be, and the steps from where they are to there.
//!
//! The leaseholder of a range decides about it, one step at a time: a new member is given room, learns, then votes; only
//! then does an old one leave. A step that was left half done by another leader is taken back first.
//!
//! INVARIANT: while the members of a range change, it is not split, and the other way round (`Replica::changing`); a split
//! hands its voters on to both halves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use atoll_env::NodeId;

use crate::directory;
use crate::replica::Replica;
use crate::router::Router;
use crate::store::Node;

/// A node that was silent for so long has its replicas replaced.
const DEAD_AFTER: Duration = Duration::from_secs(300);

const HAND_OVER_WITHIN: Duration = Duration::from_secs(3);
/// How long a new member may take until it can vote.
const LEARN_WITHIN: Duration = Duration::from_secs(120);

/// What is to be done about the members of a range.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    /// Together, for two voters would be lost with either of them.
    Add(BTreeSet<NodeId>),
    Remove(NodeId),
    /// Back to the voters there were.
    Settle,
}

/// What a decision rests on.
struct View {
    here: NodeId,
    voters: BTreeSet<NodeId>,
    /// A change of members is half done.
    unsettled: bool,
    /// Who answers, with the number of its replicas.
    live: Vec<(NodeId, u64)>,
    dead: BTreeSet<NodeId>,
    wanted: usize,
}

impl View {
    fn step(&self) -> Step {
        if self.unsettled {
            return Step::Settle;
        }
        let alive = self.voters.len() - self.dead.intersection(&self.voters).count();
        let mut spare: Vec<_> = self.live.iter().filter(|(node, _)| !self.voters.contains(node)).collect();
        spare.sort_unstable_by_key(|(node, replicas)| (*replicas, *node));
        let possible = self.wanted.min(alive + spare.len());
        // An even number bears the loss of no more than the odd one below it.
        let wanted = if possible.is_multiple_of(2) { possible - 1 } else { possible };
        if alive < wanted {
            return Step::Add(spare.iter().take(wanted - alive).map(|(node, _)| *node).collect());
        }
        if self.voters.len() > self.wanted && alive >= self.wanted {
            let load = |node: &NodeId| self.live.iter().find(|(other, _)| other == node).map_or(u64::MAX, |(_, n)| *n);
            let leaving = self.voters.iter().filter(|node| **node != self.here);
            let leaving = leaving.max_by_key(|node| (self.dead.contains(node), load(node), **node));
            return leaving.map_or(Step::Nothing, |node| Step::Remove(*node));
        }
        Step::Nothing
    }
}

impl Node {
    /// Takes the next step for each range that is served here.
    pub(crate) async fn place(self: Arc<Self>) {
        let router = Router::new(self.clone());
        for replica in self.replicas() {
            if self.alive().is_err() {
                return;
            }
            if !replica.is_serving() {
                continue;
            }
            if let Err(error) = self.place_one(&replica).await {
                tracing::debug!(range = replica.id, %error, "the members of the range were not changed");
            }
            replica.publish_if_changed(&router).await;
        }
    }

    async fn place_one(self: &Arc<Self>, replica: &Arc<Replica>) -> Result<(), String> {
        let Ok(_changing) = replica.changing.try_lock() else { return Ok(()) };
        let status = replica.group().status();
        let live: Vec<(NodeId, u64)> = self.live().into_iter().map(|(node, load)| (node, load.replicas)).collect();
        let [voters] = &status.voters[..] else {
            // The change itself goes on when it can.
            return replica.settle_members(status.voters.last().cloned().unwrap_or_default()).await;
        };
        let silent = |node: &NodeId| self.silent_for(*node).is_some_and(|silent| silent >= DEAD_AFTER);
        let view = View {
            here: self.id,
            voters: voters.clone(),
            unsettled: !status.learners.is_empty(),
            live,
            dead: voters.iter().copied().filter(silent).collect(),
            wanted: self.options.replicas,
        };
        let mut after = voters.clone();
        match view.step() {
            Step::Nothing => return Ok(()),
            Step::Settle => {}
            Step::Add(nodes) => {
                // What the range began with is in no entry: whoever comes later must get a snapshot.
                if status.purged.is_none() {
                    self.checkpoint().await;
                }
                for node in nodes {
                    self.ask_to_host(node, replica.published().range_ref()).await?;
                    replica.teach(node).await?;
                    after.insert(node);
                }
            }
            Step::Remove(node) => {
                after.remove(&node);
            }
        }
        replica.settle_members(after).await
    }
}

impl Node {
    /// Gives the leases that are held here to others, so that nobody has to wait for them when this node goes.
    pub(crate) async fn hand_over(self: &Arc<Self>) {
        let handing: Vec<_> = self
            .replicas()
            .into_iter()
            .filter(|replica| replica.is_serving())
            .map(|replica| self.env.tasks.spawn("lease.hand_over", async move { replica.hand_over().await }))
            .collect();
        let all = async {
            for one in handing {
                // One that did not come through is noticed by an election.
                let _ = one.await;
            }
        };
        if self.env.clock.timeout(HAND_OVER_WITHIN, all).await.is_err() {
            tracing::warn!("not every lease was given to another node before the end");
        }
    }
}

impl Replica {
    async fn hand_over(&self) {
        let live = self.node().live();
        let voters = self.group().status().voters.into_iter().flatten();
        let others = voters.filter(|voter| *voter != self.node().id && live.contains_key(voter));
        let Some(to) = others.min_by_key(|voter| (live[voter].leases, *voter)) else { return };
        if let Err(error) = self.group().transfer_leader(to).await {
            tracing::debug!(range = self.id, %to, %error, "the lease was not handed over");
        }
    }

    async fn teach(&self, node: NodeId) -> Result<(), String> {
        self.not_alone();
        // It goes on behind this, and what came of it is seen at the next step.
        match self.node().env.clock.timeout(LEARN_WITHIN, self.group().add_learner(node)).await {
            Ok(taught) => taught.map_err(|error| error.to_string()),
            Err(_) => Err(format!("{node} has not caught up yet")),
        }
    }

    /// Makes these the voters, and nobody a learner.
    async fn settle_members(&self, voters: BTreeSet<NodeId>) -> Result<(), String> {
        self.not_alone();
        let changed = self.group().change_membership(voters, BTreeSet::new()).await;
        self.look_who_votes();
        changed.map_err(|error| error.to_string())
    }

    /// Writes the range's record in the directory if it says something else than what is.
    async fn publish_if_changed(&self, router: &Router) {
        let located = self.located();
        if self.published_last.lock().as_ref() == Some(&located) {
            return;
        }
        match directory::publish(router, located.clone()).await {
            Ok(_) => *self.published_last.lock() = Some(located),
            Err(error) => tracing::debug!(range = self.id, %error, "the directory was not written"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(voters: &[u64], live: &[(u64, u64)], dead: &[u64]) -> View {
        let nodes = |ids: &[u64]| ids.iter().copied().map(NodeId).collect();
        View {
            here: NodeId(1),
            voters: nodes(voters),
            unsettled: false,
            live: live.iter().map(|(node, replicas)| (NodeId(*node), *replicas)).collect(),
            dead: nodes(dead),
            wanted: 3,
        }
    }

    fn add(nodes: &[u64]) -> Step {
        Step::Add(nodes.iter().copied().map(NodeId).collect())
    }

    #[test]
    fn members_come_while_there_are_nodes_for_them() {
        assert_eq!(view(&[1], &[(1, 5)], &[]).step(), Step::Nothing);
        assert_eq!(view(&[1], &[(1, 5), (2, 0)], &[]).step(), Step::Nothing, "two are worse than one");
        assert_eq!(view(&[1], &[(1, 5), (2, 4), (3, 0)], &[]).step(), add(&[2, 3]));
        assert_eq!(view(&[1], &[(1, 5), (2, 4), (3, 0), (4, 3)], &[]).step(), add(&[3, 4]));
        assert_eq!(view(&[1, 3], &[(1, 5), (2, 4), (3, 0)], &[]).step(), add(&[2]));
        assert_eq!(view(&[1, 2, 3], &[(1, 5), (2, 4), (3, 0), (4, 0)], &[]).step(), Step::Nothing);
    }

    #[test]
    fn a_dead_member_leaves_only_when_another_has_come() {
        let live = [(1, 1), (2, 1)];
        assert_eq!(view(&[1, 2, 3], &live, &[]).step(), Step::Nothing, "silent is not dead yet");
        assert_eq!(view(&[1, 2, 3], &live, &[3]).step(), Step::Nothing, "nobody is there to come");
        assert_eq!(view(&[1, 2, 3], &[(1, 1), (2, 1), (4, 9)], &[3]).step(), add(&[4]));
        assert_eq!(view(&[1, 2, 3, 4], &[(1, 1), (2, 1), (4, 9)], &[3]).step(), Step::Remove(NodeId(3)));
        assert_eq!(Step::Settle, View { unsettled: true, ..view(&[1, 2, 3], &live, &[]) }.step());
    }
}
