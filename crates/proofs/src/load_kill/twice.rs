//! The same run gone on with by two processes of a machine at once: one works.

use anyhow::{Context, Result};

use crate::child::Ended;
use crate::micro::judge::Judge;
use crate::micro::site::{Job, Scene, Site};
use crate::{Options, say};

const RACES: usize = 100;
const QUICK_RACES: usize = 5;

/// The exit code of a process that finds the run in another one's hands, and of one that finds it ended.
const IN_OTHER_HANDS: i32 = 11;
const NOTHING_TO_DO: i32 = 2;

pub(super) fn prove(
    site: &Site<'_>,
    [load, _]: &[Scene; 2],
    options: Options,
) -> Result<(String, bool)> {
    let count = if options.quick { QUICK_RACES } else { RACES };
    let judge = Judge {
        site,
        golden: &load.golden,
        job: Job::Load,
    };
    let mut good = 0;
    for number in 0..count {
        site.put_back(load)?;
        let product = site.micro.product()?;
        let ended: Vec<Ended> = std::thread::scope(|scope| {
            let two = [(); 2].map(|()| scope.spawn(|| product.run(&["resume"])));
            let joined = two.map(|one| one.join().ok().context("a process of two")?);
            joined.into_iter().collect::<Result<_>>()
        })?;
        let codes: Vec<Option<i32>> = ended.iter().map(|one| one.status.code()).collect();
        let is_one = codes.contains(&Some(0))
            && codes
                .iter()
                .any(|code| matches!(code, Some(IN_OTHER_HANDS | NOTHING_TO_DO)));
        match judge.in_the_end()? {
            None if is_one => good += 1,
            problem => say(&format!("race {number}: {codes:?}, {problem:?}")),
        }
    }
    let line = format!("{good} of {count} runs started twice at once: one worked");
    say(&line);
    Ok((line, good == count))
}
