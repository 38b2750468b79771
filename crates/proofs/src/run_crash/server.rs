//! A server is killed (SIGKILL) while a run works, and started again: at once, while the client still
//! tries, or when the client has given up. Then what the tool says is done.

use anyhow::{Context, Result, bail};

use super::points::Point;
use super::{DISTRICT, Matrix, Place, Standing, reports};
use crate::child::Ended;
use crate::say;
use crate::servers::Which;
use crate::world::World;

/// How much is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matter {
    OnePerServer,
    /// Each at five moments, and each of these with both returns.
    All,
}

/// Where in the run a server dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// Before its first cut is taken.
    Opening,
    /// Keys are read.
    Closure,
    /// Rows are read.
    Rows,
    /// Parts are being staged in CERT.
    Staging,
    /// Written, and not committed.
    Written,
    /// Other stores have committed, it has not.
    Committing,
    /// It has committed and its answer got lost.
    LostAnswer,
    /// All have committed; staging is being dropped.
    Closing,
}

impl Moment {
    const OF_PROD: [Self; 5] = [
        Self::Opening,
        Self::Closure,
        Self::Rows,
        Self::Staging,
        Self::Committing,
    ];
    const OF_CERT: [Self; 5] = [
        Self::Staging,
        Self::Written,
        Self::Committing,
        Self::LostAnswer,
        Self::Closing,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "before its first cut",
            Self::Closure => "while keys were read",
            Self::Rows => "while rows were read",
            Self::Staging => "while parts were staged",
            Self::Written => "written and not committed",
            Self::Committing => "between the commits of two stores",
            Self::LostAnswer => "with the answer to its commit lost",
            Self::Closing => "after the last commit",
        }
    }

    /// The point in the undisturbed run.
    fn point(self, points: &[Point], which: Which) -> Option<&Point> {
        let (what, is_last) = match self {
            Self::Opening => ("before prod open", false),
            Self::Closure => ("before prod keys", false),
            Self::Rows => ("before prod rows", false),
            Self::Staging => ("after cert stage", false),
            Self::Written => ("after cert apply", false),
            Self::Committing => ("before cert commit", true),
            Self::LostAnswer => ("after cert commit", false),
            Self::Closing => ("before cert clear-staging", false),
        };
        let is_meant = |point: &&Point| {
            let rest = point.name.strip_prefix(what);
            rest.is_some_and(|rest| which.is_prod() && self.is_of_cert() || is_of(rest, which))
        };
        let found: Vec<&Point> = points.iter().filter(is_meant).collect();
        let at = match self {
            Self::Opening | Self::LostAnswer => 0,
            _ if is_last => found.len().saturating_sub(1),
            _ => found.len() / 2,
        };
        found.get(at).copied()
    }

    /// The point is one of CERT's, whichever server dies at it.
    fn is_of_cert(self) -> bool {
        !matches!(self, Self::Opening | Self::Closure | Self::Rows)
    }
}

/// The point's store is on that server; its name stands last.
fn is_of(rest: &str, which: Which) -> bool {
    let is_graph = rest.trim() == "sp";
    is_graph == matches!(which, Which::ProdGraph | Which::CertGraph)
}

/// When the server is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Return {
    /// As soon as it can, while the client tries again.
    Soon,
    /// When the client has ended.
    Late,
}

/// One kill.
#[derive(Clone, Copy, Debug)]
struct Kill {
    which: Which,
    moment: Moment,
    back: Return,
}

impl Kill {
    fn all(matter: Matter) -> Vec<Self> {
        let kill = |which, moment, back| Self {
            which,
            moment,
            back,
        };
        if matter == Matter::OnePerServer {
            return vec![
                kill(Which::ProdPostgres, Moment::Rows, Return::Late),
                kill(Which::ProdGraph, Moment::Closure, Return::Soon),
                kill(Which::CertPostgres, Moment::Committing, Return::Late),
                kill(Which::CertGraph, Moment::LostAnswer, Return::Soon),
            ];
        }
        let mut kills = Vec::new();
        for which in Which::ALL {
            let moments = if which.is_prod() {
                Moment::OF_PROD
            } else {
                Moment::OF_CERT
            };
            for moment in moments {
                kills.extend([Return::Soon, Return::Late].map(|back| kill(which, moment, back)));
            }
        }
        kills
    }

    fn describe(self) -> String {
        let back = match self.back {
            Return::Soon => "back at once",
            Return::Late => "back when the client had ended",
        };
        let (which, moment) = (self.which.as_str(), self.moment.as_str());
        format!("{which} killed {moment}, {back}")
    }
}

/// How a run ended in which a server was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client did it alone.
    Alone,
    /// After `resume`: the undisturbed run.
    Resumed,
    /// As before; a new migration is then the undisturbed run.
    Before,
}

impl Matrix<'_> {
    /// Kills each server at its moments; figures, and whether all went well.
    pub(super) fn kill_servers(&mut self, matter: Matter) -> Result<(String, bool)> {
        let kills = Kill::all(matter);
        let mut ends = Vec::new();
        for kill in &kills {
            let what = kill.describe();
            match self.kill_server(*kill)? {
                Ok(end) => {
                    say(&format!("{what}: {}", told(end)));
                    ends.push(end);
                }
                Err(problem) => say(&format!("{what}: {problem}")),
            }
        }
        let count = |end: End| ends.iter().filter(|one| **one == end).count();
        let line = format!(
            "{} of {} kills of a server (each of {}; {} ended as after without help, {} after resume, {} as before and then again)",
            ends.len(),
            kills.len(),
            Which::ALL.len(),
            count(End::Alone),
            count(End::Resumed),
            count(End::Before),
        );
        Ok((line, ends.len() == kills.len() && !kills.is_empty()))
    }

    /// Gives how it ended, or what is wrong.
    fn kill_server(&mut self, kill: Kill) -> Result<Result<End, String>> {
        let dir = tempfile::tempdir().context("make a directory")?;
        let world = self.world(dir.path())?;
        let point = kill.moment.point(&self.points, kill.which);
        let point = point.with_context(|| format!("find the point: {}", kill.describe()))?;
        let fault = match kill.moment {
            Moment::LostAnswer => "lose",
            _ => "pause",
        };
        let product = world.faulty(&format!("{fault}:{}", point.number))?;
        let Place::Servers(servers) = &mut self.place else {
            bail!("files have no server");
        };
        let which = kill.which;
        let servers = std::cell::RefCell::new(servers);
        let (ended, was_paused) = product.run_paused(
            &["migrate", DISTRICT],
            || servers.borrow_mut().kill(which),
            || match kill.back {
                Return::Soon => servers.borrow_mut().start_again(which),
                Return::Late => Ok(()),
            },
        )?;
        let servers = servers.into_inner();
        if was_paused && kill.back == Return::Late {
            servers.start_again(which)?;
        }
        if !was_paused {
            return Ok(Err(format!(
                "was not paused: {}\n{}",
                ended.status, ended.err
            )));
        }
        self.judge(&world, &ended)
    }

    /// Does what the tool says, with all servers up.
    fn judge(&self, world: &World, ended: &Ended) -> Result<Result<End, String>> {
        let standing = self.standing(world)?;
        if let Standing::Torn(stores) = &standing {
            return Ok(Err(format!("torn: {}", stores.join(", "))));
        }
        match ended.status.code() {
            Some(0) => return Ok(none_or(self.is_golden(world)?, End::Alone)),
            Some(8) => {}
            code => {
                let code = code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
                return Ok(Err(format!("ended with {code}:\n{}", ended.err)));
            }
        }
        let said = said(world)?;
        if said == Said::AsBefore && standing != Standing::AllBefore {
            return Ok(Err(format!(
                "the report says as before, CERT is {standing:?}"
            )));
        }
        let resumed = world.product()?.run(&["resume"])?;
        if resumed.status.success() {
            return Ok(none_or(self.is_golden(world)?, End::Resumed));
        }
        // 2: no run is unfinished, because that run had failed; 7 and 8: it was taken back now.
        let is_fitting = match resumed.status.code() {
            Some(2) => said == Said::AsBefore,
            Some(7 | 8) => said == Said::NotYet,
            _ => false,
        };
        if !is_fitting {
            return Ok(Err(format!(
                "the report said {said:?}, and resume ended with {}:\n{}\nthe run had ended with:\n{}",
                resumed.status, resumed.err, ended.err
            )));
        }
        self.taken_back(world)
    }

    /// All stores are as before, the report says so, nothing is left; and a new migration works.
    fn taken_back(&self, world: &World) -> Result<Result<End, String>> {
        let standing = self.standing(world)?;
        if standing != Standing::AllBefore {
            return Ok(Err(format!("CERT is not as before but {standing:?}")));
        }
        let said = said(world)?;
        if said != Said::AsBefore {
            return Ok(Err(format!("CERT is as before, the report says {said:?}")));
        }
        if let Some(left) = self.leftovers(world)? {
            return Ok(Err(left));
        }
        let again = world.product()?.run(&["migrate", DISTRICT])?;
        if !again.status.success() {
            return Ok(Err(format!(
                "a new migration ended with {}:\n{}",
                again.status, again.err
            )));
        }
        Ok(none_or(self.is_golden(world)?, End::Before))
    }
}

fn none_or(problem: Option<String>, end: End) -> Result<End, String> {
    problem.map_or(Ok(end), Err)
}

fn told(end: End) -> &'static str {
    match end {
        End::Alone => "the run went on by itself, all stores are as after",
        End::Resumed => "resumed, all stores are as after",
        End::Before => "all stores are as before; a new migration then succeeded",
    }
}

/// What the one report of a failed run says of CERT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// Nothing was written, or it was taken back.
    AsBefore,
    /// What was written is not taken back yet.
    NotYet,
}

fn said(world: &World) -> Result<Said> {
    let reports = reports(&world.dir.join("data/reports"))?;
    let failed = reports.iter().find(|one| one["status"] == "FAILED");
    let failure = &failed.context("find the report of the failed run")?["failure"];
    Ok(if failure["is_taken_back"] == false {
        Said::NotYet
    } else {
        Said::AsBefore
    })
}

#[cfg(test)]
mod tests {
    use super::super::points::read_points;
    use super::*;

    #[test]
    fn every_moment_of_every_server_is_found_at_a_store_of_it() {
        let names = [
            "before journal phase-started Extraction",
            "before prod open ids",
            "before prod open sp",
            "before prod keys ids",
            "before prod keys sp",
            "before prod rows ids",
            "before prod rows sp",
            "before journal phase-started Loading",
            "after cert stage ids",
            "after cert stage sp",
            "after cert apply ids",
            "after cert apply sp",
            "before cert commit ids",
            "after cert commit ids",
            "before cert commit hcp1",
            "after cert commit hcp1",
            "before cert commit sp",
            "after cert commit sp",
            "before cert clear-staging ids",
            "before cert clear-staging sp",
        ];
        let lines: Vec<String> = (1..)
            .zip(names)
            .map(|(n, name)| format!("{n} {name}"))
            .collect();
        let points = read_points(&lines.join("\n"));
        let name = |which, moment: Moment| {
            let point = moment.point(&points, which);
            point.map(|point| point.name.clone()).unwrap_or_default()
        };
        for kill in Kill::all(Matter::All) {
            let name = name(kill.which, kill.moment);
            assert!(!name.is_empty(), "{kill:?}");
            let is_graph = matches!(kill.which, Which::ProdGraph | Which::CertGraph);
            if !kill.which.is_prod() || !kill.moment.is_of_cert() {
                assert_eq!(name.ends_with(" sp"), is_graph, "{kill:?}: {name}");
            }
        }
        assert_eq!(
            name(Which::CertPostgres, Moment::Committing),
            "before cert commit hcp1"
        );
        assert_eq!(
            name(Which::CertGraph, Moment::Committing),
            "before cert commit sp"
        );
    }
}
