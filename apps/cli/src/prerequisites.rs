//! What a migration needs and what can be told before anything is planned: credentials, reachable hosts,
//! rights, PROD and CERT apart, enrolment, a place to write. Looked at together and told together.

use std::path::Path;

use futures::future::join_all;
use redistrict_model::config::Store;
use redistrict_model::{ErrorKind, Finding, StoreName};
use redistrict_store::{Fingerprint, TargetStore};

use crate::apart::Apart;
use crate::approvals::approvals;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::planning::denied;
use crate::session::Session;
use crate::wire::{Side, Workspace};

/// Less than that and not even a small district's artifacts fit.
const LEAST_FREE: u64 = 256 << 20;

/// One thing that was looked at.
#[derive(Debug)]
pub(crate) struct Item {
    /// A store, `here` for this machine, or `all`.
    pub(crate) place: String,
    /// PROD or CERT of a store; else what it is about.
    pub(crate) side: &'static str,
    pub(crate) version: String,
    /// How it stands; none if it does not.
    pub(crate) state: Result<String, Failure>,
}

/// Everything that was looked at, in the order of the configuration, this machine first.
pub(crate) struct Look {
    pub(crate) items: Vec<Item>,
    /// What the stores say of themselves.
    pub(crate) findings: Vec<Finding>,
}

/// Looks at everything; nothing is written but empty directories of our own.
pub(crate) async fn look(session: &Session, workspace: &Workspace) -> Look {
    let mut items = here(session, workspace);
    let stores = &workspace.config.store.0;
    let prod = join_all(
        stores
            .iter()
            .map(|(name, store)| prod(workspace, name, store)),
    )
    .await;
    let cert = join_all(
        stores
            .iter()
            .map(|(name, store)| cert(workspace, name, store)),
    )
    .await;
    let mut sources = Vec::new();
    let mut findings = Vec::new();
    for (item, probed) in prod {
        if let Some((fingerprint, more)) = probed {
            sources.push(fingerprint);
            findings.extend(more);
        }
        items.push(item);
    }
    let mut targets = Apart::new(&sources, denied(workspace));
    for (mut item, fingerprint) in cert {
        if let Some(fingerprint) = fingerprint {
            let store = StoreName::new(item.place.clone());
            item.state = targets.add(&store, &fingerprint).and(item.state);
        }
        items.push(item);
    }
    Look { items, findings }
}

/// Everything that is missing, as one failure; its exit code is that of the worst.
pub(crate) fn require(look: Look) -> CommandResult {
    let states = look.items.into_iter().map(|item| item.state);
    let mut missing: Vec<Failure> = states.filter_map(Result::err).collect();
    if missing.len() < 2 {
        return missing.pop().map_or(Ok(()), Err);
    }
    let worst = missing.iter().map(|failure| failure.exit).max();
    let exit = worst.unwrap_or(Exit::Prerequisite);
    let what = format!("start: {} prerequisites are missing", missing.len());
    let mut all = Failure::new(exit, what);
    // Nothing else is missing than what may be there again in a moment.
    let is_lost = |one: &Failure| one.kind == Some(ErrorKind::Transient);
    all.kind = missing.iter().all(is_lost).then_some(ErrorKind::Transient);
    for failure in missing {
        let causes = failure.causes.iter().map(|cause| format!(": {cause}"));
        let sentence = std::iter::once(failure.message).chain(causes).collect();
        all.causes.push(sentence);
        for hint in failure.hints {
            if !all.hints.contains(&hint) {
                all.hints.push(hint);
            }
        }
    }
    Err(all)
}

fn here(session: &Session, workspace: &Workspace) -> Vec<Item> {
    let item = |side, state| Item {
        place: "here".to_owned(),
        side,
        version: String::new(),
        state,
    };
    let layout = &workspace.layout;
    let before = match workspace.config.approvals.before.as_slice() {
        [] => "none asked for".to_owned(),
        steps => format!("before {}", steps.join(", ")),
    };
    let journal = layout.journal().display().to_string();
    vec![
        item("approvals", approvals(&workspace.config).map(|_| before)),
        item("journal", session.journal(workspace).map(|_| journal)),
        item("key", workspace.root_key().map(|_| "there".to_owned())),
        item("data", room(&layout.data_dir)),
        item("logs", room(&layout.log_dir)),
    ]
}

/// Whether a directory can be written and how much fits.
fn room(dir: &Path) -> CommandResult<String> {
    redistrict_artifact::create_private_dir(dir)?;
    let failed = |what: &str| {
        Failure::prerequisite(format!("{what} {}", dir.display()))
            .with_hint("[run] data_dir and log_dir say where a run writes")
    };
    let probe = dir.join(format!(".writable-{}", std::process::id()));
    let written = redistrict_artifact::write_atomic(&probe, b"");
    let removed = std::fs::remove_file(&probe);
    if written.is_err() || removed.is_err() {
        return Err(failed("write to"));
    }
    let free = free_bytes(dir).ok_or_else(|| failed("see how much is free in"))?;
    if free < LEAST_FREE {
        let mega = free >> 20;
        return Err(failed(&format!("find room: {mega} MB are free in"))
            .with_hint("`redistrict artifacts ls` shows what could be shredded"));
    }
    Ok(format!("{} GB free", free >> 30))
}

fn free_bytes(dir: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(dir).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

type Probed = (Fingerprint, Vec<Finding>);

async fn prod(workspace: &Workspace, name: &str, store: &Store) -> (Item, Option<Probed>) {
    let probe = match workspace.source(name, store) {
        Ok(source) => {
            let probe = source.probe().await;
            probe.map_err(|error| of_store(error.into(), name, Side::Prod))
        }
        Err(failure) => Err(failure),
    };
    let (version, state, probed) = match probe {
        Ok(probe) => {
            let probed = (probe.fingerprint, probe.findings);
            (probe.version, Ok("reachable".to_owned()), Some(probed))
        }
        Err(failure) => (String::new(), Err(failure), None),
    };
    (item(name, Side::Prod, version, state), probed)
}

async fn cert(workspace: &Workspace, name: &str, store: &Store) -> (Item, Option<Fingerprint>) {
    let store_name = StoreName::new(name);
    let looked = match workspace.target(name, store) {
        Ok(target) => match target.fingerprint(&store_name).await {
            Ok(fingerprint) => {
                let state = enrolment(target.as_ref(), &store_name, &fingerprint).await;
                (state, Some(fingerprint))
            }
            Err(error) => (Err(of_store(error.into(), name, Side::Cert)), None),
        },
        Err(failure) => (Err(failure), None),
    };
    let (state, fingerprint) = looked;
    (item(name, Side::Cert, String::new(), state), fingerprint)
}

/// Says which database it is about, and what to look at.
fn of_store(failure: Failure, name: &str, side: Side) -> Failure {
    let key = match side {
        Side::Prod => "source",
        Side::Cert => "target",
    };
    let hint = match failure.exit {
        Exit::Credentials => format!("are user and password of [store.{name}] {key} right?"),
        Exit::Unreachable => format!("is the host of [store.{name}] {key} up, and the port right?"),
        _ => format!(
            "`redistrict doctor` looks at {} of {name} again",
            side.as_str()
        ),
    };
    let message = format!("use {} of store {name}: {}", side.as_str(), failure.message);
    let failure = Failure { message, ..failure };
    failure.of_first_contact().with_hint(hint)
}

fn item(name: &str, side: Side, version: String, state: CommandResult<String>) -> Item {
    Item {
        place: name.to_owned(),
        side: side.as_str(),
        version,
        state,
    }
}

/// What is known of a target's mark.
async fn enrolment(
    target: &dyn TargetStore,
    store: &StoreName,
    fingerprint: &Fingerprint,
) -> CommandResult<String> {
    let hint = format!("redistrict enroll {store} --name \"…\"");
    match target.enrolment(store).await? {
        Some(enrolment) if enrolment.fingerprint == *fingerprint => {
            Ok(format!("enrolled as {:?}", enrolment.name))
        }
        Some(_) => Err(Failure::prerequisite(format!(
            "use the target of {store}: it was enrolled elsewhere and copied here"
        ))
        .with_hint(format!("if this is a certification database: {hint}"))),
        None => Err(Failure::prerequisite(format!(
            "use the target of {store}: nobody has enrolled it as a certification database"
        ))
        .with_hint(hint)),
    }
}
