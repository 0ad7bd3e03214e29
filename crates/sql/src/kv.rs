//! What SQL asks of the layers below: transactions over ordered keys.
//!
//! [`Gateway`] and [`Txn`] are the object-safe faces of `atoll_txn`'s `Sender` and `Transaction`, so that everything in
//! this crate is compiled once, whoever carries the requests. A call costs one boxed future.

use std::sync::Arc;

pub use atoll_txn::Error;
use atoll_txn::lock::Strength;
use atoll_txn::request::Page;
use atoll_txn::request::{LockedRow, Span, WaitPolicy};
pub use atoll_txn::transaction::Ahead;
use atoll_txn::transaction::Savepoint;
pub use atoll_txn::transaction::Until;
use atoll_txn::{Isolation, Sender, Timestamp, Transaction, TxnId};
use bytes::Bytes;
use futures_util::future::BoxFuture;

pub type Result<T> = std::result::Result<T, Error>;

pub trait Gateway: Send + Sync {
    fn begin(&self, isolation: Isolation) -> Box<dyn Txn>;
    /// Reads the past, writes nothing.
    fn begin_at(&self, ts: Timestamp) -> Box<dyn Txn>;
    fn now(&self) -> Timestamp;
    fn is_alone(&self) -> BoxFuture<'_, Result<bool>>;
}

/// See [`Transaction`], whose methods these are.
pub trait Txn: Send + Sync {
    fn id(&self) -> TxnId;
    fn isolation(&self) -> Isolation;
    fn read_ts(&self) -> Timestamp;
    fn begin_statement(&mut self);
    fn see(&mut self, to: Timestamp) -> BoxFuture<'_, Result<()>>;
    fn hold_view(&mut self);
    fn release_view(&mut self);
    fn get<'a>(&'a mut self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Bytes>>>;
    fn get_here(&mut self, key: &[u8]) -> Option<Option<Bytes>>;
    fn version<'a>(&'a mut self, key: &'a [u8]) -> BoxFuture<'a, Result<Timestamp>>;
    fn scan<'a>(&'a mut self, span: &'a Span, reverse: bool, rows_max: u64) -> BoxFuture<'a, Result<Page>>;
    fn scan_ahead(&self, span: &Span, rows_max: u64) -> BoxFuture<'static, Ahead>;
    fn take_ahead(&mut self, ahead: Ahead) -> Option<Page>;
    fn constrain(&mut self, span: Span);
    fn get_own<'a>(&'a mut self, keys: &'a [Bytes]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>>;
    fn scan_newest<'a>(&'a mut self, span: &'a Span, rows_max: u64) -> BoxFuture<'a, Result<Page>>;
    fn has_written(&self, key: &[u8]) -> bool;
    fn get_to_change<'a>(&'a mut self, key: &'a Bytes, strength: Strength) -> BoxFuture<'a, Result<Option<Bytes>>>;
    fn unlock<'a>(&'a mut self, key: &'a Bytes) -> BoxFuture<'a, Result<()>>;
    fn holds(&self, key: &[u8], strength: Strength) -> bool;
    fn confirm_locks(&mut self) -> BoxFuture<'_, Result<()>>;
    fn put(&mut self, key: Bytes, value: Bytes) -> Result<()>;
    fn delete(&mut self, key: Bytes) -> Result<()>;
    fn lock<'a>(
        &'a mut self,
        keys: &'a [Bytes],
        strength: Strength,
        wait: WaitPolicy,
    ) -> BoxFuture<'a, Result<Vec<LockedRow>>>;
    fn lock_newest<'a>(
        &'a mut self,
        keys: &'a [Bytes],
        strength: Strength,
        wait: WaitPolicy,
    ) -> BoxFuture<'a, Result<Vec<LockedRow>>>;
    fn savepoint(&mut self) -> Savepoint;
    fn take_back(&mut self, savepoint: Savepoint) -> BoxFuture<'_, Result<()>>;
    fn rollback_to(&mut self, savepoint: Savepoint) -> BoxFuture<'_, Result<()>>;
    fn release(&mut self, savepoint: Savepoint);
    fn commit_by(&mut self, tenure: Arc<dyn Until>, number: u64);
    fn set_vital(&mut self);
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<Timestamp>>;
    fn rollback(self: Box<Self>) -> BoxFuture<'static, ()>;
}

impl<S: Sender> Txn for Transaction<S> {
    fn id(&self) -> TxnId {
        Transaction::id(self)
    }

    fn isolation(&self) -> Isolation {
        Transaction::isolation(self)
    }

    fn read_ts(&self) -> Timestamp {
        Transaction::read_ts(self)
    }

    fn begin_statement(&mut self) {
        Transaction::begin_statement(self);
    }

    fn see(&mut self, to: Timestamp) -> BoxFuture<'_, Result<()>> {
        Box::pin(Transaction::see(self, to))
    }

    fn hold_view(&mut self) {
        Transaction::hold_view(self);
    }

    fn release_view(&mut self) {
        Transaction::release_view(self);
    }

    fn get<'a>(&'a mut self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(Transaction::get(self, key))
    }

    fn get_here(&mut self, key: &[u8]) -> Option<Option<Bytes>> {
        Transaction::get_here(self, key)
    }

    fn version<'a>(&'a mut self, key: &'a [u8]) -> BoxFuture<'a, Result<Timestamp>> {
        Box::pin(Transaction::version(self, key))
    }

    fn scan<'a>(&'a mut self, span: &'a Span, reverse: bool, rows_max: u64) -> BoxFuture<'a, Result<Page>> {
        Box::pin(Transaction::scan(self, span, reverse, rows_max))
    }

    fn scan_ahead(&self, span: &Span, rows_max: u64) -> BoxFuture<'static, Ahead> {
        Box::pin(Transaction::scan_ahead(self, span, rows_max))
    }

    fn take_ahead(&mut self, ahead: Ahead) -> Option<Page> {
        Transaction::take_ahead(self, ahead)
    }

    fn constrain(&mut self, span: Span) {
        Transaction::constrain(self, span);
    }

    fn get_own<'a>(&'a mut self, keys: &'a [Bytes]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        Box::pin(Transaction::get_own(self, keys))
    }

    fn scan_newest<'a>(&'a mut self, span: &'a Span, rows_max: u64) -> BoxFuture<'a, Result<Page>> {
        Box::pin(Transaction::scan_newest(self, span, rows_max))
    }

    fn has_written(&self, key: &[u8]) -> bool {
        Transaction::has_written(self, key)
    }

    fn get_to_change<'a>(&'a mut self, key: &'a Bytes, strength: Strength) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(Transaction::get_to_change(self, key, strength))
    }

    fn unlock<'a>(&'a mut self, key: &'a Bytes) -> BoxFuture<'a, Result<()>> {
        Box::pin(Transaction::unlock(self, key))
    }

    fn confirm_locks(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(Transaction::confirm_locks(self))
    }

    fn holds(&self, key: &[u8], strength: Strength) -> bool {
        Transaction::holds(self, key, strength)
    }

    fn put(&mut self, key: Bytes, value: Bytes) -> Result<()> {
        Transaction::put(self, key, value)
    }

    fn delete(&mut self, key: Bytes) -> Result<()> {
        Transaction::delete(self, key)
    }

    fn lock<'a>(
        &'a mut self,
        keys: &'a [Bytes],
        strength: Strength,
        wait: WaitPolicy,
    ) -> BoxFuture<'a, Result<Vec<LockedRow>>> {
        Box::pin(Transaction::lock(self, keys, strength, wait))
    }

    fn lock_newest<'a>(
        &'a mut self,
        keys: &'a [Bytes],
        strength: Strength,
        wait: WaitPolicy,
    ) -> BoxFuture<'a, Result<Vec<LockedRow>>> {
        Box::pin(Transaction::lock_newest(self, keys, strength, wait))
    }

    fn savepoint(&mut self) -> Savepoint {
        Transaction::savepoint(self)
    }

    fn take_back(&mut self, savepoint: Savepoint) -> BoxFuture<'_, Result<()>> {
        Box::pin(Transaction::take_back(self, savepoint))
    }

    fn rollback_to(&mut self, savepoint: Savepoint) -> BoxFuture<'_, Result<()>> {
        Box::pin(Transaction::rollback_to(self, savepoint))
    }

    fn release(&mut self, savepoint: Savepoint) {
        Transaction::release(self, savepoint);
    }

    fn commit_by(&mut self, tenure: Arc<dyn Until>, number: u64) {
        Transaction::commit_by(self, tenure, number);
    }

    fn set_vital(&mut self) {
        Transaction::set_vital(self);
    }

    fn commit(mut self: Box<Self>) -> BoxFuture<'static, Result<Timestamp>> {
        // The future of a commit is large, and most transactions only read.
        match self.commit_unwritten() {
            Some(ts) => Box::pin(std::future::ready(Ok(ts))),
            None => Box::pin(Transaction::commit(*self)),
        }
    }

    fn rollback(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(Transaction::rollback(*self))
    }
}

/// The gateway of anything that can send.
pub struct Senders<S>(pub S);

impl<S: Sender> Gateway for Senders<S> {
    fn begin(&self, isolation: Isolation) -> Box<dyn Txn> {
        Box::new(Transaction::begin(self.0.clone(), isolation))
    }

    fn begin_at(&self, ts: Timestamp) -> Box<dyn Txn> {
        Box::new(Transaction::at(self.0.clone(), ts))
    }

    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn is_alone(&self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(self.0.is_alone())
    }
}

pub type GatewayRef = Arc<dyn Gateway>;
