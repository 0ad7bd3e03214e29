//! The range directory: for every range a record in the system's own keys that says where it is.
//!
//! A record lies under the end of its range, so that the first one after a key is of the range that holds it, if it
//! is up to date. Leaseholders write the records of their ranges some time after something has changed: a record that is
//! behind leads to a replica that knows better, or to nothing, and then the search begins anew.
//!
//! INVARIANT: the directory is a hint. What is right is what the range itself says: bounds, generation, lease.

use atoll_env::{BoxFuture, NodeId};
use atoll_txn::request::{Located, Span};
use atoll_txn::{Error, Isolation, Result, Transaction};
use bytes::Bytes;
use prost::Message;

use crate::router::Router;

const RECORDS: &[u8] = b"\x00range/";
const BOUNDED: u8 = 1;
/// Of the range that ends with the key space.
const UNBOUNDED: u8 = 2;

fn record(end: &[u8]) -> Bytes {
    let mut key = Vec::with_capacity(RECORDS.len() + 1 + end.len());
    key.extend_from_slice(RECORDS);
    key.push(if end.is_empty() { UNBOUNDED } else { BOUNDED });
    key.extend_from_slice(end);
    key.into()
}

fn after(key: &[u8]) -> Bytes {
    let mut start = record(b"\x00").to_vec();
    start.pop();
    start.extend_from_slice(key);
    start.push(0);
    start.into()
}

fn records_end() -> Bytes {
    let mut end = record(b"").to_vec();
    end.push(0);
    end.into()
}

/// Where a user's key is, as the directory says. [`Error::Unreachable`]: nothing of use.
///
/// Boxed, because the search for a range needs a range itself.
pub(crate) fn find<'a>(router: &'a Router, key: &[u8]) -> BoxFuture<'a, Result<Located>> {
    // The first range that ends after the key.
    let span = Span::new(after(key), records_end());
    Box::pin(async move {
        let mut txn = Transaction::begin(router.clone(), Isolation::ReadCommitted);
        let page = txn.scan(&span, false, 1).await?;
        let row = page.rows.first().ok_or(Error::Unreachable { range: 0 })?;
        Located::decode(row.value.clone())
            .map_err(|_| Error::Stopped { why: "the range directory is damaged".to_owned() })
    })
}

/// How many ranges have a replica on a node. None: there are keys of which the directory does not know where they are.
pub(crate) async fn ranges_on(router: &Router, node: NodeId) -> Result<Option<u64>> {
    let mut txn = Transaction::begin(router.clone(), Isolation::Serializable);
    let (mut known_to, mut found) = (Bytes::new(), 0);
    for row in txn.scan_all(&Span::new(RECORDS, records_end())).await? {
        let Ok(located) = Located::decode(row.value) else { return Ok(None) };
        let span = located.range.span;
        if span.start != known_to {
            return Ok(None);
        }
        found += u64::from(located.replicas.contains(&node.0));
        if span.end.is_empty() {
            return Ok(Some(found));
        }
        known_to = span.end;
    }
    Ok(None)
}

/// Writes the record of a range, and drops those of ranges that it has taken the place of. `false`: somebody has written
/// something newer.
pub(crate) fn publish(router: &Router, located: Located) -> BoxFuture<'_, Result<bool>> {
    Box::pin(async move {
        let span = &located.range.span;
        let mut txn = Transaction::begin(router.clone(), Isolation::Serializable);
        let own = record(&span.end);
        // Of all ranges that end within this one.
        let mut end = own.to_vec();
        end.push(0);
        let rows = txn.scan_all(&Span::new(after(&span.start), end)).await?;
        for row in rows {
            let before = Located::decode(row.value).ok();
            let newer = |before: &Located| match before.range.id == located.range.id {
                true => (before.range.generation, before.lease) > (located.range.generation, located.lease),
                false => before.range.generation > located.range.generation,
            };
            if before.as_ref().is_some_and(newer) {
                return Ok(false);
            }
            if row.key == own && before.as_ref() == Some(&located) {
                return Ok(true);
            }
            if row.key != own {
                txn.delete(row.key)?;
            }
        }
        txn.put(own, located.encode_to_vec())?;
        txn.commit().await?;
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_lie_by_the_ends_of_their_ranges() {
        let ends: [&[u8]; 5] = [b"\x01", b"a", b"a\x00", b"b", b""];
        for pair in ends.windows(2) {
            assert!(record(pair[0]) < record(pair[1]), "{pair:?}");
        }
        assert!(after(b"a") > record(b"a") && after(b"a") <= record(b"a\x00"), "an end is no longer of the range");
        assert!(record(b"") < records_end() && after(b"zz") < record(b""));
    }
}
