//! Approvals: what stands between a unit and those before it, and what may be answered to it. Pure.
//!
//! An approval is bound to run, phase, plan and the outcome of the unit that looked (for a load: the
//! sealed artifact, the enrolled targets, the forecast), counts until it expires, and is spent when the
//! run goes on by it. What it is about is looked at again once it is given: if anything has changed, it
//! is asked for anew.

use redistrict_journal::{Event, GateState, RunState};
use redistrict_model::{Phase, UnitKey};
use serde_json::{Value, json};

use crate::compose::canonical_digest;
use crate::schedule::Schedule;

/// Whether a unit may begin.
pub(crate) enum AtGate {
    Open,
    /// To be journaled first; then the question is asked again.
    Journal(Box<Event>),
    Waiting,
}

/// Whether `unit`, the next one of its phase, may begin at that time.
pub(crate) fn before(
    state: &RunState,
    schedule: &Schedule,
    unit: &UnitKey,
    wall_millis: u64,
) -> AtGate {
    let phase = unit.phase;
    // What the configuration wants approved is looked at again once it is; what a unit asks by itself is a bound
    // that its phase keeps, and needs no second look.
    let (subject, about) = match (schedule.gate(phase, unit), schedule.asking(state, unit)) {
        (Some(Some(subject)), _) => (Some(subject), Some(subject)),
        (_, Some(asking)) => (None, Some(asking)),
        (Some(None), None) => (None, None),
        (None, None) => return AtGate::Open,
    };
    let gate = state.gates.get(&phase);
    if gate.is_some_and(|gate| gate.is_passed) {
        return AtGate::Open;
    }
    let digest = digest_of(state, phase, about);
    let asked = gate.filter(|gate| gate.digest == digest);
    match asked.map(|gate| (gate, &gate.approval)) {
        Some((_, None)) => AtGate::Waiting,
        Some((_, Some(approval))) if approval.counts_at(wall_millis) => {
            AtGate::Journal(Box::new(Event::ApprovalUsed { phase, digest }))
        }
        // Never asked, expired, or what was asked is not what would be done now.
        Some(_) | None => AtGate::Journal(Box::new(Event::ApprovalRequested {
            phase,
            subject: subject.cloned(),
            digest,
        })),
    }
}

/// What an approval of the phase covers, as 64 hexadecimal digits (SHA-256 over canonical JSON).
fn digest_of(state: &RunState, phase: Phase, about: Option<&UnitKey>) -> String {
    let outcome = about.and_then(|unit| state.units.get(unit)?.done.as_ref());
    let facts = outcome.and_then(|outcome| outcome.get("facts"));
    canonical_digest(&json!({
        "approval": 1,
        "run": state.run,
        "phase": phase,
        "plan": state.plan.digest,
        "facts": facts.unwrap_or(&Value::Null),
    }))
}

/// Why an approval is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalRefusal {
    /// The run has ended, or it asks for nothing now.
    NotAsked,
    /// It is about another digest; this is the one that is asked for.
    OtherDigest { asked: String },
    /// Somebody has approved, and it still counts.
    Approved { by: String },
}

/// What to journal so that the open request of a run is approved.
///
/// `digest` is the one that the approver has seen, at least its first twelve digits; none if they are
/// shown [`open_request`](RunState::open_request) in the same breath. An approval that has expired
/// unused is asked for and given again.
///
/// # Errors
/// See [`ApprovalRefusal`].
pub fn approval(
    state: &RunState,
    digest: Option<&str>,
    by: &str,
    wall_millis: u64,
    valid_millis: u64,
) -> Result<Vec<Event>, ApprovalRefusal> {
    let (phase, gate) = match state.open_request() {
        Some(open) if state.is_unfinished() => open,
        _ => return Err(ApprovalRefusal::NotAsked),
    };
    let is_meant = digest.is_none_or(|digest| is_prefix(digest, &gate.digest));
    if !is_meant {
        let asked = gate.digest.clone();
        return Err(ApprovalRefusal::OtherDigest { asked });
    }
    let mut events = Vec::new();
    if let Some(earlier) = &gate.approval {
        if earlier.counts_at(wall_millis) {
            let by = earlier.by.clone();
            return Err(ApprovalRefusal::Approved { by });
        }
        events.push(again(phase, gate));
    }
    events.push(Event::ApprovalGiven {
        phase,
        digest: gate.digest.clone(),
        by: by.to_owned(),
        expires_wall_millis: wall_millis.saturating_add(valid_millis),
    });
    Ok(events)
}

fn again(phase: Phase, gate: &GateState) -> Event {
    Event::ApprovalRequested {
        phase,
        subject: gate.subject.clone(),
        digest: gate.digest.clone(),
    }
}

/// So many digits tell one request from another.
const SHORTEST: usize = 12;

fn is_prefix(given: &str, asked: &str) -> bool {
    let given = given.trim().to_ascii_lowercase();
    given.len() >= SHORTEST && asked.starts_with(&given)
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
