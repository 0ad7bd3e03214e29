//! Runs the scripts in `golden/locks`: commands above a line of dashes, the full trace of their effects below. With
//! `UPDATE_GOLDEN=1` the traces are written anew: read the difference.
//!
//! | command | does |
//! | --- | --- |
//! | `t1 lock a update` | asks for a lock; `nowait` or `skip` may follow, and the savepoint's mark as `@2` |
//! | `t1 release a`, `t1 end`, `t1 back @2` | lets go of a key, of everything, of what came under this mark or later |
//! | `cancel r3` | the request's statement timed out or was cancelled |
//! | `t1 await t2`, `over r3` | waits for a transaction's end (an intent), and no longer |
//! | `t1 verify a share` | whether the lock that `t1` was last granted on `a` has been held since |
//! | `split m`, `clear 2` | the range splits; its lease begins anew |
//! | `show` | every hold and wait |
//! | `latch a c-f`, `decide L0 7`, `apply L0` | a command; `-` alone is the whole range |
//! | `read a-c 7`, `leave R0` | a read at a timestamp, and its end before it was woken |
//!
//! Victims of deadlocks are cancelled at once, as the replica does.

// Tests read their own scripts.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use atoll_txn::lock::table::{Request, State};
use atoll_txn::lock::{
    Effects, LatchId, Latches, LockTable, Mark, Outcome, ReaderId, RequestId, Strength, Token, Wait, Waiting, WaitsFor,
};
use atoll_txn::request::Span;
use atoll_txn::{Timestamp, TxnId};
use bytes::Bytes;

#[test]
fn golden_locks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/locks");
    let mut scripts: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut differ = Vec::new();
    for path in scripts {
        let script = std::fs::read_to_string(&path).unwrap();
        let found = run(&script);
        if found == script {
            continue;
        }
        if update {
            std::fs::write(&path, &found).unwrap();
        } else {
            let pairs = script.lines().chain(std::iter::repeat("(end)")).zip(found.lines());
            let (line, (expected, found)) = (1..).zip(pairs).find(|(_, (a, b))| a != b).unwrap_or((0, ("", "less")));
            differ.push(format!("{}:{line}\n  expected {expected}\n  found    {found}", path.display()));
        }
    }
    assert!(differ.is_empty(), "UPDATE_GOLDEN=1 rewrites\n{}", differ.join("\n"));
}

/// The script with the traces that its commands give. Blocks are separated by empty lines.
fn run(script: &str) -> String {
    let mut world = World::new();
    let mut blocks = Vec::new();
    for block in script.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let input = block.lines().take_while(|line| *line != "---").collect::<Vec<_>>();
        let mut commands = input.iter().filter(|line| !line.starts_with('#')).peekable();
        if commands.peek().is_none() {
            blocks.push(input.join("\n"));
            continue;
        }
        for command in commands {
            world.command(command);
        }
        let trace = std::mem::take(&mut world.trace);
        blocks.push(format!("{}\n---\n{}", input.join("\n"), if trace.is_empty() { "ok" } else { trace.trim_end() }));
    }
    blocks.join("\n\n") + "\n"
}

struct World {
    /// By their first key.
    tables: BTreeMap<Bytes, LockTable>,
    graph: WaitsFor,
    tokens: BTreeMap<(TxnId, Bytes), Token>,
    requests: u64,
    latches: Latches,
    readers: u64,
    trace: String,
}

impl World {
    fn new() -> World {
        World {
            tables: [(Bytes::new(), LockTable::new(1))].into(),
            graph: WaitsFor::new(),
            tokens: BTreeMap::new(),
            requests: 0,
            latches: Latches::new(),
            readers: 0,
            trace: String::new(),
        }
    }

    fn command(&mut self, command: &str) {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            [txn, "lock", key, strength, ref options @ ..] => self.lock(txn_id(txn), key, strength, options),
            [txn, "release", key] => {
                let effects = self.table(key).release(key.as_bytes(), txn_id(txn));
                self.effects(effects);
            }
            [txn, "end"] => self.on_all(|table| table.release_all(txn_id(txn))),
            [txn, "back", mark] => self.on_all(|table| table.release_since(txn_id(txn), mark_of(mark))),
            ["cancel", request] => self.on_all(|table| table.cancel(RequestId(number(request, "r")))),
            [txn, "await", other] => {
                let request = self.next_request();
                let (txn, other) = (txn_id(txn), txn_id(other));
                match self.graph.add_wait(txn, request, [other].into()) {
                    Ok(()) => self.say(format_args!("{request} {} waits for {}", name(txn), name(other))),
                    Err(deadlock) => self.say(format_args!("deadlock: {}", ring(&deadlock.cycle))),
                }
            }
            ["over", request] => self.graph.remove(RequestId(number(request, "r"))),
            [txn, "verify", key, strength] => {
                let token = self.tokens[&(txn_id(txn), Bytes::copy_from_slice(key.as_bytes()))];
                let strength = strength_of(strength);
                let held = self.table(key).verify(key.as_bytes(), txn_id(txn), token, strength);
                self.say(format_args!("{}", if held { "held" } else { "lost" }));
            }
            ["split", at] => {
                let right = self.table(at).split_off(at.as_bytes());
                self.tables.insert(Bytes::copy_from_slice(at.as_bytes()), right);
            }
            ["clear", incarnation] => self.on_all(|table| table.clear(number(incarnation, ""))),
            ["show"] => self.show(),
            ["latch", ref spans @ ..] => {
                let (id, ready) = self.latches.acquire(spans.iter().map(|s| span(s)));
                self.say(format_args!("L{} {}", id.0, if ready { "ready" } else { "waits" }));
            }
            ["decide", id, ts] => {
                let readers = self.latches.decide(LatchId(number(id, "L")), at(ts));
                self.wake_readers(readers);
            }
            ["apply", id] => {
                let released = self.latches.release(LatchId(number(id, "L")));
                for id in released.latches {
                    self.say(format_args!("L{} ready", id.0));
                }
                self.wake_readers(released.readers);
            }
            ["read", keys, ts] => {
                let reader = ReaderId(self.readers);
                self.readers += 1;
                let blockers = self.latches.read_blockers(&span(keys), at(ts));
                if self.latches.subscribe(reader, at(ts), &blockers) {
                    let blockers: Vec<_> = blockers.iter().map(|id| format!("L{}", id.0)).collect();
                    self.say(format_args!("R{} waits for {}", reader.0, blockers.join(" ")));
                } else {
                    self.say(format_args!("R{} reads", reader.0));
                }
            }
            ["leave", reader] => self.latches.unsubscribe(ReaderId(number(reader, "R"))),
            _ => panic!("not a command: {command}"),
        }
    }

    fn lock(&mut self, txn: TxnId, key: &str, strength: &str, options: &[&str]) {
        let id = self.next_request();
        let key = Bytes::copy_from_slice(key.as_bytes());
        let mut request =
            Request { id, txn, key: key.clone(), strength: strength_of(strength), wait: Wait::Wait, mark: Mark(0) };
        for option in options {
            match *option {
                "nowait" => request.wait = Wait::NoWait,
                "skip" => request.wait = Wait::SkipLocked,
                mark => request.mark = mark_of(mark),
            }
        }
        let (outcome, effects) = self.tables.range_mut(..=key.clone()).next_back().unwrap().1.acquire(request);
        match outcome {
            Outcome::Granted(token) => {
                self.say(format_args!("{id} granted, token {token}"));
                self.tokens.insert((txn, key), token);
            }
            Outcome::Queued => self.say(format_args!("{id} queued")),
            Outcome::WouldBlock { holder } => self.say(format_args!("{id} would wait for {}", name(holder))),
            Outcome::Skipped => self.say(format_args!("{id} skipped")),
        }
        self.effects(effects);
    }

    fn effects(&mut self, effects: Effects) {
        for request in &effects.dropped {
            self.say(format_args!("dropped {request}"));
        }
        for wake in &effects.wakes {
            let (key, txn) = (wake.key.escape_ascii(), name(wake.txn));
            self.say(format_args!("wake {}: {txn} holds {key} {}, token {}", wake.request, wake.strength, wake.token));
            self.tokens.insert((wake.txn, wake.key.clone()), wake.token);
        }
        for Waiting { request, txn, blockers } in &effects.waiting {
            let blockers: Vec<_> = blockers.iter().map(|&txn| name(txn)).collect();
            let blockers = if blockers.is_empty() { "nobody".to_owned() } else { blockers.join(" ") };
            self.say(format_args!("edges {request}: {} -> {blockers}", name(*txn)));
        }
        for deadlock in self.graph.apply(effects.waiting) {
            self.say(format_args!("deadlock: {}; {} is the victim", ring(&deadlock.cycle), deadlock.victim));
            self.on_all(|table| table.cancel(deadlock.victim));
        }
    }

    fn on_all(&mut self, mut change: impl FnMut(&mut LockTable) -> Effects) {
        let all: Vec<Effects> = self.tables.values_mut().map(&mut change).collect();
        for effects in all {
            self.effects(effects);
        }
    }

    fn show(&mut self) {
        let mut lines = Vec::new();
        for (start, table) in &self.tables {
            lines.push(format!("range from {:?}", start.escape_ascii().to_string()));
            for entry in table.iter() {
                let (key, txn, strength) = (entry.key.escape_ascii(), name(entry.txn), entry.strength);
                lines.push(match entry.state {
                    State::Held(token) => format!("  {key} {txn} holds {strength}, token {token}"),
                    State::Waiting(request) => {
                        let all: Vec<_> = table.edges_of(request).into_iter().map(name).collect();
                        format!("  {key} {txn} waits for {strength}, {request}, after {}", all.join(" "))
                    }
                });
            }
        }
        self.say(format_args!("{}", lines.join("\n")));
    }

    fn wake_readers(&mut self, readers: Vec<ReaderId>) {
        for reader in readers {
            self.say(format_args!("R{} reads", reader.0));
        }
    }

    fn table(&mut self, key: &str) -> &mut LockTable {
        let key = Bytes::copy_from_slice(key.as_bytes());
        self.tables.range_mut(..=key).next_back().unwrap().1
    }

    fn next_request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    fn say(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.trace, "{line}").unwrap();
    }
}

fn number<T: std::str::FromStr>(word: &str, prefix: &str) -> T {
    word.strip_prefix(prefix)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_else(|| panic!("{prefix}<number>: {word}"))
}

fn txn_id(word: &str) -> TxnId {
    TxnId(number(word, "t"))
}

fn name(txn: TxnId) -> String {
    format!("t{}", txn.0)
}

fn mark_of(word: &str) -> Mark {
    Mark(number(word, "@"))
}

fn at(word: &str) -> Timestamp {
    Timestamp { wall: number(word, ""), logical: 0 }
}

fn strength_of(word: &str) -> Strength {
    let named = |strength: &Strength| strength.to_string().replace(' ', "-") == word;
    Strength::ALL.into_iter().find(named).unwrap_or_else(|| panic!("no strength: {word}"))
}

fn span(word: &str) -> Span {
    match word.split_once('-') {
        Some((start, end)) => Span::new(start.to_owned(), end.to_owned()),
        None => Span::point(word.as_bytes()),
    }
}

fn ring(cycle: &[TxnId]) -> String {
    let next = cycle.iter().cycle().skip(1);
    let waits: Vec<_> = cycle.iter().zip(next).map(|(a, b)| format!("{} waits for {}", name(*a), name(*b))).collect();
    waits.join(", ")
}
