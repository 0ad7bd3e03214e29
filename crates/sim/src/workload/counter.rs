//! Increments of a few counters under row locks: waiting, deadlocks, NOWAIT, SKIP LOCKED, shared locks.

use atoll_txn::lock::Strength;
use atoll_txn::request::{LockedRow, Row, WaitPolicy};
use atoll_txn::{Error, Isolation};
use bytes::Bytes;

use super::{Client, Txn, Work, decode, encode, number_of, scattered};
use crate::check::Fate;
use crate::check::counter::History;

const COUNTERS: u64 = 3;

#[derive(Default)]
pub struct State {
    pub history: History,
}

pub async fn step(client: &mut Client) -> Result<(), Error> {
    match client.rng.below(10) {
        0..4 => increment(client, 1, WaitPolicy::Wait).await,
        // In the order of the draw, so that two of them can wait for each other.
        4..6 => increment(client, 2, WaitPolicy::Wait).await,
        6 => increment(client, 1, WaitPolicy::NoWait).await,
        7 => increment(client, 3, WaitPolicy::SkipLocked).await,
        8 => hold(client).await,
        _ => increment_unlocked(client).await,
    }
}

fn draw(client: &mut Client, count: usize) -> Vec<Bytes> {
    let mut counters: Vec<u64> = (0..COUNTERS).collect();
    client.rng.shuffle(&mut counters);
    counters.truncate(count);
    counters.into_iter().map(|counter| scattered("c", counter)).collect()
}

async fn increment(client: &mut Client, count: usize, wait: WaitPolicy) -> Result<(), Error> {
    let keys = draw(client, count);
    let isolation = if client.rng.chance(0.8) { Isolation::ReadCommitted } else { client.any_isolation() };
    let mut txn = client.begin(isolation);
    let strength = *client.rng.pick(&[Strength::Update, Strength::NoKeyUpdate]);
    let rows = if client.rng.chance(0.5) {
        txn.lock(&keys, strength, wait).await?
    } else {
        let mut rows = Vec::new();
        for key in &keys {
            rows.extend(txn.lock(std::slice::from_ref(key), strength, wait).await?);
            client.dawdle().await;
        }
        rows
    };
    // Like SKIP LOCKED in a queue of work: the first that is free.
    let rows: Vec<LockedRow> = match wait {
        WaitPolicy::SkipLocked => rows.into_iter().filter(|row| !row.skipped).take(1).collect(),
        _ => rows,
    };
    let mut written = Vec::new();
    for row in rows {
        let value = decode(row.value.as_ref()) + 1;
        txn.put(row.key.clone(), encode(value))?;
        written.push((row.key, value));
    }
    client.dawdle().await;
    commit(client, txn, written).await;
    Ok(())
}

/// Without a lock, at a level that refuses what a lock would have kept away.
async fn increment_unlocked(client: &mut Client) -> Result<(), Error> {
    let isolation = *client.rng.pick(&[Isolation::Serializable, Isolation::RepeatableRead]);
    let key = draw(client, 1).remove(0);
    let mut txn = client.begin(isolation);
    let value = decode(txn.get(&key).await?.as_ref()) + 1;
    client.dawdle().await;
    txn.put(key.clone(), encode(value))?;
    commit(client, txn, vec![(key, value)]).await;
    Ok(())
}

async fn commit(client: &mut Client, txn: Txn, written: Vec<(Bytes, u64)>) {
    let who = client.who();
    let shared = client.shared.clone();
    let mut pending = Pending { shared: &shared, who, written, fate: Fate::Unknown };
    pending.fate = client.commit(Work::Counter, txn).await;
}

/// Notes the outcome in the end, also when the client dies or gives up while it waits for it.
struct Pending<'a> {
    shared: &'a super::Shared,
    who: String,
    written: Vec<(Bytes, u64)>,
    fate: Fate,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.counter.lock();
        for (key, value) in &self.written {
            state.history.incremented(number_of(key), *value, self.fate, &self.who);
        }
    }
}

/// Shares a counter for a while: nobody may change it until the commit, which writes nothing.
async fn hold(client: &mut Client) -> Result<(), Error> {
    let keys = draw(client, 2);
    let mut txn = client.begin(Isolation::ReadCommitted);
    let first = txn.lock(&keys, Strength::Share, WaitPolicy::Wait).await?;
    client.dawdle().await;
    let mut second = Vec::new();
    for key in &keys {
        txn.begin_statement();
        second.push(decode(txn.get(key).await?.as_ref()));
    }
    txn.commit().await?;
    let who = client.who();
    let mut state = client.shared.counter.lock();
    for (row, second) in first.iter().zip(second) {
        state.history.held(number_of(&row.key), decode(row.value.as_ref()), second, &who);
    }
    Ok(())
}

pub fn ended(state: &mut State, rows: &[Row]) {
    for counter in 0..COUNTERS {
        let key = scattered("c", counter);
        let row = rows.iter().find(|row| row.key == key);
        state.history.ended(counter, decode(row.map(|row| &row.value)));
    }
}
