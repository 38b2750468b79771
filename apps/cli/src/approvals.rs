//! `[approvals]`: before which steps somebody has to approve, and how long an approval counts.

use std::time::Duration;

use redistrict_model::Phase;
use redistrict_model::config::Config;

use crate::args::AskBefore;
use crate::config::duration;
use crate::failure::{CommandResult, Failure};
use crate::nearest;

/// How long an approval counts unless the configuration says otherwise.
const VALID: Duration = Duration::from_secs(24 * 3_600);

/// A hub that brings more rows needs an approval unless the configuration says otherwise.
const HUB_ROWS: u64 = 100_000;

/// Whoever approves for longer has not looked.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);

/// What the configuration asks for, and the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Approvals {
    /// Of a migration.
    pub(crate) phases: Vec<Phase>,
    pub(crate) undo: bool,
    pub(crate) valid_for: Duration,
    /// A hub that brings more rows needs an approval; none: no hub does.
    pub(crate) hub_rows: Option<u64>,
}

impl Approvals {
    /// With what the command line asks for besides.
    ///
    /// # Errors
    /// A word that is no step: exit 2.
    pub(crate) fn and(mut self, ask: &AskBefore) -> CommandResult<Self> {
        for word in &ask.ask_before {
            if !self.add(word) {
                let steps = format!("the steps are: {}", STEPS.join(", "));
                let failure = Failure::usage("read --ask-before: a word there is no step");
                return Err(match nearest::name(word, STEPS) {
                    Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
                    None => failure,
                }
                .with_hint(steps));
            }
        }
        Ok(self)
    }

    /// False for a word that is no step.
    fn add(&mut self, word: &str) -> bool {
        match step(word) {
            Some(Some(phase)) if self.phases.contains(&phase) => {}
            Some(Some(phase)) => self.phases.push(phase),
            Some(None) => self.undo = true,
            None => return false,
        }
        true
    }
}

/// Reads the section.
pub(crate) fn approvals(config: &Config) -> CommandResult<Approvals> {
    let section = &config.approvals;
    let mut approvals = Approvals {
        phases: Vec::new(),
        undo: false,
        valid_for: VALID,
        hub_rows: match section.hub_rows {
            None => Some(HUB_ROWS),
            Some(0) => None,
            given => given,
        },
    };
    for word in &section.before {
        if !approvals.add(word) {
            return Err(no_step(word));
        }
    }
    if let Some(text) = &section.valid_for {
        let valid = duration(text).filter(|valid| !valid.is_zero() && *valid <= LONGEST);
        approvals.valid_for = valid.ok_or_else(|| {
            Failure::prerequisite("read [approvals] valid_for: it is no duration of at most a year")
                .with_hint("write it like `24h`, `30m` or `7d`")
        })?;
    }
    Ok(approvals)
}

const STEPS: [&str; 6] = ["extract", "anonymize", "validate", "load", "report", "undo"];

/// What was written is repeated only where it is a slip of the pen.
fn no_step(word: &str) -> Failure {
    let failure = match nearest::name(word, STEPS) {
        Some(near) => {
            Failure::prerequisite(format!("read [approvals] before: {word:?} is no step"))
                .with_hint(format!("did you mean `{near}`?"))
        }
        None => Failure::prerequisite("read [approvals] before: a word there is no step"),
    };
    failure.with_hint(format!("the steps are: {}", STEPS.join(", ")))
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
