//! The choice among operators or functions of one name (PostgreSQL's chapters 10.2 and 10.3).

use atoll_datum::{Oid, oid};

use super::cast::{Context, can_coerce};
use super::types;
use crate::catalog::Catalog;

#[derive(Clone, Debug)]
pub(super) struct Candidate<T> {
    pub arguments: Vec<Oid>,
    pub of: T,
}

pub(super) enum Choice<T> {
    One(T),
    /// Several would do and none is best.
    Ambiguous,
    None,
}

/// Of those that the inputs can be converted to, the best. None of them is an exact match.
pub(super) fn choose<T>(catalog: &Catalog, inputs: &[Oid], mut candidates: Vec<Candidate<T>>) -> Choice<T> {
    candidates.retain(|candidate| can_coerce(catalog, inputs, &candidate.arguments, Context::Implicit));
    match candidates.len() {
        0 => return Choice::None,
        1 => return Choice::One(candidates.remove(0).of),
        _ => {}
    }
    match best(catalog, inputs, candidates) {
        Some(candidate) => Choice::One(candidate.of),
        None => Choice::Ambiguous,
    }
}

fn best<T>(catalog: &Catalog, inputs: &[Oid], mut candidates: Vec<Candidate<T>>) -> Option<Candidate<T>> {
    let known = |input: Oid| input != oid::UNKNOWN;
    // Most exact matches.
    keep_most(&mut candidates, |candidate| {
        inputs.iter().zip(&candidate.arguments).filter(|(input, ty)| known(**input) && input == ty).count()
    });
    if candidates.len() == 1 {
        return candidates.pop();
    }
    // Most matches that are exact or preferred types.
    keep_most(&mut candidates, |candidate| {
        let fits = |input: Oid, ty: Oid| {
            let preferred = || {
                let (category, preferred) = types::category(catalog, ty);
                preferred && category == types::category(catalog, input).0
            };
            known(input) && (input == ty || preferred())
        };
        inputs.iter().zip(&candidate.arguments).filter(|(input, ty)| fits(**input, **ty)).count()
    });
    if candidates.len() == 1 {
        return candidates.pop();
    }
    if inputs.iter().all(|input| known(*input)) {
        return None;
    }
    // Unknown literals take the category that the candidates agree on, strings before all.
    if let Some(wanted) = unknown_categories(catalog, inputs, &candidates) {
        let fits = |candidate: &Candidate<T>| {
            wanted.iter().zip(&candidate.arguments).all(|(wanted, ty)| {
                wanted.is_none_or(|(wanted, must_be_preferred)| {
                    let (category, preferred) = types::category(catalog, *ty);
                    category == wanted && (preferred || !must_be_preferred)
                })
            })
        };
        if candidates.iter().any(fits) {
            candidates.retain(fits);
            if candidates.len() == 1 {
                return candidates.pop();
            }
        }
    }
    // Unknown literals are taken to be of the one type that all the others have.
    let mut others = inputs.iter().copied().filter(|input| known(*input));
    let same = others.next()?;
    if others.any(|other| other != same) {
        return None;
    }
    let assumed = vec![same; inputs.len()];
    candidates.retain(|candidate| can_coerce(catalog, &assumed, &candidate.arguments, Context::Implicit));
    if candidates.len() == 1 { candidates.pop() } else { None }
}

fn keep_most<T>(candidates: &mut Vec<Candidate<T>>, score: impl Fn(&Candidate<T>) -> usize) {
    let most = candidates.iter().map(&score).max().unwrap_or(0);
    candidates.retain(|candidate| score(candidate) == most);
}

/// For each unknown input its category, and whether only that category's preferred type will do.
fn unknown_categories<T>(
    catalog: &Catalog,
    inputs: &[Oid],
    candidates: &[Candidate<T>],
) -> Option<Vec<Option<(u8, bool)>>> {
    let mut wanted = vec![None; inputs.len()];
    for (place, _) in inputs.iter().enumerate().filter(|(_, input)| **input == oid::UNKNOWN) {
        let mut slot: Option<(u8, bool)> = None;
        let mut conflict = false;
        for candidate in candidates {
            let (category, preferred) = types::category(catalog, candidate.arguments[place]);
            slot = match slot {
                None => Some((category, preferred)),
                Some((before, any_preferred)) if before == category => Some((category, any_preferred || preferred)),
                Some(_) if category == types::CATEGORY_STRING => Some((category, preferred)),
                Some(before) => {
                    conflict = true;
                    Some(before)
                }
            };
        }
        if conflict && slot.is_none_or(|(category, _)| category != types::CATEGORY_STRING) {
            return None;
        }
        wanted[place] = slot;
    }
    Some(wanted)
}
