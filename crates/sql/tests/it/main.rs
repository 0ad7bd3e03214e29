//! Sessions on a store in the simulation.

mod definition;
mod explain;
mod locking;
mod node;
mod statistics;
