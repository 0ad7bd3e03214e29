//! The checkers, one property a file. Each looks at what clients were told, and at what is there in the end, and knows
//! nothing of how it came about.
//!
//! | file | the property |
//! | --- | --- |
//! | [`bank`] | every snapshot, at every isolation level, shows the same sum |
//! | [`linear`] | operations on one key look as if each happened at one moment between its start and its end |
//! | [`cycles`] | transactions have an order: serializability with real time, and snapshot isolation |
//! | [`counter`] | no acknowledged increment under a lock is lost, none happens twice, and a shared lock holds |
//! | [`skew`] | no two transactions each break what the other one relied on |
//! | [`model`] | one client's rows are exactly what it made them |
//! | [`agreement`] | all replicas apply the same commands, and every acknowledged one |
//! | [`replicas`] | replicas that have applied the same commands hold the same bytes |
//! | [`leases`] | at no moment two nodes believe to be the leaseholder of one range |
//! | [`coverage`] | every key is of one range |
//!
//! Durability is part of all of them: the last reads come after the last crash.
//!
//! A checker reports at most [`REPORTED_MAX`] violations: the first ones tell most.

pub mod agreement;
pub mod bank;
pub mod counter;
pub mod coverage;
pub mod cycles;
pub mod leases;
pub mod linear;
pub mod model;
pub mod replicas;
pub mod skew;

pub const REPORTED_MAX: usize = 5;

/// What became of a transaction, as far as its client knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It certainly had no effect: its commit was never sent, or was refused.
    Failed,
    /// Its commit was sent and no answer came back.
    Unknown,
    Committed,
}
