//! Tenures: for how long a node may run statements.
//!
//! ```text
//!   0f ‖ node (8) ‖ number (8)        ─▶   until
//!   0f ‖ node (8) ‖ number (8) ‖ 01   ─▶   nothing: it has ended
//! ```
//! What sessions of a node hold in its memory, above all the weak locks on tables, others respect for as long as the
//! node's tenure lasts. A node that is used renews it; one that is silent is ended by whoever needs to go on:
//!
//! ```text
//!   write "ended" ─▶ no renewal succeeds from here on
//!                 ─▶ wait until the tenure is over by every clock ─▶ its locks count for nothing; erase the record
//! ```
//! INVARIANT: nothing commits above `until` that relies on the tenure: each such commit carries it to the range that
//! decides. And no statement begins after [`LASTS`] since the last renewal was *sent*, by the monotonic clock. A change
//! of definitions commits only if the second key is not there, so after that key was written the catalog in the store
//! has everything that the tenure will have changed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use atoll_datum::{Error, sqlstate};
use atoll_env::{Mono, NodeId};
use atoll_txn::Timestamp;
use atoll_txn::request::Span;
use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;

use crate::catalog::store;
use crate::exec::Result;
use crate::kv::{self, GatewayRef, Txn, Until};

const TENURES: u8 = 0x0f;

pub const LASTS: Duration = Duration::from_secs(6);
pub const RENEW_AFTER: Duration = Duration::from_secs(2);
/// Between what a node allows itself and what others allow it; clocks run differently fast.
const MARGIN: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Record {
    #[prost(message, required, tag = "1")]
    until: Timestamp,
}

const ENDED: u8 = 1;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Id {
    pub node: NodeId,
    /// Later ones of a node have higher ones.
    pub number: u64,
}

/// One that is in the store.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    pub id: Id,
    pub until: Timestamp,
    pub ended: bool,
}

fn key(id: Id) -> Bytes {
    let mut key = vec![TENURES];
    key.extend_from_slice(&id.node.0.to_be_bytes());
    key.extend_from_slice(&id.number.to_be_bytes());
    key.into()
}

fn ended_key(id: Id) -> Bytes {
    let mut key = key(id).to_vec();
    key.push(ENDED);
    key.into()
}

/// What a change of definitions relies on.
pub fn goes_on(id: Id) -> Span {
    Span::point(&ended_key(id))
}

fn damaged() -> Error {
    Error::new(sqlstate::DATA_CORRUPTED, "the record of a node's tenure is damaged")
}

/// Statements that only read go on when the disk is full, so tenures do.
fn begin_vital(gateway: &GatewayRef) -> Box<dyn Txn> {
    let mut txn = store::begin(&**gateway);
    txn.set_vital();
    txn
}

async fn scan(txn: &mut dyn Txn) -> Result<Vec<Listed>> {
    let mut found: Vec<Listed> = Vec::new();
    for (key, value) in store::scan(txn, &[TENURES]).await? {
        let [_, rest @ ..] = &key[..] else { return Err(damaged().into()) };
        let (node, rest) = rest.split_at_checked(8).ok_or_else(damaged)?;
        let (number, ended) = rest.split_at_checked(8).ok_or_else(damaged)?;
        let number_of = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).map_err(|_| damaged());
        let id = Id { node: NodeId(number_of(node)?), number: number_of(number)? };
        if ended.is_empty() {
            let until = Record::decode(value).map_err(|_| damaged())?.until;
            found.push(Listed { id, until, ended: false });
        } else if let Some(last) = found.last_mut().filter(|last| last.id == id) {
            last.ended = true;
        }
    }
    Ok(found)
}

/// All that are in the store now.
pub async fn list(gateway: &GatewayRef) -> Result<Vec<Listed>> {
    loop {
        let mut txn = begin_vital(gateway);
        let found = scan(&mut *txn).await;
        if let Some(found) = store::finish(txn, found).await? {
            return Ok(found);
        }
    }
}

/// Sees to it that a tenure is not renewed any more. Until when it lasts; none if it is over.
pub async fn end(gateway: &GatewayRef, id: Id) -> Result<Option<Timestamp>> {
    loop {
        let mut txn = begin_vital(gateway);
        let ended = async {
            let Some(value) = txn.get(&key(id)).await? else { return Ok(None) };
            txn.put(ended_key(id), Bytes::new())?;
            Ok(Some(Record::decode(value).map_err(|_| damaged())?.until))
        }
        .await;
        match store::finish(txn, ended).await {
            Ok(Some(until)) => return Ok(until),
            Ok(None) => {}
            Err(failure) if is_unknown(&failure) => {}
            Err(failure) => return Err(failure),
        }
    }
}

/// Erases a record that means nothing any more.
pub async fn erase(gateway: &GatewayRef, id: Id) -> Result<()> {
    loop {
        let mut txn = begin_vital(gateway);
        let erased = txn.delete(key(id)).and_then(|()| txn.delete(ended_key(id))).map_err(Into::into);
        match store::finish(txn, erased).await {
            Ok(Some(())) => return Ok(()),
            Ok(None) => {}
            Err(failure) if is_unknown(&failure) => {}
            Err(failure) => return Err(failure),
        }
    }
}

fn is_unknown(failure: &crate::exec::Failure) -> bool {
    matches!(failure, crate::exec::Failure::Kv(error) if matches!(**error, kv::Error::Unknown { .. }))
}

/// After this wait nobody acts under a tenure any more that has ended before it began.
pub fn outlasts() -> Duration {
    LASTS + MARGIN
}

/// This node's own.
#[derive(Default)]
pub struct Own {
    /// 0: none.
    number: AtomicU64,
    /// What others are told: the number, from before it is in the store.
    announced: AtomicU64,
    /// Statements may begin until then: nanoseconds of the monotonic clock.
    runs_until: AtomicU64,
    until: Mutex<Timestamp>,
    /// Since the last time somebody looked.
    used: AtomicBool,
}

impl Own {
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::SeqCst)
    }

    pub fn announced(&self) -> u64 {
        self.announced.load(Ordering::SeqCst)
    }

    pub fn announce(&self, number: u64) {
        self.announced.store(number, Ordering::SeqCst);
    }

    /// The number, if a statement may begin now.
    pub fn held(&self, now: Mono) -> Option<u64> {
        let number = self.number();
        let runs = nanos(now.since_start()) < self.runs_until.load(Ordering::SeqCst);
        (number != 0 && runs).then_some(number)
    }

    /// When the last renewal was sent, at the latest by now.
    pub fn is_due(&self, now: Mono) -> bool {
        let runs_until = Duration::from_nanos(self.runs_until.load(Ordering::SeqCst));
        now.since_start() + (LASTS - MARGIN - RENEW_AFTER) >= runs_until
    }

    pub fn set_used(&self) {
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    pub fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    pub fn set(&self, number: u64, sent: Mono, until: Timestamp) {
        let mut own = self.until.lock();
        // Nobody may see the number of one tenure with the end of another.
        self.number.store(0, Ordering::SeqCst);
        *own = until;
        self.runs_until.store(nanos(sent.since_start() + LASTS - MARGIN), Ordering::SeqCst);
        self.number.store(number, Ordering::SeqCst);
    }

    /// No statement begins from now on.
    pub fn clear(&self) {
        let _own = self.until.lock();
        self.number.store(0, Ordering::SeqCst);
    }
}

impl Until for Own {
    fn until(&self, number: u64) -> Option<Timestamp> {
        let until = self.until.lock();
        (self.number() == number).then_some(*until)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn lasts_from(now: Timestamp) -> Timestamp {
    Timestamp { wall: now.wall.saturating_add(nanos(LASTS)), logical: 0 }
}

/// Renews a tenure. None: it has ended.
pub async fn renew(gateway: &GatewayRef, id: Id) -> Result<Option<Timestamp>> {
    loop {
        let mut txn = begin_vital(gateway);
        let renewed = async {
            let Some(value) = txn.get(&key(id)).await? else { return Ok(None) };
            if txn.get(&ended_key(id)).await?.is_some() {
                return Ok(None);
            }
            let until = lasts_from(gateway.now()).max(Record::decode(value).map_err(|_| damaged())?.until);
            txn.put(key(id), Record { until }.encode_to_vec().into())?;
            Ok(Some(until))
        }
        .await;
        match store::finish(txn, renewed).await {
            Ok(Some(until)) => return Ok(until),
            Ok(None) => {}
            Err(failure) if is_unknown(&failure) => {}
            Err(failure) => return Err(failure),
        }
    }
}

/// Begins a tenure of a node, whose earlier ones end. The new one, and all others that are in the store. `announce` is
/// told of the number before anybody can find it there.
pub async fn begin(
    gateway: &GatewayRef,
    node: NodeId,
    announce: impl Fn(u64) + Send + Sync,
) -> Result<(Listed, Vec<Listed>)> {
    loop {
        let mut txn = begin_vital(gateway);
        let begun = async {
            let mut others = scan(&mut *txn).await?;
            let now = gateway.now();
            let own = others.iter_mut().filter(|other| other.id.node == node);
            let mut number = now.wall;
            for earlier in own {
                number = number.max(earlier.id.number + 1);
                earlier.ended = true;
                txn.put(ended_key(earlier.id), Bytes::new())?;
            }
            announce(number);
            let new = Listed { id: Id { node, number }, until: lasts_from(now), ended: false };
            txn.put(key(new.id), Record { until: new.until }.encode_to_vec().into())?;
            Ok((new, others))
        }
        .await;
        match store::finish(txn, begun).await {
            Ok(Some(begun)) => return Ok(begun),
            Ok(None) => {}
            // If it was there, it is one of those that end now.
            Err(failure) if is_unknown(&failure) => {}
            Err(failure) => return Err(failure),
        }
    }
}
