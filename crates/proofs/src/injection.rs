//! `prove injection`: hostile texts as names of everything that has a name, and as district keys, in
//! stores of all kinds. Every name is moved exactly or refused by name before a row moves; no text of a
//! database makes an object, a row, a file, a line of the terminal or markup of a report.

mod before;
mod control;
mod graph;
mod journey;
mod names;
mod place;
mod printed;
mod relational;
mod said;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use redistrict_testkit::neo4j::Neo4jPair;
use redistrict_testkit::postgres::TestServer;

use self::journey::Outcome;
use self::names::{Role, holds};
use self::place::{Kind, Servers};
use self::shape::Batch;
use crate::{Options, Proof, say};

type Names = BTreeMap<Role, Vec<String>>;

/// How much of a proof there is.
#[derive(Clone, Copy)]
struct Size {
    /// Names of each role.
    count: usize,
    /// Worlds of each kind that share the names, with one district each; all other districts are in one
    /// more world, whose names are plain.
    worlds: usize,
}

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let size = match options.quick {
        true => Size {
            count: 15,
            worlds: 2,
        },
        false => Size {
            count: 100,
            worlds: 4,
        },
    };
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let dir = tempfile::tempdir().context("make a directory")?;
    let bait = bait(dir.path())?;
    let marker = format!("{}/", bait.display());
    let names = names::generate(options.seed, size.count, 0, &marker);
    let graphs = runtime.block_on(Neo4jPair::take());
    let servers = Servers {
        runtime: &runtime,
        postgres: TestServer::start(),
        graphs: &graphs,
        bait: &bait,
    };
    let mut all = Outcome::default();
    let mut figures = Vec::new();
    let careless = careless(
        options.seed,
        &marker,
        dir.path(),
        &servers,
        &mut all.problems,
    )?;
    std::fs::remove_dir_all(&bait).context("clear the bait")?;
    self::bait(dir.path())?;
    let outcomes = std::thread::scope(|scope| {
        let started = Kind::ALL.map(|kind| {
            let (names, servers, dir) = (&names, &servers, dir.path());
            scope.spawn(move || all_of(kind, names, size, dir, servers))
        });
        started.map(|one| {
            one.join()
                .map_err(|_| anyhow!("a world panicked"))
                .flatten()
        })
    });
    for (kind, outcome) in Kind::ALL.into_iter().zip(outcomes) {
        let outcome = outcome.with_context(|| format!("in {}", kind.as_str()))?;
        figures.push(format!(
            "{}: {} moved with {} rows, {} refused",
            kind.as_str(),
            outcome.placed.len(),
            outcome.rows,
            outcome.refused.len()
        ));
        judge(kind, &outcome, &names, &mut all.problems);
        all.placed.extend(outcome.placed);
        all.refused.extend(outcome.refused);
        all.injected += outcome.injected;
        all.pasted += outcome.pasted;
        all.statements += outcome.statements;
        all.problems.extend(outcome.problems);
    }
    let told: BTreeSet<_> = all.placed.union(&all.refused).collect();
    let wanted: usize = names.values().map(Vec::len).sum();
    if told.len() != wanted || all.pasted == 0 || all.statements == 0 {
        all.problems.push("not all was tried".to_owned());
    }
    Ok(Proof {
        figures: format!(
            "{} of {wanted} hostile names; {}; {} printed commands pasted; {} statements seen by PROD's \
             servers, those outside of the closed set are problems; {careless} changes by a careless client seen; {} injected, {} problems",
            told.len(),
            figures.join("; "),
            all.pasted,
            all.statements,
            all.injected,
            all.problems.len()
        ),
        passed: all.injected == 0 && all.problems.is_empty(),
    })
}

/// The directory that payloads write to: every server may.
fn bait(dir: &Path) -> Result<std::path::PathBuf> {
    let bait = dir.join("w");
    std::fs::create_dir_all(&bait).context("make a directory")?;
    std::fs::set_permissions(dir, Permissions::from_mode(0o711)).context("open a directory")?;
    std::fs::set_permissions(&bait, Permissions::from_mode(0o777)).context("open a directory")?;
    Ok(bait)
}

/// The control: with names of every role a careless client has to change something that is seen.
fn careless(
    seed: u64,
    marker: &str,
    dir: &Path,
    servers: &Servers<'_>,
    problems: &mut Vec<String>,
) -> Result<usize> {
    // Other numbers than those of the worlds, where one server serves both.
    let names = names::generate(seed, names::all(), 20_000, marker);
    let mut changes = 0;
    for kind in Kind::ALL {
        let dir = dir.join(format!("{}-control", kind.as_str()));
        let seen = control::careless(kind, &names, &dir, servers)?;
        say(&format!("{}: a careless client: {seen:?}", kind.as_str()));
        for (role, count) in seen {
            changes += count;
            if count == 0 {
                problems.push(format!("{}: {role:?} harms nobody", kind.as_str()));
            }
        }
    }
    Ok(changes)
}

/// Every name that a kind can have was moved or refused, and some were moved.
fn judge(kind: Kind, outcome: &Outcome, names: &Names, problems: &mut Vec<String>) {
    let known = problems.len();
    for (role, name) in &outcome.refused {
        say(&format!(
            "{}: refused by name: {role:?} {name:?}",
            kind.as_str()
        ));
    }
    let is_told = |role: Role, name: &String| {
        let name = (role, name.clone());
        outcome.placed.contains(&name) || outcome.refused.contains(&name)
    };
    for role in kind.roles() {
        let missing = names[role]
            .iter()
            .filter(|name| holds(kind, *role, name) && !is_told(*role, name))
            .count();
        if missing > 0 {
            problems.push(format!(
                "{}: {missing} names were not tried as {role:?}",
                kind.as_str()
            ));
        }
        if !outcome.placed.iter().any(|(placed, _)| placed == role) {
            problems.push(format!("{}: no {role:?} was moved", kind.as_str()));
        }
    }
    if outcome.rows == 0 {
        problems.push(format!("{}: no row was moved", kind.as_str()));
    }
    problems[known..].iter().for_each(|problem| say(problem));
}

/// All worlds of a kind, one after the other.
fn all_of(
    kind: Kind,
    names: &Names,
    size: Size,
    dir: &Path,
    servers: &Servers<'_>,
) -> Result<Outcome> {
    let dir = |world: &str| dir.join(format!("{}-{world}", kind.as_str()));
    let own = control::own_objects(kind, &dir("plain"), servers)?;
    let mut all = Outcome::default();
    for world in 0..=size.worlds {
        let batch = batch(kind, names, size.worlds, world);
        let outcome = journey::travel(kind, batch, &dir(&world.to_string()), servers, &own)
            .with_context(|| format!("world {world}"))?;
        say(&format!(
            "{} {world}: {} moved with {} rows, {} refused, {} injected, {} problems",
            kind.as_str(),
            outcome.placed.len(),
            outcome.rows,
            outcome.refused.len(),
            outcome.injected,
            outcome.problems.len()
        ));
        all.placed.extend(outcome.placed);
        all.refused.extend(outcome.refused);
        all.rows += outcome.rows;
        all.pasted += outcome.pasted;
        all.statements += outcome.statements;
        all.injected += outcome.injected;
        for problem in outcome.problems.iter().take(20) {
            say(&format!("{} {world}: {problem}", kind.as_str()));
        }
        all.problems.extend(outcome.problems);
    }
    Ok(all)
}

/// The names of one world. In SQLite, which folds case, names that come together stand apart.
fn batch(kind: Kind, names: &Names, worlds: usize, world: usize) -> Batch {
    let mine = |role: &Role| {
        let all: Vec<&String> = names[role]
            .iter()
            .filter(|name| holds(kind, *role, name))
            .collect();
        let per_world = all.len().div_ceil(worlds);
        let is_mine = |place: usize| match kind {
            Kind::Sqlite => place % worlds == world,
            _ => place / per_world == world,
        };
        let texts = all.into_iter().enumerate();
        let texts = texts.filter(|(place, _)| is_mine(*place));
        (*role, texts.map(|(_, text)| text.clone()).collect())
    };
    // What a journey costs differs: SQLite gets half of the districts, Neo4j a sixth.
    let turns: &[usize] = match kind {
        Kind::Sqlite => &[0, 2, 4],
        Kind::Postgres => &[1, 3],
        Kind::Neo4j => &[5],
    };
    let keys = names[&Role::DistrictKey].iter().enumerate();
    let keys = keys.filter(|(place, _)| turns.contains(&(place % 6)));
    let keys = keys.map(|(_, key)| key);
    let keys = keys.enumerate().filter(|(place, _)| match world {
        last if last == worlds => *place >= worlds,
        _ => *place == world,
    });
    Batch::new(
        kind.roles()
            .iter()
            .map(mine)
            .filter(|_| world < worlds)
            .collect(),
        keys.map(|(_, key)| key.clone()).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_a_world_of_each_kind_that_can_have_it() {
        let names = names::generate(3, 15, 0, "/m");
        let mut keys = Vec::new();
        for kind in Kind::ALL {
            for role in kind.roles() {
                let mut found: Vec<String> = Vec::new();
                for world in 0..=3 {
                    found.extend(batch(kind, &names, 3, world).take_all(*role));
                }
                found.sort();
                let all = names[role].iter().cloned();
                let mut wanted: Vec<String> = all.filter(|name| holds(kind, *role, name)).collect();
                wanted.sort();
                assert_eq!(found, wanted, "{kind:?} {role:?}");
            }
            keys.extend((0..=3).flat_map(|world| batch(kind, &names, 3, world).keys));
        }
        keys.sort();
        let mut wanted = names[&Role::DistrictKey].clone();
        wanted.sort();
        assert_eq!(keys, wanted);
    }
}
