//! The feed as a person sees it, as a checklist with progress, and as the migration log has it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use redistrict_artifact::{ArtifactError, create_private_dir};
use redistrict_journal::{PhaseState, RunKind};
use redistrict_model::{ErrorKind, Phase, shown};
use redistrict_orchestrator::{FeedEvent, FeedSink};

use crate::foot::Foot;
use crate::output::{self, Format, thousands};

/// Prints the feed to stderr (or as JSON lines to stdout) and writes the log.
pub(crate) struct Console {
    format: Format,
    log: Option<Mutex<File>>,
    /// The tenth of the phase that was told last.
    last_tenth: Mutex<Option<u8>>,
    clock: std::sync::Arc<dyn redistrict_skill::Clock>,
    foot: Option<Foot>,
}

impl Console {
    /// With a log file, made new or continued.
    pub(crate) fn new(
        format: Format,
        log: &Path,
        clock: std::sync::Arc<dyn redistrict_skill::Clock>,
    ) -> Result<Self, ArtifactError> {
        create_private_dir(log.parent().unwrap_or(Path::new(".")))?;
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .map_err(|source| ArtifactError::Io {
                doing: "open the log",
                path: log.to_path_buf(),
                source,
            })?;
        Ok(Self {
            format,
            log: Some(Mutex::new(file)),
            last_tenth: Mutex::default(),
            clock,
            foot: foot_of(format),
        })
    }

    /// Of somebody who only looks on.
    pub(crate) fn without_log(
        format: Format,
        clock: std::sync::Arc<dyn redistrict_skill::Clock>,
    ) -> Self {
        Self {
            format,
            log: None,
            last_tenth: Mutex::default(),
            clock,
            foot: foot_of(format),
        }
    }

    /// Of a phase with many units every tenth of the way is told, not every unit.
    fn is_news(&self, event: &FeedEvent) -> bool {
        let tenth = match event {
            FeedEvent::PhaseStarted { .. } => 0,
            FeedEvent::UnitDone { percent, .. } => *percent / 10,
            _ => return true,
        };
        let Ok(mut last) = self.last_tenth.lock() else {
            return true;
        };
        let is_start = matches!(event, FeedEvent::PhaseStarted { .. });
        let previous = last.replace(tenth);
        is_start || previous != Some(tenth)
    }

    /// A line that is about the run and no event of it: for the log, and for the person.
    pub(crate) fn warn(&self, line: &str) {
        if self.format != Format::Text {
            output::note(shown(line));
        }
        self.say(line);
    }

    fn tell(&self, line: &str, is_shown: bool) {
        match is_shown {
            true => self.log(&shown(line)),
            false => self.say(line),
        }
    }

    fn say(&self, line: &str) {
        let line = &shown(line);
        if self.format == Format::Text {
            output::note(line);
        }
        self.log(line);
    }

    /// A log that cannot be written never stops a run.
    fn log(&self, line: &str) {
        let Some(log) = &self.log else { return };
        let Ok(mut file) = log.lock() else { return };
        let stamp = redistrict_artifact::timestamp_of(self.clock.wall());
        // A name could write lines or colours of its own.
        let _full_disk = writeln!(file, "{stamp} {}", shown(line));
    }
}

/// Only a person looks at it.
fn foot_of(format: Format) -> Option<Foot> {
    (format == Format::Text).then(Foot::of_stderr).flatten()
}

impl FeedSink for Console {
    fn event(&self, event: FeedEvent) {
        if let Some(foot) = &self.foot {
            foot.take(&event, self.clock.monotonic());
        }
        if self.format == Format::Jsonl
            && let Some(value) = as_json(&event)
        {
            output::json(&value);
        }
        // What the foot shows as it happens is not said again above it.
        let is_shown = self.foot.is_some()
            && matches!(
                event,
                FeedEvent::PhaseStarted { .. } | FeedEvent::UnitDone { .. }
            );
        if self.is_news(&event) {
            for line in lines(&event) {
                self.tell(&line, is_shown);
            }
        }
        let is_shown = self.foot.is_some() && !matches!(event, FeedEvent::RunEnded(_));
        for line in checklist(&event) {
            self.tell(&line, is_shown);
        }
        if let Some(line) = log_only(&event) {
            self.log(&line);
        }
    }
}

fn lines(event: &FeedEvent) -> Vec<String> {
    match event {
        FeedEvent::RunStarted {
            run,
            kind,
            district,
            district_name,
            is_resume,
        } => {
            let name = district_name
                .clone()
                .unwrap_or_else(|| format!("district {district}"));
            let what = match kind {
                RunKind::Migration => "migration",
                RunKind::Undo => "undo",
            };
            let verb = if *is_resume { "Resuming" } else { "Starting" };
            vec![
                format!("{verb} {what} for {name}..."),
                format!("Run ID: {run}"),
            ]
        }
        FeedEvent::PhaseStarted { phase, .. } => vec![progress_line(*phase, 0)],
        FeedEvent::UnitDone { unit, percent, .. } => vec![progress_line(unit.phase, *percent)],
        FeedEvent::Retry {
            unit,
            attempt,
            wait,
            error,
        } => vec![format!(
            "attempt {attempt} of {unit} failed: could not {}; trying again in {:.1} s",
            error.chain(),
            wait.as_secs_f64()
        )],
        FeedEvent::UnitFailed {
            unit,
            attempt,
            error,
        } => {
            vec![format!(
                "{unit} failed at attempt {attempt}: could not {}",
                error.chain()
            )]
        }
        FeedEvent::PhaseEnded {
            phase,
            state: PhaseState::Skipped { reason },
            ..
        } => {
            vec![format!(
                "Phase {} of 5: {phase} - skipped ({reason})",
                phase.number()
            )]
        }
        FeedEvent::Heartbeat {
            phase,
            unit,
            elapsed,
            ..
        } => {
            let unit = unit
                .as_ref()
                .map_or(String::new(), |unit| format!(" ({unit})"));
            vec![format!(
                "still in {phase}{unit}, for {} min",
                elapsed.as_secs() / 60
            )]
        }
        other => waiting(other).unwrap_or_else(|| taking_back(other)),
    }
}

/// What a run waits for a person for.
fn waiting(event: &FeedEvent) -> Option<Vec<String>> {
    Some(match event {
        FeedEvent::UnitWaits {
            unit,
            attempt,
            error,
        } => {
            let awaited = match error.kind {
                ErrorKind::Busy if error.keeps => "because another process has taken it over",
                ErrorKind::Busy => "until another run has ended",
                ErrorKind::Auth => "for credentials",
                _ => "to be finished (what was written to CERT stands)",
            };
            vec![format!(
                "{unit} waits {awaited}, attempt {attempt}: could not {}",
                error.chain()
            )]
        }
        FeedEvent::ApprovalAwaited { phase, digest } => vec![
            format!("{phase} waits for approval"),
            format!("Digest: {digest}"),
        ],
        FeedEvent::ApprovalGiven { phase, by } => vec![format!("{phase} was approved by {by}")],
        FeedEvent::ApprovalUsed { phase } => vec![format!("{phase} goes on by the approval")],
        _ => return None,
    })
}

/// The five phases when a run starts and when this process leaves it; in between each change of one.
fn checklist(event: &FeedEvent) -> Vec<String> {
    match event {
        FeedEvent::RunStarted {
            is_resume: false, ..
        } => {
            let pending = Phase::ALL.map(|phase| item(phase, &PhaseState::Pending, 0));
            pending.into()
        }
        FeedEvent::PhaseStarted { phase, .. } => vec![item(*phase, &PhaseState::InProgress, 0)],
        FeedEvent::PhaseEnded {
            phase,
            state,
            millis,
        } if !matches!(state, PhaseState::Skipped { .. }) => vec![item(*phase, state, *millis)],
        FeedEvent::RunEnded(summary) => {
            let phases = summary.phases.iter();
            phases
                .map(|(phase, state, millis)| item(*phase, state, *millis))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn item(phase: Phase, state: &PhaseState, millis: u64) -> String {
    let mark = match state {
        PhaseState::Pending => ' ',
        PhaseState::InProgress => '>',
        PhaseState::Completed => 'x',
        PhaseState::Failed => '!',
        PhaseState::Skipped { .. } => '-',
    };
    let name = phase.to_string();
    let worked = match state {
        PhaseState::Completed | PhaseState::Failed => {
            let seconds = std::time::Duration::from_millis(millis).as_secs_f64();
            format!("  {seconds:.1} s")
        }
        _ => String::new(),
    };
    let state = state.to_string();
    let line = format!(
        "  [{mark}] {}. {name:<13}  {state:<11}{worked}",
        phase.number()
    );
    line.trim_end().to_owned()
}

/// Only loading writes outside this machine: elsewhere there is nothing to take back.
fn taking_back(event: &FeedEvent) -> Vec<String> {
    match event {
        FeedEvent::CompensationStarted {
            phase: Phase::Loading,
            ..
        } => vec!["Loading cannot be finished: taking back what it did".to_owned()],
        FeedEvent::CompensationDone {
            phase: Phase::Loading,
        } => vec!["taken back: CERT is as before".to_owned()],
        FeedEvent::CompensationFailed { error, wait, .. } => {
            let next = wait.map_or("`redistrict resume` tries again".to_owned(), |wait| {
                format!("trying again in {:.1} s", wait.as_secs_f64())
            });
            vec![format!(
                "taking back failed: could not {}; {next}",
                error.chain()
            )]
        }
        _ => Vec::new(),
    }
}

fn progress_line(phase: Phase, percent: u8) -> String {
    format!(
        "Phase {} of 5: {phase} - {percent}% complete",
        phase.number()
    )
}

fn log_only(event: &FeedEvent) -> Option<String> {
    match event {
        FeedEvent::UnitStarted { unit, attempt } => {
            Some(format!("{} {unit}: started, attempt {attempt}", unit.phase))
        }
        FeedEvent::UnitDone {
            unit,
            millis,
            outcome,
            ..
        } => Some(format!(
            "{} {unit}: done in {millis} ms, {} rows, {} bytes",
            unit.phase,
            thousands(outcome.rows),
            thousands(outcome.bytes)
        )),
        FeedEvent::PhaseEnded {
            phase,
            state,
            millis,
        } => Some(format!("{phase}: {state} after {millis} ms")),
        FeedEvent::RunEnded(summary) => {
            Some(format!("run {} ended: {}", summary.run, summary.status))
        }
        _ => None,
    }
}

fn as_json(event: &FeedEvent) -> Option<serde_json::Value> {
    let value = match event {
        FeedEvent::RunStarted {
            run,
            district,
            is_resume,
            ..
        } => serde_json::json!({
            "event": "run_started", "run": run, "district": district, "is_resume": is_resume,
        }),
        FeedEvent::PhaseStarted { phase, units } => serde_json::json!({
            "event": "phase_started", "phase": phase, "units": units,
        }),
        FeedEvent::UnitDone {
            unit,
            millis,
            outcome,
            percent,
            ..
        } => serde_json::json!({
            "event": "unit_done", "unit": unit, "millis": millis, "rows": outcome.rows,
            "percent": percent,
        }),
        FeedEvent::Retry {
            unit,
            attempt,
            wait,
            error,
        } => serde_json::json!({
            "event": "retry", "unit": unit, "attempt": attempt, "wait_ms": wait.as_millis(),
            "error": error,
        }),
        FeedEvent::UnitWaits {
            unit,
            attempt,
            error,
        } => serde_json::json!({
            "event": "unit_waits", "unit": unit, "attempt": attempt, "error": error,
        }),
        FeedEvent::ApprovalAwaited { phase, digest } => serde_json::json!({
            "event": "approval_awaited", "phase": phase, "digest": digest,
        }),
        FeedEvent::ApprovalGiven { phase, by } => serde_json::json!({
            "event": "approval_given", "phase": phase, "by": by,
        }),
        FeedEvent::ApprovalUsed { phase } => serde_json::json!({
            "event": "approval_used", "phase": phase,
        }),
        FeedEvent::PhaseEnded {
            phase,
            state,
            millis,
        } => serde_json::json!({
            "event": "phase_ended", "phase": phase, "state": state.to_string(), "millis": millis,
        }),
        _ => return None,
    };
    Some(value)
}
