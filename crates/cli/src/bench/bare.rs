//! The reference: what the machine can do. A file with room reserved, to which one thread appends the records of all who
//! wait, syncs once, and wakes them. No durable log shared by as many committers can be faster by much.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::fs::{FallocateFlags, fallocate};
use tokio::sync::{mpsc, oneshot};

use super::commits::{Measured, Progress};

const RECORD: [u8; 150] = [0xa5; 150];
const ROOM_BYTES: u64 = 256 << 20;

type Append = oneshot::Sender<()>;

/// So many commit to the file at `path` for so long. The file is removed.
pub async fn measure(path: &Path, committers: usize, during: Duration) -> Result<Measured> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
    let file = file.with_context(|| path.display().to_string())?;
    fallocate(&file, FallocateFlags::empty(), 0, ROOM_BYTES).context("reserve room")?;
    file.sync_all()?;
    let (queue, mut queued) = mpsc::unbounded_channel::<Append>();
    let writer = std::thread::spawn(move || -> std::io::Result<u64> {
        let (mut at, mut syncs) = (0, 0);
        let mut waiting = Vec::new();
        while let Some(first) = queued.blocking_recv() {
            waiting.push(first);
            while let Ok(next) = queued.try_recv() {
                waiting.push(next);
            }
            let records = RECORD.repeat(waiting.len());
            file.write_all_at(&records, at)?;
            file.sync_data()?;
            at = (at + records.len() as u64) % (ROOM_BYTES - (1 << 20));
            syncs += 1;
            for done in waiting.drain(..) {
                // Whoever gave up measures no more.
                let _ = done.send(());
            }
        }
        Ok(syncs)
    });
    let progress = Progress::start();
    let until = Instant::now() + during;
    let mut tasks = Vec::new();
    for _ in 0..committers {
        let queue = queue.clone();
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let begin = Instant::now();
                let (done, durable) = oneshot::channel();
                queue.send(done).ok().context("the writer has ended")?;
                durable.await.context("the writer has ended")?;
                times.push(begin.elapsed());
            }
            anyhow::Ok(times)
        }));
    }
    drop(queue);
    let measured = progress.finish(tasks).await;
    let syncs = writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))?.context("write the bare file")?;
    std::fs::remove_file(path)?;
    Ok(measured?.with_syncs(syncs))
}
