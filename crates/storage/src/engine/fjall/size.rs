//! How many bytes lie in a range of keys, without reading the data.
//!
//! Tables that lie inside count whole. For one that reaches over a bound its index says at which byte, to within a
//! block. Versions and deletions that compaction would drop count too; bytes are compressed.
//!
//! Memtables can't be asked where a key is, so their bytes are taken to be spread like those in tables, which can be
//! wrong by as much as is in memory. Only when there is no table at all their items are counted.

use fjall::{AbstractTree, Keyspace};
use lsm_tree::Table;
use lsm_tree::table::{Block, BlockHandle, IndexBlock};
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
    let part = || -> lsm_tree::Result<f64> {
        let end = if last < high { table.metadata.file_size } else { offset(table, high)? };
        let start = if low <= first { 0 } else { offset(table, low)? };
        Ok(end.saturating_sub(start) as f64 / table.metadata.file_size as f64)
    };
    // A table whose index can't be read will say so to whoever reads its data; half is as good a guess as any.
    part().unwrap_or(0.5)
}

/// The byte at which `key` is found in a table: the middle of its block.
fn offset(table: &Table, key: &[u8]) -> lsm_tree::Result<u64> {
    let file = File::open(&*table.path)?;
    let load = |handle| -> lsm_tree::Result<IndexBlock> {
        Ok(IndexBlock::new(Block::from_file(&file, handle, table.metadata.index_block_compression)?))
    };
    let mut handle = find(&load(table.regions.tli)?, key);
    if table.regions.index.is_some() {
        // What was found is the part of the index that has the key.
        handle = handle.map(|part| Ok::<_, lsm_tree::Error>(find(&load(part)?, key))).transpose()?.flatten();
    }
    Ok(handle.map_or(table.metadata.file_size, |block| *block.offset() + u64::from(block.size()) / 2))
}

/// The first block of an index whose last key isn't below `key`.
fn find(index: &IndexBlock, key: &[u8]) -> Option<BlockHandle> {
    let bytes = index.as_slice();
    let mut last_key = Vec::new();
    let entry = index.iter().find(|entry| {
        last_key.clear();
        if let Some(prefix) = &entry.prefix {
            last_key.extend_from_slice(&bytes[prefix.0..prefix.1]);
        }
        last_key.extend_from_slice(&bytes[entry.end_key.0..entry.end_key.1]);
        last_key.as_slice() >= key
    })?;
    Some(BlockHandle::new(entry.offset, entry.size))
}
