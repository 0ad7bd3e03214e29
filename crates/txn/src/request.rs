//! What is asked of a range, and its answers. The same types travel inside a process and, as protobuf, between processes.
//!
//! | request | asks |
//! | --- | --- |
//! | [`Get`], [`Scan`] | what a reader at a timestamp sees |
//! | [`Lock`], [`Release`], [`Heartbeat`] | row locks, held in the leaseholder's memory |
//! | [`Commit`] | everything of a transaction, when all its writes are in this range: one log entry |
//! | [`Prepare`], [`Refresh`], [`Decide`], [`Resolve`], [`Forget`] | the steps of a commit over several ranges |
//! | [`Push`] | what became of the transaction whose intent is in the way |
//! | [`Split`] | a split at a key |
//!
//! Fields are only ever added, with new tags; a tag is never used again.

use std::fmt;
use std::ops::Bound;

use bytes::Bytes;

use crate::error::{Error, Retry};
use crate::id::TxnId;
use crate::lock::Strength;
use crate::timestamp::Timestamp;

/// A stretch of keys, `end` exclusive; an empty `end` means to the end of the key space.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, prost::Message)]
pub struct Span {
    #[prost(bytes = "bytes", tag = "1")]
    pub start: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub end: Bytes,
}

impl Span {
    pub fn new(start: impl Into<Bytes>, end: impl Into<Bytes>) -> Span {
        Span { start: start.into(), end: end.into() }
    }

    /// The span of one key.
    pub fn point(key: &[u8]) -> Span {
        let mut end = Vec::with_capacity(key.len() + 1);
        end.extend_from_slice(key);
        end.push(0);
        Span { start: Bytes::copy_from_slice(key), end: end.into() }
    }

    pub fn is_point(&self) -> bool {
        self.end.strip_prefix(&self.start[..]) == Some(&[0])
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        self.start[..] <= *key && (self.end.is_empty() || *key < self.end[..])
    }

    pub fn overlaps(&self, other: &Span) -> bool {
        (other.end.is_empty() || self.start < other.end) && (self.end.is_empty() || other.start < self.end)
    }

    pub fn covers(&self, other: &Span) -> bool {
        self.start <= other.start && (self.end.is_empty() || (!other.end.is_empty() && other.end <= self.end))
    }

    pub fn is_empty(&self) -> bool {
        !self.end.is_empty() && self.start >= self.end
    }

    /// The part of this span that lies in `other`; may be empty.
    pub fn clip(&self, other: &Span) -> Span {
        let start = self.start.clone().max(other.start.clone());
        let end = match (self.end.is_empty(), other.end.is_empty()) {
            (true, _) => other.end.clone(),
            (_, true) => self.end.clone(),
            _ => self.end.clone().min(other.end.clone()),
        };
        Span { start, end }
    }

    pub fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let end = if self.end.is_empty() { Bound::Unbounded } else { Bound::Excluded(&self.end[..]) };
        (Bound::Included(&self.start[..]), end)
    }
}

/// A range as a caller knows it. The range refuses a generation that is not its own when the keys don't fit.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RangeRef {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(uint64, tag = "2")]
    pub generation: u64,
    #[prost(message, required, tag = "3")]
    pub span: Span,
}

/// A range, and where its replicas are, as somebody knows it.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Located {
    #[prost(message, required, tag = "1")]
    pub range: RangeRef,
    #[prost(uint64, repeated, tag = "2")]
    pub replicas: Vec<u64>,
    /// Who held the lease; 0 when that is not known.
    #[prost(uint64, tag = "3")]
    pub holder: u64,
    /// Which lease that was: what is said of a later one is newer.
    #[prost(uint64, tag = "4")]
    pub lease: u64,
}

/// How a read looks at versions.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ReadAt {
    #[prost(message, required, tag = "1")]
    pub ts: Timestamp,
    /// The reading transaction: its own locks and intents are not in its way.
    #[prost(message, optional, tag = "2")]
    pub txn: Option<TxnId>,
    /// What the clocks of nodes showed at the transaction's first contact with each. A node that is not listed is being
    /// contacted for the first time and takes its clock on arrival.
    #[prost(message, repeated, tag = "3")]
    pub observed: Vec<Observed>,
    /// A read at a chosen past moment: nothing above it is uncertain.
    #[prost(bool, tag = "4")]
    pub exact: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Observed {
    #[prost(uint64, tag = "1")]
    pub node: u64,
    #[prost(message, required, tag = "2")]
    pub clock: Timestamp,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Get {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    #[prost(message, required, tag = "2")]
    pub read: ReadAt,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Scan {
    #[prost(message, required, tag = "1")]
    pub span: Span,
    #[prost(bool, tag = "2")]
    pub reverse: bool,
    /// 0: no limit but the server's own.
    #[prost(uint64, tag = "3")]
    pub rows_max: u64,
    #[prost(uint64, tag = "4")]
    pub bytes_max: u64,
    #[prost(message, required, tag = "5")]
    pub read: ReadAt,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Row {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

/// One page of a scan. `resume` says where the next page begins (its end, when reversed); none when the span is done.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Page {
    #[prost(message, repeated, tag = "1")]
    pub rows: Vec<Row>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub resume: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum WaitPolicy {
    Wait = 0,
    NoWait = 1,
    SkipLocked = 2,
}

/// Takes row locks, in the order of the keys. A lock that is already held is made stronger where that is needed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Lock {
    #[prost(message, required, tag = "1")]
    pub txn: TxnId,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub keys: Vec<Bytes>,
    #[prost(int32, tag = "3")]
    pub strength: i32,
    #[prost(enumeration = "WaitPolicy", tag = "4")]
    pub wait: i32,
}

/// A row under its lock: the newest committed version, whatever the transaction's own timestamp.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LockedRow {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub value: Option<Bytes>,
    /// When that version was committed; zero when the key never was written.
    #[prost(message, required, tag = "3")]
    pub version: Timestamp,
    #[prost(uint64, tag = "4")]
    pub token: u64,
    /// SKIP LOCKED passed this row over; nothing else is set then.
    #[prost(bool, tag = "5")]
    pub skipped: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LockedRows {
    #[prost(message, repeated, tag = "1")]
    pub rows: Vec<LockedRow>,
}

/// A lock that the transaction believes to hold. It counts only if the table never let go of it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Claim {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    #[prost(uint64, tag = "2")]
    pub token: u64,
    #[prost(int32, tag = "3")]
    pub strength: i32,
}

/// Lets go of locks: of these keys, or of all.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Release {
    #[prost(message, required, tag = "1")]
    pub txn: TxnId,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub keys: Vec<Bytes>,
}

/// Says that the coordinator is alive. The locks of a silent one are taken away after a while, its commit is aborted when
/// it is in somebody's way.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Heartbeat {
    #[prost(message, required, tag = "1")]
    pub txn: TxnId,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Write {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// None deletes.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub value: Option<Bytes>,
}

/// What the writing requests of a transaction say about it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TxnHeader {
    #[prost(message, required, tag = "1")]
    pub id: TxnId,
    /// Which attempt to commit this is. A copy of an earlier attempt's request that comes late is known by it.
    #[prost(uint32, tag = "2")]
    pub epoch: u32,
    /// When it began: nothing that began below the threshold of garbage collection may commit.
    #[prost(message, required, tag = "3")]
    pub began: Timestamp,
    /// The commit timestamp is at least this.
    #[prost(message, required, tag = "4")]
    pub read_ts: Timestamp,
    /// A version of a written key above `read_ts` is a conflict (snapshot isolation), not just a lower bound.
    #[prost(bool, tag = "5")]
    pub first_writer_wins: bool,
    /// What has to hold at the commit timestamp is known to hold up to here. At or above `read_ts`.
    #[prost(message, required, tag = "6")]
    pub held_ts: Timestamp,
    /// The commit timestamp is at most this.
    #[prost(message, optional, tag = "7")]
    pub until: Option<Timestamp>,
    /// It goes on when the disk is full: what it writes is small and takes the place of what was there.
    #[prost(bool, tag = "8")]
    pub vital: bool,
}

/// The whole commit of a transaction whose writes are all in this range. May be empty of writes: then it proves that the
/// locks were held and lets go of them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Commit {
    #[prost(message, required, tag = "1")]
    pub txn: TxnHeader,
    #[prost(message, repeated, tag = "2")]
    pub writes: Vec<Write>,
    #[prost(message, repeated, tag = "3")]
    pub claims: Vec<Claim>,
    /// What must not have changed between `read_ts` and the commit timestamp, as far as it lies in this range.
    #[prost(message, repeated, tag = "4")]
    pub reads: Vec<Span>,
    /// There are such reads outside this range: the commit timestamp may not be raised here.
    #[prost(bool, tag = "5")]
    pub reads_elsewhere: bool,
}

/// Lays intents in this range. The answer's timestamp is the least at which the transaction may commit here.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Prepare {
    #[prost(message, required, tag = "1")]
    pub txn: TxnHeader,
    #[prost(bytes = "bytes", tag = "2")]
    pub anchor: Bytes,
    #[prost(message, repeated, tag = "3")]
    pub writes: Vec<Write>,
    #[prost(message, repeated, tag = "4")]
    pub claims: Vec<Claim>,
}

/// Asks that reads made at `from` hold at `to` as well, and keeps writers from going beneath.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Refresh {
    #[prost(message, required, tag = "1")]
    pub txn: TxnId,
    #[prost(message, repeated, tag = "2")]
    pub spans: Vec<Span>,
    #[prost(message, required, tag = "3")]
    pub from: Timestamp,
    #[prost(message, required, tag = "4")]
    pub to: Timestamp,
}

/// Writes the record that decides a transaction over several ranges, in the range of its anchor key.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Decide {
    #[prost(message, required, tag = "1")]
    pub txn: TxnHeader,
    #[prost(bytes = "bytes", tag = "2")]
    pub anchor: Bytes,
    /// None aborts.
    #[prost(message, optional, tag = "3")]
    pub commit_ts: Option<Timestamp>,
    /// Where the intents are, for whoever has to finish the work of a coordinator that died.
    #[prost(message, repeated, tag = "4")]
    pub spans: Vec<Span>,
}

/// Turns intents into versions (or removes them) and lets go of the transaction's locks in this range.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Resolve {
    #[prost(message, required, tag = "1")]
    pub txn: TxnId,
    #[prost(message, optional, tag = "2")]
    pub commit_ts: Option<Timestamp>,
    /// Keys, or where to look for the transaction's intents. All of it is one entry of the log.
    #[prost(message, repeated, tag = "3")]
    pub spans: Vec<Span>,
    /// Only what this attempt to commit has laid, and earlier ones; a later one may be under way. Absent: all of it.
    #[prost(uint32, optional, tag = "4")]
    pub epoch: Option<u32>,
}

/// Removes the record of a transaction whose intents are all resolved. Unless its coordinator has been told the outcome,
/// the record stays, without its spans, until the history that is kept begins above it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Forget {
    #[prost(message, required, tag = "1")]
    pub txn: TxnId,
    #[prost(bytes = "bytes", tag = "2")]
    pub anchor: Bytes,
    #[prost(bool, tag = "3")]
    pub told: bool,
}

/// Asks what became of a transaction, and makes it end if its coordinator has been silent for too long: from then on it
/// can't commit.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Push {
    #[prost(message, required, tag = "1")]
    pub txn: TxnId,
    #[prost(bytes = "bytes", tag = "2")]
    pub anchor: Bytes,
    /// When the pushed transaction's intent was laid, kept in the record for garbage collection.
    #[prost(message, required, tag = "3")]
    pub intent_ts: Timestamp,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Split {
    #[prost(bytes = "bytes", tag = "1")]
    pub at: Bytes,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Body {
    #[prost(message, tag = "1")]
    Get(Get),
    #[prost(message, tag = "2")]
    Scan(Scan),
    #[prost(message, tag = "3")]
    Lock(Lock),
    #[prost(message, tag = "4")]
    Release(Release),
    #[prost(message, tag = "5")]
    Heartbeat(Heartbeat),
    #[prost(message, tag = "6")]
    Commit(Commit),
    #[prost(message, tag = "7")]
    Prepare(Prepare),
    #[prost(message, tag = "8")]
    Refresh(Refresh),
    #[prost(message, tag = "9")]
    Decide(Decide),
    #[prost(message, tag = "10")]
    Resolve(Resolve),
    #[prost(message, tag = "11")]
    Forget(Forget),
    #[prost(message, tag = "12")]
    Push(Push),
    #[prost(message, tag = "13")]
    Split(Split),
}

impl Body {
    /// A key that shows which range is meant.
    pub fn route(&self) -> Option<&[u8]> {
        match self {
            Body::Get(get) => Some(&get.key),
            Body::Scan(scan) => Some(&scan.span.start),
            Body::Lock(lock) => lock.keys.first().map(|k| &k[..]),
            Body::Release(release) => release.keys.first().map(|k| &k[..]),
            Body::Heartbeat(_) => None,
            Body::Commit(commit) => {
                commit.writes.first().map(|w| &w.key[..]).or(commit.claims.first().map(|c| &c.key[..]))
            }
            Body::Prepare(prepare) => prepare.writes.first().map(|w| &w.key[..]),
            Body::Refresh(refresh) => refresh.spans.first().map(|s| &s.start[..]),
            Body::Decide(decide) => Some(&decide.anchor),
            Body::Resolve(resolve) => resolve.spans.first().map(|s| &s.start[..]),
            Body::Forget(forget) => Some(&forget.anchor),
            Body::Push(push) => Some(&push.anchor),
            Body::Split(split) => Some(&split.at),
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub value: Option<Bytes>,
    /// When the version that was read was committed; zero when there is none.
    #[prost(message, required, tag = "2")]
    pub version: Timestamp,
}

/// The commit happened at `ts`; or, `refused`, nothing was done and the reads elsewhere must first hold at `ts`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Committed {
    #[prost(message, required, tag = "1")]
    pub ts: Timestamp,
    #[prost(bool, tag = "2")]
    pub refused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Fate {
    Pending = 0,
    Committed = 1,
    Aborted = 2,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Status {
    #[prost(enumeration = "Fate", tag = "1")]
    pub fate: i32,
    #[prost(message, required, tag = "2")]
    pub commit_ts: Timestamp,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Done {}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Reply {
    #[prost(message, tag = "1")]
    Value(Value),
    #[prost(message, tag = "2")]
    Page(Page),
    #[prost(message, tag = "3")]
    Locked(LockedRows),
    #[prost(message, tag = "4")]
    Done(Done),
    #[prost(message, tag = "5")]
    Committed(Committed),
    #[prost(message, tag = "6")]
    Status(Status),
}

/// A request as it travels between processes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RequestMessage {
    #[prost(uint32, tag = "100")]
    pub version: u32,
    #[prost(message, required, tag = "101")]
    pub clock: Timestamp,
    #[prost(uint64, tag = "102")]
    pub range: u64,
    #[prost(uint64, tag = "103")]
    pub generation: u64,
    /// Asks only where this key lives; no body then.
    #[prost(bytes = "bytes", optional, tag = "104")]
    pub locate: Option<Bytes>,
    /// Counts the requests of one sender, so that a copy of one is known for what it is.
    #[prost(uint64, tag = "105")]
    pub number: u64,
    /// How long the sender waits for the answer. 0: as long as it takes.
    #[prost(uint64, tag = "106")]
    pub within_ms: u64,
    #[prost(oneof = "Body", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13")]
    pub body: Option<Body>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ReplyMessage {
    #[prost(uint32, tag = "100")]
    pub version: u32,
    #[prost(message, required, tag = "101")]
    pub clock: Timestamp,
    #[prost(message, optional, tag = "102")]
    pub error: Option<ErrorMessage>,
    #[prost(message, optional, tag = "103")]
    pub located: Option<Located>,
    #[prost(uint64, tag = "104")]
    pub node: u64,
    #[prost(oneof = "Reply", tags = "1, 2, 3, 4, 5, 6")]
    pub reply: Option<Reply>,
}

/// An answer with the node that gave it and that node's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub reply: Reply,
    pub node: u64,
    pub clock: Timestamp,
}

/// [`Error`] on the wire: a code and the fields that its variant needs.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ErrorMessage {
    #[prost(uint32, tag = "1")]
    pub code: u32,
    #[prost(message, repeated, tag = "2")]
    pub known: Vec<Located>,
    #[prost(uint64, tag = "3")]
    pub range: u64,
    #[prost(uint64, optional, tag = "4")]
    pub leader: Option<u64>,
    #[prost(message, required, tag = "5")]
    pub first: Timestamp,
    #[prost(message, required, tag = "6")]
    pub second: Timestamp,
    #[prost(message, repeated, tag = "7")]
    pub txns: Vec<TxnId>,
    #[prost(string, tag = "8")]
    pub text: String,
    #[prost(uint64, tag = "9")]
    pub bytes: u64,
    #[prost(uint64, tag = "10")]
    pub bytes_max: u64,
}

const RETRIES: [Retry; 6] =
    [Retry::ReadChanged, Retry::WriteConflict, Retry::LockLost, Retry::Aborted, Retry::BeganTooEarly, Retry::TooLate];

impl From<&Error> for ErrorMessage {
    fn from(error: &Error) -> ErrorMessage {
        let mut m = ErrorMessage::default();
        match error {
            Error::RangeMoved { known } => {
                m.code = 1;
                m.known = known.clone();
            }
            Error::NotLeaseholder { range, leader } => {
                m.code = 2;
                m.range = *range;
                m.leader = *leader;
            }
            Error::Uncertain { read, version } => {
                m.code = 3;
                m.first = *read;
                m.second = *version;
            }
            Error::Unreachable { range } => {
                m.code = 4;
                m.range = *range;
            }
            Error::Retry(retry) => {
                m.code = 5;
                m.bytes = RETRIES.iter().position(|r| r == retry).expect("every retry is listed") as u64;
            }
            Error::Deadlock { cycle } => {
                m.code = 6;
                m.txns = cycle.clone();
            }
            Error::LockNotAvailable => m.code = 7,
            Error::TooOld { read, threshold } => {
                m.code = 8;
                m.first = *read;
                m.second = *threshold;
            }
            Error::DiskFull => m.code = 9,
            Error::TooLarge { what, bytes, bytes_max } => {
                m.code = 10;
                m.text = (*what).to_owned();
                m.bytes = *bytes;
                m.bytes_max = *bytes_max;
            }
            Error::Unknown { txn } => {
                m.code = 11;
                m.txns = vec![*txn];
            }
            Error::ClockTooFarAhead => m.code = 12,
            Error::Stopped { why } => {
                m.code = 13;
                m.text = why.clone();
            }
            Error::Misuse(what) => {
                m.code = 14;
                m.text = (*what).to_owned();
            }
        }
        m
    }
}

impl From<ErrorMessage> for Error {
    fn from(m: ErrorMessage) -> Error {
        match m.code {
            1 => Error::RangeMoved { known: m.known },
            2 => Error::NotLeaseholder { range: m.range, leader: m.leader },
            3 => Error::Uncertain { read: m.first, version: m.second },
            4 => Error::Unreachable { range: m.range },
            5 if (m.bytes as usize) < RETRIES.len() => Error::Retry(RETRIES[m.bytes as usize]),
            6 => Error::Deadlock { cycle: m.txns },
            7 => Error::LockNotAvailable,
            8 => Error::TooOld { read: m.first, threshold: m.second },
            9 => Error::DiskFull,
            10 => Error::TooLarge { what: "a request", bytes: m.bytes, bytes_max: m.bytes_max },
            11 => Error::Unknown { txn: m.txns.first().copied().unwrap_or_default() },
            12 => Error::ClockTooFarAhead,
            13 => Error::Stopped { why: m.text },
            // An error that only a newer node knows, or a misuse: shown as it came.
            code => Error::Stopped { why: format!("error {code} of another node: {}", m.text) },
        }
    }
}

pub const WIRE_VERSION: u32 = 1;

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start.escape_ascii(), self.end.escape_ascii())
    }
}

impl Lock {
    pub fn strength(&self) -> Option<Strength> {
        Strength::from_wire(self.strength)
    }
}

impl Claim {
    pub fn strength(&self) -> Option<Strength> {
        Strength::from_wire(self.strength)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn spans() {
        let all = Span::new("", "");
        let ab = Span::new("a", "b");
        let point = Span::point(b"a");
        assert!(all.covers(&ab) && !ab.covers(&all) && ab.covers(&point));
        assert!(ab.overlaps(&point) && !ab.overlaps(&Span::point(b"b")) && all.overlaps(&ab));
        assert_eq!(ab.clip(&all), ab);
        assert_eq!(all.clip(&ab), ab);
        assert!(ab.clip(&Span::new("c", "")).is_empty());
        assert!(point.contains(b"a") && !point.contains(b"a\0"));
    }

    #[test]
    fn errors_survive_the_wire() {
        let errors = [
            Error::RangeMoved {
                known: vec![Located {
                    range: RangeRef { id: 3, generation: 2, span: Span::new("a", "b") },
                    replicas: vec![1, 2],
                    holder: 2,
                    lease: 5,
                }],
            },
            Error::NotLeaseholder { range: 4, leader: Some(2) },
            Error::Uncertain { read: Timestamp { wall: 1, logical: 2 }, version: Timestamp { wall: 3, logical: 4 } },
            Error::Unreachable { range: 9 },
            Error::Retry(Retry::LockLost),
            Error::Deadlock { cycle: vec![TxnId(1), TxnId(2)] },
            Error::LockNotAvailable,
            Error::DiskFull,
            Error::Unknown { txn: TxnId(77) },
            Error::Stopped { why: "sync failed".to_owned() },
        ];
        for error in errors {
            let bytes = ErrorMessage::from(&error).encode_to_vec();
            assert_eq!(Error::from(ErrorMessage::decode(&bytes[..]).unwrap()), error);
        }
    }
}
