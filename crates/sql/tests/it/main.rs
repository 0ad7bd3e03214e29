//! Sessions on a store in the simulation.

mod copy;
mod definition;
mod explain;
mod locking;
mod node;
mod peers;
mod statistics;
