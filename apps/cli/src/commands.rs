//! The commands, one file each.

mod analyze;
mod demo;
mod doctor;
mod enroll;
mod init;
mod migrate;
mod plan;
mod report;
mod resume;
mod rollback;
mod select;
mod skills;
mod status;

use crate::args::{Command, ConfigCommand};
use crate::exit::Exit;
use crate::failure::CommandResult;
use crate::session::Session;
use crate::wire::not_available;

/// Runs the command that was typed.
pub(crate) async fn dispatch(session: &Session) -> CommandResult<Exit> {
    match &session.arguments.command {
        Command::Demo(arguments) => Box::pin(demo::run(session, arguments)).await,
        Command::Init(arguments) => init::run(session, arguments).await,
        Command::Doctor => doctor::run(session).await,
        Command::Config(ConfigCommand::Check) => doctor::check_config(session).await,
        Command::Analyze => analyze::run(session).await,
        Command::Select => select::run(session).await,
        Command::Plan(arguments) => plan::run(session, arguments).await,
        Command::Migrate(arguments) => Box::pin(migrate::run(session, arguments)).await,
        Command::Extract(district) => skills::extract(session, district).await,
        Command::Anonymize(district) => skills::anonymize(session, district).await,
        Command::Validate(district) => skills::validate(session, district).await,
        Command::Load(district) => skills::load(session, district).await,
        Command::Report(run) => report::run(session, run),
        Command::Status(run) => status::status(session, run.run.as_deref()),
        Command::Runs => status::runs(session),
        Command::Resume(run) => Box::pin(resume::run(session, run.run.as_deref())).await,
        Command::Rollback(arguments) => Box::pin(rollback::run(session, arguments)).await,
        Command::Enroll(arguments) => enroll::run(session, arguments).await,
        Command::Classify => Err(not_available("classify")),
        Command::Why(_) => Err(not_available("why")),
        Command::Watch(_) => Err(not_available("watch")),
        Command::Approve(_) => Err(not_available("approve")),
        Command::Cancel(_) => Err(not_available("cancel")),
        Command::Mcp(_) => Err(not_available("mcp")),
        Command::Notify(_) => Err(not_available("notify")),
        Command::Artifacts(_) => Err(not_available("artifacts")),
        Command::Key(_) => Err(not_available("key")),
        Command::Completions(_) => Err(not_available("completions")),
    }
}
