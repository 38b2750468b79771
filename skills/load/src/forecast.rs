//! What the preflight found that would be written, and how a merge holds itself to it. Value-free.

use redistrict_model::{ErrorKind, TableRef};
use redistrict_skill::{SkillError, UnitContext};
use serde::{Deserialize, Serialize};

use crate::report::TableReport;
use crate::session::preflight_unit;
use crate::written::Decided;

/// The fact of the preflight that is a list of [`Line`].
pub(crate) const FORECAST: &str = "forecast";

/// What would become of the rows of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    table: TableRef,
    rows: u64,
    insert: u64,
    update: u64,
    leave: u64,
    conflict: u64,
}

impl Line {
    pub(crate) fn of(report: &TableReport) -> Self {
        let counts = &report.counts;
        Self {
            table: report.table.clone(),
            rows: counts.staged,
            insert: counts.inserted,
            update: counts.updated,
            leave: counts.unchanged + counts.left,
            conflict: counts.conflict,
        }
    }
}

/// What the preflight of this run found; nothing where it did not say.
pub(crate) fn of_preflight(context: &UnitContext) -> Vec<Line> {
    let preflight = context.outcome(&preflight_unit());
    let lines = preflight.and_then(|done| done.facts.get(FORECAST).cloned());
    let lines = lines.and_then(|lines| serde_json::from_value(lines).ok());
    lines.unwrap_or_default()
}

/// Whether the run brings rows, in whatever group. One that finds all of them there brings nothing; so nothing of it
/// could be orphaned, and it relies on nothing. The run that brought them does.
pub(crate) fn brings_rows(forecast: &[Line], decided: &[Decided]) -> bool {
    decided.iter().any(Decided::is_written)
        || forecast.iter().any(|line| line.insert + line.update > 0)
}

/// No more is done than was approved, whatever happened in CERT since. Less may be left to do: another run has
/// brought rows that both share.
///
/// # Errors
/// `Conflict`, with the table and the numbers.
pub(crate) fn check_approved(forecast: &[Line], decided: &[Decided]) -> Result<(), SkillError> {
    for table in decided {
        let name = table.shape.name();
        let line = forecast.iter().find(|line| line.table == *name);
        let (inserted, updated) = line.map_or((0, 0), |line| (line.insert, line.update));
        let counts = &table.counts;
        if counts.inserted > inserted || counts.updated > updated {
            let what = format!(
                "load {name} as approved: CERT has changed since; {} rows would be inserted and {} updated, \
                 approved were {inserted} and {updated}",
                counts.inserted, counts.updated
            );
            return Err(SkillError::new(ErrorKind::Conflict, what)
                .with_hint("a new migration asks for the approval of what would happen now"));
        }
    }
    Ok(())
}
