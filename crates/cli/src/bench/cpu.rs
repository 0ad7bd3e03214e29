//! CPU time of this process, all threads, user and system.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

pub fn process() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
