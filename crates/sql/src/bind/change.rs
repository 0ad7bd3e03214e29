//! UPDATE and DELETE: a query for the rows, with their keys and old values, under the operator that changes them.

use std::collections::BTreeSet;

use atoll_datum::Result;
use atoll_syntax::ast;

use super::from::{check_conflicts, join};
use super::names::{Item, Place};
use super::order::pass;
use super::view::{Conditions, Target};
use super::{Binder, Bound};
use crate::catalog::ColumnOrdinal;
use crate::plan::{ColumnId, CommandKind, Delete, Expr, Filter, JoinKind, Plan, Project, Update};

/// What an UPDATE or DELETE changes, as its rows are read.
struct Source {
    target: Target,
    name: String,
    key: ColumnId,
    old: Vec<(ColumnId, ColumnOrdinal)>,
    item: Item,
    /// Columns that only the statement's clauses read.
    shown: BTreeSet<ColumnId>,
}

impl Source {
    /// What the operator that changes the rows gets of them.
    fn kept(&self, plan: &Plan) -> Vec<(ColumnId, Expr)> {
        pass(plan.column_types().into_iter().filter(|(id, _)| !self.shown.contains(id)))
    }
}

impl Binder<'_> {
    pub fn update(&mut self, written: &ast::Update) -> Result<Bound> {
        self.push_block();
        let wraps = self.with_clause(written.with.as_deref())?;
        let (mut plan, source) = self.source(&written.table, written.alias.as_ref(), CommandKind::Update)?;
        plan = self.join_others(plan, &source, &written.from)?;
        let (target, item) = (&source.target, source.item.clone());
        let assigned =
            self.at_place(Place::UpdateSource, |binder| binder.assignments(target, &item, &written.assignments))?;
        plan = self.filtered(plan, written.filter.as_ref())?;
        self.note_updated(target, assigned.named);
        if !assigned.records.is_empty() {
            let mut columns = pass(plan.column_types());
            columns.extend(assigned.records);
            plan = Plan::Project(Box::new(Project { input: plan, columns }));
        }
        let mut columns = source.kept(&plan);
        let mut assignments = Vec::with_capacity(assigned.values.len());
        for (ordinal, value) in assigned.values {
            let id = self.new_column(super::names::Origin::Internal);
            columns.push((id, value));
            assignments.push((ordinal, id));
        }
        plan = Plan::Project(Box::new(Project { input: plan, columns }));

        let (rules, returning, output) = self.changed_row(target, &source.name, true, &written.returning)?;
        self.pop_block();
        let Source { target, key, old, .. } = source;
        let update = Update { table: target.table, source: plan, key, old, assignments, rules, returning };
        Ok(Bound { plan: self.wrap_with(wraps, Plan::Update(Box::new(update))), output })
    }

    pub fn delete(&mut self, written: &ast::Delete) -> Result<Bound> {
        self.push_block();
        let wraps = self.with_clause(written.with.as_deref())?;
        let (mut plan, source) = self.source(&written.table, written.alias.as_ref(), CommandKind::Delete)?;
        plan = self.join_others(plan, &source, &written.using)?;
        plan = self.filtered(plan, written.filter.as_ref())?;
        if source.target.is_view() {
            plan = Plan::Project(Box::new(Project { columns: source.kept(&plan), input: plan }));
        }
        self.note_deleted(&source.target);
        let (rules, returning, output) = self.changed_row(&source.target, &source.name, false, &written.returning)?;
        self.pop_block();
        let Source { target, key, old, .. } = source;
        let delete = Delete { table: target.table, source: plan, key, old, rules, returning };
        Ok(Bound { plan: self.wrap_with(wraps, Plan::Delete(Box::new(delete))), output })
    }

    /// Leaves what is changed as the block's first item.
    fn source(
        &mut self,
        written: &ast::TableName,
        alias: Option<&ast::Name>,
        command: CommandKind,
    ) -> Result<(Plan, Source)> {
        let target = self.change_target(&written.name, command)?;
        let name = alias.map_or(target.named.name.as_str(), |alias| alias.as_str()).to_owned();
        let own = alias.map(|name| ast::Alias { name: name.clone(), columns: Vec::new() });
        let alias = if target.is_view() { target.stored_alias() } else { own.as_ref() };
        let (mut plan, row) = self.scan(&target.table, alias, Some(target.stored), true)?;
        let Plan::Scan(scan) = &mut plan else {
            return Err(atoll_datum::Error::internal("the table to change is not scanned"));
        };
        // The old row has the columns too that no name finds.
        for column in target.table.live_columns().filter(|column| column.hidden) {
            let id = self.new_column(super::names::Origin::Internal);
            scan.columns.push((id, column.ordinal()));
        }
        let old = scan.columns.clone();
        let key = match scan.key {
            Some(key) => key,
            None => return Err(atoll_datum::Error::internal("the rows to change have no keys")),
        };
        let surface = self.surface(&target, &name, row, Conditions::All, true)?;
        let (plan, shown) = (surface.over(plan), surface.made());
        let item = surface.item;
        self.add_known(&item);
        self.block().items = vec![item.clone()];
        Ok((plan, Source { target, name, key, old, item, shown }))
    }

    /// FROM of UPDATE, USING of DELETE: cross joined with the table, which they may not see but laterally.
    fn join_others(&mut self, plan: Plan, source: &Source, written: &[ast::FromItem]) -> Result<Plan> {
        if written.is_empty() {
            return Ok(plan);
        }
        let mut others = Vec::new();
        std::mem::swap(&mut self.block().items, &mut others);
        let right = self.bound_items(written)?;
        check_conflicts(&others, &self.block().items)?;
        debug_assert!(others.first().is_some_and(|item| item.name == source.item.name));
        let from = std::mem::take(&mut self.block().items);
        others.extend(from);
        self.block().items = others;
        Ok(join(JoinKind::Inner, plan, right, Vec::new()))
    }

    fn filtered(&mut self, input: Plan, filter: Option<&ast::Expr>) -> Result<Plan> {
        let Some(filter) = filter else { return Ok(input) };
        let predicate = self.at_place(Place::Where, |binder| binder.condition(filter, "WHERE"))?;
        Ok(Plan::Filter(Box::new(Filter { input, predicate })))
    }
}
