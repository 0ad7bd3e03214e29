//! Starting and closing a node, in order.
//!
//! ```text
//! lock, version → room → port → log, state, ranges serve → ready
//! ```
//! The port is taken early, because a taken one shall not cost the time of a recovery. Until the store serves, requests
//! are answered by nobody.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use atoll_cluster::{Store, store};
use atoll_env::tasks::Task;
use atoll_env::{Env, Mono};
use atoll_pg as pg;
use atoll_sql::exec::memory::Pool;
use atoll_sql::exec::spill::Place;
use atoll_sql::kv::Senders;
use atoll_sql::session;

use crate::ballast::{self, Ballast};
use crate::directory::{self, Directory, Identity};
use crate::error::Error;
use crate::listen::{Listen, RPC_PORT, SQL_PORT};

#[derive(Clone, Debug)]
pub struct Options {
    pub rpc: Listen,
    pub sql: Listen,
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
    ballast: Task<()>,
    took: Duration,
}

impl Server {
    /// Returns when every range serves. `env` has the data directory as its disk.
    pub async fn start(env: &Env, mut options: Options) -> Result<Server, Error> {
        let begin: Mono = env.clock.mono();
        let directory = Directory::open(env).await?;
        options.store.reserve_bytes = ballast::writes_refused_below(&options.store);
        let ballast = Ballast::open(env, &options.store).await?;
        ballast.check_room().await?;
        let identity = directory.identity;
        env.net.set_node(identity.node);
        let rpc = options.rpc.rpc(env).await?;
        let clients = options.sql.sql(env).await?;
        refuse_strangers(clients.address())?;
        // Now, because the recovery needs room too.
        let ballast = env.tasks.spawn_dedicated("ballast", ballast.watch());
        // What statements lay aside ends before writes are refused.
        let spill = Place::new(2 * options.store.reserve_bytes);
        let opened = Store::open(env, identity.node, options.store).await;
        let store = opened.map_err(|error| Error::open(&directory::name(env), error))?;
        let gateway = Arc::new(Senders(store.router()));
        let opened = session::Node::open(env.clone(), gateway, Pool::new(options.memory_bytes), spill).await;
        let node = opened.map_err(|failure| match store.node().why_stopped() {
            Some(why) => Error::Stopped(why),
            None => Error::Failed(format!("open the catalog: {}", failure.into_error())),
        })?;
        let sql = pg::serve(node.clone(), env.clone(), clients, sql_options(env, node));
        Ok(Server { directory, store, rpc, sql, ballast, took: env.clock.mono() - begin })
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

    pub fn sql(&self) -> SocketAddr {
        self.sql.address()
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
        self.sql.stop(GRACE).await;
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

/// How long statements may go on when the node is closed.
const GRACE: Duration = Duration::from_secs(5);

/// Without TLS, and with a superuser who needs no password, only this machine's own programs may come.
fn refuse_strangers(address: SocketAddr) -> Result<(), Error> {
    match address.ip().is_loopback() {
        true => Ok(()),
        false => Err(Error::Address(format!("{address} is not a loopback address: TLS for clients is not there yet"))),
    }
}

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
    pg::Options { trust_loopback: true, ..pg::Options::new(roles, secret) }
}
