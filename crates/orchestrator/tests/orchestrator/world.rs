//! The outside world of a run (it outlives processes) and skills that act on it as scripted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use redistrict_model::{ErrorKind, Finding, Phase, Plan, UnitKey};
use redistrict_skill::{ASKS, Progress, Skill, SkillError, UnitContext, UnitOutcome};
use serde_json::json;

/// What happens to a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Before the effect.
    Fail(ErrorKind),
    /// After the effect: its outcome is lost.
    FailAfter(ErrorKind),
    Panic,
    HangUntilCancelled,
    /// Works that long, with progress after each minute.
    Work(Duration),
}

#[derive(Default)]
struct Inside {
    effects: BTreeMap<String, String>,
    calls: Vec<String>,
    told_resume: Vec<(String, bool)>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    for_good: BTreeMap<String, Fault>,
    /// What a look at the world shows.
    sight: u32,
}

/// Where skills leave their effects.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<Inside>>);

impl World {
    /// What is there.
    pub(crate) fn effects(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap().effects.clone()
    }

    /// What was called, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().calls.clone()
    }

    /// What each call was told about an earlier process.
    pub(crate) fn told_resume(&self) -> Vec<(String, bool)> {
        self.0.lock().unwrap().told_resume.clone()
    }

    /// How often the work of that name was called.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.calls().iter().filter(|call| *call == name).count()
    }

    /// The next calls of that name meet these faults, the ones after them none.
    pub(crate) fn script(&self, name: &str, faults: &[Fault]) {
        let mut inside = self.0.lock().unwrap();
        let queue = inside.faults.entry(name.to_owned()).or_default();
        queue.extend(faults);
    }

    /// All calls of that name meet the fault.
    pub(crate) fn script_for_good(&self, name: &str, fault: Fault) {
        self.0
            .lock()
            .unwrap()
            .for_good
            .insert(name.to_owned(), fault);
    }

    /// From now on a look shows something else.
    pub(crate) fn look_different(&self) {
        self.0.lock().unwrap().sight += 1;
    }

    fn sight(&self) -> u32 {
        self.0.lock().unwrap().sight
    }

    fn called(&self, name: &str, context: &UnitContext) -> Option<Fault> {
        let mut inside = self.0.lock().unwrap();
        inside.calls.push(name.to_owned());
        let told = (name.to_owned(), context.is_resume);
        inside.told_resume.push(told);
        let queued = inside.faults.get_mut(name).and_then(VecDeque::pop_front);
        queued.or_else(|| inside.for_good.get(name).copied())
    }

    fn set(&self, name: &str, effect: String) {
        self.0
            .lock()
            .unwrap()
            .effects
            .insert(name.to_owned(), effect);
    }

    fn take_back(&self, prefix: &str) {
        let mut inside = self.0.lock().unwrap();
        inside.effects.retain(|name, _| !name.starts_with(prefix));
    }
}

/// A skill whose units leave one effect each; compensation removes them.
pub(crate) struct FakeSkill {
    pub(crate) phase: Phase,
    pub(crate) steps: Vec<&'static str>,
    pub(crate) world: World,
}

/// The name of a unit's work in scripts and effects.
pub(crate) fn name_of(unit: &UnitKey) -> String {
    format!("{} {}", unit.phase, unit.step)
}

async fn meet(
    fault: Option<Fault>,
    unit: &UnitKey,
    context: &UnitContext,
) -> Result<(), SkillError> {
    match fault {
        Some(Fault::Fail(kind)) => Err(SkillError::new(kind, "do it")),
        Some(Fault::Panic) => panic!("scripted"),
        Some(Fault::HangUntilCancelled) => loop {
            context.cancel.check()?;
            context.clock.sleep(Duration::from_secs(1)).await;
        },
        Some(Fault::Work(duration)) => {
            let end = context.clock.monotonic() + duration;
            while context.clock.monotonic() < end {
                context.clock.sleep(Duration::from_secs(60)).await;
                context.progress.progress(Progress {
                    unit: unit.clone(),
                    subject: "students".to_owned(),
                    rows_done: context.clock.monotonic().as_secs(),
                    rows_expected: None,
                });
            }
            Ok(())
        }
        Some(Fault::FailAfter(_)) | None => Ok(()),
    }
}

#[async_trait]
impl Skill for FakeSkill {
    fn phase(&self) -> Phase {
        self.phase
    }

    fn units(&self, _plan: &Plan) -> Vec<UnitKey> {
        let steps = self.steps.iter();
        steps.map(|step| UnitKey::new(self.phase, *step)).collect()
    }

    fn approved_unit(&self) -> Option<UnitKey> {
        let look = self.steps.iter().find(|step| **step == "look");
        look.map(|step| UnitKey::new(self.phase, *step))
    }

    fn deciding_units(&self, _plan: &Plan) -> Vec<UnitKey> {
        let decides = self.steps.iter().filter(|step| **step == "decide");
        decides
            .map(|step| UnitKey::new(self.phase, *step))
            .collect()
    }

    async fn run(&self, unit: &UnitKey, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        let name = name_of(unit);
        let fault = self.world.called(&name, context);
        meet(fault, unit, context).await?;
        // The effect depends on every outcome before it: a resume has to bring them back.
        let before: Vec<_> = context
            .outcomes
            .iter()
            .map(|(unit, outcome)| format!("{}={}", unit.step, outcome.rows))
            .collect();
        self.world.set(&name, before.join(" "));
        if let Some(Fault::FailAfter(kind)) = fault {
            return Err(SkillError::new(kind, "hear that it was done"));
        }
        Ok(UnitOutcome {
            rows: before.len() as u64 + 1,
            bytes: 0,
            facts: facts(&unit.step, self.world.sight()),
            findings: vec![Finding::warning("seen", name, "seen", 1)],
        })
    }

    async fn compensate(&self, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        let steps = self.steps.join("+");
        let name = format!("{} take back {steps}", self.phase);
        let fault = self.world.called(&name, context);
        meet(fault, &UnitKey::new(self.phase, steps.as_str()), context).await?;
        for step in &self.steps {
            self.world.take_back(&format!("{} {step}", self.phase));
        }
        if let Some(Fault::FailAfter(kind)) = fault {
            return Err(SkillError::new(kind, "hear that it was taken back"));
        }
        Ok(UnitOutcome {
            rows: 1,
            facts: json!(steps),
            ..UnitOutcome::default()
        })
    }
}

/// A unit whose step begins with `asking` wants to be approved, by itself.
fn facts(step: &str, sight: u32) -> serde_json::Value {
    let mut facts = json!({ "step": step, "sight": sight });
    if step.starts_with("asking") {
        facts[ASKS] = json!([{ "rows": 7 }]);
    }
    facts
}

/// Runs every unit and every compensation of another skill twice.
pub(crate) struct Twice(pub(crate) Arc<dyn Skill>);

#[async_trait]
impl Skill for Twice {
    fn phase(&self) -> Phase {
        self.0.phase()
    }

    fn units(&self, plan: &Plan) -> Vec<UnitKey> {
        self.0.units(plan)
    }

    async fn run(&self, unit: &UnitKey, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        self.0.run(unit, context).await?;
        self.0.run(unit, context).await
    }

    async fn compensate(&self, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        self.0.compensate(context).await?;
        self.0.compensate(context).await
    }
}
