//! Plans in, plans out, as text.

mod build;
mod print;

mod choices;
mod rules;

use std::sync::Arc;

use atoll_datum::Oid;
use atoll_datum::function::Settings;

use super::context::{Context, IndexExpressions};
use super::stats::Statistics;
use crate::catalog::{Catalog, Index, Table};
use crate::plan::Plan;

/// Improves the plan, with so many rows in the tables (by oid).
fn improved(plan: Plan, rows: &[(u32, f64)]) -> Plan {
    let statistics = |table: Oid| {
        let found = rows.iter().find(|(oid, _)| *oid == table.0);
        found.map(|(_, rows)| Arc::new(Statistics { rows: *rows, ..Statistics::default() }))
    };
    let expressions = |table: &Arc<Table>, index: &Index| build::expressions(table, index);
    let (catalog, settings) = (Catalog::default(), Settings::default());
    let context = Context::new(&catalog, &settings, &statistics, &expressions, 1000);
    super::improve(plan, &context).expect("a plan that is fine")
}

fn expressions_of_index(columns: Vec<(crate::plan::ColumnId, crate::catalog::ColumnOrdinal)>) -> IndexExpressions {
    IndexExpressions { columns, keys: Vec::new(), predicate: None }
}

#[track_caller]
fn expect(plan: Plan, rows: &[(u32, f64)], text: &str) {
    let printed = print::plan(&improved(plan, rows));
    let wanted: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let margin = wanted.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let wanted: String = wanted.iter().map(|line| format!("{}\n", &line[margin..])).collect();
    assert_eq!(printed, wanted, "\n--- is\n{printed}--- should be\n{wanted}");
}
