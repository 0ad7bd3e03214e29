//! Types as the binder asks about them, users' types included: category, elements, printed names.

use atoll_datum::builtin::{self, builtin};
use atoll_datum::{Oid, oid};
use atoll_syntax::print::identifier;

use crate::catalog::{Catalog, PG_CATALOG};
use crate::types::Type;

pub const CATEGORY_ARRAY: u8 = b'A';
pub const CATEGORY_STRING: u8 = b'S';

// Pseudo-types that crate `datum` has no name for.
pub const ANYMULTIRANGE: Oid = Oid(4537);
pub const ANYCOMPATIBLEMULTIRANGE: Oid = Oid(4538);

fn row(ty: Oid) -> Option<&'static builtin::Type> {
    builtin().type_by_oid(ty)
}

/// pg_type.typcategory and typispreferred.
pub fn category(catalog: &Catalog, ty: Oid) -> (u8, bool) {
    match row(ty) {
        Some(row) => (row.category, row.preferred),
        None if is_enum(catalog, ty) => (b'E', false),
        None if catalog.element_type(ty).is_some() => (CATEGORY_ARRAY, false),
        None => match composite(catalog, ty) {
            Some(Composite::RowsOf) => (CATEGORY_ARRAY, false),
            Some(Composite::Row) => (b'C', false),
            None => (b'X', false),
        },
    }
}

pub fn is_string(catalog: &Catalog, ty: Oid) -> bool {
    category(catalog, ty).0 == CATEGORY_STRING
}

pub fn is_enum(catalog: &Catalog, ty: Oid) -> bool {
    catalog.enum_type(ty).is_some()
}

enum Composite {
    Row,
    /// The array of that.
    RowsOf,
}

fn composite(catalog: &Catalog, ty: Oid) -> Option<Composite> {
    let table = catalog.row_type_table(ty)?;
    Some(if table.row_type == ty.0 { Composite::Row } else { Composite::RowsOf })
}

/// The type of a table's rows.
pub fn is_composite(catalog: &Catalog, ty: Oid) -> bool {
    matches!(composite(catalog, ty), Some(Composite::Row))
}

pub fn is_record(catalog: &Catalog, ty: Oid) -> bool {
    ty == oid::RECORD || is_composite(catalog, ty)
}

/// The element type of a true array.
pub fn element(catalog: &Catalog, array: Oid) -> Option<Oid> {
    if let Some(element) = catalog.element_type(array) {
        return Some(element);
    }
    if array == oid::RECORDARRAY {
        return Some(oid::RECORD);
    }
    let table = catalog.row_type_table(array)?;
    (table.row_array_type == array.0).then_some(Oid(table.row_type))
}

pub fn array_of(catalog: &Catalog, element: Oid) -> Option<Oid> {
    if let Some(array) = catalog.array_type(element) {
        return Some(array);
    }
    if element == oid::RECORD {
        return Some(oid::RECORDARRAY);
    }
    let table = catalog.row_type_table(element)?;
    (table.row_type == element.0).then_some(Oid(table.row_array_type))
}

pub fn is_polymorphic(ty: Oid) -> bool {
    is_simple_polymorphic(ty) || is_compatible_polymorphic(ty)
}

pub fn is_simple_polymorphic(ty: Oid) -> bool {
    [oid::ANYELEMENT, oid::ANYARRAY, oid::ANYNONARRAY, oid::ANYENUM, oid::ANYRANGE, ANYMULTIRANGE].contains(&ty)
}

pub fn is_compatible_polymorphic(ty: Oid) -> bool {
    [
        oid::ANYCOMPATIBLE,
        oid::ANYCOMPATIBLEARRAY,
        oid::ANYCOMPATIBLENONARRAY,
        oid::ANYCOMPATIBLERANGE,
        ANYCOMPATIBLEMULTIRANGE,
    ]
    .contains(&ty)
}

pub fn is_range(ty: Oid) -> bool {
    row(ty).is_some_and(|row| row.kind == b'r')
}

pub fn is_multirange(ty: Oid) -> bool {
    row(ty).is_some_and(|row| row.kind == b'm')
}

/// Geometric types have operators called `<` and `=` that order nothing: they compare areas and lengths.
fn has_no_order(ty: Oid) -> bool {
    row(ty).is_some_and(|row| matches!(row.name, "box" | "circle" | "lseg" | "path" | "polygon"))
}

/// Whether the type has a default btree order.
pub fn is_sortable(catalog: &Catalog, ty: Oid) -> bool {
    !has_no_order(ty) && has_operator(catalog, ty, "<")
}

/// Whether the type can be grouped by: has a default equality, of btree or hash.
pub fn is_groupable(catalog: &Catalog, ty: Oid) -> bool {
    !has_no_order(ty) && has_operator(catalog, ty, "=")
}

fn has_operator(catalog: &Catalog, ty: Oid, name: &str) -> bool {
    if is_enum(catalog, ty) || is_record(catalog, ty) || is_range(ty) {
        return true;
    }
    if let Some(element) = element(catalog, ty).filter(|_| !matches!(ty, oid::INT2VECTOR | oid::OIDVECTOR)) {
        return has_operator(catalog, element, name) && !has_no_order(element);
    }
    let defined = |ty: Oid| builtin().operators_named(name).any(|operator| (operator.left, operator.right) == (ty, ty));
    let relabeled = |cast: &builtin::Cast| cast.source == ty && cast.method == b'b' && cast.context == b'i';
    defined(ty) || builtin().casts.iter().any(|cast| relabeled(cast) && defined(cast.target))
}

// ------------------------------------------------------------------------------------------------------------ printing

/// The type as PostgreSQL's messages name it: no length, no precision.
pub fn name(catalog: &Catalog, search_path: &[Oid], ty: Oid) -> String {
    print(catalog, search_path, ty, None)
}

/// PostgreSQL's `format_type(oid, typmod)`.
pub fn format(catalog: &Catalog, search_path: &[Oid], ty: Type) -> String {
    print(catalog, search_path, ty.oid, Some(ty.modifier))
}

fn print(catalog: &Catalog, search_path: &[Oid], ty: Oid, modifier: Option<i32>) -> String {
    let visible = |schema: Oid, same: &dyn Fn(Oid) -> bool| {
        let first = search_path.iter().copied().find(|schema| same(*schema));
        first == Some(schema)
    };
    let qualified = |schema: u32, name: &str, same: &dyn Fn(Oid) -> bool| {
        let schema = Oid(schema);
        match catalog.schemas.get(&schema) {
            Some(of) if !visible(schema, same) => format!("{}.{}", identifier(&of.name), identifier(name)),
            _ => identifier(name),
        }
    };
    if let Some(row) = row(ty) {
        // `_int4` prints as what it is an array of; int2vector by its own name.
        if row.is_array() && row.storage != b'p' && row.array.is_none() {
            return format!("{}[]", print(catalog, search_path, row.element, modifier));
        }
        return print_builtin(row, modifier);
    }
    if let Some(entry) = catalog.enum_type(ty) {
        let name = entry.descriptor.name.as_str();
        return qualified(entry.descriptor.schema, name, &|schema| catalog.enum_named(schema, name).is_some());
    }
    if let Some(element) = element(catalog, ty) {
        return format!("{}[]", print(catalog, search_path, element, modifier));
    }
    match catalog.row_type_table(ty) {
        Some(table) => {
            let same = |schema: Oid| catalog.table_named(schema, &table.name).is_some();
            qualified(table.schema, &table.name, &same)
        }
        None => "???".to_owned(),
    }
}

fn print_builtin(row: &builtin::Type, modifier: Option<i32>) -> String {
    let given = modifier.filter(|modifier| *modifier >= 0);
    let length = |name: &str, suffix: &str| match given {
        Some(modifier) => format!("{name}{}{suffix}", modifier_text(row.oid, modifier)),
        None => format!("{name}{suffix}"),
    };
    match row.oid {
        oid::BIT if given.is_none() && modifier.is_some() => "\"bit\"".to_owned(),
        oid::BIT => length("bit", ""),
        oid::BOOL => "boolean".to_owned(),
        oid::BPCHAR if given.is_none() && modifier.is_some() => "bpchar".to_owned(),
        oid::BPCHAR => length("character", ""),
        oid::CHAR => "\"char\"".to_owned(),
        oid::FLOAT4 => "real".to_owned(),
        oid::FLOAT8 => "double precision".to_owned(),
        oid::INT2 => "smallint".to_owned(),
        oid::INT4 => "integer".to_owned(),
        oid::INT8 => "bigint".to_owned(),
        oid::TIME => length("time", " without time zone"),
        oid::TIMETZ => length("time", " with time zone"),
        oid::TIMESTAMP => length("timestamp", " without time zone"),
        oid::TIMESTAMPTZ => length("timestamp", " with time zone"),
        // These are keywords, and as names of types go without quotes.
        oid::NUMERIC => length("numeric", ""),
        oid::INTERVAL => length("interval", ""),
        oid::VARBIT => length("bit varying", ""),
        oid::VARCHAR => length("character varying", ""),
        _ => length(&identifier(row.name), ""),
    }
}

/// What the type's modifier output function says: `(10,2)`.
pub fn modifier_text(ty: Oid, modifier: i32) -> String {
    if modifier < 0 {
        return String::new();
    }
    match ty {
        oid::VARCHAR | oid::BPCHAR => format!("({})", modifier - 4),
        oid::NUMERIC => {
            let (precision, scale) = numeric_modifier(modifier);
            format!("({precision},{scale})")
        }
        oid::INTERVAL => interval_modifier_text(modifier),
        _ => format!("({modifier})"),
    }
}

/// Precision and scale.
pub fn numeric_modifier(modifier: i32) -> (i32, i32) {
    let packed = modifier - 4;
    ((packed >> 16) & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024)
}

pub const INTERVAL_FULL_RANGE: i32 = 0x7fff;
pub const INTERVAL_FULL_PRECISION: i32 = 0xffff;
const YEAR: i32 = 1 << 2;
const MONTH: i32 = 1 << 1;
const DAY: i32 = 1 << 3;
const HOUR: i32 = 1 << 10;
const MINUTE: i32 = 1 << 11;
const SECOND: i32 = 1 << 12;

/// The bits of an interval's modifier for its fields, as its functions read them.
pub fn interval_range(fields: atoll_syntax::ast::IntervalFields) -> i32 {
    use atoll_syntax::ast::IntervalFields::*;
    match fields {
        Year => YEAR,
        Month => MONTH,
        Day => DAY,
        Hour => HOUR,
        Minute => MINUTE,
        Second => SECOND,
        YearToMonth => YEAR | MONTH,
        DayToHour => DAY | HOUR,
        DayToMinute => DAY | HOUR | MINUTE,
        DayToSecond => DAY | HOUR | MINUTE | SECOND,
        HourToMinute => HOUR | MINUTE,
        HourToSecond => HOUR | MINUTE | SECOND,
        MinuteToSecond => MINUTE | SECOND,
    }
}

fn interval_modifier_text(modifier: i32) -> String {
    let (range, precision) = ((modifier >> 16) & 0x7fff, modifier & 0xffff);
    const FIELDS: &[(i32, &str)] = &[
        (YEAR, " year"),
        (MONTH, " month"),
        (DAY, " day"),
        (HOUR, " hour"),
        (MINUTE, " minute"),
        (SECOND, " second"),
        (YEAR | MONTH, " year to month"),
        (DAY | HOUR, " day to hour"),
        (DAY | HOUR | MINUTE, " day to minute"),
        (DAY | HOUR | MINUTE | SECOND, " day to second"),
        (HOUR | MINUTE, " hour to minute"),
        (HOUR | MINUTE | SECOND, " hour to second"),
        (MINUTE | SECOND, " minute to second"),
    ];
    let fields = FIELDS.iter().find(|(bits, _)| *bits == range).map_or("", |(_, text)| text);
    match precision {
        INTERVAL_FULL_PRECISION => fields.to_owned(),
        precision => format!("{fields}({precision})"),
    }
}

/// Whether an unqualified name finds PostgreSQL's own objects first.
pub fn is_system(schema: Oid) -> bool {
    schema == PG_CATALOG
}
