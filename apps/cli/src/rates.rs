//! How fast earlier runs were, from the journal: the only source of estimated times. Where there is no run
//! yet, there is no estimate.

use std::collections::BTreeMap;

use redistrict_journal::{Journal as _, PhaseState, RunKind, RunState, RunStatus, fold};
use redistrict_model::{DistrictId, Phase};

use crate::failure::CommandResult;
use crate::wire::Workspace;

/// The newest runs that count; older ones were made with other data, masks or machines.
const RUNS: usize = 5;

/// A migration that went to its end, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) district: DistrictId,
    /// Rows that were extracted.
    pub(crate) rows: u64,
    pub(crate) millis: u64,
    /// Time worked in each phase.
    pub(crate) phases: BTreeMap<Phase, u64>,
}

/// The newest migrations that were measured, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) runs: Vec<Measured>,
}

impl Rates {
    /// Reads the journal, if there is one; makes none.
    pub(crate) fn read(workspace: &Workspace) -> CommandResult<Self> {
        if !workspace.layout.journal().exists() {
            return Ok(Self::default());
        }
        let journal = workspace.journal()?;
        let mut runs = Vec::new();
        for run in journal.runs()?.iter().rev() {
            if runs.len() == RUNS {
                break;
            }
            runs.extend(fold(&journal.read(run)?).as_ref().and_then(measured));
        }
        Ok(Self { runs })
    }

    /// All rows that were measured.
    pub(crate) fn rows(&self) -> u64 {
        self.runs.iter().map(|run| run.rows).sum()
    }

    /// How long a migration of so many rows takes, in proportion to the measured ones; none without one.
    pub(crate) fn millis(&self, rows: u64) -> Option<u64> {
        let worked: u64 = self.runs.iter().map(|run| run.millis).sum();
        proportional(rows, worked, self.rows())
    }

    /// The same, phase by phase.
    pub(crate) fn phases(&self, rows: u64) -> BTreeMap<Phase, u64> {
        let mut worked: BTreeMap<Phase, u64> = BTreeMap::new();
        for (phase, millis) in self.runs.iter().flat_map(|run| &run.phases) {
            *worked.entry(*phase).or_default() += millis;
        }
        let of = |(phase, millis)| Some((phase, proportional(rows, millis, self.rows())?));
        worked.into_iter().filter_map(of).collect()
    }
}

fn proportional(rows: u64, millis: u64, of_rows: u64) -> Option<u64> {
    let millis = u128::from(rows) * u128::from(millis);
    u64::try_from(millis.checked_div(of_rows.into())?).ok()
}

/// A run that did every phase itself and ended well, whatever was done with its rows afterwards.
fn measured(run: &RunState) -> Option<Measured> {
    let is_whole = run.kind == RunKind::Migration
        && run.options.reuse.is_none()
        && run.options.only.is_empty()
        && !run.options.skip_load
        && !run.options.dry_run;
    let is_done = matches!(run.status, RunStatus::Succeeded | RunStatus::Undone);
    let phases: BTreeMap<Phase, u64> = (run.phases.iter())
        .filter(|(_, phase)| phase.state == PhaseState::Completed)
        .map(|(phase, history)| (*phase, history.millis))
        .collect();
    if !is_whole || !is_done || phases.len() < run.phases.len() {
        return None;
    }
    Some(Measured {
        district: run.district.clone(),
        rows: extracted_rows(run).filter(|rows| *rows > 0)?,
        millis: phases.values().sum(),
        phases,
    })
}

/// What the extraction of a run told of its tables.
fn extracted_rows(run: &RunState) -> Option<u64> {
    let done = run
        .units
        .iter()
        .filter(|(unit, _)| unit.phase == Phase::Extraction);
    let mut tables = done.filter_map(|(_, unit)| unit.done.as_ref()?["facts"]["tables"].as_array());
    let rows = |table: &serde_json::Value| table["rows"].as_u64().unwrap_or_default();
    Some(tables.next()?.iter().map(rows).sum())
}

/// A time in words: `about 3 min 20 s`.
pub(crate) fn about(millis: u64) -> String {
    let seconds = millis.div_ceil(1_000);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("about {} s", seconds.max(1)),
        (0, minutes, seconds) => format!("about {minutes} min {seconds} s"),
        (hours, minutes, _) => format!("about {hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_proportion_to_all_rows_that_were_measured() {
        let run = |rows, extraction, loading| Measured {
            district: DistrictId::new("2"),
            rows,
            millis: extraction + loading,
            phases: [(Phase::Extraction, extraction), (Phase::Loading, loading)].into(),
        };
        let rates = Rates {
            runs: vec![run(100, 1_000, 3_000), run(300, 3_000, 1_000)],
        };
        assert_eq!(rates.millis(50), Some(1_000));
        let expected = [(Phase::Extraction, 500), (Phase::Loading, 500)];
        assert_eq!(rates.phases(50), expected.into());
        assert_eq!(Rates::default().millis(50), None);
        assert_eq!(Rates::default().phases(50), BTreeMap::new());
    }

    #[test]
    fn a_time_is_said_as_people_say_it() {
        for (millis, said) in [
            (1, "about 1 s"),
            (59_001, "about 1 min 0 s"),
            (200_000, "about 3 min 20 s"),
            (7_260_000, "about 2 h 1 min"),
        ] {
            assert_eq!(about(millis), said);
        }
    }
}
