//! A place for runs: world, journal, state directory; and processes that work there.

use std::sync::{Arc, Mutex};

use redistrict_journal::{Journal, MemoryJournal, RunKind, RunOptions, RunState, fold};
use redistrict_model::{DistrictId, Phase, Plan, PlanSections, RunId};
use redistrict_orchestrator::{
    FeedEvent, FeedSink, Orchestrator, OrchestratorError, RunRequest, RunSummary, compose,
};
use redistrict_skill::{Cancel, Clock, ManualClock, Skill};
use serde_json::json;
use tempfile::TempDir;

use crate::world::{FakeSkill, World};

pub(crate) fn sections() -> PlanSections {
    serde_json::from_value(json!({
        "extract": {
            "catalogs": [], "tables": [],
            "ownership": {
                "root": "ids.public.districts", "root_key": ["id"], "tables": [], "edges": []
            }
        },
        "anonymize": { "key_version": 1, "columns": [] },
        "validate": { "skipped": [] },
        "load": { "groups": [], "tables": [] }
    }))
    .unwrap()
}

pub(crate) fn plan() -> Plan {
    let name = Some("Lakeside".to_owned());
    compose(DistrictId::new("2"), name, sections(), Vec::new())
}

pub(crate) fn run_id() -> RunId {
    RunId::new("mig-20260101T000000Z-001")
}

type Reaction = Box<dyn Fn(&FeedEvent) + Send + Sync>;

/// Keeps the feed, and reacts to it.
#[derive(Default)]
pub(crate) struct Recorder {
    events: Mutex<Vec<FeedEvent>>,
    reaction: Option<Reaction>,
}

impl Recorder {
    pub(crate) fn reacting(reaction: impl Fn(&FeedEvent) + Send + Sync + 'static) -> Self {
        Self {
            events: Mutex::default(),
            reaction: Some(Box::new(reaction)),
        }
    }

    pub(crate) fn events(&self) -> Vec<FeedEvent> {
        self.events.lock().unwrap().clone()
    }
}

impl FeedSink for Recorder {
    fn event(&self, event: FeedEvent) {
        if let Some(reaction) = &self.reaction {
            reaction(&event);
        }
        self.events.lock().unwrap().push(event);
    }
}

/// What outlives a process.
pub(crate) struct Place {
    pub(crate) world: World,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            world: World::default(),
            journal: Arc::new(MemoryJournal::new()),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// A process with fresh objects.
    pub(crate) fn process(&self) -> Orchestrator {
        self.process_with(Arc::clone(&self.journal), Arc::new(Recorder::default()))
    }

    pub(crate) fn process_with(
        &self,
        journal: Arc<dyn Journal>,
        feed: Arc<dyn FeedSink>,
    ) -> Orchestrator {
        self.process_at(Arc::new(ManualClock::default()), journal, feed)
    }

    pub(crate) fn process_at(
        &self,
        clock: Arc<dyn Clock>,
        journal: Arc<dyn Journal>,
        feed: Arc<dyn FeedSink>,
    ) -> Orchestrator {
        let state_dir = self.directory.path().to_owned();
        let mut process = Orchestrator::new(journal, clock, Cancel::default(), feed, state_dir);
        process.jitter_seed = 42;
        process
    }

    /// Seven units of six skills, two of which are Reporting's.
    pub(crate) fn skills(&self) -> Vec<Arc<dyn Skill>> {
        [
            (Phase::Extraction, vec!["extract ids", "extract hcp1"]),
            (Phase::Anonymization, vec!["mask"]),
            (Phase::Validation, vec!["check"]),
            (Phase::Loading, vec!["stage", "merge"]),
            (Phase::Reporting, vec!["report"]),
            (Phase::Reporting, vec!["sweep"]),
        ]
        .into_iter()
        .map(|(phase, steps)| self.skill(phase, steps))
        .collect()
    }

    pub(crate) fn skill(&self, phase: Phase, steps: Vec<&'static str>) -> Arc<dyn Skill> {
        let world = self.world.clone();
        Arc::new(FakeSkill {
            phase,
            steps,
            world,
        })
    }

    pub(crate) fn request(&self) -> RunRequest {
        RunRequest {
            run: run_id(),
            kind: RunKind::Migration,
            district: DistrictId::new("2"),
            options: RunOptions::default(),
            parent: None,
            plan: plan(),
            skills: self.skills(),
        }
    }

    pub(crate) async fn run(&self) -> RunSummary {
        self.process().run(self.request()).await.unwrap()
    }

    pub(crate) async fn resume(&self) -> Result<RunSummary, OrchestratorError> {
        self.process().resume(&run_id(), self.skills()).await
    }

    pub(crate) fn state(&self) -> RunState {
        self.state_of(&run_id())
    }

    pub(crate) fn state_of(&self, run: &RunId) -> RunState {
        fold(&self.journal.read(run).unwrap()).unwrap()
    }

    /// The names of the journaled events.
    pub(crate) fn journaled(&self) -> Vec<String> {
        let records = self.journal.read(&run_id()).unwrap();
        let name = |record| {
            serde_json::to_value(record).unwrap()["event"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        records.iter().map(name).collect()
    }
}
