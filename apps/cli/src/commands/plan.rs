//! `redistrict plan`: what would move, decided and counted; reads only.

mod lines;
mod measure;
mod open;
mod print;
mod sql;

use std::collections::BTreeMap;

use redistrict_closure::{Members, table_heading};
use redistrict_extract::{Cuts, district_key, forecast};
use redistrict_model::{DistrictId, Finding, Plan, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::TargetStore;

use crate::args;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format, thousands};
use crate::planned::{For, planned};
use crate::planning::{self, Source, Target};
use crate::rates::Rates;
use crate::session::Session;

use lines::{Known, Line};
use measure::Measured;
use print::Listed;

/// Prints the plan; with `--exact` the closure is evaluated and counted.
pub(crate) async fn run(session: &Session, arguments: &args::Plan) -> CommandResult<Exit> {
    if arguments.sql {
        return sql::run(session, &arguments.district).await;
    }
    let workspace = session.workspace()?;
    let district = DistrictId::new(arguments.district.clone());
    let made = planned(session, &workspace, &district, For::Reader).await;
    let (mut source, target, plan) = match made {
        Ok(made) => made,
        Err(failure) => return open::stopped(session, &workspace, &district, failure).await,
    };
    let forecast = match arguments.exact {
        false => None,
        true => Some(exact(&mut source, &plan).await?),
    };
    let (members, refused) = forecast.unzip();
    let mut findings = plan.findings.clone();
    let mut refused_by_target = Vec::new();
    let mut measured = Measured {
        with_rows: source.analysis.with_rows.iter().cloned().collect(),
        ..Measured::default()
    };
    if let Some(members) = &members {
        measure::lengths(&mut source, &plan, members, &mut measured).await?;
        findings.extend(measure::hubs(&mut source, &plan, members).await?);
        let dangling = members.dangling.iter();
        let dangling: Vec<_> = dangling.map(|one| (one.edge, one.rows)).collect();
        refused_by_target = redistrict_validate::refused_by_target(&plan.sections, &dangling);
    }
    if session.format() != Format::Text {
        measure::statements(session, &plan, &mut measured).await?;
    }
    let known = Known {
        members: members.as_ref(),
        measured: &measured,
        rates: &Rates::read(&workspace)?,
    };
    let lines = lines::lines(&plan, &known);
    let preflight = preflight(&target).await?;
    findings.extend(over_limit(&plan, &lines));
    let refused = refused.flatten();
    let refused = refused.map(Failure::from).or_else(|| {
        let is_refused = !refused_by_target.is_empty();
        is_refused.then(|| planning::stop("load what comes", &refused_by_target))
    });
    if session.format() == Format::Text {
        let listed = match arguments.all {
            true => Listed::All,
            false => Listed::WithRows,
        };
        output::data(print::text(&plan, &lines, known.rates, listed));
        if let Some(members) = &members {
            let ownership = &plan.sections.extract.ownership;
            print::boundaries(members, ownership)
                .iter()
                .for_each(output::data);
        }
        output::findings(&findings);
        for line in &preflight {
            output::note(line);
        }
        output::note(format!("\nplan digest {}", plan.digest.0));
    } else {
        let mut object = as_json(&plan, &lines, &known, &findings, &preflight);
        if let (Some(refused), Some(fields)) = (&refused, object.as_object_mut()) {
            fields.extend(output::failure_json(refused));
        }
        output::json(&object);
        // One object says all: the plan, and what keeps it from being used.
        return Ok(refused.map_or(Exit::Done, |refused| refused.exit));
    }
    match refused {
        Some(refused) => Err(refused),
        None => Ok(Exit::Done),
    }
}

/// The members counted, and what keeps them from being moved.
async fn exact(source: &mut Source, plan: &Plan) -> CommandResult<(Members, Option<SkillError>)> {
    let section = &plan.sections.extract;
    let district = district_key(plan.district.as_str(), &section.ownership.root_key);
    let cuts: &mut Cuts = &mut source.cuts;
    Ok(forecast(section, &district, cuts, |_| Ok(())).await?)
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

/// More rows than a person allowed without being asked: a run waits there for an approval. With the lines that
/// allow so many.
fn over_limit(plan: &Plan, lines: &[Line]) -> Vec<Finding> {
    let over = lines.iter().filter_map(|line| {
        let limit = plan.sections.extract.table(&line.table)?.max_rows?;
        (line.count() > limit).then(|| {
            let message = format!(
                "{} rows come, max_rows is {}: a run waits until somebody approves",
                thousands(line.count()),
                thousands(limit)
            );
            Finding::warning("max-rows", line.table.to_string(), message, line.count()).with_lines(
                [
                    table_heading(&line.table),
                    format!("max_rows = {}     # if that many are right", line.count()),
                ],
            )
        })
    });
    over.collect()
}

fn as_json(
    plan: &Plan,
    lines: &[Line],
    known: &Known<'_>,
    findings: &[Finding],
    preflight: &[String],
) -> serde_json::Value {
    let section = &plan.sections.extract;
    let members = known.members;
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
    let mut value = serde_json::json!({
        "district": plan.district, "name": plan.district_name, "digest": plan.digest,
        "tables": lines.iter().map(Line::json).collect::<Vec<_>>(), "boundaries": boundaries,
        "unknown": unknown.iter().map(|(table, rows)| serde_json::json!({
            "table": table, "rows": rows, "lines": settling(table),
        })).collect::<Vec<_>>(),
        "masks": plan.sections.anonymize.columns, "preflight": preflight,
        "findings": findings,
    });
    if members.is_some() {
        let rows: u64 = lines.iter().map(Line::count).sum();
        let phases = known.rates.phases(rows).into_iter();
        value["rows"] = rows.into();
        value["time"] = serde_json::json!({
            "measured_runs": known.rates.runs.len(), "measured_rows": known.rates.rows(),
            "millis": known.rates.millis(rows),
            "phases": phases.map(|(phase, millis)| serde_json::json!({
                "phase": phase, "millis": millis,
            })).collect::<Vec<_>>(),
        });
    }
    value
}

/// What settles a table that nothing decides.
fn settling(table: &TableRef) -> [String; 2] {
    [
        table_heading(table),
        "excluded = \"…the reason…\"     # or owner = [\"(column)\"], or a [[link]] with owns = true".to_owned(),
    ]
}
