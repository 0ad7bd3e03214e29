//! The task that keeps segments in supply: prepares the next one before it is needed, deletes those that nobody needs.
//!
//! So the writer never waits for room, and a full disk is noticed while there is still a segment to write to.

use std::sync::Arc;

use atoll_env::fault;

use super::{
    segment::Segment,
    shared::{Chore, Next, Shared},
};
use crate::{Error, Result};

pub async fn run(shared: Arc<Shared>) {
    let mut may_delete = true;
    while let Some(chore) = shared.next_chore(may_delete).await {
        match chore {
            Chore::Delete(segment) => {
                if let Err(error) = delete(&shared, &segment).await {
                    // It only costs room; the next start tries again.
                    tracing::warn!(segment = segment.number, %error, "a log segment can't be deleted");
                    may_delete = false;
                }
            }
            Chore::Prepare(number) => {
                let prepared =
                    Segment::prepare(&shared.env, &shared.dir, shared.log, number, shared.segment_bytes).await;
                match prepared {
                    Ok(prepared) => shared.set_next(Next::Ready(prepared)),
                    Err(Error::Full) => shared.set_next(Next::Full { number, since: shared.env.clock.mono() }),
                    // A disk that can't make files is no place for a log, and a failed sync must not be repeated.
                    Err(error) => drop(shared.stop(Error::poisoned(error))),
                }
            }
        }
    }
}

/// Each deletion is made durable before the next, or a crash could leave a gap.
async fn delete(shared: &Shared, segment: &Segment) -> Result<()> {
    let failed = |error| Error::io(format_args!("delete {}", segment.path().display()), error);
    shared.env.disk.remove_file(segment.path()).await.map_err(failed)?;
    shared.env.faults.crash_here(fault::CRASH_WAL_PURGE).await;
    shared.env.disk.sync_dir(&shared.dir).await.map_err(failed)?;
    shared.deleted(segment.number);
    Ok(())
}
