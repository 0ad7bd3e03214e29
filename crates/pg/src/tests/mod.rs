//! Conversations, against a session that follows a script.
//!
//! - [`fake`]: that session, and a server around it
//! - [`raw`]: a client that sends and sees the bytes
//! - the others: what is tested

mod codec;
mod drivers;
mod ends;
mod fake;
mod hostile;
mod login;
mod pipelines;
mod raw;
