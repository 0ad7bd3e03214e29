//! pg_type, pg_enum, pg_range: built-in types, the users' enums, and the types of rows.

use atoll_datum::builtin::{self, builtin};
use atoll_datum::{Datum, Oid, Result};

use super::relation::{Storage, is_here, tables};
use super::row::{NULL, Rows, acl};
use crate::catalog::{Grant, PG_CATALOG, POSTGRES_ROLE};
use crate::session::Scope;

relations! { PG_CATALOG, RELATIONS:
    table 1247 71 pg_type (
        oid OID, typname NAME, typnamespace OID, typowner OID, typlen INT2, typbyval BOOL, typtype CHAR,
        typcategory CHAR, typispreferred BOOL, typisdefined BOOL, typdelim CHAR, typrelid OID,
        typsubscript REGPROC, typelem OID, typarray OID, typinput REGPROC, typoutput REGPROC,
        typreceive REGPROC, typsend REGPROC, typmodin REGPROC, typmodout REGPROC, typanalyze REGPROC,
        typalign CHAR, typstorage CHAR, typnotnull BOOL, typbasetype OID, typtypmod INT4, typndims INT4,
        typcollation OID, typdefaultbin PG_NODE_TREE null, typdefault TEXT null, typacl ACLITEM_ARRAY null,
    ) = types;
    table 3501 10045 pg_enum (
        oid OID, enumtypid OID, enumsortorder FLOAT4, enumlabel NAME,
    ) = labels;
    table 3541 10101 pg_range (
        rngtypid OID, rngsubtype OID, rngmultitypid OID, rngcollation OID, rngsubopc OID, rngcanonical REGPROC,
        rngsubdiff REGPROC,
    ) = ranges;
}

/// What differs between the users' types.
struct Made<'a> {
    oid: Oid,
    name: &'a str,
    schema: Oid,
    owner: Oid,
    kind: char,
    category: char,
    relation: Oid,
    element: Oid,
    array: Oid,
    storage: Storage,
    /// What their functions are called: `enum` has enum_in, enum_out, …
    family: &'a str,
    grants: &'a [Grant],
}

impl Made<'_> {
    fn row(self, scope: &Scope) -> Vec<Datum> {
        let function = |suffix: &str| function(&format!("{}_{suffix}", self.family));
        let is_array = self.storage.is_array;
        row![
            self.oid,
            self.name,
            self.schema,
            self.owner,
            self.storage.length,
            self.storage.by_value,
            self.kind,
            self.category,
            false,
            true,
            ',',
            self.relation,
            if is_array { function("subscript_handler") } else { Oid::NONE },
            self.element,
            self.array,
            function("in"),
            function("out"),
            function("recv"),
            function("send"),
            Oid::NONE,
            Oid::NONE,
            if is_array { function("typanalyze") } else { Oid::NONE },
            self.storage.align,
            self.storage.storage,
            false,
            Oid::NONE,
            -1i32,
            0i32,
            Oid::NONE,
            NULL,
            NULL,
            acl(scope, self.grants),
        ]
    }

    /// The array of this type.
    fn array_row(&self, scope: &Scope) -> Vec<Datum> {
        let name = array_name(self.name);
        Made {
            oid: self.array,
            name: &name,
            kind: 'b',
            category: 'A',
            relation: Oid::NONE,
            element: self.oid,
            array: Oid::NONE,
            storage: Storage::of_array(self.storage.align),
            family: "array",
            grants: &[],
            ..*self
        }
        .row(scope)
    }
}

/// `_t`, cut to the length of an identifier.
pub(super) fn array_name(element: &str) -> String {
    let name = format!("_{element}");
    crate::ddl::names::clip(&name, crate::ddl::names::NAME_BYTES_MAX).to_owned()
}

/// By its name, which is one of few that are not overloaded; `-` is none.
fn function(name: &str) -> Oid {
    builtin().functions_named(name).next().map_or(Oid::NONE, |row| row.oid)
}

fn types(scope: &Scope) -> Result<Rows> {
    let mut rows: Rows = builtin().types.iter().map(builtin_row).collect();
    let composite = |oid, array, name, schema, owner, relation| Made {
        oid,
        name,
        schema,
        owner,
        kind: 'c',
        category: 'C',
        relation,
        element: Oid::NONE,
        array,
        storage: Storage {
            length: -1,
            by_value: false,
            align: b'd',
            storage: b'x',
            collation: Oid::NONE,
            is_array: false,
        },
        family: "record",
        grants: &[],
    };
    let mut with_array = |made: Made<'_>| {
        let array = made.array_row(scope);
        rows.extend([made.row(scope), array]);
    };
    for table in super::tables() {
        with_array(composite(
            table.row_type,
            table.row_array_type(),
            table.name,
            table.schema,
            POSTGRES_ROLE,
            table.oid,
        ));
    }
    for table in tables(scope).filter(|table| table.row_type != 0) {
        let (row_type, array) = (Oid(table.row_type), Oid(table.row_array_type));
        with_array(composite(row_type, array, &table.name, Oid(table.schema), Oid(table.owner), table.oid()));
    }
    for of in scope.catalog.types.values().map(|entry| &entry.descriptor).filter(|of| is_here(scope, of.schema)) {
        with_array(Made {
            oid: Oid(of.oid),
            name: &of.name,
            schema: Oid(of.schema),
            owner: Oid(of.owner),
            kind: 'e',
            category: 'E',
            relation: Oid::NONE,
            element: Oid::NONE,
            array: Oid(of.array_oid),
            storage: Storage::of(&scope.catalog, Oid(of.oid)),
            family: "enum",
            grants: &of.privileges,
        });
    }
    Ok(rows)
}

fn builtin_row(row: &builtin::Type) -> Vec<Datum> {
    let analyze = match row.kind {
        b'r' => "range_typanalyze",
        b'm' => "multirange_typanalyze",
        _ if row.is_array() => "array_typanalyze",
        _ => "-",
    };
    row![
        row.oid,
        row.name,
        PG_CATALOG,
        POSTGRES_ROLE,
        row.length,
        row.by_value,
        row.kind,
        row.category,
        row.preferred,
        true,
        row.delimiter,
        Oid::NONE,
        function(row.subscript),
        row.element,
        row.array,
        function(row.input),
        function(row.output),
        function(row.receive),
        function(row.send),
        function(row.modifier_in),
        function(row.modifier_out),
        function(analyze),
        row.align,
        row.storage,
        false,
        Oid::NONE,
        -1i32,
        0i32,
        row.collation,
        NULL,
        NULL,
        NULL,
    ]
}

fn labels(scope: &Scope) -> Result<Rows> {
    let types = scope.catalog.types.values().map(|entry| &entry.descriptor).filter(|of| is_here(scope, of.schema));
    let rows = types.flat_map(|of| {
        let labels = of.labels.iter().enumerate();
        labels.map(|(place, label)| row![label.oid, of.oid, (place + 1) as f32, &label.label])
    });
    Ok(rows.collect())
}

/// Range type, subtype, multirange type, operator class, canonical function, difference function.
const RANGES: [(u32, u32, u32, u32, &str, &str); 6] = [
    (3904, 23, 4451, 1978, "int4range_canonical", "int4range_subdiff"),
    (3906, 1700, 4532, 3125, "-", "numrange_subdiff"),
    (3908, 1114, 4533, 3128, "-", "tsrange_subdiff"),
    (3910, 1184, 4534, 3127, "-", "tstzrange_subdiff"),
    (3912, 1082, 4535, 3122, "daterange_canonical", "daterange_subdiff"),
    (3926, 20, 4536, 3124, "int8range_canonical", "int8range_subdiff"),
];

fn ranges(_: &Scope) -> Result<Rows> {
    let row = |(ty, of, multirange, class, canonical, difference): (u32, u32, u32, u32, &str, &str)| {
        row![ty, of, multirange, Oid::NONE, class, function(canonical), function(difference)]
    };
    Ok(RANGES.into_iter().map(row).collect())
}
