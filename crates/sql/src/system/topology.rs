//! Nodes and ranges of the cluster: Atoll's own views, which SHOW NODES and SHOW RANGES read.

use atoll_datum::array::Array;
use atoll_datum::time::Interval;
use atoll_datum::{Datum, Error, Result, oid};
use atoll_txn::request::Span;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::relation::tables;
use super::row::{Rows, oids, texts};
use crate::ddl::data;
use crate::session::Scope;
use crate::session::topology::{Range, Topology};

// Numbers between those that PostgreSQL gives to its own and those that it leaves to nobody.
relations! { PG_CATALOG, RELATIONS:
    view 9001 atoll_nodes (
        node INT8, address TEXT, state TEXT, silent INTERVAL, replicas INT8, leases INT8,
    ) = nodes;
    view 9004 atoll_ranges (
        range INT8, start_key TEXT, end_key TEXT, tables TEXT_ARRAY, relations OID_ARRAY, leaseholder INT8,
        voters INT8_ARRAY, learners INT8_ARRAY, bytes INT8, generation INT8,
    ) => ranges;
}

fn topology(scope: &Scope) -> Result<&dyn Topology> {
    scope.node.topology.get().map(|topology| &**topology).ok_or_else(|| Error::unsupported("a node without a cluster"))
}

fn int8(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn int8s(numbers: &[u64]) -> Datum {
    let elements = numbers.iter().map(|number| Datum::Int8(int8(*number))).collect();
    Datum::Array(std::sync::Arc::new(Array::new(oid::INT8, elements)))
}

fn nodes(scope: &Scope) -> Result<Rows> {
    let members = topology(scope)?.nodes().into_iter();
    let rows = members.map(|member| {
        let state = match (member.silent, member.leaving) {
            (Some(_), _) => "silent",
            (None, true) => "leaving",
            (None, false) => "up",
        };
        let silent = member.silent.map(|silent| Datum::Interval(Interval::of_micros(silent.as_micros() as i64)));
        row![int8(member.node), member.address, state, silent, int8(member.replicas), int8(member.leases),]
    });
    Ok(rows.collect())
}

fn ranges(scope: &Scope) -> BoxFuture<'_, Result<Rows>> {
    async move {
        let ranges = topology(scope)?.ranges().await;
        Ok(ranges.into_iter().map(|range| range_row(scope, range)).collect())
    }
    .boxed()
}

fn range_row(scope: &Scope, range: Range) -> Vec<Datum> {
    let stored = tables(scope).filter(|table| table.view.is_none());
    let here: Vec<_> = stored.filter(|table| overlap(&data::span(table.oid(), None), &range.span)).collect();
    row![
        int8(range.id),
        range.start,
        range.end,
        texts(here.iter().map(|table| table.name.clone())),
        oids(here.iter().map(|table| table.oid())),
        range.leaseholder.map(int8),
        int8s(&range.voters),
        int8s(&range.learners),
        int8(range.bytes),
        int8(range.generation),
    ]
}

fn overlap(a: &Span, b: &Span) -> bool {
    let before = |one: &Span, other: &Span| other.end.is_empty() || one.start < other.end;
    before(a, b) && before(b, a)
}
