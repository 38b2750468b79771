//! The commands, one file each.

mod analyze;
mod approve;
mod artifacts;
mod cancel;
mod cert;
mod classify;
mod completions;
mod demo;
mod doctor;
mod enroll;
mod init;
mod mcp;
mod migrate;
mod notify;
mod pages;
mod plan;
mod report;
mod resume;
mod rollback;
mod select;
mod skills;
mod status;
mod watch;
mod why;

use crate::args::{Command, ConfigCommand, NotifyCommand};
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
        Command::Classify(arguments) => classify::run(session, arguments).await,
        Command::Why(arguments) => why::run(session, arguments).await,
        Command::Watch(run) => watch::run(session, run.run.as_deref()).await,
        Command::Approve(arguments) => approve::run(session, arguments),
        Command::Cancel(arguments) => Box::pin(cancel::run(session, arguments)).await,
        Command::Mcp(arguments) => mcp::run(session, arguments).await,
        Command::Cert(command) => cert::run(session, command).await,
        Command::Artifacts(command) => artifacts::run(session, command),
        Command::Notify(NotifyCommand::Test) => notify::test(session),
        Command::Key(_) => Err(not_available("key")),
        Command::Completions(arguments) => completions::run(session, arguments),
        Command::Pages(arguments) => pages::run(session, arguments),
    }
}
