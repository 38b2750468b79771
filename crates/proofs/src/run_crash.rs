//! `prove run-crash`: the migration is killed at effect points of every phase, resumed, and must end
//! in the CERT of an undisturbed run, with nothing left behind.

use std::path::Path;

use anyhow::{Context, Result, bail};
use redistrict_estate::{EstateKind, EstateOptions};

use crate::digest;
use crate::world::World;
use crate::{Options, Proof, say};

const DISTRICT: &str = "2";
const PHASES: [&str; 5] = [
    "Extraction",
    "Anonymization",
    "Validation",
    "Loading",
    "Reporting",
];

/// An effect point of the golden run.
#[derive(Clone, Debug)]
struct Point {
    number: u64,
    name: String,
    phase: &'static str,
    /// After the first effect on CERT and before the end of the last commit.
    is_between: bool,
}

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let mut figures = Vec::new();
    let mut passed = true;
    for (kind, kills) in [
        (
            EstateKind::Sqlite,
            if options.quick { 22 } else { usize::MAX },
        ),
        (
            EstateKind::Postgres,
            if options.quick { 12 } else { usize::MAX },
        ),
    ] {
        let matrix = Matrix {
            kind,
            options,
            runtime: &runtime,
        };
        let (golden, points) = matrix.golden()?;
        let chosen = choose(&points, kills, kind);
        let mut good = 0;
        for point in &chosen {
            match matrix.kill_at(point, &golden)? {
                None => good += 1,
                Some(problem) => {
                    passed = false;
                    say(&format!("{} {}: {problem}", kind.as_str(), point.name));
                }
            }
        }
        let per_phase: Vec<String> = PHASES
            .iter()
            .map(|phase| {
                let count = chosen.iter().filter(|point| point.phase == *phase).count();
                format!("{phase} {count}")
            })
            .collect();
        let between = chosen.iter().filter(|point| point.is_between).count();
        passed &= good == chosen.len() && !chosen.is_empty();
        figures.push(format!(
            "{}: {good} of {} kills (of {} points; {}; {between} between first write and last commit)",
            kind.as_str(),
            chosen.len(),
            points.len(),
            per_phase.join(", ")
        ));
    }
    Ok(Proof {
        figures: figures.join("; "),
        passed,
    })
}

struct Matrix<'a> {
    kind: EstateKind,
    options: Options,
    runtime: &'a tokio::runtime::Runtime,
}

impl Matrix<'_> {
    fn world(&self, dir: &Path) -> Result<World> {
        let estate = EstateOptions {
            seed: self.options.seed,
            students_per_district: 8,
            ..EstateOptions::default()
        };
        let world = World::create(dir, self.kind, estate, self.runtime)?;
        // Pseudonyms depend on the key: every run of the matrix has the same one.
        let key = world.dir.join(".redistrict/key");
        redistrict_artifact::write_atomic(&key, "5a".repeat(32).as_bytes())?;
        Ok(world)
    }

    fn digest(&self, world: &World) -> Result<String> {
        Ok(digest::digest(&digest::rows(
            self.kind,
            &world.targets,
            self.runtime,
        )?))
    }

    /// The undisturbed run: CERT's digest afterwards, and every effect point it passes.
    fn golden(&self) -> Result<(String, Vec<Point>)> {
        let dir = tempfile::tempdir().context("make a directory")?;
        let world = self.world(dir.path())?;
        let before = self.digest(&world)?;
        let trace = dir.path().join("points.txt");
        let fault = format!("trace:{}", trace.display());
        world.faulty(&fault)?.must(&["migrate", DISTRICT])?;
        let after = self.digest(&world)?;
        if before == after {
            bail!("the undisturbed run changed nothing");
        }
        let text = std::fs::read_to_string(&trace).context("read the points")?;
        Ok((after, read_points(&text)))
    }

    /// Kills a new migration at a point and resumes it; gives what is wrong.
    fn kill_at(&self, point: &Point, golden: &str) -> Result<Option<String>> {
        let dir = tempfile::tempdir().context("make a directory")?;
        let world = self.world(dir.path())?;
        let killed = world
            .faulty(&format!("kill:{}", point.number))?
            .run(&["migrate", DISTRICT])?;
        if killed.status.code().is_some() {
            return Ok(Some(format!(
                "was not killed: {}\n{}",
                killed.status, killed.err
            )));
        }
        // Killed before its first event a run does not exist: it is started again.
        let resumed = world.product()?.run(&["resume"])?;
        let resumed = if resumed.status.code() == Some(2) && point.name.ends_with("run-started") {
            world.product()?.run(&["migrate", DISTRICT])?
        } else {
            resumed
        };
        if !resumed.status.success() {
            return Ok(Some(format!(
                "resume ended with {}:\n{}",
                resumed.status, resumed.err
            )));
        }
        if self.digest(&world)? != golden {
            return Ok(Some("CERT differs from the undisturbed run".to_owned()));
        }
        let mut left = digest::leftovers(self.kind, &world.targets, self.runtime)?;
        left.extend(digest::temporary_files(&world.dir)?);
        say(&format!(
            "{} {} {}: resumed",
            self.kind.as_str(),
            point.number,
            point.name
        ));
        Ok((!left.is_empty()).then(|| format!("left behind: {}", left.join(", "))))
    }
}

fn read_points(text: &str) -> Vec<Point> {
    let mut phase = PHASES[0];
    let mut is_between = false;
    let lines: Vec<&str> = text.lines().collect();
    let last_commit = lines
        .iter()
        .rposition(|line| line.contains("after cert commit"));
    text.lines()
        .enumerate()
        .filter_map(|(at, line)| {
            let (number, name) = line.split_once(' ')?;
            if name.starts_with("before journal phase-started") {
                phase = PHASES
                    .iter()
                    .copied()
                    .find(|one| name.contains(one))
                    .unwrap_or(phase);
            }
            is_between |= name.starts_with("after cert");
            let point = Point {
                number: number.parse().ok()?,
                name: name.to_owned(),
                phase,
                is_between: is_between && last_commit.is_some_and(|last| at <= last),
            };
            Some(point)
        })
        .collect()
}

/// Spreads the kills: at least three in each phase, at least eight between the first write to CERT
/// and the end of the last commit; with two commit groups four between their commits.
fn choose(points: &[Point], kills: usize, kind: EstateKind) -> Vec<Point> {
    if kills >= points.len() {
        return points.to_vec();
    }
    let mut chosen: Vec<u64> = Vec::new();
    let mut take = |candidates: Vec<&Point>, wanted: usize| {
        for number in spread(&candidates, wanted) {
            if !chosen.contains(&number) {
                chosen.push(number);
            }
        }
    };
    if kind == EstateKind::Postgres {
        take(between_commits(points), 4);
    }
    take(points.iter().filter(|point| point.is_between).collect(), 8);
    if kind == EstateKind::Sqlite {
        for phase in PHASES {
            take(
                points.iter().filter(|point| point.phase == phase).collect(),
                3,
            );
        }
    }
    let missing = kills.saturating_sub(chosen.len());
    let rest: Vec<&Point> = points
        .iter()
        .filter(|point| !chosen.contains(&point.number))
        .collect();
    chosen.extend(spread(&rest, missing));
    points
        .iter()
        .filter(|point| chosen.contains(&point.number))
        .cloned()
        .collect()
}

/// Points after the first group's commit and before the last group's.
fn between_commits(points: &[Point]) -> Vec<&Point> {
    let commits: Vec<usize> = (0..points.len())
        .filter(|at| points[*at].name.starts_with("after cert commit"))
        .collect();
    match (commits.first(), commits.last()) {
        (Some(first), Some(last)) if first < last => points[*first..*last].iter().collect(),
        _ => Vec::new(),
    }
}

fn spread(candidates: &[&Point], wanted: usize) -> Vec<u64> {
    let count = wanted.min(candidates.len());
    (0..count)
        .map(|at| candidates[at * candidates.len() / count].number)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_fall_into_every_phase_and_around_the_commits() {
        let mut lines: Vec<String> = Vec::new();
        let mut add = |name: &str| lines.push(format!("{} {name}", lines.len() + 1));
        for phase in PHASES {
            add(&format!("before journal phase-started {phase}"));
            for _ in 0..10 {
                add("after journal unit-done");
                if phase == "Loading" {
                    add("after cert stage ids");
                    add("after cert commit ids");
                }
            }
        }
        let points = read_points(&lines.join("\n"));
        let chosen = choose(&points, 22, EstateKind::Sqlite);
        for phase in PHASES {
            assert!(
                chosen.iter().filter(|point| point.phase == phase).count() >= 3,
                "{phase}"
            );
        }
        assert!(chosen.iter().filter(|point| point.is_between).count() >= 8);
        let chosen = choose(&points, 12, EstateKind::Postgres);
        assert!(chosen.len() >= 12);
    }
}
