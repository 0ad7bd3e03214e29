//! Decisions about what others change: of two flags one stays up, a seat is taken only if it is free.
//!
//! The seat is a span without rows, so what protects it is what was *not* read.

use atoll_txn::lock::Strength;
use atoll_txn::request::{Row, Span, WaitPolicy};
use atoll_txn::{Error, Isolation};
use bytes::Bytes;

use super::{Client, Txn, Work, all_of};
use crate::check::skew::History;

const PAIRS: u64 = 4;
const SEATS: u64 = 3;

#[derive(Default)]
pub struct State {
    pub history: History,
}

/// The two flags of a pair lie far apart.
fn flags(pair: u64) -> [Bytes; 2] {
    [format!("f/2{pair}/{pair:06}").into(), format!("f/c{pair}/{pair:06}").into()]
}

fn seat(seat: u64) -> Span {
    all_of(&format!("t/{:02x}", seat * 80))
}

/// A flag is down while it has a row.
fn is_up(value: Option<&Bytes>) -> bool {
    value.is_none()
}

pub async fn step(client: &mut Client) -> Result<(), Error> {
    match client.rng.below(10) {
        0..5 => lower(client).await,
        5 => look(client).await,
        _ => sit(client).await,
    }
}

async fn lower(client: &mut Client) -> Result<(), Error> {
    let pair = client.rng.below(PAIRS);
    let flags = flags(pair);
    let locks = client.rng.chance(0.2);
    let isolation = if locks { Isolation::ReadCommitted } else { Isolation::Serializable };
    let mut txn = client.begin(isolation);
    let values = if locks {
        // In one order, whoever comes.
        let rows = txn.lock(&flags, Strength::Update, WaitPolicy::Wait).await?;
        [rows[0].value.clone(), rows[1].value.clone()]
    } else {
        read(&mut txn, &flags).await?
    };
    let up = (is_up(values[0].as_ref()), is_up(values[1].as_ref()));
    if !locks {
        client.shared.skew.lock().history.saw_flags(pair, up, &client.who());
    }
    client.dawdle().await;
    match up {
        (true, true) => {
            let which = client.rng.below(2) as usize;
            txn.put(flags[which].clone(), client.id.to_string())?;
        }
        (false, _) => txn.delete(flags[0].clone())?,
        (_, false) => txn.delete(flags[1].clone())?,
    }
    client.commit(Work::Skew, txn).await;
    Ok(())
}

async fn read(txn: &mut Txn, flags: &[Bytes; 2]) -> Result<[Option<Bytes>; 2], Error> {
    Ok([txn.get(&flags[0]).await?, txn.get(&flags[1]).await?])
}

async fn look(client: &mut Client) -> Result<(), Error> {
    let isolation = client.any_isolation();
    let mut txn = client.begin(isolation);
    let rows = txn.scan_all(&all_of("f")).await?;
    txn.commit().await?;
    see_flags(&mut client.shared.skew.lock(), &rows, &client.who());
    Ok(())
}

async fn sit(client: &mut Client) -> Result<(), Error> {
    let number = client.rng.below(SEATS);
    let span = seat(number);
    let mut txn = client.begin(Isolation::Serializable);
    let owners = txn.scan_all(&span).await?;
    client.shared.skew.lock().history.saw_seat(number, owners.len(), &client.who());
    client.dawdle().await;
    if owners.is_empty() {
        let own = [&span.start[..], format!("{:06}", client.id).as_bytes()].concat();
        txn.put(own, client.id.to_string())?;
    }
    for owner in owners {
        txn.delete(owner.key)?;
    }
    client.commit(Work::Skew, txn).await;
    Ok(())
}

fn see_flags(state: &mut State, rows: &[Row], who: &str) {
    for pair in 0..PAIRS {
        let [one, two] = flags(pair).map(|flag| !rows.iter().any(|row| row.key == flag));
        state.history.saw_flags(pair, (one, two), who);
    }
}

pub fn ended(state: &mut State, rows: &[Row], seats: &[Row]) {
    see_flags(state, rows, "the last look");
    for number in 0..SEATS {
        let owners = seats.iter().filter(|row| seat(number).contains(&row.key)).count();
        state.history.saw_seat(number, owners, "the last look");
    }
}
