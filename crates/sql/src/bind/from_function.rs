//! Functions in FROM: their columns, WITH ORDINALITY, ROWS FROM.

use std::sync::Arc;

use atoll_datum::{Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{self, At, ExprKind as Ast};

use super::from::{derived, rename};
use super::names::{Item, ItemColumn, ItemKind, Origin, Place, Whole};
use super::target::figure_name;
use super::{Binder, syntax_error, type_name, types};
use crate::plan::{ColumnId, Expr, ExprKind, FunctionColumns, FunctionScan, Plan};
use crate::types::Type;

type NamedTypes = Vec<(Arc<str>, Type)>;

impl Binder<'_> {
    pub fn function_item(&mut self, written: &ast::FunctionItem) -> Result<(Plan, Item)> {
        let alias = written.alias.as_ref();
        let functions = expand_unnest(written);
        let first_name = functions.first().map_or_else(String::new, |(function, _)| figure_name(function));
        let name = alias.map_or(first_name, |alias| alias.name.text.to_string());
        let single = functions.len() == 1;
        let mut bound = Vec::with_capacity(functions.len());
        let mut columns: Vec<ItemColumn> = Vec::new();
        let mut whole = Whole::Row(oid::RECORD);
        let mut calls = Vec::with_capacity(functions.len());
        for (function, definitions) in &functions {
            calls.push(self.in_from(Place::FromFunction, true, |binder| binder.expr(function))?);
            if let (false, Some(column)) = (definitions.is_empty(), written.columns.first()) {
                let message = "multiple column definition lists are not allowed for the same function";
                return Err(syntax_error(message, column.name.at));
            }
        }
        check_list(written, functions.len())?;
        for ((function, definitions), mut call) in functions.iter().zip(calls) {
            let definitions = if definitions.is_empty() { &written.columns } else { *definitions };
            let ty = call.ty;
            let (fields, is_record) = self.result_columns(&call, function, definitions, alias, single)?;
            let is_defined = !definitions.is_empty();
            if let (true, ExprKind::Call(of) | ExprKind::Set(of)) = (is_defined, &mut call.kind) {
                of.shape = Some(fields.as_slice().into());
            }
            if single && !written.ordinality {
                whole = if is_record { Whole::Row(ty.oid) } else { Whole::Scalar };
            }
            let mut made: Vec<(ColumnId, Type)> = Vec::with_capacity(fields.len());
            for (field, ty) in fields {
                let id = self.function_column(&name, &field);
                made.push((id, ty));
                columns.push(ItemColumn { name: field, id, ty });
            }
            if let (false, [(id, _)]) = (is_record, made.as_slice())
                && let Some(shape) = self.shape(&call)
            {
                self.shapes.insert(*id, shape);
            }
            bound.push(FunctionColumns { call, columns: made, is_record, is_defined });
        }
        let ordinality = written.ordinality.then(|| self.function_column(&name, "ordinality"));
        if let Some(id) = ordinality {
            columns.push(ItemColumn { name: "ordinality".into(), id, ty: Type::INT8 });
        }
        rename(&mut columns, alias, "table", &name)?;
        let plan = Plan::FunctionScan(FunctionScan { functions: bound, ordinality });
        Ok((plan, Item { kind: ItemKind::Function, whole, ..derived(name, columns) }))
    }

    fn function_column(&mut self, relation: &str, name: &str) -> ColumnId {
        let block = self.block().number;
        self.new_column(Origin::Variable {
            block,
            relation: Some(relation.into()),
            name: name.into(),
            read: None,
            table: Oid::NONE,
            attribute: 0,
        })
    }

    /// The columns that the call's results make, and whether those are records.
    fn result_columns(
        &mut self,
        call: &Expr,
        written: &ast::Expr,
        definitions: &[ast::ColumnDefinition],
        alias: Option<&ast::Alias>,
        single: bool,
    ) -> Result<(NamedTypes, bool)> {
        let at = written.at;
        let shape = if types::is_record(self.catalog, call.ty.oid) { self.shape(call) } else { None };
        if !definitions.is_empty() {
            let place = definitions[0].name.at;
            return match shape {
                Some(_) if call.ty.oid == oid::RECORD => {
                    let message = "a column definition list is redundant for a function with OUT parameters";
                    Err(syntax_error(message, place))
                }
                Some(_) => {
                    let message =
                        "a column definition list is redundant for a function returning a named composite type";
                    Err(syntax_error(message, place))
                }
                None if call.ty.oid != oid::RECORD => {
                    let message = "a column definition list is only allowed for functions returning \"record\"";
                    Err(syntax_error(message, place))
                }
                None => Ok((self.defined_columns(definitions)?, true)),
            };
        }
        if let Some(shape) = shape {
            return Ok((shape.fields, true));
        }
        if call.ty.oid == oid::RECORD {
            let message = "a column definition list is required for functions returning \"record\"";
            return Err(syntax_error(message, at));
        }
        let output = match &call.kind {
            ExprKind::Call(call) | ExprKind::Set(call) => output_name(call.function.row),
            _ => None,
        };
        let name = match (output, alias) {
            (Some(output), _) => output.to_owned(),
            (None, Some(alias)) if single => alias.name.text.to_string(),
            _ => figure_name(written),
        };
        Ok((vec![(name.into(), call.ty)], false))
    }

    fn defined_columns(&mut self, definitions: &[ast::ColumnDefinition]) -> Result<Vec<(Arc<str>, Type)>> {
        let mut columns: Vec<(Arc<str>, Type)> = Vec::with_capacity(definitions.len());
        for definition in definitions {
            if columns.iter().any(|(name, _)| **name == *definition.name.text) {
                let message = format!("column name \"{}\" specified more than once", definition.name);
                return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message).at(definition.name.at.offset()));
            }
            let Some(written) = &definition.type_name else {
                return Err(syntax_error("a column definition without a type", definition.name.at));
            };
            if let Some(collation) = &definition.collation {
                self.check_collation(collation, definition.name.at)?;
            }
            if written.setof {
                let message = format!("column \"{}\" cannot be declared SETOF", definition.name);
                return Err(Error::new(sqlstate::INVALID_TABLE_DEFINITION, message).at(definition.name.at.offset()));
            }
            let ty = type_name(self.scope, written)?;
            if ty.oid != oid::RECORD && ty.oid != oid::RECORDARRAY {
                crate::ddl::column::check_type(definition.name.as_str(), ty.oid)?;
            }
            columns.push((definition.name.as_str().into(), ty));
        }
        Ok(columns)
    }
}

/// Whether the list behind the alias can say what columns the calls give.
fn check_list(written: &ast::FunctionItem, calls: usize) -> Result<()> {
    let Some(column) = written.columns.first() else { return Ok(()) };
    let (message, hint) = match (calls, written.rows_from) {
        (1, _) if !written.ordinality => return Ok(()),
        (1, _) => (
            "WITH ORDINALITY cannot be used with a column definition list",
            "Put the column definition list inside ROWS FROM().",
        ),
        (_, true) => (
            "ROWS FROM() with multiple functions cannot have a column definition list",
            "Put a separate column definition list for each function inside ROWS FROM().",
        ),
        (_, false) => (
            "UNNEST() with multiple arguments cannot have a column definition list",
            "Use separate UNNEST() calls inside ROWS FROM(), and attach a column definition list to each one.",
        ),
    };
    Err(syntax_error(message, column.name.at).hint(hint))
}

/// The name of a function's only output argument.
fn output_name(row: &atoll_datum::builtin::Function) -> Option<&'static str> {
    let mut outputs = (0..row.modes.len()).filter(|place| matches!(row.modes[*place], b'o' | b'b' | b't'));
    let (only, None) = (outputs.next()?, outputs.next()) else { return None };
    row.names.get(only).copied().filter(|name| !name.is_empty())
}

/// `unnest(a, b)` is `ROWS FROM (unnest(a), unnest(b))`.
fn expand_unnest(written: &ast::FunctionItem) -> Vec<(ast::Expr, &[ast::ColumnDefinition])> {
    let mut all = Vec::with_capacity(written.functions.len());
    for function in &written.functions {
        let columns = function.columns.as_slice();
        match &function.function.kind {
            Ast::Call(call) if is_unnest(call) && columns.is_empty() => {
                for argument in &call.arguments {
                    let mut single = (**call).clone();
                    single.arguments = vec![argument.clone()];
                    let at: At = function.function.at;
                    all.push((ast::Expr { kind: Ast::Call(Box::new(single)), at }, columns));
                }
            }
            _ => all.push((function.function.clone(), columns)),
        }
    }
    all
}

fn is_unnest(call: &ast::Call) -> bool {
    let named = match call.name.as_slice() {
        [name] => name.as_str() == "unnest",
        [schema, name] => schema.as_str() == "pg_catalog" && name.as_str() == "unnest",
        _ => false,
    };
    let plain = !call.star && !call.distinct && !call.variadic && call.order_by.is_empty();
    named && plain && call.filter.is_none() && call.over.is_none() && call.arguments.len() > 1
}
