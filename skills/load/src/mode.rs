//! How the commit groups of a run end together: decided while planning, told in the plan and in the report.
//! Pure.

use redistrict_model::{Finding, LoadGroup, Severity, StoreName};
use serde::{Deserialize, Serialize};

use crate::plan::GroupInput;

/// How several commit groups commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum CommitMode {
    /// At most one group is written: one transaction, which stands or does not.
    OneTransaction,
    /// Every group is written and checked in an open transaction; then they commit in this order, one right
    /// after the other. If one of them fails for certain, those before it are taken back.
    OneAfterAnother {
        groups: Vec<StoreName>,
        /// The groups because of which it is so: they cannot prepare a commit.
        because_of: Vec<StoreName>,
    },
}

impl CommitMode {
    /// By the groups that are written and what they can take part in. Two-phase commit is not there yet, so it
    /// is never chosen, even where all groups have it.
    pub(crate) fn of(inputs: &[GroupInput], groups: &[LoadGroup]) -> Self {
        let has_phases = |group: &&LoadGroup| {
            let input = inputs.iter().find(|input| input.name == group.name);
            input.is_some_and(|input| input.capabilities.two_phase)
        };
        let written = || groups.iter().filter(|group| !group.order.is_empty());
        if written().count() < 2 {
            return Self::OneTransaction;
        }
        Self::OneAfterAnother {
            groups: written().map(|group| group.name.clone()).collect(),
            because_of: written()
                .filter(|group| !has_phases(group))
                .map(|group| group.name.clone())
                .collect(),
        }
    }

    /// By a plan alone: what a report tells.
    pub(crate) fn of_plan(groups: &[LoadGroup]) -> Self {
        Self::of(&[], groups)
    }

    /// For the plan; none where there is nothing to tell.
    pub(crate) fn finding(&self) -> Option<Finding> {
        let Self::OneAfterAnother { groups, because_of } = self else {
            return None;
        };
        let why = match because_of.as_slice() {
            [] => "two-phase commit is not there yet".to_owned(),
            names => format!("{} cannot prepare a commit", list(names)),
        };
        let message = format!(
            "{} databases are written and checked in open transactions; then they commit one right after the other ({}), because {why}; if one fails, those before it are taken back",
            groups.len(),
            list(groups),
        );
        let subject = "load";
        let count = groups.len() as u64;
        Some(Finding {
            severity: Severity::Info,
            ..Finding::warning("commits-one-after-another", subject, message, count)
        })
    }
}

fn list(names: &[StoreName]) -> String {
    let names: Vec<&str> = names.iter().map(StoreName::as_str).collect();
    names.join(", ")
}
