//! `prove estate`: for every district of the generated estate, what is extracted equals the answer
//! key table by table, and no row of another district is among it; on SQLite and on PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use redistrict_artifact::{Artifact, Layout, RootKey, keys_of};
use redistrict_estate::{EstateKind, EstateOptions, TableAnswer};
use redistrict_model::{DistrictId, Membership};

use crate::world::World;
use crate::{Options, Proof, say};

/// `own`, `shared`, `stubs` of each table.
type Extracted = BTreeMap<String, TableAnswer>;

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let students = if options.quick { 60 } else { 1_000 };
    let mut figures = Vec::new();
    let mut passed = true;
    for (kind, with_transfers) in [
        (EstateKind::Sqlite, false),
        (EstateKind::Sqlite, true),
        (EstateKind::Postgres, false),
        (EstateKind::Postgres, true),
    ] {
        let dir = tempfile::tempdir().context("make a directory")?;
        let estate = EstateOptions {
            seed: options.seed,
            districts: 3,
            students_per_district: students,
            with_transfers,
        };
        let world = World::create(dir.path(), kind, estate, &runtime)?;
        let mut rows = 0;
        for district in world.estate.answer_key.districts.keys() {
            let differences = compare(&world, *district, &mut rows)?;
            passed &= differences.is_empty();
            for difference in differences {
                say(&format!(
                    "{} district {district}: {difference}",
                    kind.as_str()
                ));
            }
        }
        passed &= rows > 0;
        let transfers = if with_transfers {
            " with transfers"
        } else {
            ""
        };
        figures.push(format!(
            "{}{transfers}: {rows} rows of 3 districts",
            kind.as_str()
        ));
    }
    let verdict = if passed {
        "equal to the answer key, 0 rows of others"
    } else {
        "NOT equal"
    };
    Ok(Proof {
        figures: format!("{}; {verdict}", figures.join(", ")),
        passed,
    })
}

fn compare(world: &World, district: u32, rows: &mut u64) -> Result<Vec<String>> {
    world.product()?.must(&["extract", &district.to_string()])?;
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
        let name = format!("{}.{}", table.table.store, table.table.table);
        let spec = redistrict_estate::TABLES
            .iter()
            .find(|spec| spec.full_name() == name)
            .with_context(|| format!("{name} is no table of the estate"))?;
        let key: Vec<String> = spec.key.iter().map(|column| (*column).to_owned()).collect();
        let mut answer = TableAnswer::default();
        for part in artifact.rows(&table.table) {
            let (batch, membership) = part?;
            for (row, membership) in keys_of(&batch, &key).into_iter().zip(membership) {
                let row = row.with_context(|| format!("a row of {name} has no key"))?;
                let row: Vec<String> = row.parts().iter().map(|part| part.to_string()).collect();
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
