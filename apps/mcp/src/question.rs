//! What may be asked: one variant for each thing, and none that takes a statement, a path or a command
//! line.

use redistrict_model::Phase;
use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;

use crate::words::{DistrictName, RunName};

/// The longest that `status` waits, in seconds: clients give up on answers.
pub(crate) const LONGEST_WAIT: u16 = 300;
/// The longest page of a list.
pub(crate) const LONGEST_PAGE: u16 = 500;

/// A question to the desk.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Read the catalogs anew.
    Analyze(Page),
    /// Rank the districts.
    Select,
    /// What would move.
    Plan(PlanOf),
    /// Every column's decision.
    Classify(ClassifyOf),
    /// Everything that could stop a run.
    Doctor,
    /// Start the five phases; answers as soon as the run exists.
    Migrate(MigrationOf),
    /// Start one skill; answers as soon as the run exists.
    Skill(SkillName, OfDistrict),
    /// Go on with a run.
    Resume(OfRun),
    /// Give a run up.
    Cancel(OfRun),
    /// Start to take a run out of CERT again.
    Rollback(UndoOf),
    /// Where a run is; the newest if none is named.
    State(Option<RunName>),
    /// The runs.
    Runs(NewestFirst),
    /// Write the report again and give what it says.
    Report(OfRun),
    /// A document of a run.
    Document(RunName, DocumentName),
    /// The tables of PROD as the catalogs describe them.
    Schema(SchemaOf),
    /// How many rows there are.
    Counts(CountsOf),
    /// What CERT's ledger says is loaded.
    Loads,
    /// Digests of CERT's tables.
    Digests(OfRunOrNewest),
    /// What changed in CERT's tables since a run was planned.
    Drift(OfRunOrNewest),
}

/// The skills that are runs of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkillName {
    Extract,
    Anonymize,
    Validate,
    Load,
}

impl SkillName {
    /// The command.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Extract => "extract",
            Self::Anonymize => "anonymize",
            Self::Validate => "validate",
            Self::Load => "load",
        }
    }

    /// The phase that it does.
    #[must_use]
    pub fn phase(self) -> Phase {
        match self {
            Self::Extract => Phase::Extraction,
            Self::Anonymize => Phase::Anonymization,
            Self::Validate => Phase::Validation,
            Self::Load => Phase::Loading,
        }
    }
}

/// The documents of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentName {
    Plan,
    Verdict,
    ReportMarkdown,
    ReportJson,
    Checklist,
    Log,
}

impl DocumentName {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Plan,
        Self::Verdict,
        Self::ReportMarkdown,
        Self::ReportJson,
        Self::Checklist,
        Self::Log,
    ];

    /// The end of its address.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Verdict => "verdict",
            Self::ReportMarkdown => "report.md",
            Self::ReportJson => "report.json",
            Self::Checklist => "checklist",
            Self::Log => "log",
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Plan | Self::Verdict | Self::ReportJson | Self::Checklist => "application/json",
            Self::ReportMarkdown => "text/markdown",
            Self::Log => "text/plain",
        }
    }
}

/// No arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A page of a long list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// How many entries are left out at the beginning.
    #[serde(default)]
    pub offset: u32,
    /// At most so many entries.
    #[serde(default = "page")]
    #[schemars(range(min = 1, max = 500))]
    pub limit: u16,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            offset: 0,
            limit: page(),
        }
    }
}

impl Page {
    /// The entries of the page, and how many there are in all.
    #[must_use]
    pub fn of<T>(self, entries: Vec<T>) -> (Vec<T>, u64) {
        let total = entries.len() as u64;
        let skipped = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let limit = usize::from(self.limit.clamp(1, LONGEST_PAGE));
        let page = entries.into_iter().skip(skipped).take(limit).collect();
        (page, total)
    }
}

fn page() -> u16 {
    200
}

/// A district.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfDistrict {
    pub district: DistrictName,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanOf {
    pub district: DistrictName,
    /// Count the rows exactly; reads the keys of the district, which takes longer.
    #[serde(default)]
    pub exact: bool,
}

/// The decisions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassifyOf {
    /// Bind the sheet to the plan of this district.
    #[serde(default)]
    pub district: Option<DistrictName>,
    /// How many columns are left out at the beginning.
    #[serde(default)]
    pub offset: u32,
    /// At most so many columns.
    #[serde(default = "page")]
    #[schemars(range(min = 1, max = 500))]
    pub limit: u16,
}

/// A migration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrationOf {
    pub district: DistrictName,
    /// Use the last sealed raw artifact of the district.
    #[serde(default)]
    pub skip_extraction: bool,
    /// Write nothing to CERT, and do not look at what a load would do.
    #[serde(default)]
    pub skip_load: bool,
    /// Write nothing to CERT; find out what a load would do.
    #[serde(default)]
    pub dry_run: bool,
}

impl MigrationOf {
    /// It may write to CERT: a person has to approve.
    #[must_use]
    pub fn writes(&self) -> bool {
        !self.skip_load && !self.dry_run
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfRun {
    pub run: RunName,
}

/// A run, or the newest that loaded something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfRunOrNewest {
    /// The run; the newest migration that the journal has if left out.
    #[serde(default)]
    pub run: Option<RunName>,
}

/// An undo.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoOf {
    /// The run that is taken back; of an undo: whose rows are put in again.
    pub run: RunName,
    /// Only say whether it could be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusOf {
    /// The run; the newest if left out.
    #[serde(default)]
    pub run: Option<RunName>,
    /// Wait at most so many seconds. With a progress token its progress is told meanwhile.
    #[serde(default)]
    #[schemars(range(max = 300))]
    pub wait_seconds: u16,
    /// What is waited for.
    #[serde(default)]
    pub wait_for: WaitFor,
}

/// What somebody waits for who waits for a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// That it ends or needs a person; if it does already, nothing is waited for.
    #[default]
    Rest,
    /// The same; but if it needs a person already, that this person has done something and it ends or needs
    /// one again.
    Change,
}

/// The newest of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewestFirst {
    /// At most so many, the newest first.
    #[serde(default = "newest")]
    #[schemars(range(min = 1, max = 500))]
    pub limit: u16,
}

fn newest() -> u16 {
    20
}

/// Tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaOf {
    /// Only this store, by its name in the configuration.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub store: Option<String>,
    /// Only this table, written as in the answers: `store.schema.table`.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub table: Option<String>,
    /// How many tables are left out at the beginning.
    #[serde(default)]
    pub offset: u32,
    /// At most so many tables.
    #[serde(default = "page")]
    #[schemars(range(min = 1, max = 500))]
    pub limit: u16,
}

/// Rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountsOf {
    /// The exact counts of this district; the catalogs' estimates of all rows if left out.
    #[serde(default)]
    pub district: Option<DistrictName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_bounded_whatever_is_asked() {
        let page = |offset, limit| Page { offset, limit }.of((0..1_000).collect::<Vec<_>>());
        assert_eq!(page(0, 2), (vec![0, 1], 1_000));
        assert_eq!(page(999, 2), (vec![999], 1_000));
        assert_eq!(page(u32::MAX, 2), (Vec::new(), 1_000));
        assert_eq!(page(0, u16::MAX).0.len(), 500);
        assert_eq!(page(0, 0).0.len(), 1);
    }

    #[test]
    fn what_is_not_asked_for_by_name_is_refused() {
        for (text, is_good) in [
            (r#"{"district":"2"}"#, true),
            (r#"{"district":"2","dry_run":true}"#, true),
            (r#"{"district":2}"#, false),
            (r#"{"district":["2"]}"#, false),
            (r#"{"district":"2","approve":true}"#, false),
            (r#"{"district":"2","digest":"00"}"#, false),
            (r#"{"district":"2","config":"x.toml"}"#, false),
            (r#"{}"#, false),
        ] {
            let parsed = serde_json::from_str::<MigrationOf>(text);
            assert_eq!(parsed.is_ok(), is_good, "{text}");
        }
    }
}
