//! What can go wrong while planning and while masking. No value of a person stands in any of it.

use redistrict_artifact::ArtifactError;
use redistrict_model::{ErrorKind, Finding};
use redistrict_skill::SkillError;

/// A mask plan that cannot be: everything that is wrong with it, each with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plan the masks: {} columns or tables need a decision", findings.len())]
#[non_exhaustive]
pub struct MaskPlanError {
    /// All of severity ERROR, in column order, with lines to paste or alternatives.
    pub findings: Vec<Finding>,
}

/// A failure to mask or to prove.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AnonymizeError {
    #[error("read or write an artifact")]
    Artifact(#[from] ArtifactError),
    #[error("use the raw artifact: {0}")]
    DoesNotFit(String),
    #[error("mask {column}: {why}")]
    Unmaskable { column: String, why: &'static str },
    #[error("mask {column}: the plan has no decision about it")]
    Undecided { column: String },
    #[error("mask {column}: {mask} does not take its type")]
    WrongType { column: String, mask: String },
    #[error("put the masked values of {table} together")]
    Arrow {
        table: String,
        source: arrow::error::ArrowError,
    },
    #[error("mask {domain} without giving two values one pseudonym: {inputs} became {outputs}")]
    NotInjective {
        domain: String,
        inputs: usize,
        outputs: usize,
    },
    #[error("mask {column} uniquely: {values} values need more room than its mask has")]
    Capacity { column: String, values: u64 },
    #[error("keep {}", described(.0))]
    KeptNoCode(Vec<Finding>),
    #[error("prove that nothing leaked: {0}")]
    Leak(String),
    /// A file that the run wrote about itself.
    #[error("prove that nothing leaked: {count} values of PROD stand in {}", path.display())]
    OwnFile {
        path: std::path::PathBuf,
        count: u64,
    },
    #[error("prove that nothing leaked: {0}")]
    ProofFailed(String),
    #[error("read {}", path.display())]
    Io {
        path: std::path::PathBuf,
        source: std::io::Error,
    },
    #[error("finish: the run was interrupted")]
    Interrupted,
}

impl AnonymizeError {
    fn error_kind(&self) -> ErrorKind {
        match self {
            Self::Artifact(error) => error.error_kind(),
            Self::DoesNotFit(_) | Self::Io { .. } | Self::KeptNoCode(_) => ErrorKind::Config,
            Self::Unmaskable { .. } | Self::NotInjective { .. } | Self::Capacity { .. } => {
                ErrorKind::Data
            }
            Self::Undecided { .. } | Self::WrongType { .. } | Self::Arrow { .. } => ErrorKind::Bug,
            Self::Leak(_) | Self::OwnFile { .. } | Self::ProofFailed(_) => ErrorKind::Leak,
            Self::Interrupted => ErrorKind::Interrupted,
        }
    }
}

impl From<AnonymizeError> for SkillError {
    fn from(error: AnonymizeError) -> Self {
        use std::error::Error as _;
        let mut skill_error = Self::new(error.error_kind(), error.to_string());
        let mut next = error.source();
        while let Some(cause) = next {
            skill_error.causes.push(cause.to_string());
            next = cause.source();
        }
        match &error {
            AnonymizeError::DoesNotFit(_) => {
                skill_error.with_hint("run without --skip-extraction to extract again")
            }
            AnonymizeError::NotInjective { .. } | AnonymizeError::Capacity { .. } => skill_error
                .with_hint("choose another mask for its columns: mask = \"text\" is injective"),
            AnonymizeError::KeptNoCode(findings) => findings
                .iter()
                .flat_map(|finding| &finding.lines)
                .fold(skill_error, |error, line| error.with_hint(line)),
            AnonymizeError::Leak(_) => skill_error.with_hint(
                "CERT was not touched; give the column a class or mask in [column.\"…\"] (a label of a graph has none: exclude its table, and extract again), or, where the column that the values come from says nothing about persons, keep that one with public = true and a reason; then run again",
            ),
            AnonymizeError::OwnFile { .. } => skill_error.with_hint(
                "the rows were proved free of leaks before they were loaded; it is this file of the run that holds \
                 values: give it to nobody",
            ),
            _ => skill_error,
        }
    }
}

fn described(findings: &[Finding]) -> String {
    let one = |finding: &Finding| format!("{}: {}", finding.subject, finding.message);
    findings.iter().map(one).collect::<Vec<_>>().join("; ")
}
