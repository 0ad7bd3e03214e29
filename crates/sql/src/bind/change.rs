//! UPDATE and DELETE: a query for the rows, with their keys and old values, under the operator that changes them.

use std::sync::Arc;

use atoll_datum::Result;
use atoll_syntax::ast;

use super::from::{check_conflicts, join};
use super::names::{Item, Place};
use super::order::pass;
use super::{Binder, Bound};
use crate::catalog::{ColumnOrdinal, Table};
use crate::plan::{ColumnId, Delete, Filter, JoinKind, Plan, Project, Update};

/// The table of an UPDATE or DELETE, as its rows are read.
struct Target {
    table: Arc<Table>,
    name: String,
    read: usize,
    key: ColumnId,
    old: Vec<(ColumnId, ColumnOrdinal)>,
    item: Item,
}

impl Binder<'_> {
    pub fn update(&mut self, written: &ast::Update) -> Result<Bound> {
        self.push_block();
        let wraps = self.with_clause(written.with.as_deref())?;
        let (mut plan, target) = self.change_target(&written.table, written.alias.as_ref(), "UPDATE")?;
        plan = self.join_others(plan, &target, &written.from)?;
        let item = target.item.clone();
        let assigned = self
            .at_place(Place::UpdateSource, |binder| binder.assignments(&target.table, &item, &written.assignments))?;
        plan = self.filtered(plan, written.filter.as_ref())?;
        self.uses[target.read].update = Some(assigned.values.iter().map(|(ordinal, _)| *ordinal).collect());
        if !assigned.records.is_empty() {
            let mut columns = pass(plan.column_types());
            columns.extend(assigned.records);
            plan = Plan::Project(Box::new(Project { input: plan, columns }));
        }
        let mut columns = pass(plan.column_types());
        let mut assignments = Vec::with_capacity(assigned.values.len());
        for (ordinal, value) in assigned.values {
            let id = self.new_column(super::names::Origin::Internal);
            columns.push((id, value));
            assignments.push((ordinal, id));
        }
        let source = Plan::Project(Box::new(Project { input: plan, columns }));

        let (row_item, row) = self.row_item(&target.table, &target.name, Some(target.read));
        let mut rules = self.row_rules(&target.table, &row_item, true)?;
        self.block().items[0] = row_item;
        let (returning, output) = self.returning(&written.returning)?;
        self.finish_rules(&mut rules, row, returning.as_ref());
        self.pop_block();
        let Target { table, key, old, .. } = target;
        let update = Update { table, source, key, old, assignments, rules, returning };
        Ok(Bound { plan: self.wrap_with(wraps, Plan::Update(Box::new(update))), output })
    }

    pub fn delete(&mut self, written: &ast::Delete) -> Result<Bound> {
        self.push_block();
        let wraps = self.with_clause(written.with.as_deref())?;
        let (mut plan, target) = self.change_target(&written.table, written.alias.as_ref(), "DELETE")?;
        plan = self.join_others(plan, &target, &written.using)?;
        let source = self.filtered(plan, written.filter.as_ref())?;
        self.uses[target.read].delete = true;
        let (row_item, row) = self.row_item(&target.table, &target.name, Some(target.read));
        let mut rules = self.row_rules(&target.table, &row_item, false)?;
        self.block().items[0] = row_item;
        let (returning, output) = self.returning(&written.returning)?;
        self.finish_rules(&mut rules, row, returning.as_ref());
        self.pop_block();
        let Target { table, key, old, .. } = target;
        let delete = Delete { table, source, key, old, rules, returning };
        Ok(Bound { plan: self.wrap_with(wraps, Plan::Delete(Box::new(delete))), output })
    }

    /// Leaves the table as the block's first item.
    fn change_target(
        &mut self,
        written: &ast::TableName,
        alias: Option<&ast::Name>,
        verb: &str,
    ) -> Result<(Plan, Target)> {
        let table = self.changed_table(&written.name, verb)?;
        let read = self.new_use(table.oid());
        let alias = alias.map(|name| ast::Alias { name: name.clone(), columns: Vec::new() });
        let (mut plan, item) = self.scan(&table, alias.as_ref(), Some(read), true)?;
        let Plan::Scan(scan) = &mut plan else {
            return Err(atoll_datum::Error::internal("the table to change is not scanned"));
        };
        // The old row has the columns too that no name finds.
        for column in table.live_columns().filter(|column| column.hidden) {
            let id = self.new_column(super::names::Origin::Internal);
            scan.columns.push((id, column.ordinal()));
        }
        let old = scan.columns.clone();
        let key = match scan.key {
            Some(key) => key,
            None => return Err(atoll_datum::Error::internal("the rows to change have no keys")),
        };
        self.add_known(&item);
        self.block().items = vec![item.clone()];
        let name = item.name.clone().unwrap_or_default();
        Ok((plan, Target { table, name, read, key, old, item }))
    }

    /// FROM of UPDATE, USING of DELETE: cross joined with the table, which they may not see but laterally.
    fn join_others(&mut self, plan: Plan, target: &Target, written: &[ast::FromItem]) -> Result<Plan> {
        if written.is_empty() {
            return Ok(plan);
        }
        let mut others = Vec::new();
        std::mem::swap(&mut self.block().items, &mut others);
        let right = self.bound_items(written)?;
        check_conflicts(&others, &self.block().items)?;
        debug_assert!(others.first().is_some_and(|item| item.name == target.item.name));
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
