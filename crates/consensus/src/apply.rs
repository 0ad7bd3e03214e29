//! Applying committed entries, and the state as snapshots.
//!
//! ```text
//!   committed entries ──▶ state machine fills one batch ──▶ wait: durable in the log here? ──▶ engine ──▶ replies
//!                         (up to 256 entries or 1 MiB)
//! ```
//!
//! INVARIANT: the applied record is in the same batch as the data it speaks of, so after a crash the two agree.
//!
//! INVARIANT: nothing reaches the engine before it is durable in this node's log (see `log`). Followers that are ahead
//! of their own disk wait; a leader waits for its own disk anyway when it is needed for the quorum.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use atoll_env::fault::{CRASH_AFTER_APPLY, CRASH_BEFORE_APPLY, DELAY_APPLY};
use atoll_storage::engine::{Batch, Space};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use tokio::sync::watch;

use crate::codec::Applied;
use crate::error::Error;
use crate::log::Durable;
use crate::snapshot::{Own, Snapshot, Span};
use crate::state::State;
use crate::types::{Commands, LogId, SnapshotMeta, StoredMembership, Types, WholeSnapshot};

/// Bounds of one batch.
const BATCH_ENTRIES_MAX: usize = 256;
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Between looks for room on a full disk.
const ROOM_PAUSE: Duration = Duration::from_millis(50);

/// A committed command. Those that were proposed at about the same time share an index.
pub struct Entry<'a> {
    pub index: u64,
    /// Which of the commands of this index.
    pub place: u32,
    pub term: u64,
    pub command: &'a Bytes,
}

/// What a group's entries mean. The replicas of a group each have one, and all of them go through the same states.
pub trait StateMachine: Send + Sync + 'static {
    type Reply: Send + Sync + 'static;

    /// Fills `batch` with what the entry changes. Deterministic: it depends on the entry and on the state, which it
    /// may read where it likes, minding that changes of earlier entries in the same batch are not in the engine yet.
    /// It cannot fail; a command that does nothing is one whose reply says so.
    fn apply(&mut self, entry: Entry<'_>, batch: &mut Batch) -> Self::Reply;

    /// Called once for each batch, after the last of its entries: what is the same for all of them is written here.
    fn seal(&mut self, _batch: &mut Batch) {}

    /// Everything up to and including this index is in the engine. Comes before the replies go out.
    fn applied(&mut self, upto: u64);

    /// The keys that make up the group's state; an empty end is the end of the space. They are what a snapshot
    /// carries and replaces.
    fn spans(&self) -> Vec<(Space, Bytes, Bytes)>;

    /// A snapshot has replaced the state in the engine: whatever was derived from the old one is void. `applied`
    /// follows at once.
    fn installed(&mut self);
}

/// The applying side of a replica; lives in openraft's state machine task.
pub(crate) struct Applier<SM: StateMachine> {
    machine: SM,
    state: State,
    durable: Arc<Durable>,
    /// What the engine holds.
    applied: Applied,
    /// The index after the last applied one, for those who wait for it.
    progress: watch::Sender<u64>,
}

type Responder<SM> = ApplyResponder<Types<<SM as StateMachine>::Reply>>;

/// A batch on its way to the engine, with the replies that wait for it.
struct Pending<SM: StateMachine> {
    batch: Batch,
    entries: usize,
    command_bytes: usize,
    replies: Vec<(Responder<SM>, Vec<SM::Reply>)>,
}

impl<SM: StateMachine> Default for Pending<SM> {
    fn default() -> Self {
        Pending { batch: Batch::new(), entries: 0, command_bytes: 0, replies: Vec::new() }
    }
}

impl<SM: StateMachine> Applier<SM> {
    pub(crate) fn new(
        machine: SM,
        state: State,
        durable: Arc<Durable>,
        applied: Applied,
        progress: watch::Sender<u64>,
    ) -> Applier<SM> {
        progress.send_replace(next_index(&applied.log_id));
        Applier { machine, state, durable, applied, progress }
    }

    async fn write(&mut self, pending: &mut Pending<SM>) -> io::Result<()> {
        let Pending { mut batch, entries, replies, .. } = std::mem::take(pending);
        if entries == 0 {
            return Ok(());
        }
        let last = self.applied.log_id.as_ref().expect("something was applied").index;
        let faults = &self.state.env.faults;
        faults.delay_here(DELAY_APPLY).await;
        self.durable.reach(last).await?;
        self.machine.seal(&mut batch);
        self.state.record(&self.applied, &mut batch);
        faults.crash_here(CRASH_BEFORE_APPLY).await;
        // What is committed has to be applied, so a disk that others have filled is waited for. Proposals are refused long
        // before.
        while let Err(atoll_storage::Error::Full) = self.state.engine.admit() {
            self.state.env.clock.sleep(ROOM_PAUSE).await;
        }
        self.state.engine.write(batch).map_err(io::Error::other)?;
        faults.crash_here(CRASH_AFTER_APPLY).await;
        self.machine.applied(last);
        self.progress.send_replace(last + 1);
        for (responder, reply) in replies {
            responder.send(reply);
        }
        Ok(())
    }

    fn spans(&self) -> Vec<Span> {
        let spans = self.machine.spans().into_iter();
        let spans: Vec<_> = spans.map(|(space, start, end)| Span { space, start, end }).collect();
        assert!(!spans.iter().any(|span| self.state.owns_a_key_in(span)), "a state machine claims the group's records");
        spans
    }

    /// The state as it is now. None as long as there is nothing in it.
    fn snapshot(&self) -> io::Result<Option<WholeSnapshot>> {
        if self.applied.log_id.is_none() {
            return Ok(None);
        }
        let meta = SnapshotMeta { last_log_id: self.applied.log_id, last_membership: self.applied.membership.clone() };
        let own = Own { view: self.state.engine.view(), spans: self.spans() };
        Ok(Some(openraft::Snapshot { meta, snapshot: Snapshot::Own(own) }))
    }
}

impl<SM: StateMachine> RaftStateMachine<Types<SM::Reply>> for Applier<SM> {
    type SnapshotData = Snapshot;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.applied.log_id, self.applied.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types<SM::Reply>>>> + Unpin + OptionalSend,
    {
        let mut pending = Pending::default();
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let expected = next_index(&self.applied.log_id);
            assert_eq!(entry.log_id.index, expected, "committed entries come in order and without a hole");
            let mut replies = Vec::new();
            match &entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(Commands(commands)) => {
                    let (index, term) = (entry.log_id.index, entry.log_id.leader_id.term);
                    replies.reserve_exact(commands.len());
                    for (place, command) in (0..).zip(commands) {
                        pending.command_bytes += command.len();
                        replies.push(self.machine.apply(Entry { index, place, term, command }, &mut pending.batch));
                    }
                }
                EntryPayload::Membership(membership) => {
                    self.applied.membership = StoredMembership::new(Some(entry.log_id), membership.clone());
                }
            }
            pending.entries += 1;
            pending.replies.extend(responder.map(|responder| (responder, replies)));
            self.applied.log_id = Some(entry.log_id);
            if pending.entries >= BATCH_ENTRIES_MAX
                || pending.batch.bytes().max(pending.command_bytes) >= BATCH_BYTES_MAX
            {
                self.write(&mut pending).await?;
            }
        }
        self.write(&mut pending).await
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder(self.snapshot())
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Snapshot) -> io::Result<()> {
        let Snapshot::Received(received) = snapshot else {
            return Err(io::Error::other("a replica was asked to install its own state"));
        };
        let target =
            Applied { log_id: meta.last_log_id, installed: meta.last_log_id, membership: meta.last_membership.clone() };
        self.state.replace(&self.spans(), &target, &received).await.map_err(Error::into_io)?;
        self.applied = target;
        let next = next_index(&self.applied.log_id);
        self.machine.installed();
        self.machine.applied(next - 1);
        self.progress.send_replace(next);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<WholeSnapshot>> {
        self.snapshot()
    }
}

pub(crate) fn next_index(log_id: &Option<LogId>) -> u64 {
    log_id.as_ref().map_or(0, |log_id| log_id.index + 1)
}

/// The view is the snapshot: there is nothing left to build.
pub(crate) struct Builder(io::Result<Option<WholeSnapshot>>);

impl<R: Send + Sync + 'static> RaftSnapshotBuilder<Types<R>> for Builder {
    type SnapshotData = Snapshot;

    async fn build_snapshot(&mut self) -> io::Result<WholeSnapshot> {
        let taken = std::mem::replace(&mut self.0, Ok(None))?;
        taken.ok_or_else(|| io::Error::other("there is no state to take a snapshot of"))
    }
}
