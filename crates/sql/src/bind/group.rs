//! GROUP BY, GROUPING SETS, and the rule that what is left of a row after grouping is its keys and aggregates.

use std::collections::{BTreeMap, BTreeSet};

use atoll_datum::{Error, Result, sqlstate};
use atoll_syntax::ast::{self, ExprKind as Ast, GroupItem};

use super::aggregate::Grouping;
use super::names::{Origin, Place};
use super::same::same;
use super::target::Target;
use super::{Binder, located};
use crate::plan::{Aggregate, ColumnId, Expr, ExprKind, Plan, SubqueryKind};

/// What a block is grouped by.
pub(super) struct Groups {
    /// Targets, each once.
    keys: Vec<usize>,
    /// Numbers of keys.
    sets: Vec<Vec<usize>>,
    /// There is a GROUP BY, be it of nothing.
    written: bool,
}

const SETS_MAX: usize = 4096;
const CUBE_MAX: usize = 12;

impl Binder<'_> {
    pub fn group_by(&mut self, select: &ast::Select, targets: &mut Vec<Target>) -> Result<Groups> {
        let mut groups = Groups { keys: Vec::new(), sets: vec![Vec::new()], written: !select.group_by.is_empty() };
        for item in &select.group_by {
            let sets = self.group_item(item, &mut groups.keys, targets)?;
            let mut product = Vec::with_capacity(groups.sets.len() * sets.len());
            for before in &groups.sets {
                for set in &sets {
                    let mut joined = before.clone();
                    joined.extend(set.iter().filter(|key| !before.contains(key)));
                    product.push(joined);
                }
            }
            check_sets(product.len())?;
            groups.sets = product;
        }
        if select.group_distinct {
            let mut seen = BTreeSet::new();
            groups.sets.retain(|set| {
                let mut sorted = set.clone();
                sorted.sort_unstable();
                seen.insert(sorted)
            });
        }
        for key in groups.keys.iter().enumerate() {
            targets[*key.1].key = Some(key.0);
        }
        Ok(groups)
    }

    /// The sets that one item of GROUP BY stands for.
    fn group_item(
        &mut self,
        item: &GroupItem,
        keys: &mut Vec<usize>,
        targets: &mut Vec<Target>,
    ) -> Result<Vec<Vec<usize>>> {
        match item {
            GroupItem::Expr(expr) => Ok(vec![self.group_exprs(expr, keys, targets)?]),
            GroupItem::Empty(_) => Ok(vec![Vec::new()]),
            GroupItem::Rollup(parts, _) => {
                let parts = self.group_parts(parts, keys, targets)?;
                Ok((0..=parts.len()).rev().map(|count| union(&parts[..count])).collect())
            }
            GroupItem::Cube(parts, at) => {
                if parts.len() > CUBE_MAX {
                    let message = format!("CUBE is limited to {CUBE_MAX} elements");
                    return Err(Error::new(sqlstate::TOO_MANY_COLUMNS, message).at(at.offset()));
                }
                let parts = self.group_parts(parts, keys, targets)?;
                let chosen = |mask: usize| {
                    // The first part is the last to be left out.
                    let kept = |place: &usize| mask & (1 << (parts.len() - 1 - place)) != 0;
                    let kept: Vec<Vec<usize>> =
                        (0..parts.len()).filter(kept).map(|place| parts[place].clone()).collect();
                    union(&kept)
                };
                Ok((0..1_usize << parts.len()).rev().map(chosen).collect())
            }
            GroupItem::Sets(items, _) => {
                let mut sets = Vec::new();
                for item in items {
                    sets.extend(self.group_item(item, keys, targets)?);
                    check_sets(sets.len())?;
                }
                Ok(sets)
            }
        }
    }

    fn group_parts(
        &mut self,
        parts: &[ast::Expr],
        keys: &mut Vec<usize>,
        targets: &mut Vec<Target>,
    ) -> Result<Vec<Vec<usize>>> {
        parts.iter().map(|part| self.group_exprs(part, keys, targets)).collect()
    }

    /// One key, or several for `(a, b)`.
    fn group_exprs(
        &mut self,
        expr: &ast::Expr,
        keys: &mut Vec<usize>,
        targets: &mut Vec<Target>,
    ) -> Result<Vec<usize>> {
        match &expr.kind {
            Ast::Row(row) if !row.explicit => {
                let mut all = Vec::new();
                for field in &row.fields {
                    let found = self.group_exprs(field, keys, targets)?;
                    all.extend(found.into_iter().filter(|key| !all.contains(key)).collect::<Vec<_>>());
                }
                Ok(all)
            }
            _ => {
                let target = self.item_target(expr, targets, Place::GroupBy)?;
                self.settle_target(&mut targets[target])?;
                self.check_groupable(&targets[target].expr)?;
                self.refuse_in_group_by(&targets[target].expr)?;
                if let Some(key) = keys.iter().position(|known| *known == target) {
                    return Ok(vec![key]);
                }
                keys.push(target);
                Ok(vec![keys.len() - 1])
            }
        }
    }

    /// Grouping by an output column that is an aggregate of the same block.
    fn refuse_in_group_by(&self, expr: &Expr) -> Result<()> {
        let Some(number) = self.blocks.last().map(|block| block.number) else { return Ok(()) };
        let mut refused = None;
        expr.any(&mut |inner| {
            let error = match inner.as_column().map(|id| self.origin(id)) {
                Some(Origin::Aggregate { block }) if *block == number => {
                    Error::new(sqlstate::GROUPING_ERROR, "aggregate functions are not allowed in GROUP BY")
                }
                Some(Origin::Window { block }) if *block == number => {
                    Error::new(sqlstate::WINDOWING_ERROR, "window functions are not allowed in GROUP BY")
                }
                _ => return false,
            };
            refused = Some(located(error, inner.at));
            true
        });
        refused.map_or(Ok(()), Err)
    }

    // ------------------------------------------------------------------------------------------------------ aggregation

    /// Puts the aggregation on top of the plan, if the block is a grouped one, and makes everything that is computed
    /// after it read its columns.
    pub fn aggregate(
        &mut self,
        input: Plan,
        groups: Groups,
        targets: &mut [Target],
        having: &mut Option<Expr>,
    ) -> Result<Plan> {
        let calls = std::mem::take(&mut self.block().aggregates);
        let groupings = std::mem::take(&mut self.block().groupings);
        if calls.is_empty() && groupings.is_empty() && !groups.written && having.is_none() {
            return Ok(input);
        }
        if self.block().reads_itself && !calls.is_empty() {
            let message = "aggregate functions are not allowed in a recursive query's recursive term";
            return Err(Error::new(sqlstate::INVALID_RECURSION, message));
        }
        let keys: Vec<(ColumnId, Expr)> = groups
            .keys
            .iter()
            .map(|target| (*target, self.new_column(Origin::Internal)))
            .map(|(target, id)| (id, targets[target].expr.clone()))
            .collect();
        for (id, key) in &keys {
            if let Some(shape) = self.shape(key) {
                self.shapes.insert(*id, shape);
            }
        }
        let mut grouped = Grouped {
            binder: self,
            always: groups.sets.iter().skip(1).fold(
                groups.sets.first().into_iter().flatten().copied().collect::<BTreeSet<usize>>(),
                |common, set| common.into_iter().filter(|key| set.contains(key)).collect(),
            ),
            keys,
            dependent: BTreeMap::new(),
            inner: false,
        };
        let groupings = groupings
            .into_iter()
            .map(|grouping| grouped.grouping(grouping))
            .collect::<Result<Vec<(ColumnId, Vec<usize>)>>>()?;
        for target in targets.iter_mut() {
            match target.key {
                Some(key) => target.expr = grouped.key_column(key, target.expr.at),
                None => grouped.replace(&mut target.expr)?,
            }
        }
        if let Some(having) = having {
            grouped.replace(having)?;
        }
        let mut windows = std::mem::take(&mut grouped.binder.block().windows);
        for (_, call) in &mut windows {
            for expr in call.expressions_mut() {
                grouped.replace(expr)?;
            }
        }
        let Grouped { mut keys, dependent, .. } = grouped;
        self.block().windows = windows;
        let input = self.keys_of_sets(input, &mut keys);
        let mut sets = groups.sets;
        for (column, (id, ty)) in dependent {
            for set in &mut sets {
                set.push(keys.len());
            }
            keys.push((id, Expr::column(column, ty)));
        }
        Ok(Plan::Aggregate(Box::new(Aggregate { input, keys, sets, calls, groupings })))
    }
}

impl Binder<'_> {
    /// Rows that calls in the keys give are made before they are grouped.
    fn keys_of_sets(&mut self, input: Plan, keys: &mut [(ColumnId, Expr)]) -> Plan {
        let has_set = |(_, key): &(ColumnId, Expr)| super::cast::returns_set(key);
        if !keys.iter().any(has_set) {
            return input;
        }
        let target = |(id, expr): &(ColumnId, Expr)| Target::nameless(*id, expr.clone());
        let mut targets: Vec<Target> = keys.iter().map(target).collect();
        let input = self.project_sets(input, &mut targets);
        for ((_, key), target) in keys.iter_mut().zip(targets) {
            *key = target.expr;
        }
        input
    }
}

fn union(parts: &[Vec<usize>]) -> Vec<usize> {
    let mut all: Vec<usize> = Vec::new();
    for key in parts.iter().flatten() {
        if !all.contains(key) {
            all.push(*key);
        }
    }
    all
}

fn check_sets(count: usize) -> Result<()> {
    if count > SETS_MAX {
        let message = format!("too many grouping sets present (maximum {SETS_MAX})");
        return Err(Error::new(sqlstate::STATEMENT_TOO_COMPLEX, message));
    }
    Ok(())
}

/// The rewriting of one grouped block.
struct Grouped<'b, 'a> {
    binder: &'b mut Binder<'a>,
    keys: Vec<(ColumnId, Expr)>,
    /// Keys that are in every set: others depend on these.
    always: BTreeSet<usize>,
    /// Columns that a grouped primary key determines, and their ids after grouping.
    dependent: BTreeMap<ColumnId, (ColumnId, crate::types::Type)>,
    /// Within a subquery, where only whole columns are grouped ones.
    inner: bool,
}

impl Grouped<'_, '_> {
    fn key_column(&self, key: usize, at: Option<u32>) -> Expr {
        let (id, expr) = &self.keys[key];
        Expr { at, ..Expr::column(*id, expr.ty) }
    }

    fn replace(&mut self, expr: &mut Expr) -> Result<()> {
        if (!self.inner || expr.as_column().is_some())
            && let Some(key) = self.keys.iter().position(|(_, key)| same(key, expr))
        {
            *expr = self.key_column(key, expr.at);
            return Ok(());
        }
        if let Some(id) = expr.as_column() {
            if let Some(id) = self.ungrouped(id, expr)? {
                *expr = Expr { at: expr.at, ..Expr::column(id, expr.ty) };
            }
            return Ok(());
        }
        if let ExprKind::Subquery(subquery) = &mut expr.kind {
            let before = std::mem::replace(&mut self.inner, true);
            self.replace_in_plan(&mut subquery.plan)?;
            self.inner = before;
            if !matches!(subquery.kind, SubqueryKind::Quantified { .. }) {
                return Ok(());
            }
        }
        for child in expr.children_mut() {
            self.replace(child)?;
        }
        Ok(())
    }

    fn replace_in_plan(&mut self, plan: &mut Plan) -> Result<()> {
        for expr in plan.expressions_mut() {
            self.replace(expr)?;
        }
        for input in plan.inputs_mut() {
            self.replace_in_plan(input)?;
        }
        Ok(())
    }

    /// What a column that is no key is read as; None for what is not of this block's FROM.
    fn ungrouped(&mut self, id: ColumnId, expr: &Expr) -> Result<Option<ColumnId>> {
        if let Some((id, _)) = self.dependent.get(&id) {
            return Ok(Some(*id));
        }
        let number = self.binder.block().number;
        let Origin::Variable { block, relation, name, .. } = self.binder.origin(id).clone() else { return Ok(None) };
        if block != number {
            return Ok(None);
        }
        if self.is_determined(id) {
            let new = self.binder.new_column(Origin::Internal);
            self.dependent.insert(id, (new, expr.ty));
            return Ok(Some(new));
        }
        let text = relation.map_or(name.to_string(), |relation| format!("{relation}.{name}"));
        let message = if self.inner {
            format!("subquery uses ungrouped column \"{text}\" from outer query")
        } else {
            format!("column \"{text}\" must appear in the GROUP BY clause or be used in an aggregate function")
        };
        let error = Error::new(sqlstate::GROUPING_ERROR, message);
        Err(located(error, expr.at))
    }

    /// Whether the primary key of the column's table is grouped by.
    fn is_determined(&mut self, id: ColumnId) -> bool {
        let keys: BTreeSet<ColumnId> = self.always.iter().filter_map(|key| self.keys[*key].1.as_column()).collect();
        let has = |item: &&super::names::Item| item.columns.iter().any(|column| column.id == id);
        let Some(block) = self.binder.blocks.last() else { return false };
        let Some(item) = block.items.iter().filter(|item| item.table.is_some()).find(has) else { return false };
        let Some(table) = item.table.as_ref().filter(|table| table.has_primary_key()) else { return false };
        // By number: an alias may have renamed them.
        let number = |column: &super::names::ItemColumn| match self.binder.origin(column.id) {
            Origin::Variable { attribute, .. } => *attribute as u32,
            _ => 0,
        };
        let of_item = |ordinal: u32| item.columns.iter().find(|column| number(column) == ordinal);
        let primary = table.primary();
        if !primary.keys.iter().all(|key| of_item(key.column).is_some_and(|column| keys.contains(&column.id))) {
            return false;
        }
        let constraint = primary.constraint;
        if self.binder.views.is_empty() {
            self.binder.written.keys.insert(constraint);
        }
        true
    }

    fn grouping(&mut self, grouping: Grouping) -> Result<(ColumnId, Vec<usize>)> {
        let Grouping { column, arguments, at } = grouping;
        let place = |argument: &Expr| {
            self.keys.iter().position(|(_, key)| same(key, argument)).ok_or_else(|| {
                let message = "arguments to GROUPING must be grouping expressions of the associated query level";
                let place = argument.at.map_or(at.offset(), |at| at as usize);
                Error::new(sqlstate::GROUPING_ERROR, message).at(place)
            })
        };
        Ok((column, arguments.iter().map(place).collect::<Result<_>>()?))
    }
}
