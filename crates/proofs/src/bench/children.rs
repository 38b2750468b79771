//! Runs programs and measures what they took: time on the wall, processor time, most memory.

use std::io::{Read as _, Seek as _};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// Linux counts processor time in hundredths of a second, whatever its own clock does.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a program printed and took.
#[derive(Clone, Debug)]
pub(crate) struct Cost {
    pub(crate) out: String,
    pub(crate) seconds: f64,
    /// Of the program alone, without the servers.
    pub(crate) processor_seconds: f64,
    /// The most memory that it held, in KiB.
    pub(crate) peak: u64,
}

/// A program beside the running one.
///
/// # Errors
/// It was not built.
pub(crate) fn beside(name: &str) -> Result<PathBuf> {
    let mut place = std::env::current_exe().context("find the running program")?;
    place.set_file_name(name);
    if !place.exists() {
        bail!("{} is not built", place.display());
    }
    Ok(place)
}

/// Runs a program to its end, which has to be good.
///
/// # Errors
/// It cannot be started or fails; with what it printed.
pub(crate) fn measure(command: &mut Command) -> Result<Cost> {
    let mut out = tempfile::tempfile().context("make a file")?;
    let mut err = tempfile::tempfile().context("make a file")?;
    command.stdout(out.try_clone()?).stderr(err.try_clone()?);
    let begun = Instant::now();
    let mut child = command.spawn().context("start a program")?;
    let (mut peak, mut ticks) = (0, 0);
    let status = loop {
        // A program that has ended tells no more: the last look counts.
        peak = peak_of(child.id()).unwrap_or(peak);
        ticks = ticks_of(child.id()).unwrap_or(ticks);
        if let Some(status) = child.try_wait().context("wait for a program")? {
            break status;
        }
        std::thread::sleep(LOOK);
    };
    let seconds = begun.elapsed().as_secs_f64();
    let (out, err) = (text_of(&mut out)?, text_of(&mut err)?);
    if !status.success() {
        bail!("the program ended with {status}:\n{err}{out}");
    }
    Ok(Cost {
        out,
        seconds,
        processor_seconds: f64::from(ticks) / TICKS_PER_SECOND,
        peak,
    })
}

fn text_of(file: &mut std::fs::File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn peak_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    peak_in(&status)
}

fn peak_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn ticks_of(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    ticks_in(&stat)
}

/// User and system time are the 14th and 15th field; the 2nd is a name that may hold blanks.
fn ticks_in(stat: &str) -> Option<u32> {
    let rest = stat.rsplit_once(") ")?.1;
    let mut fields = rest.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<u32>().ok();
    next()?.checked_add(next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_of_a_process_is_read() {
        assert_eq!(peak_in("VmPeak:\t 9 kB\nVmHWM:\t  1234 kB\n"), Some(1234));
        assert_eq!(peak_in("State: Z\n"), None);
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0";
        assert_eq!(ticks_in(stat), Some(300));
        let this = std::process::id();
        assert!(peak_of(this).is_some_and(|peak| peak > 0));
        assert!(ticks_of(this).is_some());
    }

    #[test]
    fn a_program_is_measured_and_a_failure_is_told() {
        let cost = measure(Command::new("sh").args(["-c", "echo yes"])).unwrap();
        assert_eq!(cost.out, "yes\n");
        let failed = measure(Command::new("sh").args(["-c", "echo why >&2; exit 3"]));
        assert!(failed.unwrap_err().to_string().contains("why"));
    }
}
