//! Every client has rows of its own and knows exactly what is there: puts, deletes, gets, scans from both ends in pages,
//! savepoints, all compared with a model, inside transactions over their own writes.
//!
//! After a commit of unknown outcome the client takes a new prefix: the outcome may come true late.

use std::collections::BTreeMap;

use atoll_txn::Error;
use atoll_txn::request::{Row, Span};
use atoll_txn::transaction::Savepoint;
use bytes::Bytes;

use super::{Client, Txn, Work};
use crate::check::Fate;
use crate::check::model::{Expected, History, Rows};

const KEYS: u64 = 48;

#[derive(Default)]
pub struct State {
    pub history: History,
    owned: BTreeMap<u64, Owned>,
}

#[derive(Default)]
struct Owned {
    generation: u64,
    rows: Rows,
    /// What a commit that was sent, and not answered yet, makes of them.
    sent: Option<Rows>,
}

fn prefix(client: u64, generation: u64) -> Bytes {
    let spread = (client * 37 + generation * 11) % 256;
    format!("s/{spread:02x}/{client:04}/{generation:04}/").into()
}

fn under(prefix: &[u8]) -> Span {
    let mut end = prefix.to_vec();
    *end.last_mut().expect("it ends with a slash") += 1;
    Span::new(prefix.to_vec(), end)
}

impl State {
    /// The client's rows, and those that it has to leave because of a commit that was not answered.
    fn rows(&mut self, client: u64) -> (Bytes, Rows, Option<Expected>) {
        let owned = self.owned.entry(client).or_default();
        let left = owned.sent.take().map(|sent| {
            let rows = std::mem::take(&mut owned.rows);
            let left = Expected { prefix: prefix(client, owned.generation), rows, or: Some(sent) };
            owned.generation += 1;
            left
        });
        let found = (prefix(client, owned.generation), owned.rows.clone(), left);
        self.history.settled.extend(found.2.clone());
        found
    }
}

pub async fn step(client: &mut Client) -> Result<(), Error> {
    let shared = client.shared.clone();
    let (prefix, rows, left) = shared.rows.lock().rows(client.id);
    if let Some(left) = left {
        let mut txn = client.begin(atoll_txn::Isolation::Serializable);
        let seen = pairs(txn.scan_all(&under(&left.prefix)).await?);
        shared.rows.lock().history.ended(&left, &seen);
    }
    let isolation = client.any_isolation();
    let mut model = Model { prefix, rows, savepoints: Vec::new() };
    let mut txn = client.begin(isolation);
    for _ in 0..1 + client.rng.below(8) {
        txn.begin_statement();
        model.access(client, &mut txn).await?;
        client.dawdle().await;
    }
    if client.rng.chance(0.1) {
        txn.rollback().await;
        return Ok(());
    }
    let sent = |sent: Option<Rows>| shared.rows.lock().owned.entry(client.id).or_default().sent = sent;
    sent(Some(model.rows.clone()));
    match client.commit(Work::Rows, txn).await {
        Fate::Unknown => {}
        Fate::Failed => sent(None),
        Fate::Committed => {
            sent(None);
            shared.rows.lock().owned.entry(client.id).or_default().rows = model.rows;
        }
    }
    Ok(())
}

/// The rows as the transaction must see them.
struct Model {
    prefix: Bytes,
    rows: Rows,
    savepoints: Vec<(Savepoint, Rows)>,
}

impl Model {
    fn key(&self, number: u64) -> Bytes {
        [&self.prefix[..], format!("{number:03}").as_bytes()].concat().into()
    }

    async fn access(&mut self, client: &mut Client, txn: &mut Txn) -> Result<(), Error> {
        let key = self.key(client.rng.below(KEYS));
        match client.rng.below(20) {
            0..7 => {
                let bytes = if client.rng.chance(0.2) { client.rng.below(3000) } else { client.rng.below(200) };
                let mut value = format!("{} ", client.shared.tick()).into_bytes();
                value.resize(value.len() + bytes as usize, b'.');
                txn.put(key.clone(), value.clone())?;
                self.rows.insert(key, value.into());
            }
            7..10 => {
                txn.delete(key.clone())?;
                self.rows.remove(&key);
            }
            10..12 => {
                let seen = txn.get(&key).await?;
                let pair =
                    |value: Option<Bytes>| value.map(|value| (key.clone(), value)).into_iter().collect::<Vec<_>>();
                let expected = pair(self.rows.get(&key).cloned());
                compare(client, txn, "a get", &pair(seen), &expected);
            }
            12..16 => self.scan(client, txn).await?,
            16 | 17 => self.savepoints.push((txn.savepoint(), self.rows.clone())),
            18 => {
                if !self.savepoints.is_empty() {
                    let at = client.rng.below(self.savepoints.len() as u64) as usize;
                    self.savepoints.truncate(at + 1);
                    let (savepoint, rows) = &self.savepoints[at];
                    txn.rollback_to(*savepoint).await?;
                    self.rows = rows.clone();
                }
            }
            _ => {
                if let Some((savepoint, _)) = self.savepoints.pop() {
                    txn.release(savepoint);
                }
            }
        }
        Ok(())
    }

    /// A part or all, from either end, in one piece or in pages.
    async fn scan(&mut self, client: &mut Client, txn: &mut Txn) -> Result<(), Error> {
        let mut span = under(&self.prefix);
        if client.rng.chance(0.5) {
            let (one, two) = (client.rng.below(KEYS), client.rng.below(KEYS));
            span = Span::new(self.key(one.min(two)), self.key(one.max(two)));
        }
        let reverse = client.rng.chance(0.5);
        let rows_max = if client.rng.chance(0.5) { 1 + client.rng.below(6) } else { 0 };
        let mut expected: Vec<_> =
            self.rows.range::<[u8], _>(span.bounds()).map(|(k, v)| (k.clone(), v.clone())).collect();
        if reverse {
            expected.reverse();
        }
        let mut rest = span.clone();
        let mut seen = Vec::new();
        while !rest.is_empty() {
            let page = txn.scan(&rest, reverse, rows_max).await?;
            seen.extend(pairs(page.rows));
            match page.resume {
                Some(resume) if reverse => rest.end = resume,
                Some(resume) => rest.start = resume,
                None => break,
            }
        }
        let what = format!("a scan of {span:?} (reverse: {reverse}, pages of {rows_max})");
        compare(client, txn, &what, &seen, &expected);
        Ok(())
    }
}

fn compare(client: &Client, txn: &Txn, what: &str, seen: &[(Bytes, Bytes)], expected: &[(Bytes, Bytes)]) {
    if seen != expected {
        let what = format!("{}, {:?} as of {}: {what}", client.who(), txn.isolation(), txn.read_ts());
        client.shared.rows.lock().history.compare(&what, seen, expected);
    }
}

fn pairs(rows: Vec<Row>) -> Vec<(Bytes, Bytes)> {
    rows.into_iter().map(|row| (row.key, row.value)).collect()
}

pub fn ended(state: &mut State, rows: &[Row]) {
    let clients: Vec<u64> = state.owned.keys().copied().collect();
    for client in clients {
        let (prefix, rows, left) = state.rows(client);
        if left.is_none() {
            state.history.settled.push(Expected { prefix, rows, or: None });
        }
    }
    let settled = std::mem::take(&mut state.history.settled);
    for expected in &settled {
        let span = under(&expected.prefix);
        let seen: Vec<_> =
            rows.iter().filter(|row| span.contains(&row.key)).map(|row| (row.key.clone(), row.value.clone())).collect();
        state.history.ended(expected, &seen);
    }
}
