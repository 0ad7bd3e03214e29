//! Comparisons whose meaning is the default order of their type: no call, no copies of the operands.

use std::cmp::Ordering;

use atoll_datum::{Datum, Result};

use super::{Context, Evaluator};
use crate::plan::{Body, Function};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug)]
pub(super) struct Comparison {
    pub comparator: Comparator,
    pub left: Evaluator,
    pub right: Evaluator,
}

/// `pg_proc.prosrc` of such functions begins so, and goes on with the comparator.
const FAMILIES: [&str; 28] = [
    "int2",
    "int4",
    "int8",
    "int24",
    "int42",
    "int28",
    "int82",
    "int48",
    "int84",
    "float4",
    "float8",
    "text",
    "text_",
    "bool",
    "oid",
    "char",
    "bytea",
    "date_",
    "time_",
    "timestamp_",
    "timestamptz_",
    "uuid_",
    "numeric_",
    "interval_",
    "timetz_",
    "enum_",
    "name",
    "jsonb_",
];

impl Comparator {
    /// Of a function that compares two values of one type, or two integers, by their default order.
    pub fn of(function: &Function) -> Option<Comparator> {
        if !matches!(function.body, Body::Pure(_)) || function.row.arguments.len() != 2 {
            return None;
        }
        let source = function.row.source;
        let (family, comparator) = source.split_at_checked(source.len().checked_sub(2)?)?;
        let comparator = match comparator {
            "eq" => Comparator::Equal,
            "ne" => Comparator::NotEqual,
            "lt" => Comparator::Less,
            "le" => Comparator::LessOrEqual,
            "gt" => Comparator::Greater,
            "ge" => Comparator::GreaterOrEqual,
            _ => return None,
        };
        FAMILIES.contains(&family).then_some(comparator)
    }

    /// The same between the sides exchanged.
    pub fn flipped(self) -> Comparator {
        match self {
            Comparator::Equal | Comparator::NotEqual => self,
            Comparator::Less => Comparator::Greater,
            Comparator::LessOrEqual => Comparator::GreaterOrEqual,
            Comparator::Greater => Comparator::Less,
            Comparator::GreaterOrEqual => Comparator::LessOrEqual,
        }
    }

    pub fn holds(self, order: Ordering) -> bool {
        match self {
            Comparator::Equal => order.is_eq(),
            Comparator::NotEqual => order.is_ne(),
            Comparator::Less => order.is_lt(),
            Comparator::LessOrEqual => order.is_le(),
            Comparator::Greater => order.is_gt(),
            Comparator::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Comparison {
    /// None is NULL.
    pub(super) fn eval(&self, row: &[Datum], context: &Context<'_>) -> Result<Option<bool>> {
        let left = self.left.eval(row, context)?;
        let right = self.right.eval(row, context)?;
        Ok(self.of(&left, &right))
    }

    pub(super) fn of(&self, left: &Datum, right: &Datum) -> Option<bool> {
        let order = match (left, right) {
            (Datum::Null, _) | (_, Datum::Null) => return None,
            (Datum::Int4(left), Datum::Int4(right)) => left.cmp(right),
            (Datum::Int8(left), Datum::Int8(right)) => left.cmp(right),
            _ => match (integer(left), integer(right)) {
                (Some(left), Some(right)) => left.cmp(&right),
                _ => left.compare(right),
            },
        };
        Some(self.comparator.holds(order))
    }
}

/// Of an integer of any size.
pub fn integer(value: &Datum) -> Option<i64> {
    match value {
        Datum::Int2(value) => Some(i64::from(*value)),
        Datum::Int4(value) => Some(i64::from(*value)),
        Datum::Int8(value) => Some(*value),
        _ => None,
    }
}
