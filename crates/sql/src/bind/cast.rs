//! From one type to another: whether that goes, and the expression that does it.
//!
//! ```text
//!   context      taken when               allows
//!   implicit     an argument fits         pg_cast rows marked i
//!   assignment   a value is stored        also those marked a, and anything into a string type
//!   explicit     CAST, ::                 also those marked e, and strings into anything
//! ```
//!
//! A length or precision is put on afterwards, by the pg_cast row of a type to itself, which is told whether the cast was
//! explicit: `'abc'::varchar(2)` cuts, storing 'abc' is an error.

use atoll_datum::builtin::{self, builtin};
use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};

use super::{Binder, located, polymorphic, types};
use crate::catalog::Catalog;
use crate::plan::{Call, Expr, ExprKind, Function};
use crate::types::Type;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Context {
    Implicit,
    Assignment,
    Explicit,
}

pub(super) enum Pathway {
    Function(&'static builtin::Function),
    Relabel,
    /// Element by element.
    Array,
    Text,
}

/// How to get from `source` to `target`, two types that differ or are the same.
pub(super) fn pathway(catalog: &Catalog, source: Oid, target: Oid, context: Context) -> Option<Pathway> {
    if source == target {
        return Some(Pathway::Relabel);
    }
    if let Some(row) = builtin().cast(source, target) {
        let required = match row.context {
            b'i' => Context::Implicit,
            b'a' => Context::Assignment,
            _ => Context::Explicit,
        };
        if context < required {
            return None;
        }
        return match row.method {
            b'f' => builtin().function(row.function).map(Pathway::Function),
            b'i' => Some(Pathway::Text),
            _ => Some(Pathway::Relabel),
        };
    }
    // What pg_cast lists for anyarray and anyenum holds for each of them.
    if !matches!(target, oid::OIDVECTOR | oid::INT2VECTOR)
        && let (Some(from), Some(to)) = (types::element(catalog, source), types::element(catalog, target))
        && pathway(catalog, from, to, context).is_some()
    {
        return Some(Pathway::Array);
    }
    if context >= Context::Assignment && types::is_string(catalog, target) {
        return Some(Pathway::Text);
    }
    (context >= Context::Explicit && types::is_string(catalog, source)).then_some(Pathway::Text)
}

/// Whether values of all `inputs` can be passed as `targets`, side by side.
pub(super) fn can_coerce(catalog: &Catalog, inputs: &[Oid], targets: &[Oid], context: Context) -> bool {
    let mut generic = false;
    for (input, target) in inputs.iter().copied().zip(targets.iter().copied()) {
        if input == target || target == oid::ANY || input == oid::UNKNOWN {
            generic |= types::is_polymorphic(target);
            continue;
        }
        if types::is_polymorphic(target) {
            generic = true;
            continue;
        }
        if pathway(catalog, input, target, context).is_some() {
            continue;
        }
        let records = (input == oid::RECORD && types::is_composite(catalog, target))
            || (target == oid::RECORD && types::is_composite(catalog, input))
            || (target == oid::RECORDARRAY
                && types::element(catalog, input).is_some_and(|element| types::is_composite(catalog, element)));
        if !records {
            return false;
        }
    }
    !generic || polymorphic::is_consistent(catalog, inputs, targets)
}

impl Binder<'_> {
    /// The function behind a row of pg_proc; 0A000 if Atoll has not got it.
    pub fn implementation(&self, row: &'static builtin::Function) -> Result<Function> {
        crate::function::lookup(row).ok_or_else(|| {
            let types: Vec<String> = row.arguments.iter().map(|ty| self.type_text(*ty)).collect();
            Error::unsupported(format!("function {}({})", row.name, types.join(", ")))
        })
    }

    /// A call of a plain function with arguments that fit.
    pub fn call(
        &self,
        row: &'static builtin::Function,
        arguments: Vec<Expr>,
        ty: impl Into<Type>,
        at: Option<u32>,
    ) -> Result<Expr> {
        let placed = |error: Error| located(error, at);
        let function = self.implementation(row).map_err(placed)?;
        let call = Call::new(function, arguments);
        Ok(Expr { kind: ExprKind::Call(Box::new(call)), ty: ty.into(), at })
    }

    /// Converts to the type and its modifier; None if there is no such conversion.
    pub fn coerce_to(&mut self, expr: Expr, target: Type, context: Context) -> Result<Option<Expr>> {
        if !can_coerce(self.catalog, &[expr.ty.oid], &[target.oid], context) {
            return Ok(None);
        }
        let expr = self.coerce_type(expr, target, context)?;
        self.coerce_modifier(expr, target, context).map(Some)
    }

    /// Converts to the type, which is known to go. The modifier is applied only if the conversion does it by itself.
    pub fn coerce_type(&mut self, mut expr: Expr, target: Type, context: Context) -> Result<Expr> {
        let source = expr.ty.oid;
        let at = expr.at;
        if source == target.oid {
            return Ok(expr);
        }
        match target.oid {
            oid::ANY | oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYCOMPATIBLE | oid::ANYCOMPATIBLENONARRAY => {
                return Ok(expr);
            }
            other if types::is_polymorphic(other) && source != oid::UNKNOWN => return Ok(expr),
            _ => {}
        }
        if source == oid::UNKNOWN {
            return match &expr.kind {
                ExprKind::Literal(Datum::Null) => Ok(Expr { kind: expr.kind, ty: target, at }),
                ExprKind::Literal(Datum::Text(text)) => {
                    // An interval's fields decide how its text is read.
                    let modifier = if target.oid == oid::INTERVAL { target.modifier } else { -1 };
                    let ty = Type::with_modifier(target.oid, modifier);
                    let text = text.clone();
                    let value = self.parse_literal(&text, ty, at)?;
                    Ok(Expr { kind: ExprKind::Literal(value), ty, at })
                }
                ExprKind::Parameter(number) => {
                    self.infer_parameter(*number, target.oid, at)?;
                    Ok(Expr { ty: Type::new(target.oid), ..expr })
                }
                _ => {
                    let message =
                        format!("failed to find conversion function from unknown to {}", self.type_text(target.oid));
                    Err(Error::internal(message))
                }
            };
        }
        match pathway(self.catalog, source, target.oid, context) {
            Some(Pathway::Relabel) => Ok(same_bytes(expr, Type::new(target.oid))),
            Some(Pathway::Function(row)) => self.cast_call(row, expr, target, context),
            Some(Pathway::Array) => self.cast_array(expr, target, context),
            Some(Pathway::Text) => {
                Ok(Expr { kind: ExprKind::CastByText(Box::new(expr)), ty: Type::new(target.oid), at })
            }
            None if types::is_composite(self.catalog, target.oid) && types::is_record(self.catalog, source) => {
                self.cast_record(expr, target.oid)
            }
            None if matches!(target.oid, oid::RECORD | oid::RECORDARRAY) => {
                expr.ty = expr.ty.oid.into();
                Ok(relabel(expr, target.oid.into()))
            }
            None => {
                let (from, to) = (self.type_text(source), self.type_text(target.oid));
                Err(Error::internal(format!("failed to find conversion function from {from} to {to}")))
            }
        }
    }

    /// Cast functions may take the target's modifier and whether the cast is explicit besides the value.
    fn cast_call(
        &mut self,
        row: &'static builtin::Function,
        expr: Expr,
        target: Type,
        context: Context,
    ) -> Result<Expr> {
        let at = expr.at;
        let mut ty = Type::new(target.oid);
        // The value itself may need a relabeling: the row of varchar is that of text.
        let mut arguments = vec![match row.arguments.first() {
            Some(wanted) if *wanted != expr.ty.oid && !types::is_polymorphic(*wanted) => {
                relabel(expr, Type::new(*wanted))
            }
            _ => expr,
        }];
        if row.arguments.len() > 1 {
            arguments.push(Expr::literal(Datum::Int4(target.modifier), Type::INT4));
            ty.modifier = target.modifier;
        }
        if row.arguments.len() > 2 {
            arguments.push(Expr::literal(Datum::Bool(context == Context::Explicit), Type::BOOL));
        }
        let mut call = self.call(row, arguments, row.result, at)?;
        if row.result != target.oid {
            call = same_bytes(call, ty);
        }
        call.ty = ty;
        Ok(call)
    }

    fn cast_array(&mut self, array: Expr, target: Type, context: Context) -> Result<Expr> {
        let of = |array: Oid| {
            let missing = || Error::internal("an array type without elements");
            types::element(self.catalog, array).ok_or_else(missing)
        };
        let (from, to) = (of(array.ty.oid)?, of(target.oid)?);
        let column = self.new_column(super::names::Origin::Internal);
        let value = Expr::column(column, Type::with_modifier(from, array.ty.modifier));
        let element = Type::with_modifier(to, target.modifier);
        let element = match self.coerce_to(value, element, context)? {
            Some(element) => element,
            None => return Err(Error::internal("an array's elements can't be converted")),
        };
        let at = array.at;
        let same_bytes = matches!(&element.kind, ExprKind::Relabel(inner) if inner.as_column().is_some());
        if same_bytes || element.as_column().is_some() {
            return Ok(relabel(array, target));
        }
        let kind = ExprKind::CastArray { array: Box::new(array), element: Box::new(element), column };
        Ok(Expr { kind, ty: target, at })
    }

    /// Puts a length or precision on a value that has the type already.
    pub fn coerce_modifier(&mut self, expr: Expr, target: Type, context: Context) -> Result<Expr> {
        if expr.ty.modifier == target.modifier {
            return Ok(expr);
        }
        if target.modifier < 0 || matches!(expr.kind, ExprKind::Literal(Datum::Null)) {
            return Ok(Expr { ty: Type::with_modifier(expr.ty.oid, target.modifier), ..expr });
        }
        let length = |ty: Oid| builtin().cast(ty, ty).and_then(|row| builtin().function(row.function));
        if let Some(row) = length(target.oid) {
            return self.cast_call(row, expr, target, context);
        }
        let element = types::element(self.catalog, target.oid);
        if let Some((element, row)) = element.and_then(|element| Some((element, length(element)?))) {
            let column = self.new_column(super::names::Origin::Internal);
            let value = Expr::column(column, Type::with_modifier(element, expr.ty.modifier));
            let value = self.cast_call(row, value, Type::with_modifier(element, target.modifier), context)?;
            let at = expr.at;
            let kind = ExprKind::CastArray { array: Box::new(expr), element: Box::new(value), column };
            return Ok(Expr { kind, ty: target, at });
        }
        Ok(Expr { ty: target, ..expr })
    }

    /// A condition. `what` is the clause or operator that wants one.
    pub fn coerce_to_boolean(&mut self, expr: Expr, what: &str) -> Result<Expr> {
        self.coerce_to_exactly(expr, Type::BOOL, what)
    }

    pub fn coerce_to_exactly(&mut self, expr: Expr, target: Type, what: &str) -> Result<Expr> {
        let (source, at) = (expr.ty.oid, expr.at);
        let placed = |error: Error| located(error, at);
        let expr = self.coerce_to(expr, target, Context::Assignment)?.ok_or_else(|| {
            let (wanted, given) = (self.type_text(target.oid), self.type_text(source));
            let message = format!("argument of {what} must be type {wanted}, not type {given}");
            placed(Error::new(sqlstate::DATATYPE_MISMATCH, message))
        })?;
        if returns_set(&expr) {
            let message = format!("argument of {what} must not return a set");
            return Err(placed(Error::new(sqlstate::DATATYPE_MISMATCH, message)));
        }
        Ok(expr)
    }
}

/// To a type whose values are the same bytes for PostgreSQL. Here an oid and an integer are values of two kinds.
fn same_bytes(expr: Expr, target: Type) -> Expr {
    let (source, at) = (expr.ty.oid, expr.at);
    if (source == oid::INT4) == (target.oid == oid::INT4) {
        return relabel(expr, target);
    }
    let (from, to) = match source {
        oid::INT4 => (expr, oid::OID),
        _ => (relabel(expr, Type::new(oid::OID)), oid::INT4),
    };
    let number = Expr { kind: ExprKind::CastByText(Box::new(from)), ty: Type::new(to), at };
    relabel(number, target)
}

pub(super) fn relabel(expr: Expr, ty: Type) -> Expr {
    let at = expr.at;
    match expr.kind {
        ExprKind::Relabel(inner) => Expr { kind: ExprKind::Relabel(inner), ty, at },
        ExprKind::Literal(Datum::Null) => Expr { kind: expr.kind, ty, at },
        _ => Expr { kind: ExprKind::Relabel(Box::new(expr)), ty, at },
    }
}

pub(super) fn returns_set(expr: &Expr) -> bool {
    expr.any(&mut |expr| matches!(expr.kind, ExprKind::Set(_)))
}
