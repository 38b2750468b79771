//! The skill of Phase 1: one unit, because one closure spans all stores and a lost cut means reading
//! again from the start; two cuts are never mixed. Inside it several readers of each store work side by side.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::try_join_all;
use redistrict_artifact::{
    Artifact, ArtifactKind, ArtifactWriter, CutEntry, FORMAT_VERSION, Layout, Manifest, RootKey,
    StoreEntry, sha256_hex,
};
use redistrict_closure::Members;
use redistrict_model::{
    ErrorKind, ExtractSection, Finding, Key, Phase, Plan, Severity, StoreName, Table, UnitKey,
};
use redistrict_skill::{ASKS, Progress, Skill, SkillError, UnitContext, UnitOutcome};
use redistrict_store::SourceStore;
use serde_json::json;

use crate::closure::{Cuts, district_key, leads, left_out, store_failed, undecided};
use crate::evaluation::{Mode, OnRows, evaluate, run};
use crate::isolation::{self, IsolationProof};
use crate::left_behind::left_behind;
use crate::readers::Readers;
use crate::safeguards::{LOOK, asked_hubs, coming, has_limits, hubs, look, tables_to_count};
use crate::unfit::unfit;
use crate::write::{Writing, artifact_failed};

/// Extracts one district out of every source.
pub struct ExtractSkill {
    sources: Vec<Arc<dyn SourceStore>>,
    layout: Layout,
    key: RootKey,
    hub_rows: Option<u64>,
}

impl ExtractSkill {
    /// Over these sources, in configuration order.
    #[must_use]
    pub fn new(sources: Vec<Arc<dyn SourceStore>>, layout: Layout, key: RootKey) -> Self {
        Self {
            sources,
            layout,
            key,
            hub_rows: None,
        }
    }

    /// Asks for an approval where a hub brings more rows than that.
    #[must_use]
    pub fn with_hub_rows(mut self, hub_rows: Option<u64>) -> Self {
        self.hub_rows = hub_rows;
        self
    }

    /// The hubs that somebody has to approve, for the facts, and a warning for each.
    async fn hubs(
        &self,
        section: &ExtractSection,
        members: &Members,
        readers: &mut Readers,
    ) -> Result<(serde_json::Value, Vec<Finding>), SkillError> {
        let Some(hub_rows) = self.hub_rows else {
            return Ok(asked_hubs(&[], 0));
        };
        let coming = coming(members);
        let is_asked = coming.values().any(|(_, others)| *others > hub_rows);
        let tables = match is_asked {
            true => tables_to_count(section, &coming),
            false => Vec::new(),
        };
        let counts = readers.counts(tables).await?;
        Ok(asked_hubs(&hubs(section, &coming, &counts), hub_rows))
    }

    async fn extract(
        &self,
        unit: &UnitKey,
        context: &UnitContext,
    ) -> Result<UnitOutcome, SkillError> {
        let section = &context.plan.sections.extract;
        let dir = self
            .layout
            .raw_of(&context.plan.district, &self.key)
            .join(context.run.as_str());
        let writer = ArtifactWriter::create_raw(&dir, &context.run, &self.key)
            .map(Arc::new)
            .map_err(|error| artifact_failed(&error))?;
        let mut cuts = open_cuts(&self.sources, section).await?;
        left_out(section, &mut cuts).await?;
        let stores = self.stores(&cuts);
        let mut readers = Readers::of(cuts);
        readers.add_all().await?;
        let district = district_key(context.plan.district.as_str(), &section.ownership.root_key);
        let writing = Writing::new(Arc::clone(&writer), context.clone(), unit.clone());
        let members = self.members(context, unit, &writing, &mut readers).await?;
        writing.write_held(&members, &mut readers).await?;
        let tables = writing.finish(&members)?;
        let (hubs, asked) = self.hubs(section, &members, &mut readers).await?;
        let members = without_keys(members);
        let mut manifest = Manifest {
            format_version: FORMAT_VERSION,
            kind: ArtifactKind::Raw,
            run: context.run.clone(),
            district: context.plan.district.clone(),
            plan_digest: context.plan.digest.clone(),
            made_from: None,
            stores,
            tables,
            facts: json!({
                "extract_digest": extract_digest(section),
                "boundaries": boundaries(&members, section),
                "unmatched_between_stores": unmatched_between_stores(&members, section),
            }),
        };
        let written = writer.unsealed(&manifest);
        let left = left_behind(section, &written, &mut readers, &context.cancel).await?;
        let unsettled = readers.settle().await?;
        drop(readers);
        manifest.facts["unsettled"] = json!(unsettled);
        let proof = isolation::prove(&written, &section.ownership, &district, &context.cancel)?;
        if !proof.holds() {
            return Err(not_isolated(&proof));
        }
        manifest.facts["isolation"] = json!(proof);
        let seal = writer
            .seal(&manifest)
            .map_err(|error| artifact_failed(&error))?;
        let mut outcome = outcome(&manifest, &members, section, &seal);
        outcome.findings.extend(left.findings());
        outcome.facts["left_behind"] = json!(left);
        outcome.findings.extend(unsettled);
        outcome.findings.extend(asked);
        outcome.facts["hubs"] = hubs;
        outcome.facts["directory"] = json!(dir);
        Ok(outcome)
    }

    /// The members. Those that stream by are written when this returns; nothing keeps the district from being
    /// moved then.
    async fn members(
        &self,
        context: &UnitContext,
        unit: &UnitKey,
        writing: &Writing,
        readers: &mut Readers,
    ) -> Result<Arc<Members>, SkillError> {
        let section = Arc::new(context.plan.sections.extract.clone());
        let district = district_key(context.plan.district.as_str(), &section.ownership.root_key);
        let told = (context.clone(), unit.clone());
        let on_rows: OnRows = Arc::new(move |rows_done| {
            let (context, unit) = &told;
            context.progress.progress(Progress {
                unit: unit.clone(),
                subject: "closure".to_owned(),
                rows_done,
                rows_expected: None,
            });
            context.cancel.check()
        });
        let keep = Mode::Keep(Arc::new(writing.clone()));
        let evaluated = run(&section, &district, keep, Arc::clone(&on_rows), readers).await;
        let members = match evaluated {
            Ok(evaluated) => evaluated.members,
            Err(error) if error.kind == ErrorKind::Data => {
                let found = self.unfit_values(&section, &district, on_rows).await?;
                return Err(found.unwrap_or(error));
            }
            Err(error) => return Err(error),
        };
        if let Some(error) = undecided(&members, &section.ownership) {
            return Err(error);
        }
        let check = || context.cancel.check();
        match readers.unfit(&section, &members, check).await? {
            Some(error) => Err(error),
            None => Ok(Arc::new(members)),
        }
    }

    /// A row could not be read: looks, over cuts of its own, whether the district holds values that cannot
    /// travel, to name all of them at once.
    async fn unfit_values(
        &self,
        section: &Arc<ExtractSection>,
        district: &Key,
        on_rows: OnRows,
    ) -> Result<Option<SkillError>, SkillError> {
        let mut cuts = open_cuts(&self.sources, section).await?;
        let told = Arc::clone(&on_rows);
        let members = evaluate(section, district, &mut cuts, move |rows| told(rows)).await?;
        unfit(section, &members, &mut cuts, || on_rows(0)).await
    }

    /// Reads the sealed artifact once more, whole, before the next phase builds on it.
    fn verify(&self, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        let dir = self
            .layout
            .raw_of(&context.plan.district, &self.key)
            .join(context.run.as_str());
        let artifact = Artifact::open(&dir, &self.key)
            .and_then(|artifact| artifact.verify().map(|()| artifact))
            .map_err(|error| {
                SkillError::because(error.error_kind(), "verify the extraction manifest", &error)
            })?;
        let extracted = UnitKey::new(Phase::Extraction, "extract");
        let extracted = context.outcomes.get(&extracted);
        let hubs = extracted.and_then(|outcome| outcome.facts.get("hubs"));
        let hubs = hubs.cloned().unwrap_or_else(|| json!([]));
        let parts = artifact
            .manifest()
            .tables
            .iter()
            .flat_map(|table| &table.parts);
        Ok(UnitOutcome {
            rows: artifact.manifest().total_rows(),
            bytes: parts.map(|part| part.bytes).sum(),
            // Asked here, behind everything that this phase does: what is extracted stays on this machine.
            facts: json!({ "verified": true, ASKS: hubs }),
            findings: Vec::new(),
        })
    }

    fn stores(&self, cuts: &Cuts) -> Vec<StoreEntry> {
        self.sources
            .iter()
            .filter_map(|source| Some((source, cuts.get(source.name())?.cut())))
            .map(|(source, cut)| StoreEntry {
                store: source.name().clone(),
                kind: source.kind().to_string(),
                cut: CutEntry {
                    snapshot: cut.snapshot.clone(),
                    at: cut.at.clone(),
                },
            })
            .collect()
    }
}

#[async_trait]
impl Skill for ExtractSkill {
    fn phase(&self) -> Phase {
        Phase::Extraction
    }

    fn units(&self, plan: &Plan) -> Vec<UnitKey> {
        let is_limited = has_limits(&plan.sections.extract);
        let look = is_limited.then_some(LOOK).into_iter();
        let steps = look.chain(["extract", "verify"]);
        steps
            .map(|step| UnitKey::new(Phase::Extraction, step))
            .collect()
    }

    fn approved_unit(&self) -> Option<UnitKey> {
        Some(UnitKey::new(Phase::Extraction, LOOK))
    }

    async fn run(&self, unit: &UnitKey, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        match unit.step.as_str() {
            LOOK => look(&self.sources, unit, context).await,
            "extract" => self.extract(unit, context).await,
            "verify" => self.verify(context),
            other => Err(SkillError::new(
                ErrorKind::Bug,
                format!("extract: no step {other}"),
            )),
        }
    }
}

/// Opens one cut per store, all at once: the less time lies between them, the less they differ.
///
/// # Errors
/// A failing store.
pub async fn open_cuts(
    sources: &[Arc<dyn SourceStore>],
    section: &ExtractSection,
) -> Result<Cuts, SkillError> {
    let cuts = sources.iter().map(|source| async move {
        let tables: Vec<Table> = tables_of(section, source.name());
        let cut = source.open_cut(&tables).await;
        cut.map(|cut| (source.name().clone(), cut))
            .map_err(|error| store_failed(&error))
    });
    Ok(try_join_all(cuts).await?.into_iter().collect())
}

fn tables_of(section: &ExtractSection, store: &StoreName) -> Vec<Table> {
    section
        .catalogs
        .iter()
        .filter(|catalog| catalog.store == *store)
        .flat_map(|catalog| catalog.tables.clone())
        .collect()
}

/// What is known of the members beside their keys: these are not needed any more, and may be many.
fn without_keys(members: Arc<Members>) -> Members {
    let mut members = Arc::unwrap_or_clone(members);
    members.rows.clear();
    members.nulled.clear();
    members
}

/// What a raw artifact must have been extracted by to be used for a plan.
#[must_use]
pub fn extract_digest(section: &ExtractSection) -> String {
    sha256_hex(&serde_json::to_vec(&section.decisions()).expect("a section is plain data"))
}

fn not_isolated(proof: &IsolationProof) -> SkillError {
    let mut error = SkillError::new(
        ErrorKind::Bug,
        "prove that the rows belong to this district only: the isolation check failed",
    );
    for (table, rows) in &proof.foreign {
        error.causes.push(format!(
            "isolate {table}: {rows} rows lead to another district"
        ));
    }
    for (table, rows) in &proof.unrooted {
        error.causes.push(format!(
            "root {table}: {rows} own rows do not lead to this district"
        ));
    }
    if proof.roots != 1 {
        error.causes.push(format!(
            "find one district row: {} are in the artifact",
            proof.roots
        ));
    }
    error
}

/// References to rows of another store that are not there. Some may be so because the stores were cut one
/// after the other: the row was written, or removed, in between.
fn unmatched_between_stores(members: &Members, section: &ExtractSection) -> u64 {
    let dangling = members.dangling.iter();
    let between = dangling.filter(|one| {
        let edge = section.ownership.edge(one.edge);
        edge.child.store != edge.parent.store
    });
    between.map(|one| one.rows).sum()
}

fn boundaries(members: &Members, section: &ExtractSection) -> serde_json::Value {
    members
        .boundaries
        .iter()
        .map(|boundary| {
            json!({
                "reference": section.ownership.edge(boundary.edge).describe(),
                "policy": boundary.policy,
                "leads": leads(boundary.leads),
                "rows": boundary.rows,
            })
        })
        .collect()
}

fn outcome(
    manifest: &Manifest,
    members: &Members,
    section: &ExtractSection,
    seal: &str,
) -> UnitOutcome {
    let mut findings = members.findings.clone();
    for dangling in &members.dangling {
        let reference = section.ownership.edge(dangling.edge).describe();
        findings.push(Finding::warning(
            "dangling-reference",
            reference,
            "references without a partner in PROD",
            dangling.rows,
        ));
    }
    for (table, rows) in &members.taken_out {
        findings.push(Finding {
            severity: Severity::Info,
            ..Finding::warning(
                "taken-out",
                table.to_string(),
                "rows taken out by policy exclude",
                *rows,
            )
        });
    }
    let bytes = manifest
        .tables
        .iter()
        .flat_map(|table| &table.parts)
        .map(|part| part.bytes)
        .sum();
    UnitOutcome {
        rows: manifest.total_rows(),
        bytes,
        facts: json!({
            "seal": seal,
            "stores": manifest.stores,
            "tables": manifest.tables,
            "isolation": manifest.facts["isolation"],
            "boundaries": manifest.facts["boundaries"],
            "unmatched_between_stores": manifest.facts["unmatched_between_stores"],
            "unsettled": manifest.facts["unsettled"],
        }),
        findings,
    }
}
