//! Expressions, compiled against the columns of their input.
//!
//! - [`compile`]: from [`plan::Expr`](crate::plan::Expr) to an [`Evaluator`]
//! - [`eval`]: evaluation at once, by reference where nothing has to be made
//! - [`waiting`]: evaluation of what runs subqueries or functions that wait
//! - [`compare`]: comparisons that need no call; [`call`]: those of functions; [`operation`]: everything else that first
//!   evaluates all its operands
//! - [`populate`]: calls whose records have columns that somebody else has said; [`subquery`]: plans inside expressions
//!
//! INVARIANT: an evaluator has no state. What a subquery remembers is in [`State`](super::State), so one evaluator may be
//! shared, and evaluating needs no exclusive access to the operator that owns it.

mod call;
mod compare;
mod compile;
mod eval;
mod operation;
mod populate;
mod subquery;
mod waiting;

use std::borrow::Cow;
use std::collections::BTreeMap;

use atoll_datum::Datum;

use self::call::{Applied, WaitingCall};
use self::compare::Comparison;
use self::operation::Operation;
use self::subquery::SubqueryNode;
use super::{Exec, Result};
use crate::plan::{ColumnId, IsTest};
use crate::session::Scope;

pub use compare::{Comparator, integer};
pub use populate::Populating;
pub use subquery::SubqueryState;

/// What expressions see besides their row.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub scope: &'a Scope,
    pub parameters: &'a [Datum],
    pub slots: &'a [Datum],
}

/// An expression that is ready to run.
#[derive(Debug)]
pub struct Evaluator {
    node: Node,
    /// Runs a subquery or a function that waits.
    waits: bool,
}

#[derive(Debug)]
enum Node {
    Literal(Datum),
    Column(usize),
    Slot(usize),
    Parameter(usize),
    Compare(Box<Comparison>),
    Call(Box<CallNode>),
    Operation(Box<Operation>),
    Not(Box<Evaluator>),
    Is { operand: Box<Evaluator>, test: IsTest, negated: bool },
    And(Box<[Evaluator]>),
    Or(Box<[Evaluator]>),
    Case(Box<CaseNode>),
    Coalesce(Box<[Evaluator]>),
    Waiting(Box<WaitingCall>),
    Subquery(Box<SubqueryNode>),
}

#[derive(Debug)]
struct CallNode {
    function: Applied,
    arguments: Box<[Evaluator]>,
}

#[derive(Debug)]
struct CaseNode {
    branches: Box<[(Evaluator, Evaluator)]>,
    otherwise: Option<Evaluator>,
}

/// Where the columns of a row lie.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    positions: BTreeMap<ColumnId, usize>,
    ids: Vec<ColumnId>,
}

impl Columns {
    pub fn position(&self, id: ColumnId) -> Option<usize> {
        self.positions.get(&id).copied()
    }

    pub fn ids(&self) -> &[ColumnId] {
        &self.ids
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

impl Columns {
    /// Columns that lie anywhere in a row.
    pub fn placed(places: impl IntoIterator<Item = (ColumnId, usize)>) -> Columns {
        let positions: BTreeMap<ColumnId, usize> = places.into_iter().collect();
        Columns { ids: positions.keys().copied().collect(), positions }
    }
}

impl From<Vec<ColumnId>> for Columns {
    fn from(ids: Vec<ColumnId>) -> Columns {
        let positions = ids.iter().enumerate().map(|(position, id)| (*id, position)).collect();
        Columns { positions, ids }
    }
}

impl Exec<'_> {
    /// The expression's value for a row.
    pub async fn eval(&mut self, evaluator: &Evaluator, row: &[Datum]) -> Result<Datum> {
        if evaluator.waits {
            return evaluator.eval_waiting(row, self).await;
        }
        Ok(evaluator.eval(row, &self.context())?.into_owned())
    }

    /// Whether a condition is true; NULL is not.
    pub async fn test(&mut self, evaluator: &Evaluator, row: &[Datum]) -> Result<bool> {
        if evaluator.waits {
            return Ok(evaluator.eval_waiting(row, self).await?.is_true());
        }
        Ok(evaluator.test(row, &self.context())?)
    }

    /// Appends the values of several expressions.
    pub async fn eval_into(&mut self, evaluators: &[Evaluator], row: &[Datum], out: &mut Vec<Datum>) -> Result<()> {
        for evaluator in evaluators {
            let value = self.eval(evaluator, row).await?;
            out.push(value);
        }
        Ok(())
    }
}

impl Evaluator {
    fn new(node: Node, waits: bool) -> Evaluator {
        Evaluator { node, waits }
    }

    pub fn waits(&self) -> bool {
        self.waits
    }

    /// The position of the column that it is, if it is nothing else.
    pub fn as_column(&self) -> Option<usize> {
        match self.node {
            Node::Column(position) => Some(position),
            _ => None,
        }
    }
}

fn any_waits<'a>(evaluators: impl IntoIterator<Item = &'a Evaluator>) -> bool {
    evaluators.into_iter().any(|evaluator| evaluator.waits)
}

const NULL: Cow<'static, Datum> = Cow::Owned(Datum::Null);
