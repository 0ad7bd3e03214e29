//! Values into columns: which columns, and the conversion of what is stored.

use std::collections::BTreeSet;

use atoll_datum::{Error, Result, sqlstate};
use atoll_syntax::ast::{self, At, ExprKind as Ast, Indirection, Name};

use super::cast::Context;
use super::names::{Item, Origin};
use super::view::{Named, Target, assigned_twice};
use super::{Binder, located, syntax_error, types};
use crate::catalog::{Column, ColumnOrdinal};
use crate::plan::{ColumnId, Expr, ExprKind, Subquery, SubqueryKind};
use crate::types::Type;

/// The row that assignments are for, as it was.
#[derive(Clone, Copy)]
struct Aim<'a> {
    target: &'a Target,
    item: &'a Item,
}

/// New values for columns of a row.
#[derive(Default)]
pub(super) struct Assignments {
    pub values: Vec<(ColumnOrdinal, Expr)>,
    /// The columns as what is named numbers them.
    pub named: BTreeSet<ColumnOrdinal>,
    /// Records that several of the values take their fields from, computed before them.
    pub records: Vec<(ColumnId, Expr)>,
}

impl Binder<'_> {
    /// What an assignment names.
    pub fn assigned_column(&self, target: &Target, name: &Name) -> Result<Named> {
        target.column(name.as_str()).ok_or_else(|| {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", target.named.name);
            Error::new(sqlstate::UNDEFINED_COLUMN, message).at(name.at.offset())
        })
    }

    /// The value as the column stores it.
    pub fn stored_value(&mut self, value: Expr, column: &str, target: Type) -> Result<Expr> {
        let (source, at) = (value.ty.oid, value.at);
        self.coerce_to(value, target, Context::Assignment)?.ok_or_else(|| {
            let (wanted, given) = (self.type_text(target.oid), self.type_text(source));
            let message = format!("column \"{column}\" is of type {wanted} but expression is of type {given}");
            let hint = "You will need to rewrite or cast the expression.";
            let error = Error::new(sqlstate::DATATYPE_MISMATCH, message).hint(hint);
            located(error, at)
        })
    }

    // ------------------------------------------------------------------------------------------------------------- SET

    /// SET of UPDATE and ON CONFLICT DO UPDATE; `item` is the row as it was.
    pub fn assignments(&mut self, target: &Target, item: &Item, written: &[ast::Assignment]) -> Result<Assignments> {
        let mut all = Assignments::default();
        let mut columns = Vec::with_capacity(written.len());
        let aim = Aim { target, item };
        for assignment in written {
            match assignment {
                ast::Assignment::One { target, value } => {
                    self.assign_one(aim, target, value, &mut columns, &mut all)?
                }
                ast::Assignment::Many { targets, value } => {
                    self.assign_many(aim, targets, value, &mut columns, &mut all)?
                }
            }
        }
        target.check_written(columns.iter())?;
        all.named = columns.into_iter().map(|column| column.ordinal).collect();
        Ok(all)
    }

    fn assign_one(
        &mut self,
        aim: Aim<'_>,
        assignee: &ast::Assignee,
        value: &ast::Expr,
        columns: &mut Vec<Named>,
        all: &mut Assignments,
    ) -> Result<()> {
        let named = self.assigned_column(aim.target, &assignee.column)?;
        self.assign_named(aim, assignee, value, &named, all)?;
        columns.push(named);
        Ok(())
    }

    fn assign_named(
        &mut self,
        aim: Aim<'_>,
        assignee: &ast::Assignee,
        value: &ast::Expr,
        named: &Named,
        all: &mut Assignments,
    ) -> Result<()> {
        if matches!(value.kind, Ast::Default) {
            if !assignee.path.is_empty() {
                let message = "cannot set an array element to DEFAULT";
                return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(value.at.offset()));
            }
            if aim.target.is_view() {
                refuse_generated(aim.target, named)?;
            } else if named.column.generated.is_some() {
                return Ok(());
            }
            // As in PostgreSQL, what a view has no default for becomes NULL: the table's counts for new rows only.
            let value = match aim.target.is_view() && !named.has_view_default {
                true => Expr::null(named.column.ty()),
                false => self.default_value(&named.column)?,
            };
            return add(all, aim.target, named, value);
        }
        refuse_generated(aim.target, named)?;
        let value = self.expr(value)?;
        self.assign(aim, assignee, named, value, all)
    }

    fn assign(
        &mut self,
        aim: Aim<'_>,
        assignee: &ast::Assignee,
        named: &Named,
        value: Expr,
        all: &mut Assignments,
    ) -> Result<()> {
        let column = &named.column;
        if assignee.path.is_empty() {
            let value = self.stored_value(value, &column.name, column.ty())?;
            return add(all, aim.target, named, value);
        }
        // Several elements of one array are set one after the other.
        let before = all.values.iter().position(|(ordinal, _)| *ordinal == column.ordinal());
        let array = match before {
            Some(place) => {
                if !matches!(all.values[place].1.kind, ExprKind::AssignElement { .. }) {
                    return Err(assigned_twice(aim.target.stored_name(column.ordinal())));
                }
                all.values.remove(place).1
            }
            None => match aim.item.columns.iter().find(|known| *known.name == *column.name) {
                Some(known) => self.read_column(&known.clone(), assignee.column.at),
                None => Expr::null(column.ty()),
            },
        };
        let wanted = self.part_type(assignee, column)?;
        let value = self.part_value(value, assignee, wanted)?;
        let value = self.with_part(array, assignee, value)?;
        all.values.push((column.ordinal(), value));
        Ok(())
    }

    /// What is stored in the part of a column that an assignment names: an element of an array, or a slice.
    pub fn part_type(&self, target: &ast::Assignee, column: &Column) -> Result<Type> {
        let (at, array) = (target.column.at, column.ty());
        let is_subscript = |step: &Indirection| matches!(step, Indirection::Index(_) | Indirection::Slice(..));
        if !target.path.iter().all(is_subscript) {
            return Err(Error::unsupported("an assignment to a field of a column").at(at.offset()));
        }
        let Some(element) = types::element(self.catalog, array.oid) else {
            if array.oid == atoll_datum::oid::JSONB {
                return Err(Error::unsupported("an assignment to a subscript of jsonb").at(at.offset()));
            }
            let text = self.type_text(array.oid);
            let message = format!("cannot subscript type {text} because it does not support subscripting");
            return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message).at(at.offset()));
        };
        let is_slice = target.path.iter().any(|step| matches!(step, Indirection::Slice(..)));
        Ok(Type::with_modifier(if is_slice { array.oid } else { element }, array.modifier))
    }

    pub fn part_value(&mut self, value: Expr, target: &ast::Assignee, wanted: Type) -> Result<Expr> {
        let name = &target.column;
        let (source, begin) = (value.ty.oid, value.at.map_or(name.at.offset(), |at| at as usize));
        self.coerce_to(value, wanted, Context::Assignment)?.ok_or_else(|| {
            let (to, from) = (self.type_text(wanted.oid), self.type_text(source));
            let message =
                format!("subscripted assignment to \"{name}\" requires type {to} but expression is of type {from}");
            let hint = "You will need to rewrite or cast the expression.";
            Error::new(sqlstate::DATATYPE_MISMATCH, message).hint(hint).at(begin)
        })
    }

    /// The array with this value in the part that the assignment names.
    pub fn with_part(&mut self, array: Expr, target: &ast::Assignee, value: Expr) -> Result<Expr> {
        let subscripts = self.subscripts(&target.path)?;
        let ty = array.ty;
        let kind = ExprKind::AssignElement { array: Box::new(array), subscripts, value: Box::new(value) };
        Ok(Expr::new(kind, ty))
    }

    fn assign_many(
        &mut self,
        aim: Aim<'_>,
        assignees: &[ast::Assignee],
        value: &ast::Expr,
        columns: &mut Vec<Named>,
        all: &mut Assignments,
    ) -> Result<()> {
        let mismatch = |at: At| syntax_error("number of columns does not match number of values", at);
        match &value.kind {
            Ast::Row(row) if row.fields.iter().any(is_expanded) => {
                let values = self.expand_all(&row.fields)?;
                if values.len() != assignees.len() {
                    return Err(mismatch(value.at));
                }
                for (assignee, value) in assignees.iter().zip(values) {
                    let named = self.assigned_column(aim.target, &assignee.column)?;
                    refuse_generated(aim.target, &named)?;
                    self.assign(aim, assignee, &named, value, all)?;
                    columns.push(named);
                }
                Ok(())
            }
            Ast::Row(row) => {
                if row.fields.len() != assignees.len() {
                    return Err(mismatch(value.at));
                }
                for (assignee, field) in assignees.iter().zip(&row.fields) {
                    self.assign_one(aim, assignee, field, columns, all)?;
                }
                Ok(())
            }
            Ast::Subquery(query) => {
                let bound = self.top_query(query)?;
                if bound.output.len() != assignees.len() {
                    return Err(mismatch(value.at));
                }
                let mut named = Vec::with_capacity(assignees.len());
                let mut wanted = Vec::with_capacity(assignees.len());
                for (assignee, output) in assignees.iter().zip(&bound.output) {
                    let column = self.assigned_column(aim.target, &assignee.column)?;
                    refuse_generated(aim.target, &column)?;
                    wanted.push(output.ty);
                    named.push(column);
                }
                let record = Expr::new(
                    ExprKind::Subquery(Box::new(Subquery { kind: SubqueryKind::Row, plan: bound.plan })),
                    Type::RECORD,
                )
                .at(value.at.0);
                let id = self.new_column(Origin::Internal);
                all.records.push((id, record));
                for (place, (assignee, column)) in assignees.iter().zip(&named).enumerate() {
                    let record = Box::new(Expr::column(id, Type::RECORD));
                    let field = Expr::new(ExprKind::Field { record, field: place }, wanted[place]).at(value.at.0);
                    self.assign(aim, assignee, column, field, all)?;
                }
                columns.extend(named);
                Ok(())
            }
            _ => {
                let message = "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression";
                Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(value.at.offset()))
            }
        }
    }
}

/// `t.*` or `(record).*`.
fn is_expanded(field: &ast::Expr) -> bool {
    match &field.kind {
        Ast::Star(_) => true,
        Ast::Indirection(_, path) => matches!(path.last(), Some(ast::Indirection::Star)),
        _ => false,
    }
}

/// A column that can't be written is refused once all are known.
fn add(all: &mut Assignments, target: &Target, named: &Named, value: Expr) -> Result<()> {
    let ordinal = named.column.ordinal();
    if named.is_refused() {
        return Ok(());
    }
    if all.values.iter().any(|(known, _)| *known == ordinal) {
        return Err(assigned_twice(target.stored_name(ordinal)));
    }
    all.values.push((ordinal, value));
    Ok(())
}

fn refuse_generated(target: &Target, named: &Named) -> Result<()> {
    let name = target.stored_name(named.column.ordinal());
    let detail = if named.column.generated.is_some() {
        format!("Column \"{name}\" is a generated column.")
    } else if named.column.identity.as_deref() == Some("a") {
        format!("Column \"{name}\" is an identity column defined as GENERATED ALWAYS.")
    } else {
        return Ok(());
    };
    let message = format!("column \"{name}\" can only be updated to DEFAULT");
    Err(Error::new(sqlstate::GENERATED_ALWAYS, message).detail(detail))
}
