//! Gets, scans and refreshes.

use std::sync::Arc;

use atoll_env::fault;
use atoll_storage::engine::View;
use atoll_txn::error::Retry;
use atoll_txn::mvcc::reader::Ascending;
use atoll_txn::mvcc::{self, Conflict, Limits, Stop};
use atoll_txn::request::{Done, Get, Observed, Page, ReadAt, Refresh, Reply, Row, Scan, Span, Value};
use atoll_txn::sender::GetHere;
use atoll_txn::{Error, Result, Timestamp, TxnId};
use bytes::Bytes;

use tokio::sync::oneshot;

use super::Replica;
use super::volatile::Serving;

/// What one page of a scan carries at most.
const PAGE_ROWS_MAX: usize = 16 * 1024;
const PAGE_BYTES_MAX: usize = 4 << 20;
/// Records of so few keys are read as a get does; many at once are hardly those that are read by themselves.
const KEYS_BY_THEMSELVES: usize = 32;

impl Replica {
    pub(super) async fn get(self: &Arc<Self>, get: Get) -> Result<Reply> {
        let mut at = self.read_at(&get.read);
        let span = [Span::point(&get.key)];
        loop {
            let record = || mvcc::reader::newest_record(&self.node.engine, &get.key);
            let (record, lease_start) = self.reading(&span, at.ts, at.txn, record).await?;
            let record = record.map_err(|error| self.damaged(error))?;
            at.uncertainty = at.uncertainty.map(|observed| observed.max(lease_start));
            let seen = mvcc::reader::see_newest(&self.node.engine, &get.key, record, &at, &self.node.ended);
            match seen.map_err(|error| self.damaged(error))? {
                mvcc::Get::Value { value, ts, .. } => return Ok(Reply::Value(Value { value, version: ts })),
                mvcc::Get::Uncertain { version } => return Err(Error::Uncertain { read: at.ts, version }),
                mvcc::Get::Intent(intent) => {
                    Box::pin(self.see_through(&Span::point(&get.key), &intent, at.txn)).await?;
                }
            }
        }
    }

    /// The same without waiting; none when something is in the way, be it an error.
    pub(crate) fn get_here(&self, get: GetHere<'_>) -> Option<Value> {
        let mut at =
            mvcc::ReadAt { ts: get.ts, txn: Some(get.txn), uncertainty: self.uncertainty(get.observed, get.exact) };
        let record = || mvcc::reader::newest_record(&self.node.engine, &get.span.start);
        let (record, lease_start) = self.reading_here(get.span, get.ts, get.txn, record)?;
        at.uncertainty = at.uncertainty.map(|observed| observed.max(lease_start));
        let seen = mvcc::reader::see_newest(&self.node.engine, &get.span.start, record.ok()?, &at, &self.node.ended);
        match seen.ok()? {
            mvcc::Get::Value { value, ts, .. } => Some(Value { value, version: ts }),
            mvcc::Get::Uncertain { .. } | mvcc::Get::Intent(_) => None,
        }
    }

    pub(super) async fn scan(self: &Arc<Self>, scan: Scan) -> Result<Reply> {
        let mut at = self.read_at(&scan.read);
        let limit = |asked: u64, max: usize| match usize::try_from(asked) {
            Ok(0) | Err(_) => max,
            Ok(asked) => asked.min(max),
        };
        let limits =
            Limits { rows_max: limit(scan.rows_max, PAGE_ROWS_MAX), bytes_max: limit(scan.bytes_max, PAGE_BYTES_MAX) };
        let span = [scan.span.clone()];
        loop {
            let (view, lease_start) = self.view_for(&span, at.ts, at.txn).await?;
            at.uncertainty = at.uncertainty.map(|observed| observed.max(lease_start));
            let page = mvcc::reader::scan(&view, &scan.span, &at, &self.node.ended, limits, scan.reverse)
                .map_err(|error| self.damaged(error))?;
            drop(view);
            match page.stop {
                // Rows before the obstacle are a page of their own; the next one meets it first.
                Some(_) if !page.rows.is_empty() => {}
                Some(Stop::Uncertain { version, .. }) => return Err(Error::Uncertain { read: at.ts, version }),
                Some(Stop::Intent { key, intent }) => {
                    let span = match scan.reverse {
                        false => Span { start: key, end: scan.span.end.clone() },
                        true => Span::point(&key),
                    };
                    self.see_through(&span, &intent, at.txn).await?;
                    continue;
                }
                None => {}
            }
            let rows = page.rows.into_iter().map(|(key, value)| Row { key, value }).collect();
            return Ok(Reply::Page(Page { rows, resume: page.resume }));
        }
    }

    pub(super) async fn refresh(self: &Arc<Self>, refresh: Refresh) -> Result<Reply> {
        loop {
            let Refresh { txn, spans, from, to } = &refresh;
            let changed = || self.changed(spans, *from, *to, *txn);
            let (conflict, _) = self.reading(spans, *to, Some(*txn), changed).await?;
            match conflict? {
                None => return Ok(Reply::Done(Done {})),
                Some(conflict) => self.wait_or_fail(conflict, *txn).await?,
            }
        }
    }

    /// The records that keys have now.
    pub(super) fn newest_records<'k>(
        &self,
        keys: impl ExactSizeIterator<Item = &'k Bytes> + DoubleEndedIterator + Clone,
    ) -> mvcc::Result<Vec<Option<mvcc::Record>>> {
        let engine = &self.node.engine;
        if keys.len() > KEYS_BY_THEMSELVES
            && keys.clone().is_sorted_by(|a, b| a < b)
            && let (Some(first), Some(last)) = (keys.clone().next(), keys.clone().next_back())
        {
            let mut records = Ascending::new(&engine.view(), first, last);
            return keys.map(|key| records.record(key)).collect();
        }
        keys.map(|key| mvcc::reader::newest_record(engine, key)).collect()
    }

    /// The first change in the spans between two moments. What a read of them at the later one has to wait for must have
    /// been waited for.
    pub(super) fn changed(
        &self,
        spans: &[Span],
        from: Timestamp,
        to: Timestamp,
        txn: TxnId,
    ) -> Result<Option<Conflict>> {
        let (engine, ended) = (&self.node.engine, &self.node.ended);
        let mut view = None;
        for span in spans {
            let conflict = match span.is_point() {
                true => mvcc::reader::newest_changed_since(engine, &span.start, from, to, Some(txn), ended),
                false => {
                    let view = view.get_or_insert_with(|| engine.view());
                    mvcc::reader::changed_since(view, span, from, to, Some(txn), ended)
                }
            };
            if let Some(conflict) = conflict.map_err(|error| self.damaged(error))? {
                return Ok(Some(conflict));
            }
        }
        // What changed may be gone together with what it was changed from.
        if from < self.published.get().gc_threshold {
            return Err(Error::Retry(Retry::BeganTooEarly));
        }
        Ok(None)
    }

    /// A changed version ends the transaction; that of an intent is waited for, and [known](mvcc::ended::Ended) then. It
    /// is resolved too: of many transactions not all are known for long, and each look shall leave less to the next.
    pub(super) async fn wait_or_fail(self: &Arc<Self>, conflict: Conflict, txn: TxnId) -> Result<()> {
        match conflict {
            Conflict::Version { .. } => Err(Error::Retry(Retry::ReadChanged)),
            Conflict::Intent { key, intent } => {
                write_skew(self.wait_for_intents(&key, std::iter::empty(), &intent, txn).await)
            }
        }
    }

    fn read_at(&self, read: &ReadAt) -> mvcc::ReadAt {
        mvcc::ReadAt { ts: read.ts, txn: read.txn, uncertainty: self.uncertainty(&read.observed, read.exact) }
    }

    fn uncertainty(&self, observed: &[Observed], exact: bool) -> Option<Timestamp> {
        let known = || observed.iter().find(|seen| seen.node == self.node.id.0);
        (!exact).then(|| known().map_or_else(|| self.node.now(), |seen| seen.clock))
    }

    /// A view in which everything that a read of these spans at `ts` has to see is applied, and beneath which nothing
    /// will be written any more; and the start of the lease under which it is served. What the reader observed of this
    /// node's clock before says nothing of versions from earlier leases: the range was elsewhere then, or this node had
    /// yet to read its log. All of them lie below the lease's start.
    pub(super) async fn view_for(
        &self,
        spans: &[Span],
        ts: Timestamp,
        txn: Option<TxnId>,
    ) -> Result<(View, Timestamp)> {
        self.reading(spans, ts, txn, || self.node.engine.view()).await
    }

    /// The same for what `read` takes from the engine.
    pub(super) async fn reading<T>(
        &self,
        spans: &[Span],
        ts: Timestamp,
        txn: Option<TxnId>,
        read: impl Fn() -> T,
    ) -> Result<(T, Timestamp)> {
        loop {
            if ts > self.published.get().ceiling {
                // Checked first, so that a range that is not served answers so rather than trying to raise anything.
                self.serving(&self.memory.lock(), spans)?;
                Box::pin(self.raise_ceiling(ts)).await?;
            }
            let (serving, wait) = self.begin_read(spans, ts, txn)?;
            if let Some(wait) = wait {
                let _ = wait.await;
                continue;
            }
            self.node.env.faults.delay_here(fault::DELAY_READ).await;
            let found = read();
            if let Some(lease_start) = self.end_read(serving, spans, ts)? {
                return Ok((found, lease_start));
            }
        }
    }

    /// The same for one key, without waiting; none when something is in the way, be it an error.
    pub(super) fn reading_here<T>(
        &self,
        point: &Span,
        ts: Timestamp,
        txn: TxnId,
        read: impl Fn() -> T,
    ) -> Option<(T, Timestamp)> {
        let spans = std::slice::from_ref(point);
        if ts > self.published.get().ceiling || self.node.env.faults.threatens(fault::DELAY_READ) {
            return None;
        }
        let (serving, None) = self.begin_read(spans, ts, Some(txn)).ok()? else { return None };
        let found = read();
        let lease_start = self.end_read(serving, spans, ts).ok()??;
        Some((found, lease_start))
    }

    /// From here on nothing is written beneath the read but what it has to wait for.
    fn begin_read(
        &self,
        spans: &[Span],
        ts: Timestamp,
        txn: Option<TxnId>,
    ) -> Result<(Serving, Option<oneshot::Receiver<()>>)> {
        let mut memory = self.memory.lock();
        let serving = self.serving(&memory, spans)?;
        for span in spans {
            memory.tscache.add(span, ts, txn);
        }
        Ok((serving, memory.wait_to_read(spans, ts, None)))
    }

    /// The start of the lease, if what was read in between counts: it may be younger than the lease, and the bounds may
    /// have moved.
    fn end_read(&self, serving: Serving, spans: &[Span], ts: Timestamp) -> Result<Option<Timestamp>> {
        let state = self.published.get();
        if self.serving(&self.memory.lock(), spans)? != serving {
            return Ok(None);
        }
        if ts < state.gc_threshold {
            return Err(Error::TooOld { read: ts, threshold: state.gc_threshold });
        }
        Ok(Some(state.lease.start))
    }

    /// What the engine or a record says is damage stops the node: it is never an answer to a client.
    pub(super) fn damaged(&self, error: mvcc::Error) -> Error {
        match error {
            mvcc::Error::Storage(error) => self.node.failed(error),
            error => self.node.fail(format!("range {}: {error}", self.id)),
        }
    }
}

/// Two that each wrote what the other one read: one of them has to run again.
pub(super) fn write_skew(waited: Result<()>) -> Result<()> {
    match waited {
        Err(Error::Deadlock { .. }) => Err(Error::Retry(Retry::ReadChanged)),
        other => other,
    }
}
