//! The records that decide transactions over several ranges. A record lies in the range of the transaction's anchor key.
//!
//! ```text
//!   none ──Decide(commit)──▶ committed ──Forget──▶ none      all intents are resolved by then
//!     └───Push, Decide─────▶ aborted ────Forget──▶ none
//! ```
//!
//! INVARIANT: a record never changes from one fate to the other. Atomicity over ranges is this.
//!
//! INVARIANT: a record goes only when its coordinator knows the outcome, or when the transaction began below the GC
//! threshold. Where there is no record above the threshold, nothing was decided; below it, nothing more is decided and
//! nothing can be said. A coordinator whose decision's answer was lost relies on it.

use std::sync::Arc;
use std::time::Duration;

use atoll_storage::engine::{Batch, Space};
use atoll_txn::error::Retry;
use atoll_txn::request::{Decide, Done, Fate, Forget, Push, Reply, Span, Status};
use atoll_txn::{Error, Result, Timestamp, TxnId, key};
use bytes::Bytes;
use prost::Message;

use super::volatile::Latched;
use super::{Failed, Replica};

/// A commit of which nothing was heard for so long, four of its heartbeats, has lost its coordinator.
const ABANDONED_AFTER: Duration = Duration::from_secs(1);

#[derive(Clone, PartialEq, Message)]
pub struct TxnRecord {
    #[prost(enumeration = "Fate", tag = "1")]
    pub fate: i32,
    /// When it committed; of an aborted one, at or above the moment when it began.
    #[prost(message, required, tag = "2")]
    pub ts: Timestamp,
    /// Where a committed one has its intents.
    #[prost(message, repeated, tag = "3")]
    pub spans: Vec<Span>,
}

impl TxnRecord {
    fn status(&self) -> Reply {
        let commit_ts = if self.fate() == Fate::Committed { self.ts } else { Timestamp::ZERO };
        Reply::Status(Status { fate: self.fate, commit_ts })
    }
}

impl Replica {
    pub(super) async fn decide(self: &Arc<Self>, decide: Decide) -> Result<Reply> {
        let txn = decide.txn.id;
        let latched = self.latch_record(&decide.anchor).await?;
        if let Some(record) = self.record(&decide.anchor, txn)? {
            return Ok(record.status());
        }
        if decide.txn.began < self.published().gc_threshold {
            return Err(Error::Retry(Retry::BeganTooEarly));
        }
        let record = match decide.commit_ts {
            Some(ts) => TxnRecord { fate: Fate::Committed as i32, ts, spans: decide.spans },
            None => TxnRecord { fate: Fate::Aborted as i32, ts: decide.txn.began, spans: Vec::new() },
        };
        self.put_record(latched, &decide.anchor, txn, &record).await?;
        Ok(record.status())
    }

    pub(super) async fn push(self: &Arc<Self>, push: Push) -> Result<Reply> {
        let latched = self.latch_record(&push.anchor).await?;
        let record = match self.record(&push.anchor, push.txn)? {
            Some(record) => record,
            None if !self.is_abandoned(push.txn) => {
                return Ok(Reply::Status(Status { fate: Fate::Pending as i32, commit_ts: Timestamp::ZERO }));
            }
            None => {
                let record = TxnRecord { fate: Fate::Aborted as i32, ts: push.intent_ts, spans: Vec::new() };
                // Below the threshold there is nothing to write: had it committed, its intents were resolved before the
                // record went; and it can't commit any more.
                if push.intent_ts >= self.published().gc_threshold {
                    self.put_record(latched, &push.anchor, push.txn, &record).await?;
                }
                self.release_all(push.txn);
                record
            }
        };
        Ok(record.status())
    }

    /// Whether a transaction that is not decided has lost its coordinator. One of which nothing was heard here is given
    /// the same time from now on.
    fn is_abandoned(&self, txn: TxnId) -> bool {
        let now = self.node.env.clock.mono();
        let mut memory = self.memory.lock();
        let heard = *memory.contacts.entry(txn).or_insert(now);
        now - heard >= ABANDONED_AFTER && !memory.busy.contains_key(&txn)
    }

    pub(super) async fn forget(self: &Arc<Self>, forget: Forget) -> Result<Reply> {
        let latched = self.latch_record(&forget.anchor).await?;
        let Some(record) = self.record(&forget.anchor, forget.txn)? else { return Ok(Reply::Done(Done {})) };
        if forget.told || record.ts < self.published().gc_threshold {
            let mut batch = Batch::new();
            batch.delete(Space::Meta, key::txn_record(&forget.anchor, forget.txn));
            self.write_record(latched, forget.txn, batch).await?;
        } else if !record.spans.is_empty() {
            let resolved = TxnRecord { spans: Vec::new(), ..record };
            self.put_record(latched, &forget.anchor, forget.txn, &resolved).await?;
        }
        Ok(Reply::Done(Done {}))
    }

    /// The records of this range, for whoever finishes what coordinators left behind.
    pub(crate) fn records(&self) -> Result<Vec<(Bytes, TxnId, TxnRecord)>> {
        let span = self.published().span.clone();
        let (start, end) = key::txn_records(&span.start, &span.end);
        let mut records = Vec::new();
        for row in self.node.engine.view().scan(Space::Meta, &start, &end) {
            let (at, bytes) = row.map_err(|error| self.node.failed(error))?;
            let Some(key::MetaKey::Txn { anchor, txn }) = key::MetaKey::decode(&at) else {
                return Err(self.node.fail(format!("{} is no record of a transaction", key::pretty(Space::Meta, &at))));
            };
            records.push((anchor, txn, self.decoded(&bytes, txn)?));
        }
        Ok(records)
    }

    async fn latch_record(self: &Arc<Self>, anchor: &[u8]) -> Result<Latched> {
        let latched = self.latch(vec![Span::point(anchor)]).await?;
        // The record is no version of the key: no reader has to wait for it.
        self.decide_latched(&latched, Timestamp::MAX);
        Ok(latched)
    }

    fn record(&self, anchor: &[u8], txn: TxnId) -> Result<Option<TxnRecord>> {
        let bytes = self.node.engine.view().get(Space::Meta, &key::txn_record(anchor, txn));
        match bytes.map_err(|error| self.node.failed(error))? {
            Some(bytes) => self.decoded(&bytes, txn).map(Some),
            None => Ok(None),
        }
    }

    fn decoded(&self, bytes: &Bytes, txn: TxnId) -> Result<TxnRecord> {
        TxnRecord::decode(bytes.clone())
            .map_err(|error| self.node.fail(format!("the record of transaction {txn} is damaged: {error}")))
    }

    async fn put_record(&self, latched: Latched, anchor: &[u8], txn: TxnId, record: &TxnRecord) -> Result<()> {
        let mut batch = Batch::new();
        batch.put(Space::Meta, key::txn_record(anchor, txn), record.encode_to_vec());
        self.write_record(latched, txn, batch).await
    }

    async fn write_record(&self, latched: Latched, txn: TxnId, batch: Batch) -> Result<()> {
        let mut command = self.command(latched.serving, Timestamp::ZERO);
        command.write(batch);
        match self.propose_always(&command).await {
            Ok(()) => Ok(()),
            Err(Failed::Refused(error)) => Err(error),
            Err(Failed::Unknown) => {
                latched.keep();
                Err(Error::Unknown { txn })
            }
        }
    }
}
