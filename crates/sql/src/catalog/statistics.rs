//! What ANALYZE has found, as pairs in the store beside the descriptors, and as everybody reads it.
//!
//! ```text
//!   0e ‖ table oid (4) ‖ 0 (4)               ─▶  version of the format (1) ‖ rows, bytes, when
//!   0e ‖ table oid (4) ‖ column ordinal (4)  ─▶  version of the format (1) ‖ how its values are spread
//! ```
//! Written without being read or locked, so that whoever is last wins and nobody fails: neither two ANALYZE of one table
//! nor one beside a definition. The two can leave statistics of a column that is gone or has another type now; reading
//! passes over them.
//!
//! They are not part of the [`Catalog`]: a plan that was made for one version of the catalog holds on whatever is found
//! about tables that it does not read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use atoll_datum::row::{RowReader, RowWriter};
use atoll_datum::{Datum, Error, Oid, sqlstate};
use bytes::Bytes;
use prost::Message;

use super::{Catalog, ColumnOrdinal, Table, store};
use crate::exec::Result;
use crate::kv::Txn;
use crate::optimize::stats::{ColumnStatistics, Runs, Statistics};

const STATISTICS: u8 = 0x0e;
const FORMAT: u8 = 1;

/// Of all tables, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Known(BTreeMap<Oid, Arc<Statistics>>);

/// What a transaction has done to them.
#[derive(Clone, Debug)]
pub enum Change {
    /// Of the table, and of those of its columns that were looked at.
    Found {
        table: Oid,
        statistics: Arc<Statistics>,
    },
    DropColumn {
        table: Oid,
        column: ColumnOrdinal,
    },
    DropTable {
        table: Oid,
    },
}

#[derive(Clone, PartialEq, Message)]
struct TableRecord {
    #[prost(double, tag = "1")]
    rows: f64,
    #[prost(double, tag = "2")]
    bytes: f64,
    #[prost(sint64, optional, tag = "3")]
    last_micros: Option<i64>,
    #[prost(sint64, optional, tag = "4")]
    last_automatic_micros: Option<i64>,
    #[prost(uint64, tag = "5")]
    count: u64,
    #[prost(uint64, tag = "6")]
    automatic_count: u64,
}

#[derive(Clone, PartialEq, Message)]
struct ColumnRecord {
    #[prost(uint32, tag = "1")]
    type_oid: u32,
    #[prost(double, tag = "2")]
    null_fraction: f64,
    #[prost(double, tag = "3")]
    width: f64,
    #[prost(double, tag = "4")]
    distinct: f64,
    #[prost(double, optional, tag = "5")]
    correlation: Option<f64>,
    /// In the encoding of rows, where column `n` is the value at `n - 1`.
    #[prost(bytes = "vec", tag = "6")]
    common: Vec<u8>,
    #[prost(double, repeated, tag = "7")]
    shares: Vec<f64>,
    /// Likewise.
    #[prost(bytes = "vec", tag = "8")]
    histogram: Vec<u8>,
    #[prost(bool, tag = "9")]
    grows: bool,
}

impl Change {
    pub fn table(&self) -> Oid {
        match self {
            Change::Found { table, .. } | Change::DropColumn { table, .. } | Change::DropTable { table } => *table,
        }
    }
}

impl Known {
    pub fn get(&self, table: Oid) -> Option<&Arc<Statistics>> {
        self.0.get(&table)
    }

    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Found { table, statistics } => {
                let mut found = Statistics::clone(statistics);
                if let Some(before) = self.0.get(table) {
                    let ratio = if before.rows > 0.0 { found.rows / before.rows } else { 1.0 };
                    for (ordinal, column) in &before.columns {
                        let grown = column.distinct * if column.grows { ratio } else { 1.0 };
                        let kept = || ColumnStatistics { distinct: grown, ..column.clone() };
                        found.columns.entry(*ordinal).or_insert_with(kept);
                    }
                }
                self.0.insert(*table, Arc::new(found));
            }
            Change::DropColumn { table, column } => {
                if let Some(statistics) = self.0.get_mut(table).filter(|of| of.columns.contains_key(column)) {
                    Arc::make_mut(statistics).columns.remove(column);
                }
            }
            Change::DropTable { table } => drop(self.0.remove(table)),
        }
    }

    /// Takes over what `found` says of some tables.
    pub fn replace(&mut self, tables: &BTreeSet<Oid>, found: &Known) {
        for table in tables {
            match found.0.get(table) {
                Some(statistics) => drop(self.0.insert(*table, statistics.clone())),
                None => drop(self.0.remove(table)),
            }
        }
    }

    /// Whether both say the same of the table, for all that is known here: it was not analyzed in between.
    pub fn agrees(&self, other: &Known, table: Oid) -> bool {
        match (self.get(table), other.get(table)) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }
}

// -------------------------------------------------------------------------------------------------------------- writing

fn key(table: Oid, part: u32) -> Bytes {
    let mut key = vec![STATISTICS];
    key.extend_from_slice(&table.0.to_be_bytes());
    key.extend_from_slice(&part.to_be_bytes());
    key.into()
}

fn value(record: &impl Message) -> Bytes {
    let mut out = vec![FORMAT];
    record.encode(&mut out).expect("a vector grows as needed");
    out.into()
}

fn values<'v>(values: impl ExactSizeIterator<Item = &'v Datum>) -> Result<Vec<u8>> {
    let mut writer = RowWriter::new(values.len() as u32);
    for (number, value) in (1..).zip(values) {
        writer.push(number, value)?;
    }
    Ok(writer.finish())
}

pub fn write(txn: &mut dyn Txn, change: &Change) -> Result<()> {
    match change {
        Change::Found { table, statistics } => {
            let Runs { last_micros, last_automatic_micros, count, automatic_count } = statistics.runs;
            let (rows, bytes) = (statistics.rows, statistics.bytes);
            let record = TableRecord { rows, bytes, last_micros, last_automatic_micros, count, automatic_count };
            txn.put(key(*table, 0), value(&record))?;
            for (ordinal, column) in &statistics.columns {
                let record = ColumnRecord {
                    type_oid: column.of.0,
                    null_fraction: column.null_fraction,
                    width: column.width,
                    distinct: column.distinct,
                    correlation: column.correlation,
                    common: values(column.common.iter().map(|(value, _)| value))?,
                    shares: column.common.iter().map(|(_, share)| *share).collect(),
                    histogram: values(column.histogram.iter())?,
                    grows: column.grows,
                };
                txn.put(key(*table, ordinal.0), value(&record))?;
            }
        }
        Change::DropColumn { table, column } => txn.delete(key(*table, column.0))?,
        Change::DropTable { table } => txn.delete(key(*table, 0))?,
    }
    Ok(())
}

/// What a change of a table's descriptor means for its statistics. `new`: none if the table is dropped.
pub fn changes_with(old: &Table, new: Option<&Table>) -> Vec<Change> {
    let table = old.oid();
    let stays = |ordinal: u32, type_oid: u32| {
        let column = new.and_then(|new| new.column(ColumnOrdinal(ordinal)));
        column.is_some_and(|column| !column.dropped && column.type_oid == type_oid)
    };
    let gone = old.live_columns().filter(|column| !stays(column.ordinal, column.type_oid));
    let gone = gone.map(|column| Change::DropColumn { table, column: ColumnOrdinal(column.ordinal) });
    gone.chain(new.is_none().then_some(Change::DropTable { table })).collect()
}

// -------------------------------------------------------------------------------------------------------------- reading

fn damaged() -> Error {
    Error::new(sqlstate::DATA_CORRUPTED, "statistics in the store are damaged")
}

fn record<M: Message + Default>(bytes: &[u8]) -> Result<M> {
    let [FORMAT, bytes @ ..] = bytes else { return Err(damaged().into()) };
    Ok(M::decode(bytes).map_err(|_| damaged())?)
}

/// All of them, as far as they still say something of the catalog's tables.
pub async fn load(txn: &mut dyn Txn, catalog: &Catalog) -> Result<Known> {
    read(store::scan(txn, &[STATISTICS]).await?, catalog)
}

/// Those of some tables, as they are in the store.
pub async fn load_tables(txn: &mut dyn Txn, catalog: &Catalog, tables: &BTreeSet<Oid>) -> Result<Known> {
    let mut rows = Vec::new();
    for table in tables {
        let own = key(*table, 0);
        rows.extend(store::scan(txn, &own[..own.len() - 4]).await?);
    }
    read(rows, catalog)
}

fn read(rows: Vec<(Bytes, Bytes)>, catalog: &Catalog) -> Result<Known> {
    let mut known: BTreeMap<Oid, Statistics> = BTreeMap::new();
    for (key, value) in rows {
        let (table, part) = key.get(1..).and_then(|key| key.split_first_chunk()).ok_or_else(damaged)?;
        let (table, part) = (Oid(u32::from_be_bytes(*table)), part.try_into().map_err(|_| damaged())?);
        let Some(descriptor) = catalog.table(table) else { continue };
        let ordinal = ColumnOrdinal(u32::from_be_bytes(part));
        if ordinal.0 == 0 {
            let TableRecord { rows, bytes, last_micros, last_automatic_micros, count, automatic_count } =
                record(&value)?;
            let runs = Runs { last_micros, last_automatic_micros, count, automatic_count };
            known.insert(table, Statistics { rows, bytes, runs, columns: BTreeMap::new() });
            continue;
        }
        let found: ColumnRecord = record(&value)?;
        let column = descriptor.column(ordinal).filter(|column| !column.dropped && column.type_oid == found.type_oid);
        // The table's own record comes before those of its columns.
        if let (Some(_), Some(statistics)) = (column, known.get_mut(&table)) {
            statistics.columns.insert(ordinal, read_column(&found, catalog)?);
        }
    }
    Ok(Known(known.into_iter().map(|(table, statistics)| (table, Arc::new(statistics))).collect()))
}

fn read_column(record: &ColumnRecord, catalog: &Catalog) -> Result<ColumnStatistics> {
    let of = Oid(record.type_oid);
    let form = catalog.form(of);
    let read = |bytes: &[u8]| -> Result<Vec<Datum>> {
        let mut values = Vec::new();
        for column in RowReader::new(bytes)? {
            values.push(column?.1.decode(of, form.as_ref())?);
        }
        Ok(values)
    };
    let common = read(&record.common)?;
    if common.len() != record.shares.len() {
        return Err(damaged().into());
    }
    Ok(ColumnStatistics {
        of,
        null_fraction: record.null_fraction,
        width: record.width,
        distinct: record.distinct,
        common: common.into_iter().zip(record.shares.iter().copied()).collect(),
        histogram: read(&record.histogram)?,
        grows: record.grows,
        correlation: record.correlation,
    })
}
