//! Does what `decide` says: journals, runs units, waits, takes back. Makes no choice of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use redistrict_journal::{Event, PhaseState, Record, RunState};
use redistrict_model::{ErrorKind, Phase, UnitKey};
use redistrict_skill::{ProgressSink, SkillError, UnitContext, UnitOutcome};

use crate::decide::{Action, Occurrence, Timing, decide};
use crate::error::OrchestratorError;
use crate::events::{Feed, FeedEvent, lines_of};
use crate::handle::{AtApproval, Orchestrator};
use crate::recover;
use crate::schedule::Assignment;
use crate::summary::RunSummary;
use crate::supervise::{supervised, wait};

/// How often a process that stays looks whether somebody has approved.
const LOOK: Duration = Duration::from_secs(1);

/// One process's work on one run.
pub(crate) struct Execution<'a> {
    tools: &'a Orchestrator,
    feed: Arc<Feed>,
    assignment: Assignment,
    state: RunState,
    outcomes: Arc<BTreeMap<UnitKey, UnitOutcome>>,
    watch: Stopwatch,
}

/// Time worked: by this process since its start, and by earlier ones as far as journaled.
struct Stopwatch {
    run_start: Duration,
    run_before: u64,
    phase_start: Duration,
    phase_before: u64,
}

impl Stopwatch {
    fn of(state: &RunState, now: Duration) -> Self {
        let in_progress = state
            .phases
            .values()
            .find(|history| history.state == PhaseState::InProgress);
        Self {
            run_start: now,
            run_before: state.phases.values().map(|history| history.millis).sum(),
            phase_start: now,
            phase_before: in_progress.map_or(0, |history| history.millis),
        }
    }

    fn timing(&self, now: Duration, wall_millis: u64) -> Timing {
        Timing {
            phase_millis: self.phase_before + millis(now.saturating_sub(self.phase_start)),
            run_millis: self.run_before + millis(now.saturating_sub(self.run_start)),
            wall_millis,
        }
    }

    /// Waiting for a person is not work.
    fn leave_out(&mut self, waited: Duration) {
        self.run_start += waited;
        self.phase_start += waited;
    }
}

impl<'a> Execution<'a> {
    /// Takes up a run whose last event (its start, or that it was resumed) is journaled already.
    pub(crate) fn new(
        tools: &'a Orchestrator,
        assignment: Assignment,
        state: RunState,
    ) -> Result<Self, OrchestratorError> {
        let feed = Feed::new(
            Arc::clone(&tools.feed),
            Arc::clone(&tools.clock),
            tools.heartbeat,
        );
        Ok(Self {
            tools,
            feed: Arc::new(feed),
            assignment,
            outcomes: Arc::new(recover::outcomes(&state)?),
            watch: Stopwatch::of(&state, tools.clock.monotonic()),
            state,
        })
    }

    /// Works until there is nothing more to do for this process. After an error nothing more has
    /// been done: the journal is behind, if at all, by the effect of its last intent.
    pub(crate) async fn work(mut self, first: Event) -> Result<RunSummary, OrchestratorError> {
        self.journal(first)?;
        let mut occurrence = Occurrence::Ready;
        loop {
            if occurrence == Occurrence::Ready && self.tools.cancel.is_cancelled() {
                occurrence = Occurrence::Cancelled;
            }
            let clock = &self.tools.clock;
            let timing = self.watch.timing(clock.monotonic(), millis(clock.wall()));
            let actions = decide(&self.state, &self.assignment.schedule, timing, occurrence);
            occurrence = Occurrence::Ready;
            for action in actions {
                match action {
                    Action::Journal(event) => self.journal(*event)?,
                    Action::RunUnit { unit, attempt } => {
                        occurrence = self.run_unit(unit, attempt).await;
                    }
                    Action::Compensate { phase, attempt } => {
                        occurrence = self.compensate(phase, attempt).await;
                    }
                    Action::Wait(duration) => {
                        wait(duration, &*self.tools.clock, &self.tools.cancel).await;
                    }
                    Action::AwaitApproval { phase } => {
                        self.tell_awaited(phase);
                        match self.tools.at_approval {
                            AtApproval::Leave => return Ok(self.leave()),
                            AtApproval::Stay => self.await_approval(phase).await?,
                        }
                    }
                    Action::MarkParent => self.mark_parents()?,
                    Action::Leave => return Ok(self.leave()),
                }
            }
        }
    }

    fn tell_awaited(&self, phase: Phase) {
        let gate = self.state.gates.get(&phase);
        let digest = gate.map(|gate| gate.digest.clone()).unwrap_or_default();
        self.feed.tell(FeedEvent::ApprovalAwaited { phase, digest });
    }

    /// Until another process has journaled something, or somebody asks to stop.
    async fn await_approval(&mut self, phase: Phase) -> Result<(), OrchestratorError> {
        let tools = self.tools;
        let start = tools.clock.monotonic();
        self.feed.begin_work();
        while !tools.cancel.is_cancelled() && !self.take_news()? {
            let pause = LOOK.min(self.feed.until_heartbeat());
            wait(pause, &*tools.clock, &tools.cancel).await;
            if self.feed.until_heartbeat().is_zero() {
                self.feed.tell(FeedEvent::Heartbeat {
                    phase,
                    unit: None,
                    elapsed: tools.clock.monotonic().saturating_sub(start),
                    progress: None,
                });
            }
        }
        let waited = tools.clock.monotonic().saturating_sub(start);
        self.watch.leave_out(waited);
        Ok(())
    }

    /// Takes in and tells what other processes have journaled of the run; whether there was something.
    fn take_news(&mut self) -> Result<bool, OrchestratorError> {
        let run = self.state.run.clone();
        let read = self.tools.journal.read(&run);
        let records = read.map_err(|source| OrchestratorError::Journal {
            run,
            source: Box::new(source),
        })?;
        let known = self.state.sequence;
        let news = records.into_iter().filter(|record| record.sequence > known);
        let mut is_news = false;
        for record in news {
            is_news = true;
            self.state.apply(&record);
            for line in lines_of(&record.event, &self.state) {
                self.feed.tell(line);
            }
        }
        if is_news {
            self.outcomes = Arc::new(recover::outcomes(&self.state)?);
        }
        Ok(is_news)
    }

    fn journal(&mut self, event: Event) -> Result<(), OrchestratorError> {
        let wall_millis = millis(self.tools.clock.wall());
        let events = [event];
        self.tools
            .journal
            .append(&self.state.run, wall_millis, &events)
            .map_err(|source| OrchestratorError::Journal {
                run: self.state.run.clone(),
                source: Box::new(source),
            })?;
        let [event] = events;
        if let Event::PhaseStarted { .. } = event {
            self.watch.phase_start = self.tools.clock.monotonic();
            self.watch.phase_before = 0;
        }
        let record = Record {
            sequence: self.state.sequence + 1,
            wall_millis,
            event,
        };
        self.state.apply(&record);
        for line in lines_of(&record.event, &self.state) {
            self.feed.tell(line);
        }
        Ok(())
    }

    async fn run_unit(&mut self, unit: UnitKey, attempt: u32) -> Occurrence {
        let start = self.tools.clock.monotonic();
        let result = match self.assignment.skill(&unit) {
            Some(skill) => {
                let skill = Arc::clone(skill);
                let context = self.context(attempt);
                let work = skill.run(&unit, &context);
                self.supervised(work, unit.phase, Some(&unit)).await
            }
            None => Err(SkillError::new(
                ErrorKind::Bug,
                "run the unit: no skill names it",
            )),
        };
        let millis = millis(self.tools.clock.monotonic().saturating_sub(start));
        match result {
            Ok(outcome) => {
                Arc::make_mut(&mut self.outcomes).insert(unit.clone(), outcome.clone());
                Occurrence::UnitDone {
                    unit,
                    attempt,
                    millis,
                    outcome,
                }
            }
            Err(error) => Occurrence::UnitFailed {
                unit,
                attempt,
                millis,
                error,
            },
        }
    }

    /// Asks the phase's skills in the reverse of the order in which they ran.
    async fn compensate(&mut self, phase: Phase, attempt: u32) -> Occurrence {
        let context = self.context(attempt);
        let skills = self.assignment.skills.iter().rev();
        let mut merged = UnitOutcome::default();
        let mut facts = Vec::new();
        for skill in skills.filter(|skill| skill.phase() == phase) {
            let work = skill.compensate(&context);
            match self.supervised(work, phase, None).await {
                Ok(outcome) => {
                    merged.rows += outcome.rows;
                    merged.bytes += outcome.bytes;
                    merged.findings.extend(outcome.findings);
                    facts.extend(Some(outcome.facts).filter(|facts| !facts.is_null()));
                }
                Err(error) => {
                    return Occurrence::CompensationFailed {
                        phase,
                        attempt,
                        error,
                    };
                }
            }
        }
        merged.facts = match facts.len() {
            0 | 1 => facts.pop().unwrap_or_default(),
            _ => facts.into(),
        };
        Occurrence::Compensated {
            phase,
            outcome: merged,
        }
    }

    async fn supervised<T>(
        &self,
        work: impl Future<Output = Result<T, SkillError>>,
        phase: Phase,
        unit: Option<&UnitKey>,
    ) -> Result<T, SkillError> {
        supervised(work, phase, unit, &*self.tools.clock, &self.feed).await
    }

    fn context(&self, attempt: u32) -> UnitContext {
        UnitContext {
            run: self.state.run.clone(),
            plan: Arc::clone(&self.state.plan),
            attempt,
            is_resume: self.state.resumes > 0,
            outcomes: Arc::clone(&self.outcomes),
            clock: Arc::clone(&self.tools.clock),
            cancel: self.tools.cancel.clone(),
            progress: Arc::clone(&self.feed) as Arc<dyn ProgressSink>,
        }
    }

    fn mark_parents(&self) -> Result<(), OrchestratorError> {
        recover::mark_parents(
            &*self.tools.journal,
            &self.state.run,
            self.state.parent.as_ref(),
            millis(self.tools.clock.wall()),
        )
    }

    fn leave(self) -> RunSummary {
        let summary = RunSummary::of(&self.state);
        self.feed
            .tell(FeedEvent::RunEnded(Box::new(summary.clone())));
        summary
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
