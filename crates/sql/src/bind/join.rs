//! JOIN: conditions, USING and NATURAL, and which names are seen afterwards.

use atoll_datum::{Error, Oid, Result, sqlstate};
use atoll_syntax::ast::{self, At, JoinCondition, Name};

use super::Binder;
use super::from::{Part, check_conflicts, derived, join, rename};
use super::names::{Item, ItemColumn, ItemKind, Origin, Place};
use super::operator::builtin_symbol;
use super::order::pass;
use crate::plan::{ColumnId, Expr, ExprKind, JoinKind, Plan, Project};
use crate::types::Type;

impl Binder<'_> {
    pub fn join(&mut self, written: &ast::Join, nullable: bool) -> Result<Part> {
        let kind = match written.kind {
            ast::JoinKind::Inner | ast::JoinKind::Cross => JoinKind::Inner,
            ast::JoinKind::Left => JoinKind::Left,
            ast::JoinKind::Right => JoinKind::Right,
            ast::JoinKind::Full => JoinKind::Full,
        };
        let left = self.bound_item(&written.left, nullable || matches!(kind, JoinKind::Right | JoinKind::Full))?;
        // The right side may refer to the left one laterally.
        let before = self.block().items.len();
        let lateral_ok = matches!(kind, JoinKind::Inner | JoinKind::Left);
        let seen = left.items.iter().map(|item| Item { lateral_only: true, lateral_ok, ..item.clone() });
        let seen: Vec<Item> = seen.collect();
        self.block().items.extend(seen);
        let right = self.bound_item(&written.right, nullable || matches!(kind, JoinKind::Left | JoinKind::Full));
        self.block().items.truncate(before);
        let right = right?;
        check_conflicts(&left.items, &right.items)?;

        let (names, merged_alias) = match &written.condition {
            JoinCondition::Natural => (common_names(&left.columns, &right.columns), None),
            JoinCondition::Using { columns, alias } => (columns.clone(), alias.as_ref()),
            _ => (Vec::new(), None),
        };
        if written.condition == JoinCondition::Natural && self.views.is_empty() {
            self.written.natural.insert(written.at.0, names.clone());
        }
        let mut on = Vec::new();
        if let JoinCondition::On(condition) = &written.condition {
            // Only the two sides are seen, and those further out.
            let items = left.items.iter().chain(&right.items).cloned().collect();
            let outside = std::mem::replace(&mut self.block().items, items);
            let bound = self.at_place(Place::JoinOn, |binder| binder.condition(condition, "JOIN/ON"));
            self.block().items = outside;
            on = bound?.conjuncts();
        }
        let mut merges = Vec::with_capacity(names.len());
        for (place, name) in names.iter().enumerate() {
            if names[..place].contains(name) {
                let message = format!("column name \"{name}\" appears more than once in USING clause");
                return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message));
            }
            let (a, b) = (using_column(&left.columns, name, "left")?, using_column(&right.columns, name, "right")?);
            // PostgreSQL gives no position for what USING stands for.
            let (a_value, b_value) = (self.read_column(&a, name.at), self.read_column(&b, name.at));
            self.common_type_of(&[&a_value, &b_value], "JOIN/USING").map_err(Error::without_position)?;
            let equal = self.apply_operator(&builtin_symbol("=", name.at), a_value, b_value);
            let equal = equal.map_err(Error::without_position)?;
            on.push(self.coerce_to_boolean(equal, "JOIN/USING").map_err(Error::without_position)?);
            merges.push((a, b));
        }
        let mut plan = join(kind, left.plan, right.plan, on);
        let mut columns = Vec::new();
        let mut computed = Vec::new();
        for (name, (a, b)) in names.iter().zip(&merges) {
            columns.push(self.merged_column(kind, name, a, b, &mut computed)?);
        }
        if !computed.is_empty() {
            let mut all = pass(plan.column_types());
            all.extend(computed);
            plan = Plan::Project(Box::new(Project { input: plan, columns: all }));
        }
        let merged_count = columns.len();
        let is_merged = |column: &&ItemColumn| !names.iter().any(|name| *name.text == *column.name);
        columns.extend(left.columns.iter().filter(is_merged).cloned());
        columns.extend(right.columns.iter().filter(is_merged).cloned());

        let mut items = left.items;
        items.extend(right.items);
        if let Some(alias) = merged_alias {
            let merged = columns[..merged_count].to_vec();
            let item = Item { columns_visible: false, kind: ItemKind::Join, ..derived(alias.text.to_string(), merged) };
            check_conflicts(&items, std::slice::from_ref(&item))?;
            self.add_known(&item);
            items.push(item);
        }
        for item in &mut items {
            item.columns_visible = false;
        }
        let alias = written.alias.as_ref();
        let name = alias.map_or("unnamed_join", |alias| alias.name.as_str());
        rename(&mut columns, alias, "join expression", name)?;
        let own = Item { kind: ItemKind::Join, ..derived(name.to_owned(), columns.clone()) };
        match alias {
            Some(_) => {
                self.add_known(&own);
                // What is inside can only be seen through the alias, but determines what depends on a key.
                for item in &mut items {
                    item.relation_visible = false;
                }
                items.push(own);
            }
            None => items.push(Item { name: None, relation_visible: false, ..own }),
        }
        Ok(Part { plan, items, columns })
    }

    /// One column for both sides: the one that can't be NULL where the other has a value.
    fn merged_column(
        &mut self,
        kind: JoinKind,
        name: &Name,
        left: &ItemColumn,
        right: &ItemColumn,
        computed: &mut Vec<(ColumnId, Expr)>,
    ) -> Result<ItemColumn> {
        let (a, b) = (self.read_column(left, name.at), self.read_column(right, name.at));
        let ty = self.common_type_of(&[&a, &b], "JOIN/USING")?;
        let modifier = if left.ty == right.ty { left.ty.modifier } else { -1 };
        let ty = Type::with_modifier(ty, modifier);
        let merged = |column: &ItemColumn| ItemColumn { name: name.as_str().into(), id: column.id, ty: column.ty };
        let fits = |column: &ItemColumn| column.ty == ty;
        match kind {
            JoinKind::Left if fits(left) => return Ok(merged(left)),
            JoinKind::Right if fits(right) => return Ok(merged(right)),
            JoinKind::Inner if fits(left) => return Ok(merged(left)),
            JoinKind::Inner if fits(right) => return Ok(merged(right)),
            _ => {}
        }
        let (a, b) = (self.coerce_to_common(a, ty.oid, "JOIN/USING")?, self.coerce_to_common(b, ty.oid, "JOIN/USING")?);
        let value = match kind {
            JoinKind::Right => b,
            JoinKind::Full => Expr::new(ExprKind::Coalesce(vec![a, b]), ty),
            _ => a,
        };
        let value = Expr { ty, ..value };
        let block = self.block().number;
        let id = self.new_column(Origin::Variable {
            block,
            relation: None,
            name: name.as_str().into(),
            read: None,
            table: Oid::NONE,
            attribute: 0,
        });
        computed.push((id, value));
        Ok(ItemColumn { name: name.as_str().into(), id, ty })
    }
}

fn common_names(left: &[ItemColumn], right: &[ItemColumn]) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for column in left {
        let shared = right.iter().any(|other| other.name == column.name);
        if shared && !names.iter().any(|name| *name.text == *column.name) {
            names.push(Name::new(&*column.name, At(0)));
        }
    }
    names
}

fn using_column(columns: &[ItemColumn], name: &Name, side: &str) -> Result<ItemColumn> {
    let mut found = columns.iter().filter(|column| *column.name == *name.text);
    match (found.next(), found.next()) {
        (Some(column), None) => Ok(column.clone()),
        (Some(_), Some(_)) => {
            let message = format!("common column name \"{name}\" appears more than once in {side} table");
            Err(Error::new(sqlstate::AMBIGUOUS_COLUMN, message))
        }
        (None, _) => {
            let message = format!("column \"{name}\" specified in USING clause does not exist in {side} table");
            Err(Error::new(sqlstate::UNDEFINED_COLUMN, message))
        }
    }
}
