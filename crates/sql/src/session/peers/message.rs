//! What nodes say to each other about sessions, as it goes over the wire.

use atoll_datum::Oid;
use prost::{Enumeration, Message};

use crate::catalog::store::{Kind, Touched};
use crate::session::locks::{Advisory, Mode, Tag};

pub const VERSION: u32 = 1;

#[derive(Clone, PartialEq, Message)]
pub struct Ask {
    #[prost(uint32, tag = "100")]
    pub version: u32,
    /// The tenure of who asks.
    #[prost(uint64, tag = "101")]
    pub tenure: u64,
    #[prost(oneof = "What", tags = "1, 2, 3, 4, 5, 6, 7, 8")]
    pub what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum What {
    /// A tenure has begun. Answered with the strong locks of the sessions here.
    #[prost(message, tag = "1")]
    Begin(Nothing),
    #[prost(message, tag = "2")]
    Lock(Lock),
    /// A ticket that is of no more use.
    #[prost(uint64, tag = "3")]
    Unlock(u64),
    /// Definitions have changed.
    #[prost(message, tag = "4")]
    Adopt(Adopt),
    /// Which strong locks are wanted and held by the sessions here?
    #[prost(message, tag = "5")]
    Locks(Nothing),
    #[prost(message, tag = "6")]
    Sessions(Sessions),
    #[prost(message, tag = "7")]
    Signal(Signal),
    /// The values of a sequence, by its storage, go on elsewhere: no more of those that were taken are handed out.
    #[prost(uint32, tag = "8")]
    Forget(u32),
}

/// Who is connected?
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Sessions {
    /// 0 is any.
    #[prost(uint32, tag = "1")]
    pub database: u32,
    /// And they are to go.
    #[prost(bool, tag = "2")]
    pub terminate: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Signal {
    #[prost(int32, tag = "1")]
    pub pid: i32,
    /// Rather than stop its statement.
    #[prost(bool, tag = "2")]
    pub terminate: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Session {
    #[prost(int32, tag = "1")]
    pub pid: i32,
    #[prost(uint32, tag = "2")]
    pub user: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Nothing {}

/// A strong lock of a session.
#[derive(Clone, PartialEq, Message)]
pub struct Lock {
    /// Of the session, on its node.
    #[prost(uint64, tag = "1")]
    pub owner: u64,
    #[prost(int32, tag = "2")]
    pub pid: i32,
    /// Of this lock, on its node.
    #[prost(uint64, tag = "3")]
    pub ticket: u64,
    #[prost(message, required, tag = "4")]
    tag: TagMessage,
    #[prost(uint32, tag = "5")]
    mode: u32,
    /// Rather than be refused at once.
    #[prost(bool, tag = "6")]
    pub waits: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct TagMessage {
    #[prost(enumeration = "TagKind", tag = "1")]
    kind: i32,
    #[prost(uint32, tag = "2")]
    first: u32,
    #[prost(uint64, tag = "3")]
    second: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Enumeration)]
#[repr(i32)]
enum TagKind {
    Relation = 0,
    Object = 1,
    AdvisoryOne = 2,
    AdvisoryTwo = 3,
}

impl From<Tag> for TagMessage {
    fn from(tag: Tag) -> TagMessage {
        let (kind, first, second) = match tag {
            Tag::Relation { database, relation } => (TagKind::Relation, database.0, u64::from(relation.0)),
            Tag::Object { class, object } => (TagKind::Object, class.0, u64::from(object.0)),
            Tag::Advisory { database, key: Advisory::One(key) } => (TagKind::AdvisoryOne, database.0, key as u64),
            Tag::Advisory { database, key: Advisory::Two(a, b) } => {
                (TagKind::AdvisoryTwo, database.0, u64::from(a as u32) << 32 | u64::from(b as u32))
            }
        };
        TagMessage { kind: kind as i32, first, second }
    }
}

impl From<TagMessage> for Tag {
    fn from(message: TagMessage) -> Tag {
        let (first, second) = (Oid(message.first), message.second);
        match message.kind() {
            TagKind::Relation => Tag::Relation { database: first, relation: Oid(second as u32) },
            TagKind::Object => Tag::Object { class: first, object: Oid(second as u32) },
            TagKind::AdvisoryOne => Tag::Advisory { database: first, key: Advisory::One(second as i64) },
            TagKind::AdvisoryTwo => {
                Tag::Advisory { database: first, key: Advisory::Two((second >> 32) as i32, second as i32) }
            }
        }
    }
}

impl Lock {
    pub fn new(owner: u64, pid: i32, ticket: u64, tag: Tag, mode: Mode) -> Lock {
        Lock { owner, pid, ticket, tag: tag.into(), mode: mode as u32, waits: false }
    }

    pub fn tag(&self) -> Tag {
        self.tag.into()
    }

    /// The strongest of those that this release does not know.
    pub fn mode(&self) -> Mode {
        Mode::ALL.into_iter().find(|mode| *mode as u32 == self.mode).unwrap_or(Mode::AccessExclusive)
    }
}

/// What a transaction that has committed changed.
#[derive(Clone, PartialEq, Message)]
pub struct Adopt {
    #[prost(message, repeated, tag = "1")]
    objects: Vec<ObjectMessage>,
    /// Tables whose statistics are others.
    #[prost(uint32, repeated, tag = "2")]
    analyzed: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct ObjectMessage {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(uint32, tag = "2")]
    oid: u32,
}

impl Adopt {
    /// None if not all of it is known to this release.
    pub fn touched(&self) -> Option<Touched> {
        let object = |object: &ObjectMessage| {
            let kind = u8::try_from(object.kind).ok().and_then(Kind::from_byte)?;
            Some((kind, Oid(object.oid)))
        };
        let objects = self.objects.iter().map(object).collect::<Option<_>>()?;
        Some(Touched { objects, analyzed: self.analyzed.iter().map(|table| Oid(*table)).collect() })
    }
}

impl From<&Touched> for Adopt {
    fn from(touched: &Touched) -> Adopt {
        let object = |(kind, oid): &(Kind, Oid)| ObjectMessage { kind: *kind as u32, oid: oid.0 };
        Adopt {
            objects: touched.objects.iter().map(object).collect(),
            analyzed: touched.analyzed.iter().map(|table| table.0).collect(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Enumeration)]
#[repr(i32)]
pub enum Grant {
    Granted = 0,
    /// Ask again: it stays in the queue.
    Waits = 1,
    /// Somebody holds it, and the asker did not want to wait.
    Held = 2,
    Deadlock = 3,
}

#[derive(Clone, PartialEq, Message)]
pub struct Told {
    #[prost(uint32, tag = "100")]
    pub version: u32,
    /// The tenure of who answers; 0 is none.
    #[prost(uint64, tag = "101")]
    pub tenure: u64,
    /// Why what was asked was not done.
    #[prost(string, optional, tag = "1")]
    pub refused: Option<String>,
    #[prost(message, repeated, tag = "2")]
    pub locks: Vec<Lock>,
    #[prost(enumeration = "Grant", tag = "3")]
    pub grant: i32,
    /// The story of a deadlock.
    #[prost(string, tag = "4")]
    pub detail: String,
    #[prost(message, repeated, tag = "5")]
    pub sessions: Vec<Session>,
}

impl Told {
    pub fn refusal(why: impl Into<String>) -> Told {
        Told { refused: Some(why.into()), ..Told::default() }
    }

    pub fn granted(grant: Grant) -> Told {
        Told { grant: grant as i32, ..Told::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_come_back_as_they_were() {
        let tags = [
            Tag::Relation { database: Oid(5), relation: Oid(16400) },
            Tag::Object { class: Oid(1262), object: Oid(5) },
            Tag::Advisory { database: Oid(5), key: Advisory::One(i64::MIN) },
            Tag::Advisory { database: Oid(5), key: Advisory::Two(-1, i32::MIN) },
        ];
        for (tag, mode) in tags.into_iter().zip(Mode::ALL) {
            let lock = Lock::decode(Lock::new(1, 2, 3, tag, mode).encode_to_vec().as_slice()).unwrap();
            assert_eq!((lock.tag(), lock.mode()), (tag, mode));
        }
    }
}
