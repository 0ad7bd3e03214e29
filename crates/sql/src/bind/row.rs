//! Records: ROW(...), the fields of a record, and records as rows of a table's type.

use std::sync::Arc;

use atoll_datum::{Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{self, At, Name};

use super::cast::Context;
use super::{Binder, located, types};
use crate::plan::{Expr, ExprKind, SubqueryKind};
use crate::types::Type;

/// What is known of a record's fields.
#[derive(Clone, Debug)]
pub struct Shape {
    pub fields: Vec<(Arc<str>, Type)>,
}

impl Binder<'_> {
    pub fn row(&mut self, fields: &[ast::Expr]) -> Result<Expr> {
        let fields = self.expand_all(fields)?;
        Ok(Expr::new(ExprKind::Row(fields), Type::RECORD))
    }

    /// A list of expressions in which `t.*` stands for all of its columns.
    pub fn expand_all(&mut self, exprs: &[ast::Expr]) -> Result<Vec<Expr>> {
        let mut all = Vec::with_capacity(exprs.len());
        for expr in exprs {
            match self.expand_star(expr)? {
                Some(columns) => all.extend(columns.into_iter().map(|(_, column)| column)),
                None => all.push(self.expr(expr)?),
            }
        }
        Ok(all)
    }

    /// The fields of a record as far as they are known when the statement is bound.
    pub fn shape(&mut self, record: &Expr) -> Option<Shape> {
        if types::is_composite(self.catalog, record.ty.oid) {
            return self.shape_of_type(record.ty.oid);
        }
        match &record.kind {
            ExprKind::NamedRow { names, fields } => {
                let fields = names.iter().cloned().zip(fields.iter().map(|field| field.ty)).collect();
                Some(Shape { fields })
            }
            ExprKind::Row(fields) => {
                let field = |(place, field): (usize, &Expr)| (format!("f{}", place + 1).into(), field.ty);
                Some(Shape { fields: fields.iter().enumerate().map(field).collect() })
            }
            ExprKind::Column(id) => self.shapes.get(id).cloned(),
            ExprKind::Relabel(inner) => self.shape(inner),
            ExprKind::Call(call) | ExprKind::Set(call) => self.shape_of_call(call),
            ExprKind::Subquery(subquery) if matches!(subquery.kind, SubqueryKind::Scalar) => {
                let id = *subquery.plan.columns().first()?;
                self.shapes.get(&id).cloned()
            }
            _ => None,
        }
    }

    pub fn shape_of_type(&self, ty: Oid) -> Option<Shape> {
        let table = self.catalog.row_type_table(ty).filter(|table| table.row_type == ty.0)?;
        let field = |column: &crate::catalog::Column| (column.name.as_str().into(), column.ty());
        Some(Shape { fields: table.visible_columns().map(field).collect() })
    }

    /// `(record).name`.
    pub fn field(&mut self, record: Expr, name: &Name) -> Result<Expr> {
        let at = name.at.offset();
        if !types::is_record(self.catalog, record.ty.oid) {
            let text = self.type_text(record.ty.oid);
            let message = format!("column notation .{name} applied to type {text}, which is not a composite type");
            return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(record.at.map_or(at, |at| at as usize)));
        }
        let place = self
            .shape(&record)
            .and_then(|shape| shape.fields.iter().position(|(field, _)| **field == *name.text).map(|at| (at, shape)));
        let Some((place, shape)) = place else {
            let begin = record.at.map_or(at, |at| at as usize);
            let message = match record.ty.oid {
                oid::RECORD => format!("could not identify column \"{name}\" in record data type"),
                ty => format!("column \"{name}\" not found in data type {}", self.type_text(ty)),
            };
            return Err(Error::new(sqlstate::UNDEFINED_COLUMN, message).at(begin));
        };
        Ok(take_field(record, place, shape.fields[place].1))
    }

    /// All fields of `(record).*`, with their names.
    pub fn fields(&mut self, record: &ast::Expr, at: At) -> Result<Vec<(Arc<str>, Expr)>> {
        let first = self.expr(record)?;
        if !types::is_record(self.catalog, first.ty.oid) {
            let text = self.type_text(first.ty.oid);
            let message = format!("type {text} is not composite");
            return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(at.offset()));
        }
        let Some(shape) = self.shape(&first) else {
            let message = "record type has not been registered";
            return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(at.offset()));
        };
        let mut fields = Vec::with_capacity(shape.fields.len());
        for (place, (name, ty)) in shape.fields.into_iter().enumerate() {
            // Anew for each field, as PostgreSQL does: see `predicate`.
            let record = self.expr(record)?;
            fields.push((name, take_field(record, place, ty)));
        }
        Ok(fields)
    }

    /// A record as a row of a table's type: field by field.
    pub fn cast_record(&mut self, record: Expr, target: Oid) -> Result<Expr> {
        let at = record.at;
        let refuse = |binder: &Self, detail: &str| {
            let to = binder.type_text(target);
            let from = binder.type_text(record.ty.oid);
            let error = Error::new(sqlstate::CANNOT_COERCE, format!("cannot cast type {from} to {to}")).detail(detail);
            located(error, at)
        };
        let (Some(wanted), Some(given)) = (self.shape_of_type(target), self.shape(&record)) else {
            return Err(refuse(self, "The fields of the record are not known."));
        };
        if given.fields.len() < wanted.fields.len() {
            return Err(refuse(self, "Input has too few columns."));
        }
        if given.fields.len() > wanted.fields.len() {
            return Err(refuse(self, "Input has too many columns."));
        }
        let fields: Vec<Expr> = match &record.kind {
            ExprKind::Row(fields) | ExprKind::NamedRow { fields, .. } => fields.clone(),
            ExprKind::Column(_) => {
                given.fields.iter().enumerate().map(|(place, (_, ty))| take_field(record.clone(), place, *ty)).collect()
            }
            _ => return Err(Error::unsupported("a cast of this record")),
        };
        let names = wanted.fields.iter().map(|(name, _)| name.clone()).collect();
        let mut converted = Vec::with_capacity(fields.len());
        for (place, (field, (_, ty))) in fields.into_iter().zip(&wanted.fields).enumerate() {
            let from = field.ty.oid;
            let Some(field) = self.coerce_to(field, *ty, Context::Explicit)? else {
                let (from, to) = (self.type_text(from), self.type_text(ty.oid));
                let detail = format!("Cannot cast type {from} to {to} in column {}.", place + 1);
                return Err(refuse(self, &detail));
            };
            converted.push(field);
        }
        Ok(Expr { kind: ExprKind::NamedRow { names, fields: converted }, ty: target.into(), at })
    }
}

fn take_field(record: Expr, place: usize, ty: Type) -> Expr {
    let at = record.at;
    match record.kind {
        ExprKind::NamedRow { mut fields, .. } | ExprKind::Row(mut fields) if place < fields.len() => {
            fields.swap_remove(place)
        }
        kind => {
            let record = Box::new(Expr { kind, ty: record.ty, at });
            Expr { kind: ExprKind::Field { record, field: place }, ty, at }
        }
    }
}
