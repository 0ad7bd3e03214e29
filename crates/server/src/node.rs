//! Starting and closing a node, in order.
//!
//! ```text
//! lock, version → room → port → log, state, ranges serve → ready
//! ```
//! The port is taken early, because a taken one shall not cost the time of a recovery. Until the store serves, requests
//! are answered by nobody.

use std::net::SocketAddr;
use std::time::Duration;

use atoll_cluster::{Store, store};
use atoll_env::tasks::Task;
use atoll_env::{Env, Mono};

use crate::ballast::{self, Ballast};
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
        let rpc = options.rpc.listen(env).await?;
        // Now, because the recovery needs room too.
        let ballast = env.tasks.spawn_dedicated("ballast", ballast.watch());
        let opened = Store::open(env, identity.node, options.store).await;
        let store = opened.map_err(|error| Error::open(&directory::name(env), error))?;
        Ok(Server { directory, store, rpc, ballast, took: env.clock.mono() - begin })
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
