//! The row locks of one range: who holds which key, who waits in which order, and proof of an unbroken hold.
//!
//! ```text
//!   acquire ──▶ Granted(token) ──────────────────────────────▶ release ──▶ wakes
//!           ──▶ Queued ──▶ wake (token) ─────────────────────▶    "
//!                      ──▶ cancel: timeout, cancelled statement, deadlock victim ──▶ wakes
//!           ──▶ WouldBlock, Skipped: nothing is kept
//! ```
//!
//! The queue of a key is fair: a request that conflicts with an earlier waiter waits behind it, so a stream of readers
//! can't starve a writer. `queue` has the rules and their two exceptions.
//!
//! A **token** names one hold of one key by one transaction. It is kept when the hold is made stronger or weaker and
//! when the range splits; it ends when the transaction lets go of the key, or when the table is cleared because the
//! lease was lost. A commit presents its tokens, and [`LockTable::verify`] says whether each lock was *held without a
//! gap*.
//!
//! A **mark** is the transaction's own counter of savepoints, given with each request, so that going back to a
//! savepoint needs no memory of which keys came after it. PostgreSQL does the same: `ROLLBACK TO` lets go of locks
//! taken since, and a lock that was made stronger since gets its old strength back.
//!
//! INVARIANT: no two transactions hold conflicting strengths on one key. Statements that lock rows rely on it.
//!
//! INVARIANT: a request that can go does not wait. Every call that lets something go returns, in order, the wakes of
//! all that can go now.
//!
//! INVARIANT: within one key a token is given once, ever: sequences go on in both halves of a split and when a table is
//! cleared, and each lease has its own incarnation. [`LockTable::verify`] relies on it.
//!
//! INVARIANT: what [`Effects::waiting`] reported last for each request is what it waits for. The graph relies on it.
//!
//! The caller's duties: (1) requests have ids that are unique on the node; (2) each call's `waiting` is applied to the
//! node's [`WaitsFor`](super::WaitsFor) before the mutex around the table is let go, also when it comes from a call
//! that looks harmless; (3) a [`Deadlock`](super::Deadlock)'s victim is cancelled in the table where it waits; (4) a
//! transaction that ends is released in every table it ever asked.
//!
//! What it does not do: look at data, know intents, time out, persist, or take locks from silent coordinators.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;

use super::queue::{KeyLocks, Waiter};
use super::strength::Strength;
use super::waits::{RequestId, Waiting};
use crate::id::TxnId;

/// One hold of one key, compared for equality only. Incarnation and sequence in one number, so that it is one field of
/// a message, with room for 10¹² grants in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// A transaction's own count of savepoints; grows while the transaction goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub u32);

/// What to do when the lock is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    Wait,
    NoWait,
    SkipLocked,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub id: RequestId,
    pub txn: TxnId,
    pub key: Bytes,
    pub strength: Strength,
    pub wait: Wait,
    pub mark: Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Held, possibly since long ago.
    Granted(Token),
    /// A [`Wake`] with the request's id will come, unless it is cancelled.
    Queued,
    /// `NoWait`: somebody holds it, or waits for it already.
    WouldBlock {
        holder: TxnId,
    },
    Skipped,
}

/// A queued request was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wake {
    pub request: RequestId,
    pub txn: TxnId,
    pub key: Bytes,
    pub strength: Strength,
    pub token: Token,
}

/// What a call did to others than its caller.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Effects {
    pub wakes: Vec<Wake>,
    /// Requests that were waiting and are gone without a grant.
    pub dropped: Vec<RequestId>,
    /// For the graph of the node, in order.
    pub waiting: Vec<Waiting>,
}

/// One line of `pg_locks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub key: &'a Bytes,
    pub txn: TxnId,
    pub strength: Strength,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Held(Token),
    Waiting(RequestId),
}

#[derive(Debug)]
pub struct LockTable {
    keys: BTreeMap<Bytes, KeyLocks>,
    /// The keys that a transaction holds or waits for.
    keys_of: BTreeMap<TxnId, BTreeSet<Bytes>>,
    /// The keys that requests wait for.
    waiting_at: BTreeMap<RequestId, Bytes>,
    tokens: Tokens,
}

impl LockTable {
    /// The incarnation is the lease's sequence: no two tables that ever serve the same key have the same.
    pub fn new(incarnation: u64) -> LockTable {
        LockTable {
            keys: BTreeMap::new(),
            keys_of: BTreeMap::new(),
            waiting_at: BTreeMap::new(),
            tokens: Tokens::new(incarnation),
        }
    }

    /// Asks for a lock. A transaction that holds the key at least as strongly is granted it again under the same token.
    ///
    /// The effects may name other requests: a grant that makes a transaction a holder lets its own waiting requests go
    /// ahead, and an upgrade gives waiters one more to wait for.
    pub fn acquire(&mut self, request: Request) -> (Outcome, Effects) {
        let Request { id, txn, key, strength, wait, mark } = request;
        assert!(!self.waiting_at.contains_key(&id), "{id} waits already");
        let mut effects = Effects::default();
        let locks = self.keys.entry(key.clone()).or_default();
        if let Some(holder) = locks.blocker(txn, strength) {
            // Somebody blocks, so the entry existed: nothing to take back.
            match wait {
                Wait::NoWait => return (Outcome::WouldBlock { holder }, effects),
                Wait::SkipLocked => return (Outcome::Skipped, effects),
                Wait::Wait => {}
            }
            let last = !locks.concerns(txn);
            locks.enqueue(Waiter::new(id, txn, strength, mark));
            // Who enters at the end gets in nobody's way.
            locks.report(if last { locks.queue().len() - 1 } else { 0 }, &mut effects);
            self.waiting_at.insert(id, key.clone());
            self.keys_of.entry(txn).or_default().insert(key);
            return (Outcome::Queued, effects);
        }
        let before = locks.hold(txn).map(|hold| hold.strength);
        let token = locks.grant(txn, strength, mark, &mut self.tokens);
        if before.is_none() && locks.waits(txn) {
            locks.move_to_upgrades(txn);
        }
        // A new holder conflicts with no waiter, so no edge changes. But an upgrade goes past waiters, and for a new
        // holder that waits here already its own requests become upgrades.
        if before < Some(strength) && (before.is_some() || locks.waits(txn)) {
            locks.settle(&key, &mut self.tokens, &mut effects);
            self.forget_granted(&effects);
        }
        if before.is_none() {
            self.keys_of.entry(txn).or_default().insert(key);
        }
        (Outcome::Granted(token), effects)
    }

    /// Lets go of one key. What the transaction waits for there goes on waiting.
    pub fn release(&mut self, key: &[u8], txn: TxnId) -> Effects {
        let mut effects = Effects::default();
        self.change(key, txn, &mut effects, |locks, _| locks.let_go(txn));
        effects
    }

    /// Lets go of everything of a transaction, what it waits for included. Costs as much as it held.
    pub fn release_all(&mut self, txn: TxnId) -> Effects {
        let mut effects = Effects::default();
        for key in self.keys_of.remove(&txn).unwrap_or_default() {
            self.change(&key, txn, &mut effects, |locks, effects| {
                locks.let_go(txn);
                locks.drop_waiters(effects, |w| w.txn == txn);
            });
        }
        effects
    }

    /// Goes back to a savepoint: whatever was asked for under this mark or a later one is no longer held or waited for.
    pub fn release_since(&mut self, txn: TxnId, mark: Mark) -> Effects {
        let mut effects = Effects::default();
        for key in self.keys_of.get(&txn).cloned().unwrap_or_default() {
            self.change(&key, txn, &mut effects, |locks, effects| {
                locks.go_back(txn, mark);
                locks.drop_waiters(effects, |w| w.txn == txn && w.mark >= mark);
            });
        }
        effects
    }

    /// Takes a request out of its queue. When it does not wait (any more), its grant came first and nothing happens.
    pub fn cancel(&mut self, request: RequestId) -> Effects {
        let mut effects = Effects::default();
        let Some(key) = self.waiting_at.get(&request).cloned() else { return effects };
        let waiters = self.keys[&key].queue();
        let txn = waiters.iter().find(|w| w.request == request).expect("a waiting request is in its queue").txn;
        self.change(&key, txn, &mut effects, |locks, effects| {
            locks.drop_waiters(effects, |w| w.request == request);
        });
        effects
    }

    /// Whether the transaction holds locks, or waits for some.
    pub fn has_any(&self, txn: TxnId) -> bool {
        self.keys_of.contains_key(&txn)
    }

    /// What the transaction holds on the key.
    pub fn held(&self, key: &[u8], txn: TxnId) -> Option<(Strength, Token)> {
        self.keys.get(key)?.hold(txn).map(|hold| (hold.strength, hold.token))
    }

    /// Whether the transaction has held the key without a gap since it was given this token, and now holds it this
    /// strongly.
    pub fn verify(&self, key: &[u8], txn: TxnId, token: Token, at_least: Strength) -> bool {
        self.held(key, txn).is_some_and(|(strength, held)| held == token && strength >= at_least)
    }

    /// Everyone that a request waits for, first and later ones. The edges that are reported for the graph are fewer,
    /// and lead to the same transactions through the waiters in between.
    pub fn edges_of(&self, request: RequestId) -> BTreeSet<TxnId> {
        let Some(key) = self.waiting_at.get(&request) else { return BTreeSet::new() };
        self.keys[key].blockers_of(request)
    }

    /// Gives the locks from this key on to a table of their own. Holds, tokens and queues stay as they are, and so do
    /// the waits in the graph.
    pub fn split_off(&mut self, at: &[u8]) -> LockTable {
        let keys = self.keys.split_off(at);
        let mut keys_of = BTreeMap::new();
        self.keys_of.retain(|&txn, keys| {
            let right = keys.split_off(at);
            if !right.is_empty() {
                keys_of.insert(txn, right);
            }
            !keys.is_empty()
        });
        let waiting_at = self.waiting_at.extract_if(.., |_, key| key[..] >= *at).collect();
        LockTable { keys, keys_of, waiting_at, tokens: self.tokens.clone() }
    }

    /// Forgets everything, because the lease was lost or begins anew: no token given before verifies ever after, and
    /// whoever waits has to ask elsewhere.
    pub fn clear(&mut self, incarnation: u64) -> Effects {
        let mut effects = Effects::default();
        for locks in self.keys.values_mut() {
            locks.drop_waiters(&mut effects, |_| true);
        }
        // The sequence goes on, which keeps tokens apart even where a table from a split gets, in the course of its own
        // leases, to the incarnation that it brought along.
        let sequence = self.tokens.sequence;
        *self = LockTable { tokens: Tokens { incarnation, sequence }, ..LockTable::new(incarnation) };
        effects
    }

    /// Every hold and every wait: by key, holders by transaction before waiters as they stand.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.keys.iter().flat_map(|(key, locks)| {
            let held = locks.holders().iter().map(move |hold| {
                let state = State::Held(hold.token);
                Entry { key, txn: hold.txn, strength: hold.strength, state }
            });
            let waiting = locks.queue().iter().map(move |waiter| {
                let state = State::Waiting(waiter.request);
                Entry { key, txn: waiter.txn, strength: waiter.strength, state }
            });
            held.chain(waiting)
        })
    }

    /// Every transaction that holds or waits for something here.
    pub fn txns(&self) -> impl Iterator<Item = TxnId> + '_ {
        self.keys_of.keys().copied()
    }

    /// Nobody holds or waits for anything.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Changes the locks of a key on behalf of a transaction, lets go forward whoever can, and keeps the indexes.
    fn change(
        &mut self,
        key: &[u8],
        txn: TxnId,
        effects: &mut Effects,
        change: impl FnOnce(&mut KeyLocks, &mut Effects),
    ) {
        let Some((key, _)) = self.keys.get_key_value(key) else { return };
        let key = key.clone();
        let locks = self.keys.get_mut(&key).expect("just found");
        let mut here = Effects::default();
        change(locks, &mut here);
        locks.settle(&key, &mut self.tokens, &mut here);
        let (concerned, empty) = (locks.concerns(txn), locks.is_empty());
        if !concerned {
            self.unlist(txn, &key);
        }
        if empty {
            self.keys.remove(&key);
        }
        for request in &here.dropped {
            self.waiting_at.remove(request);
        }
        self.forget_granted(&here);
        effects.append(here);
    }

    fn unlist(&mut self, txn: TxnId, key: &[u8]) {
        if let Some(keys) = self.keys_of.get_mut(&txn) {
            keys.remove(key);
            if keys.is_empty() {
                self.keys_of.remove(&txn);
            }
        }
    }

    fn forget_granted(&mut self, effects: &Effects) {
        for wake in &effects.wakes {
            self.waiting_at.remove(&wake.request);
        }
    }
}

impl Effects {
    /// What came later goes behind.
    pub fn append(&mut self, later: Effects) {
        self.wakes.extend(later.wakes);
        self.dropped.extend(later.dropped);
        self.waiting.extend(later.waiting);
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 >> Tokens::SEQUENCE_BITS, self.0 & Tokens::SEQUENCE_MAX)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Tokens {
    incarnation: u64,
    sequence: u64,
}

impl Tokens {
    const SEQUENCE_BITS: u32 = 40;
    const SEQUENCE_MAX: u64 = (1 << Tokens::SEQUENCE_BITS) - 1;

    fn new(incarnation: u64) -> Tokens {
        Tokens { incarnation, sequence: 0 }
    }

    pub(super) fn next(&mut self) -> Token {
        assert!(self.sequence < Tokens::SEQUENCE_MAX, "tokens of incarnation {} are used up", self.incarnation);
        self.sequence += 1;
        // Of the incarnation the low bits are enough: the lease would have to change sixteen million times within one
        // transaction for two to be taken for each other.
        Token(self.incarnation << Tokens::SEQUENCE_BITS | self.sequence)
    }
}
