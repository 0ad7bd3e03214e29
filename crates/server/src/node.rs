//! Starting and closing a node, in order.
//!
//! ```text
//! lock, version → room → ports → log, state, ranges serve → ready
//! ```
//! The ports are taken early, because a taken one shall not cost the time of a recovery. Until the store serves, requests
//! are answered by nobody, but for those over http, which say so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use atoll_cluster::{Origin, Store, store};
use atoll_env::tasks::Task;
use atoll_env::{Env, Mono, NodeId};
use atoll_pg as pg;
use atoll_sql::exec::memory::Pool;
use atoll_sql::exec::spill::Place;
use atoll_sql::kv::{GatewayRef, Senders};
use atoll_sql::session;

use crate::ballast::{self, Ballast};
use crate::directory::{self, Directory, FOUNDER, Identity};
use crate::error::Error;
use crate::http::Http;
use crate::listen::{HTTP_PORT, Listen, RPC_PORT, SQL_PORT};
use crate::topology::Places;

#[derive(Clone, Debug)]
pub struct Options {
    pub rpc: Listen,
    pub sql: Listen,
    pub http: Listen,
    /// Where nodes of the cluster are that this one belongs to: `host:port`.
    pub join: Vec<String>,
    /// Where the others reach this one, if not where it listens.
    pub advertise: Option<String>,
    pub store: store::Options,
    /// What running statements may keep in memory.
    pub memory_bytes: usize,
}

/// As much as a small machine has to spare.
const MEMORY_BYTES: usize = 512 << 20;

impl Default for Options {
    fn default() -> Options {
        Options {
            rpc: Listen::Near(RPC_PORT),
            sql: Listen::Near(SQL_PORT),
            http: Listen::Near(HTTP_PORT),
            join: Vec::new(),
            advertise: None,
            store: store::Options::default(),
            memory_bytes: MEMORY_BYTES,
        }
    }
}

/// A node that serves.
pub struct Server {
    directory: Directory,
    store: Store,
    rpc: SocketAddr,
    sql: pg::Handle,
    http: Http,
    sessions: Arc<session::Node>,
    ballast: Task<()>,
    took: Duration,
}

impl Server {
    /// Returns when every range serves. `env` has the data directory as its disk.
    pub async fn start(env: &Env, mut options: Options) -> Result<Server, Error> {
        let begin: Mono = env.clock.mono();
        let directory = Directory::open(env, &options.join).await?;
        options.store.reserve_bytes = ballast::writes_refused_below(&options.store);
        let ballast = Ballast::open(env, &options.store).await?;
        ballast.check_room().await?;
        let identity = directory.identity;
        env.net.set_node(identity.node, identity.cluster);
        let rpc = options.rpc.rpc(env).await?;
        options.store.cluster = identity.cluster;
        options.store.address = options.advertise.unwrap_or_else(|| rpc.to_string());
        options.store.origin = match identity.node {
            FOUNDER => Origin::Cluster,
            _ => Origin::Member { contacts: greeted(env, &options.join).await },
        };
        let clients = options.sql.sql(env).await?;
        refuse_strangers(clients.address())?;
        let watchers = options.http.http(env).await?;
        refuse_strangers(watchers.address())?;
        let http = Http::serve(env, watchers);
        // Now, because the recovery needs room too.
        let ballast = env.tasks.spawn_dedicated("ballast", ballast.watch());
        // What statements lay aside ends before writes are refused.
        let spill_reserve_bytes = 2 * options.store.reserve_bytes;
        let opened = Store::open(env, identity.node, options.store).await;
        let store = opened.map_err(|error| Error::open(&directory::name(env), error))?;
        let gateway: GatewayRef = Arc::new(Senders(store.router()));
        let sessions = open_sql(env, &store, &gateway, options.memory_bytes, spill_reserve_bytes).await?;
        let sql = pg::serve(sessions.clone(), env.clone(), clients, sql_options(env, sessions.clone()));
        // A node is put together once.
        let _ = sessions.topology.set(Arc::new(Places(Arc::downgrade(store.node()))));
        http.opened(store.node(), &sessions);
        Ok(Server { directory, store, rpc, sql, http, sessions, ballast, took: env.clock.mono() - begin })
    }

    pub fn identity(&self) -> Identity {
        self.directory.identity
    }

    /// Whether the data directory was made by this start.
    pub fn is_new(&self) -> bool {
        self.directory.new
    }

    pub fn rpc(&self) -> SocketAddr {
        self.rpc
    }

    /// Where SQL is served.
    pub fn sql(&self) -> SocketAddr {
        self.sql.address()
    }

    /// Where the console, the metrics and the health are.
    pub fn http(&self) -> SocketAddr {
        self.http.address()
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// How long the start took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Resolves with the reason when the node has stopped by itself. What remains is to end the process.
    pub async fn stopped(&self) -> String {
        self.store.stopped().await
    }

    /// Ends cleanly: everything is flushed, so that the next start has nothing to replay.
    pub async fn close(self) -> Result<(), Error> {
        self.http.closing();
        self.sql.stop(GRACE).await;
        self.sessions.peers.leave().await;
        self.ballast.abort();
        match self.store.close().await {
            Ok(()) => Ok(()),
            // All of it is in the log.
            Err(atoll_storage::Error::Full) => {
                tracing::warn!("no room to flush the state: the next start reads the log again");
                Ok(())
            }
            // The lock goes with `directory`, last.
            Err(error) => Err(Error::storage("the data directory", &error)),
        }
    }
}

/// Who of them answers.
async fn greeted(env: &Env, addresses: &[String]) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    for address in addresses {
        match env.net.greet(address, GREET_WITHIN).await {
            Ok(node) => nodes.push(node),
            // It has joined before, and knows others.
            Err(error) => tracing::warn!(address, %error, "no node answers there"),
        }
    }
    nodes
}

/// The catalog may lie on nodes that are not up yet.
async fn open_sql(
    env: &Env,
    store: &Store,
    gateway: &GatewayRef,
    memory_bytes: usize,
    spill_reserve_bytes: u64,
) -> Result<Arc<session::Node>, Error> {
    loop {
        let (pool, spill) = (Pool::new(memory_bytes), Place::new(spill_reserve_bytes));
        let failure = match session::Node::open(env.clone(), gateway.clone(), pool, spill).await {
            Ok(node) => return Ok(node),
            Err(failure) => failure,
        };
        let passes = failure.is_unreachable();
        let error = failure.into_error();
        if let Some(why) = store.node().why_stopped() {
            return Err(Error::Stopped(why));
        }
        if !passes {
            return Err(Error::Failed(format!("open the catalog: {error}")));
        }
        tracing::warn!("waiting for other nodes of the cluster: {error}");
    }
}

const GREET_WITHIN: Duration = Duration::from_secs(2);

/// How long statements may go on when the node is closed.
const GRACE: Duration = Duration::from_secs(5);

/// Without TLS, and with a superuser who needs no password and figures that nobody has to ask for, only this machine's own
/// programs may come.
fn refuse_strangers(address: SocketAddr) -> Result<(), Error> {
    match address.ip().is_loopback() {
        true => Ok(()),
        false => Err(Error::Address(format!("{address} is not a loopback address: TLS is not there yet"))),
    }
}

const PID_BITS: i32 = 20;
const NODES_WITH_PIDS: i32 = 1 << 11;

fn sql_options(env: &Env, node: Arc<session::Node>) -> pg::Options {
    let roles: pg::Roles = Arc::new(move |name: &str| {
        let found = node.catalog().role_named(name).cloned();
        let role = found.map(|role| pg::Role { verifier: role.password.clone(), superuser: role.superuser });
        Box::pin(async move { Ok(role) })
    });
    let mut secret = [0; 32];
    for part in secret.chunks_mut(8) {
        part.copy_from_slice(&env.entropy.next_u64().to_le_bytes());
    }
    // Different on all nodes, so that a number names one session of the cluster.
    let first = ((env.node().0 as i32 - 1) % NODES_WITH_PIDS) << PID_BITS;
    let pids = first + 1..=first + (1 << PID_BITS) - 1;
    pg::Options { trust_loopback: true, pids, ..pg::Options::new(roles, secret) }
}
