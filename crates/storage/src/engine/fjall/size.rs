//! How many bytes lie in a range of keys, without reading the data.
//!
//! Tables that lie inside count whole. For one that reaches over a bound its index says which part of it lies inside,
//! to within a block, or, in the partitioned indexes of the lower levels, to within a partition of some hundred blocks
//! (about 1 MiB). Versions and deletions that compaction would drop count too; bytes are compressed.
//!
//! Memtables can't be asked where a key is, so their bytes are taken to be spread like those in tables, which can be
//! wrong by as much as is in memory. Only when there is no table at all their items are counted.

use fjall::{AbstractTree, Keyspace};
use lsm_tree::table::{Block, IndexBlock};
use lsm_tree::{CompressionType, Table};
use std::fs::File;

pub(super) fn approximate(keyspace: &Keyspace, low: &[u8], high: &[u8]) -> u64 {
    let tree = &keyspace.tree;
    let (mut inside, mut all) = (0.0, 0.0);
    for table in tree.current_version().iter_tables() {
        let bytes = table.metadata.file_size as f64;
        all += bytes;
        inside += bytes * share(table, low, high);
    }
    let memtable = tree.active_memtable();
    if all > 0.0 {
        return (inside + memtable.size() as f64 * (inside / all)) as u64;
    }
    let items = memtable.iter().skip_while(|item| &*item.key.user_key < low);
    let items = items.take_while(|item| &*item.key.user_key < high);
    items.map(|item| (item.key.user_key.len() + item.value.len()) as u64).sum()
}

/// The part of a table that lies in `low..high`.
fn share(table: &Table, low: &[u8], high: &[u8]) -> f64 {
    let keys = &table.metadata.key_range;
    let (first, last): (&[u8], &[u8]) = (keys.min(), keys.max());
    if high <= first || last < low {
        return 0.0;
    }
    if low <= first && last < high {
        return 1.0;
    }
    // A table whose index can't be read will say so to whoever reads its data; half is as good a guess as any.
    share_by_index(table, low, high).unwrap_or(0.5)
}

fn share_by_index(table: &Table, low: &[u8], high: &[u8]) -> lsm_tree::Result<f64> {
    let compression: CompressionType = table.metadata.index_block_compression;
    let index = IndexBlock::new(Block::from_file(&File::open(&*table.path)?, table.regions.tli, compression)?);
    // Each entry stands for about as many bytes as any other and holds the last key of its block or partition.
    let bytes = index.as_slice();
    let (mut before_low, mut before_high, mut count) = (0u32, 0u32, 0u32);
    let mut key = Vec::new();
    for entry in index.iter() {
        key.clear();
        if let Some(prefix) = &entry.prefix {
            key.extend_from_slice(&bytes[prefix.0..prefix.1]);
        }
        key.extend_from_slice(&bytes[entry.end_key.0..entry.end_key.1]);
        count += 1;
        before_low += u32::from(key.as_slice() < low);
        before_high += u32::from(key.as_slice() < high);
    }
    // The blocks that hold the bounds count as half inside.
    let blocks = f64::from(before_high - before_low).max(0.5);
    Ok((blocks / f64::from(count.max(1))).min(1.0))
}
