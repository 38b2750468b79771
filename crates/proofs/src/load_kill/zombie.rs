//! A process that is stopped (SIGSTOP), taken over by one of another machine, and goes on: it writes nothing more.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::micro::Micro;
use crate::micro::effects::Effect;
use crate::micro::judge::Judge;
use crate::micro::site::{Job, Scene, Site};
use crate::standing::Standing;
use crate::{Options, say};

/// Of so many effects the quick form takes one.
const QUICK_SHARE: usize = 20;

pub(super) fn prove(
    site: &Site<'_>,
    scenes: &[Scene; 2],
    options: Options,
) -> Result<(String, bool)> {
    let (mut good, mut done) = (0, 0);
    for (job, scene) in Job::ALL.into_iter().zip(scenes) {
        let effects = scene.golden.effects.iter();
        let effects: Vec<&Effect> = effects.filter(|effect| super::is_of_cert(effect)).collect();
        let step = if options.quick { QUICK_SHARE } else { 1 };
        for effect in effects.into_iter().step_by(step) {
            done += 1;
            match one(site, scene, job, effect)? {
                None => good += 1,
                Some(problem) => say(&format!("stopped before {}: {problem}", effect.name)),
            }
        }
    }
    let line =
        format!("{good} of {done} processes that were stopped and taken over wrote nothing more");
    say(&line);
    Ok((line, good == done && done > 0))
}

/// Gives what is wrong.
fn one(site: &Site<'_>, scene: &Scene, job: Job, effect: &Effect) -> Result<Option<String>> {
    site.put_back(scene)?;
    let judge = Judge {
        site,
        golden: &scene.golden,
        job,
    };
    let other = site.elsewhere();
    let command: Vec<&str> = scene.command.iter().map(String::as_str).collect();
    let faulty = site.micro.faulty(&format!("pause:{}", effect.number))?;
    let mut taken_over = None;
    let ended = faulty.run_stopped(&command, |pid| {
        signal("-STOP", pid)?;
        site.copy_elsewhere()?;
        taken_over = Some(take_over(&other, &judge)?);
        signal("-CONT", pid)
    })?;
    let Some(problem) = taken_over else {
        return Ok(Some(format!(
            "was not paused: {}\n{}",
            ended.status, ended.err
        )));
    };
    if problem.is_some() {
        return Ok(problem);
    }
    if let Some(problem) = judge.in_cert()? {
        return Ok(Some(format!("after the stopped one went on: {problem}")));
    }
    // All that is left to it after the decision may be there already.
    let is_refused = ended.status.code() == Some(11) || ended.status.success();
    Ok((!is_refused).then(|| format!("it ended with {}\n{}", ended.status, ended.err)))
}

/// What another machine does with what it has of the run.
fn take_over(other: &Micro, judge: &Judge<'_>) -> Result<Option<String>> {
    let resumed = other.product()?.run(&["resume"])?;
    if !resumed.status.success() {
        let (status, err) = (resumed.status, resumed.err);
        return Ok(Some(format!(
            "the one that took over ended with {status}\n{err}"
        )));
    }
    // The sessions of the stopped one that only read are still there.
    let standing = judge.standing()?;
    Ok(
        (standing != Standing::AllAfter)
            .then(|| format!("taken over, the stores are {standing:?}")),
    )
}

fn signal(name: &str, pid: u32) -> Result<()> {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status();
    ensure!(
        sent.context("send a signal")?.success(),
        "a signal was not sent"
    );
    Ok(())
}
