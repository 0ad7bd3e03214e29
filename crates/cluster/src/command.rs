//! What goes through a range's log: byte writes that the leaseholder has evaluated, and changes of the range's own state.
//!
//! Format: one version byte, then protobuf. Fields are only ever added; a command with a newer version stops the replica,
//! because a replica that skips what it does not know would diverge.

use atoll_storage::engine::Batch;
use atoll_txn::Timestamp;
use atoll_txn::request::Span;
use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

pub const VERSION: u8 = 1;

#[derive(Clone, PartialEq, Message)]
pub struct Command {
    /// The lease under which the command was evaluated. Refused when another one holds by the time it is applied.
    #[prost(uint64, tag = "1")]
    pub lease: u64,
    /// The generation of the range's bounds, likewise.
    #[prost(uint64, tag = "2")]
    pub generation: u64,
    /// Moves the clock of every replica forward: at least the largest timestamp in the writes.
    #[prost(message, required, tag = "3")]
    pub clock: Timestamp,
    /// Raises the read ceiling.
    #[prost(message, optional, tag = "4")]
    pub ceiling: Option<Timestamp>,
    #[prost(message, repeated, tag = "5")]
    pub ops: Vec<Op>,
    #[prost(message, optional, tag = "6")]
    pub new_lease: Option<NewLease>,
    #[prost(message, optional, tag = "7")]
    pub split: Option<Split>,
    #[prost(message, optional, tag = "8")]
    pub gc_threshold: Option<Timestamp>,
}

/// One byte write, under the engine's key (which names the space): a put, or a delete when there is no value.
#[derive(Clone, PartialEq, Message)]
pub struct Op {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub value: Option<Bytes>,
}

/// Makes `holder` the leaseholder. Takes effect only if no other lease came between (`lease` of the command is the
/// sequence of the one before).
#[derive(Clone, PartialEq, Message)]
pub struct NewLease {
    #[prost(uint64, tag = "1")]
    pub holder: u64,
    #[prost(message, required, tag = "2")]
    pub start: Timestamp,
}

/// Cuts the range in two at `right.start`; the right part becomes a range of its own.
#[derive(Clone, PartialEq, Message)]
pub struct Split {
    #[prost(uint64, tag = "1")]
    pub right_id: u64,
    #[prost(message, required, tag = "2")]
    pub right: Span,
    /// Who votes in the right range to begin with: the voters of the left one, which don't change meanwhile.
    #[prost(uint64, repeated, tag = "3")]
    pub voters: Vec<u64>,
}

impl Command {
    pub fn encoded(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(1 + self.encoded_len());
        bytes.put_u8(VERSION);
        self.encode(&mut bytes).expect("the buffer grows");
        bytes.freeze()
    }

    /// INVARIANT: what was proposed by this or an older release decodes. Anything else is damage that checksums should
    /// have caught, or a newer release's command: the caller stops the replica.
    pub fn decoded(bytes: &Bytes) -> Result<Command, String> {
        match bytes.first() {
            Some(&VERSION) => Command::decode(bytes.slice(1..)).map_err(|error| error.to_string()),
            Some(version) => Err(format!("the command has version {version}, this release knows {VERSION}")),
            None => Err("the command is empty".to_owned()),
        }
    }

    pub fn write(&mut self, batch: Batch) {
        self.ops.extend(batch.into_pairs().map(|(key, value)| Op { key, value }));
    }
}
