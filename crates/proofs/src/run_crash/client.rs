//! The client is killed at effect points, and the run resumed.

use anyhow::{Context, Result};

use super::points::{PHASES, Point, choose};
use super::{DISTRICT, Matrix, Standing};
use crate::say;
use crate::world::World;

impl Matrix<'_> {
    /// Kills the client at so many points; figures, and whether all went well.
    pub(super) fn kill_client(&self, kills: usize) -> Result<(String, bool)> {
        let effects: Vec<Point> = self
            .points
            .iter()
            .filter(|point| !point.is_reading())
            .cloned()
            .collect();
        let chosen = choose(&effects, kills);
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
            effects.len(),
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
        if let Standing::Torn(stores) = self.standing(world)? {
            return Ok(Some(format!(
                "{} are neither before nor after",
                stores.join(", ")
            )));
        }
        // Killed before its first event a run does not exist: it is started again.
        let resumed = world.product()?.run(&["resume"])?;
        let resumed = if resumed.status.code() == Some(2) && point.name.ends_with("run-started") {
            world.product()?.run(&["migrate", DISTRICT])?
        } else {
            resumed
        };
        // Killed after its last event a run has ended: there is nothing to resume.
        let had_ended = resumed.status.code() == Some(2)
            && point.name == "after journal run-succeeded"
            && resumed.err.contains("(succeeded)");
        if !resumed.status.success() && !had_ended {
            return Ok(Some(format!(
                "resume ended with {}:\n{}",
                resumed.status, resumed.err
            )));
        }
        self.is_golden(world)
    }
}
