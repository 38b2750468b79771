//! A report and a sheet in which every field has something, written out so that a new field is missed by
//! the compiler. All texts of it are the one that is given.

use redistrict_model::{
    CheckOutcome, CheckResult, ColumnClass, ColumnDecision, DistrictId, ErrorKind, Finding,
    KeepReason, MaskKind, MaskName, MaskScope, MaskSection, Phase, PlanDigest, Provenance, RunId,
    Severity, StoreName, TableRef, Verdict,
};
use redistrict_report::{
    ApprovalReport, ArtifactReport, BoundaryReport, ClassReport, DecisionSheet, FORMAT_VERSION,
    FailureReport, ForecastReport, LeftBehindReport, MaskReport, PauseReport, PhaseReport,
    ProofReport, ReportData, ReportStatus, RetryReport, SheetBasis, SheetPlan, SpanReport,
    SpanState, StoreReport, TableReport, TimelineReport, Totals, UndoForecastReport,
};

use crate::story::plan;

fn name(text: &str) -> TableRef {
    TableRef::new(&StoreName::new(text), text, text)
}

fn checks(text: &str) -> Vec<CheckResult> {
    let outcomes = [
        CheckOutcome::Passed,
        CheckOutcome::Failed { rows: 41 },
        CheckOutcome::CouldNotRun { why: text.into() },
    ];
    outcomes
        .into_iter()
        .map(|outcome| CheckResult {
            check: text.into(),
            subject: text.into(),
            definition: text.into(),
            severity: Severity::Error,
            outcome,
            examined: 43,
            locators: vec![text.into()],
        })
        .collect()
}

fn spans(text: &str) -> Vec<SpanReport> {
    let states = [
        SpanState::Failed,
        SpanState::CutShort,
        SpanState::Done,
        SpanState::InProgress,
    ];
    (1..)
        .zip(states)
        .map(|(attempt, state)| SpanReport {
            phase: Phase::Loading,
            unit: text.into(),
            attempt,
            state,
            from_millis: u64::from(attempt) * 1_000,
            to_millis: u64::from(attempt) * 1_500,
        })
        .collect()
}

fn table(text: &str) -> TableReport {
    TableReport {
        table: name(text),
        role: text.into(),
        own: Some(1_001),
        shared: Some(1_002),
        stubs: Some(1_003),
        masked: Some(1_004),
        inserted: Some(1_005),
        updated: Some(1_006),
        unchanged: Some(1_007),
        left: Some(1_008),
        taken_back: Some(1_009),
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one literal, so that the compiler misses no field"
)]
pub(crate) fn report(text: &str) -> ReportData {
    let run = RunId::new("mig-20260101T000000Z-1");
    ReportData {
        format_version: FORMAT_VERSION,
        run: run.clone(),
        is_undo: false,
        parent: Some(run.clone()),
        district: DistrictId::new(text),
        district_name: Some(text.into()),
        status: ReportStatus::Failed,
        undone_by: Some(run.clone()),
        plan_digest: text.into(),
        decisions_digest: text.into(),
        started_at: "2026-01-01T00:00:00Z".into(),
        duration_millis: 61_000,
        resumes: 3,
        is_dry_run: true,
        skips_load: true,
        only: vec![Phase::Extraction, Phase::Loading],
        reused: Some(run.clone()),
        totals: Totals {
            extracted: Some(2_001),
            anonymized_fields: Some(2_002),
            loaded: Some(2_003),
            leaks: Some(2_004),
        },
        verdict: Some(Verdict::Failed),
        proof: Some(ProofReport {
            survivors: 2_004,
            values: Some(2_005),
        }),
        phases: Phase::ALL
            .map(|phase| PhaseReport {
                phase,
                state: "skipped".into(),
                reason: Some(text.into()),
                millis: 7,
            })
            .into(),
        timeline: TimelineReport {
            spans: spans(text),
            pauses: vec![PauseReport {
                from_millis: 2_000,
                to_millis: 2_400,
            }],
        },
        checks: checks(text),
        stores: vec![StoreReport {
            store: StoreName::new(text),
            kind: text.into(),
            snapshot: text.into(),
            at: text.into(),
        }],
        skew_millis: Some(1_234),
        unmatched_between_stores: Some(3),
        left_behind: Some(LeftBehindReport {
            tables: 2,
            examined: 3_100,
            rows: [(text.to_owned(), 3_101)].into(),
        }),
        tables: vec![table(text)],
        forecast: vec![ForecastReport {
            table: name(text),
            rows: 3_001,
            insert: 3_002,
            update: 3_003,
            leave: 3_004,
            conflict: 3_005,
        }],
        undo_forecast: vec![UndoForecastReport {
            table: name(text),
            remove: 3_101,
            restore: 3_102,
            reinsert: 3_103,
        }],
        masks: vec![MaskReport {
            class: ColumnClass::Email,
            kind: MaskKind::Reserved,
            columns: 4_001,
            cells: Some(4_002),
        }],
        fields_by_class: vec![ClassReport {
            class: ColumnClass::Email,
            fields: 4_002,
        }],
        findings: vec![Finding::warning(text, text, text, 5_001).with_lines([text.to_owned()])],
        boundaries: vec![BoundaryReport {
            reference: text.into(),
            policy: Some(text.into()),
            leads: Some(text.into()),
            rows: 6_001,
        }],
        retries: vec![RetryReport {
            phase: Phase::Loading,
            unit: text.into(),
            attempt: 2,
            kind: ErrorKind::Transient,
            reason: text.into(),
            retry_after_millis: Some(512),
            at: "2026-01-01T00:00:09Z".into(),
        }],
        approvals: vec![ApprovalReport {
            phase: Phase::Loading,
            digest: text.into(),
            requested_at: "2026-01-01T00:00:10Z".into(),
            approved_by: Some(text.into()),
            approved_at: Some("2026-01-01T00:00:11Z".into()),
            expires_at: Some("2026-01-02T00:00:11Z".into()),
            is_used: true,
        }],
        artifacts: vec![ArtifactReport {
            kind: "raw".into(),
            run,
            path: text.into(),
            seal: text.into(),
            files: 7_001,
            rows: 7_002,
            bytes: 7_003,
        }],
        failure: Some(FailureReport {
            phase: Phase::Loading,
            kind: ErrorKind::Conflict,
            message: text.into(),
            causes: vec![text.into()],
            hints: vec![text.into()],
            is_taken_back: Some(true),
        }),
        recommendation: vec![text.into(), text.into()],
        undo: Some(text.into()),
        reports: vec![text.into()],
        log: text.into(),
    }
}

/// A column that is kept by decision and one that nothing recognised.
pub(crate) fn sheet(text: &str) -> DecisionSheet {
    let decision = |class, kind, keep_reason: Option<&str>| ColumnDecision {
        column: name(text).column(text),
        class,
        mask: MaskName::Keep,
        kind,
        provenance: Provenance::User,
        sensitive: true,
        domain: text.into(),
        scope: MaskScope::District,
        unique: false,
        keep_reason: keep_reason.map(|why| KeepReason(why.to_owned())),
        reason: "because".into(),
    };
    let masks = MaskSection {
        key_version: 1,
        columns: vec![
            decision(ColumnClass::Public, MaskKind::Kept, Some(text)),
            decision(ColumnClass::Unknown, MaskKind::Synthetic, None),
        ],
    };
    let bound = SheetPlan {
        district: DistrictId::new(text),
        digest: PlanDigest(text.into()),
    };
    DecisionSheet::of(
        &plan().sections.extract,
        &masks,
        Some(bound),
        SheetBasis::ProdAlone,
        "2026-01-01T00:00:00Z".into(),
    )
}
