//! Evaluation of expressions that run subqueries or functions that wait: as in [`eval`](super::eval), with the same
//! order and the same laziness.

use atoll_datum::Datum;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::eval::{is, truth};
use super::{Evaluator, Node};
use crate::exec::{Exec, Result};

impl Evaluator {
    pub(super) fn eval_waiting<'a>(&'a self, row: &'a [Datum], exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Datum>> {
        async move {
            Ok(match &self.node {
                Node::Compare(comparison) => {
                    let left = exec.eval(&comparison.left, row).await?;
                    let right = exec.eval(&comparison.right, row).await?;
                    truth(comparison.of(&left, &right))
                }
                Node::Call(call) => {
                    let values = values(&call.arguments, row, exec).await?;
                    call.function.call(&values, &exec.context())?
                }
                Node::Operation(operation) => {
                    let values = values(&operation.operands, row, exec).await?;
                    operation.apply(&values, &exec.context())?
                }
                Node::Not(operand) => match exec.eval(operand, row).await? {
                    Datum::Bool(value) => Datum::Bool(!value),
                    _ => Datum::Null,
                },
                Node::Is { operand, test, negated } => {
                    Datum::Bool(is(&exec.eval(operand, row).await?, *test, *negated))
                }
                Node::And(parts) => junction(parts, true, row, exec).await?,
                Node::Or(parts) => junction(parts, false, row, exec).await?,
                Node::Case(case) => {
                    for (when, then) in &case.branches {
                        if exec.test(when, row).await? {
                            return exec.eval(then, row).await;
                        }
                    }
                    match &case.otherwise {
                        Some(otherwise) => exec.eval(otherwise, row).await?,
                        None => Datum::Null,
                    }
                }
                Node::Coalesce(parts) => {
                    for part in parts {
                        let value = exec.eval(part, row).await?;
                        if !value.is_null() {
                            return Ok(value);
                        }
                    }
                    Datum::Null
                }
                Node::Waiting(call) => {
                    let values = values(&call.arguments, row, exec).await?;
                    call.call(&values, exec).await?
                }
                Node::Subquery(subquery) => subquery.eval(row, exec).await?,
                Node::Literal(_) | Node::Column(_) | Node::Slot(_) | Node::Parameter(_) => {
                    self.eval(row, &exec.context())?.into_owned()
                }
            })
        }
        .boxed()
    }
}

/// AND (with `neutral` true) or OR of the parts.
async fn junction(parts: &[Evaluator], neutral: bool, row: &[Datum], exec: &mut Exec<'_>) -> Result<Datum> {
    let mut result = Datum::Bool(neutral);
    for part in parts {
        match exec.eval(part, row).await? {
            Datum::Bool(value) if value == neutral => {}
            Datum::Bool(value) => return Ok(Datum::Bool(value)),
            _ => result = Datum::Null,
        }
    }
    Ok(result)
}

async fn values(evaluators: &[Evaluator], row: &[Datum], exec: &mut Exec<'_>) -> Result<Vec<Datum>> {
    let mut values = Vec::with_capacity(evaluators.len());
    exec.eval_into(evaluators, row, &mut values).await?;
    Ok(values)
}
