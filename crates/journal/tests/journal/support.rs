//! Events for tests: a plan without tables, and every event that a small universe has.

use redistrict_journal::{Event, FORMAT_VERSION, RunKind, RunOptions};
use redistrict_model::{DistrictId, ErrorKind, Phase, Plan, RunId, UnitKey};
use serde_json::json;

pub(crate) fn plan() -> Plan {
    serde_json::from_value(json!({
        "format_version": 1, "district": "2", "digest": "00",
        "sections": {
            "extract": {
                "catalogs": [], "tables": [],
                "ownership": {
                    "root": "ids.public.districts", "root_key": ["id"], "tables": [], "edges": []
                }
            },
            "anonymize": { "key_version": 1, "columns": [] },
            "validate": { "skipped": [] },
            "load": { "groups": [], "tables": [] }
        }
    }))
    .unwrap()
}

pub(crate) fn started(run: &RunId) -> Event {
    Event::RunStarted {
        format_version: FORMAT_VERSION,
        run: run.clone(),
        kind: RunKind::Migration,
        district: DistrictId::new("2"),
        options: RunOptions::default(),
        parent: None,
        plan: plan(),
    }
}

pub(crate) fn unit(phase: Phase) -> UnitKey {
    UnitKey::new(phase, "work")
}

pub(crate) fn unit_started(phase: Phase, attempt: u32) -> Event {
    Event::UnitStarted {
        unit: unit(phase),
        attempt,
    }
}

pub(crate) fn unit_done(phase: Phase, attempt: u32) -> Event {
    Event::UnitDone {
        unit: unit(phase),
        attempt,
        millis: 5,
        outcome: json!({ "rows": 3 }),
    }
}

pub(crate) fn unit_failed(phase: Phase, attempt: u32, retry_after_millis: Option<u64>) -> Event {
    Event::UnitFailed {
        unit: unit(phase),
        attempt,
        kind: ErrorKind::Data,
        error: json!({ "kind": "data", "message": "do it" }),
        millis: 2,
        retry_after_millis,
        waits: false,
    }
}

pub(crate) fn unit_waits(phase: Phase, attempt: u32) -> Event {
    match unit_failed(phase, attempt, None) {
        Event::UnitFailed {
            unit,
            kind,
            error,
            millis,
            ..
        } => Event::UnitFailed {
            unit,
            attempt,
            kind,
            error,
            millis,
            retry_after_millis: None,
            waits: true,
        },
        other => other,
    }
}

pub(crate) fn approval_requested(phase: Phase, digest: &str) -> Event {
    Event::ApprovalRequested {
        phase,
        subject: Some(unit(phase)),
        digest: digest.to_owned(),
    }
}

pub(crate) fn approval_given(phase: Phase, digest: &str) -> Event {
    Event::ApprovalGiven {
        phase,
        digest: digest.to_owned(),
        by: "the data owner".to_owned(),
        expires_wall_millis: 100,
    }
}

pub(crate) fn approval_used(phase: Phase, digest: &str) -> Event {
    Event::ApprovalUsed {
        phase,
        digest: digest.to_owned(),
    }
}

/// Every event of a small universe: one unit per phase, up to six attempts.
pub(crate) fn universe(run: &RunId) -> Vec<Event> {
    let by = RunId::new("rb-1");
    let mut events = vec![
        started(run),
        Event::RunResumed { process: 7 },
        Event::RunInterrupted {
            signal: "asked to stop".to_owned(),
        },
        Event::RunCancelled {
            by: "the data owner".to_owned(),
        },
        Event::RunSucceeded { millis: 9 },
        Event::Undone { by: by.clone() },
        Event::Redone { by },
    ];
    for phase in Phase::ALL {
        let error = json!({ "kind": "data", "message": "do it" });
        events.extend([
            approval_requested(phase, "one"),
            approval_requested(phase, "two"),
            approval_given(phase, "one"),
            approval_given(phase, "two"),
            approval_used(phase, "one"),
            approval_used(phase, "two"),
            Event::PhaseStarted { phase, units: 1 },
            Event::PhaseDone { phase, millis: 5 },
            Event::PhaseSkipped {
                phase,
                reason: "no need".to_owned(),
            },
            Event::CompensationDone {
                phase,
                outcome: json!({}),
            },
            Event::RunFailed {
                phase,
                kind: ErrorKind::Data,
                error: error.clone(),
                millis: 9,
            },
        ]);
        for attempt in 1..=6 {
            events.extend([
                unit_started(phase, attempt),
                unit_done(phase, attempt),
                unit_failed(phase, attempt, Some(1000)),
                unit_failed(phase, attempt, None),
                unit_waits(phase, attempt),
                Event::CompensationStarted { phase, attempt },
                Event::CompensationFailed {
                    phase,
                    attempt,
                    kind: ErrorKind::Data,
                    error: error.clone(),
                    retry_after_millis: None,
                },
            ]);
        }
    }
    events
}
