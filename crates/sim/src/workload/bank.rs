//! Transfers between accounts, and looks at all of them. An account with nothing in it has no row.

use atoll_txn::lock::Strength;
use atoll_txn::request::{Row, WaitPolicy};
use atoll_txn::{Error, Isolation, Sender, Timestamp, Transaction};
use bytes::Bytes;

use super::{Client, Txn, Work, all_of, decode, encode, scattered};
use crate::check::bank::{History, Look};

const EACH: u64 = 100;

#[derive(Default)]
pub struct State {
    pub history: History,
    /// From here on all accounts were there.
    since: Timestamp,
}

/// Opens the accounts.
pub async fn begin(client: &mut Client) -> Result<(), Error> {
    let mut txn = client.begin(Isolation::Serializable);
    for account in 0..client.accounts {
        txn.put(scattered("b", account), encode(EACH))?;
    }
    let since = txn.commit().await?;
    let mut state = client.shared.bank.lock();
    state.history.total = client.accounts * EACH;
    state.since = since;
    Ok(())
}

pub async fn step(client: &mut Client) -> Result<(), Error> {
    if client.rng.chance(0.25) { look(client).await } else { transfer(client).await }
}

/// Few accounts take part in most transfers.
fn account(client: &mut Client) -> u64 {
    let among = if client.rng.chance(0.5) { client.accounts / 6 } else { client.accounts };
    client.rng.below(among.max(2))
}

async fn transfer(client: &mut Client) -> Result<(), Error> {
    let from = account(client);
    let to = loop {
        let to = account(client);
        if to != from {
            break to;
        }
    };
    let (from, to) = (scattered("b", from), scattered("b", to));
    let isolation = client.any_isolation();
    let mut txn = client.begin(isolation);
    let (had, has) = if isolation == Isolation::ReadCommitted || client.rng.chance(0.2) {
        let rows = txn.lock(&[from.clone(), to.clone()], Strength::Update, WaitPolicy::Wait).await?;
        (decode(rows[0].value.as_ref()), decode(rows[1].value.as_ref()))
    } else {
        (decode(txn.get(&from).await?.as_ref()), decode(txn.get(&to).await?.as_ref()))
    };
    client.dawdle().await;
    let amount = if client.rng.chance(0.2) { had } else { client.rng.below(had / 2 + 1) };
    if amount == 0 {
        txn.rollback().await;
        return Ok(());
    }
    set(&mut txn, from, had - amount)?;
    set(&mut txn, to, has + amount)?;
    client.commit(Work::Bank, txn).await;
    Ok(())
}

fn set(txn: &mut Txn, account: Bytes, balance: u64) -> Result<(), Error> {
    if balance == 0 { txn.delete(account) } else { txn.put(account, encode(balance)) }
}

async fn look(client: &mut Client) -> Result<(), Error> {
    let isolation = client.any_isolation();
    let since = client.shared.bank.lock().since;
    let (mut txn, how) = if client.rng.chance(0.2) {
        let now = client.gateway.now();
        let wall = now.wall.saturating_sub(client.rng.below(3_000_000_000));
        let at = Timestamp { wall, logical: 0 }.max(since);
        (Transaction::at(client.gateway.clone(), at), format!("at {at}"))
    } else {
        (client.begin(isolation), format!("{isolation:?}"))
    };
    let rows = match client.rng.below(3) {
        0 => pages(client, &mut txn).await?,
        _ => txn.scan_all(&all_of("b")).await?,
    };
    let look = Look { sum: sum(&rows), who: format!("{} {how} as of {}", client.who(), txn.read_ts()) };
    client.shared.bank.lock().history.saw(look);
    txn.commit().await?;
    Ok(())
}

/// All accounts in several pages, from either end. One statement.
async fn pages(client: &mut Client, txn: &mut Txn) -> Result<Vec<Row>, Error> {
    let reverse = client.rng.chance(0.5);
    let mut rest = all_of("b");
    let mut rows = Vec::new();
    loop {
        let page = txn.scan(&rest, reverse, 1 + client.rng.below(5)).await?;
        rows.extend(page.rows);
        match page.resume {
            Some(resume) if reverse => rest.end = resume,
            Some(resume) => rest.start = resume,
            None => return Ok(rows),
        }
        client.dawdle().await;
    }
}

fn sum(rows: &[Row]) -> u64 {
    rows.iter().map(|row| decode(Some(&row.value))).sum()
}

pub fn ended(state: &mut State, rows: &[Row]) {
    state.history.saw(Look { sum: sum(rows), who: "the last look".to_owned() });
}
