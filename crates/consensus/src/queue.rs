//! Proposals on their way to openraft. Those that come while others are under way wait here for a moment and then share
//! one entry: one record in the log, one pass through openraft, one message to each follower.
//!
//! ```text
//!   propose ──▶ waiting ──▶ entry ──▶ openraft ──▶ applied ──▶ each proposer's answer
//!                  ▲                                  │
//!                  └──────── the next entry goes ◀────┘   or when the last one left `PACE` ago
//! ```
//!
//! INVARIANT: every command that was pushed ends in an entry that is proposed, or in its proposer being told otherwise;
//! so the end of each entry that was under way, however it came, sends the next.
//!
//! Deliberately absent: waiting for company. A command leaves at once when nothing is under way.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use atoll_env::Mono;
use bytes::Bytes;
use futures_util::FutureExt;
use openraft::errors::ClientWriteError;
use openraft::raft::ClientWriteResult;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::apply::StateMachine;
use crate::error::propose;
use crate::group::{Inner, Proposed, leader};
use crate::types::{Answer, Commands, Types};

/// While an entry is under way the next one leaves only so much later: on a fast disk the first is through by then, and
/// who waited shares one entry; on a slow disk, or with far voters, nobody waits for a whole round.
const PACE: Duration = Duration::from_millis(1);
/// Entries under way at a time.
const UNDER_WAY_MAX: usize = 64;
/// Bounds of one entry; a larger command goes alone.
const ENTRY_COMMANDS_MAX: usize = 256;
const ENTRY_BYTES_MAX: usize = 1 << 20;

type Outcome<R> = Result<Proposed<R>, propose::Error>;
type Proposer<R> = oneshot::Sender<Outcome<R>>;

pub(crate) struct Queue<R> {
    state: Mutex<State<R>>,
}

struct State<R> {
    waiting: VecDeque<(Bytes, Proposer<R>)>,
    /// Entries that openraft was given and whose end is not known.
    under_way: usize,
    /// When the last of them left.
    left: Mono,
}

impl<R> Queue<R> {
    pub(crate) fn new() -> Queue<R> {
        Queue { state: Mutex::new(State { waiting: VecDeque::new(), under_way: 0, left: Mono::ZERO }) }
    }

    pub(crate) fn push(&self, command: Bytes) -> oneshot::Receiver<Outcome<R>> {
        let (answer, answered) = oneshot::channel();
        self.state.lock().waiting.push_back((command, answer));
        answered
    }

    /// The commands of the next entry, if it may go.
    fn take(&self, now: Mono) -> Option<(Commands, Vec<Proposer<R>>)> {
        let mut state = self.state.lock();
        let may_go = match state.under_way {
            0 => true,
            UNDER_WAY_MAX.. => false,
            _ => now - state.left >= PACE,
        };
        if !may_go || state.waiting.is_empty() {
            return None;
        }
        let mut bytes = 0;
        let fitting = state.waiting.iter().take(ENTRY_COMMANDS_MAX).take_while(|(command, _)| {
            bytes += command.len();
            bytes <= ENTRY_BYTES_MAX
        });
        let count = fitting.count().max(1);
        state.under_way += 1;
        state.left = now;
        let (commands, proposers) = state.waiting.drain(..count).unzip();
        Some((Commands(commands), proposers))
    }
}

impl<SM: StateMachine> Inner<SM> {
    /// Gives openraft what waits, as far as it may go.
    pub(crate) fn propose_waiting(self: &Arc<Self>) {
        while let Some((commands, proposers)) = self.queue.take(self.env.clock.mono()) {
            let proposers = Arc::new(Mutex::new(proposers));
            let under_way = UnderWay { inner: Arc::downgrade(self), proposers: proposers.clone() };
            let answer = Answer(Box::new(move |result| under_way.end(result)));
            let inner = self.clone();
            let mut proposing = Box::pin(async move {
                if let Err(fatal) = inner.raft.client_write_ff(commands, Some(answer)).await {
                    // Certainly not proposed.
                    for proposer in proposers.lock().drain(..) {
                        let _ = proposer.send(Err(propose::Error::Stopped { reason: fatal.to_string() }));
                    }
                }
            });
            // It is a message to openraft's task, for which there is room but in an exceptional moment.
            if tokio::task::unconstrained(proposing.as_mut()).now_or_never().is_none() {
                self.env.tasks.spawn("group.propose", proposing);
            }
        }
    }
}

/// An entry that openraft has. Dropped when its end is known, or when openraft forgot it.
struct UnderWay<SM: StateMachine> {
    inner: Weak<Inner<SM>>,
    proposers: Arc<Mutex<Vec<Proposer<SM::Reply>>>>,
}

impl<SM: StateMachine> UnderWay<SM> {
    fn end(self, result: ClientWriteResult<Types<SM::Reply>>) {
        let proposers = std::mem::take(&mut *self.proposers.lock());
        // A proposer that went away does not want to know.
        match result {
            Ok(response) => {
                let (index, term) = (response.log_id.index, response.log_id.leader_id.term);
                assert_eq!(response.data.len(), proposers.len(), "the state machine replies to every command");
                for (place, (proposer, reply)) in (0..).zip(proposers.into_iter().zip(response.data)) {
                    let _ = proposer.send(Ok(Proposed { index, place, term, reply }));
                }
            }
            Err(ClientWriteError::ForwardToLeader(forward)) => {
                for proposer in proposers {
                    let _ = proposer.send(Err(propose::Error::NotLeader { leader: leader(&forward) }));
                }
            }
            // The others are told the same by the loss of their answer: nobody knows.
            Err(_) => {}
        }
    }
}

impl<SM: StateMachine> Drop for UnderWay<SM> {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            inner.queue.state.lock().under_way -= 1;
            inner.propose_waiting();
        }
    }
}
