//! Sums, differences and products of columns and constants, as the arguments of aggregates have them.

use std::borrow::Cow;

use atoll_datum::{Datum, Error, Numeric, Result};

use super::{Kind, Values, Vector};
use crate::exec::Builder;
use crate::exec::expr::{Columns, Evaluator};
use crate::plan::{Expr, ExprKind};

/// An expression over the columns of a scan, named by their positions there.
#[derive(Debug)]
pub enum Formula {
    Column(usize),
    /// Where it stands among the constants.
    Constant(usize),
    Operation {
        operator: Operator,
        of: Kind,
        operands: Box<[Formula; 2]>,
        at: Option<u32>,
    },
}

#[derive(Clone, Copy, Debug)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
}

impl Formula {
    /// None if it is of another kind. Constants go to `constants`.
    pub fn compile(
        expr: &Expr,
        columns: &Columns,
        constants: &mut Vec<Evaluator>,
        builder: &mut Builder<'_>,
    ) -> Result<Option<Formula>> {
        match &expr.kind {
            ExprKind::Column(id) => Ok(columns.position(*id).map(Formula::Column)),
            ExprKind::Literal(_) | ExprKind::Parameter(_) => {
                constants.push(builder.expr(expr, &Columns::default())?);
                Ok(Some(Formula::Constant(constants.len() - 1)))
            }
            ExprKind::Call(call) => {
                use Operator::*;
                let (operator, of) = match call.function.row.source {
                    "numeric_add" => (Add, Kind::Numeric),
                    "numeric_sub" => (Subtract, Kind::Numeric),
                    "numeric_mul" => (Multiply, Kind::Numeric),
                    "int4pl" => (Add, Kind::Int4),
                    "int4mi" => (Subtract, Kind::Int4),
                    "int4mul" => (Multiply, Kind::Int4),
                    "int8pl" => (Add, Kind::Int8),
                    "int8mi" => (Subtract, Kind::Int8),
                    "int8mul" => (Multiply, Kind::Int8),
                    _ => return Ok(None),
                };
                let [left, right] = &call.arguments[..] else { return Ok(None) };
                let Some(left) = Formula::compile(left, columns, constants, builder)? else { return Ok(None) };
                let Some(right) = Formula::compile(right, columns, constants, builder)? else { return Ok(None) };
                Ok(Some(Formula::Operation { operator, of, operands: Box::new([left, right]), at: expr.at }))
            }
            _ => Ok(None),
        }
    }

    /// Its value for each row.
    pub fn values<'v, 'a>(
        &self,
        columns: &'v [Vector<'a>],
        constants: &[Datum],
        len: usize,
    ) -> Result<Cow<'v, Vector<'a>>> {
        match self {
            Formula::Column(column) => Ok(Cow::Borrowed(&columns[*column])),
            Formula::Constant(constant) => {
                let value = &constants[*constant];
                let mut vector = Vector::new(kind_of(value), len);
                for at in 0..len {
                    vector.set(at, value)?;
                }
                Ok(Cow::Owned(vector))
            }
            Formula::Operation { operator, of, operands, at } => {
                let [left, right] = &**operands;
                // A constant is not spread over a vector of its own.
                let result = match (left, right) {
                    (Formula::Constant(constant), right) if *of == Kind::Numeric => {
                        let right = right.values(columns, constants, len)?;
                        numerics_with(*operator, &constants[*constant], &right, true)
                    }
                    (left, Formula::Constant(constant)) if *of == Kind::Numeric => {
                        let left = left.values(columns, constants, len)?;
                        numerics_with(*operator, &constants[*constant], &left, false)
                    }
                    (left, right) => {
                        let left = left.values(columns, constants, len)?;
                        let right = right.values(columns, constants, len)?;
                        operate(*operator, *of, &left, &right)
                    }
                };
                match (result, at) {
                    (Ok(vector), _) => Ok(Cow::Owned(vector)),
                    (Err(error), Some(at)) => Err(error.at(*at as usize)),
                    (Err(error), None) => Err(error),
                }
            }
        }
    }
}

fn kind_of(value: &Datum) -> Kind {
    match value {
        Datum::Int2(_) => Kind::Int2,
        Datum::Int4(_) => Kind::Int4,
        Datum::Int8(_) => Kind::Int8,
        Datum::Numeric(_) => Kind::Numeric,
        _ => Kind::Other,
    }
}

fn numeric(operator: Operator, left: &Numeric, right: &Numeric) -> Result<Numeric> {
    match operator {
        Operator::Add => left.add(right),
        Operator::Subtract => left.sub(right),
        Operator::Multiply => left.mul(right),
    }
}

fn numerics_with<'a>(
    operator: Operator,
    constant: &Datum,
    vector: &Vector<'a>,
    constant_first: bool,
) -> Result<Vector<'a>> {
    let Datum::Numeric(constant) = constant else { return Ok(Vector::new(Kind::Numeric, vector.len())) };
    let Values::Numerics(values) = &vector.values else { return all_null(Kind::Numeric, &vector.nulls) };
    let mut results = Vec::with_capacity(values.len());
    for (value, is_null) in values.iter().zip(&vector.nulls) {
        results.push(match (is_null, constant_first) {
            (true, _) => Numeric::ZERO,
            (false, true) => numeric(operator, constant, value)?,
            (false, false) => numeric(operator, value, constant)?,
        });
    }
    Ok(Vector::of_numerics(results, vector.nulls.clone()))
}

fn operate<'a>(operator: Operator, of: Kind, left: &Vector<'a>, right: &Vector<'a>) -> Result<Vector<'a>> {
    let nulls: Vec<bool> = left.nulls.iter().zip(&right.nulls).map(|(a, b)| *a || *b).collect();
    match (&left.values, &right.values) {
        (Values::Numerics(left), Values::Numerics(right)) => {
            let mut results = Vec::with_capacity(left.len());
            for (at, is_null) in nulls.iter().enumerate() {
                let result = if *is_null { Numeric::ZERO } else { numeric(operator, &left[at], &right[at])? };
                results.push(result);
            }
            Ok(Vector::of_numerics(results, nulls))
        }
        (Values::Integers(left), Values::Integers(right)) => {
            let name = if of == Kind::Int4 { "integer" } else { "bigint" };
            let mut results = Vec::with_capacity(left.len());
            for (at, is_null) in nulls.iter().enumerate() {
                let result = match operator {
                    _ if *is_null => Some(0),
                    Operator::Add => left[at].checked_add(right[at]),
                    Operator::Subtract => left[at].checked_sub(right[at]),
                    Operator::Multiply => left[at].checked_mul(right[at]),
                };
                let fits = |value: &i64| of != Kind::Int4 || i32::try_from(*value).is_ok();
                results.push(result.filter(fits).ok_or_else(|| Error::out_of_range(name))?);
            }
            Ok(Vector::of_integers(of, results, nulls))
        }
        _ => all_null(of, &nulls),
    }
}

/// Of a side that is nothing but NULL: a parameter's type is not seen by its value.
fn all_null<'a>(of: Kind, nulls: &[bool]) -> Result<Vector<'a>> {
    match nulls.iter().all(|is_null| *is_null) {
        true => Ok(Vector::new(of, nulls.len())),
        false => Err(mismatch()),
    }
}

#[cold]
fn mismatch() -> Error {
    Error::internal("an operation on columns of other types than it takes")
}
