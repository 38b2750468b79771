//! A plan that cannot be made, because nobody says what tables with rows are: as one object, in which these
//! tables stand with their rows and the lines that settle them.

use redistrict_model::{DistrictId, Finding, Role, TableRef};
use serde_json::{Value, json};

use super::settling;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format};
use crate::planning::{self, Source};
use crate::session::Session;
use crate::wire::Workspace;

/// Ends a plan that could not be made: with the failure, in an object with what is unknown where that is why.
pub(super) async fn stopped(
    session: &Session,
    workspace: &Workspace,
    district: &DistrictId,
    failure: Failure,
) -> CommandResult<Exit> {
    if session.format() == Format::Text || failure.exit != Exit::Prerequisite {
        return Err(failure);
    }
    let Ok(mut source) = planning::source(workspace, false).await else {
        return Err(failure);
    };
    let Err(findings) = source.extract_section() else {
        return Err(failure);
    };
    output::json(&as_json(&mut source, district, &findings, &failure).await?);
    Ok(failure.exit)
}

/// The object: all members of a plan, those that need its decisions empty, and what is wrong.
async fn as_json(
    source: &mut Source,
    district: &DistrictId,
    findings: &[Finding],
    failure: &Failure,
) -> CommandResult<Value> {
    let roles = &source.analysis.ownership.tables;
    let with_rows = &source.analysis.with_rows;
    let unknown: Vec<TableRef> = roles
        .iter()
        .filter(|role| role.role == Role::Unknown && with_rows.contains(&role.table))
        .map(|role| role.table.clone())
        .collect();
    let mut listed = Vec::new();
    for table in unknown {
        let Some(cut) = source.cuts.get_mut(&table.store) else {
            continue;
        };
        let rows = cut.count(&table).await?;
        let lines = lines_of(&table, findings);
        listed.push(json!({ "table": table, "rows": rows, "lines": lines }));
    }
    let mut object = output::failure_json(failure);
    let rest = json!({
        "district": district, "name": null, "digest": null, "tables": [], "boundaries": [],
        "unknown": listed, "masks": [], "preflight": [], "findings": findings,
    });
    if let Value::Object(rest) = rest {
        object.extend(rest);
    }
    Ok(object.into())
}

/// What the question about the table says; what settles any table where it is asked with others.
fn lines_of(table: &TableRef, findings: &[Finding]) -> Vec<String> {
    let name = table.to_string();
    let mut asked = findings.iter().filter(|finding| finding.subject == name);
    asked
        .find(|finding| !finding.lines.is_empty())
        .map_or_else(|| settling(table).into(), |finding| finding.lines.clone())
}
