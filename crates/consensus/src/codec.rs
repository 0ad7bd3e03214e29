//! The bytes of what a group keeps: log entries, its vote, its purge mark and the record of what is applied.
//!
//! ```text
//! entry    version  kind  term  node  payload          kind 0 blank, 2 membership, 3 commands; index is the log's
//! vote     version  committed  term  node
//! log id   version  term  node  index                  the purge mark
//! applied  version  flags  log id?  installed?  membership
//! ```
//!
//! Numbers are LEB128 varints, the version and the kinds single bytes. Every record starts with a version; an unknown
//! one is refused, not guessed at.

use std::collections::BTreeSet;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use openraft::EntryPayload;
use prost::encoding::{decode_varint, encode_varint};

use crate::error::{Error, Result};
use crate::types::{Commands, Entry, LeaderId, LogId, Membership, StoredMembership, Vote};

const VERSION: u8 = 1;

const BLANK: u8 = 0;
const MEMBERSHIP: u8 = 2;
const COMMANDS: u8 = 3;

/// Room for version, kind, term and node of an entry.
const ENTRY_HEADER_MAX: usize = 2 + 2 * 10;
/// Room for the length before each command.
const LENGTH_MAX: usize = 5;

/// What the state machine's data in the engine corresponds to; written in one batch with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// The last entry that is part of the state.
    pub log_id: Option<LogId>,
    /// Where the last installed snapshot ended. Only there may the state be ahead of the log: the crash came after the
    /// snapshot was in place and before the log was moved up to it.
    pub installed: Option<LogId>,
    pub membership: StoredMembership,
}

pub(crate) fn encode_entry(entry: &Entry) -> Bytes {
    let payload_bytes = match &entry.payload {
        EntryPayload::Normal(Commands(all)) => all.iter().map(|command| LENGTH_MAX + command.len()).sum(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 64,
    };
    let mut out = BytesMut::with_capacity(ENTRY_HEADER_MAX + payload_bytes);
    out.put_u8(VERSION);
    out.put_u8(match &entry.payload {
        EntryPayload::Blank => BLANK,
        EntryPayload::Normal(_) => COMMANDS,
        EntryPayload::Membership(_) => MEMBERSHIP,
    });
    put_leader(&mut out, &entry.log_id.leader_id);
    match &entry.payload {
        EntryPayload::Blank => {}
        EntryPayload::Normal(Commands(all)) => {
            for command in all {
                encode_varint(command.len() as u64, &mut out);
                out.put_slice(command);
            }
        }
        EntryPayload::Membership(membership) => put_membership(&mut out, membership),
    }
    out.freeze()
}

/// The commands share `bytes`.
pub(crate) fn decode_entry(index: u64, bytes: &Bytes) -> Result<Entry> {
    let mut input = bytes.clone();
    check_version(&mut input, "log entry")?;
    let kind = take_u8(&mut input, "log entry")?;
    let log_id = LogId::new(take_leader(&mut input, "log entry")?, index);
    let payload = match kind {
        BLANK => EntryPayload::Blank,
        COMMANDS => EntryPayload::Normal(Commands(take_commands(index, input)?)),
        MEMBERSHIP => EntryPayload::Membership(take_membership(&mut input)?),
        other => return Err(Error::damage(format!("log entry {index} has unknown kind {other}"))),
    };
    Ok(Entry { log_id, payload })
}

fn take_commands(index: u64, mut input: Bytes) -> Result<Vec<Bytes>> {
    let mut commands = Vec::new();
    while !input.is_empty() {
        let bytes = take_varint(&mut input, "log entry")?;
        if bytes > input.len() as u64 {
            return Err(Error::damage(format!("log entry {index} is cut short")));
        }
        commands.push(input.split_to(bytes as usize));
    }
    Ok(commands)
}

pub(crate) fn encode_vote(vote: &Vote) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(VERSION);
    out.put_u8(vote.committed as u8);
    put_leader(&mut out, &vote.leader_id);
    out.freeze()
}

pub(crate) fn decode_vote(bytes: &Bytes) -> Result<Vote> {
    let mut input = bytes.clone();
    check_version(&mut input, "vote")?;
    let committed = take_u8(&mut input, "vote")? != 0;
    let leader_id = take_leader(&mut input, "vote")?;
    Ok(Vote { leader_id, committed })
}

pub(crate) fn encode_log_id(log_id: &LogId) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(VERSION);
    put_log_id(&mut out, log_id);
    out.freeze()
}

pub(crate) fn decode_log_id(bytes: &Bytes) -> Result<LogId> {
    let mut input = bytes.clone();
    check_version(&mut input, "log id")?;
    take_log_id(&mut input, "log id")
}

pub(crate) fn encode_applied(applied: &Applied) -> Bytes {
    let mut out = BytesMut::with_capacity(64);
    out.put_u8(VERSION);
    put_optional_log_id(&mut out, &applied.log_id);
    put_optional_log_id(&mut out, &applied.installed);
    put_stored_membership(&mut out, &applied.membership);
    out.freeze()
}

pub(crate) fn decode_applied(bytes: &Bytes) -> Result<Applied> {
    let mut input = bytes.clone();
    check_version(&mut input, "applied record")?;
    Ok(Applied {
        log_id: take_optional_log_id(&mut input, "applied record")?,
        installed: take_optional_log_id(&mut input, "applied record")?,
        membership: take_stored_membership(&mut input)?,
    })
}

fn check_version(input: &mut Bytes, what: &'static str) -> Result<()> {
    match take_u8(input, what)? {
        VERSION => Ok(()),
        found => Err(Error::Version { what, found, supported: VERSION }),
    }
}

fn put_leader(out: &mut BytesMut, leader: &LeaderId) {
    encode_varint(leader.term, out);
    encode_varint(leader.node_id, out);
}

fn take_leader(input: &mut Bytes, what: &'static str) -> Result<LeaderId> {
    Ok(LeaderId { term: take_varint(input, what)?, node_id: take_varint(input, what)? })
}

fn put_log_id(out: &mut BytesMut, log_id: &LogId) {
    put_leader(out, &log_id.leader_id);
    encode_varint(log_id.index, out);
}

fn take_log_id(input: &mut Bytes, what: &'static str) -> Result<LogId> {
    Ok(LogId::new(take_leader(input, what)?, take_varint(input, what)?))
}

fn put_optional_log_id(out: &mut BytesMut, log_id: &Option<LogId>) {
    out.put_u8(log_id.is_some() as u8);
    if let Some(log_id) = log_id {
        put_log_id(out, log_id);
    }
}

fn take_optional_log_id(input: &mut Bytes, what: &'static str) -> Result<Option<LogId>> {
    match take_u8(input, what)? {
        0 => Ok(None),
        _ => Ok(Some(take_log_id(input, what)?)),
    }
}

/// Voter sets (two while a change is under way), then every member; who is in no voter set is a learner.
fn put_membership(out: &mut BytesMut, membership: &Membership) {
    let voter_sets = membership.get_joint_config();
    encode_varint(voter_sets.len() as u64, out);
    for voters in voter_sets {
        put_ids(out, voters);
    }
    put_ids(out, &membership.nodes().map(|(id, _)| *id).collect());
}

fn take_membership(input: &mut Bytes) -> Result<Membership> {
    let sets = take_varint(input, "membership")?;
    let mut voter_sets = Vec::new();
    for _ in 0..sets {
        voter_sets.push(take_ids(input)?);
    }
    Ok(Membership::new_with_defaults(voter_sets, take_ids(input)?))
}

pub(crate) fn put_stored_membership(out: &mut BytesMut, stored: &StoredMembership) {
    put_optional_log_id(out, stored.log_id());
    put_membership(out, stored.membership());
}

pub(crate) fn take_stored_membership(input: &mut Bytes) -> Result<StoredMembership> {
    let log_id = take_optional_log_id(input, "membership")?;
    Ok(StoredMembership::new(log_id, take_membership(input)?))
}

fn put_ids(out: &mut BytesMut, ids: &BTreeSet<u64>) {
    encode_varint(ids.len() as u64, out);
    ids.iter().for_each(|id| encode_varint(*id, out));
}

fn take_ids(input: &mut Bytes) -> Result<BTreeSet<u64>> {
    let count = take_varint(input, "membership")?;
    (0..count).map(|_| take_varint(input, "membership")).collect()
}

fn take_u8(input: &mut Bytes, what: &'static str) -> Result<u8> {
    if input.is_empty() {
        return Err(Error::damage(format!("{what} is cut short")));
    }
    Ok(input.get_u8())
}

pub(crate) fn take_varint(input: &mut Bytes, what: &'static str) -> Result<u64> {
    decode_varint(input).map_err(|error| Error::damage(format!("{what}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_id(term: u64, node: u64, index: u64) -> LogId {
        LogId::new(LeaderId { term, node_id: node }, index)
    }

    fn membership() -> Membership {
        Membership::new_with_defaults(vec![BTreeSet::from([1, 2, 3]), BTreeSet::from([2, 3, 400])], [7, 1])
    }

    #[test]
    fn entries_survive_the_round_trip() {
        for payload in [
            EntryPayload::Blank,
            EntryPayload::Normal(Commands(vec![Bytes::from_static(b"")])),
            EntryPayload::Normal(Commands(vec![Bytes::from_static(b"payload"), Bytes::new(), vec![7; 200].into()])),
            EntryPayload::Membership(membership()),
        ] {
            let entry = Entry { log_id: log_id(3, u64::MAX, 1 << 40), payload };
            assert_eq!(decode_entry(1 << 40, &encode_entry(&entry)).unwrap(), entry);
        }
    }

    #[test]
    fn votes_and_applied_records_survive_the_round_trip() {
        for committed in [false, true] {
            let vote = Vote { leader_id: LeaderId { term: 300, node_id: 2 }, committed };
            assert_eq!(decode_vote(&encode_vote(&vote)).unwrap(), vote);
        }
        assert_eq!(decode_log_id(&encode_log_id(&log_id(1, 2, 3))).unwrap(), log_id(1, 2, 3));
        let full = Applied {
            log_id: Some(log_id(4, 1, 99)),
            installed: Some(log_id(3, 1, 50)),
            membership: StoredMembership::new(Some(log_id(2, 1, 7)), membership()),
        };
        assert_eq!(decode_applied(&encode_applied(&full)).unwrap(), full);
        assert_eq!(decode_applied(&encode_applied(&Applied::default())).unwrap(), Applied::default());
    }

    #[test]
    fn commands_that_are_cut_short_are_damage() {
        let payload = EntryPayload::Normal(Commands(vec![vec![1; 3].into(), vec![2; 300].into()]));
        let bytes = encode_entry(&Entry { log_id: log_id(1, 1, 1), payload });
        for len in 0..bytes.len() {
            // At the ends of the header and of the first command there is nothing to see: the log's record knows its length.
            if let Ok(entry) = decode_entry(1, &bytes.slice(..len)) {
                assert!(matches!(entry.payload, EntryPayload::Normal(Commands(all)) if all.len() < 2), "cut at {len}");
            }
        }
    }

    #[test]
    fn an_unknown_version_is_refused_by_name() {
        let error = decode_vote(&Bytes::from_static(&[9, 0, 1, 1])).unwrap_err();
        assert!(matches!(error, Error::Version { what: "vote", found: 9, supported: 1 }), "{error}");
    }

    #[test]
    fn a_cut_record_is_damage_and_never_a_panic() {
        let applied = Applied {
            log_id: Some(log_id(4, 1, 99)),
            installed: None,
            membership: StoredMembership::new(Some(log_id(2, 1, 7)), membership()),
        };
        let bytes = encode_applied(&applied);
        for len in 0..bytes.len() {
            assert!(matches!(decode_applied(&bytes.slice(..len)), Err(Error::Damage { .. })), "cut at {len}");
        }
    }
}
