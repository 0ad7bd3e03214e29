//! Operations of a node on its simulated disk: they take time, leave a trace, and end with their incarnation.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    Incarnation, World,
    disk::{FileRef, SimDisk, io_error},
    world::rest,
};
use crate::{
    NodeId,
    disk::{Open, Space, StateSlot},
};

/// Time of anything but a sync, in microseconds.
const OPERATION_US: std::ops::Range<u64> = 5..60;

impl Incarnation {
    /// Does something on the disk after the usual time. A dead incarnation never gets there.
    async fn disk<T>(&self, event: &'static str, operation: impl FnOnce(&mut SimDisk) -> T) -> T {
        self.while_alive().await;
        let wait = self.world.on_node(self.node, |node, _| rest(&mut node.disk.rng, OPERATION_US));
        wait.await;
        self.while_alive().await;
        self.world.note(event, &[self.node.0]);
        self.world.on_node(self.node, |node, _| operation(&mut node.disk))
    }

    /// Waits as long as a sync takes; true if it fails.
    async fn disk_sync(&self) -> bool {
        self.while_alive().await;
        let sync_us = self.world.sync_us();
        let (wait, extra) =
            self.world.on_node(self.node, |node, _| (rest(&mut node.disk.rng, sync_us), node.disk.slow_sync));
        wait.await;
        if !extra.is_zero() {
            self.world.bit("disk.slow_sync");
            tokio::time::sleep(extra).await;
        }
        self.while_alive().await;
        let fails = self.world.on_node(self.node, |node, _| node.disk.sync_fails());
        if fails {
            self.world.bit("disk.sync_failed");
        }
        fails
    }

    pub(crate) async fn disk_open(self: &Arc<Self>, path: &Path, mode: Open) -> io::Result<SimFile> {
        let file = self.disk("disk.open", |disk| disk.open(path, mode)).await?;
        Ok(SimFile { incarnation: self.clone(), file, writable: mode != Open::Read })
    }

    pub(crate) async fn disk_list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk("disk.list", |disk| disk.list(dir)).await
    }

    pub(crate) async fn disk_create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk("disk.create_dir", |disk| disk.create_dir_all(dir)).await
    }

    pub(crate) async fn disk_remove_file(&self, path: &Path) -> io::Result<()> {
        self.disk("disk.remove", |disk| disk.remove_file(path)).await
    }

    pub(crate) async fn disk_rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk("disk.rename", |disk| disk.rename(from, to)).await
    }

    pub(crate) async fn disk_exists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.disk("disk.exists", |disk| disk.exists(path)).await)
    }

    pub(crate) async fn disk_sync_dir(&self, dir: &Path) -> io::Result<()> {
        let covered = self
            .disk("disk.sync_dir", |disk| if disk.is_dir(dir) { Some(disk.changes_in(dir)) } else { None })
            .await
            .ok_or(io::ErrorKind::NotFound)?;
        if self.disk_sync().await {
            return Err(io_error());
        }
        self.world.on_node(self.node, |node, _| node.disk.dir_synced(dir, covered));
        Ok(())
    }

    pub(crate) async fn disk_lock(self: &Arc<Self>, path: &Path) -> io::Result<SimLock> {
        self.disk("disk.lock", |disk| disk.lock(path, self.number)).await?;
        Ok(SimLock { incarnation: self.clone(), path: path.to_owned() })
    }

    pub(crate) async fn disk_space(&self) -> io::Result<Space> {
        Ok(self.disk("disk.space", |disk| disk.space()).await)
    }

    pub(crate) fn disk_state_slot(&self) -> Arc<StateSlot> {
        self.world.on_node(self.node, |node, _| node.disk.slot.clone())
    }
}

pub(crate) struct SimFile {
    incarnation: Arc<Incarnation>,
    file: FileRef,
    writable: bool,
}

impl SimFile {
    pub(crate) async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.incarnation.disk("disk.read", |_| self.file.lock().live().read(offset, buffer)).await)
    }

    pub(crate) async fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check_writable()?;
        let result = self.incarnation.disk("disk.write", |disk| disk.write(&self.file, offset, data)).await;
        let number = self.file.lock().number;
        let world = &self.incarnation.world;
        world.note("disk.written", &[self.incarnation.node.0, number, offset, data.len() as u64]);
        match result {
            Ok(None) => Ok(()),
            Ok(Some(_)) => {
                world.bit("disk.misdirected");
                Ok(())
            }
            Err(error) => {
                world.bit("disk.full");
                Err(error)
            }
        }
    }

    pub(crate) async fn sync(&self) -> io::Result<()> {
        let upto = self.incarnation.disk("disk.sync", |_| self.file.lock().changes()).await;
        let incarnation = &self.incarnation;
        if incarnation.disk_sync().await {
            incarnation.world.on_node(incarnation.node, |node, _| self.file.lock().sync_failed(&mut node.disk.rng));
            return Err(io_error());
        }
        let number = {
            let mut file = self.file.lock();
            file.synced(upto);
            file.number
        };
        incarnation.world.note("disk.synced", &[incarnation.node.0, number, upto]);
        Ok(())
    }

    pub(crate) async fn len(&self) -> io::Result<u64> {
        Ok(self.incarnation.disk("disk.len", |_| self.file.lock().live().len()).await)
    }

    pub(crate) async fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        self.incarnation.disk("disk.set_len", |disk| disk.set_len(&self.file, len)).await
    }

    pub(crate) async fn allocate(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        self.incarnation.disk("disk.allocate", |disk| disk.allocate(&self.file, len)).await
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

pub(crate) struct SimLock {
    incarnation: Arc<Incarnation>,
    path: PathBuf,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let SimLock { incarnation, path } = self;
        incarnation.world.on_node(incarnation.node, |node, _| node.disk.unlock(path, incarnation.number));
    }
}

impl World {
    /// The next sync on this node's disk fails, and the writes it was to save are lost for good.
    pub fn fail_next_sync(&self, node: NodeId) {
        self.on_node(node, |node, _| node.disk.failing_syncs += 1);
    }

    /// Every sync takes this much longer from now on.
    pub fn slow_sync(&self, node: NodeId, extra: Duration) {
        self.on_node(node, |node, _| node.disk.slow_sync = extra);
    }

    /// The disk has this much room in all from now on.
    pub fn set_capacity(&self, node: NodeId, bytes: u64) {
        self.on_node(node, |node, _| node.disk.capacity = bytes);
    }

    /// The files on a node's disk that its process would find, with their lengths.
    pub fn files(&self, node: NodeId) -> Vec<(PathBuf, u64)> {
        self.on_node(node, |node, _| node.disk.files())
    }

    /// Room on a node's disk, without taking time.
    pub fn space(&self, node: NodeId) -> Space {
        self.on_node(node, |node, _| node.disk.space())
    }

    /// Flips one bit at a random durable place of a random file whose path contains `filter`. Returns the place, or
    /// None if there is no such byte.
    pub fn flip_bit(&self, node: NodeId, filter: &str) -> Option<(PathBuf, u64)> {
        let place = self.on_node(node, |node, _| node.disk.flip_bit(filter));
        if let Some((path, offset)) = &place {
            self.trace("disk.flip_bit", format_args!("{node} {} at {offset}", path.display()));
            self.bit("disk.flip_bit");
        }
        place
    }

    /// Cuts the last bytes off a random file whose path contains `filter`.
    pub fn cut_tail(&self, node: NodeId, filter: &str, bytes: u64) -> Option<PathBuf> {
        let path = self.on_node(node, |node, _| node.disk.cut_tail(filter, bytes));
        if let Some(path) = &path {
            self.trace("disk.cut_tail", format_args!("{node} {} by {bytes}", path.display()));
            self.bit("disk.cut_tail");
        }
        path
    }

    /// The next write to a file whose path contains `filter` lands in another sector of it.
    pub fn misdirect(&self, node: NodeId, filter: &str) {
        self.on_node(node, |node, _| node.disk.misdirect = Some(filter.to_owned()));
    }
}
