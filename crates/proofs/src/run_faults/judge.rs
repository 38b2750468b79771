//! What is to be true after a fault: exit code, attempts, waits, log, report, CERT, and the way on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use redistrict_testkit::postgres::TestServer;
use serde_json::Value;

use super::DISTRICT;
use super::cases::Case;
use super::fault::{Way, log_of};
use super::place::{Golden, digest_of};
use crate::child::Ended;
use crate::digest;
use crate::servers::Servers;
use crate::world::World;

/// The least and the greatest wait before the second, third and fourth attempt, in milliseconds.
const WAITS: [(u64, u64); 3] = [(1_000, 1_500), (3_000, 4_500), (9_000, 13_500)];

/// Lets it happen and looks at everything; gives what is wrong.
pub(super) fn judge(
    golden: &Golden,
    case: &Case,
    world: &World,
    servers: Option<&mut Servers>,
    runtime: &tokio::runtime::Runtime,
) -> Result<Option<String>> {
    let way = Way::by_proxy(case, world)?;
    let superuser = match &servers {
        None => TestServer::start().url().to_owned(),
        Some(servers) if case.is_of_prod() => servers.prod_postgres.url().to_owned(),
        Some(servers) => servers.cert_postgres.url().to_owned(),
    };
    let Some(ended) = way.migrate(case, world, servers, &superuser, runtime)? else {
        return Ok(Some("the run never came to the fault".to_owned()));
    };
    let report = Report::newest(world)?;
    let mut problems = Vec::new();
    let is_proxys = matches!(case.fault, super::cases::Fault::Weather(_));
    if is_proxys && way.cuts() == 0 {
        problems.push("no connection was cut".to_owned());
    }
    problems.extend(attempts(case, &report, &log_of(&world.dir)?));
    if case.stays {
        problems.extend(stayed(golden, case, world, &ended, &report, runtime)?);
    } else {
        problems.extend(passed(golden, world, &ended, &report, runtime)?);
    }
    if problems.is_empty() {
        return Ok(None);
    }
    problems.push(ended.err);
    Ok(Some(problems.join("\n  ")))
}

/// The one report of a run, in its three forms.
struct Report {
    json: Value,
    markdown: String,
    html: String,
}

impl Report {
    fn newest(world: &World) -> Result<Self> {
        let reports = world.dir.join("data/reports");
        let mut found: Vec<PathBuf> = std::fs::read_dir(&reports)
            .context("find the report")?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        found.retain(|path| path.extension().is_some_and(|one| one == "json"));
        found.sort();
        let path = found.last().context("find the report")?;
        let read = |extension: &str| {
            let path = path.with_extension(extension);
            std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
        };
        Ok(Self {
            json: serde_json::from_str(&read("json")?).context("read the report")?,
            markdown: read("md")?,
            html: read("html")?,
        })
    }
}

/// The failed attempts of the report by what was tried, in order.
fn failed(report: &Value) -> BTreeMap<(String, String), Vec<&Value>> {
    let mut units: BTreeMap<_, Vec<&Value>> = BTreeMap::new();
    for one in report["retries"].as_array().into_iter().flatten() {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        units
            .entry((text("phase"), text("unit")))
            .or_default()
            .push(one);
    }
    units
}

/// Attempts and waits: in the report, in all of its forms, in the log, and really waited.
fn attempts(case: &Case, report: &Report, log: &str) -> Vec<String> {
    let expected = case.failures();
    let units = failed(&report.json);
    let mut problems = Vec::new();
    if !units
        .values()
        .any(|failures| expected.contains(&failures.len()))
    {
        let found: Vec<usize> = units.values().map(Vec::len).collect();
        problems.push(format!(
            "{} failed attempts of a unit are expected, {found:?} are told",
            expected.start()
        ));
    }
    for ((phase, unit), failures) in &units {
        for (at, failure) in failures.iter().enumerate() {
            let problem = attempt(report, log, (phase, unit), (at, failure));
            problems
                .extend(problem.map(|what| format!("{phase} {unit}, attempt {}: {what}", at + 1)));
        }
    }
    problems
}

fn attempt(
    report: &Report,
    log: &str,
    (phase, unit): (&str, &str),
    (at, failure): (usize, &Value),
) -> Option<String> {
    let number = u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1);
    if failure["attempt"] != number {
        return Some(format!("the report calls it {}", failure["attempt"]));
    }
    if !["transient", "unreachable"].contains(&failure["kind"].as_str()?) {
        return Some(format!("its kind is {}", failure["kind"]));
    }
    if failure["reason"]
        .as_str()
        .is_none_or(|reason| reason.len() < 10)
    {
        return Some("no reason is told".to_owned());
    }
    let is_told = |text: &str| report.markdown.contains(text) && report.html.contains(text);
    let Some(wait) = failure["retry_after_millis"].as_u64() else {
        return (at < WAITS.len()).then(|| "no other attempt follows".to_owned());
    };
    let Some((least, greatest)) = WAITS.get(at) else {
        return Some("another attempt follows".to_owned());
    };
    if !(*least..=*greatest).contains(&wait) {
        return Some(format!("the wait is {wait} ms"));
    }
    if !is_told(&format!("after {wait} ms")) {
        return Some(format!(
            "Markdown and HTML do not tell the wait of {wait} ms"
        ));
    }
    let seconds = std::time::Duration::from_millis(wait).as_secs_f64();
    let ends_with = format!("trying again in {seconds:.1} s");
    let is_it = |line: &str| {
        let begins = [
            format!("attempt {number} of {unit} failed: "),
            "taking back failed: ".to_owned(),
        ];
        line.ends_with(&ends_with) && begins.iter().any(|begin| line.contains(begin))
    };
    if !log.lines().any(is_it) {
        return Some(format!("the log does not tell the wait of {seconds:.1} s"));
    }
    waited(report, (phase, unit), number)
        .filter(|waited| *waited + 5 < wait)
        .map(|waited| format!("{waited} ms were waited, not {wait} ms"))
}

/// Between the end of that attempt and the beginning of the next one.
fn waited(report: &Report, (phase, unit): (&str, &str), number: u64) -> Option<u64> {
    let spans = report.json["timeline"]["spans"].as_array()?;
    let is_of = |span: &&Value| span["phase"] == phase && span["unit"] == unit;
    let moment = |number: u64, name: &str| {
        let mut found = spans.iter().filter(is_of);
        found.find(|span| span["attempt"] == number)?[name].as_u64()
    };
    Some(moment(number + 1, "from_millis")?.saturating_sub(moment(number, "to_millis")?))
}

/// After a fault that passed: the undisturbed run.
fn passed(
    golden: &Golden,
    world: &World,
    ended: &Ended,
    report: &Report,
    runtime: &tokio::runtime::Runtime,
) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    if !ended.status.success() {
        problems.push(format!("it ended with {}", ended.status));
    }
    if report.json["status"] != "SUCCESS" {
        problems.push(format!("the report says {}", report.json["status"]));
    }
    problems.extend(is_after(golden, world, runtime)?);
    Ok(problems)
}

fn is_after(
    golden: &Golden,
    world: &World,
    runtime: &tokio::runtime::Runtime,
) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    if digest_of(world, runtime)? != golden.after {
        problems.push("CERT is not as after the undisturbed run".to_owned());
    }
    let mut left = digest::leftovers(world, runtime)?;
    left.extend(digest::temporary_files(&world.dir)?);
    if !left.is_empty() {
        problems.push(format!("left behind: {}", left.join(", ")));
    }
    Ok(problems)
}

/// After a fault that stayed: exit 8, CERT as before, artifacts kept, and what is recommended works.
fn stayed(
    golden: &Golden,
    case: &Case,
    world: &World,
    ended: &Ended,
    report: &Report,
    runtime: &tokio::runtime::Runtime,
) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    if ended.status.code() != Some(8) {
        problems.push(format!("it ended with {} instead of 8", ended.status));
    }
    if report.json["status"] != "FAILED" {
        problems.push(format!("the report says {}", report.json["status"]));
    }
    problems.extend(kept(case, world, report));
    let is_taken_back = &report.json["failure"]["is_taken_back"];
    if *is_taken_back == false {
        // The store was away for that too: `resume` does it once the store is back.
        if !ended.err.contains("redistrict resume") && !ended.err.contains("faulty resume") {
            problems.push("it is not said that `resume` takes back".to_owned());
        }
        let resumed = world.product()?.run(&["resume"])?;
        if !matches!(resumed.status.code(), Some(7 | 8)) {
            problems.push(format!(
                "resume ended with {}:\n{}",
                resumed.status, resumed.err
            ));
        }
    }
    if digest_of(world, runtime)? != golden.before {
        problems.push("CERT is not as before".to_owned());
    }
    let again: &[&str] = match case.is_in_loading() {
        true => &["migrate", "--skip-extraction", DISTRICT],
        false => &["migrate", DISTRICT],
    };
    if *is_taken_back != false && !recommends(&ended.err, again) {
        problems.push(format!("`{}` is not recommended", again.join(" ")));
    }
    let next = world.product()?.run(again)?;
    if !next.status.success() {
        problems.push(format!(
            "{} ended with {}:\n{}",
            again.join(" "),
            next.status,
            next.err
        ));
    }
    problems.extend(is_after(golden, world, runtime)?);
    Ok(problems)
}

/// The printed command stands there with the program and the options of the call.
fn recommends(said: &str, again: &[&str]) -> bool {
    let is_it = |line: &str| {
        line.contains("Then: ")
            && again
                .iter()
                .all(|word| line.split(' ').any(|one| one == *word))
    };
    said.lines().any(is_it)
}

/// What was sealed before the fault is on disk, and the report names it.
fn kept(case: &Case, world: &World, report: &Report) -> Vec<String> {
    let named: Vec<&str> = report.json["artifacts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["path"].as_str())
        .collect();
    let mut problems = Vec::new();
    let expected = if case.is_in_loading() { 2 } else { 0 };
    if named.len() != expected {
        problems.push(format!(
            "{expected} artifacts are to be kept, the report names {named:?}"
        ));
    }
    let is_there = |path: &&str| {
        let path = Path::new(path);
        path.exists() || world.dir.join(path).exists()
    };
    if !named.iter().all(is_there) {
        problems.push("an artifact that the report names is not there".to_owned());
    }
    let recommended = report.json["recommendation"].as_array();
    if recommended.is_none_or(|steps| steps.len() < 2) {
        problems.push("the report recommends nothing".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::cases::{Which, of_postgres};
    use super::*;

    fn case(stays: bool) -> Case {
        let cases = of_postgres(Which::All);
        cases.into_iter().find(|case| case.stays == stays).unwrap()
    }

    /// What a run tells whose unit failed with these waits before the next attempts.
    fn told(waits: &[Option<u64>]) -> (Report, String) {
        let (mut retries, mut spans, mut log, mut at) = (Vec::new(), Vec::new(), String::new(), 0);
        let mut text = String::new();
        for (number, wait) in (1..).zip(waits) {
            retries.push(json!({
                "phase": "extraction", "unit": "extract", "attempt": number, "kind": "transient",
                "reason": "read rows: the connection was lost", "retry_after_millis": wait,
            }));
            spans.push(json!({
                "phase": "extraction", "unit": "extract", "attempt": number,
                "from_millis": at, "to_millis": at + 10,
            }));
            let Some(wait) = wait else { continue };
            at += 10 + wait;
            let seconds = std::time::Duration::from_millis(*wait).as_secs_f64();
            let line = format!(
                "Z attempt {number} of extract failed: could not read; trying again in {seconds:.1} s\n"
            );
            log += &line;
            let line = format!("after {wait} ms\n");
            text += &line;
        }
        let report = Report {
            json: json!({ "retries": retries, "timeline": { "spans": spans } }),
            markdown: text.clone(),
            html: text,
        };
        (report, log)
    }

    const TWICE: [Option<u64>; 2] = [Some(1_100), Some(3_200)];
    const FOUR: [Option<u64>; 4] = [Some(1_100), Some(3_200), Some(9_500), None];

    #[test]
    fn attempts_with_growing_waits_are_as_they_are_to_be() {
        for (waits, stays) in [(&TWICE[..], false), (&FOUR, true)] {
            let (report, log) = told(waits);
            assert_eq!(attempts(&case(stays), &report, &log), [""; 0]);
        }
    }

    #[test]
    fn everything_that_is_missing_is_found() {
        let found = |waits: &[Option<u64>], stays, change: &dyn Fn(&mut Report, &mut String)| {
            let (mut report, mut log) = told(waits);
            change(&mut report, &mut log);
            attempts(&case(stays), &report, &log).join("; ")
        };
        let nothing = |_: &mut Report, _: &mut String| {};
        for (said, expected) in [
            (found(&TWICE[..1], false, &nothing), "2 failed attempts"),
            (found(&TWICE, true, &nothing), "4 failed attempts"),
            (
                found(&[Some(1_100), Some(1_200)], false, &nothing),
                "the wait is 1200 ms",
            ),
            (
                found(&[Some(1_100), None], false, &nothing),
                "no other attempt",
            ),
            (
                found(&TWICE, false, &|report, _| report.markdown.clear()),
                "Markdown and HTML",
            ),
            (
                found(&TWICE, false, &|report, _| report.html.clear()),
                "Markdown and HTML",
            ),
            (
                found(&TWICE, false, &|_, log| log.clear()),
                "the log does not tell",
            ),
            (
                found(&TWICE, false, &|report, _| {
                    report.json["retries"][0]["kind"] = "config".into();
                }),
                "its kind is",
            ),
            (
                found(&TWICE, false, &|report, _| {
                    report.json["retries"][0]["reason"] = "".into();
                }),
                "no reason",
            ),
            (
                found(&TWICE, false, &|report, _| {
                    report.json["timeline"]["spans"][1]["from_millis"] = 20.into();
                }),
                "were waited",
            ),
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
    }

    #[test]
    fn a_recommendation_is_the_whole_command() {
        let again = ["migrate", "--skip-extraction", "2"];
        let said = "- Then: /x/faulty migrate --config a/r.toml --skip-extraction 2";
        assert!(recommends(said, &again));
        assert!(!recommends("- Then: redistrict migrate 2", &again));
        assert!(!recommends("migrate --skip-extraction 2", &again));
    }
}
