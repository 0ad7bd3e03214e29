//! One type for several expressions: of UNION, CASE, VALUES, ARRAY, COALESCE, GREATEST, IN.

use atoll_datum::{Error, Oid, Result, oid, sqlstate};

use super::cast::{Context, can_coerce};
use super::{Binder, located, types};
use crate::catalog::Catalog;
use crate::plan::Expr;
use crate::types::Type;

/// Two of the types, that have nothing in common, by their places.
pub(super) struct Mismatch {
    pub first: Oid,
    pub second: Oid,
    pub place: usize,
}

/// `text` if all are unknown.
pub(super) fn common_type(catalog: &Catalog, inputs: &[Oid]) -> std::result::Result<Oid, Mismatch> {
    let mut chosen = inputs.first().copied().unwrap_or(oid::UNKNOWN);
    if chosen != oid::UNKNOWN && inputs.iter().all(|ty| *ty == chosen) {
        return Ok(chosen);
    }
    let (mut category, mut preferred) = types::category(catalog, chosen);
    for (place, ty) in inputs.iter().copied().enumerate().skip(1) {
        if ty == oid::UNKNOWN || ty == chosen {
            continue;
        }
        let (other_category, other_preferred) = types::category(catalog, ty);
        let takes = |from: Oid, to: Oid| can_coerce(catalog, &[from], &[to], Context::Implicit);
        let better = if chosen == oid::UNKNOWN {
            true
        } else if other_category != category {
            return Err(Mismatch { first: chosen, second: ty, place });
        } else {
            !preferred && takes(chosen, ty) && !takes(ty, chosen)
        };
        if better {
            (chosen, category, preferred) = (ty, other_category, other_preferred);
        }
    }
    Ok(if chosen == oid::UNKNOWN { oid::TEXT } else { chosen })
}

/// The modifier that all have, if all have one type.
pub(super) fn common_modifier(ty: Oid, inputs: &[Type]) -> i32 {
    match inputs {
        [first, rest @ ..] if first.oid == ty && rest.iter().all(|other| other == first) => first.modifier,
        _ => -1,
    }
}

impl Binder<'_> {
    /// `context` names the construct in messages.
    pub fn common_type_of(&self, exprs: &[&Expr], context: &str) -> Result<Oid> {
        let inputs: Vec<Oid> = exprs.iter().map(|expr| expr.ty.oid).collect();
        common_type(self.catalog, &inputs).map_err(|mismatch| {
            let (first, second) = (self.type_text(mismatch.first), self.type_text(mismatch.second));
            let message = format!("{context} types {first} and {second} cannot be matched");
            let error = Error::new(sqlstate::DATATYPE_MISMATCH, message);
            located(error, exprs[mismatch.place].at)
        })
    }

    pub fn coerce_to_common(&mut self, expr: Expr, target: Oid, context: &str) -> Result<Expr> {
        let (source, at) = (expr.ty.oid, expr.at);
        if source == target {
            return Ok(expr);
        }
        if !can_coerce(self.catalog, &[source], &[target], Context::Implicit) {
            let (from, to) = (self.type_text(source), self.type_text(target));
            let message = format!("{context} could not convert type {from} to {to}");
            let error = Error::new(sqlstate::CANNOT_COERCE, message);
            return Err(located(error, at));
        }
        self.coerce_type(expr, Type::new(target), Context::Implicit)
    }

    /// All of one type, with their common modifier.
    pub fn unify(&mut self, exprs: Vec<Expr>, context: &str) -> Result<(Vec<Expr>, Type)> {
        let chosen = self.common_type_of(&exprs.iter().collect::<Vec<_>>(), context)?;
        let exprs: Vec<Expr> =
            exprs.into_iter().map(|expr| self.coerce_to_common(expr, chosen, context)).collect::<Result<_>>()?;
        let inputs: Vec<Type> = exprs.iter().map(|expr| expr.ty).collect();
        Ok((exprs, Type::with_modifier(chosen, common_modifier(chosen, &inputs))))
    }
}
