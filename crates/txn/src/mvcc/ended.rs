//! What became of transactions that ended lately: enough to read through their intents before these are resolved.
//!
//! Kept by each node for itself. What is here is final; what is not here has to be asked for.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;

use crate::id::TxnId;
use crate::timestamp::Timestamp;

const TRANSACTIONS_MAX: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Committed(Timestamp),
    Aborted,
}

#[derive(Debug, Default)]
pub struct Ended(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    outcomes: BTreeMap<TxnId, Outcome>,
    order: VecDeque<TxnId>,
}

impl Ended {
    pub fn note(&self, txn: TxnId, outcome: Outcome) {
        let mut inner = self.0.lock();
        if inner.outcomes.insert(txn, outcome).is_none() {
            inner.order.push_back(txn);
        }
        if inner.order.len() > TRANSACTIONS_MAX
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.outcomes.remove(&oldest);
        }
    }

    pub fn outcome(&self, txn: TxnId) -> Option<Outcome> {
        self.0.lock().outcomes.get(&txn).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let ended = Ended::default();
        let last = TRANSACTIONS_MAX as u128;
        (0..=last).for_each(|txn| ended.note(TxnId(txn), Outcome::Aborted));
        ended.note(TxnId(last), Outcome::Aborted);
        assert_eq!(ended.outcome(TxnId(0)), None);
        assert_eq!(ended.outcome(TxnId(1)), Some(Outcome::Aborted));
        assert_eq!(ended.outcome(TxnId(last)), Some(Outcome::Aborted));
    }
}
