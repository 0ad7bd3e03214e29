//! ORDER BY, DISTINCT ON and GROUP BY items: an output column's name, its number, or an expression. LIMIT and OFFSET.

use atoll_datum::{Error, Result, sqlstate};
use atoll_syntax::ast::{self, ExprKind as Ast, Literal};

use super::names::Place;
use super::same::same;
use super::target::Target;
use super::{Binder, located, syntax_error};
use crate::plan::{ColumnId, Distinct, Expr, Limit, Plan, SortKey};
use crate::types::Type;

/// ORDER BY over the select list.
pub(super) struct Sorted {
    pub target: usize,
    pub descending: bool,
    pub nulls_first: bool,
}

impl Binder<'_> {
    /// The target that the item means; a new one, of junk, if there is none.
    pub fn item_target(&mut self, item: &ast::Expr, targets: &mut Vec<Target>, place: Place) -> Result<usize> {
        let what = place.text();
        match &item.kind {
            Ast::Column(names) if names.len() == 1 => {
                let name = names[0].as_str();
                let column_first = place == Place::GroupBy && self.is_local_column(name);
                if !column_first && let Some(target) = self.target_named(name, targets, item.at, what)? {
                    return Ok(target);
                }
            }
            Ast::Literal(Literal::Integer(number)) => {
                let visible = targets.iter().filter(|target| !target.junk).count();
                return match usize::try_from(*number) {
                    Ok(number) if (1..=visible).contains(&number) => Ok(number - 1),
                    _ => {
                        let message = format!("{what} position {number} is not in select list");
                        let error = Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message);
                        Err(error.at(item.at.offset()))
                    }
                };
            }
            Ast::Literal(_) => return Err(syntax_error(format!("non-integer constant in {what}"), item.at)),
            _ => {}
        }
        let expr = self.at_place(place, |binder| binder.expr(item))?;
        if let Some(known) = targets.iter().position(|target| same(&target.expr, &expr)) {
            return Ok(known);
        }
        let mut target = self.new_target(String::new(), expr);
        target.junk = true;
        targets.push(target);
        Ok(targets.len() - 1)
    }

    fn target_named(&self, name: &str, targets: &[Target], at: ast::At, what: &str) -> Result<Option<usize>> {
        let mut found: Option<usize> = None;
        for (place, target) in targets.iter().enumerate().filter(|(_, target)| !target.junk && target.name == name) {
            match found {
                Some(before) if !same(&targets[before].expr, &target.expr) => {
                    let message = format!("{what} \"{name}\" is ambiguous");
                    return Err(Error::new(sqlstate::AMBIGUOUS_COLUMN, message).at(at.offset()));
                }
                Some(_) => {}
                None => found = Some(place),
            }
        }
        Ok(found)
    }

    fn is_local_column(&mut self, name: &str) -> bool {
        let visible = |item: &&super::names::Item| item.columns_visible;
        self.block().items.iter().filter(visible).any(|item| item.columns.iter().any(|column| *column.name == *name))
    }

    /// Gives a target that is sorted or grouped by a type, if it has none.
    pub fn settle_target(&mut self, target: &mut Target) -> Result<()> {
        target.expr = self.known_type(std::mem::replace(&mut target.expr, Expr::null(Type::UNKNOWN)))?;
        Ok(())
    }

    pub fn order_by(&mut self, written: &[ast::OrderBy], targets: &mut Vec<Target>) -> Result<Vec<Sorted>> {
        let mut sorted: Vec<Sorted> = Vec::with_capacity(written.len());
        for item in written {
            let target = self.item_target(&item.value, targets, Place::OrderBy)?;
            self.settle_target(&mut targets[target])?;
            let mut value = targets[target].expr.clone();
            value.at = Some(item.value.at.0);
            let descending = self.direction(&item.direction, &value)?;
            let nulls_first = item.nulls.map_or(descending, |nulls| nulls == ast::Nulls::First);
            // A second time decides nothing.
            if !sorted.iter().any(|before| before.target == target) {
                sorted.push(Sorted { target, descending, nulls_first });
            }
        }
        Ok(sorted)
    }

    // ------------------------------------------------------------------------------------------------------- DISTINCT

    /// What DISTINCT compares: None for whole rows.
    pub fn distinct(
        &mut self,
        distinct: &ast::Distinct,
        targets: &mut Vec<Target>,
        sorted: &[Sorted],
    ) -> Result<Option<Vec<usize>>> {
        let ast::Distinct::On(items) = distinct else {
            for target in targets.iter_mut().filter(|target| !target.junk) {
                self.settle_target(target)?;
                self.check_groupable(&target.expr)?;
            }
            if let Some(junk) = sorted.iter().map(|sorted| &targets[sorted.target]).find(|target| target.junk) {
                let message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
                return Err(placed(junk, message));
            }
            return Ok(None);
        };
        let mut on: Vec<usize> = Vec::with_capacity(items.len());
        let mut written = Vec::with_capacity(items.len());
        for item in items {
            let target = self.item_target(item, targets, Place::DistinctOn)?;
            self.settle_target(&mut targets[target])?;
            self.check_groupable(&targets[target].expr)?;
            if !on.contains(&target) {
                on.push(target);
                written.push(item.at);
            }
        }
        let refused = |place: usize| {
            let message = "SELECT DISTINCT ON expressions must match initial ORDER BY expressions";
            Err(Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message).at(written[place].offset()))
        };
        // ORDER BY begins with all of them, in any order.
        let mut skipped = false;
        let mut matched = 0;
        for key in sorted {
            match on.iter().position(|target| *target == key.target) {
                Some(place) if skipped => return refused(place),
                Some(_) => matched += 1,
                None => skipped = true,
            }
        }
        if skipped && matched < on.len() {
            let ordered = |target: &usize| sorted.iter().any(|key| key.target == *target);
            return refused(on.iter().position(|target| !ordered(target)).unwrap_or(0));
        }
        Ok(Some(on))
    }

    // ---------------------------------------------------------------------------------------------------------- LIMIT

    pub fn limit(&mut self, query: &ast::Query, input: Plan, keys: &[SortKey]) -> Result<Plan> {
        let offset = match &query.offset {
            Some(offset) => Some(self.row_count(offset, Place::Offset)?),
            None => None,
        };
        let mut ties = None;
        let count = match &query.limit {
            Some(limit) => {
                if limit.with_ties {
                    if keys.is_empty() {
                        let message = "WITH TIES cannot be specified without ORDER BY clause";
                        return Err(syntax_error(message, limit.at).without_position());
                    }
                    let null = Ast::Literal(Literal::Null);
                    if matches!(&limit.count, ast::LimitCount::Rows(count) if count.kind == null) {
                        let message = "row count cannot be null in FETCH FIRST ... WITH TIES clause";
                        return Err(Error::new(sqlstate::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE, message));
                    }
                    ties = Some(keys.to_vec());
                }
                match &limit.count {
                    ast::LimitCount::All => None,
                    ast::LimitCount::Rows(count) => Some(self.row_count(count, Place::Limit)?),
                }
            }
            None => None,
        };
        if count.is_none() && offset.is_none() {
            return Ok(input);
        }
        Ok(Plan::Limit(Box::new(Limit { input, count, offset, ties })))
    }

    fn row_count(&mut self, written: &ast::Expr, place: Place) -> Result<Expr> {
        let what = place.text();
        let bound = self.at_place(place, |binder| binder.expr(written))?;
        let bound = self.coerce_to_exactly(bound, Type::INT8, what)?;
        self.check_no_variables(&bound, what)?;
        Ok(bound)
    }
}

fn placed(target: &Target, message: &str) -> Error {
    let error = Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message);
    located(error, target.expr.at)
}

/// Sort keys over the columns that the projection has made.
pub(super) fn sort_keys(sorted: &[Sorted], targets: &[Target]) -> Vec<SortKey> {
    let key = |sorted: &Sorted| {
        let target = &targets[sorted.target];
        SortKey {
            value: Expr::column(target.id, target.expr.ty),
            descending: sorted.descending,
            nulls_first: sorted.nulls_first,
        }
    };
    sorted.iter().map(key).collect()
}

pub(super) fn distinct_plan(input: Plan, on: Option<&[usize]>, targets: &[Target]) -> Plan {
    let column = |place: &usize| Expr::column(targets[*place].id, targets[*place].expr.ty);
    Plan::Distinct(Box::new(Distinct { input, on: on.map(|on| on.iter().map(column).collect()) }))
}

/// Passes columns through under their own ids.
pub(super) fn pass(ids: impl IntoIterator<Item = (ColumnId, Type)>) -> Vec<(ColumnId, Expr)> {
    ids.into_iter().map(|(id, ty)| (id, Expr::column(id, ty))).collect()
}
