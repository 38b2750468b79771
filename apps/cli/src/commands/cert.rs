//! `redistrict cert`: what CERT's own records and tables say, for programs. Reads; PROD is not asked.

use std::collections::BTreeMap;

use redistrict_artifact::RootKey;
use redistrict_journal::{Journal, RunKind, RunState, fold};
use redistrict_load::table_digests;
use redistrict_model::{Plan, RunId, Table, TableRef};
use redistrict_store::{RunRecord, TargetStore};
use serde_json::{Value, json};

use crate::args::CertCommand;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format};
use crate::person;
use crate::session::Session;

/// Prints one object, whatever the format: text is for people, and this is not.
pub(crate) async fn run(session: &Session, command: &CertCommand) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let journal = session.journal(&workspace)?;
    let targets = session.targets(&workspace)?;
    let rows = match command {
        CertCommand::Loads => {
            let mut rows = Vec::new();
            for target in &targets {
                rows.extend(loads(target.as_ref(), journal.as_ref()).await?);
            }
            merged(rows)
        }
        CertCommand::Digests(of) => {
            let state = planned(journal.as_ref(), of.run.as_deref())?;
            let key = workspace.root_key()?;
            let mut tables = Vec::new();
            for target in &targets {
                tables.extend(digests(target.as_ref(), &key, &state.plan).await?);
            }
            json!({ "run": state.run, "tables": tables })
        }
        CertCommand::Drift(of) => {
            let state = planned(journal.as_ref(), of.run.as_deref())?;
            let (mut compared, mut differences) = (0, Vec::new());
            for target in &targets {
                let live = tables_of(target.as_ref()).await?;
                let planned = planned_tables(&state.plan, target.as_ref());
                compared += planned.len();
                let is_open = target.capabilities().open_schema;
                differences.extend(planned.iter().flat_map(|table| {
                    let now = live.iter().find(|now| now.name == table.name);
                    difference(table, now, is_open)
                        .map(|what| json!({ "table": table.name, "what": what }))
                }));
            }
            json!({ "run": state.run, "compared": compared, "differences": differences })
        }
    };
    match session.format() {
        Format::Text => output::data(format!("{rows:#}")),
        Format::Json | Format::Jsonl => output::json(&rows),
    }
    Ok(Exit::Done)
}

/// The run that is named, or the newest migration: its plan names the tables.
fn planned(journal: &dyn Journal, run: Option<&str>) -> CommandResult<RunState> {
    if let Some(run) = run {
        return person::state_of(journal, &RunId::new(run));
    }
    for run in journal.runs()?.into_iter().rev() {
        let state = fold(&journal.read(&run)?);
        if let Some(state) = state.filter(|state| state.kind == RunKind::Migration) {
            return Ok(state);
        }
    }
    Err(
        Failure::usage("look at CERT's tables: no migration was planned yet")
            .with_hint("`redistrict migrate DISTRICT --dry-run` plans one"),
    )
}

type Loaded = (RunRecord, Option<String>, Vec<String>);

async fn loads(target: &dyn TargetStore, journal: &dyn Journal) -> CommandResult<Vec<Loaded>> {
    let stores: Vec<String> = target.stores().iter().map(ToString::to_string).collect();
    for store in target.stores() {
        if target.enrolment(store).await?.is_none() {
            return Ok(Vec::new());
        }
    }
    let mut loads = Vec::new();
    for record in target.run_records().await? {
        let state = fold(&journal.read(&record.run)?);
        let district = state.map(|state| state.district.to_string());
        loads.push((record, district, stores.clone()));
    }
    Ok(loads)
}

/// One entry for each run and state, with all stores that say so, the newest last.
fn merged(loads: Vec<Loaded>) -> Value {
    let mut entries: BTreeMap<(RunId, &str), Loaded> = BTreeMap::new();
    for (record, district, stores) in loads {
        let place = (record.run.clone(), record.state.as_str());
        match entries.get_mut(&place) {
            Some((_, _, known)) => known.extend(stores),
            None => {
                entries.insert(place, (record, district, stores));
            }
        }
    }
    let loads: Vec<Value> = entries
        .into_values()
        .map(|(record, district, stores)| {
            json!({
                "run": record.run, "district": district, "stores": stores,
                "state": record.state.as_str(), "parent": record.parent,
            })
        })
        .collect();
    json!({ "loads": loads })
}

async fn digests(
    target: &dyn TargetStore,
    key: &RootKey,
    plan: &Plan,
) -> CommandResult<Vec<Value>> {
    let mut tables = tables_of(target).await?;
    tables.retain(|table| plan.sections.load.table(&table.name).is_some());
    let digests = table_digests(target, key, &tables).await?;
    let row = |(table, digest): (TableRef, redistrict_artifact::MultisetDigest)| json!({ "table": table, "rows": digest.rows(), "digest": digest.to_string() });
    Ok(digests.into_iter().map(row).collect())
}

async fn tables_of(target: &dyn TargetStore) -> CommandResult<Vec<Table>> {
    let mut tables = Vec::new();
    for store in target.stores() {
        tables.extend(target.catalog(store).await?.tables);
    }
    Ok(tables)
}

fn planned_tables<'a>(plan: &'a Plan, target: &dyn TargetStore) -> Vec<&'a Table> {
    let tables = plan.sections.load.tables.iter().map(|one| &one.table);
    tables
        .filter(|table| target.stores().contains(&table.name.store))
        .collect()
}

/// In words, names only; none where nothing differs. Where tables and columns come into being by being
/// written, only the key counts.
fn difference(planned: &Table, now: Option<&Table>, is_open: bool) -> Option<String> {
    let Some(now) = now else {
        let is_needed = !is_open || planned.identity().is_some();
        return is_needed.then(|| "it is not there any more".to_owned());
    };
    if is_open {
        let has_key = planned.identity() == now.identity();
        return (!has_key).then(|| "its key is another one".to_owned());
    }
    let mut said = Vec::new();
    for column in &planned.columns {
        match now.column(&column.name) {
            None => said.push(format!("column {} is gone", column.name)),
            Some(other) if other != column => {
                said.push(format!("column {} is another one", column.name));
            }
            Some(_) => {}
        }
    }
    let is_new = |name: &str| planned.column(name).is_none();
    let new = now.columns.iter().filter(|column| is_new(&column.name));
    said.extend(new.map(|column| format!("column {} is new", column.name)));
    let rest = |table: &Table| Table {
        columns: Vec::new(),
        estimated_rows: None,
        ..table.clone()
    };
    if rest(planned) != rest(now) {
        said.push("its keys, constraints or triggers differ".to_owned());
    }
    (!said.is_empty()).then(|| said.join("; "))
}
