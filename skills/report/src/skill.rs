//! The skill: reads the journal, writes the report.

use std::sync::Arc;

use async_trait::async_trait;
use redistrict_artifact::{ArtifactError, Layout, RootKey, write_atomic};
use redistrict_journal::{Journal, JournalError, fold};
use redistrict_model::{ErrorKind, Phase, Plan, RunId, UnitKey};
use redistrict_skill::{Skill, SkillError, UnitContext, UnitOutcome};
use serde_json::json;

use crate::collect::collect;
use crate::data::ReportData;
use crate::html::render_html;
use crate::markdown::render_markdown;

/// The skill *report*: one unit, `report`, that writes `data/reports/{run}.json`, `.html` and `.md` from
/// the journal and the manifests. Each is replaced atomically, the Markdown last. It runs for a failed run
/// as well.
///
/// Errors: `Config` if the files cannot be written, `Corrupt` if the journal has no such run.
pub struct ReportSkill {
    layout: Layout,
    journal: Arc<dyn Journal>,
    key: RootKey,
}

impl ReportSkill {
    /// A skill over a journal and the files of a layout.
    #[must_use]
    pub fn new(layout: Layout, journal: Arc<dyn Journal>, key: RootKey) -> Self {
        Self {
            layout,
            journal,
            key,
        }
    }

    /// The report's data of any run, without writing anything.
    ///
    /// # Errors
    /// The journal cannot be read, or has no such run.
    pub fn data(&self, run: &RunId) -> Result<ReportData, SkillError> {
        let records = self.journal.read(run).map_err(|error| unread(&error))?;
        let state = fold(&records).ok_or_else(|| {
            SkillError::new(
                ErrorKind::Usage,
                format!("report: the journal has no run {run}"),
            )
        })?;
        Ok(collect(&records, &state, &self.layout, &self.key))
    }

    /// Writes the report of any run.
    ///
    /// # Errors
    /// As of [`data`](Self::data), or a failing disk.
    pub fn write(&self, run: &RunId) -> Result<ReportData, SkillError> {
        let data = self.data(run)?;
        let mut json = serde_json::to_vec_pretty(&data).expect("a report is plain data");
        json.push(b'\n');
        let path = |extension| self.layout.report(run, extension);
        write_atomic(&path("json"), &json).map_err(|error| unwritten(&error))?;
        let html = render_html(&data);
        write_atomic(&path("html"), html.as_bytes()).map_err(|error| unwritten(&error))?;
        let markdown = render_markdown(&data);
        write_atomic(&path("md"), markdown.as_bytes()).map_err(|error| unwritten(&error))?;
        Ok(data)
    }
}

#[async_trait]
impl Skill for ReportSkill {
    fn phase(&self) -> Phase {
        Phase::Reporting
    }

    fn units(&self, _plan: &Plan) -> Vec<UnitKey> {
        vec![UnitKey::new(Phase::Reporting, "report")]
    }

    async fn run(&self, _unit: &UnitKey, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        context.cancel.check()?;
        let data = self.write(&context.run)?;
        Ok(UnitOutcome {
            facts: json!({ "reports": data.reports, "status": data.status, "totals": data.totals }),
            ..UnitOutcome::default()
        })
    }
}

fn unread(error: &JournalError) -> SkillError {
    SkillError::because(ErrorKind::Corrupt, "read the journal for the report", error)
}

fn unwritten(error: &ArtifactError) -> SkillError {
    SkillError::because(error.error_kind(), "write the report", error)
}
