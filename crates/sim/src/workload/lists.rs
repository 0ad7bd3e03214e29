//! Lists that only grow: every transaction reads and appends to a few. Elements are unique.
//!
//! A list is left for a new one when it has become long.

use std::collections::BTreeMap;

use atoll_txn::lock::Strength;
use atoll_txn::request::{Row, WaitPolicy};
use atoll_txn::{Error, Isolation};
use bytes::{BufMut, Bytes, BytesMut};

use super::{Client, Txn, Work, all_of, number_of, scattered};
use crate::check::Fate;
use crate::check::cycles::{self, Access, Level};

/// Lists in use at a time, of each level.
const ACTIVE: usize = 3;
const APPENDS_MAX: u64 = 40;

#[derive(Default)]
pub struct State {
    serializable: Lists,
    snapshot: Lists,
    elements: u64,
}

#[derive(Default)]
struct Lists {
    txns: Vec<cycles::Txn>,
    active: Vec<(u64, u64)>,
    made: u64,
    last: BTreeMap<u64, Vec<u64>>,
}

impl Lists {
    fn active(&mut self) -> Vec<u64> {
        self.active.retain(|(_, appends)| *appends < APPENDS_MAX);
        while self.active.len() < ACTIVE {
            self.made += 1;
            self.active.push((self.made, 0));
        }
        self.active.iter().map(|(list, _)| *list).collect()
    }

    fn append(&mut self, list: u64) {
        if let Some((_, appends)) = self.active.iter_mut().find(|(active, _)| *active == list) {
            *appends += 1;
        }
    }
}

impl State {
    fn of(&mut self, level: Level) -> &mut Lists {
        match level {
            Level::Serializable => &mut self.serializable,
            Level::Snapshot => &mut self.snapshot,
        }
    }

    pub fn active(&mut self, level: Level) -> Vec<u64> {
        self.of(level).active()
    }

    /// An element to be appended.
    pub fn element(&mut self, level: Level, list: u64) -> u64 {
        self.elements += 1;
        self.of(level).append(list);
        self.elements
    }

    /// Notes a transaction; by the number that it gets [`State::end`] knows it.
    pub fn add(&mut self, level: Level, record: cycles::Txn) -> usize {
        let txns = &mut self.of(level).txns;
        txns.push(record);
        txns.len() - 1
    }

    pub fn end(&mut self, level: Level, at: usize, fate: Fate, ended: u64) {
        let record = &mut self.of(level).txns[at];
        (record.fate, record.ended) = (fate, ended);
    }

    /// What the lists held in the end.
    pub fn ended(&mut self, level: Level, last: BTreeMap<u64, Vec<u64>>) {
        self.of(level).last = last;
    }
}

fn prefix(level: Level) -> &'static str {
    match level {
        Level::Serializable => "l",
        Level::Snapshot => "m",
    }
}

fn decode(value: Option<&Bytes>) -> Vec<u64> {
    let elements = value.map(|value| value.chunks_exact(8)).into_iter().flatten();
    elements.map(|element| u64::from_be_bytes(element.try_into().expect("eight bytes"))).collect()
}

fn encode(list: &[u64]) -> Bytes {
    let mut value = BytesMut::with_capacity(list.len() * 8);
    list.iter().for_each(|element| value.put_u64(*element));
    value.freeze()
}

pub async fn step(client: &mut Client) -> Result<(), Error> {
    let (level, isolation) = match client.rng.chance(0.6) {
        true => (Level::Serializable, Isolation::Serializable),
        false => (Level::Snapshot, Isolation::RepeatableRead),
    };
    let shared = client.shared.clone();
    let started = shared.tick();
    let mut txn = client.begin(isolation);
    let mut record = cycles::Txn { started, ended: 0, fate: Fate::Failed, accesses: Vec::new(), who: client.who() };
    let done = accesses(client, &mut txn, level, &mut record.accesses).await;
    if done.is_err() {
        shared.lists.lock().add(level, record);
        return done;
    }
    record.fate = Fate::Unknown;
    let at = shared.lists.lock().add(level, record);
    let fate = client.commit(Work::Lists, txn).await;
    let ended = shared.tick();
    shared.lists.lock().end(level, at, fate, ended);
    Ok(())
}

async fn accesses(client: &mut Client, txn: &mut Txn, level: Level, accesses: &mut Vec<Access>) -> Result<(), Error> {
    let shared = client.shared.clone();
    let active = shared.lists.lock().active(level);
    for _ in 0..1 + client.rng.below(5) {
        client.dawdle().await;
        let list = *client.rng.pick(&active);
        let key = scattered(prefix(level), list);
        if client.rng.chance(0.08) {
            let rows = txn.scan_all(&all_of(prefix(level))).await?;
            for list in &active {
                let row = rows.iter().find(|row| number_of(&row.key) == *list);
                accesses.push(Access::Read { key: *list, list: decode(row.map(|row| &row.value)) });
            }
            continue;
        }
        let appends = client.rng.chance(0.5);
        if appends && client.rng.chance(0.15) {
            // The row under the lock must be the one that the snapshot shows.
            txn.lock(std::slice::from_ref(&key), Strength::NoKeyUpdate, WaitPolicy::Wait).await?;
        }
        let mut elements = decode(txn.get(&key).await?.as_ref());
        accesses.push(Access::Read { key: list, list: elements.clone() });
        if appends {
            let element = shared.lists.lock().element(level, list);
            elements.push(element);
            txn.put(key, encode(&elements))?;
            accesses.push(Access::Append { key: list, element });
        }
    }
    Ok(())
}

pub fn ended(state: &mut State, serializable: &[Row], snapshot: &[Row]) {
    let lists = |rows: &[Row]| rows.iter().map(|row| (number_of(&row.key), decode(Some(&row.value)))).collect();
    state.ended(Level::Serializable, lists(serializable));
    state.ended(Level::Snapshot, lists(snapshot));
}

pub fn check(state: &State) -> Vec<String> {
    let mut found = cycles::check(Level::Serializable, &state.serializable.txns, &state.serializable.last);
    found.extend(cycles::check(Level::Snapshot, &state.snapshot.txns, &state.snapshot.last));
    found
}
