//! Rows and entries there and back, and spans against what they are to contain.

use std::sync::Arc;

use atoll_datum::{Datum, oid};

use super::*;
use crate::catalog::{Catalog, Column, ColumnOrdinal, Index, IndexId, IndexKey, Table};
use crate::exec::expr::integer;

fn column(ordinal: u32, type_oid: u32) -> Column {
    Column { ordinal, name: format!("c{ordinal}"), type_oid, type_modifier: -1, ..Default::default() }
}

fn key(column: u32, type_oid: u32, descending: bool, nulls_first: bool) -> IndexKey {
    IndexKey { column, type_oid, type_modifier: -1, descending, nulls_first, ..IndexKey::default() }
}

/// `(c1 int, c2 numeric, c3 text, c4 int, PRIMARY KEY (c1, c2))`; unique on c3, not unique on c4 DESC including c3.
fn table() -> Table {
    let index = |id: u32, unique, keys| Index { id, oid: 100 + id, unique, keys, ..Index::default() };
    let mut covering = index(3, false, vec![key(4, oid::INT4.0, true, true)]);
    covering.include = vec![3];
    Table {
        oid: 20000,
        name: "t".into(),
        columns: vec![
            column(1, oid::INT4.0),
            column(2, oid::NUMERIC.0),
            column(3, oid::TEXT.0),
            column(4, oid::INT4.0),
        ],
        indexes: vec![
            index(1, true, vec![key(1, oid::INT4.0, false, false), key(2, oid::NUMERIC.0, false, false)]),
            index(2, true, vec![key(3, oid::TEXT.0, false, false)]),
            covering,
        ],
        ..Table::default()
    }
}

fn layout(table: Table) -> Layout {
    Layout::new(Arc::new(table), &Catalog::default()).unwrap()
}

fn numeric(text: &str) -> Datum {
    let form = atoll_datum::io::Form::of(oid::NUMERIC).unwrap();
    form.parse(text, -1, &atoll_datum::function::Settings::default()).unwrap()
}

fn ordinals(numbers: &[u32]) -> Vec<ColumnOrdinal> {
    numbers.iter().map(|number| ColumnOrdinal(*number)).collect()
}

fn decode(decoder: &Decoder, key: &[u8], value: &[u8]) -> String {
    let mut out = Vec::new();
    decoder.decode(key, value, &mut out).unwrap();
    assert_eq!(out.len(), decoder.width());
    format!("{out:?}")
}

#[test]
fn a_row_comes_back_as_it_was() {
    let layout = layout(table());
    let row = [Datum::Int4(-7), numeric("1.00"), Datum::text("x"), Datum::Null];
    let (key, value) = (layout.primary_key(&row).unwrap(), layout.primary_value(&row).unwrap());
    let decoder = layout.row_decoder(&ordinals(&[4, 2, 1, 3, 1]), true);
    let mut out = Vec::new();
    decoder.decode(&key, &value, &mut out).unwrap();
    assert_eq!(format!("{:?}", out[1]), format!("{:?}", row[1]), "the scale is kept");
    assert_eq!(out[..5], [Datum::Null, row[1].clone(), Datum::Int4(-7), Datum::text("x"), Datum::Int4(-7)]);
    assert_eq!(out[5], Datum::Bytea((&key[..]).into()));
    assert_eq!(key[..7], [TABLES, 0, 0, 0x4e, 0x20, 0, 1]);
}

#[test]
fn entries_lead_to_their_rows_and_cover_what_they_hold() {
    let layout = layout(table());
    for name in [Datum::text("x"), Datum::Null] {
        let row = [Datum::Int4(1), numeric("2.50"), name.clone(), Datum::Int4(9)];
        let primary = layout.primary_key(&row).unwrap();
        for (id, is_unique) in [(2, !name.is_null()), (3, false)] {
            let index = layout.index(IndexId(id)).unwrap();
            let entry = layout.index_entry(index, &row, &[]).unwrap();
            assert_eq!(entry.is_unique, is_unique);
            assert_eq!(layout.row_finder(index).row_key(&entry.key, &entry.value).unwrap(), primary);
            let columns = ordinals(&[3, 1]);
            assert!(layout.covers(index, &columns));
            assert!(!layout.covers(index, &ordinals(&[2])), "a numeric's scale is only in the row");
            let mut out = Vec::new();
            layout.decoder(index, &columns, true).decode(&entry.key, &entry.value, &mut out).unwrap();
            assert_eq!(out, [name.clone(), Datum::Int4(1), Datum::Bytea((&primary[..]).into())]);
        }
    }
}

#[test]
fn entries_of_a_unique_index_have_one_key_unless_one_is_null() {
    let layout = layout(table());
    let index = layout.index(IndexId(2)).unwrap();
    let entry = |id: i32, name: Datum| {
        let row = [Datum::Int4(id), numeric("0"), name, Datum::Null];
        layout.index_entry(index, &row, &[]).unwrap().key
    };
    assert_eq!(entry(1, Datum::text("a")), entry(2, Datum::text("a")));
    assert_ne!(entry(1, Datum::Null), entry(2, Datum::Null));
}

#[test]
fn columns_that_came_later_and_columns_that_went() {
    let old = layout(table());
    let row = [Datum::Int4(1), numeric("1"), Datum::text("gone"), Datum::Int4(4)];
    let (key, value) = (old.primary_key(&row).unwrap(), old.primary_value(&row).unwrap());
    let mut changed = table();
    changed.columns[2].dropped = true;
    let mut missing = atoll_datum::row::RowWriter::new(5);
    missing.push(5, &Datum::text("then")).unwrap();
    changed.columns.push(Column { missing: Some(missing.finish()), ..column(5, oid::TEXT.0) });
    changed.columns.push(column(6, oid::INT8.0));
    let new = layout(changed);
    let decoder = new.row_decoder(&ordinals(&[6, 4, 5]), false);
    let expected = [Datum::Null, Datum::Int4(4), Datum::text("then")];
    assert_eq!(decode(&decoder, &key, &value), format!("{expected:?}"));
    // A row written since has its own values, NULL too.
    let row = [Datum::Int4(1), numeric("1"), Datum::text("gone"), Datum::Int4(4), Datum::Null, Datum::Int8(6)];
    let (key, value) = (new.primary_key(&row).unwrap(), new.primary_value(&row).unwrap());
    let expected = [Datum::Int8(6), Datum::Int4(4), Datum::Null];
    assert_eq!(decode(&decoder, &key, &value), format!("{expected:?}"));
}

#[test]
fn spans_hold_exactly_what_is_within_the_limits() {
    for (descending, nulls_first) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut table = table();
        table.indexes[2].keys = vec![key(1, oid::INT4.0, false, false), key(4, oid::INT4.0, descending, nulls_first)];
        let layout = layout(table);
        let index = layout.index(IndexId(3)).unwrap();
        let values: Vec<Datum> = (0..5).map(Datum::Int4).chain([Datum::Null]).collect();
        let mut entries = Vec::new();
        for group in 0..3 {
            for value in &values {
                let row = [Datum::Int4(group), numeric("0"), Datum::Null, value.clone()];
                entries.push((group, value.clone(), layout.index_entry(index, &row, &[]).unwrap().key));
            }
        }
        let limits = [
            None,
            Some((Datum::Int4(1), true)),
            Some((Datum::Int4(3), false)),
            Some((Datum::Null, true)),
            Some((Datum::Int8(1), false)),
            Some((Datum::Int8(3), true)),
            Some((Datum::Int8(-3_000_000_000), true)),
            Some((Datum::Int8(3_000_000_000), false)),
        ];
        for lower in &limits {
            for upper in &limits {
                let (big, none) = (Datum::Int8(2), Datum::Int8(1 << 40));
                let equal = [Datum::Int4(2), Datum::Int4(0), Datum::Null, big, none].map(|value| vec![value]).to_vec();
                let limits = Limits { equal, lower: lower.clone(), upper: upper.clone(), zone: None };
                let reaches = index.reaches(&limits).unwrap();
                let within = |value: &Datum| {
                    let above = lower.as_ref().is_none_or(|(limit, inclusive)| {
                        integer(value).zip(integer(limit)).is_some_and(|(v, l)| v > l || (*inclusive && v == l))
                    });
                    let below = upper.as_ref().is_none_or(|(limit, inclusive)| {
                        integer(value).zip(integer(limit)).is_some_and(|(v, l)| v < l || (*inclusive && v == l))
                    });
                    above && below
                };
                for (group, value, key) in &entries {
                    let hits = reaches.iter().filter(|reach| matches!(reach, Reach::Span(span) if span.contains(key)));
                    let expected = usize::from(*group != 1 && within(value));
                    assert_eq!(hits.count(), expected, "{group} {value:?} in {lower:?} {upper:?} {descending}");
                }
            }
        }
    }
}

#[test]
fn all_columns_of_a_unique_index_are_a_point() {
    let layout = layout(table());
    let limits = Limits { equal: vec![vec![Datum::Int4(1), numeric("1.0")]], ..Limits::default() };
    let row = [Datum::Int4(1), numeric("1.000"), Datum::Null, Datum::Null];
    let point = Reach::Point(layout.primary_key(&row).unwrap());
    assert_eq!(layout.primary().reaches(&limits).unwrap(), [point]);
    let limits = Limits { equal: vec![vec![]], ..Limits::default() };
    assert_eq!(layout.primary().reaches(&limits).unwrap(), [Reach::Span(layout.primary().span())]);
}
