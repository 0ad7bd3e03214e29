//! Several nodes in the simulation: ranges get their replicas, every node serves every key, and a node may die.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use atoll_cluster::members;
use atoll_cluster::store::Node;
use atoll_cluster::{Options, Origin, Router, Store};
use atoll_env::sim::{self, World};
use atoll_env::{Env, NodeId};
use atoll_txn::lock::Strength;
use atoll_txn::request::{Body, Split, WaitPolicy};
use atoll_txn::{Error, Isolation, Result, Sender, Transaction};
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
    nodes: Arc<Mutex<BTreeMap<NodeId, Up>>>,
}

#[derive(Clone)]
struct Up {
    env: Env,
    router: Router,
    /// The node of a store that closes keeps nothing open.
    node: Weak<Node>,
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
        let (ready, opened_as) = tokio::sync::oneshot::channel();
        env.tasks.spawn("store", async move {
            let store = Store::open(&opened, node, options(node)).await.expect("the store opens");
            let _ = ready.send((store.router(), Arc::downgrade(store.node())));
            let why = store.stopped().await;
            assert!(why.contains("taken out of the cluster"), "{node} stopped: {why}");
        });
        let (router, inner) = opened_as.await.expect("the store is open");
        self.nodes.lock().insert(node, Up { env, router, node: inner });
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
        let Up { env, router, .. } = self.nodes.lock()[&NodeId(node)].clone();
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
            // Not while a replica of it moves.
            while let Err(error) = router.send_to(Body::Split(Split { at: at.into() })).await {
                assert!(matches!(error, Error::Unreachable { .. }), "{error}");
                router.sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
    }

    /// Waits until every range that has a key of these has that many voters on the given node's word.
    async fn replicated(&self, key: &'static str, voters: usize) {
        for _ in 0..600 {
            let counts: Vec<usize> = {
                let nodes = self.nodes.lock();
                nodes.values().map(|up| up.router.replicas_of(key.as_bytes()).len()).collect()
            };
            if counts.iter().all(|count| *count == voters) {
                return;
            }
            self.world.sleep(Duration::from_millis(100)).await;
        }
        panic!("\"{key}\" has not got {voters} replicas");
    }
}

impl Cluster {
    fn inner(&self) -> Vec<Arc<Node>> {
        self.nodes.lock().values().filter_map(|up| up.node.upgrade()).collect()
    }

    /// Which node has the lease of a key's range.
    fn leaseholder(&self, key: &[u8]) -> Option<NodeId> {
        let holds = |node: &Arc<Node>| {
            node.replicas().iter().any(|replica| replica.is_serving() && replica.published().span.contains(key))
        };
        self.inner().iter().find(|node| holds(node)).map(|node| node.id)
    }

    /// On how many nodes each range is.
    fn ranges(&self) -> BTreeMap<u64, usize> {
        let mut ranges = BTreeMap::new();
        for replica in self.inner().iter().flat_map(|node| node.replicas()) {
            *ranges.entry(replica.published().id).or_default() += 1;
        }
        ranges
    }

    /// Every range has a leaseholder, which says that three vote and nobody is about to.
    fn settled(&self) -> bool {
        let replicas: Vec<_> = self.inner().iter().flat_map(|node| node.replicas()).collect();
        let serving: Vec<_> =
            replicas.iter().filter(|replica| replica.is_serving()).map(|replica| replica.group().status()).collect();
        let three_vote = |voters: &[BTreeSet<_>]| matches!(voters, [voters] if voters.len() == 3);
        serving.len() == self.ranges().len()
            && serving.iter().all(|status| status.learners.is_empty() && three_vote(&status.voters))
    }

    async fn on_three_nodes(&self) {
        for _ in 0..600 {
            if self.settled() && self.ranges().values().all(|on| *on == 3) {
                return;
            }
            self.world.sleep(Duration::from_millis(100)).await;
        }
        panic!("{:?}", self.ranges());
    }

    /// Every row on a node lies in a range that has a replica there.
    fn nothing_is_left_behind(&self) {
        for node in self.inner() {
            assert_eq!(node.stray_key().unwrap(), None, "{}", node.id);
        }
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

#[test]
fn replicas_move_to_a_node_that_comes_and_leave_nothing_behind() {
    run(4, async |world| {
        let cluster = Cluster::start(&world, 3).await;
        let keys = ["a", "d", "g", "k", "o", "s"];
        for key in keys {
            cluster.put(1, key, "1").await.unwrap();
        }
        cluster.replicated("a", 3).await;
        for at in &keys[1..] {
            cluster.split(1, at).await;
        }
        cluster.boot(NodeId(4)).await;
        let evenly = || {
            let counts: Vec<_> = cluster.inner().iter().map(|node| node.replicas().len()).collect();
            cluster.ranges().values().all(|on| *on == 3) && counts.iter().all(|count| (4..=5).contains(count))
        };
        let mut waited = 0;
        while !evenly() {
            waited += 1;
            assert!(waited < 600, "{:?}", cluster.ranges());
            world.sleep(Duration::from_millis(100)).await;
            cluster.put(2, "d", "2").await.unwrap();
        }
        cluster.nothing_is_left_behind();
        for node in 1..=4 {
            assert_eq!(cluster.get(node, "s").await, Some("1".into()));
            assert_eq!(cluster.get(node, "d").await, Some("2".into()));
        }
        cluster.kill(NodeId(2));
        cluster.boot(NodeId(2)).await;
        assert_eq!(cluster.get(2, "o").await, Some("1".into()));
        cluster.nothing_is_left_behind();
    });
}

#[test]
fn a_node_is_taken_out_of_the_cluster_and_stops() {
    run(5, async |world| {
        let cluster = Cluster::start(&world, 4).await;
        for key in ["a", "g", "m", "s"] {
            cluster.put(1, key, "1").await.unwrap();
        }
        cluster.on_three_nodes().await;
        for at in ["g", "m", "s"] {
            cluster.split(1, at).await;
        }
        // The one that has the leases.
        let env = cluster.nodes.lock()[&NodeId(3)].env.clone();
        let asked = env.clone();
        let taking = env.tasks.spawn("take out", async move {
            let mut tries = 0;
            while !members::take_out(&asked, NodeId(3), N1).await.expect("it can be spared").gone {
                tries += 1;
                assert!(tries < 60);
                asked.clock.sleep(Duration::from_secs(5)).await;
            }
        });
        taking.await.unwrap();
        assert!(cluster.nodes.lock()[&N1].node.upgrade().is_none_or(|node| node.replicas().is_empty()));
        world.sleep(Duration::from_secs(5)).await;
        cluster.kill(N1);
        for key in ["a", "g", "m", "s"] {
            cluster.put(2, key, "2").await.unwrap();
            assert_eq!(cluster.get(4, key).await, Some("2".into()));
        }
        cluster.on_three_nodes().await;
        // Two of three must stay.
        let asked = cluster.nodes.lock()[&NodeId(2)].env.clone();
        let refused = env.tasks.spawn("take out", async move { members::take_out(&asked, NodeId(2), NodeId(4)).await });
        assert!(refused.await.unwrap().is_err_and(|why| why.contains("only 2 other nodes")));
    });
}

#[test]
fn deadlocks_over_two_nodes_are_broken_soon() {
    run(6, async |world| {
        let cluster = Cluster::start(&world, 3).await;
        for key in ["a", "g", "m", "s"] {
            cluster.put(1, key, "1").await.unwrap();
        }
        cluster.on_three_nodes().await;
        for at in ["g", "m", "s"] {
            cluster.split(1, at).await;
        }
        let mut waited = 0;
        let other = loop {
            let first = cluster.leaseholder(b"a");
            let apart = ["g", "m", "s"].into_iter().find(|key| {
                let holder = cluster.leaseholder(key.as_bytes());
                first.is_some() && holder.is_some() && holder != first
            });
            match apart {
                Some(key) => break key,
                None => world.sleep(Duration::from_millis(100)).await,
            }
            waited += 1;
            assert!(waited < 600, "all leases are on one node");
        };
        let (met, meet) = (Arc::new(tokio::sync::Barrier::new(2)), world.now());
        let locks = |node: u64, keys: [&'static str; 2]| {
            let met = met.clone();
            cluster.on(node, move |router| async move {
                let mut txn = Transaction::begin(router, Isolation::ReadCommitted);
                txn.lock(&[keys[0].into()], Strength::Update, WaitPolicy::Wait).await?;
                met.wait().await;
                let second = txn.lock(&[keys[1].into()], Strength::Update, WaitPolicy::Wait).await.map(|_| ());
                txn.rollback().await;
                second
            })
        };
        let ended: [Result<()>; 2] = tokio::join!(locks(2, ["a", other]), locks(3, [other, "a"])).into();
        let deadlocks = ended.iter().filter(|ended| matches!(ended, Err(Error::Deadlock { .. }))).count();
        assert_eq!(deadlocks, 1, "{ended:?}");
        assert!(world.now() - meet < Duration::from_millis(600), "{:?}", world.now() - meet);
    });
}
