//! Sessions of two nodes on one store, which lose each other and find each other again.

use std::sync::Arc;
use std::time::Duration;

use atoll_cluster::{Router, Store};
use atoll_env::NodeId;
use atoll_env::sim::{self, World};
use atoll_sql::exec::memory::Pool;
use atoll_sql::exec::spill::Place;
use atoll_sql::kv::Senders;
use atoll_sql::session::Node;

use crate::node::{answer, session, small};

const STORE: NodeId = NodeId(1);
const A: NodeId = NodeId(2);
const B: NodeId = NodeId(3);

async fn open(world: &World, id: NodeId) -> Arc<Node> {
    let env = world.boot(id);
    let gateway = Arc::new(Senders(Router::outside(env.clone(), vec![STORE])));
    let opened = Node::open(env, gateway, Pool::default(), Place::default()).await;
    opened.map_err(|failure| failure.into_error()).expect("a node opens")
}

fn on_two_nodes<F>(scenario: impl FnOnce(World, Arc<Node>, Arc<Node>) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    sim::run(1, sim::Options::default(), |world| async move {
        let env = world.boot(STORE);
        let _store = Store::open(&env, STORE, small()).await.expect("the store opens");
        let (a, b) = (open(&world, A).await, open(&world, B).await);
        scenario(world.clone(), a, b).await;
    });
}

#[test]
fn what_was_locked_alone_commits_before_others_go_on_or_not_at_all() {
    on_two_nodes(async |world, a, b| {
        let (mut one, mut two) = (session(&a, 1).await, session(&b, 2).await);
        answer(&mut one, "create table t (a int primary key)").await;
        let begun = "begin isolation level read committed; lock table t in exclusive mode; insert into t values (1)";
        assert_eq!(answer(&mut one, begun).await, "BEGIN\nLOCK TABLE\nINSERT 0 1");

        // Both reach the store, and not each other.
        world.partition(A, B, false);
        let began = world.now();
        let taken = "begin isolation level read committed; lock table t in exclusive mode; select count(*) from t;
                     insert into t values (2); commit";
        assert_eq!(answer(&mut two, taken).await, "BEGIN\nLOCK TABLE\n0\nINSERT 0 1\nCOMMIT");
        let waited = world.now() - began;
        assert!(waited > Duration::from_secs(6) && waited < Duration::from_secs(15), "{waited:?}");
        let ended = answer(&mut one, "commit").await;
        assert!(ended.contains("40001"), "{ended}");

        // It goes on as a new one.
        world.heal_all();
        assert_eq!(answer(&mut one, "select a from t").await, "2");
        assert_eq!(answer(&mut two, "alter table t add b int default 7").await, "ALTER TABLE");
        assert_eq!(answer(&mut one, "select b from t").await, "7");
    });
}

#[test]
fn a_commit_that_comes_late_is_refused() {
    on_two_nodes(async |world, a, b| {
        let (mut one, mut two) = (session(&a, 1).await, session(&b, 2).await);
        answer(&mut one, "create table t (a int primary key)").await;
        assert_eq!(answer(&mut one, "begin; insert into t values (1)").await, "BEGIN\nINSERT 0 1");
        // The node stands still, as one whose host gives it no processor.
        world.hold(A);
        assert_eq!(answer(&mut two, "alter table t add b int not null default 7").await, "ALTER TABLE");
        world.release(A);
        let ended = answer(&mut one, "commit").await;
        assert!(ended.contains("40001"), "{ended}");
        assert_eq!(answer(&mut two, "select count(*) from t").await, "0");
        assert_eq!(answer(&mut one, "insert into t values (1) returning b").await, "7\nINSERT 0 1");
    });
}

#[test]
fn what_a_dead_node_held_is_free_and_a_new_one_knows_everything() {
    on_two_nodes(async |world, a, b| {
        let (mut one, mut two) = (session(&a, 1).await, session(&b, 2).await);
        answer(&mut one, "create table t (a int primary key)").await;
        answer(&mut one, "begin; lock table t in access exclusive mode; select pg_advisory_lock(1)").await;
        assert_eq!(answer(&mut two, "select pg_try_advisory_lock(1)").await, "f");
        let waiting = b.env.tasks.spawn("two", async move {
            let seen = answer(&mut two, "select count(*) from t; select pg_try_advisory_lock(1)").await;
            (seen, two)
        });
        world.sleep(Duration::from_secs(1)).await;
        world.kill(A);
        drop((one, a));
        let (seen, mut two) = waiting.await.expect("it ends");
        assert_eq!(seen, "0\nt");

        // One that comes again is told of locks that are held, and reads what was defined meanwhile.
        answer(&mut two, "create table u (a int)").await;
        answer(&mut two, "begin; lock table u in exclusive mode").await;
        let a = open(&world, A).await;
        let mut one = session(&a, 1).await;
        assert_eq!(answer(&mut one, "select count(*) from u").await, "0");
        let refused = answer(&mut one, "begin; lock table u in share mode nowait").await;
        assert!(refused.contains("55P03"), "{refused}");
        assert_eq!(answer(&mut one, "rollback; select pg_try_advisory_lock(1)").await, "ROLLBACK\nf");
        answer(&mut two, "drop table t; commit").await;
        let gone = answer(&mut one, "select count(*) from t").await;
        assert!(gone.contains("42P01"), "{gone}");
    });
}

#[test]
fn who_began_later_reads_the_past_up_to_the_last_definition() {
    on_two_nodes(async |world, a, b| {
        let mut two = session(&b, 2).await;
        let before = answer(&mut two, "select pg_export_snapshot()").await;
        answer(&mut two, "create table t (a int)").await;
        answer(&mut two, "insert into t values (1)").await;
        let past = answer(&mut two, "select pg_export_snapshot()").await;
        answer(&mut two, "update t set a = 2").await;
        drop(a);
        world.kill(A);
        let a = open(&world, A).await;
        let mut one = session(&a, 1).await;
        assert_eq!(answer(&mut one, &format!("select a from t as of system time '{past}'")).await, "1");
        let refused = answer(&mut one, &format!("select a from t as of system time '{before}'")).await;
        assert!(refused.contains("0A000"), "{refused}");
        let begun = format!("begin as of system time '{past}'; select a from t; commit");
        assert_eq!(answer(&mut one, &begun).await, "BEGIN\n1\nCOMMIT");
        for wrong in ["'x'", "'1d'", "''"] {
            let refused = answer(&mut one, &format!("select a from t as of system time {wrong}")).await;
            assert!(refused.contains("22023"), "{wrong}: {refused}");
        }
        let refused = answer(&mut one, "begin; select a from t as of system time '-1ms'").await;
        assert!(refused.contains("0A000"), "{refused}");
    });
}
