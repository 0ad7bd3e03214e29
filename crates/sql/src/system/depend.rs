//! pg_depend: what goes with what, as far as descriptors tell and clients ask.

use atoll_datum::{Oid, Result};

use super::constraint::{columns_of_check, referenced_index};
use super::relation::{is_here, named_indexes, rule_oid, tables};
use super::row::Rows;
use super::{class, derived_oid};
use crate::catalog::{FIRST_USER_OID, Table};
use crate::ddl::binding;
use crate::session::Scope;

relations! { PG_CATALOG, RELATIONS:
    table 2608 10051 pg_depend (
        classid OID, objid OID, objsubid INT4, refclassid OID, refobjid OID, refobjsubid INT4, deptype CHAR,
    ) = dependencies;
}

/// An object, or a column of one.
#[derive(Clone, Copy)]
struct Address {
    class: Oid,
    object: u32,
    column: u32,
}

fn whole(class: Oid, object: u32) -> Address {
    Address { class, object, column: 0 }
}

fn column(table: u32, column: u32) -> Address {
    Address { class: class::RELATION, object: table, column }
}

struct Dependencies(Rows);

impl Dependencies {
    /// `n`ormal: dropped with CASCADE; `a`uto: dropped with it; `i`nternal: part of it.
    fn add(&mut self, who: Address, on: Address, kind: char) {
        self.0.push(row![who.class, who.object, who.column as i32, on.class, on.object, on.column as i32, kind,]);
    }

    fn of_table(&mut self, scope: &Scope, table: &Table) {
        let own = whole(class::RELATION, table.oid);
        self.add(own, whole(class::SCHEMA, table.schema), 'n');
        if table.row_type != 0 {
            self.add(whole(class::TYPE, table.row_type), own, 'i');
            self.add(whole(class::TYPE, table.row_array_type), whole(class::TYPE, table.row_type), 'i');
        }
        if let Some(sequence) = table.sequence.as_ref().filter(|sequence| sequence.owner_table != 0) {
            let owner = scope.catalog.table(Oid(sequence.owner_table));
            let is_identity = owner.is_some_and(|owner| {
                owner.live_columns().any(|column| column.sequence == table.oid && column.identity.is_some())
            });
            let kind = if is_identity { 'i' } else { 'a' };
            self.add(own, column(sequence.owner_table, sequence.owner_column), kind);
        }
        if let Some(view) = &table.view {
            let rule = whole(class::RULE, rule_oid(table).0);
            self.add(rule, own, 'i');
            for used in &view.uses {
                let read = view.reads.iter().find(|read| read.relation == *used);
                let columns = read.map(|read| read.columns.as_slice()).unwrap_or_default();
                if columns.is_empty() {
                    self.add(rule, whole(class::RELATION, *used), 'n');
                }
                columns.iter().for_each(|ordinal| self.add(rule, column(*used, *ordinal), 'n'));
            }
        }
        self.of_columns(scope, table);
        self.of_constraints(scope, table);
    }

    fn of_columns(&mut self, scope: &Scope, table: &Table) {
        for of in table.visible_columns() {
            let place = column(table.oid, of.ordinal);
            if of.type_oid >= FIRST_USER_OID {
                // PostgreSQL notes the type of an array's elements too, as that of the array.
                let element = scope.catalog.element_type(Oid(of.type_oid)).map_or(of.type_oid, |element| element.0);
                self.add(place, whole(class::TYPE, element), 'n');
            }
            let Some(text) = of.generated.as_ref().or(of.default.as_ref()) else { continue };
            let default = whole(class::DEFAULT, derived_oid(table.oid, of.ordinal).0);
            self.add(default, place, if of.generated.is_some() { 'i' } else { 'a' });
            for relation in binding::relations_of(text) {
                self.add(default, whole(class::RELATION, relation.0), 'n');
            }
        }
    }

    fn of_constraints(&mut self, scope: &Scope, table: &Table) {
        for check in &table.checks {
            let constraint = whole(class::CONSTRAINT, check.oid);
            let columns = columns_of_check(table, check);
            columns.into_iter().for_each(|ordinal| self.add(constraint, column(table.oid, ordinal), 'a'));
        }
        for index in named_indexes(table) {
            let own = whole(class::RELATION, index.oid);
            let keys = index.keys.iter().map(|key| key.column).chain(index.include.iter().copied());
            let columns = keys.filter(|ordinal| *ordinal != 0).map(|ordinal| column(table.oid, ordinal));
            if index.constraint == 0 {
                columns.for_each(|column| self.add(own, column, 'a'));
            } else {
                let constraint = whole(class::CONSTRAINT, index.constraint);
                columns.for_each(|column| self.add(constraint, column, 'a'));
                self.add(own, constraint, 'i');
            }
        }
        for key in &table.foreign_keys {
            let constraint = whole(class::CONSTRAINT, key.oid);
            key.columns.iter().for_each(|ordinal| self.add(constraint, column(table.oid, *ordinal), 'a'));
            for ordinal in &key.referenced_columns {
                self.add(constraint, column(key.referenced_table, *ordinal), 'n');
            }
            if let Some((_, index)) = referenced_index(scope, key) {
                self.add(constraint, whole(class::RELATION, index.oid), 'n');
            }
        }
    }
}

fn dependencies(scope: &Scope) -> Result<Rows> {
    let mut found = Dependencies(Vec::new());
    for table in tables(scope) {
        found.of_table(scope, table);
    }
    for of in scope.catalog.types.values().map(|entry| &entry.descriptor).filter(|of| is_here(scope, of.schema)) {
        found.add(whole(class::TYPE, of.oid), whole(class::SCHEMA, of.schema), 'n');
        found.add(whole(class::TYPE, of.array_oid), whole(class::TYPE, of.oid), 'i');
    }
    Ok(found.0)
}
