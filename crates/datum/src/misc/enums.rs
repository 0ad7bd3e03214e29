//! Functions on enums.
//!
//! PostgreSQL's `enum_first(NULL::rainbow)` asks the type alone. A NULL does not know its type here: whoever has the
//! catalog calls [`values`] with it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::array::Array;
use crate::datum::{Datum, EnumType, EnumValue};
use crate::error::{Error, Result};
use crate::function::Call;
use crate::sqlstate;

/// All of the type's values, or those between two, in order; a bound that is NULL is none.
pub fn values(of: &Arc<EnumType>, from: &Datum, to: &Datum) -> Array {
    let position = |bound: &Datum| match bound {
        Datum::Enum(value) => Some(value.position),
        _ => None,
    };
    let last = of.labels.len().saturating_sub(1) as u32;
    let range: RangeInclusive<u32> = position(from).unwrap_or(0)..=position(to).unwrap_or(last);
    let values = range.take(of.labels.len()).map(|position| Datum::Enum(EnumValue { of: of.clone(), position }));
    Array::new(of.oid, values.collect())
}

fn type_of(arguments: &[Datum]) -> Result<&Arc<EnumType>> {
    let known = arguments.iter().find_map(|argument| match argument {
        Datum::Enum(value) => Some(&value.of),
        _ => None,
    });
    known.ok_or_else(|| {
        let message = "could not determine actual enum type";
        Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message)
    })
}

pub fn first(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let of = type_of(arguments)?;
    Ok(Datum::Enum(EnumValue { of: of.clone(), position: 0 }))
}

pub fn last(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let of = type_of(arguments)?;
    Ok(Datum::Enum(EnumValue { of: of.clone(), position: (of.labels.len() - 1) as u32 }))
}

pub fn range_all(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Array(Arc::new(values(type_of(arguments)?, &Datum::Null, &Datum::Null))))
}

pub fn range_bounds(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    Ok(Datum::Array(Arc::new(values(type_of(arguments)?, &arguments[0], &arguments[1]))))
}
