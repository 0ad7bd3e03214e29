//! The select list: its columns, their names, and what `*` stands for.

use std::sync::Arc;

use atoll_datum::{Error, Oid, Result, sqlstate};
use atoll_syntax::ast::{self, At, ExprKind as Ast, Indirection, Name, ValueFunction};

use super::names::{Item, Origin, Place};
use super::{Binder, located, syntax_error};
use crate::plan::{ColumnId, Expr};

/// A column of the select list, or (junk) something that ORDER BY or DISTINCT ON needs besides.
pub(super) struct Target {
    pub name: String,
    pub expr: Expr,
    pub junk: bool,
    /// Of the column that the block's projection makes.
    pub id: ColumnId,
    /// Is the grouping key with this number.
    pub key: Option<usize>,
    /// The table column that it shows unchanged, for RowDescription.
    pub source: (Oid, i16),
}

type Named = Vec<(Arc<str>, Expr)>;

impl Target {
    /// Something to compute that has no name.
    pub fn nameless(id: ColumnId, expr: Expr) -> Target {
        Target { name: String::new(), expr, junk: false, id, key: None, source: (Oid::NONE, 0) }
    }
}

impl Binder<'_> {
    pub fn targets(&mut self, written: &[ast::Target], place: Place) -> Result<Vec<Target>> {
        self.at_place(place, |binder| {
            let mut targets = Vec::with_capacity(written.len());
            for target in written {
                match binder.expand_star(&target.value)? {
                    Some(columns) => {
                        for (name, expr) in columns {
                            targets.push(binder.new_target(name.to_string(), expr));
                        }
                    }
                    None => {
                        let expr = binder.expr(&target.value)?;
                        let name = match &target.alias {
                            Some(alias) => alias.text.to_string(),
                            None => figure_name(&target.value),
                        };
                        targets.push(binder.new_target(name, expr));
                    }
                }
            }
            Ok(targets)
        })
    }

    pub fn new_target(&mut self, name: String, expr: Expr) -> Target {
        let id = self.new_column(Origin::Internal);
        if let Some(shape) = self.shape(&expr).filter(|_| expr.ty.oid == atoll_datum::oid::RECORD) {
            self.shapes.insert(id, shape);
        }
        let source = match expr.as_column().map(|id| self.origin(id)) {
            Some(Origin::Variable { table, attribute, .. }) => (*table, *attribute),
            _ => (Oid::NONE, 0),
        };
        Target { name, expr, junk: false, id, key: None, source }
    }

    /// The columns that `*`, `t.*` or `(record).*` stand for; None for anything else.
    pub fn expand_star(&mut self, expr: &ast::Expr) -> Result<Option<Named>> {
        match &expr.kind {
            Ast::Star(qualifier) if qualifier.is_empty() => self.all_columns(expr.at).map(Some),
            Ast::Star(qualifier) => {
                let item = self.star_item(qualifier, expr.at)?;
                Ok(Some(self.columns_of(&item, expr.at)))
            }
            Ast::Indirection(base, path) => match path.split_last() {
                Some((Indirection::Star, [])) => self.fields(base, expr.at).map(Some),
                Some((Indirection::Star, rest)) => {
                    let inner = Ast::Indirection(base.clone(), rest.to_vec());
                    self.fields(&ast::Expr { kind: inner, at: expr.at }, expr.at).map(Some)
                }
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn columns_of(&mut self, item: &Item, at: At) -> Vec<(Arc<str>, Expr)> {
        // Even a table without columns is read by this.
        if let Some(read) = item.read {
            self.uses[read].select.get_or_insert_default();
        }
        item.columns.iter().map(|column| (column.name.clone(), self.read_column(column, at))).collect()
    }

    fn all_columns(&mut self, at: At) -> Result<Vec<(Arc<str>, Expr)>> {
        let items: Vec<Item> = self.block().items.iter().filter(|item| item.columns_visible).cloned().collect();
        if items.is_empty() {
            return Err(syntax_error("SELECT * with no tables specified is not valid", at));
        }
        Ok(items.iter().flat_map(|item| self.columns_of(item, at)).collect())
    }

    /// `t.*` where one value is wanted: the row as a whole.
    pub fn star_row(&mut self, qualifier: &[Name], at: At) -> Result<Expr> {
        let item = self.star_item(qualifier, at)?;
        self.whole_row(&item, at)
    }

    pub fn star_item(&mut self, qualifier: &[Name], at: At) -> Result<Item> {
        let (schema, table) = match qualifier {
            [table] => (None, table),
            [schema, table] | [_, schema, table] => (Some(schema), table),
            names => {
                let names = super::names::dotted(names);
                let message = format!("improper qualified name (too many dotted names): {names}.*");
                return Err(syntax_error(message, at));
            }
        };
        match self.find_item(schema, table.as_str(), at)? {
            Some(item) => Ok(item),
            None => Err(self.missing_item(schema, table.as_str(), at)),
        }
    }

    pub fn check_groupable(&self, expr: &Expr) -> Result<()> {
        if super::types::is_groupable(self.catalog, expr.ty.oid) {
            return Ok(());
        }
        let text = self.type_text(expr.ty.oid);
        let message = format!("could not identify an equality operator for type {text}");
        let error = Error::new(sqlstate::UNDEFINED_FUNCTION, message);
        Err(located(error, expr.at))
    }
}

/// What a column is called that has no alias.
pub fn figure_name(expr: &ast::Expr) -> String {
    name_and_strength(expr).map_or_else(|| "?column?".to_owned(), |(name, _)| name)
}

/// A weak name (false) gives way to that of a cast's type or of CASE.
fn name_and_strength(expr: &ast::Expr) -> Option<(String, bool)> {
    let strong = |name: &str| Some((name.to_owned(), true));
    match &expr.kind {
        Ast::Column(names) | Ast::Star(names) => strong(names.last()?.as_str()),
        Ast::Indirection(base, path) => {
            let field = path.iter().rev().find_map(|step| match step {
                Indirection::Field(name) => Some(name),
                _ => None,
            });
            match field {
                Some(name) => strong(name.as_str()),
                None => name_and_strength(base),
            }
        }
        Ast::Call(call) => strong(call.name.last()?.as_str()),
        Ast::NullIf(_) => strong("nullif"),
        Ast::Collate(collate) => name_and_strength(&collate.operand),
        Ast::Cast(cast) => match name_and_strength(&cast.operand) {
            Some((name, true)) => Some((name, true)),
            _ => Some((cast.to.names.last()?.text.to_string(), false)),
        },
        Ast::Case(case) => match case.otherwise.as_ref().and_then(name_and_strength) {
            Some((name, true)) => Some((name, true)),
            _ => Some(("case".to_owned(), false)),
        },
        Ast::Row(_) => strong("row"),
        Ast::Array(_) | Ast::ArrayQuery(_) => strong("array"),
        Ast::Exists(_) => strong("exists"),
        Ast::Coalesce(_) => strong("coalesce"),
        Ast::Greatest(_) => strong("greatest"),
        Ast::Least(_) => strong("least"),
        Ast::Grouping(_) => strong("grouping"),
        Ast::Is(is) if matches!(is.test, ast::IsTest::Normalized(_)) && !is.negated => strong("is_normalized"),
        Ast::Subquery(query) => Some((first_name(query)?, true)),
        Ast::Value(function) => strong(match function {
            ValueFunction::CurrentDate => "current_date",
            ValueFunction::CurrentTime(_) => "current_time",
            ValueFunction::CurrentTimestamp(_) => "current_timestamp",
            ValueFunction::LocalTime(_) => "localtime",
            ValueFunction::LocalTimestamp(_) => "localtimestamp",
            ValueFunction::CurrentRole => "current_role",
            ValueFunction::CurrentUser => "current_user",
            ValueFunction::User => "user",
            ValueFunction::SessionUser => "session_user",
            ValueFunction::CurrentCatalog => "current_catalog",
            ValueFunction::CurrentSchema => "current_schema",
        }),
        _ => None,
    }
}

/// The name of a query's first column.
fn first_name(query: &ast::Query) -> Option<String> {
    match &query.body {
        ast::QueryBody::Select(select) => {
            let target = select.targets.first()?;
            match &target.alias {
                Some(alias) => Some(alias.text.to_string()),
                None => Some(figure_name(&target.value)),
            }
        }
        ast::QueryBody::Values(_) => Some("column1".to_owned()),
        ast::QueryBody::SetOperation(operation) => first_name(&operation.left),
    }
}
