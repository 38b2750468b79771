//! `redistrict doctor` and `redistrict config check`: everything that could stop a run, in one list.

use redistrict_model::StoreName;
use redistrict_store::{Fingerprint, TargetStore};

use crate::apart::Apart;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format};
use crate::planning::{self, denied};
use crate::session::Session;

/// Looks at every store.
pub(crate) async fn run(session: &Session) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let mut findings = Vec::new();
    let mut rows = Vec::new();
    let mut worst = Exit::Done;
    let mut prod = denied(&workspace);
    for source in workspace.sources()? {
        match source.probe().await {
            Ok(probe) => {
                rows.push(line(
                    source.name().as_str(),
                    "PROD",
                    &probe.version,
                    "reachable",
                ));
                findings.extend(probe.findings);
                prod.push(probe.fingerprint);
            }
            Err(error) => {
                worst = worst.max(Exit::of(error.error_kind(), None));
                rows.push(line(source.name().as_str(), "PROD", "", &error.to_string()));
            }
        }
    }
    let mut apart = Apart::default();
    for group in session.targets(&workspace)? {
        for store in group.stores() {
            let fingerprint = group.fingerprint(store).await;
            let other = fingerprint.as_ref().ok().and_then(|one| apart.other(one));
            let state = match (fingerprint, other.cloned()) {
                (Err(error), _) => {
                    worst = worst.max(Exit::of(error.error_kind(), None));
                    error.to_string()
                }
                (Ok(fingerprint), _) if prod.contains(&fingerprint) => {
                    worst = worst.max(Exit::Prerequisite);
                    "the same database as PROD, or denied".to_owned()
                }
                (Ok(_), Some(other)) => {
                    worst = worst.max(Exit::Prerequisite);
                    format!("the same database as the target of store {other}")
                }
                (Ok(fingerprint), None) => {
                    apart.add(&[], store, &fingerprint)?;
                    let (state, exit) = enrolment(group.as_ref(), store, &fingerprint).await;
                    worst = worst.max(exit);
                    state
                }
            };
            rows.push(line(store.as_str(), "CERT", "", &state));
        }
    }
    if session.format() == Format::Text {
        let table = output::table(&["store", "side", "version", "state"], &rows);
        output::data(output::typed(&table));
        output::findings(&findings);
    } else {
        output::json(&serde_json::json!({ "stores": rows, "findings": findings }));
    }
    Ok(worst)
}

/// What is known of a target's mark.
async fn enrolment(
    group: &dyn TargetStore,
    store: &StoreName,
    fingerprint: &Fingerprint,
) -> (String, Exit) {
    match group.enrolment(store).await {
        Ok(Some(enrolment)) if enrolment.fingerprint == *fingerprint => {
            (format!("enrolled as {:?}", enrolment.name), Exit::Done)
        }
        Ok(Some(_)) => (
            "enrolled elsewhere and copied: enroll it again".to_owned(),
            Exit::Prerequisite,
        ),
        Ok(None) => (
            format!("not enrolled: redistrict enroll {store} --name \"…\""),
            Exit::Prerequisite,
        ),
        Err(error) => (error.to_string(), Exit::of(error.error_kind(), None)),
    }
}

fn line(store: &str, side: &str, version: &str, state: &str) -> Vec<String> {
    [store, side, version, state].map(str::to_owned).to_vec()
}

/// Resolves every name of the configuration against the live catalogs and plans as far as possible.
pub(crate) async fn check_config(session: &Session) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let mut source = planning::source(&workspace, false).await?;
    if let Err(findings) = planning::source_masks(&workspace, &mut source).await? {
        let what = "use the configuration for a migration yet";
        return Err(planning::stop(what, &findings));
    }
    if workspace
        .config
        .store
        .0
        .iter()
        .any(|(_, store)| store.target.is_none())
    {
        return Err(Failure::prerequisite("load: a store has no target"));
    }
    let path = workspace.config_path.display();
    if session.format() == Format::Text {
        output::data(format!("{path}: everything it names is there"));
    } else {
        output::json(&serde_json::json!({ "config": path.to_string(), "ok": true }));
    }
    Ok(Exit::Done)
}
