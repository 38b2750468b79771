//! Reports of runs as a journal tells them: expected words stand in full.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use redistrict_artifact::{
    ArtifactKind, ArtifactWriter, CutEntry, FORMAT_VERSION, Layout, Manifest, ManifestTable,
    RootKey, StoreEntry, write_atomic,
};
use redistrict_journal::{Event, Journal, MemoryJournal, RunKind, RunOptions};
use redistrict_model::{
    CheckOutcome, CheckResult, CheckSection, ColumnClass, ColumnDecision, DistrictId, ErrorKind,
    ExtractSection, ExtractTable, Finding, LoadSection, MaskKind, MaskName, MaskScope, MaskSection,
    Membership, Ownership, Phase, Plan, PlanDigest, PlanSections, Provenance, RunId, Severity,
    StoreName, TableRef, UnitKey, VerdictReport,
};
use redistrict_report::{
    ReportData, ReportSkill, ReportStatus, next_steps, render_markdown, summary,
};
use redistrict_skill::{
    Cancel, ManualClock, Progress, ProgressSink, Skill, SkillError, UnitContext, UnitOutcome,
};
use serde_json::{Value, json};

const RUN: &str = "mig-20260101T000000Z-1";

fn table() -> TableRef {
    "ids.public.\"stu|dents\"".parse().unwrap()
}

fn plan() -> Plan {
    let decision = |column: &str, class, kind| ColumnDecision {
        column: table().column(column),
        class,
        mask: MaskName::Email,
        kind,
        provenance: Provenance::Name,
        sensitive: true,
        domain: column.into(),
        scope: MaskScope::District,
        unique: false,
        keep_reason: None,
        reason: String::new(),
    };
    Plan {
        format_version: 1,
        district: DistrictId::new("2"),
        district_name: Some("North District".into()),
        sections: PlanSections {
            extract: ExtractSection {
                catalogs: Vec::new(),
                ownership: Ownership {
                    root: table(),
                    root_key: vec!["id".into()],
                    tables: Vec::new(),
                    edges: Vec::new(),
                },
                tables: vec![ExtractTable {
                    table: table(),
                    columns: vec!["id".into()],
                    identity: vec!["id".into()],
                    max_rows: None,
                }],
            },
            anonymize: MaskSection {
                key_version: 1,
                columns: vec![
                    decision("email", ColumnClass::Email, MaskKind::Reserved),
                    decision("notes", ColumnClass::Unknown, MaskKind::Synthetic),
                    decision("code", ColumnClass::Unknown, MaskKind::InFormat),
                    decision("id", ColumnClass::SurrogateKey, MaskKind::Kept),
                ],
            },
            validate: CheckSection::default(),
            load: LoadSection {
                groups: Vec::new(),
                tables: Vec::new(),
            },
        },
        digest: PlanDigest("p1".into()),
        findings: Vec::new(),
    }
}

/// A journal in the making.
struct Story {
    journal: Arc<MemoryJournal>,
    wall: u64,
}

impl Story {
    fn new(options: RunOptions) -> Self {
        let story = Self {
            journal: Arc::new(MemoryJournal::new()),
            wall: 1_767_225_600_000,
        };
        story.tell(vec![Event::RunStarted {
            format_version: 1,
            run: RunId::new(RUN),
            kind: RunKind::Migration,
            district: DistrictId::new("2"),
            options,
            parent: None,
            plan: plan(),
        }])
    }

    fn tell(mut self, events: Vec<Event>) -> Self {
        self.journal
            .append(&RunId::new(RUN), self.wall, &events)
            .unwrap();
        self.wall += 1_000;
        self
    }

    fn unit(self, unit: UnitKey, outcome: UnitOutcome) -> Self {
        let (phase, attempt, millis) = (unit.phase, 1, 60_000);
        let outcome = serde_json::to_value(outcome).unwrap();
        self.tell(vec![
            Event::PhaseStarted { phase, units: 1 },
            Event::UnitStarted {
                unit: unit.clone(),
                attempt,
            },
            Event::UnitDone {
                unit,
                attempt,
                millis,
                outcome,
            },
            Event::PhaseDone { phase, millis },
        ])
    }

    fn facts(self, phase: Phase, step: &str, facts: Value) -> Self {
        let unit = UnitKey::new(phase, step).of_table(&table());
        self.unit(
            unit,
            UnitOutcome {
                facts,
                ..UnitOutcome::default()
            },
        )
    }

    fn extracted(self) -> Self {
        let facts = json!({
            "tables": [entry(Vec::new())],
            "stores": [{"store": "ids", "kind": "postgres",
                        "cut": {"snapshot": "s-1", "at": "2026-01-01T00:00:01Z"}}],
            "boundaries": [{"reference": "ids.public.transfers(to)", "policy": "stub",
                            "leads": "another district", "rows": 3}],
        });
        self.facts(Phase::Extraction, "extract", facts)
    }

    fn masked(self) -> Self {
        let cells = json!({"masked_cells": {"email": 1_200, "unknown": 34},
                           "proof": {"survivors": 0, "values": 777}});
        self.facts(Phase::Anonymization, "mask", cells)
    }

    fn validated(self) -> Self {
        let report = verdict(CheckOutcome::Passed);
        self.facts(
            Phase::Validation,
            "checks",
            serde_json::to_value(report).unwrap(),
        )
    }

    fn loaded(self) -> Self {
        let facts = json!({"group": "ids", "stores": ["ids"], "tables": [{
            "table": table(), "staged": 123_456, "inserted": 123_000, "updated": 400,
            "unchanged": 50, "left": 6, "differing": 6, "conflict": 0}]});
        let findings = vec![
            Finding::warning(
                "shared-row-differs",
                table().to_string(),
                "left as it is",
                6,
            )
            .with_lines(["redistrict why …".to_owned()]),
        ];
        let unit = UnitKey::new(Phase::Loading, "merge").of_store(&StoreName::new("ids"));
        self.unit(
            unit,
            UnitOutcome {
                facts,
                findings,
                ..UnitOutcome::default()
            },
        )
    }

    fn skipped(self, phases: &[Phase], reason: &str) -> Self {
        let skip = |phase: &Phase| Event::PhaseSkipped {
            phase: *phase,
            reason: reason.into(),
        };
        self.tell(phases.iter().map(skip).collect())
    }

    /// A unit that fails twice, the second time for good.
    fn fails(self, phase: Phase, kind: ErrorKind, message: &str) -> Self {
        let unit = UnitKey::new(phase, "work");
        let error =
            serde_json::to_value(SkillError::new(kind, message).with_hint("turn it off and on"))
                .unwrap();
        let failed = |attempt, retry_after_millis| Event::UnitFailed {
            unit: unit.clone(),
            attempt,
            kind,
            error: error.clone(),
            millis: 10,
            retry_after_millis,
        };
        self.tell(vec![
            Event::PhaseStarted { phase, units: 1 },
            Event::UnitStarted {
                unit: unit.clone(),
                attempt: 1,
            },
            failed(1, Some(500)),
            Event::UnitStarted {
                unit: unit.clone(),
                attempt: 2,
            },
            failed(2, None),
            Event::CompensationStarted { phase, attempt: 1 },
            Event::CompensationDone {
                phase,
                outcome: json!({}),
            },
        ])
    }

    fn reporting(self) -> Self {
        let phase = Phase::Reporting;
        let unit = UnitKey::new(phase, "report");
        self.tell(vec![
            Event::PhaseStarted { phase, units: 1 },
            Event::UnitStarted { unit, attempt: 1 },
        ])
    }
}

fn entry(parts: Vec<redistrict_artifact::PartEntry>) -> ManifestTable {
    ManifestTable {
        table: table(),
        columns: vec![("id".into(), "bigint".into())],
        rows: 123_456,
        own: 123_000,
        shared: 450,
        stubs: 6,
        parts,
        dangling: Vec::new(),
    }
}

fn verdict(outcome: CheckOutcome) -> VerdictReport {
    VerdictReport::of(vec![CheckResult {
        check: "foreign-key".into(),
        subject: "ids.public.enrollments(student_id)".into(),
        definition: "each has its row".into(),
        severity: Severity::Error,
        outcome,
        examined: 1_000,
        locators: vec!["ids.public.enrollments row 7".into()],
    }])
}

struct Files {
    dir: tempfile::TempDir,
    layout: Layout,
    key: RootKey,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout {
            data_dir: dir.path().join("data"),
            log_dir: dir.path().join("logs"),
            state_dir: dir.path().join("state"),
        };
        Self {
            dir,
            layout,
            key: RootKey::new(&[7; 32]).unwrap(),
        }
    }

    fn skill(&self, story: &Story) -> ReportSkill {
        let journal: Arc<dyn Journal> = Arc::clone(&story.journal) as Arc<dyn Journal>;
        ReportSkill::new(self.layout.clone(), journal, self.key.clone())
    }

    fn data(&self, story: &Story) -> ReportData {
        self.skill(story).data(&RunId::new(RUN)).unwrap()
    }

    /// Texts without the directory of this test.
    fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.dir.path().display()), "")
    }

    fn seal(&self, kind: ArtifactKind) {
        let district = DistrictId::new("2");
        let run = RunId::new(RUN);
        let dir = match kind {
            ArtifactKind::Raw => self.layout.raw_of(&district, &self.key),
            ArtifactKind::Masked => self.layout.masked_of(&district, &self.key),
        }
        .join(RUN);
        let writer = match kind {
            ArtifactKind::Raw => ArtifactWriter::create_raw(&dir, &run, &self.key),
            ArtifactKind::Masked => ArtifactWriter::open_masked(&dir, &run, &self.key),
        }
        .unwrap();
        let batch =
            RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(vec![1])) as ArrayRef)])
                .unwrap();
        let mut part = writer.part(&table(), 0, &batch.schema()).unwrap();
        part.write(&batch, &[Membership::Own]).unwrap();
        let parts = vec![part.finish().unwrap()];
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            kind,
            run,
            district,
            plan_digest: PlanDigest("p1".into()),
            made_from: None,
            stores: vec![StoreEntry {
                store: StoreName::new("ids"),
                kind: "postgres".into(),
                cut: CutEntry {
                    snapshot: "s-9".into(),
                    at: "2026-01-01T00:00:09Z".into(),
                },
            }],
            tables: vec![entry(parts)],
            facts: json!({"proof": {"survivors": 0, "values": 5}}),
        };
        writer.seal(&manifest).unwrap();
    }
}

fn success() -> Story {
    Story::new(RunOptions::default())
        .extracted()
        .masked()
        .validated()
        .loaded()
        .reporting()
}

#[test]
fn a_migration_that_succeeded_ends_in_the_words_of_the_mission() {
    let files = Files::new();
    let data = files.data(&success());
    let expected = "\
✅ Migration Complete: North District

Run ID: mig-20260101T000000Z-1
Duration: 4 minutes 0 seconds
Status: SUCCESS

Summary:
- Extracted: 123,456 records
- Anonymized: 1,234 PII fields
- Validated: PASSED
- Loaded to CERT: 123,400 records

Reports: data/reports/mig-20260101T000000Z-1.md

CERT is ready for testing!";
    assert_eq!(files.relative(&summary(&data)), expected);
    let steps: Vec<String> = next_steps(&data)
        .iter()
        .map(|step| files.relative(step))
        .collect();
    assert_eq!(
        steps,
        [
            "Review 1 warning in the report",
            "Read the report: data/reports/mig-20260101T000000Z-1.md",
            "Undo: redistrict rollback mig-20260101T000000Z-1",
        ]
    );
}

#[test]
fn the_report_begins_with_the_summary_and_tells_every_part() {
    let files = Files::new();
    files.seal(ArtifactKind::Masked);
    let data = files.data(&success());
    let report = files.relative(&render_markdown(&data));
    let head = "# Migration of district North District\n\n```text\n✅ Migration Complete";
    assert!(report.starts_with(head), "{report}");
    for line in [
        "| Phase 1 of 5 | Extraction | completed | 1 minute 0 seconds |",
        "| Phase 5 of 5 | Reporting | completed | - |",
        "Verdict: **PASSED**. 1 checks, 0 not passed, 1,000 rows and keys examined.",
        "Leak proof: 0 survivors of 5 values.",
        "| foreign-key | ids.public.enrollments(student_id) | each has its row | ERROR | passed | 1,000 |",
        "| ids | postgres | 2026-01-01T00:00:01Z | s-1 |",
        "| ids.public.\"stu\\|dents\" | unknown | 123,000 | 450 | 6 | 1,234 | 123,000 | 400 | 50 | 6 |",
        "| email | reserved | 1 | 1,200 |",
        "| unknown | synthetic | 1 | not recorded |",
        "- WARNING shared-row-differs ids.public.\"stu\\|dents\": left as it is (6)",
        "redistrict why …",
        "| ids.public.transfers(to) | another district | stub | 3 |",
        "| masked | mig-20260101T000000Z-1 | data/anonymized/2-",
        "- Started: 2026-01-01T00:00:00Z",
        "- Undo: `redistrict rollback mig-20260101T000000Z-1`",
    ] {
        assert!(report.contains(line), "{line}\n{report}");
    }
}

#[test]
fn the_same_journal_gives_the_same_bytes_and_the_json_reads_back() {
    let files = Files::new();
    let story = success();
    let skill = files.skill(&story);
    let run = RunId::new(RUN);
    let data = skill.write(&run).unwrap();
    let read = |extension: &str| std::fs::read(files.layout.report(&run, extension)).unwrap();
    let first = (read("md"), read("json"));
    assert_eq!(
        serde_json::from_slice::<ReportData>(&first.1).unwrap(),
        data
    );
    skill.write(&run).unwrap();
    assert_eq!((read("md"), read("json")), first);
    let others = std::fs::read_dir(files.layout.data_dir.join("reports"))
        .unwrap()
        .count();
    assert_eq!(others, 2);
}

#[test]
fn what_no_phase_recorded_is_not_made_up() {
    let files = Files::new();
    let nothing = |story: Story, phase| story.facts(phase, "work", Value::Null);
    let mut story = Story::new(RunOptions::default());
    for phase in [
        Phase::Extraction,
        Phase::Anonymization,
        Phase::Validation,
        Phase::Loading,
    ] {
        story = nothing(story, phase);
    }
    let text = summary(&files.data(&story.reporting()));
    for line in [
        "- Extracted: not recorded",
        "- Anonymized: not recorded",
        "- Validated: not recorded",
        "- Loaded to CERT: not recorded",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_failed_validation_names_the_checks_from_the_verdict_beside_the_artifact() {
    let files = Files::new();
    files.seal(ArtifactKind::Raw);
    files.seal(ArtifactKind::Masked);
    let masked = files
        .layout
        .masked_of(&DistrictId::new("2"), &files.key)
        .join(RUN);
    let report = verdict(CheckOutcome::Failed { rows: 2 });
    write_atomic(
        &masked.join("verdict.json"),
        &serde_json::to_vec(&report).unwrap(),
    )
    .unwrap();
    let story = Story::new(RunOptions::default())
        .extracted()
        .masked()
        .fails(
            Phase::Validation,
            ErrorKind::Validation,
            "validate: 1 of 1 checks failed",
        )
        .skipped(&[Phase::Loading], "an earlier phase failed")
        .reporting();
    let data = files.data(&story);
    assert_eq!(data.status, ReportStatus::Failed);
    assert_eq!(data.undo, None);
    let text = files.relative(&summary(&data));
    for line in [
        "❌ Migration Failed: North District",
        "Status: FAILED",
        "- Validated: FAILED",
        "- Loaded to CERT: 0 records (nothing was written)",
        "\nCERT was not written to.",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("ready for testing"));
    let report = files.relative(&render_markdown(&data));
    for line in [
        "Phase 3 of 5, Validation: failed to validate: 1 of 1 checks failed (kind: validation).",
        "- turn it off and on",
        "- Then: redistrict migrate --skip-extraction 2",
        "- Kept for that: data/staging/2-",
        "- ERROR foreign-key ids.public.enrollments(student_id): failed: 2",
        "  - first rows: ids.public.enrollments row 7",
        "| Phase 4 of 5 | Loading | skipped: an earlier phase failed | - |",
        "| Validation | work | 1 | validation: validate: 1 of 1 checks failed | after 500 ms |",
        "| Validation | work | 2 | validation: validate: 1 of 1 checks failed | no further attempt |",
    ] {
        assert!(report.contains(line), "{line}\n{report}");
    }
}

#[test]
fn a_load_that_was_taken_back_says_so_and_offers_no_undo() {
    let files = Files::new();
    let merge = UnitKey::new(Phase::Loading, "merge").of_store(&StoreName::new("ids"));
    let facts = json!({"tables": [{"table": table(), "inserted": 5, "updated": 0}]});
    let error = serde_json::to_value(SkillError::new(ErrorKind::Conflict, "merge hcp1")).unwrap();
    let other = UnitKey::new(Phase::Loading, "merge").of_store(&StoreName::new("hcp1"));
    let outcome = serde_json::to_value(UnitOutcome {
        facts,
        ..UnitOutcome::default()
    })
    .unwrap();
    let phase = Phase::Loading;
    let story = Story::new(RunOptions::default())
        .extracted()
        .masked()
        .validated()
        .tell(vec![
            Event::PhaseStarted { phase, units: 2 },
            Event::UnitStarted {
                unit: merge.clone(),
                attempt: 1,
            },
            Event::UnitDone {
                unit: merge,
                attempt: 1,
                millis: 5,
                outcome,
            },
            Event::UnitStarted {
                unit: other.clone(),
                attempt: 1,
            },
            Event::UnitFailed {
                unit: other,
                attempt: 1,
                kind: ErrorKind::Conflict,
                error,
                millis: 1,
                retry_after_millis: None,
            },
            Event::CompensationStarted { phase, attempt: 1 },
        ]);
    let unfinished = files.data(&story);
    assert_eq!(
        unfinished.recommendation[0],
        "What was written to CERT is not taken back yet."
    );
    assert!(
        unfinished
            .recommendation
            .iter()
            .any(|step| step.contains("redistrict resume"))
    );
    let story = story
        .tell(vec![Event::CompensationDone {
            phase,
            outcome: json!({}),
        }])
        .reporting();
    let data = files.data(&story);
    assert_eq!(data.totals.loaded, Some(0));
    assert_eq!(data.undo, None);
    assert_eq!(
        data.recommendation[0],
        "CERT is as it was before: what was written was taken back."
    );
    assert!(render_markdown(&data).contains("What had been loaded was taken back."));
}

#[test]
fn a_dry_run_prints_its_forecast_and_calls_nothing_ready() {
    let files = Files::new();
    let options = RunOptions {
        dry_run: true,
        ..RunOptions::default()
    };
    let forecast = json!({"forecast": [{"table": table(), "rows": 10, "insert": 7, "update": 2,
                                         "leave": 1, "conflict": 0}]});
    let story = Story::new(options)
        .extracted()
        .masked()
        .validated()
        .facts(Phase::Loading, "preflight", forecast)
        .reporting();
    let data = files.data(&story);
    let text = summary(&data);
    assert!(text.ends_with("CERT was not written to."), "{text}");
    assert_eq!(data.undo, None);
    let report = render_markdown(&data);
    assert!(
        report.contains("| ids.public.\"stu\\|dents\" | 10 | 7 | 2 | 1 | 0 |"),
        "{report}"
    );
}

#[test]
fn an_extraction_that_was_skipped_takes_its_numbers_from_the_artifact() {
    let files = Files::new();
    files.seal(ArtifactKind::Raw);
    let options = RunOptions {
        reuse: Some(RunId::new(RUN)),
        ..RunOptions::default()
    };
    let story = Story::new(options)
        .skipped(&[Phase::Extraction], "--skip-extraction")
        .masked()
        .validated()
        .loaded()
        .reporting();
    let data = files.data(&story);
    assert_eq!(data.totals.extracted, Some(123_456));
    assert_eq!(data.stores[0].snapshot, "s-9");
}

#[test]
fn a_run_that_was_undone_has_nothing_left_to_undo() {
    let files = Files::new();
    let unit = UnitKey::new(Phase::Reporting, "report");
    let story = success().tell(vec![
        Event::UnitDone {
            unit,
            attempt: 1,
            millis: 1,
            outcome: json!({}),
        },
        Event::PhaseDone {
            phase: Phase::Reporting,
            millis: 1,
        },
        Event::RunSucceeded { millis: 5_400_000 },
        Event::Undone {
            by: RunId::new("rb-1"),
        },
    ]);
    let data = files.data(&story);
    assert_eq!(
        (data.status, data.undo.as_ref()),
        (ReportStatus::Success, None)
    );
    assert!(summary(&data).contains("Duration: 1.5 hours"));
    assert!(render_markdown(&data).contains("- Undo: taken back by rb-1"));
}

#[test]
fn an_interrupted_run_is_told_how_to_go_on() {
    let files = Files::new();
    let story = Story::new(RunOptions::default())
        .extracted()
        .tell(vec![Event::RunInterrupted {
            signal: "SIGINT".into(),
        }]);
    let data = files.data(&story);
    assert_eq!(data.status, ReportStatus::Interrupted);
    assert_eq!(
        data.recommendation,
        ["Go on with the run: redistrict resume mig-20260101T000000Z-1"]
    );
}

#[test]
fn a_run_the_journal_has_not_is_an_error() {
    let files = Files::new();
    let error = files
        .skill(&success())
        .data(&RunId::new("mig-9"))
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Usage);
}

struct Silent;

impl ProgressSink for Silent {
    fn progress(&self, _progress: Progress) {}
}

#[tokio::test]
async fn the_unit_writes_both_files_and_says_where() {
    let files = Files::new();
    let story = success();
    let skill = files.skill(&story);
    let context = UnitContext {
        run: RunId::new(RUN),
        plan: Arc::new(plan()),
        attempt: 1,
        is_resume: false,
        outcomes: Arc::default(),
        clock: Arc::new(ManualClock::default()),
        cancel: Cancel::default(),
        progress: Arc::new(Silent),
    };
    let unit = skill.units(&plan()).remove(0);
    let outcome = skill.run(&unit, &context).await.unwrap();
    assert_eq!(outcome.facts["status"], "SUCCESS");
    for extension in ["md", "json"] {
        assert!(files.layout.report(&RunId::new(RUN), extension).exists());
    }
}
