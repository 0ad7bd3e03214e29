//! Single keys: reads, writes and exchanges, each a transaction of its own. Values are unique.
//!
//! A register is left for another one after some operations, so that its history can be searched.

use std::collections::BTreeMap;

use atoll_env::sim::SimRng;
use atoll_txn::lock::Strength;
use atoll_txn::request::{Row, WaitPolicy};
use atoll_txn::{Error, Isolation};
use bytes::Bytes;

use super::{Client, Work, decode, encode, number_of, scattered};
use crate::check::linear::{self, Kind, Op};
use crate::check::{Fate, REPORTED_MAX};

/// Registers in use at a time.
const ACTIVE: u64 = 3;
const OPS_MAX: usize = 48;

#[derive(Default)]
pub struct State {
    registers: BTreeMap<u64, Vec<Op>>,
    /// The first of those in use.
    oldest: u64,
    values: u64,
}

impl State {
    /// Notes a start, with what will have been seen if it takes effect. The place is for the end.
    fn start(&mut self, register: u64, started: u64, kind: Kind, seen: Option<u64>) -> usize {
        let ops = self.registers.entry(register).or_default();
        ops.push(Op { started, ended: None, kind, seen });
        let at = ops.len() - 1;
        while self.registers.get(&self.oldest).is_some_and(|ops| ops.len() >= OPS_MAX) {
            self.oldest += 1;
        }
        at
    }

    fn end(&mut self, register: u64, at: usize, ended: u64, fate: Fate) {
        let op = &mut self.registers.get_mut(&register).expect("it was started")[at];
        match fate {
            Fate::Committed => op.ended = Some(ended),
            // Something that had no effect, and of which nobody was told anything.
            Fate::Failed => (op.kind, op.seen) = (Kind::Read, None),
            Fate::Unknown => {}
        }
    }
}

/// That of some register, in use or not.
pub fn any_key(rng: &mut SimRng) -> Bytes {
    scattered("r", rng.below(64))
}

/// One read and nothing else.
pub async fn look(client: &mut Client) -> Result<(), Error> {
    let register = client.shared.register.lock().oldest + client.rng.below(ACTIVE);
    let isolation = client.any_isolation();
    let started = client.shared.tick();
    read(client, register, isolation, started).await
}

async fn read(client: &Client, register: u64, isolation: Isolation, started: u64) -> Result<(), Error> {
    let mut txn = client.begin(isolation);
    let seen = decode(txn.get(&scattered("r", register)).await?.as_ref());
    txn.commit().await?;
    let mut state = client.shared.register.lock();
    let at = state.start(register, started, Kind::Read, Some(seen));
    state.end(register, at, client.shared.tick(), Fate::Committed);
    Ok(())
}

pub async fn step(client: &mut Client) -> Result<(), Error> {
    let (register, value) = {
        let mut state = client.shared.register.lock();
        state.values += 1;
        (state.oldest + client.rng.below(ACTIVE), state.values)
    };
    let key = scattered("r", register);
    let shared = client.shared.clone();
    let started = shared.tick();
    let isolation = client.any_isolation();
    let (txn, kind, seen) = match client.rng.below(5) {
        0 | 1 => return read(client, register, isolation, started).await,
        2 => {
            let mut txn = client.begin(Isolation::Serializable);
            client.dawdle().await;
            txn.put(key, encode(value))?;
            (txn, Kind::Write(value), None)
        }
        3 => {
            let mut txn = client.begin(isolation);
            let rows = txn.lock(std::slice::from_ref(&key), Strength::Update, WaitPolicy::Wait).await?;
            client.dawdle().await;
            txn.put(key, encode(value))?;
            (txn, Kind::Swap(value), Some(decode(rows[0].value.as_ref())))
        }
        _ => {
            let mut txn = client.begin(Isolation::Serializable);
            let seen = decode(txn.get(&key).await?.as_ref());
            client.dawdle().await;
            txn.put(key, encode(value))?;
            (txn, Kind::Exchange { expected: seen, new: value }, Some(seen))
        }
    };
    let at = shared.register.lock().start(register, started, kind, seen);
    let fate = client.commit(Work::Register, txn).await;
    shared.register.lock().end(register, at, shared.tick(), fate);
    Ok(())
}

pub fn ended(state: &mut State, rows: &[Row], started: u64, ended: u64) {
    let mut last: BTreeMap<u64, u64> = state.registers.keys().map(|register| (*register, linear::NOTHING)).collect();
    last.extend(rows.iter().map(|row| (number_of(&row.key), decode(Some(&row.value)))));
    for (register, value) in last {
        let read = Op { started, ended: Some(ended), kind: Kind::Read, seen: Some(value) };
        state.registers.entry(register).or_default().push(read);
    }
}

pub fn check(state: &State) -> Vec<String> {
    let broken = state.registers.iter().filter_map(|(register, ops)| Some((register, ops, linear::check(ops).err()?)));
    let tell = broken.map(|(register, ops, op)| {
        let ops: Vec<String> = ops
            .iter()
            .filter(|near| near.ended.is_none_or(|ended| ended + 60 > op.started) && near.started < op.started + 60)
            .map(|op| format!("\n    {op:?}"))
            .collect();
        format!("register {register}: not linearizable up to {op:?}; near it:{}", ops.concat())
    });
    tell.take(REPORTED_MAX).collect()
}
