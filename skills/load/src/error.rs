//! What can go wrong while planning a load, and how the errors of others become errors of the skill.
//! Must not copy a value or a server's text.

use redistrict_artifact::ArtifactError;
use redistrict_model::{ErrorKind, StoreName, Table, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{StoreError, StoreErrorKind};

/// A load that cannot even be planned: the inputs do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadPlanError {
    #[error("plan the load of {table}: no commit group has store {}", table.store)]
    NoGroup { table: TableRef },
    #[error("plan the load of store {store}: it has no target catalog")]
    NoTargetCatalog { store: StoreName },
    #[error("plan the load of {table}: the source catalog does not have it")]
    NotInSource { table: TableRef },
    #[error("plan the load: store {store} is in two commit groups")]
    TwoGroups { store: StoreName },
}

impl LoadPlanError {
    /// The kind that policy is made of.
    #[must_use]
    pub fn error_kind(&self) -> ErrorKind {
        match self {
            Self::NoTargetCatalog { .. } => ErrorKind::Config,
            Self::NoGroup { .. } | Self::NotInSource { .. } | Self::TwoGroups { .. } => {
                ErrorKind::Bug
            }
        }
    }
}

/// The hint by which the command line knows a refused undo (exit 12): nothing was changed.
pub const UNDO_REFUSED: &str =
    "undo refused, nothing was changed: take back the changes named above first, or keep the load";

/// Beside it, where other runs rely on rows that would go.
pub(crate) const RETAIN_SHARED: &str = "where another run relies on rows: take that run back first, or leave these rows with \
     `redistrict rollback RUN --retain-shared`; they go when the last run that relies on them is taken back";

/// Whether an error is a refused undo.
#[must_use]
pub fn is_undo_refused(error: &SkillError) -> bool {
    error.hints.iter().any(|hint| hint == UNDO_REFUSED)
}

/// A store's failure, with what we were doing; `doing` fits after "failed to".
pub(crate) fn store_failed(doing: impl Into<String>, error: &StoreError) -> SkillError {
    let failed = SkillError::because(error.error_kind(), doing, error);
    let failed = match &error.hint {
        Some(hint) => failed.with_hint(hint.clone()),
        None => failed,
    };
    // Another process has taken over: what becomes of the run is its business.
    match error.kind {
        StoreErrorKind::Superseded => failed.keeping(),
        _ => failed,
    }
}

/// An artifact's failure, with what we were doing.
pub(crate) fn artifact_failed(doing: impl Into<String>, error: &ArtifactError) -> SkillError {
    SkillError::because(error.error_kind(), doing, error)
}

/// Rows that are not where they were written: something in CERT keeps them out or gives them another key.
///
/// Where the table has no trigger that could do it, the fault is ours.
pub(crate) fn changed_by_cert(what: impl Into<String>, table: &Table) -> SkillError {
    if table.firing_triggers().is_empty() {
        return bug(what);
    }
    let hint = format!(
        "a trigger of {} in CERT keeps rows out or changes their keys{}: disable it there for the load; nothing was changed",
        table.name,
        firing(table)
    );
    SkillError::new(ErrorKind::Conflict, what).with_hint(hint)
}

/// The names of the table's triggers that fire, in parentheses; nothing where there are none.
pub(crate) fn firing(table: &Table) -> String {
    let names = table.firing_triggers();
    match names.is_empty() {
        true => String::new(),
        false => format!(" (its triggers: {})", names.join(", ")),
    }
}

/// A broken invariant of ours.
pub(crate) fn bug(what: impl Into<String>) -> SkillError {
    SkillError::new(ErrorKind::Bug, what)
}

/// Something the user has to change.
pub(crate) fn config(what: impl Into<String>) -> SkillError {
    SkillError::new(ErrorKind::Config, what)
}
