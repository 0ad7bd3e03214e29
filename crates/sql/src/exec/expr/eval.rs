//! Evaluation at once.

use std::borrow::Cow;

use atoll_datum::{Datum, Error, Result};

use super::{Context, Evaluator, NULL, Node};
use crate::plan::IsTest;

impl Evaluator {
    /// Of an evaluator that doesn't [wait](Evaluator::waits).
    pub fn eval<'r>(&'r self, row: &'r [Datum], context: &Context<'r>) -> Result<Cow<'r, Datum>> {
        Ok(match &self.node {
            Node::Literal(value) => Cow::Borrowed(value),
            Node::Column(position) => Cow::Borrowed(&row[*position]),
            Node::Slot(slot) => Cow::Borrowed(&context.slots[*slot]),
            Node::Parameter(number) => Cow::Borrowed(parameter(*number, context)?),
            Node::Compare(comparison) => Cow::Owned(truth(comparison.eval(row, context)?)),
            Node::Call(call) => {
                let function = &call.function;
                Cow::Owned(with_values(&call.arguments, row, context, |values| function.call(values, context))?)
            }
            Node::Operation(operation) => {
                Cow::Owned(with_values(&operation.operands, row, context, |values| operation.apply(values, context))?)
            }
            Node::Not(operand) => match &*operand.eval(row, context)? {
                Datum::Bool(value) => Cow::Owned(Datum::Bool(!value)),
                _ => NULL,
            },
            Node::Is { operand, test, negated } => {
                Cow::Owned(Datum::Bool(is(&*operand.eval(row, context)?, *test, *negated)))
            }
            Node::And(parts) => {
                let mut result = Datum::Bool(true);
                for part in parts {
                    match &*part.eval(row, context)? {
                        Datum::Bool(true) => {}
                        Datum::Bool(false) => return Ok(Cow::Owned(Datum::Bool(false))),
                        _ => result = Datum::Null,
                    }
                }
                Cow::Owned(result)
            }
            Node::Or(parts) => {
                let mut result = Datum::Bool(false);
                for part in parts {
                    match &*part.eval(row, context)? {
                        Datum::Bool(false) => {}
                        Datum::Bool(true) => return Ok(Cow::Owned(Datum::Bool(true))),
                        _ => result = Datum::Null,
                    }
                }
                Cow::Owned(result)
            }
            Node::Case(case) => {
                for (when, then) in &case.branches {
                    if when.test(row, context)? {
                        return then.eval(row, context);
                    }
                }
                return case.otherwise.as_ref().map_or(Ok(NULL), |otherwise| otherwise.eval(row, context));
            }
            Node::Coalesce(parts) => {
                for part in parts {
                    let value = part.eval(row, context)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                NULL
            }
            Node::Waiting(_) | Node::Subquery(_) => {
                return Err(Error::internal("an expression that waits is evaluated at once"));
            }
        })
    }

    /// Of an evaluator that doesn't wait: whether it is true.
    pub fn test(&self, row: &[Datum], context: &Context<'_>) -> Result<bool> {
        match &self.node {
            Node::Compare(comparison) => Ok(comparison.eval(row, context)? == Some(true)),
            // As a condition, unlike as a value, it may stop at the first part that is NULL: PostgreSQL does, too.
            Node::And(parts) => {
                for part in parts {
                    if !part.test(row, context)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(self.eval(row, context)?.is_true()),
        }
    }
}

pub(super) fn truth(value: Option<bool>) -> Datum {
    value.map_or(Datum::Null, Datum::Bool)
}

pub(super) fn parameter<'a>(number: usize, context: &Context<'a>) -> Result<&'a Datum> {
    let missing = || {
        let message = format!("there is no parameter ${}", number + 1);
        Error::new(atoll_datum::sqlstate::UNDEFINED_PARAMETER, message)
    };
    context.parameters.get(number).ok_or_else(missing)
}

pub(super) fn is(value: &Datum, test: IsTest, negated: bool) -> bool {
    match (test, value) {
        (IsTest::Null, value) => value.is_null() != negated,
        // `IS NOT NULL` of a row is not the opposite of `IS NULL`: both speak of every field.
        (IsTest::RowNull, Datum::Record(record)) => record.values.iter().all(|field| field.is_null() != negated),
        (IsTest::RowNull, value) => value.is_null() != negated,
        (IsTest::True, value) => matches!(value, Datum::Bool(true)) != negated,
        (IsTest::False, value) => matches!(value, Datum::Bool(false)) != negated,
        (IsTest::Unknown, value) => value.is_null() != negated,
    }
}

/// Calls `then` with the values of a few expressions, without memory from the heap if they are few indeed.
fn with_values<R>(
    evaluators: &[Evaluator],
    row: &[Datum],
    context: &Context<'_>,
    then: impl FnOnce(&[Datum]) -> Result<R>,
) -> Result<R> {
    let value = |evaluator: &Evaluator| evaluator.eval(row, context).map(Cow::into_owned);
    match evaluators {
        [] => then(&[]),
        [a] => then(&[value(a)?]),
        [a, b] => then(&[value(a)?, value(b)?]),
        [a, b, c] => then(&[value(a)?, value(b)?, value(c)?]),
        many => then(&many.iter().map(value).collect::<Result<Vec<_>>>()?),
    }
}
