//! `ARRAY[...]`: arrays from values, or from arrays of one dimension less.

use std::sync::Arc;

use super::{Array, Dimension, check_dimensions, subscript_error};
use crate::datum::Datum;
use crate::error::Result;
use crate::oid::Oid;

pub fn from_values(element_type: Oid, values: Vec<Datum>) -> Result<Datum> {
    let length = values.len().try_into().unwrap_or(i32::MAX);
    Ok(Datum::Array(Arc::new(Array::with_dimensions(element_type, vec![Dimension { length, lower: 1 }], values)?)))
}

/// Of `ARRAY[[1,2],[3,4]]`, and of `ARRAY[a, b]` with two arrays: they must have the same dimensions. NULLs and empty
/// arrays make an empty one if there is nothing else.
pub fn from_arrays(element_type: Oid, arrays: &[Datum]) -> Result<Datum> {
    let mut dimensions = Vec::new();
    let mut elements = Vec::new();
    let mut has_empty = false;
    let mismatch = "multidimensional arrays must have array expressions with matching dimensions";
    for array in arrays {
        let Datum::Array(array) = array else {
            has_empty = true;
            continue;
        };
        if array.is_empty() {
            has_empty = true;
        } else if dimensions.is_empty() {
            dimensions = [&[Dimension { length: 1, lower: 1 }], array.dimensions()].concat();
            elements.extend_from_slice(array.elements());
        } else if dimensions[1..] == *array.dimensions() {
            dimensions[0].length += 1;
            elements.extend_from_slice(array.elements());
        } else {
            return Err(subscript_error(mismatch));
        }
    }
    if has_empty && !elements.is_empty() {
        return Err(subscript_error(mismatch));
    }
    check_dimensions(&dimensions)?;
    Ok(Datum::Array(Arc::new(Array::with_dimensions(element_type, dimensions, elements)?)))
}
