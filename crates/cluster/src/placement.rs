//! Where the replicas of ranges are to be, and the steps from where they are to there.
//!
//! The leaseholder of a range decides about it, one step at a time: a new member is given room, learns, then votes; only
//! then does an old one leave. A step that was left half done by another leader is taken back first.
//!
//! Replicas and leases are spread by their number: a node that has two fewer than another one takes one over. A round moves
//! one at most, because what is known of the others is half a second old. What is on a node that leaves the cluster goes
//! as if it were dead, in any number.
//!
//! INVARIANT: while the members of a range change, it is not split, and the other way round (`Replica::changing`); a split
//! hands its voters on to both halves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use atoll_env::NodeId;

use crate::directory;
use crate::members::Load;
use crate::replica::Replica;
use crate::router::Router;
use crate::store::Node;

/// A member that acknowledged nothing for so long is asked whether it has a replica at all.
const UNHEARD_FOR: Duration = Duration::from_secs(5);

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
    /// The lease goes to another voter.
    HandOver(NodeId),
    /// Back to the voters there were.
    Settle,
}

/// What a decision rests on.
struct View {
    here: NodeId,
    voters: BTreeSet<NodeId>,
    /// A change of members is half done.
    unsettled: bool,
    /// Who answers and stays, with what it has.
    live: BTreeMap<NodeId, Load>,
    /// The voters that are dead, or leaving the cluster.
    lost: BTreeSet<NodeId>,
    /// Those of them that will not come back.
    leaving: BTreeSet<NodeId>,
    wanted: usize,
}

impl View {
    /// What has to be done for the range's own sake.
    fn step(&self) -> Step {
        if self.unsettled {
            return Step::Settle;
        }
        let alive = self.voters.len() - self.lost.intersection(&self.voters).count();
        let spare = self.spare();
        let possible = self.wanted.min(alive + spare.len());
        // An even number bears the loss of no more than the odd one below it.
        let wanted = if possible.is_multiple_of(2) { possible - 1 } else { possible };
        if alive < wanted {
            return Step::Add(spare.into_iter().take(wanted - alive).collect());
        }
        // Where there are no nodes for as many as are wanted, those that leave still leave.
        let too_many = self.voters.len() > self.wanted && alive >= self.wanted;
        if too_many || (!self.leaving.is_empty() && alive == wanted) {
            // Who leads can't take itself out.
            if self.lost.contains(&self.here) {
                return self
                    .others()
                    .find(|node| !self.lost.contains(node))
                    .map_or(Step::Nothing, |to| Step::HandOver(*to));
            }
            let leaving = self.others().max_by_key(|node| (self.lost.contains(node), self.replicas(node), **node));
            return leaving.map_or(Step::Nothing, |node| Step::Remove(*node));
        }
        Step::Nothing
    }

    /// What would spread replicas and leases more evenly.
    fn balance(&self) -> Step {
        if self.voters.len() != self.wanted || !self.lost.is_disjoint(&self.voters) {
            return Step::Nothing;
        }
        let fullest = self.others().filter_map(|node| self.live.get(node)).map(|load| load.replicas).max();
        if let (Some(fullest), Some(spare)) = (fullest, self.spare().first())
            && fullest >= self.replicas(spare) + 2
        {
            return Step::Add(BTreeSet::from([*spare]));
        }
        let leases = |node: &NodeId| self.live.get(node).map(|load| load.leases);
        let idlest = self.others().filter_map(|node| Some((leases(node)?, *node))).min();
        match (leases(&self.here), idlest) {
            (Some(own), Some((least, node))) if own >= least + 2 => Step::HandOver(node),
            _ => Step::Nothing,
        }
    }

    fn others(&self) -> impl Iterator<Item = &NodeId> {
        self.voters.iter().filter(|node| **node != self.here)
    }

    /// Those that could become members, the emptiest first.
    fn spare(&self) -> Vec<NodeId> {
        let spare = self.live.iter().filter(|(node, _)| !self.voters.contains(node));
        let mut spare: Vec<_> = spare.map(|(node, load)| (load.replicas, *node)).collect();
        spare.sort_unstable();
        spare.into_iter().map(|(_, node)| node).collect()
    }

    /// Of a node that does not answer, as many as can be.
    fn replicas(&self, node: &NodeId) -> u64 {
        self.live.get(node).map_or(u64::MAX, |load| load.replicas)
    }
}

impl Node {
    /// Takes the next step for each range that is served here.
    pub(crate) async fn place(self: Arc<Self>) {
        let router = Router::new(self.clone());
        let mut may_balance = true;
        for replica in self.replicas() {
            if self.alive().is_err() {
                return;
            }
            if !replica.is_serving() {
                continue;
            }
            match self.place_one(&replica, may_balance).await {
                Ok(None) => {}
                Ok(Some(Moved { left })) => {
                    may_balance = false;
                    if let Some(left) = left {
                        self.tell_to_leave(left, replica.id).await;
                    }
                }
                Err(error) => tracing::debug!(range = replica.id, %error, "the members of the range were not changed"),
            }
            replica.publish_if_changed(&router).await;
        }
    }

    async fn place_one(self: &Arc<Self>, replica: &Arc<Replica>, may_balance: bool) -> Result<Option<Moved>, String> {
        let Ok(_changing) = replica.changing.try_lock() else { return Ok(None) };
        let status = replica.group().status();
        let [voters] = &status.voters[..] else {
            // The change itself goes on when it can.
            return replica.settle_members(status.voters.last().cloned().unwrap_or_default()).await.map(|()| None);
        };
        let silent = |node: &NodeId| self.silent_for(*node).is_some_and(|silent| silent >= self.options.dead_after);
        let leaving: BTreeSet<NodeId> = voters.iter().copied().filter(|node| self.members.is_leaving(*node)).collect();
        let view = View {
            here: self.id,
            voters: voters.clone(),
            unsettled: !status.learners.is_empty(),
            live: self.live().into_iter().filter(|(node, _)| !self.members.is_leaving(*node)).collect(),
            lost: voters.iter().copied().filter(|node| leaving.contains(node) || silent(node)).collect(),
            leaving,
            wanted: self.options.replicas,
        };
        self.make_room_again(replica, &view).await;
        let mut after = voters.clone();
        let mut left = None;
        let step = match view.step() {
            Step::Nothing if may_balance => view.balance(),
            step => step,
        };
        match step {
            Step::Nothing => return Ok(None),
            Step::Settle => {}
            Step::HandOver(node) => {
                let handed = replica.group().transfer_leader(node).await;
                return handed.map(|()| Some(Moved { left })).map_err(|error| error.to_string());
            }
            Step::Add(nodes) => {
                self.prepare_to_teach(replica).await;
                for node in nodes {
                    self.ask_to_host(node, replica.published().range_ref()).await?;
                    replica.teach(node).await?;
                    after.insert(node);
                }
            }
            Step::Remove(node) => {
                after.remove(&node);
                left = Some(node);
            }
        }
        replica.settle_members(after).await?;
        Ok(Some(Moved { left }))
    }
}

impl Node {
    /// A member that answers, but not for this range, may have no replica of it: one that has left a range before it
    /// applied a split has none of the right half.
    async fn make_room_again(&self, replica: &Replica, view: &View) {
        let unheard = replica.group().unheard_for(UNHEARD_FOR);
        for node in unheard.into_iter().filter(|node| view.live.contains_key(node)) {
            self.prepare_to_teach(replica).await;
            if let Err(why) = self.ask_to_host(node, replica.published().range_ref()).await {
                tracing::debug!(range = replica.id, %node, %why, "there is no room for a member's replica");
            }
        }
    }

    /// What a range began with is in no entry: whoever comes later must get a snapshot.
    async fn prepare_to_teach(&self, replica: &Replica) {
        if replica.group().status().purged.is_none() {
            self.checkpoint().await;
        }
    }
}

/// A step was taken.
struct Moved {
    /// This node is no member any more.
    left: Option<NodeId>,
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

    /// Nodes that answer are given with their numbers of replicas; node 1 has all the leases.
    fn view(voters: &[u64], live: &[(u64, u64)], dead: &[u64]) -> View {
        let nodes = |ids: &[u64]| ids.iter().copied().map(NodeId).collect();
        let load = |id: u64, replicas: u64| Load { replicas, leases: if id == 1 { replicas } else { 0 } };
        View {
            here: NodeId(1),
            voters: nodes(voters),
            unsettled: false,
            live: live.iter().map(|(node, replicas)| (NodeId(*node), load(*node, *replicas))).collect(),
            lost: nodes(dead),
            leaving: BTreeSet::new(),
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
        let leaving = view(&[1, 2, 3, 4], &[(2, 1), (3, 1), (4, 9)], &[1]);
        assert_eq!(leaving.step(), Step::HandOver(NodeId(2)), "who leads hands over first");
        let last = View { leaving: BTreeSet::from([NodeId(2)]), ..view(&[1, 2], &[(1, 1)], &[2]) };
        assert_eq!(last.step(), Step::Remove(NodeId(2)), "to the last one");
        let last = View { leaving: BTreeSet::from([NodeId(3)]), ..view(&[1, 2, 3], &[(1, 1), (2, 1)], &[3]) };
        assert_eq!(last.step(), Step::Nothing, "one of two would be lost for nothing");
        assert_eq!(Step::Settle, View { unsettled: true, ..view(&[1, 2, 3], &live, &[]) }.step());
    }

    #[test]
    fn replicas_and_leases_go_where_there_are_two_fewer() {
        let even = [(1, 1), (2, 5), (3, 5), (4, 4)];
        assert_eq!(view(&[1, 2, 3], &even, &[]).balance(), Step::Nothing);
        assert_eq!(view(&[1, 2, 3], &[(1, 1), (2, 5), (3, 4), (4, 3)], &[]).balance(), add(&[4]));
        let fuller = view(&[1, 2, 3, 4], &[(1, 9), (2, 5), (3, 4), (4, 4)], &[]);
        assert_eq!(fuller.step(), Step::Remove(NodeId(2)), "the fullest of the others");
        assert_eq!(fuller.balance(), Step::Nothing, "one after the other");
        assert_eq!(view(&[1, 2, 3], &[(1, 2), (2, 2), (3, 2)], &[]).balance(), Step::HandOver(NodeId(2)));
        assert_eq!(view(&[1, 2, 3], &[(1, 1), (2, 1), (3, 1)], &[]).balance(), Step::Nothing);
        assert_eq!(view(&[1, 2, 3], &[(1, 2), (2, 2), (4, 0)], &[3]).balance(), Step::Nothing, "first what is lost");
    }
}
