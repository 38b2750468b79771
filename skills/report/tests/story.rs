//! Runs in the making: journals with made-up facts, and the files beside them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use redistrict_artifact::{
    ArtifactKind, ArtifactWriter, CutEntry, FORMAT_VERSION, Layout, Manifest, ManifestTable,
    RootKey, StoreEntry,
};
use redistrict_journal::{Event, Journal, MemoryJournal, RunKind, RunOptions};
use redistrict_model::{
    CheckOutcome, CheckResult, CheckSection, ColumnClass, ColumnDecision, DistrictId, ErrorKind,
    ExtractSection, ExtractTable, Finding, LoadSection, MaskKind, MaskName, MaskScope, MaskSection,
    Membership, Ownership, Phase, Plan, PlanDigest, PlanSections, Provenance, RunId, Severity,
    StoreName, TableRef, UnitKey, VerdictReport,
};
use redistrict_report::{ReportData, ReportSkill};
use redistrict_skill::{SkillError, UnitOutcome};
use serde_json::{Value, json};

pub(crate) const RUN: &str = "mig-20260101T000000Z-1";

pub(crate) fn table() -> TableRef {
    "ids.public.\"stu|dents\"".parse().unwrap()
}

pub(crate) fn plan() -> Plan {
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
pub(crate) struct Story {
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) wall: u64,
}

impl Story {
    pub(crate) fn new(options: RunOptions) -> Self {
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

    pub(crate) fn tell(mut self, events: Vec<Event>) -> Self {
        self.journal
            .append(&RunId::new(RUN), self.wall, &events)
            .unwrap();
        self.wall += 1_000;
        self
    }

    pub(crate) fn unit(self, unit: UnitKey, outcome: UnitOutcome) -> Self {
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

    pub(crate) fn facts(self, phase: Phase, step: &str, facts: Value) -> Self {
        let unit = UnitKey::new(phase, step).of_table(&table());
        self.unit(
            unit,
            UnitOutcome {
                facts,
                ..UnitOutcome::default()
            },
        )
    }

    pub(crate) fn extracted(self) -> Self {
        let facts = json!({
            "tables": [entry(Vec::new())],
            "stores": [{"store": "ids", "kind": "postgres",
                        "cut": {"snapshot": "s-1", "at": "2026-01-01T00:00:01Z"}}],
            "boundaries": [{"reference": "ids.public.transfers(to)", "policy": "stub",
                            "leads": "another district", "rows": 3}],
        });
        self.facts(Phase::Extraction, "extract", facts)
    }

    pub(crate) fn masked(self) -> Self {
        let cells = json!({"masked_cells": {"email": 1_200, "unknown": 34},
                           "proof": {"survivors": 0, "values": 777}});
        self.facts(Phase::Anonymization, "mask", cells)
    }

    pub(crate) fn validated(self) -> Self {
        let report = verdict(CheckOutcome::Passed);
        self.facts(
            Phase::Validation,
            "checks",
            serde_json::to_value(report).unwrap(),
        )
    }

    pub(crate) fn loaded(self) -> Self {
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

    pub(crate) fn skipped(self, phases: &[Phase], reason: &str) -> Self {
        let skip = |phase: &Phase| Event::PhaseSkipped {
            phase: *phase,
            reason: reason.into(),
        };
        self.tell(phases.iter().map(skip).collect())
    }

    /// A unit that fails twice, the second time for good.
    pub(crate) fn fails(self, phase: Phase, kind: ErrorKind, message: &str) -> Self {
        self.fails_with(phase, kind, message, &["turn it off and on"])
    }

    pub(crate) fn fails_with(
        self,
        phase: Phase,
        kind: ErrorKind,
        message: &str,
        hints: &[&str],
    ) -> Self {
        let unit = UnitKey::new(phase, "work");
        let error = SkillError::new(kind, message);
        let error = hints
            .iter()
            .fold(error, |error, hint| error.with_hint(*hint));
        let error = serde_json::to_value(error).unwrap();
        let failed = |attempt, retry_after_millis| Event::UnitFailed {
            unit: unit.clone(),
            attempt,
            kind,
            error: error.clone(),
            millis: 10,
            retry_after_millis,
            waits: false,
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

    pub(crate) fn reporting(self) -> Self {
        let phase = Phase::Reporting;
        let unit = UnitKey::new(phase, "report");
        self.tell(vec![
            Event::PhaseStarted { phase, units: 1 },
            Event::UnitStarted { unit, attempt: 1 },
        ])
    }
}

pub(crate) fn entry(parts: Vec<redistrict_artifact::PartEntry>) -> ManifestTable {
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

pub(crate) fn verdict(outcome: CheckOutcome) -> VerdictReport {
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

pub(crate) struct Files {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) layout: Layout,
    pub(crate) key: RootKey,
}

impl Files {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn skill(&self, story: &Story) -> ReportSkill {
        let journal: Arc<dyn Journal> = Arc::clone(&story.journal) as Arc<dyn Journal>;
        ReportSkill::new(self.layout.clone(), journal, self.key.clone())
    }

    pub(crate) fn data(&self, story: &Story) -> ReportData {
        self.skill(story).data(&RunId::new(RUN)).unwrap()
    }

    /// Texts without the directory of this test.
    pub(crate) fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.dir.path().display()), "")
    }

    pub(crate) fn seal(&self, kind: ArtifactKind) {
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

pub(crate) fn success() -> Story {
    Story::new(RunOptions::default())
        .extracted()
        .masked()
        .validated()
        .loaded()
        .reporting()
}

fn dry_run() -> Story {
    let options = RunOptions {
        dry_run: true,
        ..RunOptions::default()
    };
    let forecast = json!({"forecast": [{"table": table(), "rows": 10, "insert": 7, "update": 2,
                                         "leave": 1, "conflict": 0}]});
    Story::new(options)
        .extracted()
        .masked()
        .validated()
        .facts(Phase::Loading, "preflight", forecast)
        .reporting()
}

fn undo() -> Story {
    let story = Story {
        journal: Arc::new(MemoryJournal::new()),
        wall: 1_767_225_600_000,
    };
    let others = [Phase::Extraction, Phase::Anonymization, Phase::Validation];
    story
        .tell(vec![Event::RunStarted {
            format_version: 1,
            run: RunId::new(RUN),
            kind: RunKind::Undo,
            district: DistrictId::new("2"),
            options: RunOptions::default(),
            parent: Some(RunId::new("mig-20251231T000000Z-1")),
            plan: plan(),
        }])
        .skipped(&others, "an undo")
        .facts(
            Phase::Loading,
            "undo",
            json!({"tables": [[table(), {"deleted": 5, "restored": 2}]]}),
        )
        .reporting()
}

fn single_skill() -> Story {
    let options = RunOptions {
        only: vec![Phase::Anonymization, Phase::Reporting],
        ..RunOptions::default()
    };
    let others = [Phase::Validation, Phase::Loading];
    Story::new(options)
        .skipped(&[Phase::Extraction], "not asked for")
        .masked()
        .skipped(&others, "not asked for")
        .reporting()
}

/// Runs of every kind, each with what it is called.
pub(crate) fn every_kind() -> Vec<(&'static str, Story)> {
    let failed = Story::new(RunOptions::default())
        .extracted()
        .masked()
        .validated()
        .fails(Phase::Loading, ErrorKind::Unreachable, "reach the host")
        .reporting();
    let interrupted =
        Story::new(RunOptions::default())
            .extracted()
            .tell(vec![Event::RunInterrupted {
                signal: "SIGINT".into(),
            }]);
    let asked = Event::ApprovalRequested {
        phase: Phase::Extraction,
        subject: None,
        digest: "d1".into(),
    };
    let begun = Event::PhaseStarted {
        phase: Phase::Extraction,
        units: 1,
    };
    let waiting = Story::new(RunOptions::default()).tell(vec![begun, asked]);
    let cancelled = Story::new(RunOptions::default()).tell(vec![Event::RunCancelled {
        by: "a person".into(),
    }]);
    vec![
        ("waiting", waiting),
        ("cancelled", cancelled),
        ("success", success()),
        ("failed", failed),
        ("interrupted", interrupted),
        ("just begun", Story::new(RunOptions::default())),
        ("dry run", dry_run()),
        ("undo", undo()),
        ("single skill", single_skill()),
    ]
}
