//! Puts the skills of a run together, runs it, and says how it ended.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redistrict_anonymize::{AnonymizeSkill, SweepSkill};
use redistrict_artifact::{Layout, RootKey};
use redistrict_extract::ExtractSkill;
use redistrict_journal::{Journal, RunKind, RunOptions, RunStatus, Waiting};
use redistrict_load::{LoadSetup, LoadSkill, Mode, SharedRows, UndoSkill, is_undo_refused};
use redistrict_model::{DistrictId, Finding, Phase, Plan, RunId};
use redistrict_orchestrator::{
    Orchestrator, OrchestratorError, RunRequest, RunSummary, is_asked_to_stop, new_run_id,
};
use redistrict_report::{ReportData, ReportSkill};
use redistrict_skill::Skill;
use redistrict_store::{Fingerprint, Owner, SourceStore, TargetStore};
use redistrict_validate::ValidateSkill;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::feed::Console;
use crate::output::{self, Format};
use crate::person;
use crate::session::Session;

/// The first signal that asked this process to stop.
static STOPPED_BY: OnceLock<Exit> = OnceLock::new();

/// How often a run looks whether somebody cancels it.
const LOOK: Duration = Duration::from_millis(250);

/// What a run works with.
pub(crate) struct Parts {
    pub(crate) layout: Layout,
    pub(crate) key: RootKey,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) sources: Vec<Arc<dyn SourceStore>>,
    pub(crate) source_fingerprints: Vec<Fingerprint>,
    pub(crate) targets: Vec<Arc<dyn TargetStore>>,
    pub(crate) denied: Vec<Fingerprint>,
    /// This process, in the leases of targets.
    pub(crate) owner: Owner,
}

impl Parts {
    fn load_setup(&self, mode: Mode, options: &RunOptions) -> LoadSetup {
        LoadSetup {
            targets: self.targets.clone(),
            layout: self.layout.clone(),
            key: self.key.clone(),
            source_fingerprints: self.source_fingerprints.clone(),
            denied_fingerprints: self.denied.clone(),
            artifact: None,
            mode,
            owner: self.owner.clone(),
            is_approved: options.approvals.contains(&Phase::Loading),
        }
    }

    /// The skills of a migration, in the order of their phases.
    fn migration(&self, session: &Session, options: &RunOptions) -> Vec<Arc<dyn Skill>> {
        let (layout, key) = (&self.layout, &self.key);
        let reuse = options.reuse.clone();
        let anonymize = match &session.composition.masks {
            None => AnonymizeSkill::new(layout.clone(), key.clone(), reuse.clone()),
            Some(masks) => AnonymizeSkill::with_masks(
                layout.clone(),
                key.clone(),
                reuse.clone(),
                masks.clone(),
            ),
        };
        let sources = match &session.composition.wrap_source {
            None => self.sources.clone(),
            Some(wrap) => self.sources.iter().cloned().map(|one| wrap(one)).collect(),
        };
        let mode = if options.dry_run {
            Mode::DryRun
        } else {
            Mode::Apply
        };
        let sweep =
            SweepSkill::new(layout.clone(), key.clone(), reuse).with_files(vec![layout.journal()]);
        vec![
            Arc::new(
                ExtractSkill::new(sources, layout.clone(), key.clone())
                    .with_hub_rows(options.hub_rows),
            ),
            Arc::new(anonymize),
            Arc::new(ValidateSkill::new(layout.clone(), key.clone())),
            Arc::new(LoadSkill::new(self.load_setup(mode, options))),
            Arc::new(ReportSkill::new(
                layout.clone(),
                Arc::clone(&self.journal),
                key.clone(),
            )),
            Arc::new(sweep),
        ]
    }

    fn undo(&self, parent: &RunId, options: &RunOptions) -> Vec<Arc<dyn Skill>> {
        let mode = if options.dry_run {
            Mode::DryRun
        } else {
            Mode::Apply
        };
        let shared = match options.retain_shared {
            true => SharedRows::Retain,
            false => SharedRows::Refuse,
        };
        vec![
            Arc::new(
                UndoSkill::new(self.load_setup(mode, options), parent.clone()).sharing(shared),
            ),
            Arc::new(ReportSkill::new(
                self.layout.clone(),
                Arc::clone(&self.journal),
                self.key.clone(),
            )),
        ]
    }

    fn skills(
        &self,
        session: &Session,
        kind: RunKind,
        parent: Option<&RunId>,
        options: &RunOptions,
    ) -> Vec<Arc<dyn Skill>> {
        match (kind, parent) {
            (RunKind::Undo, Some(parent)) => self.undo(parent, options),
            _ => self.migration(session, options),
        }
    }
}

/// A random name for this process.
pub(crate) fn owner() -> CommandResult<Owner> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| Failure::new(Exit::Unexpected, "draw random bytes for the leases"))?;
    Ok(Owner::from_random(bytes))
}

/// A new run.
pub(crate) struct NewRun {
    pub(crate) kind: RunKind,
    pub(crate) district: DistrictId,
    pub(crate) options: RunOptions,
    pub(crate) parent: Option<RunId>,
    pub(crate) plan: Plan,
}

/// Starts a run and stays with it to its end.
pub(crate) async fn start(
    session: &Session,
    parts: &Parts,
    new: NewRun,
) -> CommandResult<RunSummary> {
    let mut existing = parts.journal.runs()?;
    loop {
        let run = new_run_id(new.kind, session.clock.as_ref(), &existing);
        let request = RunRequest {
            run: run.clone(),
            kind: new.kind,
            district: new.district.clone(),
            options: new.options.clone(),
            parent: new.parent.clone(),
            plan: new.plan.clone(),
            skills: parts.skills(session, new.kind, new.parent.as_ref(), &new.options),
        };
        let orchestrator = orchestrator(session, parts, &run)?;
        let work = Box::pin(orchestrator.run(request));
        match with_signals(session, parts, &run, work).await? {
            Err(error) if is_taken(&error, &run) => existing.push(run),
            result => return result.map_err(orchestrator_failed),
        }
    }
}

/// Another process chose the same name in the same second: the next number is ours.
fn is_taken(error: &OrchestratorError, run: &RunId) -> bool {
    match error {
        OrchestratorError::Busy { run: taken } | OrchestratorError::RunExists { run: taken } => {
            taken == run
        }
        _ => false,
    }
}

/// Goes on with a run.
pub(crate) async fn resume(
    session: &Session,
    parts: &Parts,
    run: &RunId,
) -> CommandResult<RunSummary> {
    let state = person::state_of(parts.journal.as_ref(), run)?;
    let skills = parts.skills(session, state.kind, state.parent.as_ref(), &state.options);
    let orchestrator = orchestrator(session, parts, run)?;
    let work = Box::pin(orchestrator.resume(run, skills));
    with_signals(session, parts, run, work)
        .await?
        .map_err(orchestrator_failed)
}

fn orchestrator(session: &Session, parts: &Parts, run: &RunId) -> CommandResult<Orchestrator> {
    let console = Console::new(
        session.format(),
        &parts.layout.log(run),
        Arc::clone(&session.clock),
    )?;
    let mut orchestrator = Orchestrator::new(
        Arc::clone(&parts.journal),
        Arc::clone(&session.clock),
        session.cancel.clone(),
        session
            .notifications
            .sink(console, Arc::clone(&session.clock)),
        parts.layout.state_dir.clone(),
    );
    orchestrator.at_approval = session.at_approval();
    Ok(orchestrator)
}

fn orchestrator_failed(error: OrchestratorError) -> Failure {
    let failure = Failure::because(error.error_kind(), "work on the run", &error);
    match error {
        OrchestratorError::Busy { run } => {
            failure.with_hint(format!("`redistrict status {run}` shows where it is"))
        }
        OrchestratorError::Journal { .. } => failure
            .with_hint("is there room where the journal lies? `redistrict doctor` tells")
            .with_hint("then: redistrict resume"),
        _ => failure,
    }
}

/// Ctrl-C, SIGTERM and `redistrict cancel` ask the run to stop at the next safe place. A second signal
/// ends the work at once, as a crash would. It can be resumed either way.
async fn with_signals<T>(
    session: &Session,
    parts: &Parts,
    run: &RunId,
    work: impl Future<Output = T>,
) -> CommandResult<T> {
    // Before the first step of the work: from here on no signal is missed.
    let mut interrupts = signal(SignalKind::interrupt()).ok();
    let mut terminations = signal(SignalKind::terminate()).ok();
    tokio::pin!(work);
    loop {
        let exit = tokio::select! {
            // The work first: it takes the run's lock at its first step, and with it away what somebody
            // asked a process that is gone.
            biased;
            result = &mut work => return Ok(result),
            () = next_of(&mut interrupts) => Exit::Interrupted,
            () = next_of(&mut terminations) => Exit::Terminated,
            () = asked_to_stop(session, parts, run), if !session.cancel.is_cancelled() => {
                session.cancel.cancel();
                output::note("cancelled from another terminal: stopping at the next safe place");
                continue;
            }
        };
        if STOPPED_BY.set(exit).is_err() {
            return Err(interrupted(run));
        }
        session.cancel.cancel();
    }
}

/// Until somebody cancels the run from another terminal.
async fn asked_to_stop(session: &Session, parts: &Parts, run: &RunId) {
    while !is_asked_to_stop(&parts.layout.state_dir, run) {
        session.clock.sleep(LOOK).await;
    }
}

async fn next_of(signals: &mut Option<Signal>) {
    match signals {
        Some(signals) => {
            signals.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn interrupted(run: &RunId) -> Failure {
    let exit = STOPPED_BY.get().copied().unwrap_or(Exit::Interrupted);
    Failure::new(exit, "finish: the run was interrupted")
        .with_hint(format!("redistrict resume {run}"))
}

/// Says how a run ended and gives the exit code.
pub(crate) fn conclude(
    session: &Session,
    parts: &Parts,
    summary: &RunSummary,
) -> CommandResult<Exit> {
    let report = ReportSkill::new(
        parts.layout.clone(),
        Arc::clone(&parts.journal),
        parts.key.clone(),
    );
    let has_ended_well = matches!(summary.status, RunStatus::Succeeded | RunStatus::Undone);
    // What failed after the report was written must not stand in it as a success.
    let data = match has_ended_well {
        true => report.data(&summary.run)?,
        false => written_or_told(&report, &summary.run)?,
    };
    let failure = failure_of(summary);
    if session.format() == Format::Text {
        output::data(output::typed(&redistrict_report::summary(&data)));
        forecast(&data);
        if let Some(failure) = &failure {
            output::note("");
            output::failure(failure, Format::Text);
        }
        next_steps(&data, failure.as_ref());
    } else {
        output::json(&as_json(&data, failure.as_ref()));
    }
    Ok(failure.map_or(Exit::Done, |failure| failure.exit))
}

/// Writes the report of a run that did not end well. Where that cannot be done (the disk that failed the run
/// is still full) the run's own failure is told all the same.
fn written_or_told(report: &ReportSkill, run: &RunId) -> CommandResult<ReportData> {
    let error = match report.write(run) {
        Ok(data) => return Ok(data),
        Err(error) => error,
    };
    output::note(format!(
        "warning: the report is not written: could not {} (`redistrict report {run}` writes it later)",
        error.chain()
    ));
    let mut data = report.data(run)?;
    data.reports.clear();
    Ok(data)
}

/// A dry run says per table what a load would do.
fn forecast(data: &ReportData) {
    if !data.is_dry_run || data.is_undo {
        return;
    }
    output::data("");
    for line in forecast_lines(data) {
        output::data(line);
    }
}

/// What a load would do per table, as a table; nothing where it was not looked at.
pub(crate) fn forecast_lines(data: &ReportData) -> Vec<String> {
    if data.forecast.is_empty() {
        return Vec::new();
    }
    let (with_rows, empty): (Vec<_>, Vec<_>) =
        data.forecast.iter().partition(|table| table.rows > 0);
    let rows: Vec<Vec<String>> = with_rows
        .into_iter()
        .map(|table| {
            let mut cells = vec![table.table.to_string()];
            let counts = [table.insert, table.update, table.leave, table.conflict];
            cells.extend(counts.map(output::thousands));
            cells
        })
        .collect();
    let header = ["table", "insert", "update", "leave", "conflict"];
    let mut lines = vec![output::table(&header, &rows)];
    if !empty.is_empty() {
        let count = output::thousands(empty.len() as u64);
        lines.push(format!(
            "and {count} tables of which the district has no row"
        ));
    }
    lines
}

/// What the failure has said already, lines to paste above all, is not said again.
fn next_steps(data: &ReportData, failure: Option<&Failure>) {
    let said = failure.map_or(&[][..], |failure| &failure.hints);
    let mut steps = redistrict_report::next_steps(data);
    steps.retain(|step| !said.contains(step));
    if steps.is_empty() {
        return;
    }
    output::note("\nNext steps:");
    for step in steps {
        output::note(format!("- {step}"));
    }
}

/// The object that `--output json` ends with (DESIGN §6).
fn as_json(data: &ReportData, failure: Option<&Failure>) -> serde_json::Value {
    serde_json::json!({
        "run": data.run, "district": data.district, "status": data.status,
        "verdict": data.verdict, "phases": data.phases,
        "extracted": data.totals.extracted, "anonymized_fields": data.totals.anonymized_fields,
        "loaded": data.totals.loaded, "leaks": data.totals.leaks,
        "duration_ms": data.duration_millis, "reports": data.reports, "tables": data.tables,
        "exit": failure.map_or(0, |failure| failure.exit as u8),
        "error": failure.map(|failure| &failure.message),
        "causes": failure.map(|failure| &failure.causes),
        "hints": failure.map(|failure| {
            failure.hints.iter().map(|hint| output::typed(hint)).collect::<Vec<_>>()
        }),
        "undo": data.undo.as_deref().map(output::typed),
    })
}

/// Whether a run asks for an approval because of it, whatever the configuration says.
fn is_asked(finding: &Finding) -> bool {
    ["max-rows", "hub"].contains(&finding.code.as_str())
}

/// What is wrong with a run, as of its summary; none if it ended well.
pub(crate) fn failure_of(summary: &RunSummary) -> Option<Failure> {
    let run = &summary.run;
    let resume = format!("redistrict resume {run}");
    match &summary.status {
        RunStatus::Waiting(Waiting::Approval { phase, digest }) => {
            let message = format!("go on: {phase} needs somebody's approval");
            let mut failure = Failure::new(Exit::ApprovalAwaited, message);
            let asks = summary.findings.iter();
            let asks = asks.filter(|one| *phase <= Phase::Anonymization && is_asked(one));
            failure.causes = asks
                .map(|one| format!("let {} come: {}", one.subject, one.message))
                .collect();
            let approve = format!("redistrict approve {run} --digest {digest}");
            let hints = [approve, format!("then: {resume}")];
            Some(failure.with_hints(hints))
        }
        RunStatus::Waiting(Waiting::Credentials(_) | Waiting::OtherRun(_)) => {
            let failure = match summary.error.clone() {
                Some((phase, error)) => Failure::from_skill(Some(phase), error),
                None => Failure::new(Exit::Credentials, "go on: credentials are missing"),
            };
            Some(failure.with_hint(format!("then: {resume}")))
        }
        RunStatus::Waiting(Waiting::Resume(_)) => Some(unfinished(summary, resume)),
        RunStatus::Cancelled => Some(
            Failure::new(Exit::Interrupted, "finish: the run was cancelled")
                .with_hint("`redistrict migrate DISTRICT` starts a new one"),
        ),
        RunStatus::Succeeded | RunStatus::Undone => None,
        RunStatus::Interrupted | RunStatus::Running => Some(interrupted(&summary.run)),
        RunStatus::Compensating | RunStatus::Failed(_) => {
            let Some((phase, error)) = summary.error.clone() else {
                return Some(Failure::new(Exit::Unexpected, "finish the run"));
            };
            let refused = is_undo_refused(&error);
            let mut failure = Failure::from_skill(Some(phase), error);
            if refused {
                failure.exit = Exit::UndoRefused;
            }
            if let Some((_, error)) = &summary.compensation_error {
                failure
                    .causes
                    .push(format!("take back what was loaded: {}", error.chain()));
                failure.hints.push(resume);
            }
            Some(failure)
        }
    }
}

/// What was written stands, and the rest failed: no code says "target as before".
fn unfinished(summary: &RunSummary, resume: String) -> Failure {
    let mut failure = match summary.error.clone() {
        Some((_, error)) => Failure::from_skill(None, error),
        None => Failure::new(Exit::Unexpected, "finish the run"),
    };
    if failure.exit == Exit::LoadFailed {
        failure.exit = Exit::Unexpected;
    }
    let stands = "what was written to CERT stands; only what comes after it is left to do";
    let then = format!("once that is mended: {resume}");
    failure.with_hint(stands).with_hint(then)
}
