//! `prove estate`: for every district of the generated estate, what is extracted equals the answer
//! key table by table, and no row of another district is among it; one district is loaded beside others,
//! its joins hold, and it is taken out again. Five stores: SQLite, and PostgreSQL with Neo4j. And again on five
//! PostgreSQL databases, with the file that `init` writes.

mod by_init;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use arrow::array::RecordBatch;
use redistrict_artifact::{Artifact, Layout, RootKey, keys_of};
use redistrict_estate::{EstateKind, EstateOptions, NULL_TEXT, StoreId, TableAnswer, TableSpec};
use redistrict_model::{DistrictId, Membership, TableRef};

use crate::world::{Setting, World};
use crate::{Options, Proof, digest, joins, say};

/// The district that makes the whole journey.
const DISTRICT: &str = "2";

/// With fewer students there are too few people to measure.
const LEAST_STUDENTS: u32 = 60;

/// `own`, `shared`, `stubs` of each table.
type Extracted = BTreeMap<String, TableAnswer>;

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let students = if options.quick { 40 } else { 1_000 };
    let mut figures = Vec::new();
    let mut passed = true;
    for setting in Setting::ALL {
        for with_transfers in [false, true] {
            let dir = tempfile::tempdir().context("make a directory")?;
            let estate = EstateOptions {
                seed: options.seed,
                districts: 3,
                students_per_district: students,
                with_transfers,
            };
            let world = World::create(dir.path(), setting, estate, &runtime)?;
            let mut proof = OneEstate {
                world: &world,
                runtime: &runtime,
                setting,
                problems: Vec::new(),
            };
            let rows = proof.extraction()?;
            let kept = if with_transfers {
                String::new()
            } else {
                proof.journey()?
            };
            passed &= rows > 0 && proof.problems.is_empty();
            for problem in &proof.problems {
                say(&format!("{}: {problem}", setting.as_str()));
            }
            let transfers = if with_transfers {
                " with transfers"
            } else {
                ""
            };
            figures.push(format!(
                "{}{transfers}: {rows} rows of 3 districts{kept}",
                setting.as_str()
            ));
        }
    }
    for with_transfers in [false, true] {
        let estate = EstateOptions {
            seed: options.seed,
            districts: 3,
            students_per_district: students.max(LEAST_STUDENTS),
            with_transfers,
        };
        if with_transfers && options.quick {
            continue;
        }
        let dir = tempfile::tempdir().context("make a directory")?;
        let found = by_init::prove(dir.path(), estate, &runtime)?;
        let is_whole = options.quick || found.missed.is_empty();
        passed &= found.rows > 0 && found.problems.is_empty() && is_whole;
        for problem in found.problems.iter().chain(&found.missed) {
            say(&format!("5 PostgreSQL stores, by init: {problem}"));
        }
        let transfers = if with_transfers {
            " with transfers"
        } else {
            ""
        };
        figures.push(format!("5 PostgreSQL stores{transfers}: {}", found.text()));
    }
    let verdict = if passed {
        "equal to the answer key, 0 rows of others"
    } else {
        "NOT equal"
    };
    Ok(Proof {
        figures: format!("{}; {verdict}", figures.join("; ")),
        passed,
    })
}

struct OneEstate<'a> {
    world: &'a World,
    runtime: &'a tokio::runtime::Runtime,
    setting: Setting,
    problems: Vec<String>,
}

impl OneEstate<'_> {
    /// Extracts every district and compares; gives the number of rows.
    fn extraction(&mut self) -> Result<u64> {
        let mut rows = 0;
        for district in self.world.estate.answer_key.districts.keys() {
            let differences = compare(self.world, *district, &mut rows)?;
            let named = |difference| format!("district {district}: {difference}");
            self.problems.extend(differences.into_iter().map(named));
        }
        Ok(rows)
    }

    /// Migrates one district beside others and takes it out again: no row of others changes, every
    /// join of the answer key holds under the masks, undo restores every store, PROD is as it was.
    fn journey(&mut self) -> Result<String> {
        let prod = digest::digest(&digest::source_rows(self.world, self.runtime)?);
        let before = digest::rows(self.world, self.runtime)?;
        let product = self.world.product()?;
        let migrated = product.must(&["migrate", DISTRICT, "--output", "json"])?;
        let loaded = digest::rows(self.world, self.runtime)?;
        let lost = digest::lost(&before, &loaded);
        if lost > 0 {
            self.problems.push(format!("{lost} rows of others changed"));
        }
        for store in StoreId::ALL {
            let prefix = format!("{}.", store.as_str());
            let count = |rows: &digest::Rows| -> usize {
                let of_store = rows.iter().filter(|(table, _)| table.starts_with(&prefix));
                of_store.map(|(_, rows)| rows.len()).sum()
            };
            if count(&loaded) <= count(&before) {
                self.problems
                    .push(format!("nothing arrived in {}", store.as_str()));
            }
        }
        let joins = joins::check(self.world, DISTRICT.parse()?, &mut self.problems)?;
        let run = run_of(&migrated.out)?;
        product.must(&["rollback", &run])?;
        let undone = digest::rows(self.world, self.runtime)?;
        if undone != before {
            self.problems.push("undo did not restore CERT".to_owned());
        }
        if digest::digest(&digest::source_rows(self.world, self.runtime)?) != prod {
            self.problems.push("PROD changed".to_owned());
        }
        Ok(format!(
            ", {joins} key joins kept under masks in {}, undo exact in all stores, {lost} rows of others changed",
            self.setting.as_str()
        ))
    }
}

/// The run that `migrate --output json` names.
pub(crate) fn run_of(out: &str) -> Result<String> {
    let end: serde_json::Value = serde_json::from_str(out).context("read the result of migrate")?;
    let run = end["run"].as_str().context("find the run's name")?;
    Ok(run.to_owned())
}

fn compare(world: &World, district: u32, rows: &mut u64) -> Result<Vec<String>> {
    world.product()?.must(&["extract", &district.to_string()])?;
    differences(world, district, rows)
}

/// What the newest raw artifact of a district has, against the answer key; counts its rows.
pub(crate) fn differences(world: &World, district: u32, rows: &mut u64) -> Result<Vec<String>> {
    let extracted = read_raw(world, district)?;
    let answer = &world.estate.answer_key.districts[&district].tables;
    let names: BTreeSet<&String> = extracted.keys().chain(answer.keys()).collect();
    let empty = TableAnswer::default();
    let mut differences = Vec::new();
    for name in names {
        let got = extracted.get(name).unwrap_or(&empty);
        let wanted = answer.get(name).unwrap_or(&empty);
        *rows += got.row_count() as u64;
        for (what, got, wanted) in [
            ("own", &got.own, &wanted.own),
            ("shared", &got.shared, &wanted.shared),
            ("stubs", &got.stubs, &wanted.stubs),
        ] {
            let missing = wanted.difference(got).count();
            let surplus = got.difference(wanted).count();
            if missing + surplus > 0 {
                differences.push(format!(
                    "{name} {what}: {missing} missing, {surplus} too many"
                ));
            }
        }
    }
    Ok(differences)
}

/// The keys of the newest raw artifact of a district, by membership.
fn read_raw(world: &World, district: u32) -> Result<Extracted> {
    let artifact = newest_raw(world, district)?;
    artifact.verify()?;
    let mut extracted = Extracted::new();
    for table in &artifact.manifest().tables {
        let (spec, kind) = spec_of(world, &table.table)?;
        let name = spec.full_name();
        let mut answer = TableAnswer::default();
        let mut numbers: BTreeMap<Vec<String>, u32> = BTreeMap::new();
        for part in artifact.rows(&table.table) {
            let (batch, membership) = part?;
            for (mut row, membership) in keys(spec, kind, &batch)?.into_iter().zip(membership) {
                if spec.is_keyless() {
                    let number = numbers.entry(row.clone()).or_default();
                    *number += 1;
                    row.push(number.to_string());
                }
                let set = match membership {
                    Membership::Own => &mut answer.own,
                    Membership::Shared => &mut answer.shared,
                    Membership::Stub => &mut answer.stubs,
                };
                if !set.insert(row) {
                    bail!("a row of {name} is in the artifact twice");
                }
            }
        }
        extracted.insert(name, answer);
    }
    extracted.retain(|_, answer| answer.row_count() > 0);
    Ok(extracted)
}

/// What the estate knows of a table, and the kind of its store.
pub(crate) fn spec_of(world: &World, table: &TableRef) -> Result<(&'static TableSpec, EstateKind)> {
    let is_one = |spec: &&&TableSpec| {
        let kind = world.kinds.of(spec.store);
        let schema = match kind {
            EstateKind::Neo4j => format!("{}.", table.schema),
            _ => String::new(),
        };
        spec.name_in(kind) == format!("{}.{schema}{}", table.store, table.table)
    };
    let found = redistrict_estate::TABLES.iter().find(is_one);
    let spec = found.with_context(|| format!("{table} is no table of the estate"))?;
    Ok((spec, world.kinds.of(spec.store)))
}

/// The texts of each row's key; of a keyless row those of all its columns.
pub(crate) fn keys(
    spec: &TableSpec,
    kind: EstateKind,
    batch: &RecordBatch,
) -> Result<Vec<Vec<String>>> {
    let columns = if spec.is_keyless() {
        spec.columns
    } else {
        spec.key
    };
    let mut rows = vec![Vec::new(); batch.num_rows()];
    for column in columns {
        let column = spec.column_in(kind, column);
        let cells = keys_of(batch, &[column.to_owned()]);
        for (row, cell) in rows.iter_mut().zip(cells) {
            let text = cell.and_then(|cell| cell.parts().first().map(|part| part.to_string()));
            // The server's text of a host's address has its whole length as netmask.
            let text = text.map(|text| text.trim_end_matches("/32").to_owned());
            if text.is_none() && !spec.is_keyless() {
                bail!("a row of {} has no key", spec.full_name());
            }
            row.push(text.unwrap_or_else(|| NULL_TEXT.to_owned()));
        }
    }
    Ok(rows)
}

/// The root key of a world's product.
pub(crate) fn root_key(world: &World) -> Result<RootKey> {
    let text = std::fs::read(world.dir.join(".redistrict/key")).context("read the key")?;
    Ok(RootKey::new(&text)?)
}

/// The directories of a world's product.
pub(crate) fn layout(world: &World) -> Layout {
    Layout {
        data_dir: world.dir.join("data"),
        log_dir: world.dir.join("logs"),
        state_dir: world.dir.join(".redistrict"),
    }
}

/// The newest sealed raw artifact of a district.
pub(crate) fn newest_raw(world: &World, district: u32) -> Result<Artifact> {
    let key = root_key(world)?;
    let parent: PathBuf = layout(world).raw_of(&DistrictId::new(district.to_string()), &key);
    let dir = Artifact::newest(&parent).context("no raw artifact was sealed")?;
    Ok(Artifact::open(&dir, &key)?)
}
