use std::sync::Arc;
use std::time::Duration;

use atoll_datum::{Oid, sqlstate};
use atoll_env::sim::{self, World};
use atoll_env::{Env, NodeId};

use super::table::Table;
use super::{Advisory, Locks, Mode, Owner, Tag};

fn tag(relation: u32) -> Tag {
    Tag::Relation { database: Oid(5), relation: Oid(relation) }
}

#[test]
fn modes_conflict_as_in_postgresql() {
    // Each line: the modes that conflict with this one, weakest first.
    let expected = [".......x", "......xx", "....xxxx", "...xxxxx", "..xx.xxx", "..xxxxxx", ".xxxxxxx", "xxxxxxxx"];
    for (mode, line) in Mode::ALL.into_iter().zip(expected) {
        let conflicts: String =
            Mode::ALL.into_iter().map(|other| if mode.conflicts_with(other) { 'x' } else { '.' }).collect();
        assert_eq!(conflicts, line, "{mode:?}");
    }
}

/// Runs a script over the pure table: `1 X t` asks, `-1 X t` releases, `!1` gives up. The answer of each step.
fn script(steps: &[&str]) -> Vec<String> {
    let mut table = Table::default();
    let mode = |word: &str| Mode::ALL[word.parse::<usize>().unwrap() - 1];
    let mut trace = Vec::new();
    for step in steps {
        let words: Vec<&str> = step.split(' ').collect();
        let owner: u64 = words[0].trim_start_matches(['-', '!']).parse().unwrap();
        let answer = if words[0].starts_with('!') {
            format!("woke {:?}", table.cancel(owner).1)
        } else {
            let (mode, tag) = (mode(words[1]), tag(words[2].parse().unwrap()));
            if words[0].starts_with('-') {
                format!("woke {:?}", table.release(owner, tag, mode))
            } else if table.try_acquire(owner, tag, mode) {
                "granted".to_owned()
            } else {
                table.enqueue(owner, tag, mode, 0);
                match table.deadlock(owner) {
                    Some(cycle) => {
                        let cycle: Vec<String> =
                            cycle.iter().map(|wait| format!("{}->{}", wait.owner, wait.blocked_by)).collect();
                        format!("deadlock {}", cycle.join(" "))
                    }
                    None => "waits".to_owned(),
                }
            }
        };
        trace.push(answer);
    }
    trace
}

#[test]
fn queues_are_fair() {
    assert_eq!(
        script(&["1 1 7", "2 8 7", "3 1 7", "-1 1 7", "-2 8 7"]),
        ["granted", "waits", "waits", "woke [2]", "woke [3]"],
        "a reader behind a waiting writer waits"
    );
    assert_eq!(
        script(&["1 1 7", "2 8 7", "1 3 7", "-1 1 7", "-1 3 7"]),
        ["granted", "waits", "granted", "woke []", "woke [2]"],
        "a holder goes before whom it keeps waiting"
    );
    assert_eq!(
        script(&["1 8 7", "2 1 7", "3 1 7", "4 8 7", "-1 8 7", "!4"]),
        ["granted", "waits", "waits", "waits", "woke [2, 3]", "woke []"]
    );
    assert_eq!(script(&["1 1 7", "2 8 7", "3 1 7", "!2"]), ["granted", "waits", "waits", "woke [3]"]);
}

#[test]
fn cycles_are_found() {
    assert_eq!(script(&["1 8 7", "2 8 8", "1 8 8", "2 8 7"]), ["granted", "granted", "waits", "deadlock 2->1 1->2"]);
    assert_eq!(script(&["1 1 7", "2 1 7", "1 8 7", "2 8 7"]), ["granted", "granted", "waits", "deadlock 2->1 1->2"]);
    assert_eq!(
        script(&["1 8 7", "2 8 8", "3 8 9", "1 8 8", "2 8 9", "3 8 7"]),
        ["granted", "granted", "granted", "waits", "waits", "deadlock 3->1 1->2 2->3"]
    );
}

fn simulated(work: impl AsyncFnOnce(Env, Arc<Locks>) + Send + 'static) {
    sim::run(1, sim::Options::default(), |world: World| async move {
        let env = world.boot(NodeId(1));
        let locks = Locks::new(env.clock.clone());
        work(env, locks).await;
    });
}

fn owners(locks: &Arc<Locks>) -> (Owner, Owner) {
    (locks.owner(1, Oid(5)), locks.owner(2, Oid(5)))
}

#[test]
fn weak_locks_are_cheap_until_a_strong_one_is_wanted() {
    simulated(async |env, locks| {
        let (one, two) = owners(&locks);
        one.lock(tag(7), Mode::RowExclusive).await.unwrap();
        two.lock(tag(7), Mode::AccessShare).await.unwrap();
        assert!(locks.list().iter().all(|lock| lock.is_fast && lock.granted));
        assert!(!two.try_lock(tag(7), Mode::Share).await.unwrap());
        assert!(two.try_lock(tag(7), Mode::ShareUpdateExclusive).await.unwrap());
        assert!(locks.list().iter().all(|lock| !lock.is_fast));
        let waiter = two.clone();
        let waiting = env.tasks.spawn("waiter", async move { waiter.lock(tag(7), Mode::AccessExclusive).await });
        env.clock.sleep(Duration::from_millis(10)).await;
        assert_eq!(two.blocking_pids(), [1]);
        one.release_transaction();
        waiting.await.unwrap().unwrap();
        two.release_transaction();
        assert!(locks.list().is_empty());
        one.lock(tag(7), Mode::RowExclusive).await.unwrap();
        assert!(locks.list()[0].is_fast, "nobody wants a strong lock any more");
    });
}

#[test]
fn a_savepoint_takes_back_what_was_locked_since() {
    simulated(async |_, locks| {
        let (one, two) = owners(&locks);
        one.lock(tag(7), Mode::RowExclusive).await.unwrap();
        let mark = one.mark();
        one.lock(tag(7), Mode::RowExclusive).await.unwrap();
        one.lock(tag(7), Mode::AccessExclusive).await.unwrap();
        one.lock(tag(8), Mode::AccessExclusive).await.unwrap();
        assert!(!two.try_lock(tag(7), Mode::AccessShare).await.unwrap());
        one.rollback_to(mark);
        assert!(two.try_lock(tag(7), Mode::AccessShare).await.unwrap());
        assert!(two.try_lock(tag(8), Mode::AccessExclusive).await.unwrap());
        assert!(!two.try_lock(tag(7), Mode::AccessExclusive).await.unwrap());
        drop(one);
        assert!(two.try_lock(tag(7), Mode::AccessExclusive).await.unwrap());
    });
}

#[test]
fn waits_end_by_timeout_deadlock_and_by_being_dropped() {
    simulated(async |env, locks| {
        let (one, two) = owners(&locks);
        one.lock(tag(7), Mode::AccessExclusive).await.unwrap();
        two.lock(tag(8), Mode::AccessExclusive).await.unwrap();
        two.set_timeout(Some(Duration::from_millis(50)));
        let error = two.lock(tag(7), Mode::Share).await.unwrap_err();
        assert_eq!(error.state(), sqlstate::LOCK_NOT_AVAILABLE);
        two.set_timeout(None);
        let waiter = two.clone();
        let waiting = env.tasks.spawn("waiter", async move { waiter.lock(tag(7), Mode::Share).await });
        env.clock.sleep(Duration::from_millis(10)).await;
        let error = one.lock(tag(8), Mode::AccessShare).await.unwrap_err();
        assert_eq!(error.state(), sqlstate::DEADLOCK_DETECTED);
        assert_eq!(
            error.fields().detail.as_deref().unwrap(),
            "Process 1 waits for AccessShareLock on relation 8 of database 5; blocked by process 2.\n\
             Process 2 waits for ShareLock on relation 7 of database 5; blocked by process 1."
        );
        one.release_transaction();
        waiting.await.unwrap().unwrap();
        let cancelled = env.clock.timeout(Duration::from_millis(5), one.lock(tag(8), Mode::Share)).await;
        assert!(cancelled.is_err());
        two.release_transaction();
        assert!(locks.list().is_empty(), "{:?}", locks.list());
    });
}

#[test]
fn advisory_locks_count() {
    simulated(async |_, locks| {
        let (one, two) = owners(&locks);
        let key = one.advisory(Advisory::One(1));
        assert_ne!(key, one.advisory(Advisory::Two(0, 1)));
        one.lock_for_session(key, Mode::Exclusive).await.unwrap();
        one.lock_for_session(key, Mode::Exclusive).await.unwrap();
        one.lock(key, Mode::Exclusive).await.unwrap();
        assert!(one.unlock_for_session(key, Mode::Exclusive));
        assert!(one.unlock_for_session(key, Mode::Exclusive));
        assert!(!one.unlock_for_session(key, Mode::Exclusive));
        assert!(!two.try_lock_for_session(key, Mode::Share).await.unwrap(), "the transaction still holds it");
        one.release_transaction();
        assert!(two.try_lock_for_session(key, Mode::Share).await.unwrap());
        assert!(one.try_lock(key, Mode::Share).await.unwrap());
        two.unlock_all_for_session();
        one.release_transaction();
        assert!(locks.list().is_empty());
    });
}
