//! What the kernel knows of a process: processor time and memory.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// Time that all threads of a process spent on a processor (`schedstat`, nanoseconds).
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the list and the reading.
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        let on_cpu: u64 = text.split_whitespace().next().context("no schedstat")?.parse()?;
        nanos += on_cpu;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Memory that is resident, in MiB.
pub(crate) fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.split_whitespace().nth(1).context("no VmRSS")?.parse()?;
    Ok(kib / 1024.0)
}

/// One of the server's sums.
pub(crate) fn sum(metrics: &str, name: &str) -> anyhow::Result<u64> {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .with_context(|| format!("no {name} in /metrics"))?;
    Ok(line.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_time_and_memory() {
        let pid = std::process::id();
        assert!(cpu_time(pid).unwrap() > Duration::ZERO);
        assert!(resident_mib(pid).unwrap() > 0.1);
    }

    #[test]
    fn a_sum_is_found_by_its_whole_name() {
        let metrics = "aman_media_out_more 7\naman_media_out 5\n";
        assert_eq!(sum(metrics, "aman_media_out").unwrap(), 5);
        assert!(sum(metrics, "aman_media").is_err());
    }
}
