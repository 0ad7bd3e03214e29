//! Requests between nodes: a message to a service of a node, and its answer. And where [`clients`] connect.
//!
//! INVARIANT: [`Error::Unreachable`] means that no handler ran or will run for the request; everything less certain is
//! [`Error::Lost`]. Whoever retries relies on it. Neither side promises order, and a request may be handled twice.
//!
//! Deliberately absent: encryption and authentication (hence loopback addresses only), streams.

pub mod clients;
mod frame;
mod real;

use std::{io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;

pub use self::frame::BODY_BYTES_MAX;
use self::real::RealNet;
use crate::{NodeId, Tasks, sim::Incarnation};

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The addressee at a node. The numbers are what goes over the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Service {
    Raft = 1,
    Range = 2,
    Status = 3,
    Node = 4,
    Sql = 5,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The request certainly didn't reach a handler and never will.
    #[error("the node can't be reached")]
    Unreachable,
    /// The request may have been handled, or may yet be: the time ran out or the connection broke.
    #[error("no answer came")]
    Lost,
}

/// A node and the cluster that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Who {
    pub node: NodeId,
    pub cluster: u128,
}

/// Answers one service's requests.
pub(crate) type Handler = Arc<dyn Fn(NodeId, Bytes) -> BoxFuture<'static, Bytes> + Send + Sync>;

#[derive(Clone)]
pub struct Net {
    side: Side,
}

#[derive(Clone)]
enum Side {
    Real(Arc<RealNet>),
    Sim(Arc<Incarnation>),
}

impl Net {
    pub(crate) fn real(node: NodeId, tasks: Tasks) -> Net {
        Net { side: Side::Real(Arc::new(RealNet::new(node, tasks))) }
    }

    pub(crate) fn sim(incarnation: Arc<Incarnation>) -> Net {
        Net { side: Side::Sim(incarnation) }
    }

    /// Who this node is, and of which cluster. Nodes of another cluster are refused from then on; 0 is nobody's.
    pub fn set_node(&self, node: NodeId, cluster: u128) {
        match &self.side {
            Side::Real(net) => net.set_who(Who { node, cluster }),
            Side::Sim(incarnation) => assert_eq!(node, incarnation.node(), "a node took the id of another"),
        }
    }

    /// Who listens at an address. That node is found there from now on.
    pub async fn greet(&self, address: &str, within: Duration) -> io::Result<NodeId> {
        match &self.side {
            Side::Real(net) => net.greet(address, within).await,
            // Their addresses are their names.
            Side::Sim(_) => match address.strip_prefix('n').and_then(|number| number.parse().ok()) {
                Some(number) => Ok(NodeId(number)),
                None => Err(io::ErrorKind::AddrNotAvailable.into()),
            },
        }
    }

    pub fn node(&self) -> NodeId {
        match &self.side {
            Side::Real(net) => net.who().node,
            Side::Sim(incarnation) => incarnation.node(),
        }
    }

    /// Sends a request and waits for its answer, `timeout` in all. `body` may have up to [`BODY_BYTES_MAX`] bytes.
    pub async fn call(&self, to: NodeId, service: Service, body: Bytes, timeout: Duration) -> Result<Bytes, Error> {
        assert!(body.len() <= BODY_BYTES_MAX, "a request of {} bytes must be cut up by its sender", body.len());
        match &self.side {
            Side::Real(net) => net.call(to, service as u8, body, timeout).await,
            Side::Sim(incarnation) => incarnation.net_call(to, service as u8, body, timeout).await,
        }
    }

    /// Answers this service's requests from now on. Each runs as a task of its own.
    pub fn serve(
        &self,
        service: Service,
        handler: impl Fn(NodeId, Bytes) -> BoxFuture<'static, Bytes> + Send + Sync + 'static,
    ) {
        match &self.side {
            Side::Real(net) => net.serve(service as u8, Arc::new(handler)),
            Side::Sim(incarnation) => incarnation.net_serve(service as u8, Arc::new(handler)),
        }
    }

    /// Where to find a node: `host:port`.
    pub fn set_peer(&self, node: NodeId, address: String) {
        match &self.side {
            Side::Real(net) => net.set_peer(node, address),
            // Simulated nodes find each other by id.
            Side::Sim(_) => (),
        }
    }

    /// Accepts connections at this address, which must be a loopback one; port 0 takes a free one. Returns the address
    /// in use.
    pub async fn listen(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        match &self.side {
            Side::Real(net) => net.listen(address).await,
            // Always listening.
            Side::Sim(_) => Ok(address),
        }
    }

    /// Accepts connections of clients at this address, any of this machine; port 0 takes a free one.
    pub async fn listen_clients(&self, address: SocketAddr) -> io::Result<clients::Listener> {
        match &self.side {
            Side::Real(_) => clients::Listener::real(address),
            Side::Sim(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "a simulated node has no clients' sockets")),
        }
    }
}
