//! PostgreSQL's protocol, version 3.0: bytes of clients on one side, sessions on the other.
//!
//! ```text
//!   socket ──▶ startup ──▶ auth ──▶ connection: frame ─▶ message ─▶ backend (a session)
//!   (env)      TLS         SCRAM                                        │
//!      ◀─────────────────────────────────────── wire ◀── reply ◀────────┘
//! ```
//! Read in this order:
//!
//! - [`message`], [`reply`]: the bytes, as pure functions
//! - [`socket`], [`wire`]: one client's stream, and what a session sees of it
//! - [`startup`], [`scram`], [`auth`], [`tls`]: from the first byte to a session
//! - [`connection`]: the conversation
//! - [`server`]: all connections of a node: limits, cancel requests, the end
//! - [`backend`]: what a session is to this crate
//!
//! INVARIANT: no byte from outside causes a panic, or an allocation far beyond what has arrived. `tests/hostile.rs`
//! tries.
//!
//! What it deliberately does not do: know SQL; replication, GSS encryption, function calls (0A000); keep a result that a
//! slow client doesn't read (it waits instead).
//!
//! Follows PostgreSQL's "Frontend/Backend Protocol", and RFC 5802, 7677 and 5929 for passwords.

pub mod auth;
pub mod backend;
pub mod connection;
pub mod message;
pub mod reply;
pub mod scram;
pub mod server;
pub mod socket;
pub mod startup;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod wire;

pub use auth::{Role, Roles};
pub use server::{Handle, Options, serve};
pub use tls::Tls;
