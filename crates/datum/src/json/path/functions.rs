//! What a client calls: `jsonb_path_exists` and its kin, and the operators `@?` and `@@`.

use super::Path;
use super::execute::{Item, Made, Manner, Status, run};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Call, ScalarTable, SetTable};
use crate::json::binary::{Builder, Jsonb};
use crate::json::lex::Sink;
use crate::json::{jsonb, text_of};
use crate::sqlstate;

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

pub const SCALARS: ScalarTable = &[
    ("jsonb_path_exists", |call, arguments| exists(call, arguments, false)),
    ("jsonb_path_exists_tz", |call, arguments| exists(call, arguments, true)),
    ("jsonb_path_exists_opr", |call, arguments| exists(call, arguments, false)),
    ("jsonb_path_match", |call, arguments| matches(call, arguments, false)),
    ("jsonb_path_match_tz", |call, arguments| matches(call, arguments, true)),
    ("jsonb_path_match_opr", |call, arguments| matches(call, arguments, false)),
    ("jsonb_path_query_array", |call, arguments| query_array(call, arguments, false)),
    ("jsonb_path_query_array_tz", |call, arguments| query_array(call, arguments, true)),
    ("jsonb_path_query_first", |call, arguments| query_first(call, arguments, false)),
    ("jsonb_path_query_first_tz", |call, arguments| query_first(call, arguments, true)),
];

pub const SETS: SetTable = &[
    ("jsonb_path_query", |call, arguments| query(call, arguments, false)),
    ("jsonb_path_query_tz", |call, arguments| query(call, arguments, true)),
];

/// The operators have no variables, and are silent.
fn manner<'a>(call: &Call<'a>, arguments: &'a [Datum], zoned: bool) -> Manner<'a> {
    let (vars, silent) = match arguments {
        [_, _, vars, silent, ..] => (Some(jsonb(vars).root()), *silent == Datum::Bool(true)),
        _ => (None, true),
    };
    Manner { vars, silent, zoned, settings: call.settings }
}

fn exists(call: &Call, arguments: &[Datum], zoned: bool) -> Result<Datum> {
    let path = Path::kept(text_of(&arguments[1]))?;
    let made = Made::default();
    let status = run(&path, jsonb(&arguments[0]).root(), manner(call, arguments, zoned), &made, None)?;
    Ok(match status {
        Status::Found => Datum::Bool(true),
        Status::NotFound => Datum::Bool(false),
        Status::Failed => Datum::Null,
    })
}

/// What was found before an error that is silent counts.
fn all<T>(call: &Call, arguments: &[Datum], zoned: bool, take: impl FnOnce(&[Item]) -> T) -> Result<T> {
    let path = Path::kept(text_of(&arguments[1]))?;
    let made = Made::default();
    let mut found = Vec::new();
    run(&path, jsonb(&arguments[0]).root(), manner(call, arguments, zoned), &made, Some(&mut found))?;
    Ok(take(&found))
}

fn matches(call: &Call, arguments: &[Datum], zoned: bool) -> Result<Datum> {
    let silent = manner(call, arguments, zoned).silent;
    all(call, arguments, zoned, |found| match found {
        [item] if item.is_null() => Ok(Datum::Null),
        [item] if item.bool().is_some() => Ok(item.bool().map_or(Datum::Null, Datum::Bool)),
        _ if silent => Ok(Datum::Null),
        _ => Err(Error::new(sqlstate::SINGLETON_SQL_JSON_ITEM_REQUIRED, "single boolean result is expected")),
    })?
}

fn query(call: &Call, arguments: &[Datum], zoned: bool) -> Result<Rows> {
    let found: Vec<Jsonb> = all(call, arguments, zoned, |found| found.iter().map(Item::to_jsonb).collect())?;
    Ok(Box::new(found.into_iter().map(|json| Ok(vec![Datum::Jsonb(json)]))))
}

fn query_array(call: &Call, arguments: &[Datum], zoned: bool) -> Result<Datum> {
    all(call, arguments, zoned, |found| {
        let mut out = Builder::new();
        out.begin_array();
        found.iter().for_each(|item| item.write(&mut out));
        out.end_array()?;
        Ok(Datum::Jsonb(out.finish()))
    })?
}

fn query_first(call: &Call, arguments: &[Datum], zoned: bool) -> Result<Datum> {
    all(call, arguments, zoned, |found| found.first().map_or(Datum::Null, |item| Datum::Jsonb(item.to_jsonb())))
}
