//! Operations that first evaluate all their operands: casts through text, arrays, records, ANY and ALL over arrays.

use std::collections::HashSet;
use std::sync::Arc;

use atoll_datum::array::{self, Array};
use atoll_datum::datum::Record;
use atoll_datum::io::Form;
use atoll_datum::{Datum, Error, Oid, Result, json};

use super::call::Applied;
use super::{Context, Evaluator, integer};
use crate::exec::keyed::{Hasher, Sense};

#[derive(Debug)]
pub(super) struct Operation {
    pub kind: Kind,
    pub operands: Box<[Evaluator]>,
    pub at: Option<u32>,
}

#[derive(Debug)]
pub(super) enum Kind {
    CastByText {
        output: Form,
        input: Form,
        modifier: i32,
    },
    /// The evaluator's row is the one element.
    CastArray {
        element: Evaluator,
        element_type: Oid,
    },
    DistinctFrom {
        equal: Applied,
        negated: bool,
    },
    NullIf {
        equal: Applied,
    },
    /// Of several values the one that stands first or last.
    Extreme {
        greatest: bool,
        sense: Sense,
    },
    Quantified {
        operator: Applied,
        all: bool,
    },
    /// `x = ANY` (or, negated, `x <> ALL`) of a known array.
    Member {
        members: HashSet<Datum, Hasher>,
        has_null: bool,
        negated: bool,
    },
    Array {
        element_type: Oid,
        nested: bool,
    },
    Row(RecordType),
    Field(usize),
    Subscript(Box<[SubscriptKind]>),
    /// Of an array and a new value.
    Assign {
        element_type: Oid,
        subscripts: Box<[SubscriptKind]>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct RecordType {
    pub of: Oid,
    pub names: Arc<[Arc<str>]>,
    pub types: Arc<[Oid]>,
}

/// Which operands a subscript takes, in this order.
#[derive(Clone, Copy, Debug)]
pub(super) enum SubscriptKind {
    Index,
    Slice { has_lower: bool, has_upper: bool },
}

impl RecordType {
    pub(super) fn record(&self, values: Vec<Datum>) -> Datum {
        Datum::Record(Arc::new(Record { of: self.of, names: self.names.clone(), types: self.types.clone(), values }))
    }
}

impl Operation {
    pub(super) fn apply(&self, operands: &[Datum], context: &Context<'_>) -> Result<Datum> {
        let result = self.kind.apply(operands, context);
        match (result, self.at) {
            (Err(error), Some(at)) => Err(error.at(at as usize)),
            (result, _) => result,
        }
    }
}

impl Kind {
    fn apply(&self, operands: &[Datum], context: &Context<'_>) -> Result<Datum> {
        let settings = &context.scope.settings;
        Ok(match (self, operands) {
            (Kind::CastByText { .. } | Kind::CastArray { .. } | Kind::Field(_), [Datum::Null]) => Datum::Null,
            (Kind::CastByText { output, input, modifier }, [value]) => {
                let mut text = String::new();
                output.format(value, settings, &mut text);
                input.parse(&text, *modifier, settings)?
            }
            (Kind::CastArray { element, element_type }, [Datum::Array(array)]) => {
                let mut elements = Vec::with_capacity(array.elements().len());
                for value in array.elements() {
                    elements.push(element.eval(std::slice::from_ref(value), context)?.into_owned());
                }
                let dimensions = array.dimensions().to_vec();
                Datum::Array(Arc::new(Array::with_dimensions(*element_type, dimensions, elements)?))
            }
            (Kind::DistinctFrom { equal, negated }, [left, right]) => {
                let differ = match (left.is_null(), right.is_null()) {
                    (true, true) => false,
                    (false, false) => equal.holds(left, right, context)? != Some(true),
                    _ => true,
                };
                Datum::Bool(differ != *negated)
            }
            (Kind::NullIf { equal }, [left, right]) => match equal.holds(left, right, context)? {
                Some(true) => Datum::Null,
                _ => left.clone(),
            },
            (Kind::Extreme { greatest, sense }, values) => {
                let mut best = &Datum::Null;
                for value in values.iter().filter(|value| !value.is_null()) {
                    let order = sense.compare(value, best);
                    if best.is_null() || (if *greatest { order.is_gt() } else { order.is_lt() }) {
                        best = value;
                    }
                }
                best.clone()
            }
            (Kind::Quantified { .. }, [_, Datum::Null]) => Datum::Null,
            (Kind::Quantified { operator, all }, [left, Datum::Array(array)]) => {
                let mut result = Datum::Bool(*all);
                for element in array.elements() {
                    match operator.holds(left, element, context)? {
                        None => result = Datum::Null,
                        Some(value) if value != *all => return Ok(Datum::Bool(value)),
                        Some(_) => {}
                    }
                }
                result
            }
            (Kind::Member { members, has_null, negated }, [left]) => member(left, members, *has_null, *negated),
            (Kind::Array { element_type, nested: false }, values) => {
                array::from_values(*element_type, values.to_vec())?
            }
            (Kind::Array { element_type, nested: true }, values) => array::from_arrays(*element_type, values)?,
            (Kind::Row(of), values) => of.record(values.to_vec()),
            (Kind::Field(field), [Datum::Record(record)]) => {
                let missing = || Error::internal(format!("a record has no field {field}"));
                record.values.get(*field).cloned().ok_or_else(missing)?
            }
            (Kind::Subscript(kinds), [value, subscripts @ ..]) => subscript(value, kinds, subscripts)?,
            (Kind::Assign { element_type, subscripts: kinds }, [array, value, subscripts @ ..]) => {
                assign(*element_type, array, kinds, subscripts, value)?
            }
            (kind, values) => return Err(Error::internal(format!("{kind:?} was given {values:?}"))),
        })
    }
}

pub(super) fn member(left: &Datum, members: &HashSet<Datum, Hasher>, has_null: bool, negated: bool) -> Datum {
    let found = match left {
        _ if members.is_empty() && !has_null => false,
        Datum::Null => return Datum::Null,
        Datum::Int2(_) | Datum::Int4(_) => members.contains(&widened(left)),
        left => members.contains(left),
    };
    match found {
        false if has_null => Datum::Null,
        found => Datum::Bool(found != negated),
    }
}

/// As members are kept: all integers in one size.
pub(super) fn widened(value: &Datum) -> Datum {
    integer(value).map_or_else(|| value.clone(), Datum::Int8)
}

fn subscript(value: &Datum, kinds: &[SubscriptKind], subscripts: &[Datum]) -> Result<Datum> {
    if value.is_null() || subscripts.iter().any(Datum::is_null) {
        return Ok(Datum::Null);
    }
    match value {
        Datum::Array(_) | Datum::Text(_) => {}
        Datum::Jsonb(value) => return Ok(json::get(value, subscripts).map_or(Datum::Null, Datum::Jsonb)),
        _ => return Err(Error::unsupported("a subscript of this type")),
    }
    let mut numbers = Vec::with_capacity(subscripts.len());
    for subscript in subscripts {
        let Datum::Int4(number) = subscript else { return Err(Error::internal("a subscript is not an integer")) };
        numbers.push(*number);
    }
    let Datum::Array(array) = value else { return Ok(byte_of_name(value, &numbers)) };
    if kinds.iter().all(|kind| matches!(kind, SubscriptKind::Index)) {
        return Ok(array::get(array, &numbers).clone());
    }
    Ok(Datum::Array(Arc::new(array::slice(array, &bounds_of(kinds, numbers)))))
}

/// A name takes 64 bytes, those behind its end are zero.
fn byte_of_name(name: &Datum, subscripts: &[i32]) -> Datum {
    const NAME_BYTES: usize = 64;
    let (Datum::Text(name), [subscript]) = (name, subscripts) else { return Datum::Null };
    match usize::try_from(*subscript) {
        Ok(place) if place < NAME_BYTES => Datum::Char(name.as_bytes().get(place).copied().unwrap_or(0)),
        _ => Datum::Null,
    }
}

/// Beside a slice a single number means "from 1 to it".
fn bounds_of(kinds: &[SubscriptKind], numbers: Vec<i32>) -> Vec<array::Bounds> {
    let mut numbers = numbers.into_iter();
    let bounds = kinds.iter().map(|kind| match kind {
        SubscriptKind::Index => array::Bounds { lower: Some(1), upper: numbers.next() },
        SubscriptKind::Slice { has_lower, has_upper } => array::Bounds {
            lower: has_lower.then(|| numbers.next()).flatten(),
            upper: has_upper.then(|| numbers.next()).flatten(),
        },
    });
    bounds.collect()
}

/// The array, or the jsonb, with one element or slice replaced.
fn assign(
    element_type: Oid,
    value: &Datum,
    kinds: &[SubscriptKind],
    subscripts: &[Datum],
    new: &Datum,
) -> Result<Datum> {
    let array = match (value, new) {
        (Datum::Jsonb(_) | Datum::Null, Datum::Jsonb(new)) => {
            let json = if let Datum::Jsonb(json) = value { Some(json) } else { None };
            return Ok(Datum::Jsonb(json::assign(json, subscripts, new)?));
        }
        (Datum::Array(array), _) => Some(&**array),
        (Datum::Null, _) => None,
        _ => return Err(Error::unsupported("an assignment to an element of this type")),
    };
    let mut numbers = Vec::with_capacity(subscripts.len());
    for subscript in subscripts {
        match subscript {
            Datum::Int4(number) => numbers.push(*number),
            _ => return Err(array::null_subscript()),
        }
    }
    if kinds.iter().all(|kind| matches!(kind, SubscriptKind::Index)) {
        return Ok(Datum::Array(Arc::new(array::assign(element_type, array, &numbers, new.clone())?)));
    }
    match new {
        // PostgreSQL leaves the array as it is.
        Datum::Null => Ok(value.clone()),
        Datum::Array(source) => {
            let bounds = bounds_of(kinds, numbers);
            Ok(Datum::Array(Arc::new(array::assign_slice(element_type, array, &bounds, source)?)))
        }
        _ => Err(Error::internal("a slice was to be assigned something that is no array")),
    }
}
