//! From the tree of what was written to a plan of what it means, by PostgreSQL's rules.
//!
//! The binder looks up every name, decides the type of every expression, puts every cast there, takes query blocks apart
//! into operators, and refuses what PostgreSQL refuses, in its words and at its position. It decides nothing about how
//! a plan is best run, and folds no constants: a quoted literal becomes a value of its type, that is all.
//!
//! Read in this order:
//!
//! - [`names`]: query blocks, what FROM has made, and how a column's name finds it
//! - [`mod@relation`]: tables, views, sequences, indexes by `search_path`; [`type_name`](mod@type_name): types by name
//! - [`types`], [`cast`], [`common_type`], [`polymorphic`]: PostgreSQL's type conversion (its chapter 10)
//! - [`candidate`], [`operator`], [`function`]: which operator, which function
//! - [`expr`], with [`literal`], [`parameter`], [`predicate`], [`row`], [`subscript`], [`subquery`]: expressions
//! - [`aggregate`], [`window`]: calls that a query block computes
//! - [`from`], [`join`], [`from_function`]: FROM
//! - [`select`], with [`target`], [`order`], [`group`], [`locking`]: one query block;
//!   [`query`], [`set_operation`], [`with`], [`search`]: how blocks are put together
//! - [`insert`], [`conflict`], [`change`] (UPDATE and DELETE), [`assign`], [`rules`]: statements that change tables;
//!   [`mod@view`], [`updatable`]: through views
//! - [`standalone`]: expressions that stand in descriptors
//! - [`same`], [`tidy`]: walks over what was bound
//!
//! INVARIANT: the position in an error and in [`Expr::at`] is a byte of the statement's own text. What comes from a view
//! or a descriptor has none.

mod aggregate;
mod assign;
mod candidate;
mod cast;
mod change;
mod common_type;
mod conflict;
mod expr;
mod from;
mod from_function;
mod function;
mod group;
mod insert;
mod join;
mod literal;
mod locking;
mod names;
mod operator;
mod order;
mod parameter;
mod polymorphic;
mod predicate;
mod query;
mod references;
pub mod relation;
mod row;
mod rules;
mod same;
mod search;
mod select;
mod set_operation;
mod standalone;
mod subquery;
mod subscript;
mod target;
mod tidy;
pub mod type_name;
pub mod types;
pub mod updatable;
mod view;
mod window;
mod with;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};

use atoll_datum::{Error, Oid, Result, sqlstate};
use atoll_syntax::ast;

use crate::catalog::{Catalog, View};
use crate::plan::{ColumnId, CommandKind, CteId, Expr, Query, RelationUse};
use crate::session::Scope;
use crate::types::Type;
use names::{Block, Origin};

pub use relation::{Found, in_schema, relation, relation_in, search_path};
pub use row::Shape;
pub use standalone::{Standalone, StandaloneColumn, expression_over, expression_text_over};
pub use target::figure_name;
pub use type_name::type_name;

/// What names of a query turned out to mean, by their place in its text: for views, whose text must not mean anything
/// else when its tables have got more columns.
#[derive(Default)]
pub struct Written {
    /// The item of FROM that a name without one belongs to; None if two readings differ.
    pub columns: BTreeMap<u32, Option<String>>,
    /// The names that NATURAL stands for, by where the join's right side begins.
    pub natural: BTreeMap<u32, Vec<ast::Name>>,
    /// Primary keys by which columns that aren't grouped are known to have one value in each group.
    pub keys: BTreeSet<u32>,
}

/// Binds the query of a view that is made.
pub fn view(scope: &Scope, query: &ast::Query) -> Result<(Query, Written)> {
    let mut binder = Binder::new(scope);
    binder.parameters = Some(parameter::Parameters::new(&[]));
    let bound = binder.top_query(query)?;
    let written = std::mem::take(&mut binder.written);
    Ok((binder.finish(bound, CommandKind::Select)?, written))
}

/// Binds the query of a view that was made before.
pub fn stored_view(scope: &Scope, view: &View, query: &ast::Query) -> Result<Query> {
    let mut binder = Binder::new(scope);
    binder.last_columns = from::last_columns(Some(view));
    let bound = binder.top_query(query)?;
    binder.finish(bound, CommandKind::Select)
}

/// Binds SELECT, VALUES, INSERT, UPDATE or DELETE. `parameters` are the declared types of `$1`, `$2`, …; 0 and what is
/// not listed are inferred.
pub fn statement(scope: &Scope, statement: &ast::Statement, parameters: &[Oid]) -> Result<Query> {
    let mut binder = Binder::new(scope);
    binder.parameters = Some(parameter::Parameters::new(parameters));
    let (bound, command) = match statement {
        ast::Statement::Query(query) => (binder.top_query(query)?, CommandKind::Select),
        ast::Statement::Insert(insert) => (binder.insert(insert)?, CommandKind::Insert),
        ast::Statement::Update(update) => (binder.update(update)?, CommandKind::Update),
        ast::Statement::Delete(delete) => (binder.delete(delete)?, CommandKind::Delete),
        ast::Statement::Merge(_) => return Err(Error::unsupported("MERGE")),
        _ => return Err(Error::internal("a statement without a plan was to be bound")),
    };
    binder.finish(bound, command)
}

/// Binds an expression that reads no columns, as a query of one row: an argument of EXECUTE.
pub fn value(scope: &Scope, expr: &ast::Expr, ty: Type) -> Result<Query> {
    let text = format!("SELECT CAST({} AS {})", atoll_syntax::print::expression(expr), format_type(scope, ty));
    let mut parsed = atoll_syntax::parse(&text).map_err(Error::without_position)?;
    let parsed = parsed.pop().ok_or_else(|| Error::internal("an expression could not be put as a query"))?;
    statement(scope, &parsed.statement, &[]).map_err(Error::without_position)
}

/// The type as PostgreSQL's `format_type` prints it, with length or precision.
pub fn format_type(scope: &Scope, ty: Type) -> String {
    types::format(&scope.catalog, &scope.session.search_path, ty)
}

/// How much of the stack binding may take, of the two megabytes that a thread has.
const STACK_BYTES_MAX: usize = 1 << 20;

/// The state of binding one statement.
struct Binder<'a> {
    /// Where the stack was when binding began.
    stack: usize,
    scope: &'a Scope,
    catalog: &'a Catalog,
    /// Query blocks around what is being bound, the innermost last.
    blocks: Vec<Block>,
    next_block: u32,
    next_cte: u32,
    /// Of each [`ColumnId`] given out so far.
    origins: Vec<Origin>,
    /// Fields of columns whose type is `record`.
    shapes: BTreeMap<ColumnId, Shape>,
    /// Columns that were made in case somebody reads them: whole rows and table oids. See [`tidy`].
    spare: BTreeMap<ColumnId, bool>,
    /// None where `$1` means nothing: in descriptors.
    parameters: Option<parameter::Parameters>,
    uses: Vec<RelationUse>,
    reads_own: bool,
    /// Whose privileges count for what is being bound: the current user's, within a view its owner's.
    role: Oid,
    /// Views being expanded, the innermost last.
    views: Vec<Oid>,
    /// Of relations that the innermost view reads: the last column that names may mean.
    last_columns: BTreeMap<Oid, u32>,
    written: Written,
    as_of: Option<Expr>,
    /// Off while a descriptor's expressions are bound: what they read needs no privilege.
    noting: bool,
    /// What the next query's block must hand on.
    carry: Option<search::Carry>,
}

/// A query or a change, bound.
struct Bound {
    plan: crate::plan::Plan,
    output: Vec<query::Output>,
}

impl<'a> Binder<'a> {
    fn new(scope: &'a Scope) -> Binder<'a> {
        let here = 0u8;
        Binder {
            stack: std::ptr::from_ref(&here).addr(),
            scope,
            catalog: &scope.catalog,
            blocks: Vec::new(),
            next_block: 0,
            next_cte: 0,
            origins: Vec::new(),
            shapes: BTreeMap::new(),
            spare: BTreeMap::new(),
            parameters: None,
            uses: Vec::new(),
            reads_own: false,
            role: scope.session.current_user,
            views: Vec::new(),
            last_columns: BTreeMap::new(),
            written: Written::default(),
            as_of: None,
            noting: true,
            carry: None,
        }
    }

    fn finish(self, bound: Bound, command: CommandKind) -> Result<Query> {
        let mut plan = bound.plan;
        self.tidy(&mut plan);
        let output = bound.output.into_iter().map(query::Output::into_plan).collect();
        Ok(Query {
            plan,
            output,
            parameters: self.parameters.map_or(Ok(Vec::new()), |parameters| parameters.resolved())?,
            next_column: self.origins.len() as u32,
            names: self.origins.into_iter().map(names::Origin::into_name).collect(),
            uses: self.uses,
            reads_own: self.reads_own,
            command,
            as_of: self.as_of,
        })
    }

    /// The parser has limited how high a tree may be; views add theirs to it.
    fn check_stack(&self, at: ast::At) -> Result<()> {
        let here = 0u8;
        if self.stack.abs_diff(std::ptr::from_ref(&here).addr()) > STACK_BYTES_MAX {
            let error = Error::new(sqlstate::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
            return Err(error.at(at.offset()));
        }
        Ok(())
    }

    fn new_column(&mut self, origin: Origin) -> ColumnId {
        let id = ColumnId(self.origins.len() as u32);
        self.origins.push(origin);
        id
    }

    fn new_cte(&mut self) -> CteId {
        self.next_cte += 1;
        CteId(self.next_cte - 1)
    }

    /// As messages name it.
    fn type_text(&self, ty: Oid) -> String {
        types::name(self.catalog, &self.scope.session.search_path, ty)
    }
}

/// With the position of an expression, if it has one.
fn located(error: Error, at: Option<u32>) -> Error {
    match at {
        Some(at) => error.at(at as usize),
        None => error,
    }
}

fn syntax_error(message: impl Into<String>, at: ast::At) -> Error {
    Error::new(sqlstate::SYNTAX_ERROR, message).at(at.offset())
}

/// Of a text in a descriptor.
fn parse_stored_expression(text: &str) -> Result<ast::Expr> {
    atoll_syntax::parse_expression(text).map_err(Error::without_position)
}

pub fn parse_stored_statement(text: &str) -> Result<ast::Statement> {
    let mut parsed = atoll_syntax::parse(text).map_err(Error::without_position)?;
    match (parsed.pop(), parsed.is_empty()) {
        (Some(parsed), true) => Ok(parsed.statement),
        _ => Err(Error::internal(format!("the stored text {text:?} is not one statement"))),
    }
}
