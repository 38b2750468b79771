//! The feed: what happens in a run, in one order, for the terminal and the log file.
//!
//! Each journaled event is told after it is durable; progress and heartbeats are told and never
//! journaled. Value-free, as the journal is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redistrict_journal::{Event, PhaseState, RunKind, RunState};
use redistrict_model::{DistrictId, Phase, RunId, UnitKey};
use redistrict_skill::{Clock, Progress, ProgressSink, SkillError, UnitOutcome};

use crate::summary::{RunSummary, error_of, outcome_of};

/// One line of the feed.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedEvent {
    RunStarted {
        run: RunId,
        kind: RunKind,
        district: DistrictId,
        district_name: Option<String>,
        /// Another process began it.
        is_resume: bool,
    },
    PhaseStarted {
        phase: Phase,
        units: u32,
    },
    UnitStarted {
        unit: UnitKey,
        attempt: u32,
    },
    UnitDone {
        unit: UnitKey,
        attempt: u32,
        millis: u64,
        outcome: UnitOutcome,
        /// Of the phase, with this unit.
        percent: u8,
    },
    /// The unit failed and is tried again after the wait.
    Retry {
        unit: UnitKey,
        attempt: u32,
        wait: Duration,
        error: SkillError,
    },
    /// The unit failed for good.
    UnitFailed {
        unit: UnitKey,
        attempt: u32,
        error: SkillError,
    },
    Progress(Progress),
    /// The unit failed and goes on once a person has helped and the run is resumed.
    UnitWaits {
        unit: UnitKey,
        attempt: u32,
        error: SkillError,
    },
    /// The run goes on once somebody has approved. Told by each process that comes to wait.
    ApprovalAwaited {
        phase: Phase,
        digest: String,
    },
    ApprovalGiven {
        phase: Phase,
        by: String,
    },
    /// The run goes on by the approval.
    ApprovalUsed {
        phase: Phase,
    },
    /// Completed, failed or skipped; in a resumed run not told again.
    PhaseEnded {
        phase: Phase,
        state: PhaseState,
        millis: u64,
    },
    CompensationStarted {
        phase: Phase,
        attempt: u32,
    },
    CompensationDone {
        phase: Phase,
    },
    /// Taking back failed; it is tried again after the wait, or by `resume` if there is none.
    CompensationFailed {
        phase: Phase,
        attempt: u32,
        wait: Option<Duration>,
        error: SkillError,
    },
    /// Nothing else was told for a while.
    Heartbeat {
        phase: Phase,
        /// None while a phase is taken back.
        unit: Option<UnitKey>,
        /// Since the unit's attempt began.
        elapsed: Duration,
        progress: Option<Progress>,
    },
    /// This process leaves the run: ended, interrupted, or waiting for `resume`.
    RunEnded(Box<RunSummary>),
}

/// Takes the feed. Called in order and never twice at once; it must not block for long and must
/// not call back into the orchestrator.
pub trait FeedSink: Send + Sync {
    /// Something happened.
    fn event(&self, event: FeedEvent);
}

/// A sink for nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFeed;

impl FeedSink for NoFeed {
    fn event(&self, _event: FeedEvent) {}
}

/// The lines that a journaled event is told as; `state` has it already. What is not journaled
/// (progress, heartbeats, the end of a process's work) is not among them.
#[must_use]
pub fn lines_of(event: &Event, state: &RunState) -> Vec<FeedEvent> {
    match event {
        Event::RunStarted { .. } | Event::RunResumed { .. } => vec![FeedEvent::RunStarted {
            run: state.run.clone(),
            kind: state.kind,
            district: state.district.clone(),
            district_name: state.plan.district_name.clone(),
            is_resume: state.resumes > 0,
        }],
        Event::PhaseStarted { phase, units } => vec![FeedEvent::PhaseStarted {
            phase: *phase,
            units: *units,
        }],
        Event::PhaseDone { phase, .. } | Event::PhaseSkipped { phase, .. } => {
            vec![phase_ended(*phase, state)]
        }
        Event::UnitStarted { .. } | Event::UnitDone { .. } | Event::UnitFailed { .. } => {
            unit_lines(event, state)
        }
        Event::CompensationStarted { phase, attempt } => vec![FeedEvent::CompensationStarted {
            phase: *phase,
            attempt: *attempt,
        }],
        Event::CompensationDone { phase, .. } => {
            vec![FeedEvent::CompensationDone { phase: *phase }]
        }
        Event::CompensationFailed {
            phase,
            attempt,
            error,
            retry_after_millis,
            kind: _,
        } => vec![FeedEvent::CompensationFailed {
            phase: *phase,
            attempt: *attempt,
            wait: retry_after_millis.map(Duration::from_millis),
            error: error_of(error),
        }],
        Event::ApprovalGiven { phase, by, .. } => vec![FeedEvent::ApprovalGiven {
            phase: *phase,
            by: by.clone(),
        }],
        Event::ApprovalUsed { phase, .. } => vec![FeedEvent::ApprovalUsed { phase: *phase }],
        // Told when it is waited for, and by the summary.
        Event::ApprovalRequested { .. }
        | Event::RunInterrupted { .. }
        | Event::RunCancelled { .. }
        | Event::RunSucceeded { .. }
        | Event::RunFailed { .. }
        | Event::Undone { .. }
        | Event::Redone { .. } => Vec::new(),
    }
}

fn unit_lines(event: &Event, state: &RunState) -> Vec<FeedEvent> {
    match event {
        Event::UnitStarted { unit, attempt } => vec![FeedEvent::UnitStarted {
            unit: unit.clone(),
            attempt: *attempt,
        }],
        Event::UnitDone {
            unit,
            attempt,
            millis,
            outcome,
        } => vec![FeedEvent::UnitDone {
            unit: unit.clone(),
            attempt: *attempt,
            millis: *millis,
            outcome: outcome_of(outcome).unwrap_or_default(),
            percent: state.percent(unit.phase),
        }],
        Event::UnitFailed {
            unit,
            attempt,
            error,
            retry_after_millis: Some(wait),
            ..
        } => vec![FeedEvent::Retry {
            unit: unit.clone(),
            attempt: *attempt,
            wait: Duration::from_millis(*wait),
            error: error_of(error),
        }],
        Event::UnitFailed {
            unit,
            attempt,
            error,
            waits: true,
            ..
        } => vec![FeedEvent::UnitWaits {
            unit: unit.clone(),
            attempt: *attempt,
            error: error_of(error),
        }],
        Event::UnitFailed {
            unit,
            attempt,
            error,
            ..
        } => vec![
            FeedEvent::UnitFailed {
                unit: unit.clone(),
                attempt: *attempt,
                error: error_of(error),
            },
            phase_ended(unit.phase, state),
        ],
        _ => Vec::new(),
    }
}

fn phase_ended(phase: Phase, state: &RunState) -> FeedEvent {
    FeedEvent::PhaseEnded {
        phase,
        state: state.phase(phase).clone(),
        millis: state.phases.get(&phase).map_or(0, |history| history.millis),
    }
}

/// Gives the sink its lines one at a time and knows when the last one was.
pub(crate) struct Feed {
    sink: Arc<dyn FeedSink>,
    clock: Arc<dyn Clock>,
    heartbeat: Duration,
    latest: Mutex<Latest>,
}

#[derive(Default)]
struct Latest {
    /// Progress does not count: it may be rendered nowhere.
    line: Duration,
    progress: Option<Progress>,
}

impl Feed {
    pub(crate) fn new(sink: Arc<dyn FeedSink>, clock: Arc<dyn Clock>, heartbeat: Duration) -> Self {
        let line = clock.monotonic();
        Self {
            sink,
            clock,
            heartbeat,
            latest: Mutex::new(Latest {
                line,
                progress: None,
            }),
        }
    }

    pub(crate) fn tell(&self, event: FeedEvent) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.line = self.clock.monotonic();
        self.sink.event(event);
    }

    /// Forgets the progress of the work before.
    pub(crate) fn begin_work(&self) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.progress = None;
    }

    /// How long until a heartbeat is due; zero if it is.
    pub(crate) fn until_heartbeat(&self) -> Duration {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        (latest.line + self.heartbeat).saturating_sub(self.clock.monotonic())
    }

    pub(crate) fn progress_so_far(&self) -> Option<Progress> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.progress.clone()
    }
}

impl ProgressSink for Feed {
    fn progress(&self, progress: Progress) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.progress = Some(progress.clone());
        self.sink.event(FeedEvent::Progress(progress));
    }
}
