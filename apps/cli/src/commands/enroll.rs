//! `redistrict enroll`: marks a target as CERT, once, by a person.

use redistrict_artifact::timestamp_of;
use redistrict_model::StoreName;
use redistrict_store::{Enrolment, Fingerprint, TargetStore};

use crate::apart::Apart;
use crate::args;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::nearest;
use crate::output::{self, Format};
use crate::person;
use crate::planning::denied;
use crate::session::Session;
use crate::wire::Workspace;

/// Enrolls one store, or all that are not enrolled yet.
pub(crate) async fn run(session: &Session, arguments: &args::Enroll) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let wanted = match &arguments.store {
        None => workspace.store_names(),
        Some(name) => {
            let name = StoreName::new(name.clone());
            if !workspace.store_names().contains(&name) {
                return Err(no_such_store(&name, &workspace.store_names()));
            }
            vec![name]
        }
    };
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => ask()?,
    };
    enroll(session, &workspace, &wanted, &name).await?;
    if session.format() != Format::Text {
        output::json(&serde_json::json!({ "enrolled": wanted, "name": name }));
    }
    Ok(Exit::Done)
}

/// With the nearest store, or all of them.
fn no_such_store(name: &StoreName, known: &[StoreName]) -> Failure {
    let failure = Failure::usage(format!(
        "enroll {name}: the configuration has no such store"
    ));
    let line = |store: &str| format!("redistrict enroll {store} --name \"…\"");
    match nearest::name(name.as_str(), known.iter().map(StoreName::as_str)) {
        Some(near) => failure
            .with_hint(format!("did you mean `{near}`?"))
            .with_hint(line(near)),
        None => failure.with_hints(known.iter().map(|store| line(store.as_str()))),
    }
}

/// Writes the mark into each target, after a look that none of them is PROD.
pub(crate) async fn enroll(
    session: &Session,
    workspace: &Workspace,
    wanted: &[StoreName],
    name: &str,
) -> CommandResult {
    let mut sources = denied(workspace);
    for source in workspace.sources()? {
        sources.push(source.probe().await?.fingerprint);
    }
    let groups = session.targets(workspace)?;
    let mut apart = Apart::new(&[], Vec::new());
    for group in &groups {
        for store in group.stores().iter().filter(|store| wanted.contains(store)) {
            apart.add(store, &group.fingerprint(store).await?)?;
        }
    }
    for group in &groups {
        for store in group.stores().iter().filter(|store| wanted.contains(store)) {
            enroll_store(session, group.as_ref(), store, name, &sources).await?;
        }
    }
    Ok(())
}

async fn enroll_store(
    session: &Session,
    group: &dyn TargetStore,
    store: &StoreName,
    name: &str,
    sources: &[Fingerprint],
) -> CommandResult {
    let fingerprint = group.fingerprint(store).await?;
    if sources.contains(&fingerprint) {
        return Err(Failure::prerequisite(format!(
            "enroll the target of store {store}: it is a database that is also a source, or denied"
        )));
    }
    let mut uuid = [0; 16];
    getrandom::fill(&mut uuid)
        .map_err(|_| Failure::new(Exit::Unexpected, "draw random bytes for the enrolment"))?;
    let enrolment = Enrolment {
        uuid: uuid.iter().map(|byte| format!("{byte:02x}")).collect(),
        name: name.to_owned(),
        at: timestamp_of(session.clock.wall()),
        fingerprint,
    };
    group.enroll(store, &enrolment).await?;
    output::note(format!("enrolled the target of store {store} as {name:?}"));
    Ok(())
}

fn ask() -> CommandResult<String> {
    let missing = || {
        Failure::usage("enroll: give the database a name that tells people what it is")
            .with_hint("redistrict enroll --name \"cert of team blue\"")
    };
    person::answer("Which certification database is this? Type a name for it:")
        .filter(|name| !name.is_empty())
        .ok_or_else(missing)
}
