//! Schemas, tables, columns, views, sequences.

use atoll_datum::builtin::builtin;
use atoll_datum::{Datum, Oid, Result, oid};

use super::{Seen, yes_or_no};
use crate::bind::types;
use crate::bind::updatable::written;
use crate::catalog::{Column, POSTGRES_ROLE, RelationKind, Sequence, Table};
use crate::function::definition;
use crate::session::Scope;
use crate::system::SystemColumn;
use crate::system::listing::role_name;
use crate::system::relation::{Storage, is_here, tables as all_tables};
use crate::system::row::{NULL, Rows};
use crate::types::Type;

relations! { INFORMATION_SCHEMA, RELATIONS:
    view 13382 schemata (
        catalog_name NAME, schema_name NAME, schema_owner NAME, default_character_set_catalog NAME,
        default_character_set_schema NAME, default_character_set_name NAME, sql_path VARCHAR,
    ) = schemata;
    view 13425 tables (
        table_catalog NAME, table_schema NAME, table_name NAME, table_type VARCHAR,
        self_referencing_column_name NAME, reference_generation VARCHAR, user_defined_type_catalog NAME,
        user_defined_type_schema NAME, user_defined_type_name NAME, is_insertable_into VARCHAR,
        is_typed VARCHAR, commit_action VARCHAR,
    ) = tables;
    view 13295 columns (
        table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME, ordinal_position INT4,
        column_default VARCHAR, is_nullable VARCHAR, data_type VARCHAR, character_maximum_length INT4,
        character_octet_length INT4, numeric_precision INT4, numeric_precision_radix INT4, numeric_scale INT4,
        datetime_precision INT4, interval_type VARCHAR, interval_precision INT4, character_set_catalog NAME,
        character_set_schema NAME, character_set_name NAME, collation_catalog NAME, collation_schema NAME,
        collation_name NAME, domain_catalog NAME, domain_schema NAME, domain_name NAME, udt_catalog NAME,
        udt_schema NAME, udt_name NAME, scope_catalog NAME, scope_schema NAME, scope_name NAME,
        maximum_cardinality INT4, dtd_identifier NAME, is_self_referencing VARCHAR, is_identity VARCHAR,
        identity_generation VARCHAR, identity_start VARCHAR, identity_increment VARCHAR,
        identity_maximum VARCHAR, identity_minimum VARCHAR, identity_cycle VARCHAR, is_generated VARCHAR,
        generation_expression VARCHAR, is_updatable VARCHAR,
    ) = columns;
    view 13483 views (
        table_catalog NAME, table_schema NAME, table_name NAME, view_definition VARCHAR, check_option VARCHAR,
        is_updatable VARCHAR, is_insertable_into VARCHAR, is_trigger_updatable VARCHAR,
        is_trigger_deletable VARCHAR, is_trigger_insertable_into VARCHAR,
    ) = views;
    view 13386 sequences (
        sequence_catalog NAME, sequence_schema NAME, sequence_name NAME, data_type VARCHAR,
        numeric_precision INT4, numeric_precision_radix INT4, numeric_scale INT4, start_value VARCHAR,
        minimum_value VARCHAR, maximum_value VARCHAR, increment VARCHAR, cycle_option VARCHAR,
    ) = sequences;
    view 13227 information_schema_catalog_name (
        catalog_name NAME,
    ) = catalog_name;
    view 13250 character_sets (
        character_set_catalog NAME, character_set_schema NAME, character_set_name NAME,
        character_repertoire NAME, form_of_use NAME, default_collate_catalog NAME, default_collate_schema NAME,
        default_collate_name NAME,
    ) = character_sets;
    view 13265 collations (
        collation_catalog NAME, collation_schema NAME, collation_name NAME, pad_attribute VARCHAR,
    ) = collations;
    view 13463 user_defined_types (
        user_defined_type_catalog NAME, user_defined_type_schema NAME, user_defined_type_name NAME,
        user_defined_type_category VARCHAR, is_instantiable VARCHAR, is_final VARCHAR, ordering_form VARCHAR,
        ordering_category VARCHAR, ordering_routine_catalog NAME, ordering_routine_schema NAME,
        ordering_routine_name NAME, reference_type VARCHAR, data_type VARCHAR, character_maximum_length INT4,
        character_octet_length INT4, character_set_catalog NAME, character_set_schema NAME,
        character_set_name NAME, collation_catalog NAME, collation_schema NAME, collation_name NAME,
        numeric_precision INT4, numeric_precision_radix INT4, numeric_scale INT4, datetime_precision INT4,
        interval_type VARCHAR, interval_precision INT4, source_dtd_identifier NAME, ref_dtd_identifier NAME,
    );
    view 13493 element_types (
        object_catalog NAME, object_schema NAME, object_name NAME, object_type VARCHAR,
        collection_type_identifier NAME, data_type VARCHAR, character_maximum_length INT4,
        character_octet_length INT4, character_set_catalog NAME, character_set_schema NAME,
        character_set_name NAME, collation_catalog NAME, collation_schema NAME, collation_name NAME,
        numeric_precision INT4, numeric_precision_radix INT4, numeric_scale INT4, datetime_precision INT4,
        interval_type VARCHAR, interval_precision INT4, domain_default VARCHAR, udt_catalog NAME,
        udt_schema NAME, udt_name NAME, scope_catalog NAME, scope_schema NAME, scope_name NAME,
        maximum_cardinality INT4, dtd_identifier NAME,
    ) = element_types;
}

fn catalog_name(scope: &Scope) -> Result<Rows> {
    Ok(vec![row![Seen::by(scope).database]])
}

fn schemata(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let row = |name: &str, owner: u32| row![seen.database, name, role_name(scope, owner), NULL, NULL, NULL, NULL];
    let mut rows = vec![row("pg_catalog", POSTGRES_ROLE.0), row("information_schema", POSTGRES_ROLE.0)];
    let own = scope.catalog.schemas.values().filter(|schema| is_here(scope, schema.oid));
    let own = own.filter(|schema| seen.owns(schema.owner) || seen.has((&***schema).into(), "CU"));
    rows.extend(own.map(|schema| row(&schema.name, schema.owner)));
    Ok(rows)
}

fn tables(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let row = |schema: String, name: &str, is_view: bool, takes_rows: bool| {
        row![
            seen.database,
            schema,
            name,
            if is_view { "VIEW" } else { "BASE TABLE" },
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            yes_or_no(takes_rows),
            "NO",
            NULL,
        ]
    };
    let system = seen.system_relations();
    let system = system.map(|table| Ok(row(seen.schema(table.schema.0), table.name, table.is_view, !table.is_view)));
    let own = seen.relations().filter(|table| seen.may_use(table, "arwdDxt"));
    let own = own.map(|table| {
        let is_view = table.kind() == RelationKind::View;
        let takes_rows = !is_view || has_written(scope, table)?;
        Ok(row(seen.schema(table.schema), &table.name, is_view, takes_rows))
    });
    system.chain(own).collect()
}

fn views(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let row = |schema: String, name: &str, text: Option<String>, check: &str, is_updatable: bool| {
        let is_updatable = yes_or_no(is_updatable);
        row![seen.database, schema, name, text, check, is_updatable, is_updatable, "NO", "NO", "NO"]
    };
    let system = seen.system_relations().filter(|table| table.is_view);
    let system = system.map(|table| row(seen.schema(table.schema.0), table.name, None, "NONE", false));
    let own = seen.relations().filter(|table| seen.may_use(table, "arwdDxt")).filter_map(|table| {
        let check = match table.view.as_ref()?.check_option.as_str() {
            "l" => "LOCAL",
            "c" => "CASCADED",
            _ => "NONE",
        };
        let described = || {
            let text = if seen.owns(table.owner) { definition::view(table)? } else { None };
            Ok(row(seen.schema(table.schema), &table.name, text, check, has_written(scope, table)?))
        };
        Some(described())
    });
    system.map(Ok).chain(own).collect()
}

/// Whether INSERT and UPDATE find a column that they can write.
fn has_written(scope: &Scope, view: &Table) -> Result<bool> {
    Ok(written(scope, view)?.is_some_and(|columns| !columns.is_empty()))
}

/// Those of identity columns are part of them.
fn sequences(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let is_identity = |table: &Table, of: &Sequence| {
        let owner = scope.catalog.table(Oid(of.owner_table));
        owner.is_some_and(|owner| {
            owner.live_columns().any(|column| column.sequence == table.oid && column.identity.is_some())
        })
    };
    let rows = all_tables(scope).filter_map(|table| {
        let of = table.sequence.as_ref()?;
        let is_seen = seen.owns(table.owner) || seen.has((&**table).into(), "rwU");
        if !is_seen || is_identity(table, of) {
            return None;
        }
        let ty = Type::new(Oid(of.type_oid));
        Some(row![
            seen.database,
            seen.schema(table.schema),
            &table.name,
            data_type(scope, ty.oid),
            Numeric::of(ty).precision,
            2i32,
            0i32,
            of.start.to_string(),
            of.min.to_string(),
            of.max.to_string(),
            of.increment.to_string(),
            yes_or_no(of.cycle),
        ])
    });
    Ok(rows.collect())
}

fn character_sets(scope: &Scope) -> Result<Rows> {
    Ok(vec![row![NULL, NULL, "UTF8", "UCS", "UTF8", Seen::by(scope).database, "pg_catalog", "C"]])
}

fn collations(scope: &Scope) -> Result<Rows> {
    let database = Seen::by(scope).database;
    Ok(["default", "C", "POSIX"].into_iter().map(|name| row![database, "pg_catalog", name, "NO PAD"]).collect())
}

// -------------------------------------------------------------------------------------------------------------- columns

/// As the standard names it.
fn data_type(scope: &Scope, ty: Oid) -> String {
    let is_array = match builtin().type_by_oid(ty) {
        Some(row) => !row.element.is_none() && row.length == -1,
        None => types::element(&scope.catalog, ty).is_some(),
    };
    match is_array {
        true => "ARRAY".to_owned(),
        false if builtin().type_by_oid(ty).is_some() => types::name(&scope.catalog, &scope.session.search_path, ty),
        false => "USER-DEFINED".to_owned(),
    }
}

struct Numeric {
    precision: Option<i32>,
    radix: Option<i32>,
    scale: Option<i32>,
}

impl Numeric {
    fn of(ty: Type) -> Numeric {
        let binary = |precision, scale| Numeric { precision: Some(precision), radix: Some(2), scale };
        match ty.oid {
            oid::INT2 => binary(16, Some(0)),
            oid::INT4 => binary(32, Some(0)),
            oid::INT8 => binary(64, Some(0)),
            oid::FLOAT4 => binary(24, None),
            oid::FLOAT8 => binary(53, None),
            oid::NUMERIC => {
                let given = (ty.modifier >= 0).then(|| types::numeric_modifier(ty.modifier));
                let (precision, scale) = (given.map(|given| given.0), given.map(|given| given.1));
                Numeric { precision, radix: Some(10), scale }
            }
            _ => Numeric { precision: None, radix: None, scale: None },
        }
    }
}

fn character_length(ty: Type) -> Option<i32> {
    match ty.oid {
        _ if ty.modifier < 0 => None,
        oid::BPCHAR | oid::VARCHAR => Some(ty.modifier - 4),
        oid::BIT | oid::VARBIT => Some(ty.modifier),
        _ => None,
    }
}

fn octet_length(ty: Type) -> Option<i32> {
    const LONGEST: i32 = 1 << 30;
    const UTF8_BYTES_MAX: i32 = 4;
    let is_text = matches!(ty.oid, oid::TEXT | oid::BPCHAR | oid::VARCHAR);
    is_text.then(|| character_length(ty).map_or(LONGEST, |length| length.saturating_mul(UTF8_BYTES_MAX)))
}

fn datetime_precision(ty: Type) -> Option<i32> {
    const MICROSECONDS: i32 = 6;
    match ty.oid {
        oid::DATE => Some(0),
        oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ => {
            Some(if ty.modifier < 0 { MICROSECONDS } else { ty.modifier })
        }
        oid::INTERVAL => {
            let precision = ty.modifier & types::INTERVAL_FULL_PRECISION;
            let is_full = ty.modifier < 0 || precision == types::INTERVAL_FULL_PRECISION;
            Some(if is_full { MICROSECONDS } else { precision })
        }
        _ => None,
    }
}

/// `DAY TO SECOND`.
fn interval_fields(ty: Type) -> Option<String> {
    if ty.oid != oid::INTERVAL {
        return None;
    }
    let text = types::modifier_text(ty.oid, ty.modifier);
    let fields = text.split('(').next().unwrap_or_default().trim().to_uppercase();
    (!fields.is_empty()).then_some(fields)
}

/// The schema and name of a type in pg_type.
fn udt(scope: &Scope, ty: Oid) -> (String, String) {
    let catalog = &scope.catalog;
    if let Some(row) = builtin().type_by_oid(ty) {
        return ("pg_catalog".to_owned(), row.name.to_owned());
    }
    let seen = Seen::by(scope);
    if let Some(entry) = catalog.enum_type(ty) {
        return (seen.schema(entry.descriptor.schema), entry.descriptor.name.clone());
    }
    if let Some(table) = catalog.row_type_table(ty).filter(|table| table.row_type == ty.0) {
        return (seen.schema(table.schema), table.name.clone());
    }
    match types::element(catalog, ty) {
        Some(element) => {
            let (schema, name) = udt(scope, element);
            (schema, crate::system::types::array_name(&name))
        }
        None => (String::new(), String::new()),
    }
}

/// A column as the standard describes it.
struct Described<'a> {
    schema: String,
    relation: &'a str,
    name: &'a str,
    ordinal: u32,
    ty: Type,
    not_null: bool,
    default: Option<String>,
    identity: Option<&'a str>,
    sequence: Option<&'a Sequence>,
    generated: Option<String>,
    is_updatable: bool,
}

/// The collation of a type, where it is not the database's.
fn collation(scope: &Scope, ty: Oid) -> Option<&'static str> {
    const C: Oid = Oid(950);
    (Storage::of(&scope.catalog, ty).collation == C).then_some("C")
}

impl Described<'_> {
    fn row(self, scope: &Scope) -> Vec<Datum> {
        let database = Seen::by(scope).database;
        let numeric = Numeric::of(self.ty);
        let (udt_schema, udt_name) = udt(scope, self.ty.oid);
        let collation = collation(scope, self.ty.oid);
        let identity = self.sequence.filter(|_| self.identity.is_some());
        row![
            database,
            self.schema,
            self.relation,
            self.name,
            self.ordinal as i32,
            self.default,
            yes_or_no(!self.not_null),
            data_type(scope, self.ty.oid),
            character_length(self.ty),
            octet_length(self.ty),
            numeric.precision,
            numeric.radix,
            numeric.scale,
            datetime_precision(self.ty),
            interval_fields(self.ty),
            NULL,
            NULL,
            NULL,
            NULL,
            collation.map(|_| database),
            collation.map(|_| "pg_catalog"),
            collation,
            NULL,
            NULL,
            NULL,
            database,
            udt_schema,
            udt_name,
            NULL,
            NULL,
            NULL,
            NULL,
            self.ordinal.to_string(),
            "NO",
            yes_or_no(self.identity.is_some()),
            self.identity.map(|letter| if letter == "a" { "ALWAYS" } else { "BY DEFAULT" }),
            identity.map(|of| of.start.to_string()),
            identity.map(|of| of.increment.to_string()),
            identity.map(|of| of.max.to_string()),
            identity.map(|of| of.min.to_string()),
            yes_or_no(identity.is_some_and(|of| of.cycle)),
            if self.generated.is_some() { "ALWAYS" } else { "NEVER" },
            self.generated,
            yes_or_no(self.is_updatable),
        ]
    }
}

fn columns(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let mut rows = Vec::new();
    for table in seen.system_relations() {
        for (place, column) in table.columns.iter().enumerate() {
            rows.push(system_column(&seen, table, place, column).row(scope));
        }
    }
    for table in seen.relations() {
        let written = written(scope, table)?;
        for column in table.visible_columns().filter(|column| is_seen(&seen, table, column)) {
            let is_updatable = written.as_ref().is_some_and(|written| written.contains(&column.ordinal()));
            rows.push(Described { is_updatable, ..own_column(&seen, table, column)? }.row(scope));
        }
    }
    Ok(rows)
}

fn is_seen(seen: &Seen<'_>, table: &Table, column: &Column) -> bool {
    use crate::catalog::privileges::has_column_privilege;
    let (catalog, session) = (&seen.scope.catalog, &seen.scope.session);
    let has = |letter| has_column_privilege(catalog, session.database, session.current_user, table, column, letter);
    seen.owns(table.owner) || "arwx".chars().any(has)
}

fn system_column<'a>(
    seen: &Seen<'_>,
    table: &'static crate::system::SystemTable,
    place: usize,
    column: &'a SystemColumn,
) -> Described<'a> {
    Described {
        schema: seen.schema(table.schema.0),
        relation: table.name,
        name: column.name,
        ordinal: place as u32 + 1,
        ty: Type::new(column.ty),
        not_null: column.not_null,
        default: None,
        identity: None,
        sequence: None,
        generated: None,
        is_updatable: !table.is_view,
    }
}

fn own_column<'a>(seen: &Seen<'a>, table: &'a Table, column: &'a Column) -> Result<Described<'a>> {
    let shown =
        |text: &Option<String>| text.as_ref().map(|text| definition::expression(seen.scope, text, false)).transpose();
    let sequence = seen.scope.catalog.table(Oid(column.sequence)).and_then(|table| table.sequence.as_ref());
    Ok(Described {
        schema: seen.schema(table.schema),
        relation: &table.name,
        name: &column.name,
        ordinal: column.ordinal,
        ty: column.ty(),
        not_null: column.not_null,
        default: shown(&column.default)?,
        identity: column.identity.as_deref(),
        sequence,
        generated: shown(&column.generated)?,
        is_updatable: false,
    })
}

/// What arrays are made of.
fn element_types(scope: &Scope) -> Result<Rows> {
    let seen = Seen::by(scope);
    let mut rows = Vec::new();
    let mut note = |schema: String, relation: &str, ordinal: u32, array: Oid| {
        let Some(element) = types::element(&scope.catalog, array) else { return };
        let (udt_schema, udt_name) = udt(scope, element);
        let collation = collation(scope, element);
        rows.push(row![
            seen.database,
            schema,
            relation,
            "TABLE",
            ordinal.to_string(),
            data_type(scope, element),
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            collation.map(|_| seen.database),
            collation.map(|_| "pg_catalog"),
            collation,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            seen.database,
            udt_schema,
            udt_name,
            NULL,
            NULL,
            NULL,
            NULL,
            format!("a{ordinal}"),
        ]);
    };
    for table in seen.system_relations() {
        for (place, column) in table.columns.iter().enumerate() {
            note(seen.schema(table.schema.0), table.name, place as u32 + 1, column.ty);
        }
    }
    for table in seen.relations() {
        for column in table.visible_columns().filter(|column| is_seen(&seen, table, column)) {
            note(seen.schema(table.schema), &table.name, column.ordinal, Oid(column.type_oid));
        }
    }
    Ok(rows)
}
