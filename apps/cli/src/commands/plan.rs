//! `redistrict plan`: what would move, decided and counted; reads only.

mod sql;

use std::collections::BTreeMap;

use redistrict_closure::{Members, table_heading};
use redistrict_extract::{Cuts, district_key, evaluate, leads, undecided, unfit};
use redistrict_model::{BoundaryPolicy, DistrictId, MaskKind, Plan, TableRef, shown};
use redistrict_store::TargetStore;

use crate::args;
use crate::exit::Exit;
use crate::failure::CommandResult;
use crate::output::{self, Format, thousands};
use crate::planning::{self, Source, Target};
use crate::session::Session;

/// Prints the plan; with `--exact` the closure is evaluated and counted.
pub(crate) async fn run(session: &Session, arguments: &args::Plan) -> CommandResult<Exit> {
    if arguments.sql {
        return sql::run(session, &arguments.district).await;
    }
    let workspace = session.workspace()?;
    let mut source = planning::source(&workspace, false).await?;
    let target = planning::target(session, &workspace, &source.fingerprints(), false).await?;
    let district = DistrictId::new(arguments.district.clone());
    let plan = planning::plan(&workspace, &mut source, &target, &district).await?;
    let members = match arguments.exact {
        false => None,
        true => Some(members(&mut source, &plan).await?),
    };
    let preflight = preflight(&target).await?;
    if session.format() == Format::Text {
        print(&plan, members.as_ref());
        output::findings(&plan.findings);
        for line in &preflight {
            output::note(line);
        }
        output::note(format!("\nplan digest {}", plan.digest.0));
    } else {
        output::json(&as_json(&plan, members.as_ref(), &preflight));
    }
    let Some(members) = members else {
        return Ok(Exit::Done);
    };
    let section = &plan.sections.extract;
    let refused = match undecided(&members, &section.ownership) {
        Some(error) => Some(error),
        None => unfit(section, &members, &mut source.cuts, || Ok(())).await?,
    };
    match refused {
        Some(error) => Err(error.into()),
        None => Ok(Exit::Done),
    }
}

async fn members(source: &mut Source, plan: &Plan) -> CommandResult<Members> {
    let section = &plan.sections.extract;
    let district = district_key(plan.district.as_str(), &section.ownership.root_key);
    let cuts: &mut Cuts = &mut source.cuts;
    Ok(evaluate(section, &district, cuts, |_| Ok(())).await?)
}

/// What a load would need of CERT and does not find.
async fn preflight(target: &Target) -> CommandResult<Vec<String>> {
    let mut lines = Vec::new();
    for group in &target.groups {
        let group: &dyn TargetStore = group.as_ref();
        for store in group.stores() {
            if group.enrolment(store).await?.is_none() {
                lines.push(format!(
                    "the target of {store} is not enrolled yet: redistrict enroll {store} --name \"…\""
                ));
            }
        }
    }
    Ok(lines)
}

fn print(plan: &Plan, members: Option<&Members>) {
    let name = plan
        .district_name
        .as_deref()
        .unwrap_or("(name not printed)");
    output::data(format!(
        "District {} {}\n",
        shown(plan.district.as_str()),
        shown(name)
    ));
    let mut header = vec!["table", "role", "owner", "masked", "kept"];
    if members.is_some() {
        header.extend(["own", "shared", "stubs"]);
    }
    let rows: Vec<Vec<String>> = plan
        .sections
        .extract
        .tables
        .iter()
        .map(|table| {
            let mut cells = table_cells(plan, &table.table);
            if let Some(members) = members {
                cells.extend(counts(members, &table.table).map(thousands));
            }
            cells
        })
        .collect();
    output::data(output::table(&header, &rows));
    for boundary in members.iter().flat_map(|members| &members.boundaries) {
        let edge = plan.sections.extract.ownership.edge(boundary.edge);
        output::data(format!(
            "boundary {}: {} {}: {}",
            shown(&edge.describe()),
            match boundary.rows {
                1 => "1 reference leads".to_owned(),
                many => format!("{} references lead", thousands(many)),
            },
            leads(boundary.leads),
            becomes(boundary.policy)
        ));
    }
}

/// What the policy does, in words.
fn becomes(policy: BoundaryPolicy) -> &'static str {
    match policy {
        BoundaryPolicy::Stop => "stop: not decided yet",
        BoundaryPolicy::Exclude => "exclude: the rows that refer stay behind",
        BoundaryPolicy::Null => "null: the references are emptied",
        BoundaryPolicy::Stub => {
            "stub: keys and mandatory columns of what they lead to come, masked"
        }
    }
}

fn table_cells(plan: &Plan, table: &TableRef) -> Vec<String> {
    let section = &plan.sections.extract;
    let (role, owners) = section.ownership.table(table).map_or_else(
        || (String::new(), String::new()),
        |role| {
            let mut owners: Vec<String> = Vec::new();
            for owner in &role.owners {
                let columns = section.ownership.edge(owner.edge).child_columns.join(", ");
                // One reference may lead to an owner and hang on it too.
                if !owners.contains(&columns) {
                    owners.push(columns);
                }
            }
            (role.role.to_string(), owners.join(" | "))
        },
    );
    let decisions = plan.sections.anonymize.of_table(table);
    let (kept, masked): (Vec<_>, Vec<_>) =
        decisions.partition(|decision| decision.kind == MaskKind::Kept);
    vec![
        table.to_string(),
        role,
        owners,
        masked.len().to_string(),
        kept.len().to_string(),
    ]
}

fn counts(members: &Members, table: &TableRef) -> [u64; 3] {
    members.table(table).map_or([0; 3], |members| {
        [&members.own, &members.shared, &members.stubs].map(|keys| keys.len() as u64)
    })
}

fn as_json(plan: &Plan, members: Option<&Members>, preflight: &[String]) -> serde_json::Value {
    let section = &plan.sections.extract;
    let tables: Vec<serde_json::Value> = section
        .tables
        .iter()
        .map(|table| {
            let role = section.ownership.table(&table.table);
            let owner: Vec<String> = role
                .map(|role| {
                    role.owners
                        .iter()
                        .map(|owner| section.ownership.edge(owner.edge).describe())
                        .collect()
                })
                .unwrap_or_default();
            let mut entry = serde_json::json!({
                "table": table.table, "role": role.map(|role| role.role), "owner": owner,
            });
            if let Some(members) = members {
                let [own, shared, stubs] = counts(members, &table.table);
                entry["own"] = own.into();
                entry["shared"] = shared.into();
                entry["stubs"] = stubs.into();
            }
            entry
        })
        .collect();
    let boundaries: Vec<serde_json::Value> = members
        .iter()
        .flat_map(|members| &members.boundaries)
        .map(|boundary| {
            serde_json::json!({
                "reference": section.ownership.edge(boundary.edge).describe(),
                "policy": boundary.policy, "rows": boundary.rows,
            })
        })
        .collect();
    let unknown: BTreeMap<TableRef, u64> = members
        .iter()
        .flat_map(|members| &members.unknown)
        .map(|(table, rows)| (table.clone(), *rows))
        .collect();
    serde_json::json!({
        "district": plan.district, "name": plan.district_name, "digest": plan.digest,
        "tables": tables, "boundaries": boundaries,
        "unknown": unknown.iter().map(|(table, rows)| serde_json::json!({
            "table": table, "rows": rows, "lines": lines(table),
        })).collect::<Vec<_>>(),
        "masks": plan.sections.anonymize.columns, "preflight": preflight,
        "findings": plan.findings,
    })
}

/// What settles a table that nothing decides.
fn lines(table: &TableRef) -> [String; 2] {
    [
        table_heading(table),
        "excluded = \"…the reason…\"     # or owner = [\"(column)\"], or a [[link]] with owns = true".to_owned(),
    ]
}
