//! The orchestrator's handle: start a run, resume a run. Everything around it is given.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use redistrict_journal::{Event, FORMAT_VERSION, Journal, Record, RunKind, RunOptions, RunState};
use redistrict_model::{DistrictId, Plan, RunId};
use redistrict_skill::{Cancel, Clock, Skill};

use crate::error::OrchestratorError;
use crate::events::FeedSink;
use crate::execute::Execution;
use crate::lock::RunLock;
use crate::recover;
use crate::schedule::Assignment;
use crate::summary::RunSummary;

/// At least this often the feed has a line.
pub const HEARTBEAT: Duration = Duration::from_secs(15 * 60);

/// What a process does where somebody has to approve, or where another run is in the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtApproval {
    /// It leaves; `resume` goes on.
    #[default]
    Leave,
    /// It stays, and goes on by itself once somebody has, or once that one has ended.
    Stay,
}

/// What a run is to be.
pub struct RunRequest {
    /// From `new_run_id`.
    pub run: RunId,
    pub kind: RunKind,
    pub district: DistrictId,
    pub options: RunOptions,
    /// For an undo: the run it takes back.
    pub parent: Option<RunId>,
    pub plan: Plan,
    /// Several may belong to one phase: their units run in this order.
    pub skills: Vec<Arc<dyn Skill>>,
}

/// Runs and resumes runs. What it is given stays the same for its life.
pub struct Orchestrator {
    pub journal: Arc<dyn Journal>,
    pub clock: Arc<dyn Clock>,
    pub cancel: Cancel,
    pub feed: Arc<dyn FeedSink>,
    /// Holds `locks/`: the same directory for all processes that share the journal.
    pub state_dir: PathBuf,
    /// Makes the jitter of waits; the same seed gives the same waits.
    pub jitter_seed: u64,
    pub heartbeat: Duration,
    pub at_approval: AtApproval,
}

impl Orchestrator {
    /// With a jitter seed of the moment and the usual heartbeat.
    #[must_use]
    pub fn new(
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        cancel: Cancel,
        feed: Arc<dyn FeedSink>,
        state_dir: PathBuf,
    ) -> Self {
        let moment = u64::from(clock.wall().subsec_nanos());
        Self {
            journal,
            clock,
            cancel,
            feed,
            state_dir,
            jitter_seed: moment << 32 | u64::from(std::process::id()),
            heartbeat: HEARTBEAT,
            at_approval: AtApproval::default(),
        }
    }

    /// Runs a new run until it ends, is interrupted, or waits for `resume` to take it back. How it
    /// came out is in the summary; a failed run is no error here.
    ///
    /// # Errors
    /// When it could not be started (nothing is journaled then), or when the journal failed: no
    /// effect follows that, and [`resume`](Self::resume) goes on.
    pub async fn run(&self, request: RunRequest) -> Result<RunSummary, OrchestratorError> {
        let journal = &*self.journal;
        let _lock = RunLock::take(&self.state_dir, &request.run)?;
        if recover::load(journal, &request.run)?.is_some() {
            return Err(OrchestratorError::RunExists { run: request.run });
        }
        let _parent = self.lock_parent(request.kind, request.parent.as_ref())?;
        recover::check_parent(journal, request.kind, request.parent.as_ref())?;
        let first = Event::RunStarted {
            format_version: FORMAT_VERSION,
            run: request.run,
            kind: request.kind,
            district: request.district,
            options: request.options,
            parent: request.parent,
            plan: request.plan,
        };
        let state = self.provisional(&first);
        self.go_on(state, request.skills, first).await
    }

    /// Goes on with a run after its last journaled event: units that are done are not run again, a
    /// unit with an intent and no outcome is. A run that has ended is left as it is.
    ///
    /// # Errors
    /// An unknown run, one that another process works on, a plan that was changed, and as
    /// [`run`](Self::run).
    pub async fn resume(
        &self,
        run: &RunId,
        skills: Vec<Arc<dyn Skill>>,
    ) -> Result<RunSummary, OrchestratorError> {
        let unknown = || OrchestratorError::UnknownRun { run: run.clone() };
        recover::load(&*self.journal, run)?.ok_or_else(unknown)?;
        let _lock = RunLock::take(&self.state_dir, run)?;
        let state = recover::load(&*self.journal, run)?.ok_or_else(unknown)?;
        if !state.is_unfinished() {
            return Ok(RunSummary::of(&state));
        }
        let _parent = self.lock_parent(state.kind, state.parent.as_ref())?;
        let process = std::process::id();
        self.go_on(state, skills, Event::RunResumed { process })
            .await
    }

    /// Whoever takes a run back holds its lock too: no process works on it meanwhile.
    fn lock_parent(
        &self,
        kind: RunKind,
        parent: Option<&RunId>,
    ) -> Result<Option<RunLock>, OrchestratorError> {
        match (kind, parent) {
            (RunKind::Undo, Some(parent)) => RunLock::take(&self.state_dir, parent).map(Some),
            _ => Ok(None),
        }
    }

    /// Checks everything that can be checked before the first event is journaled.
    async fn go_on(
        &self,
        state: RunState,
        skills: Vec<Arc<dyn Skill>>,
        first: Event,
    ) -> Result<RunSummary, OrchestratorError> {
        recover::check_plan(&state)?;
        let assignment = Assignment::new(&state, skills, self.jitter_seed, self.at_approval)?;
        Execution::new(self, assignment, state)?.work(first).await
    }

    /// The state of a run whose start is not journaled yet.
    fn provisional(&self, first: &Event) -> RunState {
        let head = Record {
            sequence: 0,
            wall_millis: u64::try_from(self.clock.wall().as_millis()).unwrap_or(u64::MAX),
            event: first.clone(),
        };
        RunState::begin(&head).expect("the first event is the run's start")
    }
}
