//! Versions against a model that keeps every version of every key in a list and judges each read by the rules as written
//! down, on the engine of the simulator.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_env::NodeId;
use atoll_env::rng::Rng;
use atoll_env::sim;
use atoll_storage::engine::{Batch, Engine, Options, Space, View};
use bytes::Bytes;

use super::ended::{Ended, Outcome};
use super::gc::{self, Cursor};
use super::reader::{self, Conflict, Get, IntentRef, Limits, ReadAt, Stop};
use super::record::{Intent, Record, Version};
use super::writer::{self, Resolution};
use super::{Error, Result};
use crate::id::TxnId;
use crate::key;
use crate::request::Span;
use crate::timestamp::Timestamp;

fn ts(wall: u64) -> Timestamp {
    Timestamp::new(wall, 0)
}

fn with_engine(seed: u64, test: impl FnOnce(Store)) {
    sim::run(seed, sim::Options::default(), |world| async move {
        let env = world.boot(NodeId(1));
        let engine = Engine::open(&env, Options::default()).await.unwrap();
        test(Store { engine });
    });
}

/// The functions under test, each with a view and a batch of its own.
struct Store {
    engine: Engine,
}

impl Store {
    fn view(&self) -> View {
        self.engine.view()
    }

    fn change<T>(&self, key: &[u8], change: impl FnOnce(&mut Batch, Option<&Record>) -> Result<T>) -> Result<T> {
        let record = reader::record(&self.view(), key)?;
        let mut batch = Batch::new();
        let result = change(&mut batch, record.as_ref());
        assert!(result.is_ok() || batch.is_empty(), "an error left something in the batch");
        self.engine.write(batch)?;
        result
    }

    fn put(&self, key: &[u8], value: Option<&'static str>, at: u64, local: u64) -> Result<()> {
        let value = value.map(Bytes::from);
        self.change(key, |batch, record| writer::put_committed(batch, record, key, value, ts(at), ts(local)))
    }

    fn lay(&self, key: &[u8], intent: Intent) -> Result<()> {
        self.change(key, |batch, record| writer::put_intent(batch, record, key, intent))
    }

    fn resolve(&self, key: &[u8], txn: u128, epoch: u32, resolution: Resolution) -> Result<bool> {
        self.change(key, |batch, record| writer::resolve_intent(batch, record, key, TxnId(txn), epoch, resolution))
    }

    fn get(&self, key: &[u8], read: ReadAt) -> Get {
        reader::get(&self.view(), key, &read, &Ended::default()).unwrap()
    }

    fn rows(&self, space: Space) -> Vec<(Bytes, Bytes)> {
        self.view().scan(space, b"", b"").map(|row| row.unwrap()).collect()
    }
}

fn intent(txn: u128, epoch: u32, at: u64, local: u64, value: Option<&'static str>) -> Intent {
    let value = value.map(Bytes::from);
    Intent { txn: TxnId(txn), anchor: Bytes::from_static(b"anchor"), epoch, ts: ts(at), local: ts(local), value }
}

fn value(value: &'static str, at: u64, local: u64) -> Get {
    Get::Value { value: Some(Bytes::from(value)), ts: ts(at), local: ts(local) }
}

fn nothing(at: u64, local: u64) -> Get {
    Get::Value { value: None, ts: ts(at), local: ts(local) }
}

// ------------------------------------------------------------------------------------------------------ rules, one by one

#[test]
fn reads_see_the_newest_version_at_or_below_them() {
    with_engine(1, |store| {
        assert_eq!(store.get(b"k", ReadAt::exactly(Timestamp::MAX)), nothing(0, 0));
        store.put(b"k", Some("a"), 10, 10).unwrap();
        store.put(b"k", None, 20, 15).unwrap();
        store.put(b"k", Some("c"), 30, 99).unwrap();
        assert_eq!(store.get(b"k", ReadAt::exactly(ts(9))), nothing(0, 0));
        assert_eq!(store.get(b"k", ReadAt::exactly(ts(10))), value("a", 10, 10));
        assert_eq!(store.get(b"k", ReadAt::exactly(ts(29))), nothing(20, 15));
        // A clock above the timestamp is cut down to it.
        assert_eq!(store.get(b"k", ReadAt::exactly(ts(30))), value("c", 30, 30));
        assert_eq!(reader::newest_ts(&store.view(), b"k").unwrap(), Some(ts(30)));
        assert_eq!(reader::newest_ts(&store.view(), b"l").unwrap(), None);
    });
}

#[test]
fn writes_go_on_top_or_nowhere() {
    with_engine(2, |store| {
        store.put(b"k", Some("a"), 10, 10).unwrap();
        for at in [9, 10] {
            let error = store.put(b"k", Some("b"), at, 9).unwrap_err();
            assert!(matches!(error, Error::NotAbove { newest, .. } if newest == ts(10)));
            let error = store.lay(b"k", intent(1, 0, at, 9, None)).unwrap_err();
            assert!(matches!(error, Error::NotAbove { newest, .. } if newest == ts(10)));
        }
        store.lay(b"k", intent(1, 1, 20, 20, Some("b"))).unwrap();
        assert!(matches!(store.put(b"k", None, 30, 30), Err(Error::IntentInTheWay { txn: TxnId(1), .. })));
        assert!(matches!(store.lay(b"k", intent(2, 1, 30, 30, None)), Err(Error::IntentInTheWay { .. })));
        // The same transaction replaces its own, but not from an earlier attempt.
        assert!(matches!(store.lay(b"k", intent(1, 0, 30, 30, None)), Err(Error::IntentInTheWay { .. })));
        store.lay(b"k", intent(1, 2, 25, 25, Some("c"))).unwrap();
        assert!(matches!(store.resolve(b"k", 1, 2, Resolution::Commit(ts(24))), Err(Error::NotAbove { .. })));
        assert!(store.resolve(b"k", 1, 2, Resolution::Commit(ts(40))).unwrap());
        assert_eq!(store.get(b"k", ReadAt::exactly(ts(39))), value("a", 10, 10));
        assert_eq!(store.get(b"k", ReadAt::exactly(ts(40))), value("c", 40, 25));
    });
}

#[test]
fn resolving_is_for_the_right_intent_and_can_be_repeated() {
    with_engine(3, |store| {
        assert!(!store.resolve(b"k", 1, 0, Resolution::Abort).unwrap());
        store.lay(b"k", intent(1, 3, 20, 20, Some("b"))).unwrap();
        for (txn, epoch) in [(2, 3), (1, 2), (1, 4)] {
            for resolution in [Resolution::Abort, Resolution::Commit(ts(30))] {
                assert!(!store.resolve(b"k", txn, epoch, resolution).unwrap());
            }
        }
        assert!(store.resolve(b"k", 1, 3, Resolution::Abort).unwrap());
        assert!(!store.resolve(b"k", 1, 3, Resolution::Abort).unwrap());
        assert_eq!(store.rows(Space::Current), []);

        store.put(b"k", Some("a"), 10, 10).unwrap();
        let before = store.rows(Space::Current);
        store.lay(b"k", intent(1, 3, 20, 20, None)).unwrap();
        assert!(store.resolve(b"k", 1, 3, Resolution::Abort).unwrap());
        assert_eq!(store.rows(Space::Current), before);
        store.lay(b"k", intent(1, 4, 20, 20, None)).unwrap();
        assert!(store.resolve(b"k", 1, 4, Resolution::Commit(ts(20))).unwrap());
        assert!(!store.resolve(b"k", 1, 4, Resolution::Commit(ts(20))).unwrap());
        assert_eq!(store.get(b"k", ReadAt::exactly(ts(20))), nothing(20, 20));
    });
}

#[test]
fn intents_are_met_at_or_below_the_read_and_own_ones_are_read() {
    with_engine(4, |store| {
        store.put(b"k", Some("a"), 10, 10).unwrap();
        store.lay(b"k", intent(1, 0, 20, 25, Some("b"))).unwrap();
        let met = Get::Intent(IntentRef::from(&intent(1, 0, 20, 25, None)));
        assert_eq!(store.get(b"k", ReadAt::exactly(ts(19))), value("a", 10, 10));
        assert_eq!(store.get(b"k", ReadAt::exactly(ts(20))), met);
        let uncertain_to = |observed| ReadAt { ts: ts(15), txn: Some(TxnId(2)), uncertainty: Some(ts(observed)) };
        assert_eq!(store.get(b"k", uncertain_to(24)), value("a", 10, 10));
        assert_eq!(store.get(b"k", uncertain_to(25)), met);
        let own = ReadAt { ts: ts(12), txn: Some(TxnId(1)), uncertainty: None };
        assert_eq!(store.get(b"k", own), value("b", 20, 25));
    });
}

#[test]
fn an_intent_of_an_ended_transaction_reads_as_what_it_will_be_resolved_to() {
    let ends = [(Outcome::Committed(ts(30)), Resolution::Commit(ts(30))), (Outcome::Aborted, Resolution::Abort)];
    for (outcome, resolution) in ends {
        with_engine(6, |store| {
            store.put(b"k", Some("a"), 10, 10).unwrap();
            store.lay(b"k", intent(1, 0, 20, 25, Some("b"))).unwrap();
            let ended = Ended::default();
            ended.note(TxnId(1), outcome);
            let get = |at: u64, observed: Option<u64>| {
                let read = ReadAt { ts: ts(at), txn: None, uncertainty: observed.map(ts) };
                reader::get(&store.view(), b"k", &read, &ended).unwrap()
            };
            let all = || {
                let reads = [5, 10, 19, 20, 29, 30, 31].into_iter();
                let reads = reads.flat_map(|at| [None, Some(24), Some(25), Some(40)].map(|observed| (at, observed)));
                reads.map(|(at, observed)| get(at, observed)).collect::<Vec<_>>()
            };
            let through = all();
            store.resolve(b"k", 1, 0, resolution).unwrap();
            assert_eq!(all(), through);
        });
    }
}

/// The hole that judging only the newest version would leave: it came after the reader began, but below it lies one that
/// another range pushed up, and which was written before.
#[test]
fn uncertainty_is_judged_by_local_clocks_in_history_too() {
    with_engine(5, |store| {
        store.put(b"k", Some("a"), 10, 10).unwrap();
        store.lay(b"k", intent(1, 0, 20, 20, Some("b"))).unwrap();
        store.resolve(b"k", 1, 0, Resolution::Commit(ts(50))).unwrap();
        store.put(b"k", Some("c"), 60, 60).unwrap();
        let read = |observed| ReadAt { ts: ts(15), txn: None, uncertainty: Some(ts(observed)) };
        assert_eq!(store.get(b"k", read(60)), Get::Uncertain { version: ts(60) });
        assert_eq!(store.get(b"k", read(59)), Get::Uncertain { version: ts(50) });
        assert_eq!(store.get(b"k", read(20)), Get::Uncertain { version: ts(50) });
        assert_eq!(store.get(b"k", read(19)), value("a", 10, 10));
        // An observed clock below the read timestamp still judges what was pushed up.
        let above = ReadAt { ts: ts(30), txn: None, uncertainty: Some(ts(20)) };
        assert_eq!(store.get(b"k", above), Get::Uncertain { version: ts(50) });
        assert_eq!(store.get(b"k", ReadAt::exactly(ts(15))), value("a", 10, 10));
    });
}

#[test]
fn pages() {
    with_engine(6, |store| {
        for (key, value) in [(&b"a"[..], Some("1")), (b"b", None), (b"c", Some("3")), (b"d", Some("4")), (b"e", None)] {
            store.put(key, value, 10, 10).unwrap();
        }
        let page = |start: &[u8], end: &[u8], rows_max, reverse| {
            let limits = Limits { rows_max, ..Limits::NONE };
            let page = reader::scan(
                &store.view(),
                &Span::new(start.to_vec(), end.to_vec()),
                &ReadAt::exactly(ts(10)),
                &Arc::default(),
                limits,
                reverse,
            )
            .unwrap();
            assert_eq!(page.stop, None);
            let keys: Vec<u8> = page.rows.iter().map(|(key, _)| key[0]).collect();
            (String::from_utf8(keys).unwrap(), page.resume)
        };
        let at = |key: &'static str| Some(Bytes::from(key));
        assert_eq!(page(b"", b"", usize::MAX, false), ("acd".into(), None));
        assert_eq!(page(b"", b"", usize::MAX, true), ("dca".into(), None));
        assert_eq!(page(b"a\0", b"d", usize::MAX, false), ("c".into(), None));
        // The page ends at the next record, whatever is seen of it.
        assert_eq!(page(b"", b"", 1, false), ("a".into(), at("b")));
        assert_eq!(page(b"", b"", 3, false), ("acd".into(), at("e")));
        assert_eq!(page(b"", b"e", 3, false), ("acd".into(), None));
        assert_eq!(page(b"", b"", 1, true), ("d".into(), at("d")));
        assert_eq!(page(b"", b"d", 1, true), ("c".into(), at("c")));
        assert_eq!(page(b"", b"c", 1, true), ("a".into(), None));
        assert_eq!(page(b"x", b"", 1, true), ("".into(), None));

        store.lay(b"c", intent(7, 0, 20, 20, None)).unwrap();
        for (reverse, rows, resume) in [(false, "a", "c"), (true, "d", "c\0")] {
            let read = ReadAt::exactly(ts(20));
            let page =
                reader::scan(&store.view(), &Span::new("", ""), &read, &Arc::default(), Limits::NONE, reverse).unwrap();
            let intent = IntentRef::from(&intent(7, 0, 20, 20, None));
            assert_eq!(page.stop, Some(Stop::Intent { key: Bytes::from("c"), intent }));
            assert_eq!((page.rows.len(), &page.rows[0].0[..]), (1, rows.as_bytes()));
            assert_eq!(page.resume, at(resume));
        }
    });
}

#[test]
fn changes() {
    with_engine(7, |store| {
        store.put(b"a", Some("1"), 10, 10).unwrap();
        store.put(b"a", Some("2"), 20, 20).unwrap();
        store.put(b"a", Some("3"), 40, 40).unwrap();
        store.lay(b"b", intent(1, 0, 30, 30, None)).unwrap();
        let changed = |start: &'static str, end: &'static str, from, to, txn: Option<u128>| {
            let span = Span::new(start, end);
            reader::changed_since(&store.view(), &span, ts(from), ts(to), txn.map(TxnId), &Ended::default()).unwrap()
        };
        let version = |at| Some(Conflict::Version { key: Bytes::from("a"), ts: ts(at) });
        assert_eq!(changed("a", "b", 10, 19, None), None);
        assert_eq!(changed("a", "b", 10, 20, None), version(20));
        assert_eq!(changed("a", "b", 20, 39, None), None);
        assert_eq!(changed("a", "b", 9, 39, None), version(20));
        assert_eq!(changed("a", "b", 39, 40, None), version(40));
        assert_eq!(changed("a", "b", 40, 99, None), None);
        assert_eq!(changed("", "a", 0, 99, None), None);
        let met = IntentRef::from(&intent(1, 0, 30, 30, None));
        let met = Some(Conflict::Intent { key: Bytes::from("b"), intent: met });
        assert_eq!(changed("b", "", 10, 29, None), None);
        assert_eq!(changed("b", "", 10, 30, None), met);
        assert_eq!(changed("b", "", 30, 40, Some(2)), met);
        assert_eq!(changed("b", "", 10, 30, Some(1)), None);
    });
}

#[test]
fn a_change_by_a_transaction_that_has_ended_is_judged_by_its_end() {
    with_engine(8, |store| {
        store.put(b"a", Some("1"), 10, 10).unwrap();
        store.lay(b"a", intent(1, 0, 20, 20, None)).unwrap();
        let changed = |outcome, from, to| {
            let ended = Ended::default();
            ended.note(TxnId(1), outcome);
            let changed = |span: Span| {
                let view = store.view();
                reader::changed_since(&view, &span, ts(from), ts(to), Some(TxnId(2)), &ended).unwrap()
            };
            let key = Bytes::from("a");
            let by_itself =
                reader::newest_changed_since(&store.engine, &key, ts(from), ts(to), Some(TxnId(2)), &ended).unwrap();
            assert_eq!(changed(Span::new("", "")), by_itself);
            by_itself
        };
        let version = |at| Some(Conflict::Version { key: Bytes::from("a"), ts: ts(at) });
        let committed = Outcome::Committed(ts(25));
        assert_eq!(changed(committed, 12, 24), None);
        assert_eq!(changed(committed, 12, 25), version(25));
        assert_eq!(changed(committed, 24, 40), version(25));
        assert_eq!(changed(committed, 25, 40), None);
        assert_eq!(changed(committed, 9, 24), version(10));
        assert_eq!(changed(Outcome::Aborted, 12, 40), None);
        assert_eq!(changed(Outcome::Aborted, 9, 40), version(10));
    });
}

#[test]
fn damage_is_reported_with_its_key() {
    with_engine(8, |store| {
        store.put(b"k", Some("a"), 10, 10).unwrap();
        store.put(b"k", Some("b"), 20, 20).unwrap();
        let write = |space, key: Vec<u8>, value: &'static [u8]| {
            let mut batch = Batch::new();
            batch.put(space, key, Bytes::from_static(value));
            store.engine.write(batch).unwrap();
        };
        let text = |read: u64| {
            reader::get(&store.view(), b"k", &ReadAt::exactly(ts(read)), &Ended::default()).unwrap_err().to_string()
        };
        write(Space::History, key::history(b"k", ts(10)), b"\x01\x08");
        assert_eq!(text(15), r#"the record of "k" at 0.000000010,0 is damaged: flags that no version in history has"#);
        write(Space::Current, b"k".to_vec(), b"\x07");
        assert_eq!(text(15), r#"the record of "k" has format 7, this release knows up to 1"#);
        write(Space::Current, b"k".to_vec(), b"");
        assert_eq!(text(15), r#"the record of "k" is damaged: cut short"#);
        let mut batch = Batch::new();
        batch.delete(Space::Current, b"k");
        store.engine.write(batch).unwrap();
        write(Space::History, key::history(b"k", ts(10)), b"\x01\x03");
        let span = Span::new("", "");
        let orphan = gc::collect(&store.view(), &span, ts(50), &Cursor::start(&span), 10, &mut Batch::new());
        assert!(matches!(orphan, Err(Error::Damage { .. })));
    });
}

// -------------------------------------------------------------------------------------------------------------- the model

/// Every version ever, and nothing clever.
#[derive(Default)]
struct Model {
    keys: BTreeMap<Vec<u8>, Row>,
    /// What was collected: reads below it are not compared.
    threshold: u64,
}

#[derive(Default, Clone)]
struct Row {
    versions: Vec<Version>,
    intent: Option<Intent>,
}

impl Model {
    fn get(&self, key: &[u8], read: &ReadAt) -> Get {
        let row = self.keys.get(key).cloned().unwrap_or_default();
        let uncertain = |local: Timestamp| read.uncertainty.is_some_and(|observed| local <= observed);
        if let Some(intent) = &row.intent {
            if read.txn == Some(intent.txn) {
                return Get::Value { value: intent.value.clone(), ts: intent.ts, local: intent.local };
            }
            if intent.ts <= read.ts || uncertain(intent.local) {
                return Get::Intent(intent.into());
            }
        }
        let above = row.versions.iter().filter(|version| version.ts > read.ts && uncertain(version.local));
        if let Some(version) = above.map(|version| version.ts).max() {
            return Get::Uncertain { version };
        }
        let seen = row.versions.iter().filter(|version| version.ts <= read.ts).max_by_key(|version| version.ts);
        match seen {
            Some(version) => Get::Value { value: version.value.clone(), ts: version.ts, local: version.local },
            None => nothing(0, 0),
        }
    }

    fn scan(&self, start: &[u8], end: &[u8], read: &ReadAt, reverse: bool) -> (Vec<(Bytes, Bytes)>, Option<Stop>) {
        let inside = |key: &&Vec<u8>| start <= &key[..] && (end.is_empty() || &key[..] < end);
        let mut keys: Vec<_> = self.keys.keys().filter(inside).collect();
        if reverse {
            keys.reverse();
        }
        let mut rows = Vec::new();
        for key in keys {
            let bytes = Bytes::from(key.clone());
            match self.get(key, read) {
                Get::Value { value: Some(value), .. } => rows.push((bytes, value)),
                Get::Value { value: None, .. } => {}
                Get::Intent(intent) => return (rows, Some(Stop::Intent { key: bytes, intent })),
                Get::Uncertain { version } => return (rows, Some(Stop::Uncertain { key: bytes, version })),
            }
        }
        (rows, None)
    }

    fn changed(&self, span: &Span, from: Timestamp, to: Timestamp, txn: Option<TxnId>) -> Option<Conflict> {
        for (key, row) in self.keys.iter().filter(|(key, _)| span.contains(key)) {
            let key = Bytes::from(key.clone());
            if let Some(intent) = row.intent.as_ref().filter(|intent| txn != Some(intent.txn) && intent.ts <= to) {
                return Some(Conflict::Intent { key, intent: intent.into() });
            }
            let within = row.versions.iter().map(|version| version.ts).filter(|at| *at > from && *at <= to);
            if let Some(ts) = within.max() {
                return Some(Conflict::Version { key, ts });
            }
        }
        None
    }

    /// How many rows each space has left once everything that can go is gone.
    fn rows_after_collection(&self) -> (usize, usize) {
        let threshold = ts(self.threshold);
        let (mut current, mut history) = (0, 0);
        for row in self.keys.values().filter(|row| !row.versions.is_empty() || row.intent.is_some()) {
            let mut versions: Vec<&Version> = row.versions.iter().collect();
            versions.sort_by_key(|version| version.ts);
            let newest = versions.pop();
            let gone = newest.is_some_and(|newest| newest.value.is_none() && newest.ts <= threshold);
            current += usize::from(!gone || row.intent.is_some());
            let above = newest.into_iter().chain(versions.iter().copied()).filter(|version| version.ts > threshold);
            history += above.count() - usize::from(newest.is_some_and(|newest| newest.ts > threshold));
            if newest.is_some_and(|newest| newest.ts > threshold) {
                // The one that a read at the threshold sees.
                let pivot = versions.iter().rev().find(|version| version.ts <= threshold);
                history += usize::from(pivot.is_some_and(|pivot| pivot.value.is_some()));
            }
        }
        (current, history)
    }
}

struct Run {
    rng: Rng,
    store: Store,
    model: Model,
    /// Tombstones of the store may be gone, so that what lies below them is not refused by it.
    refused: u64,
    written: u64,
}

const HORIZON: u64 = 60;

impl Run {
    fn key(&mut self) -> Vec<u8> {
        (*self.rng.pick(&[&b""[..], b"\0", b"a", b"a\0", b"a\0\xff", b"b", b"\xff", b"\xff\xff"])).to_vec()
    }

    fn bound(&mut self) -> Vec<u8> {
        if self.rng.chance(0.3) { Vec::new() } else { self.key() }
    }

    fn value(&mut self) -> Option<Bytes> {
        self.rng.chance(0.7).then(|| Bytes::from(format!("value {}", self.rng.below(1000))))
    }

    /// Above what was collected: what the caller of the writer sees to.
    fn above_threshold(&mut self) -> u64 {
        let threshold = self.model.threshold;
        threshold + 1 + self.rng.below(HORIZON)
    }

    fn write(&mut self) {
        let key = self.key();
        let (at, local) = (self.above_threshold(), self.rng.below(2 * HORIZON));
        let value = self.value();
        let row = self.model.keys.entry(key.clone()).or_default();
        let free = row.intent.is_none();
        let above = row.versions.iter().all(|version| version.ts < ts(at));
        if self.rng.chance(0.6) {
            let result = self.store.change(&key, |batch, record| {
                writer::put_committed(batch, record, &key, value.clone(), ts(at), ts(local))
            });
            match result {
                Ok(()) => {
                    assert!(free && above);
                    row.versions.push(Version::new(ts(at), ts(local), value));
                    self.written += 1;
                }
                Err(Error::IntentInTheWay { .. }) => assert!(!free),
                Err(Error::NotAbove { .. }) => assert!(free && !above),
                Err(error) => panic!("{error}"),
            }
        } else {
            let (txn, epoch) = (TxnId(1 + u128::from(self.rng.below(3))), self.rng.below(2) as u32);
            let anchor = Bytes::from(key.clone());
            let intent = Intent { txn, anchor, epoch, ts: ts(at), local: ts(local), value };
            let free = row.intent.as_ref().is_none_or(|there| there.txn == txn && there.epoch <= epoch);
            match self.store.lay(&key, intent.clone()) {
                Ok(()) => {
                    assert!(free && above);
                    row.intent = Some(intent);
                }
                Err(Error::IntentInTheWay { .. }) => assert!(!free),
                Err(Error::NotAbove { .. }) => assert!(free && !above),
                Err(error) => panic!("{error}"),
            }
        }
        self.refused += u64::from(!free || !above);
    }

    fn resolve(&mut self) {
        let key = self.key();
        let row = self.model.keys.entry(key.clone()).or_default();
        let Some(intent) = row.intent.clone() else { return };
        let epoch = if self.rng.chance(0.9) { intent.epoch } else { intent.epoch + 1 };
        let commit = self.rng.chance(0.7).then(|| ts(intent.ts.wall + self.rng.below(10)));
        let resolution = commit.map_or(Resolution::Abort, Resolution::Commit);
        let done = self.store.resolve(&key, intent.txn.0, epoch, resolution).unwrap();
        assert_eq!(done, epoch == intent.epoch);
        if done {
            row.intent = None;
            row.versions.extend(commit.map(|at| Version::new(at, intent.local, intent.value)));
        }
    }

    fn read_at(&mut self) -> ReadAt {
        let above = self.rng.below(HORIZON + 20);
        let txn = self.rng.chance(0.5).then(|| TxnId(1 + u128::from(self.rng.below(3))));
        let uncertainty = self.rng.chance(0.6).then(|| ts(self.rng.below(self.model.threshold + 2 * HORIZON)));
        ReadAt { ts: ts(self.model.threshold + above), txn, uncertainty }
    }

    fn compare(&mut self) {
        let (key, read) = (self.key(), self.read_at());
        // A tombstone that can be collected may still be there or not.
        let threshold = ts(self.model.threshold);
        let same = |got: Get| match got {
            Get::Value { value: None, ts: at, .. } if at <= threshold => nothing(0, 0),
            got => got,
        };
        let (got, expected) = (self.store.get(&key, read), self.model.get(&key, &read));
        assert_eq!(same(got), same(expected), "{key:?} {read:?}");

        let (start, end, reverse) = (self.bound(), self.bound(), self.rng.chance(0.5));
        let limits = Limits {
            rows_max: if self.rng.chance(0.5) { usize::MAX } else { 1 + self.rng.below(3) as usize },
            bytes_max: if self.rng.chance(0.5) { usize::MAX } else { 1 + self.rng.below(30) as usize },
        };
        self.compare_scan(&start, &end, &read, limits, reverse);

        let from = self.model.threshold + self.rng.below(HORIZON);
        let (from, to) = (ts(from), ts(from + self.rng.below(20)));
        let span = if self.rng.chance(0.5) { Span::point(&key) } else { Span::new(start, end) };
        let changed = reader::changed_since(&self.store.view(), &span, from, to, read.txn, &Ended::default()).unwrap();
        assert_eq!(changed, self.model.changed(&span, from, to, read.txn), "{span} {from} {to}");
    }

    /// Page by page, and what the pages say of the span between them.
    fn compare_scan(&self, start: &[u8], end: &[u8], read: &ReadAt, limits: Limits, reverse: bool) {
        let (expected, expected_stop) = self.model.scan(start, end, read, reverse);
        let (mut start, mut end) = (Bytes::copy_from_slice(start), Bytes::copy_from_slice(end));
        let mut rows = Vec::new();
        loop {
            let page = reader::scan(
                &self.store.view(),
                &Span::new(start.clone(), end.clone()),
                read,
                &Arc::default(),
                limits,
                reverse,
            )
            .unwrap();
            assert!(page.rows.len() <= limits.rows_max);
            let bytes: usize = page.rows.iter().rev().skip(1).map(|(key, value)| key.len() + value.len()).sum();
            assert!(bytes < limits.bytes_max);
            rows.extend(page.rows);
            if page.stop.is_some() {
                assert_eq!(page.stop, expected_stop);
                break;
            }
            match page.resume {
                None => {
                    assert_eq!(expected_stop, None);
                    break;
                }
                // An empty end would mean everything again: the key that is empty was the last one.
                Some(resume) if reverse && resume.is_empty() => break,
                Some(resume) if reverse => end = resume,
                Some(resume) => start = resume,
            }
        }
        assert_eq!(rows, expected, "{read:?} {limits:?} {reverse}");
    }

    /// Collects in small steps, with reads between them and, unless `alone`, writes.
    fn collect(&mut self, alone: bool) {
        self.model.threshold += self.rng.below(15);
        let span = Span::new("", "");
        let mut cursor = Some(Cursor::start(&span));
        while let Some(from) = cursor {
            let mut batch = Batch::new();
            let rows_max = self.rng.below(6) as usize;
            let threshold = ts(self.model.threshold);
            let progress = gc::collect(&self.store.view(), &span, threshold, &from, rows_max, &mut batch).unwrap();
            assert_eq!(progress.versions + progress.tombstones, batch.len() as u64);
            assert!(progress.cursor != Some(from) || !batch.is_empty(), "no progress");
            self.store.engine.write(batch).unwrap();
            cursor = progress.cursor;
            for _ in 0..3 {
                self.compare();
            }
            if !alone && self.rng.chance(0.5) {
                self.write();
                self.resolve();
            }
        }
        if alone {
            let left = (self.store.rows(Space::Current).len(), self.store.rows(Space::History).len());
            assert_eq!(left, self.model.rows_after_collection());
        }
    }
}

#[test]
fn reads_writes_and_collection_follow_the_model() {
    for seed in 0..12 {
        with_engine(seed, |store| {
            let mut run = Run { rng: Rng::new(seed), store, model: Model::default(), refused: 0, written: 0 };
            for _ in 0..600 {
                match run.rng.below(20) {
                    0..8 => run.write(),
                    8..11 => run.resolve(),
                    11..19 => run.compare(),
                    _ => {
                        let alone = run.rng.chance(0.5);
                        run.collect(alone);
                    }
                }
            }
            assert!(run.written > 30 && run.refused > 30 && run.model.threshold > 50);
        });
    }
}

/// A key with more old versions than a step may remove is not brought back by its oldest ones.
#[test]
fn a_long_history_under_a_tombstone_goes_step_by_step() {
    with_engine(9, |store| {
        for at in 1..200 {
            store.put(b"k", Some("old"), at, at).unwrap();
        }
        store.put(b"k", None, 200, 200).unwrap();
        store.put(b"l", Some("kept"), 100, 100).unwrap();
        let span = Span::new("", "");
        // Straight to Current, as if all of the history had come there after the first walk.
        for start in [Cursor::Current(Bytes::new()), Cursor::start(&span)] {
            let mut cursor = Some(start);
            while let Some(from) = cursor {
                let mut batch = Batch::new();
                let progress = gc::collect(&store.view(), &span, ts(200), &from, 7, &mut batch).unwrap();
                assert!(batch.len() <= 8);
                store.engine.write(batch).unwrap();
                let got = store.get(b"k", ReadAt::exactly(ts(300)));
                assert!(got == nothing(0, 0) || got == nothing(200, 200), "{got:?}");
                assert!(got == nothing(200, 200) || store.rows(Space::History).is_empty());
                cursor = progress.cursor;
            }
            assert_eq!(store.get(b"k", ReadAt::exactly(ts(300))), nothing(0, 0));
        }
        assert_eq!(store.rows(Space::History), []);
        assert_eq!(store.rows(Space::Current).len(), 1);
    });
}

#[test]
fn records_of_ascending_keys_are_those_that_each_would_find() {
    with_engine(4, |store| {
        let mut rng = Rng::new(4);
        let name = |number: u64| format!("{number:05}").into_bytes();
        // Some stretches are full, some empty, some have far more keys than are asked for.
        for number in (0..4_000).filter(|number| number % 7 != 0 && !(1_000..1_500).contains(number)) {
            store.put(&name(number), Some("x"), 10, 10).unwrap();
        }
        for _ in 0..50 {
            let every = 1 + rng.below(300);
            let from = rng.below(3_000);
            let wanted: Vec<u64> = (from..from + 1_200).filter(|_| rng.below(every) == 0).collect();
            let [first, .., last] = &wanted[..] else { continue };
            let view = store.view();
            let mut ascending = reader::Ascending::new(&view, &name(*first), &name(*last));
            for number in &wanted {
                let key = name(*number);
                assert_eq!(ascending.record(&key).unwrap(), reader::record(&view, &key).unwrap(), "{number}");
            }
        }
    });
}
