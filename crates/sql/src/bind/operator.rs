//! Which operator a symbol means for its operands (PostgreSQL's chapter 10.2).

use atoll_datum::builtin::{self, builtin};
use atoll_datum::{Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{self, At, Quantifier};

use super::candidate::{Candidate, Choice, choose};
use super::cast::Context;
use super::{Binder, types};
use crate::plan::{Expr, ExprKind, Function};
use crate::types::Type;

/// An operator for operands of certain types.
pub(super) struct Resolved {
    pub row: &'static builtin::Operator,
    /// What the operands are converted to; no pseudo-types but `record` and `any`.
    pub arguments: Vec<Oid>,
    pub result: Oid,
}

/// A symbol of pg_catalog that stands for some syntax: BETWEEN, IN, CASE x WHEN.
pub(super) fn builtin_symbol(symbol: &str, at: At) -> ast::Operator {
    ast::Operator { schema: Vec::new(), symbol: symbol.into(), at }
}

impl Binder<'_> {
    /// `operands` are one or two types.
    pub fn resolve_operator(&self, operator: &ast::Operator, operands: &[Oid]) -> Result<Resolved> {
        let at = operator.at.offset();
        let kind = if operands.len() == 2 { b'b' } else { b'l' };
        let known_schema = match operator.schema.as_slice() {
            [] => true,
            [schema] => {
                let found = self.catalog.schema_named(self.scope.session.database, schema.as_str());
                let missing = || {
                    let message = format!("schema \"{schema}\" does not exist");
                    Error::new(sqlstate::INVALID_SCHEMA_NAME, message).at(at)
                };
                types::is_system(found.ok_or_else(missing)?)
            }
            _ => false,
        };
        let rows = builtin().operators_named(&operator.symbol).filter(|row| known_schema && row.kind == kind);
        let candidates: Vec<Candidate<&'static builtin::Operator>> = rows
            .map(|row| Candidate {
                arguments: if kind == b'b' { vec![row.left, row.right] } else { vec![row.right] },
                of: row,
            })
            .collect();
        // One unknown operand is first taken to be of the other's type.
        let assumed: Vec<Oid> = match operands {
            [oid::UNKNOWN, other] | [other, oid::UNKNOWN] => vec![*other, *other],
            operands => operands.to_vec(),
        };
        let exact = candidates.iter().find(|candidate| candidate.arguments == assumed).map(|candidate| candidate.of);
        let row = match exact {
            Some(row) => row,
            None => match choose(self.catalog, operands, candidates) {
                Choice::One(row) => row,
                Choice::Ambiguous => {
                    let message = format!("operator is not unique: {}", self.operator_text(operator, operands));
                    let hint = "Could not choose a best candidate operator. You might need to add explicit type casts.";
                    return Err(Error::new(sqlstate::AMBIGUOUS_FUNCTION, message).hint(hint).at(at));
                }
                Choice::None => {
                    let message = format!("operator does not exist: {}", self.operator_text(operator, operands));
                    let hint = match kind {
                        b'b' => {
                            "No operator matches the given name and argument types. You might need to add explicit \
                             type casts."
                        }
                        _ => {
                            "No operator matches the given name and argument type. You might need to add an explicit \
                             type cast."
                        }
                    };
                    return Err(Error::new(sqlstate::UNDEFINED_FUNCTION, message).hint(hint).at(at));
                }
            },
        };
        let mut arguments = if kind == b'b' { vec![row.left, row.right] } else { vec![row.right] };
        let result = self.resolve_polymorphic(operands, &mut arguments, row.result).map_err(|error| error.at(at))?;
        Ok(Resolved { row, arguments, result })
    }

    fn operator_text(&self, operator: &ast::Operator, operands: &[Oid]) -> String {
        let symbol: String = operator.schema.iter().map(|schema| format!("{schema}.")).collect();
        let symbol = symbol + &operator.symbol;
        match operands {
            [left, right] => format!("{} {symbol} {}", self.type_text(*left), self.type_text(*right)),
            operands => format!("{symbol} {}", self.type_text(operands[0])),
        }
    }

    fn operator_function(&self, resolved: &Resolved, at: At) -> Result<Function> {
        let missing = || Error::internal("an operator without a function");
        let row = builtin().function(resolved.row.function).ok_or_else(missing)?;
        self.implementation(row).map_err(|error| error.at(at.offset()))
    }

    /// `left op right`.
    pub fn apply_operator(&mut self, operator: &ast::Operator, left: Expr, right: Expr) -> Result<Expr> {
        let at = left.at.or(right.at);
        let resolved = self.resolve_operator(operator, &[left.ty.oid, right.ty.oid])?;
        self.apply_resolved(operator, &resolved, vec![left, right], at)
    }

    pub fn apply_prefix(&mut self, operator: &ast::Operator, operand: Expr, at: At) -> Result<Expr> {
        let resolved = self.resolve_operator(operator, &[operand.ty.oid])?;
        self.apply_resolved(operator, &resolved, vec![operand], Some(at.0))
    }

    fn apply_resolved(
        &mut self,
        operator: &ast::Operator,
        resolved: &Resolved,
        operands: Vec<Expr>,
        at: Option<u32>,
    ) -> Result<Expr> {
        let function = self.operator_function(resolved, operator.at)?;
        let operands = operands.into_iter().zip(&resolved.arguments);
        let arguments = operands
            .map(|(operand, ty)| self.coerce_type(operand, Type::new(*ty), Context::Implicit))
            .collect::<Result<_>>()?;
        let call = crate::plan::Call::new(function, arguments);
        Ok(Expr { kind: ExprKind::Call(Box::new(call)), ty: Type::new(resolved.result), at })
    }

    /// Both sides converted for an operator that answers with a boolean, and its function.
    pub fn boolean_operator(
        &mut self,
        operator: &ast::Operator,
        left: Expr,
        right: Expr,
        what: &str,
    ) -> Result<(Expr, Expr, Function)> {
        let resolved = self.resolve_operator(operator, &[left.ty.oid, right.ty.oid])?;
        if resolved.result != oid::BOOL {
            let message = format!("{what} requires = operator to yield boolean");
            return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message).at(operator.at.offset()));
        }
        let function = self.operator_function(&resolved, operator.at)?;
        let left = self.coerce_type(left, Type::new(resolved.arguments[0]), Context::Implicit)?;
        let right = self.coerce_type(right, Type::new(resolved.arguments[1]), Context::Implicit)?;
        Ok((left, right, function))
    }

    /// `left op ANY (array)`.
    pub fn quantified_array(
        &mut self,
        operator: &ast::Operator,
        quantifier: Quantifier,
        left: Expr,
        array: Expr,
    ) -> Result<Expr> {
        let at = operator.at.offset();
        let element = if array.ty.oid == oid::UNKNOWN {
            oid::UNKNOWN
        } else {
            types::element(self.catalog, array.ty.oid).ok_or_else(|| {
                let message = "op ANY/ALL (array) requires array on right side";
                Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(at)
            })?
        };
        let resolved = self.resolve_operator(operator, &[left.ty.oid, element])?;
        if resolved.result != oid::BOOL {
            let message = "op ANY/ALL (array) requires operator to yield boolean";
            return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(at));
        }
        let function = self.operator_function(&resolved, operator.at)?;
        let array_type = types::array_of(self.catalog, resolved.arguments[1]).ok_or_else(|| {
            let text = self.type_text(resolved.arguments[1]);
            let message = format!("could not find array type for data type {text}");
            Error::new(sqlstate::UNDEFINED_OBJECT, message).at(at)
        })?;
        let begin = left.at;
        let left = self.coerce_type(left, Type::new(resolved.arguments[0]), Context::Implicit)?;
        let array = self.coerce_type(array, Type::new(array_type), Context::Implicit)?;
        let kind = ExprKind::Quantified {
            left: Box::new(left),
            array: Box::new(array),
            operator: function,
            all: quantifier == Quantifier::All,
        };
        Ok(Expr { kind, ty: Type::BOOL, at: begin })
    }
}
