//! `redistrict watch`: follows a run of another process in the journal. Nothing is connected.

use std::sync::Arc;
use std::time::Duration;

use redistrict_journal::{Journal, RunState, RunStatus};
use redistrict_orchestrator::{FeedEvent, FeedSink, RunSummary, is_worked_on, lines_of};

use crate::exit::Exit;
use crate::failure::CommandResult;
use crate::feed::Console;
use crate::output::{self, Format};
use crate::person;
use crate::runner;
use crate::session::Session;

const LOOK: Duration = Duration::from_millis(500);

/// Tells what happens until the run ends, waits for a person, or nobody works on it. The exit code is the
/// run's; that of an interruption where nobody works on it.
pub(crate) async fn run(session: &Session, run: Option<&str>) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let journal = session.journal(&workspace)?;
    let run = person::named_or_newest(journal.as_ref(), run, "watch")?;
    let console = Console::without_log(session.format(), Arc::clone(&session.clock));
    let mut state = person::state_of(journal.as_ref(), &run)?;
    console.event(begin(&state));
    let told = state
        .phases
        .iter()
        .filter(|(_, history)| history.state.is_closed());
    for (phase, history) in told {
        console.event(FeedEvent::PhaseEnded {
            phase: *phase,
            state: history.state.clone(),
            millis: history.millis,
        });
    }
    loop {
        if rests(&state) {
            return Ok(ended(session, &console, &state));
        }
        // Asked before the journal is read: what it wrote before it went is read still.
        let is_alive = is_worked_on(&workspace.layout.state_dir, &run);
        let news = tell_news(journal.as_ref(), &console, &mut state)?;
        if !news && !is_alive {
            output::note(format!(
                "nobody works on run {run} now; go on with: redistrict resume {run}"
            ));
            ended(session, &console, &state);
            return Ok(Exit::Interrupted);
        }
        session.clock.sleep(LOOK).await;
    }
}

fn begin(state: &RunState) -> FeedEvent {
    FeedEvent::RunStarted {
        run: state.run.clone(),
        kind: state.kind,
        district: state.district.clone(),
        district_name: state.plan.district_name.clone(),
        is_resume: state.resumes > 0,
    }
}

/// Nothing more happens unless somebody does something.
fn rests(state: &RunState) -> bool {
    let waits = matches!(state.status, RunStatus::Waiting(_) | RunStatus::Interrupted);
    waits || !state.is_unfinished()
}

fn tell_news(
    journal: &dyn Journal,
    console: &Console,
    state: &mut RunState,
) -> CommandResult<bool> {
    let records = journal.read(&state.run)?;
    let known = state.sequence;
    let mut is_news = false;
    for record in records.iter().filter(|record| record.sequence > known) {
        is_news = true;
        state.apply(record);
        for line in lines_of(&record.event, state) {
            console.event(line);
        }
    }
    Ok(is_news)
}

fn ended(session: &Session, console: &Console, state: &RunState) -> Exit {
    let summary = RunSummary::of(state);
    let failure = match state.status {
        RunStatus::Running | RunStatus::Compensating => None,
        _ => runner::failure_of(&summary),
    };
    console.event(FeedEvent::RunEnded(Box::new(summary)));
    match failure {
        None => {
            if session.format() != Format::Text {
                output::json(&serde_json::json!({
                    "run": state.run, "status": state.status.to_string(), "exit": 0,
                }));
            }
            Exit::Done
        }
        Some(failure) => {
            output::failure(&failure, session.format());
            failure.exit
        }
    }
}
