//! The log as a whole: on simulated disks that lose and damage things, and on a real one.

mod crash;
mod damage;
mod disk;
mod real;

use std::collections::BTreeMap;

use atoll_env::rng::Rng;
use bytes::Bytes;

use super::{GroupLog, Options, Wal, queue::Op};
use crate::GroupId;

/// Small segments, so that every test sees many.
fn options() -> Options {
    Options { segment_bytes: 2048, cache_bytes: 1500, ..Options::default() }
}

fn payload(rng: &mut Rng, bytes: u64) -> Bytes {
    let mut payload = vec![0; bytes as usize];
    rng.fill(&mut payload);
    payload.into()
}

/// All of one group that a log must keep, kept in the plainest way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct GroupModel {
    vote: Option<Bytes>,
    purged: Option<(u64, Bytes)>,
    entries: BTreeMap<u64, Bytes>,
}

type Model = BTreeMap<GroupId, GroupModel>;

impl GroupModel {
    /// None if the next append may start anywhere.
    fn next(&self) -> Option<u64> {
        let last = self.entries.last_key_value().map(|(index, _)| *index);
        last.or(self.purged.as_ref().map(|(index, _)| *index)).map(|last| last + 1)
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Append(entries) => self.entries.extend(entries.iter().cloned()),
            Op::Vote(vote) => self.vote = Some(vote.clone()),
            Op::TruncateAfter(None) => self.entries.clear(),
            Op::TruncateAfter(Some(last)) => drop(self.entries.split_off(&(last + 1))),
            Op::Purge { upto, marker } => {
                if self.purged.as_ref().is_none_or(|(index, _)| index < upto) {
                    self.purged = Some((*upto, marker.clone()));
                    self.entries = self.entries.split_off(&(upto + 1));
                }
            }
            Op::Remove => *self = GroupModel::default(),
        }
    }

    /// A random change that fits.
    fn random_op(&self, rng: &mut Rng) -> Op {
        let first = self.entries.first_key_value().map(|(index, _)| *index);
        let next = self.next();
        match rng.below(20) {
            0..12 => {
                let start = next.unwrap_or_else(|| rng.range(0..4));
                let count = rng.range(1..4);
                let bytes = if rng.chance(0.03) { 5000 } else { rng.below(200) };
                Op::Append((start..start + count).map(|index| (index, payload(rng, bytes))).collect())
            }
            12..14 => Op::Vote(payload(rng, 12)),
            14 => Op::TruncateAfter(None),
            15 => Op::TruncateAfter(Some(rng.below(next.unwrap_or(0) + 2))),
            16..19 => {
                let from = first.unwrap_or_else(|| next.unwrap_or(0));
                Op::Purge { upto: rng.range(from..next.unwrap_or(0).max(from) + 3), marker: payload(rng, 9) }
            }
            _ => Op::Remove,
        }
    }
}

/// What the log says of a group.
async fn snapshot(log: &GroupLog) -> GroupModel {
    let bounds = log.bounds();
    let entries: BTreeMap<u64, Bytes> = log.read(0..u64::MAX, usize::MAX).await.unwrap().into_iter().collect();
    assert_eq!(bounds.last, entries.last_key_value().map(|(index, _)| *index));
    GroupModel { vote: log.vote(), purged: bounds.purged.map(|purged| (purged.index, purged.marker)), entries }
}

async fn snapshot_all(wal: &Wal) -> Model {
    let mut model = Model::new();
    for id in wal.groups() {
        model.insert(id, snapshot(&wal.group(id)).await);
    }
    model
}

/// Appends and waits.
async fn append(log: &GroupLog, entries: Vec<(u64, Bytes)>) -> crate::Result<()> {
    let (send, receive) = tokio::sync::oneshot::channel();
    log.append(entries, move |result| send.send(result).unwrap())?;
    receive.await.unwrap()
}
