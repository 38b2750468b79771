//! The documents of a run, from the journal, the manifests and the log. Value-free as those are; the digest
//! that an approval needs is left out of each.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use redistrict_artifact::{Layout, RootKey};
use redistrict_journal::{Event, Journal, Record, RunState};
use redistrict_mcp::{Document, DocumentName, Refusal, Run, document_text, withhold};
use redistrict_model::{MaskKind, Plan, RunId};
use redistrict_report::{ReportData, ReportSkill, render_markdown};
use serde_json::{Value, json};

use super::refused;
use crate::failure::Failure;

/// Of a longer log the end is given.
const LONGEST_LOG: u64 = 256 * 1024;

/// What documents are made from.
pub(super) struct Source {
    pub(super) layout: Layout,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) key: RootKey,
}

impl Source {
    /// A document of a run.
    pub(super) fn document(
        &self,
        name: DocumentName,
        records: &[Record],
        state: &RunState,
        view: &Run,
    ) -> Result<Document, Refusal> {
        let text = match name {
            DocumentName::Plan => pretty(&plan(&state.run, &state.plan)),
            DocumentName::Checklist => pretty(&json!({ "run": view.run, "phases": view.phases })),
            DocumentName::Verdict => pretty(&verdict(&self.data(&state.run)?)),
            DocumentName::ReportMarkdown => render_markdown(&self.data(&state.run)?),
            DocumentName::ReportJson => pretty(&plain(&self.data(&state.run)?)?),
            DocumentName::Log => log(&self.layout.log(&state.run))?,
        };
        Ok(Document {
            text: withhold(&document_text(&text), &digests(records)),
        })
    }

    fn data(&self, run: &RunId) -> Result<ReportData, Refusal> {
        let (layout, journal) = (self.layout.clone(), Arc::clone(&self.journal));
        let report = ReportSkill::new(layout, journal, self.key.clone());
        report
            .data(run)
            .map_err(|error| refused(&Failure::from(error)))
    }
}

/// Whatever was asked to be approved, void or not.
fn digests(records: &[Record]) -> Vec<String> {
    let asked = records.iter().filter_map(|record| match &record.event {
        Event::ApprovalRequested { digest, .. } => Some(digest.clone()),
        _ => None,
    });
    asked.collect()
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

fn plain(data: &ReportData) -> Result<Value, Refusal> {
    serde_json::to_value(data).map_err(|_| Refusal::new(1, "write the report"))
}

/// What moves and how: names and decisions. Catalogs are left out: they hold defaults and labels.
fn plan(run: &RunId, plan: &Plan) -> Value {
    let extract = &plan.sections.extract;
    let tables = extract.tables.iter().map(|table| {
        let role = extract.ownership.table(&table.table);
        let owners = role.map_or(&[][..], |role| role.owners.as_slice());
        let owners = owners
            .iter()
            .map(|owner| extract.ownership.edge(owner.edge));
        json!({
            "table": table.table,
            "role": role.map(|role| role.role),
            "owner": owners.map(|edge| edge.describe()).collect::<Vec<_>>(),
        })
    });
    let columns = plan.sections.anonymize.columns.iter().map(|decision| {
        json!({
            "column": decision.column.to_string(), "class": decision.class, "mask": decision.mask,
            "is_kept": decision.kind == MaskKind::Kept, "provenance": decision.provenance,
            "reason": decision.reason,
        })
    });
    json!({
        "run": run, "district": plan.district, "plan_digest": plan.digest,
        "tables": tables.collect::<Vec<_>>(), "columns": columns.collect::<Vec<_>>(),
        "findings": plan.findings,
    })
}

/// Without the locators: they are of no use to somebody who sees no rows.
fn verdict(data: &ReportData) -> Value {
    let checks = data.checks.iter().map(|check| {
        json!({
            "check": check.check, "subject": check.subject, "severity": check.severity,
            "definition": check.definition, "is_passed": check.is_passed(),
            "examined": check.examined,
        })
    });
    json!({
        "run": data.run, "verdict": data.verdict, "checks": checks.collect::<Vec<_>>(),
        "survivors": data.proof.as_ref().map(|proof| proof.survivors),
    })
}

fn log(path: &Path) -> Result<String, Refusal> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LONGEST_LOG)))?;
        let mut text = Vec::new();
        file.take(LONGEST_LOG).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|_| Refusal::new(2, "read the log of the run: there is none"))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
