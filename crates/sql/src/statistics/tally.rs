//! How many rows of which table have changed: in a statement, in a transaction, on a node since it started.
//!
//! What a node counts is lost with it. Then a table is looked at later than it might have been; nothing else relies on
//! it but the views that show it.

use std::collections::{BTreeMap, BTreeSet};

use atoll_datum::Oid;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::catalog::Table;
use crate::optimize::stats::Statistics;

/// Changes of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    /// TRUNCATE and the like: before the rest, all rows went.
    pub emptied: bool,
}

/// Of a statement or transaction.
#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<Oid, Count>);

impl Count {
    pub const EMPTIED: Count = Count { inserted: 0, updated: 0, deleted: 0, emptied: true };

    pub fn inserted(rows: u64) -> Count {
        Count { inserted: rows, ..Count::default() }
    }

    fn add(&mut self, more: Count) {
        if more.emptied {
            *self = Count::EMPTIED;
        }
        self.inserted += more.inserted;
        self.updated += more.updated;
        self.deleted += more.deleted;
    }
}

impl Tally {
    pub fn add(&mut self, table: Oid, count: Count) {
        self.0.entry(table).or_default().add(count);
    }

    pub fn append(&mut self, more: Tally) {
        for (table, count) in more.0 {
            self.add(table, count);
        }
    }
}

/// Of one table, since the node started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    /// Since the table was analyzed last.
    pub changed: u64,
    /// Rows; none as long as nothing has changed and nothing was analyzed.
    pub live: Option<u64>,
}

/// Of a node.
#[derive(Default)]
pub struct Tallies {
    tables: Mutex<BTreeMap<Oid, Total>>,
    /// Tables that have changed much.
    due: Mutex<BTreeSet<Oid>>,
    pub raised: Notify,
}

// As PostgreSQL's autovacuum_analyze_threshold and autovacuum_analyze_scale_factor.
const CHANGED_LEAST: u64 = 50;
const CHANGED_SHARE: f64 = 0.1;

impl Tallies {
    /// What a transaction has changed and committed. `known` is what is known of a table.
    pub fn add<'k>(&self, tally: &Tally, known: impl Fn(Oid) -> Option<&'k Statistics>) {
        let mut tables = self.tables.lock();
        for (table, count) in &tally.0 {
            let rows = known(*table).map_or(0.0, |statistics| statistics.rows);
            let total = tables.entry(*table).or_default();
            let mut live = total.live.unwrap_or(rows as u64);
            if count.emptied {
                total.changed += live;
                live = 0;
            }
            total.inserted += count.inserted;
            total.updated += count.updated;
            total.deleted += count.deleted;
            total.changed += count.inserted + count.updated + count.deleted;
            total.live = Some((live + count.inserted).saturating_sub(count.deleted));
            if total.changed > CHANGED_LEAST + (rows * CHANGED_SHARE) as u64 {
                self.raise(*table);
            }
        }
    }

    /// Has the table analyzed soon.
    pub fn raise(&self, table: Oid) {
        if self.due.lock().insert(table) {
            self.raised.notify_one();
        }
    }

    pub fn take_due(&self) -> Option<Oid> {
        self.due.lock().pop_first()
    }

    pub fn get(&self, table: Oid) -> Total {
        self.tables.lock().get(&table).copied().unwrap_or_default()
    }

    /// The table has so many rows, which were counted when its total was `then`.
    pub fn settle(&self, table: Oid, rows: f64, then: &Total) {
        let mut tables = self.tables.lock();
        let total = tables.entry(table).or_default();
        total.changed = total.changed.saturating_sub(then.changed);
        // Counting may have begun anew since.
        let inserted = total.inserted.saturating_sub(then.inserted);
        let deleted = total.deleted.saturating_sub(then.deleted);
        total.live = Some((rows as u64 + inserted).saturating_sub(deleted));
    }

    /// The table is gone.
    pub fn forget(&self, table: Oid) {
        self.tables.lock().remove(&table);
        self.due.lock().remove(&table);
    }
}

/// `WITH (autovacuum_enabled = false)`.
pub fn is_wanted(table: &Table) -> bool {
    let mut own = table.options.iter().filter(|option| option.name == "autovacuum_enabled");
    !own.any(|option| matches!(option.value.to_lowercase().as_str(), "false" | "off" | "no" | "0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Oid = Oid(20000);

    fn changed(count: Count) -> Tally {
        let mut tally = Tally::default();
        tally.add(TABLE, count);
        tally
    }

    #[test]
    fn a_table_is_due_after_fifty_rows_and_a_tenth() {
        let tallies = Tallies::default();
        let known = Statistics { rows: 1000.0, ..Statistics::default() };
        tallies.add(&changed(Count::inserted(150)), |_| Some(&known));
        assert_eq!(tallies.take_due(), None);
        tallies.add(&changed(Count { updated: 1, ..Count::default() }), |_| Some(&known));
        assert_eq!(tallies.take_due(), Some(TABLE));
        assert_eq!(tallies.get(TABLE).live, Some(1150));
    }

    #[test]
    fn what_changed_while_it_was_read_still_counts() {
        let tallies = Tallies::default();
        tallies.add(&changed(Count::inserted(10)), |_| None);
        let then = tallies.get(TABLE);
        tallies.add(&changed(Count { inserted: 3, deleted: 1, ..Count::default() }), |_| None);
        tallies.settle(TABLE, 10.0, &then);
        assert_eq!((tallies.get(TABLE).changed, tallies.get(TABLE).live), (4, Some(12)));
    }

    #[test]
    fn all_rows_may_go_at_once() {
        let tallies = Tallies::default();
        tallies.add(&changed(Count::inserted(100)), |_| None);
        let mut tally = changed(Count::inserted(7));
        tally.append(changed(Count::EMPTIED));
        tally.add(TABLE, Count::inserted(2));
        tallies.add(&tally, |_| None);
        assert_eq!(tallies.get(TABLE), Total { inserted: 102, changed: 202, live: Some(2), ..Total::default() });
    }
}
