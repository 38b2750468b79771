//! The nearest known name for one that was typed wrong. Names of ours and of catalogs only: a
//! district is a value, and is never suggested.

use redistrict_journal::Journal;
use redistrict_model::RunId;

use crate::failure::Failure;

/// The known name that is nearest, if it is near: at most a third of the letters differ. Of two that
/// are equally near the first in order.
pub(crate) fn name<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = typed.to_lowercase();
    known
        .into_iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&lower, &known.to_lowercase()),
                known,
            )
        })
        .filter(|(distance, known)| *distance <= known.chars().count().max(3) / 3)
        .min()
        .map(|(_, known)| known)
}

/// As [`unknown_run`], of the runs that the journal has.
pub(crate) fn missing_run(journal: &dyn Journal, run: &RunId) -> Failure {
    unknown_run(run, &journal.runs().unwrap_or_default())
}

/// A run that the journal does not have: exit 2, with the nearest one. What is only the beginning of
/// a run's name means that run.
pub(crate) fn unknown_run<'a>(run: &RunId, known: impl IntoIterator<Item = &'a RunId>) -> Failure {
    let known: Vec<&str> = known.into_iter().map(RunId::as_str).collect();
    let failure = Failure::usage(format!("find run {run}: the journal does not have it"));
    let typed = run.as_str();
    let begun: Vec<&str> = match typed.is_empty() {
        true => Vec::new(),
        false => known
            .iter()
            .copied()
            .filter(|known| known.starts_with(typed) || known.ends_with(typed))
            .collect(),
    };
    let nearest = match begun.as_slice() {
        [] => nearest_run(typed, &known),
        // Of several the newest: run ids sort by time.
        begun => begun.iter().max().copied(),
    };
    let failure = match nearest {
        Some(nearest) => failure.with_hint(format!("did you mean `{nearest}`?")),
        None => failure,
    };
    failure.with_hint("`redistrict runs` lists them")
}

/// A run's name is mostly digits that all runs share: few may differ.
fn nearest_run<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(typed, known), *known))
        .filter(|(distance, _)| *distance <= 3)
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["ids", "hcp1", "hcp2", "adb"];
        assert_eq!(name("hpc1", known), Some("hcp1"));
        assert_eq!(name("IDS", known), Some("ids"));
        assert_eq!(name("warehouse", known), None);
    }

    #[test]
    fn a_run_is_found_by_its_end_its_beginning_and_a_slip() {
        let runs = ["mig-20260105T180000Z-001", "rb-20260106T080000Z-001"].map(RunId::new);
        for (typed, hinted) in [
            ("mig-20260105T180000Z-002", Some(&runs[0])),
            ("mgi-20260105T180000Z-001", Some(&runs[0])),
            ("rb-2026", Some(&runs[1])),
            ("20260105T180000Z-001", Some(&runs[0])),
            ("something", None),
            ("", None),
        ] {
            let failure = unknown_run(&RunId::new(typed), &runs);
            let said = failure
                .hints
                .iter()
                .find(|hint| hint.contains("did you mean"));
            let expected = hinted.map(|run| format!("did you mean `{run}`?"));
            assert_eq!(said, expected.as_ref(), "{typed}");
        }
    }
}
