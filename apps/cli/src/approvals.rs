//! `[approvals]`: before which steps somebody has to approve, and how long an approval counts.

use std::time::Duration;

use redistrict_model::Phase;
use redistrict_model::config::Config;

use crate::config::duration;
use crate::failure::{CommandResult, Failure};

/// How long an approval counts unless the configuration says otherwise.
const VALID: Duration = Duration::from_secs(24 * 3_600);

/// Whoever approves for longer has not looked.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);

/// What the configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Approvals {
    /// Of a migration.
    pub(crate) phases: Vec<Phase>,
    pub(crate) undo: bool,
    pub(crate) valid_for: Duration,
}

/// Reads the section.
pub(crate) fn approvals(config: &Config) -> CommandResult<Approvals> {
    let section = &config.approvals;
    let mut approvals = Approvals {
        phases: Vec::new(),
        undo: false,
        valid_for: VALID,
    };
    for word in &section.before {
        match step(word) {
            Some(Some(phase)) if approvals.phases.contains(&phase) => {}
            Some(Some(phase)) => approvals.phases.push(phase),
            Some(None) => approvals.undo = true,
            None => {
                return Err(Failure::prerequisite(format!(
                    "read [approvals] before: {word:?} is no step"
                ))
                .with_hint("the steps are: extract, anonymize, validate, load, report, undo"));
            }
        }
    }
    if let Some(text) = &section.valid_for {
        let valid = duration(text).filter(|valid| !valid.is_zero() && *valid <= LONGEST);
        approvals.valid_for = valid.ok_or_else(|| {
            Failure::prerequisite(format!(
                "read [approvals] valid_for: {text:?} is no duration of at most a year"
            ))
            .with_hint("write it like `24h`, `30m` or `7d`")
        })?;
    }
    Ok(approvals)
}

/// The phase of a step; `Some(None)` is the undo.
fn step(word: &str) -> Option<Option<Phase>> {
    Some(match word {
        "extract" => Some(Phase::Extraction),
        "anonymize" => Some(Phase::Anonymization),
        "validate" => Some(Phase::Validation),
        "load" => Some(Phase::Loading),
        "report" => Some(Phase::Reporting),
        "undo" => None,
        _ => return None,
    })
}
