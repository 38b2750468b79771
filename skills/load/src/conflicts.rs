//! Rows that stand in the way: counted by table and reason, named by keyed locators. No values.

use std::collections::BTreeMap;
use std::fmt;

use redistrict_model::{ErrorKind, Key, RunId, TableRef};
use redistrict_skill::SkillError;

use crate::compare::Written;
use crate::error::{RETAIN_SHARED, UNDO_REFUSED};
use crate::rows::Locators;

/// So many rows are named, the others are counted.
pub(crate) const LOCATORS_SHOWN: usize = 20;

/// Why a row stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// An own row of the artifact is there already and belongs to somebody else.
    ForeignRow,
    /// The same, and a run of another district wrote it.
    OfAnotherDistrict { run: RunId },
    /// The same; a run of this district wrote it, and it was changed since.
    NoLongerOurs { run: RunId },
    /// The same; a run wrote it whose ledger cannot be compared.
    OfUnknownRun { run: RunId },
    /// Another row holds the unique key of a row to be written.
    UniqueKey { constraint: String },
    /// A row that an earlier load wrote, and that is not updated now, holds the unique key of a row to be written.
    KeyOfAnEarlierLoad { constraint: String },
    /// The row was changed or removed since our run wrote it.
    Changed,
    /// A row that our run had deleted is there again.
    ThereAgain,
    /// A later run wrote the same row.
    LaterRun { run: RunId },
    /// A row that is not ours refers to a row that would be deleted.
    Referred { child: TableRef, constraint: String },
    /// Another run found the row there and needs it.
    Relied { run: RunId },
    /// A row that a run found there and needs is gone: the run cannot come back.
    Gone,
}

impl Reason {
    /// Why an own row of the artifact is not written over the one that CERT has.
    pub(crate) fn of_present(written: Written, run: Option<&RunId>) -> Self {
        let Some(run) = run.cloned() else {
            return Self::ForeignRow;
        };
        match written {
            Written::ByAnother => Self::OfAnotherDistrict { run },
            Written::Changed => Self::NoLongerOurs { run },
            Written::Unknown => Self::OfUnknownRun { run },
            Written::No | Written::Stub | Written::Full => Self::ForeignRow,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForeignRow => f.write_str(
                "have the key of a row of this district, but belong to another one in CERT",
            ),
            Self::OfAnotherDistrict { run } => write!(
                f,
                "have the key of a row of this district, but run {run} wrote them for another one"
            ),
            Self::NoLongerOurs { run } => write!(
                f,
                "were written by run {run} of this district, but were changed since and do not belong to it in CERT any more"
            ),
            Self::OfUnknownRun { run } => write!(
                f,
                "do not belong to this district in CERT, and were written by run {run}, whose ledger was made with \
                 another key or by an earlier version"
            ),
            Self::UniqueKey { constraint } => {
                write!(f, "have a unique key ({constraint}) that another row holds")
            }
            Self::KeyOfAnEarlierLoad { constraint } => write!(
                f,
                "have a unique key ({constraint}) that another row of an earlier load holds"
            ),
            Self::Changed => f.write_str("were changed or removed since"),
            Self::ThereAgain => f.write_str("are there again"),
            Self::LaterRun { run } => write!(f, "were written again by the later run {run}"),
            Self::Referred { child, constraint } => {
                write!(
                    f,
                    "are referred to by rows of {child} ({constraint}) that stay"
                )
            }
            Self::Relied { run } => {
                write!(f, "were found there by run {run}, which relies on them")
            }
            Self::Gone => {
                f.write_str("were found there by the run that would come back, and are gone")
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Found {
    rows: u64,
    locators: Vec<String>,
}

/// The conflicts found so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conflicts(BTreeMap<(TableRef, Reason), Found>);

impl Conflicts {
    pub(crate) fn add(&mut self, table: &TableRef, reason: Reason, locator: String) {
        let found = self.0.entry((table.clone(), reason)).or_default();
        found.rows += 1;
        if found.locators.len() < LOCATORS_SHOWN {
            found.locators.push(locator);
        }
    }

    pub(crate) fn add_keys<'k>(
        &mut self,
        table: &TableRef,
        reason: &Reason,
        keys: impl IntoIterator<Item = &'k Key>,
        locators: &Locators,
    ) {
        for key in keys {
            self.add(table, reason.clone(), locators.of(table, key));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn lines(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|((table, reason), found)| {
                let more = if found.rows > found.locators.len() as u64 {
                    ", …"
                } else {
                    ""
                };
                format!(
                    "write {table}: {} rows {reason}: {}{more}",
                    found.rows,
                    found.locators.join(", ")
                )
            })
            .collect()
    }

    /// As the error that stops a load.
    pub(crate) fn into_load_error(self) -> SkillError {
        let mut error = SkillError::new(
            ErrorKind::Conflict,
            "load: CERT holds rows that must not be overwritten",
        );
        error.causes = self.lines();
        let is_earlier = |reason: &Reason| matches!(reason, Reason::KeyOfAnEarlierLoad { .. });
        if self.0.keys().any(|(_, reason)| is_earlier(reason)) {
            error = error.with_hint(
                "where a row of an earlier load holds the key: take that load back (`redistrict rollback RUN`, `redistrict runs` names it) and migrate again",
            );
        }
        error.with_hint(
            "remove or renumber these rows in CERT, or leave the table out (`excluded` in [table.\"…\"]); nothing was changed",
        )
    }

    /// As the refusal of an undo.
    pub(crate) fn into_undo_error(self) -> SkillError {
        let mut error = SkillError::new(
            ErrorKind::Conflict,
            "take the run back: others changed CERT since",
        );
        error.causes = self.lines();
        let is_relied = |reason: &Reason| matches!(reason, Reason::Relied { .. });
        let is_relied_on = self.0.keys().any(|(_, reason)| is_relied(reason));
        error = error.with_hint(UNDO_REFUSED);
        match is_relied_on {
            true => error.with_hint(RETAIN_SHARED),
            false => error,
        }
    }
}
