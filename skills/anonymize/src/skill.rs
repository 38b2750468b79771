//! The phase Anonymization: collects V, masks table by table, proves what was written, seals it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arrow::array::{Array, RecordBatch};
use async_trait::async_trait;
use redistrict_artifact::{
    Artifact, ArtifactKind, ArtifactWriter, FORMAT_VERSION, Layout, Manifest, ManifestTable,
    RootKey, sha256_hex,
};
use redistrict_model::{
    ColumnClass, ErrorKind, Finding, MaskKind, Phase, Plan, PlanDigest, RunId, TableRef, UnitKey,
};
use redistrict_skill::{Progress, Skill, SkillError, UnitContext, UnitOutcome};
use serde_json::json;

use crate::cells::{Cell, cell};
use crate::codes::KeptCodes;
use crate::engine::{ColumnMask, Engine, in_row, mask_batch};
use crate::error::AnonymizeError;
use crate::key::leak_key;
use crate::leak::{
    Builder, Digester, IntoValues, ProofSummary, Prover, Scanner, Values, collect_row, own_texts,
    paired,
};
use crate::masks::MaskRegistry;
use crate::names::{Decided, Measure, has_names};
use crate::plan::required_bits;

/// The raw artifact's encrypted data that holds V until the closing sweep.
pub(crate) const VALUES_BLOB: &str = "values";
/// Beside it: which names of members in documents are structure, as keyed digests.
pub(crate) const NAMES_BLOB: &str = "names";
const VALUES: &str = "values";
const MASK: &str = "mask";
const PROOF: &str = "proof";

/// Masks the raw artifact of a run into its masked artifact and proves that nothing leaked.
///
/// Units: `values` (the raw artifact verified, V collected), `mask` per table, `proof` (the masked
/// files read back, then sealed with `facts.proof`). A masked artifact exists only with its proof.
pub struct AnonymizeSkill {
    layout: Layout,
    key: RootKey,
    raw_run: Option<RunId>,
    registry: MaskRegistry,
    prepared: Prepared,
}

/// What all units of a plan and a raw artifact share, made once: the plan's digest, the raw artifact as it
/// was opened, the masks.
type Prepared = Arc<Mutex<Option<(PlanDigest, Arc<Artifact>, Arc<Engine>)>>>;

impl AnonymizeSkill {
    /// `raw_run` is the run whose raw artifact is used, if it is not the run itself.
    #[must_use]
    pub fn new(layout: Layout, key: RootKey, raw_run: Option<RunId>) -> Self {
        Self::with_masks(layout, key, raw_run, MaskRegistry::default())
    }

    /// With other masks: for tests that break one on purpose.
    #[must_use]
    pub fn with_masks(
        layout: Layout,
        key: RootKey,
        raw_run: Option<RunId>,
        registry: MaskRegistry,
    ) -> Self {
        Self {
            layout,
            key,
            raw_run,
            registry,
            prepared: Prepared::default(),
        }
    }
}

#[async_trait]
impl Skill for AnonymizeSkill {
    fn phase(&self) -> Phase {
        Phase::Anonymization
    }

    fn units(&self, plan: &Plan) -> Vec<UnitKey> {
        let unit = |step| UnitKey::new(Phase::Anonymization, step);
        let tables = plan.sections.extract.tables.iter();
        std::iter::once(unit(VALUES))
            .chain(tables.map(|table| unit(MASK).of_table(&table.table)))
            .chain([unit(PROOF)])
            .collect()
    }

    async fn run(&self, unit: &UnitKey, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        let work = Work {
            layout: self.layout.clone(),
            key: self.key.clone(),
            raw_run: self.raw_run.clone().unwrap_or_else(|| context.run.clone()),
            registry: self.registry.clone(),
            prepared: Arc::clone(&self.prepared),
            unit: unit.clone(),
            context: context.clone(),
        };
        let done = tokio::task::spawn_blocking(move || work.run()).await;
        done.map_err(|error| {
            SkillError::because(ErrorKind::Bug, "finish a unit of anonymization", &error)
        })?
        .map_err(SkillError::from)
    }

    /// What was masked and not proved may hold what the proof found: it is removed.
    async fn compensate(&self, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        let district = self.layout.masked_of(&context.plan.district, &self.key);
        let dir = district.join(context.run.as_str());
        let is_proved = Artifact::open(&dir, &self.key).is_ok();
        if !is_proved && dir.exists() {
            std::fs::remove_dir_all(&dir).map_err(|error| {
                let doing = format!("remove the unproved masked artifact {}", dir.display());
                SkillError::because(ErrorKind::Config, doing, &error)
            })?;
        }
        Ok(UnitOutcome::default())
    }
}

/// Whether the raw artifact is one that the plan can be carried out on: raw, of the district, read
/// by the same extract section.
///
/// # Errors
/// Kind `Config`, with the reason.
pub fn check_fits(raw: &Manifest, plan: &Plan) -> Result<(), SkillError> {
    fits(raw, plan).map_err(SkillError::from)
}

fn fits(raw: &Manifest, plan: &Plan) -> Result<(), AnonymizeError> {
    let refuse = |why: &str| Err(AnonymizeError::DoesNotFit(why.to_owned()));
    if raw.kind != ArtifactKind::Raw {
        return refuse("it is not a raw one");
    }
    if raw.district != plan.district {
        return refuse("it holds another district");
    }
    let section = serde_json::to_vec(&plan.sections.extract.decisions()).unwrap_or_default();
    let recorded = raw
        .facts
        .get("extract_digest")
        .and_then(|digest| digest.as_str());
    match recorded {
        None => refuse("its manifest does not say which plan it was extracted by"),
        Some(digest) if digest == sha256_hex(&section) => Ok(()),
        Some(_) => refuse("catalogs, ownership or tables have changed since it was extracted"),
    }
}

/// One unit, on a thread of its own.
struct Work {
    layout: Layout,
    key: RootKey,
    raw_run: RunId,
    registry: MaskRegistry,
    prepared: Prepared,
    unit: UnitKey,
    context: UnitContext,
}

impl Work {
    fn run(&self) -> Result<UnitOutcome, AnonymizeError> {
        let (raw, engine) = match self.prepared() {
            Some(prepared) => prepared,
            None => self.prepare()?,
        };
        match (self.unit.step.as_str(), &self.unit.table) {
            (VALUES, None) => self.collect(&raw, &engine),
            (MASK, Some(table)) => self.mask(&raw, &engine, table),
            (PROOF, None) => self.prove(&raw, &engine),
            _ => Err(AnonymizeError::ProofFailed(format!(
                "no such unit: {}",
                self.unit
            ))),
        }
    }

    fn plan(&self) -> &Plan {
        &self.context.plan
    }

    fn raw_dir(&self) -> PathBuf {
        let district = self.layout.raw_of(&self.plan().district, &self.key);
        district.join(self.raw_run.as_str())
    }

    /// For the tables: what the first of them opened. With hundreds of tables the manifest is long.
    fn prepared(&self) -> Option<(Arc<Artifact>, Arc<Engine>)> {
        let prepared = self.prepared.lock().expect("no holder panics");
        let (plan, raw, engine) = prepared.as_ref()?;
        let is_same = *plan == self.plan().digest && raw.dir() == self.raw_dir();
        (self.unit.step == MASK && is_same).then(|| (Arc::clone(raw), Arc::clone(engine)))
    }

    /// Opens the raw artifact; the masks of the plan, if it fits that.
    fn prepare(&self) -> Result<(Arc<Artifact>, Arc<Engine>), AnonymizeError> {
        let raw = Arc::new(Artifact::open(&self.raw_dir(), &self.key)?);
        let mut prepared = self.prepared.lock().expect("no holder panics");
        let is_first = self.unit.step == VALUES;
        let known = prepared.as_ref().filter(|(plan, known, _)| {
            !is_first && *plan == self.plan().digest && known.seal() == raw.seal()
        });
        let engine = match known {
            Some((_, _, engine)) => Arc::clone(engine),
            None => {
                fits(raw.manifest(), self.plan())?;
                let engine = Engine::new(self.plan(), &self.key, &self.registry)?;
                Arc::new(if is_first {
                    engine
                } else {
                    engine.with_names(self.digester(&raw), read_names(&raw)?)
                })
            }
        };
        if is_first {
            // The masks of all further units know the names that this one looks at.
            return Ok((raw, engine));
        }
        let plan = self.plan().digest.clone();
        *prepared = Some((plan, Arc::clone(&raw), Arc::clone(&engine)));
        Ok((raw, engine))
    }

    fn tables(&self) -> impl Iterator<Item = &TableRef> {
        self.plan()
            .sections
            .extract
            .tables
            .iter()
            .map(|table| &table.table)
    }

    fn digester(&self, raw: &Artifact) -> Digester {
        Digester::new(&leak_key(&self.key, raw.run()))
    }

    fn check_cancelled(&self) -> Result<(), AnonymizeError> {
        if self.context.cancel.is_cancelled() {
            return Err(AnonymizeError::Interrupted);
        }
        Ok(())
    }

    fn tell(&self, subject: &str, rows_done: u64, rows_expected: u64) {
        self.context.progress.progress(Progress {
            unit: self.unit.clone(),
            subject: subject.to_owned(),
            rows_done,
            rows_expected: Some(rows_expected),
        });
    }

    fn collect(&self, raw: &Artifact, engine: &Engine) -> Result<UnitOutcome, AnonymizeError> {
        raw.verify()?;
        let mut builder = Builder::new(&leak_key(&self.key, raw.run()));
        let mut measure = Measure::new(self.digester(raw));
        let mut counted = DistinctValues::default();
        let mut codes = KeptCodes::new(self.plan(), builder.digester.clone());
        let expected = raw.manifest().total_rows();
        let mut row_count = 0_u64;
        for table in self.tables() {
            for rows in raw.rows(table) {
                self.check_cancelled()?;
                let (batch, _) = rows?;
                let columns = engine.columns(table, names(&batch))?;
                counted.add(&builder, &columns, &batch);
                codes.add(&columns, &batch);
                for row in 0..batch.num_rows() {
                    let cells = batch.columns().iter().enumerate().map(|(at, array)| {
                        (in_row(&columns, at, &batch, row), cell(array.as_ref(), row))
                    });
                    row_count += 1;
                    let mut into = IntoValues {
                        builder: &mut builder,
                        row: row_count,
                    };
                    collect_row(cells, &mut into);
                    measure_row(&mut measure, &columns, &batch, row, into);
                }
                self.tell(&table.to_string(), row_count, expected);
            }
        }
        counted.check(engine)?;
        let kept = codes.findings();
        if !kept.is_empty() {
            return Err(AnonymizeError::KeptNoCode(kept));
        }
        let (decided, findings) =
            measure.finish(&mut builder, |column| engine.is_of_persons(column));
        builder.remove(self.plan().district.as_str());
        if let Some(name) = &self.plan().district_name {
            builder.remove(name);
        }
        let values = builder.finish();
        let bytes = values.to_bytes();
        raw.write_blob(VALUES_BLOB, &bytes)?;
        write_names(raw, &decided)?;
        Ok(UnitOutcome {
            rows: row_count,
            bytes: bytes.len() as u64,
            facts: json!({
                "values": values.values,
                "high_entropy_digests": values.high(),
                "already_reserved": values.reserved,
            }),
            findings,
        })
    }

    fn writer(&self) -> Result<ArtifactWriter, AnonymizeError> {
        let district = self.layout.masked_of(&self.plan().district, &self.key);
        let dir = district.join(self.context.run.as_str());
        Ok(ArtifactWriter::open_masked(
            &dir,
            &self.context.run,
            &self.key,
        )?)
    }

    fn mask(
        &self,
        raw: &Artifact,
        engine: &Engine,
        table: &TableRef,
    ) -> Result<UnitOutcome, AnonymizeError> {
        let missing = || AnonymizeError::DoesNotFit(format!("it has no table {table}"));
        let entry = raw.manifest().table(table).ok_or_else(missing)?;
        let writer = self.writer()?;
        let mut part = None;
        let mut row_count = 0_u64;
        let mut masked_cells: BTreeMap<ColumnClass, u64> = BTreeMap::new();
        for rows in raw.rows(table) {
            self.check_cancelled()?;
            let (batch, membership) = rows?;
            let columns = engine.columns(table, names(&batch))?;
            let masked = mask_batch(table, &columns, &batch)?;
            self.count_masked(table, &batch, &mut masked_cells);
            let open = match part.take() {
                Some(open) => open,
                None => writer.part(table, 0, &masked.schema())?,
            };
            let open = part.insert(open);
            open.write(&masked, &membership)?;
            row_count += masked.num_rows() as u64;
            self.tell(&table.to_string(), row_count, entry.rows);
        }
        let parts = match part {
            Some(part) => vec![part.finish()?],
            None => Vec::new(),
        };
        let bytes = parts.iter().map(|part| part.bytes).sum();
        let masked = ManifestTable {
            parts,
            ..entry.clone()
        };
        Ok(UnitOutcome {
            rows: row_count,
            bytes,
            facts: json!({ "manifest": masked, "masked_cells": masked_cells }),
            findings: Vec::new(),
        })
    }

    /// Adds the cells of masked columns that are not NULL, per class.
    fn count_masked(
        &self,
        table: &TableRef,
        batch: &RecordBatch,
        cells: &mut BTreeMap<ColumnClass, u64>,
    ) {
        for decision in self.plan().sections.anonymize.of_table(table) {
            let column = batch.column_by_name(&decision.column.column);
            if let (Some(column), false) = (column, decision.kind == MaskKind::Kept) {
                let filled = column.len() - column.null_count();
                *cells.entry(decision.class).or_default() += filled as u64;
            }
        }
    }

    fn prove(&self, raw: &Artifact, engine: &Engine) -> Result<UnitOutcome, AnonymizeError> {
        let values = read_values(raw)?.ok_or_else(|| {
            AnonymizeError::ProofFailed("the values to search for are gone; run again".to_owned())
        })?;
        let leak_key = leak_key(&self.key, raw.run());
        let writer = self.writer()?;
        let mut manifest = self.manifest(raw)?;
        // Nothing is sealed before it is proved.
        let written = Artifact::unsealed(writer.dir(), &manifest);
        written.verify()?;
        let mut prover = Prover::new(Scanner::new(&values, &leak_key));
        let expected = raw.manifest().total_rows();
        let mut row_count = 0_u64;
        for table in self.tables() {
            let mut columns: Option<Vec<Arc<ColumnMask>>> = None;
            paired(table, raw.rows(table), written.rows(table), |pair| {
                self.check_cancelled()?;
                let columns = match &mut columns {
                    Some(columns) => columns,
                    none => none.insert(engine.columns(table, names(&pair.masked))?),
                };
                prover.rows(columns, pair);
                row_count += pair.masked.num_rows() as u64;
                self.tell(&table.to_string(), row_count, expected);
                Ok(())
            })?;
        }
        for text in own_texts(&json!(manifest)) {
            prover.own_text("the manifest", &text)?;
        }
        let proof = prover.finish()?;
        let outcome = outcome(&proof, row_count);
        manifest.facts = json!({"proof": proof.facts, "fields": proof.fields});
        writer.seal(&manifest)?;
        Ok(outcome)
    }

    fn manifest(&self, raw: &Artifact) -> Result<Manifest, AnonymizeError> {
        let tables = self.tables().map(|table| {
            let unit = UnitKey::new(Phase::Anonymization, MASK).of_table(table);
            self.context
                .outcome(&unit)
                .and_then(|outcome| {
                    serde_json::from_value(outcome.facts.get("manifest")?.clone()).ok()
                })
                .ok_or_else(|| AnonymizeError::ProofFailed(format!("{table} was not masked")))
        });
        Ok(Manifest {
            format_version: FORMAT_VERSION,
            kind: ArtifactKind::Masked,
            run: self.context.run.clone(),
            district: self.plan().district.clone(),
            plan_digest: self.plan().digest.clone(),
            made_from: Some(raw.seal().to_owned()),
            stores: raw.manifest().stores.clone(),
            tables: tables.collect::<Result<_, _>>()?,
            facts: serde_json::Value::Null,
        })
    }
}

fn outcome(proof: &ProofSummary, rows: u64) -> UnitOutcome {
    let coincidences = proof.facts["coincidences"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let findings = coincidences.iter().map(|one| Finding {
        severity: redistrict_model::Severity::Info,
        ..Finding::warning(
            "mask-coincidence",
            one["column"].as_str().unwrap_or_default(),
            "texts of single rows or numbers that also stand here by chance",
            one["count"].as_u64().unwrap_or(0),
        )
    });
    UnitOutcome {
        rows,
        bytes: proof.facts["bytes"].as_u64().unwrap_or(0),
        facts: json!({"proof": proof.facts, "fields": proof.fields, "line": proof.line}),
        findings: findings.collect(),
    }
}

/// Looks at the names in the documents of a row.
fn measure_row(
    measure: &mut Measure,
    columns: &[Arc<ColumnMask>],
    batch: &RecordBatch,
    row: usize,
    into: IntoValues<'_>,
) {
    for (column, array) in columns.iter().zip(batch.columns()) {
        if has_names(column)
            && let Some(Cell::Text(text)) = cell(array.as_ref(), row)
        {
            column.each_text(&text, &mut |text| {
                measure.add(column, text, into.row, into.builder);
            });
        }
    }
}

fn write_names(raw: &Artifact, decided: &Decided) -> Result<(), AnonymizeError> {
    let bytes = serde_json::to_vec(decided)
        .map_err(|_| AnonymizeError::ProofFailed("the names cannot be written".to_owned()))?;
    Ok(raw.write_blob(NAMES_BLOB, &bytes)?)
}

/// Which names of members are structure.
fn read_names(raw: &Artifact) -> Result<Decided, AnonymizeError> {
    let bytes = raw.read_blob(NAMES_BLOB)?;
    let decided = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    decided.ok_or_else(|| {
        AnonymizeError::ProofFailed("which names are structure is not known; run again".to_owned())
    })
}

/// V, if it is still there.
pub(crate) fn read_values(raw: &Artifact) -> Result<Option<Values>, AnonymizeError> {
    let Some(bytes) = raw.read_blob(VALUES_BLOB)? else {
        return Ok(None);
    };
    let values = Values::from_bytes(&bytes);
    values.map(Some).ok_or_else(|| {
        AnonymizeError::ProofFailed("the set of values is of another format".to_owned())
    })
}

fn names(batch: &RecordBatch) -> Vec<String> {
    let schema = batch.schema();
    schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect()
}

/// The distinct values of unique domains: how much room their masks need.
#[derive(Default)]
struct DistinctValues(BTreeMap<String, std::collections::HashSet<u64>>);

impl DistinctValues {
    fn add(&mut self, builder: &Builder, columns: &[Arc<ColumnMask>], batch: &RecordBatch) {
        for (column, array) in columns.iter().zip(batch.columns()) {
            if !column.decision.unique || column.action.is_none() {
                continue;
            }
            let domain = self.0.entry(column.decision.domain.clone()).or_default();
            for row in 0..batch.num_rows() {
                let mut add = |value: &[u8]| domain.insert(builder.digester.exact(value));
                match cell(array.as_ref(), row) {
                    Some(Cell::Text(text)) => column.each_text(&text, &mut |text| {
                        add(column.unpadded(text).as_bytes());
                    }),
                    Some(other) => {
                        other.value().map(|value| add(&value.key()));
                    }
                    None => {}
                }
            }
        }
    }

    fn check(&self, engine: &Engine) -> Result<(), AnonymizeError> {
        for column in engine.all() {
            let (Some(action), Some(values)) =
                (&column.action, self.0.get(&column.decision.domain))
            else {
                continue;
            };
            let count = values.len() as u64;
            let bits = action.mask.capacity_bits(&action.field.shape);
            if count > 1 && bits < required_bits(count) {
                return Err(AnonymizeError::Capacity {
                    column: column.decision.column.to_string(),
                    values: count,
                });
            }
        }
        Ok(())
    }
}
