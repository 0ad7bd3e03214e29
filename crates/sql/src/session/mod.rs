//! A client's session.
//!
//! - [`scope`]: what statements see of their session
//! - [`node`]: what all sessions of a node share
//! - [`locks`]: who may use a table while somebody changes it

pub mod locks;
pub mod node;
pub mod scope;

pub use node::Node;
pub use scope::Scope;
