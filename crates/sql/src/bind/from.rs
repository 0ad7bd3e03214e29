//! FROM: tables, views, common tables, subqueries.

use std::collections::BTreeMap;
use std::sync::Arc;

use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{self, FromItem, Name};

use super::names::{Item, ItemColumn, ItemKind, Known, Origin, Place, Whole, item_name, record_of};
use super::query::Output;
use super::relation::{self, Found};
use super::updatable::stored_query;
use super::{Binder, Bound};
use crate::catalog::{RelationKind, Table, View};
use crate::function::sequence;
use crate::plan::{
    Access, Apply, Call, ColumnId, CteScan, Expr, ExprKind, FunctionColumns, FunctionScan, Join, JoinKind,
    JoinStrategy, Plan, Project, RelationUse, Scan, System,
};
use crate::system::{self, SystemTable};

/// Part of FROM, bound.
pub(super) struct Part {
    pub plan: Plan,
    pub items: Vec<Item>,
    /// What `*` means for it.
    pub columns: Vec<ItemColumn>,
}

impl Binder<'_> {
    /// Binds FROM and leaves its items in the block.
    pub fn bound_items(&mut self, items: &[FromItem]) -> Result<Plan> {
        let mut plan: Option<Plan> = None;
        for item in items {
            let part = self.bound_item(item, false)?;
            check_conflicts(&self.block().items, &part.items)?;
            plan = Some(match plan {
                None => part.plan,
                Some(left) => join(JoinKind::Inner, left, part.plan, Vec::new()),
            });
            let later = part.items.into_iter().map(|item| Item { lateral_only: true, lateral_ok: true, ..item });
            self.block().items.extend(later);
        }
        for item in &mut self.block().items {
            item.lateral_only = false;
        }
        Ok(plan.unwrap_or_else(Plan::one_row))
    }

    /// `nullable`: an outer join may put NULLs in the place of its rows.
    pub fn bound_item(&mut self, item: &FromItem, nullable: bool) -> Result<Part> {
        let (plan, item) = match item {
            FromItem::Join(join) => return self.join(join, nullable),
            FromItem::Table(table) => self.table_item(table)?,
            FromItem::Subquery(subquery) => self.subquery_item(subquery)?,
            FromItem::Function(function) => self.function_item(function)?,
        };
        self.add_known(&item);
        Ok(self.part(plan, item, nullable))
    }

    pub fn add_known(&mut self, item: &Item) {
        let Some(name) = item.name.clone() else { return };
        let columns = item.columns.iter().map(|column| column.name.to_string()).collect();
        let table = item.table.as_ref().map(|table| table.name.clone());
        self.block().known.push(Known { name, table, columns });
    }

    /// A table that hints may point to, though nothing can refer to it.
    pub fn add_known_table(&mut self, table: &Table, name: &str) {
        let columns = table.visible_columns().map(|column| column.name.clone()).collect();
        let known = Known { name: name.to_owned(), table: Some(table.name.clone()), columns };
        self.block().known.push(known);
    }

    /// A nullable item gets columns for its whole row and its table's oid, which are NULL with the rest of it. They go
    /// again if nobody reads them.
    fn part(&mut self, mut plan: Plan, mut item: Item, nullable: bool) -> Part {
        item.nullable = nullable;
        if let (true, Whole::Row(ty)) = (nullable, item.whole) {
            let whole = self.new_column(Origin::Internal);
            let table = self.new_column(Origin::Internal);
            self.spare.insert(whole, false);
            self.spare.insert(table, false);
            self.shapes.insert(whole, self.shape_of_item(&item));
            let number = self.block().number;
            for (id, name) in [(whole, "*"), (table, "tableoid")] {
                self.origins[id.0 as usize] = Origin::Variable {
                    block: number,
                    relation: item.name.as_deref().map(Into::into),
                    name: name.into(),
                    read: None,
                    table: Oid::NONE,
                    attribute: 0,
                };
            }
            let mut columns = super::order::pass(plan.column_types());
            columns.push((whole, record_of(&item, ty)));
            let table_oid = item.tableoid.map_or(Datum::Null, Datum::Oid);
            columns.push((table, Expr::literal(table_oid, oid::OID)));
            plan = Plan::Project(Box::new(Project { input: plan, columns }));
            item.whole = Whole::Spare(whole, ty);
        }
        let columns = item.columns.clone();
        Part { plan, items: vec![item], columns }
    }

    // ---------------------------------------------------------------------------------------------------------- tables

    fn table_item(&mut self, written: &ast::TableItem) -> Result<(Plan, Item)> {
        if let Some(sample) = &written.sample {
            return Err(sampled(sample));
        }
        let names = &written.table.name;
        let alias = written.alias.as_ref();
        if let [name] = names.as_slice()
            && let Some(table) = self.find_common_table(name.as_str())
        {
            return self.common_table_item(&table, alias, name);
        }
        let found = relation::relation_in(self.scope, names)?.ok_or_else(|| self.missing_relation(names))?;
        match found {
            Found::System(table) => self.system_item(table, alias),
            Found::Index(table, index) => {
                let name = table.index(index).map_or("", |index| index.name.as_str());
                Err(relation::is_an_index(name, names))
            }
            Found::Table(table) => match RelationKind::try_from(table.kind) {
                Ok(RelationKind::Table | RelationKind::MaterializedView) => {
                    let read = self.new_use(table.oid());
                    self.uses[read].select = Some(Default::default());
                    let with_key = self.block().keys;
                    self.scan(&table, alias, Some(read), with_key)
                }
                Ok(RelationKind::View) => self.view_item(&table, alias, names),
                Ok(RelationKind::Sequence) => self.sequence_item(&table, alias),
                Err(_) => Err(Error::internal("a relation of no known kind")),
            },
        }
    }

    pub fn missing_relation(&self, names: &[Name]) -> Error {
        let error = relation::missing(names);
        let name = names.last().map_or("", Name::as_str);
        if names.len() == 1 && self.has_hidden_common_table(name) {
            return error
                .detail(format!(
                    "There is a WITH item named \"{name}\", but it cannot be referenced from this part of the query."
                ))
                .hint("Use WITH RECURSIVE, or re-order the WITH items to remove forward references.");
        }
        error
    }

    pub fn new_use(&mut self, relation: Oid) -> usize {
        self.uses.push(RelationUse::new(relation, self.role));
        self.uses.len() - 1
    }

    /// All columns of a table; what is not read the optimizer leaves out.
    pub fn scan(
        &mut self,
        table: &Arc<Table>,
        alias: Option<&ast::Alias>,
        read: Option<usize>,
        with_key: bool,
    ) -> Result<(Plan, Item)> {
        let block = self.block().number;
        let name = item_name(alias, &table.name);
        let relation: Arc<str> = name.as_str().into();
        let (mut columns, mut younger, mut scanned) = (Vec::new(), Vec::new(), Vec::new());
        let last = self.last_column_of(table.oid());
        for column in table.visible_columns() {
            let id = self.new_column(Origin::Variable {
                block,
                relation: Some(relation.clone()),
                name: column.name.as_str().into(),
                read: read.map(|read| (read, column.ordinal())),
                table: table.oid(),
                attribute: column.ordinal as i16,
            });
            scanned.push((id, column.ordinal()));
            let of_item = if column.ordinal > last { &mut younger } else { &mut columns };
            of_item.push(ItemColumn { name: column.name.as_str().into(), id, ty: column.ty() });
        }
        rename(&mut columns, alias, "table", &name)?;
        if alias.is_some_and(|alias| !alias.columns.is_empty()) {
            self.rename_origins(&columns);
        }
        let key = self.new_column(Origin::Internal);
        let scan = Scan {
            table: table.clone(),
            alias: name.clone(),
            columns: scanned,
            key: with_key.then_some(key),
            access: Access::Full { reverse: false },
            filter: None,
            estimated_rows: 0.0,
        };
        let item = Item {
            name: Some(name),
            relation: alias.is_none().then_some(table.oid()),
            columns,
            younger,
            relation_visible: true,
            columns_visible: true,
            lateral_only: false,
            lateral_ok: true,
            whole: Whole::Row(if table.row_type == 0 { oid::RECORD } else { Oid(table.row_type) }),
            table: Some(table.clone()),
            tableoid: Some(table.oid()),
            read,
            key: Some(key),
            nullable: false,
            kind: ItemKind::Table,
        };
        Ok((Plan::Scan(Box::new(scan)), item))
    }

    fn system_item(&mut self, table: &'static SystemTable, alias: Option<&ast::Alias>) -> Result<(Plan, Item)> {
        self.reads_own |= system::reads_own(table.oid);
        let name = item_name(alias, table.name);
        let relation: Arc<str> = name.as_str().into();
        let block = self.block().number;
        let (mut columns, mut scanned) = (Vec::new(), Vec::new());
        for (place, column) in table.columns.iter().enumerate() {
            let id = self.new_column(Origin::Variable {
                block,
                relation: Some(relation.clone()),
                name: column.name.into(),
                read: None,
                table: table.oid,
                attribute: place as i16 + 1,
            });
            scanned.push((id, place));
            columns.push(ItemColumn { name: column.name.into(), id, ty: column.ty.into() });
        }
        rename(&mut columns, alias, "table", &name)?;
        let item = Item {
            relation: alias.is_none().then_some(table.oid),
            tableoid: (!table.is_view).then_some(table.oid),
            kind: ItemKind::System,
            ..derived(name, columns)
        };
        Ok((Plan::System(System { table, columns: scanned }), item))
    }

    /// One row that says where a sequence stands, as PostgreSQL keeps it.
    fn sequence_item(&mut self, table: &Table, alias: Option<&ast::Alias>) -> Result<(Plan, Item)> {
        let read = self.new_use(table.oid());
        self.uses[read].select = Some(Default::default());
        let name = item_name(alias, &table.name);
        let block = self.block().number;
        let (mut made, mut columns) = (Vec::new(), Vec::new());
        for (place, (column, ty)) in sequence::COLUMNS.into_iter().enumerate() {
            let id = self.new_column(Origin::Variable {
                block,
                relation: Some(name.as_str().into()),
                name: column.into(),
                read: None,
                table: table.oid(),
                attribute: place as i16 + 1,
            });
            made.push((id, ty.into()));
            columns.push(ItemColumn { name: column.into(), id, ty: ty.into() });
        }
        rename(&mut columns, alias, "table", &name)?;
        let call = Expr {
            kind: ExprKind::Call(Box::new(Call::new(
                sequence::row()?,
                vec![Expr::literal(Datum::Oid(table.oid()), oid::REGCLASS)],
            ))),
            ty: oid::RECORD.into(),
            at: None,
        };
        let functions = vec![FunctionColumns { call, columns: made, is_record: true, is_defined: false }];
        let item = Item {
            relation: alias.is_none().then_some(table.oid()),
            tableoid: Some(table.oid()),
            kind: ItemKind::Function,
            ..derived(name, columns)
        };
        Ok((Plan::FunctionScan(FunctionScan { functions, ordinality: None }), item))
    }

    fn common_table_item(
        &mut self,
        table: &super::with::CommonTable,
        alias: Option<&ast::Alias>,
        name: &Name,
    ) -> Result<(Plan, Item)> {
        let name = item_name(alias, name.as_str());
        let (mut columns, mut scanned) = (Vec::new(), Vec::new());
        for column in &table.columns {
            let id = self.new_column(Origin::Internal);
            self.name_column(id, Some(&name), &column.name, column.table, column.attribute, None);
            if let Some(shape) = &column.shape {
                self.shapes.insert(id, shape.clone());
            }
            scanned.push((id, column.ty));
            columns.push(ItemColumn { name: column.name.clone(), id, ty: column.ty });
        }
        self.block().reads_itself |= table.in_itself;
        let mut hidden = Vec::with_capacity(table.hidden.len());
        for column in &table.hidden {
            let id = self.new_column(Origin::Internal);
            self.name_column(id, Some(&name), &column.name, column.table, column.attribute, None);
            scanned.push((id, column.ty));
            hidden.push(ItemColumn { name: column.name.clone(), id, ty: column.ty });
        }
        let block = self.block();
        if block.ctes.iter().any(|own| own.cte == table.cte) {
            columns.append(&mut hidden);
        } else if !hidden.is_empty() {
            if table.in_itself {
                block.carried.clone_from(&hidden);
            }
            block.hidden.push(derived(name.clone(), hidden));
        }
        rename(&mut columns, alias, "table", &name)?;
        let plan = Plan::CteScan(CteScan { cte: table.cte, columns: scanned });
        Ok((plan, Item { kind: ItemKind::Common, ..derived(name, columns) }))
    }

    pub fn name_column(
        &mut self,
        id: ColumnId,
        relation: Option<&str>,
        name: &str,
        table: Oid,
        attribute: i16,
        read: Option<(usize, crate::catalog::ColumnOrdinal)>,
    ) {
        let block = self.block().number;
        let relation = relation.map(Into::into);
        self.origins[id.0 as usize] = Origin::Variable { block, relation, name: name.into(), read, table, attribute };
    }

    // ------------------------------------------------------------------------------------------------------ subqueries

    fn subquery_item(&mut self, written: &ast::SubqueryItem) -> Result<(Plan, Item)> {
        let bound = self.in_from(Place::FromSubquery, written.lateral, |binder| binder.top_query(&written.query))?;
        let alias = written.alias.as_ref();
        let name = item_name(alias, "unnamed_subquery");
        let kind = match written.query.body {
            ast::QueryBody::Values(_) => ItemKind::Values,
            _ => ItemKind::Subquery,
        };
        let mut columns = self.output_columns(&name, &bound.output);
        rename(&mut columns, alias, "table", &name)?;
        Ok((bound.plan, Item { kind, ..derived(name, columns) }))
    }

    pub fn in_from<T>(&mut self, place: Place, lateral: bool, bind: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = std::mem::replace(&mut self.block().lateral, lateral);
        let bound = self.at_place(place, bind);
        self.block().lateral = before;
        bound
    }

    /// A subquery's output as columns of this block.
    fn output_columns(&mut self, relation: &str, output: &[Output]) -> Vec<ItemColumn> {
        let mut columns = Vec::with_capacity(output.len());
        for column in output {
            self.name_column(column.id, Some(relation), &column.name, column.table, column.attribute, None);
            columns.push(ItemColumn { name: column.name.as_str().into(), id: column.id, ty: column.ty });
        }
        columns
    }

    /// What the view's query reads, its owner reads.
    fn view_item(&mut self, view: &Arc<Table>, alias: Option<&ast::Alias>, names: &[Name]) -> Result<(Plan, Item)> {
        if self.views.contains(&view.oid()) {
            let message = format!("infinite recursion detected in rules for relation \"{}\"", view.name);
            return Err(Error::new(sqlstate::INVALID_OBJECT_DEFINITION, message));
        }
        let read = self.new_use(view.oid());
        self.uses[read].select = Some(Default::default());
        let query = stored_query(view)?;
        let last = self.last_column_of(view.oid());
        let last_columns = std::mem::replace(&mut self.last_columns, last_columns(view.view.as_ref()));
        let blocks = std::mem::take(&mut self.blocks);
        let parameters = self.parameters.take();
        let role = std::mem::replace(&mut self.role, Oid(view.owner));
        self.views.push(view.oid());
        let bound = self.top_query(&query);
        self.views.pop();
        self.role = role;
        self.parameters = parameters;
        self.blocks = blocks;
        self.last_columns = last_columns;
        let at = names[0].at.offset();
        let mut bound: Bound = bound.map_err(|error| error.without_position().at(at))?;
        super::tidy::forget_positions(&mut bound.plan);
        let name = item_name(alias, &view.name);
        let (mut columns, mut younger) = (Vec::new(), Vec::new());
        for (column, output) in view.visible_columns().zip(&bound.output) {
            let attribute = column.ordinal as i16;
            let read = Some((read, column.ordinal()));
            self.name_column(output.id, Some(&name), &column.name, view.oid(), attribute, read);
            let of_item = if column.ordinal > last { &mut younger } else { &mut columns };
            of_item.push(ItemColumn { name: column.name.as_str().into(), id: output.id, ty: output.ty });
        }
        rename(&mut columns, alias, "table", &name)?;
        let ty = if view.row_type == 0 { oid::RECORD } else { Oid(view.row_type) };
        let item = Item {
            relation: alias.is_none().then_some(view.oid()),
            whole: Whole::Row(ty),
            read: Some(read),
            younger,
            kind: ItemKind::View,
            ..derived(name, columns)
        };
        Ok((bound.plan, item))
    }

    /// Messages call columns what the alias calls them.
    fn rename_origins(&mut self, columns: &[ItemColumn]) {
        for column in columns {
            if let Origin::Variable { name, .. } = &mut self.origins[column.id.0 as usize] {
                *name = column.name.clone();
            }
        }
    }

    /// The last column of a relation that names may mean here.
    pub fn last_column_of(&self, relation: Oid) -> u32 {
        self.last_columns.get(&relation).copied().unwrap_or(u32::MAX)
    }
}

/// How far the relations that a view reads were known when it was made.
pub(super) fn last_columns(view: Option<&View>) -> BTreeMap<Oid, u32> {
    let known = view.into_iter().flat_map(|view| view.uses.iter().zip(&view.last_columns));
    known.map(|(relation, last)| (Oid(*relation), *last)).collect()
}

/// An item that is no table.
pub(super) fn derived(name: String, columns: Vec<ItemColumn>) -> Item {
    Item {
        name: Some(name),
        relation: None,
        columns,
        younger: Vec::new(),
        relation_visible: true,
        columns_visible: true,
        lateral_only: false,
        lateral_ok: true,
        whole: Whole::Row(oid::RECORD),
        table: None,
        tableoid: None,
        read: None,
        key: None,
        nullable: false,
        kind: ItemKind::Subquery,
    }
}

/// The alias's column names take the place of the first columns'.
pub(super) fn rename(columns: &mut [ItemColumn], alias: Option<&ast::Alias>, what: &str, name: &str) -> Result<()> {
    let Some(alias) = alias else { return Ok(()) };
    if alias.columns.len() > columns.len() {
        let (has, given) = (columns.len(), alias.columns.len());
        let message = format!("{what} \"{name}\" has {has} columns available but {given} columns specified");
        return Err(Error::new(sqlstate::INVALID_COLUMN_REFERENCE, message));
    }
    for (column, name) in columns.iter_mut().zip(&alias.columns) {
        column.name = name.as_str().into();
    }
    Ok(())
}

/// Two items of one name can't be told apart, unless they are tables of two schemas.
pub(super) fn check_conflicts(left: &[Item], right: &[Item]) -> Result<()> {
    for item in right.iter().filter(|item| item.relation_visible) {
        let conflicts = |other: &&Item| {
            let both_tables = item.relation.is_some() && other.relation.is_some();
            other.relation_visible && other.name == item.name && !(both_tables && item.relation != other.relation)
        };
        if left.iter().any(|other| conflicts(&other)) {
            let message = format!("table name \"{}\" specified more than once", item.name.as_deref().unwrap_or(""));
            return Err(Error::new(sqlstate::DUPLICATE_ALIAS, message));
        }
    }
    Ok(())
}

/// An [`Apply`] if the right side reads the left one's rows.
pub(super) fn join(kind: JoinKind, left: Plan, right: Plan, on: Vec<Expr>) -> Plan {
    let plain = matches!(right, Plan::Scan(_) | Plan::System(_) | Plan::CteScan(_));
    let lateral = !plain && {
        let outer = right.outer_columns();
        left.columns().iter().any(|id| outer.contains(id))
    };
    if lateral {
        return Plan::Apply(Box::new(Apply { kind, left, right, on }));
    }
    Plan::Join(Box::new(Join { kind, left, right, on, strategy: JoinStrategy::NestedLoop }))
}

fn sampled(sample: &ast::Sample) -> Error {
    match sample.method.last() {
        Some(method) if !matches!(method.as_str(), "bernoulli" | "system") => {
            let message = format!("tablesample method {method} does not exist");
            Error::new(sqlstate::UNDEFINED_OBJECT, message).at(method.at.offset())
        }
        _ => Error::unsupported("TABLESAMPLE").at(sample.at.offset()),
    }
}
