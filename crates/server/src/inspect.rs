//! A stopped store in readable form, and whether all of it can be read.
//!
//! The log is only read. The state is opened as a start would open it, which may cut the unfinished end of its journal
//! and remove files that nothing refers to; keys and values stay what they are, and nothing of the log is applied. So
//! after a kill the state shown can be older than the log; a start would bring it up to date.

use atoll_cluster::replica::TxnRecord;
use atoll_cluster::state::RangeState;
use atoll_cluster::store;
use atoll_env::Env;
use atoll_storage::engine::{Engine, Space, View};
use atoll_storage::wal::inspect as log;
use atoll_txn::key::{self, MetaKey, RangeKey};
use atoll_txn::mvcc::record::{self, Intent, Record, Version};
use atoll_txn::request::{Fate, Span};
use bytes::Bytes;
use prost::Message;

use crate::directory::{self, Directory};
use crate::error::Error;

/// Longer values are shown by their start.
const SHOWN_BYTES: usize = 40;

/// The store of a node that doesn't run. Nobody can start it while this lives.
pub struct Inspector {
    env: Env,
    options: store::Options,
    directory: Directory,
}

/// What [`Inspector::verify`] has read. Nothing is wrong when `problems` is empty.
#[derive(Debug, Default)]
pub struct Verified {
    pub segments: u64,
    pub frames: u64,
    pub entries: u64,
    /// Of an unfinished frame, which a start will cut off.
    pub torn_bytes: u64,
    pub ranges: u64,
    pub current_keys: u64,
    pub intents: u64,
    pub history_versions: u64,
    pub meta_records: u64,
    pub problems: Vec<String>,
}

impl Inspector {
    /// `env` has the data directory as its disk.
    pub async fn open(env: &Env, options: store::Options) -> Result<Inspector, Error> {
        let directory = Directory::open_existing(env).await?;
        Ok(Inspector { env: env.clone(), options, directory })
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Every frame and record of the log, a line each; an error when a start would refuse it.
    pub async fn log(&self, mut show: impl FnMut(String)) -> Result<(), Error> {
        let shown = log::inspect(&self.env, &self.options.wal.dir, |line| show(line.to_string())).await;
        let Some(summary) = shown.map_err(|error| self.refused(&error))? else {
            show("there is no log".to_owned());
            return Ok(());
        };
        for (group, bounds) in &summary.groups {
            let purged =
                bounds.purged.as_ref().map_or_else(|| "nothing".to_owned(), |it| format!("up to {}", it.index));
            let last = bounds.last.map_or_else(|| "no entries".to_owned(), |last| format!("last entry {last}"));
            show(format!("group {}: {last}, purged {purged}", group.0));
        }
        let end = match (summary.clean, summary.torn_bytes) {
            (true, _) => "closed cleanly".to_owned(),
            (false, 0) => "not closed cleanly".to_owned(),
            (false, torn) => format!("not closed cleanly, {torn} bytes of an unfinished frame will be cut off"),
        };
        let (segments, frame, entries) = (summary.segments, summary.last_frame, summary.entries);
        show(format!("{segments} segments, last frame {frame}, {entries} entries, {end}: every frame is valid"));
        Ok(())
    }

    /// Every range, a line each.
    pub async fn ranges(&self, mut show: impl FnMut(String)) -> Result<(), Error> {
        let engine = self.engine().await?;
        for state in self.states(&engine.view())? {
            let RangeState { id, span, generation, lease, ceiling, gc_threshold, clock, first_voters, leaving } = state;
            let end = match span.end.is_empty() {
                true => "the end".to_owned(),
                false => key::pretty(Space::Current, &span.end),
            };
            let bytes = engine.approximate_bytes(Space::Current, &span.start, &span.end);
            show(format!("range {id}: {} to {end}, generation {generation}", key::pretty(Space::Current, &span.start)));
            show(format!("  lease {} of n{} from {}", lease.sequence, lease.holder, lease.start));
            show(format!("  read ceiling {ceiling}, clock {clock}, history from {gc_threshold}, about {bytes} bytes"));
            let voters: Vec<String> = first_voters.iter().map(|voter| format!("n{voter}")).collect();
            show(format!("  began with {}", voters.join(", ")));
            if leaving {
                show("  the replica is being taken away".to_owned());
            }
        }
        Ok(())
    }

    /// Keys with all that is known of them, from `start` (an encoded key of the space) on; at most `keys_max` of each
    /// space. Values only if they are asked for: what users stored doesn't belong on a terminal.
    pub async fn keys(
        &self,
        spaces: &[Space],
        start: &[u8],
        keys_max: usize,
        values: bool,
        mut show: impl FnMut(String),
    ) -> Result<(), Error> {
        let view = self.engine().await?.view();
        for space in spaces {
            show(format!("{space:?}:"));
            let mut shown = 0;
            for row in view.scan(*space, start, b"") {
                if shown == keys_max {
                    show("  …".to_owned());
                    break;
                }
                let (key, bytes) = row.map_err(|error| self.refused(&error))?;
                show(format!("  {}", key::pretty(*space, &key)));
                for line in describe(*space, &key, bytes, values).unwrap_or_else(|what| vec![format!("BAD: {what}")]) {
                    show(format!("    {line}"));
                }
                shown += 1;
            }
            if shown == 0 {
                show("  nothing".to_owned());
            }
        }
        Ok(())
    }

    /// Reads everything there is, and says what could not be read or doesn't fit together.
    pub async fn verify(&self) -> Result<Verified, Error> {
        let mut verified = Verified::default();
        let shown = log::inspect(&self.env, &self.options.wal.dir, |line| match line {
            log::Line::Frame { .. } => verified.frames += 1,
            log::Line::Segment { .. } => verified.segments += 1,
            _ => {}
        });
        match shown.await {
            Ok(Some(summary)) => (verified.entries, verified.torn_bytes) = (summary.entries, summary.torn_bytes),
            Ok(None) => verified.problems.push("there is no log".to_owned()),
            // The lines that were shown as bad and are not an error of this kind are an unfinished end.
            Err(error) => verified.problems.push(format!("log: {error}")),
        }
        match self.engine().await {
            Ok(engine) => self.verify_state(&engine.view(), &mut verified),
            Err(Error::Damaged(what)) => verified.problems.push(format!("state: {what}")),
            Err(error) => return Err(error),
        }
        Ok(verified)
    }

    fn verify_state(&self, view: &View, verified: &mut Verified) {
        match self.states(view) {
            Ok(states) => {
                verified.ranges = states.len() as u64;
                verified.problems.extend(gaps(states));
            }
            Err(error) => verified.problems.push(error.to_string()),
        }
        for space in [Space::Meta, Space::Current, Space::History] {
            let mut last: Option<Vec<u8>> = None;
            for row in view.scan(space, b"", b"") {
                let (key, bytes) = match row {
                    Ok(row) => row,
                    Err(error) => {
                        verified.problems.push(format!("state: {space:?}: {error}"));
                        break;
                    }
                };
                if let Err(what) = describe(space, &key, bytes.clone(), false) {
                    verified.problems.push(format!("state: {space:?}: {}: {what}", key::pretty(space, &key)));
                }
                match space {
                    Space::Meta => verified.meta_records += 1,
                    Space::Current => {
                        verified.current_keys += 1;
                        verified.intents += u64::from(Record::decode(bytes).is_ok_and(|it| it.intent.is_some()));
                    }
                    Space::History => {
                        verified.history_versions += 1;
                        // Scans walk Current alone, so history without a record there would be lost to them.
                        let Some((user, _)) = key::decode_history(&key) else { continue };
                        if last.as_ref() != Some(&user) {
                            if !matches!(view.get(Space::Current, &user), Ok(Some(_))) {
                                let key = key::pretty(Space::Current, &user);
                                verified.problems.push(format!("state: {key} has history and no record in Current"));
                            }
                            last = Some(user);
                        }
                    }
                }
            }
        }
    }

    async fn engine(&self) -> Result<Engine, Error> {
        let dir = &self.options.engine.dir;
        let exists = self.env.disk.exists(dir).await;
        if !exists.map_err(|error| Error::io(format_args!("look for {}", dir.display()), &error))? {
            return Err(Error::Damaged(format!("{} has no folder {}", directory::name(&self.env), dir.display())));
        }
        Engine::open(&self.env, self.options.engine.clone()).await.map_err(|error| self.refused(&error))
    }

    /// By start key.
    fn states(&self, view: &View) -> Result<Vec<RangeState>, Error> {
        let (start, end) = key::range_records();
        let mut states = Vec::new();
        for row in view.scan(Space::Meta, &start, &end) {
            let (at, bytes) = row.map_err(|error| self.refused(&error))?;
            if let Some(MetaKey::Range(_, RangeKey::State)) = MetaKey::decode(&at) {
                let state = RangeState::decode(bytes);
                let damage = |error| Error::Damaged(format!("{}: {error}", key::pretty(Space::Meta, &at)));
                states.push(state.map_err(damage)?);
            }
        }
        states.sort_by(|a, b| a.span.start.cmp(&b.span.start));
        Ok(states)
    }

    fn refused(&self, error: &atoll_storage::Error) -> Error {
        Error::storage(&directory::name(&self.env), error)
    }
}

/// Where the bounds of the ranges, sorted, are not one after another from the first key to the last.
fn gaps(states: Vec<RangeState>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut reached = Some(Bytes::new());
    for RangeState { id, span, .. } in states {
        if reached.as_ref() != Some(&span.start) {
            problems.push(format!(
                "state: range {id} begins at {}, where none ends",
                key::pretty(Space::Current, &span.start)
            ));
        }
        reached = (!span.end.is_empty()).then_some(span.end);
    }
    if let Some(end) = reached {
        problems.push(format!("state: no range from {} on", key::pretty(Space::Current, &end)));
    }
    problems
}

/// What a row says, in lines; an error when it can't be read.
fn describe(space: Space, key: &[u8], bytes: Bytes, values: bool) -> Result<Vec<String>, String> {
    match space {
        Space::Current => {
            let Record { newest, intent } = Record::decode(bytes).map_err(|error| error.to_string())?;
            let newest = newest.map(|version| format!("version {}", describe_version(&version, values)));
            Ok(newest.into_iter().chain(intent.map(|intent| describe_intent(&intent, values))).collect())
        }
        Space::History => {
            let (_, ts) = key::decode_history(key).ok_or("the key holds no timestamp")?;
            let version = record::decode_history(ts, bytes).map_err(|error| error.to_string())?;
            Ok(vec![format!("version {}", describe_version(&version, values))])
        }
        Space::Meta => match MetaKey::decode(key) {
            Some(MetaKey::Range(_, RangeKey::State)) => {
                let state = RangeState::decode(bytes).map_err(|error| error.to_string())?;
                let Span { start, end } = &state.span;
                Ok(vec![format!(
                    "\"{}\" to \"{}\", generation {}, lease {} of n{}, ceiling {}",
                    start.escape_ascii(),
                    end.escape_ascii(),
                    state.generation,
                    state.lease.sequence,
                    state.lease.holder,
                    state.ceiling
                )])
            }
            Some(MetaKey::Txn { .. }) => {
                let record = TxnRecord::decode(bytes).map_err(|error| error.to_string())?;
                let fate = match record.fate() {
                    Fate::Committed => "committed",
                    Fate::Aborted => "aborted",
                    Fate::Pending => "pending",
                };
                Ok(vec![format!("{fate} at {}, {} spans", record.ts, record.spans.len())])
            }
            Some(_) => Ok(vec![format!("{} bytes", bytes.len())]),
            // The consensus groups' own, whose bytes are theirs.
            None if key.starts_with(b"raft\0") => Ok(vec![format!("{} bytes", bytes.len())]),
            None => Err("a record of unknown kind".to_owned()),
        },
    }
}

fn describe_version(version: &Version, values: bool) -> String {
    let local = if version.local == version.ts { String::new() } else { format!(" (local {})", version.local) };
    format!("{}{local}: {}", version.ts, describe_value(version.value.as_ref(), values))
}

fn describe_intent(intent: &Intent, values: bool) -> String {
    let Intent { txn, anchor, epoch, ts, local, value } = intent;
    let value = describe_value(value.as_ref(), values);
    format!("intent of {txn} epoch {epoch} anchored at \"{}\", {ts} (local {local}): {value}", anchor.escape_ascii())
}

fn describe_value(value: Option<&Bytes>, values: bool) -> String {
    match value {
        None => "deleted".to_owned(),
        Some(value) if !values => format!("{} bytes", value.len()),
        Some(value) if value.len() <= SHOWN_BYTES => format!("\"{}\"", value.escape_ascii()),
        Some(value) => format!("\"{}\"… ({} bytes)", value[..SHOWN_BYTES].escape_ascii(), value.len()),
    }
}
