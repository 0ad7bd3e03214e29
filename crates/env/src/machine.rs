//! The machine that a server process runs on.

use std::fs;
use std::time::Duration;

/// How much memory the process may use: the machine's, or that of the control group it was put in, if that is less.
pub fn memory_bytes() -> u64 {
    let machine = rustix::system::sysinfo();
    let all = machine.totalram.saturating_mul(u64::from(machine.mem_unit));
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    // Where there is no such file there is no such limit; "max" is none either.
    let limit = limits.iter().find_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    limit.map_or(all, |limit| limit.min(all))
}

/// What this process uses.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pub resident_bytes: u64,
    /// On all cores, in this process and for it.
    pub cpu: Duration,
    pub open_files: u64,
    pub threads: u64,
}

impl Process {
    /// None where the system doesn't tell.
    pub fn now() -> Option<Process> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name, which is in parentheses, may hold anything.
        let fields: Vec<&str> = stat[stat.rfind(')')? + 2..].split(' ').collect();
        // As proc(5) counts them, from the state on, which is the third.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let ticks = field(14)? + field(15)?;
        Some(Process {
            resident_bytes: field(24)? * rustix::param::page_size() as u64,
            cpu: Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()),
            open_files: fs::read_dir("/proc/self/fd").ok()?.count() as u64,
            threads: field(20)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn the_process_uses_something() {
        let process = Process::now().expect("/proc is there");
        assert!(process.resident_bytes > 1 << 20 && process.open_files > 2 && process.threads > 0, "{process:?}");
    }

    #[test]
    fn there_is_some_memory() {
        assert!(super::memory_bytes() > 64 << 20);
    }
}
