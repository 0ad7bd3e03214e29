//! Reads a table's rows, counts them, and keeps a sample.

use std::sync::Arc;
use std::time::Duration;

use atoll_datum::{Error, Oid, Result as SqlResult};
use atoll_env::Env;
use atoll_txn::request::{Page, Span};

use super::sample::Sample;
use super::tally::Total;
use crate::catalog::{Catalog, ColumnOrdinal, Table};
use crate::exec::{Failure, Result};
use crate::kv::{self, GatewayRef, Txn};
use crate::optimize::analyze::{self, Column, Sampled};
use crate::optimize::stats::{Runs, Statistics};
use crate::session::Node;
use crate::table::{Decoder, Layout};

const PAGE_ROWS: u64 = 1024;
/// How often a page is asked for that is on its way to somewhere else.
const TRIES_MAX: u32 = 20;

/// Where rows are read.
pub enum Source<'a> {
    /// What is committed when each page is read.
    Committed(&'a GatewayRef),
    /// What the transaction sees, its own changes included.
    Transaction(&'a mut dyn Txn),
}

/// How a table is read.
pub struct Reading<'a> {
    pub env: &'a Env,
    pub source: Source<'a>,
    /// For each stretch of time in which a page is read, so many are paused.
    pub pauses: u32,
    /// Asked before each page whether to go on.
    pub check: &'a mut (dyn FnMut() -> SqlResult<()> + Send),
}

/// What came of it.
pub struct Collected {
    pub statistics: Statistics,
    pub sampled: usize,
    /// What had changed on this node when reading began.
    pub then: Total,
}

/// The columns of a table that have statistics, or those of them that are named, with as many common values as the
/// column says, or `target`.
pub fn columns(table: &Table, only: &[ColumnOrdinal], target: usize) -> Vec<Column> {
    let wanted = table.visible_columns().filter(|column| column.statistics_target != 0);
    let wanted = wanted.filter(|column| only.is_empty() || only.contains(&ColumnOrdinal(column.ordinal)));
    let column = |column: &crate::catalog::Column| Column {
        ordinal: ColumnOrdinal(column.ordinal),
        of: Oid(column.type_oid),
        target: usize::try_from(column.statistics_target).unwrap_or(target),
    };
    wanted.map(column).collect()
}

pub async fn collect(
    node: &Node,
    catalog: &Catalog,
    table: &Arc<Table>,
    columns: &[Column],
    mut reading: Reading<'_>,
) -> Result<Collected> {
    let then = node.tallies.get(table.oid());
    let layout = Layout::new(table.clone(), catalog)?;
    let ordinals: Vec<ColumnOrdinal> = columns.iter().map(|column| column.ordinal).collect();
    let decoder = layout.row_decoder(&ordinals, false);
    let target = columns.iter().map(|column| column.target).max().unwrap_or(0);
    let most = if columns.is_empty() { 0 } else { analyze::sample_rows(target) };
    let mut sample = Sample::new(most, reading.env.entropy.clone());
    let mut span = layout.primary().span();
    let mut bytes = 0;
    loop {
        (reading.check)()?;
        let began = reading.env.clock.mono();
        let Page { rows, resume } = reading.page(&span).await?;
        for row in &rows {
            bytes += row.key.len() + row.value.len();
            sample.offer(|| sampled(&decoder, &row.key, &row.value))?;
        }
        let Some(resume) = resume else { break };
        span.start = resume;
        if reading.pauses > 0 {
            let took = (reading.env.clock.mono() - began).max(Duration::from_millis(1));
            reading.env.clock.sleep(took * reading.pauses).await;
        }
    }
    let rows = sample.seen() as f64;
    let sample = sample.into_rows();
    // Of no rows nothing is found: what was known of the columns is as good as before.
    let found = analyze::statistics(if sample.is_empty() { &[] } else { columns }, &sample, rows);
    let statistics = Statistics { bytes: bytes as f64, ..found };
    Ok(Collected { statistics, sampled: sample.len(), then })
}

fn sampled(decoder: &Decoder, key: &[u8], value: &[u8]) -> SqlResult<Vec<Sampled>> {
    let mut row = Vec::with_capacity(decoder.width());
    decoder.decode(key, value, &mut row)?;
    Ok(row.into_iter().map(Sampled::new).collect())
}

impl Reading<'_> {
    async fn page(&mut self, span: &Span) -> Result<Page> {
        let gateway = match &mut self.source {
            Source::Transaction(txn) => return Ok(txn.scan(span, false, PAGE_ROWS).await?),
            Source::Committed(gateway) => *gateway,
        };
        let mut attempt = 0;
        loop {
            let mut txn = gateway.begin_at(gateway.now());
            let page = txn.scan(span, false, PAGE_ROWS).await;
            txn.rollback().await;
            match page {
                Ok(page) => return Ok(page),
                Err(kv::Error::Retry(_)) if attempt < TRIES_MAX => attempt += 1,
                Err(error) => return Err(Failure::from(error)),
            }
        }
    }
}

/// When the table was analyzed, this time included.
pub fn runs(before: Option<&Statistics>, now_micros: i64, automatic: bool) -> Runs {
    let before = before.map(|statistics| statistics.runs).unwrap_or_default();
    match automatic {
        true => Runs { last_automatic_micros: Some(now_micros), automatic_count: before.automatic_count + 1, ..before },
        false => Runs { last_micros: Some(now_micros), count: before.count + 1, ..before },
    }
}

/// Writes what was found in a transaction of its own and makes it everybody's, unless a definition has changed the table
/// meanwhile in a way that makes it worthless. Whether it was.
pub async fn keep(node: &Arc<Node>, table: &Arc<Table>, collected: Collected) -> Result<bool> {
    use crate::catalog::store::{self, Changes};
    let statistics = Arc::new(collected.statistics);
    for _ in 0..TRIES_MAX {
        let mut txn = store::begin(&*node.gateway);
        let mut changes = Changes::default();
        let written = async {
            // Read, not locked: the definition that comes between makes this transaction run again, and waits for
            // nobody.
            let is_there = store::is_current(&mut *txn, table).await?;
            if is_there {
                changes.found(&mut *txn, table.oid(), statistics.clone())?;
            }
            Ok(is_there)
        }
        .await;
        match store::finish(txn, written).await? {
            Some(true) => {
                // It ends early only when the node stops.
                let _ = node.publish(changes, None).await;
                node.tallies.settle(table.oid(), statistics.rows, &collected.then);
                return Ok(true);
            }
            Some(false) => return Ok(false),
            None => {}
        }
    }
    Err(Error::internal("statistics could not be written").into())
}
