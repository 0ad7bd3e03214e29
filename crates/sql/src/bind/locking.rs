//! FOR UPDATE and its like: which tables of the query they lock.

use std::collections::BTreeSet;

use atoll_datum::{Error, Result, sqlstate};
use atoll_syntax::ast::{self, LockStrength, Locking, Name};

use super::Binder;
use super::names::{Item, ItemKind};
use crate::plan::{ColumnId, LockTable};

fn text(strength: LockStrength) -> &'static str {
    match strength {
        LockStrength::KeyShare => "FOR KEY SHARE",
        LockStrength::Share => "FOR SHARE",
        LockStrength::NoKeyUpdate => "FOR NO KEY UPDATE",
        LockStrength::Update => "FOR UPDATE",
    }
}

impl Binder<'_> {
    pub fn lock_refused(&self, locking: &Locking, with: &str) -> Error {
        let what = text(locking.strength);
        let message = match with {
            "VALUES" => format!("{what} cannot be applied to VALUES"),
            with => format!("{what} is not allowed with {with}"),
        };
        Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message)
    }

    /// The tables to lock, whose scans give keys: see [`Block::keys`](super::names::Block::keys).
    pub fn locking(&mut self, query: &ast::Query, select: &ast::Select) -> Result<Vec<LockTable>> {
        let Some(first) = query.locking.first() else { return Ok(Vec::new()) };
        let block = self.block();
        let grouped = !block.aggregates.is_empty() || !block.groupings.is_empty();
        let with = if select.distinct.is_some() {
            Some("DISTINCT clause")
        } else if !select.group_by.is_empty() {
            Some("GROUP BY clause")
        } else if select.having.is_some() {
            Some("HAVING clause")
        } else if grouped {
            Some("aggregate functions")
        } else if !block.windows.is_empty() {
            Some("window functions")
        } else if block.has_sets {
            Some("set-returning functions in the target list")
        } else {
            None
        };
        if let Some(with) = with {
            return Err(self.lock_refused(first, with));
        }
        let mut locked: Vec<LockTable> = Vec::new();
        let mut done: BTreeSet<ColumnId> = BTreeSet::new();
        let items = self.block().items.clone();
        for locking in &query.locking {
            if locking.of.is_empty() {
                for item in items.iter().filter(|item| item.kind == ItemKind::Table) {
                    self.lock_item(item, locking, &mut locked, &mut done)?;
                }
                if let Some(view) = items.iter().find(|item| matches!(item.kind, ItemKind::View | ItemKind::Subquery)) {
                    let name = view.name.as_deref().unwrap_or("");
                    let what = format!("{} of \"{name}\", which is no table,", text(locking.strength));
                    return Err(Error::unsupported(what).at(locking.at.offset()));
                }
                continue;
            }
            for name in &locking.of {
                let item = self.named_item(&items, name, locking)?;
                self.lock_item(&item, locking, &mut locked, &mut done)?;
            }
        }
        Ok(locked)
    }

    fn named_item(&self, items: &[Item], name: &[Name], locking: &Locking) -> Result<Item> {
        let what = text(locking.strength);
        let [name] = name else {
            let message = format!("{what} must specify unqualified relation names");
            let at = name.first().map_or(0, |name| name.at.offset());
            return Err(Error::new(sqlstate::SYNTAX_ERROR, message).at(at));
        };
        let at = name.at.offset();
        let refused = |message: String| Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(at));
        let Some(item) = items.iter().find(|item| item.matches_name(name.as_str())) else {
            let message = format!("relation \"{name}\" in {what} clause not found in FROM clause");
            return Err(Error::new(sqlstate::UNDEFINED_TABLE, message).at(at));
        };
        match item.kind {
            ItemKind::Table => Ok(item.clone()),
            ItemKind::Join => refused(format!("{what} cannot be applied to a join")),
            ItemKind::Function => refused(format!("{what} cannot be applied to a function")),
            ItemKind::Values => refused(format!("{what} cannot be applied to VALUES")),
            ItemKind::Common => refused(format!("{what} cannot be applied to a WITH query")),
            ItemKind::View | ItemKind::Subquery | ItemKind::System => {
                Err(Error::unsupported(format!("{what} of \"{name}\", which is no table,")).at(at))
            }
        }
    }

    fn lock_item(
        &mut self,
        item: &Item,
        locking: &Locking,
        locked: &mut Vec<LockTable>,
        done: &mut BTreeSet<ColumnId>,
    ) -> Result<()> {
        let (Some(table), Some(key)) = (&item.table, item.key) else { return Ok(()) };
        if item.nullable {
            let what = text(locking.strength);
            let message = format!("{what} cannot be applied to the nullable side of an outer join");
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message));
        }
        if let Some(read) = item.read {
            self.uses[read].lock = true;
        }
        if !done.insert(key) {
            // The strongest clause counts, and the least patient one.
            if let Some(before) = locked.iter_mut().find(|before| before.key == key) {
                before.strength = before.strength.max(locking.strength);
                before.wait = impatient(before.wait, locking.wait);
            }
            return Ok(());
        }
        locked.push(LockTable { table: table.clone(), key, strength: locking.strength, wait: locking.wait });
        Ok(())
    }
}

fn impatient(a: ast::LockWait, b: ast::LockWait) -> ast::LockWait {
    use ast::LockWait::*;
    match (a, b) {
        (NoWait, _) | (_, NoWait) => NoWait,
        (SkipLocked, _) | (_, SkipLocked) => SkipLocked,
        _ => Block,
    }
}
