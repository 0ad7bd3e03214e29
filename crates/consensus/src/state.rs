//! What a group lays down in the engine beside its state machine's keys, and how the state is replaced as a whole.
//!
//! ```text
//!   Meta  "raft" 0x00  group (8, big endian)  'a'   what is applied (`codec::Applied`), in one batch with the data
//!   Meta  "raft" 0x00  group (8, big endian)  'i'   present while a snapshot replaces the state: what it will be
//! ```
//!
//! Replacing the state takes many writes, and a crash may come between any two. So the mark is made durable first,
//! then the old keys go and the new ones come, then one batch records the new state and takes the mark away, and that
//! is made durable.
//!
//! INVARIANT: while the mark is there, the state is worth nothing: neither read, nor applied to, nor sent to others.

use atoll_env::Env;
use atoll_env::fault::CRASH_SNAPSHOT_INSTALL;
use atoll_storage::GroupId;
use atoll_storage::engine::{Batch, Engine, Space, View};
use bytes::{BufMut, Bytes, BytesMut};

use crate::codec::{self, Applied};
use crate::error::{Error, Result};
use crate::snapshot::{Received, Rows, Span};

/// Rows are written in batches of this many bytes when a snapshot is installed.
const INSTALL_BATCH_BYTES: usize = 4 << 20;

/// The group's own records in the engine.
#[derive(Clone)]
pub(crate) struct State {
    pub env: Env,
    pub engine: Engine,
    applied_key: Bytes,
    mark_key: Bytes,
}

impl State {
    pub(crate) fn new(env: &Env, engine: &Engine, group: GroupId) -> State {
        State { env: env.clone(), engine: engine.clone(), applied_key: key(group, b'a'), mark_key: key(group, b'i') }
    }

    pub(crate) fn applied(&self, view: &View) -> Result<Applied> {
        match view.get(Space::Meta, &self.applied_key)? {
            Some(bytes) => codec::decode_applied(&bytes),
            None => Ok(Applied::default()),
        }
    }

    /// The state that was being installed when the node went down.
    pub(crate) fn unfinished(&self, view: &View) -> Result<Option<Applied>> {
        view.get(Space::Meta, &self.mark_key)?.map(|bytes| codec::decode_applied(&bytes)).transpose()
    }

    pub(crate) fn record(&self, applied: &Applied, batch: &mut Batch) {
        batch.put(Space::Meta, &self.applied_key, codec::encode_applied(applied));
    }

    pub(crate) fn forget(&self, batch: &mut Batch) {
        batch.delete(Space::Meta, &self.applied_key);
        batch.delete(Space::Meta, &self.mark_key);
    }

    pub(crate) fn owns_a_key_in(&self, span: &Span) -> bool {
        span.contains(Space::Meta, &self.applied_key) || span.contains(Space::Meta, &self.mark_key)
    }

    /// Puts the received state in place of what `spans` hold. `target` is the state that results.
    pub(crate) async fn replace(&self, spans: &[Span], target: &Applied, received: &Received) -> Result<()> {
        let mut mark = Batch::new();
        mark.put(Space::Meta, &self.mark_key, codec::encode_applied(target));
        self.engine.write(mark)?;
        self.engine.flush().await?;

        // Both sides may see the group's bounds differently, after a split for example.
        for Span { space, start, end } in spans.iter().chain(&received.spans) {
            self.engine.delete_range(*space, start, end)?;
        }
        self.env.faults.crash_here(CRASH_SNAPSHOT_INSTALL).await;

        let mut chunks = received.open().await?;
        let mut batch = Batch::new();
        while let Some(chunk) = chunks.next().await? {
            for row in Rows::new(chunk) {
                let (space, key, value) = row?;
                if !received.spans.iter().any(|span| span.contains(space, &key)) {
                    return Err(Error::damage("a snapshot holds a key outside of what it says it replaces"));
                }
                batch.put(space, key, value);
            }
            if batch.bytes() >= INSTALL_BATCH_BYTES {
                self.engine.write(std::mem::take(&mut batch))?;
            }
        }
        self.env.faults.crash_here(CRASH_SNAPSHOT_INSTALL).await;

        self.record(target, &mut batch);
        batch.delete(Space::Meta, &self.mark_key);
        self.engine.write(batch)?;
        self.engine.flush().await?;
        Ok(())
    }
}

fn key(group: GroupId, record: u8) -> Bytes {
    let mut key = BytesMut::with_capacity(14);
    key.put_slice(b"raft\0");
    key.put_u64(group.0);
    key.put_u8(record);
    key.freeze()
}

/// Space numbers on the wire and in snapshot files; the engine's own may change.
pub(crate) fn space_number(space: Space) -> u8 {
    match space {
        Space::Meta => 1,
        Space::Current => 2,
        Space::History => 3,
    }
}

pub(crate) fn space_of(number: u8) -> Result<Space> {
    match number {
        1 => Ok(Space::Meta),
        2 => Ok(Space::Current),
        3 => Ok(Space::History),
        other => Err(Error::damage(format!("unknown space {other} in a snapshot"))),
    }
}
