//! Tables of PROD that cannot be read exactly: each is left out by decision, or nothing moves.

use redistrict_analyze::Settings;
use redistrict_closure::table_heading;
use redistrict_model::{Catalog, Finding, Severity};
use redistrict_store::Probe;

use crate::attempts::{Contact, attempts};
use crate::failure::{CommandResult, Failure};
use crate::planned::hidden_rows;
use crate::planning::configuration_failed;
use crate::wire::Workspace;

/// What the stores of a configuration refuse: one finding for each table, with the lines that leave it out, and those
/// about a store as a whole, without lines. Reads catalogs only.
///
/// # Errors
/// A failing store, and a configuration that fits no catalog.
pub(crate) async fn of(workspace: &Workspace) -> CommandResult<Vec<Finding>> {
    attempts(Contact::None, async || {
        let (mut probes, mut catalogs) = (Vec::new(), Vec::new());
        for store in &workspace.sources()? {
            let probe = store.probe().await;
            probes.push(probe.map_err(|error| Failure::from(error).of_first_contact())?);
            catalogs.push(store.catalog().await?);
        }
        let settings = redistrict_analyze::resolve(&workspace.config, &catalogs)
            .map_err(configuration_failed)?;
        Ok(tables(&probes, &catalogs, &settings))
    })
    .await
}

/// What probes and catalogs say of tables that are not excluded, in the order of the stores; hidden rows last.
pub(crate) fn tables(probes: &[Probe], catalogs: &[Catalog], settings: &Settings) -> Vec<Finding> {
    let excluded = |subject: &str| {
        let mut names = settings.decisions.excluded.keys();
        names.any(|table| table.to_string() == subject)
    };
    let tables = || catalogs.iter().flat_map(|catalog| &catalog.tables);
    let findings = probes.iter().flat_map(|probe| &probe.findings);
    let refused = findings.filter(|one| one.severity == Severity::Error && !excluded(&one.subject));
    let with_lines = |one: &Finding| {
        let table = tables().find(|table| table.name.to_string() == one.subject);
        match table.filter(|_| one.lines.is_empty()) {
            Some(table) => one.clone().with_lines([
                table_heading(&table.name),
                "excluded = \"…the reason…\"     # or give it another key in PROD".to_owned(),
            ]),
            None => one.clone(),
        }
    };
    let hidden = hidden_rows(catalogs, settings);
    refused.map(with_lines).chain(hidden).collect()
}
