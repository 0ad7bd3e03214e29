//! `anyelement`, `anyarray` and their family: what they stand for in one call.

use atoll_datum::{Error, Oid, Result, oid, sqlstate};

use super::Binder;
use super::cast::{Context, can_coerce};
use super::common_type::common_type;
use super::types::{self, ANYCOMPATIBLEMULTIRANGE, ANYMULTIRANGE, element};
use crate::catalog::Catalog;

/// What the arguments of one call say.
#[derive(Default)]
struct Found {
    element: Option<Oid>,
    array: Option<Oid>,
    range: Option<Oid>,
    /// Types under `anycompatible`, elements of arrays under `anycompatiblearray`.
    compatible: Vec<Oid>,
    compatible_arrays: bool,
    not_array: bool,
    an_enum: bool,
    compatible_not_array: bool,
    uses_simple: bool,
    uses_compatible: bool,
}

enum Conflict {
    NotAlike(&'static str, Oid, Oid),
    NotArray(&'static str, Oid),
    Inconsistent(&'static str, &'static str, Oid, Oid),
    IsArray(Oid),
    NotEnum(Oid),
    NotRange(&'static str, Oid),
    NoCommonType,
}

fn gather(catalog: &Catalog, actual: &[Oid], declared: &[Oid]) -> std::result::Result<Found, Conflict> {
    let mut found = Found::default();
    for (actual, declared) in actual.iter().copied().zip(declared.iter().copied()) {
        found.uses_simple |= types::is_simple_polymorphic(declared);
        found.uses_compatible |= types::is_compatible_polymorphic(declared);
        let known = actual != oid::UNKNOWN;
        match declared {
            oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYENUM => {
                found.not_array |= declared == oid::ANYNONARRAY;
                found.an_enum |= declared == oid::ANYENUM;
                if !known {
                    continue;
                }
                if let Some(before) = found.element.replace(actual).filter(|before| *before != actual) {
                    return Err(Conflict::NotAlike("anyelement", before, actual));
                }
            }
            oid::ANYARRAY if known => {
                if let Some(before) = found.array.replace(actual).filter(|before| *before != actual) {
                    return Err(Conflict::NotAlike("anyarray", before, actual));
                }
            }
            oid::ANYRANGE | oid::ANYCOMPATIBLERANGE | ANYMULTIRANGE | ANYCOMPATIBLEMULTIRANGE if known => {
                let multirange = matches!(declared, ANYMULTIRANGE | ANYCOMPATIBLEMULTIRANGE);
                let fits = if multirange { types::is_multirange(actual) } else { types::is_range(actual) };
                if !fits {
                    return Err(Conflict::NotRange("anyrange", actual));
                }
                if let Some(before) = found.range.replace(actual).filter(|before| *before != actual) {
                    return Err(Conflict::NotAlike("anyrange", before, actual));
                }
            }
            oid::ANYCOMPATIBLE | oid::ANYCOMPATIBLENONARRAY => {
                found.compatible_not_array |= declared == oid::ANYCOMPATIBLENONARRAY;
                found.compatible.extend(known.then_some(actual));
            }
            oid::ANYCOMPATIBLEARRAY => {
                found.compatible_arrays = true;
                if known {
                    let of = element(catalog, actual).ok_or(Conflict::NotArray("anycompatiblearray", actual))?;
                    found.compatible.push(of);
                }
            }
            _ => {}
        }
    }
    if let Some(array) = found.array {
        let of = element(catalog, array).ok_or(Conflict::NotArray("anyarray", array))?;
        match found.element {
            Some(before) if before != of => {
                return Err(Conflict::Inconsistent("anyarray", "anyelement", array, before));
            }
            _ => found.element = Some(of),
        }
    }
    if let Some(of) = found.element {
        if found.not_array && element(catalog, of).is_some() {
            return Err(Conflict::IsArray(of));
        }
        if found.an_enum && !types::is_enum(catalog, of) {
            return Err(Conflict::NotEnum(of));
        }
    }
    Ok(found)
}

impl Found {
    fn common(&self, catalog: &Catalog) -> std::result::Result<Option<Oid>, Conflict> {
        if !self.uses_compatible {
            return Ok(None);
        }
        let common = common_type(catalog, &self.compatible).map_err(|_| Conflict::NoCommonType)?;
        if !self.compatible.iter().all(|ty| can_coerce(catalog, &[*ty], &[common], Context::Implicit)) {
            return Err(Conflict::NoCommonType);
        }
        if self.compatible_not_array && element(catalog, common).is_some() {
            return Err(Conflict::IsArray(common));
        }
        Ok(Some(common))
    }
}

pub(super) fn is_consistent(catalog: &Catalog, actual: &[Oid], declared: &[Oid]) -> bool {
    gather(catalog, actual, declared).is_ok_and(|found| found.common(catalog).is_ok())
}

impl Binder<'_> {
    /// Puts real types in the place of polymorphic ones in `declared`; gives the call's result type.
    pub fn resolve_polymorphic(&self, actual: &[Oid], declared: &mut [Oid], result: Oid) -> Result<Oid> {
        if !declared.iter().any(|ty| types::is_polymorphic(*ty)) {
            return Ok(result);
        }
        let refuse = |conflict: Conflict| self.conflict(conflict);
        let found = gather(self.catalog, actual, declared).map_err(refuse)?;
        let common = found.common(self.catalog).map_err(refuse)?;
        let undetermined = || {
            Error::new(
                sqlstate::DATATYPE_MISMATCH,
                "could not determine polymorphic type because input has type unknown",
            )
        };
        if found.uses_simple && found.element.is_none() && found.range.is_none() {
            return Err(undetermined());
        }
        let array_of = |ty: Oid| {
            types::array_of(self.catalog, ty).ok_or_else(|| {
                let message = format!("could not find array type for data type {}", self.type_text(ty));
                Error::new(sqlstate::UNDEFINED_OBJECT, message)
            })
        };
        let real = |ty: Oid| match ty {
            oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYENUM => found.element.ok_or_else(undetermined),
            oid::ANYARRAY => match found.array {
                Some(array) => Ok(array),
                None => array_of(found.element.ok_or_else(undetermined)?),
            },
            oid::ANYRANGE => found.range.ok_or_else(undetermined),
            oid::ANYCOMPATIBLE | oid::ANYCOMPATIBLENONARRAY => common.ok_or_else(undetermined),
            oid::ANYCOMPATIBLEARRAY => array_of(common.ok_or_else(undetermined)?),
            other => Ok(other),
        };
        for declared in declared.iter_mut() {
            *declared = real(*declared)?;
        }
        real(result)
    }

    fn conflict(&self, conflict: Conflict) -> Error {
        let text = |ty: Oid| self.type_text(ty);
        let mismatch = |message: String| Error::new(sqlstate::DATATYPE_MISMATCH, message);
        match conflict {
            Conflict::NotAlike(name, first, second) => mismatch(format!(
                "arguments declared \"{name}\" are not all alike"
            ))
            .detail(format!("{} versus {}", text(first), text(second))),
            Conflict::NotArray(name, ty) => {
                mismatch(format!("argument declared {name} is not an array but type {}", text(ty)))
            }
            Conflict::NotRange(name, ty) => {
                mismatch(format!("argument declared {name} is not a range type but type {}", text(ty)))
            }
            Conflict::Inconsistent(first, second, a, b) => {
                mismatch(format!("argument declared {first} is not consistent with argument declared {second}"))
                    .detail(format!("{} versus {}", text(a), text(b)))
            }
            Conflict::IsArray(ty) => mismatch(format!("type matched to anynonarray is an array type: {}", text(ty))),
            Conflict::NotEnum(ty) => mismatch(format!("type matched to anyenum is not an enum type: {}", text(ty))),
            Conflict::NoCommonType => {
                mismatch("arguments of anycompatible family cannot be cast to a common type".into())
            }
        }
    }
}
