//! Groups from outside, in a simulated world: one voter, three, and random faults.

// One program for all of them: what they have of openraft takes a minute to compile.
mod common;
mod faults;
mod single;
mod three;
