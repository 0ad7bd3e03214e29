//! Room that the node holds for itself, and lets go of when others have filled the disk.
//!
//! A node on a full disk refuses writes and serves reads. But reads too need a little room now and then: a range writes
//! down how high it has read, and a new lease. So a file without content, `ballast`, occupies one and a half times what
//! the engine keeps in reserve, and is deleted when the disk is filled up to that reserve.
//!
//! ```text
//! free room   above 2.5 engine reserves    writes and reads
//!             below                        reads; writes are refused
//!             below 1 engine reserve       the ballast goes: there are 1.5 to 2.5 now; reads go on, writes stay refused
//! ```
//! Writes come back when others make room, above 4 engine reserves: less may come from the ballast and from a checkpoint,
//! and would be gone at once. Then the ballast comes back too.
//!
//! What it can't help against: a disk that is filled between two looks while the engine is writing a table. Then the node
//! stops, having lost nothing.

use std::io;
use std::path::Path;
use std::time::Duration;

use atoll_cluster::store;
use atoll_env::Env;
use atoll_env::disk::Open;

use crate::directory;
use crate::error::Error;

const FILE: &str = "ballast";
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Below this writes are refused.
pub(crate) fn writes_refused_below(options: &store::Options) -> u64 {
    options.reserve_bytes.max(options.engine.reserve_bytes * 5 / 2)
}

pub(crate) struct Ballast {
    env: Env,
    bytes: u64,
    /// Of the engine.
    reserve_bytes: u64,
    writes_refused_below: u64,
    /// Whether the file is there, as far as that is known.
    held: bool,
}

impl Ballast {
    /// Takes over what an earlier start left, and lets go of it if it is needed now.
    pub async fn open(env: &Env, options: &store::Options) -> Result<Ballast, Error> {
        let reserve_bytes = options.engine.reserve_bytes;
        let mut ballast = Ballast {
            env: env.clone(),
            bytes: reserve_bytes + reserve_bytes / 2,
            reserve_bytes,
            writes_refused_below: options.reserve_bytes,
            held: false,
        };
        let looked = ballast.begin().await;
        looked.map_err(|error| Error::io(format_args!("look after {}/{FILE}", directory::name(env)), &error))?;
        Ok(ballast)
    }

    async fn begin(&mut self) -> io::Result<()> {
        let path = Path::new(FILE);
        if self.env.disk.exists(path).await? {
            self.held = true;
            // Half made, by a start that was killed, or made by one with other options.
            if self.env.disk.open(path, Open::Read).await?.len().await? != self.bytes {
                self.let_go().await?;
            }
        }
        self.look().await
    }

    /// Refuses a start without the room that the engine keeps for what is committed: no range would come to serve.
    pub async fn check_room(&self) -> Result<(), Error> {
        let dir = directory::name(&self.env);
        let free = self.free_bytes().await;
        let free = free.map_err(|error| Error::io(format_args!("ask for the room left in {dir}"), &error))?;
        if free >= self.reserve_bytes {
            return Ok(());
        }
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let what =
            format!("{:.1} MiB are free for {dir}, and a start needs {:.1} MiB", mib(free), mib(self.reserve_bytes));
        Err(Error::Full { what })
    }

    /// Looks again and again, as long as the node lives.
    pub async fn watch(mut self) {
        let mut complained = false;
        loop {
            self.env.clock.sleep(LOOK_EVERY).await;
            match self.look().await {
                Ok(()) => complained = false,
                // Nothing depends on it until the disk is full, and it may work the next time.
                Err(error) if !complained => {
                    tracing::warn!(%error, "can't look after the room that is kept for a full disk");
                    complained = true;
                }
                Err(_) => {}
            }
        }
    }

    async fn look(&mut self) -> io::Result<()> {
        let free = self.free_bytes().await?;
        if self.held && free < self.reserve_bytes {
            tracing::warn!(free_bytes = free, "others have filled the disk: using the room that was kept for this");
            return self.let_go().await;
        }
        // Not on a disk so small that hardly anything would be left.
        if !self.held && free > self.writes_refused_below + 2 * self.bytes {
            return self.take().await;
        }
        Ok(())
    }

    async fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.env.disk.space().await?.free_bytes)
    }

    async fn take(&mut self) -> io::Result<()> {
        let file = self.env.disk.open(Path::new(FILE), Open::Create).await?;
        self.held = true;
        if let Err(error) = file.allocate(self.bytes).await {
            // Less than all of it is of no use, and would never be made whole.
            self.let_go().await?;
            return Err(error);
        }
        Ok(())
    }

    async fn let_go(&mut self) -> io::Result<()> {
        self.env.disk.remove_file(Path::new(FILE)).await?;
        self.held = false;
        // Some file systems give the room back only when they have noted the end of the file.
        self.env.disk.sync_dir(Path::new("")).await
    }
}
