//! Gathers the report's data from the folded journal and the manifests on disk.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use redistrict_artifact::{
    Artifact, ArtifactKind, Layout, Manifest, ManifestTable, RootKey, read_bounded, sha256_hex,
};
use redistrict_journal::{PhaseState, Record, RunKind, RunState};
use redistrict_model::{
    ColumnClass, Finding, MaskKind, MaskSection, Phase, Plan, TableRef, UnitKey, VerdictReport,
};
use redistrict_skill::UnitOutcome;
use serde_json::Value;

use crate::data::{
    ArtifactReport, BoundaryReport, ClassReport, FORMAT_VERSION, MaskReport, ProofReport,
    ReportData, SpanState, StoreReport, TableReport, TimelineReport, Totals,
};
use crate::facts::{self, field, of_phase};
use crate::history::{approvals, failure, phases, retries, status, time, undo, worked};
use crate::recommend::recommendation;
use crate::timeline::timeline;

/// The files of a report, by their extensions.
pub(crate) const REPORT_FILES: [&str; 3] = ["md", "html", "json"];
const VERDICT_FILE: &str = "verdict.json";
const MAX_VERDICT_BYTES: u64 = 64 << 20;

/// The report's data of a run, of its records and the state folded from them. An artifact that is not
/// there any more (retention), or cannot be opened, is left out.
#[must_use]
pub fn collect(records: &[Record], state: &RunState, layout: &Layout, key: &RootKey) -> ReportData {
    let mut data = Sources::of(state, layout, key).data();
    data.timeline = timeline(records);
    // The unit that writes the report is not over while it does.
    data.timeline
        .spans
        .retain(|span| span.phase != Phase::Reporting || span.state != SpanState::InProgress);
    data
}

/// The digest of every column's decision: SHA-256 of the JSON of the plan's section. It stands on the
/// decision sheet and in every report of a run that went by it.
///
/// # Panics
/// Never: a section is plain data.
#[must_use]
pub fn decisions_digest(section: &MaskSection) -> String {
    let json = serde_json::to_vec(section).expect("a section is plain data, which JSON can hold");
    sha256_hex(&json)
}

/// Everything a report is made of.
struct Sources<'a> {
    state: &'a RunState,
    layout: &'a Layout,
    plan: &'a Plan,
    outcomes: Vec<(UnitKey, UnitOutcome)>,
    raw: Option<Artifact>,
    masked: Option<Artifact>,
    verdict: Option<VerdictReport>,
}

impl<'a> Sources<'a> {
    fn of(state: &'a RunState, layout: &'a Layout, key: &RootKey) -> Self {
        let outcomes = facts::outcomes(state);
        let raw_run = state.options.reuse.as_ref().unwrap_or(&state.run);
        let raw = layout.raw_of(&state.district, key).join(raw_run.as_str());
        let masked = layout
            .masked_of(&state.district, key)
            .join(state.run.as_str());
        let recorded = of_phase(&outcomes, Phase::Validation)
            .find_map(|(_, one)| serde_json::from_value(one.facts.clone()).ok());
        let has_validated = *state.phase(Phase::Validation) != PhaseState::Pending;
        Self {
            verdict: recorded.or_else(|| read_verdict(&masked).filter(|_| has_validated)),
            raw: Artifact::open(&raw, key).ok(),
            masked: Artifact::open(&masked, key).ok(),
            plan: &state.plan,
            state,
            layout,
            outcomes,
        }
    }

    fn data(&self) -> ReportData {
        let state = self.state;
        let (tables, stores) = (self.tables(), self.stores());
        let mut data = ReportData {
            format_version: FORMAT_VERSION,
            run: state.run.clone(),
            is_undo: state.kind == RunKind::Undo,
            parent: state.parent.clone(),
            district: state.district.clone(),
            district_name: self.plan.district_name.clone(),
            status: status(state),
            undone_by: state.undone_by.clone(),
            plan_digest: self.plan.digest.0.clone(),
            decisions_digest: decisions_digest(&self.plan.sections.anonymize),
            started_at: time(state.started_wall_millis),
            duration_millis: state.millis.unwrap_or_else(|| worked(state)),
            resumes: state.resumes,
            is_dry_run: state.options.dry_run,
            skips_load: state.options.skip_load,
            only: state.options.only.clone(),
            reused: state.options.reuse.clone(),
            totals: self.totals(&tables),
            verdict: self.verdict.as_ref().map(|report| report.verdict),
            proof: self.proof(),
            phases: phases(state),
            timeline: TimelineReport::default(),
            checks: self
                .verdict
                .as_ref()
                .map(|report| report.checks.clone())
                .unwrap_or_default(),
            skew_millis: skew(&stores),
            unmatched_between_stores: facts::unmatched_between_stores(&self.outcomes),
            left_behind: facts::left_behind(&self.outcomes),
            stores,
            forecast: facts::forecast(&self.outcomes),
            undo_forecast: facts::undo_forecast(&self.outcomes),
            masks: self.masks(),
            fields_by_class: self.fields_by_class(),
            findings: self.findings(),
            boundaries: self.boundaries(),
            retries: retries(state),
            approvals: approvals(state),
            artifacts: self.artifacts(),
            failure: failure(state),
            recommendation: Vec::new(),
            undo: None,
            reports: REPORT_FILES
                .map(|extension| {
                    self.layout
                        .report(&state.run, extension)
                        .display()
                        .to_string()
                })
                .to_vec(),
            log: self.layout.log(&state.run).display().to_string(),
            tables,
        };
        data.undo = undo(&data);
        data.recommendation = recommendation(&data);
        data
    }

    /// The tables as extracted: from the unit, else from a manifest on disk.
    fn entries(&self) -> Vec<ManifestTable> {
        let of_artifact = |artifact: &Option<Artifact>| {
            artifact.as_ref().map(|one| one.manifest().tables.clone())
        };
        facts::extracted_tables(&self.outcomes)
            .or_else(|| of_artifact(&self.raw))
            .or_else(|| of_artifact(&self.masked))
            .unwrap_or_default()
    }

    fn tables(&self) -> Vec<TableReport> {
        let entries: BTreeMap<TableRef, ManifestTable> = self
            .entries()
            .into_iter()
            .map(|entry| (entry.table.clone(), entry))
            .collect();
        let masked = facts::masked_cells(&self.outcomes);
        let loaded = facts::loaded_rows(&self.outcomes);
        let taken_back: BTreeMap<TableRef, u64> = match self.state.options.dry_run {
            true => (facts::undo_forecast(&self.outcomes).into_iter())
                .map(|one| (one.table.clone(), one.rows()))
                .collect(),
            false => facts::taken_back(&self.outcomes),
        };
        let extract = &self.plan.sections.extract;
        extract
            .tables
            .iter()
            .map(|planned| {
                let table = &planned.table;
                let entry = entries.get(table);
                let rows = loaded.get(table).copied().unwrap_or_default();
                let role = extract.ownership.table(table);
                TableReport {
                    table: table.clone(),
                    role: role.map_or_else(|| "unknown".to_owned(), |role| role.role.to_string()),
                    own: entry.map(|entry| entry.own),
                    shared: entry.map(|entry| entry.shared),
                    stubs: entry.map(|entry| entry.stubs),
                    masked: masked.get(table).map(|cells| cells.total),
                    inserted: rows.inserted,
                    updated: rows.updated,
                    unchanged: rows.unchanged,
                    left: rows.left,
                    taken_back: taken_back.get(table).copied(),
                }
            })
            .collect()
    }

    fn totals(&self, tables: &[TableReport]) -> Totals {
        let entries = self.entries();
        let sum = |numbers: Vec<Option<u64>>| {
            let known: Vec<u64> = numbers.into_iter().flatten().collect();
            (!known.is_empty()).then(|| known.iter().sum())
        };
        let written = |table: &TableReport| Some(table.inserted? + table.updated?);
        let is_taken_back = failure(self.state).is_some_and(|one| one.is_taken_back == Some(true));
        let loaded = sum(tables.iter().map(written).collect());
        Totals {
            extracted: (!entries.is_empty()).then(|| entries.iter().map(|one| one.rows).sum()),
            anonymized_fields: sum(tables.iter().map(|table| table.masked).collect()),
            loaded: if is_taken_back { Some(0) } else { loaded },
            leaks: self.proof().map(|proof| proof.survivors),
        }
    }

    fn proof(&self) -> Option<ProofReport> {
        let sealed = self
            .masked
            .as_ref()
            .and_then(|one| one.manifest().facts.get("proof"));
        let recorded = of_phase(&self.outcomes, Phase::Anonymization)
            .find_map(|(_, one)| one.facts.get("proof"));
        let proof = sealed.or(recorded)?;
        Some(ProofReport {
            survivors: field(proof, "survivors")?,
            values: field(proof, "values"),
        })
    }

    fn stores(&self) -> Vec<StoreReport> {
        let of_artifact = |artifact: &Option<Artifact>| {
            artifact.as_ref().map(|one| one.manifest().stores.clone())
        };
        facts::cuts(&self.outcomes)
            .or_else(|| of_artifact(&self.raw))
            .or_else(|| of_artifact(&self.masked))
            .unwrap_or_default()
            .into_iter()
            .map(|entry| StoreReport {
                store: entry.store,
                kind: entry.kind,
                snapshot: entry.cut.snapshot,
                at: entry.cut.at,
            })
            .collect()
    }

    /// Columns by class and kind; cells where a class has but one kind, so that they are its.
    fn masks(&self) -> Vec<MaskReport> {
        let mut columns: BTreeMap<(ColumnClass, MaskKind), u64> = BTreeMap::new();
        for decision in &self.plan.sections.anonymize.columns {
            if decision.kind != MaskKind::Kept {
                *columns.entry((decision.class, decision.kind)).or_default() += 1;
            }
        }
        let masked = facts::masked_cells(&self.outcomes);
        let cells = |class: ColumnClass| {
            let of_class: Vec<u64> = masked
                .values()
                .filter_map(|cells| cells.by_class.get(&class).copied())
                .collect();
            (!masked.is_empty()).then(|| of_class.iter().sum())
        };
        columns
            .iter()
            .map(|((class, kind), count)| {
                let kinds = columns.keys().filter(|(other, _)| other == class).count();
                MaskReport {
                    class: *class,
                    kind: *kind,
                    columns: *count,
                    cells: cells(*class).filter(|_| kinds == 1),
                }
            })
            .collect()
    }

    fn fields_by_class(&self) -> Vec<ClassReport> {
        let mut fields: BTreeMap<ColumnClass, u64> = BTreeMap::new();
        for cells in facts::masked_cells(&self.outcomes).values() {
            for (class, count) in &cells.by_class {
                *fields.entry(*class).or_default() += count;
            }
        }
        let of_class = |(class, fields)| ClassReport { class, fields };
        fields.into_iter().map(of_class).collect()
    }

    /// Of plan and units. What is noticed twice in the same words (foreseen, and then done) is said once.
    fn findings(&self) -> Vec<Finding> {
        let mut all: Vec<Finding> = Vec::new();
        for finding in self.plan.findings.iter().chain(&self.state.findings) {
            if !all.contains(finding) {
                all.push(finding.clone());
            }
        }
        all
    }

    fn boundaries(&self) -> Vec<BoundaryReport> {
        let sealed = self
            .raw
            .as_ref()
            .and_then(|one| one.manifest().facts.get("boundaries"));
        let recorded = of_phase(&self.outcomes, Phase::Extraction)
            .find_map(|(_, one)| one.facts.get("boundaries"));
        let Some(Value::Array(all)) = recorded.or(sealed) else {
            return Vec::new();
        };
        all.iter()
            .filter_map(|one| {
                Some(BoundaryReport {
                    reference: field(one, "reference")?,
                    policy: field(one, "policy"),
                    leads: field(one, "leads"),
                    rows: field(one, "rows")?,
                })
            })
            .collect()
    }

    fn artifacts(&self) -> Vec<ArtifactReport> {
        [&self.raw, &self.masked]
            .into_iter()
            .flatten()
            .map(|artifact| {
                let manifest: &Manifest = artifact.manifest();
                let parts = || manifest.tables.iter().flat_map(|table| &table.parts);
                ArtifactReport {
                    kind: match manifest.kind {
                        ArtifactKind::Raw => "raw".to_owned(),
                        ArtifactKind::Masked => "masked".to_owned(),
                    },
                    run: manifest.run.clone(),
                    path: artifact.dir().display().to_string(),
                    seal: artifact.seal().to_owned(),
                    files: parts().count() as u64,
                    rows: manifest.total_rows(),
                    bytes: parts().map(|part| part.bytes).sum(),
                }
            })
            .collect()
    }
}

/// By the clocks of the servers, as far as all of them can be read.
fn skew(stores: &[StoreReport]) -> Option<u64> {
    let moments: Option<Vec<i64>> = stores
        .iter()
        .map(|store| {
            let moment: Option<Timestamp> = store.at.parse().ok();
            moment.map(Timestamp::as_millisecond)
        })
        .collect();
    let moments = moments.filter(|all| all.len() > 1)?;
    let (first, last) = (moments.iter().min()?, moments.iter().max()?);
    Some(last.abs_diff(*first))
}

fn read_verdict(masked: &Path) -> Option<VerdictReport> {
    let bytes = read_bounded(&masked.join(VERDICT_FILE), MAX_VERDICT_BYTES).ok()?;
    serde_json::from_slice(&bytes).ok()
}
