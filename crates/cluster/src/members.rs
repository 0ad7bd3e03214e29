//! The nodes of the cluster: who they are, and which of them have been heard of lately.
//!
//! Each node writes its own record into the system's keys, reads those of the others now and then, and asks every one of
//! them for a sign of life, which carries what it has to do. Nothing here decides anything about ranges: a node that is
//! taken for dead wrongly costs a move of replicas, never a write.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use atoll_env::net::Service;
use atoll_env::{Env, NodeId};
use atoll_txn::request::{RangeRef, Span};
use atoll_txn::{Error, Isolation, Result, Transaction};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use prost::Message;

use crate::deadlock::{Round, Wait};
use crate::directory;
use crate::router::Router;
use crate::show::Held;
use crate::store::Node;

const RECORDS: &[u8] = b"\x00node/";
const RECORDS_END: &[u8] = b"\x00node0";
/// The largest number that was given to a node.
const NODE_IDS: &[u8] = b"\x00node-id";
const FIRST_NODE: u64 = 1;
/// Where a node remembers the others: it must find them when all have been down.
const PEERS: &str = "peers";
const VERSION: u32 = 1;
pub(crate) const ASK_EVERY: Duration = Duration::from_millis(500);
pub(crate) const ASK_FOR: Duration = Duration::from_secs(1);
const READ_EVERY: Duration = Duration::from_secs(2);
/// Who was silent for longer is not given anything new.
const LIVE_WITHIN: Duration = Duration::from_secs(3);
/// How long making room for a replica may take.
const HOST_FOR: Duration = Duration::from_secs(5);
const JOIN_FOR: Duration = Duration::from_secs(20);
const TAKE_OUT_FOR: Duration = Duration::from_secs(20);

/// What is known of a node by everybody.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Member {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Where its rpc port is.
    #[prost(string, tag = "2")]
    pub address: String,
    #[prost(enumeration = "Standing", tag = "3")]
    pub standing: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Standing {
    Member = 0,
    /// Its replicas and leases go to other nodes.
    Leaving = 1,
    /// It was a node of the cluster.
    Gone = 2,
}

/// What a node has to do.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Load {
    #[prost(uint64, tag = "1")]
    pub replicas: u64,
    #[prost(uint64, tag = "2")]
    pub leases: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Ask {
    #[prost(uint32, tag = "100")]
    version: u32,
    #[prost(oneof = "What", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    /// For a sign of life.
    #[prost(message, tag = "1")]
    Ping(Member),
    /// To make room for a replica.
    #[prost(message, tag = "2")]
    Host(RangeRef),
    /// For a number in the cluster.
    #[prost(message, tag = "3")]
    Join(Join),
    /// Whether a node is no member of a range any more.
    #[prost(message, tag = "4")]
    HasLeft(Membership),
    /// To take the replica of this range away, if it is no member.
    #[prost(uint64, tag = "5")]
    Leave(u64),
    /// For what is known of all nodes.
    #[prost(message, tag = "6")]
    List(List),
    /// To take a node out of the cluster.
    #[prost(uint64, tag = "7")]
    TakeOut(u64),
    /// Who waits for whom there.
    #[prost(message, tag = "8")]
    Waits(Waits),
    /// For replicas there, of ranges with greater numbers than this.
    #[prost(uint64, tag = "9")]
    Held(u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Waits {}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct List {}

/// A node, as another one sees it.
#[derive(Clone, PartialEq, Message)]
pub struct Listed {
    #[prost(message, required, tag = "1")]
    pub member: Member,
    #[prost(message, required, tag = "2")]
    pub load: Load,
    /// Since when nothing was heard of it, if it is silent.
    #[prost(uint64, optional, tag = "3")]
    pub silent_ms: Option<u64>,
}

/// How far a node has come on its way out of the cluster.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Leaving {
    /// So many ranges have a replica there.
    #[prost(uint64, tag = "1")]
    pub ranges: u64,
    #[prost(bool, tag = "2")]
    pub gone: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Membership {
    #[prost(uint64, tag = "1")]
    range: u64,
    #[prost(uint64, tag = "2")]
    node: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Join {}

/// Who a new node is.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Joined {
    #[prost(uint64, tag = "1")]
    pub node: u64,
    #[prost(bytes = "bytes", tag = "2")]
    cluster: Bytes,
}

impl Joined {
    pub fn cluster(&self) -> Option<u128> {
        Some(u128::from_be_bytes(self.cluster[..].try_into().ok()?))
    }
}

#[derive(Clone, PartialEq, Message)]
struct Told {
    #[prost(uint32, tag = "100")]
    version: u32,
    /// Why what was asked was not done.
    #[prost(string, optional, tag = "1")]
    refused: Option<String>,
    #[prost(message, optional, tag = "2")]
    load: Option<Load>,
    #[prost(message, optional, tag = "3")]
    joined: Option<Joined>,
    /// Who waits for whom there.
    #[prost(message, repeated, tag = "4")]
    waits: Vec<Wait>,
    #[prost(bool, optional, tag = "5")]
    has_left: Option<bool>,
    #[prost(message, repeated, tag = "6")]
    nodes: Vec<Listed>,
    #[prost(message, optional, tag = "7")]
    leaving: Option<Leaving>,
    #[prost(message, repeated, tag = "8")]
    held: Vec<Held>,
}

#[derive(Clone, Debug)]
pub struct Seen {
    pub member: Member,
    pub load: Load,
}

#[derive(Default)]
pub(crate) struct Members {
    known: RwLock<BTreeMap<NodeId, Seen>>,
    /// What the file of peers says.
    remembered: Mutex<String>,
}

impl Members {
    pub fn all(&self) -> Vec<Seen> {
        self.known.read().values().cloned().collect()
    }

    /// A node has said where it is.
    fn learn(&self, member: Member) {
        let mut known = self.known.write();
        let seen =
            known.entry(NodeId(member.id)).or_insert_with(|| Seen { member: member.clone(), load: Load::default() });
        // What it is, the records say.
        seen.member = Member { standing: seen.member.standing, ..member };
    }

    /// What the records say.
    fn read(&self, member: &Member) {
        let mut known = self.known.write();
        match member.standing() {
            Standing::Gone => drop(known.remove(&NodeId(member.id))),
            Standing::Member | Standing::Leaving => {
                let new = || Seen { member: member.clone(), load: Load::default() };
                known.entry(NodeId(member.id)).or_insert_with(new).member = member.clone();
            }
        }
    }

    pub fn is_leaving(&self, node: NodeId) -> bool {
        self.known.read().get(&node).is_some_and(|seen| seen.member.standing() == Standing::Leaving)
    }

    fn loaded(&self, node: NodeId, load: Load) {
        if let Some(seen) = self.known.write().get_mut(&node) {
            seen.load = load;
        }
    }
}

impl Node {
    fn member(&self) -> Member {
        Member { id: self.id.0, address: self.options.address.clone(), standing: Standing::Member.into() }
    }

    fn load(&self) -> Load {
        let replicas = self.replicas();
        let leases = replicas.iter().filter(|replica| replica.is_serving()).count();
        Load { replicas: replicas.len() as u64, leases: leases as u64 }
    }

    /// Those that answer, this one included, with their loads.
    pub(crate) fn live(&self) -> BTreeMap<NodeId, Load> {
        let now = self.env.clock.mono();
        let others = self.members.all().into_iter();
        let heard = |seen: &Seen| self.reach.heard(NodeId(seen.member.id));
        let others = others.filter(|seen| heard(seen).is_some_and(|heard| now - heard < LIVE_WITHIN));
        let mut live: BTreeMap<NodeId, Load> = others.map(|seen| (NodeId(seen.member.id), seen.load)).collect();
        live.insert(self.id, self.load());
        live
    }

    /// Since when nothing was heard of a node, if it is silent.
    pub(crate) fn silent_for(&self, node: NodeId) -> Option<Duration> {
        if node == self.id {
            return None;
        }
        let silent = self.env.clock.mono() - self.reach.heard(node).unwrap_or(self.begun);
        (silent >= LIVE_WITHIN).then_some(silent)
    }

    async fn introduce(&self, router: &Router) -> Result<()> {
        let mut txn = Transaction::begin(router.clone(), Isolation::Serializable);
        let before = read_record(&mut txn, self.id).await?;
        let standing = before.as_ref().map_or(Standing::Member, Member::standing);
        let own = Member { standing: standing.into(), ..self.member() };
        if before.as_ref() != Some(&own) {
            txn.put(record(self.id), own.encode_to_vec())?;
            txn.commit().await?;
        }
        Ok(())
    }

    /// Sends a node's replicas and leases away, and takes it out of the cluster when it has none any more.
    async fn take_out(self: &Arc<Self>, node: NodeId) -> std::result::Result<Leaving, String> {
        let stay = |other: &NodeId| *other != node && !self.members.is_leaving(*other);
        let (staying, wanted) = (self.live().into_keys().filter(stay).count(), self.options.replicas);
        // Of an even number no more may be lost than of the odd one below.
        if staying == 0 || (staying < wanted && staying.is_multiple_of(2)) {
            return Err(format!("ranges have up to {wanted} replicas, and only {staying} other nodes are up"));
        }
        let router = Router::new(self.clone());
        let left = directory::ranges_on(&router, node).await.map_err(|error| error.to_string())?;
        loop {
            let mut txn = Transaction::begin(router.clone(), Isolation::Serializable);
            let before = read_record(&mut txn, node).await.map_err(|error| error.to_string())?;
            let before = before.ok_or_else(|| format!("the cluster has no {node}"))?;
            let standing = match (before.standing(), left) {
                (Standing::Gone, _) => return Ok(Leaving { ranges: 0, gone: true }),
                // New replicas were refused before it was looked where there are any.
                (Standing::Leaving, Some(0)) => Standing::Gone,
                _ => Standing::Leaving,
            };
            let changed = async {
                txn.put(record(node), Member { standing: standing.into(), ..before }.encode_to_vec())?;
                txn.commit().await
            };
            match changed.await {
                Ok(_) => {
                    return Ok(Leaving { ranges: left.unwrap_or_default(), gone: standing == Standing::Gone });
                }
                // The same again does no harm.
                Err(Error::Retry(_) | Error::Unknown { .. }) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// All nodes, as this one knows them.
    pub fn listed(&self) -> Vec<Listed> {
        let own = Seen { member: self.member(), load: self.load() };
        let mut all: BTreeMap<u64, Seen> = self.members.all().into_iter().map(|seen| (seen.member.id, seen)).collect();
        all.entry(self.id.0).or_insert_with(|| own.clone()).load = own.load;
        let silent_ms = |node| self.silent_for(node).map(|silent| silent.as_millis() as u64);
        let listed =
            |seen: Seen| Listed { silent_ms: silent_ms(NodeId(seen.member.id)), member: seen.member, load: seen.load };
        all.into_values().map(listed).collect()
    }

    async fn read_members(&self, router: &Router) -> Result<()> {
        let mut txn = Transaction::begin(router.clone(), Isolation::ReadCommitted);
        for row in txn.scan_all(&Span::new(RECORDS, RECORDS_END)).await? {
            match Member::decode(row.value) {
                Ok(member) => {
                    if member.id == self.id.0 && member.standing() == Standing::Gone {
                        return Err(self.fail("this node was taken out of the cluster".to_owned()));
                    }
                    if member.id != self.id.0 && !member.address.is_empty() {
                        self.env.net.set_peer(NodeId(member.id), member.address.clone());
                    }
                    self.members.read(&member);
                }
                Err(error) => tracing::warn!(%error, "the record of a node can't be read"),
            }
        }
        let others: Vec<NodeId> = self.others();
        if !others.is_empty() {
            self.reach.set_contacts(others);
        }
        self.remember_members().await;
        Ok(())
    }

    async fn remember_members(&self) {
        let others = self.members.all().into_iter().map(|seen| seen.member).filter(|member| member.id != self.id.0);
        let lines: String = others.map(|member| format!("{} {}\n", member.id, member.address)).collect();
        if *self.members.remembered.lock() == lines {
            return;
        }
        match self.env.disk.write_atomic(Path::new(PEERS), lines.as_bytes()).await {
            Ok(()) => *self.members.remembered.lock() = lines,
            Err(error) => tracing::warn!(%error, "the other nodes were not written down"),
        }
    }

    /// Those that this node has known before.
    pub(crate) async fn recall_members(&self) -> Vec<NodeId> {
        let content = match self.env.disk.read(Path::new(PEERS)).await {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                tracing::warn!(%error, "the nodes that were known before can't be read");
                return Vec::new();
            }
        };
        let lines = String::from_utf8(content).unwrap_or_default();
        let mut nodes = Vec::new();
        for line in lines.lines() {
            let Some((Ok(node), address)) = line.split_once(' ').map(|(node, rest)| (node.parse().map(NodeId), rest))
            else {
                continue;
            };
            if !address.is_empty() {
                self.env.net.set_peer(node, address.to_owned());
            }
            // They hear from this node where it is now, before anything can be read.
            let standing = Standing::Member.into();
            self.members.learn(Member { id: node.0, address: address.to_owned(), standing });
            nodes.push(node);
        }
        nodes
    }

    /// Gives a new node its number.
    async fn take_in(self: &Arc<Self>) -> Result<Joined> {
        loop {
            let mut txn = Transaction::begin(Router::new(self.clone()), Isolation::Serializable);
            let last = match txn.get(NODE_IDS).await? {
                Some(bytes) => match bytes[..].try_into() {
                    Ok(bytes) => u64::from_be_bytes(bytes),
                    Err(_) => return Err(self.fail("the counter of nodes is damaged".to_owned())),
                },
                None => FIRST_NODE,
            };
            txn.put(NODE_IDS, (last + 1).to_be_bytes().to_vec())?;
            match txn.commit().await {
                Ok(_) => {
                    let cluster = self.options.cluster.to_be_bytes().to_vec().into();
                    return Ok(Joined { node: last + 1, cluster });
                }
                // A number that was perhaps taken is not used.
                Err(Error::Retry(_) | Error::Unknown { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn others(&self) -> Vec<NodeId> {
        self.members.all().iter().map(|seen| NodeId(seen.member.id)).filter(|id| *id != self.id).collect()
    }

    /// No other node is known.
    pub(crate) fn is_alone(&self) -> bool {
        self.others().is_empty()
    }

    /// Keeps what is known of the others fresh, for as long as the node lives.
    pub(crate) async fn keep_in_touch(self: Arc<Self>) {
        let router = Router::new(self.clone());
        let (mut introduced, mut read) = (false, None);
        while self.alive().is_ok() {
            if !introduced {
                match self.introduce(&router).await {
                    Ok(()) => introduced = true,
                    Err(error) => tracing::debug!(%error, "this node is not in the list of nodes yet"),
                }
            }
            let now = self.env.clock.mono();
            if introduced && read.is_none_or(|read| now - read >= READ_EVERY) {
                match self.read_members(&router).await {
                    Ok(()) => read = Some(now),
                    Err(error) => tracing::debug!(%error, "the list of nodes was not read"),
                }
            }
            self.env.clock.sleep(ASK_EVERY).await;
        }
    }

    /// Asks every other node for a sign of life.
    pub(crate) fn ask_around(self: &Arc<Self>) {
        for other in self.others() {
            let node = self.clone();
            self.env.tasks.spawn("node.ping", async move {
                let told = node.ask(other, What::Ping(node.member()), ASK_FOR).await;
                if let Ok(Told { load: Some(load), .. }) = told {
                    node.reach.hear(other);
                    node.members.loaded(other, load);
                }
            });
        }
    }

    /// What those say that answer.
    pub(crate) async fn ask_who_waits(self: &Arc<Self>) -> Round {
        let waits =
            |node: Arc<Node>, other| async move { Ok(node.ask(other, What::Waits(Waits {}), ASK_FOR).await?.waits) };
        self.ask_all(waits).await
    }

    /// The replicas of those that answer.
    pub(crate) async fn ask_what_is_held(self: &Arc<Self>) -> BTreeMap<NodeId, Vec<Held>> {
        let held = |node: Arc<Node>, other| async move {
            let mut all: Vec<Held> = Vec::new();
            loop {
                let after = all.last().map_or(0, |held| held.range.id);
                let more = node.ask(other, What::Held(after), ASK_FOR).await?.held;
                if more.is_empty() {
                    return Ok(all);
                }
                all.extend(more);
            }
        };
        self.ask_all(held).await
    }

    /// Asks all others at once, but for those that have been silent lately.
    async fn ask_all<T, F>(self: &Arc<Self>, ask: impl Fn(Arc<Node>, NodeId) -> F) -> BTreeMap<NodeId, T>
    where
        T: Send + 'static,
        F: Future<Output = std::result::Result<T, String>> + Send + 'static,
    {
        let others = self.others().into_iter().filter(|other| self.silent_for(*other).is_none());
        let asked = others.map(|other| (other, self.env.tasks.spawn("node.ask", ask(self.clone(), other))));
        let mut answers = BTreeMap::new();
        for (other, answer) in asked.collect::<Vec<_>>() {
            if let Ok(Ok(answer)) = answer.await {
                answers.insert(other, answer);
            }
        }
        answers
    }

    /// Has another node make room for a replica.
    pub(crate) async fn ask_to_host(&self, node: NodeId, range: RangeRef) -> std::result::Result<(), String> {
        self.ask(node, What::Host(range), HOST_FOR).await.map(|_| ())
    }

    /// Asks another node whether this one is no member of a range any more.
    pub(crate) async fn ask_if_left(&self, node: NodeId, range: u64) -> std::result::Result<bool, String> {
        let told = self.ask(node, What::HasLeft(Membership { range, node: self.id.0 }), ASK_FOR).await?;
        told.has_left.ok_or_else(|| format!("{node} did not say"))
    }

    /// Tells a node that it has no part in a range any more.
    pub(crate) async fn tell_to_leave(&self, node: NodeId, range: u64) {
        if let Err(why) = self.ask(node, What::Leave(range), ASK_FOR).await {
            tracing::debug!(range, %node, %why, "the node will find out by itself that it has left");
        }
    }

    async fn ask(&self, node: NodeId, what: What, within: Duration) -> std::result::Result<Told, String> {
        ask(&self.env, node, what, within).await
    }
}

async fn ask(env: &Env, node: NodeId, what: What, within: Duration) -> std::result::Result<Told, String> {
    let body = Ask { version: VERSION, what: Some(what) }.encode_to_vec().into();
    let told = env.net.call(node, Service::Node, body, within).await.map_err(|error| error.to_string())?;
    match Told::decode(told) {
        Ok(told) if told.version == VERSION => match told.refused {
            Some(why) => Err(why),
            None => Ok(told),
        },
        _ => Err(format!("{node} gave an answer that this release can't read")),
    }
}

async fn read_record(txn: &mut Transaction<Router>, node: NodeId) -> Result<Option<Member>> {
    let bytes = txn.get(&record(node)).await?;
    let damaged = |_| Error::Stopped { why: format!("the record of {node} can't be read") };
    bytes.map(|bytes| Member::decode(bytes).map_err(damaged)).transpose()
}

/// Whether no second node was ever taken into the cluster.
pub(crate) async fn is_only_one(router: &Router) -> Result<bool> {
    let mut txn = Transaction::begin(router.clone(), Isolation::Serializable);
    Ok(txn.get(NODE_IDS).await?.is_none())
}

/// What a node knows of all of them.
pub async fn list(env: &Env, node: NodeId) -> std::result::Result<Vec<Listed>, String> {
    Ok(ask(env, node, What::List(List {}), TAKE_OUT_FOR).await?.nodes)
}

/// Has a node taken out of the cluster, by another one or itself: to be asked again until it is gone.
pub async fn take_out(env: &Env, asked: NodeId, leaves: NodeId) -> std::result::Result<Leaving, String> {
    let told = ask(env, asked, What::TakeOut(leaves.0), TAKE_OUT_FOR).await?;
    told.leaving.ok_or_else(|| "it did not say how far the node is".to_owned())
}

/// Asks the nodes at these addresses, one after the other, to take a new one into their cluster.
pub async fn join(env: &Env, addresses: &[String]) -> std::result::Result<Joined, String> {
    let mut why = "no address was given".to_owned();
    for address in addresses {
        let told = async {
            let node = env.net.greet(address, JOIN_FOR).await.map_err(|error| error.to_string())?;
            let told = ask(env, node, What::Join(Join {}), JOIN_FOR).await?;
            told.joined.ok_or_else(|| "it gave no number".to_owned())
        };
        match told.await {
            Ok(joined) => return Ok(joined),
            Err(refused) => why = format!("{address}: {refused}"),
        }
    }
    Err(why)
}

/// Answers other nodes from now on.
pub(crate) fn serve(node: &Arc<Node>) {
    let net = node.env.net.clone();
    let node = Arc::downgrade(node);
    net.serve(Service::Node, move |_, body| {
        let node = node.upgrade();
        Box::pin(async move {
            let mut told = match node {
                Some(node) => node.told(body).await,
                None => refusal("the node is stopping"),
            };
            told.version = VERSION;
            told.encode_to_vec().into()
        })
    });
}

fn refusal(why: impl Into<String>) -> Told {
    Told { refused: Some(why.into()), ..Told::default() }
}

impl Node {
    async fn told(self: &Arc<Self>, body: Bytes) -> Told {
        if let Err(error) = self.alive() {
            return refusal(error.to_string());
        }
        match Ask::decode(body) {
            Ok(Ask { version: VERSION, what: Some(what) }) => match what {
                What::Ping(member) => {
                    if !member.address.is_empty() {
                        self.env.net.set_peer(NodeId(member.id), member.address.clone());
                    }
                    self.members.learn(member);
                    Told { load: Some(self.load()), ..Told::default() }
                }
                What::Join(Join {}) => match self.take_in().await {
                    Ok(joined) => Told { joined: Some(joined), ..Told::default() },
                    Err(error) => refusal(error.to_string()),
                },
                What::Host(range) => match self.host(&range).await {
                    Ok(()) => Told::default(),
                    Err(why) => refusal(why),
                },
                What::HasLeft(Membership { range, node }) => match self.is_no_member(range, NodeId(node)).await {
                    Ok(has_left) => Told { has_left: Some(has_left), ..Told::default() },
                    Err(why) => refusal(why),
                },
                What::Leave(range) => {
                    self.leave(range);
                    Told::default()
                }
                What::Waits(Waits {}) => Told { waits: self.waits_here(), ..Told::default() },
                What::Held(after) => Told { held: self.held(after), ..Told::default() },
                What::List(List {}) => Told { nodes: self.listed(), ..Told::default() },
                What::TakeOut(node) => match self.take_out(NodeId(node)).await {
                    Ok(leaving) => Told { leaving: Some(leaving), ..Told::default() },
                    Err(why) => refusal(why),
                },
            },
            _ => refusal("a message that this release can't read"),
        }
    }
}

fn record(node: NodeId) -> Bytes {
    [RECORDS, &node.0.to_be_bytes()].concat().into()
}
