//! The write-ahead log: one stream of synced frames, shared by all groups of a node.
//!
//! Whoever must not lose something appends it here and waits until it is durable; all who wait at the same time share
//! one sync. Each group sees its own small log: entries with contiguous indexes, a vote, and the point up to which it
//! was purged.
//!
//! ```text
//! log/lock           held by the process that has the log open
//! log/synced         how far the log was synced (`watermark`)
//! log/00000004.wal   frames; the oldest segment that anybody needs
//! log/00000005.wal   frames; the segment that is being written
//! log/00000006.wal   prepared: header, room reserved, no frames
//!
//! a segment          0     header, one sector: magic "ATOLLWAL", version u32, number u64, log u64,
//!                          cipher u8, key u32 … crc32c u32
//!                    512   frame: the checkpoint, with every group's vote, purge marker and bounds
//!                    …     frame, frame, … each of which starts at a multiple of eight; then zeroes
//!
//! a frame            magic u32 | body length u32 | sequence u64 | kind u8, 0, 0, 0 | crc32c u32 | body
//! its body           records (`record`), padded with zeroes
//! ```
//! The checksum of a frame covers its header, its body, and where it is: the log's random number, the segment's number,
//! the offset. Sequences count all frames of a log without a gap.
//!
//! In reading order: `record` and `format` (bytes), `group` (indexes), `watermark`, `recover` (what a log must be to be
//! believed), `queue` (what is in memory), `writer`, `keeper` (segments made and deleted), `log` (the interface),
//! [`inspect`] (a look from outside).
//!
//! What recovery makes of a frame that isn't valid:
//!
//! | what is found | verdict |
//! | --- | --- |
//! | a valid frame anywhere after it | damage |
//! | it was acknowledged: the watermark is beyond | damage |
//! | neither: a frame that was being written when the process or the power ended | cut off, made zero, synced |
//!
//! Also damage: a broken header, a missing segment, a sequence or an index that doesn't follow, a checkpoint that
//! contradicts what came before, entries that no segment holds, a missing watermark. What a power cut may hide is only
//! a damaged *last* frame, if in addition the watermark lags: then it looks unfinished.
//!
//! INVARIANT: what was confirmed is there after opening, or opening fails.
//! INVARIANT: once a write or sync failed, nothing is confirmed until the log is opened again.
//! INVARIANT: segments are deleted oldest first, when no group has live entries in them, and each deletion is durable
//! before the next. So a gap in the numbers is always damage.
//! INVARIANT: a frame that is written fits what was reserved before. So a full disk refuses work ([`Wal::admit`]) and
//! doesn't break it.
//!
//! Deliberately absent: the meaning of votes, entries and markers (the consensus layer's); compression; encryption,
//! whose place is kept in the header; compaction: a group that never purges pins its oldest segment and all after it,
//! see [`Wal::holders`]. Segments are reserved but not filled with zeroes beforehand: measured on ext4 this takes 10 %
//! off a small lone sync and nothing that matters off a shared one, for twice the bytes written.

mod format;
mod group;
pub mod inspect;
mod keeper;
mod log;
mod queue;
mod record;
mod recover;
mod segment;
mod shared;
mod watermark;
mod writer;

#[cfg(test)]
mod tests;

pub use format::FORMAT_VERSION;
pub use group::Purged;
pub use log::{Bounds, GroupLog, Options, Status, Wal};
