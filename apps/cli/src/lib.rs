//! The composition root: arguments in, exit code out. The only crate that names concrete stores and
//! skills, reads the environment, and prints.

mod apart;
mod approvals;
mod args;
mod attempts;
mod commands;
mod composition;
mod config;
mod confirmed;
mod digests;
mod examples;
mod exit;
mod failure;
mod feed;
mod foot;
mod inventory;
mod mcp;
mod nearest;
mod notify;
mod output;
mod person;
mod planned;
mod planning;
mod prerequisites;
mod rates;
mod reference;
mod retention;
mod runner;
mod screen;
mod secrets;
mod session;
mod traces;
mod unmasked;
mod unreadable;
mod wire;

pub use composition::{Composition, WrapJournal, WrapSource, WrapTarget};

use std::ffi::OsString;
use std::process::ExitCode;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Format;
use crate::session::Session;

/// Runs one command to its end. The composition is the product's own by default; proofs put faults
/// into it, the binary has no switch for that.
pub fn run(arguments: impl IntoIterator<Item = OsString>, composition: Composition) -> ExitCode {
    let words: Vec<OsString> = arguments.into_iter().collect();
    let arguments = match examples::parse(&words) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, args::format_of(&words)),
    };
    let format = match arguments.output {
        Format::Text => args::format_of(&words),
        given => given,
    };
    output::called(words.first(), &arguments.config, &arguments.state_dir);
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    else {
        return Exit::Unexpected.into();
    };
    let session = Session::new(arguments, composition);
    let result = runtime.block_on(Box::pin(commands::dispatch(&session)));
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    let exit = match result {
        Ok(exit) => exit,
        Err(failure) => {
            output::failure(&failure, format);
            failure.exit
        }
    };
    session.notifications.finish();
    told(exit)
}

/// The exit code of a command that ended so: data that could not be written is a failure of its own.
fn told(exit: Exit) -> ExitCode {
    let Some(failure) = output::unwritten(exit) else {
        return exit.into();
    };
    // Where the data was to go nothing can be said any more.
    output::failure(&failure, Format::Text);
    match exit {
        Exit::Done => failure.exit.into(),
        ended => ended.into(),
    }
}

fn usage(error: &clap::Error, format: Format) -> ExitCode {
    let text = secrets::without_logins(&error.render().to_string());
    if error.use_stderr() && format != Format::Text {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let first = lines.next().unwrap_or_default();
        let what = first.strip_prefix("error: ").unwrap_or(first);
        let hints = lines.map(|line| line.trim().to_owned());
        let failure = Failure::usage(format!("read the command line: {what}")).with_hints(hints);
        output::failure(&failure, format);
        Exit::Usage.into()
    } else if error.use_stderr() {
        output::note(text.trim_end());
        Exit::Usage.into()
    } else {
        output::data(text.trim_end());
        told(Exit::Done)
    }
}
