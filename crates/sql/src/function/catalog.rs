//! What the catalog's functions tell of objects: their definitions, names, comments, sizes, whether they are visible.
//!
//! An object that is not there makes NULL, as in PostgreSQL. Sizes are 0: rows lie in ranges of a cluster, which nothing
//! here may ask.

use atoll_datum::builtin::{self, builtin};
use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};
use atoll_syntax::print::identifier;

use super::privilege::missing_database;
use super::{SessionTable, definition, name};
use crate::bind::updatable::written;
use crate::bind::{format_type, type_name, types};
use crate::catalog::{ColumnOrdinal, PG_CATALOG, RelationKind, Table};
use crate::session::Scope;
use crate::system::cluster::{Comment, UTF8, comments_here, shared_comments_of};
use crate::system::{Class, class};
use crate::types::Type;

pub const SESSION: SessionTable = &[
    ("pg_table_is_visible", |scope, _, arguments| {
        Ok(optional_bool(Class::find(scope, object(arguments)?).map(|class| name::is_visible(scope, &class))))
    }),
    ("pg_type_is_visible", |scope, _, arguments| type_is_visible(scope, object(arguments)?)),
    ("pg_function_is_visible", |_, _, arguments| {
        Ok(optional_bool(builtin().function(object(arguments)?).map(|_| true)))
    }),
    ("pg_operator_is_visible", |_, _, arguments| {
        Ok(optional_bool(builtin().operator(object(arguments)?).map(|_| true)))
    }),
    // Whatever else there is, is in pg_catalog.
    ("pg_opclass_is_visible", |_, _, _| Ok(Datum::Bool(true))),
    ("pg_opfamily_is_visible", |_, _, _| Ok(Datum::Bool(true))),
    ("pg_collation_is_visible", |_, _, _| Ok(Datum::Bool(true))),
    ("pg_conversion_is_visible", |_, _, _| Ok(Datum::Null)),
    ("pg_statistics_obj_is_visible", |_, _, _| Ok(Datum::Null)),
    ("pg_ts_config_is_visible", |_, _, _| Ok(Datum::Null)),
    ("pg_ts_dict_is_visible", |_, _, _| Ok(Datum::Null)),
    ("pg_ts_parser_is_visible", |_, _, _| Ok(Datum::Null)),
    ("pg_ts_template_is_visible", |_, _, _| Ok(Datum::Null)),
    ("format_type", |scope, _, arguments| Ok(formatted_type(scope, arguments))),
    ("pg_get_userbyid", |scope, _, arguments| {
        let role = object(arguments)?;
        let found = scope.catalog.roles.get(&role).map(|role| role.name.clone());
        Ok(Datum::text(found.unwrap_or_else(|| format!("unknown (OID={role})"))))
    }),
    ("pg_get_expr", |scope, _, arguments| expression(scope, arguments)),
    ("pg_get_expr_ext", |scope, _, arguments| expression(scope, arguments)),
    ("pg_get_constraintdef", |scope, _, arguments| constraint(scope, arguments)),
    ("pg_get_constraintdef_ext", |scope, _, arguments| constraint(scope, arguments)),
    ("pg_get_indexdef", |scope, _, arguments| index(scope, arguments)),
    ("pg_get_indexdef_ext", |scope, _, arguments| index(scope, arguments)),
    ("pg_get_viewdef", |scope, _, arguments| view(scope, object(arguments)?)),
    ("pg_get_viewdef_ext", |scope, _, arguments| view(scope, object(arguments)?)),
    ("pg_get_viewdef_wrap", |scope, _, arguments| view(scope, object(arguments)?)),
    ("pg_get_viewdef_name", |scope, _, arguments| view(scope, relation_named(scope, arguments)?)),
    ("pg_get_viewdef_name_ext", |scope, _, arguments| view(scope, relation_named(scope, arguments)?)),
    ("pg_get_ruledef", |scope, _, arguments| rule(scope, object(arguments)?)),
    ("pg_get_ruledef_ext", |scope, _, arguments| rule(scope, object(arguments)?)),
    ("pg_get_function_arguments", |scope, _, arguments| {
        function_text(arguments, |row| arguments_text(scope, row, true))
    }),
    ("pg_get_function_identity_arguments", |scope, _, arguments| {
        function_text(arguments, |row| arguments_text(scope, row, false))
    }),
    ("pg_get_functiondef", |scope, _, arguments| function_definition(scope, arguments)),
    ("pg_get_function_result", |scope, _, arguments| function_text(arguments, |row| result_text(scope, row))),
    ("pg_get_function_sqlbody", |_, _, _| Ok(Datum::Null)),
    // Of things that there are none of.
    ("pg_get_triggerdef", |_, _, _| Ok(Datum::Null)),
    ("pg_get_triggerdef_ext", |_, _, _| Ok(Datum::Null)),
    ("pg_get_partkeydef", |_, _, _| Ok(Datum::Null)),
    ("pg_get_statisticsobjdef", |_, _, _| Ok(Datum::Null)),
    ("pg_get_statisticsobjdef_columns", |_, _, _| Ok(Datum::Null)),
    ("pg_get_statisticsobjdef_expressions", |_, _, _| Ok(Datum::Null)),
    ("obj_description:26 19", |scope, _, arguments| object_comment(scope, arguments)),
    ("obj_description:26", |scope, _, arguments| {
        let of = object(arguments)?;
        Ok(comment(comments_here(scope), |comment| comment.object == of.0 && comment.column == 0))
    }),
    ("col_description:26 23", |scope, _, arguments| column_comment(scope, arguments)),
    ("shobj_description:26 19", |scope, _, arguments| shared_comment(scope, arguments)),
    ("PG_encoding_to_char", |_, _, arguments| {
        Ok(Datum::text(if arguments == [Datum::Int4(UTF8)] { "UTF8" } else { "" }))
    }),
    ("PG_char_to_encoding", |_, _, arguments| {
        let name: String = name::text(arguments)?.chars().filter(char::is_ascii_alphanumeric).collect();
        let is_utf8 = matches!(name.to_ascii_lowercase().as_str(), "utf8" | "unicode");
        Ok(Datum::Int4(if is_utf8 { UTF8 } else { -1 }))
    }),
    ("getdatabaseencoding", |_, _, _| Ok(Datum::text("UTF8"))),
    ("pg_client_encoding", |_, _, _| Ok(Datum::text("UTF8"))),
    ("pg_relation_size:2205", |scope, _, arguments| Ok(size(scope, arguments))),
    ("pg_relation_size", |scope, _, arguments| Ok(size(scope, arguments))),
    ("pg_table_size", |scope, _, arguments| Ok(size(scope, arguments))),
    ("pg_indexes_size", |scope, _, arguments| Ok(size(scope, arguments))),
    ("pg_total_relation_size", |scope, _, arguments| Ok(size(scope, arguments))),
    ("pg_database_size_name", |scope, _, arguments| {
        let name = name::text(arguments)?;
        scope.catalog.database_named(name).map(|_| Datum::Int8(0)).ok_or_else(|| missing_database(name))
    }),
    ("pg_database_size_oid", |scope, _, arguments| {
        let found = scope.catalog.databases.contains_key(&object(arguments)?);
        Ok(if found { Datum::Int8(0) } else { Datum::Null })
    }),
    ("pg_tablespace_size_name", |_, _, _| Ok(Datum::Int8(0))),
    ("pg_tablespace_size_oid", |_, _, _| Ok(Datum::Int8(0))),
    ("pg_tablespace_location", |_, _, _| Ok(Datum::text(""))),
    ("pg_relation_filenode", |scope, _, arguments| {
        let stored = Class::find(scope, object(arguments)?).filter(|class| kind(class) != RelationKind::View);
        Ok(stored.map_or(Datum::Null, |class| Datum::Oid(class.oid())))
    }),
    ("pg_relation_is_publishable", |scope, _, arguments| {
        let class = Class::find(scope, object(arguments)?);
        Ok(optional_bool(
            class.map(|class| matches!(class, Class::Table(table) if table.kind() == RelationKind::Table)),
        ))
    }),
    ("pg_relation_is_updatable", |scope, _, arguments| relation_events(scope, object(arguments)?)),
    ("pg_column_is_updatable", |scope, _, arguments| column_is_updatable(scope, arguments)),
    ("pg_indexam_has_property", |_, _, arguments| Ok(method_property(arguments))),
    ("pg_index_has_property", |scope, _, arguments| Ok(index_property(scope, arguments))),
    ("pg_index_column_has_property", |scope, _, arguments| Ok(index_column_property(scope, arguments))),
    ("pg_describe_object", |scope, _, arguments| Ok(description(scope, arguments))),
];

fn object(arguments: &[Datum]) -> Result<Oid> {
    match arguments.first() {
        Some(Datum::Oid(oid)) => Ok(*oid),
        _ => Err(Error::internal("a function of objects was called without one")),
    }
}

fn optional_bool(value: Option<bool>) -> Datum {
    value.map_or(Datum::Null, Datum::Bool)
}

fn optional_text(value: Option<String>) -> Datum {
    value.map_or(Datum::Null, Datum::text)
}

fn is_pretty(arguments: &[Datum]) -> bool {
    arguments.last().is_some_and(Datum::is_true)
}

fn relation_named(scope: &Scope, arguments: &[Datum]) -> Result<Oid> {
    name::look_up(scope, oid::REGCLASS, name::text(arguments)?)
}

// ---------------------------------------------------------------------------------------------------------------- types

fn type_is_visible(scope: &Scope, ty: Oid) -> Result<Datum> {
    let catalog = &scope.catalog;
    let (schema, own_name) = if builtin().type_by_oid(ty).is_some() {
        return Ok(Datum::Bool(true));
    } else if let Some(entry) = catalog.enum_type(ty) {
        (entry.descriptor.schema, entry.descriptor.name.clone())
    } else if let Some(table) = catalog.row_type_table(ty).filter(|table| table.row_type == ty.0) {
        (table.schema, table.name.clone())
    } else {
        // An array is where its elements are.
        return match types::element(catalog, ty) {
            Some(element) => type_is_visible(scope, element),
            None => Ok(Datum::Null),
        };
    };
    let found =
        scope.session.search_path.iter().find(|schema| type_name::in_schema(scope, **schema, &own_name).is_some());
    Ok(Datum::Bool(found.is_some_and(|found| found.0 == schema)))
}

fn formatted_type(scope: &Scope, arguments: &[Datum]) -> Datum {
    let [Datum::Oid(ty), modifier] = arguments else { return Datum::Null };
    if ty.is_none() {
        return Datum::text("-");
    }
    match modifier {
        _ if name::of_type(scope, *ty).is_none() => Datum::text("???"),
        Datum::Int4(modifier) => Datum::text(format_type(scope, Type::with_modifier(*ty, *modifier))),
        _ => optional_text(name::of_type(scope, *ty)),
    }
}

// ---------------------------------------------------------------------------------------------------------- definitions

/// What stands in a column of type pg_node_tree is the expression's text.
fn expression(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    definition::expressions(scope, name::text(arguments)?, is_pretty(arguments)).map(Datum::text)
}

fn constraint(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    definition::constraint(scope, object(arguments)?, is_pretty(arguments)).map(optional_text)
}

/// The whole, or one column of it.
fn index(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let Some((table, index)) = scope.catalog.index(object(arguments)?) else { return Ok(Datum::Null) };
    let pretty = is_pretty(arguments);
    let text = match arguments.get(1) {
        Some(Datum::Int4(number)) if *number != 0 => match usize::try_from(*number) {
            Ok(number) => definition::index_column(scope, table, index, number, pretty)?,
            Err(_) => String::new(),
        },
        _ => definition::index(scope, table, index, pretty)?,
    };
    Ok(Datum::text(text))
}

fn view(scope: &Scope, oid: Oid) -> Result<Datum> {
    let text = scope.catalog.table(oid).map(|table| definition::view(table)).transpose()?;
    Ok(optional_text(text.flatten()))
}

fn rule(scope: &Scope, oid: Oid) -> Result<Datum> {
    let of_rule = |table: &&std::sync::Arc<Table>| table.view.is_some() && crate::system::rule_oid(table) == oid;
    let Some(table) = scope.catalog.tables.values().find(of_rule) else { return Ok(Datum::Null) };
    let relation = crate::ddl::names::qualified(&scope.catalog, Oid(table.schema), &table.name);
    let query = definition::view(table)?.unwrap_or_default();
    Ok(Datum::text(format!("CREATE RULE \"_RETURN\" AS\n    ON SELECT TO {relation} DO INSTEAD {query}")))
}

/// CREATE FUNCTION of a built-in one; NULL if there is none of this number.
fn function_definition(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let Some(row) = builtin().function(object(arguments)?) else { return Ok(Datum::Null) };
    if row.kind == b'a' {
        let message = format!("\"{}\" is an aggregate function", row.name);
        return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message));
    }
    let language = match row.language {
        12 => "internal",
        13 => "c",
        _ => "sql",
    };
    let mut traits = String::new();
    if row.kind == b'w' {
        traits.push_str(" WINDOW");
    }
    traits.push_str(match row.volatility {
        b'i' => " IMMUTABLE",
        b's' => " STABLE",
        _ => "",
    });
    traits.push_str(" PARALLEL SAFE");
    if row.strict {
        traits.push_str(" STRICT");
    }
    Ok(Datum::text(format!(
        "CREATE OR REPLACE FUNCTION pg_catalog.{}({})\n RETURNS {}\n LANGUAGE {language}\n{traits}\nAS $function${}$function$\n",
        identifier(row.name),
        arguments_text(scope, row, true),
        result_text(scope, row),
        row.source
    )))
}

fn function_text(arguments: &[Datum], text: impl Fn(&builtin::Function) -> String) -> Result<Datum> {
    Ok(optional_text(builtin().function(object(arguments)?).map(text)))
}

fn type_text(scope: &Scope, ty: Oid) -> String {
    types::name(&scope.catalog, &scope.session.search_path, ty)
}

/// `years integer DEFAULT 0, OUT key text, VARIADIC "any"`.
fn arguments_text(scope: &Scope, row: &builtin::Function, with_defaults: bool) -> String {
    let types = if row.all_arguments.is_empty() { &row.arguments } else { &row.all_arguments };
    let defaults: Vec<&str> = row.default_text.map(|text| text.split(", ").collect()).unwrap_or_default();
    let direct = builtin().aggregate(row.oid).filter(|of| of.kind != b'n').map(|of| of.direct_arguments);
    let (mut text, mut inputs) = (String::new(), 0);
    for (place, ty) in types.iter().enumerate() {
        let mode = row.modes.get(place).copied().unwrap_or(b'i');
        let is_input = matches!(mode, b'i' | b'b' | b'v');
        if mode == b't' {
            continue;
        }
        if direct == Some(inputs) && is_input {
            text.push_str(if inputs > 0 { " ORDER BY " } else { "ORDER BY " });
        } else if !text.is_empty() {
            text.push_str(", ");
        }
        let is_variadic = mode == b'v' || (row.modes.is_empty() && !row.variadic.is_none() && place + 1 == types.len());
        text.push_str(match mode {
            b'o' => "OUT ",
            b'b' => "INOUT ",
            _ if is_variadic => "VARIADIC ",
            _ => "",
        });
        if let Some(own_name) = row.names.get(place).filter(|name| !name.is_empty()) {
            text.push_str(&format!("{} ", identifier(own_name)));
        }
        text.push_str(&type_text(scope, *ty));
        inputs += usize::from(is_input);
        let with_default = (inputs + row.defaults).checked_sub(row.arguments.len() + 1).filter(|_| is_input);
        if let Some(default) = with_default.and_then(|at| defaults.get(at)).filter(|_| with_defaults) {
            text.push_str(&format!(" DEFAULT {default}"));
        }
    }
    text
}

fn result_text(scope: &Scope, row: &builtin::Function) -> String {
    let set = if row.returns_set { "SETOF " } else { "" };
    format!("{set}{}", type_text(scope, row.result))
}

// ------------------------------------------------------------------------------------------------------------- comments

fn comment(comments: Vec<Comment<'_>>, is_it: impl Fn(&Comment<'_>) -> bool) -> Datum {
    let found = comments.into_iter().find(is_it);
    found.map_or(Datum::Null, |comment| Datum::text(comment.text))
}

/// The object, and the catalog that lists it.
fn object_and_class(arguments: &[Datum]) -> Result<(Oid, Option<Oid>)> {
    let of = object(arguments)?;
    let Some(Datum::Text(catalog)) = arguments.get(1) else { return Ok((of, None)) };
    Ok((of, crate::system::table(PG_CATALOG, catalog).map(|table| table.oid)))
}

fn object_comment(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let (of, class) = object_and_class(arguments)?;
    let is_it = |comment: &Comment<'_>| comment.object == of.0 && class == Some(comment.class) && comment.column == 0;
    Ok(comment(comments_here(scope), is_it))
}

fn shared_comment(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let (of, class) = object_and_class(arguments)?;
    let is_it = |comment: &Comment<'_>| comment.object == of.0 && class == Some(comment.class);
    Ok(comment(shared_comments_of(scope), is_it))
}

fn column_comment(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let of = object(arguments)?;
    let Some(Datum::Int4(column)) = arguments.get(1) else { return Ok(Datum::Null) };
    let found = scope.catalog.table(of).and_then(|table| {
        table.visible_columns().find(|own| i64::from(own.ordinal) == i64::from(*column))?.comment.clone()
    });
    Ok(optional_text(found))
}

// ------------------------------------------------------------------------------------------------------------ properties

fn size(scope: &Scope, arguments: &[Datum]) -> Datum {
    let is_there = object(arguments).is_ok_and(|oid| Class::find(scope, oid).is_some());
    if is_there { Datum::Int8(0) } else { Datum::Null }
}

fn kind(class: &Class) -> RelationKind {
    match class {
        Class::Table(table) => table.kind(),
        Class::System(table) if table.is_view => RelationKind::View,
        _ => RelationKind::Table,
    }
}

/// The bits of UPDATE, INSERT and DELETE.
fn relation_events(scope: &Scope, oid: Oid) -> Result<Datum> {
    const DELETE: i32 = 1 << 4;
    const ALL: i32 = 1 << 2 | 1 << 3 | DELETE;
    let Some(Class::Table(table)) = Class::find(scope, oid) else { return Ok(Datum::Int4(0)) };
    Ok(Datum::Int4(match (table.kind(), written(scope, &table)?) {
        (_, None) => 0,
        (RelationKind::View, Some(columns)) if columns.is_empty() => DELETE,
        _ => ALL,
    }))
}

fn column_is_updatable(scope: &Scope, arguments: &[Datum]) -> Result<Datum> {
    let Some(Class::Table(table)) = Class::find(scope, object(arguments)?) else { return Ok(Datum::Bool(false)) };
    let column = match arguments.get(1) {
        Some(Datum::Int2(column)) if *column > 0 => ColumnOrdinal(*column as u32),
        _ => return Ok(Datum::Bool(false)),
    };
    // PostgreSQL doesn't ask whether a table has the column.
    let is_updatable = match table.kind() {
        RelationKind::View => written(scope, &table)?.is_some_and(|columns| columns.contains(&column)),
        kind => kind == RelationKind::Table,
    };
    Ok(Datum::Bool(is_updatable))
}

fn property(arguments: &[Datum]) -> &str {
    match arguments.last() {
        Some(Datum::Text(text)) => text,
        _ => "",
    }
}

/// Of btree; what it does not know of is NULL.
fn method_property(arguments: &[Datum]) -> Datum {
    if arguments.first() != Some(&Datum::Oid(crate::system::BTREE)) {
        return Datum::Null;
    }
    match property(arguments) {
        "can_order" | "can_unique" | "can_multi_col" | "can_include" => Datum::Bool(true),
        "can_exclude" => Datum::Bool(false),
        _ => Datum::Null,
    }
}

fn index_property(scope: &Scope, arguments: &[Datum]) -> Datum {
    if !object(arguments).is_ok_and(|oid| scope.catalog.index(oid).is_some()) {
        return Datum::Null;
    }
    match property(arguments) {
        "index_scan" | "backward_scan" => Datum::Bool(true),
        "clusterable" | "bitmap_scan" => Datum::Bool(false),
        _ => Datum::Null,
    }
}

fn index_column_property(scope: &Scope, arguments: &[Datum]) -> Datum {
    let found = object(arguments).ok().and_then(|oid| scope.catalog.index(oid));
    let (Some((_, index)), Some(Datum::Int4(number))) = (found, arguments.get(1)) else { return Datum::Null };
    let Some(place) = usize::try_from(*number).ok().and_then(|number| number.checked_sub(1)) else {
        return Datum::Null;
    };
    let key = index.keys.get(place);
    if key.is_none() && place >= index.keys.len() + index.include.len() {
        return Datum::Null;
    }
    let of_key = |value: fn(&crate::catalog::IndexKey) -> bool| key.map_or(Datum::Null, |key| Datum::Bool(value(key)));
    match property(arguments) {
        "asc" => of_key(|key| !key.descending),
        "desc" => of_key(|key| key.descending),
        "nulls_first" => of_key(|key| key.nulls_first),
        "nulls_last" => of_key(|key| !key.nulls_first),
        "orderable" => Datum::Bool(key.is_some()),
        "search_array" | "search_nulls" => Datum::Bool(key.is_some()),
        "distance_orderable" => Datum::Bool(false),
        "returnable" => Datum::Bool(true),
        _ => Datum::Null,
    }
}

/// `table t`, `column a of table t`, `type mood`: of the classes that clients ask about.
fn description(scope: &Scope, arguments: &[Datum]) -> Datum {
    let [Datum::Oid(class_oid), Datum::Oid(oid), Datum::Int4(part)] = arguments else { return Datum::Null };
    let text = match *class_oid {
        class::RELATION => Class::find(scope, *oid).map(|found| relation_description(scope, &found, *part)),
        class::TYPE => name::of_type(scope, *oid).map(|name| format!("type {name}")),
        class::SCHEMA => name::schema_name(scope, *oid).map(|name| format!("schema {}", identifier(&name))),
        class::ROLE => scope.catalog.roles.get(oid).map(|role| format!("role {}", identifier(&role.name))),
        class::DATABASE => {
            scope.catalog.databases.get(oid).map(|database| format!("database {}", identifier(&database.name)))
        }
        class::FUNCTION => {
            builtin().function(*oid).map(|_| format!("function {}", name::shown(scope, oid::REGPROCEDURE, *oid)))
        }
        _ => None,
    };
    optional_text(text)
}

fn relation_description(scope: &Scope, found: &Class, part: i32) -> String {
    let kind = match found {
        Class::Table(table) => crate::ddl::names::kind_text(table),
        Class::Index(..) => "index",
        Class::System(table) if table.is_view => "view",
        Class::System(_) => "table",
    };
    let relation = format!("{kind} {}", name::of_relation(scope, found.oid()));
    let column = usize::try_from(part).ok().and_then(|part| part.checked_sub(1)).and_then(|place| match found {
        Class::Table(table) => table.columns.get(place).map(|column| column.name.as_str()),
        Class::System(table) => table.columns.get(place).map(|column| column.name),
        Class::Index(..) => None,
    });
    match column {
        Some(column) => format!("column {} of {relation}", identifier(column)),
        None => relation,
    }
}
