//! Which port: the one that was asked for and no other, or near the default one.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};

use atoll_env::Env;
use atoll_env::net::clients::Listener;

use crate::error::Error;

pub const RPC_PORT: u16 = 7400;
pub const SQL_PORT: u16 = 5432;
pub const HTTP_PORT: u16 = 8080;
/// How far a default moves.
const TRIES: u16 = 100;

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// The default port of the loopback address, or the next free one after it.
    Near(u16),
    /// Exactly here. Port 0 takes any free one.
    At(SocketAddr),
}

impl Listen {
    /// Begins to accept connections of other nodes.
    pub async fn rpc(self, env: &Env) -> Result<SocketAddr, Error> {
        self.listen("rpc", async |address| env.net.listen(address).await).await
    }

    /// Begins to accept connections of clients.
    pub async fn sql(self, env: &Env) -> Result<Listener, Error> {
        self.listen("SQL", async |address| env.net.listen_clients(address).await).await
    }

    /// Begins to accept connections of browsers and watchers.
    pub async fn http(self, env: &Env) -> Result<Listener, Error> {
        self.listen("http", async |address| env.net.listen_clients(address).await).await
    }

    async fn listen<T>(self, what: &str, listen: impl AsyncFn(SocketAddr) -> io::Result<T>) -> Result<T, Error> {
        match self {
            Listen::At(address) => listen(address).await.map_err(|error| match error.kind() {
                ErrorKind::AddrInUse => Error::Address(format!("{address} is taken by another process")),
                _ => Error::Address(format!("can't listen on {address}: {error}")),
            }),
            Listen::Near(first) => {
                for port in first..=first.saturating_add(TRIES) {
                    match listen((Ipv4Addr::LOCALHOST, port).into()).await {
                        Ok(listening) => {
                            if port != first {
                                tracing::warn!("port {first} is taken, so {what} listens on 127.0.0.1:{port}");
                            }
                            return Ok(listening);
                        }
                        Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                        Err(error) => return Err(Error::Address(format!("can't listen on port {port}: {error}"))),
                    }
                }
                Err(Error::Address(format!("port {first} and the {TRIES} after it are taken")))
            }
        }
    }
}
