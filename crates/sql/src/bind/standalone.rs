//! Expressions that stand in descriptors: DEFAULT, CHECK, generated columns, indexes, ALTER ... USING; and COPY's WHERE.

use atoll_datum::builtin::builtin;
use atoll_datum::{Error, Oid, Result, sqlstate};
use atoll_syntax::ast;

use super::cast::Context;
use super::from::derived;
use super::names::{Item, ItemColumn, Origin, Place, Whole};
use super::{Binder, located, types};
use crate::plan::{ColumnId, Expr, ExprKind};
use crate::session::Scope;
use crate::types::Type;

/// A column that the expression may read.
#[derive(Clone, Debug)]
pub struct StandaloneColumn {
    pub name: String,
    pub id: ColumnId,
    pub ty: Type,
}

/// What the expression is for, with the names that messages need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standalone<'a> {
    /// Of a column; reads no columns.
    Default {
        column: &'a str,
    },
    Generated {
        column: &'a str,
    },
    Check,
    IndexExpression,
    IndexPredicate,
    /// `ALTER COLUMN ... TYPE ... USING`.
    Transform {
        column: &'a str,
    },
    /// `COPY ... FROM ... WHERE`.
    CopyFilter,
}

impl Standalone<'_> {
    fn place(self) -> Place {
        match self {
            Standalone::Default { .. } => Place::Default,
            Standalone::Generated { .. } => Place::Generated,
            Standalone::Check => Place::Check,
            Standalone::IndexExpression => Place::IndexExpression,
            Standalone::IndexPredicate => Place::IndexPredicate,
            Standalone::Transform { .. } => Place::Transform,
            Standalone::CopyFilter => Place::CopyFilter,
        }
    }
}

/// `table` is what qualified names may begin with. `expected` is the type that the value is stored as.
pub fn expression_over(
    scope: &Scope,
    written: &ast::Expr,
    table: &str,
    columns: &[StandaloneColumn],
    expected: Option<Type>,
    what: Standalone,
) -> Result<Expr> {
    let mut binder = Binder::new(scope);
    binder.push_block();
    let first_free = columns.iter().map(|column| column.id.0 + 1).max().unwrap_or(0);
    binder.origins.resize(first_free as usize, Origin::Internal);
    let item_columns: Vec<ItemColumn> = columns
        .iter()
        .map(|column| ItemColumn { name: column.name.as_str().into(), id: column.id, ty: column.ty })
        .collect();
    for column in &item_columns {
        binder.origins[column.id.0 as usize] = Origin::Variable {
            block: 0,
            relation: Some(table.into()),
            name: column.name.clone(),
            read: None,
            table: Oid::NONE,
            attribute: 0,
        };
    }
    let item = Item { whole: Whole::Row(atoll_datum::oid::RECORD), ..derived(table.to_owned(), item_columns) };
    binder.add_known(&item);
    binder.block().items.push(item);
    binder.block().place = what.place();
    let bound = binder.expr(written)?;
    let bound = binder.converted(bound, expected, what)?;
    binder.check_immutable(&bound, what)?;
    Ok(bound)
}

/// The same for an expression that is stored as text.
pub fn expression_text_over(
    scope: &Scope,
    text: &str,
    table: &str,
    columns: &[StandaloneColumn],
    expected: Option<Type>,
    what: Standalone,
) -> Result<Expr> {
    let written = super::parse_stored_expression(text)?;
    expression_over(scope, &written, table, columns, expected, what)
        .map(super::function::without_position)
        .map_err(Error::without_position)
}

impl Binder<'_> {
    fn converted(&mut self, value: Expr, expected: Option<Type>, what: Standalone) -> Result<Expr> {
        let (source, at) = (value.ty.oid, value.at);
        match what {
            Standalone::Check => return self.coerce_to_boolean(value, "CHECK"),
            Standalone::IndexPredicate | Standalone::CopyFilter => return self.coerce_to_boolean(value, "WHERE"),
            _ => {}
        }
        let Some(expected) = expected else { return self.known_type(value) };
        let mismatch = |binder: &Self| {
            let (wanted, given) = (binder.type_text(expected.oid), binder.type_text(source));
            match what {
                Standalone::Transform { column } => {
                    let message = format!(
                        "result of USING clause for column \"{column}\" cannot be cast automatically to type {wanted}"
                    );
                    Error::new(sqlstate::DATATYPE_MISMATCH, message).hint("You might need to add an explicit cast.")
                }
                Standalone::Default { column } | Standalone::Generated { column } => {
                    let message =
                        format!("column \"{column}\" is of type {wanted} but default expression is of type {given}");
                    let hint = "You will need to rewrite or cast the expression.";
                    Error::new(sqlstate::DATATYPE_MISMATCH, message).hint(hint)
                }
                _ => Error::new(
                    sqlstate::DATATYPE_MISMATCH,
                    format!("expression is of type {given} and not of type {wanted}"),
                ),
            }
        };
        self.coerce_to(value, expected, Context::Assignment)?.ok_or_else(|| match what {
            Standalone::Transform { .. } => mismatch(self),
            _ => {
                let error = mismatch(self);
                located(error, at)
            }
        })
    }

    fn check_immutable(&self, expr: &Expr, what: Standalone) -> Result<()> {
        let message = match what {
            Standalone::IndexExpression => "functions in index expression must be marked IMMUTABLE",
            Standalone::IndexPredicate => "functions in index predicate must be marked IMMUTABLE",
            Standalone::Generated { .. } => "generation expression is not immutable",
            _ => return Ok(()),
        };
        if expr.any(&mut |expr| self.is_mutable(expr)) {
            return Err(Error::new(sqlstate::INVALID_OBJECT_DEFINITION, message));
        }
        Ok(())
    }

    fn is_mutable(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Call(call) | ExprKind::Set(call) => call.function.row.volatility != b'i',
            ExprKind::Quantified { operator, .. } => operator.row.volatility != b'i',
            ExprKind::IsDistinctFrom { equal, .. } | ExprKind::NullIf { equal, .. } => equal.row.volatility != b'i',
            // What a value looks like may depend on settings.
            ExprKind::CastByText(inner) => self.has_mutable_io(inner.ty.oid) || self.has_mutable_io(expr.ty.oid),
            _ => false,
        }
    }

    fn has_mutable_io(&self, ty: Oid) -> bool {
        let base = types::element(self.catalog, ty).unwrap_or(ty);
        let Some(row) = builtin().type_by_oid(base) else { return false };
        let mutable = |name: &str| builtin().functions_named(name).any(|function| function.volatility != b'i');
        mutable(row.input) || mutable(row.output)
    }
}
