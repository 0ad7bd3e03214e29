//! How a replica that is no member of its range any more is taken away.
//!
//! A member that has to leave hears of it from the leaseholder, or finds out: one that no leader has spoken to for a while
//! asks who serves the range. It goes in steps, and a crash between any two is made good at the next start:
//!
//! ```text
//!   stop the group ▷ ask ▷ mark the range's state (durable) ▷ forget log and vote ▷ erase the keys (durable) ▷ free
//! ```
//!
//! INVARIANT: what is taken away was no member when the answer was given, and has acknowledged nothing since: the group is
//! stopped before the question. Only a leaseholder answers, by members that a quorum has agreed on.
//!
//! INVARIANT: until the erasing is durable no replica with any of these keys is made here: a crash in between would end in
//! erasing the new one.

use std::sync::Arc;
use std::time::Duration;

use atoll_consensus::{Group, GroupId};
use atoll_env::NodeId;
use atoll_storage::engine::{Batch, Space};
use atoll_txn::key;
use bytes::Bytes;
use prost::Message;

use crate::apply::Applier;
use crate::members::ASK_FOR;
use crate::replica::Replica;
use crate::state::RangeState;
use crate::store::Node;

/// After so much silence a replica asks whether it is one still. Elections are long over by then.
const SILENT_FOR: Duration = Duration::from_secs(5);
/// A disk that is full now may have room then.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

impl Node {
    /// Takes away those replicas that nobody has spoken to for long and that are no members any more.
    pub(crate) async fn look_for_left(self: Arc<Self>) {
        for replica in self.replicas() {
            let silent = self.env.clock.mono() - replica.group().heard();
            if self.alive().is_ok() && !replica.is_serving() && silent >= SILENT_FOR {
                self.take_away_if_left(&replica).await;
            }
        }
    }

    /// The leaseholder says that a replica here has left.
    pub(crate) fn leave(self: &Arc<Self>, range: u64) {
        if let Some(replica) = self.replica(range) {
            let node = self.clone();
            self.env.tasks.spawn("replica.leave", async move { node.take_away_if_left(&replica).await });
        }
    }

    async fn take_away_if_left(self: &Arc<Self>, replica: &Arc<Replica>) {
        // Before it is disturbed.
        if !self.has_left(replica.id).await {
            return;
        }
        if !self.begin_to_leave(replica) {
            return;
        }
        replica.group().stop().await;
        match self.has_left(replica.id).await {
            true => self.erase(RangeState { leaving: true, ..(*replica.published()).clone() }).await,
            false => self.stay((*replica.published()).clone()).await,
        }
    }

    /// Begins anew with a replica that was to leave.
    async fn stay(self: &Arc<Self>, state: RangeState) {
        let range = state.id;
        if let Err(why) = self.start_replica(state, None).await
            && self.alive().is_ok()
        {
            self.fail(why);
        }
        self.end_leaving(range);
    }

    /// Takes away what a replica has laid down, however often it has to be tried: once the mark may be durable there is no
    /// way back.
    pub(crate) async fn erase(self: &Arc<Self>, state: RangeState) {
        while let Err(why) = self.try_to_erase(&state).await {
            if self.alive().is_err() {
                return;
            }
            tracing::warn!(range = state.id, %why, "a replica that has left was not erased");
            self.env.clock.sleep(AGAIN_AFTER).await;
        }
        tracing::info!(range = state.id, "the replica has left");
        self.end_leaving(state.id);
    }

    async fn try_to_erase(&self, state: &RangeState) -> std::result::Result<(), String> {
        let told = |error: atoll_storage::Error| self.failed(error).to_string();
        let own = key::range_state(state.id);
        let mut mark = Batch::new();
        mark.put(Space::Meta, own.clone(), state.encode_to_vec());
        self.engine.write(mark).map_err(told)?;
        self.engine.flush().await.map_err(told)?;
        let erased = Group::<Applier>::erase(&self.env, &self.wal, &self.engine, GroupId(state.id)).await;
        erased.map_err(|error| error.to_string())?;
        if !state.span.is_empty() {
            let mut spans = key::spans_of_range(state.id, &state.span.start, &state.span.end);
            // The mark goes last.
            spans.retain(|(space, start, end)| *space != Space::Meta || !(*start <= own && own < *end));
            let engine = self.engine.clone();
            let deleting =
                async move { spans.iter().try_for_each(|(space, start, end)| engine.delete_range(*space, start, end)) };
            let deleted = self.env.tasks.spawn_dedicated("replica.erase", deleting).await;
            deleted.map_err(|_| self.stopped().to_string())?.map_err(told)?;
        }
        let mut batch = Batch::new();
        batch.delete(Space::Meta, own);
        self.engine.write(batch).map_err(told)?;
        self.engine.flush().await.map_err(told)
    }

    /// A key that lies here and of which no replica here is; for people and tests.
    pub fn stray_key(&self) -> atoll_storage::Result<Option<Bytes>> {
        let spans: Vec<_> = self.replicas().iter().map(|replica| replica.published().span.clone()).collect();
        for row in self.engine.view().scan(Space::Current, b"", b"") {
            let (key, _) = row?;
            if !spans.iter().any(|span| span.contains(&key)) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// Whether a leaseholder says that this node is no member of the range.
    async fn has_left(self: &Arc<Self>, range: u64) -> bool {
        for other in self.live().into_keys().filter(|other| *other != self.id) {
            match self.ask_if_left(other, range).await {
                Ok(left) => return left,
                Err(why) => tracing::trace!(range, %other, %why, "does not know who is a member"),
            }
        }
        false
    }

    /// The answer for another node, which only the leaseholder can give.
    pub(crate) async fn is_no_member(&self, range: u64, node: NodeId) -> std::result::Result<bool, String> {
        let replica = self.replica(range).filter(|replica| replica.is_serving());
        let replica = replica.ok_or("the range is not served here")?;
        let _changing = replica.changing.try_lock().map_err(|_| "the members are changing")?;
        let confirmed = self.env.clock.timeout(ASK_FOR, replica.group().barrier()).await;
        confirmed.map_err(|_| "no quorum")?.map_err(|error| error.to_string())?;
        let status = replica.group().status();
        let [voters] = &status.voters[..] else { return Err("the members are changing".to_owned()) };
        if status.members_since > status.applied {
            return Err("the members are not agreed on yet".to_owned());
        }
        Ok(!voters.contains(&node) && !status.learners.contains(&node))
    }
}
