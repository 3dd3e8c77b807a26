//! What a process's processor time is, by the kernel's count.

use std::{fs, time::Duration};

/// The time for which all threads of a process have run.
pub(crate) fn time_of(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs");
    let ran = |thread: std::io::Result<fs::DirEntry>| {
        // A thread may end meanwhile.
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(threads.filter_map(ran).sum())
}
