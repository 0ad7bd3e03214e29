//! Commits in one range, intents, and their resolution. The protocol is told in the module above.

use std::collections::BTreeSet;
use std::sync::Arc;

use atoll_env::fault;
use atoll_storage::engine::{Batch, View};
use atoll_txn::error::Retry;
use atoll_txn::lock::Token;
use atoll_txn::mvcc::ended::Outcome;
use atoll_txn::mvcc::reader::IntentRef;
use atoll_txn::mvcc::writer::{self, Resolution};
use atoll_txn::mvcc::{self, Conflict, Intent, Record};
use atoll_txn::request::{Claim, Commit, Committed, Done, Prepare, Reply, Resolve, Span, TxnHeader, Write};
use atoll_txn::{Error, Result, Timestamp};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::read::write_skew;
use super::volatile::Latched;
use super::{Failed, Replica};
use crate::command::Command;

/// What is asked for by a commit or a prepare.
struct Wanted<'a> {
    txn: &'a TxnHeader,
    writes: &'a [Write],
    claims: &'a [Claim],
    reads: &'a [Span],
    reads_elsewhere: bool,
    /// Lay intents that name this key; without it, commit.
    anchor: Option<&'a Bytes>,
}

/// What an evaluation came to.
enum Step {
    /// Propose it: the writes take effect at this timestamp.
    Ready(Box<Command>, Timestamp),
    /// Reads elsewhere must hold at this timestamp first. Nothing was done.
    Refused(Timestamp),
    /// It was done before, at this timestamp.
    Repeated(Timestamp),
    /// Begin again after this.
    Wait(oneshot::Receiver<()>),
    /// Begin again when the intent at a key to be written is resolved.
    Intent(Bytes, IntentRef),
    /// Begin again when it is known what became of what was read.
    Changed(Conflict),
}

impl Replica {
    pub(super) async fn commit(self: &Arc<Self>, commit: Commit) -> Result<Reply> {
        let wanted = Wanted {
            txn: &commit.txn,
            writes: &commit.writes,
            claims: &commit.claims,
            reads: &commit.reads,
            reads_elsewhere: commit.reads_elsewhere,
            anchor: None,
        };
        let result = self.place(&wanted).await;
        match &result {
            Ok(Committed { refused: false, .. }) => self.release_all(commit.txn.id),
            // It may have happened: the locks stay until the lease ends or the coordinator lets go.
            Err(Error::Unknown { .. }) => {}
            Ok(_) | Err(_) => self.release_unclaimed(&wanted),
        }
        result.map(Reply::Committed)
    }

    pub(super) async fn prepare(self: &Arc<Self>, prepare: Prepare) -> Result<Reply> {
        let wanted = Wanted {
            txn: &prepare.txn,
            writes: &prepare.writes,
            claims: &prepare.claims,
            reads: &[],
            reads_elsewhere: false,
            anchor: Some(&prepare.anchor),
        };
        let result = self.place(&wanted).await;
        if !matches!(result, Ok(_) | Err(Error::Unknown { .. })) {
            self.release_unclaimed(&wanted);
        }
        result.map(Reply::Committed)
    }

    fn release_unclaimed(&self, wanted: &Wanted<'_>) {
        let claimed: BTreeSet<&Bytes> = wanted.claims.iter().map(|claim| &claim.key).collect();
        let mut memory = self.memory.lock();
        for write in wanted.writes.iter().filter(|write| !claimed.contains(&write.key)) {
            let effects = memory.locks.release(&write.key, wanted.txn.id);
            self.settle(effects);
        }
    }

    /// Locks, latches, evaluates, proposes.
    async fn place(self: &Arc<Self>, wanted: &Wanted<'_>) -> Result<Committed> {
        let _busy = self.busy(wanted.txn.id);
        self.lock_writes(wanted.txn.id, wanted.writes, wanted.claims).await?;
        let spans: Vec<Span> = wanted.writes.iter().map(|write| Span::point(&write.key)).collect();
        loop {
            if !(wanted.claims.is_empty() && wanted.reads.is_empty()) {
                // The timestamp cache is about to be told of reads at this moment, and must not pass the ceiling.
                self.raise_ceiling(wanted.txn.held_ts.max(wanted.txn.read_ts)).await?;
            }
            let latched = self.latch(spans.clone()).await?;
            match self.evaluate(wanted, &latched)? {
                Step::Refused(ts) => return Ok(Committed { ts, refused: true }),
                Step::Repeated(ts) => return Ok(Committed { ts, refused: false }),
                Step::Wait(woken) => {
                    drop(latched);
                    let _ = woken.await;
                }
                Step::Intent(key, intent) => {
                    drop(latched);
                    let keys = wanted.writes.iter().map(|write| &write.key);
                    write_skew(self.wait_for_intents(&key, keys, &intent, wanted.txn.id).await)?;
                }
                Step::Changed(conflict) => {
                    drop(latched);
                    self.wait_or_fail(conflict, wanted.txn.id).await?;
                }
                Step::Ready(command, ts) => {
                    self.node.env.faults.delay_here(fault::DELAY_COMMIT).await;
                    if command.ops.is_empty() {
                        return Ok(Committed { ts, refused: false });
                    }
                    let proposed = match wanted.txn.vital {
                        true => self.propose_always(&command).await,
                        false => self.propose(&command).await,
                    };
                    return match proposed {
                        Ok(()) => Ok(Committed { ts, refused: false }),
                        Err(Failed::Refused(error)) => Err(error),
                        Err(Failed::Unknown) => {
                            latched.keep();
                            Err(Error::Unknown { txn: wanted.txn.id })
                        }
                    };
                }
            }
        }
    }

    fn evaluate(&self, wanted: &Wanted<'_>, latched: &Latched) -> Result<Step> {
        let txn = wanted.txn;
        let records = self.newest_records(wanted.writes.iter().map(|write| &write.key));
        let records = records.map_err(|error| self.damaged(error))?;
        let held = txn.held_ts.max(txn.read_ts);
        let mut ts = held;
        for (write, record) in wanted.writes.iter().zip(&records) {
            if let Some(record) = record {
                match &record.intent {
                    Some(intent) if intent.txn != txn.id || wanted.anchor.is_none() => {
                        return Ok(Step::Intent(write.key.clone(), IntentRef::from(intent)));
                    }
                    // A copy of this request was here before, and all that it laid has one timestamp: whoever got the
                    // other answer commits by it.
                    Some(intent) if intent.epoch == txn.epoch => return Ok(Step::Repeated(intent.ts)),
                    Some(intent) if intent.epoch > txn.epoch => return Err(Error::Retry(Retry::Aborted)),
                    _ => {}
                }
                if let Some(newest) = &record.newest {
                    if txn.first_writer_wins && newest.ts > txn.read_ts {
                        return Err(Error::Retry(Retry::WriteConflict));
                    }
                    ts = ts.max(newest.ts.next());
                }
            }
        }

        let state = self.published.get();
        if txn.began < state.gc_threshold {
            return Err(Error::Retry(Retry::BeganTooEarly));
        }
        {
            let mut memory = self.memory.lock();
            if self.serving(&memory, &[])? != latched.serving {
                return Err(Error::NotLeaseholder { range: self.id, leader: None });
            }
            if wanted.anchor.is_some() && memory.resolved.contains(txn.id) {
                return Err(Error::Retry(Retry::Aborted));
            }
            if !self.node.env.faults.here(fault::BUG_SKIP_LOCK_CHECK) {
                for claim in wanted.claims {
                    let strength = claim.strength().ok_or(Error::Misuse("a claim of an unknown strength"))?;
                    if !memory.locks.verify(&claim.key, txn.id, Token(claim.token), strength) {
                        return Err(Error::Retry(Retry::LockLost));
                    }
                }
                if wanted.writes.iter().any(|write| memory.locks.held(&write.key, txn.id).is_none()) {
                    return Err(Error::Retry(Retry::LockLost));
                }
            }
            for write in wanted.writes {
                ts = ts.max(memory.tscache.get_point(&write.key, Some(txn.id)).next());
            }
            if txn.until.is_some_and(|until| ts > until) {
                return Err(Error::Retry(Retry::TooLate));
            }
            if ts > held && wanted.anchor.is_none() {
                if wanted.reads_elsewhere {
                    return Ok(Step::Refused(ts));
                }
                // From here on nobody writes beneath what this transaction read, up to its commit.
                for span in wanted.reads {
                    memory.tscache.add(span, ts, Some(txn.id));
                }
                if let Some(wait) = memory.wait_to_read(wanted.reads, ts, Some(latched.id)) {
                    return Ok(Step::Wait(wait));
                }
            }
            for claim in wanted.claims {
                memory.tscache.add_point(&claim.key, ts, Some(txn.id));
            }
        }
        if ts > held && wanted.anchor.is_none() && !wanted.reads.is_empty() {
            match self.changed(wanted.reads, held, ts, txn.id)? {
                None => {}
                Some(conflict) => return Ok(Step::Changed(conflict)),
            }
        }

        let mut batch = Batch::with_capacity(wanted.writes.len() * 2);
        let local = self.node.now();
        for (write, record) in wanted.writes.iter().zip(&records) {
            let done = match wanted.anchor {
                None => writer::put_committed(&mut batch, record.as_ref(), &write.key, write.value.clone(), ts, local),
                Some(anchor) => {
                    let intent = Intent {
                        txn: txn.id,
                        anchor: anchor.clone(),
                        epoch: txn.epoch,
                        ts,
                        local,
                        value: write.value.clone(),
                    };
                    writer::put_intent(&mut batch, record.as_ref(), &write.key, intent)
                }
            };
            done.map_err(|error| self.damaged(error))?;
        }
        // The local clock too: readers judge by it what was there before they began, and after a restart on a host whose
        // clock went back, the node's must still be above it.
        let mut command = self.command(latched.serving, ts.max(local));
        command.ceiling = (ts > state.ceiling).then_some(ts);
        command.write(batch);
        let mut memory = self.memory.lock();
        if self.serving(&memory, &[])? != latched.serving {
            return Err(Error::NotLeaseholder { range: self.id, leader: None });
        }
        let readers = memory.latches.decide(latched.id, ts);
        memory.wake_readers(readers);
        Ok(Step::Ready(Box::new(command), ts))
    }

    pub(super) async fn resolve(self: &Arc<Self>, resolve: Resolve) -> Result<Reply> {
        // The whole of each span: an intent that this replica has yet to apply must not be overlooked.
        let latched = self.latch(resolve.spans.clone()).await?;
        // Who reads an intent here learns from the record what became of it, and gets to the key after this. All others
        // read what they would have read.
        self.decide_latched(&latched, Timestamp::MAX);
        if let Some(ts) = resolve.commit_ts {
            self.node.ended.note(resolve.txn, Outcome::Committed(ts));
            self.memory.lock().resolved.insert(resolve.txn);
        }
        let view = self.node.engine.view();
        let resolution = resolve.commit_ts.map_or(Resolution::Abort, Resolution::Commit);
        let mut batch = Batch::new();
        for (key, record) in self.records_to_resolve(&view, &resolve)? {
            // A transaction that has ended is resolved in all its epochs.
            let epoch = match &record.intent {
                Some(intent) if intent.txn == resolve.txn && resolve.epoch.is_none_or(|last| intent.epoch <= last) => {
                    intent.epoch
                }
                _ => continue,
            };
            writer::resolve_intent(&mut batch, Some(&record), &key, resolve.txn, epoch, resolution)
                .map_err(|error| self.damaged(error))?;
        }
        drop(view);
        if !batch.is_empty() {
            let mut command = self.command(latched.serving, resolve.commit_ts.unwrap_or_default());
            command.write(batch);
            match self.propose_always(&command).await {
                Ok(()) => {}
                Err(Failed::Refused(error)) => return Err(error),
                Err(Failed::Unknown) => {
                    latched.keep();
                    return Err(Error::Unknown { txn: resolve.txn });
                }
            }
        }
        drop(latched);
        self.release_all(resolve.txn);
        self.node.finished(resolve.txn);
        Ok(Reply::Done(Done {}))
    }

    /// The records of spans that are points, and those where others hold an intent of the transaction.
    fn records_to_resolve(&self, view: &View, resolve: &Resolve) -> Result<Vec<(Bytes, Record)>> {
        let mut records = Vec::with_capacity(resolve.spans.len());
        for span in &resolve.spans {
            let found = match span.is_point() {
                true => mvcc::reader::record(view, &span.start)
                    .map(|record| record.map(|record| vec![(span.start.clone(), record)]).unwrap_or_default()),
                false => mvcc::reader::intents(view, span, resolve.txn, usize::MAX),
            };
            records.extend(found.map_err(|error| self.damaged(error))?);
        }
        Ok(records)
    }
}
