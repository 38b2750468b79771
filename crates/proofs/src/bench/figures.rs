//! The figures of runs as the product tells them, and what is computed from them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use redistrict_model::{Phase, TableRef};
use serde_json::Value;

use super::children::Cost;

/// `store.table` to rows of the artifact, from what `--output json` printed.
///
/// # Errors
/// It is not the end of a run.
pub(crate) fn rows_of(cost: &Cost) -> Result<BTreeMap<String, u64>> {
    rows_in(&serde_json::from_str(&cost.out).context("read the end of a run")?)
}

fn rows_in(end: &Value) -> Result<BTreeMap<String, u64>> {
    let mut rows = BTreeMap::new();
    for table in end["tables"].as_array().into_iter().flatten() {
        let name = table["table"].as_str().context("find a table's name")?;
        let name: TableRef = name.to_owned().try_into().context("read a table's name")?;
        let count = |field: &str| table[field].as_u64().unwrap_or(0);
        let count = count("own") + count("shared") + count("stubs");
        rows.insert(format!("{}.{}", name.store, name.table), count);
    }
    Ok(rows)
}

/// A run of the product.
#[derive(Clone, Debug)]
pub(crate) struct RunFigures {
    pub(crate) run: String,
    pub(crate) seconds: f64,
    pub(crate) processor_seconds: f64,
    /// KiB.
    pub(crate) peak: u64,
    /// All five, with seconds; 0 for one that was skipped.
    pub(crate) phases: BTreeMap<Phase, f64>,
    pub(crate) extracted: u64,
    pub(crate) loaded: u64,
    /// `store.table` to rows of the artifact.
    pub(crate) rows: BTreeMap<String, u64>,
}

impl RunFigures {
    /// From what `--output json` printed.
    ///
    /// # Errors
    /// It is not the end of a run.
    pub(crate) fn of(cost: &Cost) -> Result<Self> {
        let end: Value = serde_json::from_str(&cost.out).context("read the end of a run")?;
        let phases = end["phases"]
            .as_array()
            .context("find the phases of a run")?;
        let phases = phases.iter().map(|phase| {
            let name: Phase = serde_json::from_value(phase["phase"].clone()).ok()?;
            Some((name, seconds(phase["millis"].as_u64()?)))
        });
        let phases: Option<BTreeMap<_, _>> = phases.collect();
        let phases = phases.filter(|all| Phase::ALL.iter().all(|phase| all.contains_key(phase)));
        let rows = rows_in(&end)?;
        Ok(Self {
            run: end["run"]
                .as_str()
                .context("find the run's name")?
                .to_owned(),
            seconds: cost.seconds,
            processor_seconds: cost.processor_seconds,
            peak: cost.peak,
            phases: phases.context("read the phases of a run")?,
            extracted: end["extracted"].as_u64().unwrap_or(0),
            loaded: end["loaded"].as_u64().unwrap_or(0),
            rows,
        })
    }

    /// The seconds of a phase.
    pub(crate) fn phase(&self, phase: Phase) -> f64 {
        self.phases.get(&phase).copied().unwrap_or(0.0)
    }

    /// The time outside of the phases: start, catalogs, plan.
    pub(crate) fn outside(&self) -> f64 {
        let phases: f64 = self.phases.values().sum();
        (self.seconds - phases).max(0.0)
    }
}

fn seconds(millis: u64) -> f64 {
    std::time::Duration::from_millis(millis).as_secs_f64()
}

/// Both ways have to move the same rows, or a ratio means nothing.
///
/// # Errors
/// Names the tables and counts that differ.
pub(crate) fn same_rows(copied: &BTreeMap<String, u64>, run: &BTreeMap<String, u64>) -> Result<()> {
    let of_run = |table: &String| run.get(table).copied().unwrap_or(0);
    let differ = copied
        .iter()
        .filter(|(table, rows)| **rows != of_run(table));
    let differ = differ.map(|(table, rows)| format!("{table}: {rows} and {}", of_run(table)));
    let differ: Vec<String> = differ.collect();
    if !differ.is_empty() {
        bail!(
            "the copy and the run moved different rows: {}",
            differ.join(", ")
        );
    }
    if copied.values().sum::<u64>() == 0 {
        bail!("the copy moved nothing");
    }
    Ok(())
}

/// The middle one; of an even number the mean of the two in the middle. 0 of none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (None, _) => 0.0,
        (Some(high), 0) => f64::midpoint(sorted[middle - 1], *high),
        (Some(one), _) => *one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_run_is_read() {
        let out = r#"{"run":"r1","extracted":7,"loaded":5,
            "phases":[{"phase":"extraction","millis":1500},{"phase":"anonymization","millis":0},
                {"phase":"validation","millis":0},{"phase":"loading","millis":250},
                {"phase":"reporting","millis":0}],
            "tables":[{"table":"ids.public.students","own":3,"shared":1,"stubs":null}]}"#;
        let cost = Cost {
            out: out.to_owned(),
            seconds: 2.0,
            processor_seconds: 1.0,
            peak: 9,
        };
        let run = RunFigures::of(&cost).unwrap();
        assert_eq!((run.run.as_str(), run.extracted, run.loaded), ("r1", 7, 5));
        assert_eq!(run.rows["ids.students"], 4);
        assert!((run.phase(Phase::Extraction) - 1.5).abs() < 1e-9);
        assert!((run.outside() - 0.25).abs() < 1e-9);
        let cost = Cost {
            out: cost.out.replace("loading", "unheard-of"),
            ..cost
        };
        RunFigures::of(&cost).unwrap_err();
    }

    #[test]
    fn different_rows_and_no_rows_are_refused() {
        let rows = |count| BTreeMap::from([("ids.students".to_owned(), count)]);
        same_rows(&rows(4), &rows(4)).unwrap();
        let error = same_rows(&rows(4), &rows(5)).unwrap_err().to_string();
        assert!(error.contains("ids.students: 4 and 5"), "{error}");
        same_rows(&rows(0), &rows(0)).unwrap_err();
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median([4.0, 1.0]) - 2.5).abs() < 1e-9);
        assert!(median([]).abs() < 1e-9);
    }
}
