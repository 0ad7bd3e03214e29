//! Queries as wholes: WITH, the body, ORDER BY and LIMIT around set operations and VALUES.

use atoll_datum::{Error, Oid, Result, oid};
use atoll_syntax::ast;

use super::cast::Context;
use super::names::Origin;
use super::{Binder, Bound};
use crate::plan::{self, ColumnId, Expr, ExprKind, Plan, Project};
use crate::types::Type;

/// A column of a query's result.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub name: String,
    pub id: ColumnId,
    pub ty: Type,
    pub table: Oid,
    pub attribute: i16,
}

impl Output {
    pub fn into_plan(self) -> plan::Output {
        let Output { name, id, ty, table, attribute } = self;
        plan::Output { name, id, ty, table, attribute }
    }
}

impl Binder<'_> {
    pub fn top_query(&mut self, query: &ast::Query) -> Result<Bound> {
        let bound = self.query(query)?;
        self.settle_unknown(bound)
    }

    /// Literals that nothing has given a type keep type `unknown`: what is around decides.
    pub fn query(&mut self, query: &ast::Query) -> Result<Bound> {
        self.check_stack(query.at)?;
        let carry = self.carry.take();
        self.push_block();
        self.block().carry = carry;
        let wraps = self.with_clause(query.with.as_deref())?;
        let bound = match &query.body {
            ast::QueryBody::Select(select) => self.select(query, select)?,
            ast::QueryBody::Values(rows) => self.values(query, rows)?,
            ast::QueryBody::SetOperation(operation) => self.set_operation(query, operation)?,
        };
        self.pop_block();
        Ok(Bound { plan: self.wrap_with(wraps, bound.plan), ..bound })
    }

    /// Output columns that are still unknown are texts.
    pub fn settle_unknown(&mut self, mut bound: Bound) -> Result<Bound> {
        let wanted: Vec<Type> = bound
            .output
            .iter()
            .map(|column| if column.ty.oid == oid::UNKNOWN { Type::TEXT } else { column.ty })
            .collect();
        self.coerce_output(&mut bound, &wanted, Context::Implicit)?;
        Ok(bound)
    }

    /// Converts output columns, which is known to go: literals where they stand, the others in a projection on top.
    pub fn coerce_output(&mut self, bound: &mut Bound, wanted: &[Type], context: Context) -> Result<()> {
        let differs = |(column, wanted): (&Output, &Type)| column.ty != *wanted;
        if !bound.output.iter().zip(wanted).any(differs) {
            return Ok(());
        }
        let mut columns = Vec::with_capacity(bound.output.len());
        for (column, wanted) in bound.output.iter_mut().zip(wanted) {
            if column.ty == *wanted {
                columns.push((column.id, Expr::column(column.id, column.ty)));
                continue;
            }
            let mut value = Expr::column(column.id, column.ty);
            if column.ty.oid == oid::UNKNOWN {
                match constant_of(&bound.plan, column.id) {
                    Some(constant) => value = constant,
                    None => return Err(Error::internal("a column of type unknown that is no literal")),
                }
            }
            let value = self.coerce_type(value, *wanted, context)?;
            let value = self.coerce_modifier(value, *wanted, context)?;
            column.id = self.new_column(Origin::Internal);
            column.ty = *wanted;
            (column.table, column.attribute) = (Oid::NONE, 0);
            columns.push((column.id, value));
        }
        let input = std::mem::replace(&mut bound.plan, Plan::one_row());
        bound.plan = Plan::Project(Box::new(Project { input, columns }));
        Ok(())
    }
}

/// The literal or parameter that the column is, in each row.
pub(super) fn constant_of(plan: &Plan, id: ColumnId) -> Option<Expr> {
    let value = match plan {
        Plan::Project(project) => project.columns.iter().find(|(column, _)| *column == id).map(|(_, value)| value)?,
        Plan::ProjectSet(project) => {
            project.columns.iter().find(|(column, _)| *column == id).map(|(_, value)| value)?
        }
        Plan::Values(values) if values.rows.len() == 1 => {
            let place = values.columns.iter().position(|(column, _)| *column == id)?;
            &values.rows[0][place]
        }
        Plan::Sort(sort) => return constant_of(&sort.input, id),
        Plan::Limit(limit) => return constant_of(&limit.input, id),
        Plan::Distinct(distinct) => return constant_of(&distinct.input, id),
        Plan::LockRows(lock) => return constant_of(&lock.input, id),
        Plan::With(with) => return constant_of(&with.body, id),
        _ => return None,
    };
    match &value.kind {
        ExprKind::Literal(_) | ExprKind::Parameter(_) => Some(value.clone()),
        ExprKind::Column(inner) => {
            let input = match plan {
                Plan::Project(project) => &project.input,
                Plan::ProjectSet(project) => &project.input,
                _ => return None,
            };
            constant_of(input, *inner)
        }
        _ => None,
    }
}
