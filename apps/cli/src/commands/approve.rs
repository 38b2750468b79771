//! `redistrict approve`: a person lets a waiting run go on. Only the journal is written.

use redistrict_artifact::timestamp_of;
use redistrict_journal::{JournalError, RunState};
use redistrict_model::{Phase, RunId, UnitKey, shell_word};
use redistrict_orchestrator::{ApprovalRefusal, approval};
use redistrict_report::{ReportData, ReportSkill, UndoForecastReport};
use redistrict_skill::ASKS;

use crate::approvals::approvals;
use crate::args;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format, thousands};
use crate::person;
use crate::runner;
use crate::session::Session;

/// Shows what is to be approved, asks if need be, and journals who approved and until when it counts.
pub(crate) fn run(session: &Session, arguments: &args::Approve) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let valid_for = approvals(&workspace.config)?.valid_for;
    let journal = session.journal(&workspace)?;
    let run = RunId::new(arguments.run.clone());
    let state = person::state_of(journal.as_ref(), &run)?;
    let (phase, gate) = state.open_request().ok_or_else(|| not_asked(&state))?;
    let digest = gate.digest.clone();
    let report = ReportSkill::new(
        workspace.layout.clone(),
        std::sync::Arc::clone(&journal),
        workspace.root_key()?,
    );
    let now = millis(session.clock.wall());
    let valid = millis(valid_for);
    let given = arguments.digest.as_deref();
    let by = person::name(arguments.by.as_deref());
    let named = by.as_deref().unwrap_or_default();
    let command = command(&run, &digest, arguments.by.as_deref(), by.is_ok());
    let events =
        approval(&state, given, named, now, valid).map_err(|refusal| refused(&state, refusal))?;
    for line in shown(&state, phase, &digest, &report.data(&run)?) {
        output::note(line);
    }
    let by = by.map_err(|nobody| {
        Failure::usage(format!(
            "approve run {run}: nothing was approved, because {nobody}"
        ))
        .with_hint(format!("say who approves: {command}"))
    })?;
    if arguments.digest.is_none() {
        ask(&run, &command)?;
    }
    match journal.append(&run, now, &events) {
        Err(JournalError::IllegalOrder { what, .. }) => {
            return Err(Failure::prerequisite(format!("approve run {run}: {what}"))
                .with_hint(format!("`redistrict status {run}` shows where it is")));
        }
        result => result?,
    }
    let until = timestamp_of(session.clock.wall() + valid_for);
    if session.format() == Format::Text {
        output::note(format!("approved by {by}, until {until}"));
        output::note(format!("go on with: redistrict resume {run}"));
    } else {
        output::json(&serde_json::json!({
            "run": run, "phase": phase, "digest": digest, "by": by, "until": until,
        }));
    }
    Ok(Exit::Done)
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What the approver has to know, as the run found it when it asked.
fn shown(state: &RunState, phase: Phase, digest: &str, data: &ReportData) -> Vec<String> {
    let what = match &state.parent {
        None => "the migration".to_owned(),
        Some(parent) if parent.as_str().starts_with("rb-") => {
            format!("putting in again what run {parent} took out")
        }
        Some(parent) => format!("taking run {parent} out of CERT again"),
    };
    let mut lines = vec![format!(
        "Run {} ({what}; district {}) waits for approval of {phase}.",
        state.run, state.district
    )];
    if phase == Phase::Loading && !data.forecast.is_empty() {
        let totals = &data.totals;
        let recorded = |count: Option<u64>| count.map_or("not recorded".to_owned(), thousands);
        if !data.is_undo {
            let verdict = data
                .verdict
                .map_or("none".to_owned(), |verdict| verdict.to_string());
            lines.push(format!(
                "Extracted {} records, masked {} PII fields, {} survivors found, verdict {verdict}.",
                recorded(totals.extracted),
                recorded(totals.anonymized_fields),
                recorded(totals.leaks),
            ));
            let sum = |of: fn(&redistrict_report::ForecastReport) -> u64| {
                thousands(data.forecast.iter().map(of).sum())
            };
            lines.push(format!(
                "It would insert {}, update {}, leave {} rows of {} tables.",
                sum(|table| table.insert),
                sum(|table| table.update),
                sum(|table| table.leave),
                data.forecast.len(),
            ));
        }
    }
    lines.extend(asked_lines(state, phase));
    lines.extend(runner::forecast_lines(data));
    lines.extend(undo_lines(data));
    lines.push(format!("Plan:   {}", data.plan_digest));
    lines.push(format!("Digest: {digest}"));
    lines
}

/// What the run asks by itself: limits of rows that what comes is beyond.
fn asked_lines(state: &RunState, phase: Phase) -> Vec<String> {
    let is_about = |unit: &UnitKey| unit.phase == phase || unit.phase == Phase::Extraction;
    let units = state.units.iter().filter(|(unit, _)| is_about(unit));
    let asks =
        units.filter_map(|(_, known)| known.done.as_ref()?.get("facts")?.get(ASKS)?.as_array());
    asks.flatten().filter_map(asked_line).collect()
}

fn asked_line(ask: &serde_json::Value) -> Option<String> {
    let number = |name: &str| ask.get(name)?.as_u64().map(thousands);
    let (table, why) = (ask.get("table")?.as_str()?, ask.get("why")?.as_str()?);
    let (limit, up_to) = (number("limit")?, number("up_to")?);
    let said = match why {
        "hub" => {
            format!("is not the district's own, and more than {limit} of its rows come (hub_rows)")
        }
        _ => format!("has more rows of the district than max_rows = {limit}"),
    };
    Some(format!("{table} {said}: up to {up_to} would come."))
}

/// What an undo would do per table, as its check found it.
fn undo_lines(data: &ReportData) -> Vec<String> {
    if data.undo_forecast.is_empty() {
        return Vec::new();
    }
    let sum =
        |of: fn(&UndoForecastReport) -> u64| thousands(data.undo_forecast.iter().map(of).sum());
    let rows = data.undo_forecast.iter().map(|one| {
        let numbers = [one.remove, one.restore, one.reinsert].map(thousands);
        [one.table.to_string()].into_iter().chain(numbers).collect()
    });
    let header = ["table", "remove", "restore", "put in again"];
    vec![
        format!(
            "It would remove {}, restore {} and put in again {} rows of {} tables.",
            sum(|one| one.remove),
            sum(|one| one.restore),
            sum(|one| one.reinsert),
            data.undo_forecast.len(),
        ),
        output::table(&header, &rows.collect::<Vec<Vec<String>>>()),
    ]
}

/// The whole command, which asks nothing.
fn command(run: &RunId, digest: &str, by: Option<&str>, is_known: bool) -> String {
    let by = match (by, is_known) {
        (Some(by), true) => format!(" --by {}", shell_word(by)),
        (None, true) => String::new(),
        (_, false) => " --by \"your name\"".to_owned(),
    };
    format!("redistrict approve {run} --digest {digest}{by}")
}

fn ask(run: &RunId, command: &str) -> CommandResult {
    let no = |why: &str, what: &str| {
        Failure::usage(format!(
            "approve run {run}: nothing was approved, because {why}"
        ))
        .with_hint(format!("{what}{command}"))
    };
    match person::answer("Approve it? Type yes:") {
        Some(answer) if answer.eq_ignore_ascii_case("yes") => Ok(()),
        Some(_) => Err(no("the answer was not yes", "")),
        None => Err(no(
            "there is no terminal to ask on",
            "if what is said above is right, name it by its digest: ",
        )),
    }
}

fn not_asked(state: &RunState) -> Failure {
    let run = &state.run;
    Failure::usage(format!(
        "approve run {run}: it does not wait for an approval ({})",
        state.status
    ))
    .with_hint(format!("`redistrict status {run}` shows where it is"))
}

fn refused(state: &RunState, refusal: ApprovalRefusal) -> Failure {
    let run = &state.run;
    match refusal {
        ApprovalRefusal::NotAsked => not_asked(state),
        ApprovalRefusal::OtherDigest { asked } => Failure::prerequisite(format!(
            "approve run {run}: the digest is not the one that it asks for"
        ))
        .with_hint("look at it again: what was to be approved may have changed")
        .with_hint(format!("redistrict approve {run} --digest {asked}")),
        ApprovalRefusal::Approved { by } => Failure::prerequisite(format!(
            "approve run {run}: it is approved already, by {by}"
        ))
        .with_hint(format!("redistrict resume {run}")),
    }
}
