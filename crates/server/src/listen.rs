//! Which port: the one that was asked for and no other, or near the default one.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};

use atoll_env::Env;

use crate::error::Error;

pub const RPC_PORT: u16 = 7400;
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

impl Default for Listen {
    fn default() -> Listen {
        Listen::Near(RPC_PORT)
    }
}

impl Listen {
    /// Begins to accept connections.
    pub async fn listen(self, env: &Env) -> Result<SocketAddr, Error> {
        match self {
            Listen::At(address) => env.net.listen(address).await.map_err(|error| match error.kind() {
                ErrorKind::AddrInUse => Error::Address(format!("{address} is taken by another process")),
                _ => Error::Address(format!("can't listen on {address}: {error}")),
            }),
            Listen::Near(first) => {
                for port in first..=first.saturating_add(TRIES) {
                    match env.net.listen((Ipv4Addr::LOCALHOST, port).into()).await {
                        Ok(address) => {
                            if port != first {
                                tracing::warn!("port {first} is taken, so rpc listens on {address}");
                            }
                            return Ok(address);
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
