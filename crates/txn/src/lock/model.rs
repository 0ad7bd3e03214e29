//! The lock table against an obvious one: a list of holds and a list of waits per key, everything recomputed from the
//! rules after each step, over random operations. Also the unit tests of rules that need a few lines to show.

use std::collections::{BTreeMap, BTreeSet};

use atoll_env::rng::Rng;
use bytes::Bytes;

use super::Strength;
use super::table::{Effects, Entry, LockTable, Mark, Outcome, Request, State, Token, Wait, Wake};
use super::waits::{Deadlock, RequestId, Waiting, WaitsFor};
use crate::id::TxnId;

#[derive(Clone, Debug, PartialEq)]
struct Hold {
    txn: TxnId,
    token: Token,
    /// Every grant, as it came.
    grants: Vec<(Mark, Strength)>,
}

impl Hold {
    fn strength(&self) -> Strength {
        self.grants.iter().map(|(_, s)| *s).max().unwrap()
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Waiter {
    id: RequestId,
    txn: TxnId,
    strength: Strength,
    mark: Mark,
}

#[derive(Default)]
struct Row {
    holds: Vec<Hold>,
    queue: Vec<Waiter>,
}

#[derive(Default)]
struct Model {
    rows: BTreeMap<Bytes, Row>,
    tokens: u64,
}

impl Row {
    fn holds(&self, txn: TxnId) -> bool {
        self.holds.iter().any(|h| h.txn == txn)
    }

    /// The rule itself.
    fn blockers(&self, txn: TxnId, strength: Strength, before: &[Waiter]) -> BTreeSet<TxnId> {
        let mut blockers = BTreeSet::new();
        for hold in &self.holds {
            if hold.txn != txn && hold.strength().conflicts(strength) {
                blockers.insert(hold.txn);
            }
        }
        if !self.holds(txn) {
            for waiter in before {
                if waiter.txn != txn && waiter.strength.conflicts(strength) {
                    blockers.insert(waiter.txn);
                }
            }
        }
        blockers
    }

    fn entrance(&self, txn: TxnId) -> usize {
        let behind = |which: &dyn Fn(&Waiter) -> bool| self.queue.iter().rposition(which).map(|last| last + 1);
        if self.holds(txn) {
            behind(&|w| self.holds(w.txn)).unwrap_or(0)
        } else {
            behind(&|w| w.txn == txn).unwrap_or(self.queue.len())
        }
    }

    fn grant(&mut self, txn: TxnId, strength: Strength, mark: Mark, tokens: &mut u64) -> Token {
        if let Some(hold) = self.holds.iter_mut().find(|h| h.txn == txn) {
            hold.grants.push((mark, strength));
            return hold.token;
        }
        *tokens += 1;
        let token = Token(1 << 40 | *tokens);
        self.holds.push(Hold { txn, token, grants: vec![(mark, strength)] });
        let (own, others): (Vec<_>, Vec<_>) = self.queue.drain(..).partition(|w| w.txn == txn);
        self.queue = others;
        for waiter in own {
            let at = self.entrance(txn);
            self.queue.insert(at, waiter);
        }
        token
    }

    fn settle(&mut self, key: &Bytes, tokens: &mut u64) -> Vec<Wake> {
        let mut wakes = Vec::new();
        let free = |row: &Row| {
            let can_go = |at: &usize| {
                let w = &row.queue[*at];
                row.blockers(w.txn, w.strength, &row.queue[..*at]).is_empty()
            };
            (0..row.queue.len()).find(can_go)
        };
        while let Some(at) = free(self) {
            let Waiter { id, txn, strength, mark } = self.queue.remove(at);
            let token = self.grant(txn, strength, mark, tokens);
            wakes.push(Wake { request: id, txn, key: key.clone(), strength, token });
        }
        wakes
    }
}

impl Model {
    fn acquire(&mut self, request: &Request) -> (Outcome, Vec<Wake>) {
        let row = self.rows.entry(request.key.clone()).or_default();
        let at = row.entrance(request.txn);
        let blockers = row.blockers(request.txn, request.strength, &row.queue[..at]);
        if blockers.is_empty() {
            let token = row.grant(request.txn, request.strength, request.mark, &mut self.tokens);
            return (Outcome::Granted(token), row.settle(&request.key, &mut self.tokens));
        }
        match request.wait {
            // Which one is named is checked by the caller.
            Wait::NoWait => (Outcome::WouldBlock { holder: *blockers.first().unwrap() }, Vec::new()),
            Wait::SkipLocked => (Outcome::Skipped, Vec::new()),
            Wait::Wait => {
                let Request { id, txn, strength, mark, .. } = *request;
                row.queue.insert(at, Waiter { id, txn, strength, mark });
                (Outcome::Queued, Vec::new())
            }
        }
    }

    /// Takes out the grants and waits that `gone` names, key after key. Returns who goes and who is dropped.
    fn remove(
        &mut self,
        grant_gone: impl Fn(&Bytes, TxnId, Mark) -> bool,
        wait_gone: impl Fn(&Waiter) -> bool,
    ) -> (Vec<Wake>, Vec<RequestId>) {
        let (mut wakes, mut dropped) = (Vec::new(), Vec::new());
        for (key, row) in &mut self.rows {
            for hold in &mut row.holds {
                hold.grants.retain(|&(mark, _)| !grant_gone(key, hold.txn, mark));
            }
            row.holds.retain(|h| !h.grants.is_empty());
            dropped.extend(row.queue.iter().filter(|w| wait_gone(w)).map(|w| w.id));
            row.queue.retain(|w| !wait_gone(w));
            wakes.extend(row.settle(key, &mut self.tokens));
        }
        (wakes, dropped)
    }

    /// Who waits for whom, in full.
    fn edges(&self) -> BTreeMap<RequestId, (TxnId, BTreeSet<TxnId>)> {
        let mut edges = BTreeMap::new();
        for row in self.rows.values() {
            for (at, w) in row.queue.iter().enumerate() {
                edges.insert(w.id, (w.txn, row.blockers(w.txn, w.strength, &row.queue[..at])));
            }
        }
        edges
    }

    fn waits(&self, request: RequestId) -> bool {
        self.rows.values().any(|row| row.queue.iter().any(|w| w.id == request))
    }

    fn entries(&self) -> Vec<(Bytes, TxnId, Strength, State)> {
        let mut entries = Vec::new();
        for (key, row) in &self.rows {
            let mut holds: Vec<_> =
                row.holds.iter().map(|h| (key.clone(), h.txn, h.strength(), State::Held(h.token))).collect();
            holds.sort_by_key(|(_, txn, ..)| *txn);
            entries.extend(holds);
            entries.extend(row.queue.iter().map(|w| (key.clone(), w.txn, w.strength, State::Waiting(w.id))));
        }
        entries
    }
}

/// Whom a transaction waits for in the end, through others.
fn reachable(edges: impl Iterator<Item = (TxnId, BTreeSet<TxnId>)>) -> BTreeMap<TxnId, BTreeSet<TxnId>> {
    let mut direct: BTreeMap<TxnId, BTreeSet<TxnId>> = BTreeMap::new();
    for (txn, blockers) in edges {
        direct.entry(txn).or_default().extend(blockers);
    }
    let walk = |from: TxnId| {
        let mut reached = BTreeSet::new();
        let mut open = vec![from];
        while let Some(txn) = open.pop() {
            for &next in direct.get(&txn).into_iter().flatten() {
                if reached.insert(next) {
                    open.push(next);
                }
            }
        }
        reached
    };
    direct.keys().map(|&txn| (txn, walk(txn))).collect()
}

/// The real tables of a node (one, until it is split), its graph, and the model beside them.
struct Pair {
    tables: BTreeMap<Bytes, LockTable>,
    graph: WaitsFor,
    model: Model,
    /// The tokens of the model by those of the tables, and back. They differ once there are several tables, since halves
    /// of a split count on their own.
    tokens: BTreeMap<(Bytes, Token), Token>,
    expected: BTreeMap<(Bytes, Token), Token>,
    victims: BTreeSet<RequestId>,
    /// Or let deadlocks stand.
    cancel_victims: bool,
}

impl Pair {
    fn new(cancel_victims: bool) -> Pair {
        let tables = [(Bytes::new(), LockTable::new(1))].into();
        Pair {
            tables,
            graph: WaitsFor::new(),
            model: Model::default(),
            tokens: BTreeMap::new(),
            expected: BTreeMap::new(),
            victims: BTreeSet::new(),
            cancel_victims,
        }
    }

    fn table(&mut self, key: &Bytes) -> &mut LockTable {
        self.tables.range_mut(..=key.clone()).next_back().unwrap().1
    }

    fn acquire(&mut self, request: Request) {
        let (expected, wakes) = self.model.acquire(&request);
        let (outcome, effects) = self.table(&request.key).acquire(request.clone());
        if let (Outcome::WouldBlock { holder }, Outcome::WouldBlock { .. }) = (outcome, expected) {
            let row = &self.model.rows[&request.key];
            let at = row.entrance(request.txn);
            assert!(row.blockers(request.txn, request.strength, &row.queue[..at]).contains(&holder));
        } else if let (Outcome::Granted(token), Outcome::Granted(named)) = (outcome, expected) {
            self.same_token(&request.key, token, named);
        } else {
            assert_eq!(outcome, expected, "{request:?}");
        }
        self.finish(effects, wakes, Vec::new());
    }

    fn release(&mut self, key: &Bytes, txn: TxnId) {
        let (wakes, dropped) = self.model.remove(|k, t, _| k == key && t == txn, |_| false);
        let effects = self.table(key).release(key, txn);
        self.finish(effects, wakes, dropped);
    }

    fn release_since(&mut self, txn: TxnId, mark: Mark) {
        let (wakes, dropped) = self.model.remove(|_, t, m| t == txn && m >= mark, |w| w.txn == txn && w.mark >= mark);
        let effects = self.on_all(|table| table.release_since(txn, mark));
        self.finish(effects, wakes, dropped);
    }

    fn release_all(&mut self, txn: TxnId) {
        let (wakes, dropped) = self.model.remove(|_, t, _| t == txn, |w| w.txn == txn);
        let effects = self.on_all(|table| table.release_all(txn));
        self.finish(effects, wakes, dropped);
    }

    fn cancel(&mut self, request: RequestId) {
        let (wakes, dropped) = self.model.remove(|_, _, _| false, |w| w.id == request);
        let effects = self.on_all(|table| table.cancel(request));
        self.finish(effects, wakes, dropped);
    }

    fn on_all(&mut self, mut change: impl FnMut(&mut LockTable) -> Effects) -> Effects {
        let mut all = Effects::default();
        for table in self.tables.values_mut() {
            all.append(change(table));
        }
        all
    }

    fn split(&mut self, at: Bytes) {
        if self.tables.contains_key(&at) {
            return;
        }
        let right = self.table(&at).split_off(&at);
        self.tables.insert(at, right);
        self.compare();
    }

    fn finish(&mut self, effects: Effects, wakes: Vec<Wake>, dropped: Vec<RequestId>) {
        assert_eq!(effects.wakes.len(), wakes.len());
        for (wake, expected) in effects.wakes.iter().zip(wakes) {
            self.same_token(&wake.key, wake.token, expected.token);
            assert_eq!(*wake, Wake { token: wake.token, ..expected });
        }
        assert_eq!(effects.dropped, dropped);
        let alone = self.alone();
        let full = self.model.edges();
        let alive = full.iter().filter(|(request, _)| !self.victims.contains(request)).map(|(_, edges)| edges.clone());
        let in_cycle = reachable(alive).iter().any(|(txn, reached)| reached.contains(txn));
        let deadlocks = self.graph.apply(effects.waiting);
        if alone {
            assert_eq!(!deadlocks.is_empty(), in_cycle, "a deadlock is found when and only when there is one");
        } else {
            assert!(deadlocks.is_empty() || in_cycle, "a deadlock that is none");
        }
        for Deadlock { victim, cycle } in &deadlocks {
            assert!(self.victims.insert(*victim));
            assert_eq!(full[victim].0, cycle[0]);
            for (from, to) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
                assert!(full.values().any(|(txn, blockers)| txn == from && blockers.contains(to)));
            }
        }
        if self.cancel_victims {
            for deadlock in deadlocks {
                self.cancel(deadlock.victim);
            }
        }
        self.compare();
    }

    /// One token of the model for one of the tables, forever.
    fn same_token(&mut self, key: &Bytes, token: Token, expected: Token) {
        assert_eq!(*self.tokens.entry((key.clone(), token)).or_insert(expected), expected);
        assert_eq!(*self.expected.entry((key.clone(), expected)).or_insert(token), token);
    }

    fn compare(&mut self) {
        let expected = self.model.entries();
        let found: Vec<_> = self
            .tables
            .values()
            .flat_map(LockTable::iter)
            .map(|e| (e.key.clone(), e.txn, e.strength, e.state))
            .collect();
        assert_eq!(found.len(), expected.len());
        for ((key, txn, strength, state), expected) in found.iter().zip(expected) {
            let mut state = *state;
            if let (State::Held(token), State::Held(named)) = (state, expected.3) {
                self.same_token(key, token, named);
                state = State::Held(named);
            }
            assert_eq!((key.clone(), *txn, *strength, state), expected);
        }
        let entries: Vec<_> = self.tables.values().flat_map(LockTable::iter).collect();
        for (start, table) in &self.tables {
            let end = self.tables.range(start.clone()..).nth(1).map(|(end, _)| end.clone());
            assert!(table.iter().all(|e| e.key >= start && end.as_ref().is_none_or(|end| e.key < end)));
            assert_eq!(table.is_empty(), table.iter().next().is_none());
            assert_eq!(table.txns().collect::<BTreeSet<_>>(), table.iter().map(|e| e.txn).collect());
        }
        for a in &entries {
            for b in entries.iter().filter(|b| a.key == b.key && a.txn != b.txn) {
                let both_hold = matches!((a.state, b.state), (State::Held(_), State::Held(_)));
                assert!(!(both_hold && a.strength.conflicts(b.strength)), "{a:?} and {b:?}");
            }
        }
        let full = self.model.edges();
        for (request, (_, blockers)) in &full {
            assert!(!blockers.is_empty(), "{request} is lost");
            let table = self.tables.values().find(|t| !t.edges_of(*request).is_empty()).unwrap();
            assert_eq!(table.edges_of(*request), *blockers);
        }
        // Victims leave the graph before their tables.
        let full: BTreeMap<_, _> = full.into_iter().filter(|(request, _)| !self.victims.contains(request)).collect();
        let waits: BTreeMap<RequestId, Waiting> = self.graph.iter().map(|w| (w.request, w)).collect();
        assert!(waits.keys().eq(full.keys()));
        for (request, (txn, blockers)) in &full {
            assert_eq!(waits[request].txn, *txn);
            assert!(waits[request].blockers.iter().all(|b| blockers.contains(b)), "an edge that is none");
        }
        if self.alone() {
            let sparse = waits.values().map(|w| (w.txn, w.blockers.iter().copied().collect()));
            let reached = reachable(full.values().cloned());
            assert_eq!(reachable(sparse), reached);
            assert!(reached.iter().all(|(txn, reached)| !reached.contains(txn)), "a deadlock was missed");
        }
    }

    /// No victim still stands in a queue, where others may be linked through it: the graph is exact.
    fn alone(&self) -> bool {
        self.victims.iter().all(|victim| !self.model.waits(*victim))
    }
}

fn key(n: u64) -> Bytes {
    Bytes::from(format!("k{n}"))
}

/// `txns` transactions over `keys` keys; returns how often something waited and how many victims there were.
fn run(seed: u64, txns: u64, keys: u64, cancel_victims: bool) -> (usize, usize) {
    let mut random = Rng::new(seed);
    let mut pair = Pair::new(cancel_victims);
    let mut waited = 0;
    for step in 0..250 {
        let txn = TxnId(u128::from(random.below(txns)));
        let key = key(random.below(keys));
        match random.below(20) {
            0..11 => {
                let strength = Strength::ALL[random.below(4) as usize];
                let wait =
                    [Wait::Wait, Wait::Wait, Wait::Wait, Wait::NoWait, Wait::SkipLocked][random.below(5) as usize];
                let mark = Mark(random.below(4) as u32);
                pair.acquire(Request { id: RequestId(step), txn, key, strength, wait, mark });
            }
            11..13 => pair.release(&key, txn),
            13..15 => pair.release_since(txn, Mark(random.below(4) as u32)),
            15..17 => pair.release_all(txn),
            17..19 => {
                let waiting: Vec<RequestId> = pair.model.edges().into_keys().collect();
                if !waiting.is_empty() {
                    pair.cancel(waiting[random.below(waiting.len() as u64) as usize]);
                }
            }
            _ if step % 8 == 0 => pair.split(key),
            _ => {}
        }
        waited += pair.model.edges().len();
    }
    // Everyone ends, the unlucky ones last: whoever waits must be granted or be gone with its own transaction.
    for txn in 0..txns {
        pair.release_all(TxnId(u128::from(txn)));
    }
    assert!(pair.tables.values().all(LockTable::is_empty) && pair.graph.is_empty());
    assert!(pair.tables.values().all(|t| t.txns().next().is_none()));
    (waited, pair.victims.len())
}

#[test]
fn does_what_the_model_does() {
    let (mut waited, mut victims) = (0, 0);
    for seed in 0..150 {
        let (w, v) = run(seed, 3 + seed % 6, 1 + seed % 4, true);
        (waited, victims) = (waited + w, victims + v);
    }
    assert!(waited > 10_000 && victims > 200, "{waited} waits, {victims} victims: the test lost its bite");
}

/// With deadlocks left standing the queues grow long and odd.
#[test]
fn does_what_the_model_does_in_deadlock() {
    for seed in 0..60 {
        run(1_000 + seed, 5 + seed % 8, 1 + seed % 2, false);
    }
}

fn request(id: u64, txn: u128, key: &'static str, strength: Strength) -> Request {
    let (id, txn, key) = (RequestId(id), TxnId(txn), Bytes::from(key));
    Request { id, txn, key, strength, wait: Wait::Wait, mark: Mark(0) }
}

fn granted(acquired: (Outcome, Effects)) -> Token {
    let Outcome::Granted(token) = acquired.0 else { panic!("{:?}", acquired.0) };
    token
}

#[test]
fn every_waiter_of_a_hot_row_goes_in_turn() {
    let mut table = LockTable::new(1);
    let mut graph = WaitsFor::new();
    let n = 300;
    for txn in 0..n {
        let (_, effects) = table.acquire(request(txn, u128::from(txn), "hot", Strength::Update));
        assert_eq!(graph.apply(effects.waiting), []);
    }
    assert_eq!(graph.iter().map(|w| w.blockers.len()).sum::<usize>(), n as usize - 1, "a chain, not n²/2 edges");
    assert_eq!(table.edges_of(RequestId(n - 1)).len(), n as usize - 1);
    for txn in 0..n - 1 {
        let effects = table.release_all(TxnId(u128::from(txn)));
        assert_eq!(effects.wakes.len(), 1);
        assert_eq!(effects.wakes[0].request, RequestId(txn + 1));
        assert_eq!(effects.waiting.len(), 1, "the others wait as they did");
        assert_eq!(graph.apply(effects.waiting), []);
    }
    assert!(graph.is_empty());
}

#[test]
fn a_token_proves_a_hold_without_a_gap() {
    let (a, txn) = (&b"a"[..], TxnId(1));
    let mut table = LockTable::new(7);
    let token = granted(table.acquire(request(1, 1, "a", Strength::Share)));
    assert_eq!(token.to_string(), "7.1");
    assert!(table.verify(a, txn, token, Strength::KeyShare) && table.verify(a, txn, token, Strength::Share));
    assert!(!table.verify(a, txn, token, Strength::Update));
    assert!(!table.verify(a, TxnId(2), token, Strength::Share) && !table.verify(b"b", txn, token, Strength::Share));
    assert_eq!(granted(table.acquire(request(2, 1, "a", Strength::Update))), token);
    assert!(table.verify(a, txn, token, Strength::Update));

    // It goes along with a split, and what is given afterwards on either side is another one.
    let mut right = table.split_off(b"a");
    assert!(table.is_empty() && table.held(a, txn).is_none());
    assert!(right.verify(a, txn, token, Strength::Update));
    assert_ne!(granted(right.acquire(request(3, 1, "b", Strength::Update))), token);

    assert_eq!(right.release(a, txn), Effects::default());
    assert!(!right.verify(a, txn, token, Strength::KeyShare));
    assert_ne!(granted(right.acquire(request(4, 1, "a", Strength::Update))), token);
    assert!(!right.verify(a, txn, token, Strength::KeyShare), "a new hold is not the old one");
}

#[test]
fn a_cleared_table_verifies_no_old_token() {
    let mut table = LockTable::new(1);
    let token = granted(table.acquire(request(1, 1, "a", Strength::Update)));
    let (outcome, effects) = table.acquire(request(2, 2, "a", Strength::Share));
    assert_eq!(outcome, Outcome::Queued);
    assert_eq!(effects.waiting, [Waiting { request: RequestId(2), txn: TxnId(2), blockers: vec![TxnId(1)] }]);
    let effects = table.clear(2);
    assert_eq!(effects.dropped, [RequestId(2)]);
    assert_eq!(effects.waiting, [Waiting { request: RequestId(2), txn: TxnId(2), blockers: vec![] }]);
    assert!(table.is_empty() && !table.verify(b"a", TxnId(1), token, Strength::KeyShare));
    let again = granted(table.acquire(request(1, 1, "a", Strength::Update)));
    assert_ne!(again, token);
    assert!(!table.verify(b"a", TxnId(1), token, Strength::KeyShare));
    assert_eq!(table.cancel(RequestId(2)), Effects::default());
    // Not even under the same incarnation.
    let _ = table.clear(1);
    assert_ne!(granted(table.acquire(request(1, 1, "a", Strength::Update))), token);
}

#[test]
fn going_back_gives_the_old_strength_back() {
    let mut table = LockTable::new(1);
    let at = |id, strength, mark| Request { mark: Mark(mark), ..request(id, 1, "a", strength) };
    let token = granted(table.acquire(at(1, Strength::KeyShare, 1)));
    granted(table.acquire(at(2, Strength::Update, 3)));
    granted(table.acquire(at(3, Strength::NoKeyUpdate, 2)));
    assert_eq!(table.release_since(TxnId(1), Mark(4)), Effects::default());
    assert_eq!(table.held(b"a", TxnId(1)), Some((Strength::Update, token)));
    let _ = table.release_since(TxnId(1), Mark(3));
    assert_eq!(table.held(b"a", TxnId(1)), Some((Strength::NoKeyUpdate, token)));
    let (outcome, _) = table.acquire(request(4, 2, "a", Strength::Share));
    assert_eq!(outcome, Outcome::Queued);
    let effects = table.release_since(TxnId(1), Mark(2));
    assert_eq!(effects.wakes[0].request, RequestId(4));
    assert_eq!(table.held(b"a", TxnId(1)), Some((Strength::KeyShare, token)));
    let _ = table.release_since(TxnId(1), Mark(0));
    assert_eq!(table.held(b"a", TxnId(1)), None);
    let holders: Vec<TxnId> = table.iter().map(|Entry { txn, .. }| txn).collect();
    assert_eq!(holders, [TxnId(2)]);
}
