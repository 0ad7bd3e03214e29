//! Arrays of any type, of up to six dimensions.

use std::cmp::Ordering;

use crate::datum::{Datum, compare_all};
use crate::function::{AggregateTable, ScalarTable, SetTable};
use crate::oid::Oid;

pub const SCALARS: ScalarTable = &[];
pub const SETS: SetTable = &[];
pub const AGGREGATES: AggregateTable = &[];

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

impl Array {
    /// Of one dimension, counted from 1.
    pub fn new(element_type: Oid, elements: Vec<Datum>) -> Array {
        let dimensions = match elements.len() {
            0 => Vec::new(),
            length => vec![Dimension { length: length as i32, lower: 1 }],
        };
        Array { element_type, dimensions, elements }
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

    /// By elements, then by their number, then by dimensions.
    pub fn compare(&self, other: &Array) -> Ordering {
        compare_all(&self.elements, &other.elements)
            .then_with(|| self.dimensions.len().cmp(&other.dimensions.len()))
            .then_with(|| self.dimensions.cmp(&other.dimensions))
    }
}

use crate::error::{Error, Result};
use crate::function::Settings;
use crate::io::ArrayForm;

pub fn parse(_of: &ArrayForm, _text: &str, _modifier: i32, _settings: &Settings) -> Result<Datum> {
    Err(Error::internal("to be written"))
}
pub fn format(_of: &ArrayForm, _value: &Array, _settings: &Settings, _out: &mut String) {}
pub fn receive(_of: &ArrayForm, _bytes: &[u8], _modifier: i32) -> Result<Datum> {
    Err(Error::internal("to be written"))
}
pub fn send(_of: &ArrayForm, _value: &Array, _out: &mut Vec<u8>) {}
