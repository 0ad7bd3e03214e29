//! The one task that writes the log: takes what is queued, writes it as one frame, syncs once, tells everybody.
//!
//! While it syncs, the queue fills again; nothing else makes a frame large, and nobody waits on purpose.
//!
//! INVARIANT: a frame is written only after the frame before it was synced. Recovery relies on it: at most one frame is
//! unfinished, and it is the last.
//! INVARIANT: after a failed write or sync nothing more is written and nobody is told that anything is durable. A sync
//! is never tried twice, since the second one may succeed without the data.

use std::sync::Arc;

use atoll_env::fault;

use super::{
    format::{FRAME_HEADER_BYTES, FrameKind, HEADER_BYTES, Place, begin_frame, frame_len, pad_frame, seal_frame},
    queue::{Done, Item, tell},
    segment::{Prepared, Segment},
    shared::Shared,
    watermark::{Watermark, WatermarkFile},
};
use crate::{Error, Result};

/// A larger frame buffer isn't kept.
const BUFFER_BYTES_KEPT: usize = 8 << 20;

pub struct Writer {
    shared: Arc<Shared>,
    watermark: WatermarkFile,
    /// Of the last synced frame.
    sequence: u64,
    open: Option<OpenSegment>,
    buffer: Vec<u8>,
    /// Where in the segment the records of the buffer will be, relative to the frame until that is known.
    offsets: Vec<usize>,
}

/// Where the next frame goes.
pub struct OpenSegment {
    pub segment: Arc<Segment>,
    pub end: u64,
    pub capacity: u64,
}

impl OpenSegment {
    pub fn room(&self) -> u64 {
        self.capacity.saturating_sub(self.end)
    }
}

impl Writer {
    pub fn new(shared: Arc<Shared>, watermark: WatermarkFile, sequence: u64, open: Option<OpenSegment>) -> Writer {
        Writer { shared, watermark, sequence, open, buffer: Vec::new(), offsets: Vec::new() }
    }

    /// Writes until the log is closed, or for the first time something goes wrong.
    pub async fn run(mut self) {
        let _end = EndOfWriter(self.shared.clone());
        while let Some(mut items) = self.shared.next_items().await {
            match self.commit(&mut items).await {
                Ok(Outcome::Synced) => {
                    // The keeper may have stopped the log meanwhile. Then not even what is durable is confirmed.
                    let result = self.shared.lock().state.check();
                    tell(items.into_iter().filter_map(|item| item.done), result);
                }
                Ok(Outcome::NoRoom) => {
                    let room = self.open.as_ref().map_or(0, OpenSegment::room) as usize;
                    // A frame's length is a multiple of eight.
                    let room = (room & !7).saturating_sub(FRAME_HEADER_BYTES);
                    let refused = self.shared.lock().state.refuse(items, room);
                    tell(refused, Err(Error::Full));
                }
                Err(error) => {
                    let error = self.shared.stop(Error::poisoned(error));
                    tell(items.into_iter().filter_map(|item| item.done), Err(error));
                    return;
                }
            }
        }
        if self.shared.lock().state.check().is_ok() {
            let reason = match self.mark_clean().await {
                Ok(()) => Error::Closed,
                Err(error) => Error::poisoned(error),
            };
            self.shared.stop(reason);
        }
    }

    /// Makes sure that there is a segment to write to; [`Error::Full`] if there can't be one.
    pub async fn begin(&mut self) -> Result<()> {
        if self.open.is_none() && matches!(self.rotate(0).await?, Outcome::NoRoom) {
            return Err(Error::Full);
        }
        Ok(())
    }

    async fn commit(&mut self, items: &mut [Item]) -> Result<Outcome> {
        self.encode(items);
        if self.open.as_ref().is_none_or(|open| open.room() < self.buffer.len() as u64) {
            if let Outcome::NoRoom = self.rotate(self.buffer.len()).await? {
                return Ok(Outcome::NoRoom);
            }
            // The checkpoint took the buffer.
            self.encode(items);
        }
        let early = self.shared.env.faults.here(fault::BUG_ACK_BEFORE_FSYNC);
        let early = if early { items.iter_mut().filter_map(|item| item.done.take()).collect() } else { Vec::new() };
        let open = self.open.as_ref().expect("there is room in it");
        let start = open.end as usize;
        let (number, room) = (open.segment.number, open.room() - self.buffer.len() as u64);
        self.write_frame(FrameKind::Commit, early).await?;
        self.offsets.iter_mut().for_each(|offset| *offset += start);
        self.shared.settle(items, number, &self.offsets, self.buffer.len(), room);
        self.note(false).await?;
        self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        Ok(Outcome::Synced)
    }

    fn encode(&mut self, items: &[Item]) {
        begin_frame(&mut self.buffer);
        self.offsets.clear();
        for item in items {
            for record in item.op.records() {
                self.offsets.push(self.buffer.len());
                record.encode(item.group, &mut self.buffer);
            }
        }
        pad_frame(&mut self.buffer);
    }

    /// Goes on in the next segment, with room for a frame of this length after the checkpoint.
    async fn rotate(&mut self, needed: usize) -> Result<Outcome> {
        let Some(prepared) = self.shared.take_next().await? else { return Ok(Outcome::NoRoom) };
        begin_frame(&mut self.buffer);
        for (group, record) in self.shared.lock().state.checkpoint() {
            record.encode(group, &mut self.buffer);
        }
        pad_frame(&mut self.buffer);
        let total = (HEADER_BYTES + self.buffer.len() + needed) as u64;
        let Prepared { mut segment, mut capacity } = prepared;
        if capacity < total {
            // A segment of its own size for a frame that fits no other.
            match segment.reserve(total).await {
                Ok(reserved) => (segment.bytes, capacity) = (reserved, reserved),
                Err(Error::Full) => {
                    self.shared.give_back(Prepared { segment, capacity });
                    return Ok(Outcome::NoRoom);
                }
                Err(error) => return Err(error),
            }
        }
        // From here on the live slot of the watermark is the other one, so that one of them is always durable.
        self.watermark.seal().await?;
        self.shared.env.faults.crash_here(fault::CRASH_WAL_ROTATE).await;
        let segment = Arc::new(segment);
        self.open = Some(OpenSegment { segment: segment.clone(), end: HEADER_BYTES as u64, capacity });
        self.write_frame(FrameKind::Checkpoint, Vec::new()).await?;
        self.note(false).await?;
        self.shared.env.faults.crash_here(fault::CRASH_WAL_ROTATE).await;
        let room = capacity - HEADER_BYTES as u64 - self.buffer.len() as u64;
        self.shared.rotated(segment, room, self.buffer.len());
        Ok(Outcome::Synced)
    }

    /// Writes the buffer as the next frame and syncs it.
    async fn write_frame(&mut self, kind: FrameKind, early: Vec<Done>) -> Result<()> {
        let faults = &self.shared.env.faults;
        let open = self.open.as_mut().expect("somebody made room in it");
        let place = Place { log: self.shared.log, segment: open.segment.number };
        debug_assert_eq!(self.buffer.len(), frame_len(self.buffer.len() - FRAME_HEADER_BYTES));
        seal_frame(place, open.end, self.sequence + 1, kind, &mut self.buffer);
        faults.crash_here(fault::CRASH_WAL_BEFORE_WRITE).await;
        open.segment.write(open.end, &self.buffer).await?;
        faults.crash_here(fault::CRASH_WAL_BEFORE_SYNC).await;
        tell(early, Ok(()));
        faults.delay_here(fault::DELAY_WAL_SYNC).await;
        open.segment.sync().await?;
        faults.crash_here(fault::CRASH_WAL_AFTER_SYNC).await;
        open.end += self.buffer.len() as u64;
        self.sequence += 1;
        Ok(())
    }

    async fn note(&mut self, clean: bool) -> Result<()> {
        let Some(open) = &self.open else { return Ok(()) };
        let watermark = Watermark {
            log: self.shared.log,
            sequence: self.sequence,
            segment: open.segment.number,
            end: open.end,
            clean,
        };
        self.watermark.note(watermark).await
    }

    async fn mark_clean(&mut self) -> Result<()> {
        self.note(true).await?;
        self.watermark.seal().await
    }
}

enum Outcome {
    Synced,
    NoRoom,
}

/// However the writer ends, nobody may wait for it any longer.
struct EndOfWriter(Arc<Shared>);

impl Drop for EndOfWriter {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(Error::poisoned("the log's writer panicked"));
        }
        self.0.writer_ended();
    }
}
