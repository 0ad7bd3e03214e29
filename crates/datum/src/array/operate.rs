//! Functions and operators on arrays.

use std::cmp::Ordering;
use std::fmt::Write;
use std::sync::Arc;

use super::{
    Array, DIMENSIONS_MAX, Dimension, check_dimensions, subscript_error, too_many_dimensions, too_many_elements,
    wrong_number_of_subscripts,
};
use crate::builtin::builtin;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::function::{Call, ScalarTable, SetTable};
use crate::oid::Oid;
use crate::sqlstate::{self, SqlState};

pub const SCALARS: ScalarTable = &[
    ("array_append", append),
    ("array_prepend", prepend),
    ("array_cat", concatenate),
    ("array_eq", |_, arguments| Ok(Datum::Bool(compare(arguments).is_eq()))),
    ("array_ne", |_, arguments| Ok(Datum::Bool(compare(arguments).is_ne()))),
    ("array_lt", |_, arguments| Ok(Datum::Bool(compare(arguments).is_lt()))),
    ("array_gt", |_, arguments| Ok(Datum::Bool(compare(arguments).is_gt()))),
    ("array_le", |_, arguments| Ok(Datum::Bool(compare(arguments).is_le()))),
    ("array_ge", |_, arguments| Ok(Datum::Bool(compare(arguments).is_ge()))),
    ("btarraycmp", |_, arguments| Ok(Datum::Int4(compare(arguments) as i32))),
    ("array_larger", |_, arguments| Ok(arguments[usize::from(compare(arguments).is_lt())].clone())),
    ("array_smaller", |_, arguments| Ok(arguments[usize::from(compare(arguments).is_gt())].clone())),
    ("arraycontains", |_, arguments| Ok(Datum::Bool(contains(array(&arguments[0]), array(&arguments[1]))))),
    ("arraycontained", |_, arguments| Ok(Datum::Bool(contains(array(&arguments[1]), array(&arguments[0]))))),
    ("arrayoverlap", |_, arguments| Ok(Datum::Bool(overlaps(array(&arguments[0]), array(&arguments[1]))))),
    ("array_dims", dims),
    ("array_ndims", |_, arguments| Ok(positive(array(&arguments[0]).dimensions().len()))),
    ("array_lower", |_, arguments| Ok(dimension(arguments).map_or(Datum::Null, |found| Datum::Int4(found.lower)))),
    ("array_upper", |_, arguments| Ok(dimension(arguments).map_or(Datum::Null, |found| Datum::Int4(found.upper())))),
    ("array_length", |_, arguments| Ok(dimension(arguments).map_or(Datum::Null, |found| Datum::Int4(found.length)))),
    ("array_cardinality", |_, arguments| Ok(Datum::Int4(array(&arguments[0]).elements().len() as i32))),
    ("array_position", |_, arguments| position(arguments, None)),
    ("array_position_start", position_from),
    ("array_positions", positions),
    ("array_remove", remove),
    ("array_replace", replace),
    ("array_fill", |call, arguments| fill(call, arguments, None)),
    ("array_fill_with_lower_bounds", |call, arguments| fill(call, arguments, Some(&arguments[2]))),
    ("trim_array", trim),
    ("width_bucket_array", width_bucket),
];

pub const SETS: SetTable = &[
    ("array_unnest", |_, arguments| {
        let array = shared(&arguments[0]);
        Ok(Box::new((0..array.elements().len()).map(move |at| Ok(vec![array.elements()[at].clone()]))))
    }),
    ("generate_subscripts_nodir", |_, arguments| Ok(subscripts(arguments, false))),
    ("generate_subscripts", |_, arguments| Ok(subscripts(arguments, arguments[2].is_true()))),
];

fn array(value: &Datum) -> &Array {
    match value {
        Datum::Array(array) => array,
        other => panic!("an array is wanted, not {other:?}"),
    }
}

fn shared(value: &Datum) -> Arc<Array> {
    match value {
        Datum::Array(array) => array.clone(),
        other => panic!("an array is wanted, not {other:?}"),
    }
}

fn int(value: &Datum) -> i32 {
    match value {
        Datum::Int4(value) => *value,
        other => panic!("an int4 is wanted, not {other:?}"),
    }
}

fn not_null(value: &Datum) -> Option<&Array> {
    (!value.is_null()).then(|| array(value))
}

fn done(array: Array) -> Result<Datum> {
    Ok(Datum::Array(Arc::new(array)))
}

/// NULL for none, as functions of an empty array answer.
fn positive(number: usize) -> Datum {
    if number == 0 { Datum::Null } else { Datum::Int4(number as i32) }
}

fn compare(arguments: &[Datum]) -> Ordering {
    array(&arguments[0]).compare(array(&arguments[1]))
}

/// Of an array type, or of the other argument where the array type is one of the user's.
fn element_type(call: &Call, array_type: Oid, element_at: usize) -> Oid {
    let known = builtin().type_by_oid(array_type).filter(|row| row.is_array()).map(|row| row.element);
    known.unwrap_or_else(|| call.argument_types[element_at])
}

fn append(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    push(call, &arguments[0], &arguments[1], 1)
}

fn prepend(call: &Call, arguments: &[Datum]) -> Result<Datum> {
    push(call, &arguments[1], &arguments[0], 0)
}

/// `element_at`: which argument the element is; the first goes to the front.
fn push(call: &Call, to: &Datum, element: &Datum, element_at: usize) -> Result<Datum> {
    let Some(to) = not_null(to).filter(|array| !array.is_empty()) else {
        let of = element_type(call, call.argument_types[1 - element_at], element_at);
        return done(Array::new(of, vec![element.clone()]));
    };
    let [dimension] = to.dimensions() else {
        let state = SqlState(*b"22000");
        return Err(Error::new(state, "argument must be empty or one-dimensional array"));
    };
    let mut elements = Vec::with_capacity(to.elements().len() + 1);
    if element_at == 0 {
        elements.push(element.clone());
    }
    elements.extend_from_slice(to.elements());
    if element_at == 1 {
        elements.push(element.clone());
    }
    let length = dimension.length.checked_add(1).ok_or_else(too_many_elements)?;
    done(Array::with_dimensions(to.element_type(), vec![Dimension { length, ..*dimension }], elements)?)
}

fn concatenate(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let (Some(a), Some(b)) = (not_null(&arguments[0]), not_null(&arguments[1])) else {
        return Ok(if arguments[0].is_null() { arguments[1].clone() } else { arguments[0].clone() });
    };
    if a.is_empty() || b.is_empty() {
        return Ok(if a.is_empty() { arguments[1].clone() } else { arguments[0].clone() });
    }
    let (a_dimensions, b_dimensions) = (a.dimensions(), b.dimensions());
    let incompatible = |detail: String| Err(subscript_error("cannot concatenate incompatible arrays").detail(detail));
    let compatible_with = "dimensions are not compatible for concatenation.";
    let (outer, inner) = match (a_dimensions.len(), b_dimensions.len()) {
        (a_count, b_count) if a_count == b_count => {
            if a_dimensions[1..] != b_dimensions[1..] {
                return incompatible(format!("Arrays with differing element {compatible_with}"));
            }
            let length = a_dimensions[0].length.checked_add(b_dimensions[0].length).ok_or_else(too_many_elements)?;
            (Dimension { length, ..a_dimensions[0] }, &a_dimensions[1..])
        }
        (a_count, b_count) if a_count == b_count + 1 => {
            if a_dimensions[1..] != *b_dimensions {
                return incompatible(format!("Arrays with differing {compatible_with}"));
            }
            (one_longer(a_dimensions[0])?, &a_dimensions[1..])
        }
        (a_count, b_count) if a_count + 1 == b_count => {
            if *a_dimensions != b_dimensions[1..] {
                return incompatible(format!("Arrays with differing {compatible_with}"));
            }
            (one_longer(b_dimensions[0])?, &b_dimensions[1..])
        }
        (a_count, b_count) => {
            return incompatible(format!("Arrays of {a_count} and {b_count} {compatible_with}"));
        }
    };
    let dimensions = [&[outer], inner].concat();
    check_dimensions(&dimensions)?;
    let elements = [a.elements(), b.elements()].concat();
    done(Array::with_dimensions(a.element_type(), dimensions, elements)?)
}

fn one_longer(dimension: Dimension) -> Result<Dimension> {
    Ok(Dimension { length: dimension.length.checked_add(1).ok_or_else(too_many_elements)?, ..dimension })
}

/// `@>`: NULL is like nothing.
fn contains(a: &Array, b: &Array) -> bool {
    b.elements().iter().all(|wanted| !wanted.is_null() && a.elements().iter().any(|element| equal(element, wanted)))
}

/// `&&`.
fn overlaps(a: &Array, b: &Array) -> bool {
    b.elements().iter().any(|wanted| !wanted.is_null() && a.elements().iter().any(|element| equal(element, wanted)))
}

fn equal(element: &Datum, wanted: &Datum) -> bool {
    !element.is_null() && element.compare(wanted).is_eq()
}

fn dims(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let array = array(&arguments[0]);
    if array.is_empty() {
        return Ok(Datum::Null);
    }
    let mut out = String::new();
    for dimension in array.dimensions() {
        write!(out, "[{}:{}]", dimension.lower, dimension.upper()).expect("a String takes everything");
    }
    Ok(Datum::text(out))
}

/// The one that the second argument numbers from 1.
fn dimension(arguments: &[Datum]) -> Option<Dimension> {
    let at = usize::try_from(int(&arguments[1])).ok()?.checked_sub(1)?;
    array(&arguments[0]).dimensions().get(at).copied()
}

fn subscripts(arguments: &[Datum], reverse: bool) -> Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send> {
    let Some(dimension) = dimension(arguments) else { return Box::new(std::iter::empty()) };
    let row = |subscript: i32| Ok(vec![Datum::Int4(subscript)]);
    let range = dimension.lower..=dimension.upper();
    if reverse { Box::new(range.rev().map(row)) } else { Box::new(range.map(row)) }
}

fn position_from(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let Some(array) = not_null(&arguments[0]) else { return Ok(Datum::Null) };
    if searched(array)?.is_some() && arguments[2].is_null() {
        return Err(Error::new(sqlstate::NULL_VALUE_NOT_ALLOWED, "initial position must not be null"));
    }
    position(arguments, (!arguments[2].is_null()).then(|| int(&arguments[2])))
}

fn position(arguments: &[Datum], from: Option<i32>) -> Result<Datum> {
    let Some(array) = not_null(&arguments[0]) else { return Ok(Datum::Null) };
    let Some(dimension) = searched(array)? else { return Ok(Datum::Null) };
    let skipped = from.map_or(0, |from| i64::from(from) - i64::from(dimension.lower)).max(0) as usize;
    let rest = array.elements().get(skipped..).unwrap_or_default();
    let found = rest.iter().position(|element| *element == arguments[1]);
    Ok(found.map_or(Datum::Null, |at| Datum::Int4(dimension.lower + (skipped + at) as i32)))
}

fn positions(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let Some(array) = not_null(&arguments[0]) else { return Ok(Datum::Null) };
    let subscripts = match searched(array)? {
        None => Vec::new(),
        Some(dimension) => {
            let subscripts = dimension.lower..=dimension.upper();
            let found = subscripts.zip(array.elements()).filter(|(_, element)| **element == arguments[1]);
            found.map(|(subscript, _)| Datum::Int4(subscript)).collect()
        }
    };
    done(Array::new(crate::oid::INT4, subscripts))
}

fn searched(array: &Array) -> Result<Option<Dimension>> {
    match array.dimensions() {
        [] => Ok(None),
        [dimension] => Ok(Some(*dimension)),
        _ => Err(Error::unsupported("searching for elements in multidimensional arrays")),
    }
}

fn remove(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let Some(from) = not_null(&arguments[0]) else { return Ok(Datum::Null) };
    if from.dimensions().len() > 1 {
        return Err(Error::unsupported("removing elements from multidimensional arrays"));
    }
    let kept: Vec<Datum> = from.elements().iter().filter(|element| **element != arguments[1]).cloned().collect();
    if kept.len() == from.elements().len() {
        return Ok(arguments[0].clone());
    }
    let dimensions = from.dimensions().iter().map(|dimension| Dimension { length: kept.len() as i32, ..*dimension });
    done(Array::with_dimensions(from.element_type(), dimensions.collect(), kept)?)
}

fn replace(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let Some(array) = not_null(&arguments[0]) else { return Ok(Datum::Null) };
    let mut changed = array.clone();
    for element in &mut changed.elements {
        if *element == arguments[1] {
            *element = arguments[2].clone();
        }
    }
    done(changed)
}

fn fill(call: &Call, arguments: &[Datum], lowers: Option<&Datum>) -> Result<Datum> {
    let null = |what: &str| Error::new(sqlstate::NULL_VALUE_NOT_ALLOWED, format!("{what} cannot be null"));
    let whole = || null("dimension array or low bound array");
    let check_nulls = |array: &Array| match array.elements().iter().any(Datum::is_null) {
        true => Err(null("dimension values")),
        false => Ok(()),
    };
    let lengths = not_null(&arguments[1]).ok_or_else(whole)?;
    let lowers = lowers.map(|lowers| not_null(lowers).ok_or_else(whole)).transpose()?;
    let is_flat = |array: &Array| match array.dimensions().len() {
        0 | 1 => Ok(()),
        // PostgreSQL says so of the bounds too.
        _ => Err(wrong_number_of_subscripts().detail("Dimension array must be one dimensional.")),
    };
    is_flat(lengths)?;
    check_nulls(lengths)?;
    if lengths.elements().len() > DIMENSIONS_MAX {
        return Err(too_many_dimensions(lengths.elements().len()));
    }
    if let Some(lowers) = lowers {
        is_flat(lowers)?;
        check_nulls(lowers)?;
        if lowers.elements().len() != lengths.elements().len() {
            let detail = "Low bound array has different size than dimensions array.";
            return Err(wrong_number_of_subscripts().detail(detail));
        }
    }
    let lower = |at: usize| lowers.map_or(1, |lowers| int(&lowers.elements()[at]));
    let dimensions = lengths.elements().iter().enumerate();
    let dimensions: Vec<_> =
        dimensions.map(|(at, length)| Dimension { length: int(length), lower: lower(at) }).collect();
    let total = if dimensions.is_empty() { 0 } else { check_dimensions(&dimensions)? };
    done(Array::with_dimensions(call.argument_types[0], dimensions, vec![arguments[0].clone(); total])?)
}

fn trim(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let (array, trimmed) = (array(&arguments[0]), int(&arguments[1]));
    let length = array.dimensions().first().map_or(0, |dimension| dimension.length);
    if trimmed < 0 || trimmed > length {
        let message = format!("number of elements to trim must be between 0 and {length}");
        return Err(subscript_error(message));
    }
    let upper = array.dimensions().first().map(|dimension| dimension.upper() - trimmed);
    done(super::slice(array, &[super::Bounds { lower: None, upper }][..usize::from(upper.is_some())]))
}

fn width_bucket(_: &Call, arguments: &[Datum]) -> Result<Datum> {
    let (operand, thresholds) = (&arguments[0], array(&arguments[1]));
    if thresholds.dimensions().len() > 1 {
        return Err(subscript_error("thresholds must be one-dimensional array"));
    }
    if thresholds.elements().iter().any(Datum::is_null) {
        return Err(Error::new(sqlstate::NULL_VALUE_NOT_ALLOWED, "thresholds array must not contain NULLs"));
    }
    let below = thresholds.elements().partition_point(|threshold| threshold.compare(operand).is_le());
    Ok(Datum::Int4(below as i32))
}
