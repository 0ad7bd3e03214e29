//! `a[2]`, `a[2:3]`, and `UPDATE ... SET a[2] = ...`.
//!
//! Reading never fails: outside of the array there is NULL, and of slices the empty array. Writing extends arrays of
//! one dimension, with NULL in the gap.

use super::{Array, Dimension, check_dimensions, subscript_error, too_many_elements, wrong_number_of_subscripts};
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::oid::Oid;
use crate::sqlstate;

/// `[lower:upper]`; what is left out is the array's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub lower: Option<i32>,
    pub upper: Option<i32>,
}

/// NULL if it is not there or the number of subscripts is not that of the dimensions.
pub fn get<'a>(array: &'a Array, subscripts: &[i32]) -> &'a Datum {
    offset(array.dimensions(), subscripts).map_or(&Datum::Null, |at| &array.elements()[at])
}

fn offset(dimensions: &[Dimension], subscripts: &[i32]) -> Option<usize> {
    if dimensions.is_empty() || dimensions.len() != subscripts.len() {
        return None;
    }
    let mut offset = 0;
    for (dimension, subscript) in dimensions.iter().zip(subscripts) {
        let at = i64::from(*subscript) - i64::from(dimension.lower);
        if at < 0 || at >= i64::from(dimension.length) {
            return None;
        }
        offset = offset * dimension.length as usize + at as usize;
    }
    Some(offset)
}

/// Counted from 1 in all dimensions. Dimensions without bounds are taken whole.
pub fn slice(array: &Array, bounds: &[Bounds]) -> Array {
    let empty = || Array::empty(array.element_type());
    if bounds.len() > array.dimensions().len() {
        return empty();
    }
    let mut ranges = Vec::with_capacity(array.dimensions().len());
    for (at, dimension) in array.dimensions().iter().enumerate() {
        let asked = bounds.get(at).copied().unwrap_or(Bounds { lower: None, upper: None });
        let lower = asked.lower.map_or(dimension.lower, |lower| lower.max(dimension.lower));
        let upper = asked.upper.map_or(dimension.upper(), |upper| upper.min(dimension.upper()));
        if upper < lower {
            return empty();
        }
        ranges.push(Dimension { length: upper - lower + 1, lower });
    }
    let mut elements = Vec::new();
    for_each_in(array.dimensions(), &ranges, |at| elements.push(array.elements()[at].clone()));
    let dimensions = ranges.iter().map(|range| Dimension { length: range.length, lower: 1 }).collect();
    Array { element_type: array.element_type(), dimensions, elements }
}

/// Offsets of what `ranges` cover, in order; they lie inside.
fn for_each_in(dimensions: &[Dimension], ranges: &[Dimension], mut visit: impl FnMut(usize)) {
    let Some(total) = ranges.iter().map(|range| range.length as usize).reduce(|a, b| a * b) else { return };
    for number in 0..total {
        let (mut rest, mut offset, mut stride) = (number, 0, 1);
        for (dimension, range) in dimensions.iter().zip(ranges).rev() {
            let at = rest % range.length as usize;
            rest /= range.length as usize;
            offset += (at + (range.lower - dimension.lower) as usize) * stride;
            stride *= dimension.length as usize;
        }
        visit(offset);
    }
}

/// The array after `a[subscripts] = value`. No array: it begins with this element.
pub fn assign(element_type: Oid, array: Option<&Array>, subscripts: &[i32], value: Datum) -> Result<Array> {
    let Some(array) = array.filter(|array| !array.is_empty()) else {
        let dimensions = subscripts.iter().map(|lower| Dimension { length: 1, lower: *lower }).collect::<Vec<_>>();
        check_dimensions(&dimensions)?;
        return Array::with_dimensions(element_type, dimensions, vec![value]);
    };
    if array.dimensions().len() != subscripts.len() {
        return Err(wrong_number_of_subscripts());
    }
    if let Some(at) = offset(array.dimensions(), subscripts) {
        let mut changed = array.clone();
        changed.elements[at] = value;
        return Ok(changed);
    }
    let ([dimension], [subscript]) = (array.dimensions(), subscripts) else {
        return Err(subscript_error("array subscript out of range"));
    };
    let mut changed = extended(array, *dimension, *subscript, *subscript)?;
    let at = i64::from(*subscript) - i64::from(changed.dimensions[0].lower);
    changed.elements[at as usize] = value;
    Ok(changed)
}

/// An array of one dimension with NULLs at its ends, so that it has both subscripts.
fn extended(array: &Array, dimension: Dimension, first: i32, last: i32) -> Result<Array> {
    let lower = dimension.lower.min(first);
    let length = i64::from(dimension.upper().max(last)) - i64::from(lower) + 1;
    let length = i32::try_from(length).map_err(|_| too_many_elements())?;
    let dimensions = vec![Dimension { length, lower }];
    let total = check_dimensions(&dimensions)?;
    let before = (i64::from(dimension.lower) - i64::from(lower)) as usize;
    let mut elements = Vec::with_capacity(total);
    elements.resize(before, Datum::Null);
    elements.extend_from_slice(array.elements());
    elements.resize(total, Datum::Null);
    Array::with_dimensions(array.element_type(), dimensions, elements)
}

/// The array after `a[bounds] = source`. The source may be longer than the slice, not shorter.
pub fn assign_slice(element_type: Oid, array: Option<&Array>, bounds: &[Bounds], source: &Array) -> Result<Array> {
    let Some(array) = array.filter(|array| !array.is_empty()) else {
        return new_from_slice(element_type, bounds, source);
    };
    if array.dimensions().len() < bounds.len() {
        return Err(wrong_number_of_subscripts());
    }
    let mut ranges = Vec::with_capacity(array.dimensions().len());
    for (at, dimension) in array.dimensions().iter().enumerate() {
        let asked = bounds.get(at).copied().unwrap_or(Bounds { lower: None, upper: None });
        let lower = asked.lower.unwrap_or(dimension.lower);
        let upper = asked.upper.unwrap_or(dimension.upper());
        let one_dimension = array.dimensions().len() == 1;
        if lower > upper && (!one_dimension || asked.lower.is_some() && asked.upper.is_some()) {
            return Err(subscript_error("upper bound cannot be less than lower bound"));
        }
        if !one_dimension && (lower < dimension.lower || upper > dimension.upper()) {
            return Err(subscript_error("array subscript out of range"));
        }
        let length = i64::from(upper) - i64::from(lower) + 1;
        ranges.push(Dimension { length: i32::try_from(length.max(0)).map_err(|_| too_many_elements())?, lower });
    }
    let total = check_dimensions(&ranges)?;
    check_source(source, total)?;
    if total == 0 {
        return Ok(array.clone());
    }
    let mut changed = match array.dimensions() {
        [dimension] => extended(array, *dimension, ranges[0].lower, ranges[0].upper())?,
        _ => array.clone(),
    };
    let mut values = source.elements().iter().cloned();
    let dimensions = changed.dimensions.clone();
    for_each_in(&dimensions, &ranges, |at| changed.elements[at] = values.next().unwrap_or_default());
    Ok(changed)
}

fn new_from_slice(element_type: Oid, bounds: &[Bounds], source: &Array) -> Result<Array> {
    let mut dimensions = Vec::with_capacity(bounds.len());
    for bounds in bounds {
        let (Some(lower), Some(upper)) = (bounds.lower, bounds.upper) else {
            let message = "array slice subscript must provide both boundaries";
            let detail = "When assigning to a slice of an empty array value, slice boundaries must be fully specified.";
            return Err(subscript_error(message).detail(detail));
        };
        if upper < lower {
            return Err(subscript_error("upper bound cannot be less than lower bound"));
        }
        let length = i64::from(upper) - i64::from(lower) + 1;
        dimensions.push(Dimension { length: i32::try_from(length).map_err(|_| too_many_elements())?, lower });
    }
    let total = check_dimensions(&dimensions)?;
    check_source(source, total)?;
    Array::with_dimensions(element_type, dimensions, source.elements()[..total].to_vec())
}

fn check_source(source: &Array, wanted: usize) -> Result<()> {
    if source.elements().len() >= wanted {
        return Ok(());
    }
    Err(subscript_error("source array too small"))
}

/// For a NULL between the brackets of an assignment; reading with one gives NULL.
pub fn null_subscript() -> Error {
    Error::new(sqlstate::NULL_VALUE_NOT_ALLOWED, "array subscript in assignment must not be null")
}
