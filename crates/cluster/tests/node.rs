//! One node, whole, in the simulation: transactions in one range and over several, locks, splits, restarts.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use atoll_cluster::{Options, Router, Store};
use atoll_env::sim::{self, World};
use atoll_env::{Env, NodeId, fault};
use atoll_storage::engine::Space;
use atoll_txn::error::Retry;
use atoll_txn::lock::Strength;
use atoll_txn::request::{Answer, Body, RangeRef, Release, Span, Split, WaitPolicy};
use atoll_txn::transaction::Until;
use atoll_txn::{Error, Isolation, Result, Sender, Timestamp, Transaction, TxnId};
use bytes::Bytes;

const N1: NodeId = NodeId(1);

fn options() -> Options {
    let mut options = Options::default();
    options.wal.segment_bytes = 1 << 20;
    options.reserve_bytes = 1 << 20;
    options.engine.reserve_bytes = 1 << 19;
    options
}

/// Runs a part of a scenario as a task of the node.
async fn on<T: Send + 'static>(env: &Env, work: impl Future<Output = T> + Send + 'static) -> T {
    env.tasks.spawn("test", work).await.expect("the node lives")
}

async fn open(world: &World) -> (Env, Router, tokio::sync::oneshot::Sender<()>) {
    let env = world.boot(N1);
    let opened = env.clone();
    let (close, closed) = tokio::sync::oneshot::channel::<()>();
    let (ready, router) = tokio::sync::oneshot::channel();
    env.tasks.spawn("store", async move {
        let store = Store::open(&opened, N1, options()).await.expect("the store opens");
        let _ = ready.send(store.router());
        let _ = closed.await;
        store.close().await.expect("the store closes");
    });
    (env, router.await.expect("the store is open"), close)
}

fn begin(router: &Router, isolation: Isolation) -> Transaction<Router> {
    Transaction::begin(router.clone(), isolation)
}

async fn split(router: &Router, at: &'static str) {
    let range = router.locate(at.as_bytes()).await.unwrap();
    router.send(&range, Body::Split(Split { at: at.into() })).await.unwrap();
    assert_eq!(router.locate(at.as_bytes()).await.unwrap().span.start, at.as_bytes());
}

async fn put(router: &Router, key: &'static str, value: &'static str) {
    let mut txn = begin(router, Isolation::Serializable);
    txn.put(key, value).unwrap();
    txn.commit().await.unwrap();
}

async fn get(router: &Router, key: &str) -> Option<Bytes> {
    begin(router, Isolation::Serializable).get(key.as_bytes()).await.unwrap()
}

/// A tenure that ends at a moment.
struct Ends(Timestamp);

impl Until for Ends {
    fn until(&self, _: u64) -> Option<Timestamp> {
        Some(self.0)
    }
}

/// A tenure that is renewed whenever somebody looks.
struct Renewed(Router);

const LASTS_NS: u64 = 600_000_000;

impl Until for Renewed {
    fn until(&self, _: u64) -> Option<Timestamp> {
        Some(Timestamp { wall: self.0.now().wall + LASTS_NS, logical: 0 })
    }
}

/// A coordinator that may take long to decide, be silent meanwhile, and leave its intents to others.
#[derive(Clone)]
struct Sloppy {
    router: Router,
    decides_after: Duration,
    silent: bool,
    leaves: bool,
}

impl Sender for Sloppy {
    fn now(&self) -> Timestamp {
        self.router.now()
    }

    fn node(&self) -> Option<u64> {
        self.router.node()
    }

    fn new_txn_id(&self) -> TxnId {
        self.router.new_txn_id()
    }

    async fn locate(&self, key: &[u8]) -> Result<RangeRef> {
        self.router.locate(key).await
    }

    async fn send(&self, range: &RangeRef, body: Body) -> Result<Answer> {
        match &body {
            Body::Heartbeat(_) if self.silent => return Err(Error::Unreachable { range: range.id }),
            Body::Decide(_) => self.sleep(self.decides_after).await,
            _ => {}
        }
        self.router.send(range, body).await
    }

    async fn sleep(&self, duration: Duration) {
        self.router.sleep(duration).await;
    }

    fn detach(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        if !self.leaves {
            self.router.detach(work);
        }
    }
}

#[test]
fn writes_are_read_and_survive_a_power_failure() {
    sim::run(1, sim::Options::default(), |world| async move {
        let (env, router, _close) = open(&world).await;
        on(&env, async move {
            put(&router, "a", "1").await;
            assert_eq!(get(&router, "a").await, Some("1".into()));
            let mut txn = begin(&router, Isolation::Serializable);
            txn.put("a", "2").unwrap();
            txn.put("b", "2").unwrap();
            assert_eq!(txn.get(b"a").await.unwrap(), Some("2".into()));
            assert_eq!(get(&router, "a").await, Some("1".into()), "nobody sees what is not committed");
            let first = txn.savepoint();
            txn.delete("a").unwrap();
            assert_eq!(txn.get(b"a").await.unwrap(), None);
            txn.rollback_to(first).await.unwrap();
            txn.commit().await.unwrap();
            assert_eq!(get(&router, "b").await, Some("2".into()));
        })
        .await;
        world.power_off(N1);
        let (env, router, _close) = open(&world).await;
        on(&env, async move {
            assert_eq!(get(&router, "a").await, Some("2".into()));
            assert_eq!(get(&router, "b").await, Some("2".into()));
        })
        .await;
    });
}

#[test]
fn a_transaction_over_several_ranges_is_all_or_nothing() {
    sim::run(2, sim::Options::default(), |world| async move {
        let (env, router, close) = open(&world).await;
        on(&env, async move {
            for key in ["a", "k", "z"] {
                put(&router, key, "0").await;
            }
            split(&router, "h").await;
            split(&router, "p").await;
            let mut txn = begin(&router, Isolation::Serializable);
            for key in ["a", "k", "z"] {
                txn.put(key, "1").unwrap();
            }
            txn.commit().await.unwrap();
            let mut txn = begin(&router, Isolation::Serializable);
            let rows = txn.scan_all(&Span::new("a", "")).await.unwrap();
            assert!(rows.iter().all(|row| row.value == "1"), "{rows:?}");
            assert_eq!(rows.len(), 3);
            let page = txn.scan(&Span::new("a", ""), true, 2).await.unwrap();
            assert_eq!(page.rows.iter().map(|row| row.key.clone()).collect::<Vec<_>>(), ["z", "k"]);
        })
        .await;
        close.send(()).unwrap();
        world.sleep(Duration::from_secs(2)).await;
        world.kill(N1);
        let (env, router, _close) = open(&world).await;
        on(&env, async move {
            for key in ["a", "k", "z"] {
                assert_eq!(get(&router, key).await, Some("1".into()));
            }
        })
        .await;
    });
}

#[test]
fn what_may_commit_up_to_a_moment_does_not_commit_above_it() {
    sim::run(21, sim::Options::default(), |world| async move {
        let (env, router, _close) = open(&world).await;
        let tasks = env.tasks.clone();
        on(&env, async move {
            put(&router, "a", "0").await;
            split(&router, "m").await;
            let until = router.now();
            for keys in [&["a"][..], &["a", "x"]] {
                let mut late = begin(&router, Isolation::Serializable);
                for key in keys {
                    late.put(*key, "late").unwrap();
                }
                late.commit_by(Arc::new(Ends(until)), 1);
                assert_eq!(late.commit().await, Err(Error::Retry(Retry::TooLate)), "{keys:?}");
                assert_eq!(get(&router, "a").await.as_deref(), Some(&b"0"[..]));
            }
            assert_eq!(get(&router, "x").await, None);
            let mut in_time = begin(&router, Isolation::Serializable);
            in_time.put("a", "1").unwrap();
            let soon = Timestamp { wall: router.now().wall + 1_000_000_000, logical: 0 };
            in_time.commit_by(Arc::new(Ends(soon)), 1);
            assert!(in_time.commit().await.unwrap() > until);

            // One that takes longer than what was left of the tenure goes on with what that is renewed by.
            let mut long = begin(&router, Isolation::Serializable);
            long.cut(100);
            for key in 0..8000 {
                long.put(format!("long/{key:04}"), format!("{key:0200}")).unwrap();
            }
            long.commit_by(Arc::new(Renewed(router.clone())), 1);
            let began = router.now();
            world.arm(fault::DELAY_COMMIT, 1.0);
            let committed = tasks.spawn("long", long.commit());
            // It has to commit above what somebody has read.
            let reader = router.clone();
            tasks.spawn("reader", async move {
                loop {
                    reader.sleep(Duration::from_millis(20)).await;
                    if get(&reader, "long/7999").await.is_some() {
                        break;
                    }
                }
            });
            let ts = committed.await.unwrap().unwrap();
            assert!(ts.wall - began.wall > 2 * LASTS_NS, "{began} to {ts}, now {}", router.now());
        })
        .await;
    });
}

#[test]
fn a_commit_is_waited_for_as_long_as_its_coordinator_is_heard_of() {
    for silent in [false, true] {
        sim::run(12, sim::Options::default(), move |world| async move {
            let (env, router, _close) = open(&world).await;
            let tasks = env.tasks.clone();
            on(&env, async move {
                split(&router, "h").await;
                let decides_after = Duration::from_secs(5);
                let slow = Sloppy { router: router.clone(), decides_after, silent, leaves: false };
                let mut txn = Transaction::begin(slow, Isolation::Serializable);
                for key in ["a", "z"] {
                    txn.put(key, "1").unwrap();
                }
                let commit = tasks.spawn("commit", txn.commit());
                router.sleep(Duration::from_secs(2)).await;
                let read = get(&router, "z").await;
                let committed = commit.await.unwrap();
                if silent {
                    assert_eq!(read, None);
                    assert!(matches!(committed, Err(Error::Retry(Retry::Aborted))), "{committed:?}");
                } else {
                    assert_eq!(read, Some("1".into()));
                    committed.unwrap();
                }
                assert_eq!(get(&router, "a").await.is_none(), silent);
            })
            .await;
        });
    }
}

#[test]
fn a_refresh_looks_through_what_an_ended_transaction_left() {
    const KEYS: u32 = 500;
    sim::run(13, sim::Options::default(), |world| async move {
        let (env, router, _close) = open(&world).await;
        let clock = env.clock.clone();
        on(&env, async move {
            let key = |n: u32| Bytes::from(format!("k{n:04}"));
            let sloppy = Sloppy { router: router.clone(), decides_after: Duration::ZERO, silent: false, leaves: true };
            let mut left = Transaction::begin(sloppy, Isolation::Serializable);
            left.cut(50);
            for n in 0..KEYS {
                left.put(key(n), "1").unwrap();
            }
            left.commit().await.unwrap();

            // Its reads are looked at again, because somebody read later what it writes.
            let mut reader = begin(&router, Isolation::Serializable);
            let mut rows = 0;
            for n in (0..KEYS).step_by(100) {
                rows += reader.scan(&Span::new(key(n), key(n + 100)), false, 0).await.unwrap().rows.len();
            }
            assert_eq!(rows, KEYS as usize);
            assert_eq!(get(&router, "w").await, None);
            reader.put("w", "1").unwrap();
            let begun = clock.mono();
            reader.commit().await.unwrap();
            let refreshed = clock.mono() - begun;
            assert!(refreshed < Duration::from_millis(100), "{refreshed:?}");

            let mut writer = begin(&router, Isolation::Serializable);
            for n in 0..KEYS {
                writer.put(key(n), "2").unwrap();
            }
            writer.commit().await.unwrap();
            assert_eq!(get(&router, "k0007").await, Some("2".into()));
        })
        .await;
    });
}

#[test]
fn write_skew_is_refused_when_serializable_and_allowed_in_a_snapshot() {
    sim::run(3, sim::Options::default(), |world| async move {
        let (env, router, _close) = open(&world).await;
        on(&env, async move {
            split(&router, "h").await;
            for isolation in [Isolation::Serializable, Isolation::RepeatableRead] {
                put(&router, "a", "0").await;
                put(&router, "z", "0").await;
                let mut one = begin(&router, isolation);
                let mut two = begin(&router, isolation);
                one.get(b"a").await.unwrap();
                two.get(b"z").await.unwrap();
                one.put("z", "1").unwrap();
                two.put("a", "1").unwrap();
                let (one, two) = (one.commit().await, two.commit().await);
                match isolation {
                    Isolation::Serializable => assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}"),
                    _ => assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}"),
                }
            }
        })
        .await;
    });
}

#[test]
fn a_lost_update_is_refused_in_a_snapshot() {
    sim::run(4, sim::Options::default(), |world| async move {
        let (env, router, _close) = open(&world).await;
        on(&env, async move {
            put(&router, "a", "0").await;
            let mut one = begin(&router, Isolation::RepeatableRead);
            let mut two = begin(&router, Isolation::RepeatableRead);
            one.get(b"a").await.unwrap();
            two.get(b"a").await.unwrap();
            one.put("a", "1").unwrap();
            two.put("a", "2").unwrap();
            one.commit().await.unwrap();
            assert_eq!(two.commit().await.unwrap_err(), Error::Retry(Retry::WriteConflict));
        })
        .await;
    });
}

#[test]
fn locks_wait_in_turn_and_deadlocks_are_found() {
    sim::run(5, sim::Options::default(), |world| async move {
        let (env, router, _close) = open(&world).await;
        let tasks = env.tasks.clone();
        on(&env, async move {
            put(&router, "n", "0").await;
            split(&router, "o").await;
            // Increments under a lock at READ COMMITTED: none is lost.
            let mut all = Vec::new();
            for _ in 0..20 {
                let router = router.clone();
                all.push(tasks.spawn("increment", async move {
                    let mut txn = begin(&router, Isolation::ReadCommitted);
                    let rows = txn.lock(&["n".into()], Strength::Update, WaitPolicy::Wait).await.unwrap();
                    let n: u64 = std::str::from_utf8(rows[0].value.as_ref().unwrap()).unwrap().parse().unwrap();
                    txn.put("n", (n + 1).to_string()).unwrap();
                    txn.commit().await.unwrap();
                }));
            }
            for one in all {
                one.await.unwrap();
            }
            assert_eq!(get(&router, "n").await, Some("20".into()));

            // NOWAIT and SKIP LOCKED.
            let mut holder = begin(&router, Isolation::ReadCommitted);
            holder.lock(&["n".into()], Strength::Update, WaitPolicy::Wait).await.unwrap();
            let mut other = begin(&router, Isolation::ReadCommitted);
            let refused = other.lock(&["n".into()], Strength::KeyShare, WaitPolicy::NoWait).await;
            assert_eq!(refused.unwrap_err(), Error::LockNotAvailable);
            let skipped = other.lock(&["n".into(), "q".into()], Strength::Share, WaitPolicy::SkipLocked).await.unwrap();
            assert!(skipped[0].skipped && !skipped[1].skipped);
            other.rollback().await;
            holder.rollback().await;

            // A deadlock over two ranges.
            let mut one = begin(&router, Isolation::ReadCommitted);
            let mut two = begin(&router, Isolation::ReadCommitted);
            one.lock(&["n".into()], Strength::Update, WaitPolicy::Wait).await.unwrap();
            two.lock(&["q".into()], Strength::Update, WaitPolicy::Wait).await.unwrap();
            let first = tasks.spawn("one", async move {
                let got = one.lock(&["q".into()], Strength::Update, WaitPolicy::Wait).await.map(|_| ());
                one.rollback().await;
                got
            });
            let second = two.lock(&["n".into()], Strength::Update, WaitPolicy::Wait).await.map(|_| ());
            two.rollback().await;
            let first = first.await.unwrap();
            let deadlocks = [&first, &second].iter().filter(|got| matches!(got, Err(Error::Deadlock { .. }))).count();
            assert_eq!(deadlocks, 1, "{first:?} {second:?}");
        })
        .await;
    });
}

#[test]
fn a_lock_goes_along_with_a_split() {
    sim::run(6, sim::Options::default(), |world| async move {
        let (env, router, _close) = open(&world).await;
        on(&env, async move {
            put(&router, "x", "0").await;
            let mut txn = begin(&router, Isolation::ReadCommitted);
            txn.lock(&["x".into()], Strength::Update, WaitPolicy::Wait).await.unwrap();
            txn.put("x", "1").unwrap();
            split(&router, "m").await;
            let mut other = begin(&router, Isolation::ReadCommitted);
            let refused = other.lock(&["x".into()], Strength::Update, WaitPolicy::NoWait).await;
            assert_eq!(refused.unwrap_err(), Error::LockNotAvailable);
            txn.commit().await.unwrap();
            assert_eq!(get(&router, "x").await, Some("1".into()));
        })
        .await;
    });
}

#[test]
fn the_past_can_be_read_until_it_is_collected() {
    sim::run(7, sim::Options::default(), |world| async move {
        let (env, router, _close) = open(&world).await;
        on(&env, async move {
            put(&router, "a", "1").await;
            let then = router.now();
            put(&router, "a", "2").await;
            let mut past = Transaction::at(router.clone(), then);
            assert_eq!(past.get(b"a").await.unwrap(), Some("1".into()));
            assert_eq!(past.put("a", "3").unwrap_err(), Error::Misuse("a transaction that reads the past can't write"));
            assert_eq!(get(&router, "a").await, Some("2".into()));
        })
        .await;
    });
}

#[test]
fn a_statement_reads_as_of_its_start_and_is_undone_alone() {
    sim::run(8, sim::Options::default(), |world| async move {
        let (env, router, _close) = open(&world).await;
        on(&env, async move {
            put(&router, "a", "1").await;
            let mut txn = begin(&router, Isolation::ReadCommitted);
            txn.put("b", "1").unwrap();
            let savepoint = txn.savepoint();
            txn.begin_statement();
            txn.hold_view();
            txn.lock(&["a".into()], Strength::Update, WaitPolicy::Wait).await.unwrap();
            txn.put("a", "2").unwrap();
            txn.delete("b").unwrap();
            txn.put("c", "2").unwrap();
            let seen = txn.scan_all(&Span::new("a", "")).await.unwrap();
            assert_eq!(seen.iter().map(|row| &row.key[..]).collect::<Vec<_>>(), [b"a", b"b"]);
            assert_eq!(txn.get(b"a").await.unwrap(), Some("1".into()));
            assert_eq!(
                txn.get_own(&["a".into(), "b".into(), "d".into()]).await.unwrap(),
                [Some("2".into()), None, None]
            );
            let own = txn.scan_newest(&Span::new("a", ""), 0).await.unwrap();
            assert_eq!(own.rows.iter().map(|row| &row.key[..]).collect::<Vec<_>>(), [b"a", b"c"]);
            assert!(txn.has_written(b"a") && !txn.has_written(b"d"));
            txn.take_back(savepoint).await.unwrap();
            assert_eq!(txn.get(b"b").await.unwrap(), Some("1".into()));
            // The lock stays.
            let mut other = begin(&router, Isolation::ReadCommitted);
            let refused = other.lock(&["a".into()], Strength::Update, WaitPolicy::NoWait).await;
            assert_eq!(refused.unwrap_err(), Error::LockNotAvailable);
            other.rollback().await;
            txn.commit().await.unwrap();
            assert_eq!(get(&router, "a").await, Some("1".into()));
        })
        .await;
    });
}

#[test]
fn what_an_earlier_statement_relied_on_holds_at_the_commit() {
    sim::run(9, sim::Options::default(), |world| async move {
        let (env, router, _close) = open(&world).await;
        on(&env, async move {
            for (changed, commits) in [("a", false), ("z", true)] {
                let mut txn = begin(&router, Isolation::ReadCommitted);
                txn.begin_statement();
                txn.get(b"a").await.unwrap();
                txn.constrain(Span::point(b"a"));
                put(&router, changed, "other").await;
                txn.begin_statement();
                txn.put("m", "1").unwrap();
                let outcome = txn.commit().await;
                assert_eq!(outcome.is_ok(), commits, "{outcome:?}");
            }
        })
        .await;
    });
}

#[test]
fn a_lock_that_was_lost_is_not_taken_anew() {
    sim::run(12, sim::Options::default(), |world| async move {
        let (env, router, _close) = open(&world).await;
        on(&env, async move {
            put(&router, "a", "1").await;
            let keys: [Bytes; 1] = ["a".into()];
            let mut txn = begin(&router, Isolation::ReadCommitted);
            let before = txn.lock(&keys, Strength::Update, WaitPolicy::Wait).await.unwrap();
            txn.lock(&keys, Strength::Update, WaitPolicy::Wait).await.expect("it is locked already");
            txn.confirm_locks().await.expect("nothing was lost");
            // As a leaseholder would that has no memory of the one before.
            let range = router.locate(b"a").await.unwrap();
            let forget = Release { txn: txn.id(), keys: keys.to_vec() };
            router.send(&range, Body::Release(forget)).await.unwrap();
            put(&router, "a", "2").await;
            // With both values at hand, a statement could find that the row is not as it must be.
            assert_eq!(txn.confirm_locks().await.unwrap_err(), Error::Retry(Retry::LockLost));
            let after = txn.lock(&keys, Strength::Update, WaitPolicy::Wait).await;
            assert_eq!(after.unwrap_err(), Error::Retry(Retry::LockLost), "after {:?}", before[0].value);
            txn.rollback().await;
            let mut next = begin(&router, Isolation::ReadCommitted);
            let rows = next.lock(&keys, Strength::Update, WaitPolicy::NoWait).await.expect("nobody has the lock");
            assert_eq!(rows[0].value, Some("2".into()));
        })
        .await;
    });
}

#[test]
fn a_row_that_is_locked_against_deletion_may_be_updated() {
    sim::run(10, sim::Options::default(), |world| async move {
        let (env, router, _close) = open(&world).await;
        on(&env, async move {
            put(&router, "a", "1").await;
            put(&router, "z", "1").await;
            split(&router, "h").await;
            let mut txn = begin(&router, Isolation::ReadCommitted);
            txn.lock_newest(&["a".into(), "z".into()], Strength::KeyShare, WaitPolicy::Wait).await.unwrap();
            let mut other = begin(&router, Isolation::ReadCommitted);
            other.lock(&["a".into(), "z".into()], Strength::NoKeyUpdate, WaitPolicy::Wait).await.unwrap();
            other.put("a", "2").unwrap();
            other.put("z", "2").unwrap();
            other.commit().await.unwrap();
            txn.put("b", "1").unwrap();
            txn.put("y", "1").unwrap();
            txn.commit().await.unwrap();
        })
        .await;
    });
}

#[test]
fn a_deleted_row_of_many_versions_is_collected() {
    sim::run(11, sim::Options::default(), |world| async move {
        let env = world.boot(N1);
        let opened = env.clone();
        on(&env, async move {
            let often = Duration::from_secs(60);
            let options = Options { history: 5 * often, housekeeping_every: often, ..options() };
            let store = Store::open(&opened, N1, options).await.expect("the store opens");
            let router = store.router();
            let rows = |space| store.node().engine.view().scan(space, b"a", b"").count();
            put(&router, "a", "1").await;
            let long_ago = router.now();
            // More than one step of the collection takes.
            for _ in 0..1200 {
                put(&router, "a", "2").await;
            }
            let mut txn = begin(&router, Isolation::Serializable);
            txn.delete("a").unwrap();
            txn.commit().await.unwrap();
            assert_eq!((rows(Space::Current), rows(Space::History)), (1, 1201));
            opened.clock.sleep(20 * often).await;
            assert_eq!((rows(Space::Current), rows(Space::History)), (0, 0));
            let old = Transaction::at(router, long_ago).get(b"a").await;
            assert!(matches!(old, Err(Error::TooOld { .. })), "{old:?}");
            store.close().await.expect("the store closes");
        })
        .await;
    });
}
