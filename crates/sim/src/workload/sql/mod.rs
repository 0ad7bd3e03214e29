//! Sessions of SQL on the node: transfers that also write an entry, looks at all accounts, [`lists`], and definitions
//! that change while all that goes on.
//!
//! What must hold:
//! - every look sees the same sum ([`check::bank`]), by whichever index;
//! - the rows found by an index are those found without it;
//! - transactions over lists could have run one after the other ([`check::cycles`]);
//! - an entry whose commit was acknowledged is there in the end, one whose commit failed is not;
//! - who locks a table has it alone until its commit, on whichever nodes others are;
//! - a table that was made is there for everybody;
//! - a client is told nothing but what a client may be told.

mod lists;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use atoll_datum::{Datum, Error, Oid, sqlstate};
use atoll_sql::session::client::Mark;
use atoll_sql::session::variables::Severity;
use atoll_sql::session::{self, Column, Connect, Encoding, Format, Node, Scratch, Session};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;

use super::Work;
use crate::check::bank::{History, Look};
use crate::check::{self, Fate, REPORTED_MAX};

const EACH: u64 = 100;
const OWNERS: u64 = 5;

#[derive(Default)]
pub struct State {
    bank: History,
    lists: super::lists::State,
    /// By client and number: what came of the transfer, and its amount.
    entries: BTreeMap<(u64, u64), (Fate, u64)>,
    /// Of the entries that were there in the end.
    last: Option<Vec<(u64, u64, u64)>>,
    turns: Turns,
    /// Tables that are certainly there, and nobody is about to drop.
    made: Vec<u64>,
    made_last: u64,
    problems: Vec<String>,
}

/// Additions of one to a number under a lock on its table.
#[derive(Default)]
struct Turns {
    committed: u64,
    unknown: u64,
    /// The number in the end.
    last: Option<u64>,
}

pub fn check(state: &State) -> Vec<String> {
    let mut found = check::bank::check(&state.bank);
    let Turns { committed, unknown, last } = state.turns;
    if let Some(last) = last.filter(|last| !(committed..=committed + unknown).contains(last)) {
        found.push(format!("sql: {committed} turns were taken, and perhaps {unknown} more; {last} were counted"));
    }
    found.extend(state.problems.iter().take(REPORTED_MAX).cloned());
    found.extend(super::lists::check(&state.lists).into_iter().map(|what| format!("sql: {what}")));
    let Some(last) = &state.last else { return found };
    let there: BTreeMap<(u64, u64), u64> =
        last.iter().map(|(client, number, amount)| ((*client, *number), *amount)).collect();
    let mut wrong = Vec::new();
    for (key, (fate, amount)) in &state.entries {
        match (fate, there.get(key)) {
            (Fate::Committed, None) => wrong.push(format!("sql: entry {key:?} was acknowledged and is lost")),
            (Fate::Failed, Some(_)) => wrong.push(format!("sql: entry {key:?} is there, and its commit had failed")),
            (_, Some(seen)) if seen != amount => {
                wrong.push(format!("sql: entry {key:?} is of {seen} instead of {amount}"));
            }
            _ => {}
        }
    }
    if there.len() != last.len() {
        wrong.push("sql: an entry is there twice".to_owned());
    }
    wrong.extend(
        there.keys().filter(|key| !state.entries.contains_key(key)).map(|key| format!("sql: who made {key:?}?")),
    );
    found.extend(wrong.into_iter().take(REPORTED_MAX));
    found
}

type Row = Vec<Option<String>>;

/// What a session answers.
#[derive(Default)]
struct Answer {
    rows: Vec<Row>,
}

impl session::Client for Answer {
    fn describe(&mut self, _: &[Column], _: &[Format]) {}

    fn describe_nothing(&mut self) {}

    fn describe_parameters(&mut self, _: &[Oid]) {}

    fn row(&mut self, encoding: &Encoding, row: &[Datum]) {
        let mut bytes = BytesMut::new();
        encoding.encode(row, &mut Scratch::default(), &mut bytes);
        let (mut rest, mut fields) = (&bytes[..], Row::new());
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(i32::from_be_bytes(*length)).ok();
            let (field, after) = after.split_at(length.unwrap_or(0));
            fields.push(length.map(|_| String::from_utf8_lossy(field).into_owned()));
            rest = after;
        }
        self.rows.push(fields);
    }

    fn complete(&mut self, _: &str) {}

    fn retract_complete(&mut self) {}

    fn complete_empty(&mut self) {}

    fn suspend(&mut self) {}

    fn parse_complete(&mut self) {}

    fn bind_complete(&mut self) {}

    fn close_complete(&mut self) {}

    fn notice(&mut self, _: Severity, _: &Error) {}

    fn parameter(&mut self, _: &str, _: &str) {}

    fn relieve(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn flush(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn mark(&self) -> Mark {
        Mark(self.rows.len() as u64)
    }

    fn take_back(&mut self, mark: Mark) -> bool {
        self.rows.truncate(mark.0 as usize);
        true
    }

    fn copy_in(&mut self, _: Format, _: usize) {}

    fn copy_data(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, Error>> {
        Box::pin(async { Ok(None) })
    }

    fn copy_out(&mut self, _: Format, _: usize) {}

    fn copy_row(&mut self, _: &[u8]) {}

    fn copy_done(&mut self) {}
}

pub struct Client {
    pub common: super::Client,
    node: Arc<Node>,
    session: Option<Session>,
}

impl Client {
    pub fn new(common: super::Client, node: Arc<Node>) -> Client {
        Client { common, node, session: None }
    }

    async fn run(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        let session = match &mut self.session {
            Some(session) => session,
            None => {
                let parameters = vec![("lock_timeout".to_owned(), "5s".to_owned())];
                let (user, database) = ("postgres".to_owned(), "postgres".to_owned());
                let connect = Connect {
                    user,
                    database,
                    parameters,
                    pid: self.common.id as i32 + 1,
                    address: None,
                    signal: Box::new(|_| {}),
                };
                self.session.insert(Session::open(self.node.clone(), connect)?)
            }
        };
        let mut answer = Answer::default();
        let result = session.simple(sql, &mut answer).await;
        let shown = result.as_ref().map_or_else(ToString::to_string, |_| format!("{} rows", answer.rows.len()));
        self.common.shared.world.trace("sql", format_args!("c{} {sql}: {shown}", self.common.id));
        result.map(|()| answer.rows)
    }

    pub async fn set_up(&mut self) -> Result<(), Error> {
        let accounts = self.common.accounts;
        self.common.shared.sql.lock().bank.total = accounts * EACH;
        self.run(&format!(
            "create table if not exists accounts (id int primary key, balance int not null check (balance >= 0),
                 owner text not null);
             create table if not exists turns (n int not null);
             insert into turns select 0 where not exists (select from turns);
             create table if not exists entries (client int, number int, amount int not null,
                 account int not null references accounts, primary key (client, number));
             insert into accounts select n, {EACH}, 'o' || n % {OWNERS} from generate_series(0, {accounts} - 1) n
                 where not exists (select from accounts)"
        ))
        .await?;
        self.make_lists().await
    }

    pub async fn step(&mut self) {
        let result = match self.common.rng.below(60) {
            0..26 => self.transfer().await,
            26..32 => self.look().await,
            32..37 => self.compare().await,
            37..54 => self.extend_lists().await,
            54 | 55 => self.take_turn().await,
            56 => self.make_or_use().await,
            _ => self.define().await,
        };
        if let Err(error) = result {
            self.judge(&error);
            // The session may be gone with what it ran in.
            if self.run("rollback").await.is_err() {
                self.session = None;
            }
        }
    }

    async fn begin(&mut self) -> Result<&'static str, Error> {
        let level = *self.common.rng.pick(&["serializable", "repeatable read", "read committed"]);
        self.run(&format!("begin isolation level {level}")).await?;
        Ok(level)
    }

    async fn transfer(&mut self) -> Result<(), Error> {
        let accounts = self.common.accounts;
        let from = self.common.rng.below(accounts);
        let to = (from + 1 + self.common.rng.below(accounts - 1)) % accounts;
        let level = self.begin().await?;
        let locked = level == "read committed" || self.common.rng.chance(0.2);
        let how = if locked { " order by id for update" } else { "" };
        let rows = self.run(&format!("select id, balance from accounts where id in ({from}, {to}){how}")).await?;
        let had = rows.iter().find(|row| number(row, 0) == from).map_or(0, |row| number(row, 1));
        self.common.dawdle().await;
        let amount = if self.common.rng.chance(0.2) { had } else { self.common.rng.below(had / 2 + 1) };
        if amount == 0 {
            self.run("rollback").await?;
            return Ok(());
        }
        if self.common.rng.chance(0.2) {
            // What a savepoint takes back never was.
            self.run(&format!("savepoint s; update accounts set balance = balance + 1000 where id = {to}")).await?;
            self.run("rollback to s").await?;
        }
        self.run(&format!("update accounts set balance = balance - {amount} where id = {from}")).await?;
        self.run(&format!("update accounts set balance = balance + {amount} where id = {to}")).await?;
        let key = {
            let mut state = self.common.shared.sql.lock();
            let client = self.common.id;
            let next =
                state.entries.range((client, 0)..=(client, u64::MAX)).next_back().map_or(0, |(key, _)| key.1 + 1);
            state.entries.insert((client, next), (Fate::Failed, amount));
            (client, next)
        };
        let (client, next) = key;
        let insert = "insert into entries (client, number, amount, account) values";
        self.run(&format!("{insert} ({client}, {next}, {amount}, {to})")).await?;
        self.common.dawdle().await;
        self.note(key, Fate::Unknown);
        match self.run("commit").await {
            Ok(_) => {
                self.note(key, Fate::Committed);
                self.common.shared.count_commit(Work::Sql);
                Ok(())
            }
            Err(error) => {
                if error.state() != sqlstate::STATEMENT_COMPLETION_UNKNOWN {
                    self.note(key, Fate::Failed);
                }
                Err(error)
            }
        }
    }

    fn note(&self, key: (u64, u64), fate: Fate) {
        if let Some((known, _)) = self.common.shared.sql.lock().entries.get_mut(&key) {
            *known = fate;
        }
    }

    async fn look(&mut self) -> Result<(), Error> {
        if self.common.rng.chance(0.2) {
            return self.look_back().await;
        }
        let level = self.begin().await?;
        for how in ["", " where owner >= 'o'", " where balance >= 0"] {
            let rows = self.run(&format!("select coalesce(sum(balance), 0) from accounts{how}")).await?;
            let sum = rows.first().map_or(0, |row| number(row, 0));
            let look = Look { sum, who: format!("{} {level}{how}", self.common.who()) };
            self.common.shared.sql.lock().bank.saw(look);
            self.common.dawdle().await;
        }
        self.run("commit").await?;
        Ok(())
    }

    async fn look_back(&mut self) -> Result<(), Error> {
        let ms = self.common.rng.below(1500);
        let asked = format!("as of system time '-{ms}ms'");
        match self.run(&format!("select sum(balance), count(*) from accounts {asked} where balance >= 0")).await {
            Ok(rows) => {
                // Before the accounts were made there was nothing.
                let (sum, count) = rows.first().map_or((0, 0), |row| (number(row, 0), number(row, 1)));
                if count > 0 {
                    let look = Look { sum, who: format!("{} {asked}", self.common.who()) };
                    self.common.shared.sql.lock().bank.saw(look);
                }
                Ok(())
            }
            // Before the last change of the definition.
            Err(error) if error.state() == sqlstate::FEATURE_NOT_SUPPORTED => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// By an index, if there is one, and without.
    async fn compare(&mut self) -> Result<(), Error> {
        let level = *self.common.rng.pick(&["serializable", "repeatable read"]);
        self.run(&format!("begin isolation level {level}")).await?;
        let owner = self.common.rng.below(OWNERS);
        let balance = self.common.rng.below(EACH * 2);
        let pairs = [
            (format!("owner = 'o{owner}'"), format!("owner || '' = 'o{owner}'")),
            (format!("balance = {balance}"), format!("balance + 0 = {balance}")),
            (format!("balance > {balance}"), format!("balance + 0 > {balance}")),
        ];
        for (by_index, without) in pairs {
            let select = "select id, balance, owner from accounts where";
            let a = self.run(&format!("{select} {by_index} order by id")).await?;
            let b = self.run(&format!("{select} {without} order by id")).await?;
            if a != b {
                let what = format!("sql: {} {level}: {by_index} gives {a:?} and {without} {b:?}", self.common.who());
                self.common.shared.sql.lock().problems.push(what);
            }
        }
        self.run("commit").await?;
        Ok(())
    }

    /// The lock alone keeps others out: the number is read at the weakest level.
    async fn take_turn(&mut self) -> Result<(), Error> {
        let mode = *self.common.rng.pick(&["share row exclusive", "exclusive", "access exclusive"]);
        self.run(&format!("begin isolation level read committed; lock table turns in {mode} mode")).await?;
        let rows = self.run("select n from turns").await?;
        let next = rows.first().map_or(0, |row| number(row, 0)) + 1;
        self.common.dawdle().await;
        if self.common.rng.chance(0.2) {
            // Long enough for others to give the node up meanwhile.
            self.common.clock.sleep(Duration::from_millis(self.common.rng.range(2000..9000))).await;
        }
        self.run(&format!("update turns set n = {next}")).await?;
        self.common.shared.sql.lock().turns.unknown += 1;
        let committed = self.run("commit").await;
        let mut state = self.common.shared.sql.lock();
        match &committed {
            Ok(_) => {
                state.turns.unknown -= 1;
                state.turns.committed += 1;
            }
            Err(error) if error.state() == sqlstate::STATEMENT_COMPLETION_UNKNOWN => {}
            Err(_) => state.turns.unknown -= 1,
        }
        drop(state);
        committed.map(drop)
    }

    /// What one node has told to be there is there on all.
    async fn make_or_use(&mut self) -> Result<(), Error> {
        let used = {
            let mut state = self.common.shared.sql.lock();
            let made = state.made.len() as u64;
            match self.common.rng.below(made + 2) {
                at if at < made => Some(state.made.remove(at as usize)),
                _ => None,
            }
        };
        if let Some(number) = used {
            self.run(&format!("insert into made_{number} values (1)")).await?;
            self.run(&format!("drop table made_{number}")).await?;
            return Ok(());
        }
        let number = {
            let mut state = self.common.shared.sql.lock();
            state.made_last += 1;
            state.made_last
        };
        self.run(&format!("create table made_{number} (a int)")).await?;
        self.common.shared.sql.lock().made.push(number);
        Ok(())
    }

    async fn define(&mut self) -> Result<(), Error> {
        let statement = *self.common.rng.pick(&[
            "create index if not exists by_owner on accounts (owner)",
            "create index if not exists by_balance on accounts (balance desc) include (owner)",
            "create index if not exists by_amount on entries (amount) where amount > 10",
            "drop index if exists by_owner",
            "drop index if exists by_balance",
            "drop index if exists by_amount",
            "alter table accounts add column if not exists more int default 7",
            "alter table accounts drop column if exists more",
            "analyze accounts",
            "begin; alter table accounts add column if not exists more text default 'x'; rollback",
        ]);
        self.run(statement).await?;
        self.common.shared.count_outcome(Work::Sql, "defined");
        Ok(())
    }

    pub async fn last_look(&mut self) -> Result<(), Error> {
        let rows = self.run("select client, number, amount from entries order by client, number").await?;
        let sums = self.run("select sum(balance), count(*) from accounts").await?;
        self.compare().await?;
        self.last_lists().await?;
        let turns = self.run("select n from turns").await?;
        let mut state = self.common.shared.sql.lock();
        state.turns.last = turns.first().map(|row| number(row, 0));
        state.last = Some(rows.iter().map(|row| (number(row, 0), number(row, 1), number(row, 2))).collect());
        let sum = sums.first().map_or(0, |row| number(row, 0));
        state.bank.saw(Look { sum, who: "the last look of sql".to_owned() });
        Ok(())
    }

    /// Which errors a client may be told while the world is disturbed.
    fn judge(&self, error: &Error) {
        let state = error.state();
        let is_expected = [
            sqlstate::SERIALIZATION_FAILURE,
            sqlstate::STATEMENT_COMPLETION_UNKNOWN,
            sqlstate::DEADLOCK_DETECTED,
            sqlstate::LOCK_NOT_AVAILABLE,
            sqlstate::DISK_FULL,
            sqlstate::SNAPSHOT_TOO_OLD,
            // The store has stopped, with or without reason: that is the driver's question.
            sqlstate::ADMIN_SHUTDOWN,
            // So is a quorum that is not there.
            sqlstate::CONNECTION_FAILURE,
        ]
        .contains(&state);
        if !is_expected {
            let what = format!("{} sql: a client was told: {state} {}", self.common.who(), error.message());
            self.common.shared.problem(what);
        }
        self.common.shared.count_outcome(Work::Sql, &state.to_string());
    }
}

fn number(row: &Row, at: usize) -> u64 {
    row.get(at).and_then(|value| value.as_ref()?.parse().ok()).unwrap_or_default()
}
