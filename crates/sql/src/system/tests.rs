use std::sync::Arc;
use std::time::Duration;

use atoll_datum::{Datum, oid};
use atoll_txn::request::Span;
use futures_util::FutureExt;

use super::*;
use crate::bind::tests::catalog;
use crate::session::topology::{Member, Range, Topology};

/// Whether a value can be one of a column of this type.
fn fits(value: &Datum, ty: Oid) -> bool {
    match (value, ty) {
        (Datum::Null, _) => true,
        (Datum::Bool(_), ty) => ty == oid::BOOL,
        (Datum::Char(_), ty) => ty == oid::CHAR,
        (Datum::Int2(_), ty) => ty == oid::INT2,
        (Datum::Int4(_), ty) => ty == oid::INT4,
        (Datum::Int8(_), ty) => ty == oid::INT8,
        (Datum::Float4(_), ty) => ty == oid::FLOAT4,
        (Datum::Oid(_), ty) => [oid::OID, oid::REGPROC, oid::REGTYPE, oid::XID].contains(&ty),
        (Datum::Text(_), ty) => [oid::TEXT, oid::NAME, oid::VARCHAR, oid::PG_NODE_TREE, oid::INET].contains(&ty),
        (Datum::TimestampTz(_), ty) => ty == oid::TIMESTAMPTZ,
        (Datum::Interval(_), ty) => ty == oid::INTERVAL,
        (Datum::Array(array), ty) => {
            atoll_datum::builtin::builtin().type_by_oid(ty).is_some_and(|row| row.element == array.element_type())
        }
        _ => false,
    }
}

/// Two nodes, one of them silent, and a range.
struct Two;

impl Topology for Two {
    fn nodes(&self) -> Vec<Member> {
        let member =
            |node, silent| Member { node, address: "here".to_owned(), leaving: false, silent, replicas: 1, leases: 1 };
        vec![member(1, None), member(2, Some(Duration::from_secs(1)))]
    }

    fn ranges(&self) -> BoxFuture<'_, Vec<Range>> {
        let range = Range {
            id: 1,
            generation: 1,
            span: Span::new("", ""),
            start: String::new(),
            end: None,
            leaseholder: Some(1),
            voters: vec![1, 2],
            learners: Vec::new(),
            bytes: 0,
        };
        std::future::ready(vec![range]).boxed()
    }
}

#[test]
fn rows_have_the_columns_of_their_relation() {
    let node = catalog::node();
    assert!(node.topology.set(Arc::new(Two)).is_ok());
    let scope = catalog::scope(node);
    for table in tables() {
        let made = table.rows.rows(&scope).now_or_never().expect("nobody has to be waited for");
        let rows = made.unwrap_or_else(|error| panic!("{table:?}: {error:?}"));
        for row in rows {
            assert_eq!(row.len(), table.columns.len(), "{table:?}");
            for (column, value) in table.columns.iter().zip(&row) {
                assert!(fits(value, column.ty), "{table:?}.{}: {value:?}", column.name);
                assert!(!column.not_null || !value.is_null(), "{table:?}.{} is NULL", column.name);
            }
        }
    }
}

#[test]
fn relations_are_numbered_and_named_once() {
    for table in tables() {
        assert!(std::ptr::eq(BY_OID[&table.oid], table), "{} and {}", BY_OID[&table.oid].name, table.name);
        assert!(std::ptr::eq(BY_NAME[&(table.schema, table.name)], table), "{} twice", table.name);
    }
    let class = table(crate::catalog::PG_CATALOG, "pg_class").expect("pg_class is there");
    assert_eq!((class.oid, class.row_type, class.row_array_type()), (Oid(1259), Oid(83), Oid(273)));
}
