//! `prove load-crash`: a load, and its undo, into several databases of a district of some rows, killed before and
//! after every effect on CERT and on the journal, and with the answer to every effect lost; then resumed, now and then
//! with a second death. Every store is as before or as after at every instant, in the end all are as after an
//! undisturbed run, and nothing is left, no prepared commit either. The judge reads CERT with plain clients.

mod shapes;

use std::time::Instant;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::estate::run_of;
use crate::run_crash::points::read_points;
use crate::run_crash::{digests, write_key};
use crate::world::World;
use crate::{Options, Proof, digest, say};
use shapes::{Shape, Stand};

const DISTRICT: &str = "2";
/// So many disturbed runs of each kind the quick form does, spread over all.
const QUICK_RUNS: usize = 5;
/// Of so many deaths one is followed by a second one, while the first is mended.
const SECOND_SHARE: usize = 3;

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let runtime = Runtime::new().context("start the runtime")?;
    let mut stand = Stand::launch(options)?;
    let (mut figures, mut passed) = (Vec::new(), true);
    for shape in Shape::of(options) {
        stand.serve(shape, &runtime)?;
        for job in [Job::Load, Job::Undo] {
            let matrix = Matrix::new(&stand, shape, job, options, &runtime)?;
            let (line, is_good) = matrix.run(options)?;
            figures.push(line);
            passed &= is_good;
        }
    }
    Ok(Proof {
        figures: figures.join("; "),
        passed: passed && !figures.is_empty(),
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Load,
    Undo,
}

impl Job {
    fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Undo => "undo",
        }
    }
}

/// What goes wrong once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disturbance {
    /// The process dies at this effect point.
    Kill(u64),
    /// The same, and the process that resumes dies at another one.
    KillTwice(u64, u64),
    /// The answer to what was done right before this point is lost.
    Drop(u64),
}

/// One job in one shape, undisturbed, and where it can be disturbed.
struct Matrix<'a> {
    stand: &'a Stand,
    shape: Shape,
    job: Job,
    runtime: &'a Runtime,
    first: World,
    _home: TempDir,
    before: Vec<String>,
    after: Vec<String>,
    /// Number and name of every point of the phase.
    points: Vec<(u64, String)>,
}

impl<'a> Matrix<'a> {
    fn new(
        stand: &'a Stand,
        shape: Shape,
        job: Job,
        options: Options,
        runtime: &'a Runtime,
    ) -> Result<Self> {
        let start = Instant::now();
        let home = tempfile::tempdir().context("make a directory")?;
        let first = stand.first(shape, home.path(), options.seed, runtime)?;
        write_key(&first)?;
        let arguments = prepare(&first, job)?;
        let before = digests(&first, runtime)?;
        let trace = home.path().join("points.txt");
        let tracing = first.preparing(&format!("trace:{}", trace.display()))?;
        tracing.must(&as_texts(&arguments))?;
        let after = digests(&first, runtime)?;
        if before
            .iter()
            .zip(&after)
            .any(|(before, after)| before == after)
        {
            bail!(
                "{}: the undisturbed {} left a store as it was",
                shape.as_str(),
                job.as_str()
            );
        }
        let text = std::fs::read_to_string(&trace).context("read the points")?;
        let points = read_points(&text).into_iter();
        let points = points.filter(|point| point.phase == "Loading");
        let points: Vec<_> = points.map(|point| (point.number, point.name)).collect();
        say(&format!(
            "{}, {}: {} points, undisturbed after {} s",
            shape.as_str(),
            job.as_str(),
            points.len(),
            start.elapsed().as_secs()
        ));
        Ok(Self {
            stand,
            shape,
            job,
            runtime,
            first,
            _home: home,
            before,
            after,
            points,
        })
    }

    /// Every point is a death; every point behind an effect on CERT is a lost answer, too.
    fn disturbances(&self, seed: u64) -> Vec<Disturbance> {
        let mut next = numbers(seed);
        let mut all = Vec::new();
        for (at, (number, name)) in self.points.iter().enumerate() {
            all.push(match at % SECOND_SHARE {
                0 => {
                    let second = 1 + next(self.points.len()) as u64;
                    Disturbance::KillTwice(*number, second)
                }
                _ => Disturbance::Kill(*number),
            });
            if name.starts_with("after cert") {
                all.push(Disturbance::Drop(*number));
            }
        }
        all
    }

    fn run(&self, options: Options) -> Result<(String, bool)> {
        let all = self.disturbances(options.seed);
        let step = match options.quick {
            true => all.len().div_ceil(QUICK_RUNS).max(1),
            false => 1,
        };
        let first = usize::try_from(options.seed).unwrap_or_default() % step;
        let chosen: Vec<&Disturbance> = all.iter().skip(first).step_by(step).collect();
        let mut good = 0;
        for one in &chosen {
            match self.disturb(**one)? {
                None => {
                    good += 1;
                    say(&format!("{one:?} {}: as undisturbed", self.name(**one)));
                }
                Some(problem) => say(&format!(
                    "{}, {}, {one:?} ({}): {problem}",
                    self.shape.as_str(),
                    self.job.as_str(),
                    self.name(**one)
                )),
            }
        }
        let line = format!(
            "{}, {}: {good} of {} (of {}, at {} points)",
            self.shape.as_str(),
            self.job.as_str(),
            chosen.len(),
            all.len(),
            self.points.len()
        );
        say(&line);
        Ok((line, good == chosen.len() && !chosen.is_empty()))
    }

    fn name(&self, one: Disturbance) -> &str {
        let (Disturbance::Kill(at) | Disturbance::KillTwice(at, _) | Disturbance::Drop(at)) = one;
        let point = self.points.iter().find(|point| point.0 == at);
        point.map_or("", |point| &point.1)
    }

    /// Disturbs a new world; gives what is wrong in the end.
    fn disturb(&self, one: Disturbance) -> Result<Option<String>> {
        let dir = tempfile::tempdir().context("make a directory")?;
        let targets = self.stand.targets(self.shape, dir.path(), self.runtime)?;
        let world = self.first.beside_in(dir.path(), targets, self.runtime)?;
        write_key(&world)?;
        let arguments = prepare(&world, self.job)?;
        let fault = match one {
            Disturbance::Kill(at) | Disturbance::KillTwice(at, _) => format!("kill:{at}"),
            Disturbance::Drop(at) => format!("drop:{at}"),
        };
        let ended = world.preparing(&fault)?.run(&as_texts(&arguments))?;
        if let Some(problem) = self.torn(&world)? {
            return Ok(Some(problem));
        }
        if matches!(one, Disturbance::Drop(_)) {
            if !ended.status.success() {
                return Ok(Some(format!("ended with {}\n{}", ended.status, ended.err)));
            }
            return self.is_golden(&world);
        }
        if ended.status.code().is_some() {
            return Ok(Some(format!(
                "was not killed: {}\n{}",
                ended.status, ended.err
            )));
        }
        if let Disturbance::KillTwice(_, second) = one {
            world
                .preparing(&format!("kill:{second}"))?
                .run(&["resume"])?;
            if let Some(problem) = self.torn(&world)? {
                return Ok(Some(format!("after the second death {problem}")));
            }
        }
        let resumed = world.product()?.run(&["resume"])?;
        // Where the last event was written, or the resume before came to its end, there is nothing to resume.
        let had_ended = resumed.status.code() == Some(2) && resumed.err.contains("(succeeded)");
        if !resumed.status.success() && !had_ended {
            let (status, err) = (resumed.status, resumed.err);
            return Ok(Some(format!("resume ended with {status}\n{err}")));
        }
        self.is_golden(&world)
    }

    /// Which stores are neither before nor after.
    fn torn(&self, world: &World) -> Result<Option<String>> {
        let now = digests(world, self.runtime)?;
        let known = self.before.iter().zip(&self.after);
        let is_torn = now
            .iter()
            .zip(known)
            .any(|(now, (before, after))| now != before && now != after);
        Ok(is_torn.then(|| "a store is neither before nor after".to_owned()))
    }

    fn is_golden(&self, world: &World) -> Result<Option<String>> {
        if digests(world, self.runtime)? != self.after {
            return Ok(Some("CERT differs from the undisturbed run".to_owned()));
        }
        let left = digest::leftovers(world, self.runtime)?;
        Ok((!left.is_empty()).then(|| format!("left behind: {}", left.join(", "))))
    }
}

/// Brings a world to where the job begins; gives the job's command line.
fn prepare(world: &World, job: Job) -> Result<Vec<String>> {
    let migrate = ["migrate", DISTRICT];
    if job == Job::Load {
        return Ok(migrate.map(str::to_owned).to_vec());
    }
    let migrated = world
        .product()?
        .must(&["--output", "json", "migrate", DISTRICT])?;
    Ok(vec!["rollback".to_owned(), run_of(&migrated.out)?])
}

fn as_texts(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// Numbers that look random, the same ones for a seed.
fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or_default() % below.max(1)
    }
}
