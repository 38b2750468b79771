//! `redistrict doctor` and `redistrict config check`: everything that could stop a run, in one list.

use crate::approvals::approvals;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format};
use crate::planning;
use crate::prerequisites::{self, Item, Look};
use crate::session::Session;
use crate::traces;
use crate::unmasked;
use crate::wire::Workspace;

/// Looks at this machine and at every store. The exit code is that of the worst.
pub(crate) async fn run(session: &Session) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let mut look = prerequisites::look(session, &workspace).await;
    let (items, findings) = traces::look(session, &workspace).await;
    look.items.extend(items);
    look.findings.extend(findings);
    if stores_answer(&look) {
        look_for_unmasked(session, &workspace, &mut look).await;
    }
    let failures = look
        .items
        .iter()
        .filter_map(|item| item.state.as_ref().err());
    let worst = failures.clone().map(|failure| failure.exit).max();
    if session.format() == Format::Text {
        let rows: Vec<Vec<String>> = look.items.iter().map(row).collect();
        let table = output::table(&["place", "what", "version", "state"], &rows);
        output::data(output::typed(&table));
        output::findings(&look.findings);
        for hint in failures.flat_map(|failure| &failure.hints) {
            output::note(output::typed(&format!("  → {hint}")));
        }
    } else {
        let rows: Vec<serde_json::Value> = look.items.iter().map(as_json).collect();
        output::json(&serde_json::json!({ "items": rows, "findings": look.findings }));
    }
    Ok(worst.unwrap_or(Exit::Done))
}

/// What else is wrong with a target (nobody has enrolled it) is no reason not to read it.
fn stores_answer(look: &Look) -> bool {
    let failed = look
        .items
        .iter()
        .filter_map(|item| item.state.as_ref().err());
    failed
        .map(|failure| failure.exit)
        .all(|exit| exit == Exit::Prerequisite)
}

async fn look_for_unmasked(session: &Session, workspace: &Workspace, look: &mut Look) {
    let state = unmasked::look(session, workspace).await.map(|found| {
        let state = match found.findings.len() {
            0 => format!("none, in {} tables", found.tables),
            some => format!("in {some} of {} tables: see below", found.tables),
        };
        look.findings.extend(found.findings);
        state
    });
    look.items.push(Item {
        place: "all".to_owned(),
        side: "rows of PROD in CERT",
        version: String::new(),
        state,
    });
}

fn row(item: &Item) -> Vec<String> {
    let state = match &item.state {
        Ok(state) => state.clone(),
        Err(failure) => format!("could not {}", failure.message),
    };
    vec![
        item.place.clone(),
        item.side.to_owned(),
        item.version.clone(),
        state,
    ]
}

fn as_json(item: &Item) -> serde_json::Value {
    let failure = item.state.as_ref().err();
    serde_json::json!({
        "place": item.place, "what": item.side, "version": item.version,
        "state": item.state.as_ref().ok(),
        "error": failure.map(|failure| &failure.message),
        "causes": failure.map(|failure| &failure.causes),
        "hints": failure.map(|failure| {
            failure.hints.iter().map(|hint| output::typed(hint)).collect::<Vec<_>>()
        }),
        "exit": failure.map_or(0, |failure| failure.exit as u8),
    })
}

/// Resolves every name of the configuration against the live catalogs and plans as far as possible.
pub(crate) async fn check_config(session: &Session) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    approvals(&workspace.config)?;
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
    let warnings = source.left_open().await?;
    let stopping: Vec<_> = planning::errors_of(&warnings).collect();
    if !stopping.is_empty() {
        return Err(planning::stop("follow every reference", stopping));
    }
    let path = workspace.config_path.display();
    if session.format() == Format::Text {
        output::data(format!("{path}: everything it names is there"));
    } else {
        output::json(
            &serde_json::json!({ "config": path.to_string(), "ok": true, "findings": warnings }),
        );
    }
    output::findings(&warnings);
    Ok(Exit::Done)
}
