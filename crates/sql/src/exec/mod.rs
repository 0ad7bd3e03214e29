//! Runs plans, a batch of rows at a time.
//!
//! ```text
//!   Query ──build──▶ tree of operators ──next──▶ batch, batch, …
//!                        │        └─ evaluators of expressions
//!                        └─ State: rows further out, common tables, subqueries, memory
//! ```
//!
//! Read in this order:
//!
//! - [`rows`]: a batch
//! - this file: what a running statement may use
//! - [`cursor`]: a query that is being run
//! - [`expr`]: expressions, compiled against the columns of their input
//! - [`operator`]: one file for each kind of operator, and the trait
//! - [`build`]: from plans to operators
//! - [`keyed`], [`order`]: rows by equality and by order; [`spill`]: rows on disk, where there are too many
//! - [`state`], [`memory`], [`error`]: what is remembered, what is allowed, what goes wrong
//!
//! A column that an operator's input doesn't have comes from a row further out. Each such column has a *slot*; whoever
//! makes the outer row ([`Apply`](operator), a nested loop, a subquery) fills the slots and rewinds the inner operators.
//!
//! INVARIANT: between two calls of `next` an operator holds nothing of the [`Exec`]: portals stop and go on later.
//!
//! What it deliberately does not do: choose anything (the optimizer has), run in parallel.

pub mod build;
pub mod cursor;
pub mod error;
pub mod expr;
pub mod keyed;
pub mod memory;
pub mod operator;
pub mod order;
pub mod rows;
pub mod spill;
pub mod state;

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use atoll_datum::Datum;
use atoll_env::Mono;
use atoll_txn::lock::Strength;
use atoll_txn::request::{LockedRow, WaitPolicy};
use bytes::Bytes;

pub use build::Builder;
pub use cursor::{Cursor, Options, only_reads, run};
pub use error::{Failure, Result, kv_error};
pub use expr::Evaluator;
pub use memory::{Cancel, CancelReason, Memory};
pub use operator::{BoxOperator, Operator};
pub use rows::Rows;
pub use state::{Counter, Counters, State};

use crate::kv;
use crate::session::Scope;
use crate::session::node::Backend;

/// What a running statement may use.
pub struct Exec<'a> {
    pub scope: &'a Scope,
    pub txn: &'a mut dyn kv::Txn,
    /// Values of `$1`, `$2`, …, of the types the statement was bound with.
    pub parameters: &'a [Datum],
    pub cancel: &'a Cancel,
    pub state: State,
    turn: Turn,
}

/// How long the statement has had its thread for itself.
struct Turn {
    checks: u32,
    begun: Mono,
}

/// The clock is looked at after so many batches.
const CHECKS_PER_LOOK: u32 = 4;
/// Then others may run.
const TURN: Duration = Duration::from_millis(5);

impl<'a> Exec<'a> {
    pub fn new(scope: &'a Scope, txn: &'a mut dyn kv::Txn, parameters: &'a [Datum], cancel: &'a Cancel) -> Exec<'a> {
        let turn = Turn { checks: 0, begun: scope.node.env.clock.mono() };
        let state = State { memory: Memory::of(&scope.node.memory, None, None), ..State::default() };
        Exec { scope, txn, parameters, cancel, state, turn }
    }

    pub async fn lock(&mut self, keys: &[Bytes], strength: Strength, wait: WaitPolicy) -> kv::Result<Vec<LockedRow>> {
        waiting(self.scope, self.cancel, self.txn.lock(keys, strength, wait)).await
    }

    pub async fn lock_newest(
        &mut self,
        keys: &[Bytes],
        strength: Strength,
        wait: WaitPolicy,
    ) -> kv::Result<Vec<LockedRow>> {
        waiting(self.scope, self.cancel, self.txn.lock_newest(keys, strength, wait)).await
    }

    pub async fn get_to_change(&mut self, key: &Bytes, strength: Strength) -> kv::Result<Option<Bytes>> {
        waiting(self.scope, self.cancel, self.txn.get_to_change(key, strength)).await
    }

    /// Every operator that can go on for long asks once a batch. Now and then it lets others run: other statements, and
    /// whoever looks after the timeout and the client of this one.
    pub async fn check_cancel(&mut self) -> Result<()> {
        self.cancel.check()?;
        self.turn.checks += 1;
        if self.turn.checks.is_multiple_of(CHECKS_PER_LOOK) {
            let now = self.scope.node.env.clock.mono();
            if now - self.turn.begun >= TURN {
                tokio::task::yield_now().await;
                self.turn.begun = self.scope.node.env.clock.mono();
                self.cancel.check()?;
            }
        }
        Ok(())
    }

    /// A file to lay rows aside in.
    pub fn temporary(&self) -> impl Future<Output = Result<Arc<spill::Temporary>>> + use<'a> {
        let node = &self.scope.node;
        node.spill.create(&node.env.disk)
    }

    /// What expressions see.
    pub fn context(&self) -> expr::Context<'_> {
        expr::Context { scope: self.scope, parameters: self.parameters, slots: &self.state.slots }
    }
}

/// While the future can't go on, others see that the session waits for a row (pg_stat_activity); after `lock_timeout`
/// the statement is stopped.
async fn waiting<T>(scope: &Scope, cancel: &Cancel, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let at_once = poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => Poll::Ready(None),
    });
    if let Some(done) = at_once.await {
        return done;
    }
    let _shown = scope.node.backend(scope.session.pid).map(Shown::new);
    if let Some(limit) = scope.locks.timeout() {
        tokio::select! {
            biased;
            done = &mut future => return done,
            () = scope.node.env.clock.sleep(limit) => cancel.cancel(CancelReason::LockTimeout),
        }
    }
    future.await
}

/// As long as it lives.
struct Shown(Arc<Backend>);

impl Shown {
    fn new(backend: Arc<Backend>) -> Shown {
        backend.activity.lock().waits_for_row = true;
        Shown(backend)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.activity.lock().waits_for_row = false;
    }
}
