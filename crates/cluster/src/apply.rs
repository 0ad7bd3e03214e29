//! Below the log: turns a range's commands into byte writes and into the range's new state. The same on every replica.
//!
//! INVARIANT: the outcome of a command depends on nothing but the commands before it. No clock, no randomness, nothing
//! read but the range's own state, which is written in the same batch; so a replay from an older state ends the same.
//!
//! INVARIANT: applying cannot fail. What should not happen was checked where the command was proposed, or is a command
//! that this release can't read, which stops the node before anything diverges.

use atoll_consensus::{Entry, StateMachine};
use atoll_storage::engine::{Batch, Engine, Space};
use atoll_txn::hlc::Hlc;
use atoll_txn::key;
use atoll_txn::request::Span;
use bytes::Bytes;
use prost::Message;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

use crate::command::Command;
use crate::state::{Lease, Published, RangeState};

/// What a command did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Applied,
    /// It was evaluated under a lease or under bounds that no longer hold. Nothing was done.
    Stale,
}

/// What the node has to do after a command was applied.
#[derive(Debug)]
pub enum Event {
    /// A new range lies in the engine; its group is to be started.
    Split { right: RangeState },
    /// A snapshot has replaced the range's state, and with it perhaps its bounds.
    Installed { id: u64 },
}

pub struct Applier {
    state: RangeState,
    published: Published,
    clock: Arc<Hlc>,
    engine: Engine,
    events: UnboundedSender<Event>,
    pending: Vec<Event>,
}

impl Applier {
    pub fn new(
        state: RangeState,
        published: Published,
        clock: Arc<Hlc>,
        engine: Engine,
        events: UnboundedSender<Event>,
    ) -> Applier {
        clock.forward(state.clock);
        clock.forward(state.ceiling);
        Applier { state, published, clock, engine, events, pending: Vec::new() }
    }

    fn change(&mut self, command: &Command, batch: &mut Batch) -> Outcome {
        if command.lease != self.state.lease.sequence || command.generation != self.state.generation {
            return Outcome::Stale;
        }
        if let Some(new) = &command.new_lease {
            let floor = self.state.ceiling.max(self.state.clock).next();
            self.state.lease =
                Lease { sequence: self.state.lease.sequence + 1, holder: new.holder, start: new.start.max(floor) };
            self.state.clock = self.state.clock.max(self.state.lease.start);
        }
        self.state.clock = self.state.clock.max(command.clock);
        if let Some(ceiling) = command.ceiling {
            self.state.ceiling = self.state.ceiling.max(ceiling);
        }
        if let Some(threshold) = command.gc_threshold {
            self.state.gc_threshold = self.state.gc_threshold.max(threshold);
        }
        for op in &command.ops {
            batch.push(op.key.clone(), op.value.clone());
        }
        if let Some(split) = &command.split {
            let right = RangeState {
                id: split.right_id,
                span: split.right.clone(),
                generation: self.state.generation + 1,
                // Nobody's yet. Counting on from here keeps lock tokens of both halves apart for ever.
                lease: Lease { sequence: self.state.lease.sequence, ..Lease::default() },
                ceiling: self.state.ceiling,
                gc_threshold: self.state.gc_threshold,
                clock: self.state.clock,
                first_voters: split.voters.clone(),
                leaving: false,
            };
            self.state.generation += 1;
            self.state.span = Span { start: self.state.span.start.clone(), end: split.right.start.clone() };
            batch.put(Space::Meta, key::range_state(right.id), right.encode_to_vec());
            self.pending.push(Event::Split { right });
        }
        Outcome::Applied
    }
}

impl StateMachine for Applier {
    type Reply = Outcome;

    fn apply(&mut self, entry: Entry<'_>, batch: &mut Batch) -> Outcome {
        let command = match Command::decoded(entry.command) {
            Ok(command) => command,
            // A bug or a newer release's command: going on would make this replica differ from the others.
            Err(why) => panic!("range {}: entry {} can't be applied: {why}", self.state.id, entry.index),
        };
        let outcome = self.change(&command, batch);
        self.clock.forward(self.state.clock);
        outcome
    }

    fn seal(&mut self, batch: &mut Batch) {
        // Once for all the commands of the batch: what lies between them is never seen.
        batch.put(Space::Meta, key::range_state(self.state.id), self.state.encode_to_vec());
    }

    fn applied(&mut self, _upto: u64) {
        self.published.set(self.state.clone());
        for event in self.pending.drain(..) {
            // The receiver is gone only when the node stops; a restart finds the new range in the engine.
            let _ = self.events.send(event);
        }
    }

    fn spans(&self) -> Vec<(Space, Bytes, Bytes)> {
        key::spans_of_range(self.state.id, &self.state.span.start, &self.state.span.end)
    }

    fn installed(&mut self) {
        let bytes = self.engine.view().get(Space::Meta, &key::range_state(self.state.id));
        match bytes.map(|bytes| bytes.map(RangeState::decode)) {
            Ok(Some(Ok(state))) => {
                self.clock.forward(state.clock.max(state.ceiling));
                self.state = state;
                self.published.set(self.state.clone());
                let _ = self.events.send(Event::Installed { id: self.state.id });
            }
            other => panic!("range {}: the snapshot that was installed has no usable state: {other:?}", self.state.id),
        }
    }
}
