//! The machine in general words, the day, and what else it is doing.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

/// How long the machine is watched.
const WATCHED: Duration = Duration::from_secs(2);

/// `2 cores, 24 GB of memory, Linux`.
pub(crate) fn words() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory_in(&memory).map_or_else(String::new, |gib| format!(", {gib} GB of memory"));
    format!("{cores} cores for everything (servers and tool){memory}, Linux")
}

/// Rounded up, as machines are sold.
fn memory_in(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib.div_ceil(1 << 20))
}

/// Today, `2026-01-31`, UTC.
pub(crate) fn today() -> Result<String> {
    let output = Command::new("date").args(["-u", "+%F"]).output();
    let output = output.context("ask for the date")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// How many cores are busy while nothing is measured: others' work, and idle servers.
pub(crate) fn busy_cores() -> Result<f64> {
    let look = || std::fs::read_to_string("/proc/stat").context("read /proc/stat");
    let before = look()?;
    std::thread::sleep(WATCHED);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = busy_share(&before, &look()?).context("understand /proc/stat")?;
    Ok(share * f64::from(u32::try_from(cores)?))
}

/// The busy part of all processor time between two looks.
fn busy_share(before: &str, after: &str) -> Option<f64> {
    let (before, after) = (ticks(before)?, ticks(after)?);
    let all = after.0.checked_sub(before.0)?;
    let idle = after.1.checked_sub(before.1)?;
    (all > 0).then(|| 1.0 - f64::from(idle) / f64::from(all))
}

/// All time and idle time (waiting for a disk is idle).
fn ticks(stat: &str) -> Option<(u32, u32)> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    // Guests' time is in user time already.
    let fields = line.split_whitespace().take(8);
    let fields: Vec<u64> = fields.map(str::parse).collect::<Result<_, _>>().ok()?;
    let narrow = |ticks: u64| u32::try_from(ticks).ok();
    let idle = fields.get(3)? + fields.get(4)?;
    Some((narrow(fields.iter().sum())?, narrow(idle)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_is_what_is_not_idle() {
        let before = "cpu  100 0 0 100 0 0 0 0 0 0\n";
        let after = "cpu  150 0 0 230 20 0 0 0 0 0\n";
        let share = busy_share(before, after).unwrap();
        assert!((share - 0.25).abs() < 1e-9, "{share}");
        assert_eq!(busy_share(before, before), None);
    }

    #[test]
    fn memory_is_rounded_up() {
        assert_eq!(memory_in("MemTotal:       25165000 kB\n"), Some(24));
    }
}
