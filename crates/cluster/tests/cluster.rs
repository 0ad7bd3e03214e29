//! Several nodes in the simulation: ranges get their replicas, every node serves every key, and a node may die.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use atoll_cluster::{Options, Origin, Router, Store};
use atoll_env::sim::{self, World};
use atoll_env::{Env, NodeId};
use atoll_txn::request::{Body, Split};
use atoll_txn::{Isolation, Result, Sender, Transaction};
use bytes::Bytes;
use parking_lot::Mutex;

const N1: NodeId = NodeId(1);

fn options(node: NodeId) -> Options {
    let mut options = Options::default();
    options.wal.segment_bytes = 1 << 20;
    options.reserve_bytes = 1 << 20;
    options.engine.reserve_bytes = 1 << 19;
    if node != N1 {
        options.origin = Origin::Member { contacts: vec![N1] };
    }
    options
}

/// What runs at the moment.
#[derive(Clone)]
struct Cluster {
    world: World,
    nodes: Arc<Mutex<BTreeMap<NodeId, (Env, Router)>>>,
}

impl Cluster {
    async fn start(world: &World, nodes: u64) -> Cluster {
        let cluster = Cluster { world: world.clone(), nodes: Arc::default() };
        for node in 1..=nodes {
            cluster.boot(NodeId(node)).await;
        }
        cluster
    }

    async fn boot(&self, node: NodeId) {
        let env = self.world.boot(node);
        let opened = env.clone();
        let (ready, router) = tokio::sync::oneshot::channel();
        env.tasks.spawn("store", async move {
            let store = Store::open(&opened, node, options(node)).await.expect("the store opens");
            let _ = ready.send(store.router());
            let why = store.stopped().await;
            panic!("{node} stopped: {why}");
        });
        let router = router.await.expect("the store is open");
        self.nodes.lock().insert(node, (env, router));
    }

    fn kill(&self, node: NodeId) {
        self.nodes.lock().remove(&node);
        self.world.power_off(node);
    }

    /// Runs work on a node.
    async fn on<T, F, W>(&self, node: u64, work: F) -> T
    where
        T: Send + 'static,
        F: FnOnce(Router) -> W,
        W: Future<Output = T> + Send + 'static,
    {
        let (env, router) = self.nodes.lock()[&NodeId(node)].clone();
        env.tasks.spawn("test", work(router)).await.expect("the node lives")
    }

    async fn put(&self, node: u64, key: &'static str, value: &'static str) -> Result<()> {
        self.on(node, move |router| async move {
            let mut txn = Transaction::begin(router, Isolation::Serializable);
            txn.put(key, value)?;
            txn.commit().await.map(|_| ())
        })
        .await
    }

    async fn get(&self, node: u64, key: &'static str) -> Option<Bytes> {
        self.on(node, move |router| async move {
            Transaction::begin(router, Isolation::Serializable).get(key.as_bytes()).await.expect("a read")
        })
        .await
    }

    async fn split(&self, node: u64, at: &'static str) {
        self.on(node, move |router| async move {
            let range = router.locate(at.as_bytes()).await.expect("a range");
            router.send(&range, Body::Split(Split { at: at.into() })).await.expect("a split");
        })
        .await;
    }

    /// Waits until every range that has a key of these has that many voters on the given node's word.
    async fn replicated(&self, key: &'static str, voters: usize) {
        for _ in 0..600 {
            let counts: Vec<usize> = {
                let nodes = self.nodes.lock();
                nodes.values().map(|(_, router)| router.replicas_of(key.as_bytes()).len()).collect()
            };
            if counts.iter().all(|count| *count == voters) {
                return;
            }
            self.world.sleep(Duration::from_millis(100)).await;
        }
        panic!("\"{key}\" has not got {voters} replicas");
    }
}

fn run(seed: u64, test: impl AsyncFnOnce(World) + Send + 'static) {
    sim::run(seed, sim::Options::default(), |world| async move { test(world).await });
}

#[test]
fn a_range_gets_three_replicas_and_every_node_serves_it() {
    run(1, async |world| {
        let cluster = Cluster::start(&world, 3).await;
        cluster.put(1, "a", "1").await.unwrap();
        cluster.replicated("a", 3).await;
        cluster.put(2, "b", "2").await.unwrap();
        assert_eq!(cluster.get(3, "a").await, Some("1".into()));
        assert_eq!(cluster.get(3, "b").await, Some("2".into()));
    });
}

#[test]
fn what_was_acknowledged_survives_the_leaseholder() {
    run(2, async |world| {
        let cluster = Cluster::start(&world, 3).await;
        cluster.replicated("a", 3).await;
        cluster.put(2, "a", "1").await.unwrap();
        cluster.kill(N1);
        let began = world.now();
        while cluster.put(3, "b", "2").await.is_err() {}
        let took = world.now() - began;
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert_eq!(cluster.get(2, "a").await, Some("1".into()));
        cluster.boot(N1).await;
        assert_eq!(cluster.get(1, "b").await, Some("2".into()));
    });
}

#[test]
fn halves_of_a_split_range_have_all_their_replicas() {
    run(3, async |world| {
        let cluster = Cluster::start(&world, 3).await;
        cluster.put(1, "a", "1").await.unwrap();
        cluster.put(1, "x", "1").await.unwrap();
        cluster.replicated("a", 3).await;
        cluster.split(2, "m").await;
        assert_eq!(cluster.get(3, "x").await, Some("1".into()));
        cluster.kill(N1);
        for key in ["a", "x"] {
            while cluster.put(3, key, "2").await.is_err() {}
        }
        cluster.boot(N1).await;
        assert_eq!(cluster.get(1, "x").await, Some("2".into()));
        assert_eq!(cluster.get(1, "a").await, Some("2".into()));
    });
}
