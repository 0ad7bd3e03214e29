//! Sessions on a store in the simulation.

mod definition;
mod explain;
mod node;
mod statistics;
