//! Functions that need more than their arguments: the session, the catalog, the clock, randomness, or waiting.
//!
//! Listed under `pg_proc.prosrc` like those of `atoll_datum`, where everything pure is.

pub mod catalog;
pub mod chance;
pub mod definition;
pub mod lock;
pub mod name;
pub mod privilege;
pub mod sequence;
pub mod session;

use atoll_datum::function::{self, Aggregate};
use atoll_datum::json::populate;
use atoll_datum::misc::ordered_set::{Standing, ordered_set};
use atoll_datum::{Datum, Result, builtin};
use futures_util::future::BoxFuture;

use crate::exec::{self, Exec};
use crate::plan::{Body, Function, WindowFunction};
use crate::session::Scope;

/// Answers at once: `current_user`, `pg_get_indexdef`, `random`.
pub type SessionFunction = fn(&Scope, &function::Call, &[Datum]) -> Result<Datum>;

/// May wait: `nextval`, `pg_sleep`, advisory locks. The second argument are the call's arguments.
pub type WaitingFunction = for<'a, 'b> fn(&'a mut Exec<'b>, &'a [Datum]) -> BoxFuture<'a, exec::Result<Datum>>;

/// Rows at once: `pg_get_keywords`, `pg_show_all_settings`.
pub type SessionSet = fn(&Scope, &function::Call, &[Datum]) -> Result<Vec<Vec<Datum>>>;

pub type SessionTable = &'static [(&'static str, SessionFunction)];
pub type WaitingTable = &'static [(&'static str, WaitingFunction)];
pub type SessionSetTable = &'static [(&'static str, SessionSet)];

const SESSION: &[SessionTable] = &[
    catalog::SESSION,
    chance::SESSION,
    lock::SESSION,
    name::SESSION,
    privilege::COLUMNS,
    privilege::SESSION,
    sequence::SESSION,
    session::SESSION,
];
const WAITING: &[WaitingTable] = &[chance::WAITING, lock::WAITING, sequence::WAITING, session::WAITING];
const SETS: &[SessionSetTable] = &[session::SETS];

const WINDOW: &[(&str, WindowFunction)] = &[
    ("window_row_number", WindowFunction::RowNumber),
    ("window_rank", WindowFunction::Rank),
    ("window_dense_rank", WindowFunction::DenseRank),
    ("window_percent_rank", WindowFunction::PercentRank),
    ("window_cume_dist", WindowFunction::CumeDist),
    ("window_ntile", WindowFunction::Ntile),
    ("window_lag", WindowFunction::Lag),
    ("window_lag_with_offset", WindowFunction::Lag),
    ("window_lag_with_offset_and_default", WindowFunction::Lag),
    ("window_lead", WindowFunction::Lead),
    ("window_lead_with_offset", WindowFunction::Lead),
    ("window_lead_with_offset_and_default", WindowFunction::Lead),
    ("window_first_value", WindowFunction::FirstValue),
    ("window_last_value", WindowFunction::LastValue),
    ("window_nth_value", WindowFunction::NthValue),
];

fn find<T: Copy>(tables: &[&'static [(&'static str, T)]], source: &str) -> Option<T> {
    tables.iter().flat_map(|table| table.iter()).find(|(name, _)| *name == source).map(|(_, entry)| *entry)
}

/// How a row of pg_proc is done here; none if Atoll has not got it, which is for the binder to refuse.
pub fn lookup(row: &'static builtin::Function) -> Option<Function> {
    let by_signature = || format!("{}:{}", row.name, row.argument_list);
    let body = match row.kind {
        b'a' => function::aggregate(row.name, row.argument_list)
            .map(Body::Aggregate)
            .or_else(|| ordered_set(row.name, row.argument_list).map(Body::OrderedSet))
            .or_else(|| hypothetical(row))?,
        b'w' => Body::Window(find(&[WINDOW], row.source)?),
        _ if populate::find(row.source).is_some() => Body::Populate(populate::find(row.source)?),
        _ if row.returns_set => function::set(row.source)
            .or_else(|| function::set(&by_signature()))
            .map(Body::Set)
            .or_else(|| find(SETS, row.source).map(Body::SessionSet))?,
        _ => function::scalar(row.source)
            .or_else(|| function::scalar(&by_signature()))
            .map(Body::Pure)
            .or_else(|| find(SESSION, row.source).map(Body::Session))
            .or_else(|| find(WAITING, row.source).map(Body::Waiting))
            .or_else(|| find(SESSION, &by_signature()).map(Body::Session))?,
    };
    Some(Function { row, body })
}

fn hypothetical(row: &builtin::Function) -> Option<Body> {
    let is_hypothetical = builtin::builtin().aggregate(row.oid).is_some_and(|aggregate| aggregate.kind == b'h');
    (is_hypothetical && Standing::default().result(row.name).is_some()).then_some(Body::Hypothetical)
}

/// One state per group.
pub type AggregateState = Box<dyn Aggregate>;
