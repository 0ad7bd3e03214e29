//! What constraints ask: unique keys and foreign keys hold among the newest versions of rows, whatever a statement's
//! snapshot shows, and with everything that the transaction itself has written.
//!
//! Under SERIALIZABLE the snapshot is as good as the newest version, because the commit shows that both are the same.

use bytes::Bytes;
use futures_util::future::join_all;

use super::*;

/// How many reads are under way at once.
const GETS_MAX: usize = 64;

impl<S: Sender> Transaction<S> {
    /// As [`get`](Transaction::get) of each key, but sees the statement's own writes.
    pub async fn get_own(&mut self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>> {
        self.open()?;
        let mut values: Vec<Option<Bytes>> = Vec::with_capacity(keys.len());
        let mut stored: Vec<usize> = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            let own = self.buffer.get(key).cloned();
            let known = own.or_else(|| self.get_stored_here(key));
            if known.is_none() {
                stored.push(at);
            }
            values.push(known.flatten());
        }
        for some in stored.chunks(GETS_MAX) {
            let read = self.read_at();
            let gets = some.iter().map(async |at| {
                let key = keys[*at].clone();
                let range = self.sender.locate(&key).await?;
                self.sender.send(&range, Body::Get(Get { key, read: read.clone() })).await
            });
            for (at, answer) in some.iter().zip(join_all(gets).await) {
                values[*at] = match answer {
                    Ok(answer) => {
                        self.observe(&answer);
                        let Reply::Value(value) = answer.reply else {
                            return Err(Error::Misuse("a get was answered with something else"));
                        };
                        self.remember(Span::point(&keys[*at]));
                        value.value
                    }
                    Err(Error::RangeMoved { .. } | Error::Uncertain { .. }) => {
                        self.get_stored(keys[*at].clone()).await?.value
                    }
                    Err(error) => return Err(error),
                };
            }
        }
        Ok(values)
    }

    /// Locks rows as [`lock`](Transaction::lock) does, and says what they are now, be that newer than the snapshot. A key
    /// without a row can be locked, too: nobody else makes one until this transaction has ended.
    pub async fn lock_newest(
        &mut self,
        keys: &[Bytes],
        strength: Strength,
        wait: WaitPolicy,
    ) -> Result<Vec<LockedRow>> {
        self.take_locks(keys, strength, wait).await
    }

    /// Rows of the beginning of a span as they are now; `resume` in the page says how to go on. What was found stays true
    /// only if a lock sees to it.
    pub async fn scan_newest(&mut self, span: &Span, rows_max: u64) -> Result<Page> {
        self.open()?;
        if span.is_empty() {
            return Ok(Page::default());
        }
        let is_serializable = self.isolation == Isolation::Serializable;
        let mut ts = if is_serializable { self.read_ts } else { self.sender.now() };
        for _ in 0..MOVES_MAX {
            let range = self.sender.locate(&span.start).await?;
            let piece = span.clip(&range.span);
            let observed = if is_serializable { self.observed.clone() } else { Vec::new() };
            let read = ReadAt { ts, txn: Some(self.id), observed, exact: false };
            let body = Body::Scan(Scan { span: piece.clone(), reverse: false, rows_max, bytes_max: 0, read });
            let page = match self.send(&range, body).await {
                Ok(Reply::Page(page)) => page,
                Ok(_) => return Err(Error::Misuse("a scan was answered with something else")),
                Err(Error::RangeMoved { .. }) => continue,
                Err(Error::Uncertain { version, .. }) => {
                    if is_serializable {
                        self.raise(version).await?;
                    }
                    ts = ts.max(version);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let covered = Span { start: piece.start, end: page.resume.unwrap_or(piece.end) };
            if is_serializable {
                self.remember(covered.clone());
            }
            let mut rows = Vec::with_capacity(page.rows.len());
            self.buffer.overlay(&covered, false, page.rows, &mut rows);
            let rest = Span { start: covered.end.clone(), end: span.end.clone() };
            let is_done = covered.end.is_empty() || rest.is_empty();
            return Ok(Page { rows, resume: (!is_done).then_some(covered.end) });
        }
        Err(Error::Unreachable { range: 0 })
    }

    /// Whether the transaction has written the key since the view was held: in this statement.
    pub fn has_written(&self, key: &[u8]) -> bool {
        self.view.is_some_and(|mark| self.buffer.is_newer(key, mark))
    }
}
