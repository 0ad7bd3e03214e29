//! From an entry of `pg_proc` to the Rust function that does it.
//!
//! Each family's module lists what it has under the names of `pg_proc.prosrc`, as three tables: [`Scalar`]s, [`Set`]s
//! (functions that return rows) and aggregates.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::datum::Datum;
use crate::error::Result;
use crate::oid::Oid;
use crate::time::zone::Zone;

/// What a function may know besides its arguments.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub settings: &'a Settings,
    /// As resolved: no pseudo-types, `unknown` only where the function takes it.
    pub argument_types: &'a [Oid],
    pub result_type: Oid,
}

/// What a session has set that changes what functions answer.
#[derive(Clone, Debug)]
pub struct Settings {
    pub zone: Zone,
    pub date_style: DateStyle,
    pub interval_style: IntervalStyle,
    /// Above 0: floats print so that they read back the same.
    pub extra_float_digits: i32,
    pub bytea_output: ByteaOutput,
    /// The start of the transaction, as microseconds since 2000-01-01 UTC: `now()`, and what `'today'` means.
    pub transaction_micros: i64,
    /// The start of the statement.
    pub statement_micros: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateStyle {
    pub format: DateFormat,
    pub order: DateOrder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateFormat {
    Iso,
    Sql,
    Postgres,
    German,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    Mdy,
    Dmy,
    Ymd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalStyle {
    Postgres,
    PostgresVerbose,
    SqlStandard,
    Iso8601,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteaOutput {
    Hex,
    Escape,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            zone: Zone::utc(),
            date_style: DateStyle { format: DateFormat::Iso, order: DateOrder::Mdy },
            interval_style: IntervalStyle::Postgres,
            extra_float_digits: 1,
            bytea_output: ByteaOutput::Hex,
            transaction_micros: 0,
            statement_micros: 0,
        }
    }
}

/// Whoever calls a strict function (`pg_proc.proisstrict`) answers NULL for a NULL argument without calling it.
pub type Scalar = fn(&Call, &[Datum]) -> Result<Datum>;

/// Each item is a row: one datum for a function of one result column. May be called with NULLs unless strict.
pub type Set = fn(&Call, &[Datum]) -> Result<Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>>;

/// Makes the state of one group.
pub type NewAggregate = fn(&Call) -> Box<dyn Aggregate>;

/// One group's state of an aggregate function.
pub trait Aggregate: Send {
    /// Takes one row's arguments. An aggregate over a strict transition function is not told of rows with a NULL: see
    /// [`AggregateEntry::skips_nulls`].
    fn step(&mut self, call: &Call, arguments: &[Datum]) -> Result<()>;
    /// The result so far. May be called again after more steps (window frames that grow).
    fn finish(&self, call: &Call) -> Result<Datum>;
    /// Takes a row back that was stepped first, for window frames that move. `false` if it can't: the frame is then
    /// computed anew.
    fn retract(&mut self, _call: &Call, _arguments: &[Datum]) -> Result<bool> {
        Ok(false)
    }
    /// Roughly, for memory accounts.
    fn bytes(&self) -> usize;
}

#[derive(Clone, Copy)]
pub struct AggregateEntry {
    pub new: NewAggregate,
    pub skips_nulls: bool,
}

/// By `prosrc`.
pub type ScalarTable = &'static [(&'static str, Scalar)];
pub type SetTable = &'static [(&'static str, Set)];
/// By `proname`, because all aggregates share one `prosrc`, and the types of the arguments: the same order as in
/// `pg_proc`, space separated as there (`"23"` for `sum(int4)`, `""` for `count(*)`).
pub type AggregateTable = &'static [(&'static str, &'static str, AggregateEntry)];

const SCALARS: &[ScalarTable] = &[
    crate::number::SCALARS,
    crate::numeric::SCALARS,
    crate::text::SCALARS,
    crate::bytes::SCALARS,
    crate::regex::SCALARS,
    crate::time::SCALARS,
    crate::json::SCALARS,
    crate::json::path::SCALARS,
    crate::array::SCALARS,
    crate::misc::SCALARS,
];

const SETS: &[SetTable] = &[
    crate::number::SETS,
    crate::text::SETS,
    crate::regex::SETS,
    crate::time::SETS,
    crate::json::SETS,
    crate::json::path::SETS,
    crate::array::SETS,
];

const AGGREGATES: &[AggregateTable] = &[
    crate::number::AGGREGATES,
    crate::numeric::AGGREGATES,
    crate::text::AGGREGATES,
    crate::time::AGGREGATES,
    crate::json::AGGREGATES,
    crate::array::AGGREGATES,
    crate::misc::AGGREGATES,
];

fn by_name<T: Copy>(tables: &[&'static [(&'static str, T)]]) -> HashMap<&'static str, T> {
    tables.iter().flat_map(|table| table.iter().copied()).collect()
}

static SCALAR_BY_SOURCE: LazyLock<HashMap<&'static str, Scalar>> = LazyLock::new(|| by_name(SCALARS));
static SET_BY_SOURCE: LazyLock<HashMap<&'static str, Set>> = LazyLock::new(|| by_name(SETS));
static AGGREGATE_BY_NAME: LazyLock<HashMap<(&'static str, &'static str), AggregateEntry>> = LazyLock::new(|| {
    AGGREGATES.iter().flat_map(|table| table.iter()).map(|(name, types, entry)| ((*name, *types), *entry)).collect()
});

/// The function that `pg_proc.prosrc` names; none if Atoll has not got it.
pub fn scalar(source: &str) -> Option<Scalar> {
    SCALAR_BY_SOURCE.get(source).copied()
}

pub fn set(source: &str) -> Option<Set> {
    SET_BY_SOURCE.get(source).copied()
}

/// `types` as `pg_proc.proargtypes` prints them.
pub fn aggregate(name: &str, types: &str) -> Option<AggregateEntry> {
    AGGREGATE_BY_NAME.get(&(name, types)).copied()
}
