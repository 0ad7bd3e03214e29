//! Starting and closing a node, in order.
//!
//! ```text
//! lock, version → port → log, state, ranges serve → ready
//! ```
//! The port is taken early, because a taken one shall not cost the time of a recovery. Until the store serves, requests
//! are answered by nobody.

use std::net::SocketAddr;
use std::time::Duration;

use atoll_cluster::{Store, store};
use atoll_env::{Env, Mono};

use crate::directory::{self, Directory, Identity};
use crate::error::Error;
use crate::listen::Listen;

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub rpc: Listen,
    pub store: store::Options,
}

/// A node that serves.
pub struct Server {
    directory: Directory,
    store: Store,
    rpc: SocketAddr,
    took: Duration,
}

impl Server {
    /// Returns when every range serves. `env` has the data directory as its disk.
    pub async fn start(env: &Env, options: Options) -> Result<Server, Error> {
        let begin: Mono = env.clock.mono();
        let directory = Directory::open(env).await?;
        let identity = directory.identity;
        env.net.set_node(identity.node);
        let rpc = options.rpc.listen(env).await?;
        let opened = Store::open(env, identity.node, options.store).await;
        let store = opened.map_err(|error| Error::open(&directory::name(env), error))?;
        Ok(Server { directory, store, rpc, took: env.clock.mono() - begin })
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
        // The lock goes with `directory`, last.
        self.store.close().await.map_err(|error| Error::storage("the data directory", &error))
    }
}
