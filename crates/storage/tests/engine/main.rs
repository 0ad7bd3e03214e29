//! The state engine from outside: against a model, through crashes, and on damaged files.

// Directories, copies of files and processes of their own: none of this runs in a simulated node.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod crash;
mod damage;
mod differential;
mod kill;
mod limits;
mod model;
