//! The locks of one key: who holds it, and who waits in which order.
//!
//! ```text
//!   holders   t1 share (token 7)   t2 key share (token 9)
//!   queue     t2 update │ t3 update   t3 share   t4 key share
//!             upgrades  │ everyone else, as they came
//! ```
//!
//! A waiter goes when no *other* transaction holds what it conflicts with, and no other transaction waits before it for
//! what it conflicts with. Two waiters are treated better, because making them stand at the end would be a deadlock of
//! the queue's own making:
//! - a transaction that holds the key already (an *upgrade*) goes before the others and waits for holders only;
//! - a transaction that waits already stands right behind its first request.
//!
//! INVARIANT: no waiter in the queue could go. Who adds or removes a holder or a waiter calls [`KeyLocks::settle`]
//! before anyone looks. "No lost waiter" relies on it.

use std::collections::BTreeSet;

use super::strength::Strength;
use super::table::{Effects, Mark, Token, Tokens, Wake};
use super::waits::{RequestId, Waiting};
use crate::id::TxnId;

use bytes::Bytes;

#[derive(Debug, Default)]
pub(super) struct KeyLocks {
    /// By transaction.
    holders: Vec<Hold>,
    /// How many hold each strength.
    held: [usize; Strength::ALL.len()],
    queue: Vec<Waiter>,
}

#[derive(Debug)]
pub(super) struct Hold {
    pub(super) txn: TxnId,
    pub(super) token: Token,
    pub(super) strength: Strength,
    /// The first mark under which each strength was granted. Going back to a mark forgets those from there on.
    since: [Option<Mark>; Strength::ALL.len()],
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) request: RequestId,
    pub(super) txn: TxnId,
    pub(super) strength: Strength,
    pub(super) mark: Mark,
    /// What was last reported as its edges.
    reported: Vec<TxnId>,
}

impl Waiter {
    pub(super) fn new(request: RequestId, txn: TxnId, strength: Strength, mark: Mark) -> Waiter {
        Waiter { request, txn, strength, mark, reported: Vec::new() }
    }
}

impl KeyLocks {
    pub(super) fn hold(&self, txn: TxnId) -> Option<&Hold> {
        self.place(txn).ok().map(|i| &self.holders[i])
    }

    pub(super) fn holders(&self) -> &[Hold] {
        &self.holders
    }

    pub(super) fn queue(&self) -> &[Waiter] {
        &self.queue
    }

    pub(super) fn is_empty(&self) -> bool {
        self.holders.is_empty() && self.queue.is_empty()
    }

    pub(super) fn concerns(&self, txn: TxnId) -> bool {
        self.hold(txn).is_some() || self.waits(txn)
    }

    /// The transaction that a new request would wait for first.
    pub(super) fn blocker(&self, txn: TxnId, strength: Strength) -> Option<TxnId> {
        self.all_blockers(txn, strength, self.entrance(txn)).next()
    }

    /// Everyone that a waiter waits for: holders and earlier waiters that it conflicts with.
    pub(super) fn blockers_of(&self, request: RequestId) -> BTreeSet<TxnId> {
        match self.queue.iter().position(|w| w.request == request) {
            Some(at) => self.all_blockers(self.queue[at].txn, self.queue[at].strength, at).collect(),
            None => BTreeSet::new(),
        }
    }

    /// Gives the transaction this strength on top of what it holds. Nothing may be in the way.
    pub(super) fn grant(&mut self, txn: TxnId, strength: Strength, mark: Mark, tokens: &mut Tokens) -> Token {
        let i = match self.place(txn) {
            Ok(i) => i,
            Err(i) => {
                // Nearly every key has one holder ever.
                self.holders.reserve_exact(usize::from(self.holders.is_empty()));
                self.holders.insert(i, Hold { txn, token: tokens.next(), strength, since: Default::default() });
                self.held[strength as usize] += 1;
                i
            }
        };
        let hold = &mut self.holders[i];
        let since = &mut hold.since[strength as usize];
        *since = Some(since.map_or(mark, |first| first.min(mark)));
        self.held[hold.strength as usize] -= 1;
        hold.strength = hold.strength.combine(strength);
        self.held[hold.strength as usize] += 1;
        hold.token
    }

    pub(super) fn enqueue(&mut self, waiter: Waiter) {
        let at = self.entrance(waiter.txn);
        self.queue.insert(at, waiter);
    }

    /// The transaction holds nothing any more. What it waits for stays in the queue.
    pub(super) fn let_go(&mut self, txn: TxnId) {
        if let Ok(i) = self.place(txn) {
            let hold = self.holders.remove(i);
            self.held[hold.strength as usize] -= 1;
        }
    }

    /// The transaction holds what it held before `mark`. The token stays with what is left of the lock: that part was
    /// held all along.
    pub(super) fn go_back(&mut self, txn: TxnId, mark: Mark) {
        let Ok(i) = self.place(txn) else { return };
        let hold = &mut self.holders[i];
        for since in &mut hold.since {
            *since = since.filter(|&first| first < mark);
        }
        match Strength::ALL.into_iter().rev().find(|&s| hold.since[s as usize].is_some()) {
            Some(left) => {
                self.held[hold.strength as usize] -= 1;
                hold.strength = left;
                self.held[left as usize] += 1;
            }
            None => self.let_go(txn),
        }
    }

    /// Takes waiters out of the queue and reports that their wait is over.
    pub(super) fn drop_waiters(&mut self, effects: &mut Effects, mut which: impl FnMut(&Waiter) -> bool) {
        self.queue.retain(|waiter| {
            let dropped = which(waiter);
            if dropped {
                effects.dropped.push(waiter.request);
                effects.waiting.push(Waiting { request: waiter.request, txn: waiter.txn, blockers: Vec::new() });
            }
            !dropped
        });
    }

    /// Lets go forward whoever can, then reports the waits that are over and those that changed.
    pub(super) fn settle(&mut self, key: &Bytes, tokens: &mut Tokens, effects: &mut Effects) {
        let mut before = Strongest::default();
        let mut at = 0;
        while at < self.queue.len() {
            let waiter = &self.queue[at];
            let upgrade = self.hold(waiter.txn).is_some();
            let blocked = self.holders_conflict(waiter.txn, waiter.strength)
                || (!upgrade && before.conflicts(waiter.txn, waiter.strength));
            if blocked {
                before.add(waiter.txn, waiter.strength);
                at += 1;
                continue;
            }
            let Waiter { request, txn, strength, mark, .. } = self.queue.remove(at);
            let token = self.grant(txn, strength, mark, tokens);
            effects.wakes.push(Wake { request, txn, key: key.clone(), strength, token });
            effects.waiting.push(Waiting { request, txn, blockers: Vec::new() });
            if !upgrade && self.waits(txn) {
                self.move_to_upgrades(txn);
                (before, at) = (Strongest::default(), 0);
            }
        }
        self.report(0, effects);
    }

    /// Reports the edges of waiters from this place on, where they are not what was reported last.
    pub(super) fn report(&mut self, from: usize, effects: &mut Effects) {
        for at in from..self.queue.len() {
            let blockers = self.edges(at);
            let waiter = &mut self.queue[at];
            if blockers != waiter.reported {
                effects.waiting.push(Waiting { request: waiter.request, txn: waiter.txn, blockers: blockers.clone() });
                waiter.reported = blockers;
            }
        }
    }

    /// Moves what a transaction waits for to where upgrades wait. It must have become a holder.
    pub(super) fn move_to_upgrades(&mut self, txn: TxnId) {
        let (moved, rest): (Vec<_>, Vec<_>) = self.queue.drain(..).partition(|w| w.txn == txn);
        self.queue = rest;
        let place = self.upgrades_end();
        self.queue.splice(place..place, moved);
    }

    pub(super) fn waits(&self, txn: TxnId) -> bool {
        self.queue.iter().any(|w| w.txn == txn)
    }

    /// The edges of a waiter for the graph: of [`KeyLocks::all_blockers`] those that are needed so that everyone can be
    /// reached, through the waiters in between. A queue of n exclusive requests has n edges instead of n²/2; cycles are
    /// the same ones.
    ///
    /// Walks back through the queue. Whatever conflicts with a waiter that is reached already, that one waits for
    /// itself; and because conflicts grow with strength, it is enough to know the strongest one reached. Upgrades wait
    /// for holders only, so they reach nothing in the queue.
    fn edges(&self, at: usize) -> Vec<TxnId> {
        let waiter = &self.queue[at];
        let mut edges = Vec::new();
        let mut over_queue: Option<Strength> = None;
        let mut over_holders: Option<Strength> = None;
        let covered = |over: Option<Strength>, strength| over.is_some_and(|o| o.conflicts(strength));
        if self.hold(waiter.txn).is_none() {
            for earlier in self.queue[..at].iter().rev().filter(|w| w.txn != waiter.txn) {
                if over_queue >= Some(waiter.strength) {
                    break;
                }
                let reached = covered(over_queue, earlier.strength);
                if !reached && !earlier.strength.conflicts(waiter.strength) {
                    continue;
                }
                if !reached {
                    edges.push(earlier.txn);
                }
                over_holders = over_holders.max(Some(earlier.strength));
                if self.hold(earlier.txn).is_none() {
                    over_queue = over_queue.max(Some(earlier.strength));
                }
            }
        }
        let needed = |h: &&Hold| h.strength.conflicts(waiter.strength) && !covered(over_holders, h.strength);
        edges.extend(self.holders.iter().filter(needed).map(|h| h.txn).filter(|&txn| txn != waiter.txn));
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    /// Everyone in the way of a request that stands, or would stand, at this place of the queue.
    fn all_blockers(&self, txn: TxnId, strength: Strength, at: usize) -> impl Iterator<Item = TxnId> + '_ {
        let before = if self.hold(txn).is_some() { 0 } else { at };
        let holders = self.holders.iter().map(|h| (h.txn, h.strength));
        let waiters = self.queue[..before].iter().map(|w| (w.txn, w.strength));
        holders.chain(waiters).filter(move |&(other, s)| other != txn && s.conflicts(strength)).map(|(other, _)| other)
    }

    fn holders_conflict(&self, txn: TxnId, strength: Strength) -> bool {
        let own = self.hold(txn).map(|h| h.strength);
        let others = |s: Strength| self.held[s as usize] > usize::from(own == Some(s));
        Strength::ALL.into_iter().any(|s| s.conflicts(strength) && others(s))
    }

    /// Where a new request of this transaction enters the queue.
    fn entrance(&self, txn: TxnId) -> usize {
        if self.hold(txn).is_some() {
            return self.upgrades_end();
        }
        self.queue.iter().rposition(|w| w.txn == txn).map_or(self.queue.len(), |last| last + 1)
    }

    fn upgrades_end(&self) -> usize {
        self.queue.iter().rposition(|w| self.hold(w.txn).is_some()).map_or(0, |last| last + 1)
    }

    fn place(&self, txn: TxnId) -> Result<usize, usize> {
        self.holders.binary_search_by_key(&txn, |h| h.txn)
    }
}

/// The strongest of those who wait further ahead, and the strongest of all other transactions than its own: enough to
/// know whether a transaction conflicts with any of them.
#[derive(Default)]
struct Strongest {
    first: Option<(Strength, TxnId)>,
    other: Option<Strength>,
}

impl Strongest {
    fn add(&mut self, txn: TxnId, strength: Strength) {
        match self.first {
            Some((first, by)) if by == txn => self.first = Some((first.max(strength), by)),
            Some((first, _)) if first >= strength => self.other = self.other.max(Some(strength)),
            Some((first, _)) => (self.first, self.other) = (Some((strength, txn)), self.other.max(Some(first))),
            None => self.first = Some((strength, txn)),
        }
    }

    fn conflicts(&self, txn: TxnId, strength: Strength) -> bool {
        let strongest = match self.first {
            Some((_, by)) if by == txn => self.other,
            first => first.map(|(s, _)| s),
        };
        strongest.is_some_and(|s| s.conflicts(strength))
    }
}
