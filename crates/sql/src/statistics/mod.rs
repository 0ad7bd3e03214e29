//! What is known of the rows of tables: read by ANALYZE, or by a node in the background when much has changed.
//!
//! ```text
//!   commits ──▶ tally ──much has changed──▶ automatic ─┐
//!                                                      ├─▶ collect ──▶ optimize::analyze ──▶ catalog::statistics
//!   ANALYZE (session::analyze) ────────────────────────┘    (sample)
//! ```
//!
//! - [`mod@collect`]: reads a table's rows and keeps a sample of them
//! - [`sample`]: as many rows as fit, each as likely as any other
//! - [`tally`]: how many rows have changed
//! - [`automatic`]: ANALYZE without being asked
//!
//! A table is read whole, so the number of rows is exact and the sample is spread over all of it; only the sample is
//! kept. Reading goes page by page, each at its own moment, and neither locks anything nor holds back old versions.

pub mod automatic;
pub mod collect;
pub mod sample;
pub mod tally;

pub use collect::{Collected, collect};
pub use tally::{Count, Tallies, Tally};
