//! `redistrict status` and `redistrict runs`: read from the journal, nothing is connected.

use redistrict_artifact::timestamp_of;
use redistrict_journal::{RunState, RunStatus, Waiting, fold};

use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format};
use crate::person;
use crate::session::Session;

/// Shows one run: the checklist, retries, how it ended.
pub(crate) fn status(session: &Session, run: Option<&str>) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let journal = session.journal(&workspace)?;
    let run = person::named_or_newest(journal.as_ref(), run, "show")?;
    let state = person::state_of(journal.as_ref(), &run)?;
    if session.format() == Format::Text {
        let is_left = person::is_left(&workspace.layout.state_dir, &state);
        output::data(output::typed(&text(&state, is_left)));
    } else {
        let value = serde_json::to_value(&state)
            .map_err(|_| Failure::new(Exit::Unexpected, "print the state of the run"))?;
        output::json(&value);
    }
    Ok(Exit::Done)
}

/// How a run stands, in words.
fn standing(state: &RunState, is_left: bool) -> String {
    let says_itself = matches!(
        state.status,
        RunStatus::Waiting(Waiting::OtherRun(_) | Waiting::Resume(_))
    );
    match state.open_request() {
        _ if !is_left || says_itself => state.status.to_string(),
        Some((_, gate)) if gate.approval.is_some() => "approved, nobody works on it".to_owned(),
        _ => "stopped, nobody works on it".to_owned(),
    }
}

/// A dry run that succeeded has done nothing to CERT, and looks like nothing that has.
fn said(state: &RunState, standing: String) -> String {
    match state.options.dry_run {
        true => format!("{standing} (dry run)"),
        false => standing,
    }
}

fn text(state: &RunState, is_left: bool) -> String {
    let standing = said(state, standing(state, is_left));
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
    lines.extend(next_step(state, is_left));
    lines.join("\n")
}

/// What a person can do for an unfinished run.
fn next_step(state: &RunState, is_left: bool) -> Option<String> {
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
        RunStatus::Waiting(Waiting::OtherRun(failure)) => {
            let what = failure.error.get("message").and_then(|text| text.as_str());
            Some(format!(
                "\nanother run was in the way: could not {}\nonce it has ended: redistrict resume {run}",
                what.unwrap_or("take the lease"),
            ))
        }
        RunStatus::Waiting(Waiting::Resume(failure)) => {
            let what = failure.error.get("message").and_then(|text| text.as_str());
            Some(format!(
                "\nwhat was written to CERT stands; what is left to do failed: could not {}\n\
                 once that is mended: redistrict resume {run}",
                what.unwrap_or("finish the run"),
            ))
        }
        RunStatus::Running | RunStatus::Compensating if !is_left => Some(format!(
            "\nfollow it with: redistrict watch {run}\nstop it with: redistrict cancel {run}"
        )),
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
    let stands =
        |state: &RunState| standing(state, person::is_left(&workspace.layout.state_dir, state));
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
                    said(state, stands(state)),
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
                "status": state.status.to_string(), "standing": stands(state),
                "parent": state.parent, "is_dry_run": state.options.dry_run,
            })
        })
        .collect();
    match session.format() {
        Format::Json => output::json(&serde_json::json!({ "runs": rows })),
        _ => rows.iter().for_each(output::json),
    }
    Ok(Exit::Done)
}
