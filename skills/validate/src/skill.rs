//! The skill: finds the artifact, runs the checks away from the async threads, writes the verdict.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use redistrict_artifact::{Artifact, ArtifactKind, Layout, Manifest, RootKey};
use redistrict_model::{ErrorKind, Phase, Plan, UnitKey};
use redistrict_skill::{Progress, Skill, SkillError, UnitContext, UnitOutcome};

use crate::foresight::ways_out;
use crate::scan::{Scan, unreadable};
use crate::verdict::{draw, failed, findings, write_verdict};

const DEFAULT_KEY_MEMORY: u64 = 64 << 20;

/// The skill *validate*: one unit, `checks`, over the whole masked artifact.
///
/// The unit reads the masked artifact of the run; if the run has none because it did not anonymize
/// (validate on its own), the newest sealed one of the district. Every byte is verified first. The
/// `VerdictReport` is written beside the masked manifest as [`VERDICT_FILE`](crate::VERDICT_FILE) and
/// is the outcome's facts.
///
/// Errors: `Validation` for the verdict FAILED, with the failed checks as causes; `Corrupt` for an
/// artifact that is not sealed or was changed.
pub struct ValidateSkill {
    layout: Layout,
    key: RootKey,
    key_memory: u64,
}

impl ValidateSkill {
    /// A skill over the files of a layout.
    #[must_use]
    pub fn new(layout: Layout, key: RootKey) -> Self {
        Self {
            layout,
            key,
            key_memory: DEFAULT_KEY_MEMORY,
        }
    }

    /// Bounds the bytes that the unique keys of one table may use at a time (64 MB); a larger table
    /// is read more than once.
    #[must_use]
    pub fn with_key_memory(mut self, bytes: u64) -> Self {
        self.key_memory = bytes;
        self
    }
}

#[async_trait]
impl Skill for ValidateSkill {
    fn phase(&self) -> Phase {
        Phase::Validation
    }

    fn units(&self, _plan: &Plan) -> Vec<UnitKey> {
        vec![UnitKey::new(Phase::Validation, "checks")]
    }

    async fn run(&self, unit: &UnitKey, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        let work = Work {
            layout: self.layout.clone(),
            key: self.key.clone(),
            key_memory: self.key_memory,
            unit: unit.clone(),
            context: context.clone(),
        };
        let joined = tokio::task::spawn_blocking(move || work.run()).await;
        joined.unwrap_or_else(|_| {
            Err(SkillError::new(
                ErrorKind::Bug,
                "run the checks: a check panicked",
            ))
        })
    }
}

struct Work {
    layout: Layout,
    key: RootKey,
    key_memory: u64,
    unit: UnitKey,
    context: UnitContext,
}

impl Work {
    fn run(&self) -> Result<UnitOutcome, SkillError> {
        let plan = self.context.plan.as_ref();
        let artifact = Artifact::open(&self.directory(), &self.key).map_err(|e| unreadable(&e))?;
        artifact.verify().map_err(|e| unreadable(&e))?;
        let raw = self.raw(artifact.manifest());
        let scan = Scan {
            plan,
            artifact: &artifact,
            raw: raw.as_ref().map_err(Clone::clone),
            key_memory: self.key_memory,
            step: &|table, rows| self.step(table, rows),
        };
        let report = draw(scan.run()?, &plan.sections.validate.skipped);
        write_verdict(artifact.dir(), &report)
            .map_err(|e| SkillError::because(e.error_kind(), "write the verdict", &e))?;
        if let Some(mut error) = failed(&report) {
            error.hints.extend(ways_out(&plan.sections, &report));
            return Err(error);
        }
        Ok(UnitOutcome {
            rows: artifact.manifest().total_rows(),
            bytes: 0,
            findings: findings(&report),
            facts: serde_json::to_value(report).expect("a verdict is plain data"),
        })
    }

    fn directory(&self) -> PathBuf {
        let district = self
            .layout
            .masked_of(&self.context.plan.district, &self.key);
        let own = district.join(self.context.run.as_str());
        let has_anonymized = self
            .context
            .outcomes
            .keys()
            .any(|unit| unit.phase == Phase::Anonymization);
        if has_anonymized || Artifact::open(&own, &self.key).is_ok() {
            return own;
        }
        Artifact::newest(&district).unwrap_or(own)
    }

    /// The manifest of the raw artifact that the masked one was made from, found by its seal.
    fn raw(&self, masked: &Manifest) -> Result<Manifest, String> {
        let Some(seal) = &masked.made_from else {
            return Err("the manifest does not say what it was made from".to_owned());
        };
        let district = self.layout.raw_of(&self.context.plan.district, &self.key);
        directories(&district)
            .iter()
            .filter_map(|path| Artifact::open(path, &self.key).ok())
            .find(|raw| raw.seal() == seal && raw.manifest().kind == ArtifactKind::Raw)
            .map(|raw| raw.manifest().clone())
            .ok_or_else(|| {
                "the raw artifact it was made from is not there any more (retention)".to_owned()
            })
    }

    fn step(&self, table: &str, rows: u64) -> Result<(), SkillError> {
        self.context.cancel.check()?;
        self.context.progress.progress(Progress {
            unit: self.unit.clone(),
            subject: table.to_owned(),
            rows_done: rows,
            rows_expected: None,
        });
        Ok(())
    }
}

fn directories(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten();
    entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect()
}
