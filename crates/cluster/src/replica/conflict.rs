//! Somebody's intent is in the way: wait until its transaction has ended, and resolve it. Where the transaction would be
//! decided, it is made to end if its coordinator seems to be gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use atoll_txn::lock::RequestId;
use atoll_txn::mvcc::ended::Outcome;
use atoll_txn::mvcc::{self, reader::IntentRef};
use atoll_txn::request::{Body, Fate, Push, Reply, Resolve, Span};
use atoll_txn::{Error, Result, Sender, TxnId};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Replica, Woken};
use crate::router::Router;
use crate::store::Node;

/// The owner is asked for again so often, should its end go unnoticed.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// How far intents of one transaction are looked for, to resolve them at once.
const ROWS_AHEAD: usize = 1024;

/// An edge in the graph of who waits for whom, for as long as the wait lasts.
struct Edge<'a> {
    node: &'a Node,
    request: RequestId,
    woken: oneshot::Receiver<Woken>,
}

impl Drop for Edge<'_> {
    fn drop(&mut self) {
        self.node.waiters.lock().remove(&self.request);
        self.node.waits.lock().remove(self.request);
    }
}

impl Edge<'_> {
    /// Returns when it is over by itself; the error is that of a deadlock over nodes.
    async fn wait(&mut self, ended: oneshot::Receiver<()>) -> Result<()> {
        tokio::select! {
            biased;
            woken = &mut self.woken => match woken {
                Ok(Woken::Deadlock(cycle)) => Err(Error::Deadlock { cycle }),
                Ok(Woken::Granted(_) | Woken::Gone) | Err(_) => Err(Error::Misuse("a wait for no lock ended as one")),
            },
            _ = ended => Ok(()),
        }
    }
}

impl Replica {
    /// Returns when the intent that `key` has, one of the keys that are wanted, is resolved; what is there now has to be
    /// read anew. Where one is, there are more: those at keys near it are resolved with it.
    pub(super) async fn wait_for_intents<'k>(
        self: &Arc<Self>,
        key: &Bytes,
        wanted: impl Iterator<Item = &'k Bytes>,
        intent: &IntentRef,
        waiter: TxnId,
    ) -> Result<()> {
        let last = wanted.fold(key, |last, key| last.max(key));
        let rest = Span { start: key.clone(), end: Span::point(last).end };
        let outcome = self.outcome(intent, Some(waiter)).await?;
        self.resolve_for(&rest, intent.txn, outcome).await
    }

    /// Returns when readers of this node can look through the intent, from which on the span is read.
    ///
    /// Those of committed transactions are resolved by their coordinators, or by the next round of housekeeping.
    pub(super) async fn see_through(
        self: &Arc<Self>,
        span: &Span,
        intent: &IntentRef,
        waiter: Option<TxnId>,
    ) -> Result<()> {
        match self.outcome(intent, waiter).await? {
            Outcome::Committed(_) => Ok(()),
            Outcome::Aborted => self.resolve_for(span, intent.txn, Outcome::Aborted).await,
        }
    }

    async fn outcome(self: &Arc<Self>, intent: &IntentRef, waiter: Option<TxnId>) -> Result<Outcome> {
        /// Dropped after what it watched by.
        struct Watched<'a>(&'a Node, TxnId);
        impl Drop for Watched<'_> {
            fn drop(&mut self) {
                self.0.unwatch(self.1);
            }
        }
        let _watched = Watched(&self.node, intent.txn);
        self.outcome_watched(intent, waiter).await
    }

    /// What becomes of the transaction of an intent, when it is known. From then on [`Node::ended`] knows it.
    async fn outcome_watched(self: &Arc<Self>, intent: &IntentRef, waiter: Option<TxnId>) -> Result<Outcome> {
        let router = Router::new(self.node.clone());
        // One wait, however often it is asked: whoever looks for deadlocks wants to see it last.
        let mut edge = None;
        loop {
            let ended = self.node.watch(intent.txn);
            // Others may have learned it meanwhile.
            if let Some(outcome) = self.node.ended.outcome(intent.txn) {
                return Ok(outcome);
            }
            let push = Push { txn: intent.txn, anchor: intent.anchor.clone(), intent_ts: intent.ts };
            let status = match router.send_to(Body::Push(push)).await {
                Ok(answer) => match answer.reply {
                    Reply::Status(status) => status,
                    _ => return Err(Error::Misuse("a push was answered with something else")),
                },
                // Whether the record was written is seen the next time.
                Err(Error::Unknown { .. }) => continue,
                Err(error) => return Err(error),
            };
            let outcome = match status.fate() {
                Fate::Pending => {
                    if let (None, Some(waiter)) = (&edge, waiter) {
                        edge = Some(self.edge(waiter, intent.txn)?);
                    }
                    let clock = &self.node.env.clock;
                    match &mut edge {
                        Some(edge) => clock.timeout(ASK_EVERY, edge.wait(ended)).await.unwrap_or(Ok(()))?,
                        None => drop(clock.timeout(ASK_EVERY, ended).await),
                    }
                    continue;
                }
                Fate::Committed => Outcome::Committed(status.commit_ts),
                Fate::Aborted => Outcome::Aborted,
            };
            self.node.ended.note(intent.txn, outcome);
            return Ok(outcome);
        }
    }

    /// Resolves the intents of a transaction in the first part of the span: where one is, there are more.
    async fn resolve_for(self: &Arc<Self>, span: &Span, txn: TxnId, outcome: Outcome) -> Result<()> {
        let mut spans = self.intents_in(span, txn)?;
        let Some(first) = spans.first() else { return Ok(()) };
        let router = Router::new(self.node.clone());
        // The span was that of this range when the reader came; the range may have been split since.
        let range = router.locate(&first.start).await?;
        spans.retain(|span| range.span.covers(span));
        let commit_ts = match outcome {
            Outcome::Committed(ts) => Some(ts),
            Outcome::Aborted => None,
        };
        let resolve = Resolve { txn, commit_ts, spans, epoch: None };
        match router.send_within(range, Body::Resolve(resolve)).await {
            // Whoever asked looks again, and asks again if it is still there.
            Ok(_) | Err(Error::Unknown { .. } | Error::RangeMoved { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Where the transaction has intents in the first part of the span.
    fn intents_in(&self, span: &Span, txn: TxnId) -> Result<Vec<Span>> {
        let view = self.node.engine.view();
        let found = mvcc::reader::intents(&view, span, txn, ROWS_AHEAD).map_err(|error| self.damaged(error))?;
        Ok(found.iter().map(|(key, _)| Span::point(key)).collect())
    }

    fn edge(&self, waiter: TxnId, owner: TxnId) -> Result<Edge<'_>> {
        let request = self.node.next_request();
        if let Err(deadlock) = self.node.waits.lock().add_wait(waiter, request, BTreeSet::from([owner])) {
            return Err(Error::Deadlock { cycle: deadlock.cycle });
        }
        let (wake, woken) = oneshot::channel();
        self.node.waiters.lock().insert(request, wake);
        Ok(Edge { node: &self.node, request, woken })
    }
}
