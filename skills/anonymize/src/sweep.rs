//! The closing sweep: after Reporting, searches what the run wrote about itself for members of V, then
//! destroys V.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use redistrict_artifact::{Artifact, ArtifactError, DataKey, Layout, RootKey};
use redistrict_model::{ErrorKind, Finding, Phase, Plan, RunId, UnitKey};
use redistrict_skill::{Skill, SkillError, UnitContext, UnitOutcome};
use serde_json::json;

use crate::error::AnonymizeError;
use crate::key::leak_key;
use crate::leak::{Scanner, strong_hits_of_file};
use crate::skill::{NAMES_BLOB, VALUES_BLOB, read_values};

const SWEEP: &str = "sweep";

/// One unit, `sweep`: reports, log and other files of the run against V's strong members. With none
/// found V is removed; done again it finds no V and is done.
pub struct SweepSkill {
    layout: Layout,
    key: RootKey,
    raw_run: Option<RunId>,
    files: Vec<PathBuf>,
}

impl SweepSkill {
    /// `raw_run` as for [`AnonymizeSkill::new`](crate::AnonymizeSkill::new).
    #[must_use]
    pub fn new(layout: Layout, key: RootKey, raw_run: Option<RunId>) -> Self {
        Self {
            layout,
            key,
            raw_run,
            files: Vec::new(),
        }
    }

    /// More files to search: the journal.
    #[must_use]
    pub fn with_files(mut self, files: Vec<PathBuf>) -> Self {
        self.files.extend(files);
        self
    }

    fn paths(&self, run: &RunId) -> Vec<PathBuf> {
        let reports = ["md", "json", "html"].map(|kind| self.layout.report(run, kind));
        let mut paths: Vec<PathBuf> = reports.into();
        paths.push(self.layout.log(run));
        paths.extend(self.files.iter().cloned());
        paths
    }
}

#[async_trait]
impl Skill for SweepSkill {
    fn phase(&self) -> Phase {
        Phase::Reporting
    }

    fn units(&self, _plan: &Plan) -> Vec<UnitKey> {
        vec![UnitKey::new(Phase::Reporting, SWEEP)]
    }

    async fn run(&self, _unit: &UnitKey, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        let raw_run = self.raw_run.clone().unwrap_or_else(|| context.run.clone());
        let district = self.layout.raw_of(&context.plan.district, &self.key);
        let dir = district.join(raw_run.as_str());
        let (paths, key) = (self.paths(&context.run), self.key.clone());
        let done = tokio::task::spawn_blocking(move || sweep(&dir, &paths, &key)).await;
        done.map_err(|error| SkillError::because(ErrorKind::Bug, "finish the sweep", &error))?
            .map_err(SkillError::from)
    }
}

fn sweep(dir: &Path, paths: &[PathBuf], key: &RootKey) -> Result<UnitOutcome, AnonymizeError> {
    if !DataKey::exists(dir) {
        // V can never be read again: it was encrypted with the key that is gone.
        let message = "the raw artifact was shredded, and the values to search for with it";
        return Ok(UnitOutcome {
            findings: vec![Finding::warning("sweep-not-made", "sweep", message, 0)],
            ..UnitOutcome::default()
        });
    }
    let raw = match Artifact::open(dir, key) {
        // The extraction failed before it was sealed: no value was ever collected.
        Err(ArtifactError::NotSealed { .. }) => {
            return Ok(UnitOutcome {
                facts: json!({"swept": "nothing was extracted"}),
                ..UnitOutcome::default()
            });
        }
        opened => opened?,
    };
    let Some(values) = read_values(&raw)? else {
        return Ok(UnitOutcome {
            facts: json!({"swept": "before"}),
            ..UnitOutcome::default()
        });
    };
    let leak_key = leak_key(key, raw.run());
    let scanner = Scanner::new(&values, &leak_key);
    let mut bytes = 0_u64;
    let mut files = 0_u64;
    for path in paths {
        let content = match std::fs::read(path) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => {
                return Err(AnonymizeError::Io {
                    path: path.clone(),
                    source,
                });
            }
        };
        let count = strong_hits_of_file(&scanner, &String::from_utf8_lossy(&content));
        if count > 0 {
            let path = path.clone();
            return Err(AnonymizeError::OwnFile { path, count });
        }
        bytes += content.len() as u64;
        files += 1;
    }
    raw.remove_blob(VALUES_BLOB)?;
    raw.remove_blob(NAMES_BLOB)?;
    Ok(UnitOutcome {
        bytes,
        facts: json!({"survivors": 0, "files": files, "bytes": bytes}),
        ..UnitOutcome::default()
    })
}
