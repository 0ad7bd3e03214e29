//! How relations and their rows are written down: `relations!` and `row!`.

use std::sync::Arc;

use atoll_datum::array::{Array, Dimension};
use atoll_datum::{Datum, Oid, oid};

use crate::catalog::Grant;
use crate::catalog::privileges::item_text;
use crate::session::Scope;

pub(super) type Rows = Vec<Vec<Datum>>;

/// A value of a system relation.
pub(super) trait Cell {
    fn cell(self) -> Datum;
}

macro_rules! cells {
    ($($ty:ty: $value:ident => $datum:expr;)*) => {
        $(impl Cell for $ty {
            fn cell(self) -> Datum {
                let $value = self;
                $datum
            }
        })*
    };
}

cells! {
    Datum: value => value;
    bool: value => Datum::Bool(value);
    // `"char"`, whose values here are all letters.
    char: value => Datum::Char(value as u8);
    u8: value => Datum::Char(value);
    i16: value => Datum::Int2(value);
    i32: value => Datum::Int4(value);
    i64: value => Datum::Int8(value);
    f32: value => Datum::Float4(value);
    Oid: value => Datum::Oid(value);
    // Descriptors have oids as plain numbers.
    u32: value => Datum::Oid(Oid(value));
    &str: value => Datum::text(value);
    &String: value => Datum::text(value.as_str());
    String: value => Datum::text(value);
}

impl<T: Cell> Cell for Option<T> {
    fn cell(self) -> Datum {
        self.map_or(Datum::Null, T::cell)
    }
}

/// NULL, where no type says of what.
pub(super) const NULL: Datum = Datum::Null;

/// A row: a value for each column, in their order.
macro_rules! row {
    ($($value:expr),* $(,)?) => { vec![$($crate::system::row::Cell::cell($value)),*] };
}

/// Relations of a schema: `table` (oid, row type) or `view` (oid), a name, columns with types as named in
/// `atoll_datum::oid`, and the function that makes the rows, behind `=>` if it asks other nodes. A table's columns are NOT NULL unless they say `null`, a
/// view's are never.
macro_rules! relations {
    ($schema:ident, $list:ident: $(
        $kind:ident $oid:literal $($row_type:literal)? $name:ident ($($column:ident $ty:ident $($null:ident)?),* $(,)?)
        $(= $rows:path)? $(=> $asked:path)?;
    )*) => {
        pub(in crate::system) const $list: &[$crate::system::SystemTable] = &[$($crate::system::SystemTable {
            oid: atoll_datum::Oid($oid),
            schema: $crate::catalog::$schema,
            name: stringify!($name),
            is_view: relations!(@is_view $kind),
            // PostgreSQL numbers a view, the array of its rows, its rows.
            row_type: atoll_datum::Oid(relations!(@row_type $oid $($row_type)?)),
            columns: &[$($crate::system::SystemColumn {
                name: stringify!($column),
                ty: atoll_datum::oid::$ty,
                not_null: relations!(@not_null $kind $($null)?),
            }),*],
            rows: relations!(@rows $($rows)? $(=> $asked)?),
        }),*];
    };
    (@is_view table) => { false };
    (@is_view view) => { true };
    (@row_type $oid:literal) => { $oid + 2 };
    (@row_type $oid:literal $row_type:literal) => { $row_type };
    (@not_null table) => { true };
    (@not_null table null) => { false };
    (@not_null view) => { false };
    (@rows => $asked:path) => { $crate::system::Source::Asked($asked) };
    (@rows $rows:path) => { $crate::system::Source::Here($rows) };
    (@rows) => { $crate::system::Source::Here(|_| Ok(Vec::new())) };
}

fn array(element_type: Oid, elements: impl IntoIterator<Item = impl Cell>) -> Datum {
    Datum::Array(Arc::new(Array::new(element_type, elements.into_iter().map(Cell::cell).collect())))
}

pub(super) fn texts(elements: impl IntoIterator<Item = impl Cell>) -> Datum {
    array(oid::TEXT, elements)
}

pub(super) fn floats(elements: impl IntoIterator<Item = f32>) -> Datum {
    array(oid::FLOAT4, elements)
}

pub(super) fn chars(elements: impl IntoIterator<Item = u8>) -> Datum {
    array(oid::CHAR, elements)
}

pub(super) fn oids(elements: impl IntoIterator<Item = Oid>) -> Datum {
    array(oid::OID, elements)
}

/// smallint[]; column ordinals are at most 1600.
pub(super) fn ordinals<'a>(elements: impl IntoIterator<Item = &'a u32>) -> Datum {
    array(oid::INT2, elements.into_iter().map(|ordinal| *ordinal as i16))
}

fn vector(element_type: Oid, elements: Vec<Datum>) -> Datum {
    let length = elements.len() as i32;
    // No dimension is what an array without elements has.
    let dimensions = if length == 0 { Vec::new() } else { vec![Dimension { length, lower: 0 }] };
    let array = Array::checked(element_type, dimensions, elements).expect("one dimension fits its elements");
    Datum::Array(Arc::new(array))
}

pub(super) fn oid_vector(elements: impl IntoIterator<Item = Oid>) -> Datum {
    vector(oid::OID, elements.into_iter().map(Cell::cell).collect())
}

pub(super) fn int2_vector(elements: impl IntoIterator<Item = i16>) -> Datum {
    vector(oid::INT2, elements.into_iter().map(Cell::cell).collect())
}

/// aclitem[]; NULL as long as nothing was granted or revoked.
pub(super) fn acl(scope: &Scope, grants: &[Grant]) -> Datum {
    if grants.is_empty() {
        return NULL;
    }
    // A grant without letters stands for a list from which everything was revoked.
    let shown = grants.iter().filter(|grant| !grant.letters.is_empty());
    array(oid::ACLITEM, shown.map(|grant| item_text(&scope.catalog, grant)))
}

/// timestamptz from nanoseconds of the wall clock, of which zero is none.
pub fn wall_time(ns: u64) -> Datum {
    const EPOCH_MICROS: i64 = 946_684_800_000_000;
    match ns {
        0 => NULL,
        ns => Datum::TimestampTz((ns / 1000) as i64 - EPOCH_MICROS),
    }
}

/// timestamptz from microseconds since 2000-01-01 UTC.
pub(super) fn micros_time(micros: i64) -> Datum {
    Datum::TimestampTz(micros)
}

/// Rows of one of PostgreSQL's catalogs out of a file of this crate's `data/`, one a line.
pub(super) fn from_file(text: &'static str, types: &[Oid]) -> Rows {
    text.lines().map(|line| line.split('\t').zip(types).map(|(field, ty)| parsed(field, *ty)).collect()).collect()
}

fn parsed(field: &'static str, ty: Oid) -> Datum {
    let number = "a number of the built-in data";
    match ty {
        _ if field == "\\N" => NULL,
        oid::OID | oid::REGPROC => Oid(field.parse().expect(number)).cell(),
        oid::INT2 => Datum::Int2(field.parse().expect(number)),
        oid::BOOL => (field == "t").cell(),
        oid::CHAR => field.as_bytes()[0].cell(),
        _ => field.cell(),
    }
}
