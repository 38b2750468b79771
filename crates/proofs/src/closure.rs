//! `prove closure`: which rows belong to a district, on random schemas with random rows. What the evaluators
//! of the closure find is compared with a brute-force reading of its rules; each mistake that looks right is made on
//! purpose and has to be seen; a district has to be the same without its neighbours.

#[path = "../../closure/tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Result, anyhow};

use self::support::brute::Mistake;
use self::support::compare::{Check, Counts, EVALUATORS, Seen, check};
use self::support::coverage::{FEATURES, RARE};
use self::support::{random, shrink};
use crate::{Options, Proof, say};

const QUICK: u64 = 500;
const LONG: u64 = 10_000;
/// In so many cases every mistake is made, too.
const WITH_MISTAKES: u64 = 2_500;

/// What all cases showed.
#[derive(Default)]
struct Shown {
    cases: u64,
    counts: Counts,
    features: BTreeMap<&'static str, u64>,
    caught: BTreeMap<&'static str, u64>,
    /// Number and seed of the case that fails, and in which way.
    failed: Vec<(u64, u64, String)>,
}

impl Shown {
    fn add(&mut self, seen: Seen) {
        self.cases += 1;
        self.counts.add(seen.counts);
        for feature in seen.features {
            *self.features.entry(feature).or_default() += 1;
        }
        for mistake in seen.caught {
            *self.caught.entry(mistake).or_default() += 1;
        }
    }

    fn merge(&mut self, other: Self) {
        self.cases += other.cases;
        self.counts.add(other.counts);
        for (feature, count) in other.features {
            *self.features.entry(feature).or_default() += count;
        }
        for (mistake, count) in other.caught {
            *self.caught.entry(mistake).or_default() += count;
        }
        self.failed.extend(other.failed);
    }
}

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let cases = if options.quick { QUICK } else { LONG };
    // A panic of an evaluator is told with the case that makes it.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let shown = run(cases, options.seed);
    let text = shown.as_ref().ok().and_then(explain);
    std::panic::set_hook(hook);
    let shown = shown?;
    if let Some(text) = text {
        say(&text);
    }
    let mut problems = Vec::new();
    let looked_for = FEATURES
        .iter()
        .chain(RARE.iter().filter(|_| !options.quick));
    for feature in looked_for {
        let count = shown.features.get(feature).copied().unwrap_or_default();
        say(&format!("{count:6} cases: {feature}"));
        if count == 0 {
            problems.push(format!("no case: {feature}"));
        }
    }
    let mut mistakes = Vec::new();
    let words = Mistake::ALL.map(|(number, mistake)| (number, format!("{mistake:?}")));
    for (number, word) in words
        .into_iter()
        .chain([("11", "LabelsAndForeignKeysOnly".to_owned())])
    {
        let count = shown.caught.get(number).copied().unwrap_or_default();
        mistakes.push(format!("{number} {count}"));
        if count == 0 {
            problems.push(format!("not caught: {number} {word}"));
        }
    }
    for problem in &problems {
        say(problem);
    }
    let counts = shown.counts;
    let least = FEATURES
        .iter()
        .map(|one| shown.features.get(one).copied().unwrap_or_default());
    Ok(Proof {
        figures: format!(
            "{} of {cases} worlds, {} comparisons of {} with the brute-force reading ({} rows decided as they streamed \
             by, others refer to {} of them), {} differ; {} full rows, \
             {} stubs, {} others; {} situations, each in {} worlds or more; mistakes caught in worlds of the first {}: \
             {}; {} districts the same without neighbours, {} with owners inferred and measured anew \
             ({} are measured otherwise), {} with neighbours on a ring of owners not compared",
            shown.cases,
            counts.comparisons,
            format_args!("{} ways to evaluate", EVALUATORS.len()),
            counts.streamed,
            counts.relayed,
            shown.failed.len(),
            counts.full,
            counts.stubs,
            counts.others,
            FEATURES.len(),
            least.min().unwrap_or_default(),
            cases.min(WITH_MISTAKES),
            mistakes.join(", "),
            counts.alone,
            counts.alone_inferred,
            counts.alone_measured_otherwise,
            counts.alone_rings,
        ),
        passed: shown.failed.is_empty()
            && problems.is_empty()
            && shown.cases == cases
            && counts.streamed > cases
            && counts.relayed > cases / 10,
    })
}

/// The cases of a seed of the proof are those of other seeds, far apart.
fn seed_of(seed: u64, number: u64) -> u64 {
    (seed << 32) | number
}

/// All cases, or all up to the first that fails, on all processors.
fn run(cases: u64, seed: u64) -> Result<Shown> {
    let (next, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut shown = Shown::default();
    std::thread::scope(|scope| {
        let work = || {
            let mut mine = Shown::default();
            while !is_over.load(Ordering::SeqCst) {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= cases {
                    break;
                }
                let seed = seed_of(seed, number);
                match check(&random::case(seed), &how(seed, number)) {
                    Ok(seen) => mine.add(seen),
                    Err(error) => {
                        is_over.store(true, Ordering::SeqCst);
                        mine.failed.push((number, seed, error));
                    }
                }
            }
            mine
        };
        let started: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for one in started {
            shown.merge(
                one.join()
                    .map_err(|_| anyhow!("a case could not be made"))?,
            );
        }
        Ok(shown)
    })
}

fn how(seed: u64, number: u64) -> Check {
    Check {
        seed,
        with_mistakes: number < WITH_MISTAKES,
    }
}

/// The first failing case, made small.
fn explain(shown: &Shown) -> Option<String> {
    let (number, seed, error) = shown.failed.iter().min()?;
    let plain = Check {
        seed: *seed,
        with_mistakes: false,
    };
    let fails = |case: &random::Case| check(case, &plain).is_err();
    let case = random::case(*seed);
    let small = match fails(&case) {
        true => shrink::shrink(&case, &fails),
        false => case,
    };
    let small_error = check(&small, &plain).err();
    Some(format!(
        "case {number} (seed {seed}) fails: {error}\nmade small: {}\n{}",
        small_error.unwrap_or_default(),
        shrink::print(&small)
    ))
}
