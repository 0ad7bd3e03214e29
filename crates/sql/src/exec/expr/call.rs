//! Calls of functions.

use atoll_datum::function::{self, Scalar};
use atoll_datum::{Datum, Oid, Result, oid};

use super::populate::Populating;
use super::{Context, Evaluator};
use crate::exec;
use crate::function::{SessionFunction, WaitingFunction};

/// A function with what a call of it needs besides arguments.
#[derive(Debug)]
pub(super) struct Applied {
    pub body: ScalarBody,
    pub strict: bool,
    pub argument_types: Box<[Oid]>,
    pub result: Oid,
    /// The last argument is an array that stands for the rest, of a function that takes anything (`concat`, `format`).
    pub spread: Option<Spread>,
    pub at: Option<u32>,
}

pub(super) enum ScalarBody {
    Pure(Scalar),
    Session(SessionFunction),
    Populate(Box<Populating>),
}

impl std::fmt::Debug for ScalarBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ScalarBody::Pure(_) => "Pure",
            ScalarBody::Session(_) => "Session",
            ScalarBody::Populate(_) => "Populate",
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    pub element_type: Oid,
    /// What a NULL in the place of the array means: no more arguments, or a NULL result.
    pub null_is_empty: bool,
}

impl Applied {
    pub(super) fn call(&self, arguments: &[Datum], context: &Context<'_>) -> Result<Datum> {
        if self.strict && arguments.iter().any(Datum::is_null) {
            return Ok(Datum::Null);
        }
        let Some(spread) = self.spread else { return self.run(arguments, &self.argument_types, context) };
        let Some((last, first)) = arguments.split_last() else {
            return self.run(arguments, &self.argument_types, context);
        };
        let elements = match last {
            Datum::Array(array) => array.elements(),
            _ if spread.null_is_empty => &[],
            _ => return Ok(Datum::Null),
        };
        let all: Vec<Datum> = first.iter().chain(elements).cloned().collect();
        let mut types = self.argument_types[..first.len()].to_vec();
        types.resize(all.len(), spread.element_type);
        self.run(&all, &types, context)
    }

    fn run(&self, arguments: &[Datum], argument_types: &[Oid], context: &Context<'_>) -> Result<Datum> {
        let call = function::Call { settings: &context.scope.settings, argument_types, result_type: self.result };
        let result = match &self.body {
            ScalarBody::Pure(body) => body(&call, arguments),
            ScalarBody::Session(body) => body(context.scope, &call, arguments),
            ScalarBody::Populate(body) => {
                body.call(arguments, context.scope).map(|records| records.into_iter().next().unwrap_or(Datum::Null))
            }
        };
        match (result, self.at) {
            (Err(error), Some(at)) => Err(error.at(at as usize)),
            (result, _) => result,
        }
    }

    /// Of a comparison: whether it is true, none if NULL.
    pub(super) fn holds(&self, left: &Datum, right: &Datum, context: &Context<'_>) -> Result<Option<bool>> {
        Ok(match self.call(&[left.clone(), right.clone()], context)? {
            Datum::Bool(value) => Some(value),
            _ => None,
        })
    }
}

pub(super) struct WaitingCall {
    pub body: WaitingFunction,
    pub strict: bool,
    pub arguments: Box<[Evaluator]>,
    pub at: Option<u32>,
}

impl std::fmt::Debug for WaitingCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WaitingCall").field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

impl WaitingCall {
    pub(super) async fn call(&self, arguments: &[Datum], exec: &mut exec::Exec<'_>) -> exec::Result<Datum> {
        if self.strict && arguments.iter().any(Datum::is_null) {
            return Ok(Datum::Null);
        }
        match ((self.body)(exec, arguments).await, self.at) {
            (Err(exec::Failure::Sql(error)), Some(at)) => Err(error.at(at as usize).into()),
            (result, _) => result,
        }
    }
}

/// Whether values of the two types can be compared and hashed as they are, integers aside.
pub(super) fn is_integer(of: Oid) -> bool {
    matches!(of, oid::INT2 | oid::INT4 | oid::INT8)
}
