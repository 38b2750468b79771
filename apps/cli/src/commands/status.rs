//! `redistrict status` and `redistrict runs`: read from the journal, nothing is connected.

use redistrict_artifact::timestamp_of;
use redistrict_journal::{RunState, RunStatus, Waiting, fold};
use redistrict_model::RunId;
use redistrict_orchestrator::is_worked_on;

use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::nearest;
use crate::output::{self, Format};
use crate::session::Session;
use crate::wire::Workspace;

/// Shows one run: the checklist, retries, how it ended.
pub(crate) fn status(session: &Session, run: Option<&str>) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let journal = session.journal(&workspace)?;
    let run = match run {
        Some(run) => RunId::new(run),
        None => journal.runs()?.pop().ok_or_else(|| {
            Failure::usage("show a run: there is none yet")
                .with_hint("`redistrict migrate DISTRICT` starts one")
        })?,
    };
    let state =
        fold(&journal.read(&run)?).ok_or_else(|| nearest::missing_run(journal.as_ref(), &run))?;
    if session.format() == Format::Text {
        output::data(output::typed(&text(&state, &standing(&workspace, &state))));
    } else {
        let value = serde_json::to_value(&state)
            .map_err(|_| Failure::new(Exit::Unexpected, "print the state of the run"))?;
        output::json(&value);
    }
    Ok(Exit::Done)
}

/// How a run stands, in words: one that nobody works on any more does not run.
fn standing(workspace: &Workspace, state: &RunState) -> String {
    let is_open = matches!(state.status, RunStatus::Running | RunStatus::Compensating);
    if !is_open || is_worked_on(&workspace.layout.state_dir, &state.run) {
        return state.status.to_string();
    }
    match state.open_request() {
        Some((_, gate)) if gate.approval.is_some() => "approved, nobody works on it".to_owned(),
        _ => "stopped, nobody works on it".to_owned(),
    }
}

fn text(state: &RunState, standing: &str) -> String {
    let mut lines = vec![
        format!(
            "Run {} of district {}: {standing}",
            state.run, state.district
        ),
        String::new(),
    ];
    for (phase, history) in &state.phases {
        let seconds = std::time::Duration::from_millis(history.millis).as_secs_f64();
        lines.push(format!(
            "{}. {:<14} {:<12} {:>3}%  {seconds:.1} s",
            phase.number(),
            phase.to_string(),
            history.state.to_string(),
            state.percent(*phase),
        ));
    }
    for (phase, gate) in &state.gates {
        let Some(approval) = &gate.approval else {
            continue;
        };
        let at = |millis| timestamp_of(std::time::Duration::from_millis(millis));
        lines.push(format!(
            "{phase} was approved by {} at {}, until {}{}",
            approval.by,
            at(approval.given_wall_millis),
            at(approval.expires_wall_millis),
            if gate.is_passed { ", and went on" } else { "" }
        ));
    }
    lines.extend(next_step(state, standing));
    lines.join("\n")
}

/// What a person can do for an unfinished run.
fn next_step(state: &RunState, standing: &str) -> Option<String> {
    let run = &state.run;
    match &state.status {
        RunStatus::Waiting(Waiting::Approval { phase, digest }) => Some(format!(
            "\n{phase} waits for approval: redistrict approve {run} --digest {digest}\n\
             then: redistrict resume {run}"
        )),
        RunStatus::Waiting(Waiting::Credentials(failure)) => {
            let what = failure.error.get("message").and_then(|text| text.as_str());
            Some(format!(
                "\n{} waits for credentials: could not {}\nonce that is mended: redistrict resume {run}",
                failure.phase,
                what.unwrap_or("log in"),
            ))
        }
        // It is what it is: somebody works on it.
        RunStatus::Running | RunStatus::Compensating if *standing == state.status.to_string() => {
            Some(format!(
                "\nfollow it with: redistrict watch {run}\nstop it with: redistrict cancel {run}"
            ))
        }
        _ if state.is_unfinished() => Some(format!("\ngo on with: redistrict resume {run}")),
        _ => None,
    }
}

/// Lists all runs, oldest first.
pub(crate) fn runs(session: &Session) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let journal = session.journal(&workspace)?;
    let mut states: Vec<RunState> = Vec::new();
    for run in journal.runs()? {
        states.extend(fold(&journal.read(&run)?));
    }
    let started = |state: &RunState| {
        timestamp_of(std::time::Duration::from_millis(state.started_wall_millis))
    };
    if session.format() == Format::Text {
        let rows: Vec<Vec<String>> = states
            .iter()
            .map(|state| {
                vec![
                    state.run.to_string(),
                    state.district.to_string(),
                    started(state),
                    standing(&workspace, state),
                    state
                        .parent
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                ]
            })
            .collect();
        output::data(output::table(
            &["run", "district", "started", "status", "takes back"],
            &rows,
        ));
        return Ok(Exit::Done);
    }
    let rows: Vec<serde_json::Value> = states
        .iter()
        .map(|state| {
            serde_json::json!({
                "run": state.run, "district": state.district, "started": started(state),
                "status": state.status.to_string(), "standing": standing(&workspace, state), "parent": state.parent,
            })
        })
        .collect();
    match session.format() {
        Format::Json => output::json(&serde_json::json!({ "runs": rows })),
        _ => rows.iter().for_each(output::json),
    }
    Ok(Exit::Done)
}
