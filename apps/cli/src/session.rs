//! One call of the command: its arguments, its composition, its clock, its cancellation.

use std::sync::Arc;

use redistrict_journal::Journal;
use redistrict_orchestrator::AtApproval;
use redistrict_skill::{Cancel, Clock, SystemClock};
use redistrict_store::TargetStore;

use crate::args::{Arguments, Command};
use crate::composition::Composition;
use crate::failure::CommandResult;
use crate::notify::Notifications;
use crate::output::Format;
use crate::wire::Workspace;

/// What every command is given.
pub(crate) struct Session {
    pub(crate) arguments: Arguments,
    pub(crate) composition: Composition,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancel: Cancel,
    pub(crate) notifications: Notifications,
}

impl Session {
    pub(crate) fn new(arguments: Arguments, composition: Composition) -> Self {
        Self {
            arguments,
            composition,
            clock: Arc::new(SystemClock::new()),
            cancel: Cancel::default(),
            notifications: Notifications::default(),
        }
    }

    pub(crate) fn format(&self) -> Format {
        self.arguments.output
    }

    /// Whether the run is left or stayed with where somebody has to approve.
    pub(crate) fn at_approval(&self) -> AtApproval {
        let stays = match &self.arguments.command {
            Command::Migrate(migrate) => migrate.wait,
            Command::Resume(resume) => resume.wait,
            Command::Load(load) => load.wait,
            Command::Rollback(rollback) => rollback.wait,
            _ => false,
        };
        if stays {
            AtApproval::Stay
        } else {
            AtApproval::Leave
        }
    }

    /// The workspace of `--config`.
    pub(crate) fn workspace(&self) -> CommandResult<Workspace> {
        Workspace::open(&self.arguments.config, &self.arguments.state_dir)
    }

    pub(crate) fn journal(&self, workspace: &Workspace) -> CommandResult<Arc<dyn Journal>> {
        let journal: Arc<dyn Journal> = workspace.journal()?;
        Ok(match &self.composition.wrap_journal {
            Some(wrap) => wrap(journal),
            None => journal,
        })
    }

    pub(crate) fn targets(
        &self,
        workspace: &Workspace,
    ) -> CommandResult<Vec<Arc<dyn TargetStore>>> {
        let targets = workspace.targets()?;
        Ok(match &self.composition.wrap_target {
            Some(wrap) => targets.into_iter().map(|target| wrap(target)).collect(),
            None => targets,
        })
    }
}
