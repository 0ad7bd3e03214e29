//! Everything outside the program: clock, disk, network, tasks, entropy and faults.
//!
//! All other crates reach the outside world through an [`Env`], so that one node, or a whole cluster of them, can also
//! run on a simulated world in which power fails, disks lie and messages vanish, reproducibly from one seed.
//!
//! Each part is a plain struct that hides which of the two sides it talks to; nothing in its interface tells. The real
//! sides live beside their interfaces ([`disk`], [`net`]), the simulated ones in [`sim`].
//!
//! INVARIANT: no other crate calls the standard library's or tokio's clocks, files, sockets, threads or random numbers
//! (the state engine's own files excepted). The simulator relies on it: one seed gives one run.
//!
//! Deliberately absent: any question of the form "am I simulated?". Code that wants to be disturbed at an interesting
//! place names a fault point ([`Faults`]), which is never true outside the simulator.

// This crate is the one place where the outside world is allowed; the lint forbids it everywhere else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod clock;
pub mod disk;
pub mod entropy;
pub mod faults;
pub mod machine;
pub mod net;
pub mod rng;
pub mod sim;
pub mod tasks;

use std::{fmt, path::PathBuf};

pub use clock::{Clock, Mono};
pub use disk::Disk;
pub use entropy::Entropy;
pub use faults::{Fault, Faults, fault};
pub use net::Net;
pub use tasks::{BoxFuture, Tasks};

/// A node of a cluster. The number is given once, when the node's data directory is made, and never used again for
/// another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// One node's view of the outside world. Clones share everything.
#[derive(Clone)]
pub struct Env {
    pub clock: Clock,
    pub disk: Disk,
    pub net: Net,
    pub tasks: Tasks,
    pub entropy: Entropy,
    pub faults: Faults,
}

impl Env {
    /// The world of a server process that keeps its data under `root`. Touches nothing yet; the node's id is unknown
    /// until [`Net::set_node`].
    pub fn real(root: PathBuf) -> Env {
        Env::real_with(Disk::real(Some(root)), NodeId::default())
    }

    /// The world of a process without a data directory, such as a command line client: every disk operation fails.
    pub fn real_client(node: NodeId) -> Env {
        Env::real_with(Disk::real(None), node)
    }

    fn real_with(disk: Disk, node: NodeId) -> Env {
        let clock = Clock::real();
        let entropy = Entropy::real();
        let tasks = Tasks::real(clock.clone(), entropy.clone());
        let net = Net::real(node, tasks.clone());
        Env { clock, disk, net, tasks, entropy, faults: Faults::none() }
    }

    /// This node's id, as set by [`Net::set_node`].
    pub fn node(&self) -> NodeId {
        self.net.node()
    }
}
