//! Arrays of any type, of up to six dimensions.
//!
//! - `io`: text and binary forms
//! - `subscript`: `a[2]`, `a[2:3]`, and assignment to these
//! - `construct`: `ARRAY[...]`
//! - `operate`: functions and operators that answer about an array or make another
//! - `aggregate`: `array_agg`, `min`, `max`
//!
//! Chapters 8.15 and 9.19 of PostgreSQL's documentation.

mod aggregate;
mod construct;
mod io;
mod operate;
mod subscript;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use crate::datum::{Datum, compare_all};
use crate::error::{Error, Result};
use crate::function::{AggregateTable, ScalarTable, SetTable};
use crate::oid::Oid;
use crate::sqlstate;

pub use construct::{from_arrays, from_values};
pub use io::{format, parse, receive, send};
pub use subscript::{Bounds, assign, assign_slice, get, null_subscript, slice};

pub const SCALARS: ScalarTable = operate::SCALARS;
pub const SETS: SetTable = operate::SETS;
pub const AGGREGATES: AggregateTable = aggregate::AGGREGATES;

pub const DIMENSIONS_MAX: usize = 6;
/// What PostgreSQL can address.
pub const ELEMENTS_MAX: usize = 134_217_727;

/// Elements in row-major order. An empty array has no dimensions.
#[derive(Debug, Clone)]
pub struct Array {
    element_type: Oid,
    dimensions: Vec<Dimension>,
    elements: Vec<Datum>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dimension {
    pub length: i32,
    /// The first subscript, mostly 1.
    pub lower: i32,
}

impl Dimension {
    /// The last subscript. Fits, because [`Array::with_dimensions`] says so.
    pub fn upper(self) -> i32 {
        self.lower + (self.length - 1)
    }
}

impl Array {
    /// Of one dimension, counted from 1.
    pub fn new(element_type: Oid, elements: Vec<Datum>) -> Array {
        let dimensions = match elements.len() {
            0 => Vec::new(),
            length => vec![Dimension { length: length as i32, lower: 1 }],
        };
        Array { element_type, dimensions, elements }
    }

    pub fn empty(element_type: Oid) -> Array {
        Array::new(element_type, Vec::new())
    }

    /// The lengths multiply to the number of elements. Refuses what PostgreSQL can't address.
    pub fn with_dimensions(element_type: Oid, dimensions: Vec<Dimension>, elements: Vec<Datum>) -> Result<Array> {
        if elements.is_empty() {
            return Ok(Array::empty(element_type));
        }
        check_dimensions(&dimensions)?;
        debug_assert_eq!(
            dimensions.iter().map(|dimension| dimension.length as usize).product::<usize>(),
            elements.len()
        );
        Ok(Array { element_type, dimensions, elements })
    }

    /// Of parts from storage: none if they don't fit together.
    pub fn checked(element_type: Oid, dimensions: Vec<Dimension>, elements: Vec<Datum>) -> Option<Array> {
        let total = if dimensions.is_empty() { 0 } else { check_dimensions(&dimensions).ok()? };
        let fits = total == elements.len() && (total > 0 || dimensions.is_empty());
        fits.then_some(Array { element_type, dimensions, elements })
    }

    pub fn element_type(&self) -> Oid {
        self.element_type
    }

    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    pub fn elements(&self) -> &[Datum] {
        &self.elements
    }

    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// By elements, then by their number, then by dimensions.
    pub fn compare(&self, other: &Array) -> Ordering {
        let lengths = |array: &Array| array.dimensions.iter().map(|dimension| dimension.length).collect::<Vec<_>>();
        compare_all(&self.elements, &other.elements).then_with(|| {
            if self.dimensions == other.dimensions {
                return Ordering::Equal;
            }
            let by_number = self.dimensions.len().cmp(&other.dimensions.len());
            by_number
                .then_with(|| lengths(self).cmp(&lengths(other)))
                .then_with(|| self.dimensions.cmp(&other.dimensions))
        })
    }
}

/// How many elements dimensions hold.
pub fn check_dimensions(dimensions: &[Dimension]) -> Result<usize> {
    if dimensions.len() > DIMENSIONS_MAX {
        return Err(too_many_dimensions(dimensions.len()));
    }
    let mut elements = 1_usize;
    for dimension in dimensions {
        let length = usize::try_from(dimension.length).map_err(|_| too_many_elements())?;
        elements =
            elements.checked_mul(length).filter(|elements| *elements <= ELEMENTS_MAX).ok_or_else(too_many_elements)?;
    }
    for dimension in dimensions {
        // The subscript behind the last one must be a number too.
        if dimension.lower.checked_add(dimension.length).is_none() {
            let message = format!("array lower bound is too large: {}", dimension.lower);
            return Err(Error::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, message));
        }
    }
    Ok(elements)
}

fn too_many_dimensions(dimensions: usize) -> Error {
    let message = format!("number of array dimensions ({dimensions}) exceeds the maximum allowed ({DIMENSIONS_MAX})");
    Error::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, message)
}

fn too_many_elements() -> Error {
    let message = format!("array size exceeds the maximum allowed ({ELEMENTS_MAX})");
    Error::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, message)
}

fn subscript_error(message: impl Into<String>) -> Error {
    Error::new(sqlstate::ARRAY_SUBSCRIPT_ERROR, message)
}

fn wrong_number_of_subscripts() -> Error {
    subscript_error("wrong number of array subscripts")
}
