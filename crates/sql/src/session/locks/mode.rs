//! PostgreSQL's lock modes, which of them conflict, and what is locked.

use std::fmt;

use atoll_datum::Oid;

/// Weakest first, numbered as in PostgreSQL.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Mode {
    AccessShare = 1,
    RowShare = 2,
    RowExclusive = 3,
    ShareUpdateExclusive = 4,
    Share = 5,
    ShareRowExclusive = 6,
    Exclusive = 7,
    AccessExclusive = 8,
}

/// Modes as bits: mode `n` is bit `n`.
pub(super) type Mask = u16;

impl Mode {
    pub const ALL: [Mode; 8] = [
        Mode::AccessShare,
        Mode::RowShare,
        Mode::RowExclusive,
        Mode::ShareUpdateExclusive,
        Mode::Share,
        Mode::ShareRowExclusive,
        Mode::Exclusive,
        Mode::AccessExclusive,
    ];

    pub(super) fn bit(self) -> Mask {
        1 << self as u8
    }

    /// PostgreSQL's table 13.2.
    pub(super) fn conflicts(self) -> Mask {
        use Mode::*;
        let with: &[Mode] = match self {
            AccessShare => &[AccessExclusive],
            RowShare => &[Exclusive, AccessExclusive],
            RowExclusive => &[Share, ShareRowExclusive, Exclusive, AccessExclusive],
            ShareUpdateExclusive => &[ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive],
            Share => &[RowExclusive, ShareUpdateExclusive, ShareRowExclusive, Exclusive, AccessExclusive],
            ShareRowExclusive => {
                &[RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive]
            }
            Exclusive => {
                &[RowShare, RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive]
            }
            AccessExclusive => &Mode::ALL,
        };
        with.iter().fold(0, |mask, mode| mask | mode.bit())
    }

    pub fn conflicts_with(self, other: Mode) -> bool {
        self.conflicts() & other.bit() != 0
    }

    /// One of those that never conflict with each other.
    pub(super) fn is_weak(self) -> bool {
        self <= Mode::RowExclusive
    }

    pub(super) fn of_mask(mask: Mask) -> impl Iterator<Item = Mode> {
        Mode::ALL.into_iter().filter(move |mode| mask & mode.bit() != 0)
    }

    /// As pg_locks names it.
    pub fn name(self) -> &'static str {
        match self {
            Mode::AccessShare => "AccessShareLock",
            Mode::RowShare => "RowShareLock",
            Mode::RowExclusive => "RowExclusiveLock",
            Mode::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Mode::Share => "ShareLock",
            Mode::ShareRowExclusive => "ShareRowExclusiveLock",
            Mode::Exclusive => "ExclusiveLock",
            Mode::AccessExclusive => "AccessExclusiveLock",
        }
    }
}

/// The key of an advisory lock: of the two forms no key equals one of the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Advisory {
    One(i64),
    Two(i32, i32),
}

impl Advisory {
    /// classid, objid and objsubid of pg_locks.
    pub fn parts(self) -> (u32, u32, u16) {
        match self {
            Advisory::One(key) => ((key >> 32) as u32, key as u32, 1),
            Advisory::Two(first, second) => (first as u32, second as u32, 2),
        }
    }
}

/// What is locked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Tag {
    /// A table, view, sequence or index.
    Relation {
        database: Oid,
        relation: Oid,
    },
    /// A database, schema, type or role: `class` is the catalog that lists it.
    Object {
        class: Oid,
        object: Oid,
    },
    Advisory {
        database: Oid,
        key: Advisory,
    },
}

impl Tag {
    pub(super) fn hash(&self) -> usize {
        let word = match self {
            Tag::Relation { relation, .. } => relation.0,
            Tag::Object { object, .. } => object.0,
            Tag::Advisory { key, .. } => key.parts().1 ^ key.parts().0,
        };
        // Fibonacci hashing: neighbouring oids go to different slots.
        (word.wrapping_mul(0x9e37_79b9) >> 16) as usize
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tag::Relation { database, relation } => write!(f, "relation {relation} of database {database}"),
            Tag::Object { class, object } => write!(f, "object {object} of class {class} of database 0"),
            Tag::Advisory { database, key } => {
                let (class, object, sub) = key.parts();
                write!(f, "advisory lock [{database},{class},{object},{sub}]")
            }
        }
    }
}
