//! WITH: common tables, in the order that their references allow, and WITH RECURSIVE.

use std::sync::Arc;

use atoll_datum::{Error, Result, sqlstate};
use atoll_syntax::ast::{self, Name, QueryBody, SetOperator, Statement};

use super::cast::Context;
use super::common_type::{common_modifier, common_type};
use super::references::{self, Reference, Surrounding};
use super::row::Shape;
use super::search::Tracks;
use super::{Binder, Bound, located, types};
use crate::plan::{CteId, Expr, Plan, Recursive, With};
use crate::types::Type;

/// As the queries see it that read it.
#[derive(Clone)]
pub(super) struct CommonTable {
    pub name: String,
    pub cte: CteId,
    pub columns: Vec<CommonColumn>,
    /// What SEARCH and CYCLE add.
    pub hidden: Vec<CommonColumn>,
    /// Those listed later are not, unless WITH is RECURSIVE.
    pub visible: bool,
    /// Its recursive part is being bound.
    pub in_itself: bool,
}

#[derive(Clone)]
pub(super) struct CommonColumn {
    pub name: Arc<str>,
    pub ty: Type,
    pub shape: Option<Shape>,
    pub table: atoll_datum::Oid,
    pub attribute: i16,
}

/// What goes around the query's plan.
pub(super) struct Wrap {
    cte: CteId,
    name: String,
    definition: Plan,
    recursive: Option<Recursive>,
    materialized: Option<bool>,
}

impl Binder<'_> {
    pub fn with_clause(&mut self, with: Option<&ast::With>) -> Result<Vec<Wrap>> {
        let Some(with) = with else { return Ok(Vec::new()) };
        for (place, table) in with.tables.iter().enumerate() {
            if with.tables[..place].iter().any(|before| before.name == table.name) {
                let message = format!("WITH query name \"{}\" specified more than once", table.name);
                return Err(Error::new(sqlstate::DUPLICATE_ALIAS, message).at(table.name.at.offset()));
            }
            let cte = self.new_cte();
            let name = table.name.text.to_string();
            let entry =
                CommonTable { name, cte, columns: Vec::new(), hidden: Vec::new(), visible: false, in_itself: false };
            self.block().ctes.push(entry);
        }
        let order = if with.recursive { dependency_order(&with.tables)? } else { (0..with.tables.len()).collect() };
        let mut wraps = Vec::with_capacity(order.len());
        for place in order {
            wraps.push(self.common_table(&with.tables[place], place, with.recursive)?);
        }
        Ok(wraps)
    }

    /// The first table is outermost: later ones read it.
    pub fn wrap_with(&mut self, wraps: Vec<Wrap>, mut body: Plan) -> Plan {
        for wrap in wraps.into_iter().rev() {
            let Wrap { cte, name, definition, recursive, materialized } = wrap;
            body = Plan::With(Box::new(With { cte, name, definition, recursive, materialized, body }));
        }
        body
    }

    fn common_table(&mut self, table: &ast::CommonTable, place: usize, recursive: bool) -> Result<Wrap> {
        let query = match &table.statement {
            Statement::Query(query) => query,
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {
                return Err(Error::unsupported("a statement that changes data in WITH").at(table.name.at.offset()));
            }
            _ => return Err(Error::internal("a statement in WITH that is no query")),
        };
        let cte = self.block().ctes[place].cte;
        let name = table.name.text.to_string();
        if recursive && references::count(query, table.name.as_str()) > 0 {
            return self.recursive_table(table, query, place);
        }
        if table.search.is_some() || table.cycle.is_some() {
            return Err(super::syntax_error("WITH query is not recursive", table.name.at));
        }
        let bound = self.query(query)?;
        let bound = self.settle_unknown(bound)?;
        self.declare(table, place, &bound)?;
        self.block().ctes[place].visible = true;
        Ok(Wrap { cte, name, definition: bound.plan, recursive: None, materialized: table.materialized })
    }

    fn declare(&mut self, table: &ast::CommonTable, place: usize, bound: &Bound) -> Result<()> {
        if table.columns.len() > bound.output.len() {
            let (name, has, given) = (&table.name, bound.output.len(), table.columns.len());
            let message = format!("WITH query \"{name}\" has {has} columns available but {given} columns specified");
            let error = Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message);
            return Err(error.at(table.name.at.offset()));
        }
        let column = |(place, column): (usize, &super::query::Output)| CommonColumn {
            name: table.columns.get(place).map_or(column.name.as_str(), Name::as_str).into(),
            ty: column.ty,
            shape: self.shapes.get(&column.id).cloned(),
            table: column.table,
            attribute: column.attribute,
        };
        let columns = bound.output.iter().enumerate().map(column).collect();
        self.block().ctes[place].columns = columns;
        Ok(())
    }

    // ------------------------------------------------------------------------------------------------------- recursion

    fn recursive_table(&mut self, table: &ast::CommonTable, query: &ast::Query, place: usize) -> Result<Wrap> {
        let name = table.name.as_str();
        let invalid = |message: String, at: ast::At| Error::new(sqlstate::INVALID_RECURSION, message).at(at.offset());
        let not_yet = |what: &str, at: ast::At| {
            let message = format!("{what} in a recursive query is not implemented");
            Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(at.offset()))
        };
        let QueryBody::SetOperation(operation) = &query.body else {
            let message = format!(
                "recursive query \"{name}\" does not have the form non-recursive-term UNION [ALL] recursive-term"
            );
            return Err(invalid(message, table.name.at));
        };
        if operation.operator != SetOperator::Union {
            let message = format!(
                "recursive query \"{name}\" does not have the form non-recursive-term UNION [ALL] recursive-term"
            );
            return Err(invalid(message, table.name.at));
        }
        if let Some(key) = query.order_by.first() {
            return not_yet("ORDER BY", key.value.at);
        }
        if let Some(offset) = &query.offset {
            return not_yet("OFFSET", offset.at);
        }
        if let Some(limit) = &query.limit {
            let at = match &limit.count {
                ast::LimitCount::Rows(count) => count.at,
                ast::LimitCount::All => limit.at,
            };
            return not_yet("LIMIT", at);
        }
        if let Some(locking) = query.locking.first() {
            return not_yet("FOR UPDATE/SHARE", locking.at);
        }
        check_references(&operation.left, name, Surrounding::NonRecursive)?;
        check_references(&operation.right, name, Surrounding::Nothing)?;

        let wraps = self.with_clause_of(query)?;
        let first = self.query(&operation.left)?;
        let first = self.settle_unknown(first)?;
        self.declare(table, place, &first)?;
        let columns = self.block().ctes[place].columns.clone();
        let tracks = self.tracks(table, operation, &columns)?;
        let hidden = tracks.as_ref().map(Tracks::hidden).unwrap_or_default();
        let entry = &mut self.block().ctes[place];
        (entry.visible, entry.in_itself, entry.hidden) = (true, true, hidden.clone());
        self.carry = tracks.as_ref().map(|tracks| tracks.carry(name));
        let mut step = self.query(&operation.right)?;
        self.block().ctes[place].in_itself = false;
        if step.output.len() != first.output.len() + hidden.len() {
            let message = "each UNION query must have the same number of columns";
            return Err(super::syntax_error(message, operation.right.at));
        }
        let mut wanted = Vec::with_capacity(first.output.len());
        for (number, (column, other)) in first.output.iter().zip(&step.output).enumerate() {
            let common = common_type(self.catalog, &[column.ty.oid, other.ty.oid]);
            let overall = match common {
                Ok(ty) => Type::with_modifier(ty, common_modifier(ty, &[column.ty, other.ty])),
                Err(_) => {
                    let sides = [Expr::column(column.id, column.ty), Expr::column(other.id, other.ty)];
                    self.common_type_of(&[&sides[0], &sides[1]], "UNION")?.into()
                }
            };
            let unknown = other.ty.oid == atoll_datum::oid::UNKNOWN;
            if overall != column.ty && !unknown {
                let path = &self.scope.session.search_path;
                let (from, to) =
                    (types::format(self.catalog, path, column.ty), types::format(self.catalog, path, overall));
                let message = format!(
                    "recursive query \"{name}\" column {} has type {from} in non-recursive term but type {to} overall",
                    number + 1
                );
                let hint = "Cast the output of the non-recursive term to the correct type.";
                let error = Error::new(sqlstate::DATATYPE_MISMATCH, message).hint(hint);
                return Err(located(error, super::set_operation::value_place(&first.plan, column.id)));
            }
            wanted.push(column.ty);
        }
        wanted.extend(hidden.iter().map(|column| column.ty));
        self.coerce_output(&mut step, &wanted, Context::Implicit)?;
        let mut first = first;
        if let Some(tracks) = &tracks {
            first = self.track_first(tracks, first);
            step = self.track_step(tracks, step)?;
        }
        let recursive = Recursive { step: step.plan, distinct: !operation.all };
        let cte = self.block().ctes[place].cte;
        let definition = self.wrap_with(wraps, first.plan);
        Ok(Wrap {
            cte,
            name: name.to_owned(),
            definition,
            recursive: Some(recursive),
            materialized: table.materialized,
        })
    }

    /// A WITH within a recursive query would have to go around both of its parts.
    fn with_clause_of(&mut self, query: &ast::Query) -> Result<Vec<Wrap>> {
        match &query.with {
            Some(with) => Err(Error::unsupported("WITH in a recursive query").at(with.at.offset())),
            None => Ok(Vec::new()),
        }
    }

    /// The common table with this name that can be seen from here.
    pub fn find_common_table(&self, name: &str) -> Option<CommonTable> {
        let tables = self.blocks.iter().rev().flat_map(|block| block.ctes.iter());
        tables.filter(|table| table.visible).find(|table| table.name == name).cloned()
    }

    /// Whether there is one that can't be seen yet.
    pub fn has_hidden_common_table(&self, name: &str) -> bool {
        self.blocks.iter().flat_map(|block| &block.ctes).any(|table| !table.visible && table.name == name)
    }
}

fn check_references(query: &ast::Query, name: &str, around: Surrounding) -> Result<()> {
    let mut seen = false;
    let invalid = |message: String, at: ast::At| Error::new(sqlstate::INVALID_RECURSION, message).at(at.offset());
    references::visit(query, name, around, &mut |reference: Reference| {
        let message = match reference.within {
            Surrounding::Nothing if seen => "must not appear more than once",
            Surrounding::Nothing => {
                seen = true;
                return Ok(());
            }
            Surrounding::NonRecursive => "must not appear within its non-recursive term",
            Surrounding::Subquery => "must not appear within a subquery",
            Surrounding::OuterJoin => "must not appear within an outer join",
            Surrounding::Intersect => "must not appear within INTERSECT",
            Surrounding::Except => "must not appear within EXCEPT",
        };
        Err(invalid(format!("recursive reference to query \"{name}\" {message}"), reference.at))
    })
}

/// Such that each comes after those it reads.
fn dependency_order(tables: &[ast::CommonTable]) -> Result<Vec<usize>> {
    let reads = |table: &ast::CommonTable, other: &ast::CommonTable| match &table.statement {
        Statement::Query(query) => references::count(query, other.name.as_str()) > 0,
        _ => false,
    };
    let mut order: Vec<usize> = Vec::with_capacity(tables.len());
    while order.len() < tables.len() {
        let ready = (0..tables.len()).find(|place| {
            let waits =
                |other: &usize| other != place && !order.contains(other) && reads(&tables[*place], &tables[*other]);
            !order.contains(place) && !(0..tables.len()).any(|other| waits(&other))
        });
        match ready {
            Some(place) => order.push(place),
            None => {
                let stuck = (0..tables.len()).find(|place| !order.contains(place)).unwrap_or(0);
                let message = "mutual recursion between WITH items is not implemented";
                let error = Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message);
                return Err(error.at(tables[stuck].name.at.offset()));
            }
        }
    }
    Ok(order)
}
