//! What INSERT, UPDATE or DELETE names: a table, or a view through which its rows are changed.
//!
//! ```text
//!   UPDATE v SET …     v   named: its columns, its defaults; the role needs the privilege
//!                      │   a layer: WHERE and select list of v
//!                      w   v's owner needs the privilege
//!                      │   a layer: WHERE and select list of w
//!                      t   the table: rows, keys, rules; w's owner needs the privilege
//! ```
//!
//! [`Surface`] shows rows of the table as what is named shows them. Under the rows to be changed it is operators over the
//! table's scan, a Filter and a Project for each layer. Over a row that is made (RETURNING, WITH CHECK OPTION, both rows
//! of ON CONFLICT) it is expressions that take the place of the view's columns.
//!
//! INVARIANT: a plan's change speaks of the table only: its assignments, defaults and rules are of the table's columns. A
//! table has no layers, its surface is its own row, and nothing is bound or put in place for it.
//!
//! What it deliberately does not do: rules and INSTEAD OF triggers, so a view that is not
//! [updatable](super::updatable) is refused; it is so before the rest of the statement is looked at, where PostgreSQL
//! first finds other mistakes in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use atoll_datum::{Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast;

use super::from::{derived, last_columns, rename};
use super::names::{Item, ItemColumn, ItemKind, Origin, Place, Whole, item_name};
use super::order::pass;
use super::query::Output;
use super::updatable::{Updatable, Verdict, stored_query, updatable};
use super::{Binder, relation, tidy};
use crate::catalog::{Column, ColumnOrdinal, RelationKind, Table};
use crate::optimize::walk::substitute;
use crate::plan::{ColumnId, CommandKind, Expr, Filter, Plan, Project, Returning, RowRules};

pub(super) struct Target {
    /// Where the rows are.
    pub table: Arc<Table>,
    /// The same, or a view.
    pub named: Arc<Table>,
    /// Of the statement's uses: that of what is named, and that of the table.
    pub read: usize,
    pub stored: usize,
    /// The view that is named first.
    layers: Vec<Layer>,
    command: CommandKind,
}

struct Layer {
    view: Arc<Table>,
    query: Updatable,
    /// The use of what it reads.
    below: usize,
}

/// A column as the statement may name it.
#[derive(Clone)]
pub(super) struct Named {
    /// The table's, under the name and with the default that what is named gives it.
    pub column: Column,
    /// As what is named numbers it.
    pub ordinal: ColumnOrdinal,
    /// The view that is named says what DEFAULT means.
    pub has_view_default: bool,
    /// It is no column of the table; then `column` is the view's own.
    refused: Option<Refused>,
}

#[derive(Clone)]
struct Refused {
    /// How many views above it pass the column on, and which column of the view it is: the first is spoken of.
    at: (usize, ColumnOrdinal),
    view: String,
    column: String,
    why: &'static str,
}

/// A row of the table as what is named shows it.
pub(super) struct Surface {
    pub item: Item,
    /// The one over the table first.
    layers: Vec<BoundLayer>,
}

/// Over the columns of the layer below.
struct BoundLayer {
    view: String,
    filter: Option<Expr>,
    columns: Vec<(ColumnId, Expr)>,
}

/// Which views' conditions a surface is bound with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Conditions {
    None,
    All,
    /// WITH CHECK OPTION.
    Checked,
}

impl Target {
    pub fn is_view(&self) -> bool {
        !self.layers.is_empty()
    }

    pub fn column(&self, name: &str) -> Option<Named> {
        self.named.visible_columns().find(|column| column.name == name).map(|column| self.reached(column))
    }

    pub fn columns(&self) -> impl Iterator<Item = Named> {
        self.named.visible_columns().map(|column| self.reached(column))
    }

    /// As the last view calls the table.
    pub fn stored_alias(&self) -> Option<&ast::Alias> {
        self.layers.last()?.query.alias.as_ref()
    }

    /// The name of a column in the table.
    pub fn stored_name(&self, ordinal: ColumnOrdinal) -> &str {
        self.table.column(ordinal).map_or("", |column| column.name.as_str())
    }

    /// The table's own column behind one that can be written.
    pub fn stored_column<'c>(&'c self, column: &'c Column) -> &'c Column {
        self.table.column(column.ordinal()).unwrap_or(column)
    }

    fn reached(&self, column: &Column) -> Named {
        let has_view_default = self.is_view() && column.default.is_some();
        let mut named = Named { column: column.clone(), ordinal: column.ordinal(), has_view_default, refused: None };
        if !self.is_view() {
            return named;
        }
        let (mut at, mut default) = (column.ordinal(), None);
        for (depth, layer) in self.layers.iter().enumerate() {
            default = default.or_else(|| layer.view.column(at)?.default.clone());
            match layer.below(at) {
                Ok(below) => at = below,
                Err(refused) => {
                    named.refused = Some(Refused { at: (depth, at), ..refused });
                    return named;
                }
            }
        }
        if let Some(stored) = self.table.column(at) {
            named.column =
                Column { name: column.name.clone(), default: default.or(stored.default.clone()), ..stored.clone() };
        }
        named
    }

    /// 0A000 if one of these columns can't be written.
    pub fn check_written<'n>(&self, written: impl Iterator<Item = &'n Named>) -> Result<()> {
        let refused = written.filter_map(|named| named.refused.as_ref());
        match refused.min_by_key(|refused| refused.at) {
            Some(refused) => Err(self.refusal(refused)),
            None => Ok(()),
        }
    }

    fn refusal(&self, Refused { view, column, why, .. }: &Refused) -> Error {
        let verb = if self.command == CommandKind::Insert { "insert into" } else { "update" };
        let message = format!("cannot {verb} column \"{column}\" of view \"{view}\"");
        Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).detail(*why)
    }

    /// The views whose conditions new rows must meet, the one that is named first.
    fn checked(&self) -> Vec<bool> {
        let mut cascaded = false;
        let checks = |layer: &Layer| {
            let option = layer.view.view.as_ref().map_or("", |view| view.check_option.as_str());
            cascaded |= option == "c";
            cascaded || option == "l"
        };
        self.layers.iter().map(checks).collect()
    }
}

impl Named {
    pub fn is_refused(&self) -> bool {
        self.refused.is_some()
    }
}

impl Layer {
    /// The column below that a column of the view shows.
    fn below(&self, ordinal: ColumnOrdinal) -> std::result::Result<ColumnOrdinal, Refused> {
        let place = self.view.visible_columns().position(|column| column.ordinal() == ordinal);
        let shown = place.and_then(|place| self.query.columns.get(place).copied());
        shown.unwrap_or(Err("")).map_err(|why| Refused {
            at: (0, ordinal),
            view: self.view.name.clone(),
            column: self.view.column(ordinal).map_or_else(String::new, |column| column.name.clone()),
            why,
        })
    }
}

pub(super) fn assigned_twice(column: &str) -> Error {
    Error::new(sqlstate::SYNTAX_ERROR, format!("multiple assignments to same column \"{column}\""))
}

impl Binder<'_> {
    /// The relation that a statement is to change.
    pub fn change_target(&mut self, names: &[ast::Name], command: CommandKind) -> Result<Target> {
        let named = self.changed_relation(names)?;
        let read = self.new_use(named.oid());
        let mut target = Target { table: named.clone(), named, read, stored: read, layers: Vec::new(), command };
        while target.table.kind() == RelationKind::View {
            let view = target.table.clone();
            let is_open = self.views.contains(&view.oid());
            if is_open || target.layers.iter().any(|layer| layer.view.oid == view.oid) {
                let message = format!("infinite recursion detected in rules for relation \"{}\"", view.name);
                return Err(Error::new(sqlstate::INVALID_OBJECT_DEFINITION, message));
            }
            let checked = match updatable(self.scope, stored_query(&view)?)? {
                Verdict::Updatable(query) => match command {
                    CommandKind::Delete => Ok(query),
                    _ => query.check_columns().map(|()| query),
                },
                Verdict::Not(why) => Err(why),
            };
            let query = checked.map_err(|why| not_updatable(&view, command, why))?;
            let role = std::mem::replace(&mut self.role, Oid(view.owner));
            let below = self.new_use(query.base.oid());
            self.role = role;
            (target.table, target.stored) = (query.base.clone(), below);
            target.layers.push(Layer { view, query, below });
        }
        Ok(target)
    }

    fn changed_relation(&mut self, names: &[ast::Name]) -> Result<Arc<Table>> {
        let found = relation::relation_in(self.scope, names)?.ok_or_else(|| self.missing_relation(names))?;
        match found {
            relation::Found::Table(table) => {
                let what = match RelationKind::try_from(table.kind) {
                    Ok(RelationKind::Table | RelationKind::View) => return Ok(table),
                    Ok(RelationKind::MaterializedView) => "materialized view",
                    Ok(RelationKind::Sequence) => "sequence",
                    Err(_) => return Err(Error::internal("a relation of no known kind")),
                };
                let message = format!("cannot change {what} \"{}\"", table.name);
                Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message))
            }
            relation::Found::Index(table, index) => {
                let name = table.index(index).map_or("", |index| index.name.as_str());
                Err(relation::is_an_index(name, names))
            }
            relation::Found::System(table) => {
                let message = format!("permission denied: \"{}\" is a system catalog", table.name);
                Err(Error::new(sqlstate::INSUFFICIENT_PRIVILEGE, message))
            }
        }
    }

    // ------------------------------------------------------------------------------------------------------ privileges

    /// These columns of what is named are inserted; each view's owner inserts what they show.
    pub fn note_inserted(&mut self, target: &Target, columns: BTreeSet<ColumnOrdinal>) {
        self.note_written(target, columns, |used, columns| used.insert = Some(columns));
    }

    pub fn note_updated(&mut self, target: &Target, columns: BTreeSet<ColumnOrdinal>) {
        self.note_written(target, columns, |used, columns| used.update = Some(columns));
    }

    fn note_written(
        &mut self,
        target: &Target,
        mut columns: BTreeSet<ColumnOrdinal>,
        note: impl Fn(&mut crate::plan::RelationUse, BTreeSet<ColumnOrdinal>),
    ) {
        let mut at = target.read;
        for layer in &target.layers {
            let below = columns.iter().filter_map(|ordinal| layer.below(*ordinal).ok()).collect();
            note(&mut self.uses[at], std::mem::replace(&mut columns, below));
            at = layer.below;
        }
        note(&mut self.uses[at], columns);
    }

    pub fn note_deleted(&mut self, target: &Target) {
        self.uses[target.read].delete = true;
        for layer in &target.layers {
            self.uses[layer.below].delete = true;
        }
    }

    /// As in PostgreSQL, a view's owner must be allowed to read all that the view reads of the relation below if the
    /// statement reads the view, and none of it otherwise.
    fn settle_reads(&mut self, target: &Target) {
        let reads = self.uses[target.read].select.is_some();
        for layer in &target.layers {
            let select = &mut self.uses[layer.below].select;
            if reads {
                select.get_or_insert_default();
            } else {
                *select = None;
            }
        }
    }

    // -------------------------------------------------------------------------------------------------------- defaults

    /// Values of columns that the statement has none for: views' defaults, then the table's. `inserted` are columns of
    /// what is named.
    pub fn missing_values(
        &mut self,
        target: &Target,
        inserted: &BTreeSet<ColumnOrdinal>,
    ) -> Result<Vec<(ColumnOrdinal, Expr)>> {
        let mut defaults = Vec::new();
        let mut given = inserted.clone();
        for (depth, layer) in target.layers.iter().enumerate() {
            let own = layer.view.visible_columns().filter(|column| column.default.is_some());
            for column in own.filter(|column| !inserted_at(&given, column)).cloned().collect::<Vec<_>>() {
                let mut at = column.ordinal();
                for layer in &target.layers[depth..] {
                    at = layer.below(at).map_err(|refused| target.refusal(&refused))?;
                }
                given.insert(column.ordinal());
                if let Some(stored) = target.table.column(at) {
                    super::insert::refuse_value(stored, None)?;
                    defaults.push((at, self.default_value(&Column { default: column.default, ..stored.clone() })?));
                }
            }
            let mut below = BTreeSet::new();
            for ordinal in &given {
                let shown = layer.below(*ordinal).map_err(|refused| target.refusal(&refused))?;
                if !below.insert(shown) {
                    let name = layer.query.base.column(shown).map_or("", |column| column.name.as_str());
                    return Err(assigned_twice(name));
                }
            }
            given = below;
        }
        for column in target.table.visible_columns() {
            let has_default = column.default.is_some() || column.identity.is_some();
            if has_default && column.generated.is_none() && !inserted_at(&given, column) {
                defaults.push((column.ordinal(), self.default_value(column)?));
            }
        }
        Ok(defaults)
    }

    // --------------------------------------------------------------------------------------------------------- surface

    /// `row` has the table's columns. `reads`: what is read through it is noted as read.
    pub fn surface(
        &mut self,
        target: &Target,
        name: &str,
        row: Item,
        conditions: Conditions,
        reads: bool,
    ) -> Result<Surface> {
        let (mut item, mut layers) = (row, Vec::with_capacity(target.layers.len()));
        let checked = target.checked();
        for (depth, layer) in target.layers.iter().enumerate().rev() {
            let with_filter = conditions == Conditions::All || (conditions == Conditions::Checked && checked[depth]);
            let bound = self.layer(layer, item, with_filter)?;
            let above = depth.checked_sub(1).map(|above| &target.layers[above]);
            let own_use = above.map_or(target.read, |above| above.below);
            let name = if above.is_none() { name } else { layer.view.name.as_str() };
            let mut columns = Vec::with_capacity(bound.columns.len());
            for (column, (id, expr)) in layer.view.visible_columns().zip(&bound.columns) {
                let read = reads.then_some((own_use, column.ordinal()));
                self.name_column(*id, Some(name), &column.name, layer.view.oid(), column.ordinal as i16, read);
                columns.push(ItemColumn { name: column.name.as_str().into(), id: *id, ty: expr.ty });
            }
            let ty = if layer.view.row_type == 0 { oid::RECORD } else { Oid(layer.view.row_type) };
            item = Item {
                // An alias hides the view's own name.
                relation: (name == layer.view.name).then_some(layer.view.oid()),
                whole: Whole::Row(ty),
                read: reads.then_some(own_use),
                kind: ItemKind::View,
                ..derived(name.to_owned(), columns)
            };
            layers.push(bound);
        }
        Ok(Surface { item, layers })
    }

    /// Binds a view's query over a row of what it reads: its condition, if wanted, and its columns.
    fn layer(&mut self, layer: &Layer, below: Item, with_filter: bool) -> Result<BoundLayer> {
        let blocks = std::mem::take(&mut self.blocks);
        let parameters = self.parameters.take();
        let role = std::mem::replace(&mut self.role, Oid(layer.view.owner));
        let last_columns = std::mem::replace(&mut self.last_columns, last_columns(layer.view.view.as_ref()));
        self.views.push(layer.view.oid());
        self.push_block();
        let bound = self.layer_in_block(layer, below, with_filter);
        self.views.pop();
        self.last_columns = last_columns;
        self.role = role;
        self.parameters = parameters;
        self.blocks = blocks;
        bound.map_err(Error::without_position)
    }

    fn layer_in_block(&mut self, layer: &Layer, mut below: Item, with_filter: bool) -> Result<BoundLayer> {
        let Updatable { select, base, alias, .. } = &layer.query;
        let alias = alias.as_ref();
        let name = item_name(alias, &base.name);
        below.relation = alias.is_none().then_some(base.oid());
        let last = self.last_column_of(base.oid());
        let is_known = |column: &ItemColumn| match self.origin(column.id) {
            Origin::Variable { attribute, .. } => *attribute as u32 <= last,
            _ => true,
        };
        (below.columns, below.younger) = below.columns.into_iter().partition(is_known);
        rename(&mut below.columns, alias, "table", &name)?;
        below.name = Some(name);
        let number = self.block().number;
        for column in &below.columns {
            if let Origin::Variable { block, .. } = &mut self.origins[column.id.0 as usize] {
                *block = number;
            }
        }
        self.block().items.push(below);
        let mut columns = Vec::with_capacity(select.targets.len());
        for mut target in self.targets(&select.targets, Place::Select)? {
            self.settle_target(&mut target)?;
            tidy::forget_positions_in(&mut target.expr);
            columns.push((target.id, target.expr));
        }
        let filter = select.filter.as_ref().filter(|_| with_filter);
        let mut filter =
            filter.map(|filter| self.at_place(Place::Where, |binder| binder.condition(filter, "WHERE"))).transpose()?;
        filter.iter_mut().for_each(tidy::forget_positions_in);
        Ok(BoundLayer { view: layer.view.name.clone(), filter, columns })
    }

    // ------------------------------------------------------------------------------------------------------------ rows

    /// What holds for a row that was changed, and what RETURNING says of it. It takes the place of the block's first item.
    pub fn changed_row(
        &mut self,
        target: &Target,
        name: &str,
        is_new: bool,
        written: &[ast::Target],
    ) -> Result<(RowRules, Option<Returning>, Vec<Output>)> {
        let stored_name = if target.is_view() { target.table.name.as_str() } else { name };
        let (item, row) = self.row_item(&target.table, stored_name, Some(target.stored));
        let mut rules = self.row_rules(&target.table, &item, is_new)?;
        let conditions = if is_new { Conditions::Checked } else { Conditions::None };
        let surface = self.surface(target, name, item, conditions, true)?;
        let values = surface.values();
        rules.views = surface.conditions(&values);
        match self.block().items.first_mut() {
            Some(first) => *first = surface.item,
            None => self.block().items.push(surface.item),
        }
        let (mut returning, output) = self.returning(written)?;
        for (_, expr) in returning.iter_mut().flat_map(|returning| &mut returning.columns) {
            substitute(expr, &values);
        }
        self.finish_rules(&mut rules, row, returning.as_ref());
        self.settle_reads(target);
        Ok((rules, returning, output))
    }
}

fn inserted_at(given: &BTreeSet<ColumnOrdinal>, column: &Column) -> bool {
    given.contains(&column.ordinal())
}

fn not_updatable(view: &Table, command: CommandKind, why: &'static str) -> Error {
    let (verb, doing, event) = match command {
        CommandKind::Insert => ("insert into", "inserting into", "INSERT"),
        CommandKind::Update => ("update", "updating", "UPDATE"),
        CommandKind::Delete | CommandKind::Select => ("delete from", "deleting from", "DELETE"),
    };
    let hint = format!(
        "To enable {doing} the view, provide an INSTEAD OF {event} trigger or an unconditional ON {event} DO INSTEAD rule."
    );
    let message = format!("cannot {verb} view \"{}\"", view.name);
    Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message).detail(why).hint(hint)
}

impl Surface {
    /// Rows of the table, with the views' columns besides, and only those rows that the views show.
    pub fn over(&self, mut plan: Plan) -> Plan {
        for layer in &self.layers {
            if let Some(predicate) = layer.filter.clone() {
                plan = Plan::Filter(Box::new(Filter { input: plan, predicate }));
            }
            let mut columns = pass(plan.column_types());
            columns.extend(layer.columns.iter().cloned());
            plan = Plan::Project(Box::new(Project { input: plan, columns }));
        }
        plan
    }

    /// What the views have put beside the table's columns: nothing after the statement's own clauses reads it.
    pub fn made(&self) -> BTreeSet<ColumnId> {
        self.layers.iter().flat_map(|layer| &layer.columns).map(|(id, _)| *id).collect()
    }

    /// What stands for the views' columns, over the row of the table.
    pub fn values(&self) -> BTreeMap<ColumnId, Expr> {
        let mut values = BTreeMap::new();
        for layer in &self.layers {
            for (id, expr) in &layer.columns {
                let mut value = expr.clone();
                // None of this layer's own columns is among them yet that it could read.
                substitute(&mut value, &values);
                values.insert(*id, value);
            }
        }
        values
    }

    /// The views' conditions over the row of the table.
    pub fn conditions(&self, values: &BTreeMap<ColumnId, Expr>) -> Vec<(String, Expr)> {
        let with_filter = self.layers.iter().filter_map(|layer| Some((layer.view.clone(), layer.filter.clone()?)));
        let over_row = |(view, mut filter): (String, Expr)| {
            substitute(&mut filter, values);
            (view, filter)
        };
        with_filter.map(over_row).collect()
    }
}
