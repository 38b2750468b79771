//! What it costs to make an estate of any size: rows, time and memory of the generator.

use std::process::Command;

use anyhow::{Context, Result};

use super::children;
use super::machine;
use super::page::{table, thousands};
use crate::say;

/// As large as those that are migrated in the other bench.
const STUDENTS_PER_DISTRICT: u32 = 20_000;

pub(crate) fn measure(students: u32) -> Result<String> {
    let mut rows = Vec::new();
    // Memory is bounded if a hundred times as many students need no more of it.
    for students in [students / 100, students / 10, students] {
        rows.push(one(students.max(1))?);
    }
    let head = [
        "students",
        "districts",
        "rows",
        "sensitive values",
        "s",
        "rows/s",
        "peak RSS, MB",
    ];
    Ok(format!(
        "{}, {}. `estate count`: every row with its owner and its sensitive values is made and counted, \
         none is written.\n\n{}",
        machine::today()?,
        machine::words(),
        table(&head, &rows)
    ))
}

fn one(students: u32) -> Result<Vec<String>> {
    let districts = students.div_ceil(STUDENTS_PER_DISTRICT);
    let per_district = students.div_ceil(districts);
    let mut command = Command::new(children::beside("estate")?);
    command
        .arg("count")
        .args(["--districts", &districts.to_string()]);
    command.args(["--students", &per_district.to_string()]);
    let cost = children::measure(&mut command).context("count an estate")?;
    let (rows, sensitive) = counts(&cost.out).context("read the counts of an estate")?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = rows as f64 / cost.seconds;
    let students = u64::from(districts) * u64::from(per_district);
    let cells = vec![
        thousands(students),
        districts.to_string(),
        thousands(rows),
        thousands(sensitive),
        format!("{:.1}", cost.seconds),
        format!("{:.2} M", rate / 1e6),
        format!("{:.1}", f64::from(u32::try_from(cost.peak)?) / 1024.0),
    ];
    say(&cells.join("  "));
    Ok(cells)
}

/// `150584 rows, 233747 sensitive values, …`.
fn counts(out: &str) -> Option<(u64, u64)> {
    let line = out.lines().find(|line| line.contains(" rows, "))?;
    let mut numbers = line
        .split(", ")
        .filter_map(|part| part.split(' ').next()?.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_the_generator_are_read() {
        let out = "   9 aa ids.states\n150 rows, 233 sensitive values, 7 key joins\n4 students\n";
        assert_eq!(counts(out), Some((150, 233)));
        assert_eq!(counts("nothing"), None);
    }
}
