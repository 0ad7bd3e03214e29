//! The machine that a server process runs on.

use std::fs;

/// How much memory the process may use: the machine's, or that of the control group it was put in, if that is less.
pub fn memory_bytes() -> u64 {
    let machine = rustix::system::sysinfo();
    let all = machine.totalram.saturating_mul(u64::from(machine.mem_unit));
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    // Where there is no such file there is no such limit; "max" is none either.
    let limit = limits.iter().find_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    limit.map_or(all, |limit| limit.min(all))
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_is_some_memory() {
        assert!(super::memory_bytes() > 64 << 20);
    }
}
