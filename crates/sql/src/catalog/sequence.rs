//! The values of sequences.
//!
//! ```text
//!   0c ‖ storage (4)   ─▶   the value up to which numbers were handed out or taken (8) ‖ whether it was (1)
//! ```
//! A sequence whose key is not there is fresh: its descriptor says what it begins with. So CREATE SEQUENCE writes no
//! value, and one that is rolled back leaves at most a key that nobody reads.
//!
//! Numbers are taken outside of the transaction that wants them, as in PostgreSQL. A node takes a block of them in a
//! small transaction of its own and hands them out in order; what is left of a block when the node stops is skipped.
//!
//! INVARIANT: a number is handed out only after the end of its block is durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_datum::{Error, Oid, SqlState, sqlstate};
use bytes::Bytes;
use parking_lot::Mutex;

use super::Sequence;
use super::store::{begin, finish};
use crate::exec::Result;
use crate::kv::{GatewayRef, Txn};

const VALUES: u8 = 0x0c;

/// A block is so many times the sequence's CACHE.
const BLOCK: i64 = 32;

const LIMIT_EXCEEDED: SqlState = SqlState(*b"2200H");

/// What PostgreSQL's `last_value` and `is_called` say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    pub last: i64,
    pub called: bool,
}

/// Numbers of one sequence that this node has taken: `left` of them, after `last`.
#[derive(Clone, Debug)]
struct Block {
    last: State,
    /// The next to hand out, as far as there are any `left`.
    next: i64,
    left: i64,
    /// The options that it was taken with.
    of: Sequence,
}

/// The sequences of a node.
pub struct Sequences {
    gateway: GatewayRef,
    blocks: Mutex<BTreeMap<u32, Arc<tokio::sync::Mutex<Option<Block>>>>>,
}

fn key(storage: u32) -> Bytes {
    let [a, b, c, d] = storage.to_be_bytes();
    Bytes::copy_from_slice(&[VALUES, a, b, c, d])
}

impl State {
    fn fresh(sequence: &Sequence) -> State {
        match sequence.initial {
            Some(last) => State { last, called: sequence.initial_called },
            None => State { last: sequence.start, called: false },
        }
    }

    fn encode(self) -> Bytes {
        let mut bytes = self.last.to_be_bytes().to_vec();
        bytes.push(u8::from(self.called));
        bytes.into()
    }

    fn decode(bytes: &[u8]) -> Option<State> {
        let [last @ .., called] = bytes else { return None };
        Some(State { last: i64::from_be_bytes(last.try_into().ok()?), called: *called != 0 })
    }
}

async fn read(txn: &mut dyn Txn, sequence: &Sequence) -> Result<State> {
    match txn.get(&key(sequence.storage)).await? {
        None => Ok(State::fresh(sequence)),
        Some(bytes) => State::decode(&bytes)
            .ok_or_else(|| Error::new(sqlstate::DATA_CORRUPTED, "the value of a sequence is damaged").into()),
    }
}

/// The next numbers after `state`: the first and how many, at most `wanted`. None if there are no more.
fn following(sequence: &Sequence, state: State, wanted: i64) -> Option<(i64, i64)> {
    let (min, max, step) = (sequence.min, sequence.max, sequence.increment);
    let ascending = step > 0;
    let first = if !state.called {
        state.last
    } else {
        match state.last.checked_add(step).filter(|next| if ascending { *next <= max } else { *next >= min }) {
            Some(next) => next,
            None if sequence.cycle => {
                if ascending {
                    min
                } else {
                    max
                }
            }
            None => return None,
        }
    };
    // As 128 bits: the way from one end of bigint to the other is longer than a bigint.
    let room = if ascending { i128::from(max) - i128::from(first) } else { i128::from(first) - i128::from(min) };
    let fitting = (room / i128::from(step).abs()).max(0) + 1;
    Some((first, fitting.min(i128::from(wanted)) as i64))
}

impl Sequences {
    pub fn new(gateway: GatewayRef) -> Sequences {
        Sequences { gateway, blocks: Mutex::default() }
    }

    fn block(&self, storage: u32) -> Arc<tokio::sync::Mutex<Option<Block>>> {
        self.blocks.lock().entry(storage).or_default().clone()
    }

    /// `name` is for messages.
    pub async fn next(&self, name: &str, sequence: &Sequence) -> Result<i64> {
        let block = self.block(sequence.storage);
        let mut block = block.lock().await;
        if let Some(block) = block.as_mut().filter(|block| block.left > 0 && block.of == *sequence) {
            return Ok(block.take());
        }
        let mut taken = self.take_block(name, sequence, block.as_ref()).await?;
        let value = taken.take();
        *block = Some(taken);
        Ok(value)
    }

    async fn take_block(&self, name: &str, sequence: &Sequence, old: Option<&Block>) -> Result<Block> {
        let wanted = sequence.cache.saturating_mul(BLOCK);
        // With other options now, what is left of the old block is not to be skipped.
        let unused = old.filter(|block| block.left > 0).map(|block| (block.end(), block.last));
        loop {
            let mut txn = begin(&*self.gateway);
            let taken = take(&mut *txn, name, sequence, unused, wanted).await;
            if let Some(block) = finish(txn, taken).await? {
                return Ok(block);
            }
        }
    }

    pub async fn set(&self, sequence: &Sequence, state: State) -> Result<()> {
        let block = self.block(sequence.storage);
        let mut block = block.lock().await;
        loop {
            let mut txn = begin(&*self.gateway);
            let written = txn.put(key(sequence.storage), state.encode()).map_err(Into::into);
            if finish(txn, written).await?.is_some() {
                *block = None;
                return Ok(());
            }
        }
    }

    /// As SELECT from the sequence shows it.
    pub async fn state(&self, sequence: &Sequence) -> Result<State> {
        let block = self.block(sequence.storage);
        let block = block.lock().await;
        if let Some(block) = block.as_ref() {
            return Ok(block.last);
        }
        loop {
            let mut txn = begin(&*self.gateway);
            let state = read(&mut *txn, sequence).await;
            if let Some(state) = finish(txn, state).await? {
                return Ok(state);
            }
        }
    }

    /// Forgets a storage that is no longer used.
    pub fn forget(&self, storage: u32) {
        self.blocks.lock().remove(&storage);
    }
}

/// A block in the transaction `txn`. `unused`: the stored end of the last block, and how far it was handed out.
async fn take(
    txn: &mut dyn Txn,
    name: &str,
    sequence: &Sequence,
    unused: Option<(State, State)>,
    wanted: i64,
) -> Result<Block> {
    let stored = read(txn, sequence).await?;
    let from = match unused {
        Some((end, last)) if stored == end => last,
        _ => stored,
    };
    let (next, left) = following(sequence, from, wanted).ok_or_else(|| exhausted(name, sequence))?;
    let block = Block { last: from, next, left, of: sequence.clone() };
    txn.put(key(sequence.storage), block.end().encode())?;
    Ok(block)
}

impl Block {
    fn take(&mut self) -> i64 {
        let value = self.next;
        self.last = State { last: value, called: true };
        self.left -= 1;
        if self.left > 0 {
            self.next += self.of.increment;
        }
        value
    }

    /// What is stored while the block is handed out.
    fn end(&self) -> State {
        match self.left {
            0 => self.last,
            // The steps together may be longer than a bigint, and end within it nevertheless.
            left => {
                let steps = i128::from(left - 1) * i128::from(self.of.increment);
                State { last: (i128::from(self.next) + steps) as i64, called: true }
            }
        }
    }
}

fn exhausted(name: &str, sequence: &Sequence) -> Error {
    let (which, limit) = if sequence.increment > 0 { ("maximum", sequence.max) } else { ("minimum", sequence.min) };
    Error::new(LIMIT_EXCEEDED, format!("nextval: reached {which} value of sequence \"{name}\" ({limit})"))
}

/// Removes the value of a sequence that was dropped, when the transaction commits.
pub fn erase(txn: &mut dyn Txn, storage: u32) -> Result<()> {
    Ok(txn.delete(key(storage))?)
}

/// What a session has had from sequences: for currval and lastval.
#[derive(Debug, Default)]
pub struct SessionValues {
    values: BTreeMap<Oid, i64>,
    last: Option<Oid>,
}

impl SessionValues {
    pub fn set(&mut self, sequence: Oid, value: i64) {
        self.values.insert(sequence, value);
    }

    pub fn had_next(&mut self, sequence: Oid, value: i64) {
        self.values.insert(sequence, value);
        self.last = Some(sequence);
    }

    pub fn current(&self, sequence: Oid) -> Option<i64> {
        self.values.get(&sequence).copied()
    }

    /// The sequence that nextval was last called for, and what it gave or was set to.
    pub fn last(&self) -> Option<(Oid, i64)> {
        let of = self.last?;
        Some((of, *self.values.get(&of)?))
    }

    /// DISCARD SEQUENCES.
    pub fn clear(&mut self) {
        *self = SessionValues::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(min: i64, max: i64, increment: i64, cycle: bool) -> Sequence {
        let start = if increment > 0 { min } else { max };
        Sequence { min, max, increment, start, cycle, cache: 1, ..Sequence::default() }
    }

    #[test]
    fn numbers_stay_within_their_limits() {
        let fresh = |last| State { last, called: false };
        let called = |last| State { last, called: true };
        let up = sequence(1, 10, 3, false);
        assert_eq!(following(&up, fresh(1), 32), Some((1, 4)));
        assert_eq!(following(&up, called(1), 2), Some((4, 2)));
        assert_eq!(following(&up, called(10), 32), None);
        assert_eq!(following(&up, called(9), 32), None);
        assert_eq!(following(&sequence(1, 10, 3, true), called(9), 32), Some((1, 4)));
        let down = sequence(-5, -1, -2, true);
        assert_eq!(following(&down, fresh(-1), 32), Some((-1, 3)));
        assert_eq!(following(&down, called(-5), 32), Some((-1, 3)));
        let all = sequence(i64::MIN, i64::MAX, i64::MAX, false);
        assert_eq!(following(&all, fresh(i64::MIN), 32), Some((i64::MIN, 3)));
        assert_eq!(following(&all, called(i64::MAX), 32), None);
        let back = sequence(i64::MIN, i64::MAX, i64::MIN, false);
        assert_eq!(following(&back, fresh(i64::MAX), 32), Some((i64::MAX, 2)));
        assert_eq!(following(&back, called(-1), 32), None);
    }

    #[test]
    fn a_block_ends_where_it_was_said_to() {
        let of = sequence(1, 100, 7, false);
        let (next, left) = following(&of, State::fresh(&of), 5).unwrap();
        let mut block = Block { last: State::fresh(&of), next, left, of };
        assert_eq!(block.end(), State { last: 29, called: true });
        assert_eq!((0..5).map(|_| block.take()).collect::<Vec<_>>(), [1, 8, 15, 22, 29]);
        assert_eq!(block.end(), block.last);
        let of = sequence(i64::MIN, i64::MAX, i64::MAX, false);
        let (next, left) = following(&of, State::fresh(&of), 5).unwrap();
        let mut block = Block { last: State::fresh(&of), next, left, of };
        assert_eq!(block.end(), State { last: i64::MAX - 1, called: true });
        assert_eq!((0..3).map(|_| block.take()).collect::<Vec<_>>(), [i64::MIN, -1, i64::MAX - 1]);
    }
}
