//! The state machine: registers, and beside them the log of all commands under their indexes.
//!
//! ```text
//!   Current  group (8)  register (8)          the register's value
//!   History  group (8)  index and place (8)   the command
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_consensus::{Entry, GroupId, NodeId, StateMachine};
use atoll_storage::engine::{Batch, Engine, Space};
use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;

use crate::check::{agreement, linear};

pub type Values = Arc<Mutex<BTreeMap<u64, u64>>>;

pub struct Registers {
    pub node: NodeId,
    pub group: GroupId,
    pub engine: Engine,
    pub agreement: Arc<Mutex<agreement::History>>,
    pub values: Values,
}

/// Sets a register; the value is unique in the run.
pub fn command(register: u64, value: u64, padding: usize) -> Bytes {
    let mut command = BytesMut::with_capacity(16 + padding);
    command.put_u64(register);
    command.put_u64(value);
    command.put_bytes(b'.', padding);
    command.freeze()
}

pub fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes[..8].try_into().expect("eight bytes"))
}

/// Where a command stands among all of its group: commands that were proposed together share an index.
pub fn position(index: u64, place: u32) -> u64 {
    index << 16 | u64::from(place)
}

pub fn key(group: GroupId, number: u64) -> Bytes {
    [group.0.to_be_bytes(), number.to_be_bytes()].concat().into()
}

pub fn span(group: GroupId) -> (Bytes, Bytes) {
    (Bytes::copy_from_slice(&group.0.to_be_bytes()), Bytes::copy_from_slice(&(group.0 + 1).to_be_bytes()))
}

impl Registers {
    pub fn load(&mut self) {
        let (start, end) = span(self.group);
        let rows = self.engine.view().scan(Space::Current, &start, &end);
        let values =
            rows.map(|row| row.expect("the state can be read")).map(|(key, value)| (number(&key[8..]), number(&value)));
        *self.values.lock() = values.collect();
    }
}

impl StateMachine for Registers {
    /// What the register held before.
    type Reply = u64;

    fn apply(&mut self, entry: Entry<'_>, batch: &mut Batch) -> u64 {
        let at = position(entry.index, entry.place);
        self.agreement.lock().applied(self.node, self.group, entry.term, at, entry.command);
        let (register, value) = (number(entry.command), number(&entry.command[8..]));
        batch.put(Space::Current, key(self.group, register), Bytes::copy_from_slice(&value.to_be_bytes()));
        batch.put(Space::History, key(self.group, at), entry.command.clone());
        self.values.lock().insert(register, value).unwrap_or(linear::NOTHING)
    }

    fn applied(&mut self, _upto: u64) {}

    fn spans(&self) -> Vec<(Space, Bytes, Bytes)> {
        let (start, end) = span(self.group);
        vec![(Space::Current, start.clone(), end.clone()), (Space::History, start, end)]
    }

    fn installed(&mut self) {
        self.load();
    }
}
