//! A command's failure: what the person sees, and the exit code.

use redistrict_model::{ErrorKind, Phase};
use redistrict_skill::SkillError;
use redistrict_store::StoreError;

use crate::exit::Exit;

/// What went wrong, as a sentence, with causes and what to do. Never a value, never a secret.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What kind of error it came of; none for what the command line itself finds wrong.
    pub(crate) kind: Option<ErrorKind>,
    /// Nothing was asked of the store before: nobody may ever have answered there.
    pub(crate) is_first_contact: bool,
    /// A fragment that fits after "failed to", or a whole sentence.
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) hints: Vec<String>,
}

pub(crate) type CommandResult<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            kind: None,
            is_first_contact: false,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn prerequisite(message: impl Into<String>) -> Self {
        Self::new(Exit::Prerequisite, message)
    }

    pub(crate) fn not_available(what: &str) -> Self {
        Self::usage(format!("use {what}: it is not available yet"))
            .with_hint("CHANGELOG.md says what is there")
    }

    pub(crate) fn because(
        kind: ErrorKind,
        message: impl Into<String>,
        cause: &(dyn std::error::Error + 'static),
    ) -> Self {
        Self::from_skill(None, SkillError::because(kind, message, cause))
    }

    pub(crate) fn from_skill(phase: Option<Phase>, error: SkillError) -> Self {
        let is_full = error.causes.iter().any(|cause| cause.contains(FULL));
        let failure = Self {
            exit: Exit::of(error.kind, phase),
            kind: Some(error.kind),
            is_first_contact: false,
            message: error.message,
            causes: error.causes,
            hints: error.hints,
        };
        match is_full {
            true => failure.with_hint(
                "make room there (`redistrict artifacts ls` shows what could be shredded), then run it again",
            ),
            false => failure,
        }
    }

    /// Says so where nobody answers: see [`attempts`](crate::attempts::attempts).
    #[must_use]
    pub(crate) fn of_first_contact(mut self) -> Self {
        self.is_first_contact = self.kind == Some(ErrorKind::Unreachable);
        self
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn with_hints(mut self, hints: impl IntoIterator<Item = String>) -> Self {
        self.hints.extend(hints);
        self
    }
}

/// What the operating system says of a full disk, in the words of its error.
const FULL: &str = "No space left on device";

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let mut failure = Self::new(Exit::of(error.error_kind(), None), error.to_string());
        failure.kind = Some(error.error_kind());
        match error.hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl From<SkillError> for Failure {
    fn from(error: SkillError) -> Self {
        Self::from_skill(None, error)
    }
}

impl From<redistrict_artifact::ArtifactError> for Failure {
    fn from(error: redistrict_artifact::ArtifactError) -> Self {
        let kind = error.error_kind();
        let message = error.to_string();
        let mut failure = Self::new(Exit::of(kind, None), message);
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            failure.causes.push(cause.to_string());
            source = cause.source();
        }
        failure
    }
}

impl From<redistrict_journal::JournalError> for Failure {
    fn from(error: redistrict_journal::JournalError) -> Self {
        let is_corrupt = error.error_kind() == ErrorKind::Corrupt;
        let failure = Self::because(ErrorKind::Config, "use the journal", &error);
        match is_corrupt {
            true => failure.with_hint(
                "bring it back from a copy; without it the runs that it knew cannot be resumed or taken \
                 back from here (moved away, a new one is begun)",
            ),
            false => failure.with_hint(
                "see that its folder can be written and read, and that the disk is not full; \
                 --state-dir and the configuration's place say where it is",
            ),
        }
    }
}
