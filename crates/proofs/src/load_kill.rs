//! `prove load-kill`: a server of CERT is killed (SIGKILL) at points of a load and of an undo, and started again: at
//! once, while the client still tries, or when it has given up. In the end all stores are as after, or all as before
//! and then the same is done again; no commit stays prepared. Then processes that are stopped, taken over and go on,
//! and processes that are started twice: one works.

mod twice;
mod zombie;

use std::cell::RefCell;

use anyhow::{Context, Result, ensure};
use redistrict_testkit::postgres::TestServer;
use redistrict_testkit::types::Random;
use tokio::runtime::Runtime;

use crate::child::Ended;
use crate::micro::effects::Effect;
use crate::micro::judge::Judge;
use crate::micro::site::{Job, Scene, Site};
use crate::micro::{self, DISTRICT, Side, Urls};
use crate::servers::by_socket;
use crate::standing::Standing;
use crate::{Options, Proof, say};
use redistrict_estate::EstateKind;

/// So many kills of a server.
const KILLS: usize = 100;
const QUICK_KILLS: usize = 8;

/// PROD, and the two servers of CERT: two stores each.
struct Stand {
    prod: TestServer,
    cert: [RefCell<TestServer>; 2],
}

impl Stand {
    fn launch() -> Result<Self> {
        let launch = || TestServer::launch_private().context("start PostgreSQL");
        Ok(Self {
            prod: launch()?,
            cert: [RefCell::new(launch()?), RefCell::new(launch()?)],
        })
    }

    fn site<'a>(&self, runtime: &'a Runtime) -> Result<Site<'a>> {
        let database = |server: &TestServer| {
            let url = runtime.block_on(server.create_database());
            by_socket(server, &url)
        };
        let prod = || database(&self.prod);
        let cert = |at: usize| database(&self.cert[at].borrow());
        let sources: Urls = [prod()?, prod()?, prod()?, prod()?];
        let targets: Urls = [cert(0)?, cert(0)?, cert(1)?, cert(1)?];
        let notes = EstateKind::Postgres;
        runtime.block_on(micro::fill(Side::Prod, notes, &sources))?;
        runtime.block_on(micro::fill(Side::Cert, notes, &targets))?;
        let home = tempfile::tempdir().context("make a directory")?;
        Site::make(home, notes, sources, targets, runtime)
    }
}

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let runtime = Runtime::new().context("start the runtime")?;
    let stand = Stand::launch()?;
    let site = stand.site(&runtime)?;
    let scenes = site.scenes()?;
    say("undisturbed");
    let lines = [
        kills(&stand, &site, &scenes, options)?,
        zombie::prove(&site, &scenes, options)?,
        twice::prove(&site, &scenes, options)?,
    ];
    let (figures, passed): (Vec<String>, Vec<bool>) = lines.into_iter().unzip();
    Ok(Proof {
        figures: figures.join("; "),
        passed: passed.into_iter().all(|good| good),
    })
}

/// One kill of a server.
#[derive(Clone, Debug)]
struct Kill {
    job: Job,
    /// Of the point.
    number: u64,
    name: String,
    /// Which of the two.
    server: usize,
    /// It is back before the client has ended.
    is_back_soon: bool,
}

impl Kill {
    fn describe(&self) -> String {
        let back = match self.is_back_soon {
            true => "back at once",
            false => "back when the client had ended",
        };
        let (job, name, server) = (self.job.as_str(), &self.name, self.server + 1);
        format!("{job}, server {server} killed {name}, {back}")
    }
}

/// Points of the job around its effects on CERT, spread over all of them.
fn chosen(scenes: &[Scene; 2], count: usize, random: &mut Random) -> Vec<Kill> {
    let mut all = Vec::new();
    for (job, scene) in Job::ALL.into_iter().zip(scenes) {
        let effects = scene
            .golden
            .effects
            .iter()
            .filter(|effect| is_of_cert(effect));
        for effect in effects {
            for (number, when) in [(effect.number, "before"), (effect.number + 1, "after")] {
                all.push((job, number, format!("{when} {}", effect.name)));
            }
        }
    }
    let kill = |at: usize| {
        let (job, number, name) = all[at * all.len() / count].clone();
        Kill {
            job,
            number,
            name,
            server: random.below(2),
            is_back_soon: random.below(4) > 0,
        }
    };
    (0..count).map(kill).collect()
}

fn is_of_cert(effect: &Effect) -> bool {
    effect.name.starts_with("cert ")
}

/// Kills a server so often; figures, and whether all went well.
fn kills(
    stand: &Stand,
    site: &Site<'_>,
    scenes: &[Scene; 2],
    options: Options,
) -> Result<(String, bool)> {
    let count = if options.quick { QUICK_KILLS } else { KILLS };
    let chosen = chosen(scenes, count, &mut Random(options.seed));
    let mut ends = Vec::new();
    for kill in &chosen {
        let scene = &scenes[kill.job as usize];
        match one(stand, site, scene, kill)? {
            Ok(end) => {
                say(&format!("{}: {}", kill.describe(), end.as_str()));
                ends.push(end);
            }
            Err(problem) => say(&format!("{}: {problem}", kill.describe())),
        }
    }
    let count = |end: End| ends.iter().filter(|one| **one == end).count();
    let line = format!(
        "{} of {} kills of a server converged ({} without help, {} after resume, {} as before and then again), 0 prepared \
         commits left",
        ends.len(),
        chosen.len(),
        count(End::Alone),
        count(End::Resumed),
        count(End::Before),
    );
    Ok((line, ends.len() == chosen.len()))
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client did it alone.
    Alone,
    /// After `resume`.
    Resumed,
    /// As before; the same done again ended as after.
    Before,
}

impl End {
    fn as_str(self) -> &'static str {
        match self {
            Self::Alone => "as after, without help",
            Self::Resumed => "as after, resumed",
            Self::Before => "as before, and done again as after",
        }
    }
}

/// Gives how it ended, or what is wrong.
fn one(stand: &Stand, site: &Site<'_>, scene: &Scene, kill: &Kill) -> Result<Result<End, String>> {
    site.put_back(scene)?;
    let command: Vec<&str> = scene.command.iter().map(String::as_str).collect();
    let server = || stand.cert[kill.server].borrow_mut();
    let faulty = site.micro.faulty(&format!("pause:{}", kill.number))?;
    let (ended, was_paused) = faulty.run_paused(
        &command,
        || Ok(server().kill()?),
        || match kill.is_back_soon {
            true => Ok(server().start_again()?),
            false => Ok(()),
        },
    )?;
    ensure!(
        was_paused,
        "was not paused: {}\n{}",
        ended.status,
        ended.err
    );
    if !kill.is_back_soon {
        server().start_again()?;
    }
    let judge = Judge {
        site,
        golden: &scene.golden,
        job: kill.job,
    };
    if let Some(problem) = judge.at_once()? {
        return Ok(Err(problem));
    }
    if ended.status.success() {
        return Ok(none_or(judge.in_the_end()?, End::Alone));
    }
    let resumed = site.micro.product()?.run(&["resume"])?;
    if resumed.status.success() {
        return Ok(none_or(judge.in_the_end()?, End::Resumed));
    }
    again(site, scene, &judge, &ended, &resumed)
}

/// The run has failed and CERT is as before, with nothing left; and done again it succeeds.
fn again(
    site: &Site<'_>,
    scene: &Scene,
    judge: &Judge<'_>,
    ended: &Ended,
    resumed: &Ended,
) -> Result<Result<End, String>> {
    let standing = judge.standing()?;
    let left = judge.left()?;
    if standing != Standing::AllBefore || !left.is_empty() {
        return Ok(Err(format!(
            "the stores are {standing:?}, left behind: {}; the run ended with {}\n{}\nresume ended with {}\n{}",
            left.join(", "),
            ended.status,
            ended.err,
            resumed.status,
            resumed.err
        )));
    }
    let again = match judge.job {
        Job::Load => vec!["migrate", DISTRICT],
        Job::Undo => scene.command.iter().map(String::as_str).collect(),
    };
    let again = site.micro.product()?.run(&again)?;
    if !again.status.success() {
        return Ok(Err(format!("done again: {}\n{}", again.status, again.err)));
    }
    Ok(none_or(judge.in_the_end()?, End::Before))
}

fn none_or(problem: Option<String>, end: End) -> Result<End, String> {
    problem.map_or(Ok(end), Err)
}
