//! `prove load-crash`: a load into four databases, and its undo, of a district of 30 rows, killed before and after every
//! effect on CERT and on the journal, and with the answer to every effect lost; then resumed, for some with a second
//! fault while the first is mended. Every store is as before or as after at every instant, in the end all are as after an
//! undisturbed run, and nothing is left, no prepared commit either. The judge reads CERT with plain clients.

mod stand;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use redistrict_testkit::postgres;
use redistrict_testkit::types::Random;
use tokio::runtime::Runtime;

use crate::child::Ended;
use crate::faults::STRUCK;
use crate::micro::effects::{Disturbance, Effect, each, pairs};
use crate::micro::judge::Judge;
use crate::micro::site::{Job, Scene, Site};
use crate::micro::{Urls, places};
use crate::{Options, Proof, digest, say};
use stand::{SITES, Shape, Stand};

/// Of so many disturbed runs the quick form does one.
const QUICK_SHARE: usize = 20;
/// So many pairs of faults a job has in each shape.
const PAIRS: usize = 30;
/// After so many runs a line says so.
const TOLD_EVERY: usize = 50;
/// A resume takes no longer.
const RESUMED_WITHIN: Duration = Duration::from_secs(60);

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let runtime = Runtime::new().context("start the runtime")?;
    let mut stand = Stand::launch(options)?;
    let mut all = Vec::new();
    for shape in Shape::of(options) {
        stand.serve(shape, &runtime)?;
        all.extend(
            Matrix {
                stand: &stand,
                shape,
                options,
                runtime: &runtime,
            }
            .run()?,
        );
    }
    let pairs: usize = all.iter().map(|shown| shown.struck_twice).sum();
    let slowest = all
        .iter()
        .map(|shown| shown.slowest)
        .max()
        .unwrap_or_default();
    let lines: Vec<String> = all.iter().map(Shown::line).collect();
    Ok(Proof {
        figures: format!(
            "{}; {pairs} second faults struck, longest resume {:.1} s",
            lines.join("; "),
            slowest.as_secs_f64()
        ),
        passed: !all.is_empty() && all.iter().all(Shown::is_good),
    })
}

/// What became of the disturbed runs of a job in a shape.
#[derive(Debug, Default)]
struct Shown {
    name: String,
    effects: usize,
    /// All that could be disturbed, without pairs.
    possible: usize,
    done: usize,
    held: usize,
    struck_twice: usize,
    slowest: Duration,
}

impl Shown {
    fn line(&self) -> String {
        format!(
            "{}: {} of {} held (3·{} = {}, and {} pairs)",
            self.name, self.held, self.done, self.effects, self.possible, self.struck_twice
        )
    }

    fn is_good(&self) -> bool {
        self.done > 0 && self.held == self.done
    }

    fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.held += other.held;
        self.struck_twice += other.struck_twice;
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// One shape: both jobs, at each site.
struct Matrix<'a> {
    stand: &'a Stand,
    shape: Shape,
    options: Options,
    runtime: &'a Runtime,
}

impl Matrix<'_> {
    fn run(&self) -> Result<Vec<Shown>> {
        let start = Instant::now();
        let home = tempfile::tempdir().context("make a directory")?;
        let prod = self.stand.prod(self.shape, home.path(), self.runtime)?;
        let before = self.prod_state(&prod)?;
        let sites = at_each(&[0, 1], |number| self.site(*number, &prod))?;
        let [(_, first), (_, second)] = &sites[..] else {
            bail!("{} sites", sites.len());
        };
        ensure!(
            first
                .iter()
                .zip(second)
                .all(|(one, other)| one.golden == other.golden),
            "undisturbed runs differ"
        );
        let seconds = start.elapsed().as_secs();
        say(&format!(
            "{}: undisturbed after {seconds} s",
            self.shape.as_str()
        ));
        let mut shown = Vec::new();
        for (at, job) in Job::ALL.into_iter().enumerate() {
            let scenes: Vec<_> = sites
                .iter()
                .map(|(site, scenes)| (site, &scenes[at]))
                .collect();
            shown.push(self.disturb_all(job, &scenes)?);
        }
        ensure!(self.prod_state(&prod)? == before, "PROD changed");
        Ok(shown)
    }

    fn site(&self, number: usize, prod: &Urls) -> Result<(Site<'_>, [Scene; 2])> {
        let home = tempfile::tempdir().context("make a directory")?;
        let cert = self
            .stand
            .cert(self.shape, number, home.path(), self.runtime)?;
        let site = Site::make(home, self.shape.notes(), prod.clone(), cert, self.runtime)?;
        let scenes = site.scenes()?;
        Ok((site, scenes))
    }

    /// The rows of PROD, and what its servers counted as written.
    fn prod_state(&self, prod: &Urls) -> Result<Vec<String>> {
        let places = places(self.shape.notes(), prod);
        let rows = digest::rows_in(places, self.runtime)?;
        let mut state = vec![digest::digest(&rows)];
        for place in places
            .into_iter()
            .filter(|place| place.url.starts_with("postgres"))
        {
            let sql = "select concat_ws(' ', tup_inserted, tup_updated, tup_deleted) \
                 from pg_stat_database where datname = current_database()";
            let counted = self.runtime.block_on(postgres::query(place.url, sql))?;
            state.extend(counted.into_iter().flatten().flatten());
        }
        Ok(state)
    }

    fn disturb_all(&self, job: Job, scenes: &[(&Site<'_>, &Scene)]) -> Result<Shown> {
        let name = format!("{}, {}", self.shape.as_str(), job.as_str());
        let (_, scene) = scenes.first().context("a site")?;
        let effects = &scene.golden.effects;
        say(&format!(
            "{name}: {} effects: {}",
            effects.len(),
            told(effects)
        ));
        let mut random = Random(self.options.seed);
        let possible = each(effects);
        let mut shown = Shown {
            name,
            effects: effects.len(),
            possible: possible.len(),
            ..Shown::default()
        };
        let mut all = possible;
        all.extend(pairs(effects, PAIRS, &mut random));
        let share = match (self.options.share, self.options.quick) {
            (Some(share), _) => share.get(),
            (None, true) => QUICK_SHARE,
            (None, false) => 1,
        };
        let first = random.below(share);
        all = all.into_iter().skip(first).step_by(share).collect();
        let next = AtomicUsize::new(0);
        let parts = at_each(scenes, |(site, scene)| {
            let mut part = Shown::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(one) = all.get(number) else { break };
                if number > 0 && number.is_multiple_of(TOLD_EVERY) {
                    say(&format!("{}: {number} of {}", shown.name, all.len()));
                }
                let run = Disturbed { site, scene, job };
                let problem = run.disturb(one, &mut part)?;
                part.done += 1;
                part.held += usize::from(problem.is_none());
                if let Some(problem) = problem {
                    say(&format!("{}, {} {one:?}: {problem}", shown.name, one.what));
                }
            }
            Ok(part)
        })?;
        for part in &parts {
            shown.add(part);
        }
        say(&shown.line());
        Ok(shown)
    }
}

/// Does something at each site at once.
fn at_each<S: Sync, T: Send>(sites: &[S], work: impl Fn(&S) -> Result<T> + Sync) -> Result<Vec<T>> {
    debug_assert_eq!(sites.len(), SITES);
    std::thread::scope(|scope| {
        let all: Vec<_> = sites
            .iter()
            .map(|site| scope.spawn(|| work(site)))
            .collect();
        let joined = all.into_iter().map(|one| match one.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    })
}

/// Every name once, with how often it is there.
fn told(effects: &[Effect]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for effect in effects {
        *counts.entry(&effect.name).or_default() += 1;
    }
    let texts = counts.into_iter().map(|(name, count)| match count {
        1 => name.to_owned(),
        _ => format!("{name} ({count})"),
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// A job that is disturbed at a site.
struct Disturbed<'a> {
    site: &'a Site<'a>,
    scene: &'a Scene,
    job: Job,
}

impl Disturbed<'_> {
    /// Disturbs it, mends it, and gives what is wrong.
    fn disturb(&self, one: &Disturbance, shown: &mut Shown) -> Result<Option<String>> {
        self.site.put_back(self.scene)?;
        let judge = Judge {
            site: self.site,
            golden: &self.scene.golden,
            job: self.job,
        };
        let command: Vec<&str> = self.scene.command.iter().map(String::as_str).collect();
        let ended = self.site.micro.faulty(&one.first)?.run(&command)?;
        if let Some(problem) = wrong_end(&ended, one.fault.is_kill()) {
            return Ok(Some(problem));
        }
        if let Some(problem) = judge.at_once()? {
            return Ok(Some(problem));
        }
        let mut is_done = ended.status.success();
        if !is_done && one.is_answer_of_cert() {
            let (status, err) = (ended.status, ended.err);
            return Ok(Some(format!("ended with {status}\n{err}")));
        }
        if let Some((fault, is_kill)) = &one.second {
            let ended = self.site.micro.faulty(fault)?.run(&["resume"])?;
            if ended.err.contains(STRUCK) {
                shown.struck_twice += 1;
                if let Some(problem) = wrong_end(&ended, *is_kill) {
                    return Ok(Some(format!("second fault: {problem}")));
                }
            }
            is_done = ended.status.success();
            if let Some(problem) = judge.at_once()? {
                return Ok(Some(format!("after the second fault: {problem}")));
            }
        }
        if !is_done && let Some(problem) = self.resume(shown)? {
            return Ok(Some(problem));
        }
        judge.in_the_end()
    }

    fn resume(&self, shown: &mut Shown) -> Result<Option<String>> {
        let start = Instant::now();
        let resumed = self.site.micro.product()?.run(&["resume"])?;
        let took = start.elapsed();
        shown.slowest = shown.slowest.max(took);
        // The last event of the run was written before the process died.
        let had_ended = resumed.status.code() == Some(2) && resumed.err.contains("(succeeded)");
        if !resumed.status.success() && !had_ended {
            let (status, err) = (resumed.status, resumed.err);
            return Ok(Some(format!("resume ended with {status}\n{err}")));
        }
        Ok((took > RESUMED_WITHIN).then(|| format!("resume took {} s", took.as_secs())))
    }
}

/// The fault has to strike, and only a kill leaves a process without an exit code.
fn wrong_end(ended: &Ended, is_kill: bool) -> Option<String> {
    let is_killed = ended.status.code().is_none();
    let is_right = ended.err.contains(STRUCK) && is_killed == is_kill;
    (!is_right).then(|| format!("the fault did not strike: {}\n{}", ended.status, ended.err))
}
