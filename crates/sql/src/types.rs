//! A type as columns and expressions have it: which one, and with which length or precision.

use atoll_datum::{Oid, oid};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Type {
    pub oid: Oid,
    /// As in pg_attribute.atttypmod; -1 is none.
    pub modifier: i32,
}

impl Type {
    pub const fn new(oid: Oid) -> Type {
        Type { oid, modifier: -1 }
    }

    pub const fn with_modifier(oid: Oid, modifier: i32) -> Type {
        Type { oid, modifier }
    }

    pub const BOOL: Type = Type::new(oid::BOOL);
    pub const INT2: Type = Type::new(oid::INT2);
    pub const INT4: Type = Type::new(oid::INT4);
    pub const INT8: Type = Type::new(oid::INT8);
    pub const FLOAT8: Type = Type::new(oid::FLOAT8);
    pub const NUMERIC: Type = Type::new(oid::NUMERIC);
    pub const OID: Type = Type::new(oid::OID);
    pub const NAME: Type = Type::new(oid::NAME);
    pub const TEXT: Type = Type::new(oid::TEXT);
    pub const UNKNOWN: Type = Type::new(oid::UNKNOWN);
    pub const RECORD: Type = Type::new(oid::RECORD);
    pub const VOID: Type = Type::new(oid::VOID);
}

impl From<Oid> for Type {
    fn from(oid: Oid) -> Type {
        Type::new(oid)
    }
}
