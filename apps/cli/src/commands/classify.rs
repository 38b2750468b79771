//! `redistrict classify`: the decision sheet, what is decided about every column; reads only.

use std::path::{Path, PathBuf};

use redistrict_artifact::{timestamp_of, write_atomic};
use redistrict_model::{DistrictId, shown};
use redistrict_report::{
    DecisionSheet, SheetBasis, SheetColumn, SheetPlan, render_csv, render_sheet,
};
use serde_json::json;

use crate::args;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format};
use crate::planning;
use crate::session::Session;
use crate::wire::Workspace;

/// Prints the decisions and writes them as CSV and as a page to sign.
pub(crate) async fn run(session: &Session, arguments: &args::Classify) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let district = arguments.district.clone().map(DistrictId::new);
    let sheet = sheet(session, &workspace, district.as_ref()).await?;
    let dir = match &arguments.out {
        Some(dir) => dir.clone(),
        None => workspace.layout.analysis(),
    };
    let files = write(&sheet, &dir)?;
    match session.format() {
        Format::Text => print(&sheet, &files),
        Format::Json | Format::Jsonl => {
            let mut value = serde_json::to_value(&sheet)
                .map_err(|_| Failure::new(Exit::Unexpected, "print the decisions"))?;
            value["files"] = json!(files);
            output::json(&value);
        }
    }
    Ok(Exit::Done)
}

/// As a migration decides; from PROD alone where a store has no target yet.
async fn sheet(
    session: &Session,
    workspace: &Workspace,
    district: Option<&DistrictId>,
) -> CommandResult<DecisionSheet> {
    let mut source = planning::source(workspace, false).await?;
    let made_at = timestamp_of(session.clock.wall());
    let has_targets = (workspace.config.store.0.iter()).all(|(_, store)| store.target.is_some());
    if !has_targets && district.is_none() {
        let masks = planning::source_masks(workspace, &mut source).await?;
        let masks = masks
            .map_err(|findings| planning::stop("decide the mask of every column", &findings))?;
        let extract = source.extract_section();
        let extract = extract.map_err(|findings| planning::stop("decide what moves", &findings))?;
        let basis = SheetBasis::ProdAlone;
        return Ok(DecisionSheet::of(&extract, &masks, None, basis, made_at));
    }
    let target = planning::target(session, workspace, &source.fingerprints(), false).await?;
    let (sections, plan) = match district {
        None => {
            let (sections, _) = planning::sections(workspace, &mut source, &target).await?;
            (sections, None)
        }
        Some(district) => {
            let plan = planning::plan(workspace, &mut source, &target, district).await?;
            let bound = SheetPlan {
                district: plan.district,
                digest: plan.digest,
            };
            (plan.sections, Some(bound))
        }
    };
    let (extract, masks) = (&sections.extract, &sections.anonymize);
    let basis = SheetBasis::ProdAndCert;
    Ok(DecisionSheet::of(extract, masks, plan, basis, made_at))
}

/// Both files, each whole or not at all.
fn write(sheet: &DecisionSheet, dir: &Path) -> CommandResult<[PathBuf; 2]> {
    let files = ["decisions.csv", "decisions.html"].map(|name| dir.join(name));
    write_atomic(&files[0], render_csv(sheet).as_bytes())?;
    write_atomic(&files[1], render_sheet(sheet).as_bytes())?;
    Ok(files)
}

fn print(sheet: &DecisionSheet, files: &[PathBuf; 2]) {
    let header = [
        "column",
        "class",
        "mask",
        "kind",
        "decided by",
        "null",
        "key or reference",
        "reason",
    ];
    let rows: Vec<Vec<String>> = sheet.columns.iter().map(cells).collect();
    output::data(output::table(&header, &rows));
    let masked = sheet.masked();
    output::note(format!(
        "\n{} columns: {masked} masked, {} kept",
        sheet.columns.len(),
        sheet.columns.len() - masked
    ));
    output::note(format!("decisions digest {}", sheet.decisions_digest));
    if let Some(plan) = &sheet.plan {
        let district = shown(plan.district.as_str());
        output::note(format!(
            "plan digest of district {district} {}",
            plan.digest.0
        ));
    }
    if sheet.basis == SheetBasis::ProdAlone {
        output::note("provisional: a store has no target, and CERT may still change a mask");
    }
    for file in files {
        output::note(format!("written to {}", file.display()));
    }
}

fn cells(column: &SheetColumn) -> Vec<String> {
    vec![
        column.table.column(&column.column).to_string(),
        word(column.class),
        word(column.mask),
        word(column.kind),
        word(column.provenance),
        if column.is_nullable { "yes" } else { "no" }.to_owned(),
        column.key_or_reference(),
        column.whole_reason(),
    ]
}

/// The name of a value as its JSON has it.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}
