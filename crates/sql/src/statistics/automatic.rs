//! ANALYZE without being asked: of tables of which this node has changed much.
//!
//! Asleep until a commit wakes it, so an idle node does nothing. It then takes a small share of the time, and looks at a
//! table again only after a while, however fast that changes. What it finds is only as good as the moment: an error is
//! logged, and the next change gives the next occasion.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use atoll_datum::Oid;
use atoll_env::Mono;

use super::collect::{self, Reading, Source};
use super::tally;
use crate::catalog::RelationKind;
use crate::exec::Result;
use crate::optimize::analyze;
use crate::session::Node;

/// Between the change that makes a table due and reading it: more is likely to come.
const SETTLE: Duration = Duration::from_secs(5);
/// Between two looks at one table.
const LEAST_INTERVAL: Duration = Duration::from_secs(60);
/// A twentieth of the time is spent reading.
const PAUSES: u32 = 19;

/// Until the node stops.
pub async fn run(node: Weak<Node>) {
    let mut looked: BTreeMap<Oid, Mono> = BTreeMap::new();
    loop {
        let Some(held) = node.upgrade() else { return };
        let (tallies, clock) = (held.tallies.clone(), held.env.clock.clone());
        drop(held);
        tallies.raised.notified().await;
        clock.sleep(SETTLE).await;
        let mut early = Vec::new();
        while let Some(table) = tallies.take_due() {
            let now = clock.mono();
            looked.retain(|_, then| now - *then < LEAST_INTERVAL);
            if looked.contains_key(&table) {
                early.push(table);
                continue;
            }
            let Some(held) = node.upgrade() else { return };
            match look(held, table).await {
                Ok(()) => drop(looked.insert(table, clock.mono())),
                Err(failure) => {
                    let error = failure.into_error();
                    tracing::warn!(%error, table = table.0, "a table could not be analyzed");
                }
            }
        }
        let first = early.iter().filter_map(|table| looked.get(table)).min().copied();
        if let Some(first) = first {
            clock.sleep(LEAST_INTERVAL.saturating_sub(clock.mono() - first)).await;
            early.into_iter().for_each(|table| tallies.raise(table));
        }
    }
}

/// Analyzes a table, unless it is gone, or nobody wants it to be.
async fn look(node: Arc<Node>, oid: Oid) -> Result<()> {
    let catalog = node.catalog();
    let Some(table) = catalog.table(oid) else { return Ok(()) };
    let has_rows = matches!(table.kind(), RelationKind::Table | RelationKind::MaterializedView);
    if !has_rows || !tally::is_wanted(table) {
        return Ok(());
    }
    let columns = collect::columns(table, &[], analyze::TARGET);
    let env = node.env.clone();
    let reading =
        Reading { env: &env, source: Source::Committed(&node.gateway), pauses: PAUSES, check: &mut || Ok(()) };
    let mut collected = collect::collect(&node, &catalog, table, &columns, reading).await?;
    let known = node.statistics();
    collected.statistics.runs = collect::runs(known.get(oid).map(|known| &**known), env_micros(&node), true);
    collect::keep(&node, table, collected).await?;
    Ok(())
}

fn env_micros(node: &Node) -> i64 {
    crate::session::micros_of(node.env.clock.wall_ns())
}
