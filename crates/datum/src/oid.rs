//! Object identifiers, and those of the built-in types by name.

use std::fmt;

/// What PostgreSQL calls an OID: of a type, a function, a table. Stable over restarts and the same on every node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Oid(pub u32);

impl Oid {
    /// PostgreSQL's InvalidOid.
    pub const NONE: Oid = Oid(0);

    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! types {
    ($($name:ident = $oid:literal),* $(,)?) => { $(pub const $name: Oid = Oid($oid);)* };
}

// As in pg_type.
types! {
    BOOL = 16, BYTEA = 17, CHAR = 18, NAME = 19, INT8 = 20, INT2 = 21, INT2VECTOR = 22, INT4 = 23, REGPROC = 24,
    TEXT = 25, OID = 26, TID = 27, XID = 28, CID = 29, OIDVECTOR = 30, JSON = 114, XML = 142, PG_NODE_TREE = 194,
    FLOAT4 = 700, FLOAT8 = 701, UNKNOWN = 705, MONEY = 790, BPCHAR = 1042, VARCHAR = 1043, DATE = 1082, TIME = 1083,
    TIMESTAMP = 1114, TIMESTAMPTZ = 1184, INTERVAL = 1186, TIMETZ = 1266, BIT = 1560, VARBIT = 1562, NUMERIC = 1700,
    REFCURSOR = 1790, REGPROCEDURE = 2202, REGOPER = 2203, REGOPERATOR = 2204, REGCLASS = 2205, REGTYPE = 2206,
    RECORD = 2249, CSTRING = 2275, ANY = 2276, ANYARRAY = 2277, VOID = 2278, TRIGGER = 2279, INTERNAL = 2281,
    ANYELEMENT = 2283, RECORDARRAY = 2287, ANYNONARRAY = 2776, UUID = 2950, ANYENUM = 3500, JSONB = 3802,
    ANYRANGE = 3831, REGNAMESPACE = 4089, REGROLE = 4096, JSONPATH = 4072, REGCOLLATION = 4191,
    ANYCOMPATIBLE = 5077, ANYCOMPATIBLEARRAY = 5078, ANYCOMPATIBLENONARRAY = 5079, ANYCOMPATIBLERANGE = 5080,
    XID8 = 5069, ACLITEM = 1033, CIDR = 650, INET = 869, PG_LSN = 3220, PG_NDISTINCT = 3361, PG_DEPENDENCIES = 3402,
    PG_MCV_LIST = 5017,

    BOOL_ARRAY = 1000, BYTEA_ARRAY = 1001, CHAR_ARRAY = 1002, NAME_ARRAY = 1003, INT2_ARRAY = 1005, INT4_ARRAY = 1007,
    TEXT_ARRAY = 1009, BPCHAR_ARRAY = 1014, VARCHAR_ARRAY = 1015, INT8_ARRAY = 1016, FLOAT4_ARRAY = 1021,
    FLOAT8_ARRAY = 1022, OID_ARRAY = 1028, ACLITEM_ARRAY = 1034, TIMESTAMP_ARRAY = 1115, DATE_ARRAY = 1182,
    TIME_ARRAY = 1183, TIMESTAMPTZ_ARRAY = 1185, INTERVAL_ARRAY = 1187, NUMERIC_ARRAY = 1231, TIMETZ_ARRAY = 1270,
    REGTYPE_ARRAY = 2211, UUID_ARRAY = 2951, JSON_ARRAY = 199, JSONB_ARRAY = 3807,
}
