//! The query of a view as it is kept: every table with its schema, every `*` written out, types and sequences pinned.

use std::collections::{BTreeMap, BTreeSet};

use atoll_datum::{Error, Oid, Result, sqlstate};
use atoll_syntax::ast::{
    Expr, ExprKind, FromItem, GroupItem, InSet, JoinCondition, LimitCount, Literal, Name, QuantifiedSet, Query,
    QueryBody, Select, Statement, TableItem, Target, With,
};

use super::{binding, names, walk};
use crate::bind;
use crate::session::Scope;

/// What a query turned out to be.
pub struct Qualified {
    pub query: Query,
    /// Relations that it names.
    pub relations: BTreeSet<Oid>,
}

pub fn query(scope: &Scope, query: &Query, written: &bind::Written) -> Result<Qualified> {
    let mut query = query.clone();
    expand_stars(scope, &mut query)?;
    let mut relations = BTreeSet::new();
    let mut name_table = |table: &mut TableItem| qualify_table(scope, &mut table.table.name, &mut relations);
    let mut settle = |expr: &mut Expr| {
        name_item(written, expr);
        binding::pin(scope, expr)
    };
    let mut walker = Walker::new(&mut name_table, &mut settle);
    walker.natural = Some(&written.natural);
    walker.query(&mut query);
    walker.failed.map_or(Ok(()), Err)?;
    Ok(Qualified { query, relations })
}

/// `column` becomes `item.column`.
fn name_item(written: &bind::Written, expr: &mut Expr) {
    if let ExprKind::Column(names) = &mut expr.kind
        && let [name] = names.as_slice()
        && let Some(Some(item)) = written.columns.get(&expr.at.0)
    {
        *names = vec![Name::new(item.as_str(), name.at), name.clone()];
    }
}

fn qualify_table(scope: &Scope, name: &mut Vec<Name>, relations: &mut BTreeSet<Oid>) -> Result<()> {
    let Some(found) = bind::relation_in(scope, name)? else { return Err(names::missing_relation(name)) };
    let (schema, own) = match &found {
        bind::Found::Table(table) => (Oid(table.schema), table.name.clone()),
        bind::Found::System(table) => (table.schema, table.name.to_owned()),
        bind::Found::Index(..) => return Ok(()),
    };
    relations.insert(found.oid());
    let at = name[0].at;
    *name = vec![Name::new(names::schema_name(&scope.catalog, schema), at), Name::new(own, at)];
    Ok(())
}

// --------------------------------------------------------------------------------------------------------------- walking

/// Visits every table that a query names (common tables left out) and every expression, children first. The first error
/// is returned at the end.
pub fn each(
    query: &mut Query,
    table: &mut dyn FnMut(&mut TableItem) -> Result<()>,
    expr: &mut dyn FnMut(&mut Expr) -> Result<()>,
) -> Result<()> {
    let mut walker = Walker::new(table, expr);
    walker.query(query);
    walker.failed.map_or(Ok(()), Err)
}

struct Walker<'v> {
    table: &'v mut dyn FnMut(&mut TableItem) -> Result<()>,
    expr: &'v mut dyn FnMut(&mut Expr) -> Result<()>,
    /// Names of common tables that are visible.
    common: Vec<String>,
    /// The columns that NATURAL stands for, if it is to go.
    natural: Option<&'v BTreeMap<u32, Vec<Name>>>,
    failed: Option<Error>,
}

impl<'v> Walker<'v> {
    fn new(
        table: &'v mut dyn FnMut(&mut TableItem) -> Result<()>,
        expr: &'v mut dyn FnMut(&mut Expr) -> Result<()>,
    ) -> Walker<'v> {
        Walker { table, expr, common: Vec::new(), natural: None, failed: None }
    }

    fn fail(&mut self, error: Error) {
        self.failed.get_or_insert(error);
    }

    fn query(&mut self, query: &mut Query) {
        let visible = self.common.len();
        if let Some(with) = &mut query.with {
            self.with(with);
        }
        match &mut query.body {
            QueryBody::Select(select) => self.select(select),
            QueryBody::Values(rows) => rows.iter_mut().flatten().for_each(|value| self.expr(value)),
            QueryBody::SetOperation(operation) => {
                self.query(&mut operation.left);
                self.query(&mut operation.right);
            }
        }
        query.order_by.iter_mut().for_each(|key| self.expr(&mut key.value));
        if let Some(limit) = &mut query.limit
            && let LimitCount::Rows(count) = &mut limit.count
        {
            self.expr(count);
        }
        query.offset.iter_mut().for_each(|offset| self.expr(offset));
        self.common.truncate(visible);
    }

    fn with(&mut self, with: &mut With) {
        if with.recursive {
            self.common.extend(with.tables.iter().map(|table| table.name.as_str().to_owned()));
        }
        for table in &mut with.tables {
            match &mut table.statement {
                Statement::Query(query) => self.query(query),
                _ => {
                    let message = "views must not contain data-modifying statements in WITH";
                    self.fail(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message));
                }
            }
            if !with.recursive {
                self.common.push(table.name.as_str().to_owned());
            }
        }
    }

    fn select(&mut self, select: &mut Select) {
        if let Some(into) = &select.into {
            let at = names::at(&into.table);
            self.fail(Error::new(sqlstate::SYNTAX_ERROR, "views must not contain SELECT INTO").at(at));
        }
        select.from.iter_mut().for_each(|item| self.from(item));
        select.targets.iter_mut().for_each(|target| self.expr(&mut target.value));
        if let Some(atoll_syntax::ast::Distinct::On(keys)) = &mut select.distinct {
            keys.iter_mut().for_each(|key| self.expr(key));
        }
        select.filter.iter_mut().chain(&mut select.having).chain(&mut select.as_of).for_each(|expr| self.expr(expr));
        select.group_by.iter_mut().for_each(|item| self.group(item));
        for window in &mut select.windows {
            window.spec.partition_by.iter_mut().for_each(|key| self.expr(key));
            window.spec.order_by.iter_mut().for_each(|key| self.expr(&mut key.value));
        }
    }

    fn group(&mut self, item: &mut GroupItem) {
        match item {
            GroupItem::Expr(expr) => self.expr(expr),
            GroupItem::Empty(_) => {}
            GroupItem::Rollup(exprs, _) | GroupItem::Cube(exprs, _) => {
                exprs.iter_mut().for_each(|expr| self.expr(expr))
            }
            GroupItem::Sets(items, _) => items.iter_mut().for_each(|item| self.group(item)),
        }
    }

    fn from(&mut self, item: &mut FromItem) {
        match item {
            FromItem::Table(table) => self.table(table),
            FromItem::Subquery(subquery) => self.query(&mut subquery.query),
            FromItem::Function(function) => {
                function.functions.iter_mut().for_each(|function| self.expr(&mut function.function));
            }
            FromItem::Join(join) => {
                self.from(&mut join.left);
                self.from(&mut join.right);
                if let JoinCondition::On(condition) = &mut join.condition {
                    self.expr(condition);
                }
                if join.condition == JoinCondition::Natural
                    && let Some(columns) = self.natural.and_then(|natural| natural.get(&join.at.0))
                {
                    join.condition = match columns.is_empty() {
                        true => {
                            JoinCondition::On(Expr { kind: ExprKind::Literal(Literal::Boolean(true)), at: join.at })
                        }
                        false => JoinCondition::Using { columns: columns.clone(), alias: None },
                    };
                }
            }
        }
    }

    fn table(&mut self, item: &mut TableItem) {
        if let [single] = item.table.name.as_slice()
            && self.common.iter().any(|common| common == single.as_str())
        {
            return;
        }
        if let Err(error) = (self.table)(item) {
            self.fail(error);
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        for child in walk::children_mut(expr) {
            self.expr(child);
        }
        if let Err(error) = (self.expr)(expr) {
            self.fail(error);
        }
        match &mut expr.kind {
            ExprKind::ArrayQuery(query) | ExprKind::Exists(query) | ExprKind::Subquery(query) => self.query(query),
            ExprKind::In(of) => {
                if let InSet::Query(query) = &mut of.set {
                    self.query(query);
                }
            }
            ExprKind::Quantified(of) => {
                if let QuantifiedSet::Query(query) = &mut of.right {
                    self.query(query);
                }
            }
            _ => {}
        }
    }
}

// -------------------------------------------------------------------------------------------------------------- expanding

/// Columns that the tables get later are not the view's.
fn expand_stars(scope: &Scope, query: &mut Query) -> Result<()> {
    let with = query.with.clone();
    expand_in(scope, with.as_deref(), &mut query.body)
}

fn expand_in(scope: &Scope, with: Option<&With>, body: &mut QueryBody) -> Result<()> {
    match body {
        QueryBody::Values(_) => Ok(()),
        QueryBody::SetOperation(operation) => {
            // A query's own common tables hide those around it; few have both.
            let left = operation.left.with.clone();
            expand_in(scope, left.as_deref().or(with), &mut operation.left.body)?;
            let right = operation.right.with.clone();
            expand_in(scope, right.as_deref().or(with), &mut operation.right.body)
        }
        QueryBody::Select(select) => expand_select(scope, with, select),
    }
}

fn is_star(target: &Target) -> bool {
    matches!(target.value.kind, ExprKind::Star(_))
}

fn expand_select(scope: &Scope, with: Option<&With>, select: &mut Select) -> Result<()> {
    if !select.targets.iter().any(is_star) {
        return Ok(());
    }
    let mut targets = Vec::new();
    for target in &select.targets {
        let ExprKind::Star(qualifier) = &target.value.kind else {
            targets.push(target.clone());
            continue;
        };
        let names = columns_of_star(scope, with, select, target)?;
        let at = target.value.at;
        let items = if qualifier.is_empty() { aliases(&select.from) } else { None };
        let written = |qualifier: Option<&str>, name: &str| {
            let mut names: Vec<Name> = qualifier.map(|qualifier| Name::new(qualifier, at)).into_iter().collect();
            names.push(Name::new(name, at));
            Target { value: Expr { kind: ExprKind::Column(names), at }, alias: None }
        };
        match (qualifier.last(), items) {
            (Some(qualifier), _) => {
                targets.extend(names.iter().map(|name| written(Some(qualifier.as_str()), name)));
            }
            (None, Some(items)) => {
                for item in &items {
                    let star = Expr { kind: ExprKind::Star(vec![Name::new(item.as_str(), at)]), at };
                    let of_item = columns_of_star(scope, with, select, &Target { value: star, alias: None })?;
                    targets.extend(of_item.iter().map(|name| written(Some(item), name)));
                }
            }
            // Columns that a join has merged have no other name.
            (None, None) => {
                let distinct: BTreeSet<&String> = names.iter().collect();
                if distinct.len() < names.len() {
                    return Err(Error::unsupported("a view of * over a join that gives a name twice").at(at.offset()));
                }
                targets.extend(names.iter().map(|name| written(None, name)));
            }
        }
    }
    select.targets = targets;
    Ok(())
}

/// The names under which the items of FROM stand, if none of them merges columns of others.
fn aliases(from: &[FromItem]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for item in from {
        match item {
            FromItem::Table(table) => {
                let own = table.table.name.last()?;
                found.push(table.alias.as_ref().map_or(own, |alias| &alias.name).as_str().to_owned());
            }
            FromItem::Subquery(subquery) => found.push(subquery.alias.as_ref()?.name.as_str().to_owned()),
            FromItem::Function(function) => found.push(function.alias.as_ref()?.name.as_str().to_owned()),
            FromItem::Join(join) => {
                if join.alias.is_some() || !matches!(join.condition, JoinCondition::None | JoinCondition::On(_)) {
                    return None;
                }
                found.extend(aliases(std::slice::from_ref(&join.left))?);
                found.extend(aliases(std::slice::from_ref(&join.right))?);
            }
        }
    }
    Some(found)
}

/// The binder is asked what a query of nothing else gives.
fn columns_of_star(scope: &Scope, with: Option<&With>, select: &Select, star: &Target) -> Result<Vec<String>> {
    let only = Select {
        distinct: None,
        targets: vec![star.clone()],
        into: None,
        from: select.from.clone(),
        as_of: None,
        filter: None,
        group_by: Vec::new(),
        group_distinct: false,
        having: None,
        windows: Vec::new(),
    };
    let query = Query {
        with: with.cloned().map(Box::new),
        body: QueryBody::Select(Box::new(only)),
        order_by: Vec::new(),
        limit: None,
        offset: None,
        locking: Vec::new(),
        at: star.value.at,
    };
    let bound = bind::statement(scope, &Statement::Query(Box::new(query)), &[])?;
    Ok(bound.output.into_iter().map(|output| output.name).collect())
}
