//! What a webhook is told of a run: pure, and value-free. Slack shows `text`; programs read the object
//! beside it.

use std::time::Duration;

use redistrict_artifact::timestamp_of;
use redistrict_journal::{PhaseState, RunKind, RunState, RunStatus, Waiting};
use redistrict_model::config::Moment;
use redistrict_model::{DistrictId, Phase, RunId, shown};
use redistrict_orchestrator::{FeedEvent, RunSummary};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::runner;

/// The version of the object.
const VERSION: u32 = 1;

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) moment: Moment,
    pub(crate) body: Value,
}

/// Follows the feed of one run and knows when somebody is to be told.
#[derive(Default)]
pub(crate) struct Teller {
    of: Option<Subject>,
    phase: Option<Phase>,
}

/// The run that is told of.
struct Subject {
    run: RunId,
    kind: RunKind,
    district: DistrictId,
    /// Only if the plan lets it be printed.
    name: Option<String>,
}

impl Teller {
    /// What to tell of an event, if anything.
    pub(crate) fn told(&mut self, event: &FeedEvent, now: Duration) -> Option<Message> {
        match event {
            FeedEvent::RunStarted {
                run,
                kind,
                district,
                district_name,
                is_resume,
            } => {
                self.of = Some(Subject {
                    run: run.clone(),
                    kind: *kind,
                    district: district.clone(),
                    name: district_name.clone(),
                });
                let verb = if *is_resume { "goes on" } else { "started" };
                let next = format!("redistrict status {run}");
                self.message(Moment::Start, verb, ("running", None), next, now)
            }
            FeedEvent::PhaseStarted { phase, .. } => {
                self.phase = Some(*phase);
                None
            }
            FeedEvent::RunEnded(summary) => self.ended(summary, now),
            _ => None,
        }
    }

    /// What to tell of a run that was given up by a process that did not work on it; `words` say what became
    /// of it.
    pub(crate) fn given_up(state: &RunState, words: &str, now: Duration) -> Option<Message> {
        let phases = state.phases.iter().rev();
        let mut begun = phases.filter(|(_, history)| history.state != PhaseState::Pending);
        let run = &state.run;
        let teller = Self {
            of: Some(Subject {
                run: run.clone(),
                kind: state.kind,
                district: state.district.clone(),
                name: state.plan.district_name.clone(),
            }),
            phase: begun.next().map(|(phase, _)| *phase),
        };
        let next = format!("redistrict status {run}");
        let status = RunStatus::Cancelled.to_string();
        let told = (status.as_str(), Some(Exit::Interrupted));
        teller.message(Moment::Failure, words, told, next, now)
    }

    fn ended(&mut self, summary: &RunSummary, now: Duration) -> Option<Message> {
        let exit = runner::failure_of(summary).map_or(Exit::Done, |failure| failure.exit);
        let run = &summary.run;
        match (&summary.status, &summary.error) {
            (RunStatus::Waiting(Waiting::Approval { phase, .. }), _) | (_, Some((phase, _))) => {
                self.phase = Some(*phase);
            }
            _ => {}
        }
        let phase = self
            .phase
            .map_or("the run".to_owned(), |phase| phase.to_string());
        let status = summary.status.to_string();
        let resume = format!("redistrict resume {run}");
        let (moment, words, next) = match &summary.status {
            RunStatus::Succeeded | RunStatus::Undone => (
                Moment::Completion,
                match has_loaded(summary) {
                    true => "succeeded".to_owned(),
                    false => "succeeded, nothing was loaded".to_owned(),
                },
                format!("redistrict report {run}"),
            ),
            RunStatus::Interrupted | RunStatus::Running => (
                Moment::Failure,
                format!("was stopped in {phase} and can go on"),
                resume,
            ),
            // The digest is not told: who approves has to look first.
            RunStatus::Waiting(Waiting::Approval { .. }) => (
                Moment::Gate,
                format!("waits for somebody's approval of {phase}"),
                format!("redistrict approve {run}"),
            ),
            RunStatus::Waiting(Waiting::Credentials(_)) => (
                Moment::Gate,
                format!("waits in {phase} for credentials"),
                resume,
            ),
            RunStatus::Waiting(Waiting::OtherRun(_)) => (
                Moment::Gate,
                format!("waits in {phase} until another run has ended"),
                resume,
            ),
            RunStatus::Waiting(Waiting::Resume(_)) => (
                Moment::Gate,
                format!("has written to CERT, and waits in {phase} to be finished"),
                resume,
            ),
            RunStatus::Cancelled => (
                Moment::Failure,
                format!("was cancelled in {phase}"),
                format!("redistrict status {run}"),
            ),
            RunStatus::Compensating => (
                Moment::Failure,
                format!("failed in {phase}, and what it did is not taken back yet"),
                resume,
            ),
            RunStatus::Failed(_) => (
                Moment::Failure,
                format!("failed in {phase}: {}", exit.meaning()),
                format!("redistrict status {run}"),
            ),
        };
        self.message(moment, &words, (&status, Some(exit)), next, now)
    }

    fn message(
        &self,
        moment: Moment,
        words: &str,
        (status, exit): (&str, Option<Exit>),
        next: String,
        now: Duration,
    ) -> Option<Message> {
        let Subject {
            run,
            kind,
            district,
            name,
        } = self.of.as_ref()?;
        // A run may have been asked for less than a migration: its text does not claim one.
        let (kind, called) = match kind {
            RunKind::Migration => ("migration", "run"),
            RunKind::Undo => ("undo", "undo"),
        };
        let code = exit.map_or(String::new(), |exit| format!(" (exit {})", exit as u8));
        let of = name.as_ref().map_or_else(
            || format!("district {district}"),
            |name| format!("district {district}, {name}"),
        );
        let text = format!("redistrict: {called} {run} of {of} {words}{code}. Next: {next}");
        let body = json!({
            "text": in_slack(&text),
            "redistrict": {
                "version": VERSION, "event": word(moment), "run": run, "kind": kind,
                "district": district, "district_name": name, "phase": self.phase,
                "status": status, "exit": exit.map(|exit| exit as u8),
                "meaning": exit.map(Exit::name), "next": next, "at": timestamp_of(now),
            },
        });
        Some(Message { moment, body })
    }
}

/// False of a run that was to do something else: one skill only, or no load.
fn has_loaded(summary: &RunSummary) -> bool {
    let mut phases = summary.phases.iter();
    !phases.any(|(phase, state, _)| {
        *phase == Phase::Loading && matches!(state, PhaseState::Skipped { .. })
    })
}

/// What `redistrict notify test` sends.
pub(crate) fn trial(now: Duration) -> Value {
    json!({
        "text": "redistrict: this is a test, no run is meant",
        "redistrict": { "version": VERSION, "event": "test", "at": timestamp_of(now) },
    })
}

fn word(moment: Moment) -> &'static str {
    match moment {
        Moment::Start => "start",
        Moment::Gate => "gate",
        Moment::Failure => "failure",
        Moment::Completion => "completion",
    }
}

/// In Slack's text `<!channel>` would call everybody and `<http…|…>` be a link: no name may do that.
fn in_slack(text: &str) -> String {
    shown(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use redistrict_journal::RunFailure;
    use redistrict_model::ErrorKind;
    use redistrict_skill::SkillError;

    use super::*;

    fn started(district: &str) -> FeedEvent {
        FeedEvent::RunStarted {
            run: RunId::new("mig-1"),
            kind: RunKind::Migration,
            district: DistrictId::new(district),
            district_name: None,
            is_resume: false,
        }
    }

    fn summary(status: RunStatus, error: Option<(Phase, SkillError)>) -> FeedEvent {
        FeedEvent::RunEnded(Box::new(RunSummary {
            run: RunId::new("mig-1"),
            kind: RunKind::Migration,
            district: DistrictId::new("2"),
            district_name: None,
            status,
            phases: vec![(Phase::Extraction, PhaseState::Completed, 5)],
            error,
            compensation_error: None,
            findings: Vec::new(),
            outcomes: std::collections::BTreeMap::new(),
            retries: 0,
            millis: 5,
        }))
    }

    fn of(events: &[FeedEvent]) -> Vec<Value> {
        let mut teller = Teller::default();
        events
            .iter()
            .filter_map(|event| teller.told(event, Duration::from_secs(60)))
            .map(|message| message.body)
            .collect()
    }

    #[test]
    fn a_failed_phase_is_told_with_its_exit_code_and_without_its_message() {
        let error = SkillError::new(ErrorKind::Validation, "find pupil Quxlington in s.pupils");
        let failure = RunFailure {
            phase: Phase::Validation,
            kind: ErrorKind::Validation,
            error: Value::Null,
        };
        let told = of(&[
            started("2"),
            FeedEvent::PhaseStarted {
                phase: Phase::Validation,
                units: 1,
            },
            summary(RunStatus::Failed(failure), Some((Phase::Validation, error))),
        ]);
        assert_eq!(told.len(), 2);
        let object = &told[1]["redistrict"];
        assert_eq!(object["event"], "failure");
        assert_eq!(object["exit"], 5);
        assert_eq!(object["meaning"], "validation-failed");
        assert_eq!(object["at"], "1970-01-01T00:01:00Z");
        assert!(!told[1].to_string().contains("Quxlington"), "{}", told[1]);
        let text = told[1]["text"].as_str().unwrap();
        assert!(
            text.contains("failed in Validation") && text.contains("exit 5"),
            "{text}"
        );
    }

    #[test]
    fn a_gate_is_told_without_the_digest_that_opens_it() {
        let waiting = Waiting::Approval {
            phase: Phase::Loading,
            digest: "0123456789abcdef".to_owned(),
        };
        let told = of(&[started("2"), summary(RunStatus::Waiting(waiting), None)]);
        let object = &told[1]["redistrict"];
        assert_eq!(
            (&object["event"], &object["exit"]),
            (&"gate".into(), &9.into())
        );
        assert_eq!(object["next"], "redistrict approve mig-1");
        assert!(!told[1].to_string().contains("0123456789ab"), "{}", told[1]);
    }

    #[test]
    fn a_success_is_told_as_one() {
        let told = of(&[started("2"), summary(RunStatus::Succeeded, None)]);
        assert_eq!(told[0]["redistrict"]["event"], "start");
        assert_eq!(told[1]["redistrict"]["event"], "completion");
        assert_eq!(told[1]["redistrict"]["exit"], 0);
        assert_eq!(told[1]["redistrict"]["next"], "redistrict report mig-1");
    }

    #[test]
    fn no_name_calls_a_channel_or_moves_a_cursor() {
        let told = of(&[started("<!channel>\u{1b}[2J&")]);
        let text = told[0]["text"].as_str().unwrap();
        assert!(!text.contains(['<', '>', '\u{1b}']), "{text}");
        assert!(text.contains("&lt;!channel&gt;"), "{text}");
    }
}
