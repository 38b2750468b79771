//! What a run is to do: for each phase its units in order, or the reason why it is left out.
//!
//! Made anew from plan, options and skills whenever a run is started or resumed; never journaled.

use std::collections::BTreeMap;
use std::sync::Arc;

use redistrict_journal::{RunKind, RunOptions, RunState};
use redistrict_model::{Phase, RunId, UnitKey};
use redistrict_skill::{ASKS, Skill};

use crate::error::OrchestratorError;
use crate::handle::AtApproval;

/// One phase's part of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseSchedule {
    /// Why the phase is left out, in words.
    pub skip: Option<String>,
    /// In the order in which they run.
    pub units: Vec<UnitKey>,
    /// Somebody has to approve the phase.
    pub gate: Option<Gate>,
    /// Once one of them is done, nothing of the phase is taken back any more.
    pub deciding: Vec<UnitKey>,
}

/// Where in a phase somebody has to approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Before its first unit.
    First,
    /// Behind this one, whose outcome is what is approved.
    Behind(UnitKey),
}

/// All five phases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub phases: BTreeMap<Phase, PhaseSchedule>,
    /// Makes the jitter of waits.
    pub jitter_seed: u64,
    /// This process stays where another run is in the way.
    pub stays: bool,
}

impl Schedule {
    /// A phase's units; none of a phase that is left out.
    #[must_use]
    pub fn units(&self, phase: Phase) -> &[UnitKey] {
        self.phases
            .get(&phase)
            .map_or(&[], |schedule| schedule.units.as_slice())
    }

    /// The gate that a unit stands behind, if it does: the unit whose outcome is approved, or none of it.
    pub(crate) fn gate(&self, phase: Phase, unit: &UnitKey) -> Option<Option<&UnitKey>> {
        let schedule = self.phases.get(&phase)?;
        let place = |one: &UnitKey| schedule.units.iter().position(|other| other == one);
        match schedule.gate.as_ref()? {
            Gate::First => Some(None),
            Gate::Behind(subject) if place(subject) < place(unit) => Some(Some(subject)),
            Gate::Behind(_) => None,
        }
    }

    /// The unit that asks for an approval by itself before this one may begin: one before it in its phase, or
    /// else the last one of the phase before it. A report is written without asking.
    pub(crate) fn asking<'a>(&'a self, state: &RunState, unit: &UnitKey) -> Option<&'a UnitKey> {
        let asks = |one: &&UnitKey| {
            let outcome = state.units.get(*one).and_then(|known| known.done.as_ref());
            let facts = outcome.and_then(|outcome| outcome.get("facts"));
            let asks = facts.and_then(|facts| facts.get(ASKS)?.as_array());
            asks.is_some_and(|asks| !asks.is_empty())
        };
        let of_phase = self.units(unit.phase);
        let place = of_phase.iter().position(|one| one == unit);
        let earlier = of_phase.iter().take(place.unwrap_or_default());
        if let Some(asking) = earlier.rev().find(asks) {
            return Some(asking);
        }
        if unit.phase == Phase::Reporting {
            return None;
        }
        let before = Phase::ALL.into_iter().filter(|phase| *phase < unit.phase);
        let last = before.rev().find_map(|phase| self.units(phase).last());
        last.filter(asks)
    }

    /// Whether the phase is past its point of no return.
    pub(crate) fn is_decided(&self, state: &RunState, phase: Phase) -> bool {
        let is_done = |unit: &UnitKey| {
            let known = state.units.get(unit);
            known.is_some_and(|known| known.done.is_some())
        };
        let schedule = self.phases.get(&phase);
        schedule.is_some_and(|schedule| schedule.deciding.iter().any(is_done))
    }

    /// Why a phase is left out.
    #[must_use]
    pub fn skip(&self, phase: Phase) -> Option<&str> {
        self.phases.get(&phase)?.skip.as_deref()
    }
}

/// A schedule with the skill of each unit.
pub(crate) struct Assignment {
    pub(crate) schedule: Schedule,
    pub(crate) skills: Vec<Arc<dyn Skill>>,
    by_unit: BTreeMap<UnitKey, Arc<dyn Skill>>,
}

impl Assignment {
    /// Asks the skills for their units. Several skills of one phase run in the order given.
    ///
    /// # Errors
    /// A phase without skill that is not left out, a unit named twice or of another phase.
    pub(crate) fn new(
        state: &RunState,
        skills: Vec<Arc<dyn Skill>>,
        jitter_seed: u64,
        at_approval: AtApproval,
    ) -> Result<Self, OrchestratorError> {
        let run = &state.run;
        let mut by_unit = BTreeMap::new();
        let mut phases = BTreeMap::new();
        for phase in Phase::ALL {
            let of_phase: Vec<_> = skills.iter().filter(|s| s.phase() == phase).collect();
            let skip = skip_reason(phase, state.kind, &state.options, of_phase.is_empty());
            if skip.is_none() && of_phase.is_empty() {
                return Err(OrchestratorError::NoSkill {
                    run: run.clone(),
                    phase,
                });
            }
            let gate = state.options.approvals.contains(&phase).then(|| {
                let subject = of_phase.iter().find_map(|skill| {
                    let subject = skill.approved_unit()?;
                    skill
                        .units(&state.plan)
                        .contains(&subject)
                        .then_some(subject)
                });
                subject.map_or(Gate::First, Gate::Behind)
            });
            let (mut units, mut deciding) = (Vec::new(), Vec::new());
            for skill in of_phase.into_iter().filter(|_| skip.is_none()) {
                deciding.extend(skill.deciding_units(&state.plan));
                for unit in skill.units(&state.plan) {
                    claim(run, &unit, skill, &mut by_unit)?;
                    units.push(unit);
                }
            }
            let schedule = PhaseSchedule {
                skip,
                units,
                gate,
                deciding,
            };
            phases.insert(phase, schedule);
        }
        Ok(Self {
            schedule: Schedule {
                phases,
                jitter_seed,
                stays: at_approval == AtApproval::Stay,
            },
            skills,
            by_unit,
        })
    }

    /// The skill that named the unit.
    pub(crate) fn skill(&self, unit: &UnitKey) -> Option<&Arc<dyn Skill>> {
        self.by_unit.get(unit)
    }
}

fn claim(
    run: &RunId,
    unit: &UnitKey,
    skill: &Arc<dyn Skill>,
    by_unit: &mut BTreeMap<UnitKey, Arc<dyn Skill>>,
) -> Result<(), OrchestratorError> {
    if unit.phase != skill.phase() {
        return Err(OrchestratorError::WrongPhase {
            run: run.clone(),
            expected: skill.phase(),
            unit: Box::new(unit.clone()),
        });
    }
    match by_unit.insert(unit.clone(), Arc::clone(skill)) {
        None => Ok(()),
        Some(_) => Err(OrchestratorError::DuplicateUnit {
            run: run.clone(),
            unit: Box::new(unit.clone()),
        }),
    }
}

fn skip_reason(
    phase: Phase,
    kind: RunKind,
    options: &RunOptions,
    has_no_skill: bool,
) -> Option<String> {
    if !options.only.is_empty() && !options.only.contains(&phase) {
        let asked: Vec<String> = options.only.iter().map(Phase::to_string).collect();
        return Some(format!("only {} was asked for", asked.join(", ")));
    }
    match (phase, &options.reuse) {
        (Phase::Extraction, Some(run)) => Some(format!(
            "--skip-extraction: using the sealed artifact of run {run}"
        )),
        (Phase::Loading, _) if options.skip_load => Some("--skip-load".to_owned()),
        _ if kind == RunKind::Undo && has_no_skill => Some("not part of an undo".to_owned()),
        _ => None,
    }
}
