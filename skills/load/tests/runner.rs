//! A small orchestrator: units in order, outcomes kept, three retries, compensation, and a new process
//! after a death. Knows nothing of loading.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redistrict_load::{LoadSkill, Mode, SharedRows, UndoSkill};
use redistrict_model::{RunId, UnitKey};
use redistrict_skill::{
    Cancel, Clock, ManualClock, Progress, ProgressSink, Skill, SkillError, UnitContext, UnitOutcome,
};
use redistrict_store::BEAT_EVERY;

use crate::faulty::Faults;
use crate::world::Estate;

pub(crate) type Outcomes = BTreeMap<UnitKey, UnitOutcome>;

/// What is run.
#[derive(Clone, Debug)]
pub(crate) enum Job {
    Load,
    Undo(&'static str),
    /// Leaves the rows that other runs rely on.
    Retain(&'static str),
}

struct Silent;

impl ProgressSink for Silent {
    fn progress(&self, _: Progress) {}
}

/// Waits take no time, but nobody lives long enough to say so.
#[derive(Default)]
struct Hasty(ManualClock);

#[async_trait]
impl Clock for Hasty {
    fn wall(&self) -> Duration {
        self.0.wall()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        if duration >= BEAT_EVERY {
            std::future::pending::<()>().await;
        }
        self.0.sleep(duration).await;
    }
}

impl Job {
    pub(crate) fn skill(
        &self,
        estate: &Estate,
        faults: &Arc<Faults>,
        mode: Mode,
    ) -> Box<dyn Skill> {
        let setup = estate.setup(faults, mode);
        match self {
            Self::Load => Box::new(LoadSkill::new(setup)),
            Self::Undo(parent) => Box::new(UndoSkill::new(setup, RunId::new(*parent))),
            Self::Retain(parent) => {
                let undo = UndoSkill::new(setup, RunId::new(*parent));
                Box::new(undo.sharing(SharedRows::Retain))
            }
        }
    }
}

/// Runs a job to its end. Faults are of the first process only.
pub(crate) async fn drive(
    estate: &Estate,
    job: &Job,
    run: &str,
    faults: &Arc<Faults>,
) -> Result<Outcomes, SkillError> {
    drive_as(estate, job, run, faults, Mode::Apply).await
}

/// Runs a job to its end; the second process has faults of its own.
pub(crate) async fn drive_twice(
    estate: &Estate,
    job: &Job,
    run: &str,
    faults: &Arc<Faults>,
    second: &Arc<Faults>,
) -> Result<Outcomes, SkillError> {
    let mut process = Process::new(estate, job, run, faults, Mode::Apply);
    process.next_faults = Some(Arc::clone(second));
    let (done, taken_back) = process.drive(job, Mode::Apply).await;
    taken_back.unwrap();
    done
}

/// Runs a job to its end, while time goes by whenever it waits for a store.
pub(crate) async fn drive_slowly(
    estate: &Estate,
    job: &Job,
    run: &str,
    faults: &Arc<Faults>,
) -> Result<Outcomes, SkillError> {
    let mut process = Process::new(estate, job, run, faults, Mode::Apply);
    process.clock = Arc::new(ManualClock::default());
    let (done, taken_back) = process.drive(job, Mode::Apply).await;
    taken_back.unwrap();
    done
}

/// Runs a job to its end and tells how the compensation ended as well.
pub(crate) async fn try_drive(
    estate: &Estate,
    job: &Job,
    run: &str,
    faults: &Arc<Faults>,
) -> (Result<Outcomes, SkillError>, Result<(), SkillError>) {
    let process = Process::new(estate, job, run, faults, Mode::Apply);
    process.drive(job, Mode::Apply).await
}

/// Goes on with a run in a new process, without a fault.
pub(crate) async fn resume(estate: &Estate, job: &Job, run: &str) -> Result<Outcomes, SkillError> {
    let mut process = Process::new(estate, job, run, &Faults::none(), Mode::Apply);
    process.is_resume = true;
    let (done, taken_back) = process.drive(job, Mode::Apply).await;
    taken_back.unwrap();
    done
}

/// Takes a failed run back in a new process that knows nothing but its name and that it had all leases.
pub(crate) async fn compensate(estate: &Estate, job: &Job, run: &str) -> Result<(), SkillError> {
    let mut process = Process::new(estate, job, run, &Faults::none(), Mode::Apply);
    process.is_resume = true;
    let units = process.skill.units(&estate.plan).into_iter();
    let leases = units.filter(|unit| unit.step == "lease");
    process.outcomes = leases.map(|unit| (unit, UnitOutcome::default())).collect();
    process.compensate(job, Mode::Apply).await
}

pub(crate) async fn drive_as(
    estate: &Estate,
    job: &Job,
    run: &str,
    faults: &Arc<Faults>,
    mode: Mode,
) -> Result<Outcomes, SkillError> {
    let process = Process::new(estate, job, run, faults, mode);
    let (done, taken_back) = process.drive(job, mode).await;
    taken_back.unwrap();
    done
}

struct Process<'a> {
    estate: &'a Estate,
    run: RunId,
    skill: Box<dyn Skill>,
    faults: Arc<Faults>,
    /// Those of the next process.
    next_faults: Option<Arc<Faults>>,
    is_resume: bool,
    outcomes: Outcomes,
    clock: Arc<dyn Clock>,
}

impl<'a> Process<'a> {
    fn new(estate: &'a Estate, job: &Job, run: &str, faults: &Arc<Faults>, mode: Mode) -> Self {
        Self {
            estate,
            run: RunId::new(run),
            skill: job.skill(estate, faults, mode),
            faults: Arc::clone(faults),
            next_faults: None,
            is_resume: false,
            outcomes: Outcomes::new(),
            clock: Arc::new(Hasty::default()),
        }
    }

    async fn drive(
        mut self,
        job: &Job,
        mode: Mode,
    ) -> (Result<Outcomes, SkillError>, Result<(), SkillError>) {
        let units = self.skill.units(&self.estate.plan);
        for unit in units {
            let Err(error) = self.unit(job, &unit, mode).await else {
                continue;
            };
            let deciding = self.skill.deciding_units(&self.estate.plan);
            let is_decided = deciding.iter().any(|one| self.outcomes.contains_key(one));
            if error.keeps || is_decided {
                return (Err(error), Ok(()));
            }
            return (Err(error), self.compensate(job, mode).await);
        }
        (Ok(self.outcomes), Ok(()))
    }

    fn context(&self, attempt: u32) -> UnitContext {
        UnitContext {
            run: self.run.clone(),
            plan: Arc::clone(&self.estate.plan),
            attempt,
            is_resume: self.is_resume,
            outcomes: Arc::new(self.outcomes.clone()),
            clock: Arc::clone(&self.clock),
            cancel: Cancel::default(),
            progress: Arc::new(Silent),
        }
    }

    /// Nothing in memory survives.
    fn restart(&mut self, job: &Job, mode: Mode) {
        self.faults = self.next_faults.take().unwrap_or_else(Faults::none);
        self.skill = job.skill(self.estate, &self.faults, mode);
        self.is_resume = true;
    }

    async fn unit(&mut self, job: &Job, unit: &UnitKey, mode: Mode) -> Result<(), SkillError> {
        let mut attempt = 1;
        loop {
            match self.skill.run(unit, &self.context(attempt)).await {
                Ok(outcome) => {
                    self.outcomes.insert(unit.clone(), outcome);
                    return Ok(());
                }
                Err(_) if self.faults.is_dead() => {
                    self.restart(job, mode);
                    attempt = 1;
                }
                Err(error) if error.kind.is_transient() && attempt < 4 => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    async fn compensate(&mut self, job: &Job, mode: Mode) -> Result<(), SkillError> {
        let mut last = None;
        for attempt in 1..5 {
            match self.skill.compensate(&self.context(attempt)).await {
                Ok(_) => return Ok(()),
                Err(_) if self.faults.is_dead() => self.restart(job, mode),
                Err(error) => {
                    assert!(error.kind.is_transient(), "{}", error.chain());
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap())
    }
}

/// Runs units one at a time in one process.
pub(crate) struct Steps<'a> {
    estate: &'a Estate,
    skill: &'a dyn Skill,
    run: RunId,
    units: std::vec::IntoIter<UnitKey>,
    outcomes: Outcomes,
    pub(crate) is_resume: bool,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(estate: &'a Estate, skill: &'a dyn Skill, run: &str) -> Self {
        Self {
            estate,
            skill,
            run: RunId::new(run),
            units: skill.units(&estate.plan).into_iter(),
            outcomes: Outcomes::new(),
            is_resume: false,
        }
    }

    /// Runs all units that are left.
    pub(crate) async fn rest(&mut self) -> Result<(), SkillError> {
        while let Some(unit) = self.units.next() {
            self.run(unit).await?;
        }
        Ok(())
    }

    /// Takes back what the run did.
    pub(crate) async fn compensate(&self) -> Result<(), SkillError> {
        self.skill.compensate(&self.context()).await.map(drop)
    }

    /// Runs the next unit, which has to be one of that step.
    pub(crate) async fn next(&mut self, step: &str) -> Result<(), SkillError> {
        let unit = self.units.next().unwrap();
        assert_eq!(unit.step, step);
        self.run(unit).await
    }

    async fn run(&mut self, unit: UnitKey) -> Result<(), SkillError> {
        let outcome = self.skill.run(&unit, &self.context()).await?;
        self.outcomes.insert(unit, outcome);
        Ok(())
    }

    fn context(&self) -> UnitContext {
        UnitContext {
            run: self.run.clone(),
            plan: Arc::clone(&self.estate.plan),
            attempt: 1,
            is_resume: self.is_resume,
            outcomes: Arc::new(self.outcomes.clone()),
            clock: Arc::new(Hasty::default()),
            cancel: Cancel::default(),
            progress: Arc::new(Silent),
        }
    }
}

pub(crate) async fn first_unit(
    estate: &Estate,
    skill: &dyn Skill,
    run: &str,
) -> Result<(), SkillError> {
    let unit = skill.units(&estate.plan).remove(0);
    Steps::new(estate, skill, run).next(&unit.step).await
}

/// A file of that name somewhere below.
pub(crate) fn some_file(dir: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.ends_with(name) {
                return path;
            }
        }
    }
    panic!("no {name}");
}
