//! Types by name, with their modifiers.

use atoll_datum::builtin::builtin;
use atoll_datum::{Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{self, ExprKind, IntervalFields, Literal};

use super::names::dotted;
use super::types::{self, INTERVAL_FULL_PRECISION, INTERVAL_FULL_RANGE, interval_range};
use super::{relation, syntax_error};
use crate::session::Scope;
use crate::types::Type;

/// What `integer`, `numeric(10, 2)[]` or `s.mood` means.
pub fn type_name(scope: &Scope, written: &ast::TypeName) -> Result<Type> {
    let at = written.at.offset();
    if written.percent_type {
        return Err(Error::unsupported("%TYPE").at(at));
    }
    if written.setof {
        let message = format!("type {} cannot be a set here", dotted(&written.names));
        return Err(Error::new(sqlstate::INVALID_TABLE_DEFINITION, message).at(at));
    }
    let named = named(scope, written)?.ok_or_else(|| missing(written))?;
    let modifier = modifier(scope, named, written)?;
    if written.array_dims.is_empty() {
        return Ok(Type::with_modifier(named, modifier));
    }
    let array = types::array_of(&scope.catalog, named).ok_or_else(|| {
        let text = types::name(&scope.catalog, &scope.session.search_path, named);
        Error::new(sqlstate::UNDEFINED_OBJECT, format!("could not find array type for data type {text}")).at(at)
    })?;
    Ok(Type::with_modifier(array, modifier))
}

fn missing(written: &ast::TypeName) -> Error {
    let brackets = "[]".repeat(written.array_dims.len().min(1));
    let message = format!("type \"{}{brackets}\" does not exist", dotted(&written.names));
    Error::new(sqlstate::UNDEFINED_OBJECT, message).at(written.at.offset())
}

fn named(scope: &Scope, written: &ast::TypeName) -> Result<Option<Oid>> {
    match written.names.as_slice() {
        [name] => Ok(by_name(scope, name.as_str())),
        [schema, name] => {
            let Some(of) = scope.catalog.schema_named(scope.session.database, schema.as_str()) else {
                let message = format!("schema \"{schema}\" does not exist");
                return Err(Error::new(sqlstate::INVALID_SCHEMA_NAME, message).at(written.at.offset()));
            };
            Ok(in_schema(scope, of, name.as_str()))
        }
        [database, schema, name]
            if scope
                .catalog
                .databases
                .get(&scope.session.database)
                .is_some_and(|own| own.name == database.as_str()) =>
        {
            let of = scope.catalog.schema_named(scope.session.database, schema.as_str());
            Ok(of.and_then(|of| in_schema(scope, of, name.as_str())))
        }
        names => {
            let message = format!("improper qualified name (too many dotted names): {}", dotted(names));
            Err(syntax_error(message, written.at))
        }
    }
}

/// A type by its unqualified name in pg_type.
pub fn by_name(scope: &Scope, name: &str) -> Option<Oid> {
    relation::search_path(scope).find_map(|schema| in_schema(scope, schema, name))
}

pub fn in_schema(scope: &Scope, schema: Oid, name: &str) -> Option<Oid> {
    if types::is_system(schema) {
        return builtin().type_by_name(name).map(|row| row.oid);
    }
    let catalog = &scope.catalog;
    if let Some(entry) = catalog.enum_named(schema, name) {
        return Some(Oid(entry.descriptor.oid));
    }
    if let Some(table) = catalog.table_named(schema, name).filter(|table| table.row_type != 0) {
        return Some(Oid(table.row_type));
    }
    // `_mood` is the array of `mood`.
    let element = in_schema(scope, schema, name.strip_prefix('_')?)?;
    types::array_of(catalog, element)
}

fn modifier(scope: &Scope, ty: Oid, written: &ast::TypeName) -> Result<i32> {
    if let Some(fields) = written.interval {
        return interval_modifier(Some(fields), &modifiers(written)?, written);
    }
    if written.modifiers.is_empty() {
        return Ok(-1);
    }
    let takes_modifiers = builtin().type_by_oid(ty).is_some_and(|row| row.modifier_in != "-");
    if !takes_modifiers {
        let text = types::name(&scope.catalog, &scope.session.search_path, ty);
        return Err(syntax_error(format!("type modifier is not allowed for type \"{text}\""), written.at));
    }
    let values = modifiers(written)?;
    let invalid = |message: String| Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).at(written.at.offset());
    let single = || match values.as_slice() {
        [value] => Ok(*value),
        _ => Err(invalid("invalid type modifier".to_owned())),
    };
    match ty {
        oid::VARCHAR | oid::BPCHAR => {
            let name = if ty == oid::VARCHAR { "varchar" } else { "char" };
            Ok(length(name, single()?, 10_485_760, &invalid)? + 4)
        }
        oid::BIT | oid::VARBIT => {
            let name = if ty == oid::BIT { "bit" } else { "varbit" };
            length(name, single()?, 83_886_080, &invalid)
        }
        oid::NUMERIC => numeric_modifier(&values, &invalid),
        oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ => {
            let precision = single()?;
            if precision < 0 {
                let (name, zone) = match ty {
                    oid::TIME => ("TIME", ""),
                    oid::TIMETZ => ("TIME", " WITH TIME ZONE"),
                    oid::TIMESTAMP => ("TIMESTAMP", ""),
                    _ => ("TIMESTAMP", " WITH TIME ZONE"),
                };
                return Err(invalid(format!("{name}({precision}){zone} precision must not be negative")));
            }
            Ok(precision.min(6))
        }
        oid::INTERVAL => interval_modifier(None, &values, written),
        _ => Err(Error::unsupported(format!("a modifier of type {}", dotted(&written.names))).at(written.at.offset())),
    }
}

/// As the type's own input function for modifiers takes them: integers.
fn modifiers(written: &ast::TypeName) -> Result<Vec<i32>> {
    let at = written.at.offset();
    let value = |modifier: &ast::Expr| {
        let text = match &modifier.kind {
            ExprKind::Literal(Literal::Integer(value)) => return Ok(*value),
            ExprKind::Literal(Literal::Number(text) | Literal::String(text)) => text.to_string(),
            ExprKind::Column(names) if names.len() == 1 => names[0].text.to_string(),
            _ => {
                let message = "type modifiers must be simple constants or identifiers";
                return Err(syntax_error(message, written.at));
            }
        };
        text.trim().parse().map_err(|_| Error::invalid_input("integer", &text).at(at))
    };
    written.modifiers.iter().map(value).collect()
}

fn length(name: &str, length: i32, max: i32, invalid: &dyn Fn(String) -> Error) -> Result<i32> {
    match length {
        ..1 => Err(invalid(format!("length for type {name} must be at least 1"))),
        length if length > max => Err(invalid(format!("length for type {name} cannot exceed {max}"))),
        length => Ok(length),
    }
}

fn numeric_modifier(values: &[i32], invalid: &dyn Fn(String) -> Error) -> Result<i32> {
    let (precision, scale) = match values {
        [precision] => (*precision, 0),
        [precision, scale] => (*precision, *scale),
        _ => return Err(invalid("invalid NUMERIC type modifier".to_owned())),
    };
    if !(1..=1000).contains(&precision) {
        return Err(invalid(format!("NUMERIC precision {precision} must be between 1 and 1000")));
    }
    if !(-1000..=1000).contains(&scale) {
        return Err(invalid(format!("NUMERIC scale {scale} must be between -1000 and 1000")));
    }
    Ok(((precision << 16) | (scale & 0x7ff)) + 4)
}

fn interval_modifier(fields: Option<IntervalFields>, precision: &[i32], written: &ast::TypeName) -> Result<i32> {
    let range = fields.map_or(INTERVAL_FULL_RANGE, interval_range);
    let precision = match precision {
        [] => INTERVAL_FULL_PRECISION,
        [precision] if *precision < 0 => {
            let message = format!("INTERVAL({precision}) precision must not be negative");
            return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).at(written.at.offset()));
        }
        [precision] => (*precision).min(6),
        _ => {
            let message = "invalid INTERVAL type modifier";
            return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message).at(written.at.offset()));
        }
    };
    Ok((range << 16) | precision)
}
