//! What a transaction sees and changes: versions, timestamps, locks, conflicts and commit.
//!
//! Everything here decides; nothing here waits for a disk, a socket or a clock. Time comes in as an argument, bytes come
//! in through a [`View`](atoll_storage::engine::View) and leave in a [`Batch`](atoll_storage::engine::Batch), and the one
//! asynchronous part, the [`Transaction`], reaches the world through the [`Sender`] that it was given.
//!
//! Read in this order:
//!
//! | module | the idea |
//! | --- | --- |
//! | [`timestamp`], [`hlc`], [`id`] | names of moments and of transactions |
//! | [`key`] | the picture of the key space |
//! | [`mvcc`] | records with versions and intents: read, write, collect |
//! | [`tscache`] | who read what up to when, so that no write slips beneath a read |
//! | [`lock`] | row locks with fair queues, latches, the graph of who waits for whom |
//! | [`request`] | what is asked of a range, and its answers |
//! | [`buffer`], [`transaction`] | the coordinator: buffered writes, refresh, commit |

pub mod buffer;
pub mod error;
pub mod hlc;
pub mod id;
pub mod key;
pub mod lock;
pub mod mvcc;
pub mod request;
pub mod sender;
pub mod timestamp;
pub mod transaction;
pub mod tscache;
mod wire;

pub use error::{Error, Result};
pub use id::TxnId;
pub use sender::Sender;
pub use timestamp::Timestamp;
pub use transaction::{Isolation, Transaction};
