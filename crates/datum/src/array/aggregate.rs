//! `array_agg` of values and of arrays; `min` and `max` of arrays.

use std::sync::Arc;

use super::{Array, Dimension, construct, subscript_error};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Aggregate, AggregateEntry, AggregateTable, Call};
use crate::misc::Extreme;
use crate::sqlstate;

pub const AGGREGATES: AggregateTable = &[
    ("array_agg", "2776", AggregateEntry { new: |_| Box::new(Values::default()), skips_nulls: false }),
    ("array_agg", "2277", AggregateEntry { new: |_| Box::new(Arrays::default()), skips_nulls: false }),
    ("min", "2277", AggregateEntry { new: |_| Box::new(Extreme::least()), skips_nulls: true }),
    ("max", "2277", AggregateEntry { new: |_| Box::new(Extreme::greatest()), skips_nulls: true }),
];

#[derive(Default)]
struct Values {
    values: Vec<Datum>,
    bytes: usize,
}

impl Aggregate for Values {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        self.bytes += arguments[0].bytes();
        self.values.push(arguments[0].clone());
        Ok(())
    }

    fn finish(&self, call: &Call) -> Result<Datum> {
        if self.values.is_empty() {
            return Ok(Datum::Null);
        }
        construct::from_values(call.argument_types[0], self.values.clone())
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Arrays of the same dimensions become one with one dimension more.
#[derive(Default)]
struct Arrays {
    first: Option<Arc<Array>>,
    count: i32,
    elements: Vec<Datum>,
    bytes: usize,
}

impl Aggregate for Arrays {
    fn step(&mut self, _: &Call, arguments: &[Datum]) -> Result<()> {
        let Datum::Array(array) = &arguments[0] else {
            return Err(Error::new(sqlstate::NULL_VALUE_NOT_ALLOWED, "cannot accumulate null arrays"));
        };
        if array.is_empty() {
            return Err(subscript_error("cannot accumulate empty arrays"));
        }
        let first = self.first.get_or_insert_with(|| array.clone());
        if first.dimensions() != array.dimensions() {
            return Err(subscript_error("cannot accumulate arrays of different dimensionality"));
        }
        self.count += 1;
        self.bytes += arguments[0].bytes();
        self.elements.extend_from_slice(array.elements());
        Ok(())
    }

    fn finish(&self, _: &Call) -> Result<Datum> {
        let Some(first) = &self.first else { return Ok(Datum::Null) };
        let dimensions = [&[Dimension { length: self.count, lower: 1 }], first.dimensions()].concat();
        let array = Array::with_dimensions(first.element_type(), dimensions, self.elements.clone())?;
        Ok(Datum::Array(Arc::new(array)))
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}
