//! `redistrict artifacts ls | verify | shred`: what lies in `data`, whether it is as it was sealed,
//! and the end of it. Nothing is connected.

use redistrict_artifact::{Artifact, ArtifactError, ArtifactKind, RootKey, timestamp_of};
use redistrict_model::{DistrictId, RunId};
use serde_json::{Value, json};

use crate::args::{ArtifactsCommand, ArtifactsLs, ArtifactsShred, ArtifactsVerify};
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::inventory::{Inventory, Item, State, inventory, is_raw_of};
use crate::nearest;
use crate::output::{self, Format, thousands};
use crate::retention;
use crate::session::Session;
use crate::wire::Workspace;

/// Runs one of the three.
pub(crate) fn run(session: &Session, command: &ArtifactsCommand) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let found = inventory(session, &workspace)?;
    match command {
        ArtifactsCommand::Ls(arguments) => ls(session, &workspace, found, arguments),
        ArtifactsCommand::Verify(arguments) => verify(session, &workspace, &found, arguments),
        ArtifactsCommand::Shred(arguments) => shred(session, &found, arguments),
    }
}

fn ls(
    session: &Session,
    workspace: &Workspace,
    found: Inventory,
    arguments: &ArtifactsLs,
) -> CommandResult<Exit> {
    let items = match &arguments.district {
        None => found.items,
        Some(district) => of_district(workspace, found.items, &DistrictId::new(district.clone()))?,
    };
    let now = session.clock.wall();
    match session.format() {
        Format::Text if items.is_empty() => output::note("there is no artifact"),
        Format::Text => {
            let header = [
                "run", "kind", "district", "state", "rows", "bytes", "sealed", "note",
            ];
            let rows: Vec<Vec<String>> = items.iter().map(|item| row(item, now)).collect();
            output::data(output::typed(&output::table(&header, &rows)));
        }
        Format::Json => {
            let values: Vec<Value> = items.iter().map(|item| as_json(item, now)).collect();
            output::json(&json!({ "artifacts": values }));
        }
        Format::Jsonl => items
            .iter()
            .for_each(|item| output::json(&as_json(item, now))),
    }
    Ok(Exit::Done)
}

/// By the district itself, or by its folder where neither manifest nor journal names it.
fn of_district(
    workspace: &Workspace,
    items: Vec<Item>,
    district: &DistrictId,
) -> CommandResult<Vec<Item>> {
    if items.iter().all(|item| item.district.is_some()) {
        let is_of = |item: &Item| item.district.as_ref() == Some(district);
        return Ok(items.into_iter().filter(is_of).collect());
    }
    let folder = workspace
        .layout
        .raw_of(district, &workspace.root_key()?)
        .file_name()
        .map(ToOwned::to_owned);
    let is_of = |item: &Item| match &item.district {
        Some(known) => known == district,
        None => item.dir.as_ref().and_then(|dir| dir.parent()?.file_name()) == folder.as_deref(),
    };
    Ok(items.into_iter().filter(is_of).collect())
}

fn row(item: &Item, now: std::time::Duration) -> Vec<String> {
    let number = |number: Option<u64>| number.map(thousands).unwrap_or_default();
    vec![
        item.run.to_string(),
        kind(item.kind).to_owned(),
        item.place(),
        item.state.word().to_owned(),
        number(item.rows),
        number(item.bytes),
        item.sealed_at.map(timestamp_of).unwrap_or_default(),
        note(item, now),
    ]
}

fn kind(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::Raw => "raw",
        ArtifactKind::Masked => "masked",
    }
}

fn note(item: &Item, now: std::time::Duration) -> String {
    let mut notes = Vec::new();
    match (&item.state, item.kept_until) {
        (State::Damaged(why), _) => notes.push(output::reason(why)),
        (State::Shredded, _) if item.dir.is_some() => notes.push("its files are left".to_owned()),
        (_, Some(until)) if item.is_overdue(now) => {
            notes.push(format!("overdue since {}", timestamp_of(until)));
        }
        (_, Some(until)) => notes.push(format!("kept until {}", timestamp_of(until))),
        _ => {}
    }
    let needed = item.needed_by.iter().map(|run| format!("needed by {run}"));
    notes.extend(needed);
    notes.join("; ")
}

fn as_json(item: &Item, now: std::time::Duration) -> Value {
    json!({
        "run": item.run, "kind": kind(item.kind), "district": item.district,
        "state": item.state.word(), "rows": item.rows, "bytes": item.bytes,
        "sealed_at": item.sealed_at.map(timestamp_of),
        "kept_until": item.kept_until.map(timestamp_of),
        "is_overdue": item.is_overdue(now), "needed_by": item.needed_by,
        "path": item.dir.as_ref().map(|dir| dir.display().to_string()),
        "damage": match &item.state {
            State::Damaged(why) => Some(output::reason(why)),
            _ => None,
        },
    })
}

/// Each artifact that is asked for: as it was sealed, or the files that are not.
fn verify(
    session: &Session,
    workspace: &Workspace,
    found: &Inventory,
    arguments: &ArtifactsVerify,
) -> CommandResult<Exit> {
    let run = arguments.run.clone().map(RunId::new);
    let is_asked_for = |item: &&Item| run.as_ref().is_none_or(|run| item.run == *run);
    let items: Vec<&Item> = found.items.iter().filter(is_asked_for).collect();
    if let Some(run) = run.as_ref().filter(|_| items.is_empty()) {
        return Err(no_artifact(found, run));
    }
    let key = match items.iter().any(|item| item.dir.is_some()) {
        true => Some(workspace.root_key()?),
        false => None,
    };
    let mut wrong = Vec::new();
    let mut checked = Vec::new();
    for item in &items {
        let (result, broken) = verify_one(item, key.as_ref());
        if session.format() == Format::Text {
            output::data(format!("{} {}: {result}", item.run, kind(item.kind)));
        } else {
            checked.push(json!({
                "run": item.run, "kind": kind(item.kind), "result": result, "wrong": broken,
            }));
        }
        wrong.extend(broken);
    }
    if session.format() == Format::Jsonl {
        checked.iter().for_each(output::json);
    }
    if !wrong.is_empty() {
        let mut failure = Failure::prerequisite(
            "verify the artifacts: not all are as they were sealed",
        )
        .with_hint(
            "use none of them: extract the district again with `redistrict migrate DISTRICT`",
        )
        .with_hint("a raw one is removed by `redistrict artifacts shred RUN`");
        failure.causes = wrong;
        return Err(failure);
    }
    if session.format() == Format::Json {
        output::json(&json!({ "verified": checked }));
    }
    Ok(Exit::Done)
}

/// What came out, in words, and what is wrong.
fn verify_one(item: &Item, key: Option<&RootKey>) -> (String, Vec<String>) {
    let (dir, key) = match (&item.state, &item.dir, key) {
        (State::Damaged(why), ..) => return ("WRONG".to_owned(), vec![why.clone()]),
        (State::Sealed, Some(dir), Some(key)) => (dir, key),
        (state, ..) => return (format!("{}, nothing to verify", state.word()), Vec::new()),
    };
    let artifact = match Artifact::open(dir, key) {
        Ok(artifact) => artifact,
        Err(error) => return ("WRONG".to_owned(), vec![text_of(error)]),
    };
    let wrong: Vec<String> = artifact.wrong_files().into_iter().map(text_of).collect();
    let parts = artifact.manifest().tables.iter();
    let files: usize = parts.map(|table| table.parts.len()).sum();
    let result = match wrong.len() {
        0 => format!(
            "as it was sealed ({} bytes in {files} files)",
            thousands(item.bytes.unwrap_or_default())
        ),
        wrong => format!("WRONG: {wrong} of {files} files"),
    };
    (result, wrong)
}

/// With its causes: of a file that cannot be read, why.
fn text_of(error: ArtifactError) -> String {
    let Failure {
        message, causes, ..
    } = Failure::from(error);
    std::iter::once(message)
        .chain(causes)
        .collect::<Vec<_>>()
        .join(": ")
}

fn no_artifact(found: &Inventory, run: &RunId) -> Failure {
    if found.runs.iter().any(|state| state.run == *run) {
        return Failure::prerequisite(format!("find an artifact of run {run}: it left none"))
            .with_hint("`redistrict artifacts ls` lists them");
    }
    let runs = found.runs.iter().map(|state| &state.run);
    nearest::unknown_run(run, runs.chain(found.items.iter().map(|item| &item.run)))
}

fn shred(session: &Session, found: &Inventory, arguments: &ArtifactsShred) -> CommandResult<Exit> {
    let now = session.clock.wall();
    let items: Vec<&Item> = match &arguments.run {
        None => {
            let raw = found
                .items
                .iter()
                .filter(|item| item.kind == ArtifactKind::Raw);
            raw.filter(|item| item.is_overdue(now) || is_left_over(item))
                .collect()
        }
        Some(run) => {
            let run = RunId::new(run.clone());
            let items: Vec<&Item> = found
                .items
                .iter()
                .filter(|item| is_raw_of(item, &run))
                .collect();
            if items.is_empty() {
                return Err(no_raw(found, &run));
            }
            items
        }
    };
    let (needed, free): (Vec<&Item>, Vec<&Item>) = items
        .into_iter()
        .partition(|item| !item.needed_by.is_empty());
    let mut done = Vec::new();
    for item in &free {
        if let Some(dir) = &item.dir {
            retention::shred(dir)?;
            done.push(dir.display().to_string());
        }
    }
    let is_text = session.format() == Format::Text;
    let nothing = match arguments.overdue {
        true => "nothing is overdue",
        false => "nothing to shred: it is done already",
    };
    if is_text {
        match done.is_empty() {
            true if needed.is_empty() => output::data(nothing),
            _ => done
                .iter()
                .for_each(|dir| output::data(format!("shredded {dir}"))),
        }
    }
    if !needed.is_empty() {
        return Err(refused(&needed));
    }
    if !is_text {
        output::json(&json!({ "shredded": done }));
    }
    Ok(Exit::Done)
}

/// Its key is destroyed, its files are not removed yet.
fn is_left_over(item: &Item) -> bool {
    item.state == State::Shredded && item.dir.is_some()
}

fn no_raw(found: &Inventory, run: &RunId) -> Failure {
    let failure = no_artifact(found, run);
    match found.items.iter().any(|item| item.run == *run) {
        true => Failure::prerequisite(format!(
            "shred the raw artifact of run {run}: it made none, only a masked one"
        ))
        .with_hint("`redistrict artifacts ls` says which run extracted"),
        false => failure,
    }
}

fn refused(needed: &[&Item]) -> Failure {
    let runs: Vec<String> = needed.iter().map(|item| item.run.to_string()).collect();
    let mut failure = Failure::prerequisite(format!(
        "shred the raw artifact of {}: an unfinished run needs it",
        runs.join(", ")
    ));
    let users = needed.iter().flat_map(|item| &item.needed_by);
    for run in users {
        failure = failure
            .with_hint(format!("redistrict resume {run}   # goes on with it"))
            .with_hint(format!("redistrict cancel {run}   # gives it up"));
    }
    failure
}
