//! What a range knows about itself, replicated: its bounds, its lease, how high reads may go, how far back history reaches.
//!
//! Written to the `Meta` space in the batch of the command that changed it. [`Published`] is the copy that the replica above the
//! log reads; it moves only after the batch is in the engine, so whoever sees a state also finds its data.

use std::sync::Arc;

use atoll_txn::Timestamp;
use atoll_txn::request::{RangeRef, Span};
use parking_lot::Mutex;
use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct RangeState {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(message, required, tag = "2")]
    pub span: Span,
    /// Counts changes of the bounds.
    #[prost(uint64, tag = "3")]
    pub generation: u64,
    #[prost(message, required, tag = "4")]
    pub lease: Lease,
    /// INVARIANT: no read was served above it, so a new lease that starts above it needs to know nothing about old reads.
    #[prost(message, required, tag = "5")]
    pub ceiling: Timestamp,
    /// Versions that only reads below it would see may be gone.
    #[prost(message, required, tag = "6")]
    pub gc_threshold: Timestamp,
    /// At least every timestamp that was written in this range.
    #[prost(message, required, tag = "7")]
    pub clock: Timestamp,
    /// With whom the range's group began. Who votes now, the group knows.
    #[prost(uint64, repeated, tag = "8")]
    pub first_voters: Vec<u64>,
    /// The replica here is being taken away; never replicated.
    #[prost(bool, tag = "9")]
    pub leaving: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Lease {
    /// Counts leases. Zero: nobody has held one yet.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    #[prost(uint64, tag = "2")]
    pub holder: u64,
    /// Above the ceiling and every write of all leases before.
    #[prost(message, required, tag = "3")]
    pub start: Timestamp,
}

impl RangeState {
    pub fn range_ref(&self) -> RangeRef {
        RangeRef { id: self.id, generation: self.generation, span: self.span.clone() }
    }
}

/// The applied state of a range as others on the node see it.
#[derive(Clone)]
pub struct Published(Arc<Mutex<Arc<RangeState>>>);

impl Published {
    pub fn new(state: RangeState) -> Published {
        Published(Arc::new(Mutex::new(Arc::new(state))))
    }

    pub fn get(&self) -> Arc<RangeState> {
        self.0.lock().clone()
    }

    pub fn set(&self, state: RangeState) {
        *self.0.lock() = Arc::new(state);
    }
}
