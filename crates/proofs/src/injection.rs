//! `prove injection`: hostile texts as names of everything that has a name, and as district keys, in
//! stores of all kinds. Every name is moved exactly or refused by name before a row moves; no text of a
//! database makes an object, a row, a file, a line of the terminal or markup of a report.

mod graph;
mod journey;
mod names;
mod place;
mod relational;
mod said;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use redistrict_testkit::neo4j::Neo4jPair;
use redistrict_testkit::postgres::TestServer;

use self::journey::Outcome;
use self::names::Role;
use self::place::{Kind, Servers};
use self::shape::Batch;
use crate::{Options, Proof, say};

/// The roles of a kind's names; every kind has district keys, of which each gets a third.
fn roles(kind: Kind) -> &'static [Role] {
    match kind {
        Kind::Sqlite => &[Role::Table, Role::Column, Role::Constraint],
        Kind::Postgres => &[
            Role::Schema,
            Role::Table,
            Role::Column,
            Role::EnumLabel,
            Role::Type,
            Role::Constraint,
        ],
        Kind::Neo4j => &[
            Role::NodeLabel,
            Role::RelationshipType,
            Role::Property,
            Role::Constraint,
        ],
    }
}

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let (count, worlds) = if options.quick { (15, 3) } else { (100, 10) };
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let dir = tempfile::tempdir().context("make a directory")?;
    let marker = dir.path().join("x");
    let names = names::generate(options.seed, count, &marker.to_string_lossy());
    let graphs = runtime.block_on(Neo4jPair::take());
    let servers = Servers {
        runtime: &runtime,
        postgres: TestServer::start(),
        graphs: &graphs,
    };
    let outcomes = std::thread::scope(|scope| {
        let started = Kind::ALL.map(|kind| {
            let (names, servers, dir) = (&names, &servers, dir.path());
            scope.spawn(move || all_of(kind, names, worlds, dir, servers))
        });
        started.map(|one| {
            one.join()
                .map_err(|_| anyhow!("a world panicked"))
                .flatten()
        })
    });
    let mut all = Outcome::default();
    let mut figures = Vec::new();
    for (kind, outcome) in Kind::ALL.into_iter().zip(outcomes) {
        let outcome = outcome.with_context(|| format!("in {}", kind.as_str()))?;
        let is_moved = outcome.rows > 0 && !outcome.placed.is_empty();
        figures.push(format!(
            "{}: {} moved with {} rows, {} refused",
            kind.as_str(),
            outcome.placed.len(),
            outcome.rows,
            outcome.refused.len()
        ));
        for (role, name) in &outcome.refused {
            say(&format!(
                "{}: refused by name: {role:?} {name:?}",
                kind.as_str()
            ));
        }
        if !is_moved {
            all.problems
                .push(format!("{}: nothing moved", kind.as_str()));
        }
        all.placed.extend(outcome.placed);
        all.refused.extend(outcome.refused);
        all.injected += outcome.injected;
        all.problems.extend(outcome.problems);
    }
    all.injected += written(dir.path(), &mut all.problems)?;
    let told: BTreeSet<_> = all.placed.union(&all.refused).collect();
    let wanted = count * Role::ALL.len();
    let passed = all.injected == 0 && all.problems.is_empty() && told.len() == wanted;
    Ok(Proof {
        figures: format!(
            "{} of {wanted} hostile names; {}; {} injected, {} problems",
            told.len(),
            figures.join("; "),
            all.injected,
            all.problems.len()
        ),
        passed,
    })
}

/// All worlds of a kind, one after the other.
fn all_of(
    kind: Kind,
    names: &BTreeMap<Role, Vec<String>>,
    worlds: usize,
    dir: &Path,
    servers: &Servers<'_>,
) -> Result<Outcome> {
    let mut all = Outcome::default();
    for world in 0..worlds {
        let outcome = journey::travel(
            kind,
            batch(kind, names, worlds, world),
            &dir.join(format!("{}-{world}", kind.as_str())),
            servers,
        )
        .with_context(|| format!("world {world}"))?;
        all.placed.extend(outcome.placed);
        all.refused.extend(outcome.refused);
        all.rows += outcome.rows;
        all.injected += outcome.injected;
        for problem in outcome.problems.iter().take(20) {
            say(&format!("{} {world}: {problem}", kind.as_str()));
        }
        all.problems.extend(outcome.problems);
    }
    Ok(all)
}

/// The names of one world. In SQLite, which folds case, names that come together stand apart.
fn batch(kind: Kind, names: &BTreeMap<Role, Vec<String>>, worlds: usize, world: usize) -> Batch {
    let mine = |role: &Role| {
        let all = &names[role];
        let texts: Vec<String> = match kind {
            Kind::Sqlite => all.iter().skip(world).step_by(worlds).cloned().collect(),
            _ => {
                let per_world = all.len().div_ceil(worlds);
                all.iter()
                    .skip(world * per_world)
                    .take(per_world)
                    .cloned()
                    .collect()
            }
        };
        (*role, texts)
    };
    let position = Kind::ALL.iter().position(|one| *one == kind).unwrap_or(0);
    let first = world * Kind::ALL.len() + position;
    let keys = &names[&Role::DistrictKey];
    let keys = keys
        .iter()
        .skip(first)
        .step_by(worlds * Kind::ALL.len())
        .cloned()
        .collect();
    Batch::new(roles(kind).iter().map(mine).collect(), keys)
}

/// What was written to the path of the payloads.
fn written(dir: &Path, problems: &mut Vec<String>) -> Result<usize> {
    let known: Vec<String> = Kind::ALL
        .iter()
        .map(|kind| format!("{}-", kind.as_str()))
        .collect();
    let mut count = 0;
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !known.iter().any(|prefix| name.starts_with(prefix)) {
            problems.push(format!("a payload wrote the file {name:?}"));
            count += 1;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_a_world_of_each_kind_that_has_its_role() {
        let names = names::generate(3, 15, "/m");
        let mut keys = Vec::new();
        for kind in Kind::ALL {
            for role in roles(kind) {
                let mut found: Vec<String> = Vec::new();
                for world in 0..3 {
                    found.extend(batch(kind, &names, 3, world).take_all(*role));
                }
                found.sort();
                let mut wanted = names[role].clone();
                wanted.sort();
                assert_eq!(found, wanted, "{kind:?} {role:?}");
            }
            keys.extend((0..3).flat_map(|world| batch(kind, &names, 3, world).keys));
        }
        keys.sort();
        let mut wanted = names[&Role::DistrictKey].clone();
        wanted.sort();
        assert_eq!(keys, wanted);
    }
}
