//! What the operating system tells: memory, disk, limits, the wall clock.

use std::{
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Memory of a machine that tells none.
const MEMORY_UNKNOWN: u64 = 1024 * 1024 * 1024;

/// Milliseconds since 1970 by the wall clock, which may jump.
#[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
pub fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// Bytes of memory that this process has.
pub fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    kib_of(&status, "VmRSS:").unwrap_or(0) * 1024
}

/// Bytes of memory that this process may have at most: the machine's, or its control group's.
pub fn memory() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let machine = kib_of(&machine, "MemTotal:").map_or(MEMORY_UNKNOWN, |kib| kib * 1024);
    control_group_memory().map_or(machine, |group| group.min(machine))
}

/// The bound of the control group that this process is in, if it has one.
fn control_group_memory() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let file = format!("/sys/fs/cgroup{group}/memory.max");
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The number behind a name in a file of `/proc`.
fn kib_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes that are free for this process on the disk of a folder, if the system tells.
#[cfg(unix)]
pub fn disk_free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Bytes that are free for this process on the disk of a folder, if the system tells.
#[cfg(not(unix))]
pub fn disk_free(_folder: &Path) -> Option<u64> {
    None
}

/// Files and sockets that this process may have open, if the system tells.
pub fn open_files_max() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes that the system lets a program set aside for what a socket receives, if it tells.
pub fn receive_buffer_max() -> Option<u64> {
    fs::read_to_string("/proc/sys/net/core/rmem_max").ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_by_its_name_alone() {
        let text = "VmHWM:\t   12 kB\nVmRSS:\t  34 kB\n";
        assert_eq!(kib_of(text, "VmRSS:"), Some(34));
        assert_eq!(kib_of(text, "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells() {
        assert!(resident() > 1024 * 1024);
        assert!(memory() >= resident());
        assert!(disk_free(&std::env::temp_dir()).is_some());
        assert!(open_files_max().is_some());
    }
}
