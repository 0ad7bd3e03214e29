//! The lists of [`crate::workload::lists`] as rows of two tables, one for each level: read and appended to in every way in
//! which SQL reads a row and changes it.

use atoll_datum::{Error, sqlstate};

use super::{Client, Row, number};
use crate::check::Fate;
use crate::check::cycles::{self, Access, Level};
use crate::workload::Work;

const LEVELS: [Level; 2] = [Level::Serializable, Level::Snapshot];

fn table(level: Level) -> &'static str {
    match level {
        Level::Serializable => "serializable_lists",
        Level::Snapshot => "snapshot_lists",
    }
}

/// `,1,2,3`
fn decode(row: Option<&Row>, at: usize) -> Vec<u64> {
    let text = row.and_then(|row| row.get(at)?.as_deref()).unwrap_or_default();
    text.split(',').skip(1).map(|element| element.parse().expect("an element is a number")).collect()
}

impl Client {
    pub(super) async fn make_lists(&mut self) -> Result<(), Error> {
        for level in LEVELS {
            let sql = format!("create table if not exists {} (id int primary key, items text not null)", table(level));
            self.run(&sql).await?;
        }
        Ok(())
    }

    pub(super) async fn extend_lists(&mut self) -> Result<(), Error> {
        let level = if self.common.rng.chance(0.7) { Level::Serializable } else { Level::Snapshot };
        let shared = self.common.shared.clone();
        let (started, who) = (shared.tick(), self.common.who());
        let mut record = cycles::Txn { started, ended: 0, fate: Fate::Failed, accesses: Vec::new(), who };
        let done = self.access_lists(level, &mut record.accesses).await;
        if done.is_err() {
            shared.sql.lock().lists.add(level, record);
            return done;
        }
        record.fate = Fate::Unknown;
        let at = shared.sql.lock().lists.add(level, record);
        let committed = self.run("commit").await;
        let fate = match &committed {
            Ok(_) => {
                shared.count_commit(Work::Sql);
                Fate::Committed
            }
            Err(error) if error.state() == sqlstate::STATEMENT_COMPLETION_UNKNOWN => Fate::Unknown,
            Err(_) => Fate::Failed,
        };
        let ended = shared.tick();
        shared.sql.lock().lists.end(level, at, fate, ended);
        committed.map(drop)
    }

    async fn access_lists(&mut self, level: Level, accesses: &mut Vec<Access>) -> Result<(), Error> {
        let active = self.common.shared.sql.lock().lists.active(level);
        let name = match level {
            Level::Serializable => "serializable",
            Level::Snapshot => "repeatable read",
        };
        self.run(&format!("begin isolation level {name}")).await?;
        for _ in 0..1 + self.common.rng.below(5) {
            self.common.dawdle().await;
            let list = *self.common.rng.pick(&active);
            match self.common.rng.below(12) {
                0 => self.read_all(level, &active, accesses).await?,
                1..6 => drop(self.read_one(level, list, accesses).await?),
                6 => self.append_for_nothing(level, list).await?,
                _ => self.append(level, list, accesses).await?,
            }
        }
        Ok(())
    }

    async fn read_all(&mut self, level: Level, active: &[u64], accesses: &mut Vec<Access>) -> Result<(), Error> {
        let some: Vec<String> = active.iter().map(u64::to_string).collect();
        let how = match self.common.rng.below(3) {
            0 => format!("where id in ({})", some.join(", ")),
            1 => "where items like ',%' order by id desc".to_owned(),
            _ => String::new(),
        };
        let rows = self.run(&format!("select id, items from {} {how}", table(level))).await?;
        for list in active {
            let row = rows.iter().find(|row| number(row, 0) == *list);
            accesses.push(Access::Read { key: *list, list: decode(row, 1) });
        }
        Ok(())
    }

    /// What was read stays read when its lock goes with the savepoint.
    async fn read_one(&mut self, level: Level, list: u64, accesses: &mut Vec<Access>) -> Result<Vec<u64>, Error> {
        let locks = ["", "", "", " for key share", " for share", " for no key update", " for update"];
        let how = *self.common.rng.pick(&locks);
        let after = self.common.rng.chance(0.4).then(|| *self.common.rng.pick(&["rollback to s", "release s"]));
        if after.is_some() {
            self.run("savepoint s").await?;
        }
        let rows = self.run(&format!("select items from {} where id = {list}{how}", table(level))).await?;
        let elements = decode(rows.first(), 0);
        accesses.push(Access::Read { key: list, list: elements.clone() });
        if let Some(after) = after {
            self.run(after).await?;
        }
        Ok(elements)
    }

    async fn append_for_nothing(&mut self, level: Level, list: u64) -> Result<(), Error> {
        let element = self.common.shared.sql.lock().lists.element(level, list);
        self.run("savepoint s").await?;
        let append = format!("update {} set items = items || ',{element}' where id = {list}", table(level));
        self.run(&append).await?;
        self.run("rollback to s").await?;
        Ok(())
    }

    async fn append(&mut self, level: Level, list: u64, accesses: &mut Vec<Access>) -> Result<(), Error> {
        let table = table(level);
        let element = self.common.shared.sql.lock().lists.element(level, list);
        let insert = format!(
            "insert into {table} as t values ({list}, ',{element}')
             on conflict (id) do update set items = t.items || excluded.items returning items"
        );
        let mut elements = match self.common.rng.below(3) {
            0 => decode(self.run(&insert).await?.first(), 0),
            kind => {
                let update = match kind {
                    1 => format!("update {table} set items = items || ',{element}' where id = {list} returning items"),
                    _ => {
                        let seen = self.read_one(level, list, accesses).await?;
                        let mut items: String = seen.iter().map(|element| format!(",{element}")).collect();
                        items.push_str(&format!(",{element}"));
                        format!("update {table} set items = '{items}' where id = {list} returning items")
                    }
                };
                match self.run(&update).await?.first() {
                    Some(row) => decode(Some(row), 0),
                    None => decode(self.run(&insert).await?.first(), 0),
                }
            }
        };
        if elements.pop() != Some(element) {
            let what = format!("{} sql: {element} was appended to list {list} and is not its last", self.common.who());
            self.common.shared.problem(what);
        }
        accesses.push(Access::Read { key: list, list: elements });
        accesses.push(Access::Append { key: list, element });
        Ok(())
    }

    pub(super) async fn last_lists(&mut self) -> Result<(), Error> {
        for level in LEVELS {
            let rows = self.run(&format!("select id, items from {}", table(level))).await?;
            let last = rows.iter().map(|row| (number(row, 0), decode(Some(row), 1))).collect();
            self.common.shared.sql.lock().lists.ended(level, last);
        }
        Ok(())
    }
}
