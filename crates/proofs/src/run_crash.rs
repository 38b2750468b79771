//! `prove run-crash`: the migration of five stores is killed at effect points of every phase, or one of its
//! servers is; resumed, it must end in the CERT of an undisturbed run, with nothing left behind.

use std::path::Path;

use anyhow::{Context, Result, bail};
use redistrict_estate::{EstateOptions, StoreId};

use crate::digest;
use crate::servers::{Servers, Which};
use crate::world::{Setting, World};
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
    let sqlite = if options.quick { 16 } else { usize::MAX };
    let mut files = Matrix::new(Place::Files, options, &runtime)?;
    let (mut figures, mut passed) = files.kill_client(sqlite)?;
    // A kill on real servers takes seconds: the long form does what a long night allows.
    let clients = if options.quick { 6 } else { 30 };
    let mut real = Matrix::new(
        Place::Servers(Box::new(Servers::launch()?)),
        options,
        &runtime,
    )?;
    let mut lines = vec![real.kill_client(clients)?];
    if !options.quick {
        lines.push(real.kill_servers(5)?);
    }
    for (line, good) in lines {
        figures = format!("{figures}; {line}");
        passed &= good;
    }
    Ok(Proof { figures, passed })
}

/// Where the five stores are.
enum Place {
    Files,
    Servers(Box<Servers>),
}

struct Matrix<'a> {
    place: Place,
    options: Options,
    runtime: &'a tokio::runtime::Runtime,
    /// CERT before and after the undisturbed run, store by store.
    before: Vec<String>,
    after: Vec<String>,
    points: Vec<Point>,
}

impl<'a> Matrix<'a> {
    /// With the undisturbed run: CERT's digests, and every effect point it passes.
    fn new(place: Place, options: Options, runtime: &'a tokio::runtime::Runtime) -> Result<Self> {
        let mut matrix = Self {
            place,
            options,
            runtime,
            before: Vec::new(),
            after: Vec::new(),
            points: Vec::new(),
        };
        let dir = tempfile::tempdir().context("make a directory")?;
        let world = matrix.world(dir.path())?;
        let before = matrix.digests(&world)?;
        let trace = dir.path().join("points.txt");
        let fault = format!("trace:{}", trace.display());
        world.faulty(&fault)?.must(&["migrate", DISTRICT])?;
        let after = matrix.digests(&world)?;
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            if before == after {
                bail!("the undisturbed run changed nothing in store {at}");
            }
        }
        let text = std::fs::read_to_string(&trace).context("read the points")?;
        (matrix.before, matrix.after) = (before, after);
        matrix.points = read_points(&text);
        Ok(matrix)
    }

    fn name(&self) -> &'static str {
        match self.place {
            Place::Files => Setting::Sqlite.as_str(),
            Place::Servers(_) => Setting::Servers.as_str(),
        }
    }

    fn world(&self, dir: &Path) -> Result<World> {
        let estate = EstateOptions {
            seed: self.options.seed,
            students_per_district: 8,
            ..EstateOptions::default()
        };
        let world = match &self.place {
            Place::Files => World::create(dir, Setting::Sqlite, estate, self.runtime)?,
            Place::Servers(servers) => World::create_on(dir, servers, estate, self.runtime)?,
        };
        // Pseudonyms depend on the key: every run of the matrix has the same one.
        let key = world.dir.join(".redistrict/key");
        redistrict_artifact::write_atomic(&key, "5a".repeat(32).as_bytes())?;
        Ok(world)
    }

    /// One digest a store.
    fn digests(&self, world: &World) -> Result<Vec<String>> {
        let rows = digest::rows(world, self.runtime)?;
        let of_store = |store: StoreId| {
            let prefix = format!("{}.", store.as_str());
            let rows = rows.iter().filter(|(table, _)| table.starts_with(&prefix));
            digest::digest(&rows.map(|(t, r)| (t.clone(), r.clone())).collect())
        };
        Ok(StoreId::ALL.into_iter().map(of_store).collect())
    }

    /// Kills the client at so many points; figures, and whether all went well.
    fn kill_client(&mut self, kills: usize) -> Result<(String, bool)> {
        let chosen = choose(&self.points, kills);
        let mut good = 0;
        for point in &chosen {
            match self.kill_at(point)? {
                None => good += 1,
                Some(problem) => say(&format!("{} {}: {problem}", self.name(), point.name)),
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
        let line = format!(
            "{}: {good} of {} kills of the client (of {} points; {}; {between} between first write and last commit)",
            self.name(),
            chosen.len(),
            self.points.len(),
            per_phase.join(", ")
        );
        Ok((line, good == chosen.len() && !chosen.is_empty()))
    }

    /// Kills a new migration at a point and resumes it; gives what is wrong.
    fn kill_at(&self, point: &Point) -> Result<Option<String>> {
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
        let problem = self.resumed(&world, point)?;
        if problem.is_none() {
            say(&format!(
                "{} {} {}: resumed",
                self.name(),
                point.number,
                point.name
            ));
        }
        Ok(problem)
    }

    /// Each store is before or after; resuming makes it the undisturbed run; gives what is wrong.
    fn resumed(&self, world: &World, point: &Point) -> Result<Option<String>> {
        let stores = StoreId::ALL.into_iter().zip(self.digests(world)?);
        for ((store, now), (before, after)) in stores.zip(self.before.iter().zip(&self.after)) {
            if now != *before && now != *after {
                let name = store.as_str();
                return Ok(Some(format!("{name} is neither before nor after")));
            }
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
        self.is_golden(world)
    }

    /// CERT is that of the undisturbed run, the report says so, nothing is left behind.
    fn is_golden(&self, world: &World) -> Result<Option<String>> {
        if self.digests(world)? != self.after {
            return Ok(Some("CERT differs from the undisturbed run".to_owned()));
        }
        if !reports_success(&world.dir.join("data/reports"))? {
            return Ok(Some("no report says that the run succeeded".to_owned()));
        }
        let mut left = digest::leftovers(world, self.runtime)?;
        left.extend(digest::temporary_files(&world.dir)?);
        Ok((!left.is_empty()).then(|| format!("left behind: {}", left.join(", "))))
    }

    /// Kills each server at so many points of a run; figures, and whether all went well.
    fn kill_servers(&mut self, kills: usize) -> Result<(String, bool)> {
        let (mut good, mut all) = (0, 0);
        for which in Which::ALL {
            let candidates: Vec<&Point> = if which.is_prod() {
                let extraction = |point: &&Point| point.phase == PHASES[0];
                self.points.iter().filter(extraction).collect()
            } else {
                self.points
                    .iter()
                    .filter(|point| point.is_between)
                    .collect()
            };
            let chosen = spread(&candidates, kills);
            let chosen: Vec<Point> = self
                .points
                .iter()
                .filter(|point| chosen.contains(&point.number))
                .cloned()
                .collect();
            for point in chosen {
                all += 1;
                let name = which.as_str();
                match self.kill_server_at(which, &point)? {
                    None => {
                        good += 1;
                        say(&format!("{name} killed at {}: resumed", point.name));
                    }
                    Some(problem) => say(&format!("{name} killed at {}: {problem}", point.name)),
                }
            }
        }
        let line = format!(
            "{good} of {all} kills of a server, each of {}",
            Which::ALL.len()
        );
        Ok((line, good == all && all > 0))
    }

    fn kill_server_at(&mut self, which: Which, point: &Point) -> Result<Option<String>> {
        let dir = tempfile::tempdir().context("make a directory")?;
        let world = self.world(dir.path())?;
        let product = world.faulty(&format!("pause:{}", point.number))?;
        let Place::Servers(servers) = &mut self.place else {
            bail!("files have no server");
        };
        let (ended, was_paused) =
            product.run_paused(&["migrate", DISTRICT], || servers.kill(which))?;
        if !was_paused {
            return Ok(Some(format!(
                "was not paused: {}\n{}",
                ended.status, ended.err
            )));
        }
        servers.start_again(which)?;
        let Some(code) = ended.status.code() else {
            return Ok(Some("the client died with the server".to_owned()));
        };
        match code {
            // The server was not needed any more, or was only read.
            0 => self.is_golden(&world),
            // A run that did not start has nothing to resume.
            4 | 7 | 8 => self.resumed(&world, point),
            _ => Ok(Some(format!("ended with {code}:\n{}", ended.err))),
        }
    }
}

/// One of the JSON reports says that its run succeeded.
fn reports_success(dir: &Path) -> Result<bool> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let text = std::fs::read_to_string(&path).context("read a report")?;
            let report: serde_json::Value = serde_json::from_str(&text).context("read a report")?;
            if report["status"] == "SUCCESS" || report["status"] == "success" {
                return Ok(true);
            }
        }
    }
    Ok(false)
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

/// Spreads the kills over all phases, with weight on what lies between the first write to CERT and the
/// end of the last commit, and on what lies between the commits of several groups.
fn choose(points: &[Point], kills: usize) -> Vec<Point> {
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
    take(between_commits(points), kills.div_ceil(5));
    take(
        points.iter().filter(|point| point.is_between).collect(),
        kills.div_ceil(4),
    );
    for phase in PHASES {
        take(
            points.iter().filter(|point| point.phase == phase).collect(),
            kills.div_ceil(10),
        );
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
        for kills in [6, 16, 30] {
            let chosen = choose(&points, kills);
            assert!(chosen.len() >= kills);
            for phase in PHASES {
                assert!(chosen.iter().any(|point| point.phase == phase), "{phase}");
            }
            let between = chosen.iter().filter(|point| point.is_between).count();
            assert!(between >= kills / 4, "{between} of {kills}");
        }
    }
}
