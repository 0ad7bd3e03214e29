//! One node, assembled: its data directory, its store, its rpc port, and how all of that begins and ends.
//!
//! | module | the idea |
//! | --- | --- |
//! | [`directory`] | whose data lies in a directory, of which version, and that nobody else uses it |
//! | `ballast` | room on the disk, kept for when others have filled it |
//! | [`listen`] | which port |
//! | [`http`] | health, metrics and the console |
//! | `topology` | what SQL is told of nodes and ranges |
//! | [`node`] | starting and closing, in order |
//! | [`inspect`] | a stopped store in readable form, and whether all of it can be read |
//!
//! INVARIANT: nothing below the data directory is opened or made before its lock is held and its version is known.
//!
//! What is not here yet: settings from a file. Signals, the terminal and exit codes belong to the binary.

mod ballast;
pub mod directory;
pub mod error;
pub mod http;
pub mod inspect;
pub mod listen;
pub mod node;
mod topology;

pub use directory::{Directory, Identity};
pub use error::Error;
pub use listen::Listen;
pub use node::{Options, Server};
